"""The tokens and dollars that language models took: by day, model and purpose, and by the requests of people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all
from stratforge.storage.strategies.jobs import JobKind, JobStatus


class Purpose(StrEnum):
    """The purposes that a model is asked for: to write strategies or to answer questions about markets."""

    STRATEGY = "strategy"
    RESEARCH = "research"


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """The calls, tokens and dollars of one model on one day for one purpose.

    Attributes:
        calls: Answers that it gave, wholly or in part; a request with repairs is several.
        cached_tokens: Of the prompts' tokens, those that the service knew from before.
        answer_tokens: Those of the answers, thinking included.
        priced_calls: Of the calls, those whose price was known.
        dollars: What those cost.
    """

    day: date
    model: str
    purpose: Purpose
    calls: int
    prompt_tokens: int
    cached_tokens: int
    answer_tokens: int
    priced_calls: int
    dollars: Decimal

    @property
    def dollars_a_call(self) -> Decimal | None:
        """Dollars that a call cost on average; None where no price was known."""
        return self.dollars / self.priced_calls if self.priced_calls else None


def add_usage(
    connection: Connection,
    model: str,
    purpose: Purpose,
    prompt_tokens: int,
    cached_tokens: int,
    answer_tokens: int,
    dollars: Decimal | None,
) -> None:
    """Adds one call to the figures of today; `dollars` is None where its price is not known."""
    connection.execute(
        """
        INSERT INTO model_usage AS u (model, purpose, calls, prompt_tokens, cached_tokens, answer_tokens, priced_calls, dollars)
        VALUES (%s, %s, 1, %s, %s, %s, %s, %s)
        ON CONFLICT (day, model, purpose) DO UPDATE SET
            calls = u.calls + 1, prompt_tokens = u.prompt_tokens + excluded.prompt_tokens,
            cached_tokens = u.cached_tokens + excluded.cached_tokens, answer_tokens = u.answer_tokens + excluded.answer_tokens,
            priced_calls = u.priced_calls + excluded.priced_calls, dollars = u.dollars + excluded.dollars
        """,
        (model[:100], purpose, prompt_tokens, cached_tokens, answer_tokens, int(dollars is not None), dollars or 0),
    )


def list_usage(connection: Connection, days: int = 30) -> list[ModelUsage]:
    """The figures of the last days, the newest first. For operators; nothing for anybody else."""
    query = """
        SELECT day, model, purpose, calls, prompt_tokens, cached_tokens, answer_tokens, priced_calls, dollars FROM operator_model_usage(%s)
    """
    return fetch_all(connection, ModelUsage, query, (days,))


@dataclass(frozen=True, slots=True)
class RequestCosts:
    """The requests of one kind on one day that a language model worked on, with what all their calls took.

    Attributes:
        calls: Answers of models; a request with repairs has several.
        priced_calls: Of the calls, those whose price was known.
        dollars: What those cost.
    """

    day: date
    kind: JobKind
    requests: int
    calls: int
    tokens: int
    priced_calls: int
    dollars: Decimal

    @property
    def dollars_a_request(self) -> Decimal | None:
        """Dollars that a request cost on average; None where the price of a call is not known."""
        return self.dollars / self.requests if self.priced_calls == self.calls else None


def list_request_costs(connection: Connection, days: int = 30) -> list[RequestCosts]:
    """The figures of the last days, the newest first. For operators; nothing for anybody else."""
    query = "SELECT day, kind, requests, calls, tokens, priced_calls, dollars FROM operator_request_costs(%s)"
    return fetch_all(connection, RequestCosts, query, (days,))


@dataclass(frozen=True, slots=True)
class JobCost:
    """The cost of one request.

    Attributes:
        attempts: How often it was begun: one that was interrupted is begun anew, and pays again.
    """

    job_id: UUID
    kind: JobKind
    status: JobStatus
    created_at: datetime
    attempts: int
    calls: int
    tokens: int
    priced_calls: int
    dollars: Decimal


def dearest_jobs(connection: Connection, days: int = 30, how_many: int = 10) -> list[JobCost]:
    """The requests of the last days that cost most, the dearest first. For operators; nothing for anybody else."""
    query = "SELECT job_id, kind, status, created_at, attempts, calls, tokens, priced_calls, dollars FROM operator_dearest_jobs(%s, %s)"
    return fetch_all(connection, JobCost, query, (days, how_many))
