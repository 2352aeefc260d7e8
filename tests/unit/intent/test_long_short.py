"""The parts of the contract of both sides: whose words are whose, what excludes what, and what the rules of both do together."""

from __future__ import annotations

import pytest
from stratforge.intent.bounds import follows, never_together
from stratforge.intent.long_short.changes import changed
from stratforge.intent.long_short.image import image_of
from stratforge.intent.long_short.marks import Side
from stratforge.intent.long_short.reference import both_ways
from stratforge.intent.long_short.rules import read_side_rule, side_in_words
from stratforge.intent.long_short.sides import goes_both_ways, sides_of
from stratforge.intent.rules import RuleError, read_rule
from stratforge.strategy import PositionView, evaluate_last_bar
from stratforge.strategy.graph import Values

from tests.unit.strategy.test_short_decisions import FLAT, LONG, SHORT, _values

RSI = "ta.rsi(bars.close, length=14)"
BAND = "ta.bbands(bars.close, length=20, std=2)"


def test_each_word_is_of_one_side_or_of_both() -> None:
    text = "Buy AAPL when A and sell when B; short when C, cover when D, stop 1% both ways. Close everything at 15:55."
    sides = sides_of(text)
    assert sides.asks == ()
    assert [(text[each.start : each.end], each.side) for each in sides.pieces] == [
        ("Buy AAPL when A and sell when B", Side.LONG),
        ("short when C, cover when D", Side.SHORT),
        (", stop 1% both ways", Side.BOTH),
        ("Close everything at 15:55", Side.BOTH),
    ]


def test_a_side_is_a_request_that_buys_and_sells_and_leads_back_to_the_words() -> None:
    text = "Go long AAPL when RSI is below 30, exit the long above 50. Sell short when it is above 70 and buy it back below 50."
    sides = sides_of(text)
    assert image_of(sides, Side.LONG).text == "Buy AAPL when RSI is below 30, sell above 50"
    short = image_of(sides, Side.SHORT)
    assert short.text == "Buy when RSI is above 70 and sell below 50"
    at = short.text.index("sell below 50")
    ((start, end),) = short.original(at, len(short.text))
    assert text[start:end] == "buy it back below 50"
    assert image_of(sides, None).text.startswith("Buy AAPL when RSI is below 30")


@pytest.mark.parametrize(
    ("words", "both"),
    [
        ("Buy when A and go short when B", True),
        ("Buy when the short EMA is above the long EMA", False),
        ("Short when A and buy to cover when B", False),
        ("Buy as long as A", False),
        ("Go long when A", False),
        ("Buy when A, sell when B, never go short", False),
        ("Buy when A, do not short", False),
    ],
)
def test_who_speaks_of_both_sides(words: str, both: bool) -> None:
    assert goes_both_ways(words) is both


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        (f"{RSI} < 30", f"{RSI} > 70", True),
        (f"{RSI} < 60", f"{RSI} > 40", False),
        ("close > open", "close < open", True),
        ("close > open", "close <= open", True),
        (f"close < {BAND}.lower", f"close > {BAND}.upper", True),
        (f"close > {BAND}.lower", f"close < {BAND}.upper", False),
        (f"crosses_above({RSI}, 50)", f"crosses_below({RSI}, 50)", True),
        (f"crosses_above({RSI}, 30)", f"crosses_below({RSI}, 70)", False),
        ("close > bars.high.rolling(20).max().shift(1)", "close < bars.low.rolling(20).min().shift(1)", True),
        ("close > bars.high.rolling(20).max().shift(1)", "close < bars.low.rolling(10).min().shift(1)", False),
        ("close > bars.low.rolling(20).min().shift(1)", "close < bars.high.rolling(20).max().shift(1)", False),
        ("close > opening_high(30)", "close < opening_low(30)", True),
        ("close <= ta.sma(bars.close, length=20) * 0.98", "close >= ta.sma(bars.close, length=20) * 1.02", True),
        ("close <= ta.sma(bars.close, length=20) * 1.02", "close >= ta.sma(bars.close, length=20) * 0.98", False),
        ("close <= ta.mom(bars.close, length=20) * 0.98", "close >= ta.mom(bars.close, length=20) * 1.02", False),
        ("minute == 600", "minute == 780", True),
        (f"{RSI} < 30 or close > open", f"{RSI} > 70", False),
        (f"{RSI} < 30 and close > open", f"{RSI} > 20 and close < open", True),
    ],
)
def test_conditions_that_never_hold_at_once(one: str, other: str, apart: bool) -> None:
    assert never_together([read_rule(f"buy when {one}")], [read_rule(f"buy when {other}")]) is apart


@pytest.mark.parametrize(
    ("entry", "sale", "always"),
    [
        (f"{RSI} > 70", f"{RSI} > 50", True),
        (f"{RSI} > 70", f"{RSI} >= 70", True),
        (f"{RSI} > 70", f"{RSI} > 71", False),
        (f"{RSI} > 70", "gain >= 2", False),
        (f"{RSI} > 70", f"gain >= 2 or {RSI} > 60", True),
        (f"{RSI} > 70 or close > open", f"{RSI} > 60", False),
        (f"close > {BAND}.upper", f"close >= {BAND}.mid", True),
        (f"close > {BAND}.mid", f"close >= {BAND}.upper", False),
        ("crosses_below(close, open)", "crosses_below(close, open)", True),
        ("crosses_below(close, open)", "close < open", True),
        ("close < open", "crosses_below(close, open)", False),
        (f"{RSI} > 70", f"{RSI} > 60 and close > open", False),
    ],
)
def test_a_sale_that_holds_wherever_something_else_does(entry: str, sale: str, always: bool) -> None:
    assert follows([read_rule(f"buy when {entry}")], [read_rule(f"sell when {sale}")]) is always


