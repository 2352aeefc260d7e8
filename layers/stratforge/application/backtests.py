"""Backtests: what a sweep comes to before it begins; finished ones are thrown away by whoever had them made."""

from __future__ import annotations

import math
from dataclasses import dataclass
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
from stratforge.application.strategies import read_version
from stratforge.application.warm_up import window_of
from stratforge.backtest.portfolio_sweep import sweep_seconds as portfolio_seconds
from stratforge.backtest.sweep import sweep_seconds
from stratforge.market import is_crypto
from stratforge.storage.market.clock import market_clock
from stratforge.storage.market.trading_days import count_trading_days
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.strategies import backtests
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
    compiled = compile_any(version.python_code)
    with database.reading(caller) as connection:
        end = wanted.end or market_clock(connection).now
        if isinstance(compiled, PortfolioStrategy):
            wanted.portfolio_capital()
            return _price_of_portfolio(connection, compiled, wanted, end, parameters)
        start = wanted.start or end - default_period(compiled.bar_minutes)
        minutes = _trading_minutes(connection, wanted.symbol or version.symbol, start, end)
    bars = -(-minutes // min(compiled.bar_minutes, SESSION_MINUTES))
    points = math.prod(len(values) for values in parameters.values())
    seconds = sweep_seconds(compiled, points, bars, wanted.folds)
    refusal = _refusal(points, bars, seconds)
    return SweepPrice(points, bars, seconds, seconds * DOLLARS_A_SECOND, is_study(points, bars), refusal)


def _price_of_portfolio(
    connection: Connection,
    strategy: PortfolioStrategy,
    wanted: NewBacktest,
    end: datetime,
    parameters: dict[str, list[float]],
) -> SweepPrice:
    start = wanted.start or end - default_period(1 if strategy.schedule.minutes else DAY_MINUTES)
    symbol = strategy.symbols[0]
    minutes = _trading_minutes(connection, symbol, start - warm_up(strategy, window_of(strategy, parameters)), end)
    bars = minutes if strategy.schedule.minutes else minutes // minutes_a_day(symbol)
    points = math.prod(len(values) for values in parameters.values())
    seconds = portfolio_seconds(strategy, points, bars, decisions_in(strategy, bars), wanted.folds)
    in_parts, count = is_portfolio_study(points, seconds), len(strategy.symbols)
    dollars = seconds * DOLLARS_A_SECOND
    return SweepPrice(points, bars, seconds, dollars, in_parts, _refusal(points, bars, seconds), count)


def _trading_minutes(connection: Connection, symbol: str, start: datetime, end: datetime) -> int:
    if is_crypto(symbol):
        return max(0, int((end - start).total_seconds() // 60))
    days = count_trading_days(connection, start.astimezone(UTC).date(), end.astimezone(UTC).date())
    return days * SESSION_MINUTES


def _refusal(points: int, bars: int, seconds: float) -> str | None:
    if points > MAX_STUDY_POINTS:
        return f"{points:,} combinations are too many: {MAX_STUDY_POINTS:,} are allowed. Give fewer values."
    if seconds > MAX_STUDY_SECONDS:
        return f"{points:,} combinations on about {bars:,} bars are too many. Give fewer values or a shorter period."
    return None


def delete_backtest(database: Database, caller: Caller, backtest_id: UUID) -> None:
    """Throws a backtest's report away.

    Raises:
        NotFound: if there is none.
    """
    caller.require(Scope.WRITE)
    with database.transaction(caller) as connection:
        if not backtests.delete_backtest(connection, backtest_id):
            raise NotFound("backtest")
