"""Changes that are made on the formal rules of the strategy that stands: every word of them is understood, or nothing is changed."""

from __future__ import annotations

import pytest
from simulators.gemini.author.amendments import amended

from tests.support.contracts import RSI

BUY, SELL = f"buy when {RSI} < 30", f"sell when {RSI} > 70"
FAST, SLOW = "ta.sma(bars.close, length=10)", "ta.sma(bars.close, length=30)"
VWAP = "ta.vwap(bars.high, bars.low, bars.close, bars.volume)"
STRATEGY = [BUY, SELL, "stop loss 2%", "take profit 4%", "size 100 shares"]


@pytest.mark.parametrize(
    ("words", "gone", "new"),
    [
        ("make the stop 3%", ["stop loss 2%"], ["stop loss 3%"]),
        ("double the target and the stop", ["take profit 4%", "stop loss 2%"], ["take profit 8%", "stop loss 4%"]),
        ("remove the target", ["take profit 4%"], []),
        ("use 25 instead of 30", [BUY], [f"buy when {RSI} < 25"]),
        ("change the sell to 65", [SELL], [f"sell when {RSI} > 65"]),
        ("make it 10% of my equity instead of 100 shares", ["size 100 shares"], ["size 10% of equity"]),
        ("trailing stop in place of the normal one", ["stop loss 2%"], ["trailing stop 2%"]),
        ("add a filter: price above VWAP", [], [f"buy only when close > {VWAP}"]),
        ("buy when it crosses 30 from below instead", [BUY], [f"buy when crosses_above({RSI}, 30)"]),
        ("move the stop to break even at +1%", [], ["stop loss 0% when gain >= 1"]),
        ("also sell at 15:50 and max 2 trades a day", [], ["sell when minute >= 950", "at most 2 buys a day"]),
    ],
)
def test_a_change_of_the_rules_is_what_the_words_say(words: str, gone: list[str], new: list[str]) -> None:
    work = amended(STRATEGY, words, "AAPL")
    assert work is not None
    assert (sorted(work.dropped), sorted(work.added)) == (sorted(gone), sorted(new))


def test_two_lengths_change_both_sides() -> None:
    rules = [f"buy when crosses_above({FAST}, {SLOW})", f"sell when crosses_below({FAST}, {SLOW})"]
    work = amended(rules, "use the 20 and 50 SMA", "AAPL")
    assert work is not None
    assert work.rules == [each.replace("length=10", "length=20").replace("length=30", "length=50") for each in rules]


@pytest.mark.parametrize(
    "words",
    ["make it prettier", "use 7 instead of 13", "make it 3%", "sell when MFI is above 80", "remove the stop unless it is Friday", "change 30 to 25 on Mondays"],
)  # fmt: skip
def test_what_is_not_plain_changes_nothing(words: str) -> None:
    assert amended(STRATEGY, words, "AAPL") is None
