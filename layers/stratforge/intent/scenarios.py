"""Made-up markets in which a strategy must be able to act: calm, rising, falling, swinging, crashing and recovering, over a week of sessions, near the prices it speaks of."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from stratforge.backtest import BacktestConfig, BacktestError, run_backtest
from stratforge.intent.program import Program
from stratforge.market import BarColumns
from stratforge.strategy import Strategy

_DAYS = 7
_BARS = 390
_MONDAY_OPEN = 1_767_623_400  # 2026-01-05 09:30 in New York


@lru_cache(maxsize=16)
def _market(kind: str, level: float) -> BarColumns:
    generator = np.random.default_rng(sum(map(ord, kind)))
    count = _DAYS * _BARS
    steps = generator.normal(0, 0.0012, count)
    time = np.arange(count)
    if kind == "swing":
        steps += 0.0022 * np.sin(time / 37) + 0.001 * np.sin(time / 190)
    elif kind == "rise":
        steps += 0.0004
    elif kind == "fall":
        steps -= 0.0004
    elif kind == "crash":
        steps[(time % 500) < 25] -= 0.004
        steps[((time - 40) % 500) < 25] += 0.0042
    elif kind == "burst":
        steps += np.where((time // 60) % 3 == 0, 0.0025, np.where((time // 60) % 3 == 1, -0.0026, 0.0))
    path = level * np.exp(np.cumsum(steps) - (np.cumsum(steps).mean() if kind not in ("rise", "fall") else 0))
    open_ = np.concatenate([[path[0]], path[:-1]])
    wick = np.abs(generator.normal(0, 0.0005, (2, count))) * path
    volume = np.round(generator.lognormal(8, 0.5, count) * np.where(generator.random(count) < 0.03, 6.0, 1.0))
    days = [0, 1, 2, 3, 4, 7, 8][:_DAYS]
    stamps = np.concatenate([_MONDAY_OPEN + 86_400 * day + 60 * np.arange(_BARS) for day in days]).astype(np.int64)
    return BarColumns(
        stamps, open_, np.maximum(open_, path) + wick[0], np.minimum(open_, path) - wick[1], path.copy(), volume
    )


KINDS = ("swing", "burst", "crash", "rise", "fall", "calm")


def never_acts(strategy: Strategy, program: Program) -> Iterator[str]:
    """That it never buys, or never sells, whatever the market does; that it cannot be run at all."""
    bought = sold = False
    for level in _levels(program):
        for kind in KINDS:
            try:
                report = run_backtest(strategy, _market(kind, level), BacktestConfig())
            except BacktestError as error:
                yield f"The strategy cannot be backtested: {error}"
                return
            bought = bought or bool((report.fills.side == 1).any())
            sold = sold or bool((report.fills.side == 2).any())
            if bought and sold:
                return
    if not bought:
        yield "The strategy never buys, in no market that was tried (rising, falling, swinging, crashing, over seven sessions): its conditions exclude each other, or need something that cannot happen."
    elif not sold:
        yield "The strategy never sells what it bought, in no market that was tried: its rules for selling cannot come true."


def _levels(program: Program) -> tuple[float, ...]:
    """Prices to try: 100, and what the code compares prices with."""
    named = sorted(
        {
            abs(value)
            for each in program.comparisons
            if each.left in ("bar.close", "bar.open", "bar.high", "bar.low") and "bar." not in each.right
            for value in each.values
            if abs(value) >= 1
        }
    )
    return (100.0, *named[:3])
