"""Every user's equity, noted once a minute."""

from __future__ import annotations

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_value


def snapshot_equity(connection: Connection) -> int:
    """Notes the equity of every user who is not erased now, and brings the marks up to date that daily loss and drawdown are measured from."""
    count: int = fetch_value(
        connection,
        """
        WITH valued AS (
            SELECT u.id, u.virtual_balance + u.reserved_cash AS cash, u.virtual_balance + u.reserved_cash + coalesce((
                       SELECT sum(p.quantity * coalesce(l.price, p.avg_entry_price)) FROM positions p
                       LEFT JOIN latest_prices l ON l.symbol = p.symbol WHERE p.user_id = u.id AND p.quantity > 0), 0) AS equity
            FROM users u WHERE u.erased_at IS NULL),
        market AS (SELECT (coalesce(max(time), now()) AT TIME ZONE 'America/New_York')::date AS day FROM latest_prices),
        kept AS (
            INSERT INTO equity_snapshots (user_id, time, cash, equity) SELECT id, date_trunc('second', now()), cash, equity FROM valued
            ON CONFLICT DO NOTHING RETURNING 1),
        marked AS (
            INSERT INTO equity_marks AS m (user_id, day, day_equity, peak_equity)
            SELECT v.id, k.day, v.equity, v.equity FROM valued v, market k ORDER BY v.id
            ON CONFLICT (user_id) DO UPDATE SET
                day = excluded.day,
                day_equity = CASE WHEN m.day = excluded.day THEN m.day_equity ELSE excluded.day_equity END,
                peak_equity = greatest(m.peak_equity, excluded.peak_equity))
        SELECT count(*) FROM kept
        """,
    )
    return count
