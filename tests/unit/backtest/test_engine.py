"""The generated loop against a second backtester, and the written rules one by one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stratforge.backtest import BacktestConfig, BacktestError, BacktestReport, run_backtest
from stratforge.backtest.matching import Target
from stratforge.backtest.sweep import Sweeper
from stratforge.market import BarColumns
from stratforge.strategy import compile_strategy
from stratforge.strategy.lookback import _random_history

from tests.support.naive import run_naive
from tests.support.tiers import examples

STRATEGIES = {
    "cross": """
def indicators(bars):
    return {"fast": ta.sma(bars.close, length=3), "slow": ta.sma(bars.close, length=8)}
def on_bar(bar, position, state):
    if position.quantity == 0 and bar.fast > bar.slow:
        return buy(confidence=0.7)
    if position.quantity > 0 and bar.fast < bar.slow:
        return sell()
""",
    "pyramid": """
def on_bar(bar, position, state):
    state["n"] = state.get("n", 0) + 1
    if bar.close < bar.previous.close:
        return buy(fraction=0.2)
    if position.unrealized_return > 0.004 or position.bars_held > 6:
        return sell(fraction=0.5)
""",
    "sizes": """
def on_bar(bar, position, state):
    state["n"] = state.get("n", 0) + 1
    if state["n"] % 5 == 1:
        return buy(quantity=30)
    if state["n"] % 7 == 3:
        return buy(notional=5000)
    if state["n"] % 4 == 2 and position.average_entry_price > 0:
        return sell(quantity=11)
""",
}
STRATEGIES["account"] = """
def on_bar(bar, position, state):
    if account.cash > 0.4 * account.equity and bar.close < bar.previous.close:
        return buy(notional=account.buying_power * 0.3)
    if account.equity > state.get("best", 0):
        state["best"] = account.equity
    elif account.equity < state["best"] * 0.999:
        return sell(fraction=0.5)
"""
STRATEGIES["exits"] = """
def indicators(bars):
    return {"atr": ta.atr(bars.high, bars.low, bars.close, length=5)}
def on_bar(bar, position, state):
    state["n"] = state.get("n", 0) + 1
    if position.quantity == 0 and state["n"] % 3 == 0:
        if state["n"] % 2:
            return buy(fraction=0.6, stop_loss=2 * bar.atr / bar.close, take_profit=0.01)
        return buy(stop_loss_price=bar.close - 2 * bar.atr, trailing_stop=0.008, take_profit_price=bar.close * 1.02)
    if position.bars_held == 4:
        return adjust(stop_loss_price=position.max_adverse, take_profit=np.nan)
    if position.bars_held == 6:
        return adjust(stop_loss=0.001, take_profit_price=bar.close * 1.004)
    if position.bars_held == 7:
        return sell(fraction=0.5, trailing_stop=0.003)
    if position.bars_held == 8:
        return buy(fraction=0.2, take_profit=0.002)
"""
STRATEGIES["limits"] = """
def indicators(bars):
    return {"atr": ta.atr(bars.high, bars.low, bars.close, length=5)}
def on_bar(bar, position, state):
    state["n"] = state.get("n", 0) + 1
    turn = state["n"] % 7
    if position.quantity == 0 and turn == 1:
        return buy(fraction=0.5, limit=bar.close - 0.5 * bar.atr, expire_bars=3, stop_loss=0.004, take_profit=0.004)
    if turn == 2:
        return buy(notional=20000, limit=bar.close + bar.atr, take_profit_price=bar.close * 1.003)
    if turn == 4 and position.quantity > 0:
        return sell(fraction=0.4, limit=bar.close + 0.3 * bar.atr, expire_bars=1 + state["n"] % 3)
    if turn == 5:
        return sell(limit=bar.high)
"""
STRATEGIES["stops"] = """
def on_bar(bar, position, state):
    state["n"] = state.get("n", 0) + 1
    turn = state["n"] % 9
    if turn == 1:
        return buy(fraction=0.4, stop=bar.high, stop_loss_price=bar.close, take_profit=0.003)
    if turn == 3:
        return buy(fraction=0.3, stop=bar.close * 1.001, limit=bar.close * (1.002 if bar.close > bar.open else 1.0005), trailing_stop=0.003)
    if turn == 5 and position.quantity > 0:
        return sell(fraction=0.5, stop=bar.low, expire_bars=2)
    if turn == 6:
        return sell(stop=bar.close * 0.998, limit=bar.close * (0.997 if bar.close > bar.open else 0.999))
    if turn == 8 and bar.close > bar.previous.close:
        return buy(fraction=0.1)
