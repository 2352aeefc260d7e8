"""Events that the platform tells by itself, by webhooks and by the WebSocket, and the messages of the latter (AsyncAPI)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Union
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema
from stratforge.market.sizes import Side
from stratforge.portfolio.orders import OrderOrigin, OrderStatus, OrderType, TradingState
from stratforge.storage.delivery.webhooks import EventKind
from stratforge.storage.ledger.portfolio import SignalStatus
from stratforge.storage.market.alerts import AlertCondition
from stratforge.storage.strategies.jobs import JobKind, JobStatus
from stratforge.storage.strategies.sessions import SessionStatus

from functions.api.formats import Number


class EventData(BaseModel):
    """The base of every event's data: complete by itself, and nothing that is not said here."""

    model_config = ConfigDict(extra="forbid")


class OrderEvent(EventData):
    """An order was placed, or its status or what is filled of it changed."""

    order_id: UUID
    client_order_id: str | None = Field(description="What its owner's program calls it")
    symbol: str
    side: Side
    short: bool
    type: OrderType
    origin: OrderOrigin
    session_id: UUID | None
    status: OrderStatus
    reason: str | None = Field(description="Why it was refused, canceled or expired")
    quantity: Number
    filled_quantity: Number


class TradeEvent(EventData):
    """A part of an order was traded."""

    trade_id: int
    order_id: UUID
    client_order_id: str | None = Field(description="What the program of the order's owner calls it")
    symbol: str
    side: Side
    short: bool
    session_id: UUID | None
    quantity: Number
    price: Number
    realized_pnl: Number | None
    executed_at: datetime


class SignalEvent(EventData):
    """A strategy gave a signal, or something became of it."""

    signal_id: int
    session_id: UUID
    symbol: str
    side: Side
    short: bool
    bar_time: datetime
    status: SignalStatus
    reason: str | None


class SessionEvent(EventData):
    """A session's status changed, or bars passed that it did not see."""

    session_id: UUID
    strategy_id: UUID
    symbol: str
    status: SessionStatus
    failure_reason: str | None = Field(description="Why it failed; null unless it did")
    final_pnl: Number | None
    missed_bars: int | None = Field(None, description="Bars that it did not see; left out where it missed none")
    missed_after: datetime | None = Field(None, description="The last bar before those")


class JobEvent(EventData):
    """A job goes on or has ended."""

    job_id: UUID
    kind: JobKind
    status: JobStatus
    progress: str | None
    characters: int | None = Field(description="How much there is of an answer that is still coming")


class HaltEvent(EventData):
    """A symbol is not traded any more, or again."""

    symbol: str
    halted: bool
    reason: str


class PlatformEvent(EventData):
    """The platform trades, only closes positions, or does nothing."""

    trading_state: TradingState
    reason: str | None
    suspended: bool = Field(description="Whether it pauses by itself")


class AlertEvent(EventData):
    """A price was reached that somebody wanted to be told of."""

    alert_id: UUID
    symbol: str
    condition: AlertCondition
    level: Number | None = Field(description="The price that it waited for; null for a change")
    change: Number | None = Field(description="The move that it waited for, as a fraction; null for a level")
    reference: Number | None = Field(description="The price that the move is counted from; null for a level")
    price: Number = Field(description="Dollars at the end of the bar")
    bar_time: datetime
    repeats: bool
    note: str


EVENTS: dict[EventKind, type[EventData]] = {
    EventKind.ORDER: OrderEvent,
    EventKind.TRADE: TradeEvent,
    EventKind.SIGNAL: SignalEvent,
    EventKind.SESSION: SessionEvent,
    EventKind.JOB: JobEvent,
    EventKind.HALT: HaltEvent,
    EventKind.PLATFORM: PlatformEvent,
    EventKind.ALERT: AlertEvent,
}


class RealtimeEvent(BaseModel):
    """An event, and the cursor just after it."""

    kind: EventKind
    cursor: str = Field(pattern=r"^\d+-\d+$", examples=["812-40"])
    at: datetime = Field(description="When it happened")
    data: Union[tuple(EVENTS.values())]  # type: ignore[valid-type]  # noqa: UP007 - made of the table


class RealtimePrice(BaseModel):
    """The latest price of a watched symbol."""

    symbol: str
    price: Number
    time: datetime
    bar: dict[str, Any] | None = Field(
        description="The minute that is being formed; null where trades are not streamed"
    )


