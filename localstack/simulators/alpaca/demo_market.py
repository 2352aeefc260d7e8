"""The demo market: real daily bars, bridged to 1-minute paths that are made up.

Daily open, high, low, close and volume of five stocks (bokeh-sampledata, public domain) are honored exactly, each day; what happens
within a day is a seeded random path. BTC/USD is made up altogether: a seeded random walk, so that crypto has something to trade. Wherever the
market is shown it is labeled as simulated.
"""

from __future__ import annotations

import itertools
import os
import zlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

MINUTES_PER_DAY = 390
# The exchange closed at 13:00 on these days.
EARLY_CLOSES = {date(2012, 7, 3): 210, date(2012, 11, 23): 210, date(2012, 12, 24): 210}
FIRST_DAY, LAST_DAY = date(2012, 5, 18), date(2013, 3, 1)
_NEW_YORK = ZoneInfo("America/New_York")
_FILES = {"AAPL": "AAPL", "GOOG": "GOOG", "IBM": "IBM", "META": "FB", "MSFT": "MSFT"}
CRYPTO = "BTC/USD"
# Made-up stocks that move alike, for measurements with many symbols.
ALIKE = tuple(f"S{number:03}" for number in range(int(os.environ.get("SIMULATED_SYMBOLS", "0"))))
SYMBOLS = (*_FILES, CRYPTO, *ALIKE)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MinuteBars:
    """All 1-minute bars of a symbol, day after day, as columns; prices in cents-exact dollars."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


class DemoMarket:
    """The bars of all symbols on one shared grid of market minutes."""

    def __init__(self, seed: int = 1) -> None:
        daily = {symbol: _daily(name) for symbol, name in _FILES.items()}
        self.days = sorted(set.intersection(*(set(rows) for rows in daily.values())))
        self.time = np.concatenate([_session_minutes(day) for day in self.days])
        # Where each day begins on the grid, and where the last one ends.
        self.starts = np.concatenate(([0], np.cumsum([minutes_of(day) for day in self.days]))).tolist()
        self.bars = {
            symbol: _bridge(symbol, [(minutes_of(day), *daily[symbol][day]) for day in self.days], seed)
            for symbol in _FILES
        }
        self.bars[CRYPTO] = _walk(len(self.time), seed)
        self.bars |= dict.fromkeys(ALIKE, self.bars["IBM"])

    def __len__(self) -> int:
        return len(self.time)

    def begins_at(self, minute: int) -> datetime:
        """Returns the time at which a minute of the grid begins, in UTC."""
        return datetime.fromtimestamp(int(self.time[minute]), UTC)


@lru_cache(maxsize=1)
def demo_market() -> DemoMarket:
    """The market with its default seed, made once."""
    return DemoMarket()


def _daily(name: str) -> dict[date, tuple[float, float, float, float, int]]:
    from bokeh_sampledata import stocks

    data = getattr(stocks, name)
    rows = zip(data["date"], data["open"], data["high"], data["low"], data["close"], data["volume"], strict=True)
    days = {}
    for text, open_, high, low, close, volume in rows:
        day = date.fromisoformat(str(text)[:10])
        if FIRST_DAY <= day <= LAST_DAY and volume > 0:
            # A few recorded opens and closes lie a cent outside the recorded range.
            days[day] = (open_, max(high, open_, close), min(low, open_, close), close, int(volume))
    return days


def minutes_of(day: date) -> int:
    """The minutes of a trading day's session."""
    return EARLY_CLOSES.get(day, MINUTES_PER_DAY)


def _session_minutes(day: date) -> npt.NDArray[np.int64]:
    opening = datetime.combine(day, time(9, 30), _NEW_YORK)
    return int(opening.timestamp()) + 60 * np.arange(minutes_of(day), dtype=np.int64)


def _bridge(symbol: str, days: list[tuple[int, float, float, float, float, int]], seed: int) -> MinuteBars:
    generator = np.random.default_rng([seed, zlib.crc32(symbol.encode())])
    parts = [_bridge_day(generator, *day) for day in days]
    return MinuteBars(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _bridge_day(
    generator: np.random.Generator, minutes: int, open_: float, high: float, low: float, close: float, volume: int
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """One day's minutes, through its high and low at two random minutes, inside its range everywhere else."""
    first, second = sorted(generator.choice(np.arange(1, minutes - 1), 2, replace=False).tolist())
    # The nearer extreme to the open tends to come first.
    high_first = generator.random() < (0.5 + 0.3 * np.sign((open_ - low) - (high - open_)))
    extremes = (high, low) if high_first else (low, high)
    points = [(0, open_), (first, extremes[0]), (second, extremes[1]), (minutes, close)]
    path = np.empty(minutes + 1)
    scale = max((high - low) / np.sqrt(minutes), 1e-4)
    for (start, value), (end, target) in itertools.pairwise(points):
        steps = end - start
        walk = np.concatenate(([0.0], np.cumsum(generator.normal(0, scale * 0.9, steps))))
        ramp = np.linspace(0, 1, steps + 1)
        path[start : end + 1] = value + (target - value) * ramp + (walk - ramp * walk[-1])
    path = np.clip(np.round(_reflect(path, low, high), 2), low, high)
    path[0], path[-1] = open_, close
    opens, closes = path[:-1], path[1:]
    wick = np.abs(generator.normal(0, scale * 0.5, (2, minutes)))
    highs = np.minimum(np.round(np.maximum(opens, closes) + wick[0], 2), high)
    lows = np.maximum(np.round(np.minimum(opens, closes) - wick[1], 2), low)
    highs, lows = np.maximum(highs, np.maximum(opens, closes)), np.minimum(lows, np.minimum(opens, closes))
    at_high, at_low = (first, second) if high_first else (second, first)
    highs[at_high], lows[at_low] = high, low
    # More is traded at the beginning and at the end of the day.
    shape = 1.0 + 1.5 * np.linspace(-1, 1, minutes) ** 2
    weights = shape * generator.lognormal(0, 0.4, minutes)
    edges = np.floor(np.concatenate(([0.0], np.cumsum(weights / weights.sum()))) * volume + 1e-9)
    edges[-1] = volume
    return opens.copy(), highs, lows, closes.copy(), np.maximum(np.diff(edges), 1.0)


def _walk(length: int, seed: int) -> MinuteBars:
    """A random walk around 60,000 dollars."""
    generator = np.random.default_rng([seed, zlib.crc32(CRYPTO.encode())])
    path = np.round(60_000 * np.exp(np.cumsum(generator.normal(0, 0.0006, length + 1))), 2)
    opens, closes = path[:-1], path[1:]
    wick = np.round(np.abs(generator.normal(0, 12, (2, length))), 2)
    highs, lows = np.maximum(opens, closes) + wick[0], np.minimum(opens, closes) - wick[1]
    return MinuteBars(opens.copy(), highs, lows, closes.copy(), np.round(generator.lognormal(0, 0.8, length), 4))


def _reflect(path: Floats, low: float, high: float) -> Floats:
    """The path folded back into [low, high]."""
    width = high - low
    if width <= 0:
        return np.full_like(path, low)
    folded = np.mod(path - low, 2 * width)
    return low + np.where(folded > width, 2 * width - folded, folded)
