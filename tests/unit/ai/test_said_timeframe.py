"""A person says on which bars a strategy decides, and the answer does so: by the gate whoever writes it, and by the offline author where the words are plain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from simulators.gemini.author import write_answer
from stratforge.ai.draft import StrategyDraft, Timeframe
from stratforge.ai.drafting import NotPassed, request_of
from stratforge.ai.prompts import first_request, quant_instructions, refinement_request
from stratforge.ai.quant import Turn
from stratforge.ai.review import review
from stratforge.intent.spoken import said_in
from stratforge.strategy import Strategy, compile_strategy
from stratforge.strategy.constants import timeframe_of, with_timeframe
from stratforge.strategy.source import OWN_BARS

from tests.support.conversations import passed, talk

DAILY = "On daily bars, buy MSFT when the 50-day SMA crosses above the 200-day SMA, sell when it crosses below"


def strategy_of(turns: Sequence[str]) -> Strategy:
    """The strategy of a conversation."""
    found = talk(*turns).strategy
    assert isinstance(found, Strategy)
    return found


@pytest.mark.parametrize(
    ("turns", "timeframe"),
    [
        ([DAILY], "1d"),
        (["Buy AAPL on 5-minute bars when RSI is below 30, sell when RSI is above 70"], "5min"),
        (["Use 4-hour candles. Buy TSLA when the price is above the 20 SMA, sell when below. Stop loss 3%"], "4h"),
        (["Buy AAPL when RSI is below 30 and sell when RSI is above 70. Timeframe: 15m."], "15min"),
        (["AAPL 1h chart: buy when EMA 12 crosses above EMA 26, sell when it crosses below"], "1h"),
        (["On 30-minute bars, buy MSFT when RSI < 30, sell after 10 bars"], "30min"),
        (["Buy AAPL when RSI is below 30, sell when RSI is above 70", "use 15-minute bars"], "15min"),
        (["Buy AAPL when RSI is below 30, sell when RSI is above 70", "use 15-minute bars", "add a 2% stop loss"], "15min"),
        (["Use 15-minute bars. Buy MSFT when RSI < 30, sell when RSI > 70", "use 1-minute bars"], None),
        (["Buy GOOG when the 50-day moving average is rising", "On daily bars"], "1d"),
        (["On 15-minute bars, buy SPY when RSI < 30, sell when above 60, no trading in the first half hour"], "15min"),
    ],
)  # fmt: skip
def test_the_offline_author_writes_on_the_bars_that_are_said(turns: list[str], timeframe: str | None) -> None:
    last = talk(*turns)
    assert isinstance(last.strategy, Strategy)
    assert last.repairs == ()
    assert last.strategy.timeframe == timeframe
    assert last.draft.timeframe == (timeframe or Timeframe.MINUTE)
    assert "(minutes)" not in " ".join([last.draft.logic_explanation, *last.draft.assumptions])


def test_bars_that_are_named_within_a_condition_are_asked_about_with_how_to_name_them() -> None:
    said = "Buy AAPL when the 9 EMA crosses above the 21 EMA on 15-minute bars and sell when it crosses back below"
    answer = write_answer([said])
    assert answer["kind"] == "clarify"
    (question,) = answer["questions"]
    assert question.startswith("“on 15-minute bars” was not understood.")
    assert "“On 15-minute bars, …”" in question
    anew = "On 15-minute bars, " + said.replace(" on 15-minute bars", "")
    assert talk(anew).draft.timeframe == "15min"
    assert talk(said, anew).draft.timeframe == "15min", "as the question asks for it"


def test_only_its_bars_change_where_nothing_else_is_said() -> None:
    first = ["Buy AAPL when RSI is below 30, sell when RSI is above 70, with a stop loss of 2%"]
    stood, now = strategy_of(first), strategy_of([*first, "use 15-minute bars"])
    assert with_timeframe(now.source, None).strip() == stood.source.strip()


def test_days_are_bars_where_bars_are_days() -> None:
    assert strategy_of([DAILY]).parameters == {"FAST": 50, "SLOW": 200}
    sold = strategy_of(["On daily bars, buy MSFT when RSI < 30, sell after 10 days"])
    assert "position.bars_held >= " in sold.source
    assert 10 in sold.parameters.values()


@pytest.mark.parametrize(
    "words",
    [
        "On daily bars, buy MSFT when RSI < 30, sell at 15:50",
        "On daily bars buy SPY when MACD crosses above its signal. Sell at the close.",
        "On 5-minute bars, buy MSFT when RSI < 30, sell after 32 minutes",
        "On hourly bars, buy MSFT when RSI < 30, sell after half an hour",
        "On daily bars, buy MSFT when RSI < 30, sell after an hour",
        "On 5-minute bars, buy MSFT when RSI < 30, sell an hour later",
        "On 2-hour bars, buy MSFT when RSI < 30, sell when RSI > 70",
        "On 5-minute bars, buy MSFT when RSI < 30, sell when RSI > 70, on daily bars.",
        "Buy when RSI < 30 on the 15 minute chart, sell when RSI > 70",
    ],
)
def test_it_asks_where_the_words_have_another_meaning_on_longer_bars(words: str) -> None:
    last = talk(words)
    assert last.strategy is None
    assert last.draft.questions


def test_how_to_name_the_bars_is_said_in_words_that_name_them() -> None:
    asked = write_answer(["Buy AAPL when RSI < 30, Use 5-minute bars in it, sell when RSI > 70"])["questions"]
    assert "“On 5-minute bars, …”" in asked[0]


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ("On 5-minute bars, buy SPY when it rises 1% in an hour, sell at a 1% gain", "buy when bars.close.pct_change(12) * 100 >= 1"),
        ("On 5-minute bars, buy SPY when it falls 1% within the hour, sell at a 1% gain", "buy when bars.close.pct_change(12) * 100 <= -1"),
        ("On 15-minute bars, buy SPY when it fell 1% in half an hour, sell at a 1% gain", "buy when bars.close.pct_change(2) * 100 <= -1"),
        ("On 15-minute bars, buy SPY when it is down 2% over the last 2 hours, sell at a 1% gain", "buy when bars.close.pct_change(8) * 100 <= -2"),
        ("On 5-minute bars, buy SPY when it is below the low of the last hour, sell at a 1% gain", "buy when close < bars.low.rolling(12).min().shift(1)"),
        ("On 15-minute bars, buy SPY when it makes the high of the last hour, sell at a 1% gain", "buy when close > bars.high.rolling(4).max().shift(1)"),
        ("On 15-minute bars, buy SPY when it is above the average of the last hour, sell at a 1% gain", "buy when close > ta.sma(bars.close, length=4)"),
        ("On 15-minute bars, buy SPY when RSI is below 30 for an hour, sell at a 1% gain", "buy when for_bars(4, ta.rsi(bars.close, length=14) < 30)"),
        ("On 5-minute bars, buy SPY when RSI is below 30, sell after an hour", "sell when bars_held >= 12"),
        ("On 5-minute bars, buy SPY when RSI is below 30, sell when RSI > 70, cooldown of an hour after a sale", "wait 12 bars after a sale"),
        ("On 5-minute bars, buy SPY when RSI is below 30, sell after 30 minutes", "sell when bars_held >= 6"),
        ("On hourly bars, buy SPY when RSI is below 30, sell when above 60, wait an hour after a sale", "wait 1 bars after a sale"),
        ("On 5-minute bars, buy SPY when RSI is below 30, sell when RSI is above 60, wait half an hour after a loss", "wait 6 bars after a loss"),
    ],
)  # fmt: skip
def test_a_length_of_time_is_as_many_bars_as_it_holds(words: str, rule: str) -> None:
    last = talk(words)
    assert isinstance(last.strategy, Strategy)
    assert last.repairs == ()
    assert rule in [text for each in last.draft.requirements for text in each.rules]


@pytest.mark.parametrize("words", ["use 1-minute bars", "use hourly bars"])
def test_days_that_are_bars_no_more_are_asked_about(words: str) -> None:
    last = talk(DAILY, words)
    assert last.strategy is None
    assert "50" in last.draft.questions[0]


def test_a_change_to_longer_bars_asks_about_the_times_that_stand() -> None:
    last = talk("Buy MSFT when RSI < 30 before 14:00, sell at 15:50", "use 15-minute bars")
    assert last.strategy is None
    assert "no bar of 15 minutes ends then" in last.draft.questions[0]


MUTATIONS: dict[str, tuple[Any, str]] = {
    "minutes": (lambda a: {**a, "timeframe": "1min"}, "the answer's timeframe is 1min: it is 1d"),
    "other bars": (lambda a: {**a, "timeframe": "1h"}, "the answer's timeframe is 1h: it is 1d"),
    "a model that knows of none": (lambda a: {key: value for key, value in a.items() if key != "timeframe"}, "it is 1d"),
    "words in no requirement": (lambda a: {**a, "requirements": [each for each in a["requirements"] if each["rules"]]}, "No requirement quotes “On daily bars”"),
    "an explanation without them": (lambda a: {**a, "logic_explanation": a["logic_explanation"].replace("It decides on bars of a day.", "")}, "the explanation does not say so"),
    "a length in minutes": (lambda a: {**a, "python_code": a["python_code"].replace("FAST = 50", "FAST = 51"), "parameters": []}, "50"),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_gate_stops_an_answer_on_other_bars_than_the_person_said(name: str) -> None:
    change, finding = MUTATIONS[name]
    conversation = [Turn("user", first_request(DAILY))]
    assert passed(conversation, write_answer([DAILY])).strategy is not None
    with pytest.raises(NotPassed) as stopped:
        passed(conversation, change(write_answer([DAILY])))
    assert any(finding in each for each in stopped.value.findings), stopped.value.findings


ON_DAYS = [
    (["On daily bars, buy AAPL on Mondays when RSI(14) < 40, sell on Fridays"], [("Monday", "Tuesday"), ("Friday", "Monday")]),
    (["On daily bars, buy SPY on Fridays, sell on Mondays"], [("Friday", "Monday"), ("Monday", "Tuesday")]),
    (["On daily bars, buy SPY on Thursdays if the close is below the 5 SMA, sell on Fridays"], [("Thursday", "Friday"), ("Friday", "Monday")]),
    (["On daily bars, do not buy SPY on Mondays; buy when RSI(2) < 10; sell when RSI(2) > 70"], [("Tuesday or Wednesday or Thursday or Friday", "Wednesday or Thursday or Friday or Monday")]),
    (["On daily bars, short SPY on Mondays when RSI(2) > 90, cover on Wednesdays"], [("Monday", "Tuesday"), ("Wednesday", "Thursday")]),
    (["On daily bars, buy SPY only on Tuesdays when RSI(2) < 20, sell after 3 days"], [("Tuesday", "Wednesday")]),
    (["On the daily chart, buy BTC/USD on Saturdays when RSI(2) < 20; sell after 3 bars"], [("Saturday", "Sunday")]),
    (["Use daily candles. Buy MSFT when RSI(2) < 10, sell when RSI(2) > 70", "only on Tuesdays"], [("Tuesday", "Wednesday")]),
    (["Buy QQQ on Wednesdays when RSI(14) < 45, sell when RSI(14) > 60", "use daily bars"], [("Wednesday", "Thursday")]),
]  # fmt: skip


def of_day(said: str, filled: str) -> str:
    return f"On bars of a day, what is said of {said} is decided after the close and filled at the open of the next trading day, as a rule {filled}."


@pytest.mark.parametrize(("turns", "days"), ON_DAYS, ids=[each[0][-1] for each in ON_DAYS])
def test_a_day_of_the_week_on_bars_of_a_day_is_told_to_be_filled_on_the_next(
    turns: list[str], days: list[tuple[str, str]]
) -> None:
    found = talk(*turns)
    assert found.strategy is not None
    assert [each for each in found.draft.assumptions if each.startswith("On bars of a day")] == [of_day(*each) for each in days]  # fmt: skip


def test_it_is_told_in_the_persons_language() -> None:
    first = "Compra SPY los martes cuando el RSI esté por debajo de 30 y vende cuando esté por encima de 70"
    told = talk(first, "use daily bars").draft.assumptions
    assert of_day("Tuesday", "Wednesday") in told
    assert said_in("es", [of_day("Tuesday", "Wednesday")]) == ["Con barras diarias, lo dicho para martes se decide después del cierre y se ejecuta en la apertura del siguiente día de bolsa, por lo general miércoles."]  # fmt: skip


def test_days_of_the_week_on_shorter_bars_need_no_telling() -> None:
    found = talk("On 5-minute bars, buy AAPL on Mondays when RSI < 40, sell on Fridays at 15:30")
    assert found.strategy is not None
    assert not [each for each in found.draft.assumptions if each.startswith("On bars of a day")]


def test_no_answer_passes_that_does_not_tell_on_which_days_it_trades() -> None:
    turns = ["On daily bars, buy SPY on Fridays, sell on Mondays"]
    draft = StrategyDraft.model_validate(write_answer(turns))
    silent = draft.model_copy(update={"assumptions": ["No size was given: the session's sizing rule decides."]})
    found = review(silent, compile_strategy(draft.python_code), request_of([Turn("user", first_request(turns[0]))]))
    assert any(each.endswith(of_day("Friday", "Monday")) for each in found)


def test_the_code_follows_the_words_whatever_line_the_model_wrote() -> None:
    answer = write_answer([DAILY])
    for written in (None, "1h", "1d"):
        other = {**answer, "python_code": with_timeframe(answer["python_code"], written)}
        # The line number that its requirement names is that of the code that is stored.
        found = passed([Turn("user", first_request(DAILY))], other).strategy
        assert found is not None
        assert timeframe_of(found.source) == "1d"


@pytest.mark.parametrize("words", ["sell after 32 minutes instead", "sell at 15:50"])
def test_a_change_on_longer_bars_that_speaks_of_minutes_is_no_answer_of_a_model(words: str) -> None:
    """What was written as so many bars of a minute is silently something else on longer ones."""
    first = "Buy MSFT when RSI < 30, sell after 10 bars"
    stood, changed = write_answer([first]), write_answer([first, words])
    assert changed["kind"] == "strategy"
    code = with_timeframe(stood["python_code"], "15min")
    conversation = [
        Turn("user", first_request(first)),
        Turn("model", StrategyDraft.model_validate({**stood, "python_code": code}).model_dump_json()),
        Turn("user", refinement_request(words)),
    ]
    with pytest.raises(NotPassed) as stopped:
        passed(conversation, changed)
    assert any("Ask the person" in each or "ask, and write nothing" in each for each in stopped.value.findings)


def test_the_schema_and_the_prompt_know_every_timeframe_of_the_language() -> None:
    assert [each.value for each in Timeframe] == [*OWN_BARS]
    assert StrategyDraft.model_json_schema()["$defs"]["Timeframe"]["enum"] == [*OWN_BARS]
    assert "timeframe names them" in quant_instructions()
    assert '"timeframe": "1d"' in quant_instructions()
