"""Causal column kernels: every value of a result depends on its own and earlier bars alone, bit for bit.

All take and give float64 arrays of one length; "unknown" is NaN. Windows with an unknown value inside are unknown.
Sums are added up in an order that is the same wherever the array begins, and look a fixed number of bars back (`reach`), so that
a trailing window gives the very bits of the whole history. What they give is rounded to twelve digits (`quantized`), so that
rounding decides no tie: the average of a price that stands still is that price.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from stratforge.strategy.quantization import quantized
from stratforge.strategy.reach import DAY_BARS, Floats, looks_back

_CHUNK = 1 << 16  # elements of a strided window matrix worked on at a time, which stay in the cache (512 KiB)
# Weights below 2**-46 of the newest are left out: 1.4e-14 of a value that stands still, less than the half digit (2.5e-14) that
# `quantized` rounds away, so that the average of such a value stays that value.
_TAIL = 46
# Bars of a run in which a filter still counts on what stood before it, in two parts.
_YOUNG = (8, 64)
_PIECE = 8192  # numbers worked on at a time


def nans(length: int) -> Floats:
    """A column that is not known."""
    return np.full(length, np.nan)


def first_valid(x: Floats) -> int:
    """Index of the first value that is not NaN; the length when there is none."""
    valid = ~np.isnan(x)
    return int(valid.argmax()) if valid.any() else len(x)


@looks_back(lambda periods: periods)
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


@looks_back(lambda _day: DAY_BARS)
def forward_fill(x: Floats, day: npt.NDArray[np.int64]) -> Floats:
    """The latest known value of the same exchange day."""
    places = np.arange(len(x))
    # A day begins with what its first bar has, known or not: how far back a value lies would have no bound otherwise.
    index = np.where(np.isnan(x) & (np.diff(day, prepend=-1) == 0), 0, places)
    np.maximum.accumulate(index, out=index)
    return x[index]


def share(part: Floats, whole: Floats) -> Floats:
    """`part / whole`, and 0 where both are 0: a bar or a market that stands still leans to no side."""
    return np.where((part == 0) & (whole == 0), 0.0, part / whole)


# Rolling windows ---------------------------------------------------------------------------------------


def _extreme(x: Floats, window: int, operation: np.ufunc) -> Floats:
    """Rolling minimum or maximum: of windows of 1, 2, 4, ... bars, each made of two of the one before; the last two overlap."""
    out = nans(len(x))
    if window > len(x):
        return out
    part, length = x, 1
    while 2 * length <= window:
        part, length = operation(part[length:], part[:-length]), 2 * length
    rest = window - length
    out[window - 1 :] = operation(part[rest:], part[: len(part) - rest])
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
                total = _added_later(total, part, covered, factor)
            covered += length
            factor *= weight
        rest >>= 1
        if not rest or whole:
            assert total is not None
            return total
        part, length, weight = _added_later(part, part, length, weight), 2 * length, weight * weight


def _added_later(x: Floats, y: Floats, bars: int, factor: float) -> Floats:
    """`x` with `factor` times what `y` was so many bars ago, where there were so many."""
    out = np.empty(len(x))
    out[:bars] = x[:bars]
    late = y[: len(x) - bars]
    np.add(x[bars:], late if factor == 1.0 else factor * late, out=out[bars:])
    return out


@looks_back(lambda window: window - 1)
def rolling_sum(x: Floats, window: int) -> Floats:
    """Sum of the last `window` values."""
    out = _rolling_sum(x, window)
    return quantized(out, out=out)


def _rolling_sum(x: Floats, window: int) -> Floats:
    """The same before it is rounded, in an array of its own."""
    if window > len(x):
        return nans(len(x))
    out = _weighted_sum(x, window, 1.0)
    out = out.copy() if out is x else out
    out[: window - 1] = np.nan
    return out


@looks_back(lambda window: window - 1)
def rolling_mean(x: Floats, window: int) -> Floats:
    """Mean of the last `window` values."""
    out = _rolling_sum(x, window)
    return quantized(np.divide(out, window, out=out), out=out)


@looks_back(lambda window: window - 1)
def rolling_min(x: Floats, window: int) -> Floats:
    """Smallest of the last `window` values."""
    return _extreme(x, window, np.minimum)


@looks_back(lambda window: window - 1)
def rolling_max(x: Floats, window: int) -> Floats:
    """Largest of the last `window` values."""
    return _extreme(x, window, np.maximum)


def over_windows(
    window: int, outputs: int, compute: Callable[..., tuple[Floats, ...]], *series: Floats
) -> list[Floats]:
    """Applies `compute` to all windows of `series`, given as read-only (rows, window) views in pieces of bounded size.

    Args:
        window: Bars of a window.
        outputs: How many columns `compute` gives.
        compute: Takes a view of each of the series, gives a value for each row.
        series: Columns of one length.
    """
    return _over_windows(series[0], window, outputs, compute, *series[1:])


@looks_back(lambda window, _outputs, _compute, *_more: window - 1)
def _over_windows(
    x: Floats, window: int, outputs: int, compute: Callable[..., tuple[Floats, ...]], *more: Floats
) -> list[Floats]:
    n = len(x)
    out = [nans(n) for _ in range(outputs)]
    if window > n:
        return out
    views = [np.lib.stride_tricks.sliding_window_view(each, window) for each in (x, *more)]
    rows = max(1, _CHUNK // window)
    for first in range(0, n - window + 1, rows):
        found = compute(*(view[first : first + rows] for view in views))
        for column, values in zip(out, found, strict=True):
            column[window - 1 + first : window - 1 + first + len(values)] = values
    return out


@looks_back(lambda window, _ddof: window - 1)
def rolling_var(x: Floats, window: int, ddof: int) -> Floats:
    """Variance of the last `window` values with `ddof` delta degrees of freedom; exactly 0 when they are equal."""
    if window <= ddof:
        return nans(len(x))

    def variance(view: Floats) -> tuple[Floats]:
        # Centered on the newest value: exact for constant windows and free of cancellation for far-off levels.
        centered = view - view[:, -1:]
        centered -= centered.mean(axis=1, keepdims=True)
        return (np.einsum("ij,ij->i", centered, centered) / (window - ddof),)

    return over_windows(window, 1, variance, x)[0]


def rolling_std(x: Floats, window: int, ddof: int) -> Floats:
    """Standard deviation of the last `window` values."""
    return np.sqrt(rolling_var(x, window, ddof))


def rolling_median(x: Floats, window: int) -> Floats:
    """Median of the last `window` values."""
    return rolling_quantile(x, window, 0.5)


@looks_back(lambda window, _q: window - 1)
def rolling_quantile(x: Floats, window: int, q: float) -> Floats:
    """Quantile `q` of the last `window` values, interpolated linearly."""
    return over_windows(window, 1, lambda view: (np.quantile(view, q, axis=1),), x)[0]


@looks_back(lambda weights: len(weights) - 1)
def rolling_dot(x: Floats, weights: Floats) -> Floats:
    """Sum of the last values times `weights`, the last weight on the newest value."""
    out = nans(len(x))
    if len(weights) <= len(x):
        out[len(weights) - 1 :] = np.correlate(x, weights, "valid")
    return quantized(out)


def rolling_arg_extreme(x: Floats, window: int, *, largest: bool) -> Floats:
    """Computes how many bars ago the extreme of the last `window` values was (the newest of equal ones)."""

    def newest(view: Floats) -> tuple[Floats]:
        newest_first = view[:, ::-1]
        position = newest_first.argmax(axis=1) if largest else newest_first.argmin(axis=1)
        return (np.where(np.isnan(view).any(axis=1), np.nan, position),)

    return over_windows(window, 1, newest, x)[0]


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


@looks_back(lambda decay: reach(decay) - 1)
def decaying_sum(x: Floats, decay: float) -> Floats:
    """`y[t] = decay * y[t-1] + x[t]` from 0, for `0 <= decay < 1`."""
    return _weighted_sum(x, reach(decay), decay)


@lru_cache(maxsize=4096)
def _left_out(decay: float) -> float:
    """What a decaying mean leaves out: the factor of `reach` steps, multiplied as `_affine` does, to the bit."""
    whole = np.full(reach(decay) + 1, decay)
    return float(1.0 - _affine_steps(whole, np.zeros(len(whole)), reach(decay))[0][-1])


def _affine(factor: Floats, term: Floats, count: int) -> Floats:
    """`y[t] = factor[t] * y[t-1] + term[t]` of the last `count` bars, as a mean: scaled to what their factors leave to them.

    Where the factors are one decay, these are the additions of `decaying_sum`, in its order: it gives the same bits.
    """
    whole_factor, whole_term = _affine_steps(factor, term, count)
    return whole_term / (1.0 - whole_factor)


def _affine_steps(factor: Floats, term: Floats, count: int) -> tuple[Floats, Floats]:
    """The last `count` steps of every bar as one step."""
    n = len(term)
    rest, length = count, 1
    part = (factor, term)
    whole: tuple[Floats, Floats] | None = None
    covered = 0
    while True:
        covers = length >= n
        if rest & 1 or covers:
            if whole is None:
                whole = part
            elif covered < n:
                whole = _composed(*whole, *part, covered)
            covered += length
        rest >>= 1
        if not rest or covers:
            assert whole is not None
            return whole
        part = _composed(*part, *part, length)
        length *= 2


def _composed(
    factor: Floats, term: Floats, factor_before: Floats, term_before: Floats, lag: int
) -> tuple[Floats, Floats]:
    """The step (factor, term) after the step of `lag` bars before. What begins anew (a factor of 0) knows nothing before, infinite or not."""
    term, before = term.copy(), factor[lag:]
    term[lag:] += np.where(before == 0.0, 0.0, before * term_before[:-lag])
    factor = factor.copy()
    factor[lag:] *= factor_before[:-lag]
    return factor, term


@looks_back(lambda _term, _begins, count: count - 1)
def affine_mean(factor: Floats, term: Floats, begins: npt.NDArray[np.bool_], count: int) -> Floats:
    """`y[t] = factor[t] * y[t-1] + term[t]` of the last `count` bars, as a mean; y is `term` where it `begins`, and unknown before."""
    out = quantized(_affine(np.where(begins, 0.0, factor), term, count))
    return np.where(np.logical_or.accumulate(begins), out, np.nan)


def _recursion_bars(decay: float, _gain: float, length: int, patience: int = 0, **_summed: bool) -> int:
    """Where it begins is known to within as many bars as it waits for, and how takes as many as its seed."""
    return reach(decay) + length + (patience or length)


@looks_back(_recursion_bars)
def recursion(x: Floats, decay: float, gain: float, length: int, patience: int = 0, *, summed: bool = False) -> Floats:
    """`y[t] = decay * y[t-1] + gain * x[t]`, which begins with the mean of the first `length` bars from a known value on, or with the sum of those
    after the known value (`summed`).

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
    if known[start:].all():
        terms = gain * x[first:]
        begun = x[start : first + 1]
        terms[0] = _seeds(begun, np.arange(length) == 0, length, summed=summed)[-1]
        out[first:] = decaying_sum(terms, decay)
        # What is left out is shared among what is not.
        out[first + reach(decay) :] /= _left_out(decay)
        return quantized(out)
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
    begins = known & (before >= limit)
    since = places - np.maximum.accumulate(np.where(begins, places, -length))
    unknown |= since < length - 1
    seeded = shift(begins.astype(np.float64), length - 1) == 1.0
    factors[seeded] = 0.0
    terms[seeded] = _seeds(x, begins, length, summed=summed)[seeded]
    out = _affine(factors, terms, reach(decay))
    out[unknown] = np.nan
    return quantized(out)


