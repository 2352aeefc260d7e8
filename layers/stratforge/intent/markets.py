"""Made-up markets: calm, rising, falling, swinging, crashing and recovering, over a week of sessions."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from stratforge.market import BarColumns

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
    return BarColumns(
        stamps, open_, np.maximum(open_, path) + wick[0], np.minimum(open_, path) - wick[1], path.copy(), volume
    )
