"""A queue that does not take a message leaves its job as unheard as it was, and every other job is told of."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

import psycopg
import pytest
from botocore.exceptions import ClientError
from stratforge.application.access import Caller
from stratforge.application.jobs import queueing
from stratforge.application.jobs.requests import NewBacktest, ResearchRequest
from stratforge.application.jobs.waking import wake_jobs
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies.jobs import Job
from stratforge.storage.strategies.strategies import StoredStrategy

from tests.support.asking import NEW, Told


class Queues:
    """Queues of which one cannot be reached."""

    def __init__(self, broken: str) -> None:
        self.broken = broken
        self.told: list[tuple[str, UUID]] = []

    def _send(self, name: str, job_id: UUID) -> None:
        if name == self.broken:
            raise ClientError({"Error": {"Code": "ServiceUnavailable"}}, "SendMessage")
        self.told.append((name, job_id))

    def wake(self, database: Database, *, queues_are_new: bool = False) -> list[tuple[str, UUID]]:
        """Whom a pass tells, as far as it comes."""
        self.told.clear()
        with suppress(ClientError):
            wake_jobs(
                database,
                lambda job_id: self._send("assistant", job_id),
                lambda job_id: self._send("backtester", job_id),
                queues_are_new=queues_are_new,
            )
        return sorted(self.told)


@pytest.fixture
def asked(database: Database, migrated: str, outbox: Told, ada: Caller, strategy: StoredStrategy) -> list[Job]:
    """A backtest, a question and another backtest, an hour ago, whose messages are lost."""
    backtest, question = NewBacktest(strategy_id=strategy.strategy_id), ResearchRequest(question="What moved?")
    found = [
        queueing.request_backtest(database, outbox, ada, backtest, NEW),
        queueing.request_research(database, outbox, ada, question, NEW),
        queueing.request_backtest(database, outbox, ada, backtest, NEW),
    ]
    with psycopg.connect(migrated) as connection:
        for number, job in enumerate(found):
            connection.execute(
                "UPDATE jobs SET created_at = now() - interval '1 hour', woken_at = now() - interval '1 hour' + make_interval(secs => %s) WHERE id = %s",
                (number, job.job_id),
            )
    return found


@pytest.mark.parametrize("new", [False, True])
def test_a_queue_that_cannot_be_reached_keeps_no_other_from_its_jobs(
    database: Database, asked: list[Job], new: bool
) -> None:
    assert Queues("backtester").wake(database, queues_are_new=new) == [("assistant", asked[1].job_id)]


@pytest.mark.parametrize("new", [False, True])
def test_who_could_not_be_told_is_told_by_the_next_pass(database: Database, asked: list[Job], new: bool) -> None:
    queues = Queues("backtester")
    queues.wake(database, queues_are_new=new)
    queues.broken = ""
    assert queues.wake(database) == sorted(("backtester", job.job_id) for job in (asked[0], asked[2]))
