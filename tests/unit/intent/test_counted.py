"""The numbers of a turn against those of its statements: none is lost, and none comes from nowhere."""

from __future__ import annotations

import pytest
from stratforge.intent.reading.composed import composed
from stratforge.intent.reading.counted import accounted
from stratforge.intent.reading.settings import Statement
from stratforge.intent.reading.statements import statements_of

WORDS = "buy 40 shares when RSI(9) < 28, sell at 14:45 or after 2 hours, stop 1.5%, max 4 trades a day"


def read(words: str) -> tuple[Statement, ...]:
    return statements_of(words, "AAPL")


def test_the_numbers_of_a_turn_are_accounted_for() -> None:
    assert accounted(WORDS, read(WORDS))


@pytest.mark.parametrize(
    ("one", "other"),
    [("40", "45"), ("RSI(9)", "RSI(11)"), ("28", "27"), ("14:45", "14:50"), ("2 hours", "8 hours"), ("1.5%", "1.6%"), ("max 4", "max 7")],
)  # fmt: skip
def test_a_number_that_the_statements_do_not_have_is_missed(one: str, other: str) -> None:
    assert not accounted(WORDS.replace(one, other), read(WORDS))


def test_a_number_that_nobody_said_is_noticed() -> None:
    said = "buy when RSI < 28, sell at 14:45"
    assert not accounted(said, [*read(said), *read("buy when RSI < 17, stop 8%")])


def test_signs_of_a_list_and_the_bars_of_a_minute_are_no_numbers() -> None:
    words = "7) buy when 1 minute RSI < 28\n8) sell at 14:45"
    assert composed(words, "AAPL") is not None
