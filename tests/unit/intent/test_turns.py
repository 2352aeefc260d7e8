"""What was asked in a turn that a question answered is part of the request: the answer to it may not forget a word of it."""

from __future__ import annotations

import pytest
from stratforge.intent.gate import contract_findings, readings_to_tell
from stratforge.intent.requirements import Requirement, Status
from stratforge.strategy import compile_strategy

from tests.support.answers import QUOTES, REQUEST, Answer
from tests.support.tiers import one_of
from tests.unit.intent.test_mutations import LIES, SPOILED

_FIRST, _LAST = REQUEST.split(" At most ")
_LAST = f"At most {_LAST}"
RSI = "ta.rsi(bars.close, length=14)"
_OPEN = "Buy AAPL when the RSI is below 30 and sell when it is above 70"
_CODE = """\
def indicators(bars):
    return {"rsi": ta.rsi(bars.close, length=14)}


def on_bar(bar, position, state):
    if position.quantity == 0 and bar.rsi < 25:
        return buy()
    if position.quantity > 0 and bar.rsi > 70:
        return sell()
"""


def in_two_turns() -> Answer:
    """The right answer to the request of one rule of every kind, said in two turns."""
    return Answer(request=_LAST, earlier=(_FIRST,))


def corrected() -> Answer:
    """The right answer to a request whose first bound the second turn corrects."""
    return Answer(
        request="no, use 25 instead of 30",
        earlier=(_OPEN,),
        code=_CODE,
        assumptions=("“Buy AAPL when the RSI is below 30”: 25 takes the place of 30.", "The RSI looks at 14 bars."),
        requirements=[
            Requirement(
                quote="Buy AAPL when the RSI is below 30",
                meaning="as first said",
                status=Status.SUPERSEDED,
                rules=[f"buy when {RSI} < 30"],
            ),
            Requirement(
                quote="and sell when it is above 70",
                meaning="it sells",
                status=Status.COVERED,
                rules=[f"sell when {RSI} > 70"],
                lines=[2, 8, 9],
            ),
            Requirement(
                quote="no, use 25 instead of 30",
                meaning="the bound",
                status=Status.COVERED,
                rules=[f"drop buy when {RSI} < 30", f"buy when {RSI} < 25"],
                lines=[2, 6, 7],
            ),
        ],
    )


def test_a_request_in_two_turns_passes_as_in_one() -> None:
    assert in_two_turns().findings == []


_SPOILED = [each for each in SPOILED if not each.startswith(("asked for", "one quotation"))]


# In one turn each of them is tried by every run.
@pytest.mark.parametrize("name", one_of(4, _SPOILED))
def test_an_answer_that_is_spoiled_does_not_pass_in_two_turns_either(name: str) -> None:
    assert SPOILED[name](in_two_turns()).findings != []


@pytest.mark.parametrize("name", LIES)
def test_rules_that_lie_for_the_code_do_not_pass_in_two_turns_either(name: str) -> None:
    code, spoiled, rule, lie = LIES[name]
    assert in_two_turns().replace(code, spoiled).ruled(rule, lie).findings != []


@pytest.mark.parametrize(
    ("forgotten", "code"),
    [
        ("days", "and bar.time.weekday != 0"),
        ("hours", "and minute > 630"),
        ("entry", "and bar.close > bar.vwap"),
    ],
)
def test_what_the_second_answer_forgets_of_the_first_turn_is_found(forgotten: str, code: str) -> None:
    """Code, rules and explanation agree with each other, and with the last turn: only the first turn's words tell."""
    answer = in_two_turns().replace(code, "and True").without(forgotten)
    found = [each for each in answer.findings if "An earlier turn that is still open says" in each]
    assert found


def test_a_quotation_lies_in_one_turn() -> None:
    across = f"Put 20% of equity in. {_LAST.split(' per')[0]}"
    assert any(
        "no turn of the request says that" in each for each in in_two_turns().changed("size", quote=across).findings
    )


def test_what_is_said_once_and_explained_later_is_judged_together() -> None:
    first, last = "Buy AAPL when the thing is below 25 and sell when it is above 70", "I mean the RSI"
    rules = [f"buy when {RSI} < 25", f"sell when {RSI} > 70"]
    both = [
        Requirement(quote=each, meaning="by the RSI", status=Status.COVERED, rules=rules, lines=list(range(1, 10)))
        for each in (first, last)
    ]
    told = ("The RSI looks at 14 bars.",)
    assert Answer(last, _CODE, both, told, earlier=(first,)).findings == []
    wrong = [each.model_copy(update={"rules": [rules[0], f"sell when {RSI} > 60"]}) for each in both]
    assert Answer(last, _CODE.replace("> 70", "> 60"), wrong, told, earlier=(first,)).findings != []


def test_an_explicit_correction_passes() -> None:
    assert corrected().findings == []


def test_a_correction_that_the_person_is_not_told_of_does_not_pass() -> None:
    answer = corrected()
    answer.assumptions = answer.assumptions[1:]
    assert any("superseded, and assumptions does not say so" in each for each in answer.findings)


def test_nothing_is_superseded_that_no_later_turn_drops() -> None:
    answer = corrected()
    answer.requirements[2] = answer.requirements[2].model_copy(update={"rules": [f"buy when {RSI} < 25"]})
    assert any("no later turn takes it back" in each for each in answer.findings)


