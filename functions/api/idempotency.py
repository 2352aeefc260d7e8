"""`Idempotency-Key`: a creating request that is repeated makes nothing new, and gets the same answer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import Depends, Header, Request
from stratforge.storage.postgres import limits
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.limits import KeyReused

from functions.api.problems import Problem


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The key of a request, if it has one."""

    key: str | None
    request_hash: bytes

    def new_id(self, connection: Connection, user_id: UUID) -> UUID:
        """The id of what the request makes: the same for the same key, else a new one. In the transaction that makes it.

        Raises:
            Problem: 422 if the key came with another request before.
        """
        if self.key is None:
            return uuid4()
        try:
            return limits.claim_key(connection, user_id, self.key, self.request_hash)
        except KeyReused:
            raise Problem(
                422, "idempotency-key-reused", "This Idempotency-Key came with another request before; use a new one."
            ) from None


async def _idempotency(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$", description="Makes repeating the request safe"),
    ] = None,
) -> Idempotency:
    body = await request.body() if idempotency_key else b""
    digest = hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + body).digest()
    return Idempotency(idempotency_key, digest)


IdempotencyKey = Annotated[Idempotency, Depends(_idempotency)]
