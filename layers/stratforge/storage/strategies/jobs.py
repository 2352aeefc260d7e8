"""Jobs: work that is queued for the assistant or the backtester."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.pages import Page
from stratforge.storage.postgres.rows import fetch_all, fetch_one, fetch_value

MAX_ATTEMPTS = 3
# Without a sign for so long nobody works on a job any more: no function may take as long. A study's parts may wait for others', for a day at most.
_GIVEN_UP = "(CASE WHEN EXISTS (SELECT FROM studies s WHERE s.job_id = jobs.id) THEN interval '25 hours' ELSE interval '20 minutes' END)"
_ABANDONED = f"(begun_by IS NULL OR alive_at < now() - {_GIVEN_UP})"
_COLUMNS = (
    "id AS job_id, user_id, kind, status, request, progress, partial, result, error, tokens, created_at, finished_at"
)


class JobKind(StrEnum):
    """The kinds of jobs: answer a question, write a strategy, backtest one, replay a session, make a file."""

    RESEARCH = "RESEARCH"
    GENERATE = "GENERATE"
    BACKTEST = "BACKTEST"
    REPLAY = "REPLAY"
    EXPORT = "EXPORT"


class JobStatus(StrEnum):
    """The lifecycle statuses of a job."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


class FailureCode(StrEnum):
    """The reasons for which a job fails."""

    INTERRUPTED = "interrupted"
    MODEL_UNAVAILABLE = "model-unavailable"
    MODEL_REFUSED = "model-refused"
    NOT_PASSED = "not-passed"
    BACKTEST_REFUSED = "backtest-refused"
    EXPORT_TOO_LARGE = "export-too-large"
    REPLAY_INCOMPLETE = "replay-incomplete"
    ARCHIVE_UNAVAILABLE = "archive-unavailable"


_FINISHED = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELED})


@dataclass(frozen=True, slots=True)
class Job:
    """Work in progress: `result` when it SUCCEEDED, `error` (a code and a message) when it FAILED.

    Attributes:
        request: What was asked for, as JSON of the kind's request.
        progress: Where the work stands, in a few words for a person.
        partial: What there is of an answer that is still coming.
        result: What it made, by its kind; null until it has succeeded.
        error: Why it failed: a code, a message and what else is known; null unless it has failed.
        tokens: What language models took for it so far, answers that came to nothing included.
    """

    job_id: UUID
    user_id: UUID
    kind: JobKind
    status: JobStatus
    request: dict[str, Any]
    progress: str | None
    partial: str | None
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    tokens: int
    created_at: datetime
    finished_at: datetime | None

    @property
    def finished(self) -> bool:
        """True when the job has ended, whichever way."""
        return self.status in _FINISHED


@dataclass(frozen=True, slots=True)
class BegunJob(Job):
    """A job that somebody has taken to work on; `attempts` says by whom, for whoever takes it after him has the next number."""

    attempts: int


def add_job(
    connection: Connection, user_id: UUID, kind: JobKind, request: dict[str, Any], job_id: UUID | None = None
) -> Job:
    """Queues a job (its message is sent by the caller, after the commit). An id of the caller's choice makes it safe to repeat."""
    added = fetch_one(
        connection,
        Job,
        f"""
        INSERT INTO jobs (id, user_id, kind, request) VALUES (coalesce(%s, gen_random_uuid()), %s, %s::job_kind, %s)
        ON CONFLICT (id) DO NOTHING RETURNING {_COLUMNS}
        """,  # noqa: S608 - column names of this module
        (job_id, user_id, kind, Jsonb(request)),
    )
    job = added or (get_job(connection, job_id) if job_id else None)
    assert job is not None
    return job


def list_jobs(
    connection: Connection, user_id: UUID, page: Page, kind: JobKind | None = None, status: JobStatus | None = None
) -> list[Job]:
    """A page of a user's jobs, of one kind or of all, in one status or in any."""
    return fetch_all(
        connection,
        Job,
        f"""
        SELECT {_COLUMNS} FROM jobs
        WHERE user_id = %(user)s AND (%(kind)s::text IS NULL OR kind = %(kind)s::job_kind)
          AND (%(status)s::text IS NULL OR status = %(status)s::job_status) {page.clause("created_at", "id")}
        """,  # noqa: S608 - column names of this module
        {"user": user_id, "kind": kind, "status": status, **page.parameters},
    )


def strategy_names(connection: Connection, job_ids: Collection[UUID | None]) -> dict[UUID, str]:
    """The names of the strategies that jobs are about, or wrote; nothing of those that were deleted."""
    query = """
        SELECT j.id, t.name FROM jobs j LEFT JOIN sessions s ON s.id = (j.request->>'session_id')::uuid
        JOIN strategies t ON t.id = coalesce((j.request->>'strategy_id')::uuid, (j.result->>'strategy_id')::uuid, s.strategy_id)
        WHERE j.id = ANY(%s) AND t.deleted_at IS NULL
    """
    wanted = [each for each in set(job_ids) if each is not None]
    return dict(connection.execute(query, (wanted,)).fetchall()) if wanted else {}


