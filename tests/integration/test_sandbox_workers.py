"""Worker processes: deadlines, kills and what a child may not do. Hostile evaluators stand in for a hole in the language."""

from __future__ import annotations

import json
import math
import os
import signal
import struct
import time
from array import array
from base64 import b64decode
from collections.abc import Iterator
from itertools import count
from typing import Any, NoReturn

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stratforge.market import BarColumns
from stratforge.market.sizes import Side, SizeKind
from stratforge.strategy.batch import Program, encode_columns, evaluate_requests
from stratforge.strategy.evaluation import kept_state
from stratforge.strategy.signals import SignalValue, signal_from_numbers

from functions.sandbox import workers
from functions.sandbox.workers import Pool, WorkersFailed
from tests.support.batches import sessions_of

SOURCE = "def on_bar(bar, position, state):\n    state['n'] = state.get('n', 0) + 1\n    return buy(confidence=0.5)\n"


def window() -> dict[str, str | int]:
    """An encoded window."""
    path = 100 + np.arange(60.0)
    time_ = 1_700_000_040 + 60 * np.arange(60, dtype=np.int64)
    return encode_columns(BarColumns(time_, path, path + 1, path - 1, path, path))


GOOD = Program.of(SOURCE, {})
HASH = GOOD.hash
SOURCES = {HASH: GOOD.text, "bad": "bad"}
BAD = "bad"


def encoded(programs: list[str], owners: list[int] | None = None) -> dict[str, Any]:
    """One session without position and state of each program."""
    return sessions_of(programs, owners).encoded()


def answered(answer: dict[str, Any]) -> list[tuple[int, int]]:
    """The places of the sessions that were answered, each with that of the names of its state."""
    places = array("i", b64decode(answer["places"])).tolist()
    return list(zip(places[::2], places[1::2], strict=True))


def ask(
    pool: Pool, programs: list[str], sources: dict[str, str] = SOURCES, bars: dict[str, str | int] | None = None
) -> list[dict[str, Any]]:
    """What a pool answers to each, in their order, read as the evaluator reads it."""
    sessions = encoded(programs)
    answer = json.loads(json.dumps(pool.evaluate(bars or window(), sources, sessions)))
    assert "unknown" not in answer
    found: list[dict[str, Any]] = [{"skipped": True} for _ in programs]
    numbers = array("d", b64decode(answer["numbers"])).tolist()
    for place, names in answered(answer):
        keys = answer["names"][names]
        decision, state, numbers = numbers[:4], numbers[4 : 4 + len(keys)], numbers[4 + len(keys) :]
        kept = kept_state(keys, state)
        found[place] = {"signal": signal_from_numbers(kept, *decision), "state": kept}
    assert numbers == []
    for place, error in answer["errors"].items():
        found[int(place)] = {"error": error}
    return found


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

    def evaluate(bars: Any, sessions: Any, cache: Any, chosen: Any, begin: Any) -> Iterator[tuple[int, Any, Any]]:
        for place in map(int, chosen):
            begin(place, 0)
            if sessions.programs[sessions.program_places[place]] == BAD:
                said = (0.0, 0.0, 0.0, 0.0, float(action() or 0))
                cache.ended = time.perf_counter_ns()
                yield place, ("x",), said
            else:
                COMPANY.append(place)
                yield from evaluate_requests(bars, sessions, cache, [place])

    monkeypatch.setattr(workers, "evaluate_requests", evaluate)


def test_answers_come_in_order(pool: Pool) -> None:
    answers = ask(pool, [HASH] * 50)
    assert answers == [{"signal": SignalValue(Side.BUY, 0.5, SizeKind.DEFAULT, 0.0), "state": {"n": 1.0}}] * 50


def test_what_runs_is_what_was_checked(pool: Pool) -> None:
    (answer,) = ask(pool, [HASH], {HASH: Program.of(SOURCE.replace("0.5", "0.9"), {}).text})
    assert "not the one that was checked" in answer["error"]


