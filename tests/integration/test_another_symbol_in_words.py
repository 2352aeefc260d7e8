"""What another symbol does is asked for in words: the strategy that is stored looks at it, and a symbol that there is not is asked about."""

from __future__ import annotations

from stratforge.application.jobs.results import OpenQuestions, WrittenStrategy
from stratforge.storage.postgres.database import Database
from stratforge.strategy import compile_strategy

from tests.integration.test_questions_about_data import said
from tests.integration.test_symbols_in_conversation import know, stored
from tests.support.ledger import person

WORDS = "Buy AAPL when SPY is above its 200-bar average and AAPL's RSI is below 30; sell when AAPL's RSI is above 60."


def test_what_is_stored_trades_the_one_and_looks_at_the_other(database: Database) -> None:
    user = person(database, "ada")
    know(database, "AAPL", "SPY")
    written = said(database, user, WORDS)
    assert isinstance(written, WrittenStrategy), written
    assert written.symbol == "AAPL"
    assert compile_strategy(stored(database, written.strategy_id).python_code).other_symbols == ("SPY",)
    changed = said(database, user, "only on Mondays", strategy_id=str(written.strategy_id))
    assert isinstance(changed, WrittenStrategy), changed
    assert compile_strategy(changed.python_code).other_symbols == ("SPY",)
    asked = said(database, user, "sell when RSI is above 80 instead", strategy_id=str(written.strategy_id))
    assert isinstance(asked, OpenQuestions)


def test_a_symbol_to_look_at_that_there_is_not_is_asked_about(database: Database) -> None:
    user = person(database, "ada")
    know(database, "AAPL", "SPY")
    asked = said(database, user, WORDS.replace("SPY", "ZZZZ"))
    assert isinstance(asked, OpenQuestions)
    assert asked.questions == [
        "ZZZZ is not traded here, so it cannot be looked at. Please describe all of it as a new strategy, with another symbol in its place."
    ]
