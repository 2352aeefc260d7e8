"""Netting: many users' orders on one symbol become at most one order at the broker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from stratforge.market.sizes import Side
from stratforge.portfolio.assets import ZERO, AssetRules

# A limit so far through the market that it is filled at once, as a fraction of the reference price: such orders make one level.
COMFORT = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class ExecutableOrder:
    """An order that is executable now: how much of what, and the price it must not pass (None: the collar is enough)."""

    side: Side
    quantity: Decimal
    limit: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """The net of some orders.

    `quantity` goes to the broker on `side` with `limit_price` (`side` None: they are too few for the broker). While it is filled,
    `cross_quantity` is bought and sold inside, at the prices of the fills and between `cross_low` and `cross_high`. `left_out` are the
    indices of orders that wait for another block. `owes_turn` says that there are limit orders among them, whose turn is next.
    """

    side: Side | None
    quantity: Decimal
    cross_quantity: Decimal
    limit_price: Decimal | None
    cross_low: Decimal
    cross_high: Decimal
    left_out: frozenset[int]
    owes_turn: bool


def net_orders(
    orders: Sequence[ExecutableOrder],
    price: Decimal,
    collar: Decimal,
    asset: AssetRules,
    *,
    balanced: Side,
    limits_first: bool,
    unfilled: Side | None = None,
) -> Block | None:
    """Nets executable orders: opposite sides cross, the rest goes to the broker within the collar.

    An order that its own limit binds more tightly than the collar may find no counterpart and would hold up everybody in its block. So
    such orders and those at the market take turns, and among limit orders the best price of each side goes first, as at an exchange.

    Args:
        orders: The orders.
        price: The reference price.
        collar: How far from it anything may trade, as a fraction.
        asset: What the broker takes of it.
        balanced: The side that goes to the broker when the sides are equal; to be drawn, since it pays the spread.
        limits_first: It is the turn of limit orders, if there are any.
        unfilled: The side of the last block of limits, while one of them found nobody lately: they seemed as good as at the market and were not.
            Now the sides take turns, and the best of each goes without the others, whose limits would bind it.

    Returns:
        The block; None when there are no orders.
    """
    if not orders:
        return None
    widest = {Side.BUY: price * (1 + collar), Side.SELL: price * (1 - collar)}
    bounds = [_bound(order, widest[order.side]) for order in orders]
    tight = {i for i, order in enumerate(orders) if bounds[i] != widest[order.side]}
    free = set(range(len(orders))) - tight
    inside = _best_limits(orders, tight, price, unfilled) if tight and (limits_first or not free) else free
    bought, sold = _both_sides([orders[i] for i in inside])
    left_out = frozenset(range(len(orders))) - inside
    owes_turn = inside == free and bool(tight)
    side = balanced if bought == sold else Side.BUY if bought > sold else Side.SELL
    quantity = _to_broker(abs(bought - sold), max(bought, sold), price, asset)
    if quantity is None:
        return Block(None, ZERO, ZERO, None, widest[Side.SELL], widest[Side.BUY], left_out, owes_turn)
    cross = min(max(bought, sold) - quantity, bought, sold)
    limit = _limit([bounds[i] for i in inside if orders[i].side == side], side, asset)
    return Block(side, quantity, cross, limit, widest[Side.SELL], widest[Side.BUY], left_out, owes_turn)


def within(block: Block, dollars: Decimal, price: Decimal, asset: AssetRules | None) -> Block | None:
    """The block with as much of its purchase as so many dollars pay for at its limit; None when that is too little for the broker.

    What is left of its orders waits: everybody's to the same part, as what is bought is divided in proportion.
    """
    if asset is None or block.limit_price is None:
        return None
    quantity = asset.conform(min(block.quantity, max(dollars, ZERO) / block.limit_price))
    return replace(block, quantity=quantity) if asset.is_large_enough(quantity, price) else None


def one_way(block: Block, held: Decimal, price: Decimal, asset: AssetRules, *, lends: bool) -> Block | None:
    """The block with as much of it as the broker takes in one order, since he turns no position round: what is sold goes down to nothing, or from there to below, and
    what is bought up to nothing, or from there on. None when that is too little for him. What is left of its orders waits.

    Args:
        block: The block.
        held: What the account holds; below zero what it owes.
        price: The reference price.
        asset: What the broker takes of it.
        lends: Whether he lends it.
    """
    quantity = block.quantity
    if block.side == Side.SELL:
        quantity = min(quantity, held) if held > 0 else quantity if lends else ZERO
    elif block.side == Side.BUY and held < 0:
        quantity = min(quantity, -held)
    if quantity == block.quantity:
        return block
    return replace(block, quantity=quantity) if asset.is_large_enough(quantity, price) else None


def whole_below_zero(
    block: Block, held: Decimal, house: Decimal, price: Decimal, collar: Decimal, asset: AssetRules
) -> tuple[Block, Side | None, Decimal]:
    """The block as the broker takes it where the account owes units before or after it: he lends whole ones only. What is left over or lacking of one, the house takes or gives,
    inside the block and at its price, so that nobody's part of a unit waits for somebody else's short position.

    Args:
        block: The block, which does not turn the account's position round.
        held: What the account holds; below zero what it owes, in whole units.
        house: What of that is the house's: less than three units, and never below zero.
        price: The reference price.
        collar: How far from it anything may trade, as a fraction.
        asset: What the broker takes of it.

    Returns:
        The block, and the side and quantity of the house's order in it; None and zero where there is none.
    """
    unit, quantity = asset.scale, block.quantity
    owed = -held - (quantity if block.side == Side.BUY else -quantity)
    part = owed % unit
    if block.side is None or owed <= 0:
        return block, None, ZERO
    if not part:
        # What the house has of whole units goes when some are sold short anyway.
        gives = block.side == Side.SELL and house >= unit
        return (replace(block, quantity=quantity + unit), Side.SELL, unit) if gives else (block, None, ZERO)
    rest = unit - part
    if block.side == Side.SELL:
        if house >= rest:
            return replace(block, quantity=quantity + rest), Side.SELL, rest
        if quantity > part:
            return replace(block, quantity=quantity - part, cross_quantity=block.cross_quantity + part), Side.BUY, part
        # All of it stays inside, and a unit is bought so that it has a price.
        limit, side, more = asset.round_limit(price * (1 + collar), up=False), Side.BUY, unit + part
    elif house >= rest and quantity > rest:
        return replace(block, quantity=quantity - rest, cross_quantity=block.cross_quantity + rest), Side.SELL, rest
    elif house >= unit + quantity and quantity == rest and asset.shortable and asset.easy_to_borrow:
        limit, side, more = asset.round_limit(price * (1 - collar), up=True), Side.SELL, unit + quantity
    else:
        return replace(block, quantity=quantity + part), Side.BUY, part
    turned = replace(block, side=side, quantity=more - quantity, limit_price=limit)
    return replace(turned, cross_quantity=block.cross_quantity + quantity), side, more


def made_whole(
    block: Block,
    orders: Sequence[ExecutableOrder],
    held: Decimal,
    house: Decimal,
    price: Decimal,
    collar: Decimal,
    asset: AssetRules,
) -> tuple[Block, Side, Decimal]:
    """A block of a whole unit around orders that are too few for the broker, so that what somebody owes of a unit can be bought back, however little it is: the house takes
    what is over of a bought one, or sells one and gives what is lacking.

    Args:
        block: The block of these orders, without a side.
        orders: The orders in it; together less than a unit.
        held: What the account holds; below zero what it owes, in whole units.
        house: What of that is the house's.
        price: The reference price.
        collar: How far from it anything may trade, as a fraction.
        asset: What the broker takes of it.

    Returns:
        The block, and the side and quantity of the house's order in it.
    """
    unit = asset.scale
    bought, sold = _both_sides(orders)
    lends = asset.shortable and asset.easy_to_borrow
    if house >= unit + bought - sold and (held >= unit or (held <= 0 and lends)):
        widest, side, cross, more = price * (1 - collar), Side.SELL, bought, unit + bought - sold
    else:
        widest, side, cross, more = price * (1 + collar), Side.BUY, sold, unit + sold - bought
    limit = _limit([widest, *(_bound(each, widest) for each in orders if each.side == side)], side, asset)
    return replace(block, side=side, quantity=unit, cross_quantity=cross, limit_price=limit), side, more


def topped_up(held: Decimal, house: Decimal, price: Decimal, collar: Decimal, asset: AssetRules) -> Block | None:
    """A block in which the house buys a unit where the account has too little for an order to sell it, and so nobody could sell: with the unit it can be sold, and then what
    the broker lends. None where the account has more or nothing, or the house enough.

    Args:
        held: What the account holds; below zero what it owes.
        house: What of that is the house's.
        price: The reference price.
        collar: How far from it anything may trade, as a fraction.
        asset: What the broker takes of it.
    """
    if held <= 0 or asset.is_large_enough(held, price) or house >= 2 * asset.scale:
        return None
    low, high = price * (1 - collar), price * (1 + collar)
    return Block(
        Side.BUY, asset.scale, ZERO, asset.round_limit(high, up=False), low, high, frozenset(), owes_turn=False
    )


def _both_sides(orders: Sequence[ExecutableOrder]) -> tuple[Decimal, Decimal]:
    """The units that orders buy, and those that they sell."""
    bought = sum((each.quantity for each in orders if each.side == Side.BUY), ZERO)
    return bought, sum((each.quantity for each in orders if each.side == Side.SELL), ZERO)


def _limit(bounds: Sequence[Decimal], side: Side, asset: AssetRules) -> Decimal:
    """The limit that all of these bounds of a side's orders allow, as the broker takes it."""
    return asset.round_limit(min(bounds) if side == Side.BUY else max(bounds), up=side == Side.SELL)


