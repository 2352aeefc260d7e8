"""Netting: many users' orders on one symbol become at most one order at the broker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from stratforge.market.sizes import Side
from stratforge.portfolio.assets import ZERO, AssetRules


@dataclass(frozen=True, slots=True)
class ExecutableOrder:
    """An order that is executable now: how much of what, and the price it must not pass (None: the collar is enough)."""

    side: Side
    quantity: Decimal
    limit: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """The net of some orders.

    `quantity` goes to the broker on `side` with `limit_price` (`side` None: nothing does), `cross_quantity` is bought and sold inside at
    a price between `cross_low` and `cross_high`. `left_out` are the indices of orders that wait for the next block. `tight` says that
    an order's own limit binds the block, so that it may find no counterpart at once.
    """

    side: Side | None
    quantity: Decimal
    cross_quantity: Decimal
    limit_price: Decimal | None
    cross_low: Decimal
    cross_high: Decimal
    left_out: frozenset[int] = frozenset()
    tight: bool = False


def net_orders(orders: Sequence[ExecutableOrder], price: Decimal, collar: Decimal, asset: AssetRules) -> Block | None:
    """Nets executable orders: opposite sides cross, the rest goes to the broker within the collar.

    A limit tighter than the collar on the side that goes to the broker would hold up everybody on that side, so such orders wait for
    a block of their own while there are others; on the other side they only bound the price of the crossing. None: there are no orders.
    """
    if not orders:
        return None
    widest = {"buy": price * (1 + collar), "sell": price * (1 - collar)}
    limits = [_bound(order, widest[order.side]) for order in orders]
    inside = set(range(len(orders)))
    while True:
        bought = sum((orders[i].quantity for i in inside if orders[i].side == "buy"), ZERO)
        sold = sum((orders[i].quantity for i in inside if orders[i].side == "sell"), ZERO)
        side: Side | None = None if bought == sold else ("buy" if bought > sold else "sell")
        mine = [i for i in inside if orders[i].side == side]
        tight = {i for i in mine if limits[i] != widest[orders[i].side]}
        if not tight or len(tight) == len(mine):
            break
        inside -= tight
    low = max((limits[i] for i in inside if orders[i].side == "sell"), default=widest["sell"])
    high = min((limits[i] for i in inside if orders[i].side == "buy"), default=widest["buy"])
    left_out = frozenset(range(len(orders))) - inside
    net, cross = abs(bought - sold), min(bought, sold)
    if side is None or not asset.is_large_enough(net, price):
        # The broker takes nothing so small: the larger side stays unfilled to that extent.
        return Block(None, ZERO, cross, None, low, high, left_out)
    limit = asset.round_limit(high if side == "buy" else low, up=side == "sell")
    return Block(side, net, cross, limit, low, high, left_out, bool(tight))


def _bound(order: ExecutableOrder, widest: Decimal) -> Decimal:
    if order.limit is None:
        return widest
    return min(order.limit, widest) if order.side == "buy" else max(order.limit, widest)


def crossing_price(execution: Decimal, low: Decimal, high: Decimal) -> Decimal:
    """The price for inside crossing: the block's, kept within every order's limit and what buyers reserved cash for."""
    return min(max(execution, low), high)
