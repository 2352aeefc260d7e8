"""Comparisons of two series over the last bars; they give true or false."""

from __future__ import annotations

import numpy as np

from stratforge.strategy import kernels as k
from stratforge.strategy.indicators.registry import Floats, flag, indicator


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
