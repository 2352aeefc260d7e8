"""The figures of a report are those that everybody computes: empyrical's and quantstats', to nine digits."""

from __future__ import annotations

import json
import math
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from stratforge.backtest.metrics import Metrics, compute_metrics
from stratforge.market import BarColumns

# Written by `oracle.py` beside it, in an environment of its own (its first lines say which).
ORACLE = json.loads(Path(__file__).with_name("oracle.json").read_text())
DAYS = 120
NOTHING = np.empty(0)


def returns_of(phase: float, drift: float, size: float) -> np.ndarray:
    """Daily returns by a formula, the one of `oracle.py`."""
    day = np.arange(DAYS, dtype=float)
    return drift + size * (np.sin(1.7 * day + phase) + 0.6 * np.cos(0.37 * day * day + phase))


def figures(returns: np.ndarray, year: int, bars_a_day: int) -> Metrics:
    """The report of an account with these daily returns, whose equity between the days' ends is a straight line."""
    timezone = ZoneInfo("America/New_York" if year == 252 else "UTC")
    closing = 100_000 * np.cumprod(1.0 + returns)
    before = np.concatenate(([100_000.0], closing[:-1]))
    part = np.arange(1, bars_a_day + 1) / bars_a_day
    equity = (before[:, None] + (closing - before)[:, None] * part).ravel()
    # From ten in the morning in New York on, a bar an hour.
    time = (1_767_625_200 + 86_400 * np.arange(DAYS)[:, None] + 3_600 * np.arange(bars_a_day)).ravel()
    path = np.full(len(equity), 50.0)
    bars = BarColumns(time, path, path, path, path, path, timezone=timezone)
    return compute_metrics(
        bars=bars, equity=equity, held=path, initial_cash=100_000.0, traded_value=0.0, costs=0.0, trade_pnl=NOTHING,
        trade_returns=NOTHING, entry_bar=NOTHING, exit_bar=NOTHING, per_year=float(year * bars_a_day),
    )  # fmt: skip


@pytest.mark.parametrize("bars_a_day", [1, 4])
@pytest.mark.parametrize("case", ORACLE)
def test_daily_figures_are_empyricals_and_quantstats(case: str, bars_a_day: int) -> None:
    *path, year = json.loads(case)
    found = figures(returns_of(*path), year, bars_a_day)
    for name, expected in ORACLE[case]["metrics"].items():
        assert math.isclose(found[name], expected, rel_tol=1e-9, abs_tol=1e-12), name


def test_figures_of_trades_are_in_the_usual_units() -> None:
    """Profit factor is gross profit by gross loss, expectancy money a trade, durations seconds."""
    time = 1_767_625_200 + 60 * np.arange(10, dtype=np.int64)
    equity = np.array([100.0, 110, 105, 120, 118, 119, 121, 90, 100, 100])
    path = np.full(10, 50.0)
    found = compute_metrics(
        bars=BarColumns(time, path, path, path, path, path), equity=equity, held=path, initial_cash=100.0, traded_value=0.0, costs=0.0,
        trade_pnl=np.array([30.0, -10.0, -5.0, 10.0]), trade_returns=np.array([0.3, -0.1, -0.05, 0.1]),
        entry_bar=np.array([0.0, 2, 4, 6]), exit_bar=np.array([1.0, 3, 6, 9]), per_year=98_280.0,
    )  # fmt: skip
    assert (found.trades, found.win_rate) == (4, 0.5)
    assert found.profit_factor == pytest.approx(40 / 15)
    assert found.expectancy == pytest.approx(25 / 4)
    assert found.average_trade_return == pytest.approx(0.0625)
    assert found.average_holding_time == pytest.approx(60 * (1 + 1 + 2 + 3) / 4)
    # From the high of 121 at the seventh bar to the end, which does not reach it again.
    assert (found.max_drawdown_bars, found.max_drawdown_duration) == (3, 180.0)
