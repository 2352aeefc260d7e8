"""Requests and answers of `risk`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.config import JsonDict
from pydantic.dataclasses import dataclass
from stratforge.portfolio.orders import TradingState
from stratforge.portfolio.protections import RiskLimits

from functions.api.views import view_of

_SCHEMA: JsonDict = {"examples": [{"max_position": "0.25", "max_daily_loss": "0.03"}]}


@dataclass(frozen=True, config=ConfigDict(extra="forbid", json_schema_extra=_SCHEMA))
class RiskLimitsBody(RiskLimits):
    """Limits; null switches a rule off. Fractions are of equity. Sales are never refused by a limit."""


RiskLimitsView = view_of(RiskLimits, "RiskLimitsView")


class TradingStateBody(BaseModel):
    """ACTIVE trades, REDUCING only sells, HALTED does nothing."""

    model_config = ConfigDict(extra="forbid")

    trading_state: TradingState
