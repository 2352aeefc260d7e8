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
import math
import mmap
import os
import resource
import select
import signal
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stratforge.strategy.batch import StrategyCache, decode_columns, evaluate_requests, load_everything

DEADLINE_SECONDS = 2.0
# A batch takes no longer, whatever is in it: what has no answer by then is skipped, and nobody is blamed for it.
BATCH_SECONDS = 30.0
_POLL_SECONDS = 0.02
_MEMORY_BYTES = 512 << 20
_MAX_ANSWER_BYTES = 64 << 20
_HEADER = struct.Struct("<I")
# Steps begun so far, and the index of the request that the last of them is for.
_COUNTER = struct.Struct("<qq")
_MAX_NUMBER = 1e300
_MAX_KEYS = 64
_ANSWERS_AT_ONCE = 100


_NOBODY = -1


class WorkersFailed(RuntimeError):
    """No worker could begin with a batch: the fault is the sandbox's, and no strategy is to blame."""


class _WorkerEnded(Exception):
    """The child is no more. The text says to the owner of a strategy why: it was too slow, or it ended by itself."""


Answers = dict[int, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Batch:
    """One request to the sandbox: a window, sources by hash, and what to evaluate."""

    bars: Mapping[str, str]
    sources: Mapping[str, str]
    requests: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a worker: the request it was at (None before the first) and the reason, in words for its owner."""

    index: int | None
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

    @property
    def alive(self) -> bool:
        """Returns whether the child process can take work."""
        return self._alive

    def run(
        self, batch: Batch, indices: Sequence[int], answers: Answers, *, careful: bool, deadline: float
    ) -> Ended | None:
        """Runs some requests of a batch, and puts what they say into `answers`, by index.

        Returns:
            None when all were answered; otherwise the child is no more.
        """
        _COUNTER.pack_into(self._counter, 0, 0, _NOBODY)
        waiting = set(indices)
        requests = [batch.requests[index] for index in indices]
        try:
            self._send(marshal.dumps((dict(batch.bars), dict(batch.sources), requests, careful)), deadline)
            while waiting:
                for place, answer in self._receive(deadline):
                    if not isinstance(place, int) or not 0 <= place < len(indices) or indices[place] not in waiting:
                        raise self._not_understood()
                    answers[indices[place]] = checked_answer(answer)
                    waiting.discard(indices[place])
        except _WorkerEnded as ended:
            place = self._position()[1]
            return Ended(indices[place] if 0 <= place < len(indices) else None, str(ended))
        return None

    def _position(self) -> tuple[int, int]:
        steps, place = _COUNTER.unpack_from(self._counter, 0)
        return steps, place

    def _send(self, payload: bytes, deadline: float) -> None:
        os.set_blocking(self._down, False)
        data = memoryview(_HEADER.pack(len(payload)) + payload)
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

    def _receive(self, deadline: float) -> list[tuple[Any, Any]]:
        (size,) = _HEADER.unpack(self._read(_HEADER.size, deadline))
        if size > _MAX_ANSWER_BYTES:
            raise self._not_understood()
        try:
            answers = json.loads(self._read(size, deadline))
        except ValueError:
            raise self._not_understood() from None
        if not isinstance(answers, list) or any(not isinstance(each, list) or len(each) != 2 for each in answers):
            raise self._not_understood()
        return [(place, answer) for place, answer in answers]

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

    def evaluate(
        self, bars: Mapping[str, str], sources: Mapping[str, str], requests: Sequence[Any]
    ) -> list[dict[str, Any]]:
        """Answers to all requests, in order; `{"skipped": true}` for those that the time of the batch did not suffice for.

        Raises:
            WorkersFailed: if two workers in a row ended before they began with a strategy.
        """
        batch, answers = Batch(bars, sources, requests), Answers()
        until = time.monotonic() + self._batch_seconds
        suspects = self._in_company(batch, answers, until)
        for index in suspects:
            if time.monotonic() > until:
                break
            self._alone(batch, index, answers)
        return [answers.get(index, {"skipped": True}) for index in range(len(requests))]

    def _in_company(self, batch: Batch, answers: Answers, until: float) -> list[int]:
        """Runs everything together; gives those at which a worker ended."""
        suspects: list[int] = []
        failed_before = False
        while time.monotonic() < until:
            rest = [index for index in range(len(batch.requests)) if index not in answers and index not in suspects]
            if not rest:
                break
            # Answers before the one that hung may be lost with the child; after that they come one at a time.
            ended = self._ready().run(batch, rest, answers, careful=bool(suspects), deadline=self._deadline)
            if ended is None:
                break
            if ended.index is None:
                # The worker may have been ended between two batches; a second one that fares no better is a defect of ours.
                if failed_before:
                    raise WorkersFailed(f"a worker of the sandbox failed: {ended.why}")
                failed_before = True
            elif ended.index not in answers:
                failed_before = False
                suspects.append(ended.index)
        return suspects

    def _alone(self, batch: Batch, index: int, answers: Answers) -> None:
        """Tries one that failed in company once more, in a child that has seen nobody else."""
        self.close()
        ended = self._ready().run(batch, [index], answers, careful=True, deadline=self._deadline)
        if ended is not None and index not in answers:
            answers[index] = {"error": f"the strategy was stopped: {ended.why}"}

    def _ready(self) -> Worker:
        if self._worker is None or not self._worker.alive:
            self._worker = Worker()
        return self._worker

    def close(self) -> None:
        """Kills the pool's child process, if any."""
        if self._worker is not None:
            self._worker.kill()


def checked_answer(answer: Any) -> dict[str, Any]:
    """The answer if it is what an answer can be, else an error: a child is not believed either."""
    wrong = {"error": "the answer of the strategy was not understood"}
    if not isinstance(answer, dict):
        return wrong
    if isinstance(answer.get("error"), str):
        return {"error": answer["error"][:500]}
    signal_, state = answer.get("signal"), answer.get("state")
    if not isinstance(state, dict) or len(state) > _MAX_KEYS:
        return wrong
    if not all(isinstance(key, str) and len(key) <= 40 and _is_number(value) for key, value in state.items()):
        return wrong
    if signal_ is not None:
        if not isinstance(signal_, list) or len(signal_) != 4:
            return wrong
        side, confidence, kind, size = signal_
        kinds = ("default", "fraction", "quantity", "notional")
        if side not in ("buy", "sell") or kind not in kinds or not _is_number(confidence) or not _is_number(size):
            return wrong
        if not 0 <= confidence <= 1 or size < 0:
            return wrong
    return {"signal": signal_, "state": state}


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and abs(value) <= _MAX_NUMBER
    )


# The child ---------------------------------------------------------------------------------------------


def _child(source: int, sink: int, counter: mmap.mmap) -> None:
    _lock_down(source, sink)
    cache = StrategyCache()
    while True:
        (size,) = _HEADER.unpack(_read_exactly(source, _HEADER.size))
        bars, sources, requests, careful = marshal.loads(_read_exactly(source, size))  # noqa: S302 - from our own parent
        columns = decode_columns(bars)
        steps = 0

        def begin(place: int) -> None:
            nonlocal steps
            steps += 1
            _COUNTER.pack_into(counter, 0, steps, place)

        answers: list[Any] = []
        for found in evaluate_requests(columns, sources, requests, cache, begin):
            answers.append(found)
            if careful or len(answers) == _ANSWERS_AT_ONCE:
                _write(sink, answers)
                answers = []
        if answers:
            _write(sink, answers)


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


def _write(sink: int, answers: list[Any]) -> None:
    payload = json.dumps(answers).encode()
    data = memoryview(_HEADER.pack(len(payload)) + payload)
    while data:
        data = data[os.write(sink, data) :]
