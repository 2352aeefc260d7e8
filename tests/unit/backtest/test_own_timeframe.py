"""A strategy says on which bars it decides, and its backtests and sweeps run on these, whatever shorter ones they are given."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from stratforge import cli
from stratforge.backtest import BacktestConfig, BacktestError, run_backtest
from stratforge.backtest.matching import FILL_COLUMNS
from stratforge.backtest.sweep import Sweeper
from stratforge.market import BarColumns
from stratforge.market.columns import exchange_timezone
from stratforge.market.resampling import TIMEFRAMES, resample
from stratforge.strategy import StrategyError, compile_strategy
from stratforge.strategy.lookback import window_length

from tests.support.random_programs import awkward_bars

CROSS = """
FAST, SLOW = 3, 8
def indicators(bars):
    return {"fast": ta.sma(bars.close, length=FAST), "slow": ta.sma(bars.close, length=SLOW)}
def on_bar(bar, position, state):
    if position.quantity == 0 and bar.fast > bar.slow:
        return buy(limit=bar.close, expire_bars=2)
    if position.bars_held > 4:
        return sell()
"""
BOTH_WAYS = """
FAST, SLOW = 3, 8
def indicators(bars):
    return {"fast": ta.sma(bars.close, length=FAST), "slow": ta.sma(bars.close, length=SLOW)}
def on_bar(bar, position, state):
    if position.quantity == 0 and bar.fast > bar.slow:
        return buy(limit=bar.close, expire_bars=2)
    if position.quantity == 0 and bar.fast < bar.slow:
        return short(stop=bar.low, expire_bars=3, stop_loss=0.02)
    if position.quantity > 0 and bar.fast < bar.slow:
        return sell()
    if position.quantity < 0 and bar.fast > bar.slow:
        return cover(limit=bar.close)
