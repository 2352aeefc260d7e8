"""The number of bars that a trailing window needs: known by construction, not guessed and not tried out.

Every kernel says how many bars before its own it looks at (`reach.py`); an indicator is run once on probes, which carry that through it, and
along the graph of a strategy the reaches add up. What has no end by its nature is cut to a fixed number of bars where it is computed (`kernels.py`),
or begins anew with the day. So a window of `lookback` bars holds everything that its last value is made of, whatever the data is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from stratforge.market.columns import BarColumns
from stratforge.market.resampling import DAY, TIMEFRAMES
from stratforge.strategy.cost import MAX_GATE_NANOSECONDS, cost_of, node_nanoseconds, too_large
from stratforge.strategy.findings import Code, Finding, StrategyError
from stratforge.strategy.graph import NODES, Argument, Node, Values, bars_of, symbol_and_timeframe
from stratforge.strategy.indicators import REGISTRY
from stratforge.strategy.kernels import exponential_reach
from stratforge.strategy.reach import DAY_BARS, probe, reach_of

# What a lookback was found by. One that is stored is worth something in its own edition only: raised whenever the windows of
# strategies change (`test_lookback.py` holds the windows of this edition).
EDITION = 4
MAX_LOOKBACK = 32_000
DAY_MINUTES = TIMEFRAMES[DAY]
# What a session on longer bars may have of bars of a minute, and any of days.
_MOST_MINUTES, MAX_DAYS = 32_768, 2_048
# What an evaluation may have of bars of its own and of other symbols.
MAX_TOGETHER = 2 * _MOST_MINUTES
# What a portfolio decision sees beside its windows of symbols that it looks at with bars of others that seldom trade: so many bars of a minute of all of them, and none that lie farther back.
FARTHER_BARS = 16_384
FARTHER = timedelta(days=28)
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


def made_up_market(bars: int) -> BarColumns:
    """Bars of a minute that no market had, the same every time: to try what running takes where nothing is recorded."""
    return _random_history(1, bars, 0.001, 100.0)


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


def check_others(history: History, timeframe: str | None) -> None:
    """Refuses a strategy whose sessions would need more bars of other symbols than they get.

    Raises:
        StrategyError: saying of which, or how many there may be in all.
    """
    for symbol, each in history.others:
        length = _most_bars(timeframe)
        if window_length(each.bars + each.back) > length:
            message = f'the indicators need {each.bars + each.back:,} bars of bars.of("{symbol}"); {1 << length.bit_length() - 1:,} are allowed'
            raise StrategyError([Finding(1, 1, Code.UNBOUNDED, message, "Use shorter lengths")])
    together = window_length(history.bars) + sum(each.window for _, each in history.others)
    if together > MAX_TOGETHER:
        message = (
            f"the bars and those of other symbols that they look at are {together:,}; {MAX_TOGETHER:,} are allowed"
        )
        raise StrategyError([Finding(1, 1, Code.UNBOUNDED, message, "Use shorter lengths, or fewer symbols")])


def _bars_of_minutes(timeframe: str, looks: int, minutes: int) -> int:
    """Bars before its own that a value looks at which is of the last completed bar of a longer timeframe, and of `looks` bars before that."""
    # Bars of another symbol are as long as the strategy's own.
    most = -(-TIMEFRAMES.get(timeframe, 1) // minutes)
    # All of these, and what has come since.
    return (looks + 1) * most + most - 1


class OfOther(NamedTuple):
    """The history that columns look back on of another symbol: bars as long as the strategy's own, up to the one that was seen with the own bar that lies `back`
    before the last, and days before the day of that."""

    bars: int = 0
    days: int = 0
    back: int = 0

    def joined(self, other: OfOther) -> OfOther:
        """Joins the needs of two columns."""
        return OfOther(*(max(pair) for pair in zip(self, other, strict=True)))

    def earlier(self, bars: int) -> OfOther:
        """The same so many own bars before, each of which may be of the day before."""
        return OfOther(self.bars, self.days + bars if self.days else 0, self.back + bars)

    @property
    def window(self) -> int:
        """As many of its bars as there are of both symbols in the same time."""
        return window_length(self.bars + self.back) if self.bars else 0


class Lookbacks(NamedTuple):
    """The history that the sessions of a strategy need, as it is stored: bars of a minute (on bars of days, days), days beside shorter bars, and what of other symbols."""

    bars: int
    days: int = 0
    others: Mapping[str, OfOther] = MappingProxyType({})


class History(NamedTuple):
    """The history that columns look back on: bars of the strategy's own, days of the exchange before the day of the last of them (0 where it reads none), and
    bars and days of other symbols."""

    bars: int
    days: int = 0
    others: tuple[tuple[str, OfOther], ...] = ()

    @property
    def beside(self) -> dict[str, int]:
        """The lengths of the trailing windows that stand beside that of its own bars, by the timeframes of their nodes."""
        found = {DAY: day_window_length(self.days)} if self.days else {}
        for symbol, each in self.others:
            found |= {bars_of(symbol, timeframe): each.window for timeframe in ("", *TIMEFRAMES)}
            if each.days:
                found[bars_of(symbol, DAY)] = day_window_length(each.days)
        return found


class _Looks(NamedTuple):
    """How far a value looks back: on bars before its own in its timeframe, on days, and on other symbols."""

    bars: int = 0
    days: int = 0
    others: Mapping[str, OfOther] = MappingProxyType({})

    @classmethod
    def all_of(cls, several: Iterable[_Looks]) -> _Looks:
        """How far several values look back together."""
        bars = days = 0
        others: dict[str, OfOther] = {}
        for each in several:
            bars, days = max(bars, each.bars), max(days, each.days)
            for symbol, needed in each.others.items():
                others[symbol] = needed.joined(others.get(symbol, needed))
        return cls(bars, days, others)

    def earlier(self, bars: int) -> _Looks:
        """The same so many bars before, each of which may be of the day before."""
        days = self.days + bars if self.days else 0
        others = {symbol: each.earlier(bars) for symbol, each in self.others.items()} if bars else self.others
        return _Looks(self.bars + bars, days, others)


def measure_others(nodes: Iterable[Node]) -> dict[str, OfOther]:
    """The history that columns need of other symbols, by these, where bars of days are made of the strategy's own: those of portfolio strategies."""
    return dict(_looks(nodes, 1, days_apart=False, others_apart=True)[1].others)


