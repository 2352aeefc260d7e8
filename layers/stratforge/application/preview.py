"""A backtest at once, while code is being written: of the last bars that the platform has, stored nowhere."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np

from stratforge.application.access import Caller, Scope
from stratforge.application.bars_beside import with_beside
from stratforge.application.errors import Invalid, LimitReached
from stratforge.application.jobs.requests import Assumptions
from stratforge.application.looked_at import check_looked_at
from stratforge.application.portfolio_bars import decisions_in
from stratforge.application.portfolio_setup import capital_of
from stratforge.application.quotas import PREVIEWS, spend_first
from stratforge.application.warm_up import window_of
from stratforge.backtest import BacktestError, run_backtest
from stratforge.backtest.engine import own_bars
from stratforge.backtest.portfolio import run_portfolio_backtest
from stratforge.backtest.portfolio_report import PortfolioReport
from stratforge.backtest.portfolio_sweep import run_seconds
from stratforge.backtest.report import BacktestReport
from stratforge.market import BarColumns, InvalidSymbol, parse_symbol
from stratforge.market.columns import Integers
from stratforge.market.resampling import minutes_of
from stratforge.storage.market import market_data
from stratforge.storage.market.clock import market_clock
from stratforge.storage.market.daily_bars import days_before, exchange_day
from stratforge.storage.postgres.database import Connection, Database
from stratforge.strategy import Strategy
from stratforge.strategy.lookback import DAY_MINUTES
from stratforge.strategy.rotation import PortfolioStrategy

# Bars of a preview, a trading week of minutes at best: as many as take no more than this nominal processor time, of dear code fewer, and none below the last.
_LENGTHS = (1_950, 780, 390, 180, 60)
_FEWEST = _LENGTHS[-1]
_NANOSECONDS = 300_000_000
# Bars that are read, of all symbols together: those that are known before the first, and the minutes of which longer ones are made.
_MOST_READ = 16_000
_POINTS = 80


@dataclass(frozen=True, slots=True)
class Preview:
    """The figures of a preview.

    Attributes:
        unit: What its bars are, such as "minutes".
        bars: How many of them there were.
        what: The symbol, or "its 5 symbols".
        holding: What holding the symbol would have returned, or equal parts of the universe.
        sharpe: None where it is not defined.
        equity: About eighty points of the equity.
    """

    unit: str
    bars: int
    what: str
    begin: datetime
    total_return: float
    holding: float
    max_drawdown: float
    trades: int
    sharpe: float | None
    equity: list[float]


def preview(
    database: Database,
    caller: Caller,
    strategy: Strategy | PortfolioStrategy,
    symbol: str,
    assumed: Assumptions,
) -> Preview | None:
    """Backtests a strategy on the last bars that are recorded of its symbols, with indicators that know the ones before; None where there are too few.

    Args:
        symbol: What a strategy of one symbol is tried on.
        assumed: The setup, as that of a backtest.
    """
    caller.require(Scope.READ)
    try:
        symbols = list(strategy.symbols) if isinstance(strategy, PortfolioStrategy) else [parse_symbol(symbol)]
    except InvalidSymbol:
        return None
    affordable = next((each for each in _LENGTHS if _nanoseconds(strategy, each) <= _NANOSECONDS), None)
    if affordable is None:
        return None
    try:
        spend_first(database, caller, PREVIEWS)
    except LimitReached:
        # Whoever types on is told what his code is made of; the figures come back with the next pause.
        return None
    with database.reading(caller) as connection:
        bars = _recorded(connection, strategy, symbols, affordable + window_of(strategy))
    if any(_is_missing(each) or any(map(_is_missing, each.others.values())) for each in bars.values()):
        # Nobody has read the symbol's days yet, or nothing is recorded of another that it looks at.
        return None
    try:
        report = _ran(strategy, bars, affordable, assumed)
    except (BacktestError, Invalid):
        return None
    return None if report is None else _shown(strategy, report, symbols)


def _is_missing(bars: BarColumns) -> bool:
    return not len(bars) if bars.days is None else not len(bars.days)


def _nanoseconds(strategy: Strategy | PortfolioStrategy, bars: int) -> float:
    if isinstance(strategy, Strategy):
        return strategy.backtest_nanoseconds(bars)
    return 1e9 * run_seconds(strategy, bars, decisions_in(strategy, bars))


def _is_daily(strategy: Strategy | PortfolioStrategy) -> bool:
    if isinstance(strategy, PortfolioStrategy):
        return not strategy.schedule.minutes
    return strategy.bar_minutes == DAY_MINUTES


def _recorded(
    connection: Connection, strategy: Strategy | PortfolioStrategy, symbols: list[str], length: int
) -> dict[str, BarColumns]:
    """The last bars that are recorded of each symbol, days or minutes, to make so many of the strategy's own."""
    most = _MOST_READ // len(symbols)
    if _is_daily(strategy):
        now = market_clock(connection).now
        days = days_before(connection, {each: exchange_day(each, now) for each in symbols}, min(length, most))
        if isinstance(strategy, PortfolioStrategy):
            return {each: days[each].bars for each in symbols}
        return {each: with_beside(connection, each, strategy, days[each].bars) for each in symbols}
    needed = minutes_of(length, strategy.bar_minutes)
    bars = {each: market_data.bars_between(connection, each, None, None, min(needed, most)) for each in symbols}
    if isinstance(strategy, PortfolioStrategy):
        return bars
    return {each: with_beside(connection, each, strategy, minutes) for each, minutes in bars.items()}


