"""Words that bind to one of several things, and sales by the clock that would hold where it buys: written as a trader means them, or asked about."""

from __future__ import annotations

import re

import pytest
from simulators.gemini.author import write_answer
from simulators.gemini.author.sentences import never_opened
from stratforge.intent.clocks import ONCE_A_DAY, asked_of_moments, sold_at_once
from stratforge.intent.follow_ups import ASK
from stratforge.intent.gate import contract_findings
from stratforge.intent.reading.unsure import unsure_in
from stratforge.intent.requirements import Requirement
from stratforge.intent.rules import read_rule
from stratforge.intent.spoken import said_in
from stratforge.strategy import compile_strategy

from tests.support.conversations import talk
from tests.unit.intent.test_silently_wrong import BUY, RSI, SELL, answered, refused

NEXT_DAY = [
    ("Buy at 15:30, sell at 10:15", "sell when minute >= 615 and minute < 930"),
    ("Buy at 14:45 if RSI < 45, sell at 9:50", "sell when minute >= 590 and minute < 885"),
    ("Buy MSFT on Tuesdays at 13:00, sell at 10:00", "sell when minute >= 600 and minute < 780"),
    ("Buy 10 minutes before the close when price > VWAP, sell 15 minutes after the open", "sell when minute >= 585 and minutes_to_close > 10"),
    ("Compra a las 15:40, vende a las 10:05", "sell when minute >= 605 and minute < 940"),
    ("Achète à 15h40, vends à 10h05", "sell when minute >= 605 and minute < 940"),
    ("15:40买入，10:05卖出", "sell when minute >= 605 and minute < 940"),
]  # fmt: skip
OUT_ON_DAYS = [
    ("Buy when RSI < 30, sell when RSI > 70, exit on Wednesdays", 2),
    ("Long when RSI < 25. Flat when RSI > 65. Flat on Mondays.", 0),
    ("Buy when RSI < 30, sell when RSI > 70. Out on Thursdays.", 3),
]
ASKED = {
    "the last alternative": [
        "Buy when RSI < 25 or RSI < 40 on Tuesdays, sell when RSI > 65",
        "Buy when RSI < 30 or MFI < 15 on Thursdays, sell when RSI > 70",
        "Buy when RSI is below 20 or price is below VWAP before 11:30, sell when RSI > 70",
        "Buy when close > SMA 20 or RSI < 25 in the afternoon, sell when RSI > 70",
        "Compra cuando RSI < 25 o RSI < 40 los martes, vende cuando RSI > 65",
        "Achète quand le RSI < 25 ou le MFI < 20 après 14h, vends quand le RSI > 65",
    ],
    "the pronoun": [
        "Buy when price breaks above VWAP with volume above its 30 bar average, sell when it breaks below",
        "Buy when the 8 EMA crosses above the 34 EMA with volume over its 10 bar average, sell when it crosses below",
        "Buy when the 8 EMA crosses above the 34 EMA with RSI above 55, sell when it crosses below",
        "Buy when the 50 EMA slopes up, exit when it slopes down",
        "Buy when price is above the SMA 10 and it is above the SMA 30, sell when the price is below it",
    ],
    "a timeframe in brackets": [
        "Buy when RSI(15min) < 30, sell when RSI(15min) > 65",
        "Buy when RSI(1h) < 35, sell when RSI(1h) > 60",
        "Buy when price > EMA(50, 15m), sell when price < EMA(50, 15m)",
    ],
    "a condition behind both": [
        "Buy RSI < 28, sell RSI > 72, as long as price is over the 200 SMA",
        "Buy when RSI < 30, sell when RSI > 70, provided that ADX is above 20",
        "Buy when RSI < 30, sell when RSI > 70, while price is under VWAP",
        "Buy when RSI < 30, sell when RSI > 70, so long as volume is above 1000",
    ],
    "adding": [
        "Buy 2 shares every time RSI crosses below 35, sell all when RSI > 60",
        "Buy when RSI < 35, buy again if RSI < 25, sell when RSI > 65",
        "Buy when RSI < 30, sell when RSI > 70, then buy again when RSI > 60",
    ],
    "days and an hour": ["Buy when RSI < 30 on Wednesdays, Thursdays after 13, sell when RSI > 70"],
    "a bound of the sales": [
        "Exits only after 11:00. Buy when RSI < 30, sell when RSI > 70.",
        "Buy when RSI < 30, sell when RSI > 70, sell only on Mondays",
        "Buy when RSI < 30, sell when RSI > 70, only sell after 12:00",
    ],
    "groups": ["Buy when either RSI < 25 and MFI < 25 or CCI < -150, sell when RSI > 65"],
    "exceptions": [
        "Buy when RSI < 30 except on Mondays, when it sells at 11",
        "Buy when RSI < 30 but not when price < SMA 50, except ADX > 30, sell when RSI > 70",
        "Hold long from 10:00 to 14:00 except Fridays",
    ],
    "units and prices": [
        "Buy AAPL when RSI < 30 and never above 55 dollars, sell when RSI > 70",
        "Buy when RSI < 30, take profit at $112",
        "Buy when RSI < 30, target $112, sell when RSI > 70",
        "Buy when RSI < 30, sell when RSI > 70, stop loss at $88",
    ],
    "a crossing with a filter": [
        "Buy as soon as the EMA 10 gets over the EMA 40, provided RSI is under 70, sell when EMA 10 crosses below EMA 40",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("words", "sale"), NEXT_DAY)
def test_an_hour_before_that_of_the_purchase_is_one_of_the_next_day(words: str, sale: str) -> None:
    rules, draft = answered(words)
    assert sale in rules
    assert any("is read of the next day" in each for each in draft.assumptions)


@pytest.mark.parametrize(("words", "day"), OUT_ON_DAYS)
def test_days_on_which_it_is_out_are_none_on_which_it_buys(words: str, day: int) -> None:
    rules, draft = answered(words)
    left = " or ".join(f"weekday == {each}" for each in range(5) if each != day)
    assert f"sell when weekday == {day}" in rules
    assert f"buy only when ({left})" in rules or f"buy only when {left}" in rules
    assert any("is read of buying too" in each for each in draft.assumptions)


@pytest.mark.parametrize("words", [each for of_class in ASKED.values() for each in of_class])
def test_what_binds_to_one_of_several_things_is_asked_about(words: str) -> None:
    assert unsure_in(words)
    assert write_answer((words,))["questions"]
    assert refused(words, BUY, SELL)


@pytest.mark.parametrize(
    "words",
    [
        "Buy when RSI < 30 on Mondays or Tuesdays, sell when RSI > 70",
        "Buy when RSI < 30 or MFI < 20, only on Mondays, sell when RSI > 70",
        "Buy when either RSI < 30 or MFI < 20, sell when RSI > 70",
        "Buy when RSI < 30, sell only on Fridays",
        "Buy when RSI < 30 or MFI < 25 but only on Tuesdays. Sell when RSI > 65.",
        "Buy 30 shares each time",
        "Buy when price is above the 50 SMA, sell when it is below it",
        "Buy when RSI < 30, sell at $2 profit",
        "Buy when RSI < 30, target $3, stop $2",
        "Buy unless RSI > 45, sell unless RSI < 55",
        "Buy when RSI < 30, sell at 70. Don't buy again for 10 bars",
        "Buy when price is above 40 dollars and RSI < 30, sell when RSI > 70",
        "Buy when RSI < 30, as long as price is above VWAP, sell when RSI > 70",
    ],
)
def test_what_binds_to_one_thing_is_not_asked_about(words: str) -> None:
    assert not unsure_in(words)


@pytest.mark.parametrize(
    "words", ["Buy when RSI(15min) < 30, sell when RSI(15min) > 65", "Buy when the 50 EMA slopes up, exit when it slopes down"]
)  # fmt: skip
def test_a_reply_that_is_offered_is_written(words: str) -> None:
    (question, *_) = write_answer((words,))["questions"]
    reply = question.partition("1. “")[2].partition("”")[0]
    assert reply
    assert answered(reply)[0]


def test_a_timeframe_in_brackets_is_replied_to_with_its_chart() -> None:
    words = "Buy when RSI(15min) < 30, sell when RSI(15min) > 65"
    rules, _ = answered(f"{words} || the chart")
    assert rules
    assert all("resample('15min')" in each for each in rules if "ta." in each)


@pytest.mark.parametrize(
    "rules",
    [
        ["buy when minute >= 930 and minute < 931", "sell when minute >= 615"],
        [f"{BUY} and minute >= 780", "sell when minute >= 600"],
        [BUY, "buy only when minute >= 780", SELL, "sell when minute >= 600"],
        [BUY, SELL, "sell when weekday == 4"],
        [BUY, "sell when weekday == 1 or weekday == 2"],
    ],
)
def test_the_gate_finds_a_sale_on_the_bar_after_its_purchase(rules: list[str]) -> None:
    assert list(sold_at_once([read_rule(each) for each in rules]))


@pytest.mark.parametrize(
    "rules",
    [
        ["buy when minute >= 930 and minute < 931", "sell when minute >= 615 and minute < 930"],
        ["buy when weekday == 3 and minute >= 840", "sell when weekday == 4 and minute >= 660"],
        [BUY, "sell when minute >= 955", "buy only when minute < 955"],
        [f"{BUY} and minute >= 780", f"sell when minute >= 600 and {RSI} > 70"],
        [BUY, "buy only when weekday != 4", "sell when weekday == 4"],
        [BUY, SELL],
    ],
)
def test_the_gate_lets_pass_what_is_sold_later(rules: list[str]) -> None:
    assert not list(sold_at_once([read_rule(each) for each in rules]))


def test_the_gate_refuses_an_hour_before_that_of_the_purchase() -> None:
    assert refused("Buy at 15:30, sell at 10:15", "buy when minute >= 930 and minute < 931", "sell when minute >= 615")
    assert not refused("Buy at 10:15, sell at 15:30", "buy when minute >= 615 and minute < 616", "sell when minute >= 930")  # fmt: skip


ON_THE_LAST_BAR = [
    ("Buy AAPL one minute before the close, sell one minute after the open", "buy when minutes_to_close <= 2 and minutes_to_close > 1"),
    ("Buy AAPL at 9:30, sell at 15:59", "sell when minute >= 958"),
    ("Buy AAPL when RSI(14) < 30, sell at 15:59", "sell when minute >= 958"),
    ("Buy AAPL when RSI(14) < 30, sell one minute before the close", "sell when minutes_to_close <= 2"),
    ("Short AAPL at 9:31, cover at 15:59", "cover when minute >= 958"),
    ("Buy AAPL at 15:59, sell at 9:31", "buy when minute < 959 and minute >= 958"),
    ("Kaufe AAPL, wenn der RSI unter 30 fällt, verkaufe um 15:59", "sell when minute >= 958"),
    ("Compra MSFT cuando el RSI baje de 30 y vende a las 15:59", "sell when minute >= 958"),
    ("当RSI低于30时买入，15:59卖出", "sell when minute >= 958"),
    ("Buy SPY when RSI < 30, sell when RSI > 70, flat by 15:59", "sell when minute >= 958"),
]  # fmt: skip
AT_THE_OPENING = [
    "Buy AAPL when it opens above yesterday's high, sell when the price falls below yesterday's high",
    "Buy AAPL when it opens below yesterday's low, sell when the price is above yesterday's low",
    "Buy AAPL if it opens higher than yesterday's high, sell at 2% profit or 1% loss",
    "Short AAPL when it opens above yesterday's high, cover when the price falls below yesterday's close",
    "Buy AAPL when the open is above yesterday's close, sell when the price falls below yesterday's close",
    "On 5-minute bars, buy AAPL when it opens above yesterday's high, sell at 2% profit or 1% loss",
    "Buy TSLA when today's open is above yesterday's close, sell when it is below yesterday's close",
]
SOLD_FROM_A_TIME_ON = [
    ("Buy AAPL when RSI(14) < 30; sell on Fridays at 15:45 or when RSI(14) > 70", "buy only when not (minute >= 945 and (weekday == 4))"),
    ("Buy when RSI < 30; sell at 2% profit, or on Wednesdays after 15:00", "buy only when not (minute >= 900 and (weekday == 2))"),
    ("Short AAPL when RSI(14) > 80; cover on Fridays at 15:30 or when RSI(14) < 50", "short only when not (minute >= 930 and (weekday == 4))"),
    ("Buy MSFT when EMA 9 crosses above EMA 21; sell when it crosses below or on Thursdays at 14:30", "buy only when not (minute >= 870 and (weekday == 3))"),
]  # fmt: skip


def written(words: str) -> tuple[list[str], list[str]]:
    """The rules of an answer that has passed the gates, and what the person is told."""
    found = talk(words)
    assert found.strategy is not None, found.draft.questions
    return [rule for each in found.draft.requirements for rule in each.rules], list(found.draft.assumptions)


@pytest.mark.parametrize(("words", "rule"), ON_THE_LAST_BAR)
def test_what_is_of_the_last_bar_of_a_day_is_decided_a_minute_earlier(words: str, rule: str) -> None:
    rules, told = written(words)
    assert rule in rules
    assert not any("959" in each and ">= 959" in each for each in rules)
    assert [each for each in told if re.search("15:58.*15:59", each)]


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        ("Buy AAPL when RSI(14) < 30, sell at 15:59 || add a 2% stop loss", {"sell when minute >= 958"}),
        ("Buy AAPL when RSI(14) < 30, sell at 15:59 || use RSI < 25", {"sell when minute >= 958"}),
        ("Buy AAPL when RSI(14) < 30, sell at 15:30 || sell at 15:59 instead", {"sell when minute >= 958", "buy only when minute < 958"}),
        ("Buy AAPL when RSI(14) < 30, sell at 15:59 || sell at 15:50 instead", {"drop sell when minute >= 958", "sell when minute >= 950"}),
        ("Buy AAPL when it flies, sell at 15:59 || Buy AAPL when RSI(14) < 30, sell at 15:59", {"sell when minute >= 958"}),
    ],
)  # fmt: skip
def test_a_change_is_of_what_was_written(words: str, rules: set[str]) -> None:
    found, draft = answered(words)
    assert rules <= {*found}
    assert not any(each.startswith("No longer: ") and "15:59" in each for each in draft.assumptions)


