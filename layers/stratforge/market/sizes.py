"""The words in which every part says what is traded and how much of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

Side = Literal["buy", "sell"]
# What an order's size is: left to the session, a share of the equity, shares or coins, or money.
SizeKind = Literal["default", "fraction", "quantity", "notional"]
# What a session makes of a signal without a size: a share of the equity, so much money, or so many shares or coins.
SizingRule = Literal["EQUITY_FRACTION", "FIXED_CASH", "FIXED_QUANTITY"]


def check_size(rule: SizingRule, value: float | Decimal) -> None:
    """Refuses a share of the equity that is more than all of it.

    Raises:
        ValueError: saying what to give instead.
    """
    if rule == "EQUITY_FRACTION" and value > 1:
        raise ValueError(
            f"sizing_value is {value:g}; with EQUITY_FRACTION give a part of the equity between 0 and 1, such as 0.1"
        )
