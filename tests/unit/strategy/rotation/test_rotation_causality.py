"""No portfolio strategy sees what comes later: with another future every decision before it is the same, bit for bit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from stratforge.backtest import BacktestConfig
from stratforge.backtest.portfolio import Market, run_portfolio_backtest
from stratforge.market import BarColumns
from stratforge.strategy import StrategyError
from stratforge.strategy.lookback import OfOther, window_length
from stratforge.strategy.rotation import PortfolioStrategy, compile_portfolio
from stratforge.strategy.rotation.seen import Seen, Windows

from tests.support.random_rotations import markets, rotation, with_another_future

PROGRAMS = 100
DAYS = 160


def _compiled(seed: int) -> PortfolioStrategy | None:
    """A random strategy; None for the few whose numbers do not fit where they are used."""
    try:
        strategy = compile_portfolio(rotation(seed))
        assert strategy.lookback > 0
    except StrategyError:
        return None
    return strategy


def _decided(strategy: PortfolioStrategy, bars: dict[str, BarColumns]) -> list[tuple[int, bytes, dict[str, float]]]:
    """Every decision by its time, with the state after it: of one who holds what he wanted."""
    columns = {symbol: bars[symbol] for symbol in strategy.symbols}
    with np.errstate(all="ignore"):
        market = Market.on(columns, strategy.universe)
    seen = Seen.of(strategy, market.columns, market.values, market.clock, strategy.schedule.due(market.clock))
    state: dict[str, float] = {}
    weights = np.zeros(len(strategy.universe))
    found = []
    for index, place in enumerate(seen.due.tolist()):
        row = {name: table[index] for name, table in seen.values.items()}
        time = {name: float(column[index]) for name, column in seen.time.items()}
        decision = strategy.decide(row, time, weights, 1_000.0 + index, 10.0, state)
        state = decision.state
        said = decision.weights
        if said is not None:
            assert np.isfinite(said).all()
            assert (said >= 0).all()
            assert said.sum() <= 1.0 + 1e-12
            weights = said
        found.append((int(market.clock.time[place]), b"" if said is None else said.tobytes(), state))
    return found


def test_decisions_do_not_know_the_future_whatever_the_bars_hold() -> None:
    compared = passed = 0
    for seed in range(PROGRAMS):
        strategy = _compiled(seed)
        if strategy is None:
            continue
        passed += 1
        bars = markets(seed, DAYS, broken=True)
        moment = int(bars["AA"].time[len(bars["AA"]) // 2])
        before = [each for each in _decided(strategy, bars) if each[0] <= moment]
        other = _decided(strategy, with_another_future(bars, moment, seed, broken=True))
        # Where nothing comes after it at all, a decision whose bar never begins is not taken.
        other = [each for each in other if each[0] <= moment]
        assert other == before[: len(other)]
        assert len(before) - len(other) <= 1
        compared += len(other)
    assert passed > PROGRAMS * 0.7
    assert compared > PROGRAMS


def test_a_backtest_up_to_a_day_is_the_same_whatever_comes_after_it() -> None:
    traded = 0
    config = BacktestConfig(cash=10_000, slippage_bps=3, commission_per_order=0.5)
    for seed in range(1_000, 1_000 + PROGRAMS // 2):
        strategy = _compiled(seed)
        if strategy is None:
            continue
        bars = markets(seed, DAYS, broken=False)
        moment = int(bars["AA"].time[len(bars["AA"]) // 2])
        first = run_portfolio_backtest(strategy, bars, config)
        second = run_portfolio_backtest(strategy, with_another_future(bars, moment, seed, broken=False), config)
        length = int(np.searchsorted(first.clock.time, moment))
        assert first.equity_values[:length].tobytes() == second.equity_values[:length].tobytes()
        fills = int(np.searchsorted(first.fills.bar, length))
        assert first.fills.quantity[:fills].tolist() == second.fills.quantity[:fills].tolist()
        assert (first.equity_values >= 0).all()
        assert (first.fills.cash >= 0).all()
        traded += fills
    assert traded > PROGRAMS


def test_the_market_is_seen_as_it_closed_before_the_open_at_which_is_traded() -> None:
    """A crash of one day is answered at the next day's open and not on the day itself."""
    source = """
UNIVERSE = ["AA"]
SCHEDULE = "daily"


def rebalance(universe, portfolio, state):
    return {"AA": 1 if universe.of("AA").close > 90 else 0}
"""
    close = np.array([100.0, 100.0, 100.0, 50.0, 40.0, 40.0])
    open_ = np.array([100.0, 100.0, 100.0, 99.0, 45.0, 40.0])
    time = 1_577_854_800 + 86_400 * np.arange(6)
    bars = BarColumns(time, open_, np.maximum(open_, close), np.minimum(open_, close), close, np.ones(6), daily=True)
    report = run_portfolio_backtest(compile_portfolio(source), {"AA": bars}, BacktestConfig(cash=1_000))
    assert list(zip(report.fills.bar.tolist(), report.fills.price.tolist(), strict=True)) == [(1, 100.0), (4, 45.0)]


