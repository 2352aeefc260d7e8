"""Prices of coins that are worth a fraction of a cent, and of those that are worth a hundred thousand dollars, in answers about one's own data."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from simulators.gemini.author.questions import answer
from stratforge.ai.draft import Lookup, LookupKind
from stratforge.application.jobs.lookups import Lookups
from stratforge.storage.postgres.database import Database

from tests.support.ledger import person


@pytest.mark.parametrize(
    ("quantity", "price", "said"),
    [
        ("50000000", "0.00001234", "50,000,000 SHIB/USD at 0.00001234"),
        ("1.5", "118234.56", "1.5 SHIB/USD at 118,234.56"),
        ("2", "592.1234", "2 SHIB/USD at 592.1234"),
    ],
)
def test_a_position_is_told_with_its_price(database: Database, quantity: str, price: str, said: str) -> None:
    user = person(database, "ada")
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO positions (user_id, symbol, quantity, cost_basis, opened_at) VALUES (%s, 'SHIB/USD', %s, %s, %s)",
            (user, quantity, Decimal(quantity) * Decimal(price), datetime(2026, 3, 2, tzinfo=UTC)),
        )
    looked = Lookups(database, user, None)(Lookup(what=LookupKind.PORTFOLIO))
    assert looked["positions"][0]["average_entry_price"] == float(price)
    assert f"hold {said} " in answer("portfolio", [looked], "")


def test_a_trade_is_told_with_its_whole_price() -> None:
    row = {"side": "sell", "quantity": 12_345_678.0, "symbol": "BTC/USD", "price": 118_234.56, "at": "2026-03-03 15:31", "signal_of": None, "placed_by": "you", "profit": 3.0, "rules": [], "this_strategy": True}  # fmt: skip
    assert "sold 12,345,678 BTC/USD at 118,234.56 on" in answer("trades", [{"trades": [row]}], "")
