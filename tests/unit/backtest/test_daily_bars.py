"""Rows with dates alone are days of the exchange, and what begins anew every day runs through them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from stratforge.backtest import BacktestError, run_backtest
from stratforge.backtest.bars_file import read_bars
from stratforge.backtest.engine import columns_of_frame
from stratforge.backtest.presentation import monthly_returns
from stratforge.strategy import compile_strategy
from stratforge.strategy.graph import Values
from stratforge.strategy.indicators import REGISTRY
from stratforge.strategy.lookback import _random_history

DAYS = pd.bdate_range("2024-01-02", periods=300)
WALK = _random_history(5, 300, 0.01, 50.0)
PRICES = {name: getattr(WALK, name) for name in ("open", "high", "low", "close", "volume")}
MONDAYS = "def on_bar(bar, position, state):\n    if bar.time.weekday == 0 and bar.time.hour == 0:\n        return buy()\n    return sell()\n"


def frame(tmp_path: Path, times: object, form: str = "csv") -> pd.DataFrame:
    """What is read of a file with these times."""
    table = pd.DataFrame({"date": times, **PRICES})
    path = tmp_path / f"bars.{form}"
    if form == "csv":
        table.to_csv(path, index=False)
    else:
        table.set_index("date").to_parquet(path)
    return read_bars(path)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_monday_is_a_monday(tmp_path: Path, form: str) -> None:
    times = DAYS.strftime("%Y-%m-%d") if form == "csv" else DAYS
    columns = columns_of_frame(frame(tmp_path, times, form), "AAPL")
    assert columns.daily
    assert columns.weekday.tolist() == DAYS.weekday.tolist()
    assert columns.day_of_month.tolist() == DAYS.day.tolist()
    assert columns.calendar_month.tolist() == DAYS.month.tolist()
    # Decided on Mondays, filled on Tuesdays.
    report = run_backtest(compile_strategy(MONDAYS), frame(tmp_path, times, form))
    assert {DAYS[int(bar)].day_name() for bar in report.round_trips.entry_bar} == {"Tuesday"}


def test_times_are_what_they_were(tmp_path: Path) -> None:
    for times in (DAYS.strftime("%Y-%m-%dT%H:%M:%SZ"), DAYS + pd.Timedelta(minutes=1)):
        columns = columns_of_frame(frame(tmp_path, times), "AAPL")
        assert not columns.daily
        assert columns.time[0] == pd.Timestamp(times[0]).timestamp()
    coins = columns_of_frame(frame(tmp_path, DAYS.strftime("%Y-%m-%d")), "BTC/USD")
    assert coins.time[0] == DAYS[0].timestamp()
    with pytest.raises(BacktestError, match="row 3"):
        frame(tmp_path, ["2024-01-02", "2024-13-02", *DAYS[2:].strftime("%Y-%m-%d")])


def values(call: str, *, daily: bool) -> np.ndarray:
    """A column on these bars, as days or as minutes a day apart."""
    index = DAYS if daily else DAYS.tz_localize("UTC")
    columns = columns_of_frame(pd.DataFrame(PRICES, index=index), "AAPL")
    source = f"def indicators(bars):\n    return {{'x': {call}}}\ndef on_bar(bar, position, state):\n    return\n"
    return Values(columns).series(compile_strategy(source).columns["x"])


def test_what_begins_anew_every_day_runs_through_days() -> None:
    close, volume = WALK.close, WALK.volume
    obv = np.cumsum(np.sign(np.diff(close, prepend=close[0])) * volume)
    got = values("ta.obv(bars.close, bars.volume)", daily=True)
    np.testing.assert_allclose(np.diff(got[1:]), np.diff(obv[1:]), rtol=1e-9)
    for call in (
        "ta.psar(bars.high, bars.low, bars.close).sar",
        "ta.supertrend(bars.high, bars.low, bars.close).trend",
        "ta.ad(bars.high, bars.low, bars.close, bars.volume)",
    ):
        through, anew = values(call, daily=True), values(call, daily=False)
        assert np.isfinite(through[20:]).all()
        assert not np.array_equal(through[20:], anew[20:], equal_nan=True)
    # A parabolic stop lies on the other side of the price for as long as its trend lasts.
    sar = values("ta.psar(bars.high, bars.low, bars.close).sar", daily=True)
    below = sar < WALK.low
    assert (below | (sar > WALK.high))[20:].mean() > 0.9
    assert 5 < np.count_nonzero(np.diff(below[20:])) < 60


@pytest.mark.parametrize("zone", ["America/New_York", "UTC"])
@pytest.mark.parametrize("name", [name for name, each in REGISTRY.items() if each.anchored])
def test_a_window_of_two_thousand_days_gives_what_all_days_give(name: str, zone: str) -> None:
    """Bit for bit, on any day: what a session on bars of days decides on is what its backtest saw."""
    walk = _random_history(9, 4_000, 0.02, 50.0)
    time = np.arange(4_000, dtype=np.int64) * 86_400 + 86_400 * 14_000 + 18_000 * (zone != "UTC")
    bars = replace(walk, time=time, timezone=ZoneInfo(zone), daily=True)
    inputs = tuple(REGISTRY[name].inputs)
    defaults = {each.name: each.default for each in REGISTRY[name].parameters}
    whole = REGISTRY[name].compute(bars, tuple(getattr(bars, each) for each in inputs), defaults)
    for end in (2_100, 2_799, 2_800, 2_801, 3_333, 4_000):
        window = bars.slice(end - 2_048, end)
        found = REGISTRY[name].compute(window, tuple(getattr(window, each) for each in inputs), defaults)
        assert [float(each[-1]) for each in found] == pytest.approx(
            [float(each[end - 1]) for each in whole], abs=0, rel=0, nan_ok=True
        )


def test_what_fills_forward_fills_over_days() -> None:
    call = "np.where(bars.close > bars.open, bars.close, np.nan).ffill()"
    rising = WALK.close > WALK.open
    places = np.maximum.accumulate(np.where(rising, np.arange(300), -1))
    expected = np.where(places >= 0, WALK.close[places], np.nan)
    np.testing.assert_array_equal(values(call, daily=True), expected)


def test_a_price_weighted_by_volume_is_that_of_its_day() -> None:
    typical = (WALK.high + WALK.low + WALK.close) / 3
    np.testing.assert_allclose(
        values("ta.vwap(bars.high, bars.low, bars.close, bars.volume)", daily=True), typical, rtol=1e-9
    )


def test_months_of_daily_bars_are_those_of_the_calendar() -> None:
    days = pd.bdate_range("2024-01-02", "2024-04-10")
    close = np.linspace(100.0, 170.0, len(days))
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), close) | {"volume": 1.0}, index=days)
    bars = columns_of_frame(frame, "AAPL")
    ends = pd.Series(close, index=days).groupby(days.strftime("%Y-%m")).last()
    expected = ends / ends.shift(1).fillna(100.0) - 1.0
    told = monthly_returns(bars, bars.close, 100.0)
    assert [row["month"] for row in told] == list(expected.index)
    assert [row["return"] for row in told] == pytest.approx(expected.tolist())
