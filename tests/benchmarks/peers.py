"""The same backtest in backtesting.py, in vectorbt, in bt and in ours; run by `backtest.py` in an environment that has them all.

SMA 10/20 cross over random one-minute bars, all in, at the next open where the peer can, with the full set of statistics, also in a bracket and over a grid of lengths; and a
monthly rotation into the strongest three of twenty symbols over ten years of days. The processor time of the best of some repetitions each, after a first run that compiles.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

warnings.simplefilter("ignore")

SOURCE = """
FAST, SLOW = 10, 20
def indicators(bars):
    return {"fast": ta.sma(bars.close, length=FAST), "slow": ta.sma(bars.close, length=SLOW)}
def on_bar(bar, position, state):
    if position.quantity == 0 and bar.fast > bar.slow:
        return buy()
    if position.quantity > 0 and bar.fast < bar.slow:
        return sell()
"""


# The same in a bracket, which a peer tells apart from its signals too.
STOP, TARGET = 0.005, 0.008
BRACKETS = SOURCE.replace("return buy()", f"return buy(stop_loss={STOP}, take_profit={TARGET})")


def make_bars(length: int) -> pd.DataFrame:
    """Random bars."""
    generator = np.random.default_rng(1)
    close = 100 * np.exp(np.cumsum(generator.normal(0, 0.0005, length)))
    open_ = np.concatenate(([100.0], close[:-1]))
    index = pd.date_range("2024-01-01", periods=length, freq="min")
    columns = {
        "Open": open_,
        "High": np.maximum(open_, close) * 1.0002,
        "Low": np.minimum(open_, close) * 0.9998,
        "Close": close,
    }
    return pd.DataFrame({**columns, "Volume": 1000.0}, index=index)


def best(run: Callable[[], object], repetitions: int) -> float:
    """Seconds of the fastest run, the first not counted."""
    run()
    seconds = []
    for _ in range(repetitions):
        began = time.process_time()
        run()
        seconds.append(time.process_time() - began)
    return min(seconds)


def ours(frame: pd.DataFrame, source: str = SOURCE) -> Callable[[], object]:
    """Our backtest, from the frame to the whole report, trades and curves included."""
    from stratforge.backtest import BacktestConfig, run_backtest
    from stratforge.strategy import compile_strategy

    strategy = compile_strategy(source)

    def run() -> object:
        report = run_backtest(strategy, frame, BacktestConfig(cash=1_000_000, commission_bps=1))
        return report.metrics, report.trades, report.equity, report.drawdown

    return run


ROTATION = """
UNIVERSE = {symbols}
SCHEDULE = "monthly"
def indicators(bars):
    return {{"momentum": bars.close.pct_change(126)}}
def rebalance(universe, portfolio, state):
    return weights.equal(universe.momentum.top(3))
