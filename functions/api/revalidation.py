"""Revalidation and compression: an answer that a reader has is not sent again (ETag, 304), and a long one is sent in fewer bytes."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response

from functions.api.answers import SMALLEST_COMPRESSED, content_of, takes_gzip


def install(app: FastAPI) -> None:
    """Gives every answer to a GET of the API a tag, and sends it only to who has it not."""

    @app.middleware("http")
    async def revalidate(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        answer = await call_next(request)
        if request.method != "GET" or not request.url.path.startswith("/api/") or answer.status_code != 200:
            return answer
        content = await content_of(answer)
        kept = {name: value for name, value in answer.headers.items() if name != "content-length"}
        # What a change is based on (If-Match) can stay the same while the answer does not: a session's profit moves with every bar.
        state = kept.get("etag", "").strip('"')
        digest = hashlib.sha256(content).hexdigest()[:24]
        tag = kept["etag"] = f'"{state}.{digest}"' if state else f'"{digest}"'
        if _has(request.headers.get("if-none-match", ""), tag):
            for name in ("content-type", "content-disposition"):
                kept.pop(name, None)
            answer = Response(None, 304, kept)
            answer.headers.add_vary_header("Accept-Encoding")
            return answer
        if len(content) >= SMALLEST_COMPRESSED and takes_gzip(request):
            content = gzip.compress(content, 6, mtime=0)
            kept["content-encoding"] = "gzip"
        answer = Response(content, 200, kept)
        answer.headers.add_vary_header("Accept-Encoding")
        return answer


def _has(if_none_match: str, tag: str) -> bool:
    """Returns whether a reader has the answer: tags are compared weakly (RFC 9110, 13.1.2)."""
    held = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return "*" in held or tag.removeprefix("W/") in held
