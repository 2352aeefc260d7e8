"""Columns compared by what they are made of, and the columns that a rule can name.

Bars that are made up to compare columns are no proof: a column that bends where the price stands above 200 is the plain one on all bars around 100. So columns are
compared by what they are made of. Only what has no price, volume or level of its own in it, and does not choose, is compared by its values as well: it is the same at
every price, and `bars.close.rolling(20).mean()` is `ta.sma(bars.close, length=20)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from stratforge.intent.markets import market
from stratforge.strategy.graph import Node, Values, reachable

# Operations that are looked into when a column is compared; everything else in a column is one series.
COMPARISONS = frozenset({"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"})
_LOGIC = frozenset({"and", "or", "not"})
_ARITHMETIC = frozenset({"constant", "add", "subtract", "multiply", "divide", "negative", "shift", "diff"})
# What chooses between values, or cuts them off.
_CHOOSING = frozenset(
    {
        "where",
        "minimum",
        "maximum",
        "absolute",
        "sign",
        "floor",
        "ceiling",
        "round",
        "fillna",
        "is_nan",
        "not_nan",
        "xor",
        "modulo",
        "floor_divide",
        "power",
        "square_root",
    }
)
COMPUTED = _ARITHMETIC | COMPARISONS | _LOGIC | _CHOOSING
# Indicators of conditions: they choose, too.
_OF_CONDITIONS = frozenset({"cross", "crossover", "crossunder", "barssince", "valuewhen", "increasing", "decreasing"})
_PLAIN = frozenset({"field", "resampled", "last_completed", "ewm_mean", "shift", "diff", "pct_change", "negative"})


class SameColumns:
    """Numbers for operations on columns: those that are the same on all bars have the same number."""

    def __init__(self) -> None:
        self._made_of: dict[Node, int] = {}
        self._keys: dict[object, int] = {}
        self._real = [Values(market(kind, 100.0)) for kind in ("swing", "crash")]
        self._plain: list[tuple[Node, int]] = []
        self._numbers: dict[int, int] = {}

    def of(self, node: Node) -> int:
        """Returns the number of an operation; operations that give the same values on all bars share it."""
        made = self._structure(node)
        found = self._numbers.get(made)
        if found is None:
            found = self._numbers[made] = self._twin(node, made)
        return found

    def _structure(self, node: Node) -> int:
        for each in reachable([node]):
            if each not in self._made_of:
                inputs = [self._made_of[one] for one in each.inputs]
                if each.operation in ("add", "multiply"):
                    inputs.sort()
                arguments = tuple(float(one) if isinstance(one, int | float) else one for one in each.arguments)
                key = each.operation, tuple(inputs), arguments, each.timeframe
                self._made_of[each] = self._keys.setdefault(key, len(self._keys))
        return self._made_of[node]

    def _twin(self, node: Node, made: int) -> int:
        if not _is_plain(node):
            return made
        for known, number in self._plain:
            if all(
                np.allclose(each.series(node), each.series(known), rtol=1e-9, atol=1e-12, equal_nan=True)
                for each in self._real
            ):
                return number
        self._plain.append((node, made))
        return made


def _is_plain(node: Node) -> bool:
    """Whether an operation chooses nothing and has no level in it: prices times two give the same."""
    return all(_is_plain_step(each) for each in reachable([node]))


def _is_plain_step(node: Node) -> bool:
    constants = sum(each.operation == "constant" for each in node.inputs)
    if node.operation == "indicator":
        return not constants and node.arguments[0] not in _OF_CONDITIONS
    if node.operation in ("add", "subtract"):
        return not constants
    if node.operation in ("multiply", "divide"):
        # One column, so many times: the product of columns has a scale of its own.
        return constants == 1
    return (
        node.operation in _PLAIN or node.operation == "constant" or node.operation.startswith(("column:", "rolling_"))
    )


def series_in(nodes: Iterable[Node]) -> list[Node]:
    """The first operations, from the top, that are one series to a rule: indicators, windows, averages."""
    found, stack, seen = dict[Node, None](), list(nodes), set[Node]()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.operation in COMPUTED:
            stack += node.inputs
        elif not node.operation.startswith("column:"):
            found[node] = None
    return list(found)


def said_by_none(columns: Iterable[Node], theirs: Iterable[Node], same: SameColumns) -> Iterator[Node]:
    """Finds the operations of columns that choose, or are a series, and that no column of the others has.

    Args:
        columns: What decides in the code.
        theirs: The columns of the rules.
        same: Says which operations are the same.
    """
    columns, theirs = list(columns), list(theirs)
    known = {same.of(each) for each in series_in(theirs)}
    known |= {same.of(each) for each in reachable(theirs) if each.operation in _CHOOSING}
    stack, seen = columns, set[Node]()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.operation in COMPUTED and (node.operation not in _CHOOSING or same.of(node) in known):
            stack += node.inputs if node.operation not in _CHOOSING else ()
        elif not node.operation.startswith("column:") and same.of(node) not in known:
            yield node


def cannot_be_said(columns: Iterable[Node]) -> Node | None:
    """The first operation of a rule's columns that chooses, and that no words say; None when all can be said.

    That a bar closes above its open (one column is compared with another, and counts as 1 or 0) can be said; a column that is another above some price cannot.
    """
    nodes = reachable(columns)
    counted = {each for node in nodes if _counts(node) for each in (node, node.inputs[0])}
    for node in nodes:
        if node in counted:
            continue
        conditional = node.operation == "indicator" and node.arguments[0] in ("barssince", "valuewhen")
        if node.operation in _CHOOSING | COMPARISONS | _LOGIC | {"ffill"} or conditional:
            return node
    return None


def _counts(node: Node) -> bool:
    """Whether an operation is 1 where one column is beyond another, and 0 elsewhere."""
    if node.operation != "where":
        return False
    condition, one, other = node.inputs
    ends = [(each.operation, each.arguments) for each in (one, other)]
    return (
        ends == [("constant", (1.0,)), ("constant", (0.0,))]
        and condition.operation in COMPARISONS
        and not any(each.operation == "constant" for each in reachable([condition]))
    )
