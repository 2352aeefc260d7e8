"""Answers on their way out, as middleware sees them."""

from __future__ import annotations

from fastapi import Response


async def content_of(answer: Response) -> bytes:
    """Reads an answer that is streamed to its end; whoever passes it on makes another one of it."""
    return b"".join([part async for part in answer.body_iterator])  # type: ignore[attr-defined]  # middleware gets streamed answers only
