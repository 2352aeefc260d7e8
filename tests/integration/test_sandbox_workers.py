"""Worker processes: deadlines, kills and what a child may not do. Hostile evaluators stand in for a hole in the language."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from stratforge.market import BarColumns
from stratforge.strategy import compile_strategy
from stratforge.strategy.batch import encode_columns, encode_request, evaluate_requests

from functions.sandbox import workers
from functions.sandbox.workers import Pool, WorkersFailed, checked_answer

SOURCE = "def on_bar(bar, position, state):\n    state['n'] = state.get('n', 0) + 1\n    return buy(confidence=0.5)\n"


def window() -> dict[str, str]:
    """An encoded window."""
    path = 100 + np.arange(60.0)
    time_ = 1_700_000_040 + 60 * np.arange(60, dtype=np.int64)
    return encode_columns(BarColumns(time_, path, path + 1, path - 1, path, path))


HASH = compile_strategy(SOURCE).source_hash
SOURCES = {HASH: SOURCE, "bad": "bad"}


def request(source_hash: str = HASH) -> dict[str, Any]:
    """An encoded request."""
    return encode_request(source_hash, {}, (0.0, 0.0, 0.0), {})


@pytest.fixture
def pool() -> Iterator[Pool]:
    """A pool with a short deadline."""
    found = Pool(deadline=0.4)
    yield found
    found.close()


# Filled in the child: what else it has evaluated.
COMPANY: list[int] = []


def hostile(monkeypatch: pytest.MonkeyPatch, action: Any) -> None:
    """Has the child run `action` for requests whose source is "bad"."""

    def evaluate(
        bars: Any, sources: Any, requests: Any, cache: Any, begin: Any
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        for index, each in enumerate(requests):
            begin(index)
            if each["hash"] == "bad":
                yield index, {"signal": None, "state": {"x": float(action() or 0)}}
            else:
                COMPANY.append(index)
                yield from ((index, answer) for _, answer in evaluate_requests(bars, sources, [each], cache))

    monkeypatch.setattr(workers, "evaluate_requests", evaluate)


BAD = request("bad")


def test_answers_come_in_order(pool: Pool) -> None:
    answers = pool.evaluate(window(), SOURCES, [request() for _ in range(50)])
    assert answers == [{"signal": ["buy", 0.5, "default", 0.0], "state": {"n": 1.0}}] * 50


def test_what_runs_is_what_was_checked(pool: Pool) -> None:
    (answer,) = pool.evaluate(window(), {HASH: SOURCE.replace("0.5", "0.9")}, [request()])
    assert "not the one that was checked" in answer["error"]


def test_code_outside_the_language_is_refused_by_the_gate_in_the_child(pool: Pool) -> None:
    (answer,) = pool.evaluate(window(), {"x": "import os"}, [request("x")])
    assert "import of os" in answer["error"]


def test_a_strategy_that_hangs_is_killed_and_the_others_are_not_lost(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile(monkeypatch, lambda: time.sleep(120))
    began = time.monotonic()
    answers = pool.evaluate(window(), SOURCES, [request(), request(), BAD, request(), BAD, request()])
    assert [("error" in answer) for answer in answers] == [False, False, True, False, True, False]
    assert "did not answer within" in answers[2]["error"]
    assert time.monotonic() - began < 120


def test_a_busy_loop_is_killed_too(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    def spin() -> None:
        while True:
            pass

    hostile(monkeypatch, spin)
    assert ["error" in answer for answer in pool.evaluate(window(), SOURCES, [BAD, request()])] == [True, False]


def test_a_child_that_dies_is_replaced(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile(monkeypatch, lambda: os._exit(0))
    answers = pool.evaluate(window(), SOURCES, [request(), BAD, request()])
    assert ["error" in answer for answer in answers] == [False, True, False]


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (lambda: os._exit(3), "its process ended before it answered (exit status 3)"),
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), "its process ended before it answered (killed by SIGSEGV)"),
        (lambda: time.sleep(60), "it did not answer within 0.4 seconds"),
    ],
    ids=["exit", "crash", "slow"],
)
def test_a_dead_worker_is_told_apart_from_a_slow_one(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, action: Any, said: str
) -> None:
    hostile(monkeypatch, action)
    assert pool.evaluate(window(), SOURCES, [BAD]) == [{"error": f"the strategy was stopped: {said}"}]


def test_a_worker_that_was_killed_between_two_batches_costs_no_strategy_anything(pool: Pool) -> None:
    pool.evaluate(window(), SOURCES, [request()])
    assert pool._worker is not None
    os.kill(pool._worker.pid, signal.SIGKILL)
    assert "error" not in pool.evaluate(window(), SOURCES, [request()])[0]


def test_a_worker_that_cannot_read_the_bars_is_the_sandboxs_fault_and_no_strategys(pool: Pool) -> None:
    with pytest.raises(WorkersFailed, match="exit status 1"):
        pool.evaluate({**window(), "timezone": "Mars/Olympus"}, SOURCES, [request()])
    assert "error" not in pool.evaluate(window(), SOURCES, [request()])[0]


def test_whoever_fails_in_company_is_tried_alone_before_it_counts(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile(monkeypatch, lambda: time.sleep(60) if COMPANY else 5.0)
    answers = pool.evaluate(window(), SOURCES, [request(), BAD, request()])
    assert [each.get("state") for each in answers] == [{"n": 1.0}, {"x": 5.0}, {"n": 1.0}]


def test_what_the_time_of_a_batch_does_not_suffice_for_is_skipped_and_not_blamed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hostile(monkeypatch, lambda: time.sleep(60))
    pool = Pool(deadline=0.4, batch_seconds=0.1)
    assert pool.evaluate(window(), SOURCES, [BAD, request()]) == [{"skipped": True}] * 2
    pool.close()


def wide(number: int) -> str:
    """A strategy that holds as much and computes as long as one may, and shares nothing with another."""
    columns = "".join(f"    x{line} = bars.close * {number}.{line + 1} + bars.open\n" for line in range(28))
    total = " + ".join(f"x{line}" for line in range(28))
    return f"def indicators(bars):\n{columns}    return {{'x': {total}}}\ndef on_bar(bar, position, state):\n    state['x'] = bar.x\n"


def long(number: int) -> str:
    """A strategy whose loops take nearly all operations that one may take."""
    loop = "    for i in range(1000):\n        x = x * 1.0001 + i\n"
    return f"def on_bar(bar, position, state):\n    x = {number}\n{loop * 11}    state['x'] = x\n"


@pytest.mark.parametrize("source", [wide, long])
def test_many_of_the_dearest_strategies_fail_nobody(source: Any) -> None:
    """Thirty of them together need more memory than a worker has, and more time than one strategy has."""
    path = 100 + np.arange(32_768.0)
    time_ = 1_700_000_040 + 60 * np.arange(32_768, dtype=np.int64)
    bars = encode_columns(BarColumns(time_, path, path + 1, path - 1, path, path))
    texts = [source(number) for number in range(30)]
    hashes = [compile_strategy(text).source_hash for text in texts]
    requests = [request(each) for each in (*hashes, HASH)]
    pool = Pool()
    answers = pool.evaluate(bars, {**dict(zip(hashes, texts, strict=True)), **SOURCES}, requests)
    assert [each for each in answers if "error" in each or "skipped" in each] == []
    assert pool._worker is not None
    pid = pool._worker.pid
    pool.evaluate(bars, SOURCES, [request()])
    assert pool._worker.pid == pid
    pool.close()


def test_memory_is_bounded(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile(monkeypatch, lambda: len(bytearray(4 << 30)))
    assert ["error" in answer for answer in pool.evaluate(window(), SOURCES, [BAD, request()])] == [True, False]


@pytest.mark.parametrize(
    "action",
    [
        lambda: open("/etc/passwd").read(),
        lambda: open("/tmp/escaped", "w").write("x"),
        lambda: os.pipe(),
        lambda: __import__("socket").socket(),
    ],
    ids=["read", "write", "pipe", "socket"],
)
def test_a_child_can_open_nothing(pool: Pool, monkeypatch: pytest.MonkeyPatch, action: Any) -> None:
    hostile(monkeypatch, action)
    assert "error" in pool.evaluate(window(), SOURCES, [BAD])[0]
    assert not os.path.exists("/tmp/escaped")


def test_a_child_knows_nothing_of_the_environment(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY", "secret")
    hostile(monkeypatch, lambda: len(os.environ))
    assert pool.evaluate(window(), SOURCES, [BAD])[0]["state"] == {"x": 0.0}


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {"signal": None},
        {"signal": ["buy"], "state": {}},
        {"signal": ["steal", 0.5, "default", 0.0], "state": {}},
        {"signal": ["buy", 7.0, "default", 0.0], "state": {}},
        {"signal": ["buy", 0.5, "default", -1.0], "state": {}},
        {"signal": ["buy", float("nan"), "default", 0.0], "state": {}},
        {"signal": None, "state": {"x": float("inf")}},
        {"signal": None, "state": {"x": "text"}},
        {"signal": None, "state": {"k" * 100: 1.0}},
        {"signal": None, "state": {str(index): 1.0 for index in range(100)}},
    ],
)
def test_a_child_is_not_believed(answer: Any) -> None:
    assert checked_answer(answer) == {"error": "the answer of the strategy was not understood"}
