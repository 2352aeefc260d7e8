"""Everything that is stored about a user, for the user."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from stratforge.storage.postgres.database import Connection

_TABLES = {
    "account": "SELECT id, email, virtual_balance, reserved_cash, initial_balance, trading_state, created_at FROM users WHERE id = %s",
    "risk_limits": "SELECT * FROM risk_limits WHERE user_id = %s",
    "strategies": "SELECT * FROM strategies WHERE user_id = %s ORDER BY created_at",
    "strategy_versions": "SELECT * FROM strategy_versions WHERE user_id = %s ORDER BY created_at",
    "sessions": "SELECT * FROM sessions WHERE user_id = %s ORDER BY started_at",
    "signals": "SELECT * FROM signals WHERE user_id = %s ORDER BY id",
    "orders": "SELECT * FROM orders WHERE user_id = %s ORDER BY created_at",
    "trades": "SELECT * FROM trades WHERE user_id = %s ORDER BY id",
    "positions": "SELECT * FROM positions WHERE user_id = %s ORDER BY symbol",
    "adjustments": "SELECT * FROM adjustments WHERE user_id = %s ORDER BY id",
    "equity_snapshots": "SELECT * FROM equity_snapshots WHERE user_id = %s ORDER BY time",
    "jobs": "SELECT id, kind, status, request, result, error, created_at, finished_at FROM jobs WHERE user_id = %s ORDER BY created_at",
    "backtests": "SELECT id, strategy_id, symbol, config, metrics, created_at FROM backtests WHERE user_id = %s ORDER BY created_at",
    "api_keys": "SELECT id, name, hint, scopes, created_at, expires_at, revoked_at FROM api_keys WHERE user_id = %s ORDER BY created_at",
}
_MAX_ROWS = 20_000


def export_user(connection: Connection, user_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """All rows by table, at most 20,000 of each: numbers and times as text that reads back exactly."""
    exported = {}
    for name, query in _TABLES.items():
        rows = connection.execute(
            f"SELECT to_jsonb(r) FROM ({query} LIMIT {_MAX_ROWS}) r",  # noqa: S608 - queries of this module
            (user_id,),
        ).fetchall()
        exported[name] = [row[0] for row in rows]
    return exported
