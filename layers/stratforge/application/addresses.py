"""E-mail addresses: confirmed, changed, and the way back for who forgot the password. Nothing here tells whether somebody has an account."""

from __future__ import annotations

from pydantic import SecretStr

from stratforge.application.access import Caller
from stratforge.application.attempts import begin, too_many_attempts
from stratforge.application.errors import Conflict, Forbidden, Invalid, existing
from stratforge.application.logins import Origin
from stratforge.application.passwords import Proof, fits, hash_password, require_strong
from stratforge.application.proofs import hold, proven
from stratforge.bus.outbox import Outbox
from stratforge.storage.postgres import limits
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.users import accounts, logins, mails
from stratforge.storage.users.mails import MailKind
from stratforge.storage.users.tokens import hash_token

# Mails to one address: so many at once, and as many again in so many seconds. Asked from one network address, more than that for all mailboxes.
_TO_ADDRESS, _FROM_ADDRESS, _SECONDS = 3.0, 20.0, 3600.0
# Links for a new password to one mailbox: so many at once, then one in half the time for which one is good.
_AT_ONCE, _RESET_SECONDS = 10.0, 900.0
# Mails that a mailbox gets in a day because somebody gave its address as his.
_UNASKED, _DAY_SECONDS = 5.0, 86_400.0


def ask_for_reset(database: Database, outbox: Outbox, address: str, site: str, origin: Origin) -> None:
    """Has a link with which a new password can be set sent to an address, if somebody has an account with it.

    For one that nobody has the same is done, up to the moment at which the mail would be sent.

    Args:
        site: The address of the platform, which the link leads to; never one that whoever asks has chosen.

    Raises:
        LimitReached: if too many mails were asked for to this address, or from the same network address.
    """
    _require_mail(outbox)
    with database.transaction() as connection:
        _spend(connection, f"mails from {origin.address}", _FROM_ADDRESS)
        # Of whoever asks here; what strangers ask for keeps the owner from nothing.
        _spend(connection, f"mails to {address} from {origin.address}", _TO_ADDRESS)
        # A mail that is left out for the many before it is not missed: the last of them is younger than its link is good.
        if limits.take(connection, f"resets of {address}", _AT_ONCE, 1 / _RESET_SECONDS):
            mails.ask(connection, MailKind.RESET, address, site)
    outbox.wake_mailer()


def reset_password(database: Database, outbox: Outbox, token: str, new_password: SecretStr, origin: Origin) -> None:
    """Sets the password of whoever a link was sent to, and ends every login, every key, and what other mails offer. A second factor stays.

    Of an account whose address was never confirmed nothing stays that others see or that acts: webhooks, links, sessions, second factor.
    Whoever made it may not have been who reads the mailbox.

    Raises:
        LimitReached: if too many tokens were tried from the same network address.
        Invalid: if the token is unknown, used or expired, or the password is easy to guess.
    """
    with database.transaction() as connection:
        _spend(connection, f"links from {origin.address}", _FROM_ADDRESS)
    require_strong(new_password)
    kept = hash_password(new_password)
    with database.transaction() as connection:
        address = mails.reset_password(connection, hash_token(token), kept)
        if address is not None:
            # Who guessed before does not keep the owner out now.
            for bucket in (f"{address} from {origin.address}", f"{address} of strangers"):
                logins.forget_attempts(connection, bucket)
    if address is None:
        raise _not_good()
    outbox.wake_mailer()


def ask_for_confirmation(database: Database, outbox: Outbox, caller: Caller, site: str) -> None:
    """Has a link sent that confirms the caller's address.

    Raises:
        Forbidden: if an API key asks.
        Conflict: if it is confirmed, or the installation sends no mail.
        LimitReached: if too many mails were asked for.
    """
    caller.require_login()
    _require_mail(outbox)
    with database.transaction(caller) as connection:
        hold(connection, caller)
        user = existing(accounts.get_user(connection, caller.user_id), "user")
        if user.email_confirmed_at is not None:
            raise Conflict("The address is confirmed.", code="address-confirmed")
        _spend(connection, f"mails of {caller.user_id}", _TO_ADDRESS)
        if may_send_unasked(connection, user.email):
            mails.ask(connection, MailKind.CONFIRM, user.email, site)
    outbox.wake_mailer()


def ask_for_change(database: Database, outbox: Outbox, caller: Caller, address: str, proof: Proof, site: str) -> None:
    """Has a link sent to a new address, which takes the place of the caller's once somebody follows it there.

    To an address that somebody else has nothing is sent, and the caller is not told.

    Raises:
        Forbidden: if the proof is wrong, or an API key asks.
        LimitReached: if too many mails were asked for.
    """
    caller.require_login()
    _require_mail(outbox)
    with proven(database, caller, proof) as connection:
        _spend(connection, f"mails of {caller.user_id}", _TO_ADDRESS)
        if may_send_unasked(connection, address):
            mails.ask(connection, MailKind.CHANGE, address, site)
    outbox.wake_mailer()


def confirm_address(database: Database, outbox: Outbox, token: str, password: SecretStr, origin: Origin) -> None:
    """Confirms the address that a link was sent to, or has it take the place of the account's.

    The account's password shows that whoever reads the mailbox is whoever has the account: nobody confirms an account that a stranger made
    with the address.

    Raises:
        LimitReached: if too many tokens were tried from the same network address, or passwords with this token.
        Forbidden: if the password is not the account's; the token stays good.
        Invalid: if the token is unknown, used or expired, or somebody else has the address by now.
    """
    with database.transaction() as connection:
        _spend(connection, f"links from {origin.address}", _FROM_ADDRESS)
    with database.transaction() as connection:
        found = mails.link_owner(connection, hash_token(token))
    if found is None:
        raise _not_good()
    begin(database, f"link {token}")
    if not fits(password, found.password_hash):
        raise Forbidden(
            "The password is not that of the account that this address was given for.", code="wrong-password"
        )
    with database.transaction() as connection:
        confirmed = mails.confirm_address(connection, hash_token(token), found.password_hash)
    if not confirmed:
        raise _not_good()
    outbox.wake_mailer()


def may_send_unasked(connection: Connection, address: str) -> bool:
    """Takes one of the day's mails that an address gets because somebody, its owner or not, says that it is his; False when they are used up."""
    return limits.take(connection, f"unasked mails to {address}", _UNASKED, _UNASKED / _DAY_SECONDS)


def _require_mail(outbox: Outbox) -> None:
    if not outbox.sends_mail:
        raise Conflict("This installation sends no mail. Ask whoever operates it.", code="no-mail")


def _not_good() -> Invalid:
    return Invalid("This link was used, or is too old. Ask for another one.", code="link-not-valid")


def _spend(connection: Connection, bucket: str, allowed: float) -> None:
    if not limits.take(connection, bucket, allowed, allowed / _SECONDS):
        raise too_many_attempts(_SECONDS / allowed)
