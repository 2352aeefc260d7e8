"""Corporate actions: what changes positions without a trade."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Literal

import numpy as np

from stratforge.market.columns import BarColumns, Integers


@dataclass(frozen=True, slots=True)
class CorporateAction:
    """A split (`ratio` new shares for one old) or a change of symbol."""

    action_id: str
    symbol: str
    kind: Literal["split", "symbol_change"]
    effective_on: date
    ratio: Decimal | None = None
    new_symbol: str | None = None


@dataclass(frozen=True, slots=True)
class SplitScale:
    """A split as bars see it.

    Attributes:
        at: When the new scale begins, in seconds since the epoch: midnight in New York of the day on which the split takes effect.
        ratio: New shares for one old.
    """

    at: int
    ratio: float


def scaled(bars: BarColumns, adjusted_at: Integers, splits: Sequence[SplitScale]) -> BarColumns:
    """Bars with all their prices and volumes on the scale after the splits.

    Args:
        bars: The bars as they were traded, or as history gave them.
        adjusted_at: For each bar, until when (seconds since the epoch) its prices are adjusted for splits already; for a live bar its own time.
        splits: The splits, in the order in which they took effect.
    """
    for split in splits:
        factor = np.where(np.maximum(bars.time, adjusted_at) < split.at, split.ratio, 1.0)
        bars = replace(
            bars,
            open=bars.open / factor,
            high=bars.high / factor,
            low=bars.low / factor,
            close=bars.close / factor,
            volume=bars.volume * factor,
        )
    return bars
