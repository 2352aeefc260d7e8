"""One quotation of a whole request: its words are held against the rules of their own side, and the contrary of what they say is found."""

from __future__ import annotations

import pytest

from tests.support.contracts import RSI, found_in

FAST, SLOW = "ta.sma(bars.close, length=10)", "ta.sma(bars.close, length=30)"
ATR, MACD = "ta.atr(bars.high, bars.low, bars.close, length=14)", "ta.macd(bars.close).macd"
SIGNAL, BANDS = "ta.macd(bars.close).signal", "ta.bbands(bars.close, length=20, std=2)"
ADX, TREND = (
    "ta.adx(bars.high, bars.low, bars.close, length=14)",
    "ta.supertrend(bars.high, bars.low, bars.close, length=7, multiplier=3).direction",
)
MFI = "ta.mfi(bars.high, bars.low, bars.close, bars.volume, length=14)"
TOLD = ["The usual numbers are taken: RSI and MFI of 14 bars."]
SWAPPED = [f"buy when {RSI} > 70", f"sell when {RSI} < 30"]
BELOW = f"buy when {RSI} < 30"
ABOVE = f"sell when {RSI} > 70"


@pytest.mark.parametrize(
    "words",
    [
        "Buy AAPL when the RSI is below 30, sell when the RSI is above 70",
        "Sell AAPL when the RSI is above 70 and buy when the RSI is below 30",
        "Sell AAPL when the RSI is above 70, buy when the RSI is below 30",
        "Sell AAPL at RSI 70, buy at RSI 30",
        "sell AAPL above rsi 70 and buy below rsi 30",
        "Buy AAPL when the RSI is below 30 and close the position when it is above 70",
        "Buy AAPL when the RSI is below 30, get out above 70",
        "Buy AAPL when the RSI is below 30, then take it off above 70",
        "Buy AAPL when RSI < 30, out when RSI > 70",
        "Buy AAPL RSI 30 out RSI 70",
        "Get into AAPL when the RSI is below 30 and get out when the RSI is above 70",
        "Go in AAPL when RSI drops under 30, leave when RSI goes over 70",
        "Long AAPL below RSI 30, flat above RSI 70",
        "AAPL rsi under 30 get out rsi over 70",
        "AAPL rsi below 30 in, above 70 out",
        "purchse AAPL rsi below 30, offload it above 70",
        "Entre en AAPL cuando el RSI esté debajo de 30 y salga cuando esté encima de 70",
        "Entrer sur AAPL quand le RSI est sous 30 et sortir quand il est au-dessus de 70",
        "sell when rsi is above 70 AAPL, otherwise get in when it is below 30",
        "When RSI is above 70 sell AAPL; when RSI is below 30 buy AAPL",
        "AAPL: below RSI 30 we buy, above RSI 70 we sell",
        "Dump AAPL over RSI 70. Grab it again under RSI 30.",
        "Entry: RSI below 30. Exit: RSI above 70. AAPL",
        "Add AAPL when RSI < 30, trim when RSI > 70",
        "Nibble at AAPL when RSI < 30, jettison when RSI > 70",
    ],
)
def test_exchanged_sides_are_found(words: str) -> None:
    assert found_in(words, (words, SWAPPED), assumptions=TOLD)


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        (
            "Buy AAPL when the 10 SMA crosses above the 30 SMA and sell when it crosses below",
            [f"buy when crosses_below({FAST}, {SLOW})", f"sell when crosses_above({FAST}, {SLOW})"],
        ),
        (
            "Buy AAPL when the 10 SMA crosses above the 30 SMA and sell when it crosses below",
            [f"buy when crosses_above({SLOW}, {FAST})", f"sell when crosses_below({SLOW}, {FAST})"],
        ),
        (
            "Buy AAPL when the 10 SMA crosses the 30 SMA from below, sell when it crosses from above",
            [f"buy when crosses_below({FAST}, {SLOW})", f"sell when crosses_above({FAST}, {SLOW})"],
        ),
        (
            "Sell AAPL when the 10 SMA crosses below the 30 SMA and buy when it crosses above",
            [f"buy when crosses_below({FAST}, {SLOW})", f"sell when crosses_above({FAST}, {SLOW})"],
        ),
        (
            "Buy AAPL when the close is above the 30 SMA and sell when it is below",
            [f"buy when close < {SLOW}", f"sell when close > {SLOW}"],
        ),
        (
            "Buy AAPL on the golden cross of the 10 and 30 SMA, sell on the death cross",
            [f"buy when crosses_below({FAST}, {SLOW})", f"sell when crosses_above({FAST}, {SLOW})"],
        ),
        (
            "Buy AAPL when price crosses above the 30 SMA; exit when price crosses below the 30 SMA",
            [f"buy when crosses_below(close, {SLOW})", f"sell when crosses_above(close, {SLOW})"],
        ),
        ("Buy AAPL when RSI is below 30, sell at +5% or -2%", [BELOW, "sell when gain >= 2 or gain <= -5"]),
        ("Buy AAPL when RSI is below 30, sell at a loss of 2% or at a gain of 5%", [BELOW, "sell when gain >= 2 or gain <= -5"]),
        ("Buy AAPL when RSI is below 30, take profit at 5%, stop loss at 2%", [BELOW, "sell when gain >= 2 or gain <= -5"]),
        (
            "Buy AAPL when it drops 2% below yesterday's close and sell when it gains 3%",
            ["buy when close >= yesterday_close * 1.03", "sell when gain <= -2"],
        ),
        (
            "Buy AAPL when RSI is below 30 before 11:00, sell when it is above 70 after 14:00",
            [f"{BELOW} and minute > 840", f"{ABOVE} and minute < 660"],
        ),
        (
            "Buy AAPL when RSI is below 30 on Mondays, sell when it is above 70 on Fridays",
            [f"{BELOW} and weekday == 4", f"{ABOVE} and weekday == 0"],
        ),
        ("Buy AAPL when RSI is below 30 and MACD is positive, sell when RSI is above 70", [f"{BELOW} and {MACD} < 0", ABOVE]),
        ("Buy AAPL when RSI is below 30 and MACD is negative, sell when RSI is above 70", [f"{BELOW} and {MACD} > 0", ABOVE]),
        ("Buy AAPL when RSI is below 30 and the bar is red, sell when RSI is above 70", [f"{BELOW} and close > open", ABOVE]),
        ("Buy AAPL when RSI is below 30 and the candle is green, sell when RSI is above 70", [f"{BELOW} and open > close", ABOVE]),
        ("Buy AAPL when RSI is below 30 and rising, sell when RSI is above 70", [f"{BELOW} and {RSI} < previous({RSI})", ABOVE]),
        ("Buy AAPL when RSI is below 30 and volume is falling, sell when RSI is above 70", [f"{BELOW} and volume > previous(volume)", ABOVE]),
        (
            "Buy AAPL when the close breaks the highest high of 20 bars, sell when it breaks the lowest low of 10 bars",
            ["buy when close < bars.low.rolling(20).min().shift(1)", "sell when close > bars.high.rolling(10).max().shift(1)"],
        ),
        (
            "Buy AAPL when the close is 2 ATR below the 30 SMA, sell at the SMA",
            [f"buy when close > {SLOW} + 2 * {ATR}", f"sell when close < {SLOW}"],
        ),
        ("Buy AAPL when the close is above the higher of the 10 and 30 SMA, sell when RSI is above 70", [f"buy when close > {FAST}", ABOVE]),
        ("Buy AAPL when the close is above the average of the 10 and 30 SMA, sell when RSI is above 70", [f"buy when close > {FAST} and close > {SLOW}", ABOVE]),
        ("Buy AAPL when RSI is below 30 and the last bar was down, sell when RSI is above 70", [f"{BELOW} and close > open", ABOVE]),
        ("Buy AAPL at the lower Bollinger band and sell at the upper one", [f"buy when close >= {BANDS}.upper", f"sell when close <= {BANDS}.lower"]),
        ("Buy AAPL when MACD turns bullish, sell when it turns bearish", [f"buy when {MACD} < {SIGNAL}", f"sell when {MACD} > {SIGNAL}"]),
        ("Buy AAPL when MACD is above its signal, sell when it is below its signal", [f"buy when {SIGNAL} > {MACD}", f"sell when {SIGNAL} < {MACD}"]),
        ("Buy AAPL in the morning when RSI < 30, sell in the afternoon", [f"{BELOW} and minute >= 720", "sell when minute < 720"]),
        ("Buy AAPL at the open, sell at the close", ["buy when minute >= 958", "sell when minute >= 570"]),
        ("Buy AAPL when ADX is above 25 and +DI is above -DI, sell when RSI is above 70", [f"buy when {ADX}.adx > 25 and {ADX}.plus < {ADX}.minus", ABOVE]),
        ("Buy AAPL when the supertrend is green, sell when it is red", [f"buy when {TREND} < 0", f"sell when {TREND} > 0"]),
        ("Buy AAPL when RSI is at most 30, sell when RSI is at least 70", [f"buy when {RSI} >= 30", f"sell when {RSI} <= 70"]),
        (
            "Buy AAPL when neither the RSI is above 30 nor the MFI is above 40, sell when the RSI is above 70",
            [f"buy when {RSI} > 30 and {MFI} > 40", ABOVE],
        ),
        (
            "Buy AAPL when neither the RSI is above 30 nor the MFI is above 40, sell when the RSI is above 70",
            [f"buy when {RSI} > 30 or {MFI} > 40", ABOVE],
        ),
    ],
)  # fmt: skip
def test_the_contrary_of_the_words_is_found(words: str, rules: list[str]) -> None:
    assert found_in(words, (words, rules), assumptions=TOLD)


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        ("Sell AAPL when the RSI is above 70 and buy when the RSI is below 30", [BELOW, ABOVE]),
        ("When RSI is above 70 sell AAPL; when RSI is below 30 buy AAPL", [BELOW, ABOVE]),
        ("Buy AAPL when RSI is below 30, sell at +5% or -2%", [BELOW, "sell when gain >= 5 or gain <= -2"]),
        ("Buy AAPL when RSI is below 30 with a 2% stop, sell when RSI is above 70", [BELOW, ABOVE, "sell when gain <= -2"]),
        ("Buy AAPL when RSI is below 30 and MACD is positive, sell when RSI is above 70", [f"{BELOW} and {MACD} > 0", ABOVE]),
        ("Buy AAPL when RSI is below 30 and rising, sell when RSI is above 70", [f"{BELOW} and {RSI} > previous({RSI})", ABOVE]),
        (
            "Buy AAPL when neither the RSI is above 30 nor the MFI is above 40, sell when the RSI is above 70",
            [f"buy when {RSI} <= 30 and {MFI} <= 40", ABOVE],
        ),
        (
            "Buy AAPL when the 10 SMA crosses above the 30 SMA and sell when it crosses below",
            [f"buy when crosses_above({FAST}, {SLOW})", f"sell when crosses_below({FAST}, {SLOW})"],
        ),
        (
            "Buy AAPL when the 10 SMA crosses the 30 SMA from below, sell when it crosses from above",
            [f"buy when crosses_above({FAST}, {SLOW})", f"sell when crosses_below({FAST}, {SLOW})"],
        ),
        (
            "Buy AAPL when RSI is below 30 before 11:00, sell when it is above 70 after 14:00",
            [f"{BELOW} and minute < 660", f"{ABOVE} and minute > 840"],
        ),
    ],
)  # fmt: skip
def test_what_the_words_say_passes(words: str, rules: list[str]) -> None:
    assert found_in(words, (words, rules), assumptions=TOLD) == []


