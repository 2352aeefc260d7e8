"""How many bars a trailing window needs: measured, not guessed.

The indicators are evaluated on random walks of different scale and calm, over the full history and over trailing
windows; the lookback is the shortest window whose last values agree to a relative error of 1e-9 wherever it
was tried, found by doubling and then narrowing. Indicators of the day need a whole day at least.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from stratforge.market.columns import BarColumns
from stratforge.strategy.findings import Code, Finding, StrategyError
from stratforge.strategy.graph import Node, Values
from stratforge.strategy.indicators import REGISTRY

TOLERANCE = 1e-9
MAX_LOOKBACK = 20_000
_MARGIN = 1.25
# Bars of a day that never closes.
_DAY_BARS = 1_440


def window_length(lookback: int) -> int:
    """The length of the trailing window that a strategy with this lookback is evaluated on: a power of two from 64 up.

    It depends on the strategy alone, never on its company, so that a replay computes on the same numbers; and there are few
    lengths, so that strategies share the values of their indicators.
    """
    length = 64
    while length < lookback:
        length *= 2
    return length


class _History:
    """One made-up history with the values of the indicators over all of it."""

    def __init__(self, nodes: tuple[Node, ...], bars: BarColumns) -> None:
        self.bars = bars
        values = Values(bars)
        self.full = [values.series(node) for node in nodes]
        # Ends in the middle and at the edges of the day, so that day anchors are met too.
        self.ends = [len(bars) - offset for offset in (0, 1, 7, 391, 977)]


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


def _agree(history: _History, nodes: tuple[Node, ...], window: int, previous: bool) -> bool:
    for end in history.ends:
        values = Values(history.bars.slice(max(0, end - window), end))
        for node, full in zip(nodes, history.full, strict=True):
            mine = values.series(node)
            for back in (1, 2) if previous else (1,):
                expected, got = full[end - back], mine[-back] if len(mine) >= back else np.nan
                if np.isnan(expected) and np.isnan(got):
                    continue
                scale = max(
                    abs(float(expected)),
                    float(np.nanmax(np.abs(full[max(0, end - window) : end]), initial=0.0)) * 1e-3,
                )
                if not abs(got - expected) <= TOLERANCE * max(scale, 1e-12):
                    return False
    return True


@lru_cache(maxsize=4096)
def _measure(nodes: tuple[Node, ...], previous: bool) -> int:
    if not nodes:
        return 2 if previous else 1
    low, high = 0, 16
    length = 4096
    while True:
        if high * 2 > length:
            length = min(high * 8, MAX_LOOKBACK * 2)
        histories = [
            _History(nodes, _random_history(seed, length, volatility, level))
            for seed, volatility, level in ((1, 0.001, 100.0), (2, 0.02, 7.0), (3, 0.0002, 30_000.0))
        ]
        while high * 2 <= length and not all(_agree(each, nodes, high, previous) for each in histories):
            low, high = high, high * 2
        if high * 2 <= length:
            break
        if high > MAX_LOOKBACK:
            finding = Finding(
                1,
                1,
                Code.UNBOUNDED,
                f"an indicator needs more than {MAX_LOOKBACK:,} bars of history",
                "Use shorter lengths",
            )
            raise StrategyError([finding])
    while high - low > max(1, high // 64):
        middle = (low + high) // 2
        if all(_agree(each, nodes, middle, previous) for each in histories):
            high = middle
        else:
            low = middle
    if any(_of_the_day(node) for node in nodes):
        # What holds on to a value until the day ends may do so all day, however soon it let go on these histories.
        high = max(high, _DAY_BARS)
    return int(high * _MARGIN) + 2


def _of_the_day(node: Node) -> bool:
    """Whether a node, or one it rests on, begins anew every day."""
    anchored = node.operation == "indicator" and REGISTRY[str(node.arguments[0])].anchored
    return anchored or node.operation == "ffill" or any(_of_the_day(each) for each in node.inputs)


def measure_lookback(nodes: list[Node], *, previous: bool) -> int:
    """Bars of history the last values of `nodes` need (the last two, with `previous`).

    Raises:
        StrategyError: if no window of at most `MAX_LOOKBACK` bars is enough.
    """
    return _measure(tuple(nodes), previous)
