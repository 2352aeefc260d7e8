"""Corrections: a difference between the broker and the ledger, divided among the users where it can be proved; and splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal
from uuid import UUID

from stratforge.market.sizes import Side, SizeKind
from stratforge.portfolio.allocation import allocate, apportion
from stratforge.portfolio.assets import ONE, QUANTITY_STEP, ZERO, AssetRules
from stratforge.portfolio.orders import NEVER, OrderTerms, OrderType, Trigger, trigger_of
from stratforge.portfolio.settlement import FEE_STEP, PRICE_STEP


@dataclass(frozen=True, slots=True)
class Share:
    """An order's part in a finished block: whose it is, what it got there, and what its holder could give back."""

    order_id: UUID
    user_id: UUID
    session_id: UUID | None
    filled: Decimal
    free_cash: Decimal
    free_quantity: Decimal


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A change of a holder's quantity and a user's cash; `cost` is what a quantity that is owed again had brought, below zero, which was realized too soon."""

    user_id: UUID
    session_id: UUID | None
    quantity: Decimal
    cash: Decimal
    cost: Decimal = ZERO


def correct_fills(
    side: Side,
    quantity: Decimal,
    value: Decimal,
    shares: Sequence[Share],
    *,
    key: str,
    step: Decimal = QUANTITY_STEP,
) -> list[Adjustment] | None:
    """Divides what the broker changed in a finished block among its orders.

    Args:
        side: The block's side.
        quantity: How much more the broker filled than the ledger has (negative: less, a bust).
        value: How much more that cost or brought (negative: less).
        shares: The block's orders on its side.
        key: Draws who gets the steps that rounding leaves over.
        step: What quantities are divided in.

    Returns:
        The adjustments; None when a holder cannot bear his part (money that is spent, shares that are sold), so that the difference
        has to be looked into by a person.
    """
    filled = {share.order_id: share.filled for share in shares}
    total = sum(filled.values(), ZERO)
    if total <= 0:
        return None
    parts = apportion(abs(quantity), filled, key=key, step=step)
    money = apportion(abs(value), filled, key=key, step=PRICE_STEP)
    bought = 1 if side == Side.BUY else -1
    # A user may have several orders in the block, of one holder or of several: they bear it together.
    cash_left = {share.user_id: share.free_cash for share in shares}
    quantity_left = {(share.user_id, share.session_id): share.free_quantity for share in shares}
    adjustments = []
    for share in shares:
        change = parts[share.order_id].copy_sign(quantity) * bought
        cash = -money[share.order_id].copy_sign(value) * bought
        cash_left[share.user_id] += cash
        quantity_left[share.user_id, share.session_id] += change
        if change or cash:
            adjustments.append(Adjustment(share.user_id, share.session_id, change, cash))
    # Who owes money already bears nothing more, and what is owed of a symbol is a person's to look into.
    poor = any(cash_left[share.user_id] < min(share.free_cash, ZERO) for share in shares)
    if poor or min(quantity_left.values()) < 0:
        return None
    return adjustments


def split_positions(
    holdings: Mapping[UUID, Decimal], ratio: Decimal, step: Decimal = QUANTITY_STEP
) -> dict[UUID, Decimal]:
    """Computes holdings after a split with `ratio` new shares for one old; their sum is rounded down to a multiple of `step` once."""
    after = {holder: quantity * ratio for holder, quantity in holdings.items()}
    total = (sum(after.values(), ZERO) / step).to_integral_value(ROUND_DOWN) * step
    return allocate(total, after, key="split")


@dataclass(frozen=True, slots=True)
class WaitingOrder:
    """An order that waits while its symbol is split.

    Attributes:
        filled: What is filled of it, in the units of before: that is history and stays.
        remaining: What is still to be had of it; 0 for an order that was not decided on yet.
        size: What was asked for, by `size_kind`.
    """

    order_id: UUID
    user_id: UUID
    session_id: UUID | None
    terms: OrderTerms
    size_kind: SizeKind
    size: Decimal
    accepted: bool
    triggered: bool
    filled: Decimal
    remaining: Decimal
    reserve_price: Decimal
    reserved_cash: Decimal
    reserved_quantity: Decimal
    water_mark: Decimal | None


@dataclass(frozen=True, slots=True)
class SplitOrder:
    """The same order on the new scale, with how its reservation changes. One of which nothing whole is left ends."""

    order: WaitingOrder
    trigger: Trigger
    more_cash: Decimal
    more_quantity: Decimal
    ends: bool


def split_order(order: WaitingOrder, ratio: Decimal, asset: AssetRules, held: Decimal) -> SplitOrder:
    """Brings an order that waits to the scale after a split: as many units as before are worth as much, at prices that trigger as before.

    A limit is rounded to the tick in its owner's favor, quantities are rounded down, so that it never needs more than is reserved.

    Args:
        order: The order.
        ratio: New units for one old.
        asset: The rules of the asset.
        held: What its holder has, or owes, after the split and is not selling, or buying back, otherwise.
    """
    terms = order.terms
    buys, opens = terms.side == Side.BUY, terms.opens
    scaled = replace(
        terms,
        limit_price=_on_tick(terms.limit_price, ratio, asset, up=not buys),
        stop_price=_on_tick(terms.stop_price, ratio, asset, up=buys),
        trail_price=None if terms.trail_price is None else _down(terms.trail_price / ratio),
    )
    water_mark = None if order.water_mark is None else _down(order.water_mark / ratio)
    # Only whole shares are sold short.
    conform = asset.whole if terms.short and opens else asset.conform
    remaining = conform(_down(order.remaining * ratio))
    if not opens and order.accepted:
        remaining = min(remaining, held)
    reserve_price = _down(order.reserve_price / ratio)
    # What may be bought at a stop beside its limit is paid for at that.
    if scaled.limit_price is not None and scaled.type != OrderType.OCO and not scaled.short:
        reserve_price = min(reserve_price, scaled.limit_price) if order.reserve_price else order.reserve_price
    ends = order.accepted and remaining <= 0
    cash = remaining * reserve_price if opens and order.accepted else ZERO
    quantity = ZERO if opens or not order.accepted else remaining
    after = replace(
        order,
        terms=scaled,
        size=order.size * ratio if order.size_kind == SizeKind.QUANTITY else order.size,
        remaining=remaining,
        reserve_price=reserve_price,
        reserved_cash=cash,
        reserved_quantity=quantity,
        water_mark=water_mark,
    )
    return SplitOrder(
        after,
        trigger_of(scaled, triggered=order.triggered, water_mark=water_mark) if order.accepted else NEVER,
        cash - order.reserved_cash,
        quantity - order.reserved_quantity,
        ends,
    )


def _down(number: Decimal) -> Decimal:
    return number.quantize(PRICE_STEP, ROUND_DOWN)


def _on_tick(price: Decimal | None, ratio: Decimal, asset: AssetRules, *, up: bool) -> Decimal | None:
    if price is None:
        return None
    after = price / ratio
    return max(asset.round_limit(after, up=up), asset.tick(after))


def is_rounding(ours: Decimal, theirs: Decimal, fills: int, scale: Decimal = ONE) -> bool:
    """Returns whether a difference is no more than the rounding of fees that are taken in coins: a step for each fill,
    on the safe side."""
    return 0 <= theirs - ours <= FEE_STEP * fills * scale
