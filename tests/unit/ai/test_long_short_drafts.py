"""An answer that goes long and short passes where its code does what the words say of each side, and nothing passes that does not."""

from __future__ import annotations

from typing import Any

import pytest
from simulators.gemini.author.framed import write_answer
from stratforge.ai.draft import AnswerKind, StrategyDraft
from stratforge.ai.drafting import _examine, request_of
from stratforge.ai.prompts import Request, first_request, refinement_request
from stratforge.ai.quant import Turn
from stratforge.ai.trading_symbol import TradingSymbol
from stratforge.backtest import BacktestConfig, run_backtest
from stratforge.intent.carried import carried, explained
from stratforge.intent.markets import market
from stratforge.intent.requirements import Status
from stratforge.strategy import Strategy, compile_strategy
from stratforge.strategy.constants import with_constants

from tests.unit.ai.test_long_short_words import written
from tests.unit.ai.test_short_drafts import RSI, requirement

WORDS = "Buy AAPL when RSI(14) is below 30 and sell when RSI(14) is above 50. Short when RSI(14) is above 70 and cover when RSI(14) is below 45. Stop loss 2% on both sides."
CODE = """def indicators(bars):
    return {"rsi": ta.rsi(bars.close, length=14)}


def on_bar(bar, position, state):
    if position.quantity == 0 and bar.rsi < 30:
        return buy(stop_loss=0.02)
    if position.quantity > 0 and bar.rsi > 50:
        return sell()
    if position.quantity == 0 and bar.rsi > 70:
        return short(stop_loss=0.02)
    if position.quantity < 0 and bar.rsi < 45:
        return cover()
"""
EXPLAINED = "It buys when the RSI of 14 bars is below 30 and sells when it is above 50. It goes short when the RSI is above 70 and covers when it is below 45. A stop of 2 % is on both sides."
TURNS = "Go long AAPL when the 10 EMA crosses above the 30 EMA and go short when it crosses below."
FAST, SLOW = "ta.ema(bars.close, length=10)", "ta.ema(bars.close, length=30)"
TURNING = """def indicators(bars):
    return {"fast": ta.ema(bars.close, length=10), "slow": ta.ema(bars.close, length=30)}


def on_bar(bar, position, state):
    up = bar.fast > bar.slow and bar.previous.fast <= bar.previous.slow
    down = bar.fast < bar.slow and bar.previous.fast >= bar.previous.slow
    turn = 1 if up else (-1 if down else state.get("turn", 0))
    state["turn"] = 0
    if position.quantity == 0:
        if turn > 0:
            return buy()
        if turn < 0:
            return short()
    if position.quantity > 0 and turn < 0:
        state["turn"] = -1
        return sell()
    if position.quantity < 0 and turn > 0:
        state["turn"] = 1
        return cover()
"""
TURNS_EXPLAINED = "It goes long when the EMA of 10 bars crosses above that of 30. It goes short when the EMA of 10 bars crosses below that of 30. Each side is closed when the other begins."


def answer(**other: object) -> StrategyDraft:
    """The right answer, but for what is given."""
    requirements = [
        requirement("Buy AAPL when RSI(14) is below 30", [f"buy when {RSI} < 30", "symbol AAPL"], [2, 6, 7]),
        requirement("and sell when RSI(14) is above 50", [f"sell when {RSI} > 50"], [2, 8, 9]),
        requirement("Short when RSI(14) is above 70", [f"short when {RSI} > 70"], [2, 10, 11]),
        requirement("and cover when RSI(14) is below 45", [f"cover when {RSI} < 45"], [2, 12, 13]),
        requirement("Stop loss 2% on both sides", ["stop loss 2%"], [7, 11]),
    ]
    draft = {"kind": "strategy", "name": "RSI", "symbol": "AAPL", "python_code": CODE, "logic_explanation": EXPLAINED, "requirements": requirements}  # fmt: skip
    return StrategyDraft.model_validate({**draft, **other})


