"""The further figures of a report are empyrical's and quantstats' where these have them, and add up where they have not."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from stratforge.backtest import BacktestConfig, run_backtest
from stratforge.backtest.analysis import (
    alpha_beta,
    conditional_value_at_risk,
    correlation,
    drawdowns,
    excess_kurtosis,
    excursions,
    rolling_sharpe,
    skewness,
    value_at_risk,
)
from stratforge.backtest.fills import RoundTrips
from stratforge.backtest.sensitivity import SLIPPAGES, cost_sensitivity
from stratforge.market import BarColumns
from stratforge.strategy import compile_strategy

from tests.unit.backtest.test_metrics import DAYS, ORACLE, returns_of

FIVE = np.array([100.0, 102, 98, 101, 105])
TIMES = 1_767_625_200 + 60 * np.arange(5, dtype=np.int64)


@pytest.mark.parametrize("case", ORACLE)
def test_figures_are_empyricals_and_quantstats(case: str) -> None:
    *path, year = json.loads(case)
    returns = returns_of(*path)
    market = 0.0004 + 0.009 * np.sin(2.3 * np.arange(DAYS, dtype=float) + path[0])
    equity = np.asarray(100_000 * np.cumprod(1.0 + returns), dtype=np.float64)
    deepest, second, *_ = drawdowns(equity, np.arange(DAYS, dtype=np.int64), 100_000.0)
    alpha, beta = alpha_beta(returns, market, year)
    found = {
        "alpha": alpha,
        "beta": beta,
        "value_at_risk": value_at_risk(returns),
        "conditional_value_at_risk": conditional_value_at_risk(returns),
        "skewness": skewness(returns),
        "excess_kurtosis": excess_kurtosis(returns),
        "correlation": correlation(returns, market),
        "rolling_sharpe": rolling_sharpe(returns, year)[-1],
        "deepest": deepest.depth,
        "second": second.depth,
    }
    assert set(found) == set(ORACLE[case]["analysis"])
    for name, expected in ORACLE[case]["analysis"].items():
        assert math.isclose(found[name], expected, rel_tol=1e-9, abs_tol=1e-12), name


def test_a_drawdown_says_when_it_began_was_deepest_and_ended() -> None:
    equity = np.array([110.0, 99, 104.5, 121, 60.5])
    last, first = drawdowns(equity, TIMES, 100.0)
    assert (first.start, first.bottom, first.end) == (TIMES[0], TIMES[1], TIMES[3])
    assert first.depth == pytest.approx(0.1)
    assert (last.start, last.bottom, last.end, last.depth) == (TIMES[3], TIMES[4], None, 0.5)


def trip(entry: int, exit_: int, paid: float, got: float) -> RoundTrips:
    """One trade of one share."""
    return RoundTrips(*(np.array([value]) for value in (entry, exit_, 1.0, paid, got, got - paid, 0.0, 1.0)))


@pytest.mark.parametrize(
    ("entry", "exit_", "got", "expected"),
    [
        (0, 4, 104.0, (97 / 101 - 1, 104 / 101 - 1)),
        # What came after the exit within its bar is no part of the trade.
        (0, 2, 101.5, (99 / 101 - 1, 103 / 101 - 1)),
        (2, 2, 98.0, (98 / 101 - 1, 0.0)),
    ],
)
def test_a_trade_went_so_far_against_and_for_it(
    entry: int, exit_: int, got: float, expected: tuple[float, float]
) -> None:
    bars = BarColumns(TIMES, FIVE, FIVE + 1, FIVE - 1, FIVE, FIVE)
    against, in_favor = excursions(bars, trip(entry, exit_, 101.0, got))
    assert (against[0], in_favor[0]) == pytest.approx(expected)


CODE = """
def on_bar(bar, position, state):
    if position.quantity == 0 and bar.minute % 7 == 0:
        return buy()
    if position.bars_held >= 3:
        return sell()
