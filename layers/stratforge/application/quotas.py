"""Quotas of a user: the requests that are allowed in a time, of every kind that costs somebody something."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from math import ceil

from stratforge.application.access import Caller
from stratforge.application.errors import LimitReached
from stratforge.storage.postgres import limits
from stratforge.storage.postgres.database import Connection, Database


@dataclass(frozen=True, slots=True)
class Quota:
    """So many requests of a kind in so many seconds; what is used up comes back evenly."""

    kind: str
    requests: int
    seconds: int


ORDERS = Quota("orders", 300, 60)
# Apart, so that whoever has placed too many orders can still call them off.
CANCELLATIONS = Quota("cancellations", 300, 60)
STRATEGIES = Quota("strategies", 120, 60)
SESSIONS = Quota("sessions", 120, 60)
BACKTESTS = Quota("backtests", 240, 3600)
WEBHOOKS = Quota("webhooks", 60, 3600)
EXPORTS = Quota("exports", 20, 3600)


@dataclass(frozen=True, slots=True)
class Spent:
    """A quota after a request: the requests left of it, and the seconds until it is whole again."""

    quota: Quota
    left: int
    whole_in: int


# What a request has spent, for who tells its caller: set to a list before the request, filled on the way.
spent: ContextVar[list[Spent] | None] = ContextVar("spent", default=None)


def spend(connection: Connection, caller: Caller, quota: Quota) -> None:
    """Takes one request from the caller's quota, in the transaction that does what it is for: what fails costs nothing.

    Raises:
        LimitReached: if it is used up.
    """
    left = limits.spend(connection, f"{quota.kind}:{caller.user_id}", quota.requests, quota.requests / quota.seconds)
    note(quota, max(left, 0.0))
    if left < 0:
        message = f"{quota.requests} {quota.kind} in {quota.seconds} seconds are allowed."
        raise LimitReached(message, retry_after=max(1.0, ceil(-left)))


def note(quota: Quota, left: float) -> None:
    """Notes what is left of a quota, for who tells the caller."""
    told = spent.get()
    if told is not None:
        used = quota.requests - left
        told.append(Spent(quota, int(left), ceil(used * quota.seconds / quota.requests)))


def spend_first(database: Database, caller: Caller, quota: Quota) -> None:
    """Takes one request from the caller's quota in a transaction of its own, before the work that it pays for begins.

    Raises:
        LimitReached: if it is used up.
    """
    with database.transaction(caller) as connection:
        spend(connection, caller, quota)
