"""Calling the sandbox function with windows, sources and sessions."""

from __future__ import annotations

import json
from array import array
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from stratforge.aws import aws_client
from stratforge.market import BarColumns
from stratforge.storage.strategies.evaluations import Outcome, RunningSession
from stratforge.strategy.batch import Program, Sessions, encode_columns
from stratforge.strategy.evaluation import kept_state
from stratforge.strategy.signals import decision_of
from stratforge.strategy.wire import wire_source

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

# What a synchronous invocation of Lambda takes.
MAX_PAYLOAD_BYTES = 6 << 20
_MAX_STRATEGIES = 1_000
# A full part that takes long does not keep the others waiting.
_PARTS_AT_ONCE = 4
# Numbers of a decision, before those of the state.
_DECISION = 4


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
        SandboxFailed: if the function itself failed.
    """
    bars = json.dumps(encode_columns(window))
    outcomes: dict[int, Outcome] = {}
    parts = list(_parts(len(bars), sessions, outcomes))
    if len(parts) == 1:
        outcomes.update(parts[0].outcomes(_asked(function_name, bars, parts[0])))
    elif parts:
        with ThreadPoolExecutor(max_workers=_PARTS_AT_ONCE) as executor:
            for part, answer in zip(
                parts, executor.map(lambda part: _asked(function_name, bars, part), parts), strict=True
            ):
                outcomes.update(part.outcomes(answer))
    return [outcomes[place] for place in sorted(outcomes)]


@dataclass(slots=True)
class Part:
    """The content of one sandbox invocation, whose bytes are counted exactly, as if nothing of it were known there."""

    size: int
    asked: list[tuple[int, RunningSession]] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)
    sessions: Sessions = field(default_factory=Sessions)

    def payload(self, bars: str, sources: Mapping[str, str]) -> bytes:
        """Returns the event of the invocation as JSON bytes."""
        sessions = json.dumps(self.sessions.encoded(), separators=(",", ":"))
        return (
            f'{{"bars":{bars},"sources":{json.dumps(sources, separators=(",", ":"))},"sessions":{sessions}}}'.encode()
        )

    def outcomes(self, answer: Mapping[str, Any]) -> dict[int, Outcome]:
        """Results of the sessions by their places among all; sessions that the sandbox had no time for are left out."""
        found: dict[int, Outcome] = {}
        names, asked = answer["names"], self.asked
        places = array("i", b64decode(answer["places"])).tolist()
        numbers = array("d", b64decode(answer["numbers"])).tolist()
        at = 0
        for each, of_names in zip(places[::2], places[1::2], strict=True):
            place, session = asked[each]
            keys = names[of_names]
            decided, at = at + _DECISION, at + _DECISION + len(keys)
            state = kept_state(keys, numbers[decided:at])
            decision = decision_of(*numbers[decided - _DECISION : decided]) if numbers[decided - _DECISION] else None
            found[place] = Outcome(session, state) if decision is None else Outcome(session, state, *decision)
        for each, error in answer["errors"].items():
            place, session = asked[int(each)]
            found[place] = Outcome(session, session.state, error=str(error)[:500])
        return found


_FRAME_BYTES = len(Part(0).payload("", {})) + 8


@lru_cache(maxsize=8_192)
def _json_bytes(names: tuple[str, ...]) -> int:
    # json.dumps gives ASCII: characters are bytes.
    return len(json.dumps(names, separators=(",", ":")))


@lru_cache(maxsize=4_096)
def _program(source: str, source_hash: str, parameters: tuple[tuple[str, float], ...]) -> Program:
    return Program.of(wire_source(source, source_hash), dict(parameters))


def _parts(bars_bytes: int, sessions: Sequence[RunningSession], outcomes: dict[int, Outcome]) -> Iterator[Part]:
    """The invocations for all sessions; what cannot be sent is an outcome already."""
    rest: Iterable[tuple[int, RunningSession]] = enumerate(sessions)
    while True:
        part = Part(_FRAME_BYTES + bars_bytes)
        left_over = _filled(part, rest, outcomes)
        if part.asked:
            yield part
        if left_over is None:
            return
        rest = chain([left_over], rest)


def _filled(
    part: Part, sessions: Iterable[tuple[int, RunningSession]], outcomes: dict[int, Outcome]
) -> tuple[int, RunningSession] | None:
    """Fills a part with sessions and their places among all; gives the first for which there is no room."""
    # Places of programs, names of states and owners in their tables. One loop over plain lists: this is done for every session on every bar.
    programs: dict[str, int] = {}
    names: dict[tuple[str, ...], int] = {}
    owners: dict[int, int] = {}
    places: list[int] = []
    numbers: list[float] = []
    asked, taken, left_over = part.asked, part.size, None
    for each in sessions:
        session = each[1]
        try:
            program = _program(session.python_code, session.source_hash, tuple(session.parameters.items()))
        except ValueError as error:
            outcomes[each[0]] = Outcome(session, session.state, error=str(error)[:500])
            continue
        keys = tuple(session.state)
        # Every three numbers are 32 characters; what is left over at the end of a column is in the frame.
        size = taken + 48 + 11 * len(keys)
        of, of_names = programs.get(program.hash), names.get(keys)
        if of is None:
            # Quoted hash and comma in the list; quoted hash, colon, source and comma where it is sent.
            size += 2 * len(program.hash) + 7 + program.bytes
        if of_names is None:
            size += _json_bytes(keys) + 1
        if asked and (size > MAX_PAYLOAD_BYTES or len(asked) == _MAX_STRATEGIES):
            left_over = each
            break
        taken = size
        asked.append(each)
        if of is None:
            of = programs[program.hash] = len(programs)
            part.sources[program.hash] = program.text
        if of_names is None:
            of_names = names[keys] = len(names)
        places += (of, of_names, owners.setdefault(session.user_id.int, len(owners)))
        numbers += (session.quantity, session.average_entry_price, session.bars_held_now, *session.state.values())
    part.size = taken
    part.sessions = Sessions(list(programs), list(names), array("i", places), array("d", numbers))
    return left_over


def _asked(function_name: str, bars: str, part: Part) -> dict[str, Any]:
    """What the sandbox answers: asked without code first, and again with the code it does not have."""
    answer = _invoke(function_name, part.payload(bars, {}))
    if "unknown" in answer:
        sources = {each: part.sources[each] for each in answer["unknown"] if each in part.sources}
        answer = _invoke(function_name, part.payload(bars, sources))
    if "unknown" in answer:
        # Another environment of the function answered, which knows less than the first.
        answer = _invoke(function_name, part.payload(bars, part.sources))
    if "places" not in answer:
        raise SandboxFailed(f"the sandbox failed: {str(answer)[:300]}")
    return answer


def _invoke(function_name: str, payload: bytes) -> dict[str, Any]:
    reply = sandbox_client().invoke(FunctionName=function_name, Payload=payload)
    body = json.loads(reply["Payload"].read())
    if reply.get("FunctionError") or not isinstance(body, dict):
        raise SandboxFailed(f"the sandbox failed: {str(body)[:300]}")
    return body
