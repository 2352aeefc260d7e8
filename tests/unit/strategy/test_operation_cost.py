"""What an operation takes is bounded whatever the bars hold, as its counted cost says."""

from __future__ import annotations

import math
import sys
from itertools import product

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from stratforge.market import BarColumns
from stratforge.market.columns import PRICE_COLUMNS
from stratforge.strategy import arithmetic
from stratforge.strategy.graph import NODES, OPERATIONS, Node, Values
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


def test_no_operation_takes_a_turn_for_every_gap_in_its_values() -> None:
    """A market whose every other bar is unknown costs as many calls as one without a gap, whatever an indicator is told to average by."""
    inputs = [NODES.node(f"column:{name}") for name in PRICE_COLUMNS]
    nodes = [
        NODES.node("indicator", tuple(inputs[: len(each.inputs)]), (each.name, *arguments))
        for each in REGISTRY.values()
        for length in (2, 30)
        for arguments in product(*(
            parameter.choices if parameter.kind == "choice"
            else [max(length, int(parameter.minimum))] if parameter.kind == "length" else [parameter.default]
            for parameter in each.parameters
        ))
    ]  # fmt: skip
    nodes += [NODES.node("ewm_mean", tuple(inputs[:1]), (alpha, 0, 0)) for alpha in (1.0, 0.5, 0.01)]
    for node in dict.fromkeys(nodes):
        whole, gapped = Values(BARS), Values(BARS)
        for each in inputs:
            gapped.give(each, np.where(np.arange(len(PATH)) % 2 == 0, PATH, np.nan))
        # The first computes what is kept, such as the weights of a filter.
        Values(BARS).series(_column(node))
        assert _calls(node, gapped) <= 2 * _calls(node, whole) + 200, node
