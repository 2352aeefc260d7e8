"""`/api/realtime/ticket`: what opens a realtime connection."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from stratforge.application.access import Scope
from stratforge.storage.delivery.tickets import LIFETIME_SECONDS, Ticket, add_ticket

from functions.api.context import Asking, database, settings

router = APIRouter(prefix="/api/realtime", tags=["realtime"])


class TicketView(BaseModel):
    """A ticket for one connection: open `url` with it as `ticket`, and with the last message's `cursor` when you had one before.

    Messages have `type` "update" with `events` (order, trade, signal, session, job, halt, platform), `prices` of watched symbols and a
    `cursor`. Send `{"action": "watch", "symbols": ["AAPL"]}` to watch prices.
    """

    ticket: str
    url: str = Field(description="Of the WebSocket; a path alone is on this host", examples=["/realtime"])
    expires_in: int


@router.post("/ticket", status_code=201)
def create_realtime_ticket(asking: Asking, request: Request) -> TicketView:
    """A ticket that opens one realtime connection within a minute; the connection ends with the login or the key."""
    asking.require(Scope.READ)
    login_id = UUID(asking.login_id) if asking.login_id else None
    wanted = Ticket(asking.user_id, login_id, asking.key_id, request.headers.get("origin"))
    with database().transaction(asking) as connection:
        made = add_ticket(connection, wanted)
    return TicketView(ticket=made, url=settings().realtime_url or "/realtime", expires_in=LIFETIME_SECONDS)
