"""The number of bars that a trailing window needs: measured, not guessed.

What a window of n bars or a shift of n bars needs is known; what an indicator needs is measured once for each
indicator and its arguments. Along the graph these add up to an estimate, and the estimate is tried: the columns are evaluated on random walks
of different scale and calm, over the full history and over trailing windows, and the lookback is a window whose last values agree to the digits that
kernels round to wherever it was tried, and show nothing of a past of another scale that lay before it. Indicators of the day need a whole day at least.
What reaches back a fixed number of bars (averages above all) is measured to the bar; whatever rests on anything else gets a margin of a quarter.

All this work is counted before it is done (`cost.py`), and has a budget: a source that asks for more is refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from stratforge.market.columns import PRICE_COLUMNS, BarColumns
from stratforge.strategy.cost import (
    MAX_GATE_NANOSECONDS,
    columns_nanoseconds,
    cost_of,
    longest_argument,
    node_nanoseconds,
    too_large,
)
from stratforge.strategy.findings import Code, Finding, StrategyError
from stratforge.strategy.graph import NODES, Argument, Node, Values, reachable
from stratforge.strategy.indicators import REGISTRY
from stratforge.strategy.kernels import reach

# What a lookback was measured by. One that is stored is worth something in its own edition only: raised whenever the windows of
# strategies change (`test_lookback.py` holds the windows of this edition).
EDITION = 2
TOLERANCE = 2e-12
MAX_LOOKBACK = 20_000
_MARGIN = 1.25
# Indicators that are sums of their inputs, or of changes of them, with fixed weights: what reaches into a value is a fixed number of bars,
# which prices that fall steeply show (`_leaves_no_trace`). Of others, whose values are of one size whatever the prices are, it would not show.
_FIXED_REACH = frozenset(
    [
        "sma",
        "ema",
        "rma",
        "wma",
        "hma",
        "dema",
        "tema",
        "macd",
        "rsi",
        "atr",
        "natr",
        "bbands",
        "stdev",
        "variance",
        "roc",
        "mom",
        "donchian",
        "true_range",
        "vwma",
    ]
)
# Bars of a day that never closes.
_DAY_BARS = 1_440
# Ends in the middle and at the edges of the day, so that day anchors are met too.
_OFFSETS = (0, 1, 7, 391, 977)
_WALKS = ((1, 0.001, 100.0), (2, 0.02, 7.0), (3, 0.0002, 30_000.0))


def window_length(lookback: int) -> int:
    """The length of the trailing window that a strategy with this lookback is evaluated on: a power of two from 64 up.

    It depends on the strategy alone, never on its company, so that a replay computes on the same numbers; and there are few
    lengths, so that strategies share the values of their indicators.
    """
    length = 64
    while length < lookback:
        length *= 2
    return length


@lru_cache(maxsize=16)
def _random_history(seed: int, length: int, volatility: float, level: float) -> BarColumns:
    generator = np.random.default_rng(seed)
    close = level * np.exp(np.cumsum(generator.normal(0, volatility, length)))
    open_ = np.concatenate(([level], close[:-1]))
    spread = np.abs(generator.normal(0, volatility, (2, length))) * close
    high, low = np.maximum(open_, close) + spread[0], np.minimum(open_, close) - spread[1]
    volume = np.floor(generator.lognormal(8, 1, length))
    start = 1_700_000_040 + 86_400 * seed
    time = start + 60 * np.arange(length, dtype=np.int64)
    return BarColumns(time, open_, high, low, close, volume)


@dataclass(slots=True)
class _Meter:
    """Nominal time spent on measuring."""

    nanoseconds: float = 0.0

    def spend(self, nanoseconds: float) -> None:
        """Notes work that is about to be done; raises `StrategyError` when it is too much."""
        self.nanoseconds += nanoseconds
        if self.nanoseconds > MAX_GATE_NANOSECONDS:
            raise too_large(
                "finding out how much history the indicators need takes too long",
                "Use shorter lengths or fewer indicators",
            )


class _History:
    """One made-up history with the values of some columns over all of it."""

    def __init__(self, nodes: tuple[Node, ...], bars: BarColumns) -> None:
        self.bars = bars
        self._nodes = nodes
        values = Values(bars)
        self.full = [values.series(node) for node in nodes]

    def agrees(self, window: int, previous: bool, offsets: tuple[int, ...]) -> bool:
        """Returns whether trailing windows of this length give the last values of the full history."""
        return all(self._agrees_at(len(self.bars) - offset, window, previous) for offset in offsets)

    def _agrees_at(self, end: int, window: int, previous: bool) -> bool:
        start = max(0, end - window)
        values = Values(self.bars.slice(start, end))
        for node, full in zip(self._nodes, self.full, strict=True):
            mine = values.series(node)
            for back in (1, 2) if previous else (1,):
                expected = float(full[end - back])
                got = float(mine[-back]) if len(mine) >= back else math.nan
                if math.isnan(expected) and math.isnan(got):
                    continue
                recent = float(np.nanmax(np.abs(full[start:end]), initial=0.0))
                scale = max(abs(expected), recent * 1e-3, 1e-12)
                if not (got == expected or abs(got - expected) <= TOLERANCE * scale):
                    return False
        return True


@dataclass(frozen=True, slots=True)
class _Measured:
    """The bars one indicator needs by itself (None when no window is enough), what finding out cost, and whether it has values at all."""

    bars: int | None
    nanoseconds: float
    has_values: bool


@lru_cache(maxsize=4096)
def _measure_indicator(arguments: tuple[tuple[type, Argument], ...], output: int) -> _Measured:
    """Measures one output of an indicator, on prices, by doubling a window and then narrowing it."""
    indicator = REGISTRY[str(arguments[0][1])]
    others = (name for name in PRICE_COLUMNS if name != "volume")
    columns = [name if name in PRICE_COLUMNS else next(others) for name in indicator.inputs]
    call = NODES.node(
        "indicator", tuple(NODES.node(f"column:{name}") for name in columns), tuple(value for _, value in arguments)
    )
    nodes = (NODES.node("field", (call,), (output,), logical=indicator.logical),)
    # Never less than its longest window, even where shorter ones happen to agree.
    least = longest_argument(call)
    low, high = least - 1, max(16, least)
    spent, has_values = 0.0, False
    history: _History | None = None
    exact = indicator.name in _FIXED_REACH

    def enough(window: int) -> bool:
        assert history is not None
        return history.agrees(window, False, (0, 977)) and (not exact or _leaves_no_trace(nodes, window, False))

    while True:
        if history is None or high * 2 > len(history.bars):
            length = max(2_048, high * 4)
            spent += node_nanoseconds(call, length)
            if high > MAX_LOOKBACK or spent > MAX_GATE_NANOSECONDS:
                return _Measured(None, spent, has_values)
            history = _History(nodes, _random_history(2, length, 0.02, 7.0))
            has_values = not bool(np.isnan(history.full[0]).all())
        spent += (5 if exact else 2) * node_nanoseconds(call, high)
        if has_values and enough(high):
            break
        low, high = high, high * 2
    while high - low > (1 if exact else max(1, high // 64)):
        middle = (low + high) // 2
        spent += (5 if exact else 2) * node_nanoseconds(call, middle)
        if enough(middle):
            high = middle
        else:
            low = middle
    # What is not a plain window may begin anew within it, where values are unknown in between.
    return _Measured(high + least if exact and high > least else high, spent, has_values)


def _indicator_bars(call: Node, output: int, meter: _Meter) -> int:
    name = str(call.arguments[0])
    try:
        measured = _measure_indicator(tuple((type(each), each) for each in call.arguments), output)
    except (ArithmeticError, ValueError, IndexError, MemoryError) as error:
        raise _refuse(f"ta.{name} cannot be computed with these arguments", "Use shorter lengths") from error
    if not measured.has_values:
        raise _refuse(f"ta.{name} never has a value with these arguments", "Use shorter lengths")
    meter.spend(measured.nanoseconds)
    if measured.bars is None:
        raise _unbounded()
    return measured.bars


def _refuse(message: str, suggestion: str) -> StrategyError:
    return StrategyError([Finding(1, 1, Code.ARGUMENT, message, suggestion)])


def _unbounded() -> StrategyError:
    message = f"an indicator needs more than {MAX_LOOKBACK:,} bars of history"
    return StrategyError([Finding(1, 1, Code.UNBOUNDED, message, "Use shorter lengths")])


def _own_bars(node: Node, meter: _Meter) -> int:
    """Earlier bars of its inputs that one node looks at."""
    operation = node.operation
    if operation in ("shift", "diff", "pct_change"):
        return int(node.arguments[0])
    if operation.startswith("rolling_"):
        return int(node.arguments[0]) - 1
    if operation == "ewm_mean":
        alpha = float(node.arguments[0])
        # Where values are unknown it may begin anew, as late as its weights ask for.
        return max(reach(1.0 - alpha) + math.ceil(2.0 / alpha), int(node.arguments[2]))
    # A window of n bars looks back n - 1.
    return _indicator_bars(node.inputs[0], int(node.arguments[0]), meter) - 1 if operation == "field" else 0


def _of_the_day(node: Node) -> bool:
    """Returns whether a node begins anew every day."""
    return node.operation == "ffill" or (node.operation == "indicator" and REGISTRY[str(node.arguments[0])].anchored)


def measure_lookback(nodes: list[Node], *, previous: bool) -> int:
    """Bars of history that `nodes` need for their last values (the last two, with `previous`).

    Args:
        nodes: All columns on the way to those that are read, in an order in which inputs come first.
        previous: Whether the values of the bar before the last are read.

    Raises:
        StrategyError: if no window of at most `MAX_LOOKBACK` bars is enough, or measuring would take too long.
    """
    return _measure(tuple(nodes), previous)


@lru_cache(maxsize=4096)
def _measure(nodes: tuple[Node, ...], previous: bool) -> int:
    meter = _Meter()
    # What costs too much over the shortest window it could need is not even tried.
    shortest = max((longest_argument(node) for node in nodes), default=0)
    meter.spend(columns_nanoseconds(nodes, 2 * shortest))
    roughly: dict[Node, bool] = {}
    for node in nodes:
        roughly[node] = _known_roughly(node) or any(roughly[each] for each in node.inputs)
    exact = tuple(node for node in nodes if not roughly[node])
    rough = tuple(reachable(node for node in nodes if roughly[node]))
    bars = _measure_alike(exact, previous, meter, 1.0)
    return max(bars, _measure_alike(rough, previous, meter, _MARGIN)) if rough else bars


def _known_roughly(node: Node) -> bool:
    """Whether how far back a node reaches was only seen on examples, so that a margin is needed."""
    return _of_the_day(node) or (node.operation == "indicator" and node.arguments[0] not in _FIXED_REACH)


def _measure_alike(nodes: tuple[Node, ...], previous: bool, meter: _Meter, margin: float) -> int:
    """The lookback of nodes that all need the same margin (1 for none)."""
    back = 2 if previous else 1
    looks: dict[Node, int] = {}
    window = 0
    for node in nodes:
        before = max((looks[each] for each in node.inputs), default=0)
        looks[node] = before + _own_bars(node, meter)
        if looks[node] > MAX_LOOKBACK:
            raise _unbounded()
        if window_length(_with_margin(looks[node] + back, margin)) > window:
            # What would cost too much on every bar need not be measured any further.
            window = window_length(_with_margin(looks[node] + back, margin))
            cost_of(nodes, window)
    bars = max(looks.values(), default=0) + back
    # What holds on to a value until the day ends may do so all day, however soon it let go on these histories.
    if any(_of_the_day(node) for node in nodes):
        bars = max(bars, _DAY_BARS)
    # Fields are what calls and columns are seen by; constants and prices need no history.
    seen = tuple(node for node in nodes if node.operation not in ("indicator", "constant") and node.inputs)
    if not seen:
        return bars
    cost_of(nodes, window_length(_with_margin(bars, margin)))
    cost = _trial_nanoseconds(nodes, bars)
    # Small steps where they cost little: a shorter window makes every bar cheaper.
    step = 1.05 if cost < MAX_GATE_NANOSECONDS / 50 else 1.25
    while True:
        meter.spend(_trial_nanoseconds(nodes, bars))
        if _holds(seen, bars, previous) and _forgets(seen, _with_margin(bars, margin), previous):
            return _with_margin(bars, margin)
        bars = math.ceil(bars * step)
        if bars > MAX_LOOKBACK:
            raise _unbounded()


def _with_margin(bars: int, margin: float) -> int:
    return int(bars * margin) + 2 if margin > 1.0 else bars


def _trial_nanoseconds(nodes: tuple[Node, ...], bars: int) -> float:
    full, windows = columns_nanoseconds(nodes, _trial_length(bars)), columns_nanoseconds(nodes, bars)
    past = columns_nanoseconds(nodes, 3 * _with_margin(bars, _MARGIN))
    return len(_WALKS) * (full + len(_OFFSETS) * windows) + past


def _trial_length(bars: int) -> int:
    return 2 * bars + max(_OFFSETS)


def _holds(seen: tuple[Node, ...], bars: int, previous: bool) -> bool:
    length = _trial_length(bars)
    try:
        return all(
            _History(seen, _random_history(seed, length, volatility, level)).agrees(bars, previous, _OFFSETS)
            for seed, volatility, level in _WALKS
        )
    except (ArithmeticError, ValueError, IndexError, MemoryError) as error:
        raise _refuse("the indicators cannot be computed with these numbers", "Use plainer numbers") from error


def _forgets(seen: tuple[Node, ...], window: int, previous: bool) -> bool:
    """Returns whether the last values after a past a million times as high are those of the window alone, bit for bit.

    What lies far back weighs next to nothing, and yet decides how a sum is rounded: so far back must the window reach.
    """
    before, now = _random_history(4, window, 0.01, 1e8), _random_history(5, window, 0.002, 100.0)
    time = now.time[0] + 60 * np.arange(2 * window, dtype=np.int64)
    open_, high, low, close, volume = (
        np.concatenate((getattr(before, name), getattr(now, name))) for name in PRICE_COLUMNS
    )
    return _alike(seen, BarColumns(time, open_, high, low, close, volume), window, previous)


def _leaves_no_trace(seen: tuple[Node, ...], window: int, previous: bool) -> bool:
    """Whether nothing before the window is part of the last values, however little it weighs.

    Prices fall by a factor of 1e50 over the window and as much before it: faster than weights grow, so that the oldest bar that is part
    of a value, or an average's seed, decides it.
    """
    walk = _random_history(6, 2 * window, 0.5, 100.0)
    around = 100.0 * walk.volume / walk.volume.mean() + 1.0
    fall = np.logspace(100, 0, 2 * window)
    close = around * fall
    open_ = np.concatenate((close[:1], close[:-1]))
    high, low = 1.01 * np.maximum(open_, close), 0.99 * np.minimum(open_, close)
    bars = BarColumns(walk.time, open_, high, low, close, walk.volume * np.logspace(40, 0, 2 * window))
    return _alike(seen, bars, window, previous)


def _alike(seen: tuple[Node, ...], bars: BarColumns, window: int, previous: bool) -> bool:
    """Whether the last values over all of `bars` are those over their last `window`, bit for bit."""
    whole, alone = Values(bars), Values(bars.tail(window))
    return all(
        np.array_equal(whole.series(node)[-back], alone.series(node)[-back], equal_nan=True)
        for node in seen
        for back in ((1, 2) if previous else (1,))
        if back <= window
    )
