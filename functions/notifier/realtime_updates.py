"""From events to open connections: each is told what happened since it was told last, in order, in messages it can take.

A run tells one shard of the users. What they are told is read for all of them at once; then they are told side by side, of one user a few connections
at a time. One that does not take a message in time ends its user's turn and is left alone for a while, longer each time; nobody else waits for more
than that one time-out.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from functools import partial
from itertools import groupby
from typing import Any
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError
from stratforge.observability import logger
from stratforge.storage.delivery import events
from stratforge.storage.delivery.events import Event, EventCursor, PriceTick, RealtimeConnection, Told, utc_text
from stratforge.storage.postgres.database import Database

log = logger("notifier")
SIDE_BY_SIDE = 32
# Connections of a user that are told one after another; of his 20 at most that makes four at a time.
_IN_A_ROW = 5
# The gateway takes 128 KB a message; what is more goes into the next one.
_MAX_BYTES = 100_000
_MAX_EVENTS = 200
_MAX_ROUNDS = 10
# Seconds in which a run begins messages; what is left is told by the next.
_BUDGET = 2.0
# A connection that took no message so often in a row is closed; its client comes again with its cursor.
_SLOW_AT_MOST = 3


class Outcome(Enum):
    """The possible results of a message to a connection."""

    TOLD = auto()
    GONE = auto()  # The client has left, or takes nothing.
    SLOW = auto()  # It did not arrive and is sent again later.
    LEFT = auto()  # It was not sent, because another connection of the user was slow or the time was up.


@dataclass(frozen=True, slots=True)
class _Update:
    """A message to a connection, where it stands when it has it, and whether more is to be told."""

    to: RealtimeConnection
    message: bytes
    cursor: EventCursor
    prices_at: datetime | None
    more: bool


class RealtimeUpdates:
    """Tells open connections what happened to their users since they were told last."""

    def __init__(self, database: Database, gateway: Any) -> None:
        self._database = database
        self._gateway = gateway
        self._pool = ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="realtime")

    def run(self, shard: int) -> tuple[int, int]:
        """Tells everybody of a shard; the number of messages, and of connections that were gone."""
        until = time.monotonic() + _BUDGET
        with self._database.transaction() as connection:
            waiting = events.open_connections(connection, shard)
        ended = [each.connection_id for each in waiting if each.ended]
        self._close(ended)
        waiting = [each for each in waiting if not each.ended]
        told, gone = 0, len(ended)
        for round_number in range(_MAX_ROUNDS):
            updates = self._updates(waiting, with_prices=round_number == 0)
            if not updates or time.monotonic() > until:
                break
            of_users = [list(of_user) for _, of_user in groupby(updates, key=lambda update: update.to.user_id)]
            turns = [of_user[at : at + _IN_A_ROW] for of_user in of_users for at in range(0, len(of_user), _IN_A_ROW)]
            # Those who were slow before come last.
            turns.sort(key=lambda turn: max(update.to.slow for update in turn))
            tell = partial(self._tell, until=until, slow_users=set())
            outcomes = [each for turn in self._pool.map(tell, turns) for each in turn]
            gone += self._note(outcomes)
            arrived = {update.to.connection_id for update, outcome in outcomes if outcome is Outcome.TOLD}
            told += len(arrived)
            waiting = [update.to for update in updates if update.more and update.to.connection_id in arrived]
        return told, gone

    def _updates(self, waiting: Sequence[RealtimeConnection], *, with_prices: bool) -> list[_Update]:
        """What is to be told to connections, grouped by user, within a user those that were slow last."""
        if not waiting:
            return []
        symbols = sorted({symbol for each in waiting for symbol in each.symbols}) if with_prices else []
        with self._database.transaction() as connection:
            happened: dict[str, list[Event]] = defaultdict(list)
            for event in events.events_of_connections(
                connection, [each.connection_id for each in waiting], _MAX_EVENTS
            ):
                happened[event.connection_id].append(event)
            since = min((each.prices_at for each in waiting if each.symbols), default=None)
            prices = events.prices_after(connection, symbols, since) if symbols and since is not None else []
        updates = []
        # Connections that stand at the same place are told the same, which is written once.
        written: dict[tuple[object, ...], bytes] = {}
        for to in sorted(waiting, key=lambda each: (each.user_id, each.slow, each.connection_id)):
            mine = happened[to.connection_id]
            watched = [each for each in prices if each.symbol in to.symbols and each.received_at > to.prices_at]
            batch = _fitting(mine)
            if batch or watched:
                cursor = batch[-1].cursor if batch else to.cursor
                latest = max((price.received_at for price in watched), default=None)
                same = (to.user_id, to.cursor, cursor, tuple(each.symbol for each in watched))
                if same not in written:
                    written[same] = _message(batch, watched, str(cursor))
                more = len(batch) < len(mine) or len(mine) == _MAX_EVENTS
                updates.append(_Update(to, written[same], cursor, latest, more))
        return updates

    def _tell(self, turn: Sequence[_Update], until: float, slow_users: set[UUID]) -> list[tuple[_Update, Outcome]]:
        """Tells connections of a user, until one of his is slow."""
        outcomes: list[tuple[_Update, Outcome]] = []
        for update in turn:
            stopped = time.monotonic() > until or update.to.user_id in slow_users
            outcome = Outcome.LEFT if stopped else self._post(update.to.connection_id, update.message)
            if outcome is Outcome.SLOW:
                slow_users.add(update.to.user_id)
                outcome = Outcome.GONE if update.to.slow + 1 >= _SLOW_AT_MOST else outcome
            outcomes.append((update, outcome))
        return outcomes

    def _note(self, outcomes: Sequence[tuple[_Update, Outcome]]) -> int:
        """Notes how far connections have been told and which to leave alone; returns how many are gone."""
        came_to: dict[Outcome, list[_Update]] = {each: [] for each in Outcome}
        for update, outcome in outcomes:
            came_to[outcome].append(update)
        told = [Told(each.to.connection_id, each.cursor, each.prices_at) for each in came_to[Outcome.TOLD]]
        slow = {each.to.connection_id: each.to.user_id for each in came_to[Outcome.SLOW]}
        left = [each.to.connection_id for each in came_to[Outcome.LEFT] if each.to.user_id in slow.values()]
        with self._database.transaction() as connection:
            events.advance_connections(connection, told)
            if slow:
                events.put_off_connections(connection, list(slow), left)
        gone = [each.to.connection_id for each in came_to[Outcome.GONE]]
        self._close(gone)
        return len(gone)

    def _close(self, connection_ids: Sequence[str]) -> None:
        """Closes connections: what opened them has ended, or they take nothing. They are told nothing more, whether or not the closing succeeds."""
        if not connection_ids:
            return
        with self._database.transaction() as connection:
            for connection_id in connection_ids:
                events.remove_connection(connection, connection_id)
        list(self._pool.map(self._delete, connection_ids))

    def _delete(self, connection_id: str) -> None:
        try:
            self._gateway.delete_connection(ConnectionId=connection_id)
        except (ClientError, BotoCoreError) as error:
            log.info("a connection was not closed", error=str(error)[:200])

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


def _fitting(happened: Sequence[Event]) -> Sequence[Event]:
    """As many events as fit into one message."""
    size = 0
    for index, event in enumerate(happened):
        size += len(json.dumps(event.data)) + 120
        if size > _MAX_BYTES and index:
            return happened[:index]
    return happened


def _message(batch: Sequence[Event], prices: Sequence[PriceTick], cursor: str) -> bytes:
    body = {
        "type": "update",
        "cursor": cursor,
        "events": [
            {"kind": event.kind, "cursor": str(event.cursor), "at": utc_text(event.created_at), "data": event.data}
            for event in batch
        ],
        "prices": [
            {
                "symbol": price.symbol,
                "price": f"{price.price.normalize():f}",
                "time": utc_text(price.time),
                "bar": price.bar,
            }
            for price in prices
        ],
    }
    return json.dumps(body).encode()