@pytest.mark.parametrize(
    "text",
    ["at most 2 buys a day", "buy when gain >= 2", "short when bars_held > 3", "stop loss at close - 1", "wait 3 bars after a sale", "stop loss 0% when gain >= 1", "size 1% of equity at risk", "sell at limit 1% above close"],
)  # fmt: skip
def test_what_no_strategy_of_both_sides_has(text: str) -> None:
    with pytest.raises(RuleError):
        read_side_rule(text)


def test_rules_in_words() -> None:
    assert side_in_words("short when close > 10") == "short when the close is above 10"
    assert side_in_words("long stop loss 2%") == "of the long side: stop loss 2 %"
    assert side_in_words("size 10 shares") == "enter 10 shares"


def rules(*texts: str) -> list:  # type: ignore[type-arg]
    """Rules as of a strategy that buys and sells."""
    return [read_rule(each) for each in texts]


def decided(*, turns: bool, close: float, position: PositionView, state: dict[str, float] | None = None) -> str | None:
    """What the strategy that is long above 100 and short below decides on a bar."""
    strategy = both_ways(rules("buy when close > 100"), rules("buy when close < 100"), turns=turns) if turns else both_ways(rules("buy when close > 100", "sell when close < 90"), rules("buy when close < 80", "sell when close > 95"), turns=False)  # fmt: skip
    values: Values = _values(close)
    found = evaluate_last_bar(strategy, values, position, state or {}).signal
    return None if found is None else str(found.side.value)


@pytest.mark.parametrize(
    ("turns", "close", "position", "does"),
    [
        (True, 110, FLAT, "buy"),
        (True, 90, FLAT, "short"),
        (True, 90, LONG, "sell"),
        (True, 110, LONG, None),
        (True, 110, SHORT, "cover"),
        (True, 90, SHORT, None),
        (False, 85, LONG, "sell"),
        (False, 92, LONG, None),
        (False, 75, FLAT, "short"),
        (False, 75, SHORT, None),
        (False, 97, SHORT, "cover"),
        (False, 105, SHORT, "cover"),
        (False, 105, FLAT, "buy"),
    ],
)
def test_what_the_rules_of_both_sides_do(turns: bool, close: float, position: PositionView, does: str | None) -> None:
    assert decided(turns=turns, close=close, position=position) == does


def test_a_column_that_no_rule_can_say_is_none_of_both_sides_either() -> None:
    rising = "(bars.close > bars.open).rolling(3).sum()"
    with pytest.raises(RuleError, match="cannot be said as a rule"):
        both_ways(rules(f"buy when {rising} > 2", "sell when close < 1"), rules("buy when close > 9", "sell when close < 1"), turns=False)  # fmt: skip


def test_a_crossing_that_closes_one_side_enters_the_other_when_nothing_is_held() -> None:
    strategy = both_ways(rules("buy when crosses_above(close, open)"), rules("buy when crosses_below(close, open)"), turns=True)  # fmt: skip
    # On these bars nothing crosses: what the bar before has left is what counts.
    for turn, position, does in ((-1.0, FLAT, "short"), (1.0, FLAT, "buy"), (0.0, FLAT, None), (-1.0, LONG, "sell"), (1.0, LONG, None), (1.0, SHORT, "cover")):  # fmt: skip
        found = evaluate_last_bar(strategy, _values(), position, {"turn": turn})
        assert (None if found.signal is None else found.signal.side.value) == does
        assert found.state["turn"] == (turn if does in ("sell", "cover") else 0)


BEFORE = (f"buy when {RSI} < 30", f"sell when {RSI} > 50", f"short when {RSI} > 70", f"cover when {RSI} < 50", "stop loss 2%")  # fmt: skip


@pytest.mark.parametrize(
    ("words", "new"),
    [
        ("use 25 instead of 30", [f"buy when {RSI} < 25"]),
        ("Please change 70 to 75.", [f"short when {RSI} > 75"]),
        ("change 50 to 45 on the short side", [f"cover when {RSI} < 45"]),
        ("use 55 instead of 50 on both sides", [f"sell when {RSI} > 55", f"cover when {RSI} < 55"]),
        ("use 3% instead of 2%", ["stop loss 3%"]),
        ("use 30 instead of 14", None),
        ("use 3% instead of 2% on the short side", None),
        ("use 55 instead of 50", None),
        ("use 2 instead of 1", None),
        ("change 30 to 25 and 70 to 75", None),
        ("make the stop 3%", None),
        ("use 3 dollars instead of 2%", None),
    ],
)
def test_a_number_is_changed_where_it_can_only_be_that_one(words: str, new: list[str] | None) -> None:
    found = changed(BEFORE, words)
    if new is None:
        assert found.asks
        assert not found.rules
    else:
        assert list(found.new) == new
        assert len(found.rules) == len(BEFORE)


def test_a_side_that_goes_takes_its_rules_with_it() -> None:
    found = changed((*BEFORE, "short size 10 shares", "long size 20 shares"), "long only please")
    assert set(found.rules) == {f"buy when {RSI} < 30", f"sell when {RSI} > 50", "stop loss 2%", "size 20 shares"}
    assert changed((*BEFORE, "turn round"), "remove the short side").asks
