"""Figures that only the report of a portfolio has: turnover, and what each symbol was in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stratforge.backtest.analysis import analyze
from stratforge.backtest.fills import Fills, RoundTrips, Trades
from stratforge.backtest.metrics import bars_in_a_year
from stratforge.market.columns import BarColumns

Floats = npt.NDArray[np.float64]
# What follows from prices within a bar, or from the hour of an entry: a portfolio has no price of its own.
_OF_ONE_SYMBOL = ("hours", "weekdays", "excursions")


def analyze_portfolio(clock: BarColumns, equity: Floats, initial_cash: float, trips: RoundTrips) -> dict[str, Any]:
    """The further figures of a portfolio's report; see `analyze`. The benchmark is the clock's price."""
    found = analyze(clock, equity, initial_cash, trips)
    return {name: value for name, value in found.items() if name not in _OF_ONE_SYMBOL}


def turnover(clock: BarColumns, equity: Floats, initial_cash: float, fills: Trades) -> dict[str, Any]:
    """Half of what was bought and sold, as parts of the equity: of the average equity a year, and of each month that of its beginning.

    Args:
        clock: The times of the equity.
        equity: Equity at the close of every bar, in dollars.
        initial_cash: What it was at the beginning.
        fills: Every fill.
    """
    months = clock.day.astype("datetime64[D]").astype("datetime64[M]")
    starts = np.append(0, np.flatnonzero(np.diff(months)) + 1)
    before = np.concatenate(([initial_cash], equity[starts[1:] - 1]))
    traded = np.zeros(len(clock))
    np.add.at(traded, fills.bar, fills.quantity * fills.price / 2.0)
    sums = np.add.reduceat(traded, starts)
    parts = np.divide(sums, before, out=np.zeros(len(sums)), where=before > 0)
    years, mean = len(clock) / bars_in_a_year(clock.time), float(equity.mean())
    return {
        "annual": float(traded.sum()) / mean / years if mean > 0 else None,
        "months": [
            {"month": str(month), "turnover": part} for month, part in zip(months[starts], parts.tolist(), strict=True)
        ],
    }


def symbol_row(
    symbol: str, fills: Fills, trips: RoundTrips | None, weights: Floats, last_price: float
) -> dict[str, Any]:
    """The part of one symbol in a result: its P&L with what is still held, its closed trades, and how much of the portfolio it was.

    Args:
        symbol: The symbol.
        fills: Its fills.
        trips: Its closed trades; None where it was never traded.
        weights: The part of the equity that it was at the close of every bar.
        last_price: What it is worth at the end, in dollars.
    """
    value = fills.quantity * fills.price
    held = float(fills.held[-1]) if len(fills.held) else 0.0
    earned = float(np.where(fills.side == 1.0, -value, value).sum() - fills.commission.sum())
    closed = 0 if trips is None else len(trips.pnl)
    return {
        "symbol": symbol,
        "pnl": earned + (held * last_price if held > 0 else 0.0),
        "trades": closed,
        "win_rate": float((trips.pnl > 0).mean()) if trips is not None and closed else None,
        "average_weight": float(weights.mean()),
        "held": float((weights > 0).mean()),
        "weight_at_end": float(weights[-1]),
    }
