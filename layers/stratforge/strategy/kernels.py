"""Causal column kernels: every value of a result depends on its own and earlier bars alone.

All take and give float64 arrays of one length; "not known yet" is NaN. Windows with a NaN inside give NaN.
None of them drifts: a window's result does not depend on how much history came before it (beyond rounding),
which is what lets a trailing window stand for the whole history.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
EPSILON = float(np.finfo(np.float64).eps)
_BLOCK = 32
_SHORT = 48  # Up to here a dot product for each window is quicker than blocks.
_CHUNK = 1 << 21  # elements of a strided window matrix worked on at a time (16 MiB)


def nans(length: int) -> Floats:
    """A column that is not known."""
    return np.full(length, np.nan)


def first_valid(x: Floats) -> int:
    """Index of the first value that is not NaN; the length when there is none."""
    valid = ~np.isnan(x)
    return int(valid.argmax()) if valid.any() else len(x)


def shift(x: Floats, periods: int) -> Floats:
    """`x` moved `periods >= 0` bars into the future: the value of `periods` bars ago."""
    if periods == 0:
        return x
    out = nans(len(x))
    out[periods:] = x[: len(x) - periods] if periods < len(x) else x[:0]
    return out


def diff(x: Floats, periods: int) -> Floats:
    """Change over `periods` bars."""
    return x - shift(x, periods)


def forward_fill(x: Floats, day: npt.NDArray[np.int64] | None = None) -> Floats:
    """The latest known value; with `day`, the latest of the same exchange day."""
    places = np.arange(len(x))
    index = np.where(np.isnan(x), 0, places)
    if day is not None:
        # A day begins with what its first bar has, known or not: how far back a value lies would have no bound otherwise.
        index = np.where(np.diff(day, prepend=-1) != 0, places, index)
    np.maximum.accumulate(index, out=index)
    return x[index]


def non_zero_range(high: Floats, low: Floats) -> Floats:
    """`high - low`, with exact zeros replaced by the machine epsilon so that it can divide."""
    difference = high - low
    return np.where(difference == 0, difference + EPSILON, difference)


# Rolling windows ---------------------------------------------------------------------------------------


def _blocked(x: Floats, window: int, operation: np.ufunc, filler: float) -> Floats:
    """Rolling reduction in constant time per bar by prefixes and suffixes of blocks (van Herk / Gil-Werman)."""
    n = len(x)
    if window == 1:
        return x.copy()
    if window > n:
        return nans(n)
    padded = np.full(-(-n // window) * window, filler)
    padded[:n] = x
    blocks = padded.reshape(-1, window)
    prefix = operation.accumulate(blocks, axis=1).ravel()[:n]
    suffix = operation.accumulate(blocks[:, ::-1], axis=1)[:, ::-1].ravel()
    out = nans(n)
    start = np.arange(n - window + 1)
    merged = operation(suffix[: n - window + 1], prefix[window - 1 :])
    aligned = start % window == 0
    merged[aligned] = prefix[window - 1 :][aligned]
    out[window - 1 :] = merged
    return out


def rolling_sum(x: Floats, window: int) -> Floats:
    """Sum of the last `window` values."""
    if window <= _SHORT:
        return rolling_dot(x, np.ones(window))
    return _blocked(x, window, np.add, 0.0)


def rolling_mean(x: Floats, window: int) -> Floats:
    """Mean of the last `window` values."""
    return rolling_sum(x, window) / window


def rolling_min(x: Floats, window: int) -> Floats:
    """Smallest of the last `window` values."""
    return _blocked(x, window, np.minimum, np.inf)


def rolling_max(x: Floats, window: int) -> Floats:
    """Largest of the last `window` values."""
    return _blocked(x, window, np.maximum, -np.inf)


def windows(x: Floats, window: int) -> list[tuple[slice, Floats]]:
    """Read-only (rows, window) views of all windows of `x`, in pieces of bounded size, with the rows they fill."""
    n = len(x)
    if window > n:
        return []
    view = np.lib.stride_tricks.sliding_window_view(x, window)
    rows = max(1, _CHUNK // window)
    return [
        (slice(window - 1 + first, window - 1 + min(first + rows, len(view))), view[first : first + rows])
        for first in range(0, len(view), rows)
    ]


def rolling_var(x: Floats, window: int, ddof: int) -> Floats:
    """Variance of the last `window` values with `ddof` delta degrees of freedom; exactly 0 when they are equal."""
    out = nans(len(x))
    if window <= ddof:
        return out
    for rows, view in windows(x, window):
        # Centered on the newest value: exact for constant windows and free of cancellation for far-off levels.
        centered = view - view[:, -1:]
        centered -= centered.mean(axis=1, keepdims=True)
        out[rows] = np.einsum("ij,ij->i", centered, centered) / (window - ddof)
    return out


def rolling_std(x: Floats, window: int, ddof: int) -> Floats:
    """Standard deviation of the last `window` values."""
    return np.sqrt(rolling_var(x, window, ddof))


def rolling_median(x: Floats, window: int) -> Floats:
    """Median of the last `window` values."""
    return rolling_quantile(x, window, 0.5)


def rolling_quantile(x: Floats, window: int, q: float) -> Floats:
    """Quantile `q` of the last `window` values, interpolated linearly."""
    out = nans(len(x))
    for rows, view in windows(x, window):
        out[rows] = np.quantile(view, q, axis=1)
    return out


def rolling_dot(x: Floats, weights: Floats) -> Floats:
    """Sum of the last values times `weights`, the last weight on the newest value."""
    out = nans(len(x))
    if len(weights) <= len(x):
        out[len(weights) - 1 :] = np.correlate(x, weights, "valid")
    return out


def rolling_arg_extreme(x: Floats, window: int, *, largest: bool) -> Floats:
    """How many bars ago the extreme of the last `window` values was (the newest of equal ones)."""
    out = nans(len(x))
    for rows, view in windows(x, window):
        newest_first = view[:, ::-1]
        position = newest_first.argmax(axis=1) if largest else newest_first.argmin(axis=1)
        out[rows] = np.where(np.isnan(view).any(axis=1), np.nan, position)
    return out


# Recursions --------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _decay_block(decay: float) -> tuple[Floats, Floats]:
    lag = np.subtract.outer(np.arange(_BLOCK), np.arange(_BLOCK))
    weights = np.where(lag >= 0, decay ** np.maximum(lag, 0).astype(np.float64), 0.0)
    return np.ascontiguousarray(weights.T), decay ** np.arange(1, _BLOCK + 1, dtype=np.float64)


def decaying_sum(x: Floats, decay: float, initial: float) -> Floats:
    """`y[t] = decay * y[t-1] + x[t]` with `y[-1] = initial`, for `0 <= decay < 1` and finite `x`."""
    n = len(x)
    if n <= _BLOCK:
        out = np.empty(n)
        value = initial
        for index, item in enumerate(x.tolist()):
            value = decay * value + item
            out[index] = value
        return out
    weights, powers = _decay_block(decay)
    padded = np.zeros(-(-n // _BLOCK) * _BLOCK)
    padded[:n] = x
    blocks = padded.reshape(-1, _BLOCK) @ weights
    # The carry from block to block is the same recursion, 32 times shorter.
    carries = decaying_sum(blocks[:, -1], float(powers[-1]), initial)
    before = np.concatenate(([initial], carries[:-1]))
    blocks += before[:, None] * powers
    return blocks.ravel()[:n]


def _smoothed_from(x: Floats, alpha: float, start: int, seed: float) -> Floats:
    """Exponential smoothing after index `start`, where the value is `seed`; NaN before, gaps in `x` held."""
    out = nans(len(x))
    if start >= len(x):
        return out
    out[start] = seed
    rest = x[start + 1 :]
    if len(rest):
        if np.isnan(rest).any():
            rest = forward_fill(np.concatenate(([seed], rest)))[1:]
        out[start + 1 :] = decaying_sum(alpha * rest, 1.0 - alpha, seed)
    return out


def smoothed(x: Floats, alpha: float, length: int) -> Floats:
    """Exponential smoothing `y += alpha * (x - y)`, seeded with the mean of the first `length` known values."""
    start = first_valid(x)
    if start + length > len(x):
        return nans(len(x))
    return _smoothed_from(x, alpha, start + length - 1, float(x[start : start + length].mean()))


def exponential_mean(x: Floats, alpha: float, *, adjust: bool) -> Floats:
    """pandas' `ewm(alpha=..., adjust=...).mean()`."""
    start = first_valid(x)
    if start >= len(x):
        return nans(len(x))
    if not adjust:
        return _smoothed_from(x, alpha, start, float(x[start]))
    rest = forward_fill(x[start:])
    out = nans(len(x))
    decay = 1.0 - alpha
    out[start:] = decaying_sum(rest, decay, 0.0) / decaying_sum(np.ones(len(rest)), decay, 0.0)
    return out


# Anchored to the exchange's day ------------------------------------------------------------------------


def sum_since_day_start(x: Floats, day: npt.NDArray[np.int64]) -> Floats:
    """Running sum that begins anew on every exchange day; unknown values count as zero."""
    if not len(x):
        return x
    starts = np.concatenate(([0], np.flatnonzero(np.diff(day)) + 1, [len(x)]))
    filled = np.where(np.isnan(x), 0.0, x)
    out = np.empty(len(x))
    for first, last in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        np.cumsum(filled[first:last], out=out[first:last])
    return out
