"""Quotas of a user: the requests that are allowed in a time, of every kind that costs somebody something."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from uuid import UUID

from stratforge.application.access import Caller
from stratforge.application.errors import LimitReached
from stratforge.storage.postgres import limits
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.strategies import jobs

# Tokens that language models may take for a user in a day, however many of his requests were queued before the first of them took any.
TOKENS_A_DAY = 2_000_000
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Quota:
    """At most so many requests of a kind in so many seconds, whenever one begins to count: half of them at once, and as many more as come back evenly."""

    kind: str
    requests: int
    seconds: int

    @property
    def at_once(self) -> float:
        """Requests that whoever asked for nothing lately may make in one go."""
        return self.requests / 2


ORDERS = Quota("orders", 300, 60)
# Apart, so that whoever has placed too many orders can still call them off.
CANCELLATIONS = Quota("cancellations", 300, 60)
STRATEGIES = Quota("strategies", 120, 60)
SESSIONS = Quota("sessions", 120, 60)
BACKTESTS = Quota("backtests", 240, 3600)
WEBHOOKS = Quota("webhooks", 60, 3600)
EXPORTS = Quota("exports", 20, 3600)
ALERTS = Quota("alerts", 120, 3600)
PROGRAMS = Quota("programs", 40, 3600)
LIMITS = Quota("limits", 60, 3600)
SWITCHES = Quota("switches", 60, 3600)
SHOWINGS = Quota("showings", 40, 3600)
# Backtests of code while it is written.
PREVIEWS = Quota("previews", 60, 60)
ALL = (
    ORDERS,
    CANCELLATIONS,
    STRATEGIES,
    SESSIONS,
    BACKTESTS,
    WEBHOOKS,
    EXPORTS,
    ALERTS,
    PROGRAMS,
    LIMITS,
    SWITCHES,
    SHOWINGS,
    PREVIEWS,
)


@dataclass(frozen=True, slots=True)
class Spent:
    """A quota after a request: the requests left of it, and the seconds until it is whole again.

    Attributes:
        kept: It stays spent when the request fails, as it pays for work that was done all the same.
    """

    quota: Quota
    left: int
    whole_in: int
    kept: bool = False


# What a request has spent, for who tells its caller: set to a list before the request, filled on the way.
spent: ContextVar[list[Spent] | None] = ContextVar("spent", default=None)


def spend(connection: Connection, caller: Caller, quota: Quota, *, kept: bool = False) -> None:
    """Takes one request from the caller's quota, in the transaction that does what it is for: what fails costs nothing.

    Raises:
        LimitReached: if it is used up.
    """
    per_second = quota.at_once / quota.seconds
    left = limits.spend(connection, f"{quota.kind}:{caller.user_id}", quota.at_once, per_second)
    note(quota, max(left, 0.0), (quota.at_once - max(left, 0.0)) / per_second, kept=kept)
    if left < 0:
        message = f"{quota.requests} {quota.kind} in {quota.seconds} seconds are allowed, half of them at once."
        raise LimitReached(message, retry_after=max(1.0, ceil(-left)))


def note(quota: Quota, left: float, whole_in: float, *, kept: bool = False) -> None:
    """Notes what is left of a quota, and the seconds until it is whole again, for who tells the caller."""
    told = spent.get()
    if told is not None:
        told.append(Spent(quota, int(left), ceil(whole_in), kept))


def has_used_up_tokens(connection: Connection, user_id: UUID) -> bool:
    """Returns whether language models have taken for a user what they may in a day."""
    return jobs.tokens_of(connection, user_id, _DAY) >= TOKENS_A_DAY


def spend_first(database: Database, caller: Caller, quota: Quota) -> None:
    """Takes one request from the caller's quota in a transaction of its own, before the work that it pays for begins.

    Raises:
        LimitReached: if it is used up.
    """
    with database.transaction(caller) as connection:
        spend(connection, caller, quota, kept=True)