def _ran(
    strategy: Strategy | PortfolioStrategy, bars: Mapping[str, BarColumns], affordable: int, assumed: Assumptions
) -> BacktestReport | PortfolioReport | None:
    """The report of the last bars, as many as are affordable; those before them are known."""
    if not all(map(len, bars.values())):
        return None
    config = assumed.config()
    if isinstance(strategy, PortfolioStrategy):
        capital = capital_of(config.sizing_rule, Decimal(str(config.sizing_value)), Decimal(str(config.cash)))
        since = _since(np.unique(np.concatenate([each.time for each in bars.values()])), strategy, affordable)
        begun = replace(config, cash=float(capital))
        return None if since is None else run_portfolio_backtest(strategy, bars, begun, since=since)
    ((symbol, given),) = bars.items()
    check_looked_at(symbol, strategy)
    own = own_bars(strategy, given)
    since = _since(own.time, strategy, affordable)
    return None if since is None else run_backtest(strategy, own, config, symbol=symbol, since=since)


def _since(time: Integers, strategy: Strategy | PortfolioStrategy, affordable: int) -> int | None:
    """Where the last bars begin of which figures are shown: all that are affordable and whose indicators are known, and the fewest at least. None where there are too few."""
    if len(time) < _FEWEST:
        return None
    return int(time[-min(affordable, max(_FEWEST, len(time) - window_of(strategy)))])


def _shown(
    strategy: Strategy | PortfolioStrategy, report: BacktestReport | PortfolioReport, symbols: Sequence[str]
) -> Preview:
    metrics, equity = report.metrics, report.equity_values
    shown = np.linspace(0, len(equity) - 1, _POINTS).astype(int)
    return Preview(
        unit=_unit(DAY_MINUTES if _is_daily(strategy) else strategy.bar_minutes),
        bars=len(equity),
        what=f"its {len(strategy.universe)} symbols" if isinstance(strategy, PortfolioStrategy) else symbols[0],
        begin=datetime.fromtimestamp(report.begins_at, UTC),
        total_return=metrics.total_return,
        holding=metrics.buy_and_hold_return,
        max_drawdown=metrics.max_drawdown,
        trades=metrics.trades,
        sharpe=metrics.sharpe if math.isfinite(metrics.sharpe) else None,
        equity=equity[shown].tolist(),
    )


def _unit(minutes: int) -> str:
    """What bars of so many minutes are called."""
    whole = {1: "minutes", 60: "hours", DAY_MINUTES: "days"}
    return whole.get(minutes) or (
        f"bars of {minutes // 60} hours" if minutes % 60 == 0 else f"bars of {minutes} minutes"
    )
