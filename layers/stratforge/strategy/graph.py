"""The indicator graph: what `indicators(bars)` means, as nodes over columns.

A strategy's `indicators` function is never run. It is read once and becomes nodes of this graph, each a known causal
operation; equal calls are one node, whoever wrote them, so values are computed once per (symbol, bar, call)
and shared by every strategy that asks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from stratforge.market.columns import PRICE_COLUMNS, BarColumns
from stratforge.market.other_symbols import STALE, seen_beside
from stratforge.market.resampling import Resampled, longer
from stratforge.strategy import kernels as k
from stratforge.strategy.arithmetic import MOST_QUOTIENT
from stratforge.strategy.indicators import REGISTRY
from stratforge.strategy.indicators.stretches import through_stretches
from stratforge.strategy.quantization import finite_or_unknown, quantized
from stratforge.strategy.reach import Floats

_OF = "of "
Argument = float | bool | str
Computed = Floats | tuple[Floats, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One operation on columns. `logical` nodes hold 0.0 and 1.0. Nodes are interned: equal ones are identical.

    Its values are of the strategy's own bars, or of those of a longer `timeframe` or of another symbol (`bars_of`), as are those of its inputs.
    """

    operation: str
    inputs: tuple[Node, ...]
    arguments: tuple[Argument, ...]
    logical: bool = False
    timeframe: str = ""


@dataclass(slots=True)
class NodeTable:
    """Interns nodes. Bounded: past `limit` nodes it starts anew, which only costs sharing."""

    limit: int = 200_000
    _nodes: dict[object, Node] = field(default_factory=dict)

    def node(
        self,
        operation: str,
        inputs: tuple[Node, ...] = (),
        arguments: tuple[Argument, ...] = (),
        *,
        logical: bool = False,
        timeframe: str | None = None,
    ) -> Node:
        """The one node with this operation, these inputs and these arguments; of the timeframe of its inputs, if nothing else is said."""
        if timeframe is None:
            timeframe = inputs[0].timeframe if inputs else ""
        # True == 1 == 1.0 in Python, so the type is part of the key.
        key = (operation, inputs, tuple((type(each), each) for each in arguments), logical, timeframe)
        found = self._nodes.get(key)
        if found is None:
            if len(self._nodes) >= self.limit:
                self._nodes.clear()
            found = self._nodes[key] = Node(operation, inputs, arguments, logical, timeframe)
        return found


NODES = NodeTable()


def price_column(name: str, timeframe: str = "") -> Node:
    """The column of a price or of the volume, of the strategy's own bars or of those of a longer timeframe."""
    if not timeframe:
        return NODES.node(f"column:{name}")
    bars = NODES.node("resampled", (), (timeframe,), timeframe=timeframe)
    return NODES.node("field", (bars,), (PRICE_COLUMNS.index(name),))


def on_own_bars(node: Node) -> Node:
    """The node on the strategy's own bars: of a longer timeframe the value of its last completed bar."""
    if not node.timeframe:
        return node
    return NODES.node("last_completed", (node,), (), logical=node.logical, timeframe="")


def bars_of(symbol: str, timeframe: str = "") -> str:
    """The name, where others have that of a timeframe, of the bars of another symbol, or of those of a longer timeframe of it."""
    return f"{_OF}{symbol} {timeframe}".rstrip()


def symbol_and_timeframe(name: str) -> tuple[str, str]:
    """The other symbol whose bars a node's timeframe names, and their timeframe; "" where it is the strategy's own symbol, and where they are as long as its bars."""
    symbol, _, timeframe = name.removeprefix(_OF).partition(" ")
    return (symbol, timeframe) if name.startswith(_OF) else ("", name)


