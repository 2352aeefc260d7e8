"""Snapshots of everybody's equity and of how the platform does, once a minute, and what is forgotten with them."""

from __future__ import annotations

import time
from datetime import timedelta

from stratforge.application.showing import refresh_standings
from stratforge.storage import retention
from stratforge.storage.ledger import equity, vital_signs
from stratforge.storage.postgres.database import Database
from stratforge.storage.retention import Forgotten
from stratforge.storage.users import accounts

# What was under way when an account was closed has ended by then: requests, deliveries, sockets.
_ERASED_AFTER = timedelta(hours=1)
_ERASED_AT_ONCE = 20
# Users whose equity is noted in one transaction.
_USERS_AT_ONCE = 5_000
# Rows that are forgotten in one transaction, and such transactions at most in a minute: what is left has its turn again. In a day that are more than 100,000 sessions write of any table.
_ROWS_AT_ONCE, _TIMES = 5_000, 40
# Notes of equity that are rolled up in a minute, about, and transactions that do so at most.
_NOTES_AT_ONCE, _TIMES_ROLLED_UP = 200_000, 10
_FORGOTTEN = [table for table, word in retention.WORDS.items() if isinstance(word, Forgotten)]


def snapshot_equity(database: Database) -> int:
    """Erases accounts that were closed, forgets what is old of one table, notes how the platform does and everybody's equity, and rolls up old notes of it; returns for how many users."""
    with database.transaction() as connection:
        accounts.erase_closed(connection, _ERASED_AFTER, _ERASED_AT_ONCE)
    forget_old(database, _FORGOTTEN[int(time.time() // 60) % len(_FORGOTTEN)])
    with database.transaction() as connection:
        vital_signs.note_vital_signs(connection)
    refresh_standings(database)
    users, noted = 0, equity.Noted(_USERS_AT_ONCE, None)
    # Part by part: settling waits for none of it.
    while noted.users == _USERS_AT_ONCE:
        with database.transaction() as connection:
            noted = equity.snapshot_equity(connection, _USERS_AT_ONCE, noted.last)
        users += noted.users
    # Last, so that nothing new is missed for what is old.
    roll_up(database)
    return users


def roll_up(database: Database) -> None:
    """Rolls up notes of equity that have become old, in short transactions and for a bounded time: after a pause for some minutes more than one."""
    gone = 0
    for _ in range(_TIMES_ROLLED_UP):
        with database.transaction() as connection:
            done = equity.roll_up_equity(connection)
        gone += done.gone
        if not done.behind or gone >= _NOTES_AT_ONCE:
            break


def forget_old(database: Database, table: str) -> int:
    """Forgets what a table has kept as long as `retention` says, in short transactions and for a bounded time; returns how many rows."""
    forgotten = 0
    for _ in range(_TIMES):
        with database.transaction() as connection:
            rows = retention.forget(connection, table, _ROWS_AT_ONCE)
        forgotten += rows
        if rows < _ROWS_AT_ONCE:
            break
    return forgotten
