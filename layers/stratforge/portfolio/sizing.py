"""Computes the quantity that a signal or an order asks for."""

from __future__ import annotations

from decimal import Decimal

from stratforge.market.sizes import SizeKind, SizingRule
from stratforge.portfolio.orders import OrderOrigin, OrderRequest

ZERO = Decimal(0)


def requested_quantity(
    request: OrderRequest, equity: Decimal, cash: Decimal, free: Decimal, price: Decimal, worst_price: Decimal
) -> Decimal:
    """The quantity a request asks for, before it is made to fit the asset and checked against what there is.

    Args:
        request: Its `size` is read by `size_kind` (see the strategy language); "default" is the session's sizing rule, for
            what opens a position scaled by confidence where the rule is a share of equity, and everything for what closes one.
        equity: The user's equity.
        cash: Free cash.
        free: What the holder has and is not already selling, or owes and is not already buying back.
        price: The price the size is reckoned at.
        worst_price: What a unit may cost at most, or the margin of a share that is sold short. A purchase is cut to what the free cash buys at it, as in a backtest; but a person's quantity
            or amount means what it says, or nothing.
    """
    if not request.terms.opens:
        return _to_sell(request, free, price)
    wanted = _to_buy(request, equity, price)
    if request.origin is OrderOrigin.MANUAL and request.size_kind in (SizeKind.QUANTITY, SizeKind.NOTIONAL):
        return wanted
    return min(wanted, cash / worst_price)


def _to_buy(request: OrderRequest, equity: Decimal, price: Decimal) -> Decimal:
    if request.size_kind == SizeKind.QUANTITY:
        return request.size
    if request.size_kind == SizeKind.NOTIONAL:
        return request.size / price
    if request.size_kind == SizeKind.DEFAULT and request.sizing_rule == SizingRule.FIXED_QUANTITY:
        return request.sizing_value
    if request.size_kind == SizeKind.DEFAULT and request.sizing_rule == SizingRule.FIXED_CASH:
        return request.sizing_value / price
    share = request.size if request.size_kind == SizeKind.FRACTION else request.sizing_value * request.confidence
    return equity * share / price


def _to_sell(request: OrderRequest, free: Decimal, price: Decimal) -> Decimal:
    if request.size_kind == SizeKind.FRACTION:
        return free * request.size
    if request.size_kind == SizeKind.QUANTITY:
        # A strategy that asks to sell more than it holds sells what it holds.
        return request.size if request.origin is OrderOrigin.MANUAL else min(request.size, free)
    if request.size_kind == SizeKind.NOTIONAL:
        return request.size / price
    return free
