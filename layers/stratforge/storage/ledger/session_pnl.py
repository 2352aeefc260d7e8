"""The profit and loss of a session: at the latest price, and fixed when it has ended."""

from __future__ import annotations

from stratforge.storage.ledger.symbols import CLOSING_POSITIONS, too_small
from stratforge.storage.postgres.database import Connection

# Of the session `s`, in dollars.
SESSION_PNL = """
    coalesce((SELECT sum(p.realized_pnl + p.quantity * coalesce(lp.price, p.avg_entry_price) - p.cost_basis)
              FROM positions p LEFT JOIN latest_prices lp ON lp.symbol = p.symbol
              WHERE p.session_id = s.id), 0)
"""


def fix_final_pnl(connection: Connection, symbol: str) -> None:
    """Fixes the profit of ended sessions whose last order has ended, and that have nothing left to sell if they are to hold nothing.

    What was refused as too small to be sold stays, once nothing else of its owner is to be sold with it; what came after the end (a correction by
    the broker) is sold as well.
    """
    unsold = f"p.quantity <> 0 AND NOT (p.reserved_quantity = 0 AND {too_small('p')})"
    connection.execute(
        f"""
        UPDATE sessions s SET settling = true FROM positions p
        WHERE s.symbol = %(symbol)s AND s.flatten_requested_at IS NOT NULL AND NOT s.settling AND p.user_id = s.user_id AND p.session_id = s.id
          AND (p.symbol = s.symbol OR s.universe IS NOT NULL) AND {unsold}
        """,  # noqa: S608 - a condition of ours
        {"symbol": symbol},
    )
    connection.execute(
        f"""
        UPDATE sessions s SET final_pnl = {SESSION_PNL}, settling = false
        WHERE s.settling AND (s.symbol = %(symbol)s OR %(symbol)s = ANY(s.universe)) AND NOT EXISTS (
            SELECT FROM orders o WHERE o.session_id = s.id AND o.status IN ('PENDING', 'RESTING', 'WORKING'))
          AND (s.flatten_requested_at IS NULL OR NOT EXISTS (
            SELECT FROM {CLOSING_POSITIONS} p WHERE p.user_id = s.user_id AND (p.symbol = s.symbol OR (s.universe IS NOT NULL AND p.session_id = s.id)) AND {unsold}))
        """,  # noqa: S608 - expressions of ours
        {"symbol": symbol},
    )
