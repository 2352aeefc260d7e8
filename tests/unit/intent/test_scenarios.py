"""Whether a strategy can act at all is asked of what its code decides, not of its text."""

from __future__ import annotations

import pytest
from stratforge.intent.program import Program
from stratforge.intent.scenarios import never_acts
from stratforge.strategy import compile_strategy

SHORT = """# Unlike a plain rebound it does not buy(…) first.
def indicators(bars):
    return {"rsi": ta.rsi(bars.close, length=14)}


def on_bar(bar, position, state):
    if position.quantity == 0 and bar.rsi > 70:
        return short()
    if position.quantity < 0 and bar.rsi < 50:
        return cover()
"""
LONG_TOO = "    if position.quantity == 0 and bar.rsi < 30{}:\n        return buy ()\n    if position.quantity > 0 and bar.rsi > 50:\n        return sell()\n"


def test_a_strategy_that_only_goes_short_need_not_buy_what_a_comment_speaks_of() -> None:
    strategy = compile_strategy(SHORT)
    assert strategy.decisions == {"short", "cover"}
    assert list(never_acts(strategy, Program(SHORT))) == []


@pytest.mark.parametrize(("also", "found"), [("", 0), (" and bar.rsi > 40", 1)])
def test_one_that_buys_too_has_to_buy_however_the_call_is_spaced(also: str, found: int) -> None:
    source = SHORT + LONG_TOO.format(also)
    strategy = compile_strategy(source)
    assert strategy.decisions == {"buy", "sell", "short", "cover"}
    assert len(list(never_acts(strategy, Program(source)))) == found