@looks_back(lambda: 1)
def begins(x: Floats) -> npt.NDArray[np.bool_]:
    """Returns whether each value is known and the one before is not."""
    known = ~np.isnan(x)
    return known & ~np.concatenate(([False], known[:-1]))


@looks_back(lambda count, _begin, _step: count - 1)
def followed(
    x: Floats, count: int, begin: Callable[[Floats], Floats], step: Callable[[Floats, Floats], Floats]
) -> Floats:
    """Follows the last `count` values of `x`, one after the other: `begin(x)` of the first of them, and of the first after an unknown one,
    then `step(value, x)`. It is the whole past's but for what `count` values forget."""
    value = nans(len(x))
    for lag in range(min(count, len(x)) - 1, -1, -1):
        now = shift(x, lag)
        value = np.where(np.isnan(value), begin(now), step(value, now))
    return value


@looks_back(lambda weights: len(weights) - 1)
def filtered(x: Floats, weights: Floats) -> Floats:
    """Sum of the last values times `weights`, the last weight on the newest value; before the first value, and before the first after an unknown
    one, stands that value."""
    out, count = nans(len(x)), len(weights)
    known = ~np.isnan(x)
    edges = np.flatnonzero(np.diff(known, prepend=False, append=False))
    firsts, lasts = edges[::2], edges[1::2]
    places, begun = np.flatnonzero(known), np.repeat(firsts, lasts - firsts)
    age = places - begun
    whole = places[age >= count - 1]
    if len(whole):
        out[whole] = np.correlate(np.where(known, x, 0.0), weights, "valid")[whole - count + 1]
    # What stood before the first value weighs as much as all that the younger ones leave. There may be as many runs as bars: where they are young,
    # all are computed at once.
    before = np.cumsum(weights)
    for youngest, oldest in pairwise((0, *_YOUNG)):
        young = (age >= youngest) & (age < min(oldest, count - 1))
        place, first = places[young], begun[young]
        total = before[count - 1 - age[young]] * x[first]
        for lag in range(min(oldest, count) if len(place) else 0):
            total += np.where(lag < age[young], weights[count - 1 - lag] * x[np.maximum(place - lag, first)], 0.0)
        out[place] = total
    old = (lasts - firsts > _YOUNG[-1]) & (count - 1 > _YOUNG[-1])
    for first, last in zip(firsts[old].tolist(), lasts[old].tolist(), strict=True):
        padded = np.concatenate((np.full(count - 1, x[first]), x[first : min(last, first + count - 1)]))
        last = first + len(padded) - count + 1
        out[first + _YOUNG[-1] : last] = np.correlate(padded[_YOUNG[-1] :], weights, "valid")
    return quantized(out)


