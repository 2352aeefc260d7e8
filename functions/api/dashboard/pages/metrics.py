"""The figures of a report: how each is called, shown, and what it means in one line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure by its name in `Metrics`."""

    name: str
    title: str
    shown: Literal["signed_percent", "percent", "ratio", "number", "duration", "money"]
    meaning: str


METRICS: tuple[tuple[str, tuple[Metric, ...]], ...] = (
    (
        "Return",
        (
            Metric("total_return", "Total return", "signed_percent", "Final equity against the starting cash."),
            Metric(
                "buy_and_hold_return",
                "Buy and hold",
                "signed_percent",
                "The same money in the symbol all the time; of a portfolio, in equal parts of its universe.",
            ),
            Metric(
                "annual_return",
                "CAGR",
                "signed_percent",
                "The return scaled to a year. Over a few weeks it means little.",
            ),
            Metric("final_equity", "Final equity", "money", "Cash and position at the last close."),
        ),
    ),
    (
        "Risk",
        (
            Metric("max_drawdown", "Max drawdown", "percent", "From the highest equity so far to the lowest after it."),
            Metric(
                "max_drawdown_duration", "Max drawdown duration", "duration", "Until an earlier high was reached again."
            ),
            Metric(
                "annual_volatility", "Volatility", "percent", "Standard deviation of daily returns, scaled to a year."
            ),
            Metric("exposure", "Exposure", "percent", "The part of bars at which something was held."),
        ),
    ),
    (
        "Risk-adjusted return",
        (
            Metric(
                "sharpe",
                "Sharpe ratio",
                "ratio",
                "Return by volatility, a year. Above 1 is good, above 3 is suspicious.",
            ),
            Metric("sortino", "Sortino ratio", "ratio", "Like Sharpe, but only losses count as risk."),
            Metric("calmar", "Calmar ratio", "ratio", "CAGR by max drawdown."),
            Metric(
                "sqn",
                "SQN",
                "ratio",
                "System quality number: average P&L of a trade by its spread, times the root of their number.",
            ),
        ),
    ),
    (
        "Trades",
        (
            Metric(
                "trades", "Trades", "number", "Positions that were opened and closed. Below 30 anything may be luck."
            ),
            Metric("win_rate", "Win rate", "percent", "The part of trades that earned something."),
            Metric("profit_factor", "Profit factor", "ratio", "Gross profit by gross loss."),
            Metric("expectancy", "Avg. trade", "money", "Average P&L of a trade."),
            Metric(
                "average_holding_time",
                "Avg. holding time",
                "duration",
                "From entry to exit, nights and weekends included.",
            ),
            Metric("costs", "Costs", "money", "Commissions, slippage, spread and borrow fees in all."),
        ),
    ),
)
