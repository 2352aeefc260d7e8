"""The symbols that a person watches, with their prices and what they changed since the last close."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all

MOST_WATCHED = 30


@dataclass(frozen=True, slots=True)
class DayPrice:
    """A symbol's latest price, and its last close of the market day before; None while they are not known.

    Attributes:
        price: Dollars, as traded last.
        time: When that was, by the market's clock.
        previous_close: Dollars at the end of the market day before.
    """

    symbol: str
    price: Decimal | None
    time: datetime | None
    previous_close: Decimal | None

    @property
    def change(self) -> Decimal | None:
        """The change of the price since that close, as a fraction of it."""
        if self.price is None or not self.previous_close:
            return None
        return self.price / self.previous_close - 1


def watch(connection: Connection, user_id: UUID, symbol: str) -> bool:
    """Adds a symbol to those that the connection's user watches; False when there are as many as may be."""
    connection.execute(
        """
        INSERT INTO watched_symbols (user_id, symbol) SELECT %(user)s, %(symbol)s
        WHERE (SELECT count(*) FROM watched_symbols WHERE user_id = %(user)s) < %(most)s ON CONFLICT DO NOTHING
        """,
        {"user": user_id, "symbol": symbol, "most": MOST_WATCHED},
    )
    return symbol in watched(connection, user_id)


def unwatch(connection: Connection, user_id: UUID, symbol: str) -> None:
    """Takes a symbol off the list."""
    connection.execute("DELETE FROM watched_symbols WHERE user_id = %s AND symbol = %s", (user_id, symbol))


def watched(connection: Connection, user_id: UUID) -> list[str]:
    """The symbols that a user watches, in the order in which they were added."""
    query = "SELECT symbol FROM watched_symbols WHERE user_id = %s ORDER BY added_at, symbol"
    return [row[0] for row in connection.execute(query, (user_id,)).fetchall()]


def day_prices(connection: Connection, symbols: Sequence[str]) -> list[DayPrice]:
    """Prices and last closes of symbols, in their order."""
    return fetch_all(
        connection,
        DayPrice,
        """
        WITH today AS (SELECT max(opens_at) AS opens_at FROM market_days WHERE opens_at <= market_at(clock_timestamp()))
        SELECT wanted.symbol, l.price, l.time, (
            SELECT m.close FROM market_data m WHERE m.symbol = wanted.symbol AND m.timeframe = '1Min' AND m.time < today.opens_at
            ORDER BY m.time DESC LIMIT 1) AS previous_close
        FROM unnest(%s::text[]) WITH ORDINALITY wanted (symbol, place) CROSS JOIN today LEFT JOIN latest_prices l ON l.symbol = wanted.symbol
        ORDER BY wanted.place
        """,
        (list(symbols),),
    )
