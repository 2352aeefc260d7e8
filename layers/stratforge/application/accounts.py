"""Accounts: registered, given another password, and closed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from stratforge.application import quotas
from stratforge.application.access import Caller
from stratforge.application.addresses import may_send_unasked
from stratforge.application.attempts import too_many_attempts
from stratforge.application.errors import Conflict, NotFound
from stratforge.application.jobs.export_data import Drop, files_of
from stratforge.application.logins import Login, Origin, begin_login
from stratforge.application.passwords import Credentials, PasswordChange, Proof, hash_password, require_strong
from stratforge.application.proofs import hold, prove
from stratforge.application.quotas import spend_first
from stratforge.bus.outbox import Outbox
from stratforge.storage.ledger.symbols import lock_symbol
from stratforge.storage.postgres import limits
from stratforge.storage.postgres.database import Database
from stratforge.storage.users import accounts, export, mails
from stratforge.storage.users.mails import MailKind

_REGISTRATIONS, _REFILL_SECONDS = 30.0, 900.0


@dataclass(frozen=True, slots=True)
class Registration:
    """Settings for new accounts: their starting balance and the limit on registrations.

    Attributes:
        starting_balance: Dollars of virtual cash.
        per_address: New accounts of one address in a quarter of an hour; 0 for the usual thirty.
        site: The platform's address, which the link leads to that confirms an address.
        by_mail: Whether an account opens only after its address is confirmed, so that registering tells nobody who has one.
    """

    starting_balance: Decimal
    per_address: float = 0.0
    site: str = ""
    by_mail: bool = False


def register(
    database: Database, outbox: Outbox, credentials: Credentials, origin: Origin, terms: Registration
) -> Login | None:
    """Creates an account with a virtual portfolio of its own, has a link sent that confirms its address, and logs in.

    Where accounts open by mail, nothing else is done: what goes on is in the mail, for an address that has an account too, and the answer is
    the same. So nobody learns here who has one.

    Returns:
        The login; None where accounts open by mail.

    Raises:
        LimitReached: if too many accounts were made from the same network address.
        Invalid: if the password is easy to guess.
        Conflict: if the e-mail address has an account, and accounts do not open by mail.
    """
    allowed = terms.per_address or _REGISTRATIONS
    with database.transaction() as connection:
        if not limits.take(connection, f"register:{origin.address}", allowed, allowed / _REFILL_SECONDS):
            raise too_many_attempts(_REFILL_SECONDS / allowed)
    require_strong(credentials.password)
    kept = hash_password(credentials.password)
    if terms.by_mail and outbox.sends_mail:
        with database.transaction() as connection:
            site = terms.site if may_send_unasked(connection, credentials.email) else None
            accounts.register_by_mail(connection, credentials.email, kept, terms.starting_balance, site)
        outbox.wake_mailer()
        return None
    with database.transaction() as connection:
        user_id = accounts.register_user(connection, credentials.email, kept, terms.starting_balance)
    if user_id is None:
        raise Conflict("This address cannot be registered. Log in, or use another.", code="email-taken")
    with database.transaction(user_id) as connection:
        if outbox.sends_mail and may_send_unasked(connection, credentials.email):
            mails.ask(connection, MailKind.CONFIRM, credentials.email, terms.site)
        login = begin_login(connection, user_id, origin)
    outbox.wake_mailer()
    return login


def change_password(
    database: Database, outbox: Outbox, caller: Caller, change: PasswordChange, origin: Origin
) -> Login:
    """Sets a new password, which ends every login and what mails still offer, and begins a new one.

    Raises:
        Forbidden: if the proof is wrong, or an API key asks for it.
        Invalid: if the new password is easy to guess.
        LimitReached: during the pause after wrong proofs.
    """
    prove(database, caller, change.proof)
    require_strong(change.new_password)
    kept = hash_password(change.new_password)
    with database.transaction(caller) as connection:
        hold(connection, caller)
        accounts.set_password_hash(connection, caller.user_id, kept)
        login = begin_login(connection, caller.user_id, origin)
    outbox.wake_mailer()
    return login


def close_account(database: Database, outbox: Outbox, caller: Caller, proof: Proof, drop: Drop) -> None:
    """Closes the account: sessions stop, orders end, positions are sold, files and the address are forgotten. It cannot be undone.

    Args:
        drop: Deletes files that were made for the caller.

    Raises:
        Forbidden: if the proof is wrong, or an API key asks for it.
        LimitReached: during the pause after wrong proofs.
        NotFound: if it is closed already.
    """
    prove(database, caller, proof)
    with database.transaction(caller) as connection:
        symbols = accounts.symbols_of(connection, caller.user_id)
        # Whoever executes one of them has its orders before their users; closing begins with the user.
        for symbol in symbols:
            lock_symbol(connection, symbol)
        hold(connection, caller)
        files = files_of(connection, caller.user_id)
        closed = accounts.close_account(connection)
    if not closed:
        raise NotFound("user")
    for symbol in symbols:
        outbox.wake_executor(symbol, f"closed-{caller.user_id}")
    drop(files)


def export_account(database: Database, caller: Caller) -> dict[str, list[dict[str, Any]]]:
    """Everything that is stored about the caller, by table, the newest first.

    Raises:
        Forbidden: if a program asks: logins, addresses and the account's log are for its owner's eyes.
        LimitReached: if it was asked for too often.
    """
    caller.require_login()
    spend_first(database, caller, quotas.EXPORTS)
    with database.reading(caller) as connection:
        return export.export_user(connection, caller.user_id)
