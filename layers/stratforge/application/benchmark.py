"""The benchmark beside an equity: what the symbols that somebody trades would have made if they had been bought in equal parts and held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from stratforge.market.corporate_actions import SplitScale, ratio_since
from stratforge.storage.ledger.announced_actions import followed_splits
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Connection
from stratforge.strategy.reach import Floats

# Prices that are looked up for one curve; the points are the fewer, the more symbols there are.
_LOOKUPS, _MOST_POINTS, _FEWEST_POINTS = 1_200, 60, 12


def points_for(symbols: int) -> int:
    """At how many times so many symbols are looked at for one curve."""
    return max(_FEWEST_POINTS, min(_MOST_POINTS, _LOOKUPS // max(symbols, 1)))


def equal_parts(prices: Sequence[Floats], begun_with: float) -> Floats:
    """The worth of equal parts of what had a price at the beginning, bought there with so many dollars and held.

    Args:
        prices: Of each symbol its price at each time, on one scale; NaN before it had one.
        begun_with: Dollars.
    """
    grown = [each / each[0] for each in prices if len(each) and np.isfinite(each[0])]
    return begun_with * np.mean(grown, axis=0) if grown else np.full(len(prices[0]) if prices else 0, begun_with)


def closes_now(
    connection: Connection,
    symbols: Sequence[str],
    times: Sequence[datetime],
    splits: Mapping[str, Sequence[SplitScale]],
) -> dict[str, Floats]:
    """The last close of each symbol before each time, on the scale of now; NaN where there is none."""
    prices = {each: np.full(len(times), np.nan) for each in symbols}
    for symbol, place, close, scale_of in market_data.closes_at(connection, symbols, times):
        prices[symbol][place] = close / ratio_since(splits.get(symbol, ()), scale_of.timestamp())
    return prices


def symbols_held(
    connection: Connection, symbols: Sequence[str], times: Sequence[datetime], equity: Sequence[float]
) -> list[tuple[datetime, float]]:
    """The worth of equal parts of symbols at some times, bought with the equity of the first at which one of them had a price; nothing where none had.

    Args:
        connection: In whose transaction.
        symbols: What is held.
        times: Of the market, the earliest first.
        equity: Dollars at each of them.
    """
    prices = closes_now(connection, symbols, times, followed_splits(connection, symbols))
    known = np.flatnonzero(np.isfinite(list(prices.values())).any(axis=0)) if prices else np.empty(0, dtype=np.int64)
    if not len(known):
        return []
    first = int(known[0])
    worth = equal_parts([_carried(each[first:]) for each in prices.values()], equity[first])
    return list(zip(times[first:], worth.tolist(), strict=True))


def _carried(prices: Floats) -> Floats:
    """Each price, and where there is none the last one before."""
    places = np.maximum.accumulate(np.where(np.isfinite(prices), np.arange(len(prices)), 0))
    return np.asarray(prices[places])
