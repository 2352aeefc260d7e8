"""A portfolio is changed in words: the offline author does what plain words say and nothing else, and the gate holds every author to them."""

from __future__ import annotations

from typing import Any

import pytest
from simulators.gemini.author import write_answer
from stratforge.ai.drafting import NotPassed
from stratforge.intent.requirements import Status
from stratforge.intent.rotation.changes import read_change
from stratforge.intent.rotation.rules import standing_rules
from stratforge.strategy.rotation import PortfolioStrategy

from tests.support.conversations import conversation_of, passed, talk

MONTHLY = "every month hold the 3 strongest of SPY, QQQ, IWM, EFA, GLD by 6-month return, equal weights"
FILTERED = f"{MONTHLY}, but only when SPY is above its 200-day average"
SIXTY = "60% SPY, 40% TLT, rebalanced quarterly"
STANDING = {"universe SPY, QQQ, IWM, EFA, GLD", "rebalance monthly", "take top 3", "rank by bars.close.pct_change(126)", "weights equal"}  # fmt: skip
MARKET = "only when SPY: bars.close > bars.close.rolling(200).mean()"


def rules_after(*turns: str) -> set[str]:
    """The rules that stand after a conversation, of a strategy that passed without a repair."""
    found = talk(*turns)
    assert isinstance(found.strategy, PortfolioStrategy), found.draft.questions
    assert found.repairs == ()
    return {each.text for each in standing_rules(found.draft.requirements)}


@pytest.mark.parametrize(
    ("words", "gone", "new"),
    [
        ("use the top 5", "take top 3", "take top 5"),
        ("make it the 2 strongest", "take top 3", "take top 2"),
        ("hold 2 instead of 3", "take top 3", "take top 2"),
        ("hold only two of them", "take top 3", "take top 2"),
        ("use the bottom 2 instead", "take top 3", "take bottom 2"),
        ("rebalance weekly", "rebalance monthly", "rebalance weekly"),
        ("every quarter, please", "rebalance monthly", "rebalance quarterly"),
        ("add TLT", "universe SPY, QQQ, IWM, EFA, GLD", "universe SPY, QQQ, IWM, EFA, GLD, TLT"),
        ("also include TLT and DBC", "universe SPY, QQQ, IWM, EFA, GLD", "universe SPY, QQQ, IWM, EFA, GLD, TLT, DBC"),
        ("remove GLD and EFA from the universe", "universe SPY, QQQ, IWM, EFA, GLD", "universe SPY, QQQ, IWM"),
        ("replace EFA with TLT", "universe SPY, QQQ, IWM, EFA, GLD", "universe SPY, QQQ, IWM, TLT, GLD"),
        ("TLT instead of EFA", "universe SPY, QQQ, IWM, EFA, GLD", "universe SPY, QQQ, IWM, TLT, GLD"),
        ("use the 3-month return instead", "rank by bars.close.pct_change(126)", "rank by bars.close.pct_change(63)"),
        ("rank by 12-month momentum", "rank by bars.close.pct_change(126)", "rank by bars.close.pct_change(252)"),
        ("weight them by inverse 1-month volatility", "weights equal", "weights inverse volatility bars.close.pct_change().rolling(21).std()"),
        ("only those above their 200-day average", None, "only where bars.close > bars.close.rolling(200).mean()"),
        ("but only when SPY is above its 200-day average", None, MARKET),
    ],
)  # fmt: skip
def test_what_is_said_changes_and_nothing_else(words: str, gone: str | None, new: str) -> None:
    assert rules_after(MONTHLY, words) == STANDING - {gone} | {new}


@pytest.mark.parametrize("words", ["remove the market filter", "drop the SPY filter", "without the filter"])
def test_a_condition_goes(words: str) -> None:
    assert rules_after(FILTERED, words) == STANDING


def test_several_changes_at_once_and_one_after_the_other() -> None:
    both = rules_after(MONTHLY, "use the top 2, rebalance every week, remove EFA and add TLT")
    assert both == {"universe SPY, QQQ, IWM, GLD, TLT", "rebalance weekly", "take top 2", "rank by bars.close.pct_change(126)", "weights equal"}  # fmt: skip
    assert rules_after(MONTHLY, "use the top 2", "rebalance every week", "remove EFA", "add TLT") == both


def test_all_of_them_are_ranked_by_nothing() -> None:
    assert rules_after(MONTHLY, "hold all of them") == {"universe SPY, QQQ, IWM, EFA, GLD", "rebalance monthly", "take all", "weights equal"}  # fmt: skip