def _seeds(x: Floats, begins: npt.NDArray[np.bool_], length: int, *, summed: bool) -> Floats:
    """What a recursion begins with at the end of the first `length` bars, for every bar; one way of adding, however many of them there are."""
    known = ~np.isnan(x)
    if summed:
        return _weighted_sum(np.where(known & ~begins, x, 0.0), length, 1.0)
    return _weighted_sum(np.where(known, x, 0.0), length, 1.0) / _weighted_sum(known.astype(np.float64), length, 1.0)


def smoothed(x: Floats, alpha: float, length: int) -> Floats:
    """Exponential smoothing `y += alpha * (x - y)`, seeded with the mean of the first `length` values."""
    return recursion(x, 1.0 - alpha, alpha, length)


@looks_back(lambda alpha, min_periods=0, **_adjust: exponential_reach(alpha, min_periods))
def exponential_mean(x: Floats, alpha: float, *, adjust: bool, min_periods: int = 0) -> Floats:
    """pandas' `ewm(alpha=..., adjust=..., min_periods=...).mean()`, of the last `reach` values."""
    decay = 1.0 - alpha
    known = ~np.isnan(x)
    if adjust:
        weights = decaying_sum(known.astype(np.float64), decay)
        out = decaying_sum(np.where(known, x, 0.0), decay) / np.where(weights == 0.0, np.nan, weights)
    else:
        out = recursion(x, decay, alpha, 1, patience=max(math.ceil(2.0 / alpha) - 1, 1))
    if min_periods > 1:
        counted = _weighted_sum(known.astype(np.float64), max(reach(decay), min_periods), 1.0)
        out = np.where(counted >= min_periods, out, np.nan)
    return quantized(out)


