"""A traced evaluation decides what the evaluation decides, and its rules say why."""

from __future__ import annotations

import pytest
from stratforge.strategy import PositionView, StrategyError, compile_strategy, evaluate_last_bar
from stratforge.strategy.graph import Values
from stratforge.strategy.trace import Rule, Trace, Traced

from tests.support.large_programs import Programs
from tests.support.random_programs import awkward_bars, program
from tests.support.tiers import one_of

BARS = awkward_bars(3, 300)
CLOSE = float(BARS.close[-1])


def trace(body: str, position: PositionView | None = None, state: dict[str, float] | None = None) -> Trace:
    """The trace of a strategy with these lines in `on_bar`, on the last of some bars."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    strategy = compile_strategy(f"LIMIT = 2\ndef on_bar(bar, position, state):\n{lines}")
    return Traced(strategy).last_bar(Values(BARS), position or PositionView(), state or {})


def told(rule: Rule) -> list[tuple[str, bool, bool | None]]:
    """The conditions of a rule: text, wanted, and what it is."""
    return [(each.text, each.wanted, each.holds) for each in rule.conditions]


def test_a_rule_that_is_met_fires_and_shows_its_numbers() -> None:
    found = trace("if position.quantity == 0 and bar.close > LIMIT * 0:\n    return buy()")
    (rule,) = found.rules
    assert (rule.side, rule.met, rule.fired, rule.line) == ("buy", True, True, 4)
    assert told(rule) == [("position.quantity == 0", True, True), ("bar.close > LIMIT * 0", True, True)]
    assert [(each.text, each.value) for each in rule.conditions[1].operands] == [
        ("bar.close", CLOSE),
        ("LIMIT * 0", 0.0),
    ]
    assert found.evaluation.signal is not None


def test_conditions_behind_one_that_fails_are_told_all_the_same() -> None:
    (rule,) = trace("if position.quantity > 0 and bar.close > 0:\n    return sell()").rules
    assert (rule.met, rule.fired) == (False, False)
    assert told(rule) == [("position.quantity > 0", True, False), ("bar.close > 0", True, True)]


def test_a_rule_behind_one_that_fired_is_met_and_did_not_fire() -> None:
    first, second = trace("if bar.close > 0:\n    return buy()\nif bar.close > 0:\n    return sell()").rules
    assert (first.met, first.fired, second.met, second.fired) == (True, True, True, False)


def test_what_follows_an_else_wants_the_condition_to_be_false() -> None:
    buy, sell = trace("if bar.close < 0:\n    return buy()\nelif bar.volume >= 0:\n    return sell()").rules
    assert (buy.met, sell.met) == (False, True)
    assert told(sell) == [("bar.close < 0", False, False), ("bar.volume >= 0", True, True)]


def test_one_of_several_is_enough_where_the_code_says_or() -> None:
    (rule,) = trace("if bar.close < 0 or bar.close > 0:\n    return buy()").rules
    assert rule.met is True
    assert [each.alternative for each in rule.conditions] == [True, True]


def test_nested_conditions_are_told_from_the_outermost() -> None:
    (rule,) = trace("if bar.close > 0:\n    if not bar.close > 1e9:\n        return buy()").rules
    assert told(rule) == [("bar.close > 0", True, True), ("not bar.close > 1000000000.0", True, True)]
    assert rule.conditions[1].operands[0].value == CLOSE


def test_what_depends_on_what_was_not_computed_is_not_known() -> None:
    first, second = trace("if bar.close > 0:\n    return buy()\nx = bar.close\nif x > 0:\n    return sell()").rules
    assert (first.fired, second.met, second.conditions[0].holds) == (True, None, None)


def test_a_comparison_says_how_far_its_sides_are_apart_also_from_a_number_written_out() -> None:
    conditions = {
        each.text: each.apart
        for rule in trace(
            f"if bar.close > {2 * CLOSE} or bar.close < {-CLOSE} or bar.close < LIMIT * 0 or bar.close == {CLOSE}:\n    return buy()\n"
            "if state.get('k') > 1 or 0 < bar.close < 2 or bar.close:\n    return sell()"
        ).rules
        for each in rule.conditions
    }
    assert list(conditions.values()) == [0.5, 2.0, 1.0, 0.0, None, None, None]


def test_unknown_numbers_have_no_value() -> None:
    (rule,) = trace('if state.get("k") > 1:\n    return buy()').rules
    assert (rule.met, rule.conditions[0].operands[0].value) == (False, None)


def test_a_signal_that_hangs_on_a_condition_is_a_rule() -> None:
    (rule,) = trace("return buy() if bar.close > 0 else None").rules
    assert (rule.met, rule.fired) == (True, True)


@pytest.mark.parametrize(
    ("body", "state", "met", "holds"),
    [
        ("state['n'] = 0\nif bar.close > 0:\n    return\nif state['n'] > 3:\n    return sell()", 9.0, False, None),
        (
            "state['n'] += 1\nif bar.close > 0:\n    return buy()\nif state['n'] > 3:\n    return sell()",
            3.0,
            None,
            None,
        ),
        ("if bar.close < 0:\n    return\nif state['n'] > 3:\n    return sell()", 9.0, True, True),
    ],
)
def test_what_the_bar_writes_is_not_told_as_it_was_before(
    body: str, state: float, met: bool | None, holds: bool | None
) -> None:
    rule = trace(body, state={"n": state}).rules[-1]
    assert (rule.met, rule.conditions[-1].holds) == (met, holds)


@pytest.mark.parametrize("what", ["quantity=np.nan", "quantity=0", "quantity=-1", "confidence=np.nan"])
def test_what_gives_no_signal_does_not_fire(what: str) -> None:
    found = trace(f"if bar.close > 0:\n    return buy({what})")
    assert (found.evaluation.signal, found.rules[0].met, found.rules[0].fired) == (None, True, False)


@pytest.mark.parametrize(
    ("body", "met"),
    [
        ("if bar.close > 0:\n    return\nif bar.close > -1:\n    return buy()", False),
        ("if bar.close > 0:\n    x = 1\nelse:\n    return\nif bar.close > -1:\n    return buy()", True),
        ("for i in range(0):\n    return buy()", None),
        ("for i in range(3):\n    if bar.close > -1:\n        continue\n    return buy()", None),
    ],
)
def test_a_rule_that_the_code_cannot_come_to_is_not_met(body: str, met: bool | None) -> None:
    (rule,) = trace(body).rules
    assert rule.met is met


def test_what_stands_behind_a_return_is_no_rule() -> None:
    assert len(trace("return buy()\nreturn sell()").rules) == 1


def test_names_that_look_like_locals_are_told_beforehand() -> None:
    found = trace("if bar.close < 0:\n    if state.get('qu_x', 2) > 1:\n        return buy()", state={"qu_x": 5.0})
    assert [each.value for each in found.rules[0].conditions[1].operands] == [5.0]


def test_a_comparison_without_end_is_told_by_its_beginning() -> None:
    chain = "-1" + " < -1" * 2_000
    found = trace(f"if {chain}:\n" + "    if LIMIT < 1:\n        return buy()\n" * 39)
    assert max(len(each.text) for rule in found.rules for each in rule.conditions) <= 301
    assert {len(rule.conditions[0].operands) for rule in found.rules} == {0}


def test_however_many_rules_there_are_what_is_told_is_bounded() -> None:
    long = " and ".join(f"bar.close > bar.open + {number}" for number in range(20))
    found = trace("if bar.close < 0:\n    return buy()" + f"\nelif {long}:\n    return sell()" * 20)
    assert len(found.rules) == 21
    assert max(len(each.conditions) for each in found.rules) == 24


@pytest.mark.parametrize("seed", one_of(4, range(150)))
def test_a_traced_evaluation_is_the_evaluation(seed: int) -> None:
    source = program(seed) if seed % 3 else Programs(seed).program()
    try:
        strategy = compile_strategy(source)
    except StrategyError:
        return
    values, state = Values(awkward_bars(seed, 400)), {"k": 1.0}
    for position in (PositionView(), PositionView(3.0, 20.0, 5.0)):
        plain = evaluate_last_bar(strategy, values, position, state)
        traced = Traced(strategy).last_bar(values, position, state)
        assert traced.evaluation == plain
        fired = [each for each in traced.rules if each.fired]
        assert len(fired) <= 1
        if fired:
            assert fired[0].met
            assert plain.signal is None or plain.signal.side == fired[0].side
