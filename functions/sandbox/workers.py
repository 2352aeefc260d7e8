"""Worker processes: strategies run in a child that holds nothing, under a deadline enforced from outside.

The language is closed, so a strategy cannot hang, allocate without bound or reach anything; this is the second wall, for the
day the first has a hole. The parent sends a batch down a pipe and watches in shared memory which strategy the child is at; when that stands
still for longer than the deadline the child is killed, and a new child runs the rest, one answer at a time. The strategy it stood at is
tried once more at the end, alone in a fresh child, before anything counts against it: it may have failed because of its company. A child that was
killed or died is never used again.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import marshal
import mmap
import os
import select
import signal
import struct
import time
from array import array
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import filterfalse
from typing import Any

import numpy as np
import numpy.typing as npt
from stratforge.strategy.batch import (
    CACHED_BYTES,
    Sessions,
    StrategyCache,
    compiled_bytes,
    decode_columns,
    evaluate_requests,
    load_everything,
    programs_of,
)
from stratforge.strategy.exits import OWN_KEYS
from stratforge.strategy.rotation.batch import (
    CompiledPortfolio,
    decode_windows,
    evaluate_rebalances,
    is_of_windows,
    universe_of,
)

from functions.sandbox.confinement import lock_down

DEADLINE_SECONDS = 2.0
# A batch takes no longer, whatever is in it: what has no answer by then is skipped, and nobody is blamed for it.
BATCH_SECONDS = 30.0
_POLL_SECONDS = 0.02
_MAX_ANSWER_BYTES = 64 << 20
_PIPE_BYTES = 1 << 20
# Bytes of what a message says: in JSON, as places and as numbers.
_HEADER = struct.Struct("<III")
# The place of the session that the child is at, and its step there.
_POSITION = struct.Struct("<qq")
_MAX_KEYS = 64
# Those that the language keeps for itself are longer than a strategy's own.
_MAX_KEY = max(map(len, OWN_KEYS))
# Of a decision, before the state.
_DECISION = 4
# How long a child keeps answers to itself: so much work is done again when it ends before it has said them.
_SAID_AFTER_NANOSECONDS = 100_000_000
# Of an answer in the order they are sent: its session, and the names of its state.
_PLACES = 2
_NOBODY = (-1, 0)
# What reading a message that is none may raise.
NOT_UNDERSTOOD = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)
# Of each session of a batch, whether it has no answer yet.
Waiting = npt.NDArray[np.bool_]


class WorkersFailed(RuntimeError):
    """No worker could begin with a batch: the fault is the sandbox's, and no strategy is to blame."""


class _WorkerEnded(Exception):
    """The child is no more. The text says to the owner of a strategy why: it was too slow, or it ended by itself."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One request to the sandbox: a window, and the sessions to evaluate on it, both as they are sent; and how many sessions those are."""

    bars: Mapping[str, Any]
    sessions: Mapping[str, Any]
    count: int
    # Numbers of an answer before those of the state.
    decision: int = _DECISION

    @classmethod
    def of(cls, bars: Mapping[str, Any], sessions: Mapping[str, Any]) -> Batch:
        """The batch that the values of a request describe.

        Raises:
            ValueError: if they describe none.
        """
        decision = 1 + universe_of(bars) if is_of_windows(bars) else _DECISION
        return cls(bars, sessions, Sessions.counted(sessions), decision)


