"""Noting what calls of language models cost, by the prices that the secret names: of the day, and of the job that they are made for."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

from stratforge.ai.usage import Usage
from stratforge.configuration import GeminiSecret
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import jobs, model_usage
from stratforge.storage.strategies.model_usage import Purpose


def cost_of(secret: GeminiSecret, model: str, usage: Usage) -> Decimal | None:
    """Dollars that a call cost; None where no price of the model that answered was entered."""
    prices = secret.prices_of(model)
    if prices is None:
        return None
    # Without a price of their own, known tokens cost what others do.
    known = prices.prompt if prices.cached is None else prices.cached
    parts = (
        (usage.prompt - usage.cached, prices.prompt),
        (usage.cached, known),
        (usage.answer, prices.answer),
    )
    return sum((Decimal(tokens) * Decimal(str(price)) for tokens, price in parts), Decimal(0)) / 1_000_000


def note_costs(
    database: Database, secret: GeminiSecret, purpose: Purpose, job_id: UUID | None = None
) -> Callable[[str, Usage], None]:
    """Returns what adds a call, by its model and tokens, to the figures that operators see and to those of its job."""

    def note(model: str, usage: Usage) -> None:
        dollars = cost_of(secret, model, usage)
        with database.transaction() as connection:
            model_usage.add_usage(connection, model, purpose, usage.prompt, usage.cached, usage.answer, dollars)
            if job_id is not None:
                jobs.add_call(connection, job_id, usage.total, dollars)

    return note
