"""The bars that a backtest of a portfolio strategy runs on: of days or of minutes by its schedule, some of them before its period."""

from __future__ import annotations

from datetime import timedelta

from stratforge.market import is_crypto
from stratforge.storage.market.daily_bars import calendar_days
from stratforge.strategy.lookback import DAY_MINUTES
from stratforge.strategy.rotation import PortfolioStrategy

SESSION_MINUTES = 390


def minutes_a_day(symbol: str) -> int:
    """The minutes of a trading day of a symbol."""
    return DAY_MINUTES if is_crypto(symbol) else SESSION_MINUTES


def bars_a_day(strategy: PortfolioStrategy) -> int:
    """The bars of each symbol in a trading day: of minutes where its schedule is one of minutes."""
    return minutes_a_day(strategy.symbols[0]) if strategy.schedule.minutes else 1


def warm_up(strategy: PortfolioStrategy, window: int) -> timedelta:
    """The time before a period from which bars are read, since the columns look back so many of them."""
    return calendar_days(-(-window // bars_a_day(strategy)))


def decisions_in(strategy: PortfolioStrategy, bars: int) -> int:
    """About how many decisions fall into so many bars of each symbol."""
    days = -(-bars // bars_a_day(strategy))
    return strategy.schedule.decisions_in(days, minutes_a_day(strategy.symbols[0]))