"""
costs = st.sampled_from([0.0, 0.5, 2.0])
maybe = st.one_of(st.none(), st.sampled_from([0.004, 0.01, 0.03]))
configs = st.builds(
    BacktestConfig,
    cash=st.sampled_from([1_000.0, 100_000.0]),
    commission_bps=costs,
    commission_per_share=st.sampled_from([0.0, 0.01]),
    commission_per_order=st.sampled_from([0.0, 1.0]),
    slippage_bps=costs,
    spread_bps=costs,
    participation=st.one_of(st.none(), st.sampled_from([0.002, 0.05])),
    fractional=st.booleans(),
    sizing_rule=st.just("EQUITY_FRACTION"),
    sizing_value=st.sampled_from([0.3, 1.0]),
    stop_loss=maybe,
    take_profit=maybe,
    # Never the stop's own distance: on the bar of the entry both would lie at one level, and rounding would name the reason.
    trailing_stop=st.one_of(st.none(), st.sampled_from([0.006, 0.02, 0.05])),
)


def bars_of(*rows: tuple[float, float, float, float]) -> BarColumns:
    """Bars of (open, high, low, close), a million shares each."""
    table = np.array([(*row, 1e6) for row in rows])
    time = 1_700_000_040 + 60 * np.arange(len(rows), dtype=np.int64)
    return BarColumns(time, *(np.ascontiguousarray(table[:, index]) for index in range(5)))


def flat(price: float) -> tuple[float, float, float, float]:
    """A bar that does not move."""
    return (price, price, price, price)


BUY_ONCE = "def on_bar(bar, position, state):\n    state['n'] = state.get('n', 0) + 1\n    if state['n'] == 1:\n        return buy(quantity=10)\n"


def run(source: str, bars: BarColumns, **config: Any) -> BacktestReport:
    """A report."""
    return run_backtest(compile_strategy(source), bars, BacktestConfig(**config))


@pytest.mark.parametrize(
    ("own", "target"),
    [
        pytest.param(True, "python", id="own exits-python"),
        pytest.param(False, "python", id="configured exits-python"),
        pytest.param(True, "numba", id="own exits-numba"),
        pytest.param(False, "numba", id="configured exits-numba", marks=pytest.mark.long),
    ],
)
def test_a_bar_that_opens_at_its_target_is_sold_there_whatever_comes_after(own: bool, target: Target) -> None:
    """And whatever rounding makes of 100 and a tenth more."""
    bars = bars_of(flat(100), flat(100), (110, 110, 94, 95), flat(111))
    strategy = compile_strategy(
        BUY_ONCE.replace("quantity=10", "quantity=10, take_profit=0.1, stop_loss=0.05") if own else BUY_ONCE
    )
    config = BacktestConfig() if own else BacktestConfig(take_profit=0.1, stop_loss=0.05)
    assert Sweeper(strategy, bars, config, target=target).run(strategy.parameters).final_equity == pytest.approx(
        100_100
    )


@given(st.sampled_from(sorted(STRATEGIES)), configs, st.integers(0, 10_000))
@settings(max_examples=examples(150), deadline=None)
def test_the_loop_agrees_with_a_second_backtester(name: str, config: BacktestConfig, seed: int) -> None:
    strategy, bars = compile_strategy(STRATEGIES[name]), _random_history(seed, 120, 0.004, 40.0)
    report = run_backtest(strategy, bars, config)
    account, equity = run_naive(strategy, bars, config)
    fills = report.fills
    assert len(account.fills) == len(fills.bar)
    for index, (bar, side, shares, price, why) in enumerate(account.fills):
        assert fills.bar[index] == bar
        assert fills.side[index] == (1.0 if side == "buy" else 2.0)
        assert fills.quantity[index] == pytest.approx(shares, rel=1e-9)
        assert fills.price[index] == pytest.approx(price, rel=1e-12)
        assert ("signal", "stop loss", "take profit", "trailing stop")[int(fills.reason[index])] == why
    np.testing.assert_allclose(report.equity_values, equity, rtol=1e-9)
    assert fills.commission.sum() == pytest.approx(account.fees, rel=1e-9)
    assert (report.equity_values >= 0).all()
    assert (fills.cash >= 0).all()


def test_a_decision_is_filled_at_the_next_open() -> None:
    report = run(BUY_ONCE, bars_of(flat(10), (11, 12, 10, 12), flat(12)))
    assert (report.fills.bar.tolist(), report.fills.price.tolist()) == ([1.0], [11.0])


def test_a_decision_on_the_last_bar_is_never_filled() -> None:
    assert len(run(BUY_ONCE, bars_of(flat(10))).fills.bar) == 0


def test_slippage_and_half_the_spread_make_a_fill_worse() -> None:
    report = run(BUY_ONCE, bars_of(flat(10), flat(10)), slippage_bps=10, spread_bps=20)
    assert report.fills.price[0] == pytest.approx(10 * 1.002)
    assert report.metrics.costs == pytest.approx(10 * 10 * 0.002)


@pytest.mark.parametrize("target", ["python", pytest.param("numba", marks=pytest.mark.long)])
def test_a_commission_takes_no_more_than_there_is(target: Target) -> None:
    """It bought for 70 and paid 30; at 0.2 a share the sale brings 0.14 and costs that."""
    strategy = compile_strategy(
        "def on_bar(bar, position, state):\n    return buy() if position.quantity == 0 else sell()\n"
    )
    bars = bars_of(flat(100), flat(100), *[flat(0.2)] * 4)
    config = BacktestConfig(cash=100, commission_per_order=30)
    report = run_backtest(strategy, bars, config)
    assert report.fills.cash.tolist() == [0.0, 0.0]
    assert report.fills.commission.tolist() == pytest.approx([30, 0.14])
    assert report.equity_values.min() == 0
    assert Sweeper(strategy, bars, config, target=target).run(strategy.parameters).final_equity == 0


def test_a_gap_through_the_stop_fills_at_the_open() -> None:
    report = run(BUY_ONCE, bars_of(flat(100), flat(100), (90, 91, 89, 90)), stop_loss=0.05)
    assert report.fills.price.tolist() == [100.0, 90.0]


def test_a_stop_within_the_bar_fills_at_its_level() -> None:
    report = run(BUY_ONCE, bars_of(flat(100), flat(100), (99, 99, 94, 98)), stop_loss=0.05)
    assert report.fills.price.tolist() == [100.0, 95.0]


def test_the_stop_comes_before_the_target_in_one_bar() -> None:
    report = run(BUY_ONCE, bars_of(flat(100), flat(100), (100, 120, 80, 110)), stop_loss=0.05, take_profit=0.05)
    assert report.trades["exit_reason"].tolist() == ["stop loss"]


def test_a_bar_that_opens_beyond_the_target_sells_at_its_open_whatever_comes_after() -> None:
    report = run(BUY_ONCE, bars_of(flat(100), flat(100), (110, 111, 97, 97)), stop_loss=0.02, take_profit=0.05)
    assert report.fills.price.tolist() == [100.0, 110.0]
    assert report.trades["exit_reason"].tolist() == ["take profit"]


@pytest.mark.parametrize("cents", range(1_000, 1_100))
def test_a_level_on_a_whole_cent_is_touched_there(cents: int) -> None:
    entry = cents / 100
    stop, target = round(entry * 0.9, 2), round(entry * 1.1, 2)
    for row, config in (
        ((entry, entry, stop, entry), {"stop_loss": 1 - stop / entry}),
        ((entry, target, entry, entry), {"take_profit": target / entry - 1}),
    ):
        assert len(run(BUY_ONCE, bars_of(flat(entry), flat(entry), row, flat(entry)), **config).fills.price) == 2
        value = next(iter(config.values()))
        own = BUY_ONCE.replace("quantity=10", f"quantity=10, {next(iter(config))}={value!r}")
        assert len(run(own, bars_of(flat(entry), flat(entry), row, flat(entry))).fills.price) == 2


def test_a_trailing_stop_follows_the_highest_price_of_earlier_bars() -> None:
    report = run(BUY_ONCE, bars_of(flat(100), flat(100), (100, 120, 99, 119), (119, 119, 107, 108)), trailing_stop=0.1)
    assert report.fills.price.tolist() == [100.0, 108.0]


def test_at_most_a_part_of_the_volume_is_filled_in_a_bar() -> None:
    bars = bars_of(*[flat(10)] * 5)
    bars.volume[:] = 8
    report = run(BUY_ONCE, bars, participation=0.5)
    assert report.fills.quantity.tolist() == [4.0, 4.0, 2.0]


def test_whole_shares_only_when_asked() -> None:
    source = "def on_bar(bar, position, state):\n    if position.quantity == 0:\n        return buy(fraction=0.5)\n"
    assert run(source, bars_of(flat(30), flat(30)), cash=1000, fractional=False).fills.quantity.tolist() == [16.0]


def test_figures_agree_with_independent_formulas() -> None:
    bars = _random_history(12, 5_000, 0.002, 70.0)
    report = run(STRATEGIES["cross"], bars, commission_bps=1.0)
    equity = pd.concat([pd.Series([100_000.0]), pd.Series(report.equity_values)], ignore_index=True)
    # As quantstats and empyrical compute them: equity at the end of each day, 252 of them in a year.
    index = pd.to_datetime(bars.time, unit="s", utc=True).tz_convert("America/New_York")
    daily = pd.Series(report.equity_values, index=index).resample("1D").last().dropna()
    returns = pd.concat([pd.Series([100_000.0]), daily]).pct_change().dropna()
    per_year = 252
    metrics, trades = report.metrics, report.trades
    assert metrics.total_return == pytest.approx(equity.iloc[-1] / 100_000 - 1)
    assert metrics.annual_volatility == pytest.approx(returns.std() * math.sqrt(per_year), rel=1e-6)
    assert metrics.sharpe == pytest.approx(returns.mean() / returns.std() * math.sqrt(per_year), rel=1e-6)
    downside = math.sqrt((returns.clip(upper=0) ** 2).mean())
    assert metrics.sortino == pytest.approx(returns.mean() / downside * math.sqrt(per_year), rel=1e-6)
    assert metrics.max_drawdown == pytest.approx(-(equity / equity.cummax() - 1).min())
    assert metrics.win_rate == pytest.approx((trades["pnl"] > 0).mean())
    gains, losses = trades["pnl"].clip(lower=0).sum(), -trades["pnl"].clip(upper=0).sum()
    assert metrics.profit_factor == pytest.approx(gains / losses)
    assert metrics.expectancy == pytest.approx(trades["pnl"].mean())
    assert metrics.sqn == pytest.approx(trades["pnl"].mean() / trades["pnl"].std() * math.sqrt(len(trades)))
    assert metrics.calmar == pytest.approx(metrics.annual_return / metrics.max_drawdown)
    assert metrics.buy_and_hold_return == pytest.approx(bars.close[-1] / bars.close[0] - 1)
    assert metrics.costs == pytest.approx((report.fills.quantity * report.fills.price).sum() * 1e-4)
    assert metrics.exposure == pytest.approx((report.held > 0).mean())
    open_profit = report.equity_values[-1] - 100_000 - trades["pnl"].sum()
    assert abs(open_profit) < 0.05 * 100_000


def test_a_run_without_trades_has_no_ratios_but_a_report() -> None:
    report = run("def on_bar(bar, position, state):\n    return\n", bars_of(flat(1), flat(1)))
    assert report.metrics.trades == 0
    assert math.isnan(report.metrics.win_rate)
    assert "none" in str(report)
    assert report.as_dict()["metrics"]["sharpe"] is None


def frame(**changes: list[float]) -> pd.DataFrame:
    """Three good bars, with changes."""
    columns = {
        "Open": [1.0, 1, 1],
        "HIGH": [2.0, 2, 2],
        "low": [0.5, 0.5, 0.5],
        "Close": [1.5, 1.5, 1.5],
        "volume": [9.0, 9, 9],
    }
    index = pd.date_range("2026-01-05 14:30", periods=3, freq="min")
    return pd.DataFrame({**columns, **changes}, index=index)


def test_columns_of_a_frame_are_found_whatever_their_case() -> None:
    assert run_backtest(compile_strategy(BUY_ONCE), frame()).metrics.bars == 3


@pytest.mark.parametrize(
    ("bars", "message"),
    [
        (frame().drop(columns="volume"), "no column volume"),
        (frame().reset_index(drop=True), "not a DatetimeIndex"),
        (frame(Close=[1.5, math.nan, 1.5]), "close of row 1"),
        (frame(Open=[1.0, -1, 1]), "open of row 1"),
        (frame(HIGH=[2.0, 2, 1.2]), "row 2 does not enclose"),
        (frame().iloc[::-1], "row 1 of bars is not later"),
        (frame().iloc[[0, 0]], "row 1 of bars is not later"),
        (frame().iloc[:0], "no bars"),
        ([1, 2, 3], "are a list"),
    ],
)
def test_bars_that_no_market_made_are_refused_by_row(bars: object, message: str) -> None:
    with pytest.raises(BacktestError, match=message):
        run_backtest(compile_strategy(BUY_ONCE), bars)


@pytest.mark.parametrize(
    "changes",
    [
        {"cash": 0},
        {"cash": math.nan},
        {"slippage_bps": -1},
        {"stop_loss": 1.5},
        {"participation": 0},
        {"sizing_rule": "ALL"},
        {"slippage_bps": 10_000},
    ],
)
def test_configurations_that_mean_nothing_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BacktestError):
        BacktestConfig(**changes)
