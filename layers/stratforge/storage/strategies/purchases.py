"""Purchases of portfolio sessions: they wait for the sales of their decision, and are placed or called off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all
from stratforge.storage.strategies.rebalances import OPEN_STATUSES, RebalanceStatus
from stratforge.storage.strategies.sessions import SessionStatus

# How long purchases wait for the sales of their decision, and for prices of all that is bought, by our clock.
SALES_PATIENCE = timedelta(seconds=60)
# After so long by our clock a decision's purchases are not placed any more: its prices are of another time.
PURCHASES_LIFETIME = timedelta(hours=1)

_SOLD_OUT = f"""
    r.status = 'SELLING' AND (r.created_at < now() - %(patience)s::interval
                              OR NOT EXISTS (SELECT FROM orders o WHERE o.rebalance_id = r.id AND o.status IN {OPEN_STATUSES}))
"""


def sold_out(connection: Connection, session_ids: Sequence[UUID]) -> list[UUID]:
    """Decisions of sessions whose sales have ended, or were waited for long enough, and whose purchases are not placed yet."""
    query = f"SELECT r.id FROM rebalances r WHERE r.session_id = ANY(%(ids)s) AND {_SOLD_OUT} ORDER BY r.created_at"  # noqa: S608 - a condition of this module
    rows = connection.execute(query, {"ids": list(session_ids), "patience": SALES_PATIENCE})
    return [row[0] for row in rows]


def sold_out_sessions(connection: Connection) -> list[tuple[UUID, str]]:
    """The sessions of all such decisions: their ids, and a symbol of theirs."""
    query = (
        f"SELECT r.session_id, s.symbols[1] FROM rebalances r JOIN sessions s ON s.id = r.session_id WHERE {_SOLD_OUT}"  # noqa: S608 - a condition of this module
    )
    return connection.execute(query, {"patience": SALES_PATIENCE}).fetchall()


@dataclass(frozen=True, slots=True)
class Waiting:
    """A decision whose purchases wait, and what they can be paid from.

    Attributes:
        moment: The beginning of the period that was decided about.
        expired: Whether it was decided too long ago.
        patient: Whether prices that are not known yet may still be waited for beside those that are.
        account_cash: What the user has free, in dollars.
    """

    rebalance_id: UUID
    session_id: UUID
    user_id: UUID
    moment: datetime
    expired: bool
    patient: bool
    schedule: str
    universe: list[str]
    orders: list[float]
    capital: Decimal
    session_status: SessionStatus
    account_cash: Decimal


def lock_waiting(connection: Connection, rebalance_ids: Sequence[UUID]) -> list[Waiting]:
    """Decisions whose purchases wait, which nobody else places meanwhile, the earliest first; without those that do not wait any more."""
    # The sessions first, as everybody does who writes both.
    connection.execute(
        """
        SELECT FROM sessions WHERE id IN (SELECT session_id FROM rebalances WHERE id = ANY(%s)) ORDER BY id FOR NO KEY UPDATE
        """,
        (list(rebalance_ids),),
    )
    return fetch_all(
        connection,
        Waiting,
        """
        SELECT r.id AS rebalance_id, r.session_id, r.user_id, r.moment, r.created_at < now() - %(lifetime)s::interval AS expired,
               r.created_at > now() - %(patience)s::interval AS patient, s.schedule, s.universe, r.orders,
               s.capital, s.status AS session_status, u.virtual_balance AS account_cash
        FROM rebalances r JOIN sessions s ON s.id = r.session_id JOIN users u ON u.id = r.user_id
        WHERE r.id = ANY(%(ids)s) AND r.status = 'SELLING' ORDER BY r.created_at, r.id FOR NO KEY UPDATE OF r, s
        """,
        {"lifetime": PURCHASES_LIFETIME, "patience": SALES_PATIENCE, "ids": list(rebalance_ids)},
    )


def end_waiting(connection: Connection, ended: Mapping[UUID, tuple[RebalanceStatus, float | None]]) -> None:
    """Notes that purchases of decisions were placed, and by what part they were cut, or will not be."""
    connection.execute(
        """
        UPDATE rebalances r SET status = e.status, bought_part = e.part
        FROM unnest(%s::uuid[], %s::text[], %s::float8[]) AS e (id, status, part) WHERE r.id = e.id
        """,
        (list(ended), [status for status, _ in ended.values()], [part for _, part in ended.values()]),
    )
