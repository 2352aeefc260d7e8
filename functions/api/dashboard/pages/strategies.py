"""Strategies: the conversation with the Quant, code with its findings, versions, parameters."""

from __future__ import annotations

import difflib
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from stratforge.storage.postgres.pages import Page
from stratforge.storage.strategies import backtests, jobs, sessions, strategies
from stratforge.storage.strategies.strategies import StoredVersion
from stratforge.strategy import StrategyError, compile_strategy
from stratforge.strategy.constants import with_constants
from stratforge.strategy.findings import Finding

from functions.api.ai.endpoints import GenerateRequest, generate
from functions.api.context import database
from functions.api.dashboard.access import Fields, Looking, given, text, validated
from functions.api.dashboard.pages.examples import EXAMPLES
from functions.api.dashboard.pages.jobs import new_key, started
from functions.api.dashboard.rendering import go_to
from functions.api.problems import Problem, not_found
from functions.api.strategies import endpoints as api
from functions.api.strategies.endpoints import NewStrategy, StrategyChange

router = APIRouter(include_in_schema=False)
BLANK = """\
LENGTH = 20


def indicators(bars):
    return {"average": ta.sma(bars.close, length=LENGTH)}


def on_bar(bar, position, state):
    if position.quantity == 0 and bar.close > bar.average:
        return buy()
    if position.quantity > 0 and bar.close < bar.average:
        return sell()
"""


@router.get("/strategies")
def index(looking: Looking) -> Response:
    """All strategies."""
    with database().reading(looking.user_id) as connection:
        found = strategies.list_strategies(connection, looking.user_id, Page(200))
        running = sessions.list_sessions(connection, looking.user_id, sessions.SessionFilter(), Page(200))
        active = {each.strategy_id for each in running if each.status in ("PENDING", "RUNNING", "PAUSED")}
        return looking.page(connection, "strategies.html", strategies=found, active=active, examples=EXAMPLES)


@router.get("/strategies/new")
def new_page(looking: Looking, prompt: str = "") -> Response:
    """The beginning of a conversation, or an empty editor."""
    with database().reading(looking.user_id) as connection:
        return looking.page(
            connection, "strategy_new.html", examples=EXAMPLES, prompt=prompt[:4000], blank=BLANK, key=new_key()
        )


@router.post("/strategies/describe")
def describe(looking: Looking, fields: Fields) -> Response:
    """Has a strategy written or changed; the answer is the job's progress."""
    values = given(fields, "prompt", "symbol", "strategy_id", "follows")
    response = Response()
    job = generate(validated(GenerateRequest, values), looking.user_id, response, started(looking, fields), 0)
    return looking.part("parts/job.html", job=job, said=values["prompt"], key=new_key())


@router.post("/strategies/check")
def check(looking: Looking, fields: Fields) -> Response:
    """What the compiler says of code that is being written."""
    code = fields.get("python_code", [""])[0][:32_000]
    findings: tuple[Finding, ...] = ()
    made_of = None
    try:
        if code.strip():
            made_of = compile_strategy(code)
            _ = made_of.lookback
    except StrategyError as error:
        findings = error.findings
        made_of = None
    return looking.part("parts/findings.html", findings=findings, made_of=made_of)


@router.post("/strategies")
def create(looking: Looking, fields: Fields) -> Response:
    """Stores hand-written code."""
    values = given(fields, "name", "symbol", "logic_explanation")
    new = validated(NewStrategy, {**values, "python_code": fields.get("python_code", [""])[0]})
    with database().transaction(looking.user_id) as connection:
        try:
            made = api.create(new, looking.user_id, connection, started(looking, fields), Response())
        except Problem as problem:
            raise _readable(problem) from None
    return go_to(looking.request, f"/strategies/{made.strategy_id}")


