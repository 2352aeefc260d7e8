"""Comparisons of two series over the last bars, and when a condition last held."""

from __future__ import annotations

import numpy as np

from stratforge.strategy import kernels as k
from stratforge.strategy.indicators.registry import Floats, flag, indicator, length
from stratforge.strategy.reach import looks_back


@indicator("cross", "crossing", "Whether a crosses b on this bar", "a b", flag("above", True), logical=True)
def cross(a: Floats, b: Floats, above: bool) -> Floats:
    """True on the bar on which `a` comes to lie above `b` (below, when `above` is False)."""
    before_a, before_b = k.shift(a, 1), k.shift(b, 1)
    crossed = (a > b) & (before_a <= before_b) if above else (a < b) & (before_a >= before_b)
    return crossed.astype(np.float64)


@indicator("crossover", "crossing", "Whether a crosses above b on this bar", "a b", logical=True)
def crossover(a: Floats, b: Floats) -> Floats:
    """True on the bar on which `a` comes to lie above `b`."""
    return cross(a, b, True)


@indicator("crossunder", "crossing", "Whether a crosses below b on this bar", "a b", logical=True)
def crossunder(a: Floats, b: Floats) -> Floats:
    """True on the bar on which `a` comes to lie below `b`."""
    return cross(a, b, False)


@indicator(
    "barssince",
    "crossing",
    "Bars since the condition last held, 0 where it does; unknown when it held on none of the last length bars",
    "condition",
    length(200),
)
@looks_back(lambda length: length - 1)
def barssince(condition: Floats, length: int) -> Floats:
    """Counts the bars since `condition` was last true."""
    places = np.arange(len(condition))
    last = np.maximum.accumulate(np.where(_true(condition), places, -length))
    since = (places - last).astype(np.float64)
    return np.where(since < length, since, np.nan)


@indicator(
    "valuewhen",
    "crossing",
    "The source on the bar on which the condition last held (or the occurrence before it, with 1); unknown when that is none of the last length bars",
    "condition source",
    length(0, "occurrence", 0),
    length(200),
)
@looks_back(lambda _source, _occurrence, length: length - 1)
def valuewhen(condition: Floats, source: Floats, occurrence: int, length: int) -> Floats:
    """The value that `source` had when `condition` was true, `occurrence` times before the last."""
    true, places = _true(condition), np.arange(len(condition))
    held = np.flatnonzero(true)
    nth = np.cumsum(true) - 1 - occurrence
    at = held[np.maximum(nth, 0)] if len(held) else places
    return np.where((nth >= 0) & (places - at < length), source[at], np.nan)


def _true(condition: Floats) -> np.ndarray:
    return np.asarray((condition != 0) & ~np.isnan(condition))
