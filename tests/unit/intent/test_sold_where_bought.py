"""A sale that holds where it buys, the other way than its purchase, is found in the rules, whoever wrote them; a trader's own choice is not."""

from __future__ import annotations

import pytest
from stratforge.intent.bounds import bounds_nothing, excluded_where_bought, never_buys, sold_where_bought
from stratforge.intent.reading.meaning import meaning_of
from stratforge.intent.rules import read_rule

RSI = "ta.rsi(bars.close, length=14)"
BAND = "ta.bbands(bars.close, length=20, std=2)"
VWAP = "ta.vwap(bars.high, bars.low, bars.close, bars.volume)"


@pytest.mark.parametrize(
    ("buys", "sells"),
    [
        (f"{RSI} > 30", f"{RSI} < 70"),
        (f"crosses_above({RSI}, 30)", f"{RSI} < 70"),
        (f"crosses_below({RSI}, 30)", f"{RSI} > 20"),
        (f"{RSI} > 30 and close > {VWAP}", f"{RSI} < 70"),
        (f"{RSI} > 30 or close > {VWAP}", f"{RSI} < 70 or gain >= 2"),
        ("close > 100", "close < 105"),
        (f"close > {BAND}.lower", f"close < {BAND}.upper"),
        (f"close > {BAND}.lower", f"{BAND}.middle > close"),
        (f"close < {BAND}.upper", f"close > {BAND}.middle"),
        # Below a highest price it is on nearly every bar.
        (f"close > {VWAP}", f"close < {BAND}.upper"),
        (f"close > {VWAP}", "close < day_high"),
        (f"close < {VWAP}", "close > bars.low.rolling(20).min().shift(1)"),
        (f"{RSI} < 30", f"{RSI} < 50"),
    ],
)
def test_a_sale_that_holds_where_it_buys_is_found(buys: str, sells: str) -> None:
    assert sold_where_bought([read_rule(f"buy when {buys}"), read_rule(f"sell when {sells}")])


@pytest.mark.parametrize(
    ("buys", "sells"),
    [
        (f"{RSI} < 30", f"{RSI} > 70"),
        (f"{RSI} > 50", f"{RSI} < 50"),
        (f"{RSI} >= 50", f"{RSI} < 50"),
        # A breakout that comes back through the line at which it was bought.
        ("close > bars.high.rolling(20).max().shift(1)", "close < bars.high.rolling(20).max().shift(1)"),
        # A stop, or a climax, in the same direction.
        (f"{RSI} < 40", f"{RSI} < 20"),
        (f"{RSI} > 50", f"{RSI} > 80"),
        # At the bar of a crossing of its own it does not hold yet.
        (f"{RSI} > 30", f"crosses_below({RSI}, 70)"),
        (f"{RSI} > 30", f"{RSI} < 70 and close < {VWAP}"),
        (f"close < {BAND}.lower", f"close > {BAND}.middle"),
        (f"close > {BAND}.upper", f"close < {BAND}.lower"),
        ("minute >= 600", "minute < 700"),
        (f"{RSI} > 30", "gain < 70"),
    ],
)
def test_other_sales_are_left_alone(buys: str, sells: str) -> None:
    assert not sold_where_bought([read_rule(f"buy when {buys}"), read_rule(f"sell when {sells}")])


def test_only_bounds_the_purchase() -> None:
    rules = [f"buy when close > {VWAP}", f"buy only when {RSI} > 30", f"sell when {RSI} < 70"]
    assert sold_where_bought([read_rule(each) for each in rules])


@pytest.mark.parametrize(
    ("buys", "never"),
    [
        (f"for_bars(20, close < {VWAP}) and crosses_above(close, {VWAP})", True),
        (f"for_bars(5, {RSI} < 30) and {RSI} > 30", True),
        (f"for_bars(5, {RSI} < 30) and crosses_above(close, {VWAP})", False),
        (f"for_bars(5, {RSI} < 30 or close < {VWAP}) and {RSI} > 30", False),
        (f"within_bars(5, {RSI} < 30) and {RSI} > 30", False),
    ],
)
def test_what_held_for_bars_holds_at_the_last_of_them(buys: str, *, never: bool) -> None:
    assert never_buys([read_rule(f"buy when {buys}")]) is never


@pytest.mark.parametrize(
    ("buys", "sells"),
    [
        ("close > yesterday_low", "close < yesterday_high"),
        ("close < yesterday_high", "close > yesterday_close"),
        ("close > opening_low(30)", "close < opening_high(30)"),
        ("volume > ta.sma(bars.volume, length=20)", "volume < ta.sma(bars.volume, length=20) * 2"),
        (f"close < {VWAP} * 0.99", f"close > {VWAP} * 0.98"),
    ],
)
def test_lines_of_one_kind_stand_in_their_order(buys: str, sells: str) -> None:
    assert sold_where_bought([read_rule(f"buy when {buys}"), read_rule(f"sell when {sells}")])


@pytest.mark.parametrize(
    ("buys", "sells"),
    [
        ("close > yesterday_high", "close < yesterday_low"),
        ("close > opening_high(30)", "close < opening_low(30)"),
        (f"close > {VWAP} * 1.01", f"close < {VWAP}"),
        ("volume > ta.sma(bars.volume, length=20) * 2", "volume < ta.sma(bars.volume, length=20)"),
        # Within a distance of a line is on both of its sides, which a person may mean.
        (f"close <= {VWAP} * 1.01 and close >= {VWAP} * 0.99", f"close < {VWAP}"),
    ],
)
def test_lines_in_another_order_leave_nothing_to_be_sold_at_once(buys: str, sells: str) -> None:
    assert not sold_where_bought([read_rule(f"buy when {buys}"), read_rule(f"sell when {sells}")])


@pytest.mark.parametrize(
    ("bound", "idle"),
    [
        ("minute < 930 or minute >= 600", True),
        ("weekday == 1 or not weekday == 1", False),
        ("minute < 600 or minute >= 930", False),
        ("minute < 720 or weekday == 4 or minute >= 720", True),
        # As long as stocks are traded: who says so bounds nothing, and means it.
        ("minute >= 570 and minute < 960", False),
    ],
)
def test_a_bound_that_leaves_out_no_minute_is_found(bound: str, *, idle: bool) -> None:
    assert bool(bounds_nothing([read_rule(f"buy only when {bound}")])) is idle


def test_what_surely_does_not_hold_at_the_purchase_is_no_sale_at_once() -> None:
    bought = meaning_of([read_rule(f"buy when crosses_above(close, {BAND}.upper)")]).entry
    (way,) = bought
    sale = {text: fact for text in (f"close < {BAND}.mid", f"close < {VWAP}", f"close < {BAND}.upper") for ways in meaning_of([read_rule(f"sell when {text}")]).exit for fact in ways}  # fmt: skip
    assert [excluded_where_bought(fact, way) for fact in sale.values()] == [True, False, True]