def test_a_coin_has_no_last_bar() -> None:
    rules, _ = written("Buy BTC/USD when RSI(14) < 30, sell at 15:59")
    assert "sell when minute >= 959" in rules


@pytest.mark.parametrize("words", AT_THE_OPENING)
def test_how_a_day_opens_makes_it_buy_once(words: str) -> None:
    rules, told = written(words)
    assert {"at most 1 buys a day", "at most 1 shorts a day"} & {*rules}
    assert ONCE_A_DAY in told


@pytest.mark.parametrize(("words", "rule"), SOLD_FROM_A_TIME_ON)
def test_nothing_is_bought_from_a_time_on_at_which_it_is_sold(words: str, rule: str) -> None:
    rules, told = written(words)
    assert rule in rules
    assert [each for each in told if each.startswith("No position is opened when the time is at or after ")]


ASKED_OF_MOMENTS = [
    ([BUY, "sell when minute >= 959"], "last bar"),
    ([BUY, "sell when minute > 958"], "last bar"),
    ([BUY, "sell when minute == 959", SELL], "last bar"),
    (["buy when minute >= 959 and minute < 960", SELL], "last bar"),
    ([BUY, f"sell when {RSI} > 70 or minute >= 959"], "last bar"),
    (["buy when day_open > yesterday_high", "sell when close < yesterday_high"], "At most one a day?"),
    (["buy when day_open < yesterday_close * 0.99 and weekday == 0", "sell when gain >= 2"], "At most one a day?"),
    (["buy when day_open > yesterday_high", "take profit 2%"], "At most one a day?"),
    (["buy when day_open > yesterday_high", "buy only when minute < 660", "sell when bars_held >= 10"], "At most one a day?"),
    ([BUY, "sell when minute >= 945 and weekday == 4", SELL], "Should none be opened then?"),
    ([BUY, f"sell when (minute >= 945 and weekday == 4) or {RSI} > 70"], "Should none be opened then?"),
    ([BUY, "sell when minute >= 945", SELL], "Should none be opened then?"),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "asks"), ASKED_OF_MOMENTS)
