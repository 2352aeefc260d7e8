"""`/api/users/me/risk`: a user's own limits and trading state."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel
from stratforge.application import risk as application
from stratforge.portfolio.protections import RiskLimits
from stratforge.storage.ledger import risk

from functions.api.context import Asking, Reader, UserConnection, database
from functions.api.etags import IfMatch, matches, tagged
from functions.api.risk.schemas import RiskLimitsBody, RiskLimitsView, ShortSellingBody, TradingStateBody

router = APIRouter(prefix="/api/users/me", tags=["risk"])


@router.get("/risk", response_model=RiskLimitsView)
def get_risk_limits(user_id: Reader, connection: UserConnection, response: Response) -> BaseModel:
    """Returns the user's risk limits, with an ETag."""
    limits = RiskLimitsView.model_validate(risk.read_limits(connection, user_id))
    tagged(response, limits)
    return limits


@router.put("/risk", response_model=RiskLimitsView)
def set_risk_limits(body: RiskLimitsBody, asking: Asking, response: Response, if_match: IfMatch = None) -> BaseModel:
    """Replaces the user's limits; they hold from the next order on."""

    def unchanged(current: RiskLimits) -> bool:
        return matches(if_match, RiskLimitsView.model_validate(current))

    stored = RiskLimitsView.model_validate(application.set_limits(database(), asking, body, unchanged))
    tagged(response, stored)
    return stored


@router.put("/trading-state")
def set_trading_state(body: TradingStateBody, asking: Asking) -> TradingStateBody:
    """The user's own switch; what an operator imposed stays in force beside it."""
    application.choose_trading_state(database(), asking, body.trading_state)
    return body


@router.put("/short-selling")
def set_short_selling(body: ShortSellingBody, asking: Asking) -> ShortSellingBody:
    """Enables short selling, or makes the account long only again, which it cannot be while it is short of something (409)."""
    application.choose_short_selling(database(), asking, enabled=body.short_selling)
    return body
