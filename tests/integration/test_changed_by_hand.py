"""What a person changes by hand keeps what was asked for, as far as the code still does it, and a change by words goes on from there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from simulators.gemini.author.strict import answer_by_rules
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.quant import Drafted, Turn
from stratforge.application import strategies as application
from stratforge.application.access import Caller
from stratforge.application.code_rules import Asked, rules_of_code, rules_of_version
from stratforge.application.gallery import gallery
from stratforge.application.idempotency import RequestKey
from stratforge.application.jobs.results import OpenQuestions, WrittenStrategy
from stratforge.application.strategies import NewStrategy, StrategyChange
from stratforge.intent.requirements import Requirement
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import strategies
from stratforge.storage.strategies.strategies import StoredVersion

from tests.integration.test_assistant import run
from tests.integration.test_questions_about_data import Author, said

RULE = "Buy AAPL when the 14-bar RSI is below 30. Sell when it is above 70. Stop loss at 2%."


def latest(database: Database, strategy_id: UUID) -> StoredVersion:
    with database.transaction() as connection:
        return strategies.list_versions(connection, strategy_id)[0]


def rules(version: StoredVersion) -> set[str]:
    return {rule for each in version.requirements for rule in each["rules"]}


@pytest.fixture
def written(database: Database, caller: Caller) -> UUID:
    result = said(database, caller.user_id, RULE)
    assert isinstance(result, WrittenStrategy)
    return result.strategy_id


def test_values_set_by_hand_renew_rules_chips_and_explanation(
    database: Database, caller: Caller, written: UUID
) -> None:
    application.set_parameters(database, caller, written, {"RSI_LENGTH": 7})
    found = latest(database, written)
    assert "buy when ta.rsi(bars.close, length=7) < 30" in rules(found)
    assert "sell when gain <= -2" in rules(found)
    assert "14" not in found.logic_explanation
    assert "RSI(7)" in found.logic_explanation
    bought = next(each for each in found.requirements if "buy" in each["rules"][0])
    assert bought["status"] == "assumed"
    assert "RSI_LENGTH is 7 instead of 14" in bought["meaning"]
    assert not any("14" in each for each in found.assumptions)


def test_after_values_were_set_by_hand_no_model_drops_the_stop_in_silence(
    database: Database, caller: Caller, written: UUID
) -> None:
    application.set_parameters(database, caller, written, {"RSI_LENGTH": 7})
    job = run(database, caller.user_id, WithoutStop(), "never on Fridays", strategy_id=str(written))
    assert job.error is not None
    assert any("stood before, and is gone" in each for each in job.error["findings"])


def test_the_offline_author_changes_what_was_set_by_hand(database: Database, caller: Caller, written: UUID) -> None:
    application.set_parameters(database, caller, written, {"RSI_LENGTH": 7, "STOP_LOSS_PERCENT": 3})
    changed = said(database, caller.user_id, "only on Mondays", strategy_id=str(written))
    assert isinstance(changed, WrittenStrategy)
    now = {rule for each in changed.requirements for rule in each.rules}
    assert {"buy when ta.rsi(bars.close, length=7) < 30", "sell when gain <= -3", "buy only when weekday == 0"} <= now
    described = said(database, caller.user_id, "What does it do?", strategy_id=str(written))
    assert isinstance(described, OpenQuestions)
    assert "14" not in described.questions[0]


def test_a_comment_by_hand_keeps_all_and_moves_the_lines(database: Database, caller: Caller, written: UUID) -> None:
    before = latest(database, written)
    application.change_strategy(database, caller, written, StrategyChange(python_code=f"# mine\n{before.python_code}"))
    found = latest(database, written)
    assert rules(found) == rules(before)
    assert [[line - 1 for line in each["lines"]] for each in found.requirements] == [each["lines"] for each in before.requirements]  # fmt: skip
    assert (found.logic_explanation, found.prompt, found.model) == (before.logic_explanation, None, None)


def test_what_code_does_beyond_what_was_asked_is_told_as_written(
    database: Database, caller: Caller, written: UUID
) -> None:
    asked = rules_of_code(database, caller, written)
    assert [each.rule.does for each in asked.rules if each.asked is Asked.FOR] == ["buy", "sell"]
    assert asked.beyond == []
    before = latest(database, written)
    late = "    if bar.time.hour == 15 and bar.time.minute >= 55:\n        return sell()\n"
    application.change_strategy(database, caller, written, StrategyChange(python_code=f"{before.python_code}{late}"))
    found = rules_of_code(database, caller, written)
    assert [each.rule.text for each in found.beyond] == [
        "sell everything, when the hour is equal to 15 and the minute of the hour is at or above 55"
    ]
    kept = [each.rule.text for each in found.rules if each.asked is Asked.BEFORE]
    assert kept == [each.rule.text for each in asked.rules if each.asked is Asked.FOR]
    assert rules_of_code(database, caller, written, before.version) == asked


def test_what_was_kept_without_its_lines_counts_as_asked_for_before(
    database: Database, caller: Caller, written: UUID
) -> None:
    first = latest(database, written)
    said(database, caller.user_id, "only on Mondays", strategy_id=str(written))
    second = latest(database, written)
    # As models answer that repeat no line of what they keep.
    kept = [{**each, "lines": [] if each["status"] == "kept" else each["lines"]} for each in second.requirements]
    found = rules_of_version(replace(second, requirements=kept), [first])
    assert {each.rule.does: each.asked for each in found.rules} == {"buy": Asked.FOR, "sell": Asked.BEFORE}
    assert found.beyond == []


def test_an_earlier_version_that_is_not_in_the_language_any_more_hides_no_rule_of_this_one(
    database: Database, caller: Caller, written: UUID
) -> None:
    first = latest(database, written)
    old = replace(first, python_code="def on_bar(bar, position, state):\n    return trade(bar)\n")
    found = rules_of_version(replace(first, requirements=[]), [old])
    assert [(each.rule.does, each.asked) for each in found.rules] == [("buy", Asked.WRITTEN), ("sell", Asked.WRITTEN)]
    assert rules_of_version(replace(first, requirements=[]), [old, first]).beyond == []


def test_code_that_does_something_else_keeps_no_word_of_what_it_was(
    database: Database, caller: Caller, written: UUID
) -> None:
    code = latest(database, written).python_code.replace("ta.rsi", "ta.mfi").replace("bars.close, ", "bars.high, bars.low, bars.close, bars.volume, ")  # fmt: skip
    application.change_strategy(database, caller, written, StrategyChange(python_code=code))
    found = latest(database, written)
    assert (found.requirements, found.logic_explanation, found.assumptions) == ([], "", [])
    application.change_strategy(database, caller, written, StrategyChange(python_code=f"# mine\n{code}", logic_explanation="By money flow."))  # fmt: skip
    assert latest(database, written).logic_explanation == "By money flow."


def test_another_symbol_by_hand_is_a_version_that_keeps_the_rules(
    database: Database, caller: Caller, written: UUID
) -> None:
    before = latest(database, written)
    application.change_strategy(database, caller, written, StrategyChange(symbol="TSLA"))
    found = latest(database, written)
    assert (found.version, found.symbol, rules(found)) == (2, "TSLA", rules(before))
    changed = said(database, caller.user_id, "never on Fridays", strategy_id=str(written))
    assert isinstance(changed, WrittenStrategy)
    assert changed.symbol == "TSLA"
    restored = application.restore_version(database, caller, written, 1)
    assert (restored.symbol, restored.version) == ("AAPL", 4)


def test_a_copy_is_described_as_what_it_was_copied_from(database: Database, caller: Caller, written: UUID) -> None:
    copy = application.duplicate_strategy(database, caller, written, RequestKey(None, b""))
    assert rules(latest(database, copy.strategy_id)) == rules(latest(database, written))


@pytest.fixture
def copied(database: Database, caller: Caller) -> UUID:
    found = next(each for each in gallery().strategies if "LENGTH" in each.code)
    new = NewStrategy(name=found.name, symbol="MSFT", python_code=found.code, logic_explanation=found.idea)
    return application.store_strategy(database, caller, new, RequestKey(None, b"")).strategy_id


def test_values_of_code_without_rules_are_told_beside_its_explanation(
    database: Database, caller: Caller, copied: UUID
) -> None:
    first = latest(database, copied)
    name, value = next(iter(first.parameters.items()))
    application.set_parameters(database, caller, copied, {name: value + 1})
    application.set_parameters(database, caller, copied, {name: value + 2})
    told = latest(database, copied).logic_explanation
    assert (
        told
        == f"{first.logic_explanation}\n\nSince then changed by hand: {name} is {value + 2:g} instead of {value:g}."
    )
    application.set_parameters(database, caller, copied, {name: value})
    assert latest(database, copied).logic_explanation == first.logic_explanation


def test_the_offline_author_says_that_it_cannot_change_code_whose_rules_nobody_knows(
    database: Database, caller: Caller, copied: UUID
) -> None:
    asked = said(database, caller.user_id, "add a 2% stop", strategy_id=str(copied))
    assert isinstance(asked, OpenQuestions)
    assert "was written by hand" in asked.questions[0]
    assert latest(database, copied).version == 1


def test_what_is_told_to_the_model_of_a_change_by_hand_is_nothing_that_the_person_said(
    database: Database, caller: Caller, copied: UUID
) -> None:
    author = Author()
    said(database, caller.user_id, "add a 2% stop", author, strategy_id=str(copied))
    assert not any("written by hand" in each.text for each in author.heard if each.role == "user")
    assert [each.role for each in author.heard] == ["user", "model", "user"]


def test_a_model_that_drops_what_code_by_hand_did_is_told_of(database: Database, caller: Caller) -> None:
    code = "def on_bar(bar, position, state):\n    if position.quantity == 0 and bar.time.weekday == 0:\n        return buy()\n    if position.quantity > 0 and (bar.time.weekday == 2 or position.unrealized_return < -0.02):\n        return sell()\n"
    new = NewStrategy(name="By hand", symbol="AAPL", python_code=code, logic_explanation="")
    made = application.store_strategy(database, caller, new, RequestKey(None, b""))
    changed = said(database, caller.user_id, "buy on Tuesdays too", Forgets(), strategy_id=str(made.strategy_id))
    assert isinstance(changed, WrittenStrategy), changed
    assert "It holds in places where the code before sold." in changed.assumptions
    assert "It buys in places where the code before did not." in changed.assumptions


class WithoutStop(Author):
    """A model that loses the stop with every change."""

    def draft(self, system: str, turns: list[Turn], heard: Callable[[str], None]) -> Drafted:
        """The change, written as if no stop had stood."""
        first = next(at for at, each in enumerate(turns) if each.text.endswith('"never on Fridays"'))
        found = super().draft(system, turns[: first + 1], heard).draft
        left = [
            each.model_dump(mode="json")
            for each in found.requirements
            if not any("gain" in rule for rule in each.rules)
        ]
        rules = [rule for each in left for rule in each["rules"]]
        return Drafted(StrategyDraft.model_validate(answer_by_rules(rules, left, "AAPL", found.assumptions)), 10)


class Forgets(Author):
    """A model that forgets the stop of code whose rules nobody knows."""

    def draft(self, system: str, turns: list[Turn], heard: Callable[[str], None]) -> Drafted:
        """A change that leaves the stop out."""
        code = "def on_bar(bar, position, state):\n    if position.quantity == 0 and (bar.time.weekday == 0 or bar.time.weekday == 1):\n        return buy()\n    if position.quantity > 0 and bar.time.weekday == 2:\n        return sell()\n"
        asked = Requirement(quote="buy on Tuesdays too", meaning="buys on Tuesdays", status="covered", rules=["buy when weekday == 1"], lines=[2])  # fmt: skip
        kept = [Requirement(quote="", meaning="from before", status="kept", rules=[each], lines=[]) for each in ("buy when weekday == 0", "sell when weekday == 2")]  # fmt: skip
        draft = StrategyDraft(name="x", symbol="AAPL", python_code=code, logic_explanation="Buys on Mondays (0) and Tuesdays (1), sells on Wednesdays (2).", requirements=[asked, *kept], assumptions=["Mondays and Tuesdays, weekdays 0 and 1; sold on Wednesdays, weekday 2."])  # fmt: skip
        return Drafted(draft, 10)
