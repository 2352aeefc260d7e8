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
