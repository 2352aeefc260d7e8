"""What a trade is told to follow are the rules of its own side."""

from __future__ import annotations

from uuid import UUID

import pytest
from stratforge.application.jobs.lookups import _rules_of
from stratforge.market.sizes import Action
from stratforge.storage.strategies.strategies import VersionRun

RULES = [
    "buy when close > 10",
    "sell when close < 8",
    "short when close < 6",
    "cover when close > 7",
    "short stop loss 2%",
]


def version(*rules: str) -> VersionRun:
    """A version of these rules."""
    return VersionRun(UUID(int=1), UUID(int=2), [{"quote": "", "meaning": "it does", "status": "assumed", "rules": list(rules), "lines": []}])  # fmt: skip


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (Action.BUY, ["buy when the close is above 10"]),
        (Action.SELL, ["sell when the close is below 8"]),
        (Action.SHORT, ["short when the close is below 6"]),
        (Action.COVER, ["cover when the close is above 7"]),
    ],
)
def test_a_trade_of_one_side_follows_its_rules_alone(action: Action, said: list[str]) -> None:
    assert _rules_of(version(*RULES), action) == said


@pytest.mark.parametrize("action", [Action.SELL, Action.COVER])
def test_what_closes_a_side_may_be_the_other_sides_turn(action: Action) -> None:
    (said,) = _rules_of(version("buy when close > 10", "short when close < 10", "turn round"), action)
    assert "other side's condition" in said
    assert not _rules_of(version("buy when close > 10", "short when close < 10"), action)