def turning(**other: object) -> StrategyDraft:
    """The right answer where each side ends the other, but for what is given."""
    requirements = [
        requirement("Go long AAPL when the 10 EMA crosses above the 30 EMA", [f"buy when crosses_above({FAST}, {SLOW})", "symbol AAPL"], [2, 6, 8, 10, 11, 12]),
        requirement("and go short when it crosses below", [f"short when crosses_below({FAST}, {SLOW})"], [2, 7, 8, 10, 13, 14]),
        {"quote": "", "meaning": "each side is closed when the other begins", "status": "assumed", "rules": ["turn round"], "lines": [15, 16, 17, 18, 19, 20]},
    ]  # fmt: skip
    draft = {"kind": "strategy", "name": "EMA", "symbol": "AAPL", "python_code": TURNING, "logic_explanation": TURNS_EXPLAINED, "requirements": requirements, "assumptions": ["Each side is closed when the other begins."]}  # fmt: skip
    return StrategyDraft.model_validate({**draft, **other})


def judged(draft: StrategyDraft, words: str = WORDS, **more: Any) -> list[str]:
    """What the gate finds."""
    return _examine(draft, Request(words, **{"whole": True, **more}), TradingSymbol(), lambda _: None)[2]


def test_the_right_answers_pass_and_tell_what_a_person_has_to_know() -> None:
    for draft, words in ((answer(), WORDS), (turning(), TURNS)):
        found, strategy, findings = _examine(draft, Request(words, whole=True), TradingSymbol(), lambda _: None)
        assert findings == []
        assert isinstance(strategy, Strategy)
        assert any("short selling has to be enabled" in each for each in found.assumptions)
        assert any("one bar later" in each for each in found.assumptions)
    assert any("No exit of a side was named" in each for each in found.assumptions)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("bar.rsi < 30", "bar.rsi > 30"),
        ("bar.rsi > 70", "bar.rsi < 70"),
        ("bar.rsi > 70", "bar.rsi > 71"),
        ("bar.rsi > 50", "bar.rsi > 55"),
        ("bar.rsi < 45", "bar.rsi < 50"),
        ("position.quantity == 0 and bar.rsi > 70", "position.quantity <= 0 and bar.rsi > 70"),
        ("position.quantity < 0 and bar.rsi < 45", "position.quantity > 0 and bar.rsi < 45"),
        ("return short(stop_loss=0.02)", "return short()"),
        ("return short(stop_loss=0.02)", "return short(stop_loss=0.03)"),
        ("return buy(stop_loss=0.02)", "return buy(take_profit=0.02)"),
        ("return short(stop_loss=0.02)", "return short(stop_loss=0.02, fraction=0.5)"),
        ("return cover()", "return cover(fraction=0.5)"),
        ("return sell()", "return cover()"),
        ("return short(stop_loss=0.02)", "return buy(stop_loss=0.02)"),
        ("bar.rsi > 70", "bar.rsi > 70 and bar.time.weekday != 4"),
    ],
)
def test_code_that_does_otherwise_does_not_pass(old: str, new: str) -> None:
    assert old in CODE
    assert judged(answer(python_code=CODE.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("bar.fast > bar.slow and", "bar.fast < bar.slow and"),
        ("        state[\"turn\"] = -1\n", ""),
        ("        state[\"turn\"] = 1\n", ""),
        ("    state[\"turn\"] = 0\n", ""),
        ("if position.quantity > 0 and turn < 0", "if position.quantity > 0 and turn < -1"),
        ("        if turn < 0:\n            return short()", "        if turn < 0:\n            return buy()"),
        ("-1 if down", "-1 if bar.fast < bar.slow"),
    ],
)  # fmt: skip
def test_code_that_turns_otherwise_does_not_pass(old: str, new: str) -> None:
    assert old in TURNING
    assert judged(turning(python_code=TURNING.replace(old, new)), TURNS)


def with_rules(place: int, *rules: str) -> StrategyDraft:
    """The right answer with other rules for one requirement."""
    requirements = [each.model_dump() for each in answer().requirements]
    requirements[place]["rules"] = list(rules)
    return answer(requirements=requirements)


@pytest.mark.parametrize(
    ("place", "rules"),
    [
        (0, [f"short when {RSI} < 30"]),
        (2, [f"buy when {RSI} > 70"]),
        (1, [f"cover when {RSI} > 50"]),
        (4, ["long stop loss 2%"]),
        (4, ["stop loss 3%"]),
        (4, ["take profit 2%"]),
        (4, ["stop loss 2%", "turn round"]),
        (3, [f"cover when {RSI} < 45", "at most 2 buys a day"]),
        (3, [f"cover when {RSI} < 45", "size 10 shares"]),
    ],
)
def test_rules_that_are_not_of_the_side_of_their_words_do_not_pass(place: int, rules: list[str]) -> None:
    assert judged(with_rules(place, *rules))


