"""A symbol in a conversation, under attack: models that move a strategy by a word of their own, and going back to what cannot be gone back to."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
from stratforge.ai.prompts import REPAIR
from stratforge.ai.quant import Drafted, Turn
from stratforge.application import strategies as application
from stratforge.application.access import Caller
from stratforge.application.idempotency import RequestKey
from stratforge.application.jobs.results import OpenQuestions, WrittenStrategy
from stratforge.application.strategies import NewStrategy, StrategyChange
from stratforge.intent.requirements import Requirement, Status
from stratforge.storage.postgres.database import Database

from tests.integration.test_assistant import run
from tests.integration.test_questions_about_data import Author, said, strategy_of
from tests.integration.test_symbols_in_conversation import stored
from tests.support.ledger import person
from tests.support.rotating import MONTHLY


class Sly(Author):
    """A model that writes what is asked, and adds a requirement of its own that says another symbol."""

    def __init__(self, quote: str, status: Status, rule: str = "symbol TSLA", symbol: str = "TSLA") -> None:
        super().__init__()
        self.quote, self.status, self.rule, self.symbol = quote, status, rule, symbol

    def draft(self, system: str, turns: list[Turn], heard: Callable[[str], None]) -> Drafted:
        """The offline author's draft of the request, moved."""
        first = next((at for at, each in enumerate(turns) if at and each.text.startswith(REPAIR)), len(turns))
        found = super().draft(system, turns[:first], heard).draft
        mine = Requirement(quote=self.quote, meaning="It trades TSLA", status=self.status, rules=[self.rule], lines=[1])
        update = {"symbol": self.symbol, "requirements": [*found.requirements, mine], "assumptions": [*found.assumptions, f"“{self.quote}” is read as TSLA."]}  # fmt: skip
        return Drafted(found.model_copy(update=update), 10)


@pytest.mark.parametrize(
    ("quote", "status", "rule", "symbol"),
    [
        ("add a 2% stop", Status.COVERED, "symbol TSLA", "TSLA"),
        ("add a 2% stop", Status.ASSUMED, "symbol TSLA", "TSLA"),
        ("stop", Status.ASSUMED, "symbol TSLA", "TSLA"),
        ("2%", Status.COVERED, "symbol TSLA", "TSLA"),
        ("add a 2% stop", Status.ASSUMED, "symbol AAPL", "TSLA"),
        ("a 2% stop", Status.ASSUMED, "symbol aapl", "TSLA"),
    ],
)
def test_no_quotation_that_names_nothing_moves_a_strategy(
    database: Database, quote: str, status: Status, rule: str, symbol: str
) -> None:
    user = person(database, "ada")
    strategy_id = strategy_of(database, user)
    run(database, user, Sly(quote, status, rule, symbol), "add a 2% stop", strategy_id=str(strategy_id))
    assert stored(database, strategy_id).symbol == "AAPL"


def test_a_symbol_beside_undo_is_not_dropped_without_a_word(database: Database) -> None:
    user = person(database, "ada")
    strategy_id = strategy_of(database, user)
    assert isinstance(said(database, user, "add a 2% stop", strategy_id=str(strategy_id)), WrittenStrategy)
    job = run(database, user, Author(), "undo", strategy_id=str(strategy_id), symbol="MSFT")
    assert job.error is not None, job.result
    assert "MSFT" in job.error["message"]


def test_going_back_to_code_that_is_in_the_language_no_more_is_answered(database: Database) -> None:
    user = person(database, "ada")
    strategy_id = strategy_of(database, user)
    assert isinstance(said(database, user, "add a 2% stop", strategy_id=str(strategy_id)), WrittenStrategy)
    with database.transaction() as connection:
        connection.execute("UPDATE strategy_versions SET python_code = 'import os' WHERE version = 1")
    job = run(database, user, Author(), "undo", strategy_id=str(strategy_id))
    assert job.finished
    assert stored(database, strategy_id).version == 2


def test_a_portfolio_and_a_strategy_of_one_symbol_take_each_others_place_and_come_back(database: Database) -> None:
    ada = Caller(person(database, "ada"))
    strategy_id = strategy_of(database, ada.user_id)
    moved = application.change_strategy(database, ada, strategy_id, StrategyChange(python_code=MONTHLY))
    assert moved.symbol == "PORTFOLIO"
    back = said(database, ada.user_id, "undo", strategy_id=str(strategy_id))
    assert isinstance(back, WrittenStrategy)
    assert (back.symbol, stored(database, strategy_id).symbol) == ("AAPL", "AAPL")
    again = said(database, ada.user_id, "back to version 2", strategy_id=str(strategy_id))
    assert isinstance(again, WrittenStrategy)
    assert (again.symbol, stored(database, strategy_id).symbol) == ("PORTFOLIO", "PORTFOLIO")


def test_a_portfolio_is_given_no_symbol_without_a_word(database: Database) -> None:
    ada = Caller(person(database, "ada"))
    made = application.store_strategy(database, ada, NewStrategy(name="R", python_code=MONTHLY), RequestKey(None, b""))
    assert made.symbol == "PORTFOLIO"
    changed = application.change_strategy(database, ada, made.strategy_id, StrategyChange(symbol="MSFT"))
    assert (changed.symbol, changed.version) == ("PORTFOLIO", 1)


def test_nothing_changed_is_said_of_an_undo_that_changes_nothing(database: Database) -> None:
    user = person(database, "ada")
    strategy_id = strategy_of(database, user)
    found = said(database, user, "undo", strategy_id=str(strategy_id))
    assert isinstance(found, OpenQuestions)
    assert found.questions == ["Nothing changed, because there is no version before this one."]


def test_ids(database: Database) -> None:
    """Another's strategy is nobody's to change."""
    eve, ada = person(database, "eve"), person(database, "ada")
    strategy_id: UUID = strategy_of(database, ada)
    job = run(database, eve, Author(), "undo", strategy_id=str(strategy_id))
    assert job.error is not None
