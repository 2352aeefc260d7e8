"""Waking the workers of jobs whose message was lost: before it was sent, with its queue, or with whoever worked on it."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import jobs
from stratforge.storage.strategies.jobs import JobKind

# What a pass wakes at most: the others are the next one's.
MOST = 200
_OF_THE_ASSISTANT = frozenset({JobKind.RESEARCH, JobKind.GENERATE})


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
    """
    with database.transaction() as connection:
        if queues_are_new:
            jobs.forget_messages(connection)
        unheard = jobs.claim_unheard(connection, MOST)
    for job in unheard:
        (run_assistant_job if job.kind in _OF_THE_ASSISTANT else run_backtest_job)(job.job_id)
    return len(unheard)
