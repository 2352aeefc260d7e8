"""The results of each kind of job, and failures, as they are stored and shown."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, TypeAdapter

from stratforge.ai.draft import AnswerKind
from stratforge.ai.research import Research
from stratforge.intent.requirements import Requirement
from stratforge.market.sizes import Side
from stratforge.storage.strategies.jobs import FailureCode, Job, JobKind


class JobResult(BaseModel):
    """A result of any kind; what an older job lacks is left empty, what it has in addition is not looked at."""

    model_config = ConfigDict(frozen=True)


class WrittenStrategy(JobResult):
    """A strategy that passed every check and was stored.

    Attributes:
        requirements: What was asked for, piece by piece, and the lines that do it.
        parameter_meanings: What the model says each parameter decides.
        lookback: Bars of history that the strategy needs.
        tokens: What the model took in all, repairs included.
        repairs: Findings that were sent back to the model, one list for each repair.
    """

    strategy_id: UUID
    version: int
    name: str
    symbol: str
    python_code: str
    logic_explanation: str
    parameters: dict[str, float]
    parameter_meanings: dict[str, str] = {}
    indicators: list[str]
    lookback: int
    assumptions: list[str]
    requirements: list[Requirement] = []
    model: str
    tokens: int
    repairs: list[list[str]]


class OpenQuestions(JobResult):
    """The model's answer when it writes no strategy.

    Attributes:
        kind: clarify: it asks. decline: it says why this cannot be done here. answer: the person asked something.
        questions: The questions, the reasons, or the answer.
    """

    kind: AnswerKind = AnswerKind.CLARIFY
    questions: list[str]
    assumptions: list[str] = []


class FinishedBacktest(JobResult):
    """The result of a backtest job: the report's id and its metrics."""

    backtest_id: UUID
    metrics: dict[str, Any]


class ReplayDifference(JobResult):
    """A bar on which the replay says something else; `time` in seconds since the epoch, sides None for no signal."""

    time: int
    live: Side | None
    replayed: Side | None


class ReplayedSession(JobResult):
    """The result of a replay: bars and signals compared, and the first differences; none are expected."""

    session_id: UUID
    bars: int
    signals: int
    differences: list[ReplayDifference]


class FinishedExport(JobResult):
    """The result of an export: its rows, its size, and the name under which it is saved. Ask for a link to it; it is kept for a day."""

    rows: int
    bytes: int
    name: str


class RefusedDraft(JobResult):
    """Code that did not pass: it is shown, and stored nowhere else.

    Attributes:
        requirements: What was asked for, as the draft says that it does it; the findings say what of it is missing.
    """

    python_code: str
    logic_explanation: str
    requirements: list[Requirement] = []


class JobFailure(JobResult):
    """The error of a failed job: a code for programs, a message for the user.

    Attributes:
        findings: What is wrong with the draft that did not pass.
        draft: That draft.
    """

    code: FailureCode
    message: str
    findings: list[str] = []
    draft: RefusedDraft | None = None


Result = WrittenStrategy | OpenQuestions | Research | FinishedBacktest | ReplayedSession | FinishedExport
_FORMS: dict[JobKind, TypeAdapter[Result]] = {
    JobKind.GENERATE: TypeAdapter(WrittenStrategy | OpenQuestions),
    JobKind.RESEARCH: TypeAdapter(Research),
    JobKind.BACKTEST: TypeAdapter(FinishedBacktest),
    JobKind.REPLAY: TypeAdapter(ReplayedSession),
    JobKind.EXPORT: TypeAdapter(FinishedExport),
}


def result_of(job: Job) -> Result | None:
    """The result of a job, in the form of its kind; None unless it has succeeded."""
    return None if job.result is None else _FORMS[job.kind].validate_python(job.result)


def failure_of(job: Job) -> JobFailure | None:
    """Returns the error of a failed job; None if the job has not failed."""
    return None if job.error is None else JobFailure.model_validate(job.error)


def as_json(value: Result | JobFailure) -> dict[str, Any]:
    """A result or a failure as it is stored: plain JSON, without what is not given."""
    plain: dict[str, Any] = TypeAdapter(type(value)).dump_python(value, mode="json", exclude_unset=True)
    return plain
