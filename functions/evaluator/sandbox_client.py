"""Calling the sandbox function with windows, sources and sessions."""

from __future__ import annotations

import json
from array import array
from base64 import b64decode
from collections.abc import Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from botocore.exceptions import BotoCoreError, ClientError
from stratforge.application.session_windows import SandboxFailed, SandboxUnavailable
from stratforge.aws import aws_client
from stratforge.market import BarColumns
from stratforge.storage.strategies.evaluations import Outcome, RunningSession
from stratforge.storage.strategies.rebalances import PortfolioSession
from stratforge.strategy.batch import Program, Sessions, encode_columns
from stratforge.strategy.evaluation import STATE_LIMIT, kept_state
from stratforge.strategy.signals import decision_of, order_side
from stratforge.strategy.wire import wire_source

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

Value = TypeVar("Value", bound=Hashable)
# What a synchronous invocation of Lambda takes.
MAX_PAYLOAD_BYTES = 6 << 20
# What the sandbox takes for a batch at most.
MAX_SECONDS = 30.0
_MAX_STRATEGIES = 1_000
_KNOWN_PROGRAMS = 4_096
# A full part that takes long does not keep the others waiting.
_PARTS_AT_ONCE = 4
# How Lambda says that a request is more than it takes.
_TOO_LARGE = ("RequestTooLargeException", "RequestEntityTooLargeException", "413")
# Numbers of a decision, before those of the state.
_DECISION = 4


@lru_cache(maxsize=1)
def sandbox_client() -> LambdaClient:
    """The client of Lambda of this environment."""
    client: LambdaClient = aws_client("lambda", read_timeout=60)
    return client


def evaluate_sessions(
    function_name: str, window: BarColumns, sessions: Sequence[RunningSession], seconds: float = MAX_SECONDS
) -> list[Outcome]:
    """Evaluates each session's strategy in the sandbox on the last bar of the window.

    A session that the sandbox had no time for (somebody else in the batch used it up) has no outcome: nothing counts against it.

    Args:
        function_name: The sandbox.
        window: The bars.
        sessions: The sessions.
        seconds: What a batch may take.

    Raises:
        SandboxFailed: if the function itself failed; `SandboxUnavailable` if it did not answer.
    """
    bars = json.dumps(encode_columns(window))
    outcomes: list[Outcome | None] = [None] * len(sessions)
    parts = list(_parts(len(bars), sessions, outcomes))
    for part in parts:
        part.seconds = seconds
    if len(parts) == 1:
        parts[0].understand(asked(function_name, bars, parts[0]), sessions, outcomes)
    elif parts:
        with ThreadPoolExecutor(max_workers=_PARTS_AT_ONCE) as executor:
            for part, answer in zip(
                parts, executor.map(lambda part: asked(function_name, bars, part), parts), strict=True
            ):
                part.understand(answer, sessions, outcomes)
    return [each for each in outcomes if each is not None]


