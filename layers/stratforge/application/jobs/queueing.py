"""Asking for work that takes a while: what may be asked for, and waiting for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from stratforge.application import quotas
from stratforge.application.access import Caller, Scope
from stratforge.application.caps import require_room_for_strategy
from stratforge.application.errors import Conflict, Invalid, LimitReached, NotFound, existing
from stratforge.application.idempotency import RequestKey
from stratforge.application.jobs import export_data
from stratforge.application.jobs.requests import (
    Exported,
    ExportRequest,
    GenerateRequest,
    JobRequest,
    NewBacktest,
    ReplayRequest,
    ResearchRequest,
    request_of,
)
from stratforge.application.jobs.results import FinishedExport, result_of
from stratforge.application.quotas import TOKENS_A_DAY, spend
from stratforge.application.strategies import read_version
from stratforge.bus.outbox import Outbox
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.strategies import jobs, sessions, strategies
from stratforge.storage.strategies.jobs import Job, JobKind
from stratforge.strategy.rotation import is_portfolio

JOBS_A_DAY = 200
_DAY = timedelta(days=1)
LINK_SECONDS = 300
_FIRST_POLL, _SLOWEST_POLL = 0.03, 0.5


@dataclass(frozen=True, slots=True)
class ExportLink:
    """A link to a file.

    Attributes:
        url: It needs no key; hand it to nobody.
        expires_in: Seconds.
    """

    url: str
    expires_in: int


def request_research(
    database: Database, outbox: Outbox, caller: Caller, request: ResearchRequest, key: RequestKey
) -> Job:
    """Queues the answering of a question.

    Raises:
        LimitReached: if the day's questions or tokens are used up.
        NotFound: if there is no such question before it.
    """
    caller.require(Scope.AI)
    with database.transaction(caller) as connection:
        _check_quota(connection, caller.user_id, request.kind)
        _check_earlier(connection, request)
        job = _added(connection, caller, request, key)
    outbox.run_assistant_job(job.job_id)
    return job


def request_strategy(
    database: Database, outbox: Outbox, caller: Caller, request: GenerateRequest, key: RequestKey
) -> Job:
    """Has a strategy written, or the next version of one, which changes what is the user's: that needs the scope `write` as well.

    Raises:
        LimitReached: if the day's requests or tokens are used up.
        NotFound: if there is no such strategy, or no such earlier request.
        Conflict: if a new one is wanted and there are as many as may be.
    """
    caller.require(Scope.AI)
    if request.strategy_id is not None:
        caller.require(Scope.WRITE)
    with database.transaction(caller) as connection:
        _check_quota(connection, caller.user_id, request.kind)
        if request.strategy_id is None:
            require_room_for_strategy(connection, caller.user_id)
        elif strategies.get_strategy(connection, request.strategy_id) is None:
            raise NotFound("strategy")
        _check_earlier(connection, request)
        job = _added(connection, caller, request, key)
    outbox.run_assistant_job(job.job_id)
    return job


def _check_earlier(connection: Connection, request: GenerateRequest | ResearchRequest) -> None:
    """Raises NotFound where what a request follows is no request of its kind."""
    if request.follows is not None:
        earlier = jobs.get_job(connection, request.follows)
        if earlier is None or earlier.kind != request.kind:
            raise NotFound("job")


def request_backtest(database: Database, outbox: Outbox, caller: Caller, request: NewBacktest, key: RequestKey) -> Job:
    """Queues the backtest of a strategy's version, of the one that is the latest now where none is named, and on what that trades.

    Raises:
        NotFound: if there is no such strategy or version.
        Invalid: if a parameter is to be swept or set that it does not have, or a portfolio strategy has no use for what is asked.
    """
    caller.require(Scope.WRITE)
    with database.transaction(caller) as connection:
        spend(connection, caller, quotas.BACKTESTS)
        _, version = read_version(connection, request.strategy_id, request.version)
        symbol: str | None = request.symbol or version.symbol
        if is_portfolio(version.python_code):
            request.portfolio_capital()
            symbol = None
        for field, named in (("sweep", request.sweep), ("parameters", request.parameters)):
            if unknown := set(named or {}) - set(version.parameters):
                raise Invalid(f"{field}: the strategy has no parameter {', '.join(sorted(unknown))}.")
        own = {name: value for name, value in (request.parameters or {}).items() if value != version.parameters[name]}
        update = {"version": version.version, "symbol": symbol, "parameters": own or None}
        request = request.model_copy(update=update)
        job = _added(connection, caller, request, key)
    outbox.run_backtest_job(job.job_id)
    return job


def request_replay(database: Database, outbox: Outbox, caller: Caller, request: ReplayRequest, key: RequestKey) -> Job:
    """Has a session's recorded bars evaluated again: its signals must come out the same, bit for bit.

    Raises:
        NotFound: if there is no such session.
    """
    caller.require(Scope.WRITE)
    with database.transaction(caller) as connection:
        spend(connection, caller, quotas.BACKTESTS)
        if sessions.get_session(connection, request.session_id) is None:
            raise NotFound("session")
        job = _added(connection, caller, request, key)
    outbox.run_backtest_job(job.job_id)
    return job


def request_export(database: Database, outbox: Outbox, caller: Caller, request: ExportRequest, key: RequestKey) -> Job:
    """Has a file made of what the caller may read.

    Raises:
        Forbidden: if a program asks for the whole account.
        LimitReached: if too many were asked for.
    """
    _require_reader(caller, request)
    with database.transaction(caller) as connection:
        spend(connection, caller, quotas.EXPORTS)
        job = _added(connection, caller, request, key)
    outbox.run_backtest_job(job.job_id)
    return job


def link_to_export(
    database: Database, caller: Caller, job_id: UUID, link: Callable[[str, str, int], str]
) -> ExportLink:
    """A link to a file that a job made, good for minutes; whoever has it needs nothing else.

    Args:
        link: Makes a link to a file: its key, the name to save it under, and the seconds for which it is good.

    Raises:
        Forbidden: if a program asks for the file of the whole account.
        NotFound: if there is no such job of the caller.
        Conflict: if it makes no file, has not made it yet, or made it more than a day ago.
    """
    caller.require(Scope.READ)
    with database.reading(caller) as connection:
        job = existing(jobs.get_job(connection, job_id), "export")
    made, asked = result_of(job), request_of(job)
    if not isinstance(made, FinishedExport) or not isinstance(asked, ExportRequest) or job.finished_at is None:
        raise Conflict("There is no file yet; ask again when the job has succeeded.", code="no-file")
    _require_reader(caller, asked)
    if datetime.now(UTC) - job.finished_at > _DAY:
        raise Conflict("The file was kept for a day. Have it made again.", code="file-gone")
    key = export_data.key_of(caller.user_id, job_id, asked.form)
    return ExportLink(link(key, made.name, LINK_SECONDS), LINK_SECONDS)


def _require_reader(caller: Caller, request: ExportRequest) -> None:
    """The whole account has logins, addresses and its log in it, which are for its owner's eyes."""
    caller.require(Scope.READ)
    if request.what is Exported.ACCOUNT:
        caller.require_login()


