"""The number of bars that a trailing window needs: known by construction, not guessed and not tried out.

Every kernel says how many bars before its own it looks at (`reach.py`); an indicator is run once on probes, which carry that through it, and
along the graph of a strategy the reaches add up. What has no end by its nature is cut to a fixed number of bars where it is computed (`kernels.py`),
or begins anew with the day. So a window of `lookback` bars holds everything that its last value is made of, whatever the data is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from stratforge.market.columns import BarColumns
from stratforge.market.resampling import DAY, TIMEFRAMES
from stratforge.strategy.cost import MAX_GATE_NANOSECONDS, cost_of, node_nanoseconds, too_large
from stratforge.strategy.findings import Code, Finding, StrategyError
from stratforge.strategy.graph import NODES, Argument, Node, Values
from stratforge.strategy.indicators import REGISTRY
from stratforge.strategy.kernels import exponential_reach
from stratforge.strategy.reach import DAY_BARS, probe, reach_of

# What a lookback was found by. One that is stored is worth something in its own edition only: raised whenever the windows of
# strategies change (`test_lookback.py` holds the windows of this edition).
EDITION = 3
MAX_LOOKBACK = 32_000
DAY_MINUTES = TIMEFRAMES[DAY]
# What a session on longer bars may have of bars of a minute, and any of days.
_MOST_MINUTES, MAX_DAYS = 32_768, 2_048
_A_YEAR = 256


def window_length(lookback: int) -> int:
    """The length of the trailing window that a strategy with this lookback is evaluated on: a power of two from 64 up.

    It depends on the strategy alone, never on its company, so that a replay computes on the same numbers; and there are few
    lengths, so that strategies share the values of their indicators.
    """
    length = 64
    while length < lookback:
        length *= 2
    return length


def day_window_length(lookback: int) -> int:
    """The length of the trailing window of days beside shorter bars, by the days that a strategy looks back on: that of a year at least, so that most share one."""
    return max(_A_YEAR, window_length(lookback))


def days_shown(length: int, bar_minutes: int) -> int:
    """The number of days that a session sees with a bar of a minute, by the length of its window of days: one more on longer bars, which may be of the day before."""
    return length if bar_minutes == 1 else length + 1


def own_window(lookback: int, bar_minutes: int) -> int:
    """The length of the window that a strategy is evaluated on, in bars of its own, by the lookback that is stored of it (`Strategy.stored_lookback`)."""
    return window_length(lookback) if bar_minutes in (1, DAY_MINUTES) else lookback // bar_minutes - 2


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
    """Nominal time spent on looking whether indicators have values."""

    nanoseconds: float = 0.0

    def spend(self, nanoseconds: float) -> None:
        """Notes work that is about to be done; raises `StrategyError` when it is too much."""
        self.nanoseconds += nanoseconds
        if self.nanoseconds > MAX_GATE_NANOSECONDS:
            raise too_large(
                "finding out how much history the indicators need takes too long",
                "Use shorter lengths or fewer indicators",
            )


@lru_cache(maxsize=4096)
def _reaches(arguments: tuple[tuple[type, Argument], ...]) -> tuple[int, ...]:
    """How many bars before its own each output of an indicator looks at.

    Raises:
        StrategyError: if it cannot be computed with these arguments.
    """
    name, *values = (value for _, value in arguments)
    indicator = REGISTRY[str(name)]
    parameters = {parameter.name: value for parameter, value in zip(indicator.parameters, values, strict=True)}
    path = np.linspace(1.0, 2.0, len(probe()))
    bars = BarColumns(60 * np.arange(len(path), dtype=np.int64), path, path, path, path, path)
    try:
        with np.errstate(all="ignore"):
            outputs = indicator.compute(bars, tuple(probe() for _ in indicator.inputs), parameters)
    except (ArithmeticError, ValueError, IndexError, MemoryError) as error:
        raise _refuse(f"ta.{name} cannot be computed with these arguments", "Use shorter lengths") from error
    return tuple(reach_of(each) for each in outputs)


@lru_cache(maxsize=4096)
def _has_values(arguments: tuple[tuple[type, Argument], ...], output: int, bars: int) -> bool:
    """Whether an output of an indicator has a value on the last of so many bars of a made-up market."""
    indicator = REGISTRY[str(arguments[0][1])]
    history = _random_history(2, bars, 0.02, 7.0)
    # Two inputs that are the same may have no value together, as a cross of a series with itself.
    names = [
        name if hasattr(history, name) else ("close", "open")[place % 2] for place, name in enumerate(indicator.inputs)
    ]
    call = NODES.node(
        "indicator", tuple(NODES.node(f"column:{name}") for name in names), tuple(v for _, v in arguments)
    )
    return bool(np.isfinite(Values(history).series(NODES.node("field", (call,), (output,)))).any())


def _indicator_bars(call: Node, output: int, meter: _Meter) -> int:
    arguments = tuple((type(each), each) for each in call.arguments)
    bars = _reaches(arguments)[output]
    if bars > MAX_LOOKBACK:
        raise _unbounded()
    length = window_length(bars + 2)
    meter.spend(node_nanoseconds(call, length))
    if not _has_values(arguments, output, length):
        raise _refuse(f"ta.{call.arguments[0]} never has a value with these arguments", "Use shorter lengths")
    return bars


def _refuse(message: str, suggestion: str) -> StrategyError:
    return StrategyError([Finding(1, 1, Code.ARGUMENT, message, suggestion)])


def _unbounded() -> StrategyError:
    message = f"an indicator needs more than {MAX_LOOKBACK:,} bars of history"
    return StrategyError([Finding(1, 1, Code.UNBOUNDED, message, "Use shorter lengths")])


def _too_many_days() -> StrategyError:
    message = f'the indicators need more than {MAX_DAYS:,} days of bars.resample("{DAY}")'
    return StrategyError([Finding(1, 1, Code.UNBOUNDED, message, "Use shorter lengths")])


def _own_bars(node: Node, meter: _Meter) -> int:
    """Bars before its own, in its inputs, that one node looks at."""
    operation = node.operation
    if operation in ("shift", "diff", "pct_change"):
        return int(node.arguments[0])
    if operation.startswith("rolling_"):
        return int(node.arguments[0]) - 1
    if operation == "ewm_mean":
        return exponential_reach(float(node.arguments[0]), int(node.arguments[2]))
    if operation == "ffill":
        return DAY_BARS
    if operation == "field" and node.inputs[0].operation == "indicator":
        return _indicator_bars(node.inputs[0], int(node.arguments[0]), meter)
    return 0


def longest_window(timeframe: str | None) -> int:
    """The length of the longest window that a session may be evaluated on, in bars of its own."""
    return 1 << _most_bars(timeframe).bit_length() - 1


def _most_bars(timeframe: str | None) -> int:
    minutes = TIMEFRAMES.get(timeframe or "", 1)
    if minutes == DAY_MINUTES:
        return MAX_DAYS
    return _MOST_MINUTES if minutes == 1 else _MOST_MINUTES // minutes - 2


def check_history(lookback: int, timeframe: str | None) -> None:
    """Refuses a strategy whose sessions would need more bars of a minute, or of days, than they get.

    Raises:
        StrategyError: saying how many of its own bars it may have.
    """
    if timeframe and window_length(lookback) > _most_bars(timeframe):
        message = f'the indicators need {lookback:,} bars of TIMEFRAME = "{timeframe}"; {longest_window(timeframe):,} are allowed'
        raise StrategyError([Finding(1, 1, Code.UNBOUNDED, message, "Use shorter lengths, or another timeframe")])


def _bars_of_minutes(node: Node, looks: int, minutes: int) -> int:
    """Bars before its own that a value looks at which is of the last completed bar of a longer timeframe, and of `looks` bars before that."""
    # Bars of another symbol are as long as the strategy's own.
    most = -(-TIMEFRAMES.get(node.timeframe, 1) // minutes)
    # All of these, and what has come since.
    return (looks + 1) * most + most - 1


class History(NamedTuple):
    """The history that columns look back on: bars of the strategy's own, and days of the exchange before the day of the last of them (0 where it reads none)."""

    bars: int
    days: int = 0

    @property
    def day_window(self) -> int | None:
        """The length of the trailing window of days; None where no days are read."""
        return day_window_length(self.days) if self.days else None


