"""The margin of the virtual account and the fee of what is borrowed: the numbers by which a short position is allowed, charged and ended.

Sources: Regulation T, 12 CFR 220.12(c)(1), for what a short sale needs (150 % of its value, the proceeds included); FINRA Rule 4210(c)(2) and (3) for what it
needs from then on, and 4210(b) for the equity that an account has at least; Alpaca's pages on margin and on the fees of short selling, which have the
same numbers, for the fee (by a year of 360 days, of round lots, for each night) and for whole shares of stocks alone; D'Avolio, "The Market for Borrowing
Stock" (2002), for a quarter of a percent as the usual fee of what is easily borrowed.
"""

from __future__ import annotations

# Of the value of a short position, as equity: when it is opened, and from then on.
INITIAL_MARGIN, MAINTENANCE_MARGIN = 0.5, 0.3
# A year's fee, of the value that is borrowed.
BORROW_FEE = 0.0025
FEE_YEAR = 360.0
ROUND_LOT = 100.0
# Dollars of equity without which nothing is sold short.
LEAST_EQUITY = 2_000.0
# Below this price the whole value is needed; and the least dollars a share below and above.
LOW_PRICE, LEAST_BELOW, LEAST_ABOVE = 5.0, 2.5, 5.0


def requirement(price: str, part: str) -> str:
    """Equity that a share sold short at a price needs, as an expression of the price and of the part of it that is needed from five dollars on."""
    low = f"(max({price}, {LEAST_BELOW!r}) if {price} < {LOW_PRICE!r} else "
    return f"{low}max({price} * {part}, {LEAST_ABOVE!r}))"


def opening(price: str) -> str:
    """Equity that a share needs when it is sold short at a price, and no less than what it needs then on, as an expression of the price."""
    return f"max({price} * short_margin, {requirement(price, 'maintenance_margin')})"


def night_fee(quantity: str, price: str) -> str:
    """The fee of a night for a position, as an expression of its quantity, which is negative, and of the last price."""
    return f"(-float(floor({quantity} / {ROUND_LOT!r})) * {ROUND_LOT!r} * {price} * borrow_fee / {FEE_YEAR!r})"
