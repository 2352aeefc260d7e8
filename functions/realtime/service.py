"""Opening a connection with a ticket, from where it left off, and choosing what it watches."""

from __future__ import annotations

import json
from typing import Any

from stratforge.market import InvalidSymbol, parse_symbol
from stratforge.storage.delivery import events, tickets
from stratforge.storage.delivery.events import EventCursor
from stratforge.storage.postgres.database import Database

MAX_SYMBOLS = 50
# Open connections of one user: a few devices with a few tabs each.
MAX_CONNECTIONS = 20
_HELP = 'Send {"action": "watch", "symbols": ["AAPL"]} or {"action": "ping"}.'


class RealtimeService:
    """The service behind the WebSocket: handles clients' messages. Messages to clients are the notifier's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def prepare(self) -> None:
        """Connects to the database, so that the first visitor need not wait."""
        self._database.prepare()

    def connect(self, connection_id: str, query: dict[str, Any], origin: str | None = None) -> tuple[int, str]:
        """Opens a connection for whoever has a ticket; with a cursor it goes on from there.

        Args:
            origin: The site whose page connects, as the browser says; programs say none.
        """
        given = query.get("cursor")
        cursor = EventCursor.parse(str(given)) if given else None
        if given and cursor is None:
            return 400, "cursor: use the one of the last message, unchanged."
        with self._database.transaction() as connection:
            ticket = tickets.take_ticket(connection, str(query.get("ticket", "")))
            if ticket is None:
                return 401, "The ticket is not valid any more. Ask for a new one."
            if origin is not None and origin != ticket.origin:
                return 403, "The ticket was given to another site."
            start = cursor or events.present(connection)
            if not events.add_connection(connection, connection_id, ticket, start, MAX_CONNECTIONS):
                return 429, f"There are {MAX_CONNECTIONS} connections already; close one first."
        return 200, ""

    def disconnect(self, connection_id: str) -> tuple[int, str]:
        """Forgets a connection that was closed."""
        with self._database.transaction() as connection:
            events.remove_connection(connection, connection_id)
        return 200, ""

    def hear(self, connection_id: str, body: str) -> tuple[int, str]:
        """Answers a message of a client: a ping, or which symbols it watches."""
        try:
            message = json.loads(body)
        except ValueError:
            message = None
        action = message.get("action") if isinstance(message, dict) else None
        if action == "ping":
            return 200, json.dumps({"type": "pong"})
        if action == "watch" and isinstance(message, dict):
            return self._watch(connection_id, message.get("symbols"))
        return 400, json.dumps({"type": "error", "detail": f"That is not understood. {_HELP}"})

    def _watch(self, connection_id: str, symbols: Any) -> tuple[int, str]:
        if not isinstance(symbols, list) or len(symbols) > MAX_SYMBOLS:
            return 400, json.dumps({"type": "error", "detail": f"symbols: a list of at most {MAX_SYMBOLS}."})
        try:
            wanted = sorted({parse_symbol(str(each)[:20]) for each in symbols})
        except InvalidSymbol as error:
            return 400, json.dumps({"type": "error", "detail": f"symbols: {error}."})
        with self._database.transaction() as connection:
            known = events.watch_symbols(connection, connection_id, wanted)
        if not known:
            return 410, json.dumps({"type": "error", "detail": "The connection is not known. Connect again."})
        return 200, json.dumps({"type": "watching", "symbols": wanted})
