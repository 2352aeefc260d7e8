"""Rules of a portfolio that do something else than the plain words of their requirement are found, whoever wrote them."""

from __future__ import annotations

import pytest
from simulators.gemini.author import write_answer
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rotation.unlike import unlike_portfolio

AVERAGE = "bars.close.rolling(200).mean()"
RETURN = "bars.close.pct_change(126)"


def found(words: str, *rules: str) -> list[str]:
    """What is found in one requirement."""
    return list(unlike_portfolio([Requirement(quote=words, meaning="-", status=Status.COVERED, rules=list(rules))]))


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        ("monthly instead of weekly", ("drop rebalance monthly", "rebalance weekly")),
        ("not weekly, quarterly", ("rebalance weekly",)),
        ("wöchentlich statt monatlich", ("rebalance daily",)),
        ("every 2 weeks", ("rebalance weekly",)),
        ("every other month", ("rebalance monthly",)),
        ("thanks", ("drop rebalance monthly", "rebalance weekly")),
        ("is weekly better?", ("drop rebalance monthly", "rebalance weekly")),
        ("ohne TSLA", ("universe SPY, QQQ, TSLA",)),
        ("drop TSLA", ("universe SPY, TSLA",)),
        ("TSLA only", ("universe SPY, QQQ, IWM",)),
        ("keep out anything below its 200-day average", (f"only where bars.close < {AVERAGE}",)),
        ("only those above their 200-day average", (f"only where bars.close < {AVERAGE}",)),
        ("unless SPY is below its 200-day average", (f"only when SPY: bars.close < {AVERAGE}",)),
        ("cash when SPY is below its 200-day average", (f"only when SPY: bars.close < {AVERAGE}",)),
        ("only with a return above 5%", (f"only where {RETURN} > 5",)),
    ],
)
def test_rules_unlike_their_words_are_found(words: str, rules: tuple[str, ...]) -> None:
    """Another period, another symbol, the other side, another unit."""
    assert found(words, *rules)


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        ("monthly instead of weekly", ("drop rebalance weekly", "rebalance monthly")),
        ("every 3 months", ("rebalance quarterly",)),
        ("Every week", ("rebalance weekly",)),
        ("drop TSLA", ("drop universe SPY, QQQ, TSLA", "universe SPY, QQQ")),
        ("can you make it weekly?", ("drop rebalance monthly", "rebalance weekly")),
        ("keep out anything below its 200-day average", (f"only where bars.close > {AVERAGE}",)),
        ("only those above their 200-day average", (f"only where bars.close > {AVERAGE}",)),
        ("cash unless SPY is above its 200-day average", (f"only when SPY: bars.close > {AVERAGE}",)),
        ("cash if SPY is below its 200-day average", (f"only when SPY: bars.close > {AVERAGE}",)),
        ("only with a return above 5%", (f"only where {RETURN} > 0.05",)),
    ],
)
def test_rules_that_do_what_is_said_are_not_found(words: str, rules: tuple[str, ...]) -> None:
    """What the words say may be done."""
    assert found(words, *rules) == []


def test_one_weakest_in_the_place_of_three_strongest_is_asked_about() -> None:
    """A change that names no count, where three are held: one, or three as before?"""
    request = "Every month hold the 3 strongest of SPY, QQQ, IWM, TSLA by 6-month return, equal weights"
    assert not write_answer([request, "the weakest instead"])["python_code"]
    assert write_answer([request, "the 2 weakest instead"])["python_code"]
