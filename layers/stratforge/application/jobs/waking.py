"""Waking the workers of jobs whose message was lost: before it was sent, with its queue, or with whoever worked on it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from uuid import UUID

from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import jobs
from stratforge.storage.strategies.jobs import JobKind

# What a pass wakes at most of each queue: the others are the next one's.
MOST = 200
_OF_THE_ASSISTANT = frozenset({JobKind.RESEARCH, JobKind.GENERATE})
_OF_THE_BACKTESTER = frozenset(JobKind) - _OF_THE_ASSISTANT


def wake_jobs(
    database: Database,
    run_assistant_job: Callable[[UUID], None],
    run_backtest_job: Callable[[UUID], None],
    *,
    queues_are_new: bool = False,
) -> int:
    """Sends again the messages of jobs that have waited for long, each more seldom the longer it waits; gives how many.

    A message too many changes nothing: a job that somebody works on is begun by no other message.

    Args:
        queues_are_new: The queues were made anew, so whatever is not finished has lost its message, and all of it is sent again.

    Raises:
        Exception: what the first queue that took no message said, after the jobs of the other were told of; those of this one are the next pass's.
    """
    if queues_are_new:
        with database.transaction() as connection:
            jobs.forget_messages(connection)
    woken, errors = 0, list[Exception]()
    for kinds, run in ((_OF_THE_ASSISTANT, run_assistant_job), (_OF_THE_BACKTESTER, run_backtest_job)):
        with database.transaction() as connection:
            unheard = jobs.claim_unheard(connection, kinds, MOST)
        left = deque(unheard)
        try:
            while left:
                run(left[0])
                left.popleft()
        except Exception as error:  # noqa: BLE001 - whatever it is, the other queue's jobs are told of
            errors.append(error)
            with database.transaction() as connection:
                jobs.note_unheard(connection, left)
        woken += len(unheard) - len(left)
    if errors:
        raise errors[0]
    return woken
