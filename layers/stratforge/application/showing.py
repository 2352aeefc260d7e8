"""Showing reports and sessions to others, and taking them back."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from stratforge.application.access import Caller, Scope
from stratforge.application.errors import NotFound, existing
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import shown
from stratforge.storage.strategies.shown import ShownSession

_TOKEN_BYTES = 24
# Fewer may be anything.
LEAST_TRADES = 30
ShownName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=2, max_length=40, pattern=r"^[\w.'\-]([\w .'\-]*[\w.'\-])?$"),
    Field(description="Letters, digits, blanks and .'- of any language", examples=["Ada L."]),
]


def share_report(database: Database, caller: Caller, backtest_id: UUID) -> str:
    """Makes a link to a report that works without a login, or finds the one that it has; returns its token.

    Raises:
        NotFound: if there is no such report.
    """
    caller.require(Scope.WRITE)
    with database.transaction(caller) as connection:
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        return existing(shown.share(connection, caller.user_id, backtest_id, token), "backtest")


def unshare_report(database: Database, caller: Caller, backtest_id: UUID) -> None:
    """Ends the link to a report: who has it finds nothing any more.

    Raises:
        NotFound: if there is no such report.
    """
    caller.require(Scope.WRITE)
    with database.transaction(caller) as connection:
        if not shown.unshare(connection, backtest_id):
            raise NotFound("backtest")


def publish_session(database: Database, caller: Caller, session_id: UUID, name: str) -> None:
    """Shows a session on the leaderboard, under a name of its owner's choice.

    Raises:
        NotFound: if there is no such session.
    """
    caller.require(Scope.WRITE)
    with database.transaction(caller) as connection:
        if not shown.publish(connection, caller.user_id, session_id, name):
            raise NotFound("session")


def withdraw_session(database: Database, caller: Caller, session_id: UUID) -> None:
    """Takes a session off the leaderboard.

    Raises:
        NotFound: if there is no such session.
    """
    caller.require(Scope.WRITE)
    with database.transaction(caller) as connection:
        if not shown.withdraw(connection, session_id):
            raise NotFound("session")


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """The sessions that are shown: those that are ranked, the best first, and those that are not yet, each with the reason."""

    ranked: list[ShownSession]
    others: list[tuple[ShownSession, str]]


def read_leaderboard(database: Database, caller: Caller) -> Leaderboard:
    """Ranks the sessions that people show by their risk-adjusted return."""
    caller.require(Scope.READ)
    with database.reading(caller) as connection:
        return rank(shown.leaderboard(connection))


def rank(sessions: Sequence[ShownSession]) -> Leaderboard:
    """Ranks what is verified and has traded often enough by its system quality number."""
    judged = [(each, _unranked(each)) for each in sessions]
    ranked = sorted((each for each, reason in judged if reason is None), key=lambda each: -(each.quality or 0.0))
    return Leaderboard(ranked, [(each, reason) for each, reason in judged if reason is not None])


def _unranked(each: ShownSession) -> str | None:
    if each.trades < LEAST_TRADES:
        return f"{each.trades} of {LEAST_TRADES} trades"
    if not each.verified:
        return "not verified by a replay"
    return None if each.quality is not None else "its trades do not vary"