def list_conversation(connection: Connection, user_id: UUID, strategy_id: UUID, at_most: int = 60) -> list[Job]:
    """The latest turns of the conversation about a strategy, the oldest first: those that wrote or changed it, asked about it, and the open ones before it was there."""
    found = fetch_all(
        connection,
        Job,
        f"""
        WITH RECURSIVE conversation AS (
            SELECT * FROM jobs
            WHERE kind = 'GENERATE' AND user_id = %(user)s AND coalesce(request->>'strategy_id', result->>'strategy_id') = %(strategy)s
            UNION
            SELECT earlier.* FROM conversation JOIN jobs AS earlier ON earlier.id = (conversation.request->>'follows')::uuid
            WHERE earlier.kind = 'GENERATE' AND earlier.user_id = %(user)s
              AND coalesce(earlier.request->>'strategy_id', earlier.result->>'strategy_id', %(strategy)s) = %(strategy)s
        )
        SELECT {_COLUMNS} FROM conversation ORDER BY created_at DESC, id LIMIT %(at_most)s
        """,  # noqa: S608 - columns of this module
        {"user": user_id, "strategy": str(strategy_id), "at_most": at_most},
    )
    return found[::-1]


def list_recent_jobs(connection: Connection, user_id: UUID, kind: JobKind, window: timedelta) -> list[Job]:
    """All of a user's jobs of one kind that were asked for within the window."""
    query = f"SELECT {_COLUMNS} FROM jobs WHERE user_id = %s AND kind = %s AND created_at > now() - %s"  # noqa: S608 - columns
    return fetch_all(connection, Job, query, (user_id, kind, window))


def cancel_job(connection: Connection, job_id: UUID) -> Job | None:
    """Cancels a job that has not finished; who works on it notices at its next step."""
    connection.execute(
        "UPDATE jobs SET status = 'CANCELED', finished_at = now() WHERE id = %s AND status IN ('QUEUED', 'RUNNING')",
        (job_id,),
    )
    return get_job(connection, job_id)


def get_job(connection: Connection, job_id: UUID) -> Job | None:
    """A job by its id; None when there is none that the connection may see."""
    return fetch_one(connection, Job, f"SELECT {_COLUMNS} FROM jobs WHERE id = %s", (job_id,))  # noqa: S608 - columns


def job_before(connection: Connection, job: Job, job_id: UUID | None) -> Job | None:
    """The job that another goes on from, of the same user and kind; None when there is none such."""
    query = f"SELECT {_COLUMNS} FROM jobs WHERE id = %s AND user_id = %s AND kind = %s"  # noqa: S608 - columns
    return fetch_one(connection, Job, query, (job_id, job.user_id, job.kind))


def begin_job(connection: Connection, job_id: UUID, cause: str | None = None) -> BegunJob | None:
    """Takes a job to work on; None when it is finished, or begun by another message and not given up. Begun again, at most three times, is what its own
    message brings again or nobody works on any more.

    After the last attempt the job is failed instead.

    Args:
        cause: The id of the message; None for whoever goes on with a job that was begun elsewhere.
    """
    job = fetch_one(
        connection,
        BegunJob,
        f"""
        UPDATE jobs SET
            attempts = attempts + 1,
            status = (CASE WHEN attempts < %(limit)s THEN 'RUNNING' ELSE 'FAILED' END)::job_status,
            started_at = coalesce(started_at, now()),
            finished_at = CASE WHEN attempts < %(limit)s THEN NULL ELSE now() END,
            error = CASE WHEN attempts < %(limit)s THEN NULL ELSE %(error)s END,
            partial = NULL,
            begun_by = coalesce(%(cause)s, begun_by),
            alive_at = now()
        WHERE id = %(id)s AND (status = 'QUEUED' OR status = 'RUNNING' AND (%(cause)s::text IS NULL OR begun_by = %(cause)s OR {_ABANDONED}))
        RETURNING {_COLUMNS}, attempts
        """,  # noqa: S608 - column names of this module
        {
            "id": job_id,
            "cause": cause,
            "limit": MAX_ATTEMPTS,
            "error": Jsonb(
                {"code": FailureCode.INTERRUPTED, "message": "The work was interrupted three times. Please try again."}
            ),
        },
    )
    return job if job and job.status == JobStatus.RUNNING else None


