"""Progress of an audit: the symbols it went through, its findings in them, and the broker's statement of the account as far as it was read."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from decimal import Decimal

from psycopg.types.json import Jsonb

from stratforge.portfolio.statement import Difference, Findings
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_value


@dataclass(frozen=True, slots=True)
class StatementFill:
    """An execution by the broker's statement, with our id of its order where it is known; bought units count up, sold ones down."""

    activity_id: str
    order_id: str
    symbol: str
    quantity: Decimal
    price: Decimal
    filled_at: datetime


def unread_since(connection: Connection, overlap: timedelta) -> datetime | None:
    """From when on the statement has to be read: a little before where reading it ended, or before the first trade; None before anything was traded."""
    found: datetime | None = fetch_value(
        connection,
        "SELECT coalesce((SELECT max(filled_at) FROM statement_fills), (SELECT min(executed_at) FROM trades)) - %s",
        (overlap,),
    )
    return found


def read_longest_ago(connection: Connection) -> datetime | None:
    """Returns the time of the execution that was read longest ago; None if none was read."""
    found: datetime | None = fetch_value(
        connection, "SELECT filled_at FROM statement_fills ORDER BY read_at, filled_at LIMIT 1"
    )
    return found


def days_kept(connection: Connection) -> int:
    """On how many days there were executions, as far as the statement was read."""
    found: int = fetch_value(
        connection, "SELECT count(DISTINCT (filled_at AT TIME ZONE 'UTC')::date) FROM statement_fills"
    )
    return found


def orders_kept(connection: Connection, activity_ids: Sequence[str]) -> dict[str, str]:
    """The ids of the orders of executions that were kept, by the executions'."""
    query = "SELECT activity_id, order_id FROM statement_fills WHERE activity_id = ANY(%s)"
    return dict(connection.execute(query, (list(activity_ids),)).fetchall())


def orders_sent(connection: Connection, broker_order_ids: Sequence[str]) -> dict[str, str]:
    """Our ids of orders by the broker's, of those that he told when they were sent."""
    query = "SELECT alpaca_order_id, client_order_id FROM block_orders WHERE alpaca_order_id = ANY(%s)"
    return dict(connection.execute(query, (list(broker_order_ids),)).fetchall())


def forget_statement(connection: Connection) -> None:
    """Has the whole statement read again."""
    connection.execute("DELETE FROM statement_fills")


def keep_statement(
    connection: Connection, since: datetime, until: datetime, fills: Sequence[StatementFill], read_at: datetime
) -> None:
    """Keeps what the statement says, and forgets what it says no more of the time between the two."""
    connection.execute(
        "DELETE FROM statement_fills WHERE filled_at >= %s AND filled_at < %s AND NOT activity_id = ANY(%s)",
        (since, until, [each.activity_id for each in fills]),
    )
    connection.execute(
        """
        INSERT INTO statement_fills (activity_id, order_id, symbol, quantity, price, filled_at, read_at)
        SELECT *, %s FROM unnest(%s::text[], %s::text[], %s::text[], %s::numeric[], %s::numeric[], %s::timestamptz[])
        ON CONFLICT (activity_id) DO UPDATE SET order_id = excluded.order_id, symbol = excluded.symbol, quantity = excluded.quantity,
            price = excluded.price, filled_at = excluded.filled_at, read_at = excluded.read_at
        """,
        (read_at, *([getattr(each, field.name) for each in fills] for field in fields(StatementFill))),
    )


def executions_kept(connection: Connection) -> int:
    """The number of executions in the statement as far as it was read."""
    found: int = fetch_value(connection, "SELECT count(*) FROM statement_fills")
    return found


def last_audit(connection: Connection) -> datetime:
    """The time when the last audit began that came to its end; before there was one, when the ledger began to be watched."""
    found: datetime = fetch_value(connection, "SELECT began_at FROM last_audit")
    return found


def note_audit(connection: Connection, began_at: datetime) -> None:
    """Notes that an audit has come to its end."""
    connection.execute("UPDATE last_audit SET began_at = greatest(began_at, %s)", (began_at,))


def audited_since(connection: Connection, since: datetime) -> frozenset[str]:
    """The symbols that were gone through since then."""
    rows = connection.execute("SELECT symbol FROM audited_symbols WHERE audited_at >= %s", (since,))
    return frozenset(row[0] for row in rows)


def keep_findings(connection: Connection, symbol: str, at: datetime, findings: Findings, shown: int) -> None:
    """Keeps what was found in a symbol; of the differences so many, and how many there were."""
    connection.execute(
        """
        INSERT INTO audited_symbols (symbol, audited_at, positions, trades, adjustments, differences, shown) VALUES (%s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (symbol) DO UPDATE SET audited_at = excluded.audited_at, positions = excluded.positions, trades = excluded.trades,
            adjustments = excluded.adjustments, differences = excluded.differences, shown = excluded.shown
        """,
        (
            symbol,
            at,
            findings.positions,
            findings.trades,
            findings.adjustments,
            len(findings.differences),
            Jsonb([each.as_text() for each in findings.differences[:shown]]),
        ),
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """Counts over all symbols that an audit went through."""

    positions: int
    trades: int
    adjustments: int
    differences: int


def findings_kept(connection: Connection, symbols: Collection[str]) -> tuple[Kept, list[Difference]]:
    """Returns the counts over these symbols, and the differences kept of them to be shown."""
    (kept,) = fetch_all(
        connection,
        Kept,
        """
        SELECT coalesce(sum(positions), 0)::bigint AS positions, coalesce(sum(trades), 0)::bigint AS trades,
               coalesce(sum(adjustments), 0)::bigint AS adjustments, coalesce(sum(differences), 0)::bigint AS differences
        FROM audited_symbols WHERE symbol = ANY(%s)
        """,
        (list(symbols),),
    )
    rows = connection.execute(
        "SELECT jsonb_array_elements(shown)::text FROM audited_symbols WHERE symbol = ANY(%s) ORDER BY symbol",
        (list(symbols),),
    )
    return kept, [Difference.of_text(json.loads(row[0])) for row in rows]
