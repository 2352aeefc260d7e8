"""The view of a portfolio strategy at its decisions: of each symbol the last completed bar, with the columns that `rebalance` reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stratforge.market.columns import BarColumns, Integers
from stratforge.market.other_symbols import STALE
from stratforge.strategy.graph import OtherSymbols, Values
from stratforge.strategy.lookback import OfOther
from stratforge.strategy.reach import Floats
from stratforge.strategy.rotation.strategy import Decision, PortfolioStrategy

# Values of columns that are kept for other strategies on the same bars.
_SHARED_CELLS = 8_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The view that each decision has of each symbol, as tables of decisions by symbols.

    Attributes:
        due: The places of the decisions on the clock.
        values: The columns that `rebalance` reads, NaN where they are not known.
        price: The last close there was, NaN before the first.
        known: Whether that is of the seven days before.
        open: The open of the bar that begins then, NaN where none does.
        time: The fields of the time of each decision.
    """

    due: Integers
    values: dict[str, Floats]
    price: Floats
    known: npt.NDArray[np.bool_]
    open: Floats
    time: dict[str, Floats]

    @classmethod
    def of(
        cls,
        strategy: PortfolioStrategy,
        columns: Mapping[str, BarColumns],
        nodes: Mapping[str, Values],
        clock: BarColumns,
        due: Integers,
    ) -> Seen:
        """Looks at the columns of every symbol as each decision sees them, one symbol after the other.

        Args:
            strategy: The strategy.
            columns: The bars of each of its symbols.
            nodes: The values of columns on the same bars.
            clock: The times of decisions, among others.
            due: The places of the decisions on it.
        """
        moments, shape = clock.time[due], (len(due), len(strategy.symbols))
        values = {name: np.full(shape, np.nan) for name in strategy.read}
        price, opens = np.full(shape, np.nan), np.full(shape, np.nan)
        known = np.zeros(shape, dtype=bool)
        for place, symbol in enumerate(strategy.symbols):
            bars = columns[symbol]
            after = due if bars.time is clock.time else np.searchsorted(bars.time, moments)
            begun = after > 0
            last = after[begun] - 1
            price[begun, place] = bars.close[last]
            known[begun, place] = moments[begun] - bars.time[last] <= STALE
            begins = np.flatnonzero(after < len(bars))
            begins = begins[bars.time[after[begins]] == moments[begins]]
            opens[begins, place] = bars.open[after[begins]]
            fresh = known[:, place]
            for name, table in values.items() if fresh.any() else ():
                node = strategy.columns.get(name)
                column = getattr(bars, name) if node is None else nodes[symbol].series(node)
                table[fresh, place] = column[after[fresh] - 1]
        moment = clock.take(due)
        return cls(due, values, price, known, opens, {name: getattr(moment, name) for name in strategy.time_fields})

    def by(self, index: int) -> tuple[dict[str, Floats], dict[str, float]]:
        """The columns that the decision of this number reads, of each symbol, and the fields of its time."""
        values = {name: table[index] for name, table in self.values.items()}
        return values, {name: float(column[index]) for name, column in self.time.items()}


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """The bars of symbols before one moment, as a live decision sees them.

    Attributes:
        bars: Of each symbol its last bars before the moment; none where there are none.
        moment: The beginning of the bar at whose open is traded, in seconds since the epoch.
    """

    bars: Mapping[str, BarColumns]
    moment: int

    @property
    def clock(self) -> BarColumns:
        """The moment as a bar of which nothing is known but its time."""
        first = next(iter(self.bars.values()))
        unknown = (np.full(1, np.nan),) * 5
        time = np.array([self.moment], dtype=np.int64)
        return BarColumns(time, *unknown, timezone=first.timezone, daily=first.daily)

    @property
    def prices(self) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """The last close of each symbol, NaN where there is none, and whether it is of the seven days before."""
        prices = np.array([each.close[-1] if len(each) else np.nan for each in self.bars.values()])
        known = np.array([len(each) > 0 and self.moment - int(each.time[-1]) <= STALE for each in self.bars.values()])
        return prices, known

    def lacking(self, needed: Mapping[str, OfOther], window: int) -> dict[str, int]:
        """Of each symbol that is looked at with the bars of others, and whose window begins too late for that, when the first of these bars begins.

        Of a symbol that seldom trades even the last bar may begin before a window of one that trades every minute. One that is unknown at the moment is looked at with
        nothing.

        Args:
            needed: What is looked at of each symbol.
            window: The length of windows: a shorter one has all bars that there are.
        """
        found = {}
        for symbol, each in needed.items():
            first = self._first_that_looks(each.back)
            seen = self.bars[symbol]
            if (
                first is not None
                and len(seen) >= window
                and int(np.searchsorted(seen.time, first, "right")) < each.bars
            ):
                found[symbol] = first
        return found

    def _first_that_looks(self, back: int) -> int | None:
        """When the first of the bars begins that lie so many before the last ones of their symbols."""
        fresh = [each for each in self.bars.values() if len(each) and self.moment - int(each.time[-1]) <= STALE]
        return min((int(each.time[max(0, len(each) - 1 - back)]) for each in fresh), default=None)

    def values(self) -> dict[str, Values]:
        """The values of columns on these bars, which are computed once, whoever asks."""
        cells = _SHARED_CELLS // len(self.bars)
        others = OtherSymbols(self.bars, cells)
        return {symbol: Values(each, cells, others) for symbol, each in self.bars.items()}

    def seen_by(self, strategy: PortfolioStrategy, nodes: Mapping[str, Values]) -> Seen:
        """The view of the one decision at the moment; `nodes` are `values`."""
        return Seen.of(strategy, self.bars, nodes, self.clock, np.zeros(1, dtype=np.int64))


def decide_on(
    strategy: PortfolioStrategy,
    seen: Seen,
    weights: Floats,
    equity: float,
    cash: float,
    state: Mapping[str, float],
    index: int = 0,
) -> Decision:
    """Takes the decision number `index` of those that were seen; see `PortfolioStrategy.decide`."""
    return strategy.decide(*seen.by(index), weights, equity, cash, state)
