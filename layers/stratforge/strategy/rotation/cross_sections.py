"""Operations on cross-sections: a number for each symbol of a universe, at one moment.

They are total. What is not known is NaN and is in no rank, no average and no choice; a condition is 1 or 0, and 0 where it is not known. Ties
go to whoever stands first in the universe.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from stratforge.market.columns import Integers
from stratforge.strategy.graph import OPERATIONS
from stratforge.strategy.quantization import finite_or_unknown, quantized
from stratforge.strategy.reach import Floats


def _each(operation: str, *, logical: bool = False) -> Callable[..., Floats]:
    """An operation of the indicator graph on the symbols of a universe instead of the bars of one."""
    run: Callable[..., Any] = OPERATIONS[operation]

    def each(*inputs: Floats | float) -> Floats:
        found: Floats = run(None, inputs, ())
        return found if logical else finite_or_unknown(quantized(found))

    return each


def _chosen(values: Floats, where: Floats | None) -> np.ndarray:
    known = ~np.isnan(values)
    return known if where is None else known & _truth(where)


def _truth(condition: Floats) -> np.ndarray:
    return np.asarray((condition != 0) & ~np.isnan(condition))


def _known(values: Floats) -> Floats:
    return values[~np.isnan(values)]


def _figure(reduce: Callable[[Floats], Any], least: int = 1) -> Callable[[Floats], float]:
    """A figure of what is known; unknown where that is less than `least` symbols."""

    def figure(values: Floats) -> float:
        known = _known(values)
        if len(known) < least:
            return math.nan
        found = float(quantized(np.array([reduce(known)]))[0])
        return found if math.isfinite(found) else math.nan

    return figure


def top(values: Floats, count: float, where: Floats | None = None) -> Floats:
    """1 for the symbols that have the `count` largest values among those for which `where` holds, 0 for the others."""
    return bottom(-values, count, where)


def bottom(values: Floats, count: float, where: Floats | None = None) -> Floats:
    """1 for the symbols that have the `count` smallest values among those for which `where` holds, 0 for the others."""
    found = np.zeros(len(values))
    found[in_order(values, where)[: int(count)]] = 1.0
    return found


def in_order(values: Floats, where: Floats | None = None) -> Integers:
    """The places of the symbols that `top` and `bottom` choose among, the smallest value first."""
    places = np.flatnonzero(_chosen(values, where))
    return np.asarray(places[np.argsort(values[places], kind="stable")])


def rank(values: Floats, ascending: bool) -> Floats:
    """Ranks from 1, the smallest first if `ascending`; equal values share the average of their ranks, as in pandas."""
    signed = values if ascending else -values
    ordered = np.sort(_known(signed))
    below, upto = (np.searchsorted(ordered, signed, side=side) for side in ("left", "right"))
    return np.where(np.isnan(values), np.nan, (below + upto + 1) / 2.0)


def fillna(values: Floats, value: float) -> Floats:
    """The values, and `value` where they are not known."""
    return finite_or_unknown(np.where(np.isnan(values), value, values))


def equal(chosen: Floats) -> Floats:
    """The same weight for each symbol that is chosen, 1 together; nothing where none is."""
    truth = _truth(chosen).astype(np.float64)
    return np.asarray(truth / max(float(truth.sum()), 1.0))


def proportional(values: Floats, where: Floats | None = None) -> Floats:
    """Weights in proportion to the values above 0, among those for which `where` holds, 1 together; nothing where there are none."""
    parts = np.where(_chosen(values, where) & (values > 0), values, 0.0)
    # The largest first, so that sums do not overflow.
    parts = parts / (parts.max() or 1.0)
    return parts / (parts.sum() or 1.0)


def inverse_volatility(volatility: Floats, where: Floats | None = None) -> Floats:
    """Weights in proportion to 1 / volatility, where it is known and above 0 and `where` holds, 1 together."""
    return proportional(finite_or_unknown(np.where(volatility > 0, 1.0 / volatility, np.nan)), where)


def placed(count: float, *pairs: tuple[int, float]) -> Floats:
    """Weights that are written out by symbol: 0 for the rest of `count` symbols."""
    found = np.zeros(int(count))
    for place, value in pairs:
        found[place] = value
    return found


def target_weights(weights: Floats) -> Floats:
    """Weights as they are traded: unknown and negative ones are 0, and a sum above 1 is scaled to 1."""
    targets = np.where(np.isfinite(weights) & (weights > 0), weights, 0.0)
    largest = targets.max()
    if largest > 1.0:
        targets = targets / largest
        return np.asarray(targets / targets.sum())
    return np.asarray(targets / max(targets.sum(), 1.0))


# By the names that `rebalance` is written in.
ELEMENTWISE = {
    "add": False,
    "subtract": False,
    "multiply": False,
    "divide": False,
    "floor_divide": False,
    "modulo": False,
    "power": False,
    "negative": False,
    "absolute": False,
    "square_root": False,
    "logarithm": False,
    "logarithm10": False,
    "exponential": False,
    "sign": False,
    "floor": False,
    "ceiling": False,
    "maximum": False,
    "minimum": False,
    "where": False,
    "less": True,
    "less_equal": True,
    "greater": True,
    "greater_equal": True,
    "equal": True,
    "not_equal": True,
    "and": True,
    "or": True,
    "xor": True,
    "not": True,
    "is_nan": True,
    "not_nan": True,
}
FIGURES = {
    "mean": _figure(np.mean),
    "sum": _figure(np.sum, 0),
    "min": _figure(np.min),
    "max": _figure(np.max),
    "median": _figure(np.median),
    "std": _figure(lambda known: known.std(ddof=1), 2),
    "count": lambda values: float(len(_known(values))),
}
KERNELS: dict[str, Callable[..., Any]] = {
    **{f"each_{name}": _each(name, logical=logical) for name, logical in ELEMENTWISE.items()},
    **{f"figure_{name}": figure for name, figure in FIGURES.items()},
    "figure_any": lambda condition: bool(_truth(condition).any()),
    "figure_all": lambda condition: bool(_truth(condition).all()),
    "cross_top": top,
    "cross_bottom": bottom,
    "cross_rank": rank,
    "cross_fillna": fillna,
    "weights_equal": equal,
    "weights_proportional": proportional,
    "weights_inverse_volatility": inverse_volatility,
    "weights_placed": placed,
}
