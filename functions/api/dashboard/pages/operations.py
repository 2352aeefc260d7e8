"""For operators: queues and dead letters, halts and the kill switch, the reconciler's reports, prices that lag."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Response
from stratforge.application import operations as application
from stratforge.application.errors import Invalid
from stratforge.application.incidents import read_incident
from stratforge.bus import dead_letters, queue_ages
from stratforge.market import InvalidSymbol, parse_symbol
from stratforge.storage.ledger import operations
from stratforge.storage.strategies import model_usage

from functions.api.context import database, redrive_by_function, settings
from functions.api.dashboard.access import Fields, Operating, text, validated
from functions.api.dashboard.rendering import go_to
from functions.api.operations.schemas import AcceptanceBody, DecisionBody, HaltBody, PlatformStateBody

router = APIRouter(include_in_schema=False)
_HOURS = (1, 6, 24, 168)


@router.get("/operations")
def page(looking: Operating, hours: int = 6) -> Response:
    """Shows the operators' page: what is wrong and since when, trends, queues, reports, price lags and the platform's state."""
    queues = dead_letters.queue_states(settings().stage)
    hours = hours if hours in _HOURS else 6
    ages = partial(queue_ages.queue_ages, settings().stage)
    incident = read_incident(database(), looking.caller, queues, ages, hours)
    with database().reading(looking.caller) as connection:
        return looking.page(
            connection,
            "operations.html",
            queues=queues,
            incident=incident,
            hours=hours,
            choices=_HOURS,
            deeds=operations.deeds(connection, 8),
            reports=incident.reports[:10],
            lags=operations.price_lags(connection),
            corrections=operations.corrections(connection),
            actions=incident.actions,
            state=incident.state,
            notes=incident.notes,
            usage=model_usage.list_usage(connection),
            request_costs=model_usage.list_request_costs(connection),
            dearest=model_usage.dearest_jobs(connection),
        )


@router.post("/operations/state")
def change_state(looking: Operating, fields: Fields) -> Response:
    """Sets the platform's trading state: the kill switch."""
    typed = {"trading_state": text(fields, "trading_state"), "reason": text(fields, "reason")}
    wanted = validated(PlatformStateBody, typed)
    application.set_platform_state(database(), looking.caller, wanted.trading_state, wanted.reason)
    return go_to(looking.request, "/operations")


@router.post("/operations/halts")
def halt(looking: Operating, fields: Fields) -> Response:
    """Halts a symbol, trades one again, or has the account buy what it lacks of one."""
    try:
        symbol = parse_symbol(text(fields, "symbol"))
    except InvalidSymbol as error:
        raise Invalid(f"{error}.") from None
    if text(fields, "resume"):
        application.resume_symbol(database(), looking.caller, symbol)
    else:
        reason = validated(HaltBody, {"reason": text(fields, "reason")}).reason
        change = application.buy_missing_units if text(fields, "buy") else application.halt_symbol
        change(database(), looking.caller, symbol, reason)
    return go_to(looking.request, "/operations")


@router.post("/operations/corporate-actions")
def decide(looking: Operating, fields: Fields) -> Response:
    """Approves a corporate action, or dismisses it."""
    typed = {"follow": text(fields, "follow") == "1", "reason": text(fields, "reason")}
    wanted = validated(DecisionBody, typed)
    application.decide_corporate_action(
        database(), looking.caller, text(fields, "action_id"), wanted.reason, follow=wanted.follow
    )
    return go_to(looking.request, "/operations")


@router.post("/operations/corrections")
def accept(looking: Operating, fields: Fields) -> Response:
    """Accepts that the broker and the ledger say an order differently."""
    wanted = validated(AcceptanceBody, {name: text(fields, name) for name in ("quantity", "value", "reason")})
    application.accept_correction(
        database(), looking.caller, text(fields, "order_id"), wanted.quantity, wanted.value, wanted.reason
    )
    return go_to(looking.request, "/operations")


@router.post("/operations/redrive")
def redrive(looking: Operating, fields: Fields) -> Response:
    """Sends the dead letters of a queue again."""
    name = text(fields, "queue")
    sent = application.redrive_queue(database(), looking.caller, redrive_by_function, name)
    return looking.part("parts/done.html", said=f"{sent} messages of {name} were sent again.")
