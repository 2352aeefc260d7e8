"""The market's clock at the head of every page, and the speed of a replayed market."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field
from stratforge.application import operations as application
from stratforge.storage.ledger import operations
from stratforge.storage.market.clock import market_clock

from functions.api.context import database
from functions.api.dashboard.access import Fields, Looking, Operating, text, validated

router = APIRouter(include_in_schema=False)
# Between standing still and what one machine keeps up with.
_Speed = Annotated[float, Field(ge=0, le=600)]


@router.get("/market/clock")
def clock(looking: Looking) -> Response:
    """The strip with the market's time and hours."""
    with database().reading(looking.caller) as connection:
        return looking.part(
            "parts/market.html", market=market_clock(connection), may_steer=operations.is_operator(connection)
        )


@router.post("/market/speed")
def change_speed(looking: Operating, fields: Fields) -> Response:
    """Has a replayed market run at another speed; the strip shows it before the market has followed."""
    speed = validated(_Speed, text(fields, "speed"))
    application.change_market_speed(database(), looking.caller, speed)
    with database().reading(looking.caller) as connection:
        return looking.part("parts/market.html", market=replace(market_clock(connection), speed=speed), may_steer=True)