"""


def report_of(days: int, **config: Any) -> Any:
    """A backtest of some days of minutes in New York."""
    time = (1_767_625_200 + 86_400 * np.arange(days)[:, None] + 60 * np.arange(120)).ravel().astype(np.int64)
    price = 100 + 5 * np.sin(np.arange(len(time)) / 17.0)
    bars = BarColumns(time, price, price + 0.2, price - 0.2, price, np.full(len(time), 1e6))
    return run_backtest(compile_strategy(CODE), bars, BacktestConfig(**config))


def test_what_is_grouped_adds_up_to_the_whole() -> None:
    report = report_of(30)
    data = report.as_dict()["analysis"]
    for group in ("hours", "weekdays"):
        assert sum(each["trades"] for each in data[group]) == report.metrics.trades
        assert sum(each["pnl"] for each in data[group]) == pytest.approx(report.round_trips.pnl.sum())
    assert [each["name"] for each in data["hours"]] == [10, 11], "in New York"
    assert np.prod([1 + each["return"] for each in data["days"]]) - 1 == pytest.approx(report.metrics.total_return)
    assert np.prod([1 + each["total_return"] for each in data["parts"]]) - 1 == pytest.approx(
        report.metrics.total_return
    )
    assert sum(data["distribution"]["counts"]) == len(data["days"]) == 30
    assert data["drawdowns"][0]["depth"] == pytest.approx(report.metrics.max_drawdown)


def test_every_rolling_sharpe_ratio_and_monthly_return_is_that_of_pandas() -> None:
    report = report_of(75)
    data = report.as_dict()
    equity = report.equity.tz_convert("America/New_York")
    days = equity.groupby(equity.index.date).last()
    returns = pd.concat([pd.Series([report.config.cash]), days]).pct_change().iloc[1:]
    window = returns.rolling(21)
    expected = window.mean() / window.std() * math.sqrt(252)
    rolling = data["analysis"]["rolling_sharpe"]
    assert (rolling["days"], len(rolling["values"]), expected.notna().sum()) == (21, 75, 55)
    assert [None if each is None else pytest.approx(each) for each in rolling["values"]] == [
        None if math.isnan(each) else each for each in expected
    ]
    assert rolling["time"] == [int(each.timestamp()) for each in equity.groupby(equity.index.date).tail(1).index]
    months = equity.groupby(equity.index.strftime("%Y-%m")).last()
    grown = pd.concat([pd.Series([report.config.cash]), months]).pct_change().iloc[1:]
    assert len(grown) == 3
    assert {each["month"]: each["return"] for each in data["months"]} == pytest.approx(grown.to_dict())


def test_a_report_of_one_day_says_what_it_does_not_know() -> None:
    data = report_of(1).as_dict()["analysis"]
    assert data["benchmark"] == {"alpha": None, "beta": None, "correlation": None}
    assert data["rolling_sharpe"]["values"] == [None]
    json.dumps(data, allow_nan=False)


def test_costs_are_those_of_a_backtest_with_them() -> None:
    report = report_of(5, slippage_bps=3.0)
    points = cost_sensitivity(report)
    assert [each.slippage_bps for each in points] == sorted({*SLIPPAGES, 3.0})
    for each in points:
        assert each.total_return == report_of(5, slippage_bps=each.slippage_bps).metrics.total_return
    assert [each.total_return for each in points] == sorted((each.total_return for each in points), reverse=True)


@pytest.mark.parametrize("per_year", [252.0, 365.25])
def test_an_alpha_beyond_all_numbers_is_none(per_year: float) -> None:
    """A benchmark that hardly moves beside a strategy that does makes a beta of thousands, and a day more than all or less than nothing."""
    moves = np.array([1.0, -1.0, 1.0, -0.9]) * 1e-7
    for factor in (1e6, -1e6):
        benchmark = 0.01 + moves
        alpha, beta = alpha_beta(factor * moves, benchmark, per_year)
        assert math.isnan(alpha)
        assert beta == pytest.approx(factor)
    assert alpha_beta(np.array([0.01, 0.02]), np.array([0.01, 0.02]), per_year)[0] == pytest.approx(0, abs=1e-9)
