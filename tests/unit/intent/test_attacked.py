"""Requests and conversations by which someone else once got an answer that was silently wrong: each is asked about, or does what was meant and tells what went."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from simulators.gemini.author import write_answer
from simulators.gemini.author.conversations import findings_of
from stratforge.intent.additions import added_instead, told_of_another
from stratforge.intent.follow_ups import change_findings, open_findings, turn_questions
from stratforge.intent.gate import readings_to_tell, rules_of, words_findings
from stratforge.intent.reading.said import in_words
from stratforge.intent.reading.unsure import questions_about, several_of
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rules import read_rule

from tests.support.tiers import one_of

CASES = [json.loads(each) for each in Path(__file__).with_name("attacked.jsonl").read_text("utf-8").splitlines()]
RSI = "ta.rsi(bars.close, length=14)"
BEFORE = (f"buy when {RSI} < 30", f"sell when {RSI} > 70", "size 10 shares")


@pytest.mark.parametrize("case", one_of(5, CASES, lambda each: " | ".join(each["turns"])[-70:]))
def test_it_is_asked_about_or_right_and_told(case: dict[str, Any]) -> None:
    """What was asked here stays asked, for the reason that is true; what is written has just the rules that were meant, and names what is gone."""
    turns, rules = case["turns"], case["rules"]
    answers = [write_answer(turns[: index + 1]) for index in range(len(turns))]
    answer = answers[-1]
    assert not any(case.get("untrue", "\n") in each for each in (*answer["questions"], *answer["assumptions"]))
    assert answer["symbol"] == case.get("symbol", answer["symbol"])
    if not answer["python_code"]:
        assert answer["questions"]
        assert case.get("asks", "") in " ".join(answer["questions"])
        assert not {"symbol", "timeframe"} & {*case}, "it is plain, and written"
        return
    standing = rules_of([Requirement.model_validate(each) for each in answer["requirements"]])
    assert rules is not None, "it is to be asked about"
    assert answer.get("timeframe", "1min") == case.get("timeframe", "1min")
    assert sorted(standing) == rules
    assert findings_of(turns, answers[:-1], answer) == []
    if len(turns) > 1 and answers[-2]["python_code"]:
        stood = rules_of([Requirement.model_validate(each) for each in answers[-2]["requirements"]])
        for gone in set(stood) - set(standing):
            assert f"No longer: {in_words(read_rule(gone))}." in answer["assumptions"]
    assert not any("No size was given" in each or "No symbol was named" in each for each in answer["assumptions"])


def changed(words: str, *rules: str, dropped: tuple[str, ...] = (), before: tuple[str, ...] = BEFORE) -> list[str]:
    """What the gate finds in a change, whoever wrote the answer."""
    kept = [each for each in before if each not in dropped]
    wanted = [
        Requirement(quote=words, meaning="-", status=Status.COVERED, rules=[*(f"drop {each}" for each in dropped), *rules]),
        *(Requirement(quote="", meaning="-", status=Status.KEPT, rules=[each]) for each in kept),
    ]  # fmt: skip
    standing = [read_rule(each) for each in (*kept, *rules)]
    return list(change_findings(words, wanted, standing, before, symbol="SPY"))


AT_NOON, LATE = "buy only when minute < 720", "buy only when minute >= 900"


@pytest.mark.parametrize(
    ("words", "rules", "dropped", "before"),
    [
        ("Fridays too", ("buy when weekday == 4",), (), BEFORE),
        ("on Fridays instead", ("buy when weekday == 4",), BEFORE[:1], BEFORE),
        ("also after 3pm", ("buy when minute >= 900",), (), (*BEFORE, AT_NOON)),
        ("only after 3pm", (LATE,), (), (*BEFORE, AT_NOON)),
        ("only on Fridays", ("buy only when weekday == 4",), (), (*BEFORE, "buy only when weekday == 0")),
        ("only below VWAP", ("buy only when close < ta.vwap(bars.high, bars.low, bars.close, bars.volume)",), (), (*BEFORE, "buy only when close > ta.vwap(bars.high, bars.low, bars.close, bars.volume)")),
        ("hold for 20 bars", ("sell when bars_held >= 20",), (), (*BEFORE, "sell when bars_held >= 10")),
        ("also a 3% stop", ("sell when gain <= -3",), (), (*BEFORE, "sell when gain <= -2")),
        ("no trades before 10am", ("buy only when minute >= 600",), ("buy only when minute < 900",), (*BEFORE, "buy only when minute < 900")),
        ("use the MACD", (), (), BEFORE),
        ("hold it till 3pm", ("sell when minute >= 900",), (), BEFORE),
    ],
)  # fmt: skip
def test_the_gate_asks_whoever_wrote_the_answer(
    words: str, rules: tuple[str, ...], dropped: tuple[str, ...], before: tuple[str, ...]
) -> None:
    assert changed(words, *rules, dropped=dropped, before=before)


@pytest.mark.parametrize(
    ("words", "rules", "dropped", "before"),
    [
        ("only after 3pm", (LATE,), (AT_NOON,), (*BEFORE, AT_NOON)),
        ("only on Fridays", ("buy only when weekday == 4",), (), BEFORE),
        ("no trades before 10am", ("buy only when minute >= 600",), (), (*BEFORE, "buy only when minute < 900")),
        ("hold for 20 bars", ("sell when bars_held >= 20",), ("sell when bars_held >= 10",), (*BEFORE, "sell when bars_held >= 10")),
        ("sell at 3pm", ("sell when minute >= 900", "buy only when minute < 900"), (), BEFORE),
        ("thanks", (), (), BEFORE),
        ("a 2% stop", ("sell when gain <= -2",), (), BEFORE),
    ],
)  # fmt: skip
def test_the_gate_lets_a_plain_change_pass(
    words: str, rules: tuple[str, ...], dropped: tuple[str, ...], before: tuple[str, ...]
) -> None:
    assert changed(words, *rules, dropped=dropped, before=before) == []


@pytest.mark.parametrize(
    "turn", ["also QQQ", "but also QQQ", "and QQQ", "QQQ as well", "buy QQQ too", "QQQ", "20 shares?"]
)
def test_one_more_symbol_and_a_question_are_asked_about(turn: str) -> None:
    assert list(turn_questions(turn, stands=True))


@pytest.mark.parametrize(
    "turn",
    ["let's do MSFT too", "add MSFT", "and MSFT as well", "auch MSFT", "do the same for Microsoft", "Also, MSFT", "both AAPL and MSFT", "mit MSFT dazu", "también MSFT", "MSFT aussi"],
)  # fmt: skip
def test_the_gate_lets_nobody_move_a_strategy_by_words_of_addition(turn: str) -> None:
    wanted = [Requirement(quote=turn, meaning="it trades MSFT", status=Status.COVERED, rules=["symbol MSFT"])]
    wanted += [Requirement(quote="", meaning="-", status=Status.KEPT, rules=[each]) for each in BEFORE]
    found = words_findings(turn, wanted, whole=False, symbol="MSFT", before=BEFORE, traded="AAPL")
    assert any("should it trade MSFT in the place of AAPL" in each for each in found)


@pytest.mark.parametrize(
    "turn",
    ["trade MSFT", "use MSFT and also add a 2% stop", "MSFT instead", "switch to MSFT too instead", "make it MSFT, and sell as well at 15:50"],
)  # fmt: skip
def test_words_that_add_something_else_move_a_strategy(turn: str) -> None:
    assert list(added_instead(turn, (), "MSFT", "AAPL")) == []


def test_nobody_is_told_of_a_symbol_that_is_not_traded() -> None:
    assert list(told_of_another(["Changed: it trades QQQ.", "Changed: it trades SPY."], "SPY"))
    assert list(told_of_another(["Changed: it trades SPY.", "it trades QQQ no more"], "SPY")) == []


@pytest.mark.parametrize("turn", ["use QQQ", "buy when RSI is below 20", "also on Fridays", "can you make it 20 shares?", "OK", "also RSI"])  # fmt: skip
def test_other_words_are_not_taken_for_one_more_symbol(turn: str) -> None:
    assert list(turn_questions(turn, stands=True)) == []


def test_a_strategy_that_can_never_buy_is_asked_about_in_one_turn_too() -> None:
    words = "Buy AAPL when RSI is below 30 and above 40, sell when RSI is above 70"
    wanted = [Requirement(quote=words, meaning="-", status=Status.ASSUMED, rules=[f"buy when {RSI} < 30 and {RSI} > 40", f"sell when {RSI} > 70"])]  # fmt: skip
    assert any("could never buy" in each for each in words_findings(words, wanted, [words], symbol="AAPL"))


def test_an_open_turn_is_not_forgotten() -> None:
    first = "Buy 10 SPY below 400, sell above 410."
    wanted = [
        Requirement(quote=first, meaning="nothing more", status=Status.ASSUMED),
        Requirement(quote="buy before noon", meaning="-", status=Status.COVERED, rules=["buy when minute < 720"]),
    ]
    told = [
        "No size was given: the session's sizing rule decides.",
        "No symbol was named: AAPL is used.",
        "No rule for selling was given: it will sell when RSI(14) is at or above 30.",
    ]
    assert len(list(open_findings([first, "buy before noon"], wanted, []))) == 1
    assert len(list(open_findings([first, "buy before noon"], wanted, told))) == 4
    assert list(open_findings([first, "Buy 10 SPY when RSI < 30, sell when RSI > 70"], wanted, [])) == []


def test_what_is_gone_is_named_to_the_person() -> None:
    wanted = [
        Requirement(quote="no stop", meaning="-", status=Status.COVERED, rules=["drop sell when gain <= -2"]),
        *(Requirement(quote="", meaning="-", status=Status.KEPT, rules=[each]) for each in BEFORE),
    ]
    told, _ = readings_to_tell("no stop", wanted)
    assert "No longer: sell when the position's gain in percent is at or below -2." in told


@pytest.mark.parametrize(("words", "rules"), [("change 10 to 20", ("size 10 shares", "sell when bars_held >= 10")), ("3% instead of 2%", ("sell when gain <= -2", "sell when gain >= 2"))])  # fmt: skip
def test_a_number_that_stands_for_two_things_is_asked_about(words: str, rules: tuple[str, ...]) -> None:
    assert several_of(words, rules)
    assert several_of(words, rules[:1]) == []


@pytest.mark.parametrize("words", [
    "Buy AAPL when RSI is below 30, sell when RSI is above 70, only in July if it is hot",
    "Buy AAPL when RSI is below 30 unless it is Friday, sell when RSI is above 70",
    "When RSI is below 30, buy AAPL. Sell when RSI is above 70",
    "Can you buy AAPL when RSI is below 30 and sell when RSI is above 70?",
    "Buy AAPL when price stays above VWAP for 5 bars, sell when RSI is above 70",
    "Buy AAPL when RSI is below 30, sell when RSI is above 70, stop loss of $50 a share",
])  # fmt: skip
def test_plain_words_bind_to_one_thing(words: str) -> None:
    assert not any("bound buying" in each or "a question" in each or "how many bars" in each or "whole position" in each for each in questions_about(words))  # fmt: skip
