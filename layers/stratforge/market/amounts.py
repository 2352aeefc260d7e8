"""Quantities and prices as people read them."""

from __future__ import annotations

from decimal import Decimal


def units(quantity: Decimal) -> str:
    """Shares or coins without trailing zeros: to four decimals, to six below one, and four digits where those would say nothing.

    >>> units(Decimal("25.625475566")), units(Decimal("1200")), units(Decimal("0.123456789")), units(Decimal("0.000012345678"))
    ('25.6255', '1,200', '0.123457', '0.00001235')
    """
    # Nothing has no sign.
    text = f"{quantity or 0:,.4f}" if abs(quantity) >= 1 or not quantity else _below_one(quantity)
    return text.rstrip("0").rstrip(".") if "." in text else text


def price(value: Decimal) -> str:
    """A price: cents, more decimals below a dollar, and four digits where six decimals would say nothing.

    >>> price(Decimal("1234.5")), price(Decimal("0.25")), price(Decimal("0.0000123"))
    ('1,234.50', '0.25', '0.0000123')
    """
    if abs(value) >= 1 or value == 0:
        return f"{value or 0:,.2f}"
    text = _below_one(value).rstrip("0")
    return f"{text}00" if text.endswith(".") else text


def _below_one(value: Decimal) -> str:
    return f"{value:.6f}" if abs(value) >= Decimal("0.001") else f"{Decimal(f'{value:.4g}'):f}"
