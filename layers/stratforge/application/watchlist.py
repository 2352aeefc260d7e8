"""The symbols that a person watches."""

from __future__ import annotations

from stratforge.application.access import Caller, Scope
from stratforge.application.errors import Conflict
from stratforge.storage.market import watchlist
from stratforge.storage.market.watchlist import DayPrice
from stratforge.storage.postgres.database import Database


def watch_symbol(database: Database, caller: Caller, symbol: str) -> None:
    """Adds a symbol to those that the caller watches; watching it again changes nothing.

    Raises:
        Conflict: if he watches as many as may be.
    """
    caller.require(Scope.WRITE)
    with database.transaction(caller) as connection:
        if not watchlist.watch(connection, caller.user_id, symbol):
            message = f"You watch {watchlist.MOST_WATCHED} symbols already; take one off first."
            raise Conflict(message, code="watchlist-full")


def unwatch_symbol(database: Database, caller: Caller, symbol: str) -> None:
    """Takes a symbol off the list, if it is on it."""
    caller.require(Scope.WRITE)
    with database.transaction(caller) as connection:
        watchlist.unwatch(connection, caller.user_id, symbol)


def read_watchlist(database: Database, caller: Caller) -> list[DayPrice]:
    """The symbols that the caller watches, in the order in which they were added, with their prices."""
    caller.require(Scope.READ)
    with database.reading(caller) as connection:
        return watchlist.day_prices(connection, watchlist.watched(connection, caller.user_id))
