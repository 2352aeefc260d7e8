"""Sends the mails that wait. A token is made here, at the last moment, and is nowhere but in its mail."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from stratforge.storage.delivery import mail_notices
from stratforge.storage.postgres.database import Database
from stratforge.storage.users import mails
from stratforge.storage.users.account_events import AccountEventKind
from stratforge.storage.users.mails import MailKind, WaitingMail
from stratforge.storage.users.tokens import hash_token

_AT_ONCE = 25
_VALID = {
    MailKind.RESET: timedelta(minutes=30),
    MailKind.CHANGE: timedelta(hours=2),
    MailKind.CONFIRM: timedelta(days=1),
}


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it is sent: plain text to one address.

    Attributes:
        stop: The address that ends mails of its kind without a login, for mail programs (RFC 8058); None for what nobody can do without.
    """

    address: str
    subject: str
    text: str
    stop: str | None = None


@dataclass(frozen=True, slots=True)
class _Words:
    subject: str
    text: str


_IGNORE = "If you did not ask for this, ignore it: nothing changes."
_LINKS = {
    MailKind.CONFIRM: (
        "/confirm",
        _Words(
            "Confirm your address",
            "Somebody made an account of StratForge with this address on {since}. If it was you, confirm the address, with the account's "
            "password:\n\n{link}\n\nThe link is good for a day. If it was not you, do nothing; or set a password at {site}/forgot: then the "
            "account is yours, and of whoever made it nothing stays.",
        ),
    ),
    MailKind.CHANGE: (
        "/confirm",
        _Words(
            "Confirm your new address",
            "Make this the address of your StratForge account:\n\n{link}\n\nThe link is good for two hours. {ignore}",
        ),
    ),
    MailKind.RESET: (
        "/reset",
        _Words(
            "Set a new password",
            "Set a new password for your StratForge account:\n\n{link}\n\nThe link is good once, for half an hour. {ignore}",
        ),
    ),
    MailKind.REGISTERED: (
        "/login",
        _Words(
            "You have an account already",
            "Somebody asked for an account of StratForge with this address, which has one already. If it was you, log in:\n\n{site}/login\n\n"
            "If you forgot the password, set another at {site}/forgot. If it was not you, do nothing: nothing changes.",
        ),
    ),
}
_NOTICES = {
    AccountEventKind.PASSWORD_CHANGED: "The password of your StratForge account was changed. Every other login has ended. API keys and passkeys that go on: {about}.",
    AccountEventKind.ADDRESS_CHANGED: "Your StratForge account has another e-mail address from now on, {about}; this one leads to it no more.",
    AccountEventKind.TWO_FACTOR_ON: "Your StratForge account has a second factor from now on.",
    AccountEventKind.TWO_FACTOR_OFF: "Your StratForge account has no second factor any more.",
    AccountEventKind.RECOVERY_CODE_USED: "A recovery code of your StratForge account was used; {about}.",
    AccountEventKind.WRONG_CODE: "Somebody gave the right password of your StratForge account and a wrong code of its second factor.",
    AccountEventKind.KEY_MADE: "An API key of your StratForge account was made: {about}.",
    AccountEventKind.PASSKEY_ADDED: "A passkey was added to your StratForge account, which opens it without the password: {about}.",
    AccountEventKind.PASSKEY_REMOVED: "A passkey of your StratForge account was removed: {about}.",
    AccountEventKind.PROGRAM_ALLOWED: "A program may act for your StratForge account from now on: {about}.",
    AccountEventKind.WEBHOOK_ADDED: "A webhook was added to your StratForge account: {about}.",
}


def send_waiting(database: Database, send: Callable[[Mail], None]) -> tuple[int, list[Exception]]:
    """Sends what waits, each mail once; one that cannot be sent keeps no other back and is tried again, later each time.

    A mail that was sent and not noted (the process died in between) is sent again; a link that confirms or resets takes the place of the first.

    Args:
        send: Hands a mail to the service; raises if the service does not take it.

    Returns:
        How many were sent, and why others were not.
    """
    done, failures = 0, list[Exception]()
    for connection, waiting in mails.waiting(database, _AT_ONCE):
        if not waiting.wanted:
            if waiting.kind is MailKind.CHANGE:
                # Somebody has the address: whoever asked for it is not to learn that from what becomes of his request.
                mails.sent(connection, waiting.id, None, timedelta())
            else:
                mails.drop(connection, waiting.id)
            continue
        token = secrets.token_urlsafe(32)
        if waiting.kind is MailKind.ACTIVITY and waiting.user_id is not None:
            # Kept before the mail is: a mail that arrived and was not noted has a link that is good.
            with database.transaction() as before:
                mail_notices.add_stop(before, hash_token(token), waiting.user_id)
        try:
            send(_written(waiting, token))
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are sent
            failures.append(error)
            mails.not_sent(connection, waiting.id)
            continue
        hashed = hash_token(token) if waiting.kind in _VALID else None
        mails.sent(connection, waiting.id, hashed, _VALID.get(waiting.kind, timedelta()))
        done += 1
    return done, failures


def one_line(text: str) -> str:
    """Makes of what somebody wrote one line, with nothing of which a mail program would make a link."""
    return " ".join(text.split()).replace("://", ": //")


def _written(mail: WaitingMail, token: str) -> Mail:
    if mail.kind is MailKind.NOTICE:
        # What it is about was written by whoever did it: one line, and no link that a mail program would make.
        about = one_line(mail.about) or "none"
        said = _NOTICES[AccountEventKind(mail.notice or "")].format(about=about)
        text = f"{said}\n\nIf that was not you, set a new password at once, and look at the log, the logins, the keys and the webhooks on your account's page."
        return Mail(mail.address, "A change of your account", text)
    if mail.kind is MailKind.ALERT:
        about = one_line(mail.about)
        text = f"{about}.\n\nYou set this alert at StratForge; it is listed on the symbol's page and among your alerts."
        return Mail(mail.address, f"Price alert: {about.partition(';')[0]}"[:120], text)
    if mail.kind is MailKind.ACTIVITY:
        stop = f"{mail.site}/unsubscribe?token={token}"
        text = f"{mail.about}\n\nAll of it: {mail.site}/notices\n\nYou asked for these mails. To get no more of them: {stop}"
        return Mail(mail.address, "News of your sessions and orders", text, stop)
    path, words = _LINKS[mail.kind]
    return Mail(
        mail.address,
        words.subject,
        words.text.format(
            link=f"{mail.site}{path}?token={token}",
            ignore=_IGNORE,
            site=mail.site,
            since=mail.since and mail.since.date(),
        ),
    )
