"""Corporate actions: what changes positions without a trade."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

import numpy as np

from stratforge.market.columns import BarColumns, Integers


class ActionKind(StrEnum):
    """The kinds of corporate actions. The platform follows splits and changes of symbol by itself, the others when an operator has approved."""

    SPLIT = "split"
    SYMBOL_CHANGE = "symbol_change"
    STOCK_DIVIDEND = "stock_dividend"
    SPIN_OFF = "spin_off"
    UNIT_SPLIT = "unit_split"
    RIGHTS_DISTRIBUTION = "rights_distribution"
    CASH_MERGER = "cash_merger"
    STOCK_MERGER = "stock_merger"
    STOCK_AND_CASH_MERGER = "stock_and_cash_merger"
    REDEMPTION = "redemption"
    WORTHLESS_REMOVAL = "worthless_removal"


AUTOMATIC = frozenset((ActionKind.SPLIT, ActionKind.SYMBOL_CHANGE))


@dataclass(frozen=True, slots=True)
class CorporateAction:
    """A change of what a unit of a symbol is, on a day of the exchange.

    Attributes:
        ratio: Units of the same symbol for one old unit: the ratio of a split, 0 where the symbol goes; None for 1.
        new_symbol: What holders get besides, or instead.
        new_ratio: Units of `new_symbol` for one old unit.
        cash: Dollars for one old unit.
    """

    action_id: str
    symbol: str
    kind: ActionKind
    effective_on: date
    ratio: Decimal | None = None
    new_symbol: str | None = None
    new_ratio: Decimal | None = None
    cash: Decimal | None = None

    @property
    def words(self) -> str:
        """The action in words, for operators and users."""
        if self.kind is ActionKind.SPLIT:
            return f"split {self.ratio}:1"
        if self.kind is ActionKind.SYMBOL_CHANGE:
            return f"{self.symbol} becomes {self.new_symbol}"
        kept = "stays" if self.ratio is None else f"becomes {self.ratio.normalize():f}"
        more = [f"{self.new_ratio.normalize():f} {self.new_symbol}"] if self.new_ratio and self.new_symbol else []
        paid = [f"${self.cash.normalize():f}"] if self.cash else []
        return f"{self.kind.replace('_', ' ')}: a share of {self.symbol} {' and gives '.join([kept, *more, *paid])}"


@dataclass(frozen=True, slots=True)
class SplitScale:
    """A split as bars see it.

    Attributes:
        at: When the new scale begins, in seconds since the epoch: midnight in New York of the day on which the split takes effect.
        ratio: New shares for one old.
    """

    at: int
    ratio: float


def ratio_since(splits: Sequence[SplitScale], time: float) -> float:
    """The number of units that one of a time, in seconds since the epoch, has become by the splits after it."""
    return math.prod(each.ratio for each in splits if each.at > time)


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
