"""Statistics of the last values."""

from __future__ import annotations

import numpy as np

from stratforge.strategy import kernels as k
from stratforge.strategy.indicators.registry import Floats, indicator, length, number


@indicator("mad", "statistics", "Mean absolute deviation", "close", length(30))
def mad(close: Floats, length: int) -> Floats:
    """Mean distance from the mean."""

    def deviation(view: Floats) -> tuple[Floats]:
        centered = view - view[:, -1:]  # Exactly 0 when all are equal.
        return (np.abs(centered - centered.mean(axis=1, keepdims=True)).mean(axis=1),)

    return k.over_windows(length, 1, deviation, close)[0]


indicator("md", "statistics", "Mean deviation", "close", length(30))(mad)


@indicator("median", "statistics", "Median", "close", length(30))
def median(close: Floats, length: int) -> Floats:
    """The middle of the last values."""
    return k.rolling_median(close, length)


@indicator("quantile", "statistics", "Quantile", "close", length(30), number("q", 0.5, 0.0001, 0.9999))
def quantile(close: Floats, length: int, q: float) -> Floats:
    """Quantile `q` of the last values, interpolated linearly."""
    return k.rolling_quantile(close, length, q)


@indicator("variance", "statistics", "Variance", "close", length(30, minimum=2), length(0, "ddof", minimum=0))
def variance(close: Floats, length: int, ddof: int) -> Floats:
    """Variance of the last values."""
    return k.rolling_var(close, length, ddof)


@indicator(
    "stderr", "statistics", "Standard error of the mean", "close", length(14, minimum=2), length(1, "ddof", minimum=0)
)
def stderr(close: Floats, length: int, ddof: int) -> Floats:
    """Standard deviation by the root of the length."""
    return np.asanyarray(k.rolling_std(close, length, ddof) / np.sqrt(length))


@indicator("zscore", "statistics", "Standard score", "close", length(30, minimum=2), number("std", 1.0, 0.001, 1000))
def zscore(close: Floats, length: int, std: float) -> Floats:
    """Distance from the mean in standard deviations."""
    return (close - k.rolling_mean(close, length)) / (std * k.rolling_std(close, length, 1))


def _moments(close: Floats, length: int, order: int) -> list[Floats]:
    """Sums of the squares of the deviations, and of their powers of `order`."""

    def sums(view: Floats) -> tuple[Floats, Floats]:
        centered = view - view[:, -1:]
        centered -= centered.mean(axis=1, keepdims=True)
        squares = centered * centered
        return squares.sum(axis=1), (squares * centered if order == 3 else squares * squares).sum(axis=1)

    return k.over_windows(length, 2, sums, close)


@indicator("skew", "statistics", "Skewness", "close", length(30, minimum=3))
def skew(close: Floats, length: int) -> Floats:
    """The adjusted Fisher-Pearson coefficient."""
    second, third = _moments(close, length, 3)
    return np.asanyarray(length * np.sqrt(length - 1.0) / (length - 2.0) * third / second**1.5)


@indicator("kurtosis", "statistics", "Excess kurtosis", "close", length(30, minimum=4))
def kurtosis(close: Floats, length: int) -> Floats:
    """The adjusted excess kurtosis."""
    n = float(length)
    second, fourth = _moments(close, length, 4)
    adjustment = 3.0 * (n - 1) ** 2 / ((n - 2) * (n - 3))
    return n * (n + 1) * (n - 1) * fourth / ((n - 2) * (n - 3) * second**2) - adjustment


@indicator("entropy", "statistics", "Entropy", "close", length(10), number("base", 2.0, 1.0001, 1e6))
def entropy(close: Floats, length: int, base: float) -> Floats:
    """Shannon (1948): entropy of the values' shares of their sum."""

    def disorder(view: Floats) -> tuple[Floats]:
        share = view / view.sum(axis=1, keepdims=True)
        return (-(share * np.log(share)).sum(axis=1) / np.log(base),)

    return k.over_windows(length, 1, disorder, close)[0]


def _covariance(a: Floats, b: Floats, length: int) -> list[Floats]:
    """Sums of products of the deviations: of both, of a, of b."""

    def sums(left: Floats, right: Floats) -> tuple[Floats, Floats, Floats]:
        x, y = left - left[:, -1:], right - right[:, -1:]
        x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
        return np.einsum("ij,ij->i", x, y), np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", y, y)

    return k.over_windows(length, 3, sums, a, b)


@indicator("correl", "statistics", "Correlation of two series", "close benchmark", length(30, minimum=2))
def correl(close: Floats, benchmark: Floats, length: int) -> Floats:
    """Pearson's correlation of the last values."""
    both, first, second = _covariance(close, benchmark, length)
    return both / np.sqrt(first * second)


@indicator("beta", "statistics", "Beta of two series", "close benchmark", length(30, minimum=2))
def beta(close: Floats, benchmark: Floats, length: int) -> Floats:
    """Covariance of the returns by the variance of the benchmark's."""
    mine, theirs = close / k.shift(close, 1) - 1.0, benchmark / k.shift(benchmark, 1) - 1.0
    both, _, second = _covariance(mine, theirs, length)
    return both / second


@indicator("log_return", "performance", "Logarithmic return", "close", length(1))
def log_return(close: Floats, length: int) -> Floats:
    """Logarithm of the ratio to the value of `length` bars ago."""
    return np.log(close / k.shift(close, length))


@indicator("percent_return", "performance", "Relative return", "close", length(1))
def percent_return(close: Floats, length: int) -> Floats:
    """Relative change over `length` bars."""
    return close / k.shift(close, length) - 1.0
