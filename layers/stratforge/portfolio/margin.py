"""The margin of a short position in a virtual account, in exact decimals: what it needs to be opened, from then on, and what borrowing costs.

The rules are 15 to 18 of `backtest/MATCHING.md`, and its numbers those of `backtest/margin.py`, where their sources stand. What a short sale brings is added to the
cash and buys nothing. What is held long is paid in full and secures nothing, so that margin is a matter of cash alone: all of it, free or held back, against
what buying back would cost.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal

ZERO = Decimal(0)
# The numbers of `backtest/margin.py`; a test holds them equal.
INITIAL_MARGIN, MAINTENANCE_MARGIN = Decimal("0.5"), Decimal("0.3")
BORROW_FEE, FEE_YEAR, ROUND_LOT = Decimal("0.0025"), Decimal(360), Decimal(100)
LEAST_EQUITY = Decimal(2_000)
LOW_PRICE, LEAST_BELOW, LEAST_ABOVE = Decimal(5), Decimal("2.5"), Decimal(5)
# What a fee is rounded to, in dollars.
FEE_STEP = Decimal("0.000000000001")


def maintenance(price: Decimal) -> Decimal:
    """The equity, in dollars, that a share sold short needs while it is held."""
    if price < LOW_PRICE:
        return max(price, LEAST_BELOW)
    return max(price * MAINTENANCE_MARGIN, LEAST_ABOVE)


def initial(price: Decimal) -> Decimal:
    """The equity, in dollars, that a share needs when it is sold short: half its price, and no less than it needs from then on."""
    return max(price * INITIAL_MARGIN, maintenance(price))


@dataclass(frozen=True, slots=True)
class ShortPosition:
    """A quantity that is owed, above zero, and the price of a share."""

    quantity: Decimal
    price: Decimal

    @property
    def value(self) -> Decimal:
        """The cost of buying it back, in dollars."""
        return self.quantity * self.price

    @property
    def held_back(self) -> Decimal:
        """The cash that buys nothing while it is held: what buying it back costs, and the margin that opening it needs at this price."""
        return self.quantity * (self.price + initial(self.price))

    @property
    def needed(self) -> Decimal:
        """The cash below which it is bought back: what that costs, and the margin that it needs while it is held."""
        return self.quantity * (self.price + maintenance(self.price))


def buying_power(free_cash: Decimal, shorts: Iterable[ShortPosition]) -> Decimal:
    """The cash that may be spent on purchases and as the margin of short sales; below zero where less is there than short positions hold back."""
    return free_cash - sum((each.held_back for each in shorts), ZERO)


def is_called(cash: Decimal, shorts: Iterable[ShortPosition]) -> bool:
    """Tells whether the cash, free and held back by orders, is less than the short positions need: they are bought back."""
    needed = [each.needed for each in shorts]
    return bool(needed) and cash < sum(needed, ZERO)


def fee_cause(day: date, nights: int, price: Decimal) -> str:
    """The cause of a fee as the ledger keeps it: from what it can be recomputed, but for the quantity."""
    return f"borrowed on {day} for {nights} nights at {price.normalize():f}"


def night_fee(quantity: Decimal, price: Decimal) -> Decimal:
    """The fee of a night, in dollars, for a quantity that is owed: of whole lots of a hundred, by the last price."""
    lots = (quantity / ROUND_LOT).to_integral_value(ROUND_CEILING) * ROUND_LOT
    return (lots * price * BORROW_FEE / FEE_YEAR).quantize(FEE_STEP)
