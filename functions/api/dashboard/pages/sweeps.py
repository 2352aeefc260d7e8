"""Sweeps: ranges of parameters in the form, their price before they begin, and the points of one that is finished."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Response
from stratforge.application.backtests import price_of_sweep
from stratforge.application.errors import NotFound, existing
from stratforge.application.jobs.queueing import request_backtest
from stratforge.application.jobs.requests import Assumptions, NewBacktest
from stratforge.backtest.overfitting import Robustness, robustness
from stratforge.storage.strategies import backtests, strategies
from stratforge.storage.strategies.backtests import StoredReport

from functions.api.context import database, outbox
from functions.api.dashboard.access import Fields, Form, Looking, text, validated, whole
from functions.api.dashboard.pages.jobs import job_part, new_key, started
from functions.api.problems import Problem

router = APIRouter(include_in_schema=False)
PointNumber = Annotated[int, Path(ge=0, le=10_000)]
_MOST_VALUES = 40
_STEPS = 40
_MOST = 1e15


@dataclass(frozen=True, slots=True)
class Range:
    """A parameter's sliders: from where to where they go, in which steps, and where they stand first."""

    name: str
    value: float
    low: float
    high: float
    step: float
    first: float
    last: float


def ranges(parameters: Mapping[str, float]) -> list[Range]:
    """Sliders for each parameter, from a quarter of its value to four times of it; whole numbers stay whole."""
    return [_range(name, value) for name, value in parameters.items()]


def _range(name: str, value: float) -> Range:
    if value == 0:
        return Range(name, value, -1.0, 1.0, 0.05, -0.5, 0.5)
    low, high = sorted((value / 4, value * 4))
    if value == int(value) and abs(value) >= 2:
        return Range(name, value, round(low) or 1, round(high), 1, round(value * 0.5) or 1, round(value * 1.5))
    step = float(f"{(high - low) / _STEPS:.1g}")
    low, high = (round(each / step) * step for each in (low, high))
    return Range(name, value, low, high, step, value * 0.5, value * 1.5)


def swept(fields: Form) -> dict[str, list[float]] | None:
    """The values of the parameters that the form varies, evenly from one end of the range to the other.

    Raises:
        Problem: 422, naming the parameter whose range is none.
    """
    found = {name: _values(fields, name) for name in fields.get("vary", [])}
    return found or None


def _values(fields: Form, name: str) -> list[float]:
    try:
        ends = sorted(_number(text(fields, f"{end}-{name}")) for end in ("from", "to"))
        count = int(text(fields, f"count-{name}"))
    except ValueError:
        raise Problem(
            422, "validation", f"{name[:60]}: give two numbers to vary it between, and how many values."
        ) from None
    if not 2 <= count <= _MOST_VALUES:
        raise Problem(422, "validation", f"{name[:60]}: give 2 to {_MOST_VALUES} values.")
    steps = [ends[0] + (ends[1] - ends[0]) * place / (count - 1) for place in range(count)]
    whole = all(end == int(end) for end in ends) and ends[1] - ends[0] >= 1
    return list(dict.fromkeys(float(round(each)) if whole else float(f"{each:.6g}") for each in steps))


def _number(typed: str) -> float:
    """A number that somebody typed, of a size with which can be reckoned: no infinity, and none that becomes one."""
    number = float(typed)
    if not abs(number) <= _MOST:
        raise ValueError
    return number


@router.post("/strategies/{strategy_id}/sweep")
def price(strategy_id: UUID, looking: Looking, fields: Fields) -> Response:
    """Shows what the sweep of the form would come to."""
    try:
        parameters = swept(fields)
    except Problem as problem:
        return looking.part("parts/sweep_price.html", price=None, missing=problem.detail)
    if parameters is None:
        return looking.part("parts/sweep_price.html", price=None, missing=None)
    wanted: dict[str, Any] = {"strategy_id": strategy_id} | {
        name: f"{text(fields, name)}T00:00:00Z" for name in ("start", "end") if text(fields, name)
    }
    wanted["version"] = whole(fields, "version")
    if text(fields, "symbol"):
        wanted["symbol"] = text(fields, "symbol")
    found = price_of_sweep(database(), looking.caller, validated(NewBacktest, wanted), parameters)
    return looking.part("parts/sweep_price.html", price=found, missing=None)


def robust(sweep: Mapping[str, Any] | None) -> Robustness | None:
    """Compares a finished sweep's best point with its neighbors; None without a sweep."""
    if not sweep:
        return None
    return robustness(sweep["parameters"], [(each["parameters"], each["sharpe"]) for each in sweep["points"]])


@router.get("/backtests/{backtest_id}/points/{number}")
def point(backtest_id: UUID, number: PointNumber, looking: Looking) -> Response:
    """A point of a sweep: its figures, and what can be done with it."""
    backtest, found = _point(looking, backtest_id, number)
    with database().reading(looking.caller) as connection:
        strategy = strategies.get_strategy(connection, backtest.strategy_id)
    return looking.part(
        "parts/point.html", backtest=backtest, strategy=strategy, point=found, number=number, key=new_key()
    )


@router.post("/backtests/{backtest_id}/points/{number}")
def run_point(backtest_id: UUID, number: PointNumber, looking: Looking, fields: Fields) -> Response:
    """Makes the whole report of a point: the same version, bars and costs with its values; the answer is the job's progress."""
    backtest, found = _point(looking, backtest_id, number)
    config = {
        name: value for name, value in backtest.config.items() if name in Assumptions.model_fields and value is not None
    }
    wanted: dict[str, Any] = {
        "strategy_id": backtest.strategy_id,
        "version": backtest.strategy_version,
        "symbol": backtest.symbol,
        "config": config,
        "parameters": found["parameters"],
    }
    if period := backtest.report.get("period"):
        wanted["start"], wanted["end"] = period
    request = validated(NewBacktest, wanted)
    return job_part(looking, request_backtest(database(), outbox(), looking.caller, request, started(looking, fields)))


def _point(looking: Looking, backtest_id: UUID, number: int) -> tuple[StoredReport, dict[str, Any]]:
    with database().reading(looking.caller) as connection:
        backtest = existing(backtests.get_report(connection, backtest_id), "backtest")
    points: list[dict[str, Any]] = (backtest.report.get("sweep") or {}).get("points", [])
    if number >= len(points):
        raise NotFound("point")
    return backtest, points[number]