@dataclass(slots=True)
class Part:
    """The content of one sandbox invocation, whose bytes are counted exactly, as if nothing of it were known there.

    Attributes:
        size: The bytes.
        asked: The places of its sessions among all.
        programs: Those of its sessions.
        sessions: The sessions as they are sent.
        seconds: What it may take.
    """

    size: int
    asked: list[int] = field(default_factory=list)
    programs: list[Program] = field(default_factory=list)
    sessions: Sessions = field(default_factory=Sessions)
    seconds: float = MAX_SECONDS

    def payload(self, bars: str, sources: Mapping[str, str]) -> bytes:
        """Returns the event of the invocation as JSON bytes."""
        # Hashes and base64 are JSON's characters already, and most of the bytes.
        sent = self.sessions.encoded()
        names = json.dumps(sent.pop("names"), separators=(",", ":"))
        columns = ",".join(f'"{name}":"{text}"' for name, text in sent.items())
        code = json.dumps(sources, separators=(",", ":"))
        seconds = f"{min(max(self.seconds, 0.1), MAX_SECONDS):.1f}"
        return (
            f'{{"seconds":{seconds},"bars":{bars},"sources":{code},"sessions":{{{columns},"names":{names}}}}}'.encode()
        )

    def understand(
        self, answer: Mapping[str, Any], sessions: Sequence[RunningSession], outcomes: list[Outcome | None]
    ) -> None:
        """Puts the results of the sessions to their places among all; sessions that the sandbox had no time for have none."""
        names, asked = answer["names"], np.array(self.asked, dtype=np.int64)
        given, named = np.frombuffer(b64decode(answer["places"]), dtype="<i4").reshape(-1, 2).T
        column = np.frombuffer(b64decode(answer["numbers"]), dtype="<f8")
        ends = np.cumsum(np.array([_DECISION + len(each) for each in names], dtype=np.int64)[named])
        # Where a state has a value that is not kept, before the session whose numbers end there.
        gone = np.cumsum(~(np.abs(column) <= STATE_LIMIT))[ends - 1].tolist()
        if len(column) != ends[-1:].sum():
            raise SandboxFailed("the sandbox failed: numbers and names of its answer differ in length")
        numbers, start, gone_before = column.tolist(), 0, 0
        places = asked[given].tolist()
        for place, of_names, end, gone_now in zip(places, named.tolist(), ends.tolist(), gone):  # noqa: B905 - columns of one table
            action, confidence, kind, size, *values = numbers[start:end]
            keys = names[of_names]
            state = dict(zip(keys, values)) if gone_now == gone_before else kept_state(keys, values)  # noqa: B905 - of one length, as all together are
            decision = decision_of(action, confidence, kind, size) if action else None
            if decision is None:
                outcomes[place] = Outcome(sessions[place], state)
            else:
                said, confidence, of_kind, size = decision
                side, short = order_side(said)
                outcomes[place] = Outcome(sessions[place], state, side, confidence, of_kind, size, short=short)
            start, gone_before = end, gone_now
        for each, error in answer["errors"].items():
            place = self.asked[int(each)]
            outcomes[place] = Outcome(sessions[place], sessions[place].state, error=str(error)[:500])


_FRAME_BYTES = len(Part(0).payload("", {})) + 8


@lru_cache(maxsize=8_192)
def json_bytes(names: tuple[str, ...]) -> int:
    """Bytes of names as they are sent."""
    # json.dumps gives ASCII: characters are bytes.
    return len(json.dumps(names, separators=(",", ":")))


# Programs with the source that each was made of, by the hash of the source, the names of the parameters and their values.
_programs: dict[tuple[Any, ...], tuple[str, Program]] = {}
# Of each source the last that was asked for: it is found sooner than by all of its values.
_latest: dict[str, tuple[str, dict[str, float], Program]] = {}
# Those of sources that differ in comments only are one.
_program_of = lru_cache(maxsize=_KNOWN_PROGRAMS)(lambda source, *parameters: Program.of(source, dict(parameters)))


def program_of(session: RunningSession | PortfolioSession) -> Program:
    """The program of a session.

    Raises:
        ValueError: if its source is not the one that was checked when it was stored.
    """
    latest = _latest.get(session.source_hash)
    # Comparing a source takes less than its hash would.
    if latest is not None and latest[0] == session.python_code and latest[1] == session.parameters:
        return latest[2]
    key = (session.source_hash, *session.parameters, *session.parameters.values())
    known = _programs.get(key)
    if known is not None and known[0] == session.python_code:
        program = known[1]
    else:
        program = _program_of(wire_source(session.python_code, session.source_hash), *session.parameters.items())
        if len(_programs) >= _KNOWN_PROGRAMS:
            _programs.clear()
            _latest.clear()
        _programs[key] = session.python_code, program
    _latest[session.source_hash] = session.python_code, dict(session.parameters), program
    return program


