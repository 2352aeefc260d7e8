"""One job of the assistant: a question for the Analyst, or a strategy from the Quant; what passed its gates is stored."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from time import monotonic, sleep
from typing import Protocol, TypeVar
from uuid import UUID, uuid5

from stratforge.ai.analyst import Research
from stratforge.ai.draft import DraftParameter, StrategyDraft
from stratforge.ai.drafting import MAX_REPAIRS, NotPassed, Passed, Quant, write_strategy
from stratforge.ai.failures import ModelRefused, ModelUnavailable, NotADraft
from stratforge.ai.prompts import answer_request, first_request, refinement_request
from stratforge.ai.quant import Drafted, Turn
from stratforge.market import InvalidSymbol, parse_symbol
from stratforge.storage.ledger import portfolio
from stratforge.storage.market import reference
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import jobs, strategies
from stratforge.storage.strategies.strategies import Origin, StoredStrategy
from stratforge.strategy import Strategy

_ATTEMPTS = 4
Answer = TypeVar("Answer")
# Seconds between two looks at an answer that is still coming.
_SHOW_EVERY = 0.4
# How many versions, and how many questions, the model is reminded of.
_MAX_TURNS = 6


class _Canceled(Exception):
    """Nobody wants the job any more."""


class Analyst(Protocol):
    """A model that answers questions with sources."""

    def research(self, question: str, portfolio: str | None, heard: Callable[[str], None]) -> Research:
        """The answer to a question; `heard` is told it as it comes."""
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
            heard = self._hearing(job.job_id)
            answer = self._asked(job.job_id, lambda: analyst.research(str(job.request["question"]), held, heard))
            with self._database.transaction() as connection:
                jobs.add_tokens(connection, job.job_id, answer.tokens)
        except ModelRefused as error:
            return self._fail(job.job_id, {"code": "model-refused", "message": str(error)})
        with self._database.transaction() as connection:
            jobs.finish_job(connection, job.job_id, result=answer.as_dict())
        return "succeeded"

    def _hearing(self, job_id: UUID) -> Callable[[str], None]:
        """Shows an answer as it comes, a few times a second, and stops when nobody wants it any more."""
        shown = 0.0

        def heard(text: str) -> None:
            nonlocal shown
            if monotonic() - shown < _SHOW_EVERY:
                return
            shown = monotonic()
            with self._database.transaction() as connection:
                if jobs.is_canceled(connection, job_id):
                    raise _Canceled
                jobs.set_partial(connection, job_id, "answering", text)

        return heard

    def _write_strategy(self, job: jobs.Job) -> str:
        try:
            quant = self._quant_of()
            conversation, before = self._conversation(job)
            wanted = job.request.get("symbol") or (before.symbol if before else None)
            passed = write_strategy(
                lambda system, turns: self._asked(job.job_id, lambda: self._draft(job.job_id, quant, system, turns)),
                conversation,
                partial(self._progress, job.job_id),
                lambda symbol: self._symbol_findings(wanted or symbol),
            )
        except _Canceled:
            return "canceled"
        except (ModelRefused, NotADraft) as error:
            return self._fail(job.job_id, {"code": "model-refused", "message": str(error)})
        except NotPassed as error:
            # Shown with what is wrong with it, and stored nowhere.
            shown = {"python_code": error.draft.python_code, "logic_explanation": error.draft.logic_explanation}
            message = f"The code did not pass after {MAX_REPAIRS} repairs."
            return self._fail(
                job.job_id, {"code": "not-passed", "message": message, "findings": error.findings, "draft": shown}
            )
        if passed.strategy is None:
            asked = {"questions": passed.draft.questions, "assumptions": passed.draft.assumptions}
            with self._database.transaction() as connection:
                jobs.finish_job(connection, job.job_id, result=asked)
            return "succeeded"
        symbol = parse_symbol(wanted or passed.draft.symbol)
        return self._store(job, passed, passed.strategy, symbol, quant.model)

    def _draft(self, job_id: UUID, quant: Quant, system: str, turns: list[Turn]) -> Drafted:
        """A draft, its tokens noted even if it is none."""
        tokens = 0
        try:
            drafted = quant.draft(system, turns)
            tokens = drafted.tokens
            return drafted
        except NotADraft as error:
            tokens = error.tokens
            raise
        finally:
            with self._database.transaction() as connection:
                jobs.add_tokens(connection, job_id, tokens)

    def _symbol_findings(self, symbol: str) -> list[str]:
        """What is wrong with a symbol; where the broker's assets are not known yet, only its form counts."""
        try:
            parsed = parse_symbol(symbol)
        except InvalidSymbol as error:
            return [f"symbol: {error}"]
        with self._database.transaction() as connection:
            asset = reference.read_asset(connection, parsed)
            known = asset is not None or reference.knows_assets(connection)
        if known and (asset is None or not asset.tradable):
            return [f"symbol: {parsed} cannot be traded here. Use the symbol the user means, or ask which one."]
        return []

    def _conversation(self, job: jobs.Job) -> tuple[list[Turn], StoredStrategy | None]:
        """What was said so far: for a strategy that is changed, each version with the request it answered; and what led to questions."""
        request, strategy_id = str(job.request["prompt"]), job.request.get("strategy_id")
        turns, before = self._versions(job.user_id, UUID(strategy_id)) if strategy_id else ([], None)
        asked = self._open_questions(job)
        if asked:
            return [*turns, *asked, Turn("user", answer_request(request))], before
        return [*turns, Turn("user", refinement_request(request) if before else first_request(request))], before

    def _versions(self, user_id: UUID, strategy_id: UUID) -> tuple[list[Turn], StoredStrategy]:
        with self._database.transaction() as connection:
            before = strategies.get_strategy(connection, strategy_id, of_user=user_id)
            versions = strategies.list_versions(connection, strategy_id) if before else []
        if before is None:
            raise ModelRefused("the strategy was deleted; choose another")
        turns = list[Turn]()
        for version in reversed(versions[:_MAX_TURNS]):
            draft = StrategyDraft(
                name=before.name,
                symbol=before.symbol,
                python_code=version.python_code,
                logic_explanation=version.logic_explanation,
                parameters=[
                    DraftParameter(name=name, value=value, meaning=version.parameter_meanings.get(name, ""))
                    for name, value in version.parameters.items()
                ],
                assumptions=version.assumptions,
            )
            asked = version.prompt or "(written by hand)"
            turns += [
                Turn("user", refinement_request(asked) if turns else first_request(asked)),
                Turn("model", draft.model_dump_json()),
            ]
        return turns, before

    def _open_questions(self, job: jobs.Job) -> list[Turn]:
        """The requests before this one that the model answered with questions, or with code that did not pass."""
        turns, follows = list[Turn](), job.request.get("follows")
        for _ in range(_MAX_TURNS):
            if not follows:
                break
            with self._database.transaction() as connection:
                earlier = jobs.get_job(connection, UUID(follows))
            if earlier is None or earlier.user_id != job.user_id or earlier.kind != "GENERATE":
                break
            shown = (earlier.error or {}).get("draft", {})
            answer = StrategyDraft(
                name="-",
                symbol=earlier.request.get("symbol") or "",
                python_code=shown.get("python_code", ""),
                logic_explanation=shown.get("logic_explanation", ""),
                questions=(earlier.result or {}).get("questions", []),
            )
            said = str(earlier.request["prompt"])
            follows = earlier.request.get("follows")
            turns = [
                Turn("user", answer_request(said) if follows else first_request(said)),
                Turn("model", answer.model_dump_json()),
                *turns,
            ]
        return turns

    def _store(self, job: jobs.Job, passed: Passed, strategy: Strategy, symbol: str, model: str) -> str:
        draft, strategy_id = passed.draft, job.request.get("strategy_id")
        meanings = {each.name: each.meaning for each in draft.parameters if each.meaning}
        origin = Origin(
            str(job.request["prompt"]), model, passed.tokens, tuple(draft.assumptions), passed.repairs, meanings
        )
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
                    symbol,
                    strategy,
                    draft.logic_explanation,
                    origin,
                )
            else:
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
                    "version": stored.version,
                    "name": stored.name,
                    "symbol": stored.symbol,
                    "python_code": strategy.source,
                    "logic_explanation": draft.logic_explanation,
                    "parameters": strategy.parameters,
                    "parameter_meanings": meanings,
                    "indicators": list(strategy.indicators),
                    "lookback": strategy.lookback,
                    "assumptions": draft.assumptions,
                    "model": model,
                    "tokens": passed.tokens,
                    "repairs": [list(each) for each in passed.repairs],
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
