"""A strategy that only goes short passes the contract where its code does what the words say, and nothing passes that does not."""

from __future__ import annotations

from typing import Any

import pytest
from simulators.gemini.author.framed import write_answer
from stratforge.ai.draft import AnswerKind, StrategyDraft
from stratforge.ai.drafting import _examine
from stratforge.ai.prompts import Request
from stratforge.ai.trading_symbol import TradingSymbol
from stratforge.intent.carried import carried, explained
from stratforge.intent.requirements import Status
from stratforge.intent.shorts import as_bought, as_short, code_as_bought, code_as_short, quoted
from stratforge.strategy import Strategy, compile_strategy
from stratforge.strategy.constants import with_constants

RSI = "ta.rsi(bars.close, length=14)"
WORDS = "Short AAPL when RSI(14) is above 70, and cover when RSI(14) is below 50 or at a loss of 3%, with a take profit of 5%."
CODE = """def indicators(bars):
    return {"rsi": ta.rsi(bars.close, length=14)}


def on_bar(bar, position, state):
    if position.quantity == 0 and bar.rsi > 70:
        return short(take_profit=0.05)
    if position.quantity < 0 and (bar.rsi < 50 or position.unrealized_return <= -0.03):
        return cover()
"""


def requirement(quote: str, rules: list[str], lines: list[int]) -> dict[str, Any]:
    """One that is covered."""
    return {"quote": quote, "meaning": quote, "status": "covered", "rules": rules, "lines": lines}


def answer(**other: object) -> StrategyDraft:
    """The right answer, but for what is given."""
    requirements = [
        requirement("Short AAPL when RSI(14) is above 70", [f"short when {RSI} > 70", "symbol AAPL"], [2, 6, 7]),
        requirement("and cover when RSI(14) is below 50", [f"cover when {RSI} < 50"], [2, 8, 9]),
        requirement("or at a loss of 3%", ["cover when gain <= -3"], [8, 9]),
        requirement("with a take profit of 5%", ["take profit 5%"], [7]),
    ]
    explained = "It goes short when the RSI of 14 bars is above 70, with a target of 5 %, and covers when the RSI is below 50 or at a loss of 3 %."
    draft = {"kind": "strategy", "name": "RSI", "symbol": "AAPL", "python_code": CODE, "logic_explanation": explained, "requirements": requirements}  # fmt: skip
    return StrategyDraft.model_validate({**draft, **other})


def judged(draft: StrategyDraft, words: str = WORDS, **more: Any) -> list[str]:
    """What the gate finds."""
    request = Request(words, **{"whole": True, **more})
    return _examine(draft, request, TradingSymbol(), lambda _: None)[2]


def spoilt(old: str, new: str) -> StrategyDraft:
    """The answer with other code."""
    assert old in CODE
    return answer(python_code=CODE.replace(old, new))


def said(quote: str, rules: list[str], words: str, old: str, new: str) -> tuple[StrategyDraft, str]:
    """The answer to other words, of which one requirement is another, with other code."""
    draft = spoilt(old, new)
    requirements = [each.model_dump() for each in draft.requirements]
    requirements[2] = requirement(quote, rules, [7, 8, 9])
    return draft.model_copy(update={"requirements": answer(requirements=requirements).requirements}), WORDS.replace("or at a loss of 3%", words)  # fmt: skip


