"""`python -m tests.benchmarks.gallery`: makes the figures of the gallery, on the real daily bars of four stocks that bokeh-sampledata holds (public domain)."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from stratforge.application.gallery import CONFIG, FIGURES, SYMBOLS, read_sources
from stratforge.backtest import run_backtest
from stratforge.backtest.engine import columns_of_frame
from stratforge.market import BarColumns
from stratforge.strategy import compile_strategy

_DAYS_A_YEAR = 252
_POINTS = 40


def daily_bars(symbol: str) -> BarColumns:
    """All days of a stock, its prices adjusted for splits and dividends."""
    from bokeh_sampledata import stocks

    data = getattr(stocks, symbol)
    factor = np.asarray(data["adj_close"]) / np.asarray(data["close"])
    table = pd.DataFrame({name: np.asarray(data[name]) * factor for name in ("open", "high", "low", "close")})
    # A few recorded opens and closes lie a cent outside the recorded range.
    table["high"], table["low"] = (
        table[["open", "high", "close"]].max(axis=1),
        table[["open", "low", "close"]].min(axis=1),
    )
    table["volume"] = data["volume"]
    table.index = pd.DatetimeIndex(pd.to_datetime(data["date"]), name="date")
    return columns_of_frame(table[table.volume > 0], symbol)


def figures_of(code: str, symbol: str, bars: BarColumns) -> tuple[dict[str, Any], list[float]]:
    """The figures of a strategy on a stock, rounded, and its equity in dollars for each at the beginning."""
    report = run_backtest(compile_strategy(code), bars, CONFIG, symbol=symbol)
    metrics = report.metrics
    holding = (1 + metrics.buy_and_hold_return) ** (_DAYS_A_YEAR / len(bars)) - 1
    figures = {
        "symbol": symbol,
        "annual_return": round(metrics.annual_return, 4),
        "holding": round(holding, 4),
        "sharpe": round(metrics.sharpe, 3) if math.isfinite(metrics.sharpe) else None,
        "max_drawdown": round(metrics.max_drawdown, 4),
        "trades": metrics.trades,
        "exposure": round(metrics.exposure, 3),
    }
    shown = np.linspace(0, len(bars) - 1, _POINTS).astype(int)
    return figures, (report.equity_values[shown] / CONFIG.cash).tolist()


def main() -> None:
    """Writes the figures beside the sources."""
    bars = {symbol: daily_bars(symbol) for symbol in SYMBOLS}
    made = {}
    for each in read_sources():
        results = [figures_of(each["code"], symbol, bars[symbol]) for symbol in SYMBOLS]
        curve = np.mean([equity for _, equity in results], axis=0)
        made[each["key"]] = {"results": [figures for figures, _ in results], "equity": np.round(curve, 3).tolist()}
    days = [datetime.fromtimestamp(int(bars[SYMBOLS[0]].time[place]), UTC).date().isoformat() for place in (0, -1)]
    text = json.dumps({"first_day": days[0], "last_day": days[1], "strategies": made}, separators=(",", ":"))
    FIGURES.write_text(text.replace('"},"', '"},\n"').replace('},"', '},\n"') + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
