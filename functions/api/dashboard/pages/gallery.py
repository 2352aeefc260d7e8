"""The gallery: well-known strategies with their backtests, to read and to copy."""

from __future__ import annotations

from fastapi import APIRouter, Response
from stratforge.application import strategies as application
from stratforge.application.errors import existing
from stratforge.application.gallery import gallery
from stratforge.application.strategies import NewStrategy

from functions.api.context import database
from functions.api.dashboard.access import Fields, Looking, text, validated
from functions.api.dashboard.pages.jobs import new_key, started
from functions.api.dashboard.rendering import go_to

router = APIRouter(include_in_schema=False)


@router.get("/gallery")
def page(looking: Looking) -> Response:
    """All strategies of the gallery, the best first."""
    with database().reading(looking.caller) as connection:
        return looking.page(connection, "gallery.html", gallery=gallery(), key=new_key())


@router.post("/gallery/{key}")
def use(key: str, looking: Looking, fields: Fields) -> Response:
    """Copies a strategy of the gallery to the user's own."""
    found = existing(next((each for each in gallery().strategies if each.key == key), None), "strategy of the gallery")
    explanation = f"{found.idea} After: {found.origin}."
    values = {"name": found.name, "symbol": text(fields, "symbol") or "AAPL", "python_code": found.code}
    new = validated(NewStrategy, {**values, "logic_explanation": explanation})
    made = application.store_strategy(database(), looking.caller, new, started(looking, fields))
    return go_to(looking.request, f"/strategies/{made.strategy_id}")
