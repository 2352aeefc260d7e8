"""One meaning of unknown, and rounding that decides no tie: what every operation does with its result."""

from __future__ import annotations

import math
import sys

import numpy as np

from stratforge.strategy.reach import Floats, looks_back

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


@looks_back(lambda: 0)
def quantized(x: Floats, *, finite: bool = False, out: Floats | None = None) -> Floats:
    """`x` rounded to at least twelve decimal digits: what differs by rounding alone becomes equal, short decimals stay as they are.

    Args:
        finite: Whether what is not finite becomes unknown too, and a negative zero zero.
        out: Where the result is put; it may be `x` itself.
    """
    x = np.ascontiguousarray(x)
    out = np.empty(len(x)) if out is None else out
    scale = np.empty(min(len(x), _PIECE))
    # In pieces that stay in the cache.
    for first in range(0, len(x), _PIECE):
        piece, rounded = x[first : first + _PIECE], out[first : first + _PIECE]
        scale = scale[: len(piece)]
        np.take(_SCALES, piece.view(np.uint16)[_HIGHEST::4], out=scale, mode="clip")
        np.multiply(piece, scale, out=rounded)
        np.rint(rounded, out=rounded)
        np.divide(rounded, scale, out=rounded)
        if finite:
            _make_finite(rounded)
    return out


@looks_back(lambda: 0)
def finite_or_unknown(x: Floats) -> Floats:
    """`x` with NaN for what is not finite, and without negative zeros."""
    out = x.astype(np.float64)
    _make_finite(out)
    return out


def _make_finite(x: Floats) -> None:
    x += 0.0
    infinite = np.isinf(x)
    if infinite.any():
        x[infinite] = np.nan
