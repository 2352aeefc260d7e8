"""Mails that wait to be sent, and the tokens in their links."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.postgres.rows import fetch_one, fetch_value
from stratforge.storage.users.accounts import Credentials


class MailKind(StrEnum):
    """The purpose of a mail: an address to confirm or to change, a forgotten password, something to know, an address that was registered once more, a price that was reached, or what sessions and orders did."""

    CONFIRM = "CONFIRM"
    CHANGE = "CHANGE"
    RESET = "RESET"
    NOTICE = "NOTICE"
    ALERT = "ALERT"
    REGISTERED = "REGISTERED"
    ACTIVITY = "ACTIVITY"


@dataclass(frozen=True, slots=True)
class WaitingMail:
    """A mail that waits to be sent.

    Attributes:
        site: Where its link leads to; None for a notice, which has none.
        notice: The kind of event that a notice tells of.
        about: What the event was about: a key's name, an address; of what sessions and orders did, a line each.
        user_id: Whose mail it is; None where nobody has the address.
        since: When the account was made; None where nobody has the address.
        wanted: Whether it is to be sent: not to an address that nobody has, nor one that somebody else has by now, nor after a day,
            and of what sessions and orders did not after it was stopped.
    """

    id: UUID
    kind: MailKind
    address: str
    site: str | None
    notice: str | None
    about: str
    since: datetime | None
    wanted: bool
    user_id: UUID | None


def ask(connection: Connection, kind: MailKind, address: str, site: str) -> None:
    """Asks for a mail: to the user of the transaction, or with RESET to whoever has the address, if anybody does."""
    connection.execute("SELECT ask_for_mail(%s, %s, %s)", (kind, address, site))


def waiting(database: Database, limit: int) -> Iterator[tuple[Connection, WaitingMail]]:
    """Mails that wait, the oldest first, each held in a transaction of its own while it is worked on."""
    for _ in range(limit):
        with database.transaction() as connection:
            mail = fetch_one(
                connection,
                WaitingMail,
                """
                SELECT m.id, m.kind::text, m.address, m.site, m.notice, m.about, u.created_at AS since,
                    m.created_at > now() - interval '1 day' AND u.id IS NOT NULL AND u.closed_at IS NULL AND (m.kind <> 'CHANGE' OR NOT EXISTS (SELECT FROM users x WHERE x.email = m.address))
                        AND (m.kind NOT IN ('ACTIVITY', 'ALERT') OR m.address = u.email)
                        AND (m.kind <> 'ACTIVITY' OR EXISTS (SELECT FROM mail_notices n WHERE n.user_id = u.id AND n.kinds <> '{}')) AS wanted,
                    u.id AS user_id
                FROM mails m LEFT JOIN users u ON u.id = m.user_id
                WHERE m.sent_at IS NULL AND m.retry_at <= now() ORDER BY m.created_at LIMIT 1 FOR UPDATE OF m SKIP LOCKED
                """,
            )
            if mail is None:
                return
            yield connection, mail


def sent(connection: Connection, mail_id: UUID, token_hash: bytes | None, valid: timedelta) -> None:
    """Notes that a mail is sent, and the token of its link."""
    connection.execute(
        "UPDATE mails SET sent_at = now(), token_hash = %s, expires_at = now() + %s WHERE id = %s",
        (token_hash, valid, mail_id),
    )


def not_sent(connection: Connection, mail_id: UUID) -> None:
    """Notes that a mail could not be sent: it is tried again a few seconds later, twice as many each time."""
    connection.execute(
        "UPDATE mails SET attempts = attempts + 1, retry_at = now() + make_interval(secs => 4 * 2 ^ least(attempts, 8)) WHERE id = %s",
        (mail_id,),
    )


def drop(connection: Connection, mail_id: UUID) -> None:
    """Forgets a mail that is not sent."""
    connection.execute("DELETE FROM mails WHERE id = %s", (mail_id,))


def reset_password(connection: Connection, token_hash: bytes, password_hash: str) -> str | None:
    """Sets the password of whoever the token was sent to and ends all logins; the address, None if the token is not good."""
    address: str | None = fetch_value(connection, "SELECT reset_password(%s, %s)", (token_hash, password_hash))
    return address


def link_owner(connection: Connection, token_hash: bytes) -> Credentials | None:
    """Finds the account whose address a link would confirm or change, with what its password is checked against; None if the token is not good."""
    return fetch_one(connection, Credentials, "SELECT * FROM link_owner(%s)", (token_hash,))


def confirm_address(connection: Connection, token_hash: bytes, password_hash: str) -> bool:
    """Confirms an address, or puts it in the place of the account's; False if the token is not good, or the password is another by now."""
    return bool(fetch_value(connection, "SELECT confirm_address(%s, %s)", (token_hash, password_hash)))


def forget_offers(connection: Connection) -> None:
    """Ends what mails offer that were asked for the transaction's user: another address, another password."""
    connection.execute("SELECT forget_own_offers()")
