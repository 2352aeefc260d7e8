"""Where a strategy that goes short differs from its mirror image: what the price gains is its loss, no profit is as large as what was sold, and only whole shares are sold short."""

from __future__ import annotations

import pytest
from simulators.gemini.author.framed import write_answer
from stratforge.ai.draft import AnswerKind, StrategyDraft
from stratforge.ai.drafting import _examine
from stratforge.ai.prompts import Request
from stratforge.ai.trading_symbol import TradingSymbol

from tests.unit.ai.test_short_drafts import CODE, WORDS, answer, judged, requirement, said

SHORT = "Short AAPL when RSI(14) is above 70. "


def written(words: str) -> StrategyDraft:
    """What the offline author answers, once the gate has told it."""
    draft = StrategyDraft.model_validate(write_answer([words]))
    if draft.kind is not AnswerKind.STRATEGY:
        return draft
    found, _, findings = _examine(draft, Request(words, whole=True), TradingSymbol(), lambda _: None)
    assert findings == []
    return found


@pytest.mark.parametrize(
    "words",
    ["when AAPL gains 2%", "when the price gains 2%", "when it gains 2%", "when the stock loses 3%", "when AAPL has lost 3%", "when it loses 3%", "when the market gains 2%"],
)  # fmt: skip
def test_what_the_price_gains_is_asked_about(words: str) -> None:
    assert written(f"{SHORT}Cover {words}.").kind is not AnswerKind.STRATEGY


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ("or when AAPL gains 3%", "cover when gain >= 3"),
        ("or when the stock loses 3%", "cover when gain <= -3"),
        ("or at a price gain of 3%", "cover when gain >= 3"),
        ("or at a loss of 3% in the stock", "cover when gain <= -3"),
    ],
)
def test_nobody_reads_a_gain_of_the_price_as_one_of_the_position(words: str, rule: str) -> None:
    sign = ("<= -0.03", ">= 0.03") if ">=" in rule else ("<= -0.03", "<= -0.03")
    assert any("profit or a loss of the position" in each for each in judged(*said(words, [rule], words, *sign)))


@pytest.mark.parametrize("words", ["at a profit of 2%", "at a loss of 3%", "at a 3% loss", "with a gain of 2%"])
def test_a_profit_and_a_loss_are_those_of_the_position(words: str) -> None:
    assert written(f"{SHORT}Cover {words}.").kind is AnswerKind.STRATEGY


@pytest.mark.parametrize("words", ["Cover at a profit of 150%.", "Cover at a profit of 100%.", "Take profit at 120%. Cover when RSI(14) is below 50."])  # fmt: skip
def test_a_profit_that_no_short_position_makes_is_asked_about(words: str) -> None:
    asked = written(SHORT + words)
    assert asked.kind is not AnswerKind.STRATEGY
    assert "never makes that" in asked.questions[0]


def test_a_target_that_is_never_reached_does_not_pass() -> None:
    words = WORDS.replace("take profit of 5%", "take profit of 150%")
    requirements = [each.model_dump() for each in answer().requirements]
    requirements[3] = requirement("with a take profit of 150%", ["take profit 150%"], [7])
    draft = answer(python_code=CODE.replace("0.05", "1.5"), requirements=requirements)
    assert any("never makes that" in each for each in judged(draft, words))


def test_parts_of_shares_are_asked_about_and_what_is_cut_off_is_told() -> None:
    asked = written(f"{SHORT}Cover when RSI(14) is below 50. Short 2.5 shares.")
    assert asked.kind is not AnswerKind.STRATEGY
    assert "whole shares" in asked.questions[0]
    for words in ("Cover when RSI(14) is below 50. Short $50 each time.", "Cover half at a profit of 2%, the rest when RSI(14) is below 40."):  # fmt: skip
        assert any("Only whole shares are sold short" in each for each in written(SHORT + words).assumptions)
    assert not any("whole shares" in each for each in written(f"{SHORT}Cover when RSI(14) is below 50.").assumptions)


@pytest.mark.parametrize("first", ['state["entry"] == 0', 'state.get("held", 0) == 0'])
@pytest.mark.parametrize(
    ("words", "rule", "condition"),
    [
        ("at a profit of 2%", "cover when gain >= 2", 'bar.close >= state["entry"] * 1.02'),
        ("at a loss of 3%", "cover when gain <= -3", 'bar.close <= state["entry"] * 0.97'),
    ],
)
def test_a_profit_of_the_mirror_image_is_not_measured_by_a_price_that_is_remembered(
    words: str, rule: str, condition: str, first: str
) -> None:
    """It covers where the price went the other way: at a loss of 2 %, and at a profit of 3 %."""
    code = f"""def indicators(bars):
    return {{"rsi": ta.rsi(bars.close, length=14)}}


def on_bar(bar, position, state):
    if position.quantity == 0:
        state["entry"] = 0
        state["held"] = 0
    elif {first}:
        state["held"] = 1
        opened = bar.open
        state["entry"] = opened
    if position.quantity == 0 and bar.rsi > 70:
        return short()
    if position.quantity < 0 and {condition}:
        return cover()
"""
    short = "Short AAPL when RSI(14) is above 70"
    requirements = [
        requirement(short, ["short when ta.rsi(bars.close, length=14) > 70", "symbol AAPL"], [2, 13, 14]),
        requirement(f"cover {words}", [rule], list(range(6, 17))),
    ]
    draft = answer(python_code=code, requirements=requirements, logic_explanation="It goes short when the RSI of 14 bars is above 70, and covers.")  # fmt: skip
    assert judged(draft, f"{short}, and cover {words}.")
