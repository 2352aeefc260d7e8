"""Backtests: asking for one, and its report."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from stratforge.application.errors import existing
from stratforge.application.jobs.queueing import request_backtest
from stratforge.application.jobs.requests import NewBacktest
from stratforge.parquet_stream import Column, ColumnKind, ParquetWriter
from stratforge.storage.postgres.database import Connection
from stratforge.storage.strategies import backtests, strategies
from stratforge.storage.strategies.backtests import StoredReport
from stratforge.storage.strategies.shown import token_of

from functions.api.context import database, outbox
from functions.api.dashboard import assets, drawings
from functions.api.dashboard.access import Fields, Looking, Visitor, text, validated, whole
from functions.api.dashboard.chart_tables import (
    ChartTable,
    equity_table,
    price_table,
    table_of,
    weights_table,
    with_panes,
)
from functions.api.dashboard.pages.assumptions import different
from functions.api.dashboard.pages.jobs import job_part, new_key, started
from functions.api.dashboard.pages.metrics import groups_of
from functions.api.dashboard.pages.sessions import assumptions
from functions.api.dashboard.pages.sweeps import robust, swept
from functions.api.dashboard.rendering import compressed, environment, security_headers

router = APIRouter(include_in_schema=False)
# As many as colors can be told apart.
MOST_COMPARED = 6
Compared = Annotated[list[UUID], Query(alias="id", max_length=MOST_COMPARED, default_factory=list)]
ChartOf = Literal["price", "equity", "weights"]
CHARTS: dict[ChartOf, Callable[[dict[str, Any]], ChartTable]] = {
    "price": lambda report: price_table(report["curve"]),
    "equity": lambda report: equity_table(report["curve"]),
    "weights": weights_table,
}
_EQUAL_PARTS = "the universe in equal parts"
_TRADE_KINDS = {
    "symbol": ColumnKind.TEXT,
    "entry_time": ColumnKind.TIME,
    "exit_time": ColumnKind.TIME,
    "side": ColumnKind.TEXT,
    "bars": ColumnKind.INTEGER,
    "exit_reason": ColumnKind.TEXT,
}
_TRADE_COLUMNS = (
    "entry_time",
    "exit_time",
    "side",
    "quantity",
    "entry_price",
    "exit_price",
    "pnl",
    "return",
    "bars",
    "exit_reason",
)


@router.post("/strategies/{strategy_id}/backtest")
def start(strategy_id: UUID, looking: Looking, fields: Fields) -> Response:
    """Asks for a backtest; the answer is the job's progress."""
    wanted: dict[str, Any] = {"strategy_id": strategy_id, "config": assumptions(fields), "sweep": swept(fields)}
    wanted["version"] = whole(fields, "version")
    for name in ("start", "end"):
        if text(fields, name):
            wanted[name] = f"{text(fields, name)}T00:00:00Z"
    if text(fields, "symbol"):
        wanted["symbol"] = text(fields, "symbol")
    request = validated(NewBacktest, wanted)
    return job_part(looking, request_backtest(database(), outbox(), looking.caller, request, started(looking, fields)))


@router.get("/backtests/compare")
def compare(looking: Looking, ids: Compared) -> Response:
    """The page of several backtests side by side."""
    with database().reading(looking.caller) as connection:
        runs = [found for each in ids if (found := backtests.get_report(connection, each))]
        named = strategies.names(connection, looking.user_id)
        latest = (
            backtests.latest_backtests(connection, looking.user_id, list(named)) if len(runs) < MOST_COMPARED else {}
        )
        chosen = {each.backtest_id for each in runs}
        return looking.page(
            connection,
            "compare.html",
            runs=runs,
            names=named,
            others=[each for each in latest.values() if each.backtest_id not in chosen][:12],
            settings=different([run.config for run in runs]),
            groups=groups_of(*(run.metrics for run in runs)),
            query="&".join(f"id={each.backtest_id}" for each in runs),
        )


@router.get("/backtests/compare.json")
def compared(looking: Looking, ids: Compared) -> Response:
    """The equity curves of several backtests, each from 100."""
    runs = [
        {
            "name": name,
            "time": each["time"],
            "values": [round(100 * value / each["equity"][0], 4) for value in each["equity"]],
        }
        for name, each in _curves(looking, ids)
    ]
    return compressed(looking.request, json.dumps({"runs": runs}, separators=(",", ":")).encode(), "application/json")


@router.get("/backtests/compare.html")
def compared_figures(looking: Looking, ids: Compared) -> Response:
    """The equity curves side by side as a table, each from 100."""
    lines = {
        name: (each["time"], [100 * value / each["equity"][0] for value in each["equity"]])
        for name, each in _curves(looking, ids)
    }
    return looking.part("parts/chart_table.html", table=table_of(lines))


