"""A traced decision is the decision, and its steps are what it read, compared, ranked and chose."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from stratforge.backtest.portfolio import Market
from stratforge.strategy import StrategyError
from stratforge.strategy.rotation import compile_portfolio
from stratforge.strategy.rotation.seen import Seen, decide_on
from stratforge.strategy.rotation.trace import PortfolioTrace, Step, trace_decision

from tests.support.random_rotations import markets, rotation
from tests.support.tiers import one_of

HEAD = """\
UNIVERSE = ["AA", "BB", "CC", "DD"]
SCHEDULE = "monthly"
TOP = 2

def indicators(bars):
    return {"momentum": bars.close.pct_change(3), "volatility": bars.close.pct_change().rolling(5).std()}

def rebalance(universe, portfolio, state):
"""
NAN = float("nan")
COLUMNS = {
    "momentum": (3.0, NAN, -1.0, 4.0, 0.5),
    "volatility": (0.1, 0.2, 0.3, 0.4, 0.5),
    "close": (10.0, 20.0, 30.0, 40.0, 50.0),
}


def trace(
    lines: str, state: dict[str, float] | None = None, columns: Mapping[str, tuple[float, ...]] = COLUMNS
) -> PortfolioTrace:
    """The trace of a strategy with these lines in `rebalance`, where AA, BB, CC, DD and a fifth symbol have these columns."""
    body = "".join(f"    {line}\n" for line in lines.splitlines())
    strategy = compile_portfolio(HEAD + body)
    values = {name: np.array([columns[name][: len(strategy.symbols)]]) for name in strategy.read}
    time = {name: np.array([5.0]) for name in strategy.time_fields}
    unknown = np.full((1, len(strategy.symbols)), np.nan)
    seen = Seen(np.zeros(1, dtype=np.int64), values, unknown, ~np.isnan(unknown), unknown, time)
    return trace_decision(strategy, seen, np.zeros(4), 1_000.0, 250.0, state or {})


def step(found: PortfolioTrace, text: str) -> Step:
    """The step of this text."""
    (one,) = [each for each in found.steps if each.text == text]
    return one


def test_what_was_ranked_what_passed_and_what_was_chosen_is_told_of_each_symbol() -> None:
    found = trace(
        "best = universe.momentum.top(TOP, where=universe.momentum > 0)\n"
        "return weights.inverse_volatility(universe.volatility, where=best)"
    )
    assert [(each.name, each.values) for each in found.read] == [
        ("momentum", [3.0, None, -1.0, 4.0]),
        ("volatility", [0.1, 0.2, 0.3, 0.4]),
    ]
    passed, best, weights = found.steps
    assert (passed.kind, passed.text, passed.values) == ("condition", "universe.momentum > 0", [1.0, 0.0, 0.0, 1.0])
    assert (best.kind, best.name, best.line, best.values) == ("choice", "best", 9, [1.0, 0.0, 0.0, 1.0])
    assert best.ranks == [2, None, None, 1]
    assert weights.kind == "weights"
    assert weights.values == pytest.approx([0.8, 0, 0, 0.2])
    assert {each.reached for each in found.steps} == {True}
    (outcome,) = found.outcomes
    assert (outcome.text, outcome.met, outcome.fired, outcome.conditions) == (weights.text, True, True, [])
    assert found.decision.weights is not None
    assert found.decision.weights.tolist() == weights.values


def test_where_a_filter_says_cash_the_choice_is_told_as_it_would_have_been() -> None:
    found = trace(
        'market = universe.of("SPY")\n'
        "if not market.close > 60:\n    return cash()\n"
        "best = universe.momentum.top(1)\n"
        "return weights.equal(best)"
    )
    out, invested = found.outcomes
    assert (out.text, out.met, out.fired) == ("cash()", True, True)
    (condition,) = out.conditions
    assert (condition.text, condition.holds, condition.wanted) == ("not market.close > 60", True, True)
    assert [(each.text, each.value) for each in condition.operands] == [("market.close", 50.0)]
    assert (invested.met, invested.fired) == (True, False)
    best = step(found, "universe.momentum.top(1)")
    assert (best.values, best.ranks, best.reached) == ([0.0, 0.0, 0.0, 1.0], [2, None, 3, 1], False)
    # What hangs on a name that has no value yet is not told.
    assert [each for each in found.steps if each.kind == "weights"] == []


def test_ranks_begin_with_what_is_chosen_first_also_from_below() -> None:
    found = trace("return weights.equal(universe.close.bottom(2))")
    assert step(found, "universe.close.bottom(2)").ranks == [1, 2, 3, 4]
    found = trace("x = universe.close.rank(ascending=False)\nreturn weights.equal(x <= 1)")
    assert [(each.kind, each.name, each.values) for each in found.steps[:2]] == [
        ("rank", "x", [4.0, 3.0, 2.0, 1.0]),
        ("condition", "", [0.0, 0.0, 0.0, 1.0]),
    ]


def test_what_is_chosen_from_is_told_where_it_is_computed() -> None:
    found = trace("return weights.equal((universe.momentum / universe.volatility).top(1))")
    assert step(found, "universe.momentum / universe.volatility").values == pytest.approx([30.0, None, -10 / 3, 10.0])


def test_a_return_of_nothing_is_an_outcome_and_so_is_the_end_of_the_code() -> None:
    found = trace("if portfolio.cash > 100:\n    return\nreturn cash()")
    assert [(each.text, each.line, each.met, each.fired) for each in found.outcomes] == [
        ("", 10, True, True),
        ("cash()", 11, True, False),
    ]
    assert found.decision.weights is None
    found = trace("if portfolio.cash > 1_000:\n    return cash()")
    assert [(each.met, each.fired) for each in found.outcomes] == [(False, False)]
    assert found.decision.weights is None


def test_each_branch_of_a_return_is_an_outcome() -> None:
    found = trace("return weights.equal(universe.close > 15) if portfolio.cash > 200 else cash()")
    assert [(each.text, each.fired) for each in found.outcomes] == [
        ("weights.equal(universe.close > 15)", True),
        ("cash()", False),
    ]


def test_a_condition_on_many_symbols_is_told_with_the_figure_that_it_compares() -> None:
    found = trace("if (universe.momentum > 0).mean() < 0.6:\n    return cash()")
    (condition,) = found.outcomes[0].conditions
    assert [(each.text, each.value) for each in condition.operands] == [("(universe.momentum > 0).mean()", 0.5)]
    assert step(found, "universe.momentum > 0").values == [1.0, 0.0, 0.0, 1.0]


def test_a_helper_is_told_once_however_often_it_is_called() -> None:
    source = (
        HEAD.replace("def rebalance", "def strong(u):\n    return u.momentum > 0\n\ndef rebalance")
        + "    if strong(universe).sum() < 1:\n        return cash()\n    return weights.equal(strong(universe))\n"
    )
    strategy = compile_portfolio(source)
    values = {"momentum": np.array([[3.0, NAN, -1.0, 4.0]])}
    unknown = np.full((1, 4), np.nan)
    seen = Seen(np.zeros(1, dtype=np.int64), values, unknown, ~np.isnan(unknown), unknown, {})
    found = trace_decision(strategy, seen, np.zeros(4), 1_000.0, 250.0, {})
    assert [each.text for each in found.steps] == ["universe.momentum > 0", "weights.equal(universe.momentum > 0)"]


def test_choices_within_choices_do_not_grow() -> None:
    inner = "universe.close > 0"
    for _ in range(18):
        inner = f"universe.close.top(3, where={inner})"
    found = trace(f"return weights.equal({inner})")
    assert len(found.steps) <= 24
    assert found.decision.weights is not None
    assert found.decision.weights.tolist() == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3])


def test_what_the_gate_just_takes_is_decided_the_same_with_notes_or_without() -> None:
    """Notes put more parentheses around what has as many as there may be."""

    def nested(depth: int) -> str:
        text = "universe.close > 0"
        for _ in range(depth):
            text = f"~({text})"
        return f"return weights.equal({text})"

    depth = next(each for each in range(300, 0, -1) if taken(nested(each)))
    found = trace(nested(depth - depth % 2))
    assert found.decision.weights is not None
    assert found.decision.weights.tolist() == [0.25] * 4


def taken(lines: str) -> bool:
    """Whether the gate takes these lines."""
    try:
        trace(lines)
    except StrategyError:
        return False
    return True


@pytest.mark.parametrize("seed", one_of(4, range(60)))
def test_a_traced_decision_is_the_decision(seed: int) -> None:
    try:
        strategy = compile_portfolio(rotation(seed))
    except StrategyError:
        return
    bars = markets(seed, 120, broken=True)
    columns = {symbol: bars[symbol] for symbol in strategy.symbols}
    with np.errstate(all="ignore"):
        market = Market.on(columns, strategy.universe)
    seen = Seen.of(strategy, market.columns, market.values, market.clock, strategy.schedule.due(market.clock))
    held, state = np.full(len(strategy.universe), 0.1), dict[str, float]()
    for index in range(0, len(seen.due), 3):
        plain = decide_on(strategy, seen, held, 1_000.0 + index, 10.0, state, index)
        traced = trace_decision(strategy, seen, held, 1_000.0 + index, 10.0, state, index)
        said = [None if each.weights is None else each.weights.tobytes() for each in (plain, traced.decision)]
        assert said[0] == said[1]
        assert traced.decision.state == plain.state
        assert sum(each.fired for each in traced.outcomes) <= 1
        for one in traced.steps:
            assert len(one.values) == len(strategy.universe)
            chosen = [place for place, value in enumerate(one.values) if value == 1.0]
            if one.ranks:
                # Whoever is chosen stands before whoever is not.
                assert sorted(one.ranks[place] or 0 for place in chosen) == list(range(1, len(chosen) + 1))
        state = plain.state


def test_a_strategy_with_other_values_is_traced_with_them() -> None:
    strategy = compile_portfolio(HEAD + "    return weights.equal(universe.close.top(TOP))\n")
    other = strategy.with_parameters(TOP=1)
    values = {"close": np.array([[1.0, 2.0, 3.0, 4.0]])}
    unknown = np.full((1, 4), np.nan)
    seen = Seen(np.zeros(1, dtype=np.int64), values, unknown, ~np.isnan(unknown), unknown, {})
    found = trace_decision(other, seen, np.zeros(4), 1.0, 1.0, {})
    assert [each.values for each in found.steps if each.kind == "choice"] == [[0.0, 0.0, 0.0, 1.0]]
