"""The things that are backtested: a strategy on the bars of its symbol, or a portfolio strategy on those of its universe."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from stratforge.application.errors import Invalid
from stratforge.application.jobs.requests import NewBacktest, default_period, is_portfolio_study, is_study
from stratforge.application.looked_at import check_looked_at
from stratforge.application.portfolio_bars import bars_a_day, decisions_in, warm_up
from stratforge.application.warm_up import last_minutes, minutes_before, others_before, said_of, window_of
from stratforge.backtest import BacktestError, run_backtest
from stratforge.backtest.config import BacktestConfig
from stratforge.backtest.engine import bars_before, own_bars
from stratforge.backtest.portfolio_sweep import PortfolioSweeper, run_seconds, sweep_seconds
from stratforge.backtest.sensitivity import SLIPPAGES, cost_sensitivity, portfolio_cost_sensitivity
from stratforge.backtest.sweep import Point, Sweepable, Sweeper
from stratforge.broker.history import Found
from stratforge.market import Bar, BarColumns, is_crypto
from stratforge.market.columns import exchange_timezone
from stratforge.market.symbols import PORTFOLIO
from stratforge.storage.market.daily_bars import calendar_days
from stratforge.storage.strategies.studies import Material
from stratforge.strategy import Strategy, compile_strategy
from stratforge.strategy.lookback import DAY_MINUTES, MAX_DAYS
from stratforge.strategy.rotation import PortfolioStrategy, compile_portfolio, is_portfolio

# Of one symbol the latest so many; of all symbols of a portfolio together at most so many.
MAX_BARS = 500_000
# Seconds of one core that the runs of a report may take, by their nominal costs: a function has twice as long.
_MOST_SECONDS = 60.0
_A_DAY = timedelta(days=1)


class History(Protocol):
    """Past bars and the market's clock."""

    def now(self) -> datetime:
        """The time of the market, which is not ours where the market is replayed."""
        ...

    def bars(self, symbol: str, start: datetime, end: datetime, limit: int | None = None) -> Sequence[Bar]:
        """Finished 1-minute bars from `start` (included) to `end` (excluded), oldest first; the latest `limit` ones."""
        ...

    def bars_of(self, symbols: Sequence[str], start: datetime, end: datetime) -> Found:
        """Finished 1-minute bars of many symbols, as `bars` gives them of one."""
        ...

    def days_of(self, symbols: Sequence[str], start: datetime, end: datetime) -> Found:
        """Bars of days that began from `start` (included) to `end` (excluded), adjusted for all splits until now."""
        ...


@dataclass(frozen=True)
class Tested(ABC):
    """A version's code with the request that says how it is backtested.

    Attributes:
        symbol: Its symbol, or what stands for one where there are several.
    """

    request: NewBacktest
    version: int
    python_code: str
    symbol: str

    @property
    @abstractmethod
    def strategy(self) -> Strategy | PortfolioStrategy:
        """The strategy, with the parameters that the request sets."""

    @cached_property
    def window(self) -> int:
        """The number of bars before its period that are known."""
        return window_of(self.strategy, self.request.sweep)

    @abstractmethod
    def load(self, history: History) -> Material:
        """Reads the bars of its period.

        Raises:
            BacktestError: if there are none, or too many.
        """

    @abstractmethod
    def sweeper(self, material: Material) -> Sweepable:
        """Gives what runs the points of a sweep."""

    @abstractmethod
    def is_study(self, points: Sequence[Point], material: Material) -> bool:
        """Returns whether a sweep is larger than one function's time."""

    @abstractmethod
    def report(self, material: Material, tell: Callable[[str], None]) -> dict[str, Any]:
        """Makes the report without a sweep; `tell` is told where it stands."""

    def _period(self, history: History, bar_minutes: int) -> tuple[datetime, datetime]:
        """The period of the request: up to now by the market's clock, unless given."""
        end = self.request.end or history.now().replace(second=0, microsecond=0)
        return self.request.start or end - default_period(bar_minutes), end


def tested(request: NewBacktest, version: int, python_code: str, symbol: str) -> Tested:
    """Makes of a request what it wants backtested.

    Raises:
        Invalid: if it holds what a portfolio strategy has no use for.
        StrategyError: if the code does not pass the gate any more.
    """
    if is_portfolio(python_code):
        request.portfolio_capital()
        return TestedPortfolio(request, version, python_code, PORTFOLIO)
    return TestedStrategy(request, version, python_code, request.symbol or symbol)


