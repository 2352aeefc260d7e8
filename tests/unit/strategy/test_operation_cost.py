"""What an operation takes is bounded whatever the bars hold, as its counted cost says."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from stratforge.market import BarColumns
from stratforge.market.columns import PRICE_COLUMNS
from stratforge.market.resampling import TIMEFRAMES
from stratforge.strategy import arithmetic, kernels
from stratforge.strategy.graph import NODES, OPERATIONS, Node, Values, on_own_bars, price_column
from stratforge.strategy.indicators import REGISTRY

PATH = np.linspace(50.0, 60.0, 2_048)
BARS = BarColumns(60 * np.arange(len(PATH), dtype=np.int64), PATH, PATH, PATH, PATH, PATH)


@given(st.floats(-1e308, 1e308), st.floats(-1e308, 1e308))
@example(1e302, 1e-285)
@example(2.0**64, 1.0)
@example(3.0, 0.0)
def test_remainders_take_bounded_time_whatever_is_divided(a: float, b: float) -> None:
    """The processor takes a step for every bit of a quotient, and there are quotients of two thousand."""
    column = np.full(4, a), np.full(4, b)
    for name in ("modulo", "floor_divide"):
        with np.errstate(all="ignore"):
            found = float(OPERATIONS[name](BARS, column, ())[-1])
        if abs(a) > abs(b) * 2.0**64:
            assert math.isnan(arithmetic.FUNCTIONS[name](a, b))
            assert math.isnan(found)
        elif b != 0.0 and name == "modulo":
            assert arithmetic.FUNCTIONS[name](a, b) == found == a % b


def _column(node: Node) -> Node:
    return NODES.node("field", (node,), (0,)) if node.operation == "indicator" else node


def _calls(node: Node, values: Values) -> int:
    """How many functions are called to compute a node, those of numpy among them."""
    count = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    column = _column(node)
    sys.setprofile(note)
    try:
        values.series(column)
    finally:
        sys.setprofile(None)
    return count


INPUTS = [NODES.node(f"column:{name}") for name in PRICE_COLUMNS]


def _every_operation() -> Iterator[Node]:
    """Indicators with short and long windows and whatever they may be told to average by, moving averages, longer timeframes."""
    for each in REGISTRY.values():
        for length in (2, 30):
            values = (
                parameter.choices if parameter.kind == "choice"
                else [max(length, int(parameter.minimum))] if parameter.kind == "length" else [parameter.default]
                for parameter in each.parameters
            )  # fmt: skip
            for arguments in product(*values):
                yield NODES.node("indicator", tuple(INPUTS[: len(each.inputs)]), (each.name, *arguments))
    for alpha in (1.0, 0.5, 0.01):
        yield NODES.node("ewm_mean", (INPUTS[0],), (alpha, 0, 0))
    yield NODES.node("ffill", (INPUTS[0],))
    for timeframe in TIMEFRAMES:
        yield on_own_bars(price_column("close", timeframe))


def _calls_of_both(node: Node, awkward: Values, usual: Values) -> tuple[int, int]:
    # The first computes what is kept, such as the weights of a filter and what the calendar says of a day.
    for bars in (awkward.bars, usual.bars):
        Values(bars).series(_column(node))
    return _calls(node, awkward), _calls(node, usual)


@pytest.mark.parametrize("a_day", [1, 3, 8])
def test_no_operation_takes_a_turn_for_every_day_of_its_bars(a_day: int) -> None:
    """A symbol that trades a few times a day costs little more calls than one that trades in every minute."""
    place = np.arange(len(PATH), dtype=np.int64)
    time = 1_700_000_000 // 86_400 * 86_400 + 86_400 * (place // a_day) + 60 * (900 + place % a_day)
    thin = BarColumns(time, *(getattr(BARS, name) for name in PRICE_COLUMNS))
    for node in dict.fromkeys(_every_operation()):
        if node.arguments[:1] == ("psar",):
            # It follows the price bar by bar, whatever the day: its weight is measured on such days.
            continue
        awkward, usual = _calls_of_both(node, Values(thin), Values(BARS))
        assert awkward <= 2 * usual + 200, node


def test_no_operation_takes_a_turn_for_every_gap_in_its_values() -> None:
    """A market whose every other bar is unknown costs as many calls as one without a gap, whatever an indicator is told to average by."""
    for node in dict.fromkeys(_every_operation()):
        gapped = Values(BARS)
        for each in INPUTS:
            gapped.give(each, np.where(np.arange(len(PATH)) % 2 == 0, PATH, np.nan))
        awkward, usual = _calls_of_both(node, gapped, Values(BARS))
        assert awkward <= 2 * usual + 200, node


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(0, 100))
def test_sums_of_days_side_by_side_are_those_of_one_day_after_another(lengths: list[int], seed: int) -> None:
    day = np.repeat(np.arange(len(lengths)), lengths)
    x = np.random.default_rng(seed).lognormal(0, 3, len(day))
    x[np.random.default_rng(seed).random(len(day)) < 0.1] = np.nan
    expected = np.concatenate([np.cumsum(np.nan_to_num(each)) for each in np.split(x, np.cumsum(lengths)[:-1])])
    assert np.array_equal(kernels.sum_since_day_start(x, day), expected)
