"""The months that lie behind the demo account when `make up` begins: played once by `make history` through the product's own parts, and put where a platform that had
run for so long would have them: the ledger, the market's bars, the exchange's book, the clock."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from simulators.alpaca.demo_market import demo_market
from stratforge.market import Bar
from stratforge.storage.market import market_data

ARCHIVE = Path(__file__).parent / "demo.json.gz"
# Days of the demo market: bars are kept from the first, sessions ran from the second until the third.
KEPT, FIRST_DAY, LAST_DAY = 20, 30, 93
SYMBOLS = ("AAPL", "GOOG", "IBM", "META", "MSFT")
# In an order in which they can be inserted.
TABLES = (
    "users",
    "market_days",
    "strategies",
    "strategy_versions",
    "sessions",
    "signals",
    "orders",
    "block_orders",
    "fills",
    "trades",
    "positions",
    "position_views",
    "session_gaps",
    "equity_marks",
    "equity_snapshots",
    "latest_prices",
)


def bars_of(symbol: str, first: int, last: int) -> Iterator[Bar]:
    """The bars of so many minutes of the demo market, as the data stream sends them."""
    market = demo_market()
    bars = market.bars[symbol]
    for index in range(first, last):
        open_, high, low, close = (
            Decimal(str(round(float(column[index]), 2))) for column in (bars.open, bars.high, bars.low, bars.close)
        )
        yield Bar(symbol, market.begins_at(index), open_, high, low, close, Decimal(int(bars.volume[index])))


def read_archive() -> dict[str, Any]:
    """Reads what was played: the rows of each table, the exchange's orders, and the minute of the market with which it ends."""
    found: dict[str, Any] = json.loads(gzip.decompress(ARCHIVE.read_bytes()))
    return found


def prepare_exchange(folder: Path) -> None:
    """Writes the book and the clock that the simulated exchange goes on with, unless it has some already."""
    if (folder / "clock.json").exists() or (folder / "orders.jsonl").exists():
        return
    played = read_archive()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "orders.jsonl").write_text("".join(json.dumps(each) + "\n" for each in played["orders"]))
    (folder / "clock.json").write_text(json.dumps({"position": played["ends"]}))


def load_ledger(conninfo: str, exchange: Path, password_hash: str) -> bool:
    """Puts what was played into a database in which nobody has an account yet; False if somebody has, or the exchange is another.

    Args:
        conninfo: As its owner.
        exchange: The folder of the simulated exchange, which may be prepared before or after.
        password_hash: With what the demo account logs in.
    """
    with psycopg.connect(conninfo) as connection:
        if connection.execute("SELECT FROM users LIMIT 1").fetchone() is not None:
            return False
        played = read_archive()
        book = exchange / "orders.jsonl"
        if book.exists() and not book.read_text().startswith(json.dumps(played["orders"][0])):
            return False
        market = demo_market()
        times = [market.begins_at(each) for each in market.starts[KEPT:-1]]
        market_data.ensure_months(connection, times)
        # What happened is put back, not done again.
        connection.execute("SET LOCAL session_replication_role = replica")
        for table in TABLES:
            kept = played["tables"][table]
            with connection.cursor().copy(f"COPY {table} ({', '.join(kept['columns'])}) FROM STDIN") as copy:
                copy.write("".join(f"{row}\n" for row in kept["rows"]))
        with connection.cursor().copy(
            "COPY market_data (symbol, timeframe, time, open, high, low, close, volume) FROM STDIN"
        ) as copy:
            for symbol in SYMBOLS:
                for bar in bars_of(symbol, market.starts[KEPT], played["ends"]):
                    copy.write_row((symbol, "1Min", bar.time, bar.open, bar.high, bar.low, bar.close, bar.volume))
        # What a person did is told by how long ago it was by our clock; what happened on the market, by the market's.
        ended = times[LAST_DAY - KEPT]
        connection.execute(
            "UPDATE users SET password_hash = %s, created_at = created_at + (now() - %s)", (password_hash, ended)
        )
        connection.execute(
            "UPDATE strategies SET created_at = created_at + (now() - %(e)s), updated_at = updated_at + (now() - %(e)s)",
            {"e": ended},
        )
        connection.execute("UPDATE strategy_versions SET created_at = created_at + (now() - %s)", (ended,))
        for sequence, table, column in connection.execute(_SEQUENCES).fetchall():
            connection.execute(f"SELECT setval('{sequence}', coalesce((SELECT max({column}) FROM {table}), 0) + 1)")  # noqa: S608 - names of the schema
        return True


_SEQUENCES = """
    SELECT pg_get_serial_sequence(c.table_name, c.column_name), c.table_name, c.column_name FROM information_schema.columns c
    WHERE c.table_schema = 'public' AND c.data_type = 'bigint' AND pg_get_serial_sequence(c.table_name, c.column_name) IS NOT NULL
"""
