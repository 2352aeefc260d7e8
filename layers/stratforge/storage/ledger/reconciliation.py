"""The ledger as it is compared with the broker: sums by symbol, finished blocks, corrections; and the reports of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from stratforge.market.sizes import Side
from stratforge.portfolio.assets import CRYPTO_FEE_RATE
from stratforge.portfolio.books import OwnUnits
from stratforge.portfolio.corrections import Adjustment, Share
from stratforge.portfolio.figures import Figures
from stratforge.storage.ledger.reservations import ADJUST, lock_users
from stratforge.storage.ledger.symbols import CLOSING_POSITIONS, lock_symbol, too_small
from stratforge.storage.market.market_data import SPLIT_TIME
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_value


@dataclass(frozen=True, slots=True)
class LedgerSymbol:
    """All users' positions in a symbol together, and marks that change when anything happens to it."""

    symbol: str
    quantity: Decimal = Decimal(0)
    working: bool = False
    last_block: datetime | None = None
    last_adjustment: int = 0


def ledger_by_symbol(connection: Connection) -> dict[str, LedgerSymbol]:
    """The sums of all users' positions by symbol, to compare with the broker, and what was done last; not a look at all that ever was."""
    found = fetch_all(
        connection,
        LedgerSymbol,
        """
        WITH RECURSIVE traded AS (
            (SELECT symbol, created_at FROM block_orders ORDER BY symbol, created_at DESC LIMIT 1)
            UNION ALL SELECT next.* FROM traded CROSS JOIN LATERAL (
                SELECT symbol, created_at FROM block_orders WHERE symbol > traded.symbol ORDER BY symbol, created_at DESC LIMIT 1) next)
        SELECT coalesce(p.symbol, b.symbol) AS symbol, coalesce(p.quantity, 0) AS quantity, b.created_at AS last_block,
               EXISTS (SELECT FROM block_orders w WHERE w.symbol = b.symbol AND w.completed_at IS NULL) AS working,
               (SELECT coalesce(max(id), 0) FROM adjustments) AS last_adjustment
        FROM (SELECT symbol, sum(quantity) AS quantity FROM positions GROUP BY symbol) p FULL JOIN traded b ON b.symbol = p.symbol
        """,
    )
    return {each.symbol: each for each in found}


def own_units(connection: Connection) -> dict[str, OwnUnits]:
    """The account's own units by symbol: accepted ones, with everything that happened to their symbol since their order and that the ledger has followed."""
    found = fetch_all(
        connection,
        OwnUnits,
        f"""
        WITH RECURSIVE accepted AS (
            SELECT k.symbol, q.quantity, q.quantity AS before,
                   coalesce((SELECT min(filled_at) FROM fills WHERE block_order_id = b.id), market_at(b.created_at), k.sent_at) AS starts_at,
                   coalesce(b.created_at, k.noted_at) AS applied_at, 0 AS places
            FROM kept_corrections k LEFT JOIN block_orders b ON b.client_order_id = k.client_order_id
            CROSS JOIN LATERAL (
                SELECT k.accepted_quantity * CASE WHEN coalesce(b.side, k.side) = 'sell' THEN -1
                    ELSE 1 - coalesce(b.fee_rate, CASE WHEN k.symbol LIKE '%%/%%' THEN {CRYPTO_FEE_RATE} ELSE 0 END) END AS quantity) q
            WHERE k.accepted_quantity <> 0
            UNION ALL SELECT became.symbol, round(a.quantity * became.units, 18), a.quantity, c.starts_at, c.applied_at, a.places + 1 FROM accepted a
            CROSS JOIN LATERAL (
                SELECT *, {SPLIT_TIME} AS starts_at FROM corporate_actions WHERE symbol = a.symbol AND applied_at IS NOT NULL
                  AND ({SPLIT_TIME}, applied_at) > (a.starts_at, a.applied_at) ORDER BY {SPLIT_TIME}, applied_at LIMIT 1) c
            CROSS JOIN LATERAL (
                SELECT c.symbol, CASE WHEN c.kind = 'symbol_change' THEN 0 ELSE coalesce(c.ratio, 1) END AS units
                UNION ALL SELECT c.new_symbol, CASE WHEN c.kind = 'symbol_change' THEN 1 ELSE c.new_ratio END) became
            WHERE became.units > 0)
        SELECT a.symbol, sum(a.quantity) AS quantity, sum(a.before) AS before,
               coalesce((SELECT scale FROM broker_account), 1) * CASE
                   WHEN a.symbol LIKE '%%/%%' THEN 0.00000001
                   ELSE sum(a.places) * CASE WHEN (SELECT NOT fractionable FROM assets WHERE symbol = a.symbol) THEN 1 ELSE 0.000000001 END END AS slack
        FROM accepted a
        WHERE NOT EXISTS (SELECT FROM corporate_actions WHERE symbol = a.symbol AND applied_at IS NOT NULL
                          AND ({SPLIT_TIME}, applied_at) > (a.starts_at, a.applied_at))
        GROUP BY a.symbol
        """,  # noqa: S608 - an expression of ours
    )
    return {each.symbol: each for each in found}


