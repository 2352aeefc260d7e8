"""Progress of an audit: the symbols it went through, its findings in them, and the broker's statement of the account as far as it was read."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from psycopg.types.json import Jsonb

from stratforge.portfolio.statement import Difference, Findings
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_value


@dataclass(frozen=True, slots=True)
class StatementOrder:
    """An order by the broker's statement; bought units and what they cost count up, sold ones down."""

    order_id: str
    symbol: str
    quantity: Decimal
    value: Decimal
    executions: int
    filled_at: datetime


def unread_since(connection: Connection, overlap: timedelta) -> datetime | None:
    """From when on the statement has to be read: a little before where reading it ended, or before the first trade; None before anything was traded."""
    found: datetime | None = fetch_value(
        connection,
        "SELECT coalesce((SELECT max(filled_at) FROM statement_orders), (SELECT min(executed_at) FROM trades)) - %s",
        (overlap,),
    )
    return found


def read_longest_ago(connection: Connection) -> datetime | None:
    """Returns the fill time of the order whose statement was read longest ago; None if none was read."""
    found: datetime | None = fetch_value(
        connection, "SELECT filled_at FROM statement_orders ORDER BY read_at, filled_at LIMIT 1"
    )
    return found


def forget_statement(connection: Connection) -> None:
    """Has the whole statement read again."""
    connection.execute("DELETE FROM statement_orders")


def keep_statement(
    connection: Connection, since: datetime, until: datetime, orders: Sequence[StatementOrder], read_at: datetime
) -> None:
    """Keeps what the statement says of orders, and forgets what it says no more of what was filled between the two times."""
    connection.execute(
        "DELETE FROM statement_orders WHERE filled_at >= %s AND filled_at < %s AND NOT order_id = ANY(%s)",
        (since, until, [each.order_id for each in orders]),
    )
    connection.execute(
        """
        INSERT INTO statement_orders (order_id, symbol, quantity, value, executions, filled_at, read_at)
        SELECT *, %s FROM unnest(%s::text[], %s::text[], %s::numeric[], %s::numeric[], %s::integer[], %s::timestamptz[])
        ON CONFLICT (order_id) DO UPDATE SET symbol = excluded.symbol, quantity = excluded.quantity, value = excluded.value,
            executions = excluded.executions, filled_at = excluded.filled_at, read_at = excluded.read_at
        """,
        (
            read_at,
            [each.order_id for each in orders],
            [each.symbol for each in orders],
            [each.quantity for each in orders],
            [each.value for each in orders],
            [each.executions for each in orders],
            [each.filled_at for each in orders],
        ),
    )


def executions_kept(connection: Connection) -> int:
    """The number of executions in the statement as far as it was read."""
    found: int = fetch_value(connection, "SELECT coalesce(sum(executions), 0)::bigint FROM statement_orders")
    return found


def is_finished(connection: Connection, since: datetime) -> bool:
    """Tells whether an audit that began since then has come to its end."""
    found: bool = fetch_value(
        connection, "SELECT EXISTS (SELECT FROM reconciliations WHERE started_at >= %s AND report ? 'audit')", (since,)
    )
    return found


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