def test_code_outside_the_language_is_refused_by_the_gate_in_the_child(pool: Pool) -> None:
    program = Program.of("import os", {})
    (answer,) = ask(pool, [program.hash], {program.hash: program.text})
    assert "import of os" in answer["error"]


def test_a_strategy_that_hangs_is_killed_and_the_others_are_not_lost(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile(monkeypatch, signal.pause)
    answers = ask(pool, [HASH, HASH, BAD, HASH, BAD, HASH])
    assert [("error" in answer) for answer in answers] == [False, False, True, False, True, False]
    assert "did not answer within" in answers[2]["error"]


def test_a_busy_loop_is_killed_too(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    def spin() -> None:
        while True:
            pass

    hostile(monkeypatch, spin)
    assert ["error" in answer for answer in ask(pool, [BAD, HASH])] == [True, False]


def test_a_child_that_dies_is_replaced(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile(monkeypatch, lambda: os._exit(0))
    answers = ask(pool, [HASH, BAD, HASH])
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
    if "did not answer" not in said:
        # However busy the machine: one that dies is heard of at once, long before its time is over.
        pool = Pool(deadline=30)
    assert ask(pool, [BAD]) == [{"error": f"the strategy was stopped: {said}"}]
    pool.close()


def test_a_worker_that_was_killed_between_two_batches_costs_no_strategy_anything(pool: Pool) -> None:
    ask(pool, [HASH])
    assert pool._worker is not None
    os.kill(pool._worker.pid, signal.SIGKILL)
    assert "error" not in ask(pool, [HASH])[0]


def test_a_worker_that_cannot_read_the_bars_is_the_sandboxs_fault_and_no_strategys(pool: Pool) -> None:
    with pytest.raises(WorkersFailed, match="exit status 1"):
        ask(pool, [HASH], bars={**window(), "timezone": "Mars/Olympus"})
    assert "error" not in ask(pool, [HASH])[0]


def test_whoever_fails_in_company_is_tried_alone_before_it_counts(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile(monkeypatch, lambda: time.sleep(60) if COMPANY else 5.0)
    answers = ask(pool, [HASH, BAD, HASH])
    assert [each.get("state") for each in answers] == [{"n": 1.0}, {"x": 5.0}, {"n": 1.0}]


def test_what_the_time_of_a_batch_does_not_suffice_for_is_skipped_and_not_blamed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hostile(monkeypatch, lambda: time.sleep(60))
    pool = Pool(deadline=0.4, batch_seconds=0.1)
    assert ask(pool, [BAD, HASH]) == [{"skipped": True}] * 2
    pool.close()


def test_a_batch_takes_no_longer_than_whoever_asks_has_time(monkeypatch: pytest.MonkeyPatch) -> None:
    hostile(monkeypatch, lambda: time.sleep(60))
    pool = Pool(deadline=0.4)
    answer = pool.evaluate(window(), SOURCES, encoded([BAD, HASH], [0, 1]), seconds=0.1)
    assert answered(answer) == []
    assert answer["errors"] == {}
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
    programs = [Program.of(source(number), {}) for number in range(30)]
    pool = Pool()
    sources = {**{each.hash: each.text for each in programs}, **SOURCES}
    answers = ask(pool, [*(each.hash for each in programs), HASH], sources, bars)
    assert [each for each in answers if "error" in each or "skipped" in each] == []
    assert pool._worker is not None
    pid = pool._worker.pid
    ask(pool, [HASH], SOURCES, bars)
    assert pool._worker.pid == pid
    pool.close()


def test_memory_is_bounded(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile(monkeypatch, lambda: len(bytearray(4 << 30)))
    assert ["error" in answer for answer in ask(pool, [BAD, HASH])] == [True, False]


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
    assert "error" in ask(pool, [BAD])[0]
    assert not os.path.exists("/tmp/escaped")


def test_a_child_knows_nothing_of_the_environment(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY", "secret")
    hostile(monkeypatch, lambda: len(os.environ))
    assert ask(pool, [BAD])[0]["state"] == {"x": 0.0}


@pytest.mark.parametrize(
    ("said", "places", "numbers"),
    [
        (None, [], 0),
        ([], [], 0),
        ({}, [], 0),
        ({"names": []}, [0, 0], 4),
        ({"names": [[]]}, [0, 0], 5),
        ({"names": [["x"]]}, [0, 0], 4),
        ({"names": [["x"]]}, [0, 0, 0, 0], 10),
        ({"names": [["x"]]}, [7, 0], 5),
        ({"names": [["x"]]}, [-1, 0], 5),
        ({"names": [["x"]]}, [0, 1], 5),
        ({"names": [["x"]]}, [0, -1], 5),
        ({"names": [["x"]]}, [0], 0),
        ({"names": [["x"]]}, [0, 0, 1], 10),
        ({"names": [["x"]]}, [0, 0], 5.5),
        ({"names": [["x"]]}, [0.5], 0),
        ({"names": [[5]]}, [0, 0], 5),
        ({"names": [{"x": 5}, 5]}, [0, 0], 5),
        ({"names": [["k" * 100]]}, [0, 0], 5),
        ({"names": [[f"k{key}" for key in range(100)]]}, [0, 0], 104),
        ({"names": [[]], "errors": {"0": "twice"}}, [0, 0], 4),
        ({"errors": {"9": "of somebody else"}}, [], 0),
        ({"errors": {"x": "of nobody"}}, [], 0),
        ({"errors": {"-1": "of the last"}}, [], 0),
        ({"errors": {"9" * 400: "of nobody"}}, [], 0),
        ({"names": {}, "errors": []}, [], 0),
        ({"going_on": True}, [], 0),
    ],
)
def test_a_child_is_not_believed(said: Any, places: list[float], numbers: float) -> None:
    if isinstance(said, dict) and said:
        said = {"names": [], "errors": {}, "going_on": False} | said
    sent = b"".join(struct.pack("<i", each) if each % 1 == 0 else b"\0\0" for each in places)
    waiting = np.ones(2, dtype=bool)
    with pytest.raises(workers.NOT_UNDERSTOOD):
        workers.Answers.understood(said, sent, bytes(int(8 * numbers)), waiting)
    # Who was not answered still waits.
    assert waiting.all()


def test_answers_of_several_children_keep_their_names(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile(monkeypatch, lambda: os._exit(1) if COMPANY else 5.0)
    answers = ask(pool, [HASH, BAD, HASH, BAD])
    assert [list(each["state"]) for each in answers] == [["n"], ["x"], ["n"], ["x"]]


def test_a_child_that_always_says_that_it_goes_on_does_not_hold_the_batch(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = workers._write

    def write(sink: int, answers: Any, *, going_on: bool) -> None:
        while COMPANY:
            honest(sink, workers.Answers(), going_on=True)
        honest(sink, answers, going_on=going_on)

    monkeypatch.setattr(workers, "_write", write)
    hostile(monkeypatch, lambda: 1.0)
    assert ask(pool, [HASH, BAD])[1] == {"signal": None, "state": {"x": 1.0}}


def test_a_child_that_moves_its_counter_without_end_does_not_hold_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    def evaluate(_bars: Any, _sessions: Any, _cache: Any, _chosen: Any, begin: Any) -> NoReturn:
        steps = count()
        while True:
            begin(0, next(steps))

    monkeypatch.setattr(workers, "evaluate_requests", evaluate)
    pool = Pool(deadline=0.2, batch_seconds=0.2)
    assert ask(pool, [HASH, HASH]) == [{"skipped": True}] * 2
    assert pool._worker is not None
    assert not pool._worker.alive


def test_what_a_child_says_in_a_form_of_its_own_ends_the_child_and_not_the_batch(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = workers._write

    def write(sink: int, answers: Any, *, going_on: bool) -> None:
        if COMPANY:
            answers.places[0] = 5
        honest(sink, answers, going_on=going_on)

    monkeypatch.setattr(workers, "_write", write)
    hostile(monkeypatch, lambda: 1.0)
    answers = ask(pool, [HASH, BAD])
    assert [answer.get("error") for answer in answers] == [
        "the strategy was stopped: its answer was not understood",
        None,
    ]


def test_what_a_child_nests_too_deeply_to_be_read_ends_the_child_and_not_the_batch(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = workers._write

    def write(sink: int, answers: Any, *, going_on: bool) -> None:
        if COMPANY:
            os.write(sink, struct.pack("<III", 100_000, 0, 0) + b"[" * 100_000)
        honest(sink, answers, going_on=going_on)

    monkeypatch.setattr(workers, "_write", write)
    hostile(monkeypatch, lambda: 1.0)
    answers = ask(pool, [HASH, BAD])
    assert answers[0]["error"] == "the strategy was stopped: its answer was not understood"
    assert answers[1]["state"] == {"x": 1.0}


NUMBERS = [0.0, 1.0, 2.0, 3.0, -1.0, 0.5, 7.0, 1e300, 1e308, math.inf, -math.inf, math.nan, 2.5]


@given(st.lists(st.sampled_from(NUMBERS), min_size=4, max_size=4), st.lists(st.sampled_from(NUMBERS), max_size=5))
@settings(deadline=None)
def test_whatever_numbers_a_child_gives_bounded_ones_become_of_them(decision: list[float], state: list[float]) -> None:
    signal = signal_from_numbers({}, *decision)
    if signal is not None:
        assert signal.side in ("buy", "sell", "short", "cover")
        assert 0 <= signal.confidence <= 1
        assert signal.size_kind in ("default", "fraction", "quantity", "notional")
        assert 0 <= signal.size <= 1e12
    assert all(abs(value) <= 1e300 for value in kept_state([f"k{key}" for key in range(len(state))], state).values())


def test_programs_are_sent_once_and_asked_for_when_they_are_not_known(pool: Pool) -> None:
    assert pool.evaluate(window(), {}, encoded([HASH])) == {"unknown": [HASH]}
    assert ask(pool, [HASH])[0]["state"] == {"n": 1.0}
    assert ask(pool, [HASH], {})[0]["state"] == {"n": 1.0}
    # A new child is told again, by whoever stands before it.
    assert pool._worker is not None
    os.kill(pool._worker.pid, signal.SIGKILL)
    assert ask(pool, [HASH], {})[0]["state"] == {"n": 1.0}


def test_programs_are_kept_within_a_bound(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "CACHED_BYTES", 40_000)
    for number in range(20):
        program = Program.of(f"# {number}\n{SOURCE}", {})
        assert ask(pool, [program.hash], {program.hash: program.text})[0]["state"] == {"n": 1.0}
        assert len(pool._texts) < 9
    assert pool.evaluate(window(), {}, encoded([HASH])) == {"unknown": [HASH]}


def test_a_tenant_with_many_of_the_dearest_sessions_takes_nobody_elses_turn() -> None:
    """Compiling them all takes far longer than a batch has; the others' sessions are evaluated, each in its turn."""
    padding = "".join(f"    y{line} = {line} * bar.close + {line}.5\n" for line in range(700))
    dear = [
        Program.of(f"def on_bar(bar, position, state):\n    x = {number}\n{padding}    state['x'] = x\n", {})
        for number in range(400)
    ]
    pool = Pool(batch_seconds=1.5)
    sources = {each.hash: each.text for each in (*dear, GOOD)}
    programs = [*(each.hash for each in dear), HASH, HASH]
    answer = pool.evaluate(window(), sources, encoded(programs, [0] * len(dear) + [1, 2]))
    pool.close()
    given = {place for place, _ in answered(answer)}
    assert {len(dear), len(dear) + 1} <= given
    # Somebody's turn was not reached, and it is the one's who asked for too much.
    assert len(given) < len(programs)
    assert answer["errors"] == {}
