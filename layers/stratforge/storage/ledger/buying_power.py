"""The buying power of the platform's account: as the broker said, less what was sent since, so that blocks of different symbols share it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_one, fetch_value


def begin_reading(connection: Connection) -> datetime:
    """Our clock before the broker is asked: whatever is sent later may not be in its answer."""
    now: datetime = fetch_value(connection, "SELECT clock_timestamp()")
    return now


def store_account(
    connection: Connection, buying_power: Decimal, cash_power: Decimal, equity: Decimal, read_at: datetime
) -> None:
    """Keeps what the broker said of the account; an answer that is older than the one that is known changes nothing."""
    connection.execute(
        """
        INSERT INTO broker_account AS a (buying_power, cash_power, equity, read_at) VALUES (%(power)s, %(cash)s, %(equity)s, %(read_at)s)
        ON CONFLICT (singleton) DO UPDATE SET
            buying_power = excluded.buying_power, cash_power = excluded.cash_power, equity = excluded.equity, read_at = excluded.read_at
        WHERE a.read_at < excluded.read_at
        """,
        {"power": buying_power, "cash": cash_power, "equity": equity, "read_at": read_at},
    )


@dataclass(frozen=True, slots=True)
class Room:
    """The dollars that a block may still cost at its limit, and how long ago the broker was asked."""

    dollars: Decimal
    age: timedelta


def room(connection: Connection, *, crypto: bool) -> Room | None:
    """The room for another purchase; None when the broker was never asked. Locks it until the transaction ends, so that two symbols do not
    spend the same dollars.

    A purchase counts with its limit from when it is stored until the account is read after it was sent; what is sold counts when the
    account is read.
    """
    return fetch_one(
        connection,
        Room,
        """
        WITH account AS (SELECT * FROM broker_account FOR UPDATE)
        SELECT CASE WHEN %s THEN least(a.cash_power, a.buying_power) ELSE a.buying_power END - coalesce((
            SELECT sum(CASE WHEN b.completed_at IS NULL THEN b.quantity * b.limit_price ELSE b.filled_value END) FROM block_orders b
            WHERE b.side = 'buy' AND (b.completed_at IS NULL OR b.completed_at > a.read_at)
              AND (b.submitted_at IS NULL OR b.submitted_at > a.read_at)), 0) AS dollars,
            clock_timestamp() - a.read_at AS age
        FROM account a
        """,
        (crypto,),
    )


def exhaust(connection: Connection) -> None:
    """Notes that the broker refused an order for want of buying power, so that it is asked before the next one."""
    connection.execute(
        "UPDATE broker_account SET buying_power = 0, cash_power = 0, read_at = to_timestamp(0) WHERE true"
    )


@dataclass(frozen=True, slots=True)
class Cover:
    """The account against what users could spend: dollars of the ledger, and how many orders wait for buying power."""

    buying_power: Decimal
    equity: Decimal
    free_cash: Decimal
    waiting: int
    scale: Decimal


def cover(connection: Connection) -> Cover | None:
    """Compares the account's buying power with the users' free cash; None when the broker was never asked."""
    return fetch_one(
        connection,
        Cover,
        """
        SELECT a.buying_power, a.equity, (SELECT coalesce(sum(virtual_balance), 0) FROM users WHERE closed_at IS NULL) AS free_cash,
               (SELECT count(*) FROM orders WHERE status = 'RESTING' AND reason = 'PLATFORM_BUYING_POWER') AS waiting, a.scale
        FROM broker_account a
        """,
    )


def set_scale(connection: Connection, scale: Decimal) -> bool:
    """Sets how many units of the ledger stand for one at the broker; False while anything is held or at work on another scale."""
    changed = connection.execute(
        """
        UPDATE broker_account SET scale = %(scale)s
        WHERE scale = %(scale)s OR NOT EXISTS (SELECT FROM positions WHERE quantity <> 0)
          AND NOT EXISTS (SELECT FROM block_orders WHERE completed_at IS NULL)
        """,
        {"scale": scale},
    )
    return changed.rowcount == 1