def test_sides_that_are_exchanged_in_words_and_code_do_not_pass() -> None:
    turned = CODE.replace("buy(", "x(").replace("short(", "buy(").replace("x(", "short(")
    turned = turned.replace("sell()", "y()").replace("cover()", "sell()").replace("y()", "cover()")
    turned = turned.replace("quantity > 0", "quantity ~ 0").replace("quantity < 0", "quantity > 0").replace("~", "<")
    requirements = [each.model_dump() for each in answer().requirements]
    for one, new in zip(requirements, (f"short when {RSI} < 30", f"cover when {RSI} > 50", f"buy when {RSI} > 70", f"sell when {RSI} < 45"), strict=False):  # fmt: skip
        one["rules"] = [new]
    assert judged(answer(python_code=turned, requirements=requirements))


@pytest.mark.parametrize(
    "explanation",
    [
        EXPLAINED.replace("goes short when the RSI is above 70", "goes short when the RSI is below 70"),
        EXPLAINED.replace("buys when the RSI of 14 bars is below 30", "buys when the RSI of 14 bars is above 30"),
        EXPLAINED.replace("above 70", "above 75"),
        "It buys when the RSI of 14 bars is below 30, sells above 50, goes short above 70 and covers below 45, with a stop of 2 %.",
    ],
)
def test_an_explanation_that_says_otherwise_does_not_pass(explanation: str) -> None:
    assert judged(answer(logic_explanation=explanation))


@pytest.mark.parametrize(
    "words",
    [
        WORDS.replace(" on both sides", "").replace("45. Stop", "45, stop"),
        WORDS.replace("Short when RSI(14) is above 70 and cover when RSI(14) is below 45. ", ""),
        WORDS.replace("Buy AAPL when RSI(14) is below 30 and sell when RSI(14) is above 50. ", ""),
        WORDS.replace("is below 30", "is below 60").replace("above 70", "above 40"),
        f"{WORDS} At most 3 trades a day.",
        f"{WORDS} Never on Fridays.",
    ],
)
def test_the_same_code_does_not_pass_for_other_words(words: str) -> None:
    assert judged(answer(), words)


def test_coins_and_changes_do_not_pass() -> None:
    coin = StrategyDraft.model_validate_json(answer().model_dump_json().replace("AAPL", "BTC/USD"))
    assert judged(coin, WORDS.replace("AAPL", "BTC/USD"))
    assert judged(answer(), WORDS, whole=False)


@pytest.mark.parametrize(
    ("first", "reply", "rules"),
    [
        ("Go long AAPL when the 10 EMA crosses above the 30 EMA and go short when the 10 EMA crosses below the 30 EMA. Stop loss 1% both ways.", "Turn round when the other side begins", {"turn round"}),
        ("Go long AAPL when the 10 EMA crosses above the 30 EMA and go short when the 10 EMA crosses below the 30 EMA. Stop loss 1% and take profit 2% both ways.", "Stay until its own exit", {"cover when gain >= 2"}),
        ("Buy AAPL when RSI(14) < 30, sell when RSI(14) > 50, short when RSI(14) > 70, cover when RSI(14) < 50, with a 2% stop loss.", "That is for both sides", {"sell when gain <= -2", "cover when gain <= -2"}),
        ("Buy AAPL when RSI(14) < 30, sell when RSI(14) > 50, short when RSI(14) > 70, cover when RSI(14) < 50, with a 2% stop loss.", "That is for the short side alone.", {"cover when gain <= -2"}),
        ("Buy AAPL when RSI(14) is below 30, short AAPL when RSI(14) is above 70.", "Turn round when the other side begins", {"turn round"}),
    ],
)  # fmt: skip
def test_an_answer_to_a_question_is_put_behind_what_it_answers(first: str, reply: str, rules: set[str]) -> None:
    asked = written(first)
    assert asked.kind is AnswerKind.CLARIFY
    assert any(f"“{reply.rstrip('.')}”" in each for each in asked.questions)
    draft = written(first, reply)
    assert draft.kind is AnswerKind.STRATEGY, draft.questions
    assert {rule for each in draft.requirements for rule in each.rules} >= rules
    if "short side alone" in reply:
        assert "sell when gain <= -2" not in {rule for each in draft.requirements for rule in each.rules}


