"""Changing constants leaves the rest of a source as it is."""

from __future__ import annotations

import pytest
from stratforge.strategy import compile_strategy
from stratforge.strategy.constants import with_constants

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
