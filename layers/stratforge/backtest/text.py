"""A report as text that reads like sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from stratforge.backtest.metrics import Metrics


def _percent(value: float) -> str:
    return f"{value:+.2%}" if math.isfinite(value) else "not defined"


def _number(value: float) -> str:
    return f"{value:,.2f}" if math.isfinite(value) else "not defined"


def duration(seconds: float) -> str:
    """A duration as time: minutes and hours below a day, days and hours above."""
    if not math.isfinite(seconds):
        return "not defined"
    minutes = round(seconds / 60)
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days:,} d {hours} h" if hours else f"{days:,} d"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def report_text(
    m: Metrics,
    time: npt.NDArray[np.int64],
    cash: float,
    assumptions: Sequence[str],
    more: Sequence[tuple[str, str]] = (),
) -> str:
    """The figures, in groups, and the assumptions.

    Args:
        time: The times of the bars, in seconds since the epoch.
        cash: Money at the beginning.
        more: Further figures, by what they are.
    """
    first, last = (datetime.fromtimestamp(int(time[index]), UTC) for index in (0, -1))
    rows = [
        ("Period", f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC, {m.bars:,} bars"),
        ("Final equity", f"{_number(m.final_equity)} from {_number(cash)}"),
        ("Return", f"{_percent(m.total_return)} in all, {_percent(m.annual_return)} a year"),
        ("Buy and hold", f"{_percent(m.buy_and_hold_return)}, max drawdown {m.buy_and_hold_max_drawdown:.2%}"),
        ("Volatility", f"{_percent(m.annual_volatility).lstrip('+')} a year"),
        ("Sharpe / Sortino / Calmar", f"{_number(m.sharpe)} / {_number(m.sortino)} / {_number(m.calmar)}"),
        ("Max drawdown", f"{m.max_drawdown:.2%}, longest {duration(m.max_drawdown_duration)}"),
        (
            "Exposure / turnover",
            f"{m.exposure:.1%} of bars{f' ({m.short_exposure:.1%} short)' if m.short_exposure else ''} / {_number(m.turnover)} times the equity",
        ),
        ("Costs", _number(m.costs)),
        (
            "Trades",
            f"{m.trades:,}{f' ({m.short_trades:,} short)' if m.short_trades else ''}, {m.win_rate:.1%} won"
            if m.trades
            else "none",
        ),
    ]
    if m.trades:
        rows += [
            ("Profit factor / SQN", f"{_number(m.profit_factor)} / {_number(m.sqn)}"),
            ("Expectancy", f"{_number(m.expectancy)} a trade; avg. trade {_percent(m.average_trade_return)}"),
            ("Best / worst trade", f"{_percent(m.best_trade_return)} / {_percent(m.worst_trade_return)}"),
            ("Avg. holding time", f"{duration(m.average_holding_time)} ({_number(m.average_bars_held)} bars)"),
        ]
    rows += more
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {text}" for name, text in rows]
    return "\n".join([*lines, "", "Assumptions", *(f"- {line}" for line in assumptions)])
