"""The offline author writes what another symbol does where the words say whose each measure is, and asks elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from simulators.gemini.author import write_answer
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.drafting import write_strategy
from stratforge.ai.prompts import Request, first_request
from stratforge.ai.quant import Drafted, Turn
from stratforge.ai.review import review
from stratforge.intent.gate import rules_of
from stratforge.intent.reading.meaning import meaning_of
from stratforge.intent.requirements import Requirement
from stratforge.intent.rules import read_rule
from stratforge.strategy import Strategy, compile_strategy

from tests.support.conversations import talk

CASES = [
    json.loads(each)
    for each in (Path(__file__).parents[1] / "intent" / "another_symbol.jsonl").read_text("utf-8").splitlines()
]
CLEAR = [each for each in CASES if "rules" in each]
TRAPS = [each["request"] for each in CASES if "asks" in each]
STANDS = "Buy AAPL when AAPL's RSI is below 30 and SPY is above its 200 SMA. Sell when AAPL's RSI is above 60."


def rules(answer: dict[str, Any]) -> list[str]:
    return rules_of([Requirement.model_validate(each) for each in answer["requirements"]])


@pytest.mark.parametrize("case", CLEAR, ids=lambda each: each["request"][:60])
def test_a_clear_request_is_written(case: dict[str, Any]) -> None:
    answer = write_answer([case["request"]])
    assert answer["kind"] == "strategy", answer["questions"]
    assert answer["symbol"] == case["symbol"]
    assert meaning_of(map(read_rule, rules(answer))) == meaning_of(map(read_rule, case["rules"]))


@pytest.mark.parametrize("request_", TRAPS)
def test_what_leaves_open_whose_a_measure_is_is_asked_about(request_: str) -> None:
    answer = write_answer([request_])
    assert answer["kind"] in ("clarify", "decline")
    assert answer["questions"]


def test_a_name_alone_is_no_answer_to_whose_a_measure_is() -> None:
    first = "Buy AAPL when SPY is above its 200 SMA and RSI is below 30. Sell when RSI is above 60."
    assert write_answer([first, "AAPL"])["kind"] == "clarify"
    said = "Buy AAPL when SPY is above its 200 SMA and AAPL's RSI is below 30. Sell when AAPL's RSI is above 60."
    answer = write_answer([first, said])
    assert answer["kind"] == "strategy"
    assert meaning_of(map(read_rule, rules(answer))) == meaning_of(map(read_rule, rules(write_answer([said]))))


def test_what_another_symbol_does_is_added_and_taken_away() -> None:
    first = "Buy KO when KO's RSI is below 30. Sell KO when KO's RSI is above 70."
    added = write_answer([first, "only while SPY is above its 200 SMA"])
    assert "buy only when bars.of('SPY').close > ta.sma(bars.of('SPY').close, length=200)" in rules(added)
    gone = write_answer([first, "only while SPY is above its 200 SMA", "remove the SPY filter"])
    assert sorted(rules(gone)) == sorted(rules(write_answer([first])))


@pytest.mark.parametrize(
    "change",
    [
        "use QQQ instead of SPY", "sell when RSI is above 80 instead", "use 100 instead of 200", "sell when it is above 70", "make it QQQ", "remove the RSI filter", "only buy when RSI is above 20",
        "use EMA instead of SMA", "remove the QQQ filter", "only while it is above its 50 SMA", "30 instead of 60",
    ],
)  # fmt: skip
def test_a_change_that_may_be_of_either_symbol_is_asked_about(change: str) -> None:
    answer = write_answer([STANDS, change])
    assert answer["kind"] == "clarify", rules(answer)


def test_what_is_of_neither_is_changed() -> None:
    answer = write_answer([STANDS, "add a 2% stop loss"])
    assert "stop loss 2%" in rules(answer)
    assert len(rules(answer)) == len(rules(write_answer([STANDS]))) + 1


def test_what_is_written_passes_the_product_s_gates_turn_by_turn() -> None:
    passed = talk("Buy KO when KO's RSI is below 30. Sell KO when KO's RSI is above 70.", "only while SPY is above its 200 SMA")  # fmt: skip
    assert isinstance(passed.strategy, Strategy)
    assert passed.strategy.other_symbols == ("SPY",)


def test_a_symbol_that_is_looked_at_has_to_exist() -> None:
    draft = StrategyDraft.model_validate(write_answer([STANDS]))

    def check(symbol: str) -> list[str]:
        return [f"symbol: {symbol} cannot be traded here. Use another."] if symbol == "SPY" else []

    conversation = [Turn("user", first_request(STANDS))]
    passed = write_strategy(lambda _system, _turns: Drafted(draft, 1), conversation, lambda _: None, check)
    assert passed.strategy is None
    (asked,) = passed.draft.questions
    assert asked == "SPY is not traded here, so it cannot be looked at. Please describe all of it as a new strategy, with another symbol in its place."  # fmt: skip
    # The offline author asks the same.
    assert write_answer([STANDS], frozenset({"SPY"}))["questions"] == [asked]
    assert write_answer([STANDS.replace("SPY", "QQQ")], frozenset({"SPY"}))["kind"] == "strategy"


def test_of_two_symbols_the_one_that_is_bought_cannot_be_traded() -> None:
    (asked,) = write_answer([STANDS], frozenset({"AAPL"}))["questions"]
    assert asked == "AAPL cannot be traded here. Please describe all of it as a new strategy, with another symbol in its place."  # fmt: skip
    assert write_answer([STANDS.replace("AAPL", "MSFT")], frozenset({"AAPL"}))["symbol"] == "MSFT"


@pytest.mark.parametrize(
    ("put", "finding"), [("QQQ", "does not say what SPY decides"), ("SPY and QQQ", "speaks of QQQ")]
)
def test_an_explanation_names_the_symbol_that_the_code_looks_at(put: str, finding: str) -> None:
    draft = StrategyDraft.model_validate(write_answer([STANDS]))
    strategy, request = compile_strategy(draft.python_code), Request(STANDS, whole=True)
    assert review(draft, strategy, request) == []
    other = draft.model_copy(update={"logic_explanation": draft.logic_explanation.replace("SPY", put)})
    assert any(finding in each for each in review(other, strategy, request))