def test_the_gate_asks_about_moments_at_which_no_trade_is_made_or_more_than_one(rules: list[str], asks: str) -> None:
    assert any(asks in each for each in asked_of_moments([read_rule(each) for each in rules]))


@pytest.mark.parametrize(
    "rules",
    [
        [BUY, "sell when minute >= 958", "buy only when minute < 958"],
        ["buy when day_open > yesterday_high", "sell when minute >= 955", "buy only when minute < 955"],
        ["buy when day_open > yesterday_high and minute < 571", "sell when gain >= 2"],
        ["buy when day_open > yesterday_high", "sell when gain >= 2", "at most 1 buys a day"],
        [f"buy when day_open > yesterday_high and {RSI} < 30", "sell when gain >= 2"],
        [BUY, "sell when minute >= 945 and weekday == 4", "buy only when not (weekday == 4 and minute >= 945)", SELL],
        ["buy when weekday == 3 and minute >= 840", "sell when weekday == 4 and minute >= 660"],
        [BUY, f"sell when minute >= 945 and {RSI} > 60"],
        [BUY, SELL],
    ],
)
def test_the_gate_asks_about_no_other_moments(rules: list[str]) -> None:
    assert not list(asked_of_moments([read_rule(each) for each in rules]))


def test_bars_of_a_day_open_once_and_a_coin_has_no_last_bar() -> None:
    opening = [read_rule("buy when day_open > yesterday_high"), read_rule("sell when gain >= 2")]
    assert list(asked_of_moments(opening, 5))
    assert not list(asked_of_moments(opening, 1440))
    assert not list(asked_of_moments([read_rule(BUY), read_rule("sell when minute == 959")], around_the_clock=True))


