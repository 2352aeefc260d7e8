"""A backtest at once, while code is being written: of the last bars that the platform has, stored nowhere."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np

from stratforge.application.access import Caller, Scope
from stratforge.application.errors import Invalid, LimitReached
from stratforge.application.jobs.requests import Assumptions
from stratforge.application.looked_at import check_looked_at
from stratforge.application.portfolio_setup import capital_of
from stratforge.application.quotas import PREVIEWS, spend_first
from stratforge.application.recorded_bars import (
    LENGTHS,
    are_recorded,
    is_daily,
    nominal_nanoseconds,
    recorded_bars,
    shown_since,
    times_of,
)
from stratforge.application.warm_up import window_of
from stratforge.backtest import BacktestError, run_backtest
from stratforge.backtest.engine import own_bars
from stratforge.backtest.portfolio import run_portfolio_backtest
from stratforge.backtest.portfolio_report import PortfolioReport
from stratforge.backtest.report import BacktestReport
from stratforge.market import BarColumns, InvalidSymbol, parse_symbol
from stratforge.storage.market import daily_bars
from stratforge.storage.market.assets import that_may_exist
from stratforge.storage.market.clock import market_clock
from stratforge.storage.market.days_asked import ask_for_days
from stratforge.storage.postgres.database import Connection, Database
from stratforge.strategy import Strategy
from stratforge.strategy.lookback import DAY_MINUTES, MAX_DAYS
from stratforge.strategy.rotation import PortfolioStrategy

# Of a preview as many bars as take no more than this nominal processor time.
_NANOSECONDS = 300_000_000
_POINTS = 80
# Days before those that indicators know which are asked for where nobody has read any: a year of trading.
_A_YEAR = 260


@dataclass(frozen=True, slots=True)
class DaysAwaited:
    """Days of so many symbols are being read: in a few seconds there is a preview."""

    symbols: int


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
) -> Preview | DaysAwaited | None:
    """Backtests a strategy on the last bars that are recorded of its symbols, with indicators that know the ones before; None where there are too few.

    Of symbols whose days nobody has read lately they are asked for: the ingestor reads them, of few users at a time, and as many as a year and the indicators need.

    Args:
        symbol: What a strategy of one symbol is tried on.
        assumed: The setup, as that of a backtest.
    """
    caller.require(Scope.READ)
    try:
        symbols = list(strategy.symbols) if isinstance(strategy, PortfolioStrategy) else [parse_symbol(symbol)]
    except InvalidSymbol:
        return None
    affordable = next((each for each in LENGTHS if nominal_nanoseconds(strategy, each) <= _NANOSECONDS), None)
    if affordable is None:
        return None
    try:
        spend_first(database, caller, PREVIEWS)
    except LimitReached:
        # Whoever types on is told what his code is made of; the figures come back with the next pause.
        return None
    window = window_of(strategy)
    with database.transaction(caller) as connection:
        bars = recorded_bars(connection, strategy, symbols, affordable + window)
        awaited = _asked_for(connection, caller, symbols, window) if is_daily(strategy) and window else 0
    if awaited and not all(map(len, bars.values())):
        return DaysAwaited(awaited)
    if not all(map(are_recorded, bars.values())):
        # Nobody has read the symbol's days yet, or nothing is recorded of another that it looks at.
        return None
    try:
        report = _ran(strategy, bars, affordable, assumed)
    except (BacktestError, Invalid):
        return None
    return None if report is None else _shown(strategy, report, symbols)


def _asked_for(connection: Connection, caller: Caller, symbols: Sequence[str], window: int) -> int:
    """Asks for the days of symbols that were not read as far as they have gone by now, if the broker knows them; returns of how many they are waited for: of none where it does not know one."""
    unread = daily_bars.unread(connection, dict.fromkeys(symbols, 0), market_clock(connection).now)
    known = that_may_exist(connection, unread) if unread else []
    if known:
        ask_for_days(connection, caller.user_id, known, min(MAX_DAYS, window + _A_YEAR))
    return len(unread) if len(known) == len(unread) else 0


def _ran(
    strategy: Strategy | PortfolioStrategy, bars: Mapping[str, BarColumns], affordable: int, assumed: Assumptions
) -> BacktestReport | PortfolioReport | None:
    """The report of the last bars, as many as are affordable; those before them are known."""
    if not all(map(len, bars.values())):
        return None
    config = assumed.config()
    if isinstance(strategy, PortfolioStrategy):
        capital = capital_of(config.sizing_rule, Decimal(str(config.sizing_value)), Decimal(str(config.cash)))
        since = shown_since(times_of(bars), strategy, affordable)
        begun = replace(config, cash=float(capital))
        return None if since is None else run_portfolio_backtest(strategy, bars, begun, since=since)
    ((symbol, given),) = bars.items()
    check_looked_at(symbol, strategy)
    own = own_bars(strategy, given)
    since = shown_since(own.time, strategy, affordable)
    return None if since is None else run_backtest(strategy, own, config, symbol=symbol, since=since)


def _shown(
    strategy: Strategy | PortfolioStrategy, report: BacktestReport | PortfolioReport, symbols: Sequence[str]
) -> Preview:
    metrics, equity = report.metrics, report.equity_values
    shown = np.linspace(0, len(equity) - 1, _POINTS).astype(int)
    return Preview(
        unit=_unit(DAY_MINUTES if is_daily(strategy) else strategy.bar_minutes),
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
