"""Strategies: the conversation with the Quant, code with its findings, versions, parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from stratforge.application import strategies as application
from stratforge.application.code_rules import CodeRules, rules_of_version
from stratforge.application.errors import Invalid, NotFound, existing
from stratforge.application.jobs.queueing import request_strategy
from stratforge.application.jobs.requests import Assumptions, GenerateRequest, default_period
from stratforge.application.preview import DaysAwaited, Preview, preview
from stratforge.application.setups import tested_setup
from stratforge.application.strategies import CheckedCode, NewStrategy, StrategyChange
from stratforge.market.resampling import TIMEFRAMES
from stratforge.storage.postgres.pages import Page
from stratforge.storage.strategies import backtests, jobs, sessions, strategies
from stratforge.storage.strategies.strategies import StoredVersion
from stratforge.strategy.constants import timeframe_of
from stratforge.strategy.lookback import DAY_MINUTES
from stratforge.strategy.rotation import is_portfolio
from stratforge.strategy.rotation.module import schedule_of

from functions.api.context import database, outbox
from functions.api.dashboard.access import Fields, Looking, given, text, typed_number, validated, whole
from functions.api.dashboard.pages.conversation import open_turn, turns_of
from functions.api.dashboard.pages.examples import EXAMPLES
from functions.api.dashboard.pages.jobs import job_part, key_of_turn, new_key, started
from functions.api.dashboard.pages.sessions import assumptions
from functions.api.dashboard.pages.sweeps import ranges
from functions.api.dashboard.rendering import go_to
from functions.api.pages import PageQuery, next_cursor
from functions.api.problems import Problem

router = APIRouter(include_in_schema=False)
_YEAR = 365
# So often a page looks by itself for a preview whose days are being read.
_LOOKS = 5
# What calls it may go short; a comment that looks so shows two fields more.
_GOES_SHORT = re.compile(r"\bshort\s*\(")
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
def index(
    looking: Looking,
    page: PageQuery,
    archived: bool = False,
    search: Annotated[str, Query(max_length=100, pattern=r"^[^\x00]*$")] = "",
) -> Response:
    """The page of all strategies, or of those with these words in their names, each with how it stands; or of those that were put aside."""
    with database().reading(looking.caller) as connection:
        found = strategies.list_strategies(connection, looking.user_id, page, archived=archived, search=search)
        shown = [each.strategy_id for each in found]
        return looking.page(
            connection,
            "strategies.html",
            strategies=found,
            archived=archived,
            aside=bool(strategies.list_strategies(connection, looking.user_id, Page(1), archived=True)),
            next=next_cursor(page, found, lambda each: (each.created_at, each.strategy_id)),
            search=search,
            standing=sessions.standing_of(connection, shown),
            tested=backtests.latest_backtests(connection, looking.user_id, shown),
            examples=EXAMPLES,
        )


@router.get("/strategies/new")
def new_page(looking: Looking, prompt: str = "") -> Response:
    """The beginning of a conversation, or an empty editor."""
    with database().reading(looking.caller) as connection:
        return looking.page(
            connection, "strategy_new.html", examples=EXAMPLES, prompt=prompt[:4000], blank=BLANK, key=new_key()
        )


@router.post("/strategies/describe")
def describe(looking: Looking, fields: Fields) -> Response:
    """Has a strategy written or changed; the answer is the job's progress."""
    values = given(fields, "prompt", "symbol", "strategy_id", "follows")
    request = validated(GenerateRequest, values)
    return job_part(
        looking, request_strategy(database(), outbox(), looking.caller, request, key_of_turn(looking, fields))
    )