@dataclass(slots=True)
class Answers:
    """The answers to a batch so far.

    Attributes:
        names: The keys of a state, each time in the order of its numbers.
        places: Of each session that was answered its place, and that of its keys in `names`.
        numbers: Of each, in the same order, four numbers of a decision, then its state.
        errors: What is wrong with the others, by their places, in words for their owners.
    """

    names: list[Sequence[str]] = field(default_factory=list)
    places: array[int] = field(default_factory=lambda: array("i"))
    numbers: array[float] = field(default_factory=lambda: array("d"))
    errors: dict[int, str] = field(default_factory=dict)

    @classmethod
    def understood(
        cls, said: Any, places: bytes, numbers: bytes, waiting: Waiting, decision: int = _DECISION
    ) -> Answers:
        """A message of a child as answers, if it is what one can be, and nobody waits for them any more: a child is not believed. Each begins with so
        many numbers of a decision.

        Raises:
            NOT_UNDERSTOOD: if it is not.
        """
        names = list(said["names"])
        for keys in names:
            if len(keys) > _MAX_KEYS or not all(isinstance(each, str) and len(each) <= _MAX_KEY for each in keys):
                raise ValueError(keys)
        errors = {int(place): str(text)[:500] for place, text in said["errors"].items()}
        found = cls(names, array("i", places), array("d", numbers), errors)
        given, named = np.array(found.places).reshape(-1, _PLACES).T
        answered = np.append(given, list(errors)).astype(int)
        if said["going_on"] and not len(answered):
            raise ValueError(said)
        if answered.min(initial=0) < 0 or not waiting[answered].all():
            raise ValueError(answered)
        widths = np.array([decision + len(keys) for keys in names], dtype=int)
        if named.min(initial=0) < 0 or widths[named].sum() != len(found.numbers):
            raise ValueError(named)
        left = waiting.copy()
        left[answered] = False
        if np.count_nonzero(waiting) - np.count_nonzero(left) != len(answered):
            raise ValueError(answered)
        waiting[:] = left
        return found

    def add(self, other: Answers) -> None:
        """Takes in those of another message."""
        known = len(self.names)
        self.names += other.names
        for place in range(1, len(other.places), _PLACES) if known else ():
            other.places[place] += known
        self.places += other.places
        self.numbers += other.numbers
        self.errors.update(other.errors)

    def encoded(self) -> dict[str, Any]:
        """The answers as plain values; what is in neither places nor errors was skipped."""
        return {
            "names": self.names,
            "places": b64encode(self.places).decode(),
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
        for pipe in (self._down, self._up):
            # So that a batch is one piece; an environment that does not grant it has it in several.
            with contextlib.suppress(PermissionError):
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
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
        waiting: Waiting,
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
            waiting: Which sessions; who is answered does not wait any more.
            answers: Those so far.
            careful: Whether each answer is sent by itself, so that none is lost when a later one ends the child.
            deadline: Seconds that one may take.
            seconds: How long the child begins with another.

        Returns:
            None when all were answered, or the time was over; otherwise the child is no more.
        """
        _POSITION.pack_into(self._counter, 0, *_NOBODY)
        # Whatever the child says, and however it moves its counter.
        self._limit = time.monotonic() + seconds + deadline
        new = {
            each: texts[each] for each in filterfalse(self.knows.__contains__, programs_of(batch.sessions["programs"]))
        }
        self.knows.update(new)
        try:
            chosen = np.flatnonzero(waiting).tobytes()
            message = (dict(batch.bars), dict(batch.sessions), new, chosen, careful, seconds)
            self._send(marshal.dumps(message), deadline)
            while self._receive(waiting, answers, deadline, batch.decision):
                pass
        except _WorkerEnded as ended:
            place = self._position()[0]
            return Ended(place if place in range(batch.count) else None, str(ended))
        return None

    def _position(self) -> tuple[int, int]:
        place, step = _POSITION.unpack_from(self._counter, 0)
        return place, step

    def _send(self, payload: bytes, deadline: float) -> None:
        os.set_blocking(self._down, False)
        data = memoryview(_HEADER.pack(len(payload), 0, 0) + payload)
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

    def _receive(self, waiting: Waiting, answers: Answers, deadline: float, decision: int) -> bool:
        """Takes in one message of the child. Gives whether the child goes on."""
        sizes = _HEADER.unpack(self._read(_HEADER.size, deadline))
        if sum(sizes) > _MAX_ANSWER_BYTES:
            raise self._not_understood()
        data = self._read(sum(sizes), deadline)
        first, second = sizes[0], sizes[0] + sizes[1]
        try:
            message = json.loads(data[:first])
            found = Answers.understood(message, data[first:second], data[second:], waiting, decision)
        except NOT_UNDERSTOOD:
            raise self._not_understood() from None
        answers.add(found)
        return bool(message["going_on"])

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
            if since > self._limit:
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
        self,
        bars: Mapping[str, Any],
        sources: Mapping[str, str],
        sessions: Mapping[str, Any],
        seconds: float | None = None,
    ) -> dict[str, Any]:
        """Answers to all sessions as plain values (`Answers.encoded`); or `{"unknown": [hash, ...]}`, with nothing evaluated, when programs must
        be sent that were not.

        Args:
            bars: The window, as `encode_columns` gives it; or those of several symbols, as `encode_windows` does: then sessions are of portfolio strategies.
            sources: Programs by their hashes, those that may not be known here.
            sessions: As `Sessions.encoded` gives them.
            seconds: What it may take; None for as long as any batch may.

        Raises:
            WorkersFailed: if two workers in a row ended before they began with a strategy.
        """
        self._learn(sources)
        unknown = list(filterfalse(self._texts.__contains__, programs_of(sessions["programs"])))
        if unknown:
            return {"unknown": unknown}
        batch, answers = Batch.of(bars, sessions), Answers()
        until = time.monotonic() + min(self._batch_seconds, self._batch_seconds if seconds is None else seconds)
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
        waiting = np.ones(batch.count, dtype=bool)
        while waiting.any() and time.monotonic() < until:
            # Answers before the one that hung may be lost with the child; after that they come one at a time.
            ended = self._run(batch, waiting, answers, until, careful=bool(suspects))
            if ended is None:
                # All have their answers, or the time is over.
                break
            if ended.place is None:
                # The worker may have been ended between two batches; a second one that fares no better is a defect of ours.
                if failed_before:
                    raise WorkersFailed(f"a worker of the sandbox failed: {ended.why}")
                failed_before = True
            elif waiting[ended.place]:
                failed_before = False
                suspects.append(ended.place)
                waiting[ended.place] = False
        return suspects

    def _alone(self, batch: Batch, place: int, answers: Answers, until: float) -> None:
        """Tries one that failed in company once more, in a child that has seen nobody else."""
        self.close()
        waiting = np.zeros(batch.count, dtype=bool)
        waiting[place] = True
        ended = self._run(batch, waiting, answers, until, careful=True)
        if ended is not None:
            answers.errors[place] = f"the strategy was stopped: {ended.why}"

    def _run(self, batch: Batch, waiting: Waiting, answers: Answers, until: float, *, careful: bool) -> Ended | None:
        if self._worker is None or not self._worker.alive:
            self._worker = Worker()
        seconds = max(until - time.monotonic(), 0.0)
        return self._worker.run(
            batch, self._texts, waiting, answers, careful=careful, deadline=self._deadline, seconds=seconds
        )

    def close(self) -> None:
        """Kills the pool's child process, if any."""
        if self._worker is not None:
            self._worker.kill()


# The child ---------------------------------------------------------------------------------------------


def _child(source: int, sink: int, counter: mmap.mmap) -> None:
    lock_down(source, sink)
    cache, portfolios = StrategyCache(), dict[str, CompiledPortfolio]()
    begin = partial(_POSITION.pack_into, counter, 0)
    while True:
        size, *_ = _HEADER.unpack(_read_exactly(source, _HEADER.size))
        bars, encoded, texts, chosen, careful, seconds = marshal.loads(_read_exactly(source, size))  # noqa: S302 - from our own parent
        end = time.perf_counter_ns() + int(seconds * 1e9)
        cache.learn(texts)
        places, numbers, errors = list[int](), list[float](), dict[int, str]()
        named, said = dict[tuple[str, ...], int](), time.perf_counter_ns()
        sessions, places_chosen = Sessions.decoded(encoded), np.frombuffer(chosen, dtype=np.intp)
        if is_of_windows(bars):
            windows, universe = decode_windows(bars), universe_of(bars)
            said_by = evaluate_rebalances(windows, universe, sessions, cache, portfolios, places_chosen, begin)
        else:
            said_by = evaluate_requests(decode_columns(bars), sessions, cache, places_chosen, begin)
        for place, keys, found in said_by:
            if isinstance(found, str):
                errors[place] = found
            else:
                places += (place, named.setdefault(keys, len(named)))
                numbers += found
            now = cache.ended
            if now > end:
                # What was compiled until now is there on the next bar.
                break
            if careful or now > said + _SAID_AFTER_NANOSECONDS:
                _write(sink, Answers(list(named), array("i", places), array("d", numbers), errors), going_on=True)
                cache.ended = said = time.perf_counter_ns()
                places, numbers, errors, named = [], [], {}, {}
        _write(sink, Answers(list(named), array("i", places), array("d", numbers), errors), going_on=False)


def _read_exactly(source: int, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = os.read(source, min(size - len(data), 1 << 20))
        if not piece:
            os._exit(0)
        data += piece
    return bytes(data)


def _write(sink: int, answers: Answers, *, going_on: bool) -> None:
    said = {"names": answers.names, "errors": answers.errors, "going_on": going_on}
    parts = json.dumps(said).encode(), answers.places.tobytes(), answers.numbers.tobytes()
    data = memoryview(b"".join((_HEADER.pack(*map(len, parts)), *parts)))
    while data:
        data = data[os.write(sink, data) :]
