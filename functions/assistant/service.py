"""One job of the assistant: a question for the Analyst, or a strategy from the Quant: ask, compile, send findings back, at most three times;
what passes is stored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from uuid import UUID, uuid5

from stratforge.ai.analyst import Research
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.failures import ModelRefused, ModelUnavailable
from stratforge.ai.prompts import quant_instructions, repair_request
from stratforge.ai.quant import Turn
from stratforge.market import InvalidSymbol, parse_symbol
from stratforge.storage import jobs, portfolio, strategies
from stratforge.storage.database import Database
from stratforge.strategy import Strategy, StrategyError, compile_strategy

MAX_REPAIRS = 3


class Quant(Protocol):
    """A model that drafts strategies."""

    model: str

    def draft(self, system: str, turns: list[Turn]) -> StrategyDraft:
        """The draft for a conversation."""
        ...


class Analyst(Protocol):
    """A model that answers questions with sources."""

    def research(self, question: str, portfolio: str | None) -> Research:
        """The answer to a question."""
        ...


class AssistantService:
    """Runs jobs. A job that is delivered again and finished already is left alone.

    The models are made when the first job needs them: without a key, a job fails and says what is missing.
    """

    def __init__(self, database: Database, quant: Callable[[], Quant], analyst: Callable[[], Analyst]) -> None:
        self._database = database
        self._quant_of = quant
        self._analyst_of = analyst

    def prepare(self) -> None:
        """Connects to what it needs."""
        with self._database.transaction():
            pass

    def handle(self, job_id: UUID) -> str:
        """Runs one job; returns its final status. Lets `ModelUnavailable` through, so that the job is tried again."""
        with self._database.transaction() as connection:
            job = jobs.begin_job(connection, job_id)
        if job is None:
            return "finished before"
        try:
            return self._research(job) if job.kind == "RESEARCH" else self._write_strategy(job)
        except ModelUnavailable as error:
            self._progress(job_id, f"waiting for the model: {error}")
            raise

    def _research(self, job: jobs.Job) -> str:
        self._progress(job.job_id, "searching")
        held = None
        if job.request.get("include_portfolio"):
            with self._database.transaction() as connection:
                found = portfolio.read_portfolio(connection, job.user_id)
            rows = found.positions if found else ()
            held = "\n".join(f"{row.symbol}: {row.quantity.normalize():f}" for row in rows) or "none"
        try:
            answer = self._analyst_of().research(str(job.request["question"]), held)
        except ModelRefused as error:
            return self._fail(job.job_id, {"code": "model-refused", "message": str(error)})
        with self._database.transaction() as connection:
            jobs.finish_job(connection, job.job_id, result=answer.as_dict())
        return "succeeded"

    def _write_strategy(self, job: jobs.Job) -> str:
        job_id = job.job_id
        try:
            self._quant = self._quant_of()
            draft, strategy, symbol = self._generate(job)
        except ModelRefused as error:
            return self._fail(job_id, {"code": "model-refused", "message": str(error)})
        except InvalidSymbol as error:
            return self._fail(job_id, {"code": "invalid-symbol", "message": str(error)})
        except StrategyError as error:
            findings = [finding.as_dict() for finding in error.findings]
            message = f"The code did not pass after {MAX_REPAIRS} repairs."
            return self._fail(job_id, {"code": "not-in-language", "message": message, "findings": findings})
        if strategy is None:
            questions = {"questions": draft.questions, "assumptions": draft.assumptions}
            with self._database.transaction() as connection:
                jobs.finish_job(connection, job_id, result=questions)
            return "succeeded"
        self._store(job, draft, strategy, symbol)
        return "succeeded"

    def _generate(self, job: jobs.Job) -> tuple[StrategyDraft, Strategy | None, str]:
        turns = [Turn("user", str(job.request["prompt"]))]
        for attempt in range(MAX_REPAIRS + 1):
            self._progress(job.job_id, "writing" if attempt == 0 else f"repairing {attempt}/{MAX_REPAIRS}")
            draft = self._quant.draft(quant_instructions(), turns)
            if draft.questions and not draft.python_code.strip():
                return draft, None, ""
            self._progress(job.job_id, "checking")
            try:
                strategy = compile_strategy(draft.python_code)
                # Measuring the lookback runs the indicators once over made-up bars.
                _ = strategy.lookback
                return draft, strategy, parse_symbol(job.request.get("symbol") or draft.symbol)
            except StrategyError as error:
                if attempt == MAX_REPAIRS:
                    raise
                turns += [Turn("model", draft.model_dump_json()), Turn("user", repair_request(str(error)))]
        raise AssertionError("unreachable")

    def _store(self, job: jobs.Job, draft: StrategyDraft, strategy: Strategy, symbol: str) -> None:
        origin = strategies.Origin(prompt=str(job.request["prompt"]), model=self._quant.model)
        with self._database.transaction() as connection:
            stored = strategies.add_strategy(
                connection,
                job.user_id,
                draft.name,
                symbol,
                strategy,
                draft.logic_explanation,
                origin,
                strategy_id=uuid5(job.job_id, "strategy"),
            )
            jobs.finish_job(
                connection,
                job.job_id,
                result={
                    "strategy_id": str(stored.strategy_id),
                    "name": stored.name,
                    "symbol": stored.symbol,
                    "python_code": strategy.source,
                    "logic_explanation": draft.logic_explanation,
                    "parameters": strategy.parameters,
                    "indicators": list(strategy.indicators),
                    "lookback": strategy.lookback,
                    "assumptions": draft.assumptions,
                    "model": self._quant.model,
                },
            )

    def _progress(self, job_id: UUID, text: str) -> None:
        with self._database.transaction() as connection:
            jobs.set_progress(connection, job_id, text)

    def _fail(self, job_id: UUID, error: dict[str, object]) -> str:
        with self._database.transaction() as connection:
            jobs.finish_job(connection, job_id, error=error)
        return "failed"
