"""Answering a question about markets, with sources."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from stratforge.ai.deadline import Deadline
from stratforge.ai.failures import ModelRefused
from stratforge.ai.research import Research
from stratforge.application.jobs.asking import asked, showing
from stratforge.application.jobs.requests import ResearchRequest
from stratforge.application.jobs.results import result_of
from stratforge.application.jobs.work import Failed, Work
from stratforge.storage.ledger import portfolio
from stratforge.storage.market.clock import market_now
from stratforge.storage.postgres.database import Connection
from stratforge.storage.strategies import jobs
from stratforge.storage.strategies.jobs import FailureCode, Job

# Questions of a conversation that the Analyst is told.
_REMEMBERED = 6


class Analyst(Protocol):
    """A model that answers questions with sources."""

    def research(
        self,
        question: str,
        portfolio: str | None,
        heard: Callable[[str], None],
        now: datetime | None,
        before: Sequence[tuple[str, str]],
    ) -> Research:
        """The answer to a question at the market's time `now`, after questions with their answers; `heard` is told it as it comes."""
        ...


def answer_question(work: Work, analyst_of: Callable[[], Analyst], deadline: Deadline | None = None) -> None:
    """Answers a question and shows the answer as it comes.

    Args:
        analyst_of: Makes the model, which needs a key: without one the job fails and says what is missing.
        deadline: Until when the answer has to be there.

    Raises:
        Failed: if the model did not answer.
        Canceled: if nobody wants the answer any more.
    """
    request = ResearchRequest.model_validate(work.job.request)
    work.tell("searching")
    held = _positions(work) if request.include_portfolio else None
    with work.database.transaction() as connection:
        now = market_now(connection) or datetime.now(UTC)
        before = _before(connection, work.job, request)
    try:
        analyst = analyst_of()
        answer = asked(
            work, lambda: analyst.research(request.question, held, showing(work, "answering"), now, before), deadline
        )
    except ModelRefused as error:
        raise Failed(FailureCode.MODEL_REFUSED, str(error)) from error
    work.succeed(lambda _connection: answer)


def _before(connection: Connection, job: Job, request: ResearchRequest) -> list[tuple[str, str]]:
    """The last questions before this one that were answered, with their answers, the oldest first."""
    found: list[tuple[str, str]] = []
    for _ in range(_REMEMBERED):
        earlier = jobs.job_before(connection, job, request.follows)
        if earlier is None:
            break
        request = ResearchRequest.model_validate(earlier.request)
        answered = result_of(earlier)
        if isinstance(answered, Research):
            found.insert(0, (request.question, answered.answer))
    return found


def _positions(work: Work) -> str:
    with work.database.transaction() as connection:
        found = portfolio.read_portfolio(connection, work.job.user_id)
    rows = found.positions if found else ()
    return "\n".join(f"{row.symbol}: {row.quantity.normalize():f}" for row in rows) or "none"
