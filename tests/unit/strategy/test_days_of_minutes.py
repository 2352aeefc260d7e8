"""`bars.resample("1d")` in strategies on shorter bars: the days of the exchange before today, counted by themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from stratforge.backtest import run_backtest
from stratforge.backtest.sweep import Sweeper
from stratforge.market import BarColumns
from stratforge.market.columns import PRICE_COLUMNS
from stratforge.market.resampling import latest_bars, longer, resample
from stratforge.strategy import StrategyError, compile_strategy
from stratforge.strategy.batch import decode_columns, encode_columns
from stratforge.strategy.graph import Values
from stratforge.strategy.indicators import REGISTRY
from stratforge.strategy.lookback import MAX_DAYS, day_window_length
from stratforge.strategy.rotation import compile_portfolio

from tests.support.batches import decided_as_by_the_engine
from tests.unit.strategy.test_causality import bits, indicator_calls
from tests.unit.strategy.test_timeframes import EXPRESSIONS, strategy

NEW_YORK, UTC_ZONE = ZoneInfo("America/New_York"), ZoneInfo("UTC")
_DAY = 86_400


def days(count: int, seed: int = 1, zone: ZoneInfo = NEW_YORK, last: date = date(2026, 3, 20)) -> BarColumns:
    """So many days of an exchange up to a date, weekends left out where it has them; the clock is changed within them."""
    every = np.arange(last.toordinal() - 2 * count, last.toordinal() + 1)
    kept = [date.fromordinal(each) for each in every.tolist()]
    kept = [each for each in kept if zone is UTC_ZONE or each.weekday() < 5][-count:]
    time = np.array([int(datetime(each.year, each.month, each.day, tzinfo=zone).timestamp()) for each in kept])
    generator = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(generator.normal(0, 0.02, count)))
    open_ = np.concatenate(([50.0], close[:-1])) * np.exp(generator.normal(0, 0.005, count))
    spread = np.abs(generator.normal(0, 0.01, (2, count))) * close
    high, low = np.maximum(open_, close) + spread[0], np.minimum(open_, close) - spread[1]
    return BarColumns(time, open_, high, low, close, generator.uniform(1e5, 1e6, count), timezone=zone, daily=True)


def minutes_of(of: BarColumns, last: int, apart: int = 30, seed: int = 2) -> BarColumns:
    """Bars of a minute on the last days of an exchange, the hours of its session only, and these days beside them."""
    begins = of.time[-last:]
    hours = np.arange(0, 24 * 60, apart) if of.timezone is UTC_ZONE else np.arange(570, 960, apart)
    time = (begins[:, None] + 60 * hours).ravel()
    generator = np.random.default_rng(seed)
    close = np.repeat(of.close[-last:], len(hours)) * np.exp(generator.normal(0, 0.003, len(time)))
    open_ = np.concatenate((close[:1], close[:-1]))
    high, low = np.maximum(open_, close) * 1.001, np.minimum(open_, close) * 0.999
    return BarColumns(time, open_, high, low, close, np.full(len(time), 900.0), timezone=of.timezone, days=of)


def known_at(bars: BarColumns) -> BarColumns:
    """The bars with no more of the days than those before the day of the last of them."""
    assert bars.days is not None
    return replace(bars, days=bars.days.slice(0, int(np.searchsorted(bars.days.day, bars.day[-1]))))


@pytest.mark.parametrize("zone", [NEW_YORK, UTC_ZONE])
def test_a_bar_sees_the_days_before_its_own_and_never_its_own(zone: ZoneInfo) -> None:
    of = days(60, zone=zone)
    bars = minutes_of(of, 20)
    close = Values(bars).series(strategy("h.close", "1d").columns["x"])
    for place in (0, 1, len(bars) // 2, len(bars) - 1):
        (today,) = np.flatnonzero(of.day == bars.day[place])
        assert close[place] == pytest.approx(of.close[today - 1], rel=1e-11)
        assert close[place] != pytest.approx(of.close[today], rel=1e-6)


def test_an_average_of_days_is_that_of_the_exchanges_days_and_unknown_before_there_are_enough() -> None:
    of = days(60)
    bars = minutes_of(of, 20)
    seen = Values(bars).series(strategy("ta.sma(h.close, 50)", "1d").columns["x"])
    first = seen[bars.day == of.day[-10]]
    np.testing.assert_allclose(first, of.close[:50].mean(), rtol=1e-11)
    assert np.isnan(seen[bars.day < of.day[-10]]).all()
    # The day of the exchange counts, not what the minutes that are there would make of it.
    made = resample(replace(bars, days=None), "1d").bars
    assert made.high[0] != of.high[-20]


def test_hours_that_a_strategy_decides_on_see_the_same_days() -> None:
    bars = minutes_of(days(80), 10, apart=1)
    made = compile_strategy('TIMEFRAME = "1h"\n' + strategy("ta.sma(h.close, 50)", "1d").source)
    hours = latest_bars(bars, "1h", len(bars))
    node = made.columns["x"]
    on_minutes = Values(bars).series(node)
    for time, seen in zip(hours.time, Values(hours).series(node), strict=True):
        assert on_minutes[np.searchsorted(bars.time, time)] == seen
    assert made.day_lookback == 51


def test_without_days_they_are_made_of_the_minutes() -> None:
    bars = minutes_of(days(60), 20)
    alone = replace(bars, days=None)
    made = longer(alone, "1d")
    assert np.array_equal(made.bars.close, resample(alone, "1d").bars.close)
    assert np.array_equal(longer(bars, "1h").bars.close, resample(alone, "1h").bars.close)


@pytest.mark.parametrize(
    ("expression", "bars", "counted"),
    [
        ("h.close", 2, 2),
        ("ta.sma(h.close, 200)", 2, 201),
        ("bars.close / ta.sma(h.close, 200)", 2, 201),
        ("ta.sma(h.close, 200).shift(3)", 2, 204),
        # Each of the bars before may be of the day before.
        ("(bars.close - h.close).shift(10)", 12, 12),
        ("ta.sma(bars.close, 30) - h.close.shift(1)", 31, 3),
        ("bars.close", 2, 0),
    ],
)
def test_days_are_counted_apart_from_the_bars(expression: str, bars: int, counted: int) -> None:
    made = strategy(expression, "1d")
    assert (made.lookback, made.day_lookback) == (bars, counted)
    assert made.stored_lookback == bars


def test_more_days_than_there_may_be_are_refused() -> None:
    assert strategy("h.close.shift(1000).shift(1000)", "1d").day_lookback == 2_002 <= MAX_DAYS
    for expression in (
        "h.close.shift(1000).shift(1047)",
        "h.close.shift(1000).shift(1000).shift(1000)",
        "ta.ema(h.close, 200)",
    ):
        with pytest.raises(StrategyError, match=r'the indicators need more than 2,048 days of bars.resample\("1d"\)'):
            _ = strategy(expression, "1d").lookback


def test_a_window_of_the_bars_and_of_the_days_gives_the_very_values() -> None:
    """Of every operation, and with the least of both that it says it needs."""
    whole = minutes_of(days(900), 40, apart=60)
    for text in EXPRESSIONS:
        made = strategy(text, "1d")
        node = made.columns["x"]
        assert made.lookback < 40 * 7
        full = Values(whole).series(node)
        for end in range(len(whole), made.lookback, -17):
            bars = known_at(whole.slice(end - made.lookback, end))
            assert bars.days is not None
            alone = Values(replace(bars, days=bars.days.tail(made.day_lookback))).series(node)
            assert np.array_equal(full[end - 2 : end], alone[-2:], equal_nan=True), (text, end)


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_indicator_of_days_knows_no_day_that_is_not_over(name: str) -> None:
    whole = minutes_of(days(300), 12, apart=90)
    for call in indicator_calls(name)[:3]:
        source = f"def indicators(bars):\n    minutes = bars.close\n    days = bars.resample('1d')\n    return {{'x': {call.replace('bars.', 'days.')} + 0 * minutes}}\ndef on_bar(bar, position, state):\n    return\n"
        (node,) = compile_strategy(source).columns.values()
        full = Values(whole).series(node)
        for end in range(len(whole), 1, -7):
            then = Values(known_at(whole.slice(0, end))).series(node)
            assert np.array_equal(bits(then), bits(full[:end])), (call, end)


def test_interpreter_and_machine_code_decide_alike() -> None:
    pytest.importorskip("numba")
    source = strategy("ta.sma(h.close, 3) - bars.close", "1d").source.replace("close, 3", "close, LENGTH")
    made = compile_strategy("LENGTH = 3\n" + source)
    bars = minutes_of(days(200), 60)
    machine, interpreter = Sweeper(made, bars), Sweeper(made, bars, target="python")
    trades = set()
    for length in (3.0, 100.0):
        one, other = machine.run({"LENGTH": length}), interpreter.run({"LENGTH": length})
        assert one.trades == other.trades == run_backtest(made.with_parameters(LENGTH=length), bars).metrics.trades
        assert one.final_equity == pytest.approx(other.final_equity, rel=1e-12)
        trades.add(one.trades)
    assert min(trades) > 10
    # The hundred days before the first minute are known.
    assert np.isfinite(Values(bars).series(made.with_parameters(LENGTH=100).columns["x"])).all()


def test_a_sweep_of_other_days_is_another_sweep() -> None:
    bars = minutes_of(days(30), 5)
    made = strategy("h.close", "1d")
    other = replace(bars, days=days(30, seed=9))
    one, same, another = (Sweeper(made, each, target="python").identity() for each in (bars, replace(bars), other))
    assert one == same != another


def test_a_window_travels_with_its_days() -> None:
    bars = known_at(minutes_of(days(30, zone=UTC_ZONE), 3))
    got = decode_columns(encode_columns(bars))
    assert got.days is not None
    assert bars.days is not None
    assert got.days.daily
    assert got.days.timezone.key == "UTC"
    for name in ("time", *PRICE_COLUMNS):
        assert np.array_equal(getattr(got.days, name), getattr(bars.days, name))
    assert decode_columns(encode_columns(replace(bars, days=None))).days is None


def test_what_days_cost_is_counted_by_the_days() -> None:
    made = strategy("ta.sma(h.close, 200)", "1d")
    assert made.cost.cells < 10 * day_window_length(made.day_lookback)
    few, many = (strategy(f"ta.sma(h.close, {each})", "1d").cost for each in (20, 1_000))
    assert few.nanoseconds < many.nanoseconds < 20_000_000


def test_a_portfolio_on_minutes_makes_its_days_of_these() -> None:
    source = """
