"""The chart of a session: its last bars with the strategy's indicators, its trades, and the prices at which it would sell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np

from stratforge.application.access import Caller, Scope
from stratforge.application.bars_beside import with_beside
from stratforge.application.session_condition import position_of
from stratforge.application.sessions import session_on_bars
from stratforge.backtest.presentation import indicator_line
from stratforge.market import BarColumns
from stratforge.market.resampling import TIMEFRAME_OF, latest_bars
from stratforge.market.sizes import Side
from stratforge.storage.ledger import portfolio
from stratforge.storage.ledger.portfolio import LedgerFilter, PositionRow, TradeRow
from stratforge.storage.market import daily_bars, market_data
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.postgres.pages import NumberedPage
from stratforge.storage.strategies import replays, sessions, strategies
from stratforge.storage.strategies.sessions import StoredSession
from stratforge.strategy import Strategy, compile_strategy
from stratforge.strategy.graph import Values
from stratforge.strategy.lookback import DAY_MINUTES

# A trading day of minutes.
_BARS_SHOWN = 390
# The most bars before those that are read for indicators to settle.
_BARS_BEFORE = 2_000
# The most bars of a minute that longer ones are made of.
_MINUTES_READ = 40_000
_TRADES_READ = 200


@dataclass(frozen=True, slots=True)
class PriceLevel:
    """A price that matters to a session's position: what it was bought at, or where one of its stops would sell it."""

    name: str
    price: float


@dataclass(frozen=True, slots=True)
class SessionChart:
    """The content of a session's chart.

    Attributes:
        bars: Its last bars, at most a trading day of them.
        indicators: The strategy's indicators over these bars, as `indicator_line` gives them.
        trades: Its trades, the newest first.
        profit: What it had made at the end of each bar, realized and unrealized, in dollars; None before the trades that are read here.
    """

    bars: BarColumns
    indicators: list[dict[str, Any]]
    trades: list[TradeRow]
    levels: list[PriceLevel]
    profit: list[float | None]


def session_chart(database: Database, caller: Caller, session_id: UUID, until: datetime | None = None) -> SessionChart:
    """The chart of a session up to now, or up to its last bar if it has ended; or up to an earlier time, and then without what it holds now.

    Raises:
        NotFound: if there is no such session.
        Conflict: if it is of a portfolio strategy.
    """
    caller.require(Scope.READ)
    with database.reading(caller) as connection:
        session = session_on_bars(connection, session_id)
        version = strategies.get_version(connection, session.strategy_id, session.strategy_version)
        assert version is not None, "a session refers to a version"
        end = session.last_bar_time + timedelta(minutes=1) if session.ended_at and session.last_bar_time else None
        end = until or end
        strategy = compile_strategy(version.python_code)
        count = _BARS_SHOWN + min(strategy.lookback, _BARS_BEFORE)
        symbol = replays.symbol_of_bars(connection, session_id)
        bars = _bars(connection, symbol, strategy, end, count)
        ledger = LedgerFilter(session_id=session_id)
        trades = portfolio.list_trades(connection, caller.user_id, ledger, NumberedPage(_TRADES_READ))
        position = None if until else position_of(connection, caller.user_id, session_id)
        levels = _levels(connection, session, position)
    indicators = _indicators(strategy, bars)
    shown = bars.tail(_BARS_SHOWN)
    held = (position.quantity, position.avg_entry_price) if position else (Decimal(0), Decimal(0))
    profit = profit_curve(shown, trades, session.realized_pnl, *held)
    if until:
        profit = [None] * len(shown)
    elif len(trades) == _TRADES_READ:
        begun = trades[-1].executed_at.timestamp()
        profit = [
            None if time + shown.seconds <= begun else each
            for time, each in zip(shown.time.tolist(), profit, strict=True)
        ]
    return SessionChart(shown, indicators, trades, levels, profit)


def _bars(connection: Connection, symbol: str, strategy: Strategy, end: datetime | None, count: int) -> BarColumns:
    """The last bars that a session's strategy decides on, those of days up to yesterday."""
    minutes = strategy.bar_minutes
    if minutes == DAY_MINUTES:
        today = daily_bars.exchange_day(symbol, end) if end else date.max
        days = daily_bars.days_before(connection, {symbol: today}, count)[symbol].bars
        return with_beside(connection, symbol, strategy, days)
    bars = market_data.bars_between(connection, symbol, None, end, min(count * minutes, _MINUTES_READ))
    bars = with_beside(connection, symbol, strategy, bars)
    return bars if minutes == 1 else latest_bars(bars, TIMEFRAME_OF[minutes], count)


def profit_curve(
    bars: BarColumns, trades: Sequence[TradeRow], realized: Decimal, quantity: Decimal, entry: Decimal
) -> list[float | None]:
    """Realized and unrealized profit at the end of every bar, reckoned backwards from what is known at the last one.

    Args:
        trades: Those during the bars, the newest first.
        realized: Dollars realized until now.
        quantity: Shares or coins held now.
        entry: Their average price.
    """
    cash, held = float(realized) - float(quantity * entry), float(quantity)
    found: list[float | None] = []
    later = iter(trades)
    trade = next(later, None)
    for time, close in zip(reversed(bars.time.tolist()), reversed(bars.close.tolist()), strict=True):
        while trade is not None and trade.executed_at.timestamp() >= time + bars.seconds and found:
            bought = 1 if trade.side is Side.BUY else -1
            cash += float(bought * trade.quantity * trade.price + trade.fee_cash)
            held -= float(bought * trade.quantity - trade.fee_quantity)
            trade = next(later, None)
        found.append(round(cash + held * close, 2))
    return found[::-1]


def _indicators(strategy: Strategy, bars: BarColumns) -> list[dict[str, Any]]:
    if not len(bars):
        return []
    values, shown = Values(bars), bars.tail(_BARS_SHOWN)
    lines = {name: np.asarray(values.series(strategy.columns[name]))[-_BARS_SHOWN:] for name in strategy.indicators}
    return [indicator_line(name, line, shown.low, shown.high) for name, line in lines.items()]


def _levels(connection: Connection, session: StoredSession, position: PositionRow | None) -> list[PriceLevel]:
    if position is None:
        return []
    entry = position.avg_entry_price
    high = sessions.high_water(connection, session.session_id) if session.trailing_stop else None
    up = -1 if position.quantity < 0 else 1
    prices = {
        "entry": entry,
        "stop": entry * (1 - up * session.stop_loss) if session.stop_loss else None,
        "target": entry * (1 + up * session.take_profit) if session.take_profit else None,
        "trailing stop": high * (1 - up * session.trailing_stop)
        if session.trailing_stop and high is not None
        else None,
    }
    return [PriceLevel(name, float(price)) for name, price in prices.items() if price is not None]
