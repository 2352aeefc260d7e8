"""Turns that the grammar composes of their parts, with the rules that they say; and turns with a word of no reading, or of two, which stay unread."""

from __future__ import annotations

import pytest
from simulators.gemini.author.strict import rules_of_statement
from stratforge.intent.reading.composed import composed

RSI = "ta.rsi(bars.close, length=14)"
VWAP = "ta.vwap(bars.high, bars.low, bars.close, bars.volume)"
MACD = "ta.macd(bars.close, fast=12, slow=26, signal=9)"
ATR = "ta.atr(bars.high, bars.low, bars.close, length=14)"


def sma(length: int) -> str:
    return f"ta.sma(bars.close, length={length})"


def ema(length: int) -> str:
    return f"ta.ema(bars.close, length={length})"


def rules(words: str, symbol: str = "AAPL") -> list[str]:
    read = composed(words, symbol)
    assert read is not None, words
    return [rule for each in read for rule in rules_of_statement(each)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        # The verb before its condition, after it, and as a heading.
        ("Buy when RSI < 30, sell when RSI > 70", [f"buy when {RSI} < 30", f"sell when {RSI} > 70"]),
        ("RSI under 30 gets me in, RSI over 70 gets me out", [f"buy when {RSI} < 30", f"sell when {RSI} > 70"]),
        ("Entry: RSI below 30. Exit: RSI above 70", [f"buy when {RSI} < 30", f"sell when {RSI} > 70"]),
        ("RSI < 30 → long. RSI > 70 → flat", [f"buy when {RSI} < 30", f"sell when {RSI} > 70"]),
        ("Setup: RSI below 30. Then buy. Bail on RSI above 70", [f"buy when {RSI} < 30", f"sell when {RSI} > 70"]),
        # Movement and place, in any of the usual verbs.
        ("grab it when price pokes under the 20 ema, ditch it when price climbs over the 50 sma", [f"buy when close < {ema(20)}", f"sell when close > {sma(50)}"]),
        ("hop in when price pops back over vwap, out below vwap", [f"buy when crosses_above(close, {VWAP})", f"sell when close < {VWAP}"]),
        ("buy when the 9 ema is over the 21 ema, dump it when the 9 goes under the 21", [f"buy when {ema(9)} > {ema(21)}", f"sell when {ema(21)} > {ema(9)}"]),
        ("long when 9 ema crosses above 21 ema, exit when it crosses back down", [f"buy when crosses_above({ema(9)}, {ema(21)})", f"sell when crosses_below({ema(9)}, {ema(21)})"]),
        ("buy when price is above both VWAP and the 50 EMA, sell when it slips beneath vwap", [f"buy when close > {ema(50)} and close > {VWAP}", f"sell when close < {VWAP}"]),
        # What is left out is what was spoken of.
        ("MACD(12,26,9) line > 0 → long, < 0 → flat", [f"buy when {MACD}.macd > 0", f"sell when {MACD}.macd < 0"]),
        ("AAPL above the 50 SMA: own it, below: sell it", [f"buy when close > {sma(50)}", f"sell when close < {sma(50)}"]),
        ("RSI(7) is under 20: buy. RSI over 60: sell", ["buy when ta.rsi(bars.close, length=7) < 20", "sell when ta.rsi(bars.close, length=7) > 60"]),
        ("buy when the 10 SMA turns up and price is above it, sell when the SMA turns down", [f"buy when close > {sma(10)} and {sma(10)} > previous({sma(10)})", f"sell when previous({sma(10)}) > {sma(10)}"]),
        ("buy when RSI is rising and above 50 and price is over the 50 sma. Otherwise be flat", [f"buy when close > {sma(50)} and {RSI} > 50 and {RSI} > previous({RSI})", f"sell when (close <= {sma(50)}) or (previous({RSI}) >= {RSI}) or ({RSI} <= 50)"]),
        # Streaks, stretches, levels of the day.
        ("buy on the third straight red bar, sell on the first green bar", ["buy when for_bars(3, open > close)", "sell when close > open"]),
        ("two closes under the lower band (20, 2), buy; one close over the middle band, sell", ["buy when for_bars(2, close < ta.bbands(bars.close, length=20, std=2).lower)", "sell when close > ta.bbands(bars.close, length=20, std=2).mid"]),
        ("buy when it is up 5% on the day, sell at the high of the first 30 minutes", ["buy when close >= 1.05 * yesterday_close", "sell when close >= opening_high(30)"]),
        ("opening range = first 15 minutes. buy the break of the range high, stop at range low", ["buy when close > opening_high(15)", "stop loss at opening_low(15)"]),
        ("buy when close is above the highest close of the last 40 bars, sell after 20 bars", ["buy when close > bars.close.rolling(40).max().shift(1)", "sell when bars_held >= 20"]),
        # Exits, sizes, limits, hours.
        ("buy 5k when RSI < 30, out at +0.4% or -0.2%", [f"buy when {RSI} < 30", "size 5000 dollars", "sell when (gain <= -0.2) or (gain >= 0.4)"]),
        ("Take 10 shares when RSI < 30. hard stop 2 ATR(14) below entry. target 4 x ATR(14) above entry", [f"buy when {RSI} < 30", "size 10 shares", f"stop loss at close - 2 * {ATR}", f"take profit at close + 4 * {ATR}"]),
        ("buy when RSI < 30, half out at +1%, the rest at +2%. one shot per day", [f"buy when {RSI} < 30", "sell 50% when gain >= 1", "sell when gain >= 2", "at most 1 buys a day"]),
        ("when RSI < 30 get in, when RSI > 70 get out. don't trade the first 30 or the last 30 minutes", [f"buy when {RSI} < 30", f"sell when {RSI} > 70", "buy only when minute >= 600 and minutes_to_close > 30"]),
        ("at 12:30 sharp, if AAPL sits above vwap, buy $6k, and sell at 14:00 or on a 0.4% loss", [f"buy when close > {VWAP} and minute < 751 and minute >= 750", "size 6000 dollars", "sell when (gain <= -0.4) or (minute >= 840)"]),
        ("RSI < 30 = buy, RSI > 70 = sell, no entries after 2:30", [f"buy when {RSI} < 30", f"sell when {RSI} > 70", "buy only when minute < 870"]),
        ("1) ticker: AAPL\n2) buy when RSI < 30\n3) sell when profit is 1%\n4) skip Fridays", [f"buy when {RSI} < 30", "take profit 1%", "buy only when (weekday == 0 or weekday == 1 or weekday == 2 or weekday == 3)"]),
    ],
)  # fmt: skip
def test_a_turn_is_composed_of_its_parts(words: str, said: list[str]) -> None:
    assert rules(words) == said


