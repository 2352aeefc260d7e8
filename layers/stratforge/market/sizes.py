"""The words in which every part says what is traded and how much of it."""

from __future__ import annotations

from typing import Literal

Side = Literal["buy", "sell"]
# What an order's size is: left to the session, a share of the equity, shares or coins, or money.
SizeKind = Literal["default", "fraction", "quantity", "notional"]
# What a session makes of a signal without a size: a share of the equity, so much money, or so many shares or coins.
SizingRule = Literal["EQUITY_FRACTION", "FIXED_CASH", "FIXED_QUANTITY"]
