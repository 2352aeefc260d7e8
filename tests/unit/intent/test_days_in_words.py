"""Averages of days beside conditions of minutes, in words: they are the exchange's days, and nothing else passes for them."""

from __future__ import annotations

from typing import Any

import pytest
from simulators.gemini.author import write_answer
from stratforge.ai.drafting import NotPassed
from stratforge.intent.days import DAY_AVERAGE, day_numbers
from stratforge.intent.reading.said import in_words
from stratforge.intent.rules import read_rule
from stratforge.strategy import Strategy

from tests.unit.intent.test_well_known_in_words import passed

DIP = "Buy AAPL when RSI is below 30 and it is above its 200-day average; sell at 15:55"
_DAYS = "bars.resample('1d').close"
WRITTEN = {
    DIP: (None, {f"ta.sma({_DAYS}, length=200)"}, 200),
    "Buy SPY when the price crosses above the 50-day SMA and it is after 10:00, sell at 15:50": (None, {f"ta.sma({_DAYS}, length=50)"}, 51),
    "Buy when price above 200 day ma and rsi(14) < 30, sell at 3:55pm": (None, {f"ta.sma({_DAYS}, length=200)"}, 200),
    "On 5-minute bars, buy SPY when RSI(14) is below 30 and the price is above its 200-day average, sell at 15:55": ("5min", {f"ta.sma({_DAYS}, length=200)"}, 200),
    "Buy AAPL at 10:00 when the price is above the 50-day exponential moving average, sell at 15:55 with a stop loss of 1%": (None, {f"ta.ema({_DAYS}, length=50)"}, None),
    "Buy AAPL when the 50-day SMA is above the 200-day SMA and RSI(14) is below 30, only after 10:00; sell when RSI(14) is above 70 or at 15:55": (None, {f"ta.sma({_DAYS}, length=50)", f"ta.sma({_DAYS}, length=200)"}, 200),
    "Buy AAPL when the price is 2% below its 20-day average, sell at 15:55": (None, {f"ta.sma({_DAYS}, length=20)"}, 20),
    "Buy AAPL when the price is above its 200-day average, sell when it is below the average or at 15:55": (None, {f"ta.sma({_DAYS}, length=200)"}, 200),
}  # fmt: skip
ASKED = {
    # Nothing is decided within the day: it may be meant of daily bars.
    "Buy AAPL when the 14-bar RSI is below 30 and the price is above the 200-day average, sell when RSI is above 70": "on daily bars",
    "Buy SPY when the price is above its 200-day average, sell when it is below": "on daily bars",
    "Buy AAPL when the 50-day average is rising and it is after 10:00, sell at 15:55": "an average of days changes once a day",
    "Buy AAPL when the 50-day SMA crosses above the 200-day SMA, only after 10:00, sell at 15:55": "an average of days changes once a day",
    "Buy AAPL when the price is above its 200-day EMA and RSI is below 30, sell at 15:55": "more than 2,048 days",
    "Buy AAPL when the 14-day RSI is below 30 and price is above its 200-day average; sell at 15:55": "14 day RSI",
    "Buy AAPL when RSI is below 30 and it is above its 40-week average; sell at 15:55": "40 week moving average",
    "Buy AAPL when volume is above its 20-day average, sell at 15:55": "20 day average volume",
}


@pytest.mark.parametrize("words", WRITTEN)
def test_averages_of_days_are_the_exchanges_and_pass_every_gate(words: str) -> None:
    timeframe, calls, days = WRITTEN[words]
    found = passed(words, write_answer([words]))
    assert isinstance(found.strategy, Strategy), found.draft.questions
    assert found.repairs == ()
    assert found.strategy.timeframe == timeframe
    rules = [read_rule(rule).text for each in found.draft.requirements for rule in each.rules]
    assert {call for call in calls if not any(call in rule for rule in rules)} == set()
    assert sum(rule.count("resample") for rule in rules) >= len(calls)
    assert found.strategy.day_lookback == (days or found.strategy.day_lookback) > 0
    assert any("the exchange's days before today" in each for each in found.draft.assumptions)


