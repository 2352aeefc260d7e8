"""A strategy trades what its person says: the symbol changes by words, comes back with a version, and is asked about where it cannot be traded."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from stratforge.ai.quant import Drafted, Turn
from stratforge.application.jobs.results import OpenQuestions, WrittenStrategy
from stratforge.storage.postgres.database import Database
from stratforge.storage.postgres.pages import Page
from stratforge.storage.strategies import jobs, strategies
from stratforge.storage.strategies.jobs import JobKind

from tests.integration.test_assistant import run
from tests.integration.test_questions_about_data import RULE, Author, said, strategy_of
from tests.support.ledger import person

PLAIN = "Buy when the RSI is below 30 and sell when it is above 70"


def stored(database: Database, strategy_id: UUID) -> strategies.StoredStrategy:
    with database.transaction() as connection:
        found = strategies.get_strategy(connection, strategy_id)
    assert found is not None
    return found


def know(database: Database, *symbols: str) -> None:
    """Stores the broker's list of assets: these, and enough of others."""
    with database.transaction() as connection:
        for symbol in (*symbols, "IBM", "GE"):
            connection.execute(
                "INSERT INTO assets (symbol, name, asset_class, tradable, fractionable) VALUES (%s, %s, 'us_equity', true, true)",
                (symbol, symbol),
            )


class Stubborn(Author):
    """A model that repeats its first answer, whatever it is told of it."""

    def __init__(self) -> None:
        super().__init__()
        self.first: Drafted | None = None

    def draft(self, system: str, turns: list[Turn], heard: Callable[[str], None]) -> Drafted:
        """The first answer."""
        self.first = self.first or super().draft(system, turns, heard)
        return self.first


def test_a_symbol_changed_alone_is_the_next_version_and_undo_brings_the_old_one_back(database: Database) -> None:
    user = person(database, "ada")
    strategy_id = strategy_of(database, user)
    moved = said(database, user, "change AAPL to TSLA", strategy_id=str(strategy_id))
    assert isinstance(moved, WrittenStrategy)
    assert (moved.version, moved.symbol) == (2, "TSLA")
    assert stored(database, strategy_id).symbol == "TSLA"
    stopped = said(database, user, "add a 2% stop", strategy_id=str(strategy_id))
    assert isinstance(stopped, WrittenStrategy)
    assert stopped.symbol == "TSLA"
    back = said(database, user, "back to version 1", strategy_id=str(strategy_id))
    assert isinstance(back, WrittenStrategy)
    assert (back.version, back.symbol) == (4, "AAPL")
    with database.transaction() as connection:
        versions = strategies.list_versions(connection, strategy_id)
    assert [each.symbol for each in versions] == ["AAPL", "TSLA", "TSLA", "AAPL"]


def test_a_symbol_changed_with_something_else_is_what_its_requirement_says(database: Database) -> None:
    user = person(database, "ada")
    strategy_id = strategy_of(database, user)
    moved = said(database, user, "use TSLA and add a stop of 2%", strategy_id=str(strategy_id))
    assert isinstance(moved, WrittenStrategy)
    assert moved.symbol == "TSLA"
    assert "symbol TSLA" in [rule for each in moved.requirements for rule in each.rules]


class Elsewhere(Author):
    """A model that writes what is asked, for another symbol than anybody named."""

    def draft(self, system: str, turns: list[Turn], heard: Callable[[str], None]) -> Drafted:
        """The offline author's draft, moved."""
        found = super().draft(system, turns, lambda _: None)
        return Drafted(found.draft.model_copy(update={"symbol": "TSLA"}), 10)


def test_no_model_moves_a_strategy_to_a_symbol_that_nobody_asked_for(database: Database) -> None:
    user = person(database, "ada")
    strategy_id = strategy_of(database, user)
    changed = said(database, user, "add a 2% stop", Elsewhere(), strategy_id=str(strategy_id))
    assert isinstance(changed, WrittenStrategy)
    assert (changed.version, changed.symbol) == (2, "AAPL")


def test_the_symbol_beside_the_words_is_taken_where_they_name_none(database: Database) -> None:
    result = said(database, person(database, "ada"), PLAIN, symbol="MSFT")
    assert isinstance(result, WrittenStrategy)
    assert result.symbol == "MSFT"
    assert "No symbol was named: MSFT is used, as it is given." in result.assumptions


def test_a_symbol_beside_words_that_name_another_is_said_and_nothing_is_written(database: Database) -> None:
    job = run(database, person(database, "ada"), Author(), RULE, symbol="MSFT")
    assert job.error is not None
    assert "MSFT" in job.error["message"]
    assert "AAPL" in job.error["message"]
    with database.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM strategies").fetchone() == (0,)


def test_a_symbol_beside_the_words_that_cannot_be_traded_is_a_question(database: Database) -> None:
    know(database, "AAPL")
    asked = said(database, person(database, "ada"), PLAIN, symbol="ZZZZ")
    assert isinstance(asked, OpenQuestions)
    assert asked.questions == ["ZZZZ cannot be traded here. Which symbol should it be?"]


def test_a_symbol_that_cannot_be_traded_is_a_question_whatever_the_model_answers(database: Database) -> None:
    user = person(database, "ada")
    know(database, "AAPL", "MSFT")
    first = run(database, user, Stubborn(), RULE.replace("AAPL", "ZZZZ"))
    assert first.result is not None, first.error
    assert first.result["questions"] == ["ZZZZ cannot be traded here. Which symbol should it be?"]
    with database.transaction() as connection:
        job = jobs.list_jobs(connection, user, Page(1), JobKind.GENERATE)[0]
    answered = said(database, user, "MSFT", follows=str(job.job_id))
    assert isinstance(answered, WrittenStrategy), answered
    assert answered.symbol == "MSFT"


def test_a_change_to_a_symbol_that_cannot_be_traded_is_a_question(database: Database) -> None:
    user = person(database, "ada")
    strategy_id = strategy_of(database, user)
    know(database, "AAPL")
    asked = said(database, user, "change AAPL to ZZZZ", strategy_id=str(strategy_id))
    assert isinstance(asked, OpenQuestions)
    assert "ZZZZ cannot be traded here" in asked.questions[0]
    assert stored(database, strategy_id).symbol == "AAPL"
