"""Endpoints under `/api/strategies`: check, create, read, change and delete strategies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, create_model
from stratforge.application import sessions as running
from stratforge.application import strategies as application
from stratforge.application.code_rules import CodeRule, CodeRules, rules_of_code
from stratforge.application.errors import NotFound, existing
from stratforge.application.strategies import Code, NewStrategy, StrategyChange, StrategyFile, Symbol
from stratforge.intent.requirements import Requirement
from stratforge.storage.strategies import strategies
from stratforge.storage.strategies.sessions import StoredSession
from stratforge.storage.strategies.strategies import StoredStrategy, StoredVersion
from stratforge.strategy.explanation import ExplainedRule, explain
from stratforge.strategy.findings import Finding

from functions.api.context import Asking, Reader, UserConnection, database, outbox
from functions.api.etags import IfMatch, matches, tagged
from functions.api.idempotency import IdempotencyKey
from functions.api.pages import PageQuery
from functions.api.sessions.schemas import SessionList, SessionView, StopBody
from functions.api.views import Listed, list_of, listed, many, that_fit, view_of

router = APIRouter(prefix="/api/strategies", tags=["strategies"])


StrategyView = view_of(StoredStrategy, "StrategyView")
StrategyList = list_of(StrategyView, "StrategyList", "Strategies; `next` continues the list.")
VersionView = view_of(
    StoredVersion,
    "VersionView",
    requirements=(
        list[Requirement],
        Field(description="What was asked for, piece by piece, and the lines that do it."),
    ),
    diff=(str, Field("", description="What changed since the version before; empty for the first.")),
)


@dataclass(frozen=True, slots=True)
class VersionPage:
    """Versions, the newest first; `next` goes into `before` for those before them."""

    items: Sequence[BaseModel]
    next: int | None = None


ExplainedRuleView = view_of(ExplainedRule, "ExplainedRuleView", without=("decided_at",), properties=("text",))
CodeRuleView = view_of(
    CodeRule, "CodeRuleView", rule=(ExplainedRuleView, Field(description="It, in words made from the code alone."))
)
CodeRulesView = view_of(CodeRules, "CodeRulesView", rules=(many(CodeRuleView), ...))
VersionList = view_of(VersionPage, "VersionList", items=(many(VersionView), ...))


class CodeToCheck(BaseModel):
    """Code that is not to be stored."""

    model_config = ConfigDict(extra="forbid")

    python_code: Code


class VersionToRestore(BaseModel):
    """The version to go back to."""

    model_config = ConfigDict(extra="forbid")

    version: int = Field(ge=1, le=(1 << 31) - 1)


class _Check(BaseModel):
    valid: bool
    findings: list[Finding] = []
    parameters: dict[str, float] = {}
    indicators: list[str] = []
    lookback: int | None = None
    day_lookback: int = 0
    looked_at: list[str] = []
    timeframe: str | None = None


CheckView = create_model(
    "CheckView",
    __base__=_Check,
    __doc__="The compiler's answer: findings (line, column, what is wrong, what to write instead), or what the strategy is made of and does.",
    __module__=__name__,
    explained=(
        many(ExplainedRuleView),
        Field([], description="What the code does, rule by rule and in its order, in words made from it alone."),
    ),
)


def _tagged(stored: StoredStrategy, response: Response) -> StoredStrategy:
    tagged(response, StrategyView.model_validate(stored))
    return stored


@router.post("/check", response_model=CheckView)
def check_strategy(code: CodeToCheck, asking: Asking) -> BaseModel:
    """Compiles code and answers with findings or with what it is made of; nothing is stored."""
    checked = application.check_code(database(), asking, code.python_code)
    if checked.strategy is None:
        return CheckView(valid=False, findings=list(checked.findings))
    return CheckView(
        valid=True,
        parameters=dict(checked.strategy.parameters),
        indicators=list(checked.strategy.indicators),
        lookback=checked.strategy.lookback,
        day_lookback=checked.strategy.day_lookback,
        looked_at=list(checked.strategy.other_symbols),
        timeframe=checked.strategy.timeframe,
        explained=[ExplainedRuleView.model_validate(each) for each in explain(checked.strategy)],
    )


@router.post("", status_code=201, response_model=StrategyView)
def create_strategy(new: NewStrategy, asking: Asking, key: IdempotencyKey, response: Response) -> StoredStrategy:
    """Stores a strategy that passes the compiler; otherwise 422 with every finding."""
    stored = application.store_strategy(database(), asking, new, key)
    response.headers["Location"] = f"/v1/strategies/{stored.strategy_id}"
    return _tagged(stored, response)


@router.post("/import", status_code=201, response_model=StrategyView)
def import_strategy(file: StrategyFile, asking: Asking, key: IdempotencyKey, response: Response) -> StoredStrategy:
    """Stores the strategy of a file as a new one. It passes the same checks as code that is written here; otherwise 422 with every finding."""
    stored = application.import_strategy(database(), asking, file, key)
    response.headers["Location"] = f"/v1/strategies/{stored.strategy_id}"
    return _tagged(stored, response)


@router.get("", response_model=StrategyList)
def list_strategies(
    user_id: Reader,
    connection: UserConnection,
    page: PageQuery,
    symbol: Annotated[Symbol | None, Query()] = None,
    archived: Annotated[bool | None, Query(description="Only those put aside, or only those at hand")] = None,
) -> Listed[StoredStrategy]:
    """The caller's strategies, page by page."""
    found = strategies.list_strategies(connection, user_id, page, symbol, archived)
    return listed(page, found, lambda each: (each.created_at, each.strategy_id))


