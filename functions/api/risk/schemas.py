"""Requests and answers of `risk`."""

from __future__ import annotations

from typing import Any, cast

from pydantic import BaseModel, ConfigDict
from pydantic.config import JsonDict
from pydantic.dataclasses import dataclass
from stratforge.application.decimals import text_of_part
from stratforge.portfolio.orders import TradingState
from stratforge.portfolio.protections import RiskLimits

from functions.api.views import view_of


def _say_text(schema: JsonDict) -> None:
    """Declares fractions as text, as everywhere; the limits themselves know no JSON."""
    schema["examples"] = [{"max_position": "0.25", "max_daily_loss": "0.03"}]
    for field in cast("dict[str, dict[str, Any]]", schema["properties"]).values():
        for number in [each for each in field["anyOf"] if each["type"] == "number"]:
            part = text_of_part(6, whole_too="maximum" in number)
            field["anyOf"] = [part.json_schema, {"type": "null"}]


@dataclass(frozen=True, config=ConfigDict(extra="forbid", json_schema_extra=_say_text))
class RiskLimitsBody(RiskLimits):
    """Limits; null switches a rule off. Fractions are of equity. Sales are never refused by a limit."""


RiskLimitsView = view_of(RiskLimits, "RiskLimitsView")


class ShortSellingBody(BaseModel):
    """Permission of the account to sell short what it does not hold: on margin, in whole shares of stocks that are easy to borrow, for a fee a night; bought back when the
    margin is too little.
    """

    model_config = ConfigDict(extra="forbid")

    short_selling: bool


class TradingStateBody(BaseModel):
    """ACTIVE trades, REDUCING only closes positions, HALTED does nothing but what a margin call or a buy-in forces."""

    model_config = ConfigDict(extra="forbid")

    trading_state: TradingState
