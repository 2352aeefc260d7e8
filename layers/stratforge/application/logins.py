"""Logins: begun with a password, continued with refresh tokens that are each good once, and ended, after which nothing of them opens anything."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from stratforge.application import attempts, one_time_codes, passkeys
from stratforge.application.access import Caller
from stratforge.application.attempts import too_many_attempts
from stratforge.application.errors import NotFound, Unauthenticated
from stratforge.application.one_time_codes import Verdict
from stratforge.application.passkeys import Answer, Party, Used
from stratforge.application.passwords import LoginRequest, fits, nobodys_hash
from stratforge.storage.postgres import limits
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.users import accounts, logins, mails, two_factor
from stratforge.storage.users.grants import AuthorizationCode
from stratforge.storage.users.logins import StoredLogin
from stratforge.storage.users.tokens import hash_token

REFRESH_LIFETIME = timedelta(days=30)
# Seconds in which a client may ask again whose reply got lost.
_LOST_REPLY_SECONDS = 20
# Wrong passwords of one account from everywhere that cost strangers no pause.
_FREE_EVERYWHERE = 100
# Attempts of one network address, refilled over a quarter of an hour.
_ADDRESS_ATTEMPTS, _REFILL_SECONDS = 60.0, 900.0


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a request to log in.

    Attributes:
        address: The network address.
        client: The browser or program, as it names itself.
        device: What a device that logged in before was given to be known again by; empty for one that was not.
    """

    address: str
    client: str = ""
    device: str = ""


@dataclass(frozen=True, slots=True)
class Login:
    """A user who has logged in.

    Attributes:
        login_id: Stays the same while refresh tokens are exchanged.
        refresh_token: Exchanged once for the next one.
        device: What the device shows at the next login, so that others who guess the password do not lock it out; None when it keeps what it has.
        scopes: What a program may do for the user; None for a person.
    """

    user_id: UUID
    login_id: str
    refresh_token: str
    device: str | None = None
    scopes: tuple[str, ...] | None = None


def log_in(
    database: Database,
    credentials: LoginRequest,
    origin: Origin,
    *,
    by_mail: bool = False,
    passkey: Used | None = None,
) -> Login:
    """Logs in. A wrong e-mail address takes as long and sounds the same as a wrong password, and pauses alike.

    A pause that grows with every wrong password holds for the place it came from. A device that logged in to the account before has attempts of
    its own, so nobody else can lock its owner out.

    Args:
        by_mail: Whether accounts open only after their address is confirmed: one that is not is like none.
        passkey: A passkey whose answer was right: one of the account's takes the place of a code.

    Raises:
        LimitReached: during a pause, and after sixty attempts of the network address in a quarter of an hour.
        Unauthenticated: if the e-mail address or the password is wrong, or the second factor is, where the account has one.
    """
    with database.transaction() as connection:
        _take_attempt(connection, origin)
        known = bool(origin.device) and logins.knows_device(connection, credentials.email, hash_token(origin.device))
        here = f"{credentials.email} {'device ' + origin.device if known else 'from ' + origin.address}"
        wait = attempts.wait_for(connection, here)
        if not wait and not known:
            wait = attempts.wait_for(connection, f"{credentials.email} of strangers", _FREE_EVERYWHERE)
        found = None if wait else accounts.find_credentials(connection, credentials.email)
    if wait:
        raise too_many_attempts(wait)
    if found is not None and by_mail and not found.confirmed:
        found = None
    if not fits(credentials.password, found.password_hash if found else nobodys_hash()) or found is None:
        unconfirmed = ", or the address is not confirmed: follow the link in our mail" if by_mail else ""
        raise Unauthenticated(f"The address or the password is wrong{unconfirmed}.", code="wrong-credentials")
    with database.transaction() as connection:
        logins.forget_attempts(connection, here)
    # Known devices share their attempts: whoever has many has no more guesses.
    place = "of known devices" if known else "of strangers"
    beside = passkey if passkey is not None and passkey.key.user_id == found.user_id else None
    match Verdict.ENOUGH if beside else one_time_codes.check(database, found.user_id, credentials.code, place):
        case Verdict.MISSING:
            raise Unauthenticated("Give the code of your authenticator app as well.", code="second-factor-required")
        case Verdict.WRONG:
            with database.transaction(found.user_id) as connection:
                two_factor.note_failure(connection, origin.address, origin.client)
            raise Unauthenticated("The code is wrong, or was used before.", code="wrong-code")
    with database.transaction(found.user_id) as connection:
        # Another password may have been set since this one was read: then it is worth nothing any more.
        if accounts.hold(connection, found.user_id) != found.password_hash:
            raise Unauthenticated("The address or the password is wrong.", code="wrong-credentials")
        if beside is not None:
            beside.take(connection)
        return begin_login(connection, found.user_id, origin)