def cancel_job(database: Database, caller: Caller, job_id: UUID) -> Job:
    """Cancels a job; one that has finished stays as it is. Who works on it notices at the next step.

    Raises:
        NotFound: if there is no such job.
    """
    caller.require(Scope.WRITE)
    with database.transaction(caller) as connection:
        return existing(jobs.cancel_job(connection, job_id), "job")


def wait_for_job(
    database: Database, caller: Caller, job: Job, seconds: float, sleep: Callable[[float], None] = time.sleep
) -> Job:
    """The job when it has finished, or as it stands after so many seconds."""
    deadline = time.monotonic() + seconds
    delay = _FIRST_POLL
    while not job.finished and time.monotonic() < deadline:
        sleep(delay)
        delay = min(delay * 1.5, _SLOWEST_POLL)
        with database.reading(caller) as connection:
            job = jobs.get_job(connection, job.job_id) or job
    return job


def _added(connection: Connection, caller: Caller, request: JobRequest, key: RequestKey) -> Job:
    job_id = key.new_id(connection, caller.user_id)
    return jobs.add_job(connection, caller.user_id, request.kind, request.model_dump(mode="json"), job_id)


def _check_quota(connection: Connection, user_id: UUID, kind: JobKind) -> None:
    asked = jobs.count_recent_jobs(connection, user_id, kind, _DAY)
    day = int(_DAY.total_seconds())
    quotas.note(quotas.Quota(kind.lower(), JOBS_A_DAY, day), max(JOBS_A_DAY - asked - 1, 0), day)
    if asked >= JOBS_A_DAY:
        raise LimitReached(f"{JOBS_A_DAY} requests a day are allowed.", retry_after=3600)
    if quotas.has_used_up_tokens(connection, user_id):
        raise LimitReached(f"{TOKENS_A_DAY:,} tokens a day are allowed.", retry_after=3600)
