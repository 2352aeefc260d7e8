"""A backtest at once, while code is being written: of the last bars that the platform has, stored nowhere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from stratforge.application.access import Caller, Scope
from stratforge.application.errors import LimitReached
from stratforge.application.quotas import PREVIEWS, spend_first
from stratforge.backtest import BacktestConfig, BacktestError, run_backtest
from stratforge.backtest.engine import own_bars
from stratforge.market import InvalidSymbol, parse_symbol
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Database
from stratforge.strategy import Strategy

# Bars of a preview, a trading week of minutes at best: as many as take no more than this nominal processor time, of dear code fewer, and none below the last.
_LENGTHS = (1_950, 780, 390, 180, 60)
_FEWEST = _LENGTHS[-1]
_NANOSECONDS = 300_000_000
_POINTS = 80


@dataclass(frozen=True, slots=True)
class Preview:
    """The figures of a preview.

    Attributes:
        bars: How many bars there were.
        holding: What holding the symbol would have returned.
        sharpe: None where it is not defined.
        equity: About eighty points of the equity.
    """

    symbol: str
    bars: int
    begin: datetime
    total_return: float
    holding: float
    max_drawdown: float
    trades: int
    sharpe: float | None
    equity: list[float]


def preview(database: Database, caller: Caller, strategy: Strategy, symbol: str) -> Preview | None:
    """Backtests a strategy on the last bars that are recorded of a symbol, with a session's default size; None where there are too few."""
    caller.require(Scope.READ)
    try:
        symbol = parse_symbol(symbol)
    except InvalidSymbol:
        return None
    affordable = next((each for each in _LENGTHS if strategy.backtest_nanoseconds(each) <= _NANOSECONDS), None)
    if affordable is None:
        return None
    try:
        spend_first(database, caller, PREVIEWS)
    except LimitReached:
        # Whoever types on is told what his code is made of; the figures come back with the next pause.
        return None
    with database.reading(caller) as connection:
        bars = market_data.bars_between(connection, symbol, None, None, affordable)
    try:
        bars = own_bars(strategy, bars) if len(bars) else bars
        if len(bars) < _FEWEST:
            return None
        report = run_backtest(strategy, bars, BacktestConfig(sizing_value=0.1, slippage_bps=1.0), symbol=symbol)
    except BacktestError:
        return None
    metrics = report.metrics
    shown = np.linspace(0, len(bars) - 1, _POINTS).astype(int)
    return Preview(
        symbol=symbol,
        bars=len(bars),
        begin=datetime.fromtimestamp(int(bars.time[0]), UTC),
        total_return=metrics.total_return,
        holding=metrics.buy_and_hold_return,
        max_drawdown=metrics.max_drawdown,
        trades=metrics.trades,
        sharpe=metrics.sharpe if math.isfinite(metrics.sharpe) else None,
        equity=report.equity_values[shown].tolist(),
    )