def together(*nodes: Node) -> tuple[Node, ...]:
    """The nodes on the same bars: of their timeframe if they have one in common, otherwise on the strategy's own. A constant is on any."""
    frames = {each.timeframe for each in nodes if each.operation != "constant"}
    frame = frames.pop() if len(frames) == 1 else ""
    return tuple(
        NODES.node("constant", (), each.arguments, logical=each.logical, timeframe=frame)
        if each.operation == "constant"
        else each if each.timeframe == frame else on_own_bars(each)
        for each in nodes
    )  # fmt: skip


def _compare(operation: Callable[[Floats, Floats], np.ndarray]) -> Callable[..., Floats]:
    return lambda _bars, inputs, _arguments: operation(inputs[0], inputs[1]).astype(np.float64)


def _binary(operation: Callable[[Floats, Floats], Floats]) -> Callable[..., Floats]:
    return lambda _bars, inputs, _arguments: operation(inputs[0], inputs[1])


def _divisible(a: Floats, b: Floats) -> Floats:
    """`a` where a remainder of it can be computed in bounded time, as in `on_bar`."""
    return np.where(np.abs(a) > np.abs(b) * MOST_QUOTIENT, np.nan, a)


def _unary(operation: Callable[[Floats], Floats]) -> Callable[..., Floats]:
    return lambda _bars, inputs, _arguments: operation(inputs[0])


def _rolling(operation: Callable[[Floats, int], Floats]) -> Callable[..., Floats]:
    return lambda _bars, inputs, arguments: operation(inputs[0], arguments[0])


def _truth(x: Floats) -> np.ndarray:
    return np.asarray((x != 0) & ~np.isnan(x))


def _indicator(bars: BarColumns, inputs: list[Floats], arguments: tuple[Argument, ...]) -> tuple[Floats, ...]:
    indicator = REGISTRY[str(arguments[0])]
    names = [parameter.name for parameter in indicator.parameters]
    return indicator.compute(bars, tuple(inputs), dict(zip(names, arguments[1:], strict=True)))


OPERATIONS: dict[str, Callable[..., Computed]] = {
    "constant": lambda bars, _inputs, arguments: np.full(len(bars), float(arguments[0])),
    "indicator": _indicator,
    "add": _binary(np.add),
    "subtract": _binary(np.subtract),
    "multiply": _binary(np.multiply),
    "divide": _binary(np.divide),
    "floor_divide": _binary(lambda a, b: np.floor_divide(_divisible(a, b), b)),
    "modulo": _binary(lambda a, b: np.mod(_divisible(a, b), b)),
    "power": _binary(np.power),
    "less": _compare(np.less),
    "less_equal": _compare(np.less_equal),
    "greater": _compare(np.greater),
    "greater_equal": _compare(np.greater_equal),
    "equal": _compare(np.equal),
    "not_equal": _compare(np.not_equal),
    "and": lambda _bars, inputs, _arguments: (_truth(inputs[0]) & _truth(inputs[1])).astype(np.float64),
    "or": lambda _bars, inputs, _arguments: (_truth(inputs[0]) | _truth(inputs[1])).astype(np.float64),
    "xor": lambda _bars, inputs, _arguments: (_truth(inputs[0]) ^ _truth(inputs[1])).astype(np.float64),
    "not": lambda _bars, inputs, _arguments: (~_truth(inputs[0])).astype(np.float64),
    "where": lambda _bars, inputs, _arguments: np.where(_truth(inputs[0]), inputs[1], inputs[2]),
    "is_nan": lambda _bars, inputs, _arguments: np.isnan(inputs[0]).astype(np.float64),
    "not_nan": lambda _bars, inputs, _arguments: (~np.isnan(inputs[0])).astype(np.float64),
    "negative": _unary(np.negative),
    "absolute": _unary(np.abs),
    "square_root": _unary(np.sqrt),
    "logarithm": _unary(np.log),
    "logarithm10": _unary(np.log10),
    "exponential": _unary(np.exp),
    "sign": _unary(np.sign),
    "floor": _unary(np.floor),
    "ceiling": _unary(np.ceil),
    "minimum": _binary(np.minimum),
    "maximum": _binary(np.maximum),
    "shift": _rolling(k.shift),
    "diff": _rolling(k.diff),
    "pct_change": lambda _bars, inputs, arguments: inputs[0] / k.shift(inputs[0], arguments[0]) - 1.0,
    "round": lambda _bars, inputs, arguments: np.round(inputs[0], int(arguments[0])),
    "fillna": lambda _bars, inputs, arguments: np.where(np.isnan(inputs[0]), arguments[0], inputs[0]),
    "ffill": lambda bars, inputs, _arguments: through_stretches(
        bars, lambda of, columns: (k.forward_fill(columns[0], of.anchor),), (inputs[0],)
    )[0],
    "rolling_mean": _rolling(k.rolling_mean),
    "rolling_sum": _rolling(k.rolling_sum),
    "rolling_min": _rolling(k.rolling_min),
    "rolling_max": _rolling(k.rolling_max),
    "rolling_median": _rolling(k.rolling_median),
    "rolling_std": lambda _bars, inputs, arguments: k.rolling_std(inputs[0], arguments[0], int(arguments[1])),
    "rolling_var": lambda _bars, inputs, arguments: k.rolling_var(inputs[0], arguments[0], int(arguments[1])),
    "rolling_quantile": lambda _bars, inputs, arguments: k.rolling_quantile(inputs[0], arguments[0], arguments[1]),
    "ewm_mean": lambda _bars, inputs, arguments: k.exponential_mean(
        inputs[0], arguments[0], adjust=bool(arguments[1]), min_periods=int(arguments[2])
    ),
}
OPERATIONS["resampled"] = lambda bars, _inputs, _arguments: tuple(getattr(bars, name) for name in PRICE_COLUMNS)
OPERATIONS |= {
    f"column:{name}": lambda bars, _inputs, _arguments, name=name: getattr(bars, name) for name in PRICE_COLUMNS
}


