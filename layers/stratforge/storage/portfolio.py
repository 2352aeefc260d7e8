"""A user's portfolio, signals, orders and trades, as they are read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from stratforge.storage.database import Connection


@dataclass(frozen=True, slots=True)
class PositionRow:
    """A position at the latest price. Money is in dollars."""

    symbol: str
    session_id: UUID | None
    quantity: Decimal
    avg_entry_price: Decimal
    latest_price: Decimal
    market_value: Decimal
    unrealized_pnl: Decimal
    realized_pnl: Decimal


@dataclass(frozen=True, slots=True)
class PortfolioRow:
    """Balances and positions in one reading."""

    cash: Decimal
    reserved_cash: Decimal
    initial_balance: Decimal
    realized_pnl: Decimal
    positions: tuple[PositionRow, ...]

    @property
    def equity(self) -> Decimal:
        """Cash, reservations and positions at the latest prices."""
        return self.cash + self.reserved_cash + sum((row.market_value for row in self.positions), Decimal(0))


@dataclass(frozen=True, slots=True)
class TradeRow:
    """A trade."""

    trade_id: int
    symbol: str
    session_id: UUID | None
    side: str
    quantity: Decimal
    price: Decimal
    realized_pnl: Decimal
    executed_at: datetime


@dataclass(frozen=True, slots=True)
class SignalRow:
    """A signal and what became of it."""

    signal_id: int
    session_id: UUID
    symbol: str
    bar_time: datetime
    side: str
    confidence: float
    status: str
    reason: str | None


def read_portfolio(connection: Connection, user_id: UUID) -> PortfolioRow | None:
    """Balances and open positions."""
    balances = connection.execute(
        """
        SELECT virtual_balance, reserved_cash, initial_balance,
               coalesce((SELECT sum(realized_pnl) FROM positions p WHERE p.user_id = u.id), 0)
        FROM users u WHERE id = %s
        """,
        (user_id,),
    ).fetchone()
    if balances is None:
        return None
    positions = connection.execute(
        """
        SELECT p.symbol, p.session_id, p.quantity, p.avg_entry_price, coalesce(lp.price, p.avg_entry_price),
               p.quantity * coalesce(lp.price, p.avg_entry_price),
               p.quantity * coalesce(lp.price, p.avg_entry_price) - p.cost_basis, p.realized_pnl
        FROM positions p LEFT JOIN latest_prices lp ON lp.symbol = p.symbol
        WHERE p.user_id = %s AND p.quantity > 0 ORDER BY p.symbol, p.session_id
        """,
        (user_id,),
    )
    cash, reserved, initial, realized = balances
    return PortfolioRow(cash, reserved, initial, realized, tuple(PositionRow(*row) for row in positions))


def list_trades(connection: Connection, user_id: UUID, limit: int, before: int | None) -> list[TradeRow]:
    """The latest trades, older than the trade `before` when given."""
    rows = connection.execute(
        """
        SELECT id, symbol, session_id, side::text, quantity, price, realized_pnl, executed_at FROM trades
        WHERE user_id = %s AND (%s::bigint IS NULL OR id < %s) ORDER BY id DESC LIMIT %s
        """,
        (user_id, before, before, limit),
    )
    return [TradeRow(*row) for row in rows]


def list_signals(connection: Connection, user_id: UUID, limit: int, before: int | None) -> list[SignalRow]:
    """The latest signals, older than the signal `before` when given."""
    rows = connection.execute(
        """
        SELECT id, session_id, symbol, bar_time, side::text, confidence, status::text, reason FROM signals
        WHERE user_id = %s AND (%s::bigint IS NULL OR id < %s) ORDER BY id DESC LIMIT %s
        """,
        (user_id, before, before, limit),
    )
    return [SignalRow(*row) for row in rows]