def test_the_right_answer_passes_in_its_own_words() -> None:
    draft, strategy, findings = _examine(answer(), Request(WORDS, whole=True), TradingSymbol(), lambda _: None)
    assert findings == []
    assert isinstance(strategy, Strategy)
    assert strategy.shorts
    assert draft.python_code == CODE
    assert draft.requirements[0].rules == [f"short when {RSI} > 70", "symbol AAPL"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("> 70", "> 71"),
        ("> 70", "< 70"),
        ("< 50", "< 45"),
        ("-0.03", "-0.04"),
        ("<= -0.03", ">= 0.03"),
        ("take_profit=0.05", "take_profit=0.06"),
        ("take_profit=0.05", "stop_loss=0.05"),
        ("take_profit=0.05", "take_profit=0.05, fraction=0.5"),
        ("return short(", "return adjust("),
        ("return cover()", "return cover(fraction=0.5)"),
        ("position.quantity < 0", "position.quantity > 0"),
        (" or position.unrealized_return <= -0.03", ""),
        ("position.quantity == 0 and ", "position.quantity == 0 and bar.time.weekday != 0 and "),
        ("return cover()", "return buy()"),
        ("short(take_profit=0.05)", "short(take_profit_price=bar.close * 0.95)"),
        ("position.unrealized_return <= -0.03", "bar.close >= position.average_entry_price * 1.03"),
    ],
)
def test_code_that_does_otherwise_does_not_pass(old: str, new: str) -> None:
    assert judged(spoilt(old, new))


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        ("or if it rises 3%", ["cover when gain <= -3"]),
        ("or if it falls 3%", ["cover when gain <= -3"]),
        ("or when it is down 3% on the position", ["cover when gain <= -3"]),
        ("or 3% above entry", ["cover when gain <= -3"]),
        ("or 3% below my entry price", ["cover when gain <= -3"]),
        ("or 3% against me", ["cover when gain <= -3"]),
    ],
)
def test_a_way_of_the_price_is_no_profit_and_no_loss_of_a_short_position(words: str, rules: list[str]) -> None:
    """In the mirror image 3 % below the entry is a loss; of a short position it is a profit."""
    assert judged(*said(words, rules, words, "5", "5"))


@pytest.mark.parametrize(
    ("words", "rules", "old", "new"),
    [
        (
            "or with a stop loss 3% below entry",
            ["stop loss 3%"],
            "take_profit=0.05",
            "take_profit=0.05, stop_loss=0.03",
        ),
        ("or at the highest high of the day", ["cover when close >= day_high"], "5", "5"),
        ("or 3% under its best price", ["cover when drop >= 3"], "5", "5"),
    ],
)
def test_what_is_measured_by_the_price_of_the_position_is_not_judged(
    words: str, rules: list[str], old: str, new: str
) -> None:
    assert judged(*said(words, rules, words, old, new))


@pytest.mark.parametrize(
    ("words", "more", "symbol"),
    [
        (WORDS.replace("Short", "Buy"), {}, "AAPL"),
        (WORDS + " Buy it when RSI is below 20.", {}, "AAPL"),
        (WORDS, {"whole": False}, "AAPL"),
        (WORDS.replace("AAPL", "BTC/USD"), {}, "BTC/USD"),
    ],
)
def test_long_ones_changes_and_coins_are_not_written(words: str, more: dict[str, Any], symbol: str) -> None:
    draft = answer(symbol=symbol)
    if symbol != "AAPL":
        draft = StrategyDraft.model_validate_json(draft.model_dump_json().replace("AAPL", symbol))
    assert judged(draft, words, **more)


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        (
            "Go short TSLA when the price crosses below its 20 bar SMA, and buy to cover when it crosses back above. Stop loss 2%.",
            {
                "short when crosses_below(close, ta.sma(bars.close, length=20))",
                "cover when crosses_above(close, ta.sma(bars.close, length=20))",
                "cover when gain <= -2",
            },
        ),
        (
            "Sell short 10 shares of IBM if RSI(14) > 75. Close the short when RSI(14) < 55 or at a 3% profit.",
            {f"short when {RSI} > 75", "size 10 shares", f"cover when (gain >= 3) or ({RSI} < 55)"},
        ),
        ("short AAPL when rsi is above 80 but only after 10:30, cover when rsi is below 50", {f"short when {RSI} > 80", "short only when minute >= 630", f"cover when {RSI} < 50"}),
    ],
)  # fmt: skip
def test_the_offline_author_writes_what_only_goes_short(words: str, rules: set[str]) -> None:
    draft = StrategyDraft.model_validate(write_answer([words]))
    found, strategy, findings = _examine(draft, Request(words, whole=True), TradingSymbol(), lambda _: None)
    assert findings == []
    assert strategy is not None
    assert {rule for each in found.requirements for rule in each.rules} >= rules
    assert all(each.quote in words for each in found.requirements)
    assert found.symbol in words
    assert "buy" not in draft.logic_explanation.lower()


