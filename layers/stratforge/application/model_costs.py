"""Noting what calls of language models cost, by the prices that the secret names."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from stratforge.ai.usage import Usage
from stratforge.configuration import GeminiSecret
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import model_usage
from stratforge.storage.strategies.model_usage import Purpose


def cost_of(secret: GeminiSecret, model: str, usage: Usage) -> Decimal | None:
    """Dollars that a call cost; None where no prices were entered, or another model answered than the one they are of."""
    prices = (secret.prompt_price, secret.cached_price, secret.answer_price)
    priced = any(model.startswith(each) for each in (secret.quant_model, secret.analyst_model))
    if not priced or prices[0] is None or prices[2] is None:
        return None
    # Without a price of their own, known tokens cost what others do.
    known = prices[0] if prices[1] is None else prices[1]
    parts = (
        (usage.prompt - usage.cached, prices[0]),
        (usage.cached, known),
        (usage.answer, prices[2]),
    )
    return sum((Decimal(tokens) * Decimal(str(price)) for tokens, price in parts), Decimal(0)) / 1_000_000


def note_costs(database: Database, secret: GeminiSecret, purpose: Purpose) -> Callable[[str, Usage], None]:
    """Returns what adds a call, by its model and tokens, to the figures that operators see."""

    def note(model: str, usage: Usage) -> None:
        dollars = cost_of(secret, model, usage)
        with database.transaction() as connection:
            model_usage.add_usage(connection, model, purpose, usage.prompt, usage.cached, usage.answer, dollars)

    return note
