"""Answering a question about markets, with sources."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from stratforge.ai.deadline import Deadline
from stratforge.ai.failures import ModelRefused
from stratforge.ai.research import Research
from stratforge.application.jobs.asking import asked, showing
from stratforge.application.jobs.requests import ResearchRequest
from stratforge.application.jobs.work import Failed, Work
from stratforge.storage.ledger import portfolio
from stratforge.storage.market.clock import market_now
from stratforge.storage.strategies.jobs import FailureCode


class Analyst(Protocol):
    """A model that answers questions with sources."""

    def research(
        self, question: str, portfolio: str | None, heard: Callable[[str], None], now: datetime | None
    ) -> Research:
        """The answer to a question at the market's time `now`; `heard` is told it as it comes."""
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
    try:
        analyst = analyst_of()
        answer = asked(
            work, lambda: analyst.research(request.question, held, showing(work, "answering"), now), deadline
        )
    except ModelRefused as error:
        raise Failed(FailureCode.MODEL_REFUSED, str(error)) from error
    work.note_tokens(answer.tokens)
    work.succeed(lambda _connection: answer)


def _positions(work: Work) -> str:
    with work.database.transaction() as connection:
        found = portfolio.read_portfolio(connection, work.job.user_id)
    rows = found.positions if found else ()
    return "\n".join(f"{row.symbol}: {row.quantity.normalize():f}" for row in rows) or "none"
