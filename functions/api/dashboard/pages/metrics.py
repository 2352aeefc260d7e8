"""The figures of a report: how each is called, shown, and what it means in one line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure by its name in `Metrics`."""

    name: str
    title: str
    shown: Literal["signed_percent", "percent", "number", "money"]
    meaning: str


METRICS: tuple[tuple[str, tuple[Metric, ...]], ...] = (
    (
        "Return",
        (
            Metric("total_return", "Total return", "signed_percent", "What the money became, against what it was."),
            Metric(
                "buy_and_hold_return", "Buy and hold", "signed_percent", "The same money in the symbol all the time."
            ),
            Metric(
                "annual_return",
                "A year",
                "signed_percent",
                "The return scaled to a year. Over a few weeks it means little.",
            ),
            Metric("final_equity", "Final equity", "money", "Cash and position at the last close."),
        ),
    ),
    (
        "Risk",
        (
            Metric("max_drawdown", "Deepest fall", "percent", "From the highest equity so far to the lowest after it."),
            Metric("annual_volatility", "Volatility", "percent", "How much returns vary, scaled to a year."),
            Metric("exposure", "Time in the market", "percent", "The part of bars at which something was held."),
            Metric("max_drawdown_bars", "Longest fall", "number", "Bars until an earlier high was reached again."),
        ),
    ),
    (
        "Return for risk",
        (
            Metric(
                "sharpe", "Sharpe", "number", "Return by volatility, a year. Above 1 is good, above 3 is suspicious."
            ),
            Metric("sortino", "Sortino", "number", "Like Sharpe, but only falls count as risk."),
            Metric("calmar", "Calmar", "number", "A year's return by the deepest fall."),
            Metric(
                "sqn",
                "System quality",
                "number",
                "Average profit of a trade by its spread, times the root of their number.",
            ),
        ),
    ),
    (
        "Trades",
        (
            Metric(
                "trades", "Trades", "number", "Positions that were opened and closed. Below 30 anything may be luck."
            ),
            Metric("win_rate", "Winners", "percent", "The part of trades that earned something."),
            Metric("profit_factor", "Profit factor", "number", "What winners earned by what losers lost."),
            Metric("expectancy", "A trade earns", "money", "Average profit of a trade."),
            Metric("average_bars_held", "Bars held", "number", "How long a position lasts on average."),
            Metric("costs", "Costs", "money", "Commissions, slippage and spread in all."),
        ),
    ),
)
