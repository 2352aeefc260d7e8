"""A grid over 100,000 bars on one core: 1,000 points against single backtests of the same points, and 100 against vectorbt's broadcast over them."""

from __future__ import annotations

import time

from stratforge.backtest import run_backtest
from stratforge.backtest.sweep import Sweeper, grid, run_sweep
from stratforge.strategy import compile_strategy
from stratforge.strategy.lookback import _random_history

from tests.benchmarks.backtest import Row, seconds_of
from tests.benchmarks.peers import FASTS, SLOWS, SOURCE


def run() -> list[Row]:
    """The rows of the table."""
    strategy, bars = compile_strategy(SOURCE), _random_history(5, 100_000, 0.001, 100.0)
    points = grid({"FAST": range(5, 30), "SLOW": range(30, 70)})
    began = time.perf_counter()
    sweeper = Sweeper(strategy, bars)
    sweeper.run(points[0])
    compiling = time.perf_counter() - began
    sweeper = Sweeper(strategy, bars)
    began = time.perf_counter()
    results = run_sweep(sweeper, points)
    swept = time.perf_counter() - began
    single = 0.0
    for point, result in list(zip(points, results, strict=True))[::50]:
        began = time.perf_counter()
        equity = run_backtest(strategy.with_parameters(**point), bars).metrics.final_equity
        single += time.perf_counter() - began
        assert abs(equity - result.final_equity) < 0.005, (point, equity, result.final_equity)
    seconds, count = seconds_of("sweep"), len(FASTS) * len(SLOWS)
    speed, alone = len(points) * len(bars) / swept, 20 * len(bars) / single
    return [
        (
            "sweep, 1,000 points",
            f"{speed / 1e6:.0f} M bars/s",
            f"single backtests: {alone / 1e6:.1f} M bars/s",
            f"{speed / alone:.0f} x",
            "> 20 M bars/s",
        ),
        (
            f"sweep, {count} points, with progress",
            f"{count * len(bars) / seconds['ours'] / 1e6:.0f} M bars/s",
            f"vectorbt's broadcast: {count * len(bars) / seconds['vectorbt'] / 1e6:.1f} M bars/s",
            f"{seconds['vectorbt'] / seconds['ours']:.0f} x",
            "≥ 40 x",
        ),
        ("sweep, compiling once", f"{compiling:.1f} s", "", "", ""),
    ]