def position_at_broker(connection: Connection, symbol: str) -> Decimal:
    """All that users hold of a symbol together, less what they owe, and the account's own units of it."""
    query = "SELECT coalesce(sum(quantity), 0) FROM positions WHERE symbol = %s AND quantity <> 0"
    held: Decimal = fetch_value(connection, query, (symbol,))
    own = own_units(connection).get(symbol)
    return held if own is None else held + own.quantity


def fills_of(connection: Connection, symbol: str) -> int:
    """The number of the broker's executions in a symbol."""
    query = "SELECT count(*) FROM fills f JOIN block_orders b ON b.id = f.block_order_id WHERE b.symbol = %s"
    return int(fetch_value(connection, query, (symbol,)))


@dataclass(frozen=True, slots=True)
class FinishedBlock:
    """A finished block as the ledger has it, corrections included."""

    client_order_id: str
    block_id: UUID
    symbol: str
    side: Side
    filled_quantity: Decimal
    filled_value: Decimal
    completed: bool
    step: Decimal

    @property
    def figures(self) -> Figures:
        """The quantity that was filled, and the dollars that it came to."""
        return self.filled_quantity, self.filled_value


def blocks_by_client_id(connection: Connection, client_order_ids: Sequence[str]) -> dict[str, FinishedBlock]:
    """The blocks with these ids that went to the broker."""
    found = fetch_all(
        connection,
        FinishedBlock,
        """
        SELECT client_order_id, id AS block_id, symbol, side, filled_quantity + corrected_quantity AS filled_quantity,
               filled_value + corrected_value AS filled_value, completed_at IS NOT NULL AS completed, step
        FROM block_orders WHERE client_order_id = ANY(%s) AND side IS NOT NULL
        """,
        (list(client_order_ids),),
    )
    return {block.client_order_id: block for block in found}


def shares_of_block(connection: Connection, block: FinishedBlock) -> list[Share]:
    """The orders of a block's side that were filled, by the broker or inside at its price, with what their holders could give back.

    Locks symbol and users.
    """
    lock_symbol(connection, block.symbol)
    lock_users(connection, "SELECT user_id FROM trades WHERE block_order_id = %(block)s", {"block": block.block_id})
    return fetch_all(
        connection,
        Share,
        """
        SELECT t.order_id, t.user_id, t.session_id, sum(t.quantity) AS filled, u.virtual_balance AS free_cash,
               coalesce(max(p.quantity - p.reserved_quantity), 0) AS free_quantity
        FROM trades t JOIN users u ON u.id = t.user_id
        LEFT JOIN positions p ON p.user_id = t.user_id AND p.session_id IS NOT DISTINCT FROM t.session_id AND p.symbol = t.symbol
        WHERE t.block_order_id = %s AND t.side = %s
        GROUP BY t.order_id, t.user_id, t.session_id, u.virtual_balance ORDER BY t.order_id
        """,
        (block.block_id, block.side),
    )


