"""A job being worked on: how it begins, tells where it stands, and ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from stratforge.application.jobs.results import JobFailure, Result, as_json
from stratforge.application.quotas import has_used_up_tokens
from stratforge.storage.market.archive_objects import ArchiveUnavailable
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.strategies import jobs
from stratforge.storage.strategies.jobs import FailureCode, Job, JobKind, JobStatus


class Canceled(Exception):
    """Nobody wants the job any more, or not of whoever works on it: another has taken it, because he was thought to be gone."""


class Continues(Exception):
    """The job goes on elsewhere, and is ended there."""


class Failed(Exception):
    """The job cannot be done.

    Attributes:
        failure: Why, as it is stored and shown.
    """

    def __init__(self, code: FailureCode, message: str, **details: Any) -> None:
        """
        Args:
            details: More of `JobFailure`.
        """
        super().__init__(message)
        self.failure = JobFailure(code=code, message=message, **details)


class Work:
    """A job that somebody works on, and its place in the database."""

    def __init__(self, database: Database, job: Job, attempt: int | None = None) -> None:
        """
        Args:
            attempt: The number under which the job was taken; None for whoever does a part of it beside others, or goes on with it.
        """
        self.database = database
        self.job = job
        self._attempt = attempt

    def tell(self, progress: str) -> None:
        """Says where the work stands, in a few words for a person.

        Raises:
            Canceled: if nobody wants it any more.
        """
        with self._wanted() as connection:
            jobs.set_progress(connection, self.job.job_id, progress)

    def show(self, progress: str, partial: str) -> None:
        """Says where the work stands, and shows what there is of an answer.

        Raises:
            Canceled: if nobody wants it any more.
        """
        with self._wanted() as connection:
            jobs.set_partial(connection, self.job.job_id, progress, partial)

    def tokens(self) -> int:
        """The tokens that models took for the job so far, in all its attempts."""
        with self.database.transaction() as connection:
            return jobs.tokens_of_job(connection, self.job.job_id)

    def has_used_up_tokens(self) -> bool:
        """Returns whether models have taken for all jobs of its user what they may in a day."""
        with self.database.transaction() as connection:
            return has_used_up_tokens(connection, self.job.user_id)

    @contextmanager
    def _wanted(self) -> Iterator[Connection]:
        with self.database.transaction() as connection:
            if not jobs.is_wanted(connection, self.job.job_id, self._attempt):
                raise Canceled
            yield connection

    def succeed(self, store: Callable[[Connection], Result]) -> None:
        """Stores what was made and ends the job, in one transaction.

        Args:
            store: Stores it; returns the job's result.

        Raises:
            Canceled: if nobody wants it any more; then nothing is stored.
        """
        with self._wanted() as connection:
            jobs.finish_job(connection, self.job.job_id, result=as_json(store(connection)))

    def fail(self, failure: JobFailure) -> None:
        """Ends the job that cannot be done.

        Raises:
            Canceled: if nobody wants it any more.
        """
        with self._wanted() as connection:
            jobs.finish_job(connection, self.job.job_id, error=as_json(failure))


def run_job(
    database: Database, job_id: UUID, kinds: Mapping[JobKind, Callable[[Work], None]], cause: str | None = None
) -> JobStatus | None:
    """Runs a job. One that is delivered again after its end is left alone, as is one that another message began; one that was interrupted is done anew,
    three times at most. Whoever was thought to be gone and is not, stops at his next step, and what he makes or fails at is nobody's.

    Args:
        kinds: What does each kind; it raises `Failed` when the job cannot be done.
        cause: The id of the message that asks for it, the same when it comes again; None for whoever goes on with what was begun elsewhere.

    Returns:
        How it ended, or RUNNING where it goes on elsewhere; None if there was nothing to do.
    """
    with database.transaction() as connection:
        job = jobs.begin_job(connection, job_id, cause)
    if job is None:
        return None
    work = Work(database, job, None if cause is None else job.attempts)
    try:
        try:
            kinds[job.kind](work)
        except Failed as error:
            work.fail(error.failure)
            return JobStatus.FAILED
        except ArchiveUnavailable as error:
            work.fail(JobFailure(code=FailureCode.ARCHIVE_UNAVAILABLE, message=str(error)))
            return JobStatus.FAILED
    except Canceled:
        return JobStatus.CANCELED
    except Continues:
        return JobStatus.RUNNING
    return JobStatus.SUCCEEDED
