"""The words in which every part says what is traded and how much of it."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum


class Side(StrEnum):
    """The two sides of an order, a fill or a block."""

    BUY = "buy"
    SELL = "sell"


def opens_position(side: Side, *, short: bool) -> bool:
    """Tells whether an order opens a position or adds to it: a purchase, or a sale that is `short`."""
    return (side == Side.BUY) != short


class Action(StrEnum):
    """The words for what an order does: of a long position it buys or sells, of a short one it goes short or covers."""

    BUY = "buy"
    SELL = "sell"
    SHORT = "short"
    COVER = "cover"

    @property
    def done(self) -> str:
        """The participle of it, such as "sold short"."""
        return _SAID[self][0]

    @property
    def noun(self) -> str:
        """The noun for it, such as "short sale"."""
        return _SAID[self][1]

    @property
    def side(self) -> Side:
        """Side of an order that does it."""
        return Side.BUY if self in (Action.BUY, Action.COVER) else Side.SELL

    @property
    def short(self) -> bool:
        """True for what is done to a short position."""
        return self in (Action.SHORT, Action.COVER)

    @property
    def opens(self) -> bool:
        """True for what opens a position or adds to it, and so gains or loses nothing yet."""
        return self in (Action.BUY, Action.SHORT)


_SAID = {
    Action.BUY: ("bought", "purchase"),
    Action.SELL: ("sold", "sale"),
    Action.SHORT: ("sold short", "short sale"),
    Action.COVER: ("covered", "cover"),
}


def action_of(side: Side, *, short: bool) -> Action:
    """The word for what an order of a side does, which is of a short position or is not.

    >>> action_of(Side.SELL, short=True).done, action_of(Side.BUY, short=True).done
    ('sold short', 'covered')
    """
    if not short:
        return Action(side)
    return Action.SHORT if side == Side.SELL else Action.COVER


class SizeKind(StrEnum):
    """The units in which an order's size is given."""

    DEFAULT = "default"  # Left to the session.
    FRACTION = "fraction"  # Of the equity when buying, of the position when selling.
    QUANTITY = "quantity"  # Shares or coins.
    NOTIONAL = "notional"  # Money.


class SizingRule(StrEnum):
    """The rules by which a session sizes a signal that brings no size."""

    EQUITY_FRACTION = "EQUITY_FRACTION"
    FIXED_CASH = "FIXED_CASH"
    FIXED_QUANTITY = "FIXED_QUANTITY"


def check_size(rule: SizingRule, value: float | Decimal) -> None:
    """Refuses a share of the equity that is more than all of it.

    Raises:
        ValueError: saying what to give instead.
    """
    if rule == SizingRule.EQUITY_FRACTION and value > 1:
        raise ValueError(
            f"sizing_value is {value:g}; with EQUITY_FRACTION give a part of the equity between 0 and 1, such as 0.1"
        )


# What is worth less, in dollars, is not traded by itself.
MINIMUM_VALUE = 1.0