@router.post("/strategies/check")
def check(looking: Looking, fields: Fields) -> Response:
    """Checks code while it is being written: shows the findings, or what it would have done on the last bars."""
    code = fields.get("python_code", [""])[0][:32_000]
    checked = application.check_code(database(), looking.caller, code) if code.strip() else CheckedCode(None)
    seen = _preview(looking, checked, fields)
    looked = whole(fields, "looked") or 0
    return looking.part(
        "parts/findings.html",
        findings=checked.findings,
        made_of=checked.strategy,
        preview=seen if isinstance(seen, Preview) else None,
        awaited=seen.symbols if isinstance(seen, DaysAwaited) else 0,
        looked=looked + 1 if looked < _LOOKS else None,
    )


def _preview(looking: Looking, checked: CheckedCode, fields: dict[str, list[str]]) -> Preview | DaysAwaited | None:
    if checked.strategy is None:
        return None
    try:
        # A page without a setup is tried with what the form of the next one begins with.
        said = assumptions(fields) if "sizing_rule" in fields else {"slippage_bps": 1}
        assumed = validated(Assumptions, said)
    except (Invalid, Problem):
        # The setup is being written too.
        return None
    return preview(database(), looking.caller, checked.strategy, text(fields, "symbol"), assumed)


@router.post("/strategies")
def create(looking: Looking, fields: Fields) -> Response:
    """Stores hand-written code as a new strategy and shows it."""
    values = given(fields, "name", "symbol", "logic_explanation")
    new = validated(NewStrategy, {**values, "python_code": fields.get("python_code", [""])[0]})
    with _first_finding():
        made = application.store_strategy(database(), looking.caller, new, started(looking, fields))
    return go_to(looking.request, f"/strategies/{made.strategy_id}")


@router.get("/strategies/{strategy_id}")
def page(strategy_id: UUID, looking: Looking, version: int | None = None) -> Response:
    """A strategy with its conversation; `version` shows an earlier one."""
    with database().reading(looking.caller) as connection:
        found = strategies.get_strategy(connection, strategy_id)
        versions = strategies.list_versions(connection, strategy_id) if found else []
        if found is None or not versions:
            raise NotFound("strategy")
        shown = existing(
            strategies.get_version(connection, strategy_id, version) if version else versions[0], "version"
        )
        code_rules = _code_rules(shown, [each for each in versions if each.version < shown.version])
        tested = backtests.list_backtests(connection, looking.user_id, Page(6), strategy_id)
        said = jobs.list_conversation(connection, looking.user_id, strategy_id)
        last = next((each for each in tested if each.strategy_version == shown.version), tested[0] if tested else None)
        return looking.page(
            connection,
            "strategy.html",
            strategy=found,
            setup=tested_setup(last) if last else None,
            last=last,
            talk=turns_of(versions[:8], said),
            follows=open_turn(versions, said),
            shown=shown,
            code_rules=code_rules,
            rotates=is_portfolio(shown.python_code),
            diffs=_diffs(versions),
            backtests=tested,
            sessions=sessions.list_sessions(
                connection, looking.user_id, sessions.SessionFilter(strategy_id=strategy_id), Page(6)
            ),
            ranges=ranges(shown.parameters),
            last_days=_usual_period(shown.python_code),
            shorts=bool(_GOES_SHORT.search(shown.python_code)),
            key=new_key(),
            key_of_setup=new_key(),
        )


def _code_rules(shown: StoredVersion, earlier: list[StoredVersion]) -> CodeRules | None:
    """What the code does; None where it is not in the language any more."""
    try:
        return rules_of_version(shown, earlier)
    except Invalid:
        return None


def _usual_period(source: str) -> str:
    """The period of a backtest for which none is given, in words: the longer, the longer the bars are."""
    schedule = schedule_of(source)
    daily = schedule is not None and not schedule.minutes
    days = default_period(DAY_MINUTES if daily else TIMEFRAMES.get(timeframe_of(source) or "", 1)).days
    return f"the last {days} days" if days < _YEAR else f"the last {round(days / _YEAR)} years"


