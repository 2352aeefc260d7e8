"""A portfolio that is changed by hand keeps what was asked for, as far as its code still decides so, and a change by words goes on from there."""

from __future__ import annotations

from uuid import UUID

import pytest
from stratforge.application import strategies as application
from stratforge.application.access import Caller
from stratforge.application.jobs.results import OpenQuestions, WrittenStrategy
from stratforge.application.strategies import StrategyChange
from stratforge.storage.postgres.database import Database

from tests.integration.test_changed_by_hand import latest, rules
from tests.integration.test_questions_about_data import said

ROTATION = "Every month hold the 2 strongest of SPY, QQQ, IWM, EFA by 6-month return, equal weights."


@pytest.fixture
def written(database: Database, caller: Caller) -> UUID:
    result = said(database, caller.user_id, ROTATION)
    assert isinstance(result, WrittenStrategy), result
    return result.strategy_id


def changed(database: Database, ada: Caller, strategy_id: UUID, old: str, new: str) -> None:
    code = latest(database, strategy_id).python_code
    assert old in code
    application.change_strategy(database, ada, strategy_id, StrategyChange(python_code=code.replace(old, new)))


def test_values_set_by_hand_renew_rules_chips_and_explanation(
    database: Database, caller: Caller, written: UUID
) -> None:
    application.set_parameters(database, caller, written, {"TOP": 3, "RANK_LENGTH": 63})
    found = latest(database, written)
    assert {"take top 3", "rank by bars.close.pct_change(63)", "rebalance monthly"} <= rules(found)
    assert "take top 2" not in rules(found)
    (taken,) = [each for each in found.requirements if "take top 3" in each["rules"]]
    assert taken["status"] == "assumed"
    assert "TOP is 3 instead of 2" in taken["meaning"]
    assert "the 3 highest" in found.logic_explanation
    assert "126" not in found.logic_explanation


@pytest.mark.parametrize(
    ("old", "new", "rule", "gone"),
    [
        ('SCHEDULE = "monthly"', 'SCHEDULE = "weekly"', "rebalance weekly", "rebalance monthly"),
        ('"IWM", "EFA"', '"IWM", "GLD"', "universe SPY, QQQ, IWM, GLD", "universe SPY, QQQ, IWM, EFA"),
    ],
)
def test_other_times_and_symbols_by_hand_are_rules(
    database: Database, caller: Caller, written: UUID, old: str, new: str, rule: str, gone: str
) -> None:
    changed(database, caller, written, old, new)
    found = latest(database, written)
    assert rule in rules(found)
    assert gone not in rules(found)
    (renewed,) = [each for each in found.requirements if rule in each["rules"]]
    assert (renewed["status"], "changed by hand" in renewed["meaning"]) == ("assumed", True)
    told = " ".join([found.logic_explanation, *found.assumptions])
    assert "EFA" not in told or "EFA" not in old
    assert "monthly" not in told or "SCHEDULE" not in old


def test_a_comment_keeps_all_and_moves_the_lines(database: Database, caller: Caller, written: UUID) -> None:
    before = latest(database, written)
    changed(database, caller, written, "UNIVERSE", "# mine\nUNIVERSE")
    found = latest(database, written)
    assert rules(found) == rules(before)
    assert [[line - 1 for line in each["lines"]] for each in found.requirements] == [each["lines"] for each in before.requirements]  # fmt: skip
    assert (found.logic_explanation, found.assumptions) == (before.logic_explanation, before.assumptions)


def test_code_that_decides_otherwise_keeps_no_word_of_what_it_was(
    database: Database, caller: Caller, written: UUID
) -> None:
    changed(database, caller, written, ".top(", ".bottom(")
    found = latest(database, written)
    assert (found.requirements, found.logic_explanation, found.assumptions) == ([], "", [])


def test_a_change_by_words_goes_on_from_what_was_set_by_hand(database: Database, caller: Caller, written: UUID) -> None:
    application.set_parameters(database, caller, written, {"TOP": 3})
    result = said(database, caller.user_id, "rebalance weekly", strategy_id=str(written))
    assert isinstance(result, WrittenStrategy), result
    assert {"take top 3", "rebalance weekly"} <= rules(latest(database, written))
    described = said(database, caller.user_id, "What does it do?", strategy_id=str(written))
    assert isinstance(described, OpenQuestions)
    assert "3 highest" in described.questions[0]
