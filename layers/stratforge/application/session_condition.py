"""A session's position, log, trades and strategy state, read together for display."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from stratforge.application.errors import existing
from stratforge.portfolio.orders import OrderStatus
from stratforge.storage.ledger import order_book, portfolio
from stratforge.storage.ledger.order_book import OrderFilter, StoredOrder
from stratforge.storage.ledger.portfolio import AdjustmentRow, LedgerFilter, PositionRow, SignalRow, TradeRow
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.pages import NumberedPage, Page
from stratforge.storage.strategies import sessions
from stratforge.storage.strategies.sessions import StoredSession

_ENTRIES = 30


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A signal or an order of a session, or what changed its position without one, at the time of the market."""

    time: datetime
    event: SignalRow | StoredOrder | AdjustmentRow


@dataclass(frozen=True, slots=True)
class SessionCondition:
    """The present condition of a session.

    Attributes:
        position: What it holds; None for nothing.
        log: Its latest signals and orders, borrow fees and other changes without an order, the newest first.
        trades: Its latest trades, the newest first.
        state: What its strategy keeps between bars.
        resting: Its orders that rest in the book, by its strategy or by hand.
    """

    session: StoredSession
    position: PositionRow | None
    log: list[LogEntry]
    trades: list[TradeRow]
    state: dict[str, float]
    resting: list[StoredOrder]


def session_condition(connection: Connection, user_id: UUID, session_id: UUID) -> SessionCondition:
    """Reads the present condition of a user's session.

    Raises:
        NotFound: if there is no such session.
    """
    session = existing(sessions.get_session(connection, session_id), "session")
    ledger = LedgerFilter(session_id=session_id)
    signals = portfolio.list_signals(connection, user_id, ledger, NumberedPage(_ENTRIES))
    orders = order_book.list_orders(connection, user_id, OrderFilter(None, session_id, None), Page(_ENTRIES))
    changed = portfolio.adjustments_of_session(connection, user_id, session_id, _ENTRIES)
    # An order of a signal belongs to the signal's bar; the market's time is not ours where the market is replayed.
    bars = {each.signal_id: each.bar_time for each in signals}
    log = [
        *(LogEntry(each.bar_time, each) for each in signals),
        *(LogEntry(bars.get(each.signal_id or 0, each.placed_at), each) for each in orders),
        *(LogEntry(each.time, each) for each in changed),
    ]
    return SessionCondition(
        session,
        position_of(connection, user_id, session_id),
        sorted(log, key=lambda entry: entry.time, reverse=True),
        portfolio.list_trades(connection, user_id, ledger, NumberedPage(_ENTRIES)),
        sessions.state_of(connection, session_id),
        [each for each in orders if each.status is OrderStatus.RESTING],
    )


def position_of(connection: Connection, user_id: UUID, session_id: UUID) -> PositionRow | None:
    """The position of a session at the latest price; None when it holds nothing."""
    held = portfolio.read_portfolio(connection, user_id)
    return next((each for each in held.positions if each.session_id == session_id), None) if held else None
