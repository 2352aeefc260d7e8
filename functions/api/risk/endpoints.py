"""`/api/users/me/risk`: a user's own limits and trading state."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Response
from stratforge.application import risk as application
from stratforge.portfolio.protections import RiskLimits
from stratforge.storage.ledger import risk

from functions.api.context import Asking, Reader, UserConnection, database
from functions.api.etags import IfMatch, matches, tagged
from functions.api.risk.schemas import RiskLimitsBody, TradingStateBody

router = APIRouter(prefix="/api/users/me", tags=["risk"])


def _body(limits: RiskLimits) -> RiskLimitsBody:
    return RiskLimitsBody.model_validate(asdict(limits))


@router.get("/risk")
def get_risk_limits(user_id: Reader, connection: UserConnection, response: Response) -> RiskLimitsBody:
    """Returns the user's risk limits, with an ETag."""
    limits = _body(risk.read_limits(connection, user_id))
    tagged(response, limits)
    return limits


@router.put("/risk")
def set_risk_limits(
    body: RiskLimitsBody, asking: Asking, response: Response, if_match: IfMatch = None
) -> RiskLimitsBody:
    """Replaces the user's limits; they hold from the next order on."""
    stored = _body(
        application.set_limits(
            database(), asking, RiskLimits(**body.model_dump()), lambda current: matches(if_match, _body(current))
        )
    )
    tagged(response, stored)
    return stored


@router.put("/trading-state")
def set_trading_state(body: TradingStateBody, asking: Asking) -> TradingStateBody:
    """The user's own switch; what an operator imposed stays in force beside it."""
    application.choose_trading_state(database(), asking, body.trading_state)
    return body