@pytest.mark.parametrize(
    ("first", "rules", "second", "more"),
    [
        ("Buy AAPL when the close is above the higher of the 10", f"buy when close > {FAST}", "and 30 SMA", f"buy only when close > {SLOW}"),
        ("Buy AAPL when the close is above the lower of the 10 and", f"buy when close > {FAST}", "30 SMA", f"buy only when close > {SLOW}"),
        ("Buy AAPL when the gap from the 10", f"buy when close > {FAST}", "to the 30 SMA is above 2", f"buy only when {SLOW} > 2"),
        ("Buy AAPL when RSI is below 30 but never", BELOW, "on Monday", "buy only when weekday == 0"),
        ("Buy AAPL when RSI is below 30 not", BELOW, "after 14:00", "buy only when minute > 840"),
        ("Buy AAPL when RSI is below 30 every day but", BELOW, "Monday", "buy only when weekday == 0"),
        ("Buy AAPL when RSI is below 30, if it's Friday", f"{BELOW} and weekday == 4", "buy when RSI is below 40", f"buy when {RSI} < 40"),
        ("Buy AAPL when RSI is below 30 unless it is", BELOW, "after 14:00", "buy only when minute > 840"),
    ],
)  # fmt: skip
def test_a_phrase_is_not_cut_in_two(first: str, rules: str, second: str, more: str) -> None:
    words = f"{first} {second}, sell when RSI is above 70"
    assert found_in(words, (first, [rules]), (second, [more]), ("sell when RSI is above 70", [ABOVE]), assumptions=TOLD)
