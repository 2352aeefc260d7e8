"""Evaluating a live session's recorded bars again."""

from __future__ import annotations

from stratforge.application.jobs.requests import ReplayRequest
from stratforge.application.jobs.results import FailureCode, ReplayDifference, ReplayedSession
from stratforge.application.jobs.work import Failed, Work
from stratforge.storage.postgres.database import Connection
from stratforge.storage.strategies import replays, sessions
from stratforge.strategy.replay import Difference, replay

_DIFFERENCES_SHOWN = 100


def replay_session(work: Work) -> None:
    """Evaluates a session's recorded bars again and notes whether its signals are the same.

    Raises:
        Failed: if the session has seen no bar yet.
        Canceled: if nobody wants it any more.
    """
    session_id = ReplayRequest.model_validate(work.job.request).session_id
    work.tell("replaying")
    with work.database.transaction(work.job.user_id) as connection:
        session = replays.recorded_session(connection, session_id)
        if session is None:
            message = "the session has seen no bar yet; ask again when it has"
            raise Failed(FailureCode.BACKTEST_REFUSED, message)
        live = replays.recorded_signals(connection, session_id)
        count, differences = replay(session.strategy, replays.recorded_bars(connection, session), live)
    result = ReplayedSession(
        session_id=session_id,
        bars=count,
        signals=len(live),
        differences=[_noted(each) for each in differences[:_DIFFERENCES_SHOWN]],
    )

    def noted(connection: Connection) -> ReplayedSession:
        sessions.note_replay(connection, session_id, count, [each.model_dump() for each in result.differences])
        return result

    work.succeed(noted)


def _noted(each: Difference) -> ReplayDifference:
    return ReplayDifference(
        time=each.time,
        live=each.live.side if each.live else None,
        replayed=each.replayed.side if each.replayed else None,
    )