def _curves(looking: Visitor, ids: Sequence[UUID]) -> list[tuple[str, dict[str, Any]]]:
    """The curves of backtests, each by its number and its strategy."""
    with database().reading(looking.caller) as connection:
        runs = [found for each in ids if (found := backtests.get_report(connection, each))]
        named = strategies.names(connection, looking.user_id)
    return [
        (f"{number}. {named.get(each.strategy_id, 'a deleted strategy')}", each.report["curve"])
        for number, each in enumerate(runs, start=1)
    ]


@router.get("/backtests/{backtest_id}/report.html")
def report_file(backtest_id: UUID, looking: Looking) -> Response:
    """The report as one file that needs nothing else, to keep or to send."""
    with database().reading(looking.caller) as connection:
        backtest = _found(connection, backtest_id)
        strategy = strategies.get_strategy(connection, backtest.strategy_id)
    shown = {
        "backtest": backtest,
        "report": backtest.report,
        "strategy": strategy,
        "groups": groups_of(backtest.metrics),
        **_analysis(backtest),
        **_portfolio(backtest.report),
    }
    text = (
        environment()
        .get_template("report_file.html")
        .render(style=assets.assets()["app.css"].content.decode(), **shown)
    )
    answer = Response(text, media_type="text/html; charset=utf-8", headers=security_headers())
    name = f"{backtest.symbol.replace('/', '-')}-backtest.html"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _analysis(backtest: StoredReport) -> dict[str, Any]:
    """What the part of the page about the report's further figures shows; reports of earlier editions have none."""
    found = backtest.report.get("analysis")
    if not found:
        return {"analysis": None}
    common = {
        "analysis": found,
        "costs": backtest.report.get("costs", []),
        "slippage": backtest.config.get("slippage_bps", 0.0),
        "symbol": _EQUAL_PARTS if "universe" in backtest.report else backtest.symbol,
        "calendar": drawings.calendar([(date.fromisoformat(each["day"]), each["return"]) for each in found["days"]]),
        "bars": drawings.histogram(found["distribution"]),
        "sharpes": _sharpes(found["rolling_sharpe"]),
    }
    if "excursions" not in found:
        return common
    return common | {
        "against": drawings.scatter(found["excursions"], 0),
        "favor": drawings.scatter(found["excursions"], 1),
        "reach": drawings.reach(found["excursions"]),
        "excursions": drawings.excursion_rows(found["excursions"]),
    }


def _sharpes(rolling: dict[str, Any]) -> ChartTable:
    known = [each for each in zip(rolling["time"], rolling["values"], strict=True) if each[1] is not None]
    return table_of({"Sharpe ratio": ([time for time, _ in known], [value for _, value in known])})


def _portfolio(report: dict[str, Any]) -> dict[str, Any]:
    """Draws the weights and the turnover of a portfolio's report; nothing of a strategy of one symbol."""
    if "universe" not in report:
        return {}
    months = [(each["month"], each["turnover"]) for each in report["turnover"]["months"]]
    symbols = sorted(report["symbols"], key=lambda each: -abs(each["pnl"]))
    return {"areas": drawings.areas(report["weights"]), "pillars": drawings.pillars(months), "of_symbols": symbols}


@router.get("/backtests/{backtest_id}")
def page(backtest_id: UUID, looking: Looking) -> Response:
    """The page of a finished backtest: figures, curves, sweep and trades."""
    with database().reading(looking.caller) as connection:
        backtest = _found(connection, backtest_id)
        strategy = strategies.get_strategy(connection, backtest.strategy_id)
        sweep = backtest.report.get("sweep")
        return looking.page(
            connection,
            "backtest.html",
            backtest=backtest,
            strategy=strategy,
            token=token_of(connection, backtest_id),
            key=new_key(),
            heat=_heat_map(sweep),
            robust=robust(sweep),
            **report_values(backtest),
        )


def report_values(backtest: StoredReport) -> dict[str, Any]:
    """Gives the parts of a report's page their values, whoever looks at it."""
    report = backtest.report
    return {
        "report": report,
        "groups": groups_of(backtest.metrics),
        "years": _years(report.get("months", [])),
        **_analysis(backtest),
        **_portfolio(report),
    }


def _found(connection: Connection, backtest_id: UUID) -> StoredReport:
    return existing(backtests.get_report(connection, backtest_id), "backtest")


def _stored(looking: Looking, backtest_id: UUID) -> StoredReport:
    with database().reading(looking.caller) as connection:
        return _found(connection, backtest_id)


