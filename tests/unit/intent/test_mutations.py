"""One part of a right answer is spoiled at a time: the gate finds each."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from stratforge.intent.requirements import Status

from tests.support.answers import RSI, Answer

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
    "a stop within the bar that nobody asked for": lambda a: a.replace("fraction=0.2", "fraction=0.2, stop_loss=0.5"),
    "a look at the account that nobody asked for": lambda a: a.replace(
        "and minute > 630", "and minute > 630 and account.cash != 7"
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
    "bars of a longer timeframe that nobody asked for": lambda a: a.replace(
        "ta.rsi(bars.close", 'ta.rsi(bars.resample("5min").close'
    ),
    "a rule on longer bars that nobody asked for": lambda a: a.replace(
        '"vwap": ', '"longer": bars.resample("1h").close, "vwap": '
    ).replace("bar.close > bar.vwap", "bar.longer > bar.vwap"),
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


def test_the_right_answer_passes() -> None:
    assert Answer().findings == []


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_answer_does_not_pass(name: str) -> None:
    assert SPOILED[name](Answer()).findings != []


# The code and the rules of the requirements are spoiled alike, so that they agree: what is left to compare them with is what the person said.
LIES: dict[str, tuple[str, str, str, str]] = {
    "the entry compares the other way": ("bar.rsi < 35", "bar.rsi > 35", "< 35", "> 35"),
    "the second condition compares the other way": (
        "bar.close > bar.vwap",
        "bar.close < bar.vwap",
        "close > ta.vwap",
        "close < ta.vwap",
    ),
    "the exit compares the other way": ("bar.rsi > 60", "bar.rsi < 60", "> 60", "< 60"),
    "the second exit compares the other way": ("bar.mfi > 80", "bar.mfi < 80", "> 80", "< 80"),
    "the hour compares the other way": ("minute > 630", "minute < 630", "minute > 630", "minute < 630"),
    "a threshold differs": ("bar.rsi < 35", "bar.rsi < 36", "< 35", "< 36"),
    "a period that nobody said": ("length=14", "length=15", "length=14", "length=15"),
    "the stop is ten times as wide": ("-0.01", "-0.1", "gain <= -1", "gain <= -10"),
    "the stop counts dollars": (
        "position.unrealized_return < -0.01",
        "bar.close < position.average_entry_price - 1",
        "gain <= -1",
        "gain_dollars <= -1",
    ),
    "the stop is a target": (
        "position.unrealized_return < -0.01",
        "position.unrealized_return > 0.01",
        "gain <= -1",
        "gain >= 1",
    ),
    "the size is another part": ("fraction=0.2", "fraction=0.25", "size 20%", "size 25%"),
    "the size is shares": ("fraction=0.2", "quantity=20", "size 20% of equity", "size 20 shares"),
    "the size is dollars": ("fraction=0.2", "notional=20", "size 20% of equity", "size 20 dollars"),
    "the wrong day": ("weekday != 0", "weekday != 1", "weekday != 0", "weekday != 1"),
    "only the day that was excluded": ("weekday != 0", "weekday == 0", "weekday != 0", "weekday == 0"),
    "another day is excluded too": ("weekday != 0", "weekday > 1", "weekday != 0", "weekday > 1"),
    "the day limit is another": ('state["bought"] < 2', 'state["bought"] < 3', "at most 2", "at most 3"),
    "the hour is another": ("minute > 630", "minute > 600", "minute > 630", "minute > 600"),
    "and has become or": (
        "and bar.rsi < 35\n        and bar.close > bar.vwap",
        "and (bar.rsi < 35\n        or bar.close > bar.vwap)",
        "< 35 and close",
        "< 35 or close",
    ),
    "or has become and": (
        "bar.rsi > 60\n        or bar.mfi",
        "bar.rsi > 60\n        and bar.mfi",
        "> 60 or",
        "> 60 and",
    ),
    "a filter is left out": (
        "and bar.close > bar.vwap",
        "and True",
        " and close > ta.vwap(bars.high, bars.low, bars.close, bars.volume)",
        "",
    ),
    "another indicator": ("ta.rsi(", "ta.cmo(", "ta.rsi(", "ta.cmo("),
    "another column's indicator": (
        "ta.rsi(bars.close",
        "ta.rsi(bars.volume",
        "ta.rsi(bars.close",
        "ta.rsi(bars.volume",
    ),
    "a rule that nobody asked for": (
        "and minute > 630",
        "and minute > 630 and bar.close > bar.open",
        "minute > 630",
        "minute > 630 and close > open",
    ),
    "an exit that nobody asked for": (
        "or bar.mfi > 80",
        "or bar.mfi > 80 or position.bars_held >= 5",
        "> 80",
        "> 80 or bars_held >= 5",
    ),
    "an unasked rule with an asked number": (
        "and minute > 630",
        "and minute > 630 and bar.mfi < 80",
        "minute > 630",
        "minute > 630 and ta.mfi(bars.high, bars.low, bars.close, bars.volume, length=14) < 80",
    ),
    "it sells a part only": (
        "return sell()",
        "return sell(fraction=0.5)",
        "sell when",
        "sell 50% when",
    ),
    "a crossing where a state was asked for": (
        "bar.rsi < 35",
        "bar.rsi < 35 and bar.previous.rsi >= 35",
        f"{RSI} < 35",
        f"crosses_below({RSI}, 35)",
    ),
    "the exit asks for the entry's hours": (
        "position.quantity > 0 and (",
        "position.quantity > 0 and minute > 630 and (",
        "sell when ",
        "sell when minute > 630 and ",
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_rules_that_lie_for_the_code_do_not_pass(name: str) -> None:
    code, spoiled, rule, lie = LIES[name]
    assert Answer().replace(code, spoiled).ruled(rule, lie).findings != []
