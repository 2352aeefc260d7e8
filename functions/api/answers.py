"""Answers on their way out, as middleware sees them."""

from __future__ import annotations

import re

from fastapi import Request, Response

# Bytes below which compressing is not worth it.
SMALLEST_COMPRESSED = 1_000


async def content_of(answer: Response) -> bytes:
    """Reads an answer that is streamed to its end; whoever passes it on makes another one of it."""
    return b"".join([part async for part in answer.body_iterator])  # type: ignore[attr-defined]  # middleware gets streamed answers only


def takes_gzip(request: Request) -> bool:
    """Returns whether a reader takes gzip: what is said of it counts before what is said of everything (RFC 9110, 12.5.3)."""
    said = {}
    for each in ",".join(request.headers.getlist("accept-encoding")).lower().split(","):
        coding, _, weight = ("".join(each.split())).partition(";")
        said[coding] = not re.fullmatch(r"q=0(\.0*)?", weight)
    return said.get("gzip", said.get("*", False))