def test_no_answer_passes_whose_moments_are_not_asked_about() -> None:
    words = "Buy AAPL when RSI(14) < 30, sell at 15:30"
    draft = talk(words).draft
    late = [each.model_copy(update={"rules": [rule.replace("930", "959") for rule in each.rules]}) for each in draft.requirements]  # fmt: skip
    code = compile_strategy(draft.python_code.replace("930", "959"))
    found = contract_findings(words.replace("15:30", "15:59"), [Requirement.model_validate({**each.model_dump(), "quote": each.quote.replace("15:30", "15:59")}) for each in late], code, draft.assumptions, symbol="AAPL")  # fmt: skip
    assert any("last bar of a day" in each and each.endswith(ASK) for each in found)


@pytest.mark.parametrize("language", ["de", "es", "fr", "zh", "ja"])
def test_what_is_told_and_asked_of_moments_is_said_in_each_language(language: str) -> None:
    rules = [BUY, "sell when minute >= 945 and weekday == 4", "sell when minute >= 959"]
    opening = ["buy when day_open > yesterday_high", "sell when gain >= 2"]
    made = [ONCE_A_DAY, never_opened("it is Friday"), *(one for each in (rules, opening) for one in asked_of_moments([read_rule(text) for text in each]))]  # fmt: skip
    assert len(made) == 6
    assert not {*made} & {*said_in(language, made)}
