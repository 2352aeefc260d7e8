"""A monthly rotation by the engine and by an independent script: the same weights, trades and equity."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from stratforge.backtest import BacktestConfig
from stratforge.backtest.portfolio import run_portfolio_backtest
from stratforge.backtest.portfolio_report import PortfolioReport
from stratforge.strategy.rotation import compile_portfolio

from tests.support.monthly_rotation import Book, Costs, rotate, source_of

SYMBOLS = [f"S{letter}" for letter in "ABCDEFGHIJ"]
INDEX = "SPY"


def _prices(seed: int, days: int, *, gaps: bool) -> dict[str, pd.DataFrame]:
    """Daily prices of ten symbols and an index that rises and falls; with gaps some begin late, end early, or miss days."""
    chance = np.random.default_rng(seed)
    calendar = pd.bdate_range("2016-01-04", periods=days)
    market = 0.0003 + 0.0012 * np.sin(np.arange(days) / 90) + chance.normal(0, 0.008, days)
    found = {}
    for place, symbol in enumerate([INDEX, *SYMBOLS]):
        own = market + (chance.normal(0.0001 * place, 0.012, days) if place else 0)
        close = 20.0 * (1 + place) * np.exp(np.cumsum(own))
        open_ = np.concatenate((close[:1], close[:-1])) * np.exp(chance.normal(0, 0.004, days))
        columns = {"open": open_, "high": np.maximum(open_, close), "low": np.minimum(open_, close), "close": close}
        frame = pd.DataFrame({**columns, "volume": 1e6}, index=calendar)
        if gaps and place:
            frame = frame[chance.random(days) > 0.05]
            if place in (2, 5):
                frame = frame[frame.index > calendar[200 + 40 * place]]
            if place in (3, 7):
                frame = frame[frame.index < calendar[-60 * place]]
            if place == 4:
                frame = frame[(frame.index < calendar[330]) | (frame.index > calendar[390])]
        found[symbol] = frame
    return found


def _both(prices: dict[str, pd.DataFrame], costs: Costs, config: BacktestConfig) -> tuple[PortfolioReport, Book]:
    strategy = compile_portfolio(source_of(SYMBOLS, INDEX))
    return run_portfolio_backtest(strategy, prices, config), rotate(prices, INDEX, config.cash, costs)


def _assert_the_same(report: PortfolioReport, book: Book) -> None:
    times = pd.DatetimeIndex(report.decisions.index).tz_convert("America/New_York").date
    said = {
        day: {symbol: weight for symbol, weight in row.items() if weight}
        for day, row in zip(times, report.decisions.to_dict("records"), strict=True)
    }
    assert said.keys() == book.weights.keys()
    for day, weights in said.items():
        assert weights == pytest.approx(book.weights[day], rel=1e-12), day
    fills = report.fills
    days = pd.to_datetime(report.clock.time[fills.bar], unit="s", utc=True).tz_convert("America/New_York").date
    ours = sorted(
        (day, SYMBOLS[symbol], quantity if side == 1.0 else -quantity, price)
        for day, symbol, side, quantity, price in zip(
            days, fills.symbol.tolist(), fills.side, fills.quantity, fills.price, strict=True
        )
    )
    theirs = sorted(book.trades)
    assert [each[:2] for each in ours] == [each[:2] for each in theirs]
    np.testing.assert_allclose([each[2:] for each in ours], [each[2:] for each in theirs], rtol=1e-9)
    np.testing.assert_allclose(report.equity_values, list(book.equity.values()), rtol=1e-9)


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_engine_does_what_the_script_does(seed: int, gaps: bool) -> None:
    report, book = _both(_prices(seed, 1_100, gaps=gaps), Costs(), BacktestConfig(cash=50_000))
    _assert_the_same(report, book)
    invested = [bool(weights) for weights in book.weights.values()]
    # It was in and out of the market, and traded.
    assert any(invested)
    assert not all(invested[12:])
    assert len(book.trades) > 40


@pytest.mark.parametrize(
    ("costs", "config"),
    [
        (
            Costs(worse=0.0007, by_value=0.0005, by_share=0.01, by_order=1.0),
            BacktestConfig(
                cash=20_000,
                slippage_bps=5,
                spread_bps=4,
                commission_bps=5,
                commission_per_share=0.01,
                commission_per_order=1.0,
            ),
        ),
        (Costs(whole_shares=True), BacktestConfig(cash=3_000, fractional=False)),
    ],
    ids=["with costs", "whole shares"],
)
def test_costs_and_whole_shares_are_the_scripts_too(costs: Costs, config: BacktestConfig) -> None:
    report, book = _both(_prices(3, 900, gaps=True), costs, config)
    _assert_the_same(report, book)
    assert len(book.trades) > 20
