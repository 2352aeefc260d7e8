"""The second factor of an account: proposed, put in force with a first code, and removed."""

from __future__ import annotations

import secrets
from base64 import b32encode
from dataclasses import dataclass
from uuid import UUID

from pydantic import SecretStr

from stratforge.application.access import Caller
from stratforge.application.errors import Conflict, Forbidden, existing
from stratforge.application.logins import require_recent_password
from stratforge.application.one_time_codes import take
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.users import accounts, two_factor
from stratforge.storage.users.tokens import hash_token

_RECOVERY_CODES = 10
# Eighty bits: nobody guesses them, so that a plain hash keeps them.
_RECOVERY_BYTES = 10


@dataclass(frozen=True, slots=True)
class Proposal:
    """A secret for an authenticator app, which is in force once a first code was given.

    Attributes:
        secret: For typing into the app, in base32.
        address: The same as an address (`otpauth://…`), which apps read from a QR code.
    """

    secret: str
    address: str


@dataclass(frozen=True, slots=True)
class RecoveryCodes:
    """Codes that are each good once in the place of one of the app; shown this once and kept as hashes.

    Attributes:
        codes: Ten codes, to be written down.
    """

    codes: list[str]


@dataclass(frozen=True, slots=True)
class TwoFactorState:
    """The second factor of an account.

    Attributes:
        enabled: Whether a code is asked for at every login.
        recovery_codes_left: The number of recovery codes that are not used yet.
    """

    enabled: bool
    recovery_codes_left: int


def state(connection: Connection, user_id: UUID) -> TwoFactorState:
    """Returns whether the transaction's user has a second factor, and how many recovery codes are left."""
    found = two_factor.read(connection, user_id)
    return TwoFactorState(bool(found and found.confirmed), found.recovery_codes_left if found else 0)


def propose(database: Database, caller: Caller, password: SecretStr | None) -> Proposal:
    """Makes a secret for an authenticator app. Nothing changes until `confirm`.

    Raises:
        Forbidden: if the password was not given lately, or an API key asks.
        Conflict: if a second factor is in force; remove it first.
    """
    from pyotp import TOTP, random_base32

    require_recent_password(database, caller, password)
    secret = random_base32()
    with database.transaction(caller) as connection:
        user = existing(accounts.get_user(connection, caller.user_id), "user")
        if not two_factor.propose(connection, caller.user_id, secret):
            raise Conflict("A second factor is in force; remove it first.", code="two-factor-in-force")
    return Proposal(secret, TOTP(secret).provisioning_uri(name=user.email, issuer_name="StratForge"))


def confirm(database: Database, caller: Caller, code: str) -> RecoveryCodes:
    """Puts the proposed secret in force, after the app has shown with a code that it has it.

    Raises:
        Forbidden: if the code is wrong, the password was not given lately, or an API key asks.
        Conflict: if nothing was proposed, or a second factor is in force.
        LimitReached: during the pause after wrong codes.
    """
    require_recent_password(database, caller, None)
    with database.transaction(caller) as connection:
        found = two_factor.read(connection, caller.user_id)
    if found is None or found.confirmed:
        raise Conflict("Ask for a secret first, and scan it.", code="no-proposal")
    if not take(database, caller.user_id, found.secret, code, "proposal"):
        raise Forbidden("The code is wrong. Give the one that your app shows now.", code="wrong-code")
    codes, hashes = _new_recovery_codes()
    with database.transaction(caller) as connection:
        if not two_factor.confirm(connection, caller.user_id, hashes):
            raise Conflict("A second factor is in force already.", code="two-factor-in-force")
    return codes


def renew_recovery_codes(database: Database, caller: Caller, password: SecretStr | None) -> RecoveryCodes:
    """Makes new recovery codes; the earlier ones are good no more.

    Raises:
        Forbidden: if the password was not given lately, or an API key asks.
        Conflict: if no second factor is in force.
    """
    require_recent_password(database, caller, password)
    codes, hashes = _new_recovery_codes()
    with database.transaction(caller) as connection:
        if not two_factor.replace_recovery_codes(connection, caller.user_id, hashes):
            raise Conflict("No second factor is in force.", code="no-two-factor")
    return codes


def remove(database: Database, caller: Caller, password: SecretStr, code: str) -> None:
    """Removes the second factor, with the password and a code of it: neither a stolen password nor an open browser is enough.

    Raises:
        Forbidden: if the password or the code is wrong, or an API key asks.
        Conflict: if no second factor is in force.
        LimitReached: during the pause after wrong ones.
    """
    require_recent_password(database, caller, password)
    with database.transaction(caller) as connection:
        found = two_factor.read(connection, caller.user_id)
    if found is None or not found.confirmed:
        raise Conflict("No second factor is in force.", code="no-two-factor")
    if not take(database, caller.user_id, found.secret, code, "removal"):
        raise Forbidden("The code is wrong, or was used before.", code="wrong-code")
    with database.transaction(caller) as connection:
        two_factor.remove(connection, caller.user_id)


def _new_recovery_codes() -> tuple[RecoveryCodes, list[bytes]]:
    made = [b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode() for _ in range(_RECOVERY_CODES)]
    shown = ["-".join(code[start : start + 4] for start in range(0, len(code), 4)) for code in made]
    return RecoveryCodes(shown), [hash_token(code) for code in made]
