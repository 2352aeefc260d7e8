"""A few points of a sweep, run before it is asked for: on the last bars that are recorded of its symbols, or on a market that is made up where there are none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from stratforge.application.jobs.requests import NewBacktest
from stratforge.application.recorded_bars import (
    LENGTHS,
    MOST_READ,
    are_recorded,
    is_daily,
    nominal_nanoseconds,
    shown_since,
    times_of,
)
from stratforge.backtest.engine import own_bars
from stratforge.backtest.portfolio_sweep import PortfolioSweeper
from stratforge.backtest.study import Tried, try_out
from stratforge.backtest.sweep import Sweeper
from stratforge.market import BarColumns
from stratforge.market.resampling import minutes_of
from stratforge.strategy import Strategy
from stratforge.strategy.lookback import made_up_market
from stratforge.strategy.rotation import PortfolioStrategy

# A page waits for it: no more nominal processor time, of dear code fewer bars and points.
_NANOSECONDS = 200_000_000
_TRIED = 4
_DAY = 86_400


def trial_length(strategy: Strategy | PortfolioStrategy) -> int:
    """The number of bars that points are tried on."""
    dear = (each for each in LENGTHS if (_TRIED + 1) * nominal_nanoseconds(strategy, each) <= _NANOSECONDS)
    return next(dear, LENGTHS[-1])


def try_points(
    strategy: Strategy | PortfolioStrategy,
    recorded: Mapping[str, BarColumns],
    wanted: NewBacktest,
    sweep: Mapping[str, Sequence[float]],
    bars: int,
    window: int,
) -> Tried:
    """Tries points of a sweep; says what they take on so many bars of the period and those of the window before it.

    Raises:
        BacktestError: if the strategy cannot be run on such bars.
    """
    length = trial_length(strategy)
    affordable = (_TRIED + 1) * nominal_nanoseconds(strategy, length) <= _NANOSECONDS
    config = wanted.config.config()
    since = None
    if all(map(are_recorded, recorded.values())):
        given = _decided_on(strategy, recorded)
        since = shown_since(times_of(given), strategy, length)
    if since is None:
        made_up = {symbol: _made_up(strategy, length + window, len(recorded)) for symbol in recorded}
        given = _decided_on(strategy, made_up)
        since = shown_since(times_of(given), strategy, length)
    sweeper: Sweeper | PortfolioSweeper
    if isinstance(strategy, PortfolioStrategy):
        begun = replace(config, cash=float(wanted.portfolio_capital()))
        sweeper = PortfolioSweeper(strategy, given, begun, since)
    else:
        ((symbol, columns),) = given.items()
        sweeper = Sweeper(strategy, columns, config, symbol=symbol, since=since, target="python")
    tried = try_out(sweeper, sweep, tried=_TRIED if affordable else 1)
    known = len(times_of(given))
    columns_longer = strategy.columns_nanoseconds(bars + window) / max(strategy.columns_nanoseconds(known), 1.0)
    return tried.on(bars, columns_longer)


def _decided_on(strategy: Strategy | PortfolioStrategy, bars: Mapping[str, BarColumns]) -> Mapping[str, BarColumns]:
    """The bars that a strategy decides on, made of those that are given."""
    if isinstance(strategy, PortfolioStrategy):
        return bars
    return {symbol: own_bars(strategy, each) for symbol, each in bars.items()}


def _made_up(strategy: Strategy | PortfolioStrategy, length: int, symbols: int) -> BarColumns:
    """Bars of no market, as many as would be read; other symbols that are looked at have the same."""
    if is_daily(strategy):
        found = made_up_market(min(length, MOST_READ // symbols))
        found = replace(found, time=found.time[0] // _DAY * _DAY + _DAY * np.arange(len(found)), daily=True)
    else:
        minutes = 1 if isinstance(strategy, PortfolioStrategy) else strategy.bar_minutes
        found = made_up_market(min(minutes_of(length, minutes), MOST_READ // symbols))
    return (
        found
        if isinstance(strategy, PortfolioStrategy)
        else replace(found, others=dict.fromkeys(strategy.other_symbols, found))
    )
