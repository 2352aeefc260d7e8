"""Platform state, halts and reports as operators see and change them. The database checks the role: other users see and
change nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stratforge.portfolio.orders import TradingState
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report of the reconciler as it is stored: when it ran, whether all was well, and what it found."""

    report_id: int
    started_at: datetime
    finished_at: datetime
    clean: bool
    report: dict[str, Any]


def is_operator(connection: Connection) -> bool:
    """Returns whether the transaction's user is an operator."""
    row = connection.execute("SELECT is_operator()").fetchone()
    return bool(row and row[0])


def reports(connection: Connection, limit: int) -> list[StoredReport]:
    """The reconciler's latest reports, the newest first."""
    query = "SELECT id AS report_id, started_at, finished_at, clean, report FROM operator_reports(%s)"
    return fetch_all(connection, StoredReport, query, (limit,))


def set_state(connection: Connection, state: TradingState, reason: str) -> bool:
    """The kill switch; False when the user is no operator."""
    row = connection.execute("SELECT operator_set_state(%s::trading_state, %s)", (state, reason)).fetchone()
    return bool(row and row[0])


def halt(connection: Connection, symbol: str, reason: str) -> bool:
    """Halts a symbol; False when the user is no operator."""
    row = connection.execute("SELECT operator_halt_symbol(%s, %s)", (symbol, reason)).fetchone()
    return bool(row and row[0])


def resume(connection: Connection, symbol: str) -> bool:
    """Trades a symbol again; False when it was not halted, or the user is no operator."""
    row = connection.execute("SELECT operator_resume_symbol(%s)", (symbol,)).fetchone()
    return bool(row and row[0])


def note(connection: Connection, action: str, subject: str, reason: str = "") -> bool:
    """A line in the operators' audit for what the database does not do itself; False when the user is no operator."""
    row = connection.execute("SELECT note_operator_action(%s, %s, %s)", (action, subject, reason)).fetchone()
    return bool(row and row[0])


@dataclass(frozen=True, slots=True)
class PriceLag:
    """A symbol that sessions wait for, and how long ago its last price came."""

    symbol: str
    bar_time: datetime | None
    seconds: float | None
    sessions: int


def price_lags(connection: Connection) -> list[PriceLag]:
    """Symbols with running sessions of anybody, the longest silent first. For operators."""
    query = "SELECT symbol, bar_time, seconds, sessions FROM operator_price_lags()"
    return fetch_all(connection, PriceLag, query)
