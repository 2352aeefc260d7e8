"""Proofs that it is the owner who asks: what changes how an account is entered wants the password and, where there is one, the second factor, at that moment.

An open login proves nothing: a browser may be left open, a token stolen. Every door asks here, so there is no other way in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from stratforge.application import attempts, one_time_codes
from stratforge.application.access import Caller
from stratforge.application.attempts import too_many_attempts
from stratforge.application.errors import Forbidden
from stratforge.application.one_time_codes import Verdict
from stratforge.application.passwords import Proof, fits
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.users import accounts, logins, two_factor

# Minutes for which a proof stands, for what asks for no more than a recent one.
RECENT_MINUTES = 10


def prove(database: Database, caller: Caller, proof: Proof) -> None:
    """Checks the caller's password and, where a second factor is in force, a code of it.

    Raises:
        Forbidden: if one of them is wrong or missing, or an API key asks.
        LimitReached: during the pause after wrong ones, which holds for the caller's login alone.
    """
    caller.require_login()
    place = f"at {caller.login_id}"
    here = f"password of {caller.user_id} {place}"
    with database.transaction(caller) as connection:
        wait = attempts.wait_for(connection, here)
        stored = accounts.password_hash(connection, caller.user_id)
    if wait:
        raise too_many_attempts(wait)
    if stored is None or not fits(proof.password, stored):
        raise Forbidden("The password is wrong.", code="wrong-password")
    match one_time_codes.check(database, caller.user_id, proof.code, place):
        case Verdict.MISSING:
            raise Forbidden("Give a code of your second factor as well.", code="second-factor-required")
        case Verdict.WRONG:
            with database.transaction(caller) as connection:
                two_factor.note_failure(connection, "", "")
            raise Forbidden("The code is wrong, or was used before.", code="wrong-code")
    with database.transaction(caller) as connection:
        logins.forget_attempts(connection, here)
        if caller.login_id:
            logins.gave_password(connection, UUID(caller.login_id))


@contextmanager
def proven(database: Database, caller: Caller, proof: Proof) -> Iterator[Connection]:
    """A transaction for what a proof was given for, with the account held: see `prove` and `hold`."""
    prove(database, caller, proof)
    with database.transaction(caller) as connection:
        hold(connection, caller)
        yield connection


def hold(connection: Connection, caller: Caller) -> None:
    """Holds the caller's account until the end of the transaction: nobody sets its password meanwhile, and the login has not ended by one that was set.

    Raises:
        LoginEnded: if it has.
    """
    accounts.hold(connection, caller.user_id)
    if caller.login_id:
        logins.require_open(connection, caller.user_id, UUID(caller.login_id))


def require_recent_proof(database: Database, caller: Caller, proof: Proof | None) -> None:
    """Makes sure that a proof was given within the last ten minutes (a login is one), or is given now.

    Raises:
        Forbidden: if it was not, if it is wrong, or if an API key asks.
    """
    caller.require_login()
    if proof is not None:
        prove(database, caller, proof)
        return
    with database.transaction(caller) as connection:
        lately = caller.login_id and logins.gave_password_lately(connection, UUID(caller.login_id), RECENT_MINUTES)
    if not lately:
        raise Forbidden("Give your password as well: it was last given a while ago.", code="password-required")
