"""One part of a right answer is spoiled at a time: the gate finds each."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from stratforge.intent import Status

from tests.support.answers import Answer

SPOILED: dict[str, Callable[[Answer], Answer]] = {
    "the entry compares the other way": lambda a: a.replace("bar.rsi < 35", "bar.rsi > 35"),
    "the second condition compares the other way": lambda a: a.replace("bar.close > bar.vwap", "bar.close < bar.vwap"),
    "the exit compares the other way": lambda a: a.replace("bar.rsi > 60", "bar.rsi < 60"),
    "the second exit compares the other way": lambda a: a.replace("bar.mfi > 80", "bar.mfi < 80"),
    "the hour compares the other way": lambda a: a.replace("minute > 630", "minute < 630"),
    "a threshold differs": lambda a: a.replace("bar.rsi < 35", "bar.rsi < 36"),
    "a period that nobody said": lambda a: a.replace('length=14),\n        "vwap', 'length=15),\n        "vwap'),
    "the stop is ten times as wide": lambda a: a.replace("-0.01", "-0.1"),
    "the stop counts dollars": lambda a: a.replace(
        "position.unrealized_return < -0.01", "bar.close < position.average_entry_price - 1"
    ),
    "the stop is a target": lambda a: a.replace(
        "position.unrealized_return < -0.01", "position.unrealized_return > 0.01"
    ),
    "the size is another part": lambda a: a.replace("fraction=0.2", "fraction=0.25"),
    "the size is shares": lambda a: a.replace("fraction=0.2", "quantity=20"),
    "the size is dollars": lambda a: a.replace("fraction=0.2", "notional=20"),
    "the size is left out": lambda a: a.replace("fraction=0.2", ""),
    "the wrong day": lambda a: a.replace("weekday != 0", "weekday != 1"),
    "only the day that was excluded": lambda a: a.replace("weekday != 0", "weekday == 0"),
    "the day limit is another": lambda a: a.replace('state["bought"] < 2', 'state["bought"] < 3'),
    "the day limit admits one more": lambda a: a.replace('state["bought"] < 2', 'state["bought"] <= 2'),
    "the day limit is not counted": lambda a: a.replace('state["bought"] + 1', 'state["bought"] + 0'),
    "the day limit never begins anew": lambda a: a.replace(
        'bar.time.weekday != state.get("day", -1)', 'state.get("day", -1) == -1'
    ),
    "the day limit begins anew every bar": lambda a: a.replace(
        'bar.time.weekday != state.get("day", -1)', "bar.time.weekday != -1"
    ),
    "the hour is another": lambda a: a.replace("minute > 630", "minute > 600"),
    "and has become or": lambda a: a.replace(
        "and bar.rsi < 35\n        and bar.close > bar.vwap", "and (bar.rsi < 35\n        or bar.close > bar.vwap)"
    ),
    "or has become and": lambda a: a.replace(
        "bar.rsi > 60\n        or bar.mfi > 80", "bar.rsi > 60\n        and bar.mfi > 80"
    ),
    "the stop works only with the exit": lambda a: a.replace(
        "bar.mfi > 80\n        or position", "bar.mfi > 80\n        and position"
    ),
    "a filter is left out of the code": lambda a: a.replace("and bar.close > bar.vwap", "and bar.close > 0"),
    "the day filter is left out of the code": lambda a: a.replace("and bar.time.weekday != 0", "and True"),
    "the hour is left out of the code": lambda a: a.replace("and minute > 630", "and True"),
    "the exit is left out of the code": lambda a: a.replace("bar.rsi > 60", "False"),
    "the stop is left out of the code": lambda a: a.replace("or position.unrealized_return < -0.01", "or False"),
    "another indicator": lambda a: a.replace("ta.rsi(bars.close, length=14)", "ta.cmo(bars.close, length=14)"),
    "another column's indicator": lambda a: a.replace("ta.rsi(bars.close", "ta.rsi(bars.volume"),
    "a rule that nobody asked for": lambda a: a.replace(
        "and minute > 630", "and minute > 630 and bar.close > bar.open"
    ),
    "an exit that nobody asked for": lambda a: a.replace(
        "or bar.mfi > 80", "or bar.mfi > 80 or position.bars_held > 5"
    ),
    "an unasked rule with an asked number": lambda a: a.replace(
        "and minute > 630", "and minute > 630 and bar.mfi < 80"
    ),
    "it sells a part only": lambda a: a.replace("return sell()", "return sell(fraction=0.5)"),
    "it can never buy": lambda a: a.replace("and minute > 630", "and minute > 630 and minute < 630"),
    "it can never sell": lambda a: a.replace("if position.quantity > 0 and (", "if position.quantity > 1e12 and ("),
    "the exit asks for the entry's hours": lambda a: a.replace(
        "position.quantity > 0 and (", "position.quantity > 0 and minute > 630 and ("
    ),
    "a crossing where a state was asked for": lambda a: a.replace(
        "bar.rsi < 35", "bar.rsi < 35 and bar.previous.rsi >= 35"
    ),
    "the requirement of the entry is left out": lambda a: a.without("entry"),
    "the requirement of the days is left out": lambda a: a.without("days"),
    "the requirement of the hours is left out": lambda a: a.without("hours"),
    "the requirement of the size is left out": lambda a: a.without("size"),
    "the requirement of the limit is left out": lambda a: a.without("often"),
    "the requirement of the exit is left out": lambda a: a.without("exit"),
    "the requirement of the stop is left out": lambda a: a.without("stop"),
    "there are no requirements": lambda a: Answer(requirements=[]),
    "a quotation that the person did not say": lambda a: a.changed("stop", quote="with a stop loss of one per cent"),
    "no lines": lambda a: a.changed("stop", lines=[]),
    "lines that do not exist": lambda a: a.changed("stop", lines=[400]),
    "the lines of another rule": lambda a: a.changed("stop", lines=[16]),
    "lines that say nothing": lambda a: a.changed("days", lines=[1]),
    "unsupported, and nobody is told": lambda a: a.replace("and bar.time.weekday != 0", "and True").changed(
        "days", status=Status.UNSUPPORTED, lines=[]
    ),
    "assumed, and nobody is told": lambda a: a.replace("and bar.time.weekday != 0", "and True").changed(
        "days", status=Status.ASSUMED, lines=[]
    ),
    "one quotation of everything, with all lines, and no stop": lambda a: _whole(
        a.replace("or position.unrealized_return < -0.01", "or False")
    ),
    "one quotation of everything, with all lines, and the other way": lambda a: _whole(
        a.replace("bar.rsi < 35", "bar.rsi > 35")
    ),
    "thresholds of entry and exit are exchanged": lambda a: a.replace("bar.rsi < 35", "bar.rsi < 60").replace(
        "bar.rsi > 60", "bar.rsi > 35"
    ),
    "buying where selling was asked for": lambda a: (
        a.replace("return buy(fraction=0.2)", "return sell()")
        .replace("return sell()\n    if", "return buy(fraction=0.2)\n    if")
        .replace("bar.rsi < 35", "bar.rsi > 60")
    ),
    "asked for Fridays": lambda a: a.asked("Mondays", "Fridays"),
    "asked for only on Mondays": lambda a: a.asked("but not on Mondays", "but only on Mondays"),
    "asked for before": lambda a: a.asked("only after 10:30", "only before 10:30"),
    "asked for dollars": lambda a: a.asked("stop loss of 1%", "stop loss of $1"),
    "asked for a trailing stop": lambda a: a.asked("with a stop loss of 1%", "with a trailing stop of 1%"),
    "asked for a target": lambda a: a.asked("with a stop loss of 1%", "with a profit target of 1%"),
    "asked for a limit a week": lambda a: a.asked("per day", "per week"),
    "asked for at least": lambda a: a.asked("At most 2", "At least 2"),
    "asked for Berlin's time": lambda a: a.asked("10:30", "10:30 Berlin time"),
    "asked for ATR": lambda a: a.asked("stop loss of 1%", "stop loss of 1 ATR"),
    "asked for or": lambda a: a.asked("35 and the price", "35 or the price"),
    "asked for unless": lambda a: a.asked("35 and the price", "35 unless the price"),
    "asked for half": lambda a: a.asked("Sell when RSI", "Sell half when RSI"),
    "asked for bars in a row": lambda a: a.asked("below 35", "below 35 for 3 bars in a row"),
    "asked for the daily RSI": lambda a: a.asked("when RSI is below", "when the daily RSI is below"),
    "asked for EMA, not VWAP": lambda a: a.asked("VWAP", "its EMA"),
    "asked for another symbol's RSI": lambda a: a.asked("when RSI is below", "when SPY's RSI is below"),
    "asked for short": lambda a: a.asked("Buy AAPL", "Short AAPL"),
    "asked for a wish that stands in no requirement": lambda a: Answer(request=a.request + " Never hold overnight."),
    "asked for another exit that stands in no requirement": lambda a: Answer(request=a.request + " Close at 15:50."),
    "asked for an exit in words that stands in no requirement": lambda a: Answer(
        request=a.request + " Also sell when the MACD turns negative."
    ),
}


def _whole(answer: Answer) -> Answer:
    first = answer.requirements[0]
    count = len(answer.code.splitlines())
    answer.requirements = [
        first.model_copy(update={"quote": answer.request.rstrip("."), "lines": list(range(1, count + 1))})
    ]
    return answer


# What passes today, and why that is wrong.
PASSES: dict[str, str] = {
    "the second condition compares the other way": "the direction is checked only where one condition stands in a quotation",
    "the hour compares the other way": "the direction is checked only where one condition stands in a quotation",
    "a period that nobody said": "what the code does beside the requirements is not looked for",
    "the stop counts dollars": "the unit of the code is not held against that of the request",
    "the stop is a target": "the direction is checked only where one condition stands in a quotation",
    "the size is dollars": "the unit of the code is not held against that of the request",
    "the wrong day": "the code of the lines is not held against the words",
    "only the day that was excluded": "the direction is checked only where one condition stands in a quotation",
    "the day limit admits one more": "that a day limit counts, and begins anew each day, is not tried out",
    "the day limit is not counted": "that a day limit counts, and begins anew each day, is not tried out",
    "the day limit never begins anew": "that a day limit counts, and begins anew each day, is not tried out",
    "the day limit begins anew every bar": "that a day limit counts, and begins anew each day, is not tried out",
    "and has become or": "connectives of the code are not held against those of the request",
    "or has become and": "connectives of the code are not held against those of the request",
    "the stop works only with the exit": "connectives of the code are not held against those of the request",
    "a filter is left out of the code": "the code of the lines is not held against the words",
    "another indicator": "the code of the lines is not held against the words",
    "a rule that nobody asked for": "what the code does beside the requirements is not looked for",
    "an exit that nobody asked for": "what the code does beside the requirements is not looked for",
    "an unasked rule with an asked number": "what the code does beside the requirements is not looked for",
    "it sells a part only": "the code of the lines is not held against the words",
    "a crossing where a state was asked for": "the code of the lines is not held against the words",
    "unsupported, and nobody is told": "what is assumed or unsupported need not stand in the assumptions",
    "assumed, and nobody is told": "what is assumed or unsupported need not stand in the assumptions",
    "one quotation of everything, with all lines, and no stop": "a quotation of everything with all lines covers anything",
    "asked for Fridays": "the meaning of this word is not held against the lines",
    "asked for only on Mondays": "the meaning of this word is not held against the lines",
    "asked for before": "the meaning of this word is not held against the lines",
    "asked for a trailing stop": "the meaning of this word is not held against the lines",
    "asked for a target": "the meaning of this word is not held against the lines",
    "asked for a limit a week": "the meaning of this word is not held against the lines",
    "asked for at least": "the meaning of this word is not held against the lines",
    "asked for Berlin's time": "the meaning of this word is not held against the lines",
    "asked for ATR": "the meaning of this word is not held against the lines",
    "asked for or": "the meaning of this word is not held against the lines",
    "asked for unless": "the meaning of this word is not held against the lines",
    "asked for half": "the meaning of this word is not held against the lines",
    "asked for the daily RSI": "the meaning of this word is not held against the lines",
    "asked for EMA, not VWAP": "the meaning of this word is not held against the lines",
    "asked for another symbol's RSI": "the meaning of this word is not held against the lines",
    "asked for short": "the meaning of this word is not held against the lines",
    "asked for an exit in words that stands in no requirement": "a wish without a number or a word of the list is not looked for in the quotations",
}


def test_the_right_answer_passes() -> None:
    assert Answer().findings == []


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.xfail(strict=True, reason=PASSES[name])) if name in PASSES else name
        for name in SPOILED
    ],
)
def test_a_spoiled_answer_does_not_pass(name: str) -> None:
    assert SPOILED[name](Answer()).findings != []
