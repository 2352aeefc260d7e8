"""Requests that are safe to repeat: what was made under a key is found again instead of made twice."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from uuid import UUID, uuid4

from stratforge.application.errors import Invalid
from stratforge.storage.postgres.database import Connection
from stratforge.storage.users import first_answers


@dataclass(frozen=True, slots=True)
class RequestKey:
    """The key that a creating request came with.

    Attributes:
        key: The caller's own name for the request; None when it came without one, and is new each time.
        request_hash: A digest of the request, so that a key cannot be used for two different ones.
        seed: What secrets that the request makes are derived from, known to the platform alone; empty for new ones each time.
    """

    key: str | None
    request_hash: bytes
    seed: bytes = b""

    def new_id(self, connection: Connection, user_id: UUID) -> UUID:
        """The id of what the request makes: the same for the same key, else a new one. In the transaction that makes it.

        Raises:
            Invalid: if the key came with another request before.
        """
        if self.key is None:
            return uuid4()
        try:
            return first_answers.claim_id(connection, user_id, self.key, self.request_hash)
        except first_answers.KeyReused:
            raise key_reused() from None

    def new_secret(self, user_id: UUID) -> str:
        """A secret that the request makes: the same when it is repeated, so that it is stored nowhere to be shown again."""
        if not self.key or not self.seed:
            return secrets.token_urlsafe(32)
        made = hmac.new(self.seed, user_id.bytes + self.key.encode() + self.request_hash, hashlib.sha256).digest()
        return base64.urlsafe_b64encode(made).decode().rstrip("=")


def key_reused() -> Invalid:
    """The refusal of a key that came with another request before."""
    return Invalid(
        "This Idempotency-Key came with another request before; use a new one.", code="idempotency-key-reused"
    )


def without_key() -> RequestKey:
    """The key of a request that came without one: whatever it makes is new."""
    return RequestKey(None, b"")
