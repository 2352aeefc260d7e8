"""Worker processes: strategies run in a child that holds nothing, under a deadline enforced from outside.

The language is closed, so a strategy cannot hang, allocate without bound or reach anything; this is the second wall, for the
day the first has a hole. The parent sends a batch down a pipe and watches in shared memory which strategy the child is at; when that stands
still for longer than the deadline the child is killed, and a new child runs the rest, one answer at a time. The strategy it stood at is
tried once more at the end, alone in a fresh child, before anything counts against it: it may have failed because of its company. A child that was
killed or died is never used again.
"""

from __future__ import annotations

import contextlib
import gc
import json
import marshal
import mmap
import os
import resource
import select
import signal
import struct
import time
from array import array
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stratforge.strategy.batch import (
    CACHED_BYTES,
    Sessions,
    StrategyCache,
    compiled_bytes,
    decode_columns,
    evaluate_requests,
    load_everything,
)

DEADLINE_SECONDS = 2.0
# A batch takes no longer, whatever is in it: what has no answer by then is skipped, and nobody is blamed for it.
BATCH_SECONDS = 30.0
_POLL_SECONDS = 0.02
_MEMORY_BYTES = 512 << 20
_MAX_ANSWER_BYTES = 64 << 20
# Bytes of what an answer says in JSON, and of its numbers.
_HEADER = struct.Struct("<II")
# Steps begun so far, and the place of the session that the last of them is for.
_COUNTER = struct.Struct("<qq")
_MAX_KEYS = 64
_MAX_KEY = 40
# Of a decision, before the state.
_DECISION = 4
_ANSWERS_AT_ONCE = 250
_NOBODY = -1


class WorkersFailed(RuntimeError):
    """No worker could begin with a batch: the fault is the sandbox's, and no strategy is to blame."""


class _WorkerEnded(Exception):
    """The child is no more. The text says to the owner of a strategy why: it was too slow, or it ended by itself."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One request to the sandbox: a window, and the sessions to evaluate on it, both as they are sent; and the program of each session."""

    bars: Mapping[str, str]
    sessions: Mapping[str, Any]
    programs: Sequence[int]

    @classmethod
    def of(cls, bars: Mapping[str, str], sessions: Mapping[str, Any]) -> Batch:
        """The batch that the values of a request describe."""
        return cls(bars, sessions, Sessions.decoded(sessions).program_places)


