"""The cost of a strategy on a bar: counted from its operations, not timed, so that the same source costs the same
everywhere.

The weights are nanoseconds on one core of the kind the project is measured on (`cost_weights.json`, written by `tests/benchmarks/cost.py`, which also says how
far nominal and measured times are apart); what they add up to is a nominal time. A budget that is met here is met on every bar of every symbol,
whatever the data holds.
"""

from __future__ import annotations

import ast
import json
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stratforge.strategy.findings import Code, Finding, StrategyError
from stratforge.strategy.graph import Argument, Node
from stratforge.strategy.indicators import REGISTRY
from stratforge.strategy.trees import walk

MAX_GRAPH_NODES = 500
MAX_CELLS = 4_000_000
MAX_OPERATIONS = 100_000
MAX_NANOSECONDS = 20_000_000
# What runs may cost: weights that were measured anew do not stop what was admitted by others. It waits behind what is cheaper.
MAX_RUNNING_NANOSECONDS = 8 * MAX_NANOSECONDS
# All evaluations that measuring a lookback may take.
MAX_GATE_NANOSECONDS = 700_000_000
MAX_PARENTHESES = 150

# By operation, in nanoseconds: once; a bar; for each bar of the longest window; and for each of its bars on each bar.
_WEIGHTS: dict[str, tuple[float, float, float, float]] = {
    name: tuple(weights)
    for name, weights in json.loads(Path(__file__).with_name("cost_weights.json").read_text(encoding="utf-8")).items()
}
_OPERATION_NANOSECONDS = 50
_EVALUATION_NANOSECONDS = 10_000
# Of a field of `bar.time`: the wall clock of the last bars is looked up.
_CLOCK_NANOSECONDS = 12_000
_CALL_OPERATIONS = 4
_CALCULATED: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
}


def weight_name(node: Node) -> str:
    """Returns the name of a node in the tables of weights: that of its operation, for an indicator with what it is told to average by."""
    if node.operation != "indicator":
        return node.operation.partition(":")[0]
    name, *values = map(str, node.arguments)
    parameters = REGISTRY[name].parameters
    return ".".join(
        ("ta", name, *(value for each, value in zip(parameters, values, strict=True) if each.kind == "choice"))
    )


def longest_argument(node: Node) -> int:
    """The longest window a node's arguments ask for; 0 when they ask for none."""
    if node.operation == "indicator":
        parameters = REGISTRY[str(node.arguments[0])].parameters
        pairs = zip(parameters, node.arguments[1:], strict=True)
        return max((int(value) for parameter, value in pairs if parameter.kind == "length"), default=0)
    if node.operation.startswith("rolling_") or node.operation in ("shift", "diff", "pct_change"):
        return int(node.arguments[0])
    return 0


def features(node: Node, bars: int) -> tuple[float, float, float, float]:
    """The factors that a node's weights are multiplied with: 1, the bars, its longest window, and the bars of all its windows."""
    length = longest_argument(node)
    return 1.0, float(bars), float(length), float(length * max(bars - length + 1, 0))


def node_nanoseconds(node: Node, bars: int) -> float:
    """The nominal time of one node over so many bars, its inputs not counted."""
    if node.operation == "field":
        return 0.0
    weights, counts = _WEIGHTS[weight_name(node)], features(node, bars)
    return sum(weight * count for weight, count in zip(weights, counts, strict=True))


# Of the timeframes of nodes, those whose bars stand beside the strategy's own: how many there are of each.
Beside = Mapping[str, int]
_NOTHING: Beside = {}


def columns_nanoseconds(nodes: Iterable[Node], bars: int, beside: Beside = _NOTHING) -> float:
    """The nominal time of all of `nodes` over so many bars, of those that stand beside them over so many as there are of these."""
    return sum(node_nanoseconds(node, length_of(node, bars, beside)) for node in nodes)


def length_of(node: Node, bars: int, beside: Beside) -> int:
    """The length of a node's column; finding what each bar sees of others takes as long as there are bars."""
    found = beside.get(node.timeframe)
    if found is None:
        return bars
    return max(bars, found) if node.operation == "resampled" else found


@dataclass(frozen=True, slots=True)
class Cost:
    """The highest cost of one bar of one session.

    Attributes:
        operations: Operations of `on_bar`, on its dearest path.
        cells: Numbers that its columns hold over the window it is evaluated on.
        bytes: Of its code as it is sent to the sandbox.
        nanoseconds: Nominal processor time.
    """

    operations: int
    cells: int
    bytes: int
    nanoseconds: int

    @property
    def milliseconds(self) -> float:
        """Nominal processor time in milliseconds."""
        return self.nanoseconds / 1e6

    def __str__(self) -> str:
        return (
            f"{self.milliseconds:.3g} ms a bar of {MAX_NANOSECONDS / 1e6:g} "
            f"({self.operations:,} operations, {self.cells:,} cells, {self.bytes:,} bytes)"
        )