_ADJUST = f"""
WITH given AS (
    SELECT user_id, session_id, sum(quantity) AS quantity, sum(cash) AS cash, sum(cost) AS cost
    FROM unnest(%(users)s::uuid[], %(sessions)s::uuid[], %(quantities)s::numeric[], %(cash)s::numeric[], %(costs)s::numeric[])
        AS g (user_id, session_id, quantity, cash, cost) GROUP BY user_id, session_id),
kept AS (
    INSERT INTO adjustments (user_id, session_id, symbol, kind, quantity, cash, cause)
    SELECT user_id, session_id, %(symbol)s, %(kind)s::adjustment_kind, quantity, cash, %(cause)s FROM given),
{ADJUST}
"""  # noqa: S608 - statements of ours


def apply_adjustments(
    connection: Connection, symbol: str, kind: str, cause: str, adjustments: Sequence[Adjustment]
) -> None:
    """Changes positions and cash, and keeps why. What a correction costs or brings is realized at once."""
    parameters = {
        "symbol": symbol,
        "kind": kind,
        "cause": cause,
        "users": [each.user_id for each in adjustments],
        "sessions": [each.session_id for each in adjustments],
        "quantities": [each.quantity for each in adjustments],
        "cash": [each.cash for each in adjustments],
        "costs": [each.cost for each in adjustments],
    }
    connection.execute(_ADJUST, parameters)


def note_correction(connection: Connection, block_id: UUID, quantity: Decimal, value: Decimal) -> None:
    """Notes that the ledger followed the broker's correction of a block."""
    connection.execute(
        """
        UPDATE block_orders SET corrected_quantity = corrected_quantity + %s, corrected_value = corrected_value + %s WHERE id = %s
        """,
        (quantity, value, block_id),
    )


@dataclass(frozen=True, slots=True)
class KeptCorrection:
    """A difference of a finished order that the ledger could not follow, or an order that it does not know, since `noted_at`; `ended` while it is what an operator accepted.

    Attributes:
        accepted_quantity: How much more than the ledger the broker may have of the order, by an operator's word.
        accepted_value: How much more it may have come to.
    """

    client_order_id: str
    symbol: str
    ended: bool
    noted_at: datetime
    accepted_quantity: Decimal
    accepted_value: Decimal

    @property
    def accepted(self) -> Figures:
        """The units and dollars of the order that the broker may have more than the ledger, by an operator's word."""
        return self.accepted_quantity, self.accepted_value


def kept_corrections(connection: Connection) -> dict[str, KeptCorrection]:
    """All corrections that were not followed, by our id of the order."""
    found = fetch_all(
        connection,
        KeptCorrection,
        """
        SELECT client_order_id, symbol, ended_at IS NOT NULL AS ended, noted_at, coalesce(accepted_quantity, 0) AS accepted_quantity,
               coalesce(accepted_value, 0) AS accepted_value
        FROM kept_corrections ORDER BY noted_at, client_order_id
        """,
    )
    return {each.client_order_id: each for each in found}


def times_of_order(connection: Connection, client_order_id: str, changed_at: datetime) -> list[datetime]:
    """The times at which anything happened to an order: it was filled, by the ledger and by the broker's statement as an audit read it, or changed after its end,
    which it was last at the time given; that is noted.
    """
    parameters = {"name": client_order_id, "at": changed_at}
    connection.execute(
        "UPDATE block_orders SET changed_at = changed_at || %(at)s WHERE client_order_id = %(name)s AND %(at)s <> ALL(changed_at)",
        parameters,
    )
    rows = connection.execute(
        """
        SELECT f.filled_at FROM fills f JOIN block_orders b ON b.id = f.block_order_id WHERE b.client_order_id = %(name)s
        UNION SELECT filled_at FROM statement_fills WHERE order_id = %(name)s
        UNION SELECT unnest(changed_at) FROM block_orders WHERE client_order_id = %(name)s
        """,
        parameters,
    )
    return [row[0] for row in rows]


def keep_correction(connection: Connection, client_order_id: str, quantity: Decimal, value: Decimal) -> None:
    """Keeps that the broker has so much more of an order, which came to so much more, than the ledger could follow; what was accepted of it stays beside."""
    connection.execute(
        """
        INSERT INTO kept_corrections (client_order_id, symbol, quantity, value)
        SELECT client_order_id, symbol, %s, %s FROM block_orders WHERE client_order_id = %s
        ON CONFLICT (client_order_id) DO UPDATE SET quantity = excluded.quantity, value = excluded.value, ended_at = NULL,
            noted_at = CASE WHEN kept_corrections.ended_at IS NULL THEN kept_corrections.noted_at ELSE now() END
        """,
        (quantity, value, client_order_id),
    )


