"""One job of the assistant: a question for the Analyst, or a strategy from the Quant: ask, compile, send findings back, at most three times;
what passes is stored.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import sleep
from typing import Protocol, TypeVar
from uuid import UUID, uuid5

from stratforge.ai.analyst import Research
from stratforge.ai.draft import StrategyDraft
from stratforge.ai.failures import ModelRefused, ModelUnavailable
from stratforge.ai.prompts import quant_instructions, refinement_request, repair_request
from stratforge.ai.quant import Drafted, Turn
from stratforge.ai.review import review
from stratforge.market import InvalidSymbol, parse_symbol
from stratforge.storage import jobs, portfolio, strategies
from stratforge.storage.database import Database
from stratforge.storage.strategies import Origin, StoredStrategy
from stratforge.strategy import Strategy, StrategyError, compile_strategy

MAX_REPAIRS = 3
_ATTEMPTS = 4
Answer = TypeVar("Answer")
# How many versions the model is reminded of when it changes a strategy.
_MAX_TURNS = 6


class Quant(Protocol):
    """A model that drafts strategies."""

    model: str

    def draft(self, system: str, turns: list[Turn]) -> Drafted:
        """The draft for a conversation, and what it cost."""
        ...


@dataclass(frozen=True, slots=True)
class _Passed:
    """A draft that passed every gate (`strategy` None: it asks questions instead), and how it came about."""

    draft: StrategyDraft
    strategy: Strategy | None
    symbol: str
    origin: Origin


class _NotPassed(Exception):
    """The last repair did not pass either; its findings."""

    def __init__(self, draft: StrategyDraft, findings: list[str], repairs: int) -> None:
        super().__init__(f"the code did not pass after {repairs} repairs")
        self.draft, self.findings = draft, findings


class _Canceled(Exception):
    """Nobody wants the job any more."""


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
        """Runs one job; returns its final status."""
        with self._database.transaction() as connection:
            job = jobs.begin_job(connection, job_id)
        if job is None:
            return "finished before"
        try:
            return self._research(job) if job.kind == "RESEARCH" else self._write_strategy(job)
        except _Canceled:
            return "canceled"
        except ModelUnavailable as error:
            message = f"{error}. Please try again later."
            return self._fail(job_id, {"code": "model-unavailable", "message": message})

    def _research(self, job: jobs.Job) -> str:
        self._progress(job.job_id, "searching")
        held = None
        if job.request.get("include_portfolio"):
            with self._database.transaction() as connection:
                found = portfolio.read_portfolio(connection, job.user_id)
            rows = found.positions if found else ()
            held = "\n".join(f"{row.symbol}: {row.quantity.normalize():f}" for row in rows) or "none"
        try:
            analyst = self._analyst_of()
            answer = self._asked(job.job_id, lambda: analyst.research(str(job.request["question"]), held))
            with self._database.transaction() as connection:
                jobs.add_tokens(connection, job.job_id, answer.tokens)
        except ModelRefused as error:
            return self._fail(job.job_id, {"code": "model-refused", "message": str(error)})
        with self._database.transaction() as connection:
            jobs.finish_job(connection, job.job_id, result=answer.as_dict())
        return "succeeded"

    def _write_strategy(self, job: jobs.Job) -> str:
        try:
            passed = self._generate(job, self._quant_of())
        except _Canceled:
            return "canceled"
        except ModelRefused as error:
            return self._fail(job.job_id, {"code": "model-refused", "message": str(error)})
        except InvalidSymbol as error:
            return self._fail(job.job_id, {"code": "invalid-symbol", "message": str(error)})
        except _NotPassed as error:
            # Shown with what is wrong with it, and stored nowhere.
            shown = {"python_code": error.draft.python_code, "logic_explanation": error.draft.logic_explanation}
            message = f"The code did not pass after {MAX_REPAIRS} repairs."
            return self._fail(
                job.job_id, {"code": "not-passed", "message": message, "findings": error.findings, "draft": shown}
            )
        if passed.strategy is None:
            questions = {"questions": passed.draft.questions, "assumptions": passed.draft.assumptions}
            with self._database.transaction() as connection:
                jobs.finish_job(connection, job.job_id, result=questions)
            return "succeeded"
        return self._store(job, passed, passed.strategy)

    def _generate(self, job: jobs.Job, quant: Quant) -> _Passed:
        """Asks, and sends back what is wrong, until a draft passes every gate."""
        turns, before = self._conversation(job)
        tokens, repairs = 0, list[tuple[str, ...]]()
        for attempt in range(MAX_REPAIRS + 1):
            self._progress(job.job_id, "writing" if attempt == 0 else f"repairing {attempt}/{MAX_REPAIRS}")
            drafted = self._asked(job.job_id, partial(quant.draft, quant_instructions(), turns))
            draft, tokens = drafted.draft, tokens + drafted.tokens
            with self._database.transaction() as connection:
                jobs.add_tokens(connection, job.job_id, drafted.tokens)
            origin = Origin(str(job.request["prompt"]), quant.model, tokens, tuple(draft.assumptions), tuple(repairs))
            if draft.questions and not draft.python_code.strip():
                return _Passed(draft, None, "", origin)
            strategy, findings = self._examine(job.job_id, draft)
            if strategy is not None and not findings:
                wanted = job.request.get("symbol") or (before.symbol if before else draft.symbol)
                return _Passed(draft, strategy, parse_symbol(wanted), origin)
            if attempt == MAX_REPAIRS:
                raise _NotPassed(draft, findings, MAX_REPAIRS)
            repairs.append(tuple(findings))
            turns += [Turn("model", draft.model_dump_json()), Turn("user", repair_request(findings))]
        raise AssertionError("unreachable")

    def _conversation(self, job: jobs.Job) -> tuple[list[Turn], StoredStrategy | None]:
        """What was said so far: for a strategy that is changed, each version with the request it answered."""
        request, strategy_id = str(job.request["prompt"]), job.request.get("strategy_id")
        if not strategy_id:
            return [Turn("user", request)], None
        with self._database.transaction() as connection:
            before = strategies.get_strategy(connection, UUID(strategy_id), of_user=job.user_id)
            versions = strategies.list_versions(connection, UUID(strategy_id)) if before else []
        if before is None:
            raise ModelRefused("the strategy was deleted; choose another")
        turns = []
        for version in reversed(versions[:_MAX_TURNS]):
            draft = StrategyDraft(
                name=before.name,
                symbol=before.symbol,
                python_code=version.python_code,
                logic_explanation=version.logic_explanation,
                assumptions=version.assumptions,
            )
            turns += [
                Turn("user", version.prompt or "(written by hand)"),
                Turn("model", draft.model_dump_json()),
            ]
        return [*turns, Turn("user", refinement_request(request))], before

    def _examine(self, job_id: UUID, draft: StrategyDraft) -> tuple[Strategy | None, list[str]]:
        """The one door: what did not come through here is never stored and never runs."""
        self._progress(job_id, "checking")
        try:
            strategy = compile_strategy(draft.python_code)
            # Measuring the lookback runs the indicators once over made-up bars.
            _ = strategy.lookback
        except StrategyError as error:
            return None, [str(finding) for finding in error.findings]
        self._progress(job_id, "backtesting")
        return strategy, review(draft, strategy)

    def _store(self, job: jobs.Job, passed: _Passed, strategy: Strategy) -> str:
        draft, strategy_id = passed.draft, job.request.get("strategy_id")
        with self._database.transaction() as connection:
            if jobs.is_canceled(connection, job.job_id):
                return "canceled"
            if strategy_id:
                current = strategies.lock_strategy(connection, UUID(strategy_id))
                if current is None:
                    raise ModelRefused("the strategy was deleted; choose another")
                stored = strategies.change_strategy(
                    connection,
                    job.user_id,
                    current,
                    current.name,
                    passed.symbol,
                    strategy,
                    draft.logic_explanation,
                    passed.origin,
                )
            else:
                stored = strategies.add_strategy(
                    connection,
                    job.user_id,
                    draft.name,
                    passed.symbol,
                    strategy,
                    draft.logic_explanation,
                    passed.origin,
                    strategy_id=uuid5(job.job_id, "strategy"),
                )
            jobs.finish_job(
                connection,
                job.job_id,
                result={
                    "strategy_id": str(stored.strategy_id),
                    "version": stored.version,
                    "name": stored.name,
                    "symbol": stored.symbol,
                    "python_code": strategy.source,
                    "logic_explanation": draft.logic_explanation,
                    "parameters": strategy.parameters,
                    "indicators": list(strategy.indicators),
                    "lookback": strategy.lookback,
                    "assumptions": draft.assumptions,
                    "model": passed.origin.model,
                    "tokens": passed.origin.tokens,
                    "repairs": [list(each) for each in passed.origin.repairs],
                },
            )
        return "succeeded"

    def _asked(self, job_id: UUID, question: Callable[[], Answer]) -> Answer:
        """Asks a model; when its service is away, again after a pause, a few times."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return question()
            except ModelUnavailable as error:
                if attempt == _ATTEMPTS:
                    raise
                self._progress(job_id, f"waiting for the model: {error}")
                sleep(random.uniform(0.5, 1.0) * 2**attempt)  # noqa: S311 - jitter
        raise AssertionError("unreachable")

    def _progress(self, job_id: UUID, text: str) -> None:
        with self._database.transaction() as connection:
            if jobs.is_canceled(connection, job_id):
                raise _Canceled
            jobs.set_progress(connection, job_id, text)

    def _fail(self, job_id: UUID, error: dict[str, object]) -> str:
        with self._database.transaction() as connection:
            jobs.finish_job(connection, job_id, error=error)
        return "failed"
