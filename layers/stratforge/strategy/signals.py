"""The signal that a strategy gives on one bar."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from stratforge.market.sizes import Side, SizeKind
from stratforge.strategy.order_terms import NO_TERMS, Terms, terms_in


class ShortSide(StrEnum):
    """The sides of a decision about a short position: to open one or add to it, and to buy it back."""

    SHORT = "short"
    COVER = "cover"


# The lowered `on_bar` speaks in numbers, so that it also compiles to machine code.
ACTIONS: dict[float, Side | ShortSide | None] = {
    0.0: None,
    1.0: Side.BUY,
    2.0: Side.SELL,
    3.0: ShortSide.SHORT,
    4.0: ShortSide.COVER,
}
SIZE_KINDS = tuple(SizeKind)
_KINDS: dict[float, SizeKind] = {float(number): kind for number, kind in enumerate(SIZE_KINDS)}
MAX_SIZE = 1e12


def order_side(decided: Side | ShortSide) -> tuple[Side, bool]:
    """The side of the order that a decision leads to, and whether it is of a short position: what goes short is sold, and what covers bought."""
    if decided is ShortSide.SHORT:
        return Side.SELL, True
    if decided is ShortSide.COVER:
        return Side.BUY, True
    assert isinstance(decided, Side)
    return decided, False


@dataclass(frozen=True, slots=True)
class SignalValue:
    """A decision to buy or sell, to go short or to cover.

    `confidence` is between 0 and 1. `size` is read by `size_kind`: a fraction of the equity (of the position,
    when selling or covering) in (0, 1], a quantity of shares or coins, or a notional amount of money; with "default" the
    session's sizing rule decides and `size` is 0. With a limit or a stop among its `terms` it rests.
    """

    side: Side | ShortSide
    confidence: float
    size_kind: SizeKind
    size: float
    terms: Terms = NO_TERMS


def signal_from_numbers(
    state: Mapping[str, float], action: float, confidence: float, size_kind: float, size: float
) -> SignalValue | None:
    """The decision that the lowered `on_bar` returned with this state, or None for no decision; see `decision_of`."""
    decision = decision_of(action, confidence, size_kind, size)
    return None if decision is None else SignalValue(*decision, terms_in(state))


def decision_of(
    action: float, confidence: float, size_kind: float, size: float
) -> tuple[Side | ShortSide, float, SizeKind, float] | None:
    """The fields of a `SignalValue`, from the numbers that the lowered `on_bar` returned, or None for no decision.

    Numbers that mean nothing (a size that is not positive and finite, a confidence that is not a number)
    are no decision: nothing unbounded leaves a strategy.
    """
    side, kind = ACTIONS.get(action), _KINDS.get(size_kind)
    if side is None or kind is None or math.isnan(confidence):
        return None
    if kind == "default":
        size = 0.0
    elif not 0.0 < size <= MAX_SIZE:
        return None
    elif kind == "fraction":
        size = min(size, 1.0)
    return side, min(max(confidence, 0.0), 1.0), kind, size
