"""Causal column kernels: every value of a result depends on its own and earlier bars alone, bit for bit.

All take and give float64 arrays of one length; "unknown" is NaN. Windows with an unknown value inside are unknown.
Sums are added up in an order that is the same wherever the array begins, and look a fixed number of bars back (`reach`), so that
a trailing window gives the very bits of the whole history. What they give is rounded to twelve digits (`quantized`), so that
rounding decides no tie: the average of a price that stands still is that price.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
EPSILON = float(np.finfo(np.float64).eps)
_CHUNK = 1 << 21  # elements of a strided window matrix worked on at a time (16 MiB)
# Weights below 2**-46 of the newest are left out: 1.4e-14 of a value that stands still, less than the half digit (2.5e-14) that
# `quantized` rounds away, so that the average of such a value stays that value.
_TAIL = 46
_DIGITS = 12
_PIECE = 8192  # numbers worked on at a time
_HIGHEST = 3 if sys.byteorder == "little" else 0


def _scales() -> Floats:
    """By a float's sign, exponent and highest digits (its first 16 bits), the power of ten that leaves `_DIGITS` digits before the point."""
    scales = np.ones(2048)
    for exponent in range(1, 2047):
        power = math.ceil(_DIGITS - (exponent - 1023) * math.log10(2.0))
        scales[exponent] = 10.0 ** max(min(power, 300), -300)
    scales[0] = 1e300  # Denormals become 0.
    return np.tile(np.repeat(scales, 16), 2)


_SCALES = _scales()


def quantized(x: Floats) -> Floats:
    """`x` rounded to at least twelve decimal digits: what differs by rounding alone becomes equal, short decimals stay as they are."""
    x = np.ascontiguousarray(x)
    out = np.empty(len(x))
    scale = np.empty(min(len(x), _PIECE))
    # In pieces that stay in the cache.
    for first in range(0, len(x), _PIECE):
        piece, rounded = x[first : first + _PIECE], out[first : first + _PIECE]
        scale = scale[: len(piece)]
        np.take(_SCALES, piece.view(np.uint16)[_HIGHEST::4], out=scale, mode="clip")
        np.multiply(piece, scale, out=rounded)
        np.rint(rounded, out=rounded)
        np.divide(rounded, scale, out=rounded)
    return out


def finite_or_unknown(x: Floats) -> Floats:
    """`x` with NaN for what is not finite, and without negative zeros."""
    out = x + 0.0
    infinite = np.isinf(out)
    if infinite.any():
        out[infinite] = np.nan
    return out


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


def forward_fill(x: Floats, day: npt.NDArray[np.int64]) -> Floats:
    """The latest known value of the same exchange day."""
    places = np.arange(len(x))
    # A day begins with what its first bar has, known or not: how far back a value lies would have no bound otherwise.
    index = np.where(np.isnan(x) & (np.diff(day, prepend=-1) == 0), 0, places)
    np.maximum.accumulate(index, out=index)
    return x[index]


def known_runs(x: Floats) -> list[slice]:
    """The stretches of known values: a recursion that cannot pass over an unknown value begins anew after it."""
    known = np.concatenate(([False], ~np.isnan(x), [False]))
    edges = np.flatnonzero(known[1:] != known[:-1]).tolist()
    return [slice(first, last) for first, last in zip(edges[::2], edges[1::2], strict=True)]


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


def _weighted_sum(x: Floats, count: int, decay: float) -> Floats:
    """Sum of the last `count` values, the one of j bars ago times `decay ** j`; there are zeros before the first.

    Sums of 1, 2, 4, ... values are made of each other, so that the order of the additions depends on `count` alone.
    """
    size = max(_PIECE, 4 * count)
    if len(x) <= size:
        return _doubled_sum(x, count, decay)
    out = np.empty(len(x))
    for first in range(0, len(x), size):
        before = min(first, count - 1)
        out[first : first + size] = _doubled_sum(x[first - before : first + size], count, decay)[before:]
    return out


def _doubled_sum(x: Floats, count: int, decay: float) -> Floats:
    n = len(x)
    part, length, weight = x, 1, decay
    total: Floats | None = None
    covered, factor = 0, 1.0
    rest = count
    while True:
        # Once a part covers the whole column, longer ones are equal to it.
        whole = length >= n
        if rest & 1 or whole:
            if total is None:
                total = part
            elif covered < n:
                total = total.copy()
                total[covered:] += part[: n - covered] if factor == 1.0 else factor * part[: n - covered]
            covered += length
            factor *= weight
        rest >>= 1
        if not rest or whole:
            assert total is not None
            return total
        longer = part.copy()
        longer[length:] += part[:-length] if weight == 1.0 else weight * part[:-length]
        part, length, weight = longer, 2 * length, weight * weight


def rolling_sum(x: Floats, window: int) -> Floats:
    """Sum of the last `window` values."""
    return quantized(_rolling_sum(x, window))


def _rolling_sum(x: Floats, window: int) -> Floats:
    out = nans(len(x))
    if window <= len(x):
        out[window - 1 :] = _weighted_sum(x, window, 1.0)[window - 1 :]
    return out


def rolling_mean(x: Floats, window: int) -> Floats:
    """Mean of the last `window` values."""
    return quantized(_rolling_sum(x, window) / window)


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
    return quantized(out)


def rolling_arg_extreme(x: Floats, window: int, *, largest: bool) -> Floats:
    """Computes how many bars ago the extreme of the last `window` values was (the newest of equal ones)."""
    out = nans(len(x))
    for rows, view in windows(x, window):
        newest_first = view[:, ::-1]
        position = newest_first.argmax(axis=1) if largest else newest_first.argmin(axis=1)
        out[rows] = np.where(np.isnan(view).any(axis=1), np.nan, position)
    return out


