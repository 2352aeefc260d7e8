"""Codes of an authenticator app (TOTP, RFC 6238) and recovery codes: each good once, and few may be tried."""

from __future__ import annotations

import time
from enum import Enum, auto
from hmac import compare_digest
from uuid import UUID

from stratforge.application import attempts
from stratforge.storage.postgres.database import Database
from stratforge.storage.users import logins, two_factor
from stratforge.storage.users.tokens import hash_token

_STEP_SECONDS = 30
# Clocks of telephones differ: the code of the half minute before and of the next are good too.
_STEPS_APART = 1


class Verdict(Enum):
    """The result of looking at a code: it was right or none is needed, it is missing, or it was wrong or used before."""

    ENOUGH = auto()
    MISSING = auto()
    WRONG = auto()


def check(database: Database, user_id: UUID, code: str | None, place: str) -> Verdict:
    """Checks the second factor of a user whose password was right, where one is in force.

    Args:
        place: Whose attempts are counted together: those of devices that are known, of everybody else, or of one login.

    Raises:
        LimitReached: during the pause after wrong codes.
    """
    with database.transaction(user_id) as connection:
        found = two_factor.read(connection, user_id)
    if found is None or not found.confirmed:
        return Verdict.ENOUGH
    if not code:
        return Verdict.MISSING
    return Verdict.ENOUGH if take(database, user_id, found.secret, code, place) else Verdict.WRONG


def take(database: Database, user_id: UUID, secret: str, code: str, place: str) -> bool:
    """Takes a code, once; False when it is wrong or was taken before.

    Raises:
        LimitReached: during the pause after wrong codes.
    """
    bucket = f"code of {user_id} {place}"
    attempts.begin(database, bucket)
    given = "".join(code.split()).replace("-", "").upper()
    with database.transaction(user_id) as connection:
        step = _step_of(secret, given)
        if step is not None:
            taken = two_factor.spend_step(connection, user_id, step)
        else:
            taken = two_factor.spend_recovery_code(connection, user_id, hash_token(given))
        if taken:
            logins.forget_attempts(connection, bucket)
    return taken


def _step_of(secret: str, code: str) -> int | None:
    """The half minute whose code it is, the latest of those near now; None when it is of none."""
    from pyotp import TOTP

    totp, now = TOTP(secret), int(time.time()) // _STEP_SECONDS
    steps = range(now - _STEPS_APART, now + _STEPS_APART + 1)
    # All of them are compared: how long it takes says nothing.
    fitting = [step for step in steps if compare_digest(totp.generate_otp(step).encode(), code.encode())]
    return fitting[-1] if fitting else None
