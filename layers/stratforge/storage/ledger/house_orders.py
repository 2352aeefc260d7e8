"""Orders of the account itself: what an operator has it buy, because it lacks what its holders have; and the house, which holds the parts of shares that the broker does not lend."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_value

# The account of the house: the last of all that are locked, in the order of their ids.
HOUSE = UUID(int=2**128 - 1)


def lock_house(connection: Connection, symbol: str) -> Decimal:
    """Locks the account of the house, which is made when it is first needed; returns what it holds of a symbol and is not selling."""
    fetch_value(connection, "SELECT open_house()")
    connection.execute("SELECT FROM users WHERE id = %s FOR NO KEY UPDATE", (HOUSE,))
    return held_by_house(connection, symbol)


def held_by_house(connection: Connection, symbol: str) -> Decimal:
    """The quantity of a symbol that the house holds and is not selling."""
    query = "SELECT coalesce(sum(quantity - reserved_quantity), 0) FROM positions WHERE user_id = %s AND symbol = %s"
    held: Decimal = fetch_value(connection, query, (HOUSE, symbol))
    return held


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
