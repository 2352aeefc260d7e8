"""Caps: how many of everything a user may have at once. What is taken away makes room."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from stratforge.application import quotas
from stratforge.application.access import Caller, Scope
from stratforge.application.errors import Conflict
from stratforge.application.webhooks import MOST_WEBHOOKS
from stratforge.storage.market.alerts import MOST_ALERTS
from stratforge.storage.market.watchlist import MOST_WATCHED
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.users.counts import counts, held, symbol_is_full

# Every bar costs each live session an evaluation, and every strategy some kilobytes for each of its versions.
MOST_LIVE_SESSIONS, MOST_STRATEGIES = 100, 500
_CAPS = {
    "strategies": MOST_STRATEGIES,
    "live_sessions": MOST_LIVE_SESSIONS,
    "alerts": MOST_ALERTS,
    "watched_symbols": MOST_WATCHED,
    "webhooks": MOST_WEBHOOKS,
}


@dataclass(frozen=True, slots=True)
class Cap:
    """So many of a kind a user may have at once.

    Attributes:
        kind: What is counted.
        most: So many there may be.
        used: So many there are.
    """

    kind: str
    most: int
    used: int


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests of a kind a user may make in a time.

    Attributes:
        kind: What the requests are for, as `RateLimit` names it.
        requests: So many, half of them at once.
        seconds: In so many seconds, whenever they begin.
    """

    kind: str
    requests: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Quotas:
    """The requests that a user may make in a time, and the things that he may have at once.

    Attributes:
        rates: Requests in a time; what is left of each, every answer says whose request was counted.
        caps: Things at once.
    """

    rates: list[Rate]
    caps: list[Cap]


def read_quotas(database: Database, caller: Caller) -> Quotas:
    """The caller's quotas, with what he has of everything that is counted."""
    caller.require(Scope.READ)
    with database.reading(caller) as connection:
        used = counts(connection, caller.user_id)
    rates = [Rate(each.kind, each.requests, each.seconds) for each in quotas.ALL]
    return Quotas(rates, [Cap(kind, most, used[kind]) for kind, most in _CAPS.items()])


def require_room_for_strategy(connection: Connection, user_id: UUID) -> None:
    """Makes sure that a user may have one strategy more, until the transaction ends.

    Raises:
        Conflict: if he has as many as may be.
    """
    if held(connection, user_id, "strategies") >= MOST_STRATEGIES:
        message = f"There are {MOST_STRATEGIES} strategies already, those put aside among them; delete one first."
        raise Conflict(message, code="too-many-strategies")


def require_room_for_session(connection: Connection, user_id: UUID, symbol: str | None) -> None:
    """Makes sure that a user may have one live session more, and a symbol too, until the transaction ends.

    Args:
        connection: The caller's transaction.
        user_id: The user.
        symbol: What it runs on; None for a portfolio, which no symbol's bar evaluates.

    Raises:
        Conflict: if he, or the symbol, has as many as may be.
    """
    if held(connection, user_id, "live_sessions") >= MOST_LIVE_SESSIONS:
        message = f"{MOST_LIVE_SESSIONS} sessions run or are paused already; stop one first."
        raise Conflict(message, code="too-many-sessions")
    if symbol is not None and (most := symbol_is_full(connection, symbol)) is not None:
        message = f"{most:,} sessions run on {symbol} already, which is as many as are evaluated between two of its bars. Choose another symbol, or try again later."
        raise Conflict(message, code="symbol-full")
