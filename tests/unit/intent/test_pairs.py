"""Pairs in words: what is surely read is written and passes the gate, everything else about a pair is asked about, and code that does otherwise than its rule is found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from stratforge.ai.draft import AnswerKind
from stratforge.intent.rotation.pairs import read_pair, read_pair_rule
from stratforge.intent.rotation.program import write_rotation
from stratforge.intent.rotation.rules import RotationRuleError, read_rotation_rule
from stratforge.intent.rotation.trial import disagreement
from stratforge.market.symbols import PORTFOLIO
from stratforge.strategy.rotation import PortfolioStrategy, compile_portfolio

from tests.support.conversations import talk
from tests.unit.intent.test_rotation_contract import ask, refused

SAID = "when KO/PEP ratio is 2 standard deviations below its 20-day mean buy KO, sell it when back at the mean"
FORMS = {
    SAID: "pair KO to PEP 20: KO below -2 until 0",
    "When the ratio of KO to PEP is two standard deviations below its 20-day mean, buy KO. Sell when it is back at the mean.": "pair KO to PEP 20: KO below -2 until 0",
    "Buy PEP when the KO/PEP ratio is more than 1.5 std devs above its 30-day moving average; sell PEP once the ratio is back at the average.": "pair KO to PEP 30: PEP above 1.5 until 0",
    "buy KO when the 20-day z-score of KO/PEP is below -2, sell it when the z-score is back above -0.5": "pair KO to PEP 20: KO below -2 until -0.5",
    "if the 60-day z-score of the ratio of GLD to SLV is above 2 then buy SLV and sell it when it is back at the mean": "pair GLD to SLV 60: SLV above 2 until 0",
    "hold KO when the KO/PEP ratio is 1.2 standard deviations below its 40-day mean, and hold PEP when it is 1.2 standard deviations above": "pair KO to PEP 40: KO below -1.2, PEP above 1.2",
}
# Each with words that are of no form, or that cannot be.
ASKED = [
    SAID.replace("2 standard", "at least 2 standard"),
    SAID.replace("20-day", "20-bar"),
    SAID.replace("20-day", "1-day"),
    SAID.replace("buy KO", "buy GLD"),
    SAID.replace("sell it when back at the mean", "sell it when it is 3 standard deviations below"),
    SAID + ", with a stop loss of 5%",
    SAID + " but never on Fridays",
    SAID.replace(", sell it when back at the mean", ""),
    SAID.replace("sell it", "sell PEP"),
    SAID.replace("KO/PEP", "KO/KO"),
    "don't " + SAID,
    "buy KO when the 20-day z-score of KO/PEP is below -2, sell it when the z-score is back below -0.5",
    "buy KO when the 20-day z-score of KO/PEP is below -2, sell it when the z-score is above -3",
    "hold KO when the KO/PEP ratio is 1.2 standard deviations below its 40-day mean, and hold KO when it is 1.2 standard deviations above",
    "hold KO when the KO/PEP ratio is 1.2 standard deviations below its 40-day mean, and hold PEP when it is 1.2 standard deviations below",
    "switch between KO and PEP by their ratio",
    "trade the spread of KO/PEP",
]


@pytest.mark.parametrize(("said", "rule"), FORMS.items())
def test_a_form_is_read_written_and_passes_the_gate(said: str, rule: str) -> None:
    pair = read_pair(said)
    assert pair is not None
    assert pair.text == rule == read_pair_rule(rule.removeprefix("pair ")).text
    passed = talk(said)
    assert passed.draft.symbol == PORTFOLIO
    assert isinstance(passed.strategy, PortfolioStrategy)
    assert set(passed.strategy.universe) == set(pair.universe)
    (first, *_) = passed.draft.requirements
    assert (first.quote, first.rules) == (said.rstrip("."), [rule])
    assert "No word of the request says this, and it is taken so: it decides daily." in passed.draft.assumptions


@pytest.mark.parametrize("said", ASKED)
def test_what_is_of_no_form_is_asked_about_and_never_written(said: str) -> None:
    assert read_pair(said) is None
    passed = talk(said)
    assert passed.strategy is None
    assert passed.draft.kind in (AnswerKind.CLARIFY, AnswerKind.DECLINE)


def test_what_becomes_far_is_bought_also_where_it_is_far_when_it_starts_and_that_is_told() -> None:
    told = "“falls”: where the ratio is as far already when it starts, it buys at once."
    assert told in talk(SAID.replace("is 2", "falls 2")).draft.assumptions
    assert told not in talk(SAID).draft.assumptions


def test_what_is_asked_about_a_pair_shows_how_it_can_be_said() -> None:
    (question,) = talk("switch between KO and PEP by their ratio").draft.questions
    assert "when the KO/PEP ratio is 2 standard deviations below its 20-day mean buy KO" in question


def test_a_pair_that_is_sold_short_is_not_written_from_words() -> None:
    passed = talk("long KO and short PEP when the KO/PEP ratio is 2 standard deviations below its 20-day mean, close it at the mean")  # fmt: skip
    assert passed.draft.kind is AnswerKind.DECLINE


@pytest.mark.parametrize("schedule", ["weekly", "monthly"])
def test_a_pair_that_stands_is_decided_at_other_times(schedule: str) -> None:
    passed = talk(SAID, f"rebalance {schedule}")
    assert isinstance(passed.strategy, PortfolioStrategy)
    assert passed.strategy.schedule.stored == schedule
    assert "pair KO to PEP 20: KO below -2 until 0" in {
        rule for each in passed.draft.requirements for rule in each.rules
    }


@pytest.mark.parametrize("change", ["use the top 5", "add GLD", "equal weights", "only when SPY is above its 200-day average"])  # fmt: skip
def test_what_a_pair_has_not_is_not_added_to_it(change: str) -> None:
    assert talk(SAID, change).strategy is None


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("FAR = -2", "FAR = -2.1"),
        ("DAYS = 20", "DAYS = 21"),
        ("pair.distance < FAR", "pair.distance > FAR"),
        ("pair.distance < FAR", "pair.distance < 0"),
        ("pair.distance >= 0", "pair.distance <= 0"),
        ("pair.distance >= 0", "pair.distance >= 1"),
        ("return cash()", 'return {"KO": 1}'),
        ('{"KO": 1}', '{"KO": 0.5}'),
        ("        return cash()", '        return cash()\n    return {"KO": 1}'),
        ("bars.close / bars.of", "bars.open / bars.of"),
        ('bars.of("PEP").close', 'bars.of("GLD").close'),
        ('bars.close / bars.of("PEP").close', 'bars.of("PEP").close / bars.close'),
        ("(ratio - ratio.rolling(DAYS).mean())", "(ratio.rolling(DAYS).mean() - ratio)"),
        (" / ratio.rolling(DAYS).std()", " / ratio"),
        ('SCHEDULE = "daily"', 'SCHEDULE = "weekly"'),
        (
            "    if pair.distance < FAR",
            '    if state.get("held", 0) > 0:\n        return cash()\n    if pair.distance < FAR',
        ),
    ],
)
def test_code_that_does_otherwise_than_its_rule_is_found(there: str, instead: str) -> None:
    source = write_rotation([read_rotation_rule(FORMS[SAID]), read_rotation_rule("rebalance daily")]).source
    assert source.count(there) == 1
    right, wrong = compile_portfolio(source), compile_portfolio(source.replace(there, instead))
    assert disagreement(right, right) is None
    assert disagreement(wrong, right) is not None


def test_another_way_of_writing_the_same_passes() -> None:
    source = write_rotation([read_rotation_rule(FORMS[SAID]), read_rotation_rule("rebalance daily")]).source
    another = source.replace("pair.distance < FAR", "-pair.distance > 2").replace("FAR = -2\n", "")
    assert disagreement(compile_portfolio(another), compile_portfolio(source)) is None


def test_a_rule_that_says_another_thing_than_the_words_is_found() -> None:
    def turn(answer: dict[str, Any]) -> None:
        for each in answer["requirements"]:
            each["rules"] = [rule.replace("until 0", "until 1") for rule in each["rules"]]
        answer["python_code"] = str(answer["python_code"]).replace("pair.distance >= 0", "pair.distance >= 1")

    from simulators.gemini.author import write_answer

    answer = write_answer([SAID])
    turn(answer)
    assert "The request says “pair KO to PEP 20: KO below -2 until 0”" in refused(SAID, answer)
    assert ask(SAID).strategy is not None


@pytest.mark.parametrize(
    "rule",
    [
        "pair KO to KO 20: KO below -2 until 0",
        "pair KO to PEP 1: KO below -2 until 0",
        "pair KO to PEP 20: GLD below -2 until 0",
        "pair KO to PEP 20: KO below -2 until -3",
        "pair KO to PEP 20: KO above 2 until 3",
        "pair KO to PEP 20: KO below -2, KO above 2",
        "pair KO to PEP 20: KO below -2, PEP below 2",
        "pair KO to PEP 20: KO below -2, PEP above -3",
        "pair KO to PEP 20: KO below -2",
        "pair KO/PEP 20: KO below -2 until 0",
    ],
)
def test_what_is_no_pair_is_no_rule(rule: str) -> None:
    with pytest.raises(RotationRuleError):
        read_rotation_rule(rule)


def test_a_pair_stands_with_its_schedule_alone() -> None:
    pair = read_rotation_rule(FORMS[SAID])
    with pytest.raises(RotationRuleError, match="rebalance"):
        write_rotation([pair])
    with pytest.raises(RotationRuleError, match="weights"):
        write_rotation([pair, *map(read_rotation_rule, ("rebalance daily", "weights equal"))])


def test_its_numbers_are_those_of_its_words() -> None:
    assert np.isclose(sorted(read_rotation_rule("pair KO to PEP 40: KO below -1.2, PEP above 1.5").numbers), [1.2, 1.5, 40]).all()  # fmt: skip
