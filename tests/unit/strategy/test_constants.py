"""Changing constants leaves the rest of a source as it is."""

from __future__ import annotations

import math

import pytest
from stratforge.strategy import compile_strategy
from stratforge.strategy.constants import timeframe_of, with_constants, with_timeframe

SOURCE = """\
FAST, SLOW = 12, 26  # the Ärger with bytes
STOP = 0.02
LIMIT = -5


def on_bar(bar, position, state):
    if bar.close > FAST + SLOW and LIMIT < STOP:
        return buy()
"""


def test_values_change_and_nothing_else() -> None:
    changed = with_constants(SOURCE, {"SLOW": 30, "FAST": 1.5, "STOP": 0.005, "LIMIT": 7})
    assert changed.splitlines()[:3] == [
        "FAST, SLOW = 1.5, 30  # the Ärger with bytes",
        "STOP = 0.005",
        "LIMIT = 7",
    ]
    assert changed.splitlines()[3:] == SOURCE.splitlines()[3:]
    assert compile_strategy(changed).parameters == {"FAST": 1.5, "SLOW": 30.0, "STOP": 0.005, "LIMIT": 7.0}


def test_no_change_is_the_same_text() -> None:
    assert with_constants(SOURCE, {}) == SOURCE


def test_a_name_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        with_constants(SOURCE, {"FASTER": 1})


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "é", "🙈"])
def test_only_pythons_line_ends_count(character: str) -> None:
    source = f"# one{character}two\nA = 1  # {character}\r\nB, C = 2, 3 # {character}\rD = -4\n"
    changed = with_constants(source, {"A": 10, "C": 30, "D": -40})
    assert changed == f"# one{character}two\nA = 10  # {character}\r\nB, C = 2, 30 # {character}\rD = -40\n"


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.1 + 0.2, "0.30000000000000004"), (123456789012345.0, "123456789012345"), (1 / 3, "0.3333333333333333"), (1e-9, "1e-09"), (5.0, "5")],
)  # fmt: skip
def test_no_digit_is_lost(value: float, written: str) -> None:
    assert with_constants("A = 1\n", {"A": value}) == f"A = {written}\n"
    assert float(written) == value


@pytest.mark.parametrize("first", ["", 'TIMEFRAME = "15min"  # quarters\n', "TIMEFRAME='1h'\n"])
def test_other_bars_move_no_line(first: str) -> None:
    source = f"{first}{SOURCE}"
    for timeframe in ("5min", "1d"):
        changed = with_timeframe(source, timeframe)
        assert compile_strategy(changed).timeframe == timeframe_of(changed) == timeframe
        assert changed.split("\n")[1 if first else 0 :][: SOURCE.count("\n")] == SOURCE.split("\n")[:-1]
    bare = with_timeframe(source, None)
    assert compile_strategy(bare).timeframe is timeframe_of(bare) is None
    assert bare.count("\n") == source.count("\n")
    assert with_timeframe(source, timeframe_of(source)) == source


def test_there_is_one_zero() -> None:
    """Else -0.0 would be another parameter than 0.0, and share what was compiled for it."""
    source = "A = -0.0\ndef on_bar(bar, position, state):\n    return buy() if bar.close > A else None\n"
    strategy = compile_strategy(source)
    for each in (strategy, strategy.with_parameters(A=-0.0)):
        assert math.copysign(1, each.parameters["A"]) == 1


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        with_constants("A = 1\n", {"A": float("nan")})


@pytest.mark.parametrize("value", ["-(\n5)", "- \\\n 5", "(\n-\n5)", "(\n5\n)", "-\\\r\n(5)  # five"])
def test_a_number_over_several_lines_is_changed_whole(value: str) -> None:
    source = f"M, N = 3, {value}\nP = 4\ndef on_bar(bar, position, state):\n    return\n"
    assert compile_strategy(source).parameters["N"] in (5.0, -5.0)
    assert compile_strategy(with_constants(source, {"N": 7, "M": 1, "P": 2})).parameters == {
        "M": 1.0,
        "N": 7.0,
        "P": 2.0,
    }
