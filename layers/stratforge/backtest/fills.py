"""The fills of a backtest, and what follows from them: closed trades, quantity held, equity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stratforge.backtest.config import BacktestConfig
from stratforge.backtest.way import BOUGHT, FEE, SHORTED
from stratforge.market.columns import BarColumns, Integers

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fills:
    """Every fill, as columns: bar index, side (1 bought, 2 sold, 3 sold short, 4 covered; 0 is the fee of the nights before a bar), quantity, price, commission, reason (index into
    `EXIT_REASONS`), and cash and quantity held after it."""

    bar: Floats
    side: Floats
    quantity: Floats
    price: Floats
    commission: Floats
    reason: Floats
    cash: Floats
    held: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """Every fill, as columns: place on the clock, place of the symbol in the universe, side (1 bought, 2 sold), quantity, price, commission, and cash after it."""

    bar: Integers
    symbol: Integers
    side: Floats
    quantity: Floats
    price: Floats
    commission: Floats
    cash: Floats

    @classmethod
    def of(cls, rows: Sequence[tuple[float, ...]]) -> Trades:
        """Makes columns of rows in this order."""
        table = np.array(rows, dtype=np.float64).reshape(len(rows), 7)
        bar, symbol = (table[:, place].astype(np.int64) for place in (0, 1))
        return cls(bar, symbol, *(np.ascontiguousarray(table[:, place]) for place in range(2, 7)))

    def of_symbol(self, place: int) -> Fills:
        """The fills of the symbol at a place of the universe, in order."""
        mine = self.symbol == place
        side, quantity = self.side[mine], self.quantity[mine]
        held = np.cumsum(np.where(side == 1.0, quantity, -quantity))
        # What is sold whole leaves nothing, whatever sums of floats say.
        held[np.abs(held) <= 1e-9 * np.maximum(quantity, 1.0)] = 0.0
        nothing = np.zeros(len(side))
        return Fills(
            self.bar[mine].astype(np.float64), side, quantity, self.price[mine], self.commission[mine], nothing, self.cash[mine], held
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class RoundTrips:
    """Closed trades, as columns. A sale, or a cover, closes a part of the position at its average entry price; entry costs and the fees of nights are shared out.

    `way` is 1 for a long trade and -1 for a short one; quantities are above zero for both.
    """

    entry_bar: Floats
    exit_bar: Floats
    quantity: Floats
    entry_price: Floats
    exit_price: Floats
    pnl: Floats
    reason: Floats
    way: Floats

    @property
    def returns(self) -> Floats:
        """The profit of each round trip as a fraction of what was paid for it, or of what the short sale brought."""
        return self.pnl / (self.entry_price * self.quantity)

    @classmethod
    def _whole(cls, fills: Fills) -> RoundTrips | None:
        """Round trips when every purchase is sold at once and whole, as columns without a loop; None when it is not so."""
        count = len(fills.bar) // 2
        bought, sold = slice(0, 2 * count, 2), slice(1, 2 * count, 2)
        if (fills.side[0::2] != 1.0).any() or (fills.side[1::2] != 2.0).any() or fills.held[sold].any():
            return None
        quantity, entry, exit_ = fills.quantity[sold], fills.price[bought], fills.price[sold]
        pnl = (exit_ - entry) * quantity - fills.commission[sold] - fills.commission[bought]
        return cls(fills.bar[bought], fills.bar[sold], quantity, entry, exit_, pnl, fills.reason[sold], np.ones(count))

    @classmethod
    def of(cls, fills: Fills) -> RoundTrips:
        """Pairs the fills of a backtest to round trips: from buying, or going short, until nothing is held."""
        whole = cls._whole(fills)
        if whole is not None:
            return whole
        rows = []
        quantity = cost = paid = 0.0
        entry_bar, way = 0.0, 1.0
        for bar, side, size, price, commission, reason in zip(
            fills.bar.tolist(),
            fills.side.tolist(),
            fills.quantity.tolist(),
            fills.price.tolist(),
            fills.commission.tolist(),
            fills.reason.tolist(),
            strict=True,
        ):
            if side == FEE:
                paid += commission
                continue
            if side in (BOUGHT, SHORTED):
                if quantity == 0.0:
                    entry_bar, way = bar, 1.0 if side == BOUGHT else -1.0
                quantity += size
                cost += size * price
                paid += commission
                continue
            share = min(size / quantity, 1.0)
            entry = cost / quantity
            entry_fee = paid * share
            pnl = way * (price - entry) * size - commission - entry_fee
            rows.append((entry_bar, bar, size, entry, price, pnl, reason, way))
            closed = share >= 1.0 - 1e-12
            quantity = 0.0 if closed else quantity - size
            cost = 0.0 if closed else cost - entry * size
            paid = 0.0 if closed else paid - entry_fee
        table = np.array(rows, dtype=np.float64).reshape(len(rows), 8)
        return cls(*(table[:, column] for column in range(8)))


def curves(bars: BarColumns, config: BacktestConfig, fills: Fills) -> tuple[Floats, Floats]:
    """Equity and quantity held at the close of every bar, from the fills; the quantity of a short position is negative."""
    cash = np.full(len(bars), config.cash)
    held = np.zeros(len(bars))
    if len(fills.bar):
        starts = fills.bar.astype(np.int64)
        lengths = np.diff(np.append(starts, len(bars)))
        cash[starts[0] :] = np.repeat(fills.cash, lengths)
        held[starts[0] :] = np.repeat(fills.held, lengths)
    return cash + held * bars.close, held