"""


def make_days(symbols: int, days: int) -> dict[str, pd.DataFrame]:
    """Random daily bars of several symbols."""
    generator = np.random.default_rng(2)
    index = pd.bdate_range("2014-01-02", periods=days)
    found = {}
    for number in range(symbols):
        close = 50 * np.exp(np.cumsum(generator.normal(0.0003, 0.012, days)))
        open_ = np.concatenate(([50.0], close[:-1]))
        columns = {"open": open_, "high": np.maximum(open_, close), "low": np.minimum(open_, close), "close": close}
        found[f"S{chr(65 + number)}"] = pd.DataFrame({**columns, "volume": 1e6}, index=index)
    return found


def our_rotation(frames: dict[str, pd.DataFrame]) -> Callable[[], object]:
    """Our backtest of a portfolio strategy, from the frames to the whole report, trades and curves included."""
    from stratforge.backtest import BacktestConfig
    from stratforge.backtest.portfolio import run_portfolio_backtest
    from stratforge.strategy.rotation import compile_portfolio

    strategy = compile_portfolio(ROTATION.format(symbols=list(frames)))

    def run() -> object:
        report = run_portfolio_backtest(strategy, frames, BacktestConfig(cash=1_000_000))
        assert report.metrics.trades > 100
        return report.metrics, report.trades, report.equity, report.drawdown, report.weights

    return run


def bt_rotation(frames: dict[str, pd.DataFrame]) -> Callable[[], object]:
    """bt, as its guide writes a rotation, with its statistics."""
    import bt

    prices = pd.DataFrame({symbol: frame["close"] for symbol, frame in frames.items()})

    def run() -> object:
        algos = [
            bt.algos.RunMonthly(),
            bt.algos.SelectAll(),
            bt.algos.SelectMomentum(n=3, lookback=pd.DateOffset(months=6)),
            bt.algos.WeighEqually(),
            bt.algos.Rebalance(),
        ]
        test = bt.Backtest(bt.Strategy("rotation", algos), prices, initial_capital=1_000_000, integer_positions=False)
        result = bt.run(test, progress_bar=False)
        return result.stats, result.get_transactions(), result.get_security_weights()

    return run


def gate(number: int) -> object:
    """The gate of the example that the reference and every new user begin with: checked, compiled, its window and its cost known."""
    from stratforge.strategy import compile_strategy
    from stratforge.strategy.language_reference import EXAMPLE

    # Never the same text twice, so that nothing of it is there already.
    return compile_strategy(EXAMPLE.replace("12, 26", f"{12 + number % 7}, {26 + number}")).cost


def backtesting_py(frame: pd.DataFrame) -> Callable[[], object]:
    """backtesting.py, as its own guide writes this strategy."""
    from backtesting import Backtest, Strategy
    from backtesting.lib import crossover

    class Cross(Strategy):  # type: ignore[misc]  # installed in the benchmarks' environment only
        def init(self) -> None:
            close = pd.Series(self.data.Close)
            self.fast = self.I(lambda: close.rolling(10).mean())
            self.slow = self.I(lambda: close.rolling(20).mean())

        def next(self) -> None:
            if crossover(self.fast, self.slow):
                self.buy()
            elif crossover(self.slow, self.fast):
                self.position.close()

    return lambda: Backtest(frame, Cross, cash=1_000_000, commission=0.0001, finalize_trades=True).run()


def vectorbt(frame: pd.DataFrame, **more: object) -> Callable[[], object]:
    """vectorbt, with its statistics, and what else it is to simulate."""
    import vectorbt as vbt

    close = frame["Close"]

    def run() -> object:
        fast, slow = vbt.MA.run(close, 10), vbt.MA.run(close, 20)
        entries, exits = fast.ma_crossed_above(slow), fast.ma_crossed_below(slow)
        return vbt.Portfolio.from_signals(
            close, entries, exits, init_cash=1_000_000, fees=0.0001, freq="1min", **more
        ).stats()

    return run


def bracket_of(frame: pd.DataFrame) -> dict[str, object]:
    """What vectorbt is told of a stop and a target, looked at within the bar."""
    prices = {"open": frame["Open"], "high": frame["High"], "low": frame["Low"]}
    return {**prices, "sl_stop": STOP, "tp_stop": TARGET}


# Lengths of the two averages of a sweep, every one with every other.
FASTS, SLOWS = range(5, 15), range(20, 70, 5)


def our_sweep(frame: pd.DataFrame) -> Callable[[], object]:
    """Our sweep, from the frame to the figures of every point, with its progress told."""
    from stratforge.backtest import BacktestConfig
    from stratforge.backtest.sweep import Sweeper, grid, run_sweep
    from stratforge.strategy import compile_strategy

    strategy, points = compile_strategy(SOURCE), grid({"FAST": FASTS, "SLOW": SLOWS})

    def run() -> object:
        told: list[int] = []
        sweeper = Sweeper(strategy, frame, BacktestConfig(cash=1_000_000, commission_bps=1))
        results = run_sweep(sweeper, points, progress=told.append)
        assert told == [*range(len(points) + 1)]
        assert min(each.trades for each in results) > 100
        return results

    return run


def vectorbt_sweep(frame: pd.DataFrame) -> Callable[[], object]:
    """vectorbt's broadcast of the same grid, as its guide writes it, to the figures that a point of ours has."""
    import vectorbt as vbt

    close = frame["Close"]
    fasts, slows = zip(*((fast, slow) for fast in FASTS for slow in SLOWS), strict=True)

    def run() -> object:
        fast = vbt.MA.run(close, list(fasts), short_name="fast", run_unique=True)
        slow = vbt.MA.run(close, list(slows), short_name="slow", run_unique=True)
        entries, exits = fast.ma_crossed_above(slow), fast.ma_crossed_below(slow)
        found = vbt.Portfolio.from_signals(close, entries, exits, init_cash=1_000_000, fees=0.0001, freq="1min")
        trades = found.trades
        figures = (
            found.final_value(),
            found.total_return(),
            found.annualized_return(),
            found.sharpe_ratio(),
            found.max_drawdown(),
            found.position_coverage(),
            trades.count(),
            trades.win_rate(),
            trades.profit_factor(),
        )
        assert len(figures[0]) == len(fasts)
        assert figures[6].min() > 100
        return figures

    return run


def backtests() -> dict[str, float]:
    """Seconds of single backtests."""
    frame = make_bars(100_000)
    numbers = iter(range(10))
    found = {
        "gate": best(lambda: gate(next(numbers)), 9),
        "ours": best(ours(frame), 7),
        "vectorbt": best(vectorbt(frame), 3),
        "backtesting.py": best(backtesting_py(frame), 1),
    }
    return {**found, "ours, 1,000,000 bars": best(ours(make_bars(1_000_000)), 1)}


def brackets() -> dict[str, float]:
    """Seconds of backtests with a bracket."""
    frame = make_bars(100_000)
    return {"ours": best(ours(frame, BRACKETS), 7), "vectorbt": best(vectorbt(frame, **bracket_of(frame)), 3)}


def rotation() -> dict[str, float]:
    """Seconds of backtests of a rotation."""
    days = make_days(20, 2_520)
    return {"ours": best(our_rotation(days), 7), "bt": best(bt_rotation(days), 2)}


def sweep() -> dict[str, float]:
    """Seconds of the whole grid."""
    frame = make_bars(100_000)
    return {"ours": best(our_sweep(frame), 3), "vectorbt": best(vectorbt_sweep(frame), 1)}


def main() -> None:
    """Prints the seconds of a measure, by name, as JSON."""
    measures = {"backtest": backtests, "brackets": brackets, "rotation": rotation, "sweep": sweep}
    json.dump(measures[sys.argv[1]](), sys.stdout)


if __name__ == "__main__":
    main()