@router.get("/strategies/{strategy_id}")
def page(strategy_id: UUID, looking: Looking, version: int | None = None) -> Response:
    """A strategy with its conversation; `version` shows an earlier one."""
    with database().reading(looking.user_id) as connection:
        found = strategies.get_strategy(connection, strategy_id)
        versions = strategies.list_versions(connection, strategy_id) if found else []
        if found is None or not versions:
            raise not_found("strategy")
        shown = next((each for each in versions if each.version == version), None) if version else versions[0]
        if shown is None:
            raise not_found("version")
        return looking.page(
            connection,
            "strategy.html",
            strategy=found,
            versions=versions,
            shown=shown,
            diffs=_diffs(versions),
            compiled=compile_strategy(shown.python_code),
            backtests=backtests.list_backtests(connection, looking.user_id, Page(6), strategy_id),
            sessions=sessions.list_sessions(
                connection, looking.user_id, sessions.SessionFilter(strategy_id=strategy_id), Page(6)
            ),
            key=new_key(),
            run_key=new_key(),
            test_key=new_key(),
        )


def _diffs(versions: list[StoredVersion]) -> dict[int, list[tuple[str, str]]]:
    """What changed in each version, as lines with a class."""
    found = {}
    for index, each in enumerate(versions[:-1]):
        before = versions[index + 1].python_code
        lines = difflib.unified_diff(before.splitlines(), each.python_code.splitlines(), lineterm="", n=1)
        found[each.version] = [
            ("added" if line.startswith("+") else "removed" if line.startswith("-") else "same", line)
            for line in list(lines)[2:]
            if not line.startswith("@@")
        ]
    return found


@router.post("/strategies/{strategy_id}/code")
def save_code(strategy_id: UUID, looking: Looking, fields: Fields) -> Response:
    """Stores other code as the next version."""
    values = given(fields, "name", "symbol")
    change = validated(StrategyChange, {**values, "python_code": fields.get("python_code", [""])[0]})
    return _changed(strategy_id, looking, change)


@router.post("/strategies/{strategy_id}/parameters")
def save_parameters(strategy_id: UUID, looking: Looking, fields: Fields) -> Response:
    """Stores other values of the constants as the next version."""
    with database().reading(looking.user_id) as connection:
        found = strategies.get_strategy(connection, strategy_id)
    if found is None:
        raise not_found("strategy")
    compiled = compile_strategy(found.python_code)
    values: dict[str, float] = {}
    for name, before in compiled.parameters.items():
        typed = text(fields, f"parameter-{name}")
        try:
            value = float(typed.replace(",", ".")) if typed else before
        except ValueError:
            raise Problem(422, "validation", f"{name}: {typed[:40]!r} is not a number.") from None
        if value != before:
            values[name] = value
    change = StrategyChange(python_code=with_constants(found.python_code, values))
    return _changed(strategy_id, looking, change)


def _changed(strategy_id: UUID, looking: Looking, change: StrategyChange) -> Response:
    with database().transaction(looking.user_id) as connection:
        try:
            api.change(strategy_id, change, looking.user_id, connection, Response(), None)
        except Problem as problem:
            raise _readable(problem) from None
    return go_to(looking.request, f"/strategies/{strategy_id}")


def _readable(problem: Problem) -> Problem:
    """A refusal of code with its first finding, for a notice."""
    findings: list[dict[str, Any]] = problem.extra.get("findings", [])
    if not findings:
        return problem
    first = findings[0]
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return Problem(
        problem.status,
        problem.code,
        f"Line {first['line']}: {first['message']}. {first['suggestion']}{more}",
    )


@router.post("/strategies/{strategy_id}/delete")
def delete(strategy_id: UUID, looking: Looking, _fields: Fields) -> Response:
    """Deletes a strategy that does not run."""
    with database().transaction(looking.user_id) as connection:
        api.delete(strategy_id, connection)
    return go_to(looking.request, "/strategies")


@router.get("/strategies/{strategy_id}/last-job")
def last_job(strategy_id: UUID, looking: Looking) -> Response:
    """The job that works on the strategy, if one does: after a reload the progress goes on."""
    with database().reading(looking.user_id) as connection:
        found = [
            each
            for each in jobs.list_jobs(connection, looking.user_id, Page(5), "GENERATE")
            if not each.finished and each.request.get("strategy_id") == str(strategy_id)
        ]
    if not found:
        return Response(status_code=204)
    return looking.part("parts/job.html", job=found[0], said=found[0].request["prompt"], key=new_key())