def test_a_change_of_its_constants_by_hand_carries_the_requirements_on() -> None:
    named = "HIGH = 70\n\n\n" + CODE.replace("> 70", "> HIGH")
    old = compile_strategy(named)
    wanted = answer().requirements
    new = with_constants(named, {"HIGH": 75})
    found = carried(wanted, old, compile_strategy(new), old_symbol="AAPL", symbol="AAPL")
    assert found is not None
    assert found[0].rules == [f"short when {RSI} > 75", "symbol AAPL"]
    assert found[0].status is Status.ASSUMED
    assert "short" in found[0].meaning
    assert "buy" not in explained(found, compile_strategy(new)).lower()
    turned = compile_strategy(new.replace("< 50", "> 50"))
    assert carried(wanted, old, turned, old_symbol="AAPL", symbol="AAPL") is None


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        (["Short BTC/USD when RSI is above 80, cover when it is below 50"], "only stocks"),
        (["Short AAPL when RSI is above 80, cover when it is below 50", "make it 85"], "not changed from words"),
        (["Short AAPL when RSI is above 80, cover when it is below 50", "and buy below 20"], "not changed from words"),
        (["Short AAPL when RSI is above 80 and buy when it is below 20"], "“cover” or “go long”"),
    ],
)
def test_the_offline_author_says_what_it_does_not_write(turns: list[str], reason: str) -> None:
    draft = StrategyDraft.model_validate(write_answer(turns))
    assert draft.kind is not AnswerKind.STRATEGY
    assert reason in " ".join(draft.questions)


@pytest.mark.parametrize(
    ("words", "image"),
    [
        ("Go short when it shorts", "Buy when it buys"),
        ("buy to cover, buy it back, bought back", "sell, sell, sold"),
        ("I cover my short and close the short", "I sell and sell"),
        ("the short term trend and the short SMA", "the short term trend and the short SMA"),
        ("open a short position when x, exit the position", "buy when x, exit the position"),
    ],
)
def test_the_mirror_image_of_words(words: str, image: str) -> None:
    assert as_bought(words) == image


def test_a_quotation_of_the_mirror_image_is_found_in_the_words() -> None:
    words = "Sell short AAPL when A, cover the short when B, or at C."
    for image, own in (
        ("Buy AAPL when A", "Sell short AAPL when A"),
        ("sell when B", "cover the short when B"),
        ("or at C", "or at C"),
        ("when A, sell", "when A, cover the short"),
    ):
        assert quoted(words, image) == own
    assert as_short("“Buy AAPL when A” is read as: buy when a > 1", [("Buy AAPL when A", "Sell short AAPL when A")]) == "“Sell short AAPL when A” is read as: short when a > 1"  # fmt: skip


def test_each_word_of_the_mirror_image_is_said_once() -> None:
    said = "What has to hold for a purchase excludes itself, and what was bought is sold on the next bar"
    assert as_short(said) == "What has to hold for a short sale excludes itself, and what was sold short is covered on the next bar"  # fmt: skip


def test_code_and_its_mirror_image_have_the_same_lines() -> None:
    image, faults = code_as_bought(CODE)
    assert faults == []
    assert image == CODE.replace("short(", "buy(").replace("cover(", "sell(").replace("quantity < 0", "quantity > 0")
    assert code_as_short(image) == CODE


def test_what_is_written_of_shorts_speaks_of_shorts_and_of_the_account_that_has_to_allow_them() -> None:
    found = write_answer(["Short IBM when the RSI is above 70, cover when it is below 50, 10 shares"])
    assert {each["name"] for each in found["parameters"]} >= {"LEVEL", "QUANTITY"}
    assert not [each for each in found["parameters"] if "buy" in each["meaning"] or "sell" in each["meaning"]]
    assert "It goes short: before it runs, short selling has to be enabled in the account." in found["assumptions"]
