"""The vital signs of the platform, noted every minute: how old prices are, how far sessions lag, how long the oldest of what waits has waited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all


@dataclass(frozen=True, slots=True)
class VitalSigns:
    """The platform's vital signs at a time, or the worst of each in a stretch of time that ended then. All are seconds, but the lag.

    Attributes:
        price_silence: Since the oldest of the prices that sessions run on, of one that never came since the first of them began or the exchange opened; None while
            the exchange is closed or nothing runs.
        session_lag: Minutes of the market by which the last of the sessions is behind its symbol's last bar.
        signal_age: Since the oldest signal that nobody has decided on.
        order_age: Since the oldest order that nobody has decided on; of a stock's while the exchange is open, from its opening on.
        block_age: Since the oldest block that is at the broker.
        job_age: Since the oldest job that nobody has begun.
        delivery_age: Since the oldest delivery was due.
        decision_age: Since the oldest decision of a portfolio session fell due while the exchange was open.
    """

    at: datetime
    price_silence: float | None
    session_lag: float
    signal_age: float
    order_age: float
    block_age: float
    job_age: float
    delivery_age: float
    decision_age: float


# Every minute: each part finds what waits by an index of that alone, however much there was before.
NOTE = """
    WITH hours AS MATERIALIZED (SELECT ours_at(opens_at) AS opened FROM market_days WHERE market_at(now()) BETWEEN opens_at AND closes_at LIMIT 1)
    INSERT INTO vital_signs (price_silence, session_lag, signal_age, order_age, block_age, job_age, delivery_age, decision_age)
    SELECT CASE WHEN EXISTS (SELECT FROM hours) THEN extract(epoch FROM now() - min(coalesce(l.received_at, greatest(r.started_at, (SELECT opened FROM hours))))) END,
           coalesce(greatest(0, max(extract(epoch FROM l.bar_time - r.last_bar_time)) / 60), 0),
           coalesce(extract(epoch FROM now() - (SELECT min(created_at) FROM signals WHERE status = 'PENDING')), 0),
           coalesce(extract(epoch FROM now() - (
               SELECT min(CASE WHEN strpos(o.symbol, '/') > 0 THEN o.created_at ELSE greatest(o.created_at, h.opened) END)
               FROM orders o LEFT JOIN hours h ON true WHERE o.status = 'PENDING' AND (strpos(o.symbol, '/') > 0 OR h.opened IS NOT NULL))), 0),
           coalesce(extract(epoch FROM now() - (SELECT min(created_at) FROM block_orders WHERE completed_at IS NULL)), 0),
           coalesce(extract(epoch FROM now() - (SELECT min(created_at) FROM jobs WHERE status = 'QUEUED')), 0),
           coalesce(extract(epoch FROM now() - (SELECT min(next_attempt_at) FROM webhook_deliveries WHERE next_attempt_at <= now())), 0),
           coalesce(extract(epoch FROM now() - (
               SELECT min(greatest(ours_at(s.decides_at), h.opened)) FROM sessions s, hours h
               WHERE s.universe IS NOT NULL AND s.status = 'RUNNING' AND s.decides_at <= market_at(now()))), 0)
    FROM (SELECT symbol, min(last_bar_time) AS last_bar_time, min(started_at) AS started_at FROM sessions WHERE status IN ('RUNNING', 'PAUSED') AND universe IS NULL GROUP BY symbol) r
    LEFT JOIN latest_prices l ON l.symbol = r.symbol
    ON CONFLICT DO NOTHING
"""


def note_vital_signs(connection: Connection) -> None:
    """Notes how the platform does now."""
    connection.execute(NOTE)


def read_vital_signs(connection: Connection, since: datetime, points: int) -> list[VitalSigns]:
    """The worst of each of at most `points` equal stretches of time since then, the oldest first. None when the user is no operator."""
    query = "SELECT * FROM operator_vital_signs(%s, %s)"
    return fetch_all(connection, VitalSigns, query, (since, points))
