"""What language models cost is added up by day and model and by request, shown to operators alone, and bounded for each request."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

import pytest
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.quant import Drafted, Turn
from stratforge.ai.usage import Usage
from stratforge.application.jobs import asking
from stratforge.application.jobs.work import run_job
from stratforge.application.jobs.write_strategy import write_strategy
from stratforge.application.model_costs import cost_of, note_costs
from stratforge.application.quotas import TOKENS_A_DAY
from stratforge.configuration import GeminiSecret, ModelPrices
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import jobs
from stratforge.storage.strategies.jobs import JobKind
from stratforge.storage.strategies.model_usage import Purpose, dearest_jobs, list_request_costs, list_usage

from tests.integration.test_assistant import Model, draft, run
from tests.support.api import Api
from tests.support.ledger import person
from tests.support.pages import HTML, with_cookies

PRICED = GeminiSecret(quant_model="flash", analyst_model="pro", prompt_price=1.0, cached_price=0.1, answer_price=10.0)
BY_MODEL = PRICED.model_copy(update={"prices": {"flash-lite": ModelPrices(prompt=0.2, cached=0.1, answer=1.6)}})
USED = Usage(prompt=1_000_000, cached=400_000, answer=100_000)


@pytest.mark.parametrize(
    ("secret", "model", "dollars"),
    [
        (PRICED, "flash-001", Decimal("1.64")),
        (PRICED.model_copy(update={"cached_price": None}), "flash", Decimal(2)),
        (PRICED, "another", None),
        (PRICED.model_copy(update={"answer_price": None}), "flash", None),
        (BY_MODEL, "flash-001", Decimal("1.64")),
        (BY_MODEL, "flash-lite-001", Decimal("0.32")),
        (BY_MODEL, "another", None),
    ],
)
def test_a_call_costs_by_the_prices_of_its_model(secret: GeminiSecret, model: str, dollars: Decimal | None) -> None:
    assert cost_of(secret, model, USED) == dollars


def test_operators_see_the_days_costs_and_nobody_else_does(database: Database) -> None:
    ada = person(database, "ada")
    for _ in range(3):
        note_costs(database, PRICED, Purpose.STRATEGY)("flash", USED)
    note_costs(database, PRICED, Purpose.RESEARCH)("offline-author", USED)
    with database.transaction(ada) as connection:
        assert list_usage(connection) == []
    with database.transaction() as connection:
        connection.execute("UPDATE users SET is_operator = true WHERE id = %s", (ada,))
    with database.transaction(ada) as connection:
        priced, free = list_usage(connection)
    assert (priced.model, priced.calls, priced.cached_tokens) == ("flash", 3, 1_200_000)
    assert (priced.dollars, priced.dollars_a_call) == (Decimal("4.92"), Decimal("1.64"))
    assert (free.model, free.purpose, free.dollars_a_call) == ("offline-author", Purpose.RESEARCH, None)


def asked(database: Database, user: UUID) -> UUID:
    with database.transaction() as connection:
        return jobs.add_job(connection, user, JobKind.GENERATE, {"prompt": "a strategy"}).job_id


def test_every_call_for_a_request_is_in_what_the_request_cost(database: Database, user_id: UUID) -> None:
    dear, cheap, free = (asked(database, user_id) for _ in range(3))
    for _ in range(2):
        note_costs(database, PRICED, Purpose.STRATEGY, dear)("flash", USED)
    note_costs(database, PRICED, Purpose.STRATEGY, cheap)("flash", Usage(prompt=1_000, answer=10))
    note_costs(database, PRICED, Purpose.STRATEGY, free)("offline-author", USED)
    with database.transaction(user_id) as connection:
        assert (list_request_costs(connection), dearest_jobs(connection)) == ([], []), "for operators alone"
        told = jobs.get_job(connection, dear)
    assert told is not None
    assert told.tokens == 2_200_000
    with database.transaction() as connection:
        connection.execute("UPDATE users SET is_operator = true WHERE id = %s", (user_id,))
    with database.transaction(user_id) as connection:
        (day,) = list_request_costs(connection)
        jobs_told = dearest_jobs(connection)
    assert (day.kind, day.requests, day.calls, day.priced_calls) == (JobKind.GENERATE, 3, 4, 3)
    assert day.dollars == Decimal("3.2811")
    assert day.dollars_a_request is None, "the price of one is not known"
    assert [each.job_id for each in jobs_told] == [dear, cheap, free]
    assert [(each.calls, each.dollars) for each in jobs_told] == [(2, Decimal("3.28")), (1, Decimal("0.0011")), (1, 0)]


class Dear(Model):
    """A model each of whose answers takes what half a request may."""

    def __init__(self, database: Database, *answers: StrategyDraft) -> None:
        super().__init__(*answers)
        self.database = database

    def draft(self, system: str, turns: list[Turn], heard: Callable[[str], None]) -> Drafted:
        """The next answer, paid for."""
        with self.database.transaction() as connection:
            connection.execute("UPDATE jobs SET tokens = tokens + %s WHERE status = 'RUNNING'", (asking.TOKENS_A_JOB // 2,))  # fmt: skip
        return super().draft(system, turns, heard)


def test_no_repair_is_asked_for_beyond_the_tokens_of_a_request(database: Database, user_id: UUID) -> None:
    model = Dear(database, *[draft(explanation="It makes money.")] * 4)
    job = run(database, user_id, model)
    assert job.error is not None
    assert job.error["code"] == "not-passed"
    assert "after 1 repair, and more than" in job.error["message"]
    assert job.error["findings"]
    assert len(model.heard) == 2


def test_within_its_tokens_a_request_is_repaired(database: Database, user_id: UUID) -> None:
    job = run(database, user_id, Dear(database, draft(explanation="It makes money."), draft()))
    assert job.status == "SUCCEEDED", "what passes is stored, whatever it took"


def test_who_took_all_tokens_before_he_was_interrupted_is_not_asked_again(database: Database, user_id: UUID) -> None:
    model = Dear(database, draft())
    job_id = asked(database, user_id)
    with database.transaction() as connection:
        jobs.add_call(connection, job_id, asking.TOKENS_A_JOB, None)
    run_job(database, job_id, {JobKind.GENERATE: lambda work: write_strategy(work, lambda: model)})
    with database.transaction() as connection:
        job = jobs.get_job(connection, job_id)
    assert job is not None
    assert job.error is not None
    assert (job.error["code"], model.heard) == ("model-refused", [])


@pytest.mark.usefixtures("queues_at_rest")
def test_the_operators_page_says_what_requests_cost(api: Api, database: Database) -> None:
    user = with_cookies(api)
    job = user.call("POST", "/api/ai/generate", {"prompt": "a strategy"}).json()["job_id"]
    note_costs(database, PRICED, Purpose.STRATEGY, UUID(job))("flash", USED)
    assert user.get(f"/api/jobs/{job}")["tokens"] == 1_100_000
    assert user.client.get("/operations", headers=HTML).status_code == 404
    with database.transaction() as connection:
        connection.execute("UPDATE users SET is_operator = true")
    page = user.client.get("/operations", headers=HTML).text
    (row,) = re.findall(rf"<tr>(?:(?!</tr>).)*{job}.*?</tr>", page, re.DOTALL)
    assert "1,100,000" in row
    assert "1.6400" in row


def test_requests_that_were_queued_at_once_take_no_more_than_a_day_may(database: Database, user_id: UUID) -> None:
    """All of them were queued before the first had taken anything."""
    first, others = asked(database, user_id), [asked(database, user_id) for _ in range(2)]
    with database.transaction() as connection:
        jobs.add_call(connection, first, TOKENS_A_DAY, None)
    model = Dear(database, draft(), draft())
    for each in others:
        run_job(database, each, {JobKind.GENERATE: lambda work: write_strategy(work, lambda: model)})
    with database.transaction() as connection:
        ended = [jobs.get_job(connection, each) for each in others]
    assert model.heard == [], "no model is asked"
    assert [each.error["code"] for each in ended if each and each.error] == ["model-refused"] * 2
    assert all("tokens a day" in each.error["message"] for each in ended if each and each.error)


def test_what_somebody_else_took_is_nobodys_bound(database: Database, user_id: UUID) -> None:
    with database.transaction() as connection:
        jobs.add_call(connection, asked(database, user_id), TOKENS_A_DAY, None)
    assert run(database, person(database, "bob"), Dear(database, draft())).status == "SUCCEEDED"