def test_fixed_weights_go_along_with_a_symbol_and_are_asked_for_where_there_is_one_more() -> None:
    assert rules_after(SIXTY, "replace TLT with IEF") == {"universe SPY, IEF", "weights SPY 0.6, IEF 0.4", "rebalance quarterly"}  # fmt: skip
    assert "With which weights" in talk(SIXTY, "add GLD").draft.questions[0]
    assert rules_after(SIXTY, "add GLD", "equal weights") == {"universe SPY, TLT, GLD", "weights equal", "take all", "rebalance quarterly"}  # fmt: skip
    assert rules_after(SIXTY, "50% SPY, 30% TLT, 20% GLD") == {"universe SPY, TLT, GLD", "weights SPY 0.5, TLT 0.3, GLD 0.2", "rebalance quarterly"}  # fmt: skip


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("make it less risky", "“less”, “risky”"),
        ("add a 2% stop loss", "“stop”"),
        ("do not rebalance weekly", "“not”"),
        ("never hold GLD", "“never”"),
        ("use the top 5 or the top 2", "“or”"),
        ("short the 2 weakest too", "“short”"),
        ("use the top 9", "9 are to be held"),
        ("hold 4 instead of 5", "how many should be held"),
        ("remove XYZ", "XYZ is not in the universe"),
        ("replace SPY with QQQ", "Which symbol should take which one's place"),
        ("remove SPY, QQQ, IWM and EFA", "at least two symbols"),
        ("SPY, QQQ and TLT", "should they be added"),
        ("remove the filter", "no such condition"),
        ("rebalance weekly and monthly", "more than one thing about rebalance"),
    ],
)
def test_what_is_not_plain_is_asked_about_and_the_portfolio_stands(words: str, asked: str) -> None:
    found = talk(MONTHLY, words)
    assert found.strategy is None
    assert asked in " ".join(found.draft.questions)
    # What was asked about is no part of what comes after it, where that is whole by itself.
    again = talk(MONTHLY, words, "every week hold the 2 strongest of SPY, QQQ, IWM by 3-month return, equal weights")
    assert isinstance(again.strategy, PortfolioStrategy)


def test_a_person_sees_what_was_said_what_is_kept_and_what_is_no_more() -> None:
    draft = talk(MONTHLY, "use the top 5").draft
    said = {each.quote: each for each in draft.requirements if each.quote}
    assert list(said) == ["the top 5"]
    assert said["the top 5"].rules == ["drop take top 3", "take top 5"]
    assert "no longer" in said["the top 5"].meaning
    assert {rule for each in draft.requirements if each.status is Status.KEPT for rule in each.rules} == STANDING - {"take top 3"}  # fmt: skip


def without(rule: str) -> Any:
    """An answer that has lost a rule of the requirements."""
    return lambda answer: {**answer, "requirements": [each for each in answer["requirements"] if rule not in each["rules"]]}  # fmt: skip


def instead(old: str, new: str) -> Any:
    """An answer with another rule in a rule's place, and code that agrees with it."""

    def change(answer: dict[str, Any]) -> dict[str, Any]:
        other = [
            {**each, "rules": [new if rule == old else rule for rule in each["rules"]]}
            for each in answer["requirements"]
        ]
        code = answer["python_code"]
        for before, after in (("TOP = 5", "TOP = 4"), ('"monthly"', '"weekly"'), ('"GLD"]', '"GLD", "TLT"]')):
            code = code.replace(before, after) if after.split(" = ")[-1].strip('"') in new else code
        return {**answer, "requirements": other, "python_code": code, "parameters": []}

    return change


MUTATIONS: dict[str, tuple[Any, str]] = {
    "another number": (instead("take top 5", "take top 4"), "The request says “take top 5”"),
    "one more change": (instead("rebalance monthly", "rebalance weekly"), "“rebalance weekly” is called kept, and did not stand before"),
    "one more symbol": (instead("universe SPY, QQQ, IWM, EFA, GLD", "universe SPY, QQQ, IWM, EFA, GLD, TLT"), "is called kept, and did not stand before"),
    "a rule less": (without("weights equal"), "“weights equal” stood before, and is gone"),
    "nothing changed": (lambda _answer: write_answer([MONTHLY]), "no turn of the request says that"),
    "the code as it was": (lambda answer: {**answer, "python_code": write_answer([MONTHLY])["python_code"]}, "TOP = 5"),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_gate_stops_a_change_that_is_another_than_was_asked_for(name: str) -> None:
    turns = (MONTHLY, "use the top 5")
    conversation, _ = conversation_of(turns)
    change, finding = MUTATIONS[name]
    with pytest.raises(NotPassed) as stopped:
        passed(conversation, change(write_answer(turns)))
    assert finding in " ".join(stopped.value.findings)


def test_what_is_to_go_and_stands_all_the_same_is_stopped() -> None:
    turns = (FILTERED, "remove the market filter")
    conversation, last = conversation_of(turns)
    assert last is not None
    answer = last.draft.model_dump(mode="json")
    kept = [{**each, "quote": "", "status": "kept"} for each in answer["requirements"]]
    said = {"quote": turns[1], "meaning": "the filter goes", "status": "covered", "rules": [f"drop {MARKET}"], "lines": [1]}  # fmt: skip
    with pytest.raises(NotPassed) as stopped:
        passed(conversation, {**answer, "requirements": [*kept, said]})
    assert "goes, and it stands all the same" in " ".join(stopped.value.findings)


def test_words_of_a_change_that_nobody_reads_are_left_over() -> None:
    standing = standing_rules(talk(MONTHLY).draft.requirements)
    reading = read_change("use the top 5 unless it rains", standing)
    assert [each.rules for each in reading.pieces] == [("take top 5",)]
    assert reading.left == ["unless", "rains"]
    assert not reading.whole