def measure_lookback(nodes: Iterable[Node], *, previous: bool, minutes: int = 1, apart: bool = False) -> History:
    """The history that `nodes` need for their last values (the last two, with `previous`).

    Args:
        nodes: All columns on the way to those that are read, in an order in which inputs come first.
        previous: Whether the values of the bar before the last are read.
        minutes: How long a bar is.
        apart: Whether the days that shorter bars look at are those of the exchange, which are counted by themselves, as are the bars of other symbols; otherwise days are made of the
            bars, and there are as many bars of others.

    Raises:
        StrategyError: if that is more than `MAX_LOOKBACK` or `MAX_DAYS`, or a window of it costs more than a session may.
    """
    looks, all_of_them = _looks(nodes, minutes, days_apart=apart, others_apart=apart)
    own = [each.bars for node, each in looks.items() if not (apart and _stands_beside(node.timeframe, minutes))]
    read = _Looks(0, all_of_them.days, all_of_them.others).earlier(int(previous))
    _check(read)
    others = tuple(sorted(read.others.items()))
    history = History(max(own, default=0) + (2 if previous else 1), read.days, others)
    cost_of(list(looks), window_length(history.bars), beside=history.beside)
    return history


def _looks(
    nodes: Iterable[Node], minutes: int, *, days_apart: bool, others_apart: bool
) -> tuple[dict[Node, _Looks], _Looks]:
    """How far each of some columns looks back, and all of them together."""
    meter = _Meter()
    looks: dict[Node, _Looks] = {}
    for node in nodes:
        found = _Looks.all_of(looks[each] for each in node.inputs)
        if node.operation != "last_completed":
            looks[node] = found.earlier(_own_bars(node, meter))
        else:
            timeframe = node.inputs[0].timeframe
            looks[node] = _last_completed(
                timeframe, found.bars, minutes, days_apart=days_apart, others_apart=others_apart
            )
        _check(looks[node])
    return looks, _Looks.all_of(looks.values())


def _stands_beside(timeframe: str, minutes: int) -> bool:
    """Whether bars of a timeframe are not made of the strategy's own."""
    return bool(symbol_and_timeframe(timeframe)[0]) or (timeframe == DAY and minutes < DAY_MINUTES)


def _last_completed(timeframe: str, looks: int, minutes: int, *, days_apart: bool, others_apart: bool) -> _Looks:
    """How far the last bar of a timeframe looks back that was completed, and so many bars before it, from the strategy's own bars."""
    symbol, length = symbol_and_timeframe(timeframe)
    symbol, days = symbol if others_apart else "", days_apart and length == DAY and minutes < DAY_MINUTES
    if not (symbol or days):
        return _Looks(_bars_of_minutes(length, looks, minutes))
    if not symbol:
        return _Looks(0, looks + 1)
    if days:
        return _Looks(0, 0, {symbol: OfOther(days=looks + 1)})
    # The one that is seen is the last of these.
    bars = 1 + (_bars_of_minutes(length, looks, minutes) if length else looks)
    return _Looks(0, 0, {symbol: OfOther(bars)})


def _check(looks: _Looks) -> None:
    if max(looks.bars, *(max(each.bars, each.back) for each in looks.others.values()), 0) > MAX_LOOKBACK:
        raise _unbounded()
    if max(looks.days, *(each.days for each in looks.others.values()), 0) > MAX_DAYS:
        raise _too_many_days()
