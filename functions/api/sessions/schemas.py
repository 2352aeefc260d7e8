"""Sessions, as clients see them."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from stratforge.application import showing
from stratforge.application.decision_rules import DecisionRules
from stratforge.application.portfolio_chart import PortfolioChart
from stratforge.application.session_decisions import SessionDecision, SymbolDecision
from stratforge.application.session_rules import SessionRules
from stratforge.application.showing import ShownName
from stratforge.storage.strategies.sessions import StoredSession
from stratforge.storage.strategies.shown import ShownSession
from stratforge.strategy.rotation.trace import Outcome, ReadColumn, Step
from stratforge.strategy.trace import Condition, Operand, Rule

from functions.api.views import items_of, list_of, many, view_of


class StopBody(BaseModel):
    """The request to stop a session, with its options."""

    model_config = ConfigDict(extra="forbid")

    flatten: bool = Field(False, description="Also sell what the session holds")


SessionView = view_of(StoredSession, "SessionView")
SessionList = list_of(SessionView, "SessionList", "Sessions; `next` continues the list.")

_ConditionView = view_of(Condition, "ConditionView", operands=(many(view_of(Operand, "OperandView")), ...))
RuleView = view_of(Rule, "RuleView", conditions=(many(_ConditionView), ...))
SessionRulesView = view_of(SessionRules, "SessionRulesView", rules=(many(RuleView), ...))


_EACH = Field(description="Each symbol of the universe, then those that it only looks at.")
SymbolDecisionView = view_of(SymbolDecision, "SymbolDecisionView")
SessionDecisionView = view_of(SessionDecision, "SessionDecisionView", symbols=(many(SymbolDecisionView), _EACH))
SessionDecisionList = items_of(SessionDecisionView, "SessionDecisionList", "Decisions, the newest first.")


DecisionRulesView = view_of(
    DecisionRules,
    "DecisionRulesView",
    decision=(SessionDecisionView, Field(description="What was seen, wanted and ordered of each symbol.")),
    read=(
        many(view_of(ReadColumn, "ReadColumnView")),
        Field(description="The prices and indicators that the code reads, on the last bar of each symbol."),
    ),
    steps=(
        many(view_of(Step, "DecisionStepView")),
        Field(description="What it computed of them, in the order of the code."),
    ),
    outcomes=(
        many(view_of(Outcome, "OutcomeView", conditions=(many(_ConditionView), ...))),
        Field(description="What it might have returned, in the order of the code; the one that fired is what it did."),
    ),
)


SessionEquity = view_of(PortfolioChart, "SessionEquity")


class Publication(BaseModel):
    """The name that a session is shown under."""

    # What a letter is, programs that read the pattern agree on with Python.
    model_config = ConfigDict(extra="forbid", regex_engine="python-re")

    name: ShownName


ShownSessionView = view_of(
    ShownSession,
    "ShownSessionView",
    session_id=(UUID | None, Field(description="The session; null for those of others")),
    rank=(int | None, Field(None, description="From 1; null while it is not ranked")),
    unranked_because=(str | None, Field(None, description="What is missing for a rank; null for those that have one")),
)
Leaderboard = items_of(ShownSessionView, "Leaderboard", "Sessions that are shown, ranked ones first.")


def leaderboard_of(board: showing.Leaderboard) -> BaseModel:
    """The ranking as clients see it: which session it is, they see of their own only."""
    ranked: list[tuple[ShownSession, int | None, str | None]] = [
        (each, place, None) for place, each in enumerate(board.ranked, start=1)
    ]
    entries = ranked + [(each, None, reason) for each, reason in board.others]
    items = [
        ShownSessionView.model_validate(each).model_copy(
            update={"rank": rank, "unranked_because": reason, "session_id": each.session_id if each.own else None}
        )
        for each, rank, reason in entries
    ]
    return Leaderboard(items=items)
