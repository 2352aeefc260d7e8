"""The figures of a report: how each is called, shown, and what it means in one line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


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
# Of a report that went short.
_SHORTS = (
    "Short positions",
    (
        Metric("short_trades", "Short trades", "number", "Trades that began with a short sale."),
        Metric("short_exposure", "Short exposure", "percent", "The part of bars at which something was sold short."),
    ),
)


def groups_of(*reports: Mapping[str, Any]) -> tuple[tuple[str, tuple[Metric, ...]], ...]:
    """The figures that are shown of reports, by their metrics: those of short positions where one went short."""
    return (
        (*METRICS, _SHORTS)
        if any(each.get("short_trades") or each.get("short_exposure") for each in reports)
        else METRICS
    )
