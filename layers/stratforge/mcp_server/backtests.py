"""Tools for backtests and sweeps."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from mcp.server.mcpserver import Context
from pydantic import Field

from stratforge.mcp_server.answers import Backtest, Backtests, Done, Job
from stratforge.mcp_server.toolbox import (
    BacktestId,
    Cursor,
    EquityFraction,
    Limit,
    OptionalSymbol,
    Part,
    StrategyId,
    Toolbox,
    rfc3339,
)

# Of a report, what a model reads; the rest is in the report's page and API.
_TRADES, _POINTS, _DECISIONS = 50, 20, 12
Moment = Annotated[
    datetime | None,
    Field(description="RFC 3339 with a time zone; the last 30 days if left out, of bars of days the last five years"),
]
Bps = Annotated[float, Field(ge=0, le=1_000, description="Hundredths of a percent a trade costs more than the price")]
Values = Annotated[
    dict[str, float] | None,
    Field(max_length=50, description='Values of the constants in place of its own, such as {"FAST": 5}'),
]
Grid = Annotated[
    dict[str, list[float]],
    Field(
        min_length=1,
        max_length=3,
        description='Values of constants to try in all combinations, at most 400, such as {"FAST": [5, 10], "SLOW": [20, 40]}',
    ),
]


def install(box: Toolbox) -> None:
    """Adds the tools for backtests and sweeps to the box."""

    @box.makes("Backtest a strategy")
    def backtest(
        strategy_id: StrategyId,
        context: Context[Any],
        symbol: OptionalSymbol = None,
        start: Moment = None,
        end: Moment = None,
        parameters: Values = None,
        equity_fraction: EquityFraction = 0.1,
        stop_loss: Part = None,
        slippage_bps: Bps = 0.0,
    ) -> Job:
        """Backtests a strategy: return, drawdown, Sharpe ratio, trades. The result names the report; see get_backtest. A portfolio strategy runs on bars of
        days, or of minutes by its schedule, and names its symbols itself: equity_fraction is the part of 100,000 dollars that it begins with."""
        config = _config(equity_fraction, stop_loss, slippage_bps)
        body = {
            "symbol": symbol,
            "start": rfc3339(start),
            "end": rfc3339(end),
            "parameters": parameters,
            "config": config,
        }
        return box.job(context, "/v1/backtests", {"strategy_id": str(strategy_id), **body})

    @box.makes("Sweep parameters")
    def sweep(
        strategy_id: StrategyId,
        values: Grid,
        context: Context[Any],
        symbol: OptionalSymbol = None,
        start: Moment = None,
        end: Moment = None,
        folds: Annotated[int, Field(ge=1, le=12, description="Steps of the walk-forward")] = 4,
        equity_fraction: EquityFraction = 0.1,
        stop_loss: Part = None,
        slippage_bps: Bps = 0.0,
    ) -> Job:
        """Backtests a strategy with many values of its constants, with a walk-forward and how much of the best is luck; see get_backtest."""
        config = _config(equity_fraction, stop_loss, slippage_bps)
        body = {"symbol": symbol, "start": rfc3339(start), "end": rfc3339(end), "sweep": values, "folds": folds}
        return box.job(context, "/v1/backtests", {"strategy_id": str(strategy_id), "config": config, **body})

    @box.reads("Backtests")
    def list_backtests(
        context: Context[Any],
        strategy_id: Annotated[str | None, Field(max_length=36, description="Only those of this strategy")] = None,
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Backtests:
        """The user's finished backtests, the newest first."""
        return box.ask(Backtests, context, "GET", "/v1/backtests", strategy_id=strategy_id, limit=limit, cursor=cursor)

    @box.reads("Backtest")
    def get_backtest(backtest_id: BacktestId, context: Context[Any]) -> Backtest:
        """A backtest with its assumptions, its latest trades, and what a sweep found."""
        return box.ask(Backtest, context, "GET", f"/v1/backtests/{backtest_id}", prepare=_briefly)

    @box.ends("Delete a backtest")
    def delete_backtest(backtest_id: BacktestId, context: Context[Any]) -> Done:
        """Throws a backtest's report away."""
        return box.ask(Done, context, "DELETE", f"/v1/backtests/{backtest_id}")


def _config(equity_fraction: float, stop_loss: float | None, slippage_bps: float) -> dict[str, Any]:
    return {"sizing_value": equity_fraction, "stop_loss": stop_loss, "slippage_bps": slippage_bps}


def _briefly(answer: dict[str, Any]) -> dict[str, Any]:
    """A backtest without its curves, with its latest trades, and of a sweep with the best points."""
    report = answer["report"]
    swept = report.get("sweep")
    if swept:
        ranked = sorted(swept["points"], key=lambda each: -(each.get("sharpe") or float("-inf")))
        swept = {**swept, "points": ranked[:_POINTS]}
    return {
        **answer,
        "assumptions": report.get("assumptions", []),
        "trades": report.get("trades", [])[-_TRADES:],
        "trades_in_all": report.get("trades_in_all", 0),
        "portfolio": _portfolio(report) if "universe" in report else None,
        "sweep": swept,
    }


def _portfolio(report: dict[str, Any]) -> dict[str, Any]:
    """What only a portfolio has, with its latest decisions."""
    said = {name: report[name] for name in ("universe", "schedule", "capital", "symbols", "decisions_in_all")}
    return {**said, "annual_turnover": report["turnover"]["annual"], "decisions": report["decisions"][-_DECISIONS:]}