def _bound(order: ExecutableOrder, widest: Decimal) -> Decimal:
    if order.limit is None:
        return widest
    return min(order.limit, widest) if order.side == Side.BUY else max(order.limit, widest)


def _best_limits(orders: Sequence[ExecutableOrder], tight: set[int], price: Decimal, unfilled: Side | None) -> set[int]:
    """The limit orders with the best price of their side, and all that seem as good as at the market; after an unfilled block the best of one side
    alone.
    """
    ranks = {
        side: {i: (orders[i].limit or price) * (1 if side == Side.BUY else -1) for i in tight if orders[i].side == side}
        for side in Side
    }
    sides = [side for side in Side if ranks[side]]
    alone = [side for side in sides if side is not unfilled] or sides if unfilled else sides
    best: set[int] = set()
    for side in alone:
        level = max(ranks[side].values())
        if unfilled is None:
            level = min(level, price * ((1 if side == Side.BUY else -1) + COMFORT))
        best |= {i for i, rank in ranks[side].items() if rank >= level}
    return best


def _to_broker(net: Decimal, larger: Decimal, price: Decimal, asset: AssetRules) -> Decimal | None:
    """What has to go to the broker so that there is a price: the net, or where that is too small an order, the smallest sensible one, which is not less. Of shares below a dollar
    the net may be more than one and still too little; where there are not enough for whole ones, what is left of it waits."""
    if asset.is_large_enough(net, price):
        return net
    whole = asset.whole(net)
    least = asset.price_discovery_quantity(price)
    for quantity in (min(least if net <= least else whole + asset.scale, larger), whole):
        if asset.is_large_enough(quantity, price):
            return quantity
    return None


def may_cross(side: Side, limit: Decimal | None, price: Decimal, low: Decimal, high: Decimal) -> bool:
    """Returns whether an order may be crossed at the price of a fill: within its limit, and within what was reserved for it."""
    if side == Side.BUY:
        return price <= (high if limit is None else min(limit, high))
    return price >= (low if limit is None else max(limit, low))
