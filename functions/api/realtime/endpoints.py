"""`/api/realtime/ticket`: what opens a live connection."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field
from stratforge.configuration import TokenSecret, read_secret
from stratforge.realtime_tickets import LIFETIME_SECONDS, issue_ticket

from functions.api.context import Reader, settings

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
def ticket(user_id: Reader) -> TicketView:
    """A ticket that opens one live connection within a minute."""
    secret = read_secret(TokenSecret, settings().token_secret)
    return TicketView(
        ticket=issue_ticket(secret, user_id), url=settings().realtime_url or "/realtime", expires_in=LIFETIME_SECONDS
    )