def _parts(bars_bytes: int, sessions: Sequence[RunningSession], outcomes: list[Outcome | None]) -> Iterator[Part]:
    """The invocations for all sessions; what cannot be sent is an outcome already."""
    start = 0
    while start < len(sessions):
        part = Part(_FRAME_BYTES + bars_bytes)
        start = _filled(part, sessions, start, min(start + _MAX_STRATEGIES, len(sessions)), outcomes)
        if part.asked:
            yield part


def _filled(
    part: Part, sessions: Sequence[RunningSession], start: int, end: int, outcomes: list[Outcome | None]
) -> int:
    """Fills a part with some sessions; gives the place of the first for which there is no room."""
    # This is done for every session on every bar: a column after the other, most of it without a line of Python for each.
    asked: list[int] = []
    of_program: list[Program] = []
    for place in range(start, end):
        try:
            of_program.append(program_of(sessions[place]))
        except ValueError as error:
            outcomes[place] = Outcome(sessions[place], sessions[place].state, error=str(error)[:500])
        else:
            asked.append(place)
    chosen = [sessions[place] for place in asked]
    of_names = list(map(tuple, [each.state for each in chosen]))
    numbers = array("d")
    for each in chosen:
        numbers.extend((each.quantity, each.average_entry_price, each.bars_held_now, *each.state.values()))
    programs, program_places = tabled(of_program)
    names, names_places = tabled(of_names)
    _, owner_places = tabled([each.user_id.int for each in chosen])
    # Every three numbers are 32 characters; what is left over at the end of a column is in the frame.
    sizes = np.array([48 + 11 * len(each) for each in names], dtype=np.int64)[names_places]
    # Each counts where it is needed first.
    sizes[np.unique(program_places, return_index=True)[1]] += [each.bytes for each in programs]
    sizes[np.unique(names_places, return_index=True)[1]] += [json_bytes(each) + 1 for each in names]
    room = int(np.searchsorted(np.cumsum(sizes), MAX_PAYLOAD_BYTES - part.size, side="right"))
    if max(room, 1) < len(asked):
        return _filled(part, sessions, start, asked[max(room, 1)], outcomes)
    part.size += int(sizes.sum())
    part.asked = asked
    part.programs = programs
    places = array("i", np.array((program_places, names_places, owner_places), dtype="<i4").T.tobytes())
    part.sessions = Sessions([each.hash for each in programs], names, places, numbers)
    return end


def tabled(values: list[Value]) -> tuple[list[Value], list[int]]:
    """The different ones of some values, in the order of their first, and of each value its place among them."""
    table = dict(zip(dict.fromkeys(values), range(len(values)), strict=False))
    return list(table), list(map(table.__getitem__, values))


def asked(function_name: str, bars: str, part: Part) -> dict[str, Any]:
    """The answer of the sandbox: asked without code first, and again with the code it does not have."""
    answer = _invoke(function_name, part.payload(bars, {}))
    if "unknown" in answer:
        sources = {each.hash: each.text for each in part.programs}
        unknown = {each: sources[each] for each in answer["unknown"] if each in sources}
        answer = _invoke(function_name, part.payload(bars, unknown))
        if "unknown" in answer:
            # Another environment of the function answered, which knows less than the first.
            answer = _invoke(function_name, part.payload(bars, sources))
    if "places" not in answer:
        raise SandboxFailed(f"the sandbox failed: {str(answer)[:300]}")
    return answer


def _invoke(function_name: str, payload: bytes) -> dict[str, Any]:
    try:
        reply = sandbox_client().invoke(FunctionName=function_name, Payload=payload)
        body = json.loads(reply["Payload"].read())
    except ClientError as error:
        if error.response["Error"]["Code"] in _TOO_LARGE:
            raise SandboxFailed(f"the sandbox takes no request of {len(payload)} bytes") from error
        raise SandboxUnavailable(f"the sandbox does not answer: {str(error)[:300]}") from error
    except (BotoCoreError, ValueError) as error:
        raise SandboxUnavailable(f"the sandbox does not answer: {str(error)[:300]}") from error
    if reply.get("FunctionError") or not isinstance(body, dict):
        raise SandboxFailed(f"the sandbox failed: {str(body)[:300]}")
    return body