"""
HOLD = "def on_bar(bar, position, state):\n    return\n"
MINUTES = awkward_bars(3, 4_000)


def declared(timeframe: str, source: str = CROSS) -> str:
    """The strategy on bars of a timeframe."""
    return f'TIMEFRAME = "{timeframe}"\n{source}'


def frame(bars: BarColumns) -> pd.DataFrame:
    """Bars as a table."""
    columns = {name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}
    return pd.DataFrame(columns, index=pd.to_datetime(bars.time, unit="s", utc=True))


@pytest.mark.parametrize("timeframe", ["5min", "15min", "30min", "1h"])
def test_it_runs_on_the_whole_bars_that_shorter_ones_make(timeframe: str) -> None:
    """Trade for trade what a strategy that says nothing does on the very same bars: lengths, bars held and `expire_bars` count these."""
    made = resample(MINUTES, timeframe)
    whole = made.bars.slice(0, int(made.latest[-1]) + 1)
    expected = run_backtest(compile_strategy(CROSS), whole)
    assert len(expected.fills.bar) > 4
    for given in (MINUTES, frame(MINUTES), whole):
        report = run_backtest(compile_strategy(declared(timeframe)), given)
        assert report.fills.bar.tolist() == expected.fills.bar.tolist()
        assert report.equity_values.tolist() == expected.equity_values.tolist()
        assert report.metrics.sharpe == expected.metrics.sharpe
    sweeper = Sweeper(compile_strategy(declared(timeframe)), MINUTES, BacktestConfig(), target="python")
    assert sweeper.run({"FAST": 3.0, "SLOW": 8.0}).final_equity == expected.metrics.final_equity


def test_days_are_those_of_the_exchange() -> None:
    """Of bars of a minute or of days as they are."""
    days = pd.DataFrame(
        {"open": 10.0, "high": 11.0, "low": 9.0, "close": 10.0, "volume": 1.0}, pd.bdate_range("2026-01-05", periods=9)
    )
    once = "def on_bar(bar, position, state):\n    if bar.time.weekday == 1:\n        return buy()\n"
    report = run_backtest(compile_strategy(declared("1d", once)), days)
    assert report.fills.bar.tolist() == [2.0]
    minutes = run_backtest(compile_strategy(declared("1d", HOLD)), MINUTES)
    assert minutes.metrics.bars == len(np.unique(MINUTES.day)) - 1


def test_without_it_a_strategy_runs_on_the_bars_that_it_is_given() -> None:
    assert compile_strategy(HOLD).timeframe is None
    assert run_backtest(compile_strategy(HOLD), resample(MINUTES, "15min").bars).metrics.bars == len(
        resample(MINUTES, "15min").bars
    )


@pytest.mark.parametrize(
    ("bars", "timeframe", "message"),
    [
        (resample(MINUTES, "1h").bars, "15min", r'bars of 60 minutes make none of TIMEFRAME = "15min"'),
        (frame(resample(MINUTES, "1h").bars), "1min", "bars of 60 minutes make none"),
        (BarColumns(60 * 7 * np.arange(20), *[np.ones(20)] * 5, minutes=7), "15min", "bars of 7 minutes make none"),
        (MINUTES.slice(0, 3), "1h", "3 bars of 1 minutes make no whole one"),
        (pd.DataFrame(dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0), pd.bdate_range("2026-01-05", periods=9)), "1h", "bars of 1 days make none"),
    ],
)  # fmt: skip
def test_bars_that_make_none_of_it_are_refused(bars: BarColumns | pd.DataFrame, timeframe: str, message: str) -> None:
    with pytest.raises(BacktestError, match=message):
        run_backtest(compile_strategy(declared(timeframe, HOLD)), bars)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("TIMEFRAME = 15", "this is not a timeframe"),
        ('TIMEFRAME = "2min"', "this is not a timeframe"),
        ('TIMEFRAME = "15" "min2"', "this is not a timeframe"),
        ('TIMEFRAME = "5min"\nTIMEFRAME = "15min"', "set twice"),
        ('TIMEFRAME: str = "5min"', "a constant is one name and one number"),
        ('TIMEFRAME, N = "5min", 3', "a constant is one name and one number"),
        ("def TIMEFRAME(x):\n    return x", "meaning of its own"),
    ],
)
def test_what_is_no_timeframe_is_refused(line: str, message: str) -> None:
    with pytest.raises(StrategyError, match=message):
        compile_strategy(f"{line}\n{HOLD}")


def test_shorter_bars_are_not_made_of_longer_ones() -> None:
    source = 'def indicators(bars):\n    return {"x": bars.resample("15min").close}\ndef on_bar(bar, position, state):\n    state["x"] = bar.x\n'
    assert compile_strategy(declared("15min", source)).lookback < 4
    # An hour of four bars, one more, and what has come since.
    assert compile_strategy(declared("15min", source.replace("15min", "1h"))).lookback <= 8
    with pytest.raises(StrategyError, match=r'bars.resample\("15min"\) is of bars that are shorter'):
        compile_strategy(declared("1h", source))


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
def test_its_history_is_counted_and_bounded(timeframe: str) -> None:
    source = declared(timeframe, CROSS.replace("SLOW = 3, 8", "SLOW = 3, 60"))
    if timeframe == "1d":
        strategy = compile_strategy(source)
        assert strategy.stored_lookback == strategy.lookback
    else:
        strategy = compile_strategy(source)
        assert strategy.stored_lookback == (window_length(strategy.lookback) + 2) * TIMEFRAMES[timeframe] <= 32_768
    long = "ta.sma(ta.sma(ta.sma(bars.close, length=2_000), length=2_000), length=2_000)"
    with pytest.raises(StrategyError, match=r"the indicators need [56],\d\d\d bars of TIMEFRAME"):
        _ = compile_strategy(source.replace("ta.sma(bars.close, length=SLOW)", long)).lookback


def test_the_command_line_does_so_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame(MINUTES).rename_axis("time").to_csv(tmp_path / "bars.csv")
    (tmp_path / "cross.py").write_text(declared("30min"))
    assert cli.main(["check", str(tmp_path / "cross.py")]) == 0
    assert "bars of 30min" in capsys.readouterr().out
    assert cli.main(["backtest", str(tmp_path / "cross.py"), "--bars", str(tmp_path / "bars.csv"), "--json"]) == 0
    report = run_backtest(compile_strategy(declared("30min")), MINUTES)
    assert json.loads(capsys.readouterr().out)["metrics"]["trades"] == report.metrics.trades > 0


@pytest.mark.parametrize("timeframe", [*TIMEFRAMES])
def test_short_positions_on_it_are_those_on_the_bars_that_are_made(timeframe: str) -> None:
    """With the nights, the margin and the orders of these bars: a night counts once, however many minutes it is read from."""
    both = f'TIMEFRAME = "{timeframe}"\n{BOTH_WAYS}'
    minutes = awkward_bars(11, 30_000) if timeframe == "1d" else MINUTES
    made = resample(minutes, timeframe)
    whole = made.bars.slice(0, int(made.latest[-1]) + 1)
    config = BacktestConfig(cash=50_000, sizing_value=0.5, commission_bps=1, slippage_bps=2, borrow_fee=0.5)
    expected = run_backtest(compile_strategy(BOTH_WAYS), whole, config)
    assert expected.metrics.short_trades >= 1
    for given in (minutes, frame(minutes), whole):
        report = run_backtest(compile_strategy(both), given, config)
        for name in FILL_COLUMNS:
            assert getattr(report.fills, name).tolist() == getattr(expected.fills, name).tolist(), name
    # The fees of the nights, by the calendar and not by the engine.
    nights = np.diff(whole.day, prepend=whole.day[0])
    held = np.concatenate(([0.0], expected.held[:-1]))
    owed: list[int] = np.flatnonzero((nights > 0) & (held < 0)).tolist()
    fees = expected.fills.side == 0.0
    assert {int(bar) for bar in expected.fills.bar[fees]} == set(owed)
    before = np.concatenate((whole.close[:1], whole.close[:-1]))
    wanted = [-(np.floor(held[bar] / 100) * 100) * before[bar] * 0.5 / 360 * _nights(whole, bar) for bar in owed]
    np.testing.assert_allclose(expected.fills.commission[fees], wanted, rtol=1e-9)


def _nights(bars: BarColumns, bar: int) -> int:
    """Nights of the calendar between a bar and the one before."""
    days = [datetime.fromtimestamp(int(bars.time[place]), bars.timezone).date() for place in (bar - 1, bar)]
    return (days[1] - days[0]).days


def test_a_sweep_of_short_positions_on_it_is_its_backtest() -> None:
    both = compile_strategy(f'TIMEFRAME = "15min"\n{BOTH_WAYS}')
    sweeper = Sweeper(both, MINUTES, BacktestConfig(), target="python")
    report = run_backtest(both, MINUTES)
    assert report.metrics.short_trades > 1
    assert sweeper.run(both.parameters).final_equity == report.metrics.final_equity


@pytest.mark.parametrize("timeframe", ["", 'TIMEFRAME = "1h"\n'])
def test_days_that_are_made_of_a_file_are_known_as_late_as_those_of_the_exchange(timeframe: str) -> None:
    """The last minute of a day of a coin ends with it: it sees the day before, in a file as on the platform."""
    code = f"""{timeframe}
def indicators(bars):
    return {{"day": bars.resample("1d").close}}
def on_bar(bar, position, state):
    if bar.time.hour == 23 and bar.day > 0:
        return buy(limit=bar.day, expire_bars=1)
"""
    strategy, count = compile_strategy(code), 5 * 1_440
    close = 100 + np.arange(count) % 911 / 10
    bars = BarColumns(
        60 * np.arange(count), close, close, close, close, np.ones(count), timezone=exchange_timezone("BTC/USD")
    )
    exchange = replace(bars, days=resample(bars, "1d").bars)
    here, there = (
        run_backtest(strategy, each, symbol="BTC/USD").values.series(strategy.columns["day"])
        for each in (bars, exchange)
    )
    assert np.array_equal(here, there, equal_nan=True)
    swept = [Sweeper(strategy, each, symbol="BTC/USD", target="python").run({}) for each in (bars, exchange)]
    assert swept[0] == swept[1]