def forget_messages(connection: Connection) -> None:
    """Notes that the messages of all jobs that are not finished are lost, and whoever worked on them gone. Who is not, stops when
    another has begun."""
    connection.execute("UPDATE jobs SET woken_at = NULL, begun_by = NULL WHERE finished_at IS NULL")


def claim_unheard(connection: Connection, kinds: Collection[JobKind], most: int) -> list[UUID]:
    """The jobs of some kinds whose workers are to be told once more, those that wait the longest first: they are in nobody's hands, and it is two minutes
    since somebody was told, later as long as they have waited, at most an hour. Noted as told: of two who ask at once only one is given a job.
    """
    rows = connection.execute(
        f"""
        UPDATE jobs SET woken_at = now() WHERE id IN (
            SELECT id FROM jobs
            WHERE finished_at IS NULL AND (status = 'QUEUED' OR {_ABANDONED}) AND kind = ANY(%s::job_kind[])
              AND (woken_at IS NULL OR woken_at < now() - greatest(interval '2 minutes', least(interval '1 hour', woken_at - created_at)))
            ORDER BY woken_at NULLS FIRST LIMIT %s FOR UPDATE SKIP LOCKED)
        RETURNING id
        """,  # noqa: S608 - constants of this module
        (list(kinds), most),
    )
    return [row[0] for row in rows]


def note_unheard(connection: Connection, job_ids: Sequence[UUID]) -> None:
    """Notes that nobody could be told of jobs that were claimed to be told of: the next look gives them again."""
    connection.execute("UPDATE jobs SET woken_at = NULL WHERE id = ANY(%s) AND finished_at IS NULL", (list(job_ids),))


def set_progress(connection: Connection, job_id: UUID, progress: str) -> None:
    """Tells where the work stands, in a few words for a person."""
    connection.execute(
        "UPDATE jobs SET progress = %s, alive_at = now() WHERE id = %s AND status = 'RUNNING'", (progress, job_id)
    )


def set_partial(connection: Connection, job_id: UUID, progress: str, partial: str) -> None:
    """Shows what there is of an answer that is still coming."""
    connection.execute(
        "UPDATE jobs SET progress = %s, partial = %s, alive_at = now() WHERE id = %s AND status = 'RUNNING'",
        (progress, partial, job_id),
    )


def finish_job(
    connection: Connection, job_id: UUID, *, result: dict[str, Any] | None = None, error: dict[str, Any] | None = None
) -> None:
    """Ends a job with its result, or with an error of a code and a message."""
    connection.execute(
        """
        UPDATE jobs SET status = (CASE WHEN %(error)s::jsonb IS NULL THEN 'SUCCEEDED' ELSE 'FAILED' END)::job_status,
                        result = %(result)s, error = %(error)s, partial = NULL, finished_at = now()
        WHERE id = %(id)s AND status = 'RUNNING'
        """,
        {"id": job_id, "result": Jsonb(result) if result else None, "error": Jsonb(error) if error else None},
    )


def is_wanted(connection: Connection, job_id: UUID, attempt: int | None = None) -> bool:
    """False when the job was canceled, or ended by another who worked on it too. While it is wanted it stays so until the transaction ends.

    Args:
        attempt: Who asks; False too when another has taken the job after him. None for whoever does a part of it beside others, or goes on with it.
    """
    query = "SELECT status = 'RUNNING' AND coalesce(attempts = %s, true) FROM jobs WHERE id = %s FOR UPDATE"
    return bool(fetch_value(connection, query, (attempt, job_id)))


def add_call(connection: Connection, job_id: UUID, tokens: int, dollars: Decimal | None) -> None:
    """Notes what a call of a model took for a job; `dollars` is None where its price is not known."""
    query = "UPDATE jobs SET calls = calls + 1, tokens = tokens + %s, priced_calls = priced_calls + %s, dollars = dollars + %s WHERE id = %s"
    connection.execute(query, (tokens, int(dollars is not None), dollars or 0, job_id))


def tokens_of_job(connection: Connection, job_id: UUID) -> int:
    """The tokens that models took for a job so far, in all its attempts."""
    return int(fetch_value(connection, "SELECT tokens FROM jobs WHERE id = %s", (job_id,)) or 0)


def tokens_of(connection: Connection, user_id: UUID, window: timedelta) -> int:
    """The tokens of a user's jobs within the window."""
    query = "SELECT coalesce(sum(tokens), 0) FROM jobs WHERE user_id = %s AND created_at > now() - %s"
    return int(fetch_value(connection, query, (user_id, window)))


def count_recent_jobs(connection: Connection, user_id: UUID, kind: JobKind, window: timedelta) -> int:
    """Counts the jobs of a kind that a user has queued within the window."""
    query = "SELECT count(*) FROM jobs WHERE user_id = %s AND kind = %s::job_kind AND created_at > now() - %s"
    return int(fetch_value(connection, query, (user_id, kind, window)))