@pytest.mark.parametrize(
    "words",
    [
        # A word without a reading, wherever it stands.
        "buy when the fluffy RSI is below 30, sell when RSI > 70",
        "buy when RSI < 30 and Saturn is near, sell when RSI > 70",
        "buy when the daily RSI is below 30, sell when the daily RSI is above 70",
        "buy when RSI < 30, sell when RSI > 70, after three losses quit",
        "buy when RSI < 30, sell when RSI > 70, max 3 trades a week",
        # What is not to be is not passed over.
        "buy anything but AAPL when RSI < 30, sell when RSI > 70",
        "buy when RSI < 30, sell when RSI > 70, never at a loss",
        # A price is no size, a bound no moment, a risk no stop.
        "buy AAPL at $190, sell at RSI 70",
        "buy AAPL by 10:00, sell at 15:00",
        "risk 1% per trade. buy when RSI < 30, sell when RSI > 70",
        # Two readings.
        "buy when RSI < 30 or price > vwap and MACD > 0, sell at 15:55",
        "buy when RSI goes under 30 then RSI goes over 40, sell at 15:55",
        "buy when price touches the 20 ema, sell at 15:55",
        "sell 1% below the high, buy when RSI < 30",
        "buy when 9 ema > 21 ema and 9 sma > 21 sma, sell when the 9 goes under the 21",
        # Days are no bars, a day that is not over has no close, and a level of the day that moves is no stop.
        "buy when price > 200-day sma, sell when price < 200-day sma",
        "buy when the daily close breaks above the high of the first 15 minutes, sell at 15:55",
        "buy when RSI is below 30, stop at 2% below the day's low, sell when RSI is above 70",
        # A restriction that goes on, an “or” that joins nothing, and what nothing joins.
        "buy when RSI < 30, on Fridays only when RSI < 20, sell when RSI > 70",
        "buy 50 shares or when RSI < 30, sell when RSI > 70",
        "buy when RSI < 30 price > vwap, sell when RSI > 70",
        "buy when RSI < 30, sell when RSI > 70 only on Mondays",
        # “It” of several things, and of nothing.
        "buy when RSI < 30 and price is above the 50 sma, sell when it is above 70",
        "buy when it is below 30, sell at 15:55",
        # Nothing says when to buy.
        "sell when RSI > 70",
    ],
)
def test_a_turn_with_a_word_of_no_reading_or_of_two_stays_unread(words: str) -> None:
    assert composed(words, "AAPL") is None


def test_each_clause_keeps_the_place_of_its_own_words() -> None:
    words = "RSI < 30 → buy 10 shares. If RSI > 70 I'm out"
    read = composed(words, "AAPL")
    assert read is not None
    assert [words[each.start : each.end] for each in read] == ["RSI < 30 → buy 10 shares", "If RSI > 70 I'm out"]


@pytest.mark.parametrize("word", ["never", "weekly", "except", "half", "or"])
@pytest.mark.parametrize(
    "words",
    [
        "Entry: RSI under 30 while price sits over vwap. Exit: RSI hits 50 or 15:55. Stop 2%. Max 3 trades a day",
        "grab 10 shares when price reclaims the 20 ema, dump them once it loses the 20 ema. Skip Fridays",
    ],
)
def test_no_word_that_decides_something_can_be_put_in_unseen(words: str, word: str) -> None:
    said = rules(words)
    for place in [0, *(index + 1 for index, sign in enumerate(words) if sign == " ")]:
        changed = f"{words[:place]}{word} {words[place:]}"
        if f" {word} {word} " in changed:
            continue
        read = composed(changed, "AAPL")
        assert read is None or [rule for each in read for rule in rules_of_statement(each)] != said, changed
