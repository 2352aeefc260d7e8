"""Fixed weights of a portfolio that a person changes in the code: what was asked for stays where it still holds, and says what is there now."""

from __future__ import annotations

import pytest
from simulators.gemini.author import write_answer
from stratforge.ai.draft import StrategyDraft
from stratforge.intent.carried import carried, explained, rules_in, says_before
from stratforge.intent.requirements import Status
from stratforge.strategy.rotation import compile_portfolio

WORDS = "Hold 60% SPY and 40% TLT, rebalance monthly"


@pytest.fixture(scope="module")
def draft() -> StrategyDraft:
    return StrategyDraft.model_validate(write_answer([WORDS]))


@pytest.mark.parametrize(
    ("weights", "rule"),
    [
        ('{"SPY": 0.7, "TLT": 0.3}', "weights SPY 0.7, TLT 0.3"),
        ('{"TLT": 0.25, "SPY": 0.5}', "weights TLT 0.25, SPY 0.5"),
        ('{"SPY": 0.5, "TLT": 0.4}', "weights SPY 0.5, TLT 0.4"),
    ],
)
def test_they_are_rules_and_the_rest_stays_as_it_was_asked_for(draft: StrategyDraft, weights: str, rule: str) -> None:
    old = compile_portfolio(draft.python_code)
    new = compile_portfolio(draft.python_code.replace('{"SPY": 0.6, "TLT": 0.4}', weights))
    assert new.source != old.source
    found = carried(draft.requirements, old, new, old_symbol="PORTFOLIO", symbol="PORTFOLIO")
    assert found is not None
    assert rules_in(found) == {"universe SPY, TLT", "rebalance monthly", rule}
    (renewed,) = [each for each in found if rule in each.rules]
    assert (renewed.status, "changed by hand" in renewed.meaning) == (Status.ASSUMED, True)
    assert "60 %" not in explained(found, new)
    assert says_before("It holds 60 % of SPY.", old, new, "PORTFOLIO", "PORTFOLIO")
    assert not says_before("It decides monthly.", old, new, "PORTFOLIO", "PORTFOLIO")


@pytest.mark.parametrize(
    "body",
    [
        '    if universe.of("SPY").close < 100:\n        return cash()\n    return {"SPY": 0.7, "TLT": 0.3}',
        '    if universe.of("SPY").close < 100:\n        return {"SPY": 0.6, "TLT": 0.4}\n    return {"SPY": 0.7, "TLT": 0.3}',
        "    return weights.equal(universe.close > 0)",
    ],
)
def test_nothing_stays_where_it_does_more_or_something_else(draft: StrategyDraft, body: str) -> None:
    old = compile_portfolio(draft.python_code)
    new = compile_portfolio(draft.python_code.replace('    return {"SPY": 0.6, "TLT": 0.4}', body))
    assert new.source != old.source
    assert carried(draft.requirements, old, new, old_symbol="PORTFOLIO", symbol="PORTFOLIO") is None
