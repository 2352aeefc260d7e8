"""Made-up markets: calm, rising, falling, swinging, crashing and recovering, over a week of sessions; with the days of years before it."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from stratforge.market import BarColumns
from stratforge.market.columns import PRICE_COLUMNS
from stratforge.market.resampling import DAY, resample
from stratforge.strategy.lookback import MAX_DAYS

_DAYS = 7
_BARS = 390
MONDAY_OPEN = 1_767_623_400  # 2026-01-05 09:30 in New York


KINDS = ("swing", "burst", "crash", "rise", "fall", "calm")
# Around what volumes lie, where none is asked for.
_VOLUME = 3_000.0


@lru_cache(maxsize=16)
def market(kind: str, level: float, volume_near: float = 0.0, *, weekend: bool = False) -> BarColumns:
    """A market of one of `KINDS` that begins near a price; the same each time.

    Args:
        kind: What it does.
        level: The price.
        volume_near: Around what its volumes lie; 0 for what is usual.
        weekend: Whether it is open on Saturdays and Sundays.
    """
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
    volume *= volume_near / _VOLUME if volume_near else 1.0
    days = list(range(_DAYS)) if weekend else [0, 1, 2, 3, 4, 7, 8][:_DAYS]
    stamps = np.concatenate([MONDAY_OPEN + 86_400 * day + 60 * np.arange(_BARS) for day in days]).astype(np.int64)
    bars = BarColumns(
        stamps, open_, np.maximum(open_, path) + wick[0], np.minimum(open_, path) - wick[1], path.copy(), volume
    )
    bars = replace(bars, days=_days(bars, level, generator))
    return replace(bars, others=_Others(bars))


class _Others(dict[str, BarColumns]):
    """Markets of any other symbols beside one, each made when it is looked at, and like no other."""

    def __init__(self, bars: BarColumns) -> None:
        super().__init__()
        self._bars = bars

    def __missing__(self, symbol: str) -> BarColumns:
        bars, generator = self._bars, np.random.default_rng([ord(each) for each in symbol])
        steps = generator.normal(0, 0.0015, len(bars)) + 0.002 * np.sin(np.arange(len(bars)) / 61)
        close = 1.3 * bars.close[0] * np.exp(np.cumsum(steps) - np.cumsum(steps).mean())
        open_ = np.concatenate([close[:1], close[:-1]])
        wick = np.abs(generator.normal(0, 0.0005, (2, len(bars)))) * close
        high, low = np.maximum(open_, close) + wick[0], np.minimum(open_, close) - wick[1]
        made = BarColumns(bars.time, open_, high, low, close, bars.volume * generator.uniform(0.5, 2, len(bars)))
        found = self[symbol] = replace(made, days=_days(made, float(close[0]), generator))
        return found


def _days(bars: BarColumns, level: float, generator: np.random.Generator) -> BarColumns:
    """The days of a market: its own, and before them as many as a strategy may look back on, so that no two averages of days are the same."""
    within, away = resample(bars, DAY).bars, np.zeros(MAX_DAYS)
    for place, step in enumerate(generator.normal(0, 0.01, MAX_DAYS - 1)):
        away[place + 1] = 0.97 * away[place] + step
    close = level * np.exp(away)
    open_ = np.concatenate([close[:1], close[:-1]]) * np.exp(generator.normal(0, 0.004, MAX_DAYS))
    wick = np.abs(generator.normal(0, 0.006, (2, MAX_DAYS))) * close
    before = (open_, np.maximum(open_, close) + wick[0], np.minimum(open_, close) - wick[1], close, np.full(MAX_DAYS, bars.volume.mean() * _BARS))  # fmt: skip
    columns = (np.concatenate((old, getattr(within, name))) for name, old in zip(PRICE_COLUMNS, before, strict=True))
    time = within.time[0] - 86_400 * np.arange(MAX_DAYS, 0, -1)
    return BarColumns(np.concatenate((time, within.time)), *columns, daily=True)
