"""Purchases of portfolio sessions: they wait for the sales of their decision, and are placed or called off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all
from stratforge.storage.strategies.rebalances import AWAITS_PRICES, SALES_ENDED, RebalanceStatus
from stratforge.storage.strategies.sessions import SessionStatus

# After so long by our clock a decision's purchases are not placed any more: its prices are of another time.
PURCHASES_LIFETIME = timedelta(hours=1)


def sold_out(connection: Connection, session_ids: Sequence[UUID]) -> list[UUID]:
    """Decisions of sessions whose sales have ended, or were waited for long enough, and whose purchases are not placed yet, the earliest first."""
    query = f"""
        SELECT r.id FROM rebalances r WHERE r.session_id = ANY(%s) AND r.status = 'SELLING' AND {SALES_ENDED} ORDER BY r.created_at, r.id
    """  # noqa: S608 - a condition of ours
    return [row[0] for row in connection.execute(query, (list(session_ids),))]


def sold_out_sessions(connection: Connection) -> list[tuple[UUID, str]]:
    """The sessions of all such decisions whose purchases can be placed or called off now, and a symbol of theirs, the earliest decision first; without those that only wait for
    prices, of which nothing is to be expected before one comes."""
    query = f"""
        SELECT r.session_id, s.symbols[1] FROM rebalances r JOIN sessions s ON s.id = r.session_id
        WHERE r.status = 'SELLING' AND {SALES_ENDED}
          AND (s.status <> 'RUNNING' OR r.created_at < now() - %s::interval OR NOT {AWAITS_PRICES}) ORDER BY r.created_at, r.id
    """  # noqa: S608 - conditions of ours
    return connection.execute(query, (PURCHASES_LIFETIME,)).fetchall()


@dataclass(frozen=True, slots=True)
class Waiting:
    """A decision whose purchases wait, and what they can be paid from.

    Attributes:
        moment: The beginning of the period that was decided about.
        expired: Whether it was decided too long ago.
        awaits_prices: Whether prices that are not known yet are waited for.
        account_cash: What the user has free, in dollars.
    """

    rebalance_id: UUID
    session_id: UUID
    user_id: UUID
    moment: datetime
    expired: bool
    awaits_prices: bool
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
        f"""
        SELECT r.id AS rebalance_id, r.session_id, r.user_id, r.moment, r.created_at < now() - %s::interval AS expired,
               {AWAITS_PRICES} AS awaits_prices, s.schedule, s.universe, r.orders,
               s.capital, s.status AS session_status, u.virtual_balance AS account_cash
        FROM rebalances r JOIN sessions s ON s.id = r.session_id JOIN users u ON u.id = r.user_id
        WHERE r.id = ANY(%s) AND r.status = 'SELLING' ORDER BY r.created_at, r.id FOR NO KEY UPDATE OF r, s
        """,  # noqa: S608 - a condition of ours
        (PURCHASES_LIFETIME, list(rebalance_ids)),
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
