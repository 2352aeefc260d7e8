"""A report as plain data for pages: candles, indicators, curves and tables, thinned to what a chart can show."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from stratforge.backtest.fills import RoundTrips
from stratforge.backtest.matching import EXIT_REASONS
from stratforge.backtest.metrics import drawdown_curve
from stratforge.market.columns import BarColumns

Floats = npt.NDArray[np.float64]
MAX_TRADES = 2_000


def chart_data(
    bars: BarColumns, equity: Floats, cash: float, indicators: Mapping[str, Floats], points: int
) -> dict[str, Any]:
    """Candles of equal numbers of bars, with indicators, equity, buy-and-hold and drawdown as they were at the end of each.

    Args:
        equity: Equity at the close of every bar, in dollars.
        cash: What it was at the beginning.
        indicators: The values of each indicator over the bars.
        points: At most so many candles.
    """
    step = max(1, math.ceil(len(bars) / points))
    starts = np.arange(0, len(bars), step)
    ends = np.minimum(starts + step, len(bars)) - 1
    hold = cash * bars.close / bars.close[0]
    return {
        "bars_per_candle": step,
        "time": bars.time[starts].tolist(),
        "open": bars.open[starts].tolist(),
        "high": np.maximum.reduceat(bars.high, starts).tolist(),
        "low": np.minimum.reduceat(bars.low, starts).tolist(),
        "close": bars.close[ends].tolist(),
        "volume": np.add.reduceat(bars.volume, starts).tolist(),
        "equity": np.round(equity[ends], 2).tolist(),
        "buy_and_hold": np.round(hold[ends], 2).tolist(),
        "drawdown": np.round(drawdown_curve(equity)[ends], 6).tolist(),
        "indicators": [indicator_line(name, values, bars.low, bars.high, ends) for name, values in indicators.items()],
    }


def indicator_line(
    name: str, values: Floats, low: Floats, high: Floats, shown: npt.NDArray[np.int64] | None = None
) -> dict[str, Any]:
    """An indicator for a chart: what moves where prices move is drawn over them, everything else in a pane of its own.

    Args:
        low: The lows of the same bars as the values; and so the highs.
        shown: The bars whose values are given; all when left out.
    """
    known = values[np.isfinite(values)]
    given = values if shown is None else values[shown]
    return {
        "name": name,
        "on_price": on_price_scale(known, low, high),
        "values": [round(value, 8) if math.isfinite(value) else None for value in given.tolist()],
    }


def on_price_scale(values: Floats, low: Floats, high: Floats) -> bool:
    """True when an indicator's values lie where the prices are, so that both fit one chart."""
    if not len(values):
        return False
    spread = float(high.max() - low.min())
    return bool(values.min() > low.min() - spread and values.max() < high.max() + spread)


def trade_rows(time: npt.NDArray[np.int64], trips: RoundTrips) -> list[dict[str, Any]]:
    """The latest closed trades; `time` is that of the bars they refer to, in seconds since the epoch."""
    columns = (getattr(trips, name).tolist()[-MAX_TRADES:] for name in trips.__slots__)
    return [
        {
            "entry_time": int(time[int(entry)]),
            "exit_time": int(time[int(exit_)]),
            "side": "long" if way > 0 else "short",
            "quantity": quantity,
            "entry_price": entry_price,
            "exit_price": exit_price,
            "pnl": pnl,
            "return": pnl / (entry_price * quantity),
            "bars": int(exit_ - entry),
            "exit_reason": EXIT_REASONS[int(reason)],
        }
        for entry, exit_, quantity, entry_price, exit_price, pnl, reason, way in zip(*columns, strict=True)
    ]


def monthly_returns(bars: BarColumns, equity: Floats, cash: float) -> list[dict[str, Any]]:
    """The return of every month of the exchange's calendar, from the equity at its end to that at the end of the one before.

    Args:
        equity: Equity at the close of every bar, in dollars.
        cash: What it was at the beginning.
    """
    months = bars.day.astype("datetime64[D]").astype("datetime64[M]")
    ends = np.append(np.flatnonzero(np.diff(months)), len(bars) - 1)
    closing = equity[ends]
    before = np.concatenate(([cash], closing[:-1]))
    # Of less than nothing there is no return.
    returns = np.divide(closing, before, out=np.ones(len(closing)), where=before > 0) - 1.0
    return [{"month": str(month), "return": value} for month, value in zip(months[ends], returns.tolist(), strict=True)]
