"""Passkeys (WebAuthn): added, named, removed, and used to log in, alone or as the second factor beside a password.

A device asks for a finger, a face or its own code before it signs, and it signs for one site: a passkey is two factors at once, and no other site gets it to
sign. A challenge is made of the time, chance and a seal of ours, so that nothing is kept until one was answered; each is answered once.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import secrets
import time
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from stratforge.application.access import Caller
from stratforge.application.errors import Conflict, Invalid, NotFound, Unauthenticated, existing
from stratforge.application.passwords import Proof
from stratforge.application.proofs import hold, prove
from stratforge.application.strategies import NAME_PATTERN
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.users import accounts, logins, passkeys
from stratforge.storage.users.passkeys import Passkey, PublicHalf

_MOST = 20
_GOOD_SECONDS = 300
_TIME_BYTES, _CHANCE_BYTES = 8, 16
# Named as browsers name it; what else they say is of no use here.
_AS_BROWSERS = ConfigDict(extra="ignore", alias_generator=to_camel, frozen=True)
Base64 = Annotated[str, Field(min_length=1, max_length=20_000, pattern=r"^[A-Za-z0-9_-]+$")]
PasskeyName = Annotated[str, Field(min_length=1, max_length=100, pattern=NAME_PATTERN, examples=["Phone"])]


class Answer(BaseModel):
    """An answer that a device signed when a passkey was used; `PublicKeyCredential.toJSON()` of a browser."""

    model_config = _AS_BROWSERS

    class Signed(BaseModel):
        """The challenge with the site as the browser saw them, and the signature."""

        model_config = _AS_BROWSERS

        client_data: Base64 = Field(alias="clientDataJSON")
        authenticator_data: Base64
        signature: Base64
        user_handle: Base64 | None = None

    id: Base64
    raw_id: Base64
    type: str = Field("public-key", max_length=20)
    response: Signed


class NewKey(BaseModel):
    """A device's answer when a passkey was made; `PublicKeyCredential.toJSON()` of a browser."""

    model_config = _AS_BROWSERS

    class Made(BaseModel):
        """The challenge with the site as the browser saw them, and the new key."""

        model_config = _AS_BROWSERS

        client_data: Base64 = Field(alias="clientDataJSON")
        attestation_object: Base64

    id: Base64
    raw_id: Base64
    type: str = Field("public-key", max_length=20)
    response: Made


class NewPasskey(BaseModel):
    """A passkey that a device made, and what its owner calls it."""

    model_config = ConfigDict(extra="forbid")

    name: PasskeyName
    credential: NewKey


@dataclass(frozen=True, slots=True)
class Party:
    """The site that devices sign for.

    Attributes:
        site: Its address, as visitors know it.
        seal: The key of its challenges.
    """

    site: str
    seal: bytes

    @property
    def host(self) -> str:
        """The name of the host.

        Raises:
            Conflict: if it has none but a number: devices sign for names alone.
        """
        host = urlsplit(self.site).hostname or ""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return host
        raise Conflict(
            f"Passkeys need a site with a name, and {host} is a number; open it as localhost.", code="no-host-name"
        )

    def challenge(self, purpose: str) -> bytes:
        """A new challenge for one purpose."""
        begun = time.time_ns() // 1000
        return self._sealed(begun.to_bytes(_TIME_BYTES) + secrets.token_bytes(_CHANCE_BYTES), purpose)

    def asked_at(self, challenge: bytes, purpose: str) -> int | None:
        """Reads when a challenge was made for this purpose, in microseconds; None when it never was, or too long ago."""
        told = challenge[: _TIME_BYTES + _CHANCE_BYTES]
        at = int.from_bytes(told[:_TIME_BYTES])
        ours = hmac.compare_digest(self._sealed(told, purpose), challenge)
        return at if ours and 0 <= time.time_ns() // 1000 - at < _GOOD_SECONDS * 1_000_000 else None

    def _sealed(self, told: bytes, purpose: str) -> bytes:
        return told + hmac.new(self.seal, told + purpose.encode(), hashlib.sha256).digest()


def _refused() -> Unauthenticated:
    return Unauthenticated("This passkey opens nothing here, or took too long. Try again.", code="passkey-refused")


