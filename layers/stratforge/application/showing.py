"""Showing reports and sessions to others, and taking them back."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from stratforge.application.access import Caller, Scope
from stratforge.application.errors import Conflict, LimitReached, NotFound, existing
from stratforge.application.quotas import SHOWINGS, spend_first
from stratforge.storage.postgres import limits
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import shown
from stratforge.storage.strategies.shown import SharedReport, ShownSession

_TOKEN_BYTES = 24
# Fewer may be anything.
LEAST_TRADES, LEAST_DAYS = 30, 20
# Sessions that one user shows at a time.
_MOST_SHOWN = 3
# Shared reports and their charts that one network address reads at once, and as many again in so many seconds.
_READ_AT_ONCE, _READ_SECONDS = 60.0, 60.0
# Standings that are computed anew in a minute.
_STANDINGS_A_MINUTE = 50
# Scripts that are written together.
_TOGETHER = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HANGUL"})
_RESERVED = ("stratforge", "admin", "operator", "support", "moderator", "official")


def name_key(name: str) -> str:
    """A name as it is compared with others': without case, blanks and signs."""
    return "".join(each for each in unicodedata.normalize("NFKC", name).casefold() if each.isalnum())


def _one_spelling(name: str) -> str:
    normal = unicodedata.normalize("NFKC", name)
    letters = [each for each in normal if each.isalpha()]
    scripts = {unicodedata.name(each, "UNNAMED").split()[0].split("-")[0] for each in letters}
    if any(unicodedata.category(each)[0] in "MC" for each in normal) or (len(scripts) > 1 and not scripts <= _TOGETHER):
        raise ValueError("a name is written in one alphabet, without loose accents and invisible characters")
    if len(name_key(normal)) < 2:
        raise ValueError("a name has two letters or digits at least")
    if any(each in name_key(normal) for each in _RESERVED):
        raise ValueError("a name that could be taken for ours is not given")
    return normal


ShownName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=2, max_length=40, pattern=r"^[\w.'\-]([\w .'\-]*[\w.'\-])?$"),
    AfterValidator(_one_spelling),
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


def read_shared(database: Database, token: str, address: str) -> SharedReport:
    """The report behind a link, for whoever has it.

    Args:
        address: The network address that asks, which a report costs something each time.

    Raises:
        LimitReached: if more were read from there than a person reads.
        NotFound: if the link leads to none.
    """
    with database.transaction() as connection:
        if not limits.take(connection, f"shared from {address}", _READ_AT_ONCE, _READ_AT_ONCE / _READ_SECONDS):
            raise LimitReached(
                "Too many reports were read from this address.", retry_after=_READ_SECONDS / _READ_AT_ONCE
            )
    with database.transaction() as connection:
        return existing(shown.shared_report(connection, token), "report")


def publish_session(database: Database, caller: Caller, session_id: UUID, name: str) -> None:
    """Shows a session on the leaderboard, under a name of its owner's choice.

    Raises:
        NotFound: if there is no such session.
        Conflict: if somebody else has the name, or three others are shown.
        LimitReached: if it was asked for too often.
    """
    caller.require(Scope.WRITE)
    spend_first(database, caller, SHOWINGS)
    key = name_key(name)
    with database.transaction(caller) as connection:
        if not shown.name_is_free(connection, key):
            raise Conflict("Somebody else is shown under this name. Choose another.", code="name-taken")
        if len(shown.published(connection) - {session_id}) >= _MOST_SHOWN:
            raise Conflict(f"{_MOST_SHOWN} of your sessions are shown. Take one off first.", code="enough-shown")
        if not shown.publish(connection, caller.user_id, session_id, name, key):
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
        return rank(shown.leaderboard(connection, LEAST_TRADES, LEAST_DAYS))


def refresh_standings(database: Database) -> None:
    """Computes anew how the sessions stand whose figures are the oldest, once a minute for everybody who looks."""
    with database.transaction() as connection:
        shown.compute_standings(connection, shown.stalest_standings(connection, _STANDINGS_A_MINUTE))


def rank(sessions: Sequence[ShownSession]) -> Leaderboard:
    """Ranks what is verified and has traded often and long enough, of each owner the best, by its score."""
    judged = [(each, _unranked(each)) for each in sessions]
    ranked = sorted((each for each, reason in judged if reason is None), key=lambda each: -(each.score or 0.0))
    return Leaderboard(ranked, [(each, reason) for each, reason in judged if reason is not None])


def _unranked(each: ShownSession) -> str | None:
    if each.trades < LEAST_TRADES:
        return f"{each.trades} of {LEAST_TRADES} trades"
    if each.days < LEAST_DAYS:
        return f"{each.days} of {LEAST_DAYS} days"
    if each.by_hand:
        return "a hand was in it"
    if not each.verified:
        return "not verified by a replay"
    return None if each.best_of_owner else "another of its owner's ranks higher"
