"""Sessions, as clients see them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from stratforge.application.session_rules import SessionRules
from stratforge.storage.strategies.sessions import StoredSession
from stratforge.strategy.trace import Condition, Operand, Rule

from functions.api.views import list_of, many, view_of


class StopBody(BaseModel):
    """The request to stop a session, with its options."""

    model_config = ConfigDict(extra="forbid")

    flatten: bool = Field(False, description="Also sell what the session holds")


SessionView = view_of(StoredSession, "SessionView")
SessionList = list_of(SessionView, "SessionList", "Sessions; `next` continues the list.")

_ConditionView = view_of(Condition, "ConditionView", operands=(many(view_of(Operand, "OperandView")), ...))
RuleView = view_of(Rule, "RuleView", conditions=(many(_ConditionView), ...))
SessionRulesView = view_of(SessionRules, "SessionRulesView", rules=(many(RuleView), ...))