def _challenge_in(client_data: str) -> bytes:
    """The challenge that a browser says was answered; empty for what says none, or was asked by a page of ours within a page of another site.

    A frame that somebody else wraps around us may have a person sign what he does not see (WebAuthn, 13.4.9): nothing of ours asks from within one.
    """
    try:
        said = json.loads(_decoded(client_data))
        if said.get("crossOrigin", False) is not False or "topOrigin" in said:
            return b""
        return _decoded(str(said["challenge"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return b""


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


# Adding and removing ------------------------------------------------------------------------------------------------------


def _adding(caller: Caller) -> str:
    return f"add {caller.user_id} {caller.login_id}"


def adding_options(database: Database, caller: Caller, party: Party, proof: Proof) -> dict[str, Any]:
    """Begins to add a passkey, with the proof that it is the owner; returns what the browser gives to the device.

    Raises:
        Forbidden: if the proof is wrong, or a program asks.
        Conflict: if there are twenty passkeys already, or the site has no name.
        LimitReached: during the pause after wrong proofs.
    """
    from webauthn import generate_registration_options
    from webauthn.helpers import options_to_json_dict
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        PublicKeyCredentialDescriptor,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    host = party.host
    prove(database, caller, proof)
    with database.reading(caller) as connection:
        user = existing(accounts.get_user(connection, caller.user_id), "user")
        known = passkeys.credential_ids(connection, caller.user_id)
    _room_for_another(len(known))
    options = generate_registration_options(
        rp_id=host,
        rp_name="StratForge",
        user_id=caller.user_id.bytes,
        user_name=user.email,
        challenge=party.challenge(_adding(caller)),
        timeout=_GOOD_SECONDS * 1000,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known],
    )
    return dict(options_to_json_dict(options))


def _room_for_another(kept: int) -> None:
    if kept >= _MOST:
        raise Conflict(f"There are {_MOST} passkeys already; remove one first.", code="too-many-passkeys")


def add(database: Database, caller: Caller, party: Party, new: NewPasskey) -> Passkey:
    """Adds the passkey that a device made in answer to `adding_options`; it opens the account from then on.

    Raises:
        Forbidden: if a program asks.
        Invalid: if it is not the first answer to what this login asked for within five minutes, or not of this site.
        Conflict: if it is somebody's already, or there are twenty.
    """
    from webauthn import verify_registration_response
    from webauthn.helpers.exceptions import WebAuthnException

    caller.require_login()
    challenge = _challenge_in(new.credential.response.client_data)
    wrong = Invalid("The device's answer is not good, or took too long. Try again.", code="passkey-not-valid")
    asked_at = party.asked_at(challenge, _adding(caller))
    if asked_at is None or caller.login_id is None:
        raise wrong
    try:
        made = verify_registration_response(
            credential=new.credential.model_dump(by_alias=True),
            expected_challenge=challenge,
            expected_rp_id=party.host,
            expected_origin=party.site,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError, RecursionError):
        raise wrong from None
    with database.transaction(caller) as connection:
        hold(connection, caller)
        # One proof adds one passkey: the same answer brings none back that was removed.
        if not logins.spend_challenge(connection, UUID(caller.login_id), asked_at):
            raise wrong
        _room_for_another(len(passkeys.credential_ids(connection, caller.user_id)))
        stored = passkeys.add_passkey(
            connection, caller.user_id, new.name, made.credential_id, made.credential_public_key, made.sign_count
        )
    if stored is None:
        raise Conflict("This passkey was added before.", code="passkey-known")
    return stored


def rename(database: Database, caller: Caller, passkey_id: UUID, name: str) -> Passkey:
    """Gives a passkey another name.

    Raises:
        Forbidden: if a program asks.
        NotFound: if the caller has no such passkey.
    """
    caller.require_login()
    with database.transaction(caller) as connection:
        return existing(passkeys.rename_passkey(connection, passkey_id, name), "passkey")


def remove(database: Database, caller: Caller, passkey_id: UUID, proof: Proof) -> None:
    """Removes a passkey: it opens nothing from then on. What is open stays open.

    Raises:
        Forbidden: if the proof is wrong, or a program asks.
        NotFound: if the caller has no such passkey.
    """
    prove(database, caller, proof)
    with database.transaction(caller) as connection:
        hold(connection, caller)
        if not passkeys.remove_passkey(connection, passkey_id):
            raise NotFound("passkey")


# Using ----------------------------------------------------------------------------------------------------------------------

_USING = "use"


def using_options(party: Party) -> dict[str, Any]:
    """Makes what the browser gives to the device when somebody wants to log in; the same for everybody, since the device knows whose passkeys it has.

    Raises:
        Conflict: if the site has no name.
    """
    from webauthn import generate_authentication_options
    from webauthn.helpers import options_to_json_dict
    from webauthn.helpers.structs import UserVerificationRequirement

    options = generate_authentication_options(
        rp_id=party.host,
        challenge=party.challenge(_USING),
        timeout=_GOOD_SECONDS * 1000,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return dict(options_to_json_dict(options))


@dataclass(frozen=True, slots=True)
class Used:
    """A passkey whose answer was right, and has not been taken yet."""

    key: PublicHalf
    asked_at: int
    sign_count: int

    def take(self, connection: Connection) -> None:
        """Takes the answer, in the transaction of the passkey's user.

        Raises:
            Unauthenticated: if it was taken before, or the passkey removed meanwhile.
        """
        if not passkeys.use_passkey(connection, self.key.passkey_id, self.asked_at, self.sign_count):
            raise _refused()


def check(database: Database, party: Party, answer: Answer) -> Used:
    """Checks the answer of a device to `using_options`.

    Raises:
        Unauthenticated: if the passkey is nobody's here, the answer is not to a challenge of the last five minutes, was signed for another site, without asking
            for the person, or by a copy of the device.
    """
    from webauthn import verify_authentication_response
    from webauthn.helpers.exceptions import WebAuthnException

    challenge = _challenge_in(answer.response.client_data)
    asked_at = party.asked_at(challenge, _USING)
    if asked_at is None:
        raise _refused()
    try:
        credential = _decoded(answer.raw_id)
        with database.transaction() as connection:
            key = passkeys.find_passkey(connection, credential)
        if key is None or (answer.response.user_handle and _decoded(answer.response.user_handle) != key.user_id.bytes):
            raise _refused()
        found = verify_authentication_response(
            credential=answer.model_dump(by_alias=True),
            expected_challenge=challenge,
            expected_rp_id=party.host,
            expected_origin=party.site,
            credential_public_key=key.public_key,
            credential_current_sign_count=key.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError, RecursionError):
        raise _refused() from None
    return Used(key, asked_at, found.new_sign_count)
