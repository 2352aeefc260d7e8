"""Worker processes: strategies run in a child that holds nothing, under a deadline enforced from outside.

The language is closed, so a strategy cannot hang, allocate without bound or reach anything; this is the second wall, for the
day the first has a hole. The parent sends a batch down a pipe and watches a counter in shared memory; when it stands
still for longer than the deadline the child is killed, the strategy it stood at gets an error, and a new child runs
the rest, one answer at a time. A child that was killed or died is never used again.
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
from typing import Any

from stratforge.strategy.batch import StrategyCache, decode_columns, evaluate_requests, load_everything

DEADLINE_SECONDS = 2.0
_POLL_SECONDS = 0.02
_MEMORY_BYTES = 512 << 20
_MAX_ANSWER_BYTES = 64 << 20
_HEADER = struct.Struct("<I")
_COUNTER = struct.Struct("<q")
_MAX_NUMBER = 1e300
_MAX_KEYS = 64


_NOT_BEGUN = -1


class WorkersFailed(RuntimeError):
    """No worker could begin with a batch: the fault is the sandbox's, and no strategy is to blame."""


class _WorkerEnded(Exception):
    """The child is no more. The text says to the owner of a strategy why: it was too slow, or it ended by itself."""


class Worker:
    """One child process."""

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
        """Whether the child can take work."""
        return self._alive

    def run(
        self,
        bars: Mapping[str, str],
        sources: Mapping[str, str],
        requests: Sequence[Any],
        *,
        careful: bool,
        deadline: float,
    ) -> tuple[list[Any], int, str]:
        """Runs requests.

        Returns:
            The answers in order, the index it stood at when it ended (`_NOT_BEGUN` before the first; the number of requests when
            it did not end), and why it ended.
        """
        _COUNTER.pack_into(self._counter, 0, _NOT_BEGUN)
        answers: list[Any] = []
        try:
            self._send(marshal.dumps((dict(bars), dict(sources), list(requests), careful)), deadline)
            while len(answers) < len(requests):
                answers += self._receive(deadline)
        except _WorkerEnded as ended:
            position = self._position()
            if position == _NOT_BEGUN:
                return answers, _NOT_BEGUN, str(ended)
            return answers, min(max(position, len(answers)), len(requests) - 1), str(ended)
        return answers, len(requests), ""

    def _position(self) -> int:
        return int(_COUNTER.unpack_from(self._counter, 0)[0])

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

    def _receive(self, deadline: float) -> list[Any]:
        (size,) = _HEADER.unpack(self._read(_HEADER.size, deadline))
        if size > _MAX_ANSWER_BYTES:
            raise self._not_understood()
        try:
            answers = json.loads(self._read(size, deadline))
        except ValueError:
            raise self._not_understood() from None
        if not isinstance(answers, list):
            raise self._not_understood()
        return [checked_answer(answer) for answer in answers]

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
        """Ends the child."""
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

    def __init__(self, deadline: float = DEADLINE_SECONDS) -> None:
        # Before any child: what is loaded on first use could not be loaded there.
        load_everything()
        self._deadline = deadline
        self._worker: Worker | None = None

    def evaluate(
        self, bars: Mapping[str, str], sources: Mapping[str, str], requests: Sequence[Any]
    ) -> list[dict[str, Any]]:
        """Answers to all requests, in order.

        Raises:
            WorkersFailed: if two workers in a row ended before they began with a strategy.
        """
        answers: list[dict[str, Any]] = []
        careful = failed_before = False
        while len(answers) < len(requests):
            if self._worker is None or not self._worker.alive:
                self._worker = Worker()
            rest = requests[len(answers) :]
            got, ended_at, why = self._worker.run(bars, sources, rest, careful=careful, deadline=self._deadline)
            answers += got
            if ended_at == len(rest):
                break
            if ended_at == _NOT_BEGUN:
                # The worker may have been ended between two batches; a second one that fares no better is a defect of ours.
                if failed_before:
                    raise WorkersFailed(f"a worker of the sandbox failed: {why}")
                failed_before = True
                continue
            failed_before = False
            if careful or len(got) == ended_at:
                answers.append({"error": f"the strategy was stopped: {why}"})
            # Answers before the one that hung may be lost with the child; from here on they come one at a time.
            careful = True
        return answers

    def close(self) -> None:
        """Ends the child."""
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
        _COUNTER.pack_into(counter, 0, 0)
        answers: list[Any] = []
        for index, answer in enumerate(evaluate_requests(columns, sources, requests, cache), 1):
            _COUNTER.pack_into(counter, 0, index)
            answers.append(answer)
            if careful:
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
