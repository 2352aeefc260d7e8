"""What language models cost is added up by day and model, and shown to operators alone."""

from __future__ import annotations

from decimal import Decimal

import pytest
from stratforge.ai.usage import Usage
from stratforge.application.model_costs import cost_of, note_costs
from stratforge.configuration import GeminiSecret
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies.model_usage import Purpose, list_usage
from stratforge.storage.users.accounts import register_user

PRICED = GeminiSecret(quant_model="flash", analyst_model="pro", prompt_price=1.0, cached_price=0.1, answer_price=10.0)
USED = Usage(prompt=1_000_000, cached=400_000, answer=100_000)


@pytest.mark.parametrize(
    ("secret", "model", "dollars"),
    [
        (PRICED, "flash-001", Decimal("1.64")),
        (PRICED.model_copy(update={"cached_price": None}), "flash", Decimal(2)),
        (PRICED, "another", None),
        (PRICED.model_copy(update={"answer_price": None}), "flash", None),
    ],
)
def test_a_call_costs_by_the_prices_of_its_model(secret: GeminiSecret, model: str, dollars: Decimal | None) -> None:
    assert cost_of(secret, model, USED) == dollars


def test_operators_see_the_days_costs_and_nobody_else_does(database: Database) -> None:
    with database.transaction() as connection:
        ada = register_user(connection, "ada@example.com", "hash", Decimal(1000))
    assert ada is not None
    for _ in range(3):
        note_costs(database, PRICED, Purpose.STRATEGY)("flash", USED)
    note_costs(database, PRICED, Purpose.RESEARCH)("offline-author", USED)
    with database.transaction(ada) as connection:
        assert list_usage(connection) == []
    with database.transaction() as connection:
        connection.execute("UPDATE users SET is_operator = true WHERE id = %s", (ada,))
    with database.transaction(ada) as connection:
        priced, free = list_usage(connection)
    assert (priced.model, priced.calls, priced.cached_tokens) == ("flash", 3, 1_200_000)
    assert (priced.dollars, priced.dollars_a_call) == (Decimal("4.92"), Decimal("1.64"))
    assert (free.model, free.purpose, free.dollars_a_call) == ("offline-author", Purpose.RESEARCH, None)
