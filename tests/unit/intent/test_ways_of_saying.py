"""Ordinary ways of saying the same, each read with its one meaning; and the ones that keep two meanings, which stay unread."""

from __future__ import annotations

import pytest
from simulators.gemini.author.strict import rules_of_statement
from stratforge.intent.reading.statements import statements_of
from stratforge.intent.reading.unsure import unsure_in

RSI = "ta.rsi(bars.close, length=14)"
MACD = "ta.macd(bars.close, fast=12, slow=26, signal=9)"
VWAP = "ta.vwap(bars.high, bars.low, bars.close, bars.volume)"


def rules(words: str, symbol: str = "AAPL") -> list[str]:
    read = statements_of(words, symbol)
    assert all(each.kind for each in read), [words[each.start : each.end] for each in read if not each.kind]
    return [rule for each in read for rule in rules_of_statement(each)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("hey guys, noob here. want a bot for AAPL that buys if rsi is under 28", [f"buy when {RSI} < 28"]),
        ("price < vwap by at least 0.4% -> buy 50 shares", [f"buy when close <= 0.996 * {VWAP}", "size 50 shares"]),
        ("buy if close is under vwap by more than 0.25%", [f"buy when close < 0.9975 * {VWAP}"]),
        ("Every day at 10:15 buy 10 shares", ["buy when minute < 616 and minute >= 615", "size 10 shares"]),
        ("Put 20% of my account in Apple whenever RSI < 30", [f"buy when {RSI} < 30", "size 20% of equity"]),
        ("Buy AAPL: RSI < 30", [f"buy when {RSI} < 30"]),
        ("Buy unless RSI is over 40; sell unless it's under 60", [f"buy when {RSI} <= 40", f"sell when {RSI} >= 60"]),
        ("sma50 x sma200 up = buy, down = sell", ["buy when crosses_above(ta.sma(bars.close, length=50), ta.sma(bars.close, length=200))", "sell when crosses_below(ta.sma(bars.close, length=50), ta.sma(bars.close, length=200))"]),
        ("ema9 above ema21 above ema50 → in", ["buy when ta.ema(bars.close, length=21) > ta.ema(bars.close, length=50) and ta.ema(bars.close, length=9) > ta.ema(bars.close, length=21)"]),
        ("Take the high of the first 30 min. If price closes above it, buy", ["buy when close > opening_high(30)"]),
        ("nothing after 2pm", ["buy only when minute < 840"]),
        ("Ignore buy signals while RSI > 80", [f"buy only when {RSI} <= 80"]),
        ("I only trade between 10:00 and 11:30 and again from 14:00 to 15:30", ["buy only when (minute < 690 and minute >= 600) or (minute < 930 and minute >= 840)"]),
        ("only mon/wed/fri", ["buy only when (weekday == 0 or weekday == 2 or weekday == 4)"]),
        ("Sell after two green ones in a row, or if I'm down 0.6%", ["sell when (for_bars(2, close > open)) or (gain <= -0.6)"]),
        ("if AAPL is green for 4 bars straight buy", ["buy when for_bars(4, close > open)"]),
        ("if it closes red twice in a row sell them", ["sell when for_bars(2, open > close)"]),
        ("Exit 1% up, 0.5% down or at 15:55", ["sell when (gain <= -0.5) or (gain >= 1) or (minute >= 955)"]),
        ("buy when MACD line crosses its signal from below while both are under zero", [f"buy when crosses_above({MACD}.macd, {MACD}.signal) and {MACD}.macd < 0 and {MACD}.signal < 0"]),
        ("Buy when both the 14 RSI and the 14 MFI are below 35", [f"buy when ta.mfi(bars.high, bars.low, bars.close, bars.volume, length=14) < 35 and {RSI} < 35"]),
        ("buy when RSI was below 30 on the previous bar and is now above 30", [f"buy when previous({RSI}) < 30 and {RSI} > 30"]),
        ("RSI crossed below 30 at some point in the last 10 bars and price is above VWAP: buy", [f"buy when close > {VWAP} and within_bars(10, crosses_below({RSI}, 30))"]),
        ("Buy when all of the following are true: RSI < 30, price > VWAP", [f"buy when close > {VWAP} and {RSI} < 30"]),
        ("If price is above VWAP, buy when RSI < 30", [f"buy when close > {VWAP} and {RSI} < 30"]),
        ("buy when price > vwap and vwap is rising over the last 10 bars", [f"buy when close > {VWAP} and {VWAP} > {VWAP}.shift(10)"]),
        ("Buy the first time price crosses above VWAP after 11:00 each day", [f"buy when crosses_above(close, {VWAP}) and minute >= 660", "at most 1 buys a day"]),
    ],
)  # fmt: skip
def test_it_is_read_with_its_meaning(words: str, said: list[str]) -> None:
    assert rules(words) == said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("Kaufe NVIDIA, wenn der RSI unter 32 fällt, aber nicht in der ersten halben Stunde nach Börsenstart", [f"buy when minute >= 600 and {RSI} < 32"]),
        ("Compra cuando el RSI cruce hacia arriba el nivel 30", [f"buy when crosses_above({RSI}, 30)"]),
        ("Achète quand le RSI est sous 30. Pas d'achat après 15h, et jamais le vendredi", [f"buy when {RSI} < 30", "buy only when minute < 900", "buy only when (weekday == 0 or weekday == 1 or weekday == 2 or weekday == 3)"]),
    ],
)  # fmt: skip
def test_other_languages_are_read(words: str, said: list[str]) -> None:
    assert rules(words, "NVDA") == said


def test_a_level_is_met_from_the_side_on_which_it_bought() -> None:
    assert rules("Buy when RSI < 30, sell when RSI hits 60")[-1] == f"sell when {RSI} >= 60"
    assert rules("Buy when RSI < 30, sell when RSI is back over 55")[-1] == f"sell when crosses_above({RSI}, 55)"


@pytest.mark.parametrize(
    "words",
    [
        "Buy when RSI was below 30 in the last 10 bars",
        "Buy when price is back above VWAP",
        "Buy when RSI < 30, sell when RSI > 70, but only if price is above VWAP",
        "buy when it crosses again",
        "Buy when price is above 50, sell when below 45 sma",
    ],
)
def test_what_two_people_would_read_differently_is_asked_about(words: str) -> None:
    assert unsure_in(words) or not all(each.kind for each in statements_of(words, "AAPL"))