@dataclass(slots=True)
class Answers:
    """The answers to a batch so far.

    Attributes:
        keys: Of each program that ran, the keys of its state, in the order of their numbers.
        places: The sessions that were answered, in the order of their numbers.
        numbers: Of each four numbers of a decision, then its state.
        errors: What is wrong with the others, by their places, in words for their owners.
    """

    keys: dict[int, list[str]] = field(default_factory=dict)
    places: list[int] = field(default_factory=list)
    numbers: bytearray = field(default_factory=bytearray)
    errors: dict[int, str] = field(default_factory=dict)

    def missing(self, count: int) -> list[int]:
        """The places of a batch of so many sessions that have no answer."""
        given = {*self.places, *self.errors}
        return [place for place in range(count) if place not in given]

    def encoded(self) -> dict[str, Any]:
        """The answers as plain values; what is in neither places nor errors was skipped."""
        return {
            "keys": self.keys,
            "places": self.places,
            "numbers": b64encode(self.numbers).decode(),
            "errors": self.errors,
        }


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a worker: the place of the session it was at (None before the first) and the reason, in words for its owner."""

    place: int | None
    why: str


class Worker:
    """One child process of the sandbox, which runs strategies."""

    def __init__(self) -> None:
        self._counter = mmap.mmap(-1, mmap.PAGESIZE)
        down_read, self._down = os.pipe()
        self._up, up_write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                _child(down_read, up_write, self._counter)
            finally:
                os._exit(1)
        os.close(down_read)
        os.close(up_write)
        self._alive = True
        # Programs that the child knows.
        self.knows: set[str] = set()

    @property
    def alive(self) -> bool:
        """Returns whether the child process can take work."""
        return self._alive

    def run(
        self,
        batch: Batch,
        texts: Mapping[str, str],
        chosen: Sequence[int],
        answers: Answers,
        *,
        careful: bool,
        deadline: float,
        seconds: float,
    ) -> Ended | None:
        """Runs some sessions of a batch, and puts what they say into `answers`.

        Args:
            batch: All of it.
            texts: All programs that were sent, by their hashes.
            chosen: The places of the sessions.
            answers: Those so far.
            careful: Whether each answer is sent by itself, so that none is lost when a later one ends the child.
            deadline: Seconds that one may take.
            seconds: How long the child begins with another.

        Returns:
            None when all were answered, or the time was over; otherwise the child is no more.
        """
        _COUNTER.pack_into(self._counter, 0, 0, _NOBODY)
        waiting = set(chosen)
        new = {each: texts[each] for each in batch.sessions["programs"] if each not in self.knows}
        self.knows.update(new)
        try:
            message = (dict(batch.bars), dict(batch.sessions), new, list(chosen), careful, seconds)
            self._send(marshal.dumps(message), deadline)
            going_on = True
            while waiting and going_on:
                going_on = self._receive(batch, waiting, answers, deadline)
        except _WorkerEnded as ended:
            place = self._position()[1]
            return Ended(place if place in range(len(batch.programs)) else None, str(ended))
        return None

    def _position(self) -> tuple[int, int]:
        steps, place = _COUNTER.unpack_from(self._counter, 0)
        return steps, place

    def _send(self, payload: bytes, deadline: float) -> None:
        os.set_blocking(self._down, False)
        data = memoryview(_HEADER.pack(len(payload), 0) + payload)
        limit = time.monotonic() + deadline
        while data:
            _, ready, _ = select.select([], [self._down], [], _POLL_SECONDS)
            if ready:
                try:
                    data = data[os.write(self._down, data) :]
                except BrokenPipeError:
                    raise self._ended() from None
                limit = time.monotonic() + deadline
            elif time.monotonic() > limit:
                raise self._too_slow(deadline)

    def _receive(self, batch: Batch, waiting: set[int], answers: Answers, deadline: float) -> bool:
        """Takes in one message of the child, if it is what one can be: a child is not believed. Gives whether the child goes on."""
        said, numbers = _HEADER.unpack(self._read(_HEADER.size, deadline))
        if said + numbers > _MAX_ANSWER_BYTES:
            raise self._not_understood()
        data = self._read(said + numbers, deadline)
        try:
            message = json.loads(data[:said])
            found, going_on = _understood(message, numbers, batch, waiting, answers.keys), bool(message["going_on"])
        except (ValueError, TypeError, KeyError, AttributeError):
            raise self._not_understood() from None
        answers.keys.update(found.keys)
        answers.places += found.places
        answers.errors.update(found.errors)
        answers.numbers += data[said:]
        waiting.difference_update(found.places, found.errors)
        return going_on

    def _read(self, size: int, deadline: float) -> bytes:
        data = bytearray()
        position, since = self._position(), time.monotonic()
        while len(data) < size:
            ready, _, _ = select.select([self._up], [], [], _POLL_SECONDS)
            if ready:
                piece = os.read(self._up, min(size - len(data), 1 << 20))
                if not piece:
                    raise self._ended()
                data += piece
            moved = self._position()
            if moved != position or ready:
                position, since = moved, time.monotonic()
            elif time.monotonic() - since > deadline:
                raise self._too_slow(deadline)
        return bytes(data)

    def _too_slow(self, deadline: float) -> _WorkerEnded:
        self.kill()
        return _WorkerEnded(f"it did not answer within {deadline:g} seconds")

    def _not_understood(self) -> _WorkerEnded:
        self.kill()
        return _WorkerEnded("its answer was not understood")

    def _ended(self) -> _WorkerEnded:
        """The child closed its end: it is dead or dying by itself, and what it died of is known then."""
        self._alive = False
        _, status = os.waitpid(self.pid, 0)
        self._close()
        code = os.waitstatus_to_exitcode(status)
        what = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        return _WorkerEnded(f"its process ended before it answered ({what})")

    def kill(self) -> None:
        """Kills the child process and waits for its end."""
        if self._alive:
            self._alive = False
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self._close()

    def _close(self) -> None:
        os.close(self._down)
        os.close(self._up)


class Pool:
    """The worker of this environment (a Lambda environment handles one request at a time), replaced when it dies."""

    def __init__(self, deadline: float = DEADLINE_SECONDS, batch_seconds: float = BATCH_SECONDS) -> None:
        # Before any child: what is loaded on first use could not be loaded there.
        load_everything()
        self._deadline = deadline
        self._batch_seconds = batch_seconds
        self._worker: Worker | None = None
        # Programs that were sent so far; past a bound they are forgotten, and asked for again.
        self._texts: dict[str, str] = {}
        self._bytes = 0

    def evaluate(
        self, bars: Mapping[str, str], sources: Mapping[str, str], sessions: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Answers to all sessions as plain values (`Answers.encoded`); or `{"unknown": [hash, ...]}`, with nothing evaluated, when programs must
        be sent that were not.

        Args:
            bars: The window, as `encode_columns` gives it.
            sources: Programs by their hashes, those that may not be known here.
            sessions: As `Sessions.encoded` gives them.

        Raises:
            WorkersFailed: if two workers in a row ended before they began with a strategy.
        """
        self._learn(sources)
        unknown = [each for each in sessions["programs"] if each not in self._texts]
        if unknown:
            return {"unknown": unknown}
        batch, answers = Batch.of(bars, sessions), Answers()
        until = time.monotonic() + self._batch_seconds
        suspects = self._in_company(batch, answers, until)
        for place in suspects:
            if time.monotonic() > until:
                break
            self._alone(batch, place, answers, until)
        return answers.encoded()

    def _learn(self, sources: Mapping[str, str]) -> None:
        new = {each: text for each, text in sources.items() if each not in self._texts}
        added = sum(compiled_bytes(text) for text in new.values())
        if self._bytes + added > CACHED_BYTES:
            # The child forgets by being another one.
            self._texts, self._bytes = {}, 0
            self.close()
            new = dict(sources)
            added = sum(compiled_bytes(text) for text in new.values())
        self._texts.update(new)
        self._bytes += added

    def _in_company(self, batch: Batch, answers: Answers, until: float) -> list[int]:
        """Runs everything together; gives those at which a worker ended."""
        suspects: list[int] = []
        failed_before = False
        while time.monotonic() < until:
            rest = [place for place in answers.missing(len(batch.programs)) if place not in suspects]
            if not rest:
                break
            # Answers before the one that hung may be lost with the child; after that they come one at a time.
            ended = self._run(batch, rest, answers, until, careful=bool(suspects))
            if ended is None:
                # All have their answers, or the time is over.
                break
            if ended.place is None:
                # The worker may have been ended between two batches; a second one that fares no better is a defect of ours.
                if failed_before:
                    raise WorkersFailed(f"a worker of the sandbox failed: {ended.why}")
                failed_before = True
            elif ended.place in rest:
                failed_before = False
                suspects.append(ended.place)
        return suspects

    def _alone(self, batch: Batch, place: int, answers: Answers, until: float) -> None:
        """Tries one that failed in company once more, in a child that has seen nobody else."""
        self.close()
        ended = self._run(batch, [place], answers, until, careful=True)
        if ended is not None:
            answers.errors[place] = f"the strategy was stopped: {ended.why}"

    def _run(
        self, batch: Batch, chosen: Sequence[int], answers: Answers, until: float, *, careful: bool
    ) -> Ended | None:
        if self._worker is None or not self._worker.alive:
            self._worker = Worker()
        seconds = max(until - time.monotonic(), 0.0)
        return self._worker.run(
            batch, self._texts, chosen, answers, careful=careful, deadline=self._deadline, seconds=seconds
        )

    def close(self) -> None:
        """Kills the pool's child process, if any."""
        if self._worker is not None:
            self._worker.kill()