def test_a_condition_cannot_be_superseded_by_its_own_turn() -> None:
    answer = in_two_turns().replace("and bar.time.weekday != 0", "and True")
    answer = answer.changed("days", status=Status.SUPERSEDED, lines=[])
    answer.assumptions = (*answer.assumptions, f"“{QUOTES['days'][0]}” is left out.")
    answer.requirements = [
        each.model_copy(update={"rules": [*each.rules, "drop buy only when weekday != 0"]})
        if each.quote == QUOTES["hours"][0]
        else each
        for each in answer.requirements
    ]
    assert any("no later turn takes it back" in each for each in answer.findings)


def test_the_last_words_are_not_taken_back() -> None:
    """Of one turn alone nothing can be superseded."""
    answer = (
        Answer().replace("and bar.time.weekday != 0", "and True").changed("days", status=Status.SUPERSEDED, lines=[])
    )
    answer.assumptions = (*answer.assumptions, f"“{QUOTES['days'][0]}” is left out.")
    assert any("earlier" in each or "no later turn" in each for each in answer.findings)


def test_what_is_dropped_does_not_stand_all_the_same() -> None:
    answer = corrected()
    answer.requirements[0] = answer.requirements[0].model_copy(update={"status": Status.COVERED, "lines": [2, 6]})
    assert any("dropped, and stands all the same" in each for each in answer.findings)


def test_a_rule_that_the_words_do_not_take_away_does_not_go_without_a_word() -> None:
    """“Only when the price is above 50” is no reason to give up the exit."""
    rules = ["buy only when close > 50", f"drop sell when {RSI} > 70", "sell when bars_held >= 5"]
    code = _CODE.replace("bar.rsi > 70", "position.bars_held >= 5").replace(
        "bar.rsi < 25", "bar.rsi < 25 and bar.close > 50"
    )
    answer = Answer(
        "buy above a price of 50",
        code,
        [
            Requirement(
                quote="buy above a price of 50", meaning="a filter", status=Status.COVERED, rules=rules[:2], lines=[6]
            ),
            Requirement(quote="", meaning="an exit", status=Status.ASSUMED, rules=rules[2:], lines=[8, 9]),
            Requirement(quote="", meaning="the entry", status=Status.KEPT, rules=[f"buy when {RSI} < 25"], lines=[6]),
        ],
        ("It sells after 5 bars.",),
    )
    assert any("does not ask that" in each for each in answer.findings)


def test_what_stands_instead_of_another_rule_does_not_stand_beside_it() -> None:
    before = (f"buy when {RSI} < 25", f"sell when {RSI} > 70")
    quote = "sell only on a 1% gain instead"
    requirements = [
        Requirement(
            quote=quote, meaning="a target", status=Status.COVERED, rules=["sell when gain >= 1"], lines=[8, 9]
        ),
        *(Requirement(quote="", meaning=each, status=Status.KEPT, rules=[each], lines=[]) for each in before),
    ]
    code = _CODE.replace("bar.rsi > 70", "(bar.rsi > 70 or position.unrealized_return >= 0.01)")
    found = contract_findings(quote, requirements, compile_strategy(code), whole=False, symbol="AAPL", before=before)
    assert any("drops nothing" in each for each in found)


def moved(words: str, level: float, in_the_code: float) -> list[str]:
    """What is found in an answer to a change of the level 30 that has this level in its rule, and that one in its code."""
    before = (f"buy when {RSI} < 30", f"sell when {RSI} > 70")
    rules = [f"drop {before[0]}", f"buy when {RSI} < {level:g}"]
    requirements = [
        Requirement(quote=words, meaning="another level", status=Status.COVERED, rules=rules, lines=[2, 6, 7]),
        Requirement(quote="", meaning="the exit", status=Status.KEPT, rules=[before[1]], lines=[2, 8, 9]),
    ]
    code = _CODE.replace("< 25", f"< {in_the_code:g}")
    taken, _ = readings_to_tell(words, requirements, symbol="AAPL")
    return contract_findings(
        words, requirements, compile_strategy(code), taken, whole=False, symbol="AAPL", before=before
    )


@pytest.mark.parametrize(("words", "level"), [("lower 30 by 5", 25), ("raise 30 by 5", 35), ("reduce the RSI level by 5", 25)])  # fmt: skip
def test_a_number_that_moves_another_stands_where_what_comes_of_it_stands(words: str, level: float) -> None:
    assert moved(words, level, level) == []


@pytest.mark.parametrize(("level", "in_the_code"), [(5, 5), (5, 25), (25, 5), (35, 35), (30, 30), (25, 30), (25, 25.5)])
def test_a_number_is_not_moved_elsewhere_than_the_words_say(level: float, in_the_code: float) -> None:
    assert moved("lower 30 by 5", level, in_the_code)


def test_each_of_two_moves_goes_its_own_way() -> None:
    words = "raise 70 by 5 and lower 30 by 5"
    before = (f"buy when {RSI} < 30", f"sell when {RSI} > 70")

    def found(buys: int, sells: int) -> list[str]:
        rules = [f"drop {before[0]}", f"drop {before[1]}", f"buy when {RSI} < {buys}", f"sell when {RSI} > {sells}"]
        wanted = [Requirement(quote=words, meaning="two levels", status=Status.COVERED, rules=rules, lines=[2, *range(5, 10)])]  # fmt: skip
        code = _CODE.replace("< 25", f"< {buys}").replace("> 70", f"> {sells}")
        taken, _ = readings_to_tell(words, wanted, symbol="AAPL")
        return contract_findings(words, wanted, compile_strategy(code), taken, whole=False, symbol="AAPL", before=before)  # fmt: skip

    assert found(25, 75) == []
    assert found(35, 75)
    assert found(25, 65)
