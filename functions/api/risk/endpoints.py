"""`/api/users/me/risk`: a user's own limits and trading state."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from stratforge.portfolio.protections import RiskLimits
from stratforge.storage.ledger import halts, risk

from functions.api.context import Reader, Trader, UserConnection, database
from functions.api.etags import IfMatch, check_match, tagged
from functions.api.formats import Number

router = APIRouter(prefix="/api/users/me", tags=["risk"])
Fraction = Annotated[Number, Field(gt=0, le=1, decimal_places=6)]


class RiskLimitsBody(BaseModel):
    """Limits; null switches a rule off. Fractions are of equity. Sales are never refused by a limit."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"max_position": "0.25", "max_daily_loss": "0.03"}]}
    )

    max_position: Fraction | None = Field(None, description="The largest position in one symbol")
    max_exposure: Fraction | None = Field(None, description="All positions together")
    max_daily_loss: Fraction | None = Field(None, description="The loss of a day at which buying ends")
    max_drawdown: Fraction | None = Field(None, description="The fall from the highest equity at which buying ends")
    max_orders_per_minute: Annotated[int, Field(gt=0, le=10_000)] | None = None
    cooldown_minutes: Annotated[int, Field(gt=0, le=100_000)] | None = Field(
        None, description="How long a symbol is not bought after a trade in it lost money"
    )
    price_band: Annotated[Number, Field(gt=0, lt=1, decimal_places=6)] | None = Field(
        None, description="How far on the wrong side of the last price a limit may lie"
    )


class TradingStateBody(BaseModel):
    """ACTIVE trades, REDUCING only sells, HALTED does nothing."""

    model_config = ConfigDict(extra="forbid")

    trading_state: Literal["ACTIVE", "REDUCING", "HALTED"]


@router.get("/risk")
def get_limits(user_id: Reader, connection: UserConnection, response: Response) -> RiskLimitsBody:
    """The user's limits."""
    limits = RiskLimitsBody.model_validate(asdict(risk.read_limits(connection, user_id)))
    tagged(response, limits)
    return limits


@router.put("/risk")
def put_limits(body: RiskLimitsBody, user_id: Trader, response: Response, if_match: IfMatch = None) -> RiskLimitsBody:
    """Replaces the user's limits; they hold from the next order on."""
    with database().transaction(user_id) as connection:
        check_match(if_match, RiskLimitsBody.model_validate(asdict(risk.read_limits(connection, user_id))))
        risk.set_limits(connection, user_id, RiskLimits(**body.model_dump()))
        stored = RiskLimitsBody.model_validate(asdict(risk.read_limits(connection, user_id)))
    tagged(response, stored)
    return stored


@router.put("/trading-state")
def put_state(body: TradingStateBody, user_id: Trader) -> TradingStateBody:
    """The user's own switch; what an operator imposed stays in force beside it."""
    with database().transaction(user_id) as connection:
        halts.choose_state(connection, user_id, body.trading_state)
    return body