def _understood(said: Any, size: int, batch: Batch, waiting: set[int], known: Mapping[int, list[str]]) -> Answers:
    """A message of a child as answers, without its numbers, whose size must be what the programs of the sessions ask for.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: if it is not what a message can be.
    """
    keys = {int(program): list(names) for program, names in said["keys"].items()}
    for names in keys.values():
        if len(names) > _MAX_KEYS or not all(isinstance(each, str) and len(each) <= _MAX_KEY for each in names):
            raise ValueError(names)
    errors = {int(place): str(text)[:500] for place, text in said["errors"].items()}
    places = list(said["places"])
    if len({*places, *errors}) != len(places) + len(errors) or not waiting.issuperset((*places, *errors)):
        raise ValueError(places)
    widths = {program: 8 * (_DECISION + len(names)) for program, names in {**known, **keys}.items()}
    if sum(widths[batch.programs[place]] for place in places) != size:
        raise ValueError(size)
    return Answers(keys, places, errors=errors)


# The child ---------------------------------------------------------------------------------------------


def _child(source: int, sink: int, counter: mmap.mmap) -> None:
    _lock_down(source, sink)
    cache = StrategyCache()
    progress = memoryview(counter)[: _COUNTER.size].cast("q")
    while True:
        size, _ = _HEADER.unpack(_read_exactly(source, _HEADER.size))
        bars, encoded, texts, chosen, careful, seconds = marshal.loads(_read_exactly(source, size))  # noqa: S302 - from our own parent
        end = time.monotonic() + seconds
        cache.learn(texts)
        sessions = Sessions.decoded(encoded)
        steps = 0

        def begin(place: int) -> None:
            nonlocal steps
            steps += 1
            progress[0], progress[1] = steps, place

        programs, window = sessions.program_places, decode_columns(bars)
        told: set[int] = set()
        said, numbers = _nothing(), array("d")
        for place, keys, found in evaluate_requests(window, sessions, cache, chosen, begin):
            if isinstance(found, str):
                said["errors"][place] = found
            else:
                program = programs[place]
                if program not in told:
                    told.add(program)
                    said["keys"][program] = keys
                said["places"].append(place)
                numbers.extend(found)
            if time.monotonic() > end:
                # What was compiled until now is there on the next bar.
                said["going_on"] = False
                break
            if careful or len(said["places"]) + len(said["errors"]) == _ANSWERS_AT_ONCE:
                _write(sink, said, numbers)
                said, numbers = _nothing(), array("d")
        if said["places"] or said["errors"]:
            _write(sink, said, numbers)


def _nothing() -> dict[str, Any]:
    return {"keys": {}, "places": [], "errors": {}, "going_on": True}


def _lock_down(source: int, sink: int) -> None:
    """Takes from the child what a strategy has no use for: files, processes, memory without bound, the environment."""
    os.environ.clear()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    first, second = sorted((source, sink))
    os.closerange(0, first)
    os.closerange(first + 1, second)
    os.closerange(second + 1, 4096)
    # What the parent had is never collected, so pages stay shared.
    gc.freeze()
    limits = {
        resource.RLIMIT_AS: _address_space() + _MEMORY_BYTES,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_NOFILE: 0,
    }
    for kind, value in limits.items():
        resource.setrlimit(kind, (value, value))


def _address_space() -> int:
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[0]) * mmap.PAGESIZE


def _read_exactly(source: int, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = os.read(source, min(size - len(data), 1 << 20))
        if not piece:
            os._exit(0)
        data += piece
    return bytes(data)


def _write(sink: int, said: dict[str, Any], numbers: array[float]) -> None:
    text = json.dumps(said).encode()
    data = memoryview(_HEADER.pack(len(text), 8 * len(numbers)) + text + numbers.tobytes())
    while data:
        data = data[os.write(sink, data) :]
