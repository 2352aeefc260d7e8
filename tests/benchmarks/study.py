"""A sweep of 100,000 points: what its page and its plan say that it costs, and what its parts cost, by seconds of one core.

Over a trading week of minutes every part is worked on; over a year, which takes hours, the first, one in the middle and the last, and what they take stands for the others. The bars of a sixteenth
of each are what the page tries points on. `STUDY_POINTS` is how many points there are (a square number).
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Sequence

from stratforge.backtest.study import Plan, plan, planned, run_part, try_out
from stratforge.backtest.sweep import Point, Sweeper, grid
from stratforge.market import BarColumns
from stratforge.strategy import Strategy, compile_strategy
from stratforge.strategy.lookback import _random_history

SOURCE = """
FAST, SLOW = 3, 8

def indicators(bars):
    return {"fast": ta.sma(bars.close, length=FAST), "slow": ta.ema(bars.close, length=SLOW), "rsi": ta.rsi(bars.close, length=14)}

def on_bar(bar, position, state):
    if position.quantity == 0 and bar.fast > bar.slow and bar.rsi < 70:
        return buy()
    if position.quantity > 0 and bar.fast < bar.slow:
        return sell()
"""
WEEK, YEAR = 1_950, 98_280
_PAGE_BARS, _PAGE_POINTS, _FOLDS = 1_950, 4, 5
_SIDE = math.isqrt(int(os.environ.get("STUDY_POINTS", "100000")))
_SWEEP = {
    "FAST": [float(each) for each in range(2, 2 + _SIDE)],
    "SLOW": [float(each) for each in range(10, 10 + _SIDE)],
}


def _part(strategy: Strategy, bars: BarColumns, points: Sequence[Point]) -> float:
    """Seconds of a part, worked on as by a function that has just begun."""
    began = time.process_time()
    sweeper = Sweeper(compile_strategy(strategy.source), bars, target="python")
    return run_part(sweeper, points, _FOLDS, since=began).seconds


def _cost(strategy: Strategy, bars: BarColumns, points: Sequence[Point], study: Plan, worked: Sequence[int]) -> float:
    """Seconds of all parts; those that are not worked on take what the others do for each of their points."""
    taken = [(points[study.points_of(number)], number) for number in worked]
    seconds = sum(_part(strategy, bars, some) for some, _ in taken)
    return seconds * study.points / sum(len(some) for some, _ in taken)


def _row(what: str, bars: BarColumns, whole: bool) -> tuple[str, str, str, str, str]:
    strategy = compile_strategy(SOURCE)
    points = grid(_SWEEP)
    recorded = bars.slice(len(bars) - _PAGE_BARS, len(bars))
    tried = try_out(Sweeper(strategy, recorded, target="python"), _SWEEP, tried=_PAGE_POINTS)
    longer = strategy.columns_nanoseconds(len(bars)) / strategy.columns_nanoseconds(len(recorded))
    page = planned(tried.on(len(bars), longer), _SWEEP, _FOLDS).seconds
    study = plan(Sweeper(strategy, bars, target="python"), _SWEEP, _FOLDS)
    last = study.parts - 1
    cost = _cost(strategy, bars, points, study, range(study.parts) if whole else sorted({0, last // 2, last}))
    return (
        f"{len(points):,} points over {what}, {study.parts} parts" + ("" if whole else ", three of them worked on"),
        f"{cost:,.0f} s of a core",
        f"planned: {study.seconds:,.0f} s; said on the page: {page:,.0f} s",
        f"{cost / study.seconds:.2f}; {cost / page:.2f}",
        "0.8 to 1.2",
    )


def run() -> Iterator[tuple[str, str, str, str, str]]:
    """Rows of the benchmark's table."""
    yield _row("a week of minutes", _random_history(3, WEEK, 0.001, 100.0), True)
    yield _row("a year of minutes", _random_history(3, YEAR, 0.001, 100.0), False)


if __name__ == "__main__":
    for each in run():
        print(*each, sep=" | ", flush=True)
