"""Requests and answers of `risk`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from stratforge.portfolio.orders import TradingState

from functions.api.formats import Number

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

    trading_state: TradingState
