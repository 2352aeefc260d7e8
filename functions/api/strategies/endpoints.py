"""`/api/strategies`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from stratforge.market import parse_symbol
from stratforge.storage import strategies
from stratforge.storage.strategies import Origin
from stratforge.strategy import StrategyError, compile_strategy

from functions.api.context import CurrentUser, UserConnection
from functions.api.problems import Problem, not_found

router = APIRouter(prefix="/api/strategies", tags=["strategies"])


class NewStrategy(BaseModel):
    """A strategy written by hand."""

    name: str = Field(min_length=1, max_length=120)
    symbol: Annotated[str, AfterValidator(parse_symbol)] = Field(max_length=20, examples=["AAPL"])
    python_code: str = Field(min_length=1, max_length=32_000)
    logic_explanation: str = Field("", max_length=8_000)


class StrategyView(BaseModel):
    """A strategy with its current code."""

    model_config = ConfigDict(from_attributes=True)

    strategy_id: UUID
    name: str
    symbol: str
    version: int
    python_code: str
    logic_explanation: str
    created_at: datetime
    updated_at: datetime


class StrategyList(BaseModel):
    """Strategies, the newest first."""

    items: list[StrategyView]


@router.post("", status_code=201)
def create(new: NewStrategy, user_id: CurrentUser, connection: UserConnection) -> StrategyView:
    """Stores a strategy that passes the compiler; otherwise 422 with every finding."""
    try:
        strategy = compile_strategy(new.python_code)
        _ = strategy.lookback
    except StrategyError as error:
        findings = [finding.as_dict() for finding in error.findings]
        raise Problem(422, "not-in-language", "The code is not in the strategy language.", findings=findings) from None
    stored = strategies.add_strategy(
        connection, user_id, new.name, new.symbol, strategy, new.logic_explanation, Origin()
    )
    return StrategyView.model_validate(stored)


@router.get("")
def list_all(connection: UserConnection, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> StrategyList:
    """The user's strategies."""
    return StrategyList(
        items=[StrategyView.model_validate(each) for each in strategies.list_strategies(connection, limit)]
    )


@router.get("/{strategy_id}")
def get(strategy_id: UUID, connection: UserConnection) -> StrategyView:
    """One strategy."""
    found = strategies.get_strategy(connection, strategy_id)
    if found is None:
        raise not_found("strategy")
    return StrategyView.model_validate(found)
