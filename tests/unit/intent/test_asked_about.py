"""Words that an attack found read one way without a word, though another is as near: they are asked about, whoever wrote the answer."""

from __future__ import annotations

import pytest

from tests.support.contracts import written

ASKED = [
    # A day or a time behind the last of two alternatives.
    "Buy MSFT when RSI < 25 or MFI < 15 on Wednesdays, sell when RSI > 75",
    "Buy when price < VWAP or CCI < -120 after 13:30, sell when CCI > 100",
    "Buy when RSI < 30 or MFI < 20 between 10:00 and 11:00, sell when RSI > 70",
    # What “it” is.
    "Buy when price crosses above the 50 SMA with volume above its 10 bar average, sell when it crosses below",
    "Buy when the 50 SMA slopes up, exit when it slopes down",
    "Buy when close is above the EMA 9 and it is over the EMA 21, sell when the close is under it",
    # A chart as the number of an indicator.
    "Buy when RSI(15m) < 30, sell when RSI(15m) > 70",
    "Buy when price > EMA(50, 1h), sell when price < EMA(50, 1h)",
    # What it bounds.
    "Buy MFI < 20, sell MFI > 80, provided price is above VWAP",
    "Buy when RSI < 30 on Tuesdays, Thursdays before 12, sell when RSI > 70",
    "Entries only before 14:00, exits only after 11:00. Buy MFI < 20, sell MFI > 80.",
    "Buy when RSI < 30, sell when RSI > 70, exit only on Wednesdays",
    "Buy when MFI < 20 and not below 25 dollars, sell when MFI > 80",
    "Buy when either MFI < 20 and RSI < 30 or CCI < -150, sell when RSI > 70",
    "Buy when RSI < 30 but not when price < SMA 200, except MFI < 10, sell when RSI > 70",
    # More than one purchase.
    "Buy when MFI < 20, buy again if MFI < 10, sell when MFI > 80",
    "Buy 5 shares every time RSI crosses below 25, sell all when RSI > 75",
    # A price, or how far it is.
    "Buy when RSI < 30, take profit at $210, sell when RSI > 70",
    "Buy when RSI < 30, sell when RSI > 70, stop loss at $180",
    "Buy when RSI < 30, target $400, sell when RSI > 70",
    "Buy 15% of available cash when RSI < 30, sell when RSI > 70",
    # When exactly.
    "Buy when MFI < 20 except on Tuesdays, when it sells at 11",
    "Stay long from 10:30 to 14:00 except Wednesdays",
    "Buy the moment price goes over the 20 SMA provided that ADX > 20, sell when price < the 20 SMA",
]


@pytest.mark.parametrize("words", ASKED)
def test_it_is_asked_about(words: str) -> None:
    assert written(words) is None


@pytest.mark.parametrize(
    "words",
    [
        "Buy at 10:00, sell at 15:50",
        "Buy Friday at 15:30, sell Monday at 10:00",
        "Buy when RSI < 30, sell when RSI > 70 or at 15:50",
        "Buy when RSI < 30 after 14:00, sell when RSI > 70",
        "Buy when RSI < 30, sell when RSI > 70, stop loss 2%",
        "Buy when RSI < 30 or MFI < 20, sell when RSI > 70",
    ],
)
def test_what_is_plain_is_written(words: str) -> None:
    assert written(words) is not None


@pytest.mark.parametrize(
    ("words", "bought", "sold"),
    [
        ("Buy AAPL at 13:00, sell at 10:00", 780, 600),
        ("Buy at 15:45 if MFI < 40, sell at 9:40", 945, 580),
        ("Compra a las 15:30, vende a las 9:50", 930, 590),
        ("Achète à 15h40, vends à 9h50", 940, 590),
        ("14:50买入，10:15卖出", 890, 615),
    ],
)
def test_a_time_that_has_passed_when_it_buys_is_one_of_another_day(words: str, bought: int, sold: int) -> None:
    answer = written(words)
    assert answer is not None
    rules, told = answer
    assert f"sell when minute >= {sold} and minute < {bought}" in rules
    assert told


@pytest.mark.parametrize(
    "words",
    [
        "Buy when MFI < 20, sell when MFI > 80. Flat on Thursdays.",
        "Long when CCI < -100, sell when CCI > 100, out on Mondays",
    ],
)
def test_who_is_flat_on_a_day_does_not_buy_on_it(words: str) -> None:
    answer = written(words)
    assert answer is not None
    assert any(each.startswith("buy only when") and "weekday" in each for each in answer[0])