UNIVERSE = ["AAPL", "MSFT"]
SCHEDULE = 30
def indicators(bars):
    return {"day": bars.resample("1d").close}
def rebalance(universe, portfolio, state):
    return {"AAPL": 0.5} if universe.of("AAPL").day > 0 else {"MSFT": 0.5}
"""
    made = compile_portfolio(source)
    assert made.lookback > 1_440
    assert made.day_lookback == 0


def test_the_time_of_days_is_that_of_the_exchange() -> None:
    """A bar at 19:30 in New York is of that day there, whatever day it is in London."""
    of = days(10)
    evening = int(of.time[-2]) + 19 * 3_600 + 1_800
    assert datetime.fromtimestamp(evening, UTC).hour in (23, 0)
    bar = BarColumns(np.array([evening]), *(np.ones(1),) * 5, days=of)
    assert Values(bar).series(strategy("h.close", "1d").columns["x"])[0] == pytest.approx(of.close[-3], rel=1e-11)


def test_days_are_cut_with_the_bars_they_belong_to() -> None:
    bars = minutes_of(days(10), 3)
    assert bars.tail(4).days is bars.days
    assert longer(bars.tail(4), "15min").bars.days is bars.days
    assert (longer(bars, "1d").latest < len(days(10))).all()
    assert days(10).seconds == _DAY


def test_the_sandbox_decides_on_the_days_that_it_is_sent() -> None:
    """As the engine does, for sessions that look back on different numbers of days in one batch."""
    bars = known_at(minutes_of(days(300), 3))
    sources = [f"def indicators(bars):\n    return {{'x': ta.sma(bars.resample('1d').close, {length})}}\ndef on_bar(bar, position, state):\n    if bar.close > bar.x:\n        return buy()\n" for length in (2, 50, 200, 290)]  # fmt: skip
    assert decided_as_by_the_engine(bars, sources) == {True, False}