def cost_of(
    nodes: Sequence[Node],
    window: int,
    operations: int = 0,
    size: int = 0,
    most: int = MAX_NANOSECONDS,
    time_fields: int = 0,
    beside: Beside = _NOTHING,
) -> Cost:
    """The cost of a strategy whose columns are `nodes`, evaluated on a window of so many bars and those `beside` it, and that reads so many fields of `bar.time`.

    Raises:
        StrategyError: if it is more nanoseconds than `most`, or more cells than one session may have.
    """
    cells = sum(length_of(node, window, beside) for node in nodes)
    decision = _EVALUATION_NANOSECONDS + operations * _OPERATION_NANOSECONDS + time_fields * _CLOCK_NANOSECONDS
    nanoseconds = int(columns_nanoseconds(nodes, window, beside) + decision)
    if cells > MAX_CELLS:
        message = (
            f"the indicators hold {cells:,} values over their window of {window:,} bars; {MAX_CELLS:,} are allowed"
        )
        raise too_large(message, "Use shorter lengths or fewer indicators")
    if nanoseconds > most:
        message = f"the strategy costs {nanoseconds / 1e6:,.3g} ms a bar; {most / 1e6:g} ms are allowed"
        raise too_large(message, "Use shorter lengths, fewer indicators or shorter loops")
    return Cost(operations, cells, size, nanoseconds)


def backtest_nanoseconds(nodes: Iterable[Node], operations: int, bars: int, beside: Beside = _NOTHING) -> int:
    """The nominal time of a backtest over so many bars: the columns once, and on each bar the operations of `on_bar`, all of its dearest path."""
    return int(columns_nanoseconds(nodes, bars, beside) + bars * operations * _OPERATION_NANOSECONDS)


def dearest(nodes: Iterable[Node], window: int, beside: Beside = _NOTHING) -> list[tuple[str, float]]:
    """Lists the costs of the columns: each operation with its arguments, in milliseconds a bar, the dearest first."""
    found = []
    for node in nodes:
        arguments = node.arguments[1:] if node.operation == "indicator" else node.arguments
        name = f"ta.{node.arguments[0]}" if node.operation == "indicator" else node.operation
        text = f"{name}({', '.join(_short(each) for each in arguments)})"
        found.append((text, node_nanoseconds(node, length_of(node, window, beside)) / 1e6))
    return sorted(((text, cost) for text, cost in found if cost > 0), key=lambda each: -each[1])


def _short(argument: Argument) -> str:
    return f"{argument:g}" if isinstance(argument, int | float) and not isinstance(argument, bool) else str(argument)


def too_large(message: str, suggestion: str) -> StrategyError:
    """The refusal of a strategy that costs too much."""
    return StrategyError([Finding(1, 1, Code.TOO_LARGE, message, suggestion)])


def count_operations(statements: Iterable[ast.stmt], parameters: Mapping[str, float]) -> int:
    """Operations of a generated function on its dearest path: the turns of loops multiply, and branches do not add up."""
    total = 0
    for each in statements:
        if isinstance(each, ast.FunctionDef):
            total += count_operations(each.body, parameters)
        elif isinstance(each, ast.If):
            branches = (count_operations(part, parameters) for part in (each.body, each.orelse))
            total += 1 + _expression_operations(each.test) + max(branches)
        elif isinstance(each, ast.For):
            assert isinstance(each.iter, ast.Call)
            turns = len(range(*(_whole(bound, parameters) for bound in each.iter.args)))
            total += 1 + turns * (1 + count_operations(each.body, parameters))
        else:
            total += 1 + _expression_operations(each)
    return total


def _expression_operations(tree: ast.AST) -> int:
    operations = 0
    for node in walk(tree):
        if isinstance(node, ast.Call):
            operations += _CALL_OPERATIONS
        elif isinstance(node, ast.BoolOp):
            operations += len(node.values) - 1
        elif isinstance(node, ast.Compare):
            operations += len(node.ops)
        elif isinstance(node, ast.BinOp | ast.UnaryOp | ast.IfExp):
            operations += 1
    return operations


def _whole(bound: ast.expr, parameters: Mapping[str, float]) -> int:
    """The value of a bound of range, as it is generated: literals, and constants of the strategy, with arithmetic."""
    if isinstance(bound, ast.UnaryOp):
        return -_whole(bound.operand, parameters)
    if isinstance(bound, ast.Call):
        assert isinstance(bound.args[0], ast.Name)
        return int(parameters[bound.args[0].id.removeprefix("k_")])
    if isinstance(bound, ast.BinOp):
        return _CALCULATED[type(bound.op)](_whole(bound.left, parameters), _whole(bound.right, parameters))
    assert isinstance(bound, ast.Constant)
    return int(bound.value)  # type: ignore[arg-type]  # a whole number: _bound writes nothing else
