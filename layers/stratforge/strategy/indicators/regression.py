"""Straight lines through the last values."""

from __future__ import annotations

import numpy as np

from stratforge.strategy import kernels as k
from stratforge.strategy.indicators.registry import Floats, indicator, length


def line(close: Floats, length: int) -> tuple[Floats, Floats]:
    """Slope and intercept (at the oldest value) of the least-squares line through the last values."""
    x = np.arange(length, dtype=np.float64)
    centered = (x - x.mean()) / ((x - x.mean()) ** 2).sum() if length > 1 else x

    # Shifted by the newest value so that far-off levels cancel exactly.
    def fit(view: Floats) -> tuple[Floats, Floats]:
        level = view[:, -1:]
        return np.einsum("ij,j->i", view - level, centered), (view - level).mean(axis=1) + level[:, 0]

    slope, mean = k.over_windows(length, 2, fit, close)
    return slope, mean - slope * x.mean()


@indicator("linreg", "overlap", "Linear regression: the line's end", "close", length(14, minimum=2))
def linreg(close: Floats, length: int) -> Floats:
    """The least-squares line at the newest value."""
    slope, intercept = line(close, length)
    return intercept + slope * (length - 1)


@indicator("linregslope", "overlap", "Slope of the linear regression", "close", length(14, minimum=2))
def linregslope(close: Floats, length: int) -> Floats:
    """Slope of the least-squares line."""
    return line(close, length)[0]


@indicator("linregintercept", "overlap", "Beginning of the linear regression", "close", length(14, minimum=2))
def linregintercept(close: Floats, length: int) -> Floats:
    """The least-squares line at the oldest value."""
    return line(close, length)[1]


@indicator("linregangle", "overlap", "Angle of the linear regression in degrees", "close", length(14, minimum=2))
def linregangle(close: Floats, length: int) -> Floats:
    """Angle of the least-squares line."""
    return np.arctan(linregslope(close, length)) * 180.0 / np.pi


@indicator("tsf", "overlap", "Time series forecast", "close", length(14, minimum=2))
def tsf(close: Floats, length: int) -> Floats:
    """The least-squares line one bar on."""
    slope, intercept = line(close, length)
    return intercept + slope * length


@indicator("cti", "momentum", "Correlation trend indicator", "close", length(12, minimum=2))
def cti(close: Floats, length: int) -> Floats:
    """Ehlers (2020): correlation of the last values with a rising line."""
    x = np.arange(length, dtype=np.float64) - (length - 1) / 2

    def correlation(view: Floats) -> tuple[Floats]:
        centered = view - view[:, -1:]
        centered -= centered.mean(axis=1, keepdims=True)
        along = np.einsum("ij,j->i", centered, x)
        return (along / np.sqrt(float((x * x).sum()) * np.einsum("ij,ij->i", centered, centered)),)

    return k.over_windows(length, 1, correlation, close)[0]


@indicator("cfo", "momentum", "Chande forecast oscillator", "close", length(9, minimum=2))
def cfo(close: Floats, length: int) -> Floats:
    """Chande: how far the close is from the forecast, in percent."""
    return 100.0 * (close - tsf(close, length)) / close


indicator("fosc", "momentum", "Forecast oscillator", "close", length(14, minimum=2))(cfo)


@indicator("po", "momentum", "Projection oscillator", "close", length(14, minimum=2))
def po(close: Floats, length: int) -> Floats:
    """Computes the distance of the close from the regression line's end, in percent of it."""
    end = linreg(close, length)
    return 100.0 * (close - end) / np.where(end == 0, np.nan, end)