@pytest.mark.parametrize("words", ASKED)
def test_what_may_be_meant_otherwise_is_asked_about(words: str) -> None:
    answer = write_answer([words])
    assert answer["kind"] == "clarify"
    assert any(ASKED[words] in each for each in answer["questions"])


def test_a_question_about_days_is_no_strategy_that_a_later_turn_could_change() -> None:
    first = "Buy SPY when the price is above its 200-day average, sell when it is below"
    for second in ("sell at 15:55", "and only on Mondays", "make it 100"):
        assert write_answer([first, second])["kind"] == "clarify"
    daily, minutes = (write_answer([first, second]) for second in ("On daily bars", "yes"))
    assert daily["timeframe"] == "1d"
    assert "resample" not in daily["python_code"] + minutes["python_code"]
    assert "length=200" in " ".join(rule for each in minutes["requirements"] for rule in each["rules"])


def test_on_daily_bars_days_are_its_bars() -> None:
    words = "On daily bars, buy SPY when the price is above its 200-day average, sell when it is below"
    found = passed(words, write_answer([words]))
    assert isinstance(found.strategy, Strategy)
    assert "resample" not in found.strategy.source
    assert (found.strategy.timeframe, found.strategy.day_lookback) == ("1d", 0)


def changed(answer: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    """The answer with other words in its rules and its code."""
    rules = [{**each, "rules": [rule.replace(old, new) for rule in each["rules"]]} for each in answer["requirements"]]
    return {**answer, "requirements": rules, "python_code": answer["python_code"].replace(old, new)}


@pytest.mark.parametrize(
    ("words", "old", "new"),
    [
        (DIP, 'bars.resample("1d").close', "bars.close"),
        (DIP, 'bars.resample("1d").close', 'bars.resample("1h").close'),
        (DIP, "length=200", "length=100"),
        (DIP.replace("200-day", "200-bar"), "", ""),
        (DIP.replace("200-day", "200-hour"), "", ""),
    ],
)
def test_the_gate_lets_nothing_else_pass_for_days(words: str, old: str, new: str) -> None:
    answer = write_answer([DIP])
    if old == "length=200":
        answer = changed(answer, "DAY_SMA_LENGTH = 200", "DAY_SMA_LENGTH = 100")
    answer = changed(answer, old, new) if old else answer
    for each in answer["requirements"]:
        each["quote"] = each["quote"].replace("200-day", words.partition("above its ")[2].partition(" ")[0])
    with pytest.raises(NotPassed):
        passed(words, answer)


def test_the_code_alone_is_held_against_the_rules_too() -> None:
    """An average of other days, or of bars, is another column, though a week of minutes knows neither."""
    answer = write_answer([DIP])
    for old, new in (("DAY_SMA_LENGTH = 200", "DAY_SMA_LENGTH = 199"), ('bars.resample("1d").close', "bars.close")):
        with pytest.raises(NotPassed):
            passed(DIP, {**answer, "python_code": answer["python_code"].replace(old, new)})


def test_rules_say_which_of_their_numbers_count_days() -> None:
    rule = read_rule(f"buy when close > ta.sma({_DAYS}, length=200) and {_DAYS}.rolling(20).max() > ta.sma(bars.close, length=7)")  # fmt: skip
    assert day_numbers(rule) == {200.0, 20.0}
    assert day_numbers(read_rule("buy when ta.sma(bars.close, length=200) > ta.sma(bars.resample('1h').close, length=9)")) == set()  # fmt: skip
    assert "the 200-day SMA" in in_words(rule)
    assert [each["days"] for each in DAY_AVERAGE.finditer("its 50 day exponential moving average, a 200-day SMA, 5 days")] == ["50", "200"]  # fmt: skip
