"""How far words reach is told by the structure of a sentence: each structure is asked about in whichever words it is said, and its plain neighbors are not."""

from __future__ import annotations

import pytest
from simulators.gemini.author import write_answer
from stratforge.intent.bounds import never_buys
from stratforge.intent.clocks import filled_next_day
from stratforge.intent.gate import words_findings
from stratforge.intent.reading.reach import (
    ANOTHER_WAY,
    AT_OTHER_TIMES,
    BOTH_OR_EITHER,
    CHART,
    OF_THE_SALE,
    ORDER,
    SHARE_OR_ALL,
    UNTIL_OR_AT,
    WAITS,
    reaches_in,
)
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rules import read_rule

MACD = "ta.macd(bars.close, fast=12, slow=26, signal=9)"


def asked(words: str) -> set[str]:
    return {asks for _, _, asks in reaches_in(words)}


@pytest.mark.parametrize(
    ("words", "asks"),
    [
        # A bound beside a sale.
        ("Buy when RSI < 30; sell when RSI > 60, only after 2 pm", OF_THE_SALE),
        ("Buy when RSI < 30, exit whenever RSI > 60 (only on Tuesdays)", OF_THE_SALE),
        ("Buy when RSI < 30; bail out at a 2% gain, but never in the afternoon", OF_THE_SALE),
        ("Buy when RSI < 30; take profit at 3%, avoid Mondays", OF_THE_SALE),
        ("Buy when RSI < 30; sl 1% not before 10:30", OF_THE_SALE),
        ("Compra cuando el RSI < 30; vende cuando el RSI > 60, solo los viernes", OF_THE_SALE),
        ("Buy when RSI < 30; before noon get out if RSI > 60", UNTIL_OR_AT),
        ("Buy when RSI < 30; sell when RSI > 60 until 14:00", UNTIL_OR_AT),
        ("Buy when RSI < 30; sell when RSI > 60, before noon only", OF_THE_SALE),
        # “And” between ways out, and in.
        ("Buy when RSI < 30; sell at a 4% profit plus when RSI > 70", BOTH_OR_EITHER),
        ("Buy when RSI < 30; sell as soon as RSI > 70 && as soon as it drops 2%", BOTH_OR_EITHER),
        ("Buy when RSI < 30; close everything when up 2% and down 1%", BOTH_OR_EITHER),
        ("Buy when RSI < 30; exits: RSI above 60 n 2% loss", BOTH_OR_EITHER),
        ("Buy when RSI < 30; dump it after 20 bars and when MACD < 0", BOTH_OR_EITHER),
        ("Buy when RSI < 30; sell when RSI > 60 and at the close", BOTH_OR_EITHER),
        ("Buy when RSI < 30 as well as whenever MACD crosses up, sell when RSI > 60", ANOTHER_WAY),
        ("Buy when RSI < 30; sell at a 1% gain, when RSI is above 70", BOTH_OR_EITHER),
        # Moments beside alternatives.
        ("Buy when RSI < 30 or MFI < 20, on Mondays; sell when RSI > 60", AT_OTHER_TIMES),
        ("Grab it when RSI < 30 in the first 30 minutes or price > VWAP; sell when RSI > 60", AT_OTHER_TIMES),
        ("Buy when RSI < 30, or above VWAP past 11:00; sell when RSI > 60", AT_OTHER_TIMES),
        ("Buy when RSI < 30; sell when RSI > 60 or MACD < 0, on Fridays", AT_OTHER_TIMES),
        ("Buy when RSI < 30 on Mondays and MFI < 20 on Tuesdays, sell when RSI > 60", AT_OTHER_TIMES),
        ("Buy when RSI < 30, on Fridays only if RSI < 20, sell when RSI > 60", AT_OTHER_TIMES),
        # One after the other.
        ("Buy once RSI was below 30 and MACD crosses up; sell when RSI > 70", ORDER),
        ("Buy after MFI drops under 20 as soon as MACD crosses up; sell when RSI > 70", ORDER),
        ("Buy when RSI < 30; after a 2% gain sell when price falls below VWAP", ORDER),
        ("Buy when RSI < 30; once it gains 2%, unload when it falls 1%", ORDER),
        ("Buy when the price slips under the lower band and climbs back above it; sell when RSI > 70", ORDER),
        ("Buy when MACD is below its signal and crosses over it; sell when RSI > 70", ORDER),
        # Negations of two things.
        ("Buy when RSI < 30. Skip entries after 15:00 and on Fridays. Sell when RSI > 60.", BOTH_OR_EITHER),
        ("Buy when RSI < 30 excluding Fridays and when it is below VWAP; sell when RSI > 60", BOTH_OR_EITHER),
        ("Buy when RSI < 30. Don't buy on Mondays unless MACD > 0. Sell when RSI > 60.", AT_OTHER_TIMES),
        # A chart behind two lines.
        ("Buy when the 9 EMA crosses above the 21 EMA on the 15-minute chart and sell when it crosses back below", CHART),
        # Dollars of a share or of all, and waiting.
        ("Buy 50 shares when RSI < 30, sell when RSI > 60, at most a $150 loss per trade", SHARE_OR_ALL),
        ("Buy 50 shares when RSI < 30, sell when I am up 300 dollars", SHARE_OR_ALL),
        ("Buy 50 shares when RSI < 30, sell when the trade has made $300", SHARE_OR_ALL),
        ("Buy when RSI < 30, sell when RSI > 60. Pause half an hour before selling.", WAITS),
        ("Buy when RSI < 30, wait 10 minutes and sell when RSI > 60", WAITS),
    ],
)  # fmt: skip
def test_a_structure_is_asked_about_in_any_words(words: str, asks: str) -> None:
    assert asks in asked(words)


