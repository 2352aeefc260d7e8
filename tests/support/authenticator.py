"""A device with passkeys, in software: makes keys and signs challenges as WebAuthn has it, honestly unless it is told otherwise."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def encoded(content: bytes) -> str:
    """As WebAuthn writes bytes in JSON."""
    return urlsafe_b64encode(content).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """The bytes that WebAuthn wrote so."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Authenticator:
    """A device with one passkey.

    Attributes:
        site: The page that the browser is at.
        host: The name that it signs for.
        flags: What it says of its person: present, and verified.
        count: The number of its signatures.
        besides: What the browser says beside that, of the pages around the one that asks.
    """

    site: str = "https://testserver"
    host: str = "testserver"
    flags: int = PRESENT | VERIFIED
    count: int = 0
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    user_handle: bytes = b""
    besides: dict[str, Any] = field(default_factory=lambda: {"crossOrigin": False})

    def make(self, options: dict[str, Any]) -> dict[str, Any]:
        """Makes the passkey; what the browser answers."""
        self.user_handle = decoded(options["user"]["id"])
        point = self.private.public_key().public_numbers()
        key = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)})
        attested = bytes(16) + len(self.credential_id).to_bytes(2) + self.credential_id + key
        data = self._data(self.flags | ATTESTED) + attested
        made = {
            "clientDataJSON": self._client_data("webauthn.create", options),
            "attestationObject": encoded(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
        }
        return self._credential(made)

    def sign(self, options: dict[str, Any]) -> dict[str, Any]:
        """Signs a challenge; what the browser answers."""
        self.count += 1
        data, said = self._data(self.flags), self._client_data("webauthn.get", options)
        signature = self.private.sign(data + hashlib.sha256(decoded(said)).digest(), ec.ECDSA(SHA256()))
        answer = {
            "clientDataJSON": said,
            "authenticatorData": encoded(data),
            "signature": encoded(signature),
        }
        if self.user_handle:
            answer["userHandle"] = encoded(self.user_handle)
        return self._credential(answer)

    def _credential(self, answer: dict[str, str]) -> dict[str, Any]:
        name = encoded(self.credential_id)
        return {"id": name, "rawId": name, "type": "public-key", "response": answer, "clientExtensionResults": {}}

    def _data(self, flags: int) -> bytes:
        return hashlib.sha256(self.host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4)

    def _client_data(self, kind: str, options: dict[str, Any]) -> str:
        said = {"type": kind, "challenge": options["challenge"], "origin": self.site, **self.besides}
        return encoded(json.dumps(said).encode())
