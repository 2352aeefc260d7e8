"""Snapshots of everybody's equity and of how the platform does, once a minute, and what is forgotten with them."""

from __future__ import annotations

from datetime import timedelta

from stratforge.application.showing import refresh_standings
from stratforge.storage.delivery import events, webhooks
from stratforge.storage.ledger import equity, vital_signs
from stratforge.storage.postgres.database import Database
from stratforge.storage.users import account_events, accounts, mails

_EVENT_DAYS, _DELIVERY_DAYS, _ACCOUNT_EVENT_DAYS, _MAIL_DAYS, _VITAL_SIGNS_DAYS = 7, 30, 400, 7, 14
# What was under way when an account was closed has ended by then: requests, deliveries, sockets.
_ERASED_AFTER = timedelta(hours=1)
_ERASED_AT_ONCE = 20
# Users whose equity is noted in one transaction.
_USERS_AT_ONCE = 5_000


def snapshot_equity(database: Database) -> int:
    """Notes everybody's equity and how the platform does, forgets old events, deliveries, mails and most old notes of equity, and erases accounts that were closed; returns for how many users."""
    with database.transaction() as connection:
        accounts.erase_closed(connection, _ERASED_AFTER, _ERASED_AT_ONCE)
    with database.transaction() as connection:
        events.forget_events(connection, _EVENT_DAYS)
        webhooks.forget_deliveries(connection, _DELIVERY_DAYS)
        account_events.forget(connection, _ACCOUNT_EVENT_DAYS)
        mails.forget(connection, _MAIL_DAYS)
        equity.thin_equity(connection)
        vital_signs.note_vital_signs(connection, _VITAL_SIGNS_DAYS)
    refresh_standings(database)
    users, noted = 0, equity.Noted(_USERS_AT_ONCE, None)
    # Part by part: settling waits for none of it.
    while noted.users == _USERS_AT_ONCE:
        with database.transaction() as connection:
            noted = equity.snapshot_equity(connection, _USERS_AT_ONCE, noted.last)
        users += noted.users
    return users
