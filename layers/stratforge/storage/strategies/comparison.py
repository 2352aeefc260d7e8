"""A user's strategies beside each other: what each returned and made."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from stratforge.storage.ledger.session_pnl import SESSION_PNL
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all


@dataclass(frozen=True, slots=True)
class ComparedStrategy:
    """A strategy with its last backtest and the profit of its sessions.

    Attributes:
        tested_version: The version of the last backtest; null, as the next two, where there is none.
        parameters: Values that the backtest had in place of the version's own.
        metrics: The figures of the backtest.
        profit: What all its sessions made, in dollars and at the latest prices; null where it has none.
        of_strategies: How many strategies its owner has.
    """

    strategy_id: UUID
    name: str
    symbol: str
    version: int
    tested_version: int | None
    parameters: dict[str, float] | None
    metrics: dict[str, Any] | None
    profit: Decimal | None
    of_strategies: int


def compare_strategies(connection: Connection, user_id: UUID, first: UUID | None, limit: int) -> list[ComparedStrategy]:
    """A strategy of a user, if it is one, and then those whose last backtests returned most; at most so many in all."""
    return fetch_all(
        connection,
        ComparedStrategy,
        f"""
        WITH compared AS (
            SELECT t.id AS strategy_id, t.name, t.symbol, t.version, b.strategy_version AS tested_version, b.parameters, b.metrics, count(*) OVER () AS of_strategies,
                row_number() OVER (ORDER BY (t.id = %(first)s::uuid) IS TRUE DESC, (b.metrics ->> 'total_return')::float8 DESC NULLS LAST, t.created_at DESC, t.id DESC) AS place
            FROM strategies t LEFT JOIN (
                SELECT DISTINCT ON (strategy_id) strategy_id, strategy_version, parameters, metrics FROM backtests
                WHERE user_id = %(user)s ORDER BY strategy_id, created_at DESC, id DESC) b ON b.strategy_id = t.id
            WHERE t.user_id = %(user)s AND t.deleted_at IS NULL)
        SELECT strategy_id, name, symbol, version, tested_version, parameters, metrics, of_strategies,
            (SELECT sum({SESSION_PNL}) FROM sessions s WHERE s.strategy_id = compared.strategy_id AND s.user_id = %(user)s) AS profit
        FROM compared WHERE place <= %(limit)s ORDER BY place
        """,  # noqa: S608 - an expression of ours
        {"user": user_id, "first": first, "limit": limit},
    )
