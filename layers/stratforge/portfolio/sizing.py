"""How much a signal or an order asks for."""

from __future__ import annotations

from decimal import Decimal

from stratforge.portfolio.orders import Candidate

ZERO = Decimal(0)


def requested_quantity(
    candidate: Candidate, equity: Decimal, cash: Decimal, free: Decimal, price: Decimal, worst_price: Decimal
) -> Decimal:
    """The quantity a candidate asks for, before it is made to fit the asset and checked against what there is.

    Args:
        candidate: Its `size` is read by `size_kind` (see the strategy language); "default" is the session's sizing rule, for
            purchases scaled by confidence where the rule is a share of equity, and everything for sales.
        equity: The user's equity.
        cash: Free cash.
        free: What the holder has and is not already selling.
        price: The price the size is reckoned at.
        worst_price: What a unit may cost at most. A share of equity is cut to what the free cash buys at it; a quantity or
            an amount means what it says, or nothing.
    """
    if candidate.terms.side == "sell":
        return _to_sell(candidate, free, price)
    if candidate.size_kind == "quantity":
        return candidate.size
    if candidate.size_kind == "notional":
        return candidate.size / price
    if candidate.size_kind == "default" and candidate.sizing_rule == "FIXED_QUANTITY":
        return min(candidate.sizing_value, cash / worst_price)
    if candidate.size_kind == "default" and candidate.sizing_rule == "FIXED_CASH":
        return min(candidate.sizing_value / price, cash / worst_price)
    share = candidate.size if candidate.size_kind == "fraction" else candidate.sizing_value * candidate.confidence
    return min(equity * share / price, cash / worst_price)


def _to_sell(candidate: Candidate, free: Decimal, price: Decimal) -> Decimal:
    if candidate.size_kind == "fraction":
        return free * candidate.size
    if candidate.size_kind == "quantity":
        # A strategy that asks to sell more than it holds sells what it holds.
        return candidate.size if candidate.origin == "MANUAL" else min(candidate.size, free)
    if candidate.size_kind == "notional":
        return candidate.size / price
    return free
