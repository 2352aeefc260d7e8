"""Trading states: of the platform (the kill switch), of users, and halted symbols."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from stratforge.portfolio.orders import TradingState
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_exactly

# Why a symbol is halted: a difference, which the reconciler lifts again when it is gone, and what it cannot explain.
DRIFT, UNEXPLAINED_FILL, UNKNOWN_ORDER = "DRIFT", "UNEXPLAINED_FILL", "UNKNOWN_ORDER"
SPLIT_AHEAD, BROKEN_LEDGER = "CORPORATE_ACTION", "BROKEN_LEDGER"
# The broker took no sale because the account has too few units for it.
MISSING_UNITS = "MISSING_UNITS"


@dataclass(frozen=True, slots=True)
class PlatformState:
    """The platform's trading state, since when and why; and since when and with which words the broker refuses the platform, if it does."""

    trading_state: TradingState
    reason: str | None
    changed_at: datetime
    suspended_at: datetime | None = None
    suspension: str | None = None


@dataclass(frozen=True, slots=True)
class SymbolHalt:
    """A symbol that is not traded until somebody resumes it."""

    symbol: str
    reason: str
    details: str
    halted_at: datetime


def platform_state(connection: Connection) -> PlatformState:
    """Reads the platform's trading state, since when it holds and why."""
    query = "SELECT trading_state::text, reason, changed_at, suspended_at, suspension FROM platform_state"
    return fetch_exactly(connection, PlatformState, query)


def set_platform_state(connection: Connection, state: TradingState, reason: str) -> None:
    """The kill switch: HALTED stops all orders, REDUCING lets positions only shrink, ACTIVE trades."""
    connection.execute(
        "UPDATE platform_state SET trading_state = %s::trading_state, reason = %s, changed_at = now()", (state, reason)
    )


def suspend(connection: Connection, words: str) -> bool:
    """Has all orders wait because the broker refuses the platform; False when they wait already.

    Args:
        words: The broker's.
    """
    query = "UPDATE platform_state SET suspended_at = now(), suspension = %s WHERE suspended_at IS NULL"
    return connection.execute(query, (words[:500],)).rowcount == 1


def end_suspension(connection: Connection) -> bool:
    """Lets orders go to the broker again; False when they did already."""
    query = """
        UPDATE platform_state SET suspended_at = NULL, suspension = NULL, resumed_at = now() WHERE suspended_at IS NOT NULL
    """
    return connection.execute(query).rowcount == 1


def choose_state(connection: Connection, user_id: UUID, state: TradingState) -> None:
    """Sets a user's own trading state; a stricter one that was imposed stays in force."""
    connection.execute("UPDATE users SET trading_state = %s::trading_state WHERE id = %s", (state, user_id))


def halt_symbol(connection: Connection, symbol: str, reason: str, details: str) -> bool:
    """Halts a symbol; False when it is halted already."""
    changed = connection.execute(
        "INSERT INTO symbol_halts (symbol, reason, details) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        (symbol, reason, details[:2000]),
    )
    return changed.rowcount == 1


def resume_symbol(connection: Connection, symbol: str, reason: str | None = None) -> bool:
    """Trades a symbol again; False when it was not halted, or (with `reason`) for another reason."""
    query = "DELETE FROM symbol_halts WHERE symbol = %s AND (%s::text IS NULL OR reason = %s)"
    return connection.execute(query, (symbol, reason, reason)).rowcount == 1


def halted_symbols(connection: Connection) -> list[SymbolHalt]:
    """Lists all halted symbols with the reasons, by symbol; those that a corporate action halts by itself too."""
    query = """
        SELECT symbol, reason, details, halted_at FROM symbol_halts
        UNION ALL SELECT symbol, 'CORPORATE_ACTION', replace(kind, '_', ' ') || coalesce(': ' || obstacle, ''), since FROM corporate_halts c
        WHERE NOT EXISTS (SELECT FROM symbol_halts h WHERE h.symbol = c.symbol) ORDER BY symbol
    """
    return fetch_all(connection, SymbolHalt, query)
