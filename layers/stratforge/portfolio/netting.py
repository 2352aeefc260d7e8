"""Netting: many users' orders on one symbol become at most one order at the broker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_UP, Decimal

from stratforge.portfolio.sizing import ZERO, Side, SizedOrder


@dataclass(frozen=True, slots=True)
class Block:
    """The net of some orders: `quantity` to trade on `side` at the broker (`side` None: nothing), `cross_quantity` inside."""

    side: Side | None
    quantity: Decimal
    cross_quantity: Decimal
    limit_price: Decimal | None


def net_orders(orders: Sequence[SizedOrder], price: Decimal, collar: Decimal) -> Block:
    """Nets accepted orders: opposite sides cross, the rest goes to the broker within the collar."""
    bought = sum((order.quantity for order in orders if order.signal.side == "buy"), ZERO)
    sold = sum((order.quantity for order in orders if order.signal.side == "sell"), ZERO)
    if bought == sold:
        return Block(None, ZERO, bought, None)
    side: Side = "buy" if bought > sold else "sell"
    return Block(side, abs(bought - sold), min(bought, sold), collar_price(side, price, collar))


def collar_price(side: Side, price: Decimal, collar: Decimal) -> Decimal:
    """The worst price a block may trade at, on the tick of its size and never beyond the collar.

    Alpaca refuses limit prices finer than a cent from one dollar up, and than 1/100 of a cent below.
    """
    limit = price * (1 + collar) if side == "buy" else price * (1 - collar)
    tick = Decimal("0.01") if limit >= 1 else Decimal("0.0001")
    return limit.quantize(tick, ROUND_DOWN if side == "buy" else ROUND_UP)


def clamp_to_collar(execution: Decimal, reference: Decimal, collar: Decimal) -> Decimal:
    """The price for inside crossing: the block's, kept within the collar that buyers reserved cash for."""
    return min(max(execution, reference * (1 - collar)), reference * (1 + collar))
