"""Moving averages by name, for the indicators that let their user choose one (`mamode`)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from stratforge.strategy import kernels as k
from stratforge.strategy.indicators.registry import Floats, Parameter, choice


def sma(x: Floats, length: int) -> Floats:
    """Computes the simple moving average of the last `length` values."""
    return k.rolling_mean(x, length)


def ema(x: Floats, length: int) -> Floats:
    """Exponential moving average, seeded with the simple average of the first `length` values."""
    return k.smoothed(x, 2.0 / (length + 1.0), length)


def rma(x: Floats, length: int) -> Floats:
    """Wilder's moving average, seeded with the simple average of the first `length` values."""
    return k.smoothed(x, 1.0 / length, length)


def wma(x: Floats, length: int) -> Floats:
    """Linearly weighted moving average, the newest value weighing most."""
    weights = np.arange(1.0, length + 1.0)
    return k.rolling_dot(x, weights / weights.sum())


def ema_chain(x: Floats, length: int, depth: int) -> list[Floats]:
    """The EMA, the EMA of it, and so on."""
    chain = [ema(x, length)]
    while len(chain) < depth:
        chain.append(ema(chain[-1], length))
    return chain


def dema(x: Floats, length: int) -> Floats:
    """Double exponential moving average (Mulloy, 1994)."""
    first, second = ema_chain(x, length, 2)
    return 2.0 * first - second


def tema(x: Floats, length: int) -> Floats:
    """Triple exponential moving average (Mulloy, 1994)."""
    first, second, third = ema_chain(x, length, 3)
    return 3.0 * (first - second) + third


def hma(x: Floats, length: int) -> Floats:
    """Hull moving average (Hull, 2005)."""
    half, root = max(length // 2, 1), max(int(np.sqrt(length)), 1)
    return wma(2.0 * wma(x, half) - wma(x, length), root)


MOVING_AVERAGES: dict[str, Callable[[Floats, int], Floats]] = {
    "sma": sma,
    "ema": ema,
    "rma": rma,
    "wma": wma,
    "dema": dema,
    "tema": tema,
    "hma": hma,
}


def mamode(default: str) -> Parameter:
    """The parameter that chooses the moving average."""
    return choice("mamode", default, tuple(MOVING_AVERAGES))


def moving_average(name: str, x: Floats, length: int) -> Floats:
    """The moving average called `name`."""
    return MOVING_AVERAGES[name](x, length)
