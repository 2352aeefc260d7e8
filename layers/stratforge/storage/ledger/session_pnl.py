"""The profit and loss of a session: at the latest price, and fixed when it has ended."""

from __future__ import annotations

from stratforge.storage.postgres.database import Connection

# Of the session `s`, in dollars.
SESSION_PNL = """
    coalesce((SELECT sum(p.realized_pnl + p.quantity * coalesce(lp.price, p.avg_entry_price) - p.cost_basis)
              FROM positions p LEFT JOIN latest_prices lp ON lp.symbol = p.symbol
              WHERE p.session_id = s.id), 0)
"""


def fix_final_pnl(connection: Connection, symbol: str) -> None:
    """Fixes the profit of ended sessions whose last order has ended, and that have nothing left to sell if they are to hold nothing.

    What was refused as too small to be sold stays; what came after the end (a correction by the broker) is sold as well.
    """
    connection.execute(
        """
        UPDATE sessions s SET settling = true FROM positions p
        WHERE s.symbol = %s AND s.flatten_requested_at IS NOT NULL AND NOT s.settling AND p.session_id = s.id AND p.symbol = s.symbol
          AND p.quantity > 0 AND NOT EXISTS (
            SELECT FROM orders x WHERE x.session_id = s.id AND x.origin = 'FLATTEN' AND x.status = 'REJECTED' AND x.size = p.quantity
              AND x.reason IN ('BELOW_MINIMUM', 'WHOLE_UNITS_ONLY'))
        """,
        (symbol,),
    )
    connection.execute(
        f"""
        UPDATE sessions s SET final_pnl = {SESSION_PNL}, settling = false
        WHERE s.symbol = %s AND s.settling AND NOT EXISTS (
            SELECT FROM orders o WHERE o.session_id = s.id AND o.status IN ('PENDING', 'RESTING', 'WORKING'))
          AND (s.flatten_requested_at IS NULL OR NOT EXISTS (
            SELECT FROM positions p WHERE p.session_id = s.id AND p.symbol = s.symbol AND p.quantity > 0 AND NOT EXISTS (
                SELECT FROM orders x WHERE x.session_id = s.id AND x.origin = 'FLATTEN' AND x.status = 'REJECTED' AND x.size = p.quantity
                  AND x.reason IN ('BELOW_MINIMUM', 'WHOLE_UNITS_ONLY'))))
        """,  # noqa: S608 - an expression of this module
        (symbol,),
    )
