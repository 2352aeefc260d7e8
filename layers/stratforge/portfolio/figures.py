"""Figures of an order: what was filled of it and what that came to, as one says and as another; and how much of a difference is the account's own."""

from __future__ import annotations

from decimal import Decimal

# What was filled of an order, and what that came to in dollars.
Figures = tuple[Decimal, Decimal]
NOTHING: Figures = (Decimal(0), Decimal(0))
# The broker's average prices are rounded, so values of a unit may differ by this much.
_ROUNDING = Decimal("0.000001")


def differ(one: Figures, other: Figures) -> bool:
    """Tells whether two say otherwise of an order, by more than averages are rounded."""
    return one[0] != other[0] or abs(one[1] - other[1]) > _ROUNDING * max(one[0], Decimal(1))


def own_part(theirs: Figures, ours: Figures, accepted: Figures) -> Figures:
    """Returns how much of what the broker says more of an order than the ledger is the account's own: what an operator accepted, as far as the broker has not
    taken it back.

    Args:
        theirs: What the broker says.
        ours: What the ledger says.
        accepted: How much more, or less, the broker may say.
    """
    if not differ(theirs, ours):
        return NOTHING
    return _between(theirs[0] - ours[0], accepted[0]), _between(theirs[1] - ours[1], accepted[1])


def _between(difference: Decimal, accepted: Decimal) -> Decimal:
    return min(max(difference, min(accepted, Decimal(0))), max(accepted, Decimal(0)))
