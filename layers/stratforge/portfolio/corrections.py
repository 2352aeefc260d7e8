"""Corrections: a difference between the broker and the ledger, divided among the users where it can be proved; and splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from uuid import UUID

from stratforge.market.sizes import Side
from stratforge.portfolio.allocation import allocate
from stratforge.portfolio.assets import QUANTITY_STEP, ZERO
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
    """A change of a holder's quantity and a user's cash."""

    user_id: UUID
    session_id: UUID | None
    quantity: Decimal
    cash: Decimal


def correct_fills(
    side: Side, quantity: Decimal, value: Decimal, shares: Sequence[Share], *, key: str
) -> list[Adjustment] | None:
    """Divides what the broker changed in a finished block among its orders.

    Args:
        side: The block's side.
        quantity: How much more the broker filled than the ledger has (negative: less, a bust).
        value: How much more that cost or brought (negative: less).
        shares: The block's orders on its side.
        key: Draws who gets the steps that rounding leaves over.

    Returns:
        The adjustments; None when a holder cannot bear his part (money that is spent, shares that are sold), so that the difference
        has to be looked into by a person.
    """
    filled = {share.order_id: share.filled for share in shares}
    total = sum(filled.values(), ZERO)
    if total <= 0:
        return None
    parts = _divide(abs(quantity), filled, total, QUANTITY_STEP, key)
    money = _divide(abs(value), filled, total, PRICE_STEP, key)
    bought = 1 if side == "buy" else -1
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
    if min(cash_left.values()) < 0 or min(quantity_left.values()) < 0:
        return None
    return adjustments


def _divide(
    amount: Decimal, weights: Mapping[UUID, Decimal], total: Decimal, step: Decimal, key: str
) -> dict[UUID, Decimal]:
    """`amount` in proportion to `weights`, exactly: the rounding goes to one that is drawn by `key`."""
    parts = {name: (amount * weight / total).quantize(step, ROUND_DOWN) for name, weight in weights.items()}
    drawn = min(weights, key=lambda name: f"{key}{name}"[::-1])
    parts[drawn] += amount - sum(parts.values(), ZERO)
    return parts


def split_positions(holdings: Mapping[UUID, Decimal], ratio: Decimal) -> dict[UUID, Decimal]:
    """Computes holdings after a split with `ratio` new shares for one old; their sum is rounded down to a billionth
    once."""
    after = {holder: quantity * ratio for holder, quantity in holdings.items()}
    total = sum(after.values(), ZERO).quantize(QUANTITY_STEP, ROUND_DOWN)
    return allocate(total, after, key="split")


def is_rounding(ours: Decimal, theirs: Decimal, fills: int) -> bool:
    """Returns whether a difference is no more than the rounding of fees that are taken in coins: a step for each fill,
    on the safe side."""
    return 0 <= theirs - ours <= FEE_STEP * fills
