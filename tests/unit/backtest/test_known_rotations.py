"""Two more well-known portfolio strategies, each recomputed in a few lines of pandas: a pair that swaps the dearer for the cheaper, and 60/40."""

from __future__ import annotations

import numpy as np
import pandas as pd
from stratforge.backtest import BacktestConfig
from stratforge.backtest.portfolio import run_portfolio_backtest
from stratforge.strategy.rotation import compile_portfolio

from tests.benchmarks.known import EXAMPLES

DAYS = 700
PAIR, BALANCED = ((EXAMPLES / f"{name}.py").read_text(encoding="utf-8") for name in ("pair", "sixty_forty"))


def prices(*symbols: str) -> dict[str, pd.DataFrame]:
    """Daily bars of symbols that go with each other."""
    chance = np.random.default_rng(11)
    market = chance.normal(0.0003, 0.008, DAYS)
    found = {}
    for symbol in symbols:
        close = 50 * np.exp(np.cumsum(market + chance.normal(0, 0.006, DAYS)))
        open_ = np.concatenate((close[:1], close[:-1])) * np.exp(chance.normal(0, 0.003, DAYS))
        columns = {"open": open_, "high": np.maximum(open_, close), "low": np.minimum(open_, close), "close": close}
        found[symbol] = pd.DataFrame({**columns, "volume": 1e6}, index=pd.bdate_range("2020-01-02", periods=DAYS))
    return found


def test_a_pair_is_swapped_when_its_ratio_is_far_from_its_mean() -> None:
    bars = prices("IBM", "MSFT")
    ratio = bars["IBM"]["close"] / bars["MSFT"]["close"]
    z = (ratio - ratio.rolling(40).mean()) / ratio.rolling(40).std()
    wanted = ["IBM" if value < -1.2 else "MSFT" if value > 1.2 else "" for value in z]
    money, shares, held, swaps = 10_000.0, 0.0, "", 0
    equity: list[float] = []
    for day in range(DAYS):
        choice = wanted[day - 1] if day else ""
        if choice and choice != held:
            before = money + (shares * bars[held]["close"].iloc[day - 1] if held else 0.0)
            size = before / bars[choice]["close"].iloc[day - 1]
            money += shares * bars[held]["open"].iloc[day] if held else 0.0
            shares, held, swaps = min(size, money / bars[choice]["open"].iloc[day]), choice, swaps + 1
            money -= shares * bars[choice]["open"].iloc[day]
        elif choice:
            # All of the equity again: what a swap left in cash is put in, if it is a dollar or more.
            close, open_ = bars[choice]["close"].iloc[day - 1], bars[choice]["open"].iloc[day]
            more = (money + shares * close) / close - shares
            if more * close >= 1.0:
                more = min(more, money / open_)
                shares, money = shares + more, money - more * open_
        equity.append(money + (shares * bars[held]["close"].iloc[day] if held else 0.0))
    report = run_portfolio_backtest(compile_portfolio(PAIR), bars, BacktestConfig(cash=10_000))
    np.testing.assert_allclose(report.equity_values, equity, rtol=1e-9)
    assert swaps > 8
    assert report.decisions.isna().any(axis=1).sum() > 100


def test_sixty_forty_is_made_anew_every_quarter() -> None:
    bars = prices("IBM", "MSFT")
    opens, closes = (pd.DataFrame({name: each[field] for name, each in bars.items()}) for field in ("open", "close"))
    quarter = pd.Series([f"{day.year}/{(day.month - 1) // 3}" for day in closes.index])
    due = {1, *np.flatnonzero(quarter != quarter.shift(1)).tolist()} - {0}
    money, shares = 10_000.0, pd.Series({"IBM": 0.0, "MSFT": 0.0})
    equity: list[float] = []
    for day in range(DAYS):
        if day in due:
            last = closes.iloc[day - 1]
            change = pd.Series({"IBM": 0.6, "MSFT": 0.4}) * (money + (shares * last).sum()) / last - shares
            change[change.abs() * last < 1.0] = 0.0
            money -= (change.clip(upper=0) * opens.iloc[day]).sum()
            bought = change.clip(lower=0)
            bill = (bought * opens.iloc[day]).sum()
            bought *= min(1.0, money / bill) if bill else 1.0
            money -= (bought * opens.iloc[day]).sum()
            shares = shares + change.clip(upper=0) + bought
        equity.append(money + (shares * closes.iloc[day]).sum())
    report = run_portfolio_backtest(compile_portfolio(BALANCED), bars, BacktestConfig(cash=10_000))
    np.testing.assert_allclose(report.equity_values, equity, rtol=1e-9)
    assert len(report.due) == len(due) == 11
