"""The second factor of an account: proposed, put in force with a first code, and removed."""

from __future__ import annotations

import secrets
from base64 import b32encode
from dataclasses import dataclass
from uuid import UUID

from stratforge.application.access import Caller
from stratforge.application.errors import Conflict, Forbidden, existing
from stratforge.application.logins import Origin
from stratforge.application.one_time_codes import take
from stratforge.application.passwords import Proof
from stratforge.application.proofs import hold, proven
from stratforge.bus.outbox import Outbox
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.users import accounts, logins, mails, two_factor
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


def propose(database: Database, outbox: Outbox, caller: Caller, proof: Proof) -> Proposal:
    """Makes a secret for an authenticator app. Nothing changes until `confirm`.

    Raises:
        Forbidden: if the proof is wrong, or an API key asks.
        Conflict: if a second factor is in force (remove it first), or the address is not confirmed: who reads its mailbox could set another
            password and would find the second factor gone.
    """
    from pyotp import TOTP, random_base32

    secret = random_base32()
    with proven(database, caller, proof) as connection:
        user = existing(accounts.get_user(connection, caller.user_id), "user")
        if user.email_confirmed_at is None and outbox.sends_mail:
            raise Conflict("Confirm your address first, with the link in our mail.", code="address-not-confirmed")
        if not two_factor.propose(connection, caller.user_id, secret):
            raise Conflict("A second factor is in force; remove it first.", code="two-factor-in-force")
    return Proposal(secret, TOTP(secret).provisioning_uri(name=user.email, issuer_name="StratForge"))


def confirm(database: Database, outbox: Outbox, caller: Caller, code: str, origin: Origin) -> RecoveryCodes:
    """Puts the proposed secret in force, after the app has shown with a code that it has it. Devices but this one are known no more, and what mails offer ends.

    Raises:
        Forbidden: if the code is wrong, or an API key asks.
        Conflict: if nothing was proposed, or a second factor is in force.
        LimitReached: during the pause after wrong codes.
    """
    caller.require_login()
    with database.transaction(caller) as connection:
        found = two_factor.read(connection, caller.user_id)
    if found is None or found.confirmed:
        raise Conflict("Ask for a secret first, and scan it.", code="no-proposal")
    if not take(database, caller.user_id, found.secret, code, "proposal"):
        raise Forbidden("The code is wrong. Give the one that your app shows now.", code="wrong-code")
    codes, hashes = _new_recovery_codes()
    with database.transaction(caller) as connection:
        hold(connection, caller)
        # The secret that was proven, and no other that was proposed meanwhile.
        if not two_factor.confirm(connection, caller.user_id, found.secret, hashes):
            raise Conflict("Another secret was proposed meanwhile. Scan that one.", code="no-proposal")
        logins.forget_devices(connection, caller.user_id, but=hash_token(origin.device))
        mails.forget_offers(connection)
    outbox.wake_mailer()
    return codes


def renew_recovery_codes(database: Database, caller: Caller, proof: Proof) -> RecoveryCodes:
    """Makes new recovery codes; the earlier ones are good no more.

    Raises:
        Forbidden: if the proof is wrong, or an API key asks.
        Conflict: if no second factor is in force.
    """
    codes, hashes = _new_recovery_codes()
    with proven(database, caller, proof) as connection:
        if not two_factor.replace_recovery_codes(connection, caller.user_id, hashes):
            raise Conflict("No second factor is in force.", code="no-two-factor")
    return codes


def remove(database: Database, outbox: Outbox, caller: Caller, proof: Proof) -> None:
    """Removes the second factor, with the password and a code of it: neither a stolen password nor an open browser is enough.

    Raises:
        Forbidden: if the proof is wrong, or an API key asks.
        Conflict: if no second factor is in force.
        LimitReached: during the pause after wrong ones.
    """
    with proven(database, caller, proof) as connection:
        if not two_factor.remove(connection, caller.user_id):
            raise Conflict("No second factor is in force.", code="no-two-factor")
    outbox.wake_mailer()


def _new_recovery_codes() -> tuple[RecoveryCodes, list[bytes]]:
    made = [b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode() for _ in range(_RECOVERY_CODES)]
    shown = ["-".join(code[start : start + 4] for start in range(0, len(code), 4)) for code in made]
    return RecoveryCodes(shown), [hash_token(code) for code in made]
