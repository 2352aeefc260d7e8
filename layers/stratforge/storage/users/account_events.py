"""The log of what happened to an account; the database writes it by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.pages import NumberedPage
from stratforge.storage.postgres.rows import fetch_all


class AccountEventKind(StrEnum):
    """The kinds of events that concern an account's safety."""

    SIGNED_IN = "SIGNED_IN"
    SIGNED_OUT = "SIGNED_OUT"
    PASSWORD_CHANGED = "PASSWORD_CHANGED"  # noqa: S105 - an event's name
    ADDRESS_CONFIRMED = "ADDRESS_CONFIRMED"
    ADDRESS_CHANGED = "ADDRESS_CHANGED"
    TWO_FACTOR_ON = "TWO_FACTOR_ON"
    TWO_FACTOR_OFF = "TWO_FACTOR_OFF"
    RECOVERY_CODE_USED = "RECOVERY_CODE_USED"
    WRONG_CODE = "WRONG_CODE"
    KEY_MADE = "KEY_MADE"
    KEY_REVOKED = "KEY_REVOKED"
    PASSKEY_ADDED = "PASSKEY_ADDED"
    PASSKEY_REMOVED = "PASSKEY_REMOVED"
    PROGRAM_ALLOWED = "PROGRAM_ALLOWED"
    PROGRAM_ENDED = "PROGRAM_ENDED"
    WEBHOOK_ADDED = "WEBHOOK_ADDED"
    WEBHOOK_DELETED = "WEBHOOK_DELETED"
    TRADING_STATE_CHANGED = "TRADING_STATE_CHANGED"
    LIMITS_CHANGED = "LIMITS_CHANGED"
    SHORT_SELLING_ENABLED = "SHORT_SELLING_ENABLED"
    SHORT_SELLING_DISABLED = "SHORT_SELLING_DISABLED"


@dataclass(frozen=True, slots=True)
class AccountEvent:
    """Something that happened to an account.

    Attributes:
        event_id: The number of the event.
        at: When it happened.
        subject: What it was about: a key's name, an address; empty where there is nothing to say.
        address: The network address of the login that caused it; empty where none did.
        client: The browser or program of that login, as it names itself.
    """

    event_id: int
    at: datetime
    kind: AccountEventKind
    subject: str
    address: str
    client: str


def list_events(connection: Connection, user_id: UUID, page: NumberedPage) -> list[AccountEvent]:
    """Lists what happened to a user's account, page by page, the newest first unless asked otherwise."""
    return fetch_all(
        connection,
        AccountEvent,
        f"SELECT id AS event_id, at, kind::text, subject, address, client FROM account_events WHERE user_id = %(user)s {page.clause('id', 'at')}",  # noqa: S608 - of this package
        {"user": user_id, **page.parameters},
    )
