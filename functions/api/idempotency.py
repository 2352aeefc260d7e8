"""`Idempotency-Key`: a creating request that is repeated makes nothing new, and gets the same answer."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import Depends, Header, Request
from stratforge.application.idempotency import RequestKey


async def _request_key(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$", description="Makes repeating the request safe"),
    ] = None,
) -> RequestKey:
    body = await request.body() if idempotency_key else b""
    digest = hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + body).digest()
    return RequestKey(idempotency_key, digest)


IdempotencyKey = Annotated[RequestKey, Depends(_request_key)]