@pytest.mark.parametrize("more", ["make it 25", "and cover at 40", "use the 20 EMA instead", "Buy below 20"])
def test_what_cannot_be_put_together_is_asked_anew(more: str) -> None:
    first = "Buy AAPL when RSI(14) is below 30, short AAPL when RSI(14) is above 70."
    assert written(first, more).kind is not AnswerKind.STRATEGY


def test_a_message_that_says_both_sides_takes_the_place_of_those_before_it() -> None:
    draft = written("Buy TSLA when RSI(14) is below 30, short TSLA when RSI(14) is above 70.", TURNS)
    assert draft.kind is AnswerKind.STRATEGY
    assert any("replaced by the last message" in each for each in draft.assumptions)


def changed(first: str, *more: str) -> tuple[StrategyDraft, list[str]]:
    """What the offline author answers to changes, as the whole conversation is judged: the answer and what is found of it."""
    turns = [Turn("user", first_request(first))]
    for index, words in enumerate(more):
        before = write_answer([first, *more[:index]])
        draft = StrategyDraft.model_validate(before)
        if draft.kind is AnswerKind.STRATEGY:
            draft = _examine(draft, request_of(turns), TradingSymbol(), lambda _: None)[0]
        turns += [Turn("model", draft.model_dump_json()), Turn("user", refinement_request(words))]
    draft = StrategyDraft.model_validate(write_answer([first, *more]))
    if draft.kind is not AnswerKind.STRATEGY:
        return draft, []
    found, _, findings = _examine(draft, request_of(turns), TradingSymbol(), lambda _: None)
    return found, findings


def standing(draft: StrategyDraft) -> set[str]:
    """The rules of an answer that stand."""
    return {rule for each in draft.requirements for rule in each.rules if not rule.startswith(("drop ", "symbol "))}


@pytest.mark.parametrize(
    ("first", "more", "rules", "gone"),
    [
        (TURNS, ["use 12 instead of 10 on both sides"], {f"buy when crosses_above({FAST.replace('10', '12')}, {SLOW})", f"short when crosses_below({FAST.replace('10', '12')}, {SLOW})", "turn round"}, {f"buy when crosses_above({FAST}, {SLOW})"}),
        (WORDS, ["change 70 to 75 on the short side"], {f"short when {RSI} > 75", f"buy when {RSI} < 30"}, {f"short when {RSI} > 70"}),
        (WORDS, ["use 25 instead of 30"], {f"buy when {RSI} < 25", f"short when {RSI} > 70"}, {f"buy when {RSI} < 30"}),
        (WORDS, ["change 2% to 3% on both sides"], {"sell when gain <= -3", "cover when gain <= -3"}, {"sell when gain <= -2"}),
        (WORDS, ["remove the short side"], {f"buy when {RSI} < 30", f"sell when {RSI} > 50", "sell when gain <= -2"}, {f"short when {RSI} > 70"}),
        (WORDS, ["no more shorting"], {f"buy when {RSI} < 30", f"sell when {RSI} > 50", "sell when gain <= -2"}, {f"short when {RSI} > 70"}),
        (WORDS, ["stop going short"], {f"buy when {RSI} < 30", f"sell when {RSI} > 50", "sell when gain <= -2"}, {f"short when {RSI} > 70"}),
        (WORDS, ["don't short anymore"], {f"buy when {RSI} < 30", f"sell when {RSI} > 50", "sell when gain <= -2"}, {f"short when {RSI} > 70"}),
        (WORDS, ["short only"], {f"short when {RSI} > 70", f"cover when {RSI} < 45"}, {f"buy when {RSI} < 30"}),
        (WORDS, ["use 25 instead of 30", "use 75 instead of 70"], {f"buy when {RSI} < 25", f"short when {RSI} > 75"}, {f"buy when {RSI} < 30"}),
        (WORDS, ["make it tighter", "use 25 instead of 30"], {f"buy when {RSI} < 25"}, {f"buy when {RSI} < 30"}),
    ],
)  # fmt: skip
def test_a_number_is_changed_and_a_side_is_taken_away(first: str, more: list[str], rules: set[str], gone: set[str]) -> None:  # fmt: skip
    draft, findings = changed(first, *more)
    assert draft.kind is AnswerKind.STRATEGY, draft.questions
    assert findings == []
    assert standing(draft) >= rules
    assert not standing(draft) & gone
    if len(more) > 1 and "tighter" in more[0]:
        assert any("was not done" in each for each in draft.assumptions)


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (TURNS, "use 12 instead of 10"),
        (TURNS, "make it 12"),
        (TURNS, "remove the short side"),
        (TURNS, "use 12 instead of 11"),
        (WORDS, "change 2% to 3%"),
        (WORDS, "change 30 to 80"),
        (WORDS, "change 50 to 75"),
        (WORDS, "add a target of 3%"),
        (WORDS, "only on Mondays"),
        (WORDS, "and use 25 instead of 30 and add a target"),
        (WORDS, TURNS),
    ],
)
def test_a_change_that_says_no_more_than_that_is_asked_about(first: str, words: str) -> None:
    draft, _ = changed(first, words)
    assert draft.kind is AnswerKind.CLARIFY
    assert draft.questions


