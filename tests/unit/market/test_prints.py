"""Which prints make the price, what the exchange says of a symbol, and which jumps need an explanation."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stratforge.market.jumps import split_like, unexplained_jump
from stratforge.market.prints import makes_price
from stratforge.portfolio.exchange_status import state_said


@pytest.mark.parametrize(
    ("conditions", "tape", "makes"),
    [
        ([], "A", True),
        (["@"], "C", True),
        ([" "], "A", True),
        (["@", "F"], "C", True),  # An intermarket sweep.
        (["@", "I"], "C", False),  # An odd lot, of a sweep too.
        (["F", "I"], "A", False),
        (["@", "T"], "C", False),  # Outside of hours.
        (["@", "F", "T", "I"], "C", False),
        (["U"], "A", False),
        (["B"], "A", False),  # CTA: an average price.
        (["B"], "C", True),  # UTP: a bunched trade.
        (["W"], "C", False),  # UTP: an average price.
        (["E"], "A", True),
        (["4"], "C", False),  # Derivatively priced.
        (["7"], "B", False),  # A qualified contingent trade.
        (["V"], "A", False),
        (["Z"], "C", False),  # Sold, out of sequence.
        (["P"], "A", False),
        (["O"], "A", True),
        (["6"], "C", True),
        (["M"], "C", False),  # An official close is no trade.
        (["Q"], "A", False),
        (["9"], "A", True),
        (["?"], "A", False),  # Unknown: better no price than a wrong one.
        ([], None, True),  # Coins.
    ],
)
def test_a_print_makes_the_price_if_every_condition_updates_the_last_sale(
    conditions: list[str], tape: str | None, makes: bool
) -> None:
    assert makes_price(conditions, tape) is makes


@pytest.mark.parametrize(
    ("code", "reason", "tape", "state"),
    [
        ("H", "T1", "C", "HALTED"),
        ("H", "LUDP", "C", "PAUSED"),
        ("P", "LUDP", "C", "PAUSED"),
        ("Q", "T3", "C", None),
        ("T", "T3", "C", "TRADING"),
        ("2", "D", "A", "HALTED"),
        ("2", "M", "B", "PAUSED"),
        ("3", "", "A", "TRADING"),
        ("5", "", "A", None),
        ("7", "", "B", None),
        ("E", "", "A", None),
    ],
)
def test_a_trading_status_means_what_its_plan_says(code: str, reason: str, tape: str, state: str | None) -> None:
    assert state_said(code, reason, tape) == state


@pytest.mark.parametrize(
    ("before", "after", "bands", "odd"),
    [
        ("100", "110", False, False),
        ("100", "82", False, False),
        ("100", "78", False, True),
        ("100", "125", False, True),
        ("100", "78", True, False),  # News: the exchange's bands went along.
        ("100", "50", True, True),  # They do so after a split, too.
        ("100", "66.6", True, True),
        ("1.00", "10.1", True, True),
        ("0.80", "1.15", False, False),  # Small prices move farther.
        ("0.80", "1.30", False, True),
    ],
)
def test_what_is_an_unexplained_jump(before: str, after: str, bands: bool, odd: bool) -> None:
    assert (unexplained_jump(Decimal(before), Decimal(after), within_bands=bands) is not None) is odd


@given(st.decimals("0.0001", "100000", places=4), st.decimals("0.0001", "100000", places=4))
def test_a_jump_is_as_odd_there_as_back(before: Decimal, after: Decimal) -> None:
    there, back = unexplained_jump(before, after), unexplained_jump(after, before)
    assert (there is None) == (back is None)


@pytest.mark.parametrize(("new", "old"), [(2, 1), (3, 1), (3, 2), (1, 10), (1, 50), (20, 1)])
def test_whole_ratios_are_recognized_in_spite_of_a_days_move(new: int, old: int) -> None:
    for drift in ("0.97", "1", "1.03"):
        assert split_like(Decimal(100), Decimal(100) * old / new * Decimal(drift)) == (new, old)
