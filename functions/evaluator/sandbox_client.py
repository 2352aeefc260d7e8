"""Calling the sandbox function with windows, sources and sessions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from stratforge.aws import aws_client
from stratforge.market import BarColumns
from stratforge.storage.strategies.evaluations import Outcome, RunningSession
from stratforge.strategy.batch import encode_columns, encode_request
from stratforge.strategy.wire import WireSource, wire_source

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

# What a synchronous invocation of Lambda takes.
MAX_PAYLOAD_BYTES = 6 << 20
_MAX_STRATEGIES = 1_000
# A full part that takes long does not keep the others waiting.
_PARTS_AT_ONCE = 4


class SandboxFailed(RuntimeError):
    """The sandbox function itself failed; the bar is tried again."""


@lru_cache(maxsize=1)
def sandbox_client() -> LambdaClient:
    """The client of Lambda of this environment."""
    client: LambdaClient = aws_client("lambda", read_timeout=60)
    return client


def evaluate_sessions(function_name: str, window: BarColumns, sessions: Sequence[RunningSession]) -> list[Outcome]:
    """Evaluates each session's strategy in the sandbox on the last bar of the window.

    A session that the sandbox had no time for (somebody else in the batch used it up) has no outcome: nothing counts against it.

    Raises:
        SandboxFailed: if the function did not answer for all of them.
    """
    bars = json.dumps(encode_columns(window))
    outcomes: dict[int, Outcome] = {}
    ready: list[Ready] = []
    for place, session in enumerate(sessions):
        try:
            ready.append(Ready(place, session, wire_source(session.python_code, session.source_hash)))
        except ValueError as error:  # StrategyError is one
            outcomes[place] = Outcome(session, session.state, error=str(error)[:500])
    parts = list(_parts(len(bars), ready))
    with ThreadPoolExecutor(max_workers=_PARTS_AT_ONCE) as executor:
        answered = executor.map(lambda part: _invoke(function_name, part.payload(bars)), parts)
        for part, answers in zip(parts, answered, strict=True):
            if len(answers) != len(part.sessions):
                raise SandboxFailed(f"the sandbox answered for {len(answers)} of {len(part.sessions)} strategies")
            for each, answer in zip(part.sessions, answers, strict=True):
                if "skipped" not in answer:
                    outcomes[each.place] = _outcome(each.session, answer)
    return [outcomes[place] for place in sorted(outcomes)]


@dataclass(frozen=True, slots=True)
class Ready:
    """A session that can be sent: its place among the others, and its code as it is sent."""

    place: int
    session: RunningSession
    source: WireSource


@dataclass(slots=True)
class Part:
    """The content of one sandbox invocation, as pieces of JSON whose bytes are counted exactly."""

    size: int
    sessions: list[Ready] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    def payload(self, bars: str) -> bytes:
        """Returns the event of the invocation as JSON bytes."""
        sources = ",".join(f'"{key}":{text}' for key, text in self.sources.items())
        return f'{{"bars":{bars},"sources":{{{sources}}},"strategies":[{",".join(self.requests)}]}}'.encode()


_FRAME_BYTES = len(Part(0).payload(""))


def _parts(bars_bytes: int, sessions: Sequence[Ready]) -> Iterator[Part]:
    part = Part(_FRAME_BYTES + bars_bytes)
    for each in sessions:
        session, source = each.session, each.source
        request = json.dumps(
            encode_request(
                source.hash,
                session.parameters,
                (session.quantity, session.average_entry_price, float(session.bars_held_now)),
                session.state,
            )
        )
        # json.dumps gives ASCII: characters are bytes. Each piece is followed by a comma, the source comes after its quoted hash and a colon.
        code = json.dumps(source.text)
        source_bytes = len(code) + len(source.hash) + 4
        added = len(request) + 1 + (0 if source.hash in part.sources else source_bytes)
        if part.sessions and (part.size + added > MAX_PAYLOAD_BYTES or len(part.sessions) == _MAX_STRATEGIES):
            yield part
            part = Part(_FRAME_BYTES + bars_bytes)
            added = len(request) + 1 + source_bytes
        part.size += added
        part.sessions.append(each)
        part.sources[source.hash] = code
        part.requests.append(request)
    if part.sessions:
        yield part


def _invoke(function_name: str, payload: bytes) -> list[dict[str, Any]]:
    reply = sandbox_client().invoke(FunctionName=function_name, Payload=payload)
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
