"""Everything that is stored about a user, for the user."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from stratforge.storage.postgres.database import Connection

# What a person reads first comes first: when it is too much in all, the last tables lose their oldest rows.
TABLES = {
    "account": "SELECT id, email, email_confirmed_at, virtual_balance, reserved_cash, initial_balance, trading_state, short_selling, created_at FROM users WHERE id = %(user)s",
    "risk_limits": "SELECT * FROM risk_limits WHERE user_id = %(user)s",
    "api_keys": "SELECT id, name, hint, scopes, created_at, expires_at, last_used_on, revoked_at FROM api_keys WHERE user_id = %(user)s ORDER BY created_at DESC",
    "passkeys": "SELECT id, name, created_at, last_used_at FROM passkeys WHERE user_id = %(user)s ORDER BY created_at DESC",
    "logins": "SELECT * FROM logins WHERE user_id = %(user)s ORDER BY created_at DESC",
    "known_devices": "SELECT created_at, last_seen_at FROM known_devices WHERE user_id = %(user)s ORDER BY created_at DESC",
    "two_factor": "SELECT created_at, confirmed_at, cardinality(recovery_hashes) AS recovery_codes_left FROM two_factor WHERE user_id = %(user)s",
    "account_events": "SELECT id, at, kind, subject, address, client FROM account_events WHERE user_id = %(user)s ORDER BY id DESC",
    "mails": "SELECT kind, address, created_at, sent_at, used_at FROM mails WHERE user_id = %(user)s ORDER BY created_at DESC",
    "mail_notices": "SELECT kinds, changed_at FROM mail_notices WHERE user_id = %(user)s",
    "webhooks": "SELECT id, url, kinds, failures, disabled_at, retry_at, last_error, created_at FROM webhooks WHERE user_id = %(user)s ORDER BY created_at DESC",
    "strategies": "SELECT * FROM strategies WHERE user_id = %(user)s ORDER BY created_at DESC",
    "strategy_versions": "SELECT * FROM strategy_versions WHERE user_id = %(user)s ORDER BY created_at DESC",
    "positions": "SELECT * FROM positions WHERE user_id = %(user)s ORDER BY symbol",
    # But for its shard, which tells how many sessions all users have of the symbol.
    "sessions": "SELECT (jsonb_populate_record(NULL::sessions, to_jsonb(s) - 'shard')).* FROM sessions s WHERE user_id = %(user)s ORDER BY started_at DESC",
    "published_sessions": "SELECT * FROM published_sessions WHERE user_id = %(user)s ORDER BY published_at DESC",
    "session_standings": "SELECT * FROM session_standings WHERE user_id = %(user)s ORDER BY session_id",
    "shared_reports": "SELECT backtest_id, created_at FROM shared_reports WHERE user_id = %(user)s ORDER BY created_at DESC",
    "price_alerts": "SELECT * FROM price_alerts WHERE user_id = %(user)s ORDER BY created_at DESC",
    "watched_symbols": "SELECT * FROM watched_symbols WHERE user_id = %(user)s ORDER BY added_at DESC",
    "rebalances": "SELECT * FROM rebalances WHERE user_id = %(user)s ORDER BY decided_at DESC",
    "session_gaps": "SELECT * FROM session_gaps WHERE user_id = %(user)s ORDER BY noticed_at DESC",
    "trades": "SELECT * FROM told_trades WHERE user_id = %(user)s ORDER BY id DESC",
    "orders": "SELECT * FROM orders WHERE user_id = %(user)s ORDER BY created_at DESC",
    "adjustments": "SELECT * FROM adjustments WHERE user_id = %(user)s ORDER BY id DESC",
    "signals": "SELECT * FROM signals WHERE user_id = %(user)s ORDER BY id DESC",
    "equity_marks": "SELECT * FROM equity_marks WHERE user_id = %(user)s ORDER BY day DESC",
    # Questions, prompts and answers: conversations are the requests of jobs.
    "jobs": "SELECT * FROM jobs WHERE user_id = %(user)s ORDER BY created_at DESC",
    "backtests": "SELECT * FROM backtests WHERE user_id = %(user)s ORDER BY created_at DESC",
    "studies": "SELECT job_id, version, points, part, seconds, created_at FROM studies WHERE user_id = %(user)s ORDER BY created_at DESC",
    "study_parts": "SELECT * FROM study_parts WHERE user_id = %(user)s ORDER BY finished_at DESC",
    "equity_snapshots": "SELECT * FROM equity_snapshots WHERE user_id = %(user)s ORDER BY time DESC",
    "webhook_deliveries": "SELECT * FROM webhook_deliveries WHERE user_id = %(user)s ORDER BY id DESC",
    "events": "SELECT * FROM events WHERE user_id = %(user)s ORDER BY id DESC",
    "position_views": "SELECT * FROM position_views WHERE user_id = %(user)s ORDER BY bar_time DESC",
}
_MAX_ROWS = 20_000
# The gateway's limit for an answer is six megabytes.
_MAX_BYTES = 5_000_000


def export_user(connection: Connection, user_id: UUID, max_bytes: int = _MAX_BYTES) -> dict[str, list[dict[str, Any]]]:
    """Rows by table, the newest first, in all as many as fit: numbers and times as text that reads back exactly.

    Returns:
        The tables, and under `left_out` an entry for each table that has more rows than are given.
    """
    exported: dict[str, list[dict[str, Any]]] = {}
    left_out: list[dict[str, Any]] = []
    for name, query in TABLES.items():
        answer = connection.execute(
            f"""
            SELECT coalesce(jsonb_agg(row) FILTER (WHERE fits), '[]'), coalesce(max(bytes) FILTER (WHERE fits), 0), count(*) FILTER (WHERE NOT fits)
            FROM (SELECT row, bytes, bytes <= %(bytes)s AND place <= {_MAX_ROWS} AS fits FROM (
                SELECT row, sum(octet_length(row::text) + 2) OVER w AS bytes, row_number() OVER w AS place
                FROM (SELECT to_jsonb(r) AS row FROM ({query} LIMIT {_MAX_ROWS + 1}) r) j WINDOW w AS (ROWS UNBOUNDED PRECEDING)) s) t
            """,  # noqa: S608 - queries of this module
            {"user": user_id, "bytes": max_bytes},
        ).fetchone()
        assert answer is not None
        exported[name] = answer[0]
        max_bytes -= int(answer[1])
        if answer[2]:
            left_out.append({"table": name, "given": len(answer[0])})
    exported["left_out"] = left_out
    return exported