def exponential_reach(alpha: float, min_periods: int) -> int:
    """Returns how many bars before its own an exponential mean looks at."""
    return max(_recursion_bars(1.0 - alpha, alpha, 1, max(math.ceil(2.0 / alpha) - 1, 1)), min_periods)


# Anchored to the exchange's day ------------------------------------------------------------------------


@looks_back(lambda _day: DAY_BARS)
def sum_since_day_start(x: Floats, day: npt.NDArray[np.int64]) -> Floats:
    """Running sum that begins anew on every exchange day; unknown values count as zero."""
    if not len(x):
        return x
    first = np.concatenate(([0], np.flatnonzero(np.diff(day)) + 1))
    length = np.diff(first, append=len(x))
    filled, out = np.where(np.isnan(x), 0.0, x), np.empty(len(x))
    # A column may have as many days as bars: those of about one length are added up side by side, each from its own first bar on.
    doublings = np.frexp(length - 0.5)[1]
    for each in np.unique(doublings):
        steps, alike = np.arange(1 << each), doublings == each
        inside = steps < length[alike, None]
        places = (first[alike, None] + steps)[inside]
        side_by_side = np.zeros(inside.shape)
        side_by_side[inside] = filled[places]
        out[places] = np.cumsum(side_by_side, axis=1)[inside]
    return out
