"""Requests that are safe to repeat: what was made under a key is found again instead of made twice."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid4

from stratforge.application.errors import Invalid
from stratforge.storage.postgres import limits
from stratforge.storage.postgres.database import Connection


@dataclass(frozen=True, slots=True)
class RequestKey:
    """The key that a creating request came with.

    Attributes:
        key: The caller's own name for the request; None when it came without one, and is new each time.
        request_hash: A digest of the request, so that a key cannot be used for two different ones.
    """

    key: str | None
    request_hash: bytes

    def new_id(self, connection: Connection, user_id: UUID) -> UUID:
        """The id of what the request makes: the same for the same key, else a new one. In the transaction that makes it.

        Raises:
            Invalid: if the key came with another request before.
        """
        if self.key is None:
            return uuid4()
        try:
            return limits.claim_key(connection, user_id, self.key, self.request_hash)
        except limits.KeyReused:
            raise Invalid(
                "This Idempotency-Key came with another request before; use a new one.", code="idempotency-key-reused"
            ) from None
