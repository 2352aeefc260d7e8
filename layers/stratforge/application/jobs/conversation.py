"""The conversation that a request for a strategy belongs to: earlier versions, and questions that the model asked back."""

from __future__ import annotations

from uuid import UUID

from stratforge.ai.draft import AnswerKind, DraftParameter, StrategyDraft
from stratforge.ai.drafting import CANNOT_BE_TRADED
from stratforge.ai.prompts import BY_HAND, answer_request, first_request, refinement_request
from stratforge.ai.quant import Turn
from stratforge.application.jobs.going_back import RESTORED
from stratforge.application.jobs.requests import GenerateRequest
from stratforge.application.jobs.results import OpenQuestions, WrittenStrategy, failure_of, result_of
from stratforge.storage.postgres.database import Connection
from stratforge.storage.strategies import jobs, strategies
from stratforge.storage.strategies.jobs import Job
from stratforge.storage.strategies.strategies import StoredStrategy, StoredVersion

# How many versions the model is reminded of, and how many turns may be open at once: none of them is forgotten, so there is a bound.
_MAX_VERSIONS, MAX_OPEN = 6, 20


class TooManyOpen(Exception):
    """More turns are open than a request can have."""


def read_conversation(
    connection: Connection,
    job: Job,
    request: GenerateRequest,
    before: StoredStrategy | None,
    symbol: str | None = None,
) -> list[Turn]:
    """The turns up to the request.

    Args:
        before: The strategy that is to be changed; None when a new one is to be written.
        symbol: The one that is given beside the words.

    Raises:
        TooManyOpen: if more was asked and answered than is kept in mind.
    """
    turns = _versions(connection, before) if before else []
    asked = _open_questions(connection, job, request)
    if asked:
        return [*turns, *asked, Turn("user", answer_request(request.prompt, symbol))]
    ask = refinement_request if before else first_request
    return [*turns, Turn("user", ask(request.prompt, symbol))]


def symbol_given(connection: Connection, job: Job, request: GenerateRequest) -> str | None:
    """The symbol that is given beside the words of a request, or of the one whose question it answers."""
    for _ in range(MAX_OPEN):
        if request.symbol or request.follows is None:
            break
        earlier = _followed(connection, job, request.follows)
        asked = result_of(earlier) if earlier else None
        if earlier is None or (isinstance(asked, OpenQuestions) and CANNOT_BE_TRADED in " ".join(asked.questions)):
            # Asked for another one.
            break
        request = GenerateRequest.model_validate(earlier.request)
    return request.symbol


def _followed(connection: Connection, job: Job, follows: UUID) -> Job | None:
    """The job that a request goes on from, unless what it asked for stands in a version."""
    earlier = jobs.job_before(connection, job, follows)
    return None if earlier is None or isinstance(result_of(earlier), WrittenStrategy) else earlier


def _versions(connection: Connection, before: StoredStrategy) -> list[Turn]:
    """Each version with the request it answered."""
    turns = list[Turn]()
    for version in _standing(strategies.list_versions(connection, before.strategy_id)):
        draft = StrategyDraft(
            name=before.name,
            symbol=version.symbol,
            python_code=version.python_code,
            logic_explanation=version.logic_explanation,
            parameters=[
                DraftParameter(name=name, value=value, meaning=version.parameter_meanings.get(name, ""))
                for name, value in version.parameters.items()
            ],
            assumptions=version.assumptions,
            requirements=list(version.requirements),
        )
        ask = refinement_request if turns else first_request
        asked = BY_HAND if version.prompt is None else ask(version.prompt)
        turns += [Turn("user", asked), Turn("model", draft.model_dump_json())]
    return turns


def _standing(versions: list[StoredVersion]) -> list[StoredVersion]:
    """The last versions, the oldest first; those that were taken back since are left out."""
    # What led to each version: of a restored one, what led to the one it brings back.
    led, last = dict[int, list[StoredVersion]](), list[StoredVersion]()
    for each in reversed(versions):
        back = RESTORED.fullmatch(each.prompt or "")
        last = led.get(int(back[1]), last) if back else [*last, each]
        led[each.version] = last
    return last[-_MAX_VERSIONS:]


def _open_questions(connection: Connection, job: Job, request: GenerateRequest) -> list[Turn]:
    """The requests before this one that the model answered with questions, or with code that did not pass."""
    turns = list[Turn]()
    while request.follows:
        earlier = _followed(connection, job, request.follows)
        if earlier is None:
            break
        if len(turns) >= 2 * MAX_OPEN:
            raise TooManyOpen
        request = GenerateRequest.model_validate(earlier.request)
        ask = answer_request if request.follows else refinement_request if request.strategy_id else first_request
        turns = [Turn("user", ask(request.prompt)), Turn("model", _answer(earlier, request)), *turns]
    return turns


def _answer(earlier: Job, request: GenerateRequest) -> str:
    """Rebuilds, as JSON, the model's answer to an earlier request."""
    failure, asked = failure_of(earlier), result_of(earlier)
    failed = failure.draft if failure else None
    draft = StrategyDraft(
        # What did not pass, or only asks, is no strategy that stands.
        kind=asked.kind if isinstance(asked, OpenQuestions) else AnswerKind.CLARIFY,
        name="-",
        symbol=request.symbol or "",
        python_code=failed.python_code if failed else "",
        logic_explanation=failed.logic_explanation if failed else "",
        questions=asked.questions if isinstance(asked, OpenQuestions) and asked.kind is not AnswerKind.ANSWER else [],
        answer=" ".join(asked.questions)
        if isinstance(asked, OpenQuestions) and asked.kind is AnswerKind.ANSWER
        else "",
    )
    return draft.model_dump_json()
