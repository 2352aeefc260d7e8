"""Evaluating a live session's recorded bars again."""

from __future__ import annotations

from stratforge.application.jobs.requests import ReplayRequest
from stratforge.application.jobs.results import ReplayDifference, ReplayedSession
from stratforge.application.jobs.work import Failed, Work
from stratforge.application.replays import compare_session
from stratforge.storage.postgres.database import Connection
from stratforge.storage.strategies import sessions
from stratforge.storage.strategies.jobs import FailureCode
from stratforge.strategy.replay import Difference

_DIFFERENCES_SHOWN = 100


def replay_session(work: Work) -> None:
    """Evaluates a session's recorded bars again and notes whether its signals are the same.

    Raises:
        Failed: if the session has seen no bar yet, or not all that it saw are recorded.
        Canceled: if nobody wants it any more.
    """
    session_id = ReplayRequest.model_validate(work.job.request).session_id
    work.tell("replaying")
    compared = compare_session(work.database, session_id)
    if compared is None:
        raise Failed(FailureCode.BACKTEST_REFUSED, "the session has seen no bar yet; ask again when it has")
    if not compared.complete:
        message = f"Of the {compared.bars_evaluated:,} bars the session saw, {compared.bars:,} are recorded: it cannot be replayed."
        raise Failed(FailureCode.REPLAY_INCOMPLETE, message)
    result = ReplayedSession(
        session_id=session_id,
        bars=compared.bars,
        signals=compared.signals,
        differences=[_noted(each) for each in compared.differences[:_DIFFERENCES_SHOWN]],
    )

    def noted(connection: Connection) -> ReplayedSession:
        sessions.note_replay(connection, session_id, compared.bars, [each.model_dump() for each in result.differences])
        return result

    work.succeed(noted)


def _noted(each: Difference) -> ReplayDifference:
    return ReplayDifference(
        time=each.time,
        live=each.live.side if each.live else None,
        replayed=each.replayed.side if each.replayed else None,
    )
