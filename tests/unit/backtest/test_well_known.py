"""The table of well-known strategies is true, and an independent script of each that it says so of trades, bar for bar, the same."""

from __future__ import annotations

import importlib

import numpy as np
import pandas as pd
import pytest
from stratforge.application.gallery import CONFIG
from stratforge.backtest import run_backtest
from stratforge.market import BarColumns

from tests.benchmarks.known import CHECKED, ELSEWHERE, EXAMPLES, TABLE, Known, five_minutes, known, stocks, table
from tests.support.known_scripts import DAILY, INTRADAY, Script

KNOWN = {each.name: each for each in known()}


def frame(bars: BarColumns) -> pd.DataFrame:
    """Bars as a table by the exchange's clock, with that of its days."""
    columns = {name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}
    index = pd.DatetimeIndex(pd.to_datetime(bars.time, unit="s", utc=True)).tz_convert(bars.timezone.key)
    table = pd.DataFrame(columns, index=index)
    if bars.days is not None:
        table.attrs["days"] = frame(bars.days)
    return table


def assert_the_same(each: Known, script: Script, bars: BarColumns) -> None:
    """The same trades at the same prices, and the same money in the end."""
    report = run_backtest(each.strategy, bars, CONFIG)  # type: ignore[arg-type]
    trips = report.round_trips
    found = np.column_stack([trips.entry_bar, trips.entry_price, trips.exit_bar, trips.exit_price])
    money = script(frame(bars))
    expected = np.array(money.trades).reshape(-1, 4)
    assert len(found) == len(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert report.equity_values[-1] == pytest.approx(money.cash + money.shares * bars.close[-1], rel=1e-9)
    assert each.name == "buy-and-hold" or len(expected) > 4


@pytest.mark.parametrize("symbol", ["MSFT", "IBM"])
@pytest.mark.parametrize("name", DAILY)
def test_an_independent_script_trades_the_same_days(name: str, symbol: str) -> None:
    assert_the_same(KNOWN[name], DAILY[name], stocks()[symbol])


@pytest.mark.parametrize("name", INTRADAY)
def test_an_independent_script_trades_the_same_minutes(name: str) -> None:
    assert_the_same(KNOWN[name], INTRADAY[name], five_minutes())


def test_the_table_is_what_the_engine_makes_of_the_files() -> None:
    """`make examples` writes it anew."""
    assert TABLE.read_text(encoding="utf-8") == table()


def test_there_are_more_than_thirty_and_every_kind_is_there() -> None:
    assert len(KNOWN) >= 31
    assert len(CHECKED) >= 10
    assert set(KNOWN) >= CHECKED
    text = "".join(each.source for each in KNOWN.values())
    for kind in ("limit=", "stop=", "stop_loss_price=", "take_profit_price=", "max_favorable", "resample(", "bar.time.month",
                 "UNIVERSE", 'TIMEFRAME = "1d"', "bars.of(", "ta.atr("):  # fmt: skip
        assert kind in text, kind


@pytest.mark.parametrize(("name", "module"), ELSEWHERE.items())
def test_the_other_scripts_are_held_against_the_very_files(name: str, module: str) -> None:
    source = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    texts = vars(importlib.import_module(module)).values()
    assert source in [each for each in texts if isinstance(each, str)]
