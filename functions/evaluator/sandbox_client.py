"""Calling the sandbox function."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from stratforge.aws import aws_client
from stratforge.market import BarColumns
from stratforge.storage.strategies.evaluations import Outcome, RunningSession
from stratforge.strategy.batch import encode_columns, encode_request

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

# A synchronous invocation takes 6 MB; the rest is for the window.
_MAX_STRATEGY_BYTES = 4 << 20
_MAX_STRATEGIES = 1_000


class SandboxFailed(RuntimeError):
    """The sandbox function itself failed; the bar is tried again."""


@lru_cache(maxsize=1)
def sandbox_client() -> LambdaClient:
    """The client of Lambda of this environment."""
    client: LambdaClient = aws_client("lambda", read_timeout=60)
    return client


def evaluate_sessions(function_name: str, window: BarColumns, sessions: Sequence[RunningSession]) -> list[Outcome]:
    """What each session's strategy says on the last bar of the window.

    Raises:
        SandboxFailed: if the function did not answer for all of them.
    """
    bars = encode_columns(window)
    outcomes: list[Outcome] = []
    for part in _parts(sessions):
        sources = {session.source_hash: session.python_code for session in part}
        requests = [
            encode_request(
                session.source_hash,
                session.parameters,
                (session.quantity, session.average_entry_price, float(session.bars_held)),
                session.state,
            )
            for session in part
        ]
        answers = _invoke(function_name, {"bars": bars, "sources": sources, "strategies": requests})
        if len(answers) != len(part):
            raise SandboxFailed(f"the sandbox answered for {len(answers)} of {len(part)} strategies")
        outcomes += [_outcome(session, answer) for session, answer in zip(part, answers, strict=True)]
    return outcomes


def _parts(sessions: Sequence[RunningSession]) -> Iterator[list[RunningSession]]:
    part: list[RunningSession] = []
    size = 0
    hashes: set[str] = set()
    for session in sessions:
        part.append(session)
        size += 1_000
        if session.source_hash not in hashes:
            hashes.add(session.source_hash)
            size += 2 * len(session.python_code)
        if size > _MAX_STRATEGY_BYTES or len(part) == _MAX_STRATEGIES:
            yield part
            part, size, hashes = [], 0, set()
    if part:
        yield part


def _invoke(function_name: str, payload: dict[str, Any]) -> list[dict[str, Any]]:
    reply = sandbox_client().invoke(FunctionName=function_name, Payload=json.dumps(payload).encode())
    body = json.loads(reply["Payload"].read())
    if reply.get("FunctionError") or not isinstance(body, dict) or "answers" not in body:
        raise SandboxFailed(f"the sandbox failed: {str(body)[:300]}")
    answers: list[dict[str, Any]] = body["answers"]
    return answers


def _outcome(session: RunningSession, answer: dict[str, Any]) -> Outcome:
    if "error" in answer:
        return Outcome(session, session.state, error=str(answer["error"])[:500])
    if answer["signal"] is None:
        return Outcome(session, answer["state"])
    side, confidence, size_kind, size = answer["signal"]
    return Outcome(session, answer["state"], side, confidence, size_kind, size)
