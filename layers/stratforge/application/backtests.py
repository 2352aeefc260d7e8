"""Backtests: what a sweep comes to before it begins; finished ones are thrown away by whoever had them made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC
from uuid import UUID

from stratforge.application.access import Caller, Scope
from stratforge.application.errors import Invalid, NotFound, existing
from stratforge.application.jobs.requests import (
    MAX_STUDY_POINTS,
    ONE_SYMBOL_ONLY,
    NewBacktest,
    default_period,
    is_study,
)
from stratforge.application.jobs.study import DOLLARS_A_SECOND, MAX_STUDY_SECONDS
from stratforge.backtest.sweep import sweep_seconds
from stratforge.market import is_crypto
from stratforge.market.symbols import PORTFOLIO
from stratforge.storage.market.clock import market_clock
from stratforge.storage.market.trading_days import count_trading_days
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import backtests, strategies
from stratforge.strategy import compile_strategy

_MINUTES_OF_A_SESSION = 390


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
    """

    points: int
    bars: int
    seconds: float
    dollars: float
    in_parts: bool
    refusal: str | None


def price_of_sweep(
    database: Database, caller: Caller, wanted: NewBacktest, parameters: dict[str, list[float]]
) -> SweepPrice:
    """Reckons what a backtest with these values of parameters would come to.

    Raises:
        NotFound: if there is no such strategy.
        Invalid: if it is a portfolio strategy.
    """
    caller.require(Scope.READ)
    with database.reading(caller) as connection:
        strategy = existing(strategies.get_strategy(connection, wanted.strategy_id), "strategy")
        if strategy.symbol == PORTFOLIO:
            raise Invalid(ONE_SYMBOL_ONLY, code="portfolio-backtest")
        end = wanted.end or market_clock(connection).now
        compiled = compile_strategy(strategy.python_code)
        start = wanted.start or end - default_period(compiled.bar_minutes)
        if is_crypto(wanted.symbol or strategy.symbol):
            minutes = max(0, int((end - start).total_seconds() // 60))
        else:
            minutes = (
                count_trading_days(connection, start.astimezone(UTC).date(), end.astimezone(UTC).date())
                * _MINUTES_OF_A_SESSION
            )
    bars = -(-minutes // min(compiled.bar_minutes, _MINUTES_OF_A_SESSION))
    points = math.prod(len(values) for values in parameters.values())
    seconds = sweep_seconds(compiled, points, bars, wanted.folds)
    refusal = None
    if points > MAX_STUDY_POINTS:
        refusal = f"{points:,} combinations are too many: {MAX_STUDY_POINTS:,} are allowed. Give fewer values."
    elif seconds > MAX_STUDY_SECONDS:
        refusal = f"{points:,} combinations on about {bars:,} bars are too many. Give fewer values or a shorter period."
    return SweepPrice(points, bars, seconds, seconds * DOLLARS_A_SECOND, is_study(points, bars), refusal)


def delete_backtest(database: Database, caller: Caller, backtest_id: UUID) -> None:
    """Throws a backtest's report away.

    Raises:
        NotFound: if there is none.
    """
    caller.require(Scope.WRITE)
    with database.transaction(caller) as connection:
        if not backtests.delete_backtest(connection, backtest_id):
            raise NotFound("backtest")