def measure_lookback(
    nodes: Iterable[Node], *, previous: bool, minutes: int = 1, days_of_exchange: bool = False
) -> History:
    """The history that `nodes` need for their last values (the last two, with `previous`).

    Args:
        nodes: All columns on the way to those that are read, in an order in which inputs come first.
        previous: Whether the values of the bar before the last are read.
        minutes: How long a bar is.
        days_of_exchange: Whether the days that shorter bars look at are those of the exchange, which are counted by themselves; otherwise they are made of the bars.

    Raises:
        StrategyError: if that is more than `MAX_LOOKBACK` or `MAX_DAYS`, or a window of it costs more than a session may.
    """
    meter = _Meter()
    apart = DAY if days_of_exchange and minutes < DAY_MINUTES else None
    looks: dict[Node, History] = {}
    for node in nodes:
        bars = max((looks[each].bars for each in node.inputs), default=0)
        days = max((looks[each].days for each in node.inputs), default=0)
        if node.operation != "last_completed":
            own = _own_bars(node, meter)
            # Each bar before may be of the day before.
            looks[node] = History(bars + own, days + own if days else 0)
        elif node.inputs[0].timeframe == apart:
            looks[node] = History(0, bars + 1)
        else:
            looks[node] = History(_bars_of_minutes(node.inputs[0], bars, minutes))
        if looks[node].bars > MAX_LOOKBACK:
            raise _unbounded()
        if looks[node].days > MAX_DAYS:
            raise _too_many_days()
    own_bars = (each.bars for node, each in looks.items() if node.timeframe != apart)
    longest = max((each.days for each in looks.values()), default=0)
    found = History(max(own_bars, default=0) + (2 if previous else 1), longest + previous if longest else 0)
    if found.days > MAX_DAYS:
        raise _too_many_days()
    cost_of(list(looks), window_length(found.bars), days=found.day_window)
    return found
