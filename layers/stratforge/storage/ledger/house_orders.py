"""Orders of the account itself: what an operator has it buy, because it lacks what its holders have."""

from __future__ import annotations

from stratforge.storage.postgres.database import Connection


def open_house_orders(connection: Connection) -> dict[str, str]:
    """The account's own orders that are asked for and have not ended: symbols by our id of the order."""
    rows = connection.execute(
        "SELECT client_order_id, symbol FROM house_orders WHERE ended_at IS NULL ORDER BY asked_at, client_order_id"
    )
    return dict(rows.fetchall())


def end_house_order(connection: Connection, client_order_id: str, outcome: str) -> None:
    """Notes that such an order has ended, and what became of it."""
    connection.execute(
        "UPDATE house_orders SET ended_at = now(), outcome = %s WHERE client_order_id = %s AND ended_at IS NULL",
        (outcome[:500], client_order_id),
    )