# Operations that choose among the values they are given, and those whose kernels round.
_EXACT = {
    "constant", "where", "negative", "absolute", "sign", "floor", "ceiling", "maximum", "minimum", "shift", "fillna", "ffill",
    "rolling_min", "rolling_max", "rolling_sum", "rolling_mean", "ewm_mean", *(f"column:{name}" for name in PRICE_COLUMNS),
}  # fmt: skip


def _edge(node: Node, computed: Computed) -> Computed:
    """One meaning of unknown: what is not finite becomes NaN where an operation ends; what an indicator gives is rounded."""
    if node.logical:
        return computed
    if isinstance(computed, tuple):
        return tuple(quantized(each, finite=True) for each in computed)
    return finite_or_unknown(computed) if node.operation in _EXACT else quantized(computed, finite=True)


class Values(dict[tuple[Node | str, int], float]):
    """Values of nodes over one set of bars, each computed once while no more than `most_cells` numbers are kept.

    As a mapping: the last values of columns, by the column and how many bars back, as `latest` gives them.
    """

    def __init__(
        self, bars: BarColumns, most_cells: float = math.inf, others: OtherSymbols | None = None, name: str = ""
    ) -> None:
        """`others` are the symbols whose bars columns may look at; `name` is what `bars_of` calls these bars, where they are such."""
        super().__init__()
        self.bars = bars
        self._name = name
        self._others = others
        self._most_cells = most_cells
        self._computed: dict[Node, Computed] = {}
        self._resampled: dict[str, Resampled] = {}

    def forget(self) -> None:
        """Gives back the memory of what was computed."""
        self._computed.clear()

    def give(self, node: Node, values: Floats) -> None:
        """Takes these values for a node instead of computing it; what rests on it is computed from them."""
        self._computed[node] = values

    def series(self, node: Node) -> Floats:
        """The column of `node`, as long as the bars."""
        value = self._value(node)
        assert not isinstance(value, tuple)
        return value

    def latest(self, column: Node | str, back: int) -> float:
        """The last value of a column (of the one before with `back` 2), NaN when there are not so many bars.

        A column is a node, or a name of the bars: a price, the volume or a time field.
        """
        return self[column, back]

    def __missing__(self, key: tuple[Node | str, int]) -> float:
        found = self[key] = self._look_back(*key)
        return found

    def _look_back(self, column: Node | str, back: int) -> float:
        if len(self.bars) < back:
            return math.nan
        if isinstance(column, Node):
            return float(self.series(column)[-back])
        return float(getattr(self._newest, column)[-back])

    @cached_property
    def _newest(self) -> BarColumns:
        """The bars that can be asked about: their time fields are computed for them only."""
        return self.bars.tail(2)

    def _value(self, node: Node) -> Computed:
        found = self._computed.get(node)
        if found is not None:
            return found
        if len(self._computed) * len(self.bars) > self._most_cells:
            self.forget()
        # Inputs before what rests on them, without recursion: a chain may be longer than Python's stack.
        stack = [node]
        with np.errstate(all="ignore"):
            while stack:
                last = stack[-1]
                other = None if self._others is None else self._other(last.timeframe)
                missing = [each for each in last.inputs if each not in self._computed] if other is None else []
                if missing:
                    stack += missing
                    continue
                stack.pop()
                if last not in self._computed:
                    self._computed[last] = self._compute(last) if other is None else other._value(last)
        return self._computed[node]

    def _compute(self, node: Node) -> Computed:
        inputs = [self._computed[each] for each in node.inputs]
        if node.operation == "field":
            return inputs[0][int(node.arguments[0])]
        if node.operation == "last_completed":
            return inputs[0][self._longer(node.inputs[0].timeframe).latest]
        bars = self.bars if node.timeframe == self._name else self._longer(node.timeframe).bars
        return _edge(node, OPERATIONS[node.operation](bars, inputs, node.arguments))

    def _longer(self, timeframe: str) -> Resampled:
        """The bars of a longer timeframe, or of another symbol, after one that is not known: it stands for what was before the first."""
        found = self._resampled.get(timeframe)
        if found is None:
            other = self._other(timeframe)
            if other is not None:
                found = self._of(other.bars)
            else:
                symbol, length = symbol_and_timeframe(timeframe)
                made = seen_beside(self.bars, symbol, length) if symbol else longer(self.bars, timeframe)
                found = Resampled(made.bars.after_unknown(), made.latest + 1)
            self._resampled[timeframe] = found
        return found

    def _other(self, timeframe: str) -> Values | None:
        """The values of the bars of another symbol, if that is what is named."""
        return None if self._others is None or not timeframe.startswith(_OF) else self._others[timeframe]

    def _of(self, other: BarColumns) -> Resampled:
        """The bars of another symbol; of each own bar the last that began no later, and so has ended with it, unless that is too long ago."""
        latest = np.searchsorted(other.time[1:], self.bars.time, side="right")
        known = latest > 0
        known[known] = self.bars.time[known] - other.time[latest[known]] <= STALE
        return Resampled(other, np.where(known, latest, 0))


class OtherSymbols(dict[str, Values]):
    """The values of symbols' bars after one that is not known, by what `bars_of` calls them: columns of one symbol are computed once, whoever looks at it."""

    def __init__(self, columns: Mapping[str, BarColumns], most_cells: float) -> None:
        """Each of `columns` keeps no more than `most_cells` numbers."""
        super().__init__()
        self._columns = columns
        self._most_cells = most_cells

    def __missing__(self, name: str) -> Values:
        bars = self._columns[name.removeprefix(_OF)].after_unknown()
        found = self[name] = Values(bars, self._most_cells, name=name)
        return found


def reachable(roots: Iterable[Node]) -> list[Node]:
    """All nodes that `roots` depend on, themselves included, each once and after its inputs."""
    seen: dict[Node, None] = {}
    stack = list(roots)
    while stack:
        missing = [each for each in stack[-1].inputs if each not in seen]
        if missing:
            stack += missing
        else:
            seen.setdefault(stack.pop())
    return list(seen)
