"""From events to open connections: each is told what happened since it was told last, in order, in messages it can take."""

from __future__ import annotations

import json
from enum import Enum, auto
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from stratforge.observability import logger
from stratforge.storage.delivery import events
from stratforge.storage.delivery.events import Event, PriceTick, RealtimeConnection
from stratforge.storage.postgres.database import Database

log = logger("notifier")
# The gateway takes 128 KB a message; what is more goes into the next one.
_MAX_BYTES = 100_000
_MAX_EVENTS = 200
_MAX_ROUNDS = 10


class Outcome(Enum):
    """The possible results of a message to a connection."""

    TOLD = auto()
    GONE = auto()  # The client has left.
    SLOW = auto()  # It did not arrive and is sent again the next time.


class RealtimeUpdates:
    """Tells open connections what happened to their users since they were told last."""

    def __init__(self, database: Database, gateway: Any) -> None:
        self._database = database
        self._gateway = gateway

    def run(self) -> tuple[int, int]:
        """Tells everybody; the number of messages, and of connections that were gone."""
        with self._database.transaction() as connection:
            connections = events.open_connections(connection)
        told = gone = 0
        for each in connections:
            if each.ended:
                self._close(each)
            messages = None if each.ended else self._tell(each)
            if messages is None:
                gone += 1
            else:
                told += messages
        return told, gone

    def _close(self, ended: RealtimeConnection) -> None:
        """Closes a connection whose login, key or account has ended. It is told nothing more, whether or not the closing succeeds."""
        with self._database.transaction() as connection:
            events.remove_connection(connection, ended.connection_id)
        try:
            self._gateway.delete_connection(ConnectionId=ended.connection_id)
        except (ClientError, BotoCoreError) as error:
            log.warning("a connection was not closed", error=str(error)[:200])

    def _tell(self, to: RealtimeConnection) -> int | None:
        """Tells one connection; None when it is gone. One that is slow is told the rest the next time."""
        told, cursor = 0, to.cursor
        for _ in range(_MAX_ROUNDS):
            with self._database.transaction() as connection:
                happened = events.events_after(connection, to.user_id, cursor, _MAX_EVENTS)
                prices = events.prices_after(connection, to.symbols, to.prices_at) if to.symbols and not told else []
            batch = _fitting(happened)
            if not batch and not prices:
                break
            cursor = batch[-1].cursor if batch else cursor
            outcome = self._post(to.connection_id, _message(batch, prices, str(cursor)))
            if outcome is Outcome.SLOW:
                break
            with self._database.transaction() as connection:
                if outcome is Outcome.GONE:
                    events.remove_connection(connection, to.connection_id)
                    return None
                latest = max((price.received_at for price in prices), default=None)
                events.advance_connection(connection, to.connection_id, cursor, latest)
            told += 1
            if len(batch) == len(happened) < _MAX_EVENTS:
                break
        return told

    def _post(self, connection_id: str, message: bytes) -> Outcome:
        try:
            self._gateway.post_to_connection(ConnectionId=connection_id, Data=message)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if code == "GoneException" or status == 410:
                return Outcome.GONE
            log.warning("a connection was not told", code=code)
            return Outcome.SLOW
        except BotoCoreError as error:
            log.warning("a connection was not told", error=str(error)[:200])
            return Outcome.SLOW
        return Outcome.TOLD


def _fitting(happened: list[Event]) -> list[Event]:
    """As many events as fit into one message."""
    size = 0
    batch: list[Event] = []
    for event in happened:
        size += len(json.dumps(event.data)) + 120
        if size > _MAX_BYTES and batch:
            break
        batch.append(event)
    return batch


def _message(batch: list[Event], prices: list[PriceTick], cursor: str) -> bytes:
    body = {
        "type": "update",
        "cursor": cursor,
        "events": [
            {"kind": event.kind, "cursor": str(event.cursor), "at": event.created_at.isoformat(), "data": event.data}
            for event in batch
        ],
        "prices": [
            {
                "symbol": price.symbol,
                "price": f"{price.price.normalize():f}",
                "time": price.time.isoformat(),
                "bar": price.bar,
            }
            for price in prices
        ],
    }
    return json.dumps(body).encode()
