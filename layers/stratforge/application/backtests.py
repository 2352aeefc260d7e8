"""Backtests: what a sweep comes to before it begins; finished ones are thrown away by whoever had them made."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from stratforge.application.access import Caller, Scope
from stratforge.application.errors import NotFound
from stratforge.application.jobs.requests import (
    MAX_STUDY_POINTS,
    NewBacktest,
    default_period,
    is_portfolio_study,
    is_study,
)
from stratforge.application.jobs.study import DOLLARS_A_SECOND, MAX_STUDY_SECONDS
from stratforge.application.portfolio_bars import SESSION_MINUTES, decisions_in, minutes_a_day, warm_up
from stratforge.application.recorded_bars import recorded_bars
from stratforge.application.strategies import read_version
from stratforge.application.sweep_trial import trial_length, try_points
from stratforge.application.warm_up import window_of
from stratforge.backtest import BacktestError
from stratforge.backtest.portfolio_sweep import sweep_seconds as portfolio_seconds
from stratforge.backtest.study import planned
from stratforge.market import is_crypto
from stratforge.storage.market.clock import market_clock
from stratforge.storage.market.trading_days import count_trading_days
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.strategies import backtests
from stratforge.strategy import Strategy
from stratforge.strategy.lookback import DAY_MINUTES
from stratforge.strategy.rotation import PortfolioStrategy, compile_any


@dataclass(frozen=True, slots=True)
class SweepPrice:
    """The price of a sweep before it begins: its points, bars and time.

    Attributes:
        points: Combinations of values.
        bars: About how many bars each is run on.
        seconds: About how long it takes, of one core.
        dollars: About what that costs the platform.
        in_parts: True where it is larger than one function's time, and worked on in parts side by side.
        refusal: Why it would be refused; None where it would not.
        symbols: How many symbols have so many bars.
    """

    points: int
    bars: int
    seconds: float
    dollars: float
    in_parts: bool
    refusal: str | None
    symbols: int = 1


def price_of_sweep(
    database: Database, caller: Caller, wanted: NewBacktest, parameters: dict[str, list[float]]
) -> SweepPrice:
    """Reckons what a backtest with these values of parameters would come to.

    Raises:
        NotFound: if there is no such strategy or version.
        Invalid: if a portfolio strategy has no use for what is asked.
    """
    caller.require(Scope.READ)
    with database.reading(caller) as connection:
        _, version = read_version(connection, wanted.strategy_id, wanted.version)
    strategy = compile_any(version.python_code)
    if isinstance(strategy, PortfolioStrategy):
        wanted.portfolio_capital()
        symbols, window = list(strategy.symbols), window_of(strategy, parameters)
    else:
        symbols, window = [wanted.symbol or version.symbol], window_of(strategy)
    with database.reading(caller) as connection:
        end = wanted.end or market_clock(connection).now
        bars = _bars_of(connection, strategy, wanted, symbols[0], window, end)
        recorded = recorded_bars(connection, strategy, symbols, trial_length(strategy) + window)
    points = math.prod(len(values) for values in parameters.values())
    said = SweepPrice(points, bars, 0.0, 0.0, _in_parts(strategy, points, bars, wanted.folds), None, len(symbols))
    if points > MAX_STUDY_POINTS:
        many = f"{points:,} combinations are too many: {MAX_STUDY_POINTS:,} are allowed. Give fewer values."
        return replace(said, refusal=many)
    try:
        tried = try_points(strategy, recorded, wanted, parameters, max(1, bars), window)
    except BacktestError as error:
        return replace(said, refusal=str(error))
    seconds = planned(tried, parameters, wanted.folds).seconds
    many = f"{points:,} combinations on about {bars:,} bars are too many. Give fewer values or a shorter period."
    refusal = many if seconds > MAX_STUDY_SECONDS else None
    return replace(said, seconds=seconds, dollars=seconds * DOLLARS_A_SECOND, refusal=refusal)


def _bars_of(
    connection: Connection,
    strategy: Strategy | PortfolioStrategy,
    wanted: NewBacktest,
    symbol: str,
    window: int,
    end: datetime,
) -> int:
    """About how many bars each point is run on, of a portfolio strategy those before the period with them."""
    if isinstance(strategy, PortfolioStrategy):
        start = wanted.start or end - default_period(1 if strategy.schedule.minutes else DAY_MINUTES)
        minutes = _trading_minutes(connection, symbol, start - warm_up(strategy, window), end)
        return minutes if strategy.schedule.minutes else minutes // minutes_a_day(symbol)
    start = wanted.start or end - default_period(strategy.bar_minutes)
    minutes = _trading_minutes(connection, symbol, start, end)
    return -(-minutes // min(strategy.bar_minutes, SESSION_MINUTES))


def _in_parts(strategy: Strategy | PortfolioStrategy, points: int, bars: int, folds: int) -> bool:
    """Whether it is larger than one function's time, as whoever works on it will find."""
    if isinstance(strategy, PortfolioStrategy):
        seconds = portfolio_seconds(strategy, points, bars, decisions_in(strategy, bars), folds)
        return is_portfolio_study(points, seconds)
    return is_study(points, bars)


def _trading_minutes(connection: Connection, symbol: str, start: datetime, end: datetime) -> int:
    if is_crypto(symbol):
        return max(0, int((end - start).total_seconds() // 60))
    days = count_trading_days(connection, start.astimezone(UTC).date(), end.astimezone(UTC).date())
    return days * SESSION_MINUTES


def delete_backtest(database: Database, caller: Caller, backtest_id: UUID) -> None:
    """Throws a backtest's report away.

    Raises:
        NotFound: if there is none.
    """
    caller.require(Scope.WRITE)
    with database.transaction(caller) as connection:
        if not backtests.delete_backtest(connection, backtest_id):
            raise NotFound("backtest")