@pytest.mark.parametrize("seed", range(3))
def test_the_clock_begins_new_periods_for_every_symbol(seed: int) -> None:
    strategy = compile_portfolio(
        'UNIVERSE = ["AA", "CC"]\nSCHEDULE = "monthly"\ndef rebalance(universe, portfolio, state):\n    return weights.equal(universe.close > 0)\n'
    )
    report = run_portfolio_backtest(strategy, markets(seed, DAYS, broken=False))
    months = pd.DatetimeIndex(report.decisions.index).tz_convert("America/New_York").strftime("%Y-%m").tolist()
    # The first decision follows the first bar; each month after it has one.
    assert months[1:] == sorted(set(months[1:]))
    assert set(pd.DatetimeIndex(report.equity.index[1:]).tz_convert("America/New_York").strftime("%Y-%m")) == set(
        months
    )


def test_what_one_that_seldom_trades_reads_of_another_is_seen_however_far_back_it_lies() -> None:
    """Its last bar is 100 minutes old, and the window of what it looks at has 64: that is read from further back, as far as the column goes and no further."""
    source = """
UNIVERSE = ["AA", "BB"]
SCHEDULE = 30


def indicators(bars):
    return {"of_aa": bars.of("AA").close, "mean": (bars.close / ta.sma(bars.of("AA").close, 5)).rolling(3).mean()}


def rebalance(universe, portfolio, state):
    return {"BB": universe.of("BB").of_aa / 1000 + universe.of("BB").mean / 1000}
"""
    strategy, count = compile_portfolio(source), 300
    assert strategy.lookbacks.others == {"AA": OfOther(bars=5, back=2)}
    time = 1_699_885_800 + 60 * np.arange(count)
    price = np.arange(100.0, 100.0 + count)
    every = BarColumns(time, price, price, price, price, np.ones(count))
    bars = {"AA": every, "BB": every.slice(0, count - 100)}
    market = Market.of(strategy, bars)
    due = np.array([count - 1])
    backtested = Seen.of(strategy, market.columns, market.values, market.clock, due).values
    assert backtested["of_aa"][0].tolist() == [price[-2], price[-101]]
    assert window_length(strategy.lookback) == 64
    there = {symbol: each.slice(0, int(np.searchsorted(each.time, time[-1]))) for symbol, each in bars.items()}
    windows = Windows({symbol: each.tail(64) for symbol, each in there.items()}, int(time[-1]))
    assert windows.lacking(strategy.lookbacks.others, 64) == {"AA": int(time[-103])}
    for before, known in ((4, True), (3, False)):
        farther = there["AA"].slice(count - 103 - before, count)
        seen = Windows({**windows.bars, "AA": farther}, windows.moment)
        assert seen.lacking(strategy.lookbacks.others, 64) == ({} if known else {"AA": int(time[-103])})
        live = seen.seen_by(strategy, seen.values()).values
        assert np.array_equal(live["of_aa"], backtested["of_aa"])
        assert np.array_equal(live["mean"], backtested["mean"]) == known


def test_nothing_is_read_for_a_symbol_that_is_unknown_itself_or_of_one_that_has_no_more_bars() -> None:
    time = 1_699_885_800 + 60 * np.arange(30_000)
    price = np.ones(len(time))
    every = BarColumns(time, price, price, price, price, price)
    needed = {"AA": OfOther(bars=5)}
    for last, length, lacking in ((20_100, 64, {"AA": int(time[20_099])}), (19_000, 64, {}), (20_100, 128, {})):
        windows = Windows({"AA": every.tail(64), "BB": every.slice(0, last).tail(64)}, int(time[-1]) + 60)
        assert windows.lacking(needed, length) == lacking