def keep_order_of_nobody(
    connection: Connection, client_order_id: str, symbol: str, side: Side, sent_at: datetime, filled: Figures
) -> None:
    """Keeps an order at the broker that the ledger does not know, and what was filled of it."""
    connection.execute(
        """
        INSERT INTO kept_corrections (client_order_id, symbol, side, sent_at, quantity, value) VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT (client_order_id) DO UPDATE SET quantity = excluded.quantity, value = excluded.value, ended_at = NULL
        """,
        (client_order_id, symbol, side, sent_at, *filled),
    )


def hand_over_correction(connection: Connection, client_order_id: str, quantity: Decimal, value: Decimal) -> None:
    """Has the reconciler look at an order of which an audit found so much more at the broker. The amounts that an operator accepted, or is about to, stay."""
    connection.execute(
        """
        INSERT INTO kept_corrections (client_order_id, symbol, quantity, value)
        SELECT client_order_id, symbol, CASE WHEN side = 'sell' THEN -q ELSE q END, CASE WHEN side = 'sell' THEN -v ELSE v END
        FROM block_orders, (VALUES (%s::numeric, %s::numeric)) given (q, v) WHERE client_order_id = %s
        ON CONFLICT (client_order_id) DO UPDATE SET ended_at = NULL, noted_at = now() WHERE kept_corrections.ended_at IS NOT NULL
        """,
        (quantity, value, client_order_id),
    )


def close_correction(connection: Connection, client_order_id: str, quantity: Decimal, value: Decimal) -> None:
    """Notes that an order differs by nothing but so much, which an operator accepted and the broker did not take back. By nothing at all it is forgotten."""
    connection.execute(
        """
        WITH given AS (SELECT %(name)s AS client_order_id, %(quantity)s::numeric AS quantity, %(value)s::numeric AS value),
        forgotten AS (
            DELETE FROM kept_corrections k USING given g WHERE k.client_order_id = g.client_order_id AND g.quantity = 0 AND g.value = 0)
        UPDATE kept_corrections k SET ended_at = coalesce(k.ended_at, now()), quantity = g.quantity, value = g.value,
            accepted_quantity = g.quantity, accepted_value = g.value
        FROM given g WHERE k.client_order_id = g.client_order_id AND (g.quantity <> 0 OR g.value <> 0)
        """,
        {"name": client_order_id, "quantity": quantity, "value": value},
    )


def settle_ended_sessions(connection: Connection) -> list[str]:
    """Symbols with ended sessions whose profit is not final yet, or that hold what they are not to hold."""
    rows = connection.execute(
        """
        SELECT DISTINCT s.symbol FROM sessions s WHERE s.settling OR (s.flatten_requested_at IS NOT NULL AND EXISTS (
            SELECT FROM positions p WHERE p.session_id = s.id AND p.quantity <> 0)) ORDER BY 1
        """
    )
    return [row[0] for row in rows]


def closing_holdings(connection: Connection) -> dict[str, int]:
    """For how many holders something is still to be sold because they closed their account or stopped so, by symbol. What was refused as too
    small to be sold is not counted.
    """
    rows = connection.execute(
        f"""
        SELECT p.symbol, count(*) FROM {CLOSING_POSITIONS} p
        WHERE p.quantity <> 0 AND NOT (p.reserved_quantity = 0 AND {too_small("p")}) GROUP BY p.symbol ORDER BY 1
        """  # noqa: S608 - conditions of ours
    )
    return dict(rows.fetchall())


def store_report(connection: Connection, started_at: datetime, clean: bool, report: dict[str, Any]) -> int:
    """Keeps a report; returns its number."""
    report_id: int = fetch_value(
        connection,
        "INSERT INTO reconciliations (started_at, clean, report) VALUES (%s, %s, %s) RETURNING id",
        (started_at, clean, Jsonb(report)),
    )
    return report_id