class TestedStrategy(Tested):
    """A strategy of one symbol, on its own bars."""

    @cached_property
    def strategy(self) -> Strategy:
        """The strategy, with the parameters that the request sets."""
        compiled = compile_strategy(self.python_code)
        return compiled.with_parameters(**self.request.parameters) if self.request.parameters else compiled

    def load(self, history: History) -> Material:
        """Reads the bars of a minute of its period, or its days."""
        bar_minutes, symbol = self.strategy.bar_minutes, self.symbol
        start, end = self._period(history, bar_minutes)
        self._check_others()
        if bar_minutes == DAY_MINUTES:
            found = history.days_of([symbol], start - calendar_days(MAX_DAYS), end)
            if symbol in found.refused:
                raise BacktestError(found.refused[symbol])
            bars: Sequence[Bar] = _over(found.bars.get(symbol, []), end)
        else:
            bars = history.bars(symbol, start, end, MAX_BARS)
            # Of a longer period than a backtest takes the last part is left.
            start = max(start, bars[0].time) if len(bars) == MAX_BARS else start
            bars = [*minutes_before(history, self.strategy, symbol, start, self.window), *bars]
        since = int(start.timestamp())
        if not bars or bars[-1].time < start:
            raise _none(symbol, start, end)
        days = self._days(history, symbol, bars[0].time, end) if self.strategy.reads_days else None
        others = self._others(history, bars[0].time, end)
        minutes = replace(BarColumns.from_bars(bars), daily=bar_minutes == DAY_MINUTES, days=days, others=others)
        columns = own_bars(self.strategy, minutes)
        known = max(0, bars_before(columns, since) - self.window)
        return Material(self.version, {symbol: columns.slice(known, len(columns))}, since)

    def _days(self, history: History, symbol: str, first: datetime, end: datetime) -> BarColumns:
        """The days of the exchange that bars look at: those that are over, and as many before the first bar as any point of a sweep may look back on."""
        found = history.days_of([symbol], first - calendar_days(MAX_DAYS), end)
        if symbol in found.refused:
            raise BacktestError(found.refused[symbol])
        columns = BarColumns.from_bars(_over(found.bars.get(symbol, []), end))
        return replace(columns, daily=True, timezone=exchange_timezone(symbol))

    def _check_others(self) -> None:
        try:
            check_looked_at(self.symbol, self.strategy)
        except Invalid as error:
            raise BacktestError(str(error)) from None

    def _others(self, history: History, first: datetime, end: datetime) -> dict[str, BarColumns]:
        """The bars of the other symbols that it looks at, as many before the first of its own as a session is given."""
        found = {}
        for symbol, before in others_before(self.strategy, self.request.sweep).items():
            days = self._days(history, symbol, first, end) if self.strategy.reads_days_of(symbol) else None
            if days is not None and self.strategy.bar_minutes == DAY_MINUTES:
                found[symbol] = days
                continue
            bars = history.bars(symbol, first, end, MAX_BARS) if self.strategy.reads_bars_of(symbol) else []
            if len(bars) == MAX_BARS:
                raise BacktestError(
                    f"there are {MAX_BARS:,} bars of {symbol} or more in this period; choose a shorter one"
                )
            earlier = last_minutes(history, symbol, first, before) if self.strategy.reads_bars_of(symbol) else []
            if not (bars or earlier or (days is not None and len(days))):
                raise _none(symbol, first, end)
            columns = BarColumns.from_bars([*earlier, *bars])
            found[symbol] = replace(columns, days=days, timezone=exchange_timezone(symbol))
        return found

    def sweeper(self, material: Material) -> Sweeper:
        """Gives what runs the points of a sweep."""
        config = self.request.config.config()
        return Sweeper(self.strategy, _only(material), config, since=material.since, target="python")

    def is_study(self, points: Sequence[Point], material: Material) -> bool:
        """Returns whether a sweep is larger than one function's time."""
        bars = _only(material)
        return is_study(len(points), len(bars) - bars_before(bars, material.since))

    def report(self, material: Material, tell: Callable[[str], None]) -> dict[str, Any]:
        """Runs it, and gives the report as it is stored."""
        tell("backtesting")
        config = self.request.config.config()
        ran = run_backtest(self.strategy, _only(material), config, symbol=self.symbol, since=material.since)
        report = ran.as_dict()
        report["period"] = _covered(ran.bars)
        report["bar_minutes"] = ran.bars.seconds // 60
        report["assumptions"].append(said_of(ran.before, self.window))
        if self.strategy.other_symbols:
            report["assumptions"].append(
                f"It looks at {', '.join(self.strategy.other_symbols)}: on each bar at what was over when that began."
            )
        tell("trying other costs")
        report["costs"] = [asdict(each) for each in cost_sensitivity(ran)]
        return report


