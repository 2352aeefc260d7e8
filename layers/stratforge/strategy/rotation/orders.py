"""From target weights to shares to buy and to sell: the same in a backtest and live."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stratforge.market.sizes import MINIMUM_VALUE
from stratforge.strategy.reach import Floats

_BROKEN_SHARE = 1e-9


def orders_for(
    weights: Floats,
    equity: float,
    price: Floats,
    known: npt.NDArray[np.bool_],
    held: Floats,
    alone: npt.NDArray[np.bool_] | None = None,
    *,
    fractional: bool,
) -> Floats:
    """The shares to buy of each symbol of the universe, below 0 to sell. A change worth less than a dollar is not traded, unless it ends a holding.

    Args:
        weights: The part of the equity that each symbol is to be.
        equity: Cash and what is held, in dollars.
        price: The last close of each, NaN where there never was one.
        known: Whether that is of the seven days before: what is not is neither bought nor, unless its weight is 0, sold.
        held: Shares that are held.
        alone: Which are left alone, whatever their weight: somebody else is trading them.
        fractional: Whether there are parts of shares.
    """
    with np.errstate(all="ignore"):
        wanted = np.where(known, weights * equity / price, held)
    if not fractional:
        wanted = whole_shares(wanted)
    wanted[weights == 0.0] = 0.0
    orders = wanted - held
    orders[(np.abs(orders) * np.where(known, price, 0.0) < MINIMUM_VALUE) & (wanted > 0)] = 0.0
    if alone is not None:
        orders[alone] = 0.0
    return np.asarray(orders)


def whole_shares(quantities: Floats) -> Floats:
    """The whole shares in these quantities; what is one but for rounding is one."""
    return np.asarray(np.floor(quantities + _BROKEN_SHARE))
