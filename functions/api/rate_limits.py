"""`RateLimit` and `RateLimit-Policy`: what every answer says of the quotas that its request was counted against."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from stratforge.application import quotas


def install(app: FastAPI) -> None:
    """Has every answer say what is left."""

    @app.middleware("http")
    async def tell(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        told: list[quotas.Spent] = []
        before = quotas.spent.set(told)
        try:
            answer = await call_next(request)
        finally:
            quotas.spent.reset(before)
        if answer.status_code >= 400 and answer.status_code != 429:
            # What failed gave back what it took.
            told = [each for each in told if each.kept]
        if told:
            answer.headers["RateLimit-Policy"] = ", ".join(
                f'"{each.quota.kind}";q={each.quota.requests};w={each.quota.seconds}' for each in told
            )
            answer.headers["RateLimit"] = ", ".join(
                f'"{each.quota.kind}";r={each.left};t={each.whole_in}' for each in told
            )
        return answer