def log_in_with_passkey(database: Database, party: Party, answer: Answer, origin: Origin) -> Login:
    """Logs in with a passkey alone: the device has asked for its person, which is the second factor.

    Raises:
        LimitReached: after sixty attempts of the network address in a quarter of an hour.
        Unauthenticated: if the passkey is nobody's here, or its answer is not good.
    """
    with database.transaction() as connection:
        _take_attempt(connection, origin)
    used = passkeys.check(database, party, answer)
    with database.transaction(used.key.user_id) as connection:
        accounts.hold(connection, used.key.user_id)
        used.take(connection)
        return begin_login(connection, used.key.user_id, origin)


def _take_attempt(connection: Connection, origin: Origin) -> None:
    if not limits.take(connection, f"login:{origin.address}", _ADDRESS_ATTEMPTS, _ADDRESS_ATTEMPTS / _REFILL_SECONDS):
        raise too_many_attempts(_REFILL_SECONDS / _ADDRESS_ATTEMPTS)


def begin_login(
    connection: Connection, user_id: UUID, origin: Origin, program: AuthorizationCode | None = None
) -> Login:
    """Begins a login of the transaction's user, who was just shown to be it, at a device that is known from then on.

    A device that the account does not know, another person's at the same computer too, is given a name of its own.

    Args:
        program: What a program was allowed, for the login of one; it is no device, and what it may do is in its login.
    """
    if program is not None:
        scopes = tuple(program.scopes)
        logins.add_login(connection, program.login_id, user_id, origin.address, origin.client, scopes, program.grantee)
        token = _next_token(connection, user_id, program.login_id)
        return Login(user_id, str(program.login_id), token, scopes=scopes)
    login_id, device = uuid4(), origin.device
    logins.add_login(connection, login_id, user_id, origin.address, origin.client)
    if not device or not logins.saw_device(connection, user_id, hash_token(device)):
        device = secrets.token_urlsafe(32)
        logins.add_device(connection, user_id, hash_token(device))
    return Login(user_id, str(login_id), _next_token(connection, user_id, login_id), device)


def refresh_login(database: Database, token: str, grantee: bytes | None = None) -> Login:
    """Exchanges a refresh token for the next. A token that comes twice was stolen: its login ends.

    But for a reply that got lost: within seconds a token is taken once more, as long as the first reply's was not exchanged, and that one
    then ends the login. The access token of the first reply goes on for its quarter of an hour.

    Args:
        grantee: The program that asks, by the hash of its client id; None for a person. Neither has the other's tokens.

    Raises:
        Unauthenticated: if the token is unknown, expired or spent, or its login has ended.
    """
    expired = Unauthenticated("The session has ended. Log in again.", code="session-expired")
    hashed = hash_token(token)
    with database.transaction() as connection:
        found = accounts.find_refresh_token(connection, hashed)
    if found is None or found.expires_at < datetime.now(UTC):
        raise expired
    following = None
    with database.transaction(found.user_id) as connection:
        # First of all, since this waits for whoever exchanges another token of the login: what he did is seen by what follows.
        going_on = logins.continue_login(connection, found.family_id, grantee)
        if going_on is not None:
            fresh = accounts.spend_refresh_token(connection, hashed)
            if fresh or accounts.forgive_refresh_token(connection, found, hashed, _LOST_REPLY_SECONDS):
                following = _next_token(connection, found.user_id, found.family_id)
            else:
                logins.end_login(connection, found.family_id)
    if following is None:
        raise expired
    assert going_on is not None
    scopes = tuple(going_on.scopes) if going_on.scopes is not None else None
    return Login(found.user_id, str(found.family_id), following, scopes=scopes)


def _next_token(connection: Connection, user_id: UUID, login_id: UUID) -> str:
    token = secrets.token_urlsafe(32)
    expires_at = datetime.now(UTC) + REFRESH_LIFETIME
    accounts.add_refresh_token(connection, hash_token(token), user_id, login_id, expires_at)
    return token


def log_out(database: Database, token: str) -> None:
    """Ends the login that a refresh token belongs to: its tokens, its access tokens and its sockets open nothing any more."""
    with database.transaction() as connection:
        found = accounts.find_refresh_token(connection, hash_token(token))
    if found is not None:
        with database.transaction(found.user_id) as connection:
            logins.end_login(connection, found.family_id)


def list_logins(database: Database, caller: Caller) -> list[StoredLogin]:
    """The caller's open logins, the one that was used last first.

    Raises:
        Forbidden: if an API key asks.
    """
    caller.require_login()
    with database.reading(caller) as connection:
        return logins.open_logins(connection, caller.user_id)


def end_login(database: Database, caller: Caller, login_id: UUID) -> None:
    """Ends one login, wherever it is.

    Raises:
        Forbidden: if an API key asks.
        NotFound: if the caller has no open login with this id.
    """
    caller.require_login()
    with database.transaction(caller) as connection:
        if not logins.end_login(connection, login_id):
            raise NotFound("login")


def end_other_logins(database: Database, caller: Caller) -> int:
    """Ends every login but the caller's own, and what mails still offer; returns how many logins ("sign out everywhere").

    Raises:
        Forbidden: if an API key asks.
    """
    caller.require_login()
    with database.transaction(caller) as connection:
        mails.forget_offers(connection)
        return logins.end_logins(connection, caller.user_id, but=UUID(caller.login_id) if caller.login_id else None)