def test_a_change_of_its_constants_by_hand_carries_the_requirements_on() -> None:
    draft = StrategyDraft.model_validate(write_answer([WORDS]))
    old = compile_strategy(draft.python_code)
    new = compile_strategy(with_constants(draft.python_code, {"LEVEL_2": 75.0}))
    assert new.parameters != old.parameters
    found = carried(draft.requirements, old, new, old_symbol="AAPL", symbol="AAPL")
    assert found is not None
    assert f"short when {RSI} > 75" in {rule for each in found for rule in each.rules}
    told = explained(found, new)
    assert "Short when RSI(14) is above 75" in told
    assert "Buy when RSI(14) is below 30" in told
    turned = compile_strategy(new.source.replace("return short()", "return short(fraction=0.5)"))
    assert carried(draft.requirements, old, turned, old_symbol="AAPL", symbol="AAPL") is None


def test_a_change_that_does_something_else_does_not_pass() -> None:
    first = StrategyDraft.model_validate(write_answer([WORDS]))
    draft = StrategyDraft.model_validate(write_answer([WORDS, "use 25 instead of 30"]))
    turns = [Turn("user", first_request(WORDS)), Turn("model", first.model_dump_json()), Turn("user", refinement_request("use 25 instead of 30"))]  # fmt: skip
    request = request_of(turns)
    assert {*(request.before or ())} >= {f"buy when {RSI} < 30", f"short when {RSI} > 70"}
    kept = StrategyDraft.model_validate_json(draft.model_dump_json().replace("length=14) < 25", "length=14) < 26"))
    other = draft.model_copy(update={"python_code": draft.python_code.replace("LEVEL = 25", "LEVEL = 26")})
    nothing = first.model_copy(update={"requirements": [each.model_copy(update={"quote": "", "status": Status.KEPT}) for each in first.requirements]})  # fmt: skip
    for each in (kept, other, nothing, first):
        assert _examine(each, request, TradingSymbol(), lambda _: None)[2]


@pytest.mark.parametrize("words", [WORDS, TURNS, "Long AAPL above VWAP, short below VWAP, flat at 15:55."])
def test_what_is_written_trades_on_both_sides(words: str) -> None:
    draft = written(words)
    _, strategy, _ = _examine(draft, Request(words, whole=True), TradingSymbol(), lambda _: None)
    assert isinstance(strategy, Strategy)
    report = run_backtest(strategy, market("swing", 100.0), BacktestConfig())
    assert {*report.fills.side.tolist()} >= {1, 2, 3, 4}


def test_where_each_side_ends_the_other_it_is_flat_for_one_bar() -> None:
    draft = written(TURNS)
    _, strategy, _ = _examine(draft, Request(TURNS, whole=True), TradingSymbol(), lambda _: None)
    assert isinstance(strategy, Strategy)
    fills = run_backtest(strategy, market("swing", 100.0), BacktestConfig()).fills
    sides, bars = fills.side.tolist(), fills.bar.tolist()
    turned = [(one, other, after - before) for one, other, before, after in zip(sides, sides[1:], bars, bars[1:], strict=False) if one in (2, 4)]  # fmt: skip
    assert len(turned) > 5
    assert all((one, other, apart) in ((2, 3, 1), (4, 1, 1)) for one, other, apart in turned)
