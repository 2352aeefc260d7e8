"""`short` and `cover` in the language: what they mean, and that a strategy without them knows nothing of them."""

from __future__ import annotations

import numpy as np
import pytest
from stratforge.intent.deciders import said_by_no_rule
from stratforge.market import BarColumns
from stratforge.strategy import PositionView, SignalValue, Strategy, StrategyError, compile_strategy, evaluate_last_bar
from stratforge.strategy.graph import Values
from stratforge.strategy.trace import Traced

LONG, SHORT, FLAT = PositionView(10.0, 100.0, 3.0), PositionView(-10.0, 100.0, 3.0), PositionView()


def _values(close: float = 90.0) -> Values:
    one = np.full(3, close)
    return Values(BarColumns(60 * np.arange(3), one, one + 5, one - 5, one, one))


def _strategy(decision: str, before: str = "pass") -> Strategy:
    return compile_strategy(
        f"def on_bar(bar, position, state):\n    {before}\n    if bar.close < 0:\n        return short()\n    return {decision}\n"
    )


def _decided(decision: str, position: PositionView) -> SignalValue | None:
    return evaluate_last_bar(_strategy(decision), _values(), position, {}).signal


def _findings(source: str) -> list[str]:
    with pytest.raises(StrategyError) as refused:
        compile_strategy(source)
    return [str(each) for each in refused.value.findings]


@pytest.mark.parametrize("decision", ["buy()", "sell()", "buy(limit=bar.close)"])
def test_buying_and_selling_while_short_are_no_decision(decision: str) -> None:
    assert _decided(decision, SHORT) is None
    assert _decided(decision, LONG) is not None
    assert _decided(decision, FLAT) is not None


@pytest.mark.parametrize("decision", ["short()", "cover()", "cover(stop=bar.close)"])
def test_going_short_and_covering_while_long_are_no_decision(decision: str) -> None:
    assert _decided(decision, LONG) is None
    assert _decided(decision, SHORT) is not None
    assert _decided(decision, FLAT) is not None


def test_a_decision_says_its_side_size_and_terms() -> None:
    found = _decided("short(confidence=0.5, notional=900, limit=95, expire_bars=3)", FLAT)
    assert found is not None
    assert (found.side, found.confidence, found.size_kind, found.size) == ("short", 0.5, "notional", 900)
    assert (found.terms.limit, found.terms.expire_bars) == (95, 3)
    covered = _decided("cover(fraction=0.25)", SHORT)
    assert covered is not None
    assert (covered.side, covered.size) == ("cover", 0.25)


def test_exits_that_a_decision_of_the_other_side_names_are_not_set() -> None:
    for decision, position in (("buy(stop_loss=0.1)", SHORT), ("short(stop_loss=0.1)", LONG)):
        assert not evaluate_last_bar(_strategy(decision), _values(), position, {}).state
    set_ = evaluate_last_bar(_strategy("adjust(stop_loss=0.1)"), _values(), SHORT, {}).state
    assert list(set_.values()) == [0.1]


def test_fields_of_a_short_position_have_its_sign() -> None:
    before = 'state["r"], state["f"], state["a"], state["q"] = position.unrealized_return, position.max_favorable, position.max_adverse, position.quantity'
    short, long = (evaluate_last_bar(_strategy("None", before), _values(), each, {}).state for each in (SHORT, LONG))
    assert [short[key] for key in "rfaq"] == pytest.approx([0.1, 85, 95, -10])
    assert [long[key] for key in "rfaq"] == pytest.approx([-0.1, 95, 85, 10])


def test_extremes_of_a_short_position_grow_against_and_for_it() -> None:
    strategy = _strategy("None", 'state["f"], state["a"] = position.max_favorable, position.max_adverse')
    state = evaluate_last_bar(strategy, _values(90), SHORT, {}).state
    state = evaluate_last_bar(strategy, _values(80), SHORT, state).state
    state = evaluate_last_bar(strategy, _values(100), SHORT, state).state
    assert (state["f"], state["a"]) == (75, 105)


def test_a_strategy_knows_whether_it_may_go_short() -> None:
    assert _strategy("buy()").shorts
    plain = compile_strategy("def on_bar(bar, position, state):\n    return buy(stop_loss=0.02)\n")
    assert not plain.shorts
    assert "q_quantity <" not in plain.on_bar.text


def test_covering_without_going_short_is_refused() -> None:
    (found,) = _findings("def on_bar(bar, position, state):\n    return cover()\n")
    assert "does not go short" in found
    assert "Write return sell()" in found


def test_a_name_of_ones_own_may_be_short_unless_it_is_called() -> None:
    source = "def on_bar(bar, position, state):\n    short = bar.close * 0.9\n    if bar.open < short:\n        return buy()\n"
    assert not compile_strategy(source).shorts
    found = _findings(source.replace("return buy()", "return short()"))
    assert "short is a number here" in found[0]
    helper = "def short(x):\n    return x * 2\n\ndef on_bar(bar, position, state):\n    if short(bar.close) > 9:\n        return buy()\n"
    assert not compile_strategy(helper).shorts


@pytest.mark.parametrize("word", ["sell_short", "go_short", "enter_short"])
def test_words_of_other_platforms_are_told_the_word_of_this_one(word: str) -> None:
    (found,) = _findings(f"def on_bar(bar, position, state):\n    return {word}()\n")
    assert "Write return short()" in found


def test_a_trace_tells_short_and_cover() -> None:
    source = """
def on_bar(bar, position, state):
    if position.quantity == 0 and bar.close < 95:
        return short()
    if position.quantity < 0 and bar.close > 110:
        return cover()
"""
    rules = Traced(compile_strategy(source)).last_bar(_values(), FLAT, {}).rules
    assert [(each.side, each.fired) for each in rules] == [("short", True), ("cover", False)]


def test_no_rule_of_a_request_says_that_code_goes_short() -> None:
    code = compile_strategy(
        "def on_bar(bar, position, state):\n    if position.quantity == 0 and bar.close > 100:\n        return short()\n    if bar.close < 90:\n        return cover()\n"
    )
    reference = compile_strategy(
        "def on_bar(bar, position, state):\n    if position.quantity == 0 and bar.close > 100:\n        return buy()\n    if position.quantity > 0 and bar.close < 90:\n        return sell()\n"
    )
    found = said_by_no_rule(code, reference)
    assert any("short()" in each for each in found)
    assert any("cover()" in each for each in found)
