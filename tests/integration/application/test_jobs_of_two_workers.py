"""A job that two work on, because the first was taken for gone (a laptop that slept, an engine that died alone), is that of the second."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

import pytest
from stratforge.application.access import Caller
from stratforge.application.jobs import queueing
from stratforge.application.jobs.export_data import export_data
from stratforge.application.jobs.requests import Exported, ExportFormat, ExportRequest
from stratforge.application.jobs.work import Canceled, Failed, Work, run_job
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import jobs
from stratforge.storage.strategies.jobs import FailureCode, Job, JobKind, JobStatus

from tests.support.asking import NEW, Told


@pytest.fixture
def asked(database: Database, outbox: Told, ada: Caller) -> Job:
    """An export that was asked for."""
    return queueing.request_export(
        database, outbox, ada, ExportRequest(what=Exported.TRADES, format=ExportFormat.CSV), NEW
    )


def is_taken_for_gone(database: Database) -> None:
    """Whoever works on anything is, as with new queues or after twenty minutes without a sign."""
    with database.transaction() as connection:
        jobs.forget_messages(connection)


def stands(database: Database, job: Job) -> Job:
    with database.transaction() as connection:
        found = jobs.get_job(connection, job.job_id)
    assert found is not None
    return found


def test_the_failure_of_the_older_worker_is_nobodys_while_the_newer_works(database: Database, asked: Job) -> None:
    """The first fails in the middle of the second's work, which then ends well."""

    def first(_work: Work) -> None:
        is_taken_for_gone(database)
        with database.transaction() as connection:
            assert jobs.begin_job(connection, asked.job_id, "second") is not None
        raise Failed(FailureCode.MODEL_UNAVAILABLE, "the connection was lost while this machine slept")

    assert run_job(database, asked.job_id, {JobKind.EXPORT: first}, "first") is JobStatus.CANCELED
    now = stands(database, asked)
    assert (now.status, now.error) == (JobStatus.RUNNING, None)


def test_the_older_worker_stops_at_its_next_step(database: Database, asked: Job) -> None:
    def first(work: Work) -> None:
        work.tell("reading")
        is_taken_for_gone(database)
        with database.transaction() as connection:
            assert jobs.begin_job(connection, asked.job_id, "second") is not None
        with pytest.raises(Canceled):
            work.tell("half of it")
        with pytest.raises(Canceled):
            work.show("half of it", "an answer")
        work.tell("more")

    assert run_job(database, asked.job_id, {JobKind.EXPORT: first}, "first") is JobStatus.CANCELED
    now = stands(database, asked)
    assert (now.status, now.progress, now.partial) == (JobStatus.RUNNING, "reading", None)


class Files:
    """Where files are kept."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def keep(self, key: str, content: BinaryIO, _media_type: str) -> None:
        self.kept[key] = content.read()

    def drop(self, keys: Sequence[str]) -> None:
        for each in keys:
            self.kept.pop(each, None)


@pytest.mark.parametrize("is_finished", [True, False])
def test_a_worker_that_comes_too_late_leaves_the_file_of_the_one_who_made_it(
    database: Database, asked: Job, is_finished: bool
) -> None:
    """Both make the same file in the same place: it is not the older's to delete, whether the newer has ended or is about to."""
    files = Files()

    def second(work: Work) -> None:
        export_data(work, files.keep, files.drop)

    def keep(key: str, content: BinaryIO, media_type: str) -> None:
        files.keep(key, content, media_type)
        is_taken_for_gone(database)
        if is_finished:
            assert run_job(database, asked.job_id, {JobKind.EXPORT: second}, "second") is JobStatus.SUCCEEDED
        else:
            with database.transaction() as connection:
                assert jobs.begin_job(connection, asked.job_id, "second") is not None

    older = {JobKind.EXPORT: lambda work: export_data(work, keep, files.drop)}
    assert run_job(database, asked.job_id, older, "first") is JobStatus.CANCELED
    assert stands(database, asked).status is (JobStatus.SUCCEEDED if is_finished else JobStatus.RUNNING)
    assert len(files.kept) == 1


def test_the_file_of_a_canceled_export_is_gone(database: Database, ada: Caller, asked: Job) -> None:
    files = Files()

    def keep(key: str, content: BinaryIO, media_type: str) -> None:
        files.keep(key, content, media_type)
        queueing.cancel_job(database, ada, asked.job_id)

    doing = {JobKind.EXPORT: lambda work: export_data(work, keep, files.drop)}
    assert run_job(database, asked.job_id, doing, "first") is JobStatus.CANCELED
    assert files.kept == {}


def test_what_fails_after_it_was_canceled_stays_canceled(database: Database, ada: Caller, asked: Job) -> None:
    def canceled(_work: Work) -> None:
        queueing.cancel_job(database, ada, asked.job_id)
        raise Failed(FailureCode.EXPORT_TOO_LARGE, "too large")

    assert run_job(database, asked.job_id, {JobKind.EXPORT: canceled}, "first") is JobStatus.CANCELED
    assert stands(database, asked).status is JobStatus.CANCELED