class TestedPortfolio(Tested):
    """A portfolio strategy, on the kind of bars that a session of it decides on."""

    @cached_property
    def strategy(self) -> PortfolioStrategy:
        """The strategy, with the parameters that the request sets."""
        compiled = compile_portfolio(self.python_code)
        return compiled.with_parameters(**self.request.parameters) if self.request.parameters else compiled

    @property
    def config(self) -> BacktestConfig:
        """The assumptions; what it begins with is the capital of a session, not the whole account."""
        return replace(self.request.config.config(), cash=float(self.request.portfolio_capital()))

    def load(self, history: History) -> Material:
        """Reads the bars of every symbol: of days or of minutes by its schedule, with as many before the period as its columns look back."""
        strategy, daily = self.strategy, not self.strategy.schedule.minutes
        start, end = self._period(history, DAY_MINUTES if daily else 1)
        first = start - warm_up(strategy, self.window)
        expected = len(strategy.symbols) * _most_bars(first, end, strategy)
        if expected > MAX_BARS:
            raise BacktestError(
                f"about {expected:,} bars of {len(strategy.symbols)} symbols are too many: {MAX_BARS:,} are allowed; choose a shorter period"
            )
        found = (history.days_of if daily else history.bars_of)(strategy.symbols, first, end)
        columns = {}
        for symbol in strategy.symbols:
            if symbol in found.refused:
                raise BacktestError(f"{symbol}: {found.refused[symbol]}")
            bars = _over(found.bars.get(symbol, []), end) if daily else found.bars.get(symbol, [])
            if not bars:
                raise _none(symbol, first, end)
            columns[symbol] = replace(BarColumns.from_bars(bars), daily=daily)
        material = Material(self.version, columns, int(start.timestamp()))
        seconds = (1 + len(SLIPPAGES)) * self._run_seconds(material)
        if seconds > _MOST_SECONDS:
            raise BacktestError(
                f"{len(strategy.symbols)} symbols over this period would take about {seconds:,.0f} seconds of a core, and {_MOST_SECONDS:g} are allowed; "
                "choose a shorter period, or decide less often"
            )
        return material

    def sweeper(self, material: Material) -> PortfolioSweeper:
        """Gives what runs the points of a sweep."""
        return PortfolioSweeper(self.strategy, material.bars, self.config, material.since)

    def is_study(self, points: Sequence[Point], material: Material) -> bool:
        """Returns whether a sweep is larger than one function's time."""
        bars, decisions = self._size(material)
        return is_portfolio_study(
            len(points), sweep_seconds(self.strategy, len(points), bars, decisions, self.request.folds)
        )

    def report(self, material: Material, tell: Callable[[str], None]) -> dict[str, Any]:
        """Runs it, and gives the report as it is stored."""
        tell("backtesting")
        sweeper = self.sweeper(material)
        report = sweeper.report().as_dict()
        # What was asked for, as a session takes it.
        report["config"] = self.request.config.config().as_dict()
        report["capital"] = self.config.cash
        report["period"] = _covered(sweeper.bars)
        report["bar_minutes"] = sweeper.bars.seconds // 60
        report["assumptions"].append(self._columns_know())
        tell("trying other costs")
        report["costs"] = [asdict(each) for each in portfolio_cost_sensitivity(sweeper)]
        return report

    def _size(self, material: Material) -> tuple[int, int]:
        """Bars of each symbol, and about how many decisions."""
        bars = max(map(len, material.bars.values()))
        return bars, decisions_in(self.strategy, bars)

    def _run_seconds(self, material: Material) -> float:
        return run_seconds(self.strategy, *self._size(material))

    def _columns_know(self) -> str:
        kind = "minutes" if self.strategy.schedule.minutes else "days"
        return f"Indicators know the {kind} before the period, as those of a session do: up to {self.window:,} of each symbol."


def _most_bars(first: datetime, end: datetime, strategy: PortfolioStrategy) -> int:
    """Bars of a symbol between two times, were there no holidays."""
    crypto = is_crypto(strategy.symbols[0])
    days = max(0, -((first - end) // _A_DAY)) if crypto else int(np.busday_count(first.date(), end.date()))
    return days * bars_a_day(strategy)


def _only(material: Material) -> BarColumns:
    (bars,) = material.bars.values()
    return bars


def _covered(bars: BarColumns) -> list[int]:
    return [int(bars.time[0]), int(bars.time[-1]) + bars.seconds]


def _over(days: Sequence[Bar], end: datetime) -> list[Bar]:
    """The days that are over: one that is not is no bar yet."""
    return [each for each in days if each.time + _A_DAY <= end]


def _none(symbol: str, start: datetime, end: datetime) -> BacktestError:
    return BacktestError(
        f"there are no bars of {symbol} from {start:%Y-%m-%d} to {end:%Y-%m-%d}; choose another period"
    )
