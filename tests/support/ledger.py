"""Building ledgers for tests: users with running sessions, prices, signals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from stratforge.market import Bar
from stratforge.market.sizes import SizingRule
from stratforge.storage.ledger.invariants import broken_invariants
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.strategies.sessions import SessionSettings, start_session
from stratforge.storage.strategies.strategies import Description, Origin, add_strategy
from stratforge.storage.users.accounts import register_user
from stratforge.strategy import compile_strategy
from stratforge.strategy.order_terms import NO_TERMS, Terms

CODE = "def on_bar(bar, position, state):\n    return buy()\n"
OPEN = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Trader:
    """A user with a running session."""

    user_id: UUID
    session_id: UUID


def person(database: Database, name: str) -> UUID:
    """Registers a user."""
    with database.transaction() as connection:
        found = register_user(connection, f"{name}@example.com", "hash", Decimal(1000))
    assert found is not None
    return found


def add_trader(
    connection: Connection, name: str, symbol: str = "AAPL", cash: int = 100_000, sizing: str = "0.1"
) -> Trader:
    """Registers a user and starts a session."""
    user_id = register_user(connection, f"{name}@example.com", "hash", Decimal(cash))
    assert user_id is not None
    strategy = add_strategy(connection, user_id, Description("test", symbol, ""), compile_strategy(CODE), Origin())
    session = start_session(
        connection,
        user_id,
        strategy.strategy_id,
        1,
        symbol,
        SessionSettings(SizingRule.EQUITY_FRACTION, Decimal(sizing)),
    )
    return Trader(user_id, session.session_id)


def set_price(
    connection: Connection, price: str, minute: int = 0, symbol: str = "AAPL", low: str = "", high: str = ""
) -> datetime:
    """A finished bar that closes at a price is stored; gives its start."""
    time = OPEN + timedelta(minutes=minute)
    value = Decimal(price)
    bar = Bar(symbol, time, value, Decimal(high or price), Decimal(low or price), value, Decimal(1000))
    market_data.ensure_months(connection, [time])
    market_data.add_bars(connection, [bar])
    market_data.set_bar_price(connection, bar)
    return time


def add_signal(
    connection: Connection, trader: Trader, side: str, time: datetime, symbol: str = "AAPL", **size: float
) -> None:
    """Writes a pending signal."""
    add_signal_with_terms(connection, trader, side, time, symbol, NO_TERMS, size)


def add_signal_with_terms(
    connection: Connection,
    trader: Trader,
    side: str,
    time: datetime,
    symbol: str,
    terms: Terms,
    size: Mapping[str, float],
) -> None:
    """Writes a pending signal whose order may rest; its side may be "short" or "cover" too."""
    short = side in ("short", "cover")
    side = {"short": "sell", "cover": "buy"}.get(side, side)
    kind, value = next(iter(size.items())) if size else ("default", 0.0)
    connection.execute(
        """
        INSERT INTO signals (session_id, user_id, symbol, bar_time, side, short, confidence, size_kind, size, limit_price, stop_price, expire_bars, oco, bar_number)
        SELECT id, user_id, %s, %s, %s, %s, 1, %s, %s, %s, %s, %s, %s, bars_evaluated FROM sessions WHERE id = %s
        """,
        (
            symbol,
            time,
            side,
            short,
            kind,
            value,
            terms.limit,
            terms.stop,
            terms.expire_bars,
            terms.oco,
            trader.session_id,
        ),
    )


def broken(database: Database) -> dict[str, list[Any]]:
    """The invariants that do not hold."""
    with database.transaction() as connection:
        return broken_invariants(connection)
