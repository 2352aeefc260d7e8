"""Mails of what sessions, orders and trades did, for who wants them.

What happened since the last mail goes into one, in the words of the notices on pages and no others. A mail follows the one before after twenty
minutes at the soonest, and there are twenty in a day at most, however much happens and however often they are switched off and on. Each has a
link that ends them without a login, for people and, by RFC 8058, for mail programs.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from stratforge.application.access import Caller, Scope
from stratforge.application.errors import Conflict, Invalid, existing
from stratforge.application.mailing import one_line
from stratforge.application.notices import notice_of
from stratforge.bus.outbox import Outbox
from stratforge.storage.delivery import events, mail_notices
from stratforge.storage.delivery.events import Event
from stratforge.storage.delivery.mail_notices import MINUTES_APART, MOST_A_DAY, MailedKind
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.users import accounts
from stratforge.storage.users.tokens import hash_token

# Events that are read for a mail, and those of them that it says; and mails written in one go.
_READ, _SAID, _AT_ONCE = 500, 30, 200


class MailNotices(BaseModel):
    """The kinds of events that mails tell of; none for no mails."""

    model_config = ConfigDict(extra="forbid")

    kinds: list[MailedKind] = Field(
        max_length=3,
        description=f"`trade`: what was bought, sold, sold short and covered; `order`: orders that were refused, expired or called off, and stops, targets and margin calls that closed a position; `session`: "
        f"sessions that ended, failed or missed bars. A mail follows the one before after {MINUTES_APART} minutes at the soonest, {MOST_A_DAY} a day at most",
        examples=[["order", "session"]],
    )


def read_mail_notices(database: Database, caller: Caller) -> MailNotices:
    """The kinds of events that the caller gets mails of."""
    caller.require(Scope.READ)
    with database.reading(caller) as connection:
        return MailNotices(kinds=mail_notices.kinds_of(connection, caller.user_id))


def choose_mail_notices(
    database: Database, outbox: Outbox, caller: Caller, wanted: MailNotices, site: str
) -> MailNotices:
    """Has the caller told by mail of these kinds of events from now on, and of no others.

    Args:
        site: The address of the platform, which the links lead to; never one that whoever asks has chosen.

    Raises:
        Forbidden: if an access asks that may not write, or may not read: what is told is what it could not see.
        Conflict: if mails are wanted to an address that nobody confirmed, or none are sent here.
    """
    caller.require(Scope.WRITE)
    caller.require(Scope.READ)
    kinds = [each for each in MailedKind if each in wanted.kinds]
    with database.transaction(caller) as connection:
        if kinds:
            _require_confirmed(connection, outbox, caller)
        mail_notices.set_kinds(connection, caller.user_id, kinds, site, events.present(connection))
    return MailNotices(kinds=kinds)


def _require_confirmed(connection: Connection, outbox: Outbox, caller: Caller) -> None:
    user = existing(accounts.get_user(connection, caller.user_id), "user")
    if not outbox.sends_mail or user.email_confirmed_at is None:
        raise Conflict("Confirm your address first; mails go to no other.", code="address-not-confirmed")


def stop_mail_notices(database: Database, token: str) -> None:
    """Ends the mails of whoever a link was sent to. Following it again changes nothing.

    Raises:
        Invalid: if the link is unknown or older than it is good for.
    """
    with database.transaction() as connection:
        stopped = mail_notices.stop(connection, hash_token(token))
    if not stopped:
        message = "This link is not good, or is too old. Choose on the account's page which mails you want."
        raise Invalid(message, code="link-not-valid")


def write_mails(database: Database) -> int:
    """Writes a mail to everybody to whom something happened and whose next may be sent; returns how many."""
    with database.transaction() as connection:
        mail_notices.pass_over(connection)
    written = 0
    for connection, reader in mail_notices.due(database, _AT_ONCE):
        now = events.present(connection)
        happened = mail_notices.news_of(connection, reader, now, _READ)
        mail_notices.note_told(connection, reader.user_id, now)
        said = _said(happened)
        if said and reader.address is not None:
            mail_notices.add_mail(connection, reader, "\n".join(said))
            written += 1
    return written


def _said(happened: Sequence[Event]) -> list[str]:
    """What a mail says of events, a line each: the latest, and how many more there were."""
    found = (notice_of(each.kind, each.data) for each in happened)
    lines = [one_line(each[0]) for each in found if each is not None]
    more = len(lines) - _SAID
    if more <= 0:
        return lines
    least = "at least " if len(happened) == _READ else ""
    return [f"Before these there were {least}{more} more.", *lines[-_SAID:]]
