"""Quantities and prices as people read them: enough digits to tell them apart, and none that say nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest
from stratforge.market.amounts import price, units


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        ("25.625475566", "25.6255"),
        ("1200", "1,200"),
        ("10.50", "10.5"),
        ("1", "1"),
        ("0", "0"),
        ("0.000", "0"),
        ("0.123456789", "0.123457"),
        ("0.12346", "0.12346"),
        ("0.00004", "0.00004"),
        ("0.000012345678", "0.00001235"),
        ("0.000000001", "0.000000001"),
        ("-3.00004", "-3"),
        ("-0.5", "-0.5"),
        ("100", "100"),
        ("-0.000", "0"),
    ],
)
def test_units_have_no_more_digits_than_say_something(quantity: str, text: str) -> None:
    assert units(Decimal(quantity)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1234.5", "1,234.50"),
        ("0", "0.00"),
        ("0.25", "0.25"),
        ("0.5", "0.5"),
        ("0.0000123", "0.0000123"),
        ("-2.5", "-2.50"),
        ("-0.00", "0.00"),
        # What is rounded to a dollar has cents.
        ("0.9999996", "1.00"),
        ("-0.9999996", "-1.00"),
        # As the database has it, and what is rounded to fewer digits.
        ("0.000020000", "0.00002"),
        ("0.00099999", "0.001"),
    ],
)
def test_a_price_has_cents_and_below_a_dollar_more(value: str, text: str) -> None:
    assert price(Decimal(value)) == text
