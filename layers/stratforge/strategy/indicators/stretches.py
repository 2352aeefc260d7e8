"""Fixed stretches of days, with which begins anew on bars of days what does so with the day on others: a trailing window gives what the whole history gives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from stratforge.market.columns import BarColumns

Floats = npt.NDArray[np.float64]
Columns = tuple[Floats, ...]
# Days of the calendar, counted from 1970: two such stretches are no more bars than what begins anew with the day looks back (`reach.DAY_BARS`).
STRETCH = 700


def through_stretches(bars: BarColumns, compute: Callable[[BarColumns, Columns], Columns], columns: Columns) -> Columns:
    """Computes columns of bars of days from the beginning of the stretch before the one that each bar lies in; of other bars at once."""
    if not bars.daily:
        return compute(bars, columns)
    starts = np.flatnonzero(np.diff(bars.day // STRETCH, prepend=-1)).tolist()
    if len(starts) <= 2:
        return compute(bars, columns)
    parts: list[Columns] = []
    for place, start in enumerate(starts):
        begin, end = starts[max(place - 1, 0)], [*starts, len(bars)][place + 1]
        found = compute(bars.slice(begin, end), tuple(each[begin:end] for each in columns))
        parts.append(tuple(each[start - begin :] for each in found))
    return tuple(np.concatenate(each) for each in zip(*parts, strict=True))
