"""“Why did I sell AAPL on March 3rd?” is answered from the trades of that day, whatever was traded since."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from simulators.gemini.author.questions import day_of
from stratforge.application.jobs.results import OpenQuestions
from stratforge.storage.postgres.database import Database

from tests.integration.test_questions_about_data import (
    said,
    session_of,
    store_backtest,
    store_trade,
    strategy_of,
)
from tests.support.ledger import person


def answered(database: Database, user: UUID, question: str, strategy_id: UUID | None = None) -> str:
    if strategy_id is None:
        result = said(database, user, question)
    else:
        result = said(database, user, question, strategy_id=str(strategy_id))
    assert isinstance(result, OpenQuestions), result
    return result.questions[0]


def at(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("question", "day"),
    [
        ("Why did I sell AAPL on March 3rd?", "03-03"),
        ("Why did I sell AAPL on March 3?", "03-03"),
        ("why was it sold on the 3rd of March 2026", "2026-03-03"),
        ("Why did it sell on 3 March?", "03-03"),
        ("What happened on 2026-03-03?", "2026-03-03"),
        ("Why did it lose in March 2026?", ""),
        ("Explain this trade", ""),
    ],
)
def test_the_day_of_a_question_is_read(question: str, day: str) -> None:
    assert day_of(question) == day


@pytest.mark.parametrize(
    "question",
    ["Why did I sell AAPL on March 3rd?", "Why was AAPL sold on 2026-03-03?", "Explain the trade of March 3, 2026"],
)
def test_a_trade_is_found_by_its_day_behind_those_of_later_days(database: Database, question: str) -> None:
    user = person(database, "ada")
    strategy_id = strategy_of(database, user)
    session = session_of(database, user, strategy_id)
    store_trade(database, user, session, "sell", "SIGNAL", 101, at(2026, 3, 3))
    for day in range(1, 29):
        store_trade(database, user, session, "buy", "SIGNAL", 200 + day, at(2026, 4, day))
    told = answered(database, user, question, strategy_id)
    assert "sold 10 AAPL at 101 on 2026-03-03 15:31 UTC" in told
    assert "sell when RSI(14) is above 70" in told, "the rule of the version that ran"
    assert "2026-04" not in told


def test_a_day_without_a_year_is_the_last_one_with_a_trade(database: Database) -> None:
    user = person(database, "ada")
    session = session_of(database, user, strategy_of(database, user))
    for year, price in ((2024, 90), (2025, 95)):
        store_trade(database, user, session, "sell", "STOP_LOSS", price, at(year, 3, 3))
    told = answered(database, user, "Why did I sell AAPL on March 3rd?")
    assert "at 95 on 2025-03-03" in told
    assert "2024" not in told
    assert "at 90 on 2024-03-03" in answered(database, user, "Why did I sell AAPL on March 3rd, 2024?")


def test_a_trade_of_a_late_hour_is_of_its_exchanges_day(database: Database) -> None:
    user = person(database, "ada")
    session = session_of(database, user, strategy_of(database, user))
    store_trade(database, user, session, "sell", "MANUAL", 99, datetime(2026, 3, 4, 0, 30, tzinfo=UTC))
    assert "at 99" in answered(database, user, "Why did I sell AAPL on March 3rd?")


def test_where_nothing_was_traded_live_the_backtests_trades_of_the_day_are_told(database: Database) -> None:
    user = person(database, "ada")
    strategy_id = strategy_of(database, user)
    store_backtest(database, user, strategy_id, 0.02, -0.04)
    told = answered(database, user, "Why was it sold on March 9th?", strategy_id)
    assert told.startswith("There was no live trade on 03-09. In the last backtest, on AAPL, from 100.0")
    assert "ended by a stop loss" in told
    none = answered(database, user, "Why was it sold on March 8th?", strategy_id)
    assert none.startswith("There was no trade on 03-08, neither live nor in the last backtest.")


def test_nobody_elses_trade_of_that_day_is_told(database: Database) -> None:
    ada, bob = person(database, "ada"), person(database, "bob")
    store_trade(database, ada, session_of(database, ada, strategy_of(database, ada)), "sell", "SIGNAL", 77, at(2026, 3, 3))  # fmt: skip
    told = answered(database, bob, "Why did I sell AAPL on March 3rd?")
    assert "77" not in told
    assert told.startswith("There was no trade of AAPL on 03-03")