# Recursions --------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def reach(decay: float) -> int:
    """Returns the number of values a decaying sum is made of: those before weigh less than 2**-46 of the newest."""
    if decay <= 0.0:
        return 1
    needed = math.ceil(_TAIL * math.log(2.0) / -math.log(decay))
    # Few bits in the count are few additions: at most a quarter more than needed.
    step = 1 << max(needed.bit_length() - 3, 0)
    return -(-needed // step) * step


def decaying_sum(x: Floats, decay: float) -> Floats:
    """`y[t] = decay * y[t-1] + x[t]` from 0, for `0 <= decay < 1`."""
    return _weighted_sum(x, reach(decay), decay)


def _affine(factor: Floats, term: Floats, count: int) -> Floats:
    """`y[t] = factor[t] * y[t-1] + term[t]` of the last `count` bars, as a mean: scaled to what their factors leave to them."""
    n = len(term)
    rest, length = count, 1
    part_factor, part_term = factor, term
    whole_factor: Floats | None = None
    whole_term = term
    covered = 0
    while True:
        covers = length >= n
        if rest & 1 or covers:
            if whole_factor is None:
                whole_factor, whole_term = part_factor, part_term
            elif covered < n:
                whole_factor, whole_term = _composed(whole_factor, whole_term, part_factor, part_term, covered)
            covered += length
        rest >>= 1
        if not rest or covers:
            assert whole_factor is not None
            return whole_term / (1.0 - whole_factor)
        part_factor, part_term = _composed(part_factor, part_term, part_factor, part_term, length)
        length *= 2


def _composed(
    factor: Floats, term: Floats, factor_before: Floats, term_before: Floats, lag: int
) -> tuple[Floats, Floats]:
    """The step (factor, term) after the step of `lag` bars before."""
    term, before = term.copy(), factor
    term[lag:] += before[lag:] * term_before[:-lag]
    factor = factor.copy()
    factor[lag:] *= factor_before[:-lag]
    return factor, term


def recursion(
    x: Floats, decay: float, gain: float, length: int, seed: Callable[[Floats], float], patience: int = 0
) -> Floats:
    """`y[t] = decay * y[t-1] + gain * x[t]`, which begins with `seed` of the first `length` bars from a known value on.

    An unknown value is passed over: y stays as it is. After `length` unknown values in a row y is unknown and begins anew. With
    `patience` it does so after as many, and the bars passed over count in the weights, as in pandas' `ewm`.
    """
    n = len(x)
    start = first_valid(x)
    first = start + length - 1
    out = nans(n)
    if first >= n:
        return out
    known, limit = ~np.isnan(x), patience or length
    gaps = np.flatnonzero(~known[start:])
    end = start + int(gaps[0]) if len(gaps) else n
    # Always the same way before the first gap, whether one follows or not.
    if first < end:
        terms = gain * x[first:end]
        terms[0] = seed(x[start : first + 1])
        out[first:end] = decaying_sum(terms, decay)
        # What is left out is shared among what is not.
        out[first + reach(decay) : end] /= 1.0 - decay ** reach(decay)
    if end == n:
        return quantized(out)
    before_gap = out[:end].copy()
    places = np.arange(n)
    latest = np.maximum.accumulate(np.where(known, places, -1))
    passed = np.where(latest < 0, limit, places - latest)
    before = np.concatenate(([limit], passed[:-1]))
    factors = np.full(n, decay)
    terms = gain * x
    if patience:
        after_gap = known & (before > 0)
        weight = decay ** (before[after_gap] + 1.0)
        factors[after_gap] = weight / (weight + gain)
        terms[after_gap] /= weight + gain
    factors, terms = np.where(known, factors, 1.0), np.where(known, terms, 0.0)
    unknown = passed >= limit
    for begin in np.flatnonzero(known & (before >= limit)).tolist():
        stop = min(begin + length, n)
        unknown[begin : stop - 1] = True
        factors[stop - 1], terms[stop - 1] = 0.0, seed(x[begin:stop][known[begin:stop]])
        if begin + length > n:
            unknown[stop - 1] = True
    out = _affine(factors, terms, reach(decay))
    out[unknown] = np.nan
    out[:end] = before_gap
    return quantized(out)


def _mean(x: Floats) -> float:
    return float(x.mean())


def smoothed(x: Floats, alpha: float, length: int) -> Floats:
    """Exponential smoothing `y += alpha * (x - y)`, seeded with the mean of the first `length` values."""
    return recursion(x, 1.0 - alpha, alpha, length, _mean)


def exponential_mean(x: Floats, alpha: float, *, adjust: bool, min_periods: int = 0) -> Floats:
    """pandas' `ewm(alpha=..., adjust=..., min_periods=...).mean()`, of the last `reach` values."""
    decay = 1.0 - alpha
    known = ~np.isnan(x)
    if adjust:
        weights = decaying_sum(known.astype(np.float64), decay)
        out = decaying_sum(np.where(known, x, 0.0), decay) / np.where(weights == 0.0, np.nan, weights)
    else:
        out = recursion(x, decay, alpha, 1, _mean, patience=max(math.ceil(2.0 / alpha) - 1, 1))
    if min_periods > 1:
        counted = _weighted_sum(known.astype(np.float64), max(reach(decay), min_periods), 1.0)
        out = np.where(counted >= min_periods, out, np.nan)
    return quantized(out)


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