def _years(months: list[dict[str, Any]]) -> list[tuple[str, list[tuple[float | None, int | None]]]]:
    """Monthly returns as a row of twelve for each year, each with its shade."""
    years: dict[str, list[float | None]] = {}
    largest = max((abs(each["return"]) for each in months), default=0.0)
    for each in months:
        year, month = each["month"].split("-")
        years.setdefault(year, [None] * 12)[int(month) - 1] = each["return"]
    return [(year, [(each, drawings.shade(each, largest)) for each in row]) for year, row in years.items()]


def _heat_map(sweep: dict[str, Any] | None) -> dict[str, Any] | None:
    """Sharpe ratios over the first two parameters: the best of each cell where there are more, with a shade from 0 to 9."""
    if not sweep:
        return None
    names = list(sweep["parameters"])
    across = names[1] if len(names) > 1 else None
    cells: dict[tuple[float, float], dict[str, Any]] = {}
    for number, point in enumerate(sweep["points"]):
        place = (point["parameters"][names[0]], point["parameters"][across] if across else 0.0)
        before = cells.get(place)
        if before is None or (point["sharpe"] or -1e9) > (before["sharpe"] or -1e9):
            cells[place] = {**point, "number": number, "best": point["parameters"] == sweep["best"]["parameters"]}
    known = [each["sharpe"] for each in cells.values() if each["sharpe"] is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    for each in cells.values():
        sharpe = each["sharpe"]
        each["shade"] = None if sharpe is None else round(9 * (sharpe - low) / ((high - low) or 1))
    columns = sweep["parameters"][across] if across else [0.0]
    rows = [(value, [cells.get((value, column)) for column in columns]) for value in sweep["parameters"][names[0]]]
    return {"down": names[0], "across": across, "columns": columns, "rows": rows}


@router.get("/backtests/{backtest_id}/chart.json")
def chart(backtest_id: UUID, looking: Looking) -> Response:
    """Curves, indicators and trades for the charts."""
    report = _stored(looking, backtest_id).report
    body = json.dumps({"curve": with_panes(report["curve"]), "trades": report["trades"]}, separators=(",", ":"))
    return compressed(looking.request, body.encode(), "application/json")


@router.get("/backtests/{backtest_id}/chart.html")
def chart_figures(backtest_id: UUID, looking: Looking, of: ChartOf = "price") -> Response:
    """One of a report's charts as a table, for who cannot see it."""
    return looking.part("parts/chart_table.html", table=CHARTS[of](_stored(looking, backtest_id).report))


@router.get("/backtests/{backtest_id}/trades.parquet")
def trades_parquet(backtest_id: UUID, looking: Looking) -> Response:
    """The trades as a Parquet file for other programs; times in UTC."""
    backtest = _stored(looking, backtest_id)
    columns = [Column(name, _TRADE_KINDS.get(name, ColumnKind.DECIMAL)) for name in _columns(backtest.report)]
    file = io.BytesIO()
    writer = ParquetWriter(file, columns)
    writer.write([[_written(each.kind, trade.get(each.name)) for each in columns] for trade in _trades(backtest)])
    writer.close()
    answer = Response(file.getvalue(), media_type="application/vnd.apache.parquet")
    answer.headers["Content-Disposition"] = f'attachment; filename="{backtest.symbol.replace("/", "-")}-trades.parquet"'
    return answer


def _columns(report: dict[str, Any]) -> tuple[str, ...]:
    return ("symbol", *_TRADE_COLUMNS) if "universe" in report else _TRADE_COLUMNS


def _trades(backtest: StoredReport) -> list[dict[str, Any]]:
    """The trades of a report; those that were made before there were short ones are long."""
    return [{"side": "long", **trade} for trade in backtest.report["trades"]]


def _written(kind: ColumnKind, value: Any) -> Any:
    if value is None:
        return None
    if kind is ColumnKind.TIME:
        return datetime.fromtimestamp(value, UTC)
    return Decimal(str(value)) if kind is ColumnKind.DECIMAL else value


@router.get("/backtests/{backtest_id}/trades.csv")
def trades_csv(backtest_id: UUID, looking: Looking) -> Response:
    """The trades as a table for other programs; times in UTC."""
    backtest = _stored(looking, backtest_id)
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\n")
    columns = _columns(backtest.report)
    writer.writerow(columns)
    for trade in _trades(backtest):
        times = {name: datetime.fromtimestamp(trade[name], UTC).isoformat() for name in ("entry_time", "exit_time")}
        writer.writerow([{**trade, **times}.get(name) for name in columns])
    answer = Response(sheet.getvalue(), media_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{backtest.symbol.replace("/", "-")}-trades.csv"'
    return answer