@router.get("/{strategy_id}", response_model=StrategyView)
def get_strategy(strategy_id: UUID, connection: UserConnection, response: Response) -> StoredStrategy:
    """One strategy with its current code."""
    found = existing(strategies.get_strategy(connection, strategy_id), "strategy")
    return _tagged(found, response)


@router.get("/{strategy_id}/file")
def export_strategy(strategy_id: UUID, connection: UserConnection, response: Response) -> StrategyFile:
    """A strategy as a file, with its code, its explanation, what it trades and the values of its parameters; `import` takes it."""
    found = existing(strategies.get_strategy(connection, strategy_id), "strategy")
    response.headers["Content-Disposition"] = f'attachment; filename="strategy-{strategy_id}.json"'
    return application.strategy_file(found)


@router.patch("/{strategy_id}", response_model=StrategyView)
def change_strategy(
    strategy_id: UUID, body: StrategyChange, asking: Asking, response: Response, if_match: IfMatch = None
) -> StoredStrategy:
    """Changes a strategy, or puts it aside. Other code must pass the compiler and is a new version."""
    changed = application.change_strategy(
        database(), asking, strategy_id, body, lambda current: matches(if_match, StrategyView.model_validate(current))
    )
    return _tagged(changed, response)


@router.delete("/{strategy_id}", status_code=204)
def delete_strategy(strategy_id: UUID, asking: Asking) -> None:
    """Deletes a strategy that has no running session; its history stays readable."""
    application.delete_strategy(database(), asking, strategy_id)


@router.get("/{strategy_id}/versions", response_model=VersionList)
def list_strategy_versions(
    strategy_id: UUID,
    connection: UserConnection,
    limit: Annotated[int, Query(ge=1, le=20, description="At most so many versions")] = 10,
    before: Annotated[int | None, Query(ge=1, le=(1 << 31) - 1, description="Only versions before this number")] = None,
) -> VersionPage:
    """The latest versions, each with what changed; fewer than were asked for where they are more than an answer can hold."""
    found = strategies.list_versions(connection, strategy_id, limit + 1, before)
    if not found and before is None:
        raise NotFound("strategy")
    # One more than is shown, to compare the last with.
    changes, shown = application.code_changes(found), found[:limit]
    views = [VersionView.model_validate(each).model_copy(update={"diff": changes[each.version]}) for each in shown]
    told = that_fit(views)
    return VersionPage(told, shown[len(told) - 1].version if len(found) > len(told) else None)


@router.get("/{strategy_id}/rules", response_model=CodeRulesView)
def get_strategy_rules(
    strategy_id: UUID,
    asking: Asking,
    version: Annotated[int | None, Query(ge=1, le=(1 << 31) - 1, description="The latest without one")] = None,
) -> CodeRules:
    """Says what a version's code does, rule by rule, in words made from the code alone, and which of it was asked for."""
    return rules_of_code(database(), asking, strategy_id, version)


@router.post("/{strategy_id}/restore", response_model=StrategyView)
def restore_strategy_version(
    strategy_id: UUID, body: VersionToRestore, asking: Asking, response: Response, _key: IdempotencyKey
) -> StoredStrategy:
    """Makes an earlier version's code the next version: the way to undo a change. Nothing in between is lost, and sessions keep what they run."""
    return _tagged(application.restore_version(database(), asking, strategy_id, body.version), response)


@router.patch("/{strategy_id}/toggle", response_model=SessionView)
def toggle_strategy(strategy_id: UUID, asking: Asking) -> StoredSession:
    """Pauses what runs, resumes what is paused, and starts a session where there is none."""
    return running.toggle_strategy(database(), outbox(), asking, strategy_id)


@router.post("/{strategy_id}/stop", response_model=SessionList)
def stop_strategy(strategy_id: UUID, asking: Asking, body: StopBody | None = None) -> Listed[StoredSession]:
    """Stops every session of a strategy."""
    flatten = body is not None and body.flatten
    return Listed(running.stop_strategy(database(), outbox(), asking, strategy_id, flatten=flatten))