def _diffs(versions: list[StoredVersion]) -> dict[int, list[tuple[str, str]]]:
    """Returns the lines changed in each version, each with a CSS class."""
    return {
        version: [
            ("added" if line.startswith("+") else "removed" if line.startswith("-") else "same", line)
            for line in diff.split("\n")[2:]
            if not line.startswith("@@")
        ]
        for version, diff in application.code_changes(versions, context=1).items()
    }


@router.post("/strategies/{strategy_id}/code")
def save_code(strategy_id: UUID, looking: Looking, fields: Fields) -> Response:
    """Stores other code, written from that of a version, as the next one."""
    values = given(fields, "name", "symbol")
    change = validated(StrategyChange, {**values, "python_code": fields.get("python_code", [""])[0]})
    version, latest = whole(fields, "version"), whole(fields, "latest")
    with _first_finding():
        application.change_code(database(), looking.caller, strategy_id, change, version, latest)
    return go_to(looking.request, f"/strategies/{strategy_id}")


@router.post("/strategies/{strategy_id}/parameters")
def save_parameters(strategy_id: UUID, looking: Looking, fields: Fields) -> Response:
    """Stores other values of the constants as the next version, with the code of the version that they are values of."""
    values: dict[str, float] = {}
    for field in fields:
        name, typed = field.removeprefix("parameter-"), text(fields, field)
        if name == field or not typed:
            continue
        try:
            values[name] = float(typed_number(typed))
        except ValueError:
            raise Problem(422, "validation", f"{name}: {typed[:40]!r} is not a number.") from None
    with _first_finding():
        version, latest = whole(fields, "version"), whole(fields, "latest")
        application.set_parameters(database(), looking.caller, strategy_id, values, version, latest)
    return go_to(looking.request, f"/strategies/{strategy_id}")


@router.post("/strategies/{strategy_id}/duplicate")
def duplicate(strategy_id: UUID, looking: Looking, fields: Fields) -> Response:
    """Stores the current code once more, as a strategy of its own."""
    made = application.duplicate_strategy(database(), looking.caller, strategy_id, started(looking, fields))
    return go_to(looking.request, f"/strategies/{made.strategy_id}")


@router.post("/strategies/{strategy_id}/archive")
def archive(strategy_id: UUID, looking: Looking, fields: Fields) -> Response:
    """Puts a strategy aside, or takes it out again."""
    change = StrategyChange(archived=not text(fields, "back"))
    application.change_strategy(database(), looking.caller, strategy_id, change)
    return go_to(looking.request, "/strategies")


@router.post("/strategies/{strategy_id}/restore")
def restore(strategy_id: UUID, looking: Looking, fields: Fields) -> Response:
    """Makes an earlier version the next one."""
    version = existing(whole(fields, "version"), "version")
    application.restore_version(database(), looking.caller, strategy_id, version)
    return go_to(looking.request, f"/strategies/{strategy_id}")


@contextmanager
def _first_finding() -> Iterator[None]:
    """Says of code that is refused what its first finding is, for a notice."""
    try:
        yield
    except Invalid as refusal:
        findings: list[dict[str, Any]] = refusal.details.get("findings", [])
        if not findings:
            raise
        first = findings[0]
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        message = f"Line {first['line']}: {first['message']}. {first['suggestion']}{more}"
        raise Invalid(message, code=refusal.code) from None


@router.post("/strategies/{strategy_id}/delete")
def delete(strategy_id: UUID, looking: Looking, _fields: Fields) -> Response:
    """Deletes a strategy that does not run."""
    application.delete_strategy(database(), looking.caller, strategy_id)
    return go_to(looking.request, "/strategies")


@router.get("/strategies/{strategy_id}/last-job")
def last_job(strategy_id: UUID, looking: Looking) -> Response:
    """The job that works on the strategy, if one does: after a reload the progress goes on."""
    with database().reading(looking.caller) as connection:
        said = jobs.list_conversation(connection, looking.user_id, strategy_id, at_most=5)
    found = next((each for each in reversed(said) if not each.finished), None)
    return Response(status_code=204) if found is None else job_part(looking, found)