@pytest.mark.parametrize(
    "words",
    [
        "Buy when RSI < 30 and price is above VWAP; sell when RSI > 60 and price is below VWAP",
        "Buy when RSI < 30; sell when RSI > 60 and it is after 14:00",
        "Buy when RSI < 30 on Mondays; sell when RSI > 60 or at 15:50",
        "Buy on Mondays when RSI < 30 or MFI < 20; sell when RSI > 60",
        "Only buy on Mondays and Fridays. Buy when RSI < 30, sell when RSI > 60. No trades after 15:00.",
        "Buy when RSI < 30. Sell only on Fridays when RSI > 60.",
        "Buy when RSI < 30; sell when RSI > 60; trade only on Mondays",
        "Buy when RSI < 30, sell at 2% profit or 1% loss, stop loss 2% and take profit 4%",
        "Sell half at 2% and the rest at 4%. Buy when RSI < 30.",
        "Buy when the price is above the 21 EMA on the 15-minute chart, sell when RSI > 70",
        "Buy when RSI and MFI are below 30, sell when RSI is between 60 and 70",
        "Buy when the last bar was red and volume was above average, sell when RSI > 70",
        "Buy when RSI was below 30 for 10 bars and price > VWAP, sell when RSI > 70",
        "Don't buy unless RSI is under 30 and the close is above the 200 SMA. Sell when RSI is over 60.",
        "Buy when RSI < 30 unless MACD is negative or it is Friday; sell when RSI > 60",
        "Buy 1 share when RSI < 30, sell at $50 profit",
        "Buy $10000 of AAPL when RSI < 30, sell when price is above $210 or at $5 a share profit",
        "Buy when RSI < 30, sell when RSI > 60, wait 30 minutes after a sale before buying again",
        "Buy when RSI < 30, sell when RSI > 60, wait 10 bars before selling",
        "Buy when 14-bar momentum turns positive after being negative; sell when it is negative",
    ],
)  # fmt: skip
def test_plain_words_leave_nothing_open(words: str) -> None:
    assert asked(words) == set()


@pytest.mark.parametrize(
    "exception",
    ["unless MACD is negative and price is below VWAP", "except when MACD is negative and price is below VWAP", "but not if it is Friday and MACD is negative"],
)  # fmt: skip
def test_of_an_exception_no_part_is_taken_for_a_condition(exception: str) -> None:
    """“Unless A and B” is not both, or is asked about; never A denied beside B."""
    answer = write_answer([f"Buy AAPL when RSI is below 30 {exception}; sell when RSI is above 60."])
    rules = " ".join(rule for each in answer["requirements"] for rule in each["rules"] if rule.startswith("buy"))
    assert answer["questions"] or " or " in rules or "not (" in rules


@pytest.mark.parametrize("words", ["sell when RSI is above 60, only after 14:00", "sell when RSI is above 60, never on Mondays"])  # fmt: skip
def test_each_reading_of_a_bound_that_is_offered_is_written_when_it_is_pressed(words: str) -> None:
    request = f"Buy AAPL when RSI is below 30; {words}."
    (question,) = write_answer([request])["questions"]
    offered = [each.split("”")[0] for each in question.split("You could say:")[1].split("“")[1:]]
    assert len(offered) == 2
    for each in offered:
        assert write_answer([request, each])["python_code"]


def test_what_could_never_buy_is_asked_about_by_the_author_too() -> None:
    assert write_answer(["Buy AAPL when price falls below VWAP and rises above VWAP; sell when RSI is above 70."])[
        "questions"
    ]


def test_what_crosses_above_something_is_not_below_it() -> None:
    assert never_buys(
        [read_rule(f"buy when {MACD}.macd < {MACD}.signal and crosses_above({MACD}.macd, {MACD}.signal)")]
    )
    assert never_buys([read_rule("buy when crosses_above(ta.rsi(bars.close, length=14), 30) and ta.rsi(bars.close, length=14) < 25")])  # fmt: skip
    assert not never_buys([read_rule("buy when crosses_above(ta.rsi(bars.close, length=14), 30) and ta.rsi(bars.close, length=14) < 70")])  # fmt: skip


def test_days_after_a_purchase_that_is_filled_on_the_next_day_are_asked_about() -> None:
    """Days held count from the fill, and what is decided on the last bar of a day is filled at the open of the next."""
    late, sale = "buy when minute >= 959", "sell when days_held >= 1 and minute >= 600"
    assert [each.text for each in filled_next_day([read_rule(late), read_rule(sale)])] == [sale]
    assert list(filled_next_day([read_rule("buy when minute >= 958"), read_rule(sale)])) == []
    assert list(filled_next_day([read_rule(late), read_rule(sale)], around_the_clock=True)) == []
    words = "Buy AAPL at 15:59 and sell the next day at 10:00."
    assert write_answer([words])["questions"]
    wanted = [Requirement(quote=words, meaning="-", status=Status.COVERED, rules=["buy when minute >= 959 and minute < 960", sale])]  # fmt: skip
    assert any("filled on the next day" in each for each in words_findings(words, wanted, symbol="AAPL"))