class Update(BaseModel):
    """Events and prices since the last message, in order. Keep `cursor`: a new connection goes on from it."""

    type: Literal["update"]
    cursor: str = Field(pattern=r"^\d+-\d+$", examples=["812-40"])
    events: list[RealtimeEvent]
    prices: list[RealtimePrice]


class Watching(BaseModel):
    """The symbols whose prices are told from now on."""

    type: Literal["watching"]
    symbols: list[str]


class Pong(BaseModel):
    """The platform answers a client's ping."""

    type: Literal["pong"]


class Refused(BaseModel):
    """The platform did not understand a message of the client."""

    type: Literal["error"]
    detail: str


class Watch(BaseModel):
    """Asks for the prices of symbols, instead of those that were watched before."""

    action: Literal["watch"]
    symbols: list[str] = Field(max_length=50)


class Ping(BaseModel):
    """Keeps the connection open; the gateway closes it after ten quiet minutes."""

    action: Literal["ping"]


_QUERY = {
    "type": "object",
    "required": ["ticket"],
    "properties": {
        "ticket": {"type": "string", "description": "Good once, for a minute"},
        "cursor": {"type": "string", "pattern": r"^\d+-\d+$", "description": "Of the last message; left out at first"},
    },
}
_SENT, _RECEIVED = (Watch, Ping), (Update, Watching, Pong, Refused)


def install(app: FastAPI) -> None:
    """Declares the webhooks, a kind of event each."""
    for kind, data in EVENTS.items():
        app.webhooks.post(kind.value, name=f"on_{kind.value}", tags=["webhooks"])(_webhook(kind, data))


def _webhook(kind: EventKind, data: type[EventData]) -> Any:
    def told(body: Any) -> None:
        """Told by a POST to the webhook's address."""

    told.__doc__ = f"{data.__doc__} Answer with a status of 2xx within five seconds; anything else is tried again for half an hour."
    told.__annotations__ = {
        "body": type(
            f"{data.__name__}Delivery",
            (BaseModel,),
            {
                "__doc__": f"A delivery. {data.__doc__}",
                "__module__": __name__,
                "__annotations__": {"id": str, "kind": Literal[kind], "created_at": datetime, "data": data},
                "id": Field(description="The same when it is tried again", examples=["1042"]),
            },
        ),
        "return": None,
    }
    return told


def asyncapi(url: str, version: str) -> dict[str, Any]:
    """Describes the WebSocket: its address, and the messages of both sides.

    Args:
        url: Where it is opened.
        version: Of the API.
    """
    _, definitions = models_json_schema(
        [(model, "serialization") for model in (*_SENT, *_RECEIVED)], ref_template="#/components/schemas/{model}"
    )

    def names(models: tuple[type[BaseModel], ...], of: str) -> list[dict[str, str]]:
        return [{"$ref": f"{of}/messages/{model.__name__}"} for model in models]

    # On this machine the address is a path of the page's own.
    address = urlsplit(url, scheme="ws")
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "StratForge in real time",
            "version": version,
            "contact": {"name": "StratForge"},
            "license": {"name": "Apache-2.0"},
            "tags": [{"name": "realtime"}],
            "description": "Open it with a ticket (`POST /v1/realtime/ticket`) and, to go on where you were, with the last message's cursor. "
            "It ends with the login or the key that the ticket was asked for with.",
        },
        "servers": {
            "realtime": {"host": address.netloc or "localhost", "pathname": address.path, "protocol": address.scheme}
        },
        "defaultContentType": "application/json",
        "channels": {
            "realtime": {
                "address": "/",
                "description": "All that happens to one user, and the prices that the connection watches",
                "bindings": {"ws": {"query": _QUERY}},
                "messages": {
                    model.__name__: {"$ref": f"#/components/messages/{model.__name__}"}
                    for model in (*_SENT, *_RECEIVED)
                },
            }
        },
        "operations": {
            "hear": {
                "action": "send",
                "channel": {"$ref": "#/channels/realtime"},
                "summary": "What the platform tells",
                "description": "Several times a second at most, and only when something happened",
                "messages": names(_RECEIVED, "#/channels/realtime"),
            },
            "say": {
                "action": "receive",
                "channel": {"$ref": "#/channels/realtime"},
                "summary": "What a client may say",
                "description": "Each message is answered",
                "messages": names(_SENT, "#/channels/realtime"),
            },
        },
        "components": {
            "messages": {
                model.__name__: {
                    "summary": (model.__doc__ or "").split("\n")[0],
                    "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
                }
                for model in (*_SENT, *_RECEIVED)
            },
            "schemas": definitions["$defs"],
        },
    }
