"""A batch of sessions on one window: the cheap first, everybody with his own error, nobody with another's."""

from __future__ import annotations

import json
from array import array
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stratforge.market import BarColumns
from stratforge.strategy import StrategyError, batch, compile_strategy, cost
from stratforge.strategy.batch import (
    Program,
    Sessions,
    StrategyCache,
    decode_columns,
    encode_columns,
    evaluate_requests,
    fair_order,
)
from stratforge.strategy.cost import MAX_NANOSECONDS

from tests.support.batches import sessions_of

CHEAP = "def on_bar(bar, position, state):\n    return buy()\n"
DEAR = "def on_bar(bar, position, state):\n    for i in range(900):\n        state['x'] = i\n    return buy()\n"
MIDDLE = "def on_bar(bar, position, state):\n    for i in range(90):\n        state['x'] = i\n    return buy()\n"


def window(length: int = 64) -> BarColumns:
    """Bars that do not move."""
    path = np.full(length, 100.0)
    return BarColumns(60 * np.arange(length, dtype=np.int64), path, path, path, path, path)


def batch_of(sources: list[str], owners: list[int] | None = None) -> tuple[Sessions, StrategyCache]:
    """One session of each source, and a cache that has the texts of all."""
    programs = [Program.of(source, {}) for source in sources]
    cache = StrategyCache()
    cache.learn({each.hash: each.text for each in programs})
    return sessions_of([each.hash for each in programs], owners or [0] * len(sources)), cache


def evaluate(sources: list[str], length: int = 64, owners: list[int] | None = None) -> list[tuple[int, Any]]:
    """Answers in the order they came: numbers, or what is wrong."""
    sessions, cache = batch_of(sources, owners)
    chosen = range(len(sources))
    # Compiled before, so that what each costs is known.
    list(evaluate_requests(window(length), sessions, cache, chosen))
    # And what a busy machine made of it is not.
    cache.taken.clear()
    return [(place, found) for place, _, found in evaluate_requests(window(length), sessions, cache, chosen)]


def test_the_cheap_are_evaluated_first() -> None:
    assert [place for place, _ in evaluate([DEAR, CHEAP, MIDDLE])] == [1, 2, 0]


def test_whoever_had_least_is_next_however_many_sessions_somebody_else_has() -> None:
    order = [place for place, _ in evaluate([DEAR] * 20 + [DEAR, CHEAP], owners=[0] * 20 + [1, 2])]
    assert order[0] == 21
    # Of two who ask for the same each has his turn; the other nineteen wait.
    assert order.index(20) <= 2


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 20_000)), min_size=1, max_size=60))
@settings(deadline=None)
def test_nobody_waits_for_more_than_his_own_cost_once_for_each_of_the_others(sessions: list[tuple[int, int]]) -> None:
    owners, costs = [owner for owner, _ in sessions], [cost for _, cost in sessions]
    order = fair_order(owners, costs).tolist()
    assert sorted(order) == list(range(len(sessions)))
    mine: dict[int, int] = {}
    done = 0
    for place in order:
        mine[owners[place]] = mine.get(owners[place], 0) + costs[place]
        done += costs[place]
        assert done <= mine[owners[place]] * len(set(owners))


def test_what_is_not_compiled_yet_waits_behind_what_is_and_its_owners_others_do_not() -> None:
    sessions, cache = batch_of([CHEAP, *(f"{CHEAP}# {number}\n" for number in range(30)), MIDDLE], [1] + [0] * 30 + [2])
    list(evaluate_requests(window(), sessions, cache, [0, 31]))
    order = [place for place, _, _ in evaluate_requests(window(), sessions, cache, range(32))]
    assert set(order[:2]) == {0, 31}


def test_a_state_is_taken_in_the_order_in_which_the_database_gives_it() -> None:
    """jsonb orders keys by their length, then by their letters; another order is as right, and slower."""
    source = "def on_bar(bar, position, state):\n    for key in range(1):\n        state['long'] = state['b'] + 10 * state['a'] + 100 * state['long']\n    state['a'] = 4\n"
    strategy = compile_strategy(source)
    assert strategy.on_bar.state == ("a", "b", "long")
    sessions, cache = batch_of([source] * 2)
    sessions.names[:] = [("a", "b", "long"), ("long", "b", "a")]
    sessions.places[4] = 1
    sessions.numbers = array("d", [0, 0, 0, 1, 2, 3, 0, 0, 0, 3, 2, 1])
    found = [said[4:] for _, _, said in evaluate_requests(window(), sessions, cache, range(2))]
    assert found == [(4.0, 2.0, 312.0)] * 2


def test_work_on_each_is_announced_and_again_when_it_was_compiled() -> None:
    begun: list[tuple[int, int]] = []
    sessions, cache = batch_of([CHEAP, CHEAP])
    list(evaluate_requests(window(), sessions, cache, range(2), lambda place, step: begun.append((place, step))))
    assert begun == [(0, 0), (0, 1), (1, 0)]


def test_memory_that_others_took_is_given_back_before_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    honest, failures = batch.Compiled.run, [MemoryError()]

    def run(*arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return honest(*arguments)

    monkeypatch.setattr(batch.Compiled, "run", run)
    assert not [found for _, found in evaluate([CHEAP, MIDDLE]) if isinstance(found, str)]


def test_who_needs_more_memory_than_there_is_hears_so_and_the_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = batch.Compiled.run

    def run(compiled: batch.Compiled, *arguments: Any) -> Any:
        if compiled.state:
            raise MemoryError
        return honest(compiled, *arguments)

    monkeypatch.setattr(batch.Compiled, "run", run)
    (_, fine), (_, wrong) = evaluate([MIDDLE, CHEAP])
    assert fine[0] == 1.0
    assert "more memory" in wrong


def test_what_costs_too_much_over_its_window_is_refused_where_it_would_run() -> None:
    source = (
        "def indicators(bars):\n    return {'x': bars.close.rolling(500).median()}\n"
        "def on_bar(bar, position, state):\n    if bar.x > 0:\n        return buy()\n"
    )
    ((_, fine),) = evaluate([source], length=1_024)
    assert not isinstance(fine, str)
    ((_, dear),) = evaluate([source], length=131_072)
    assert "160 ms are allowed" in dear


def test_what_was_admitted_before_its_weights_rose_goes_on_behind_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's session fails because what its operations cost was measured anew; the same source is not admitted again."""
    source = (
        "def indicators(bars):\n    return {'x': bars.close.rolling(20).mean()}\n"
        "def on_bar(bar, position, state):\n    if bar.x > 0:\n        return buy()\n"
    )
    assert compile_strategy(source).lookback == 20
    admitted = evaluate([source, CHEAP])
    monkeypatch.setitem(cost._WEIGHTS, "rolling_mean", (1.5 * MAX_NANOSECONDS, 0.0, 0.0, 0.0))
    with pytest.raises(StrategyError, match="20 ms are allowed"):
        _ = compile_strategy(source).lookback
    assert evaluate([source, CHEAP]) == sorted(admitted, reverse=True)


def test_what_takes_far_longer_than_was_counted_waits_until_it_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that is counted wrongly is its owner's loss and nobody else's."""
    honest, clock, slow = batch.Compiled.run, [0], {"x"}

    def run(compiled: batch.Compiled, *arguments: Any) -> Any:
        clock[0] += 1_000_000_000 if slow.intersection(compiled.state) else 1_000
        return honest(compiled, *arguments)

    monkeypatch.setattr(batch, "perf_counter_ns", lambda: clock[0])
    monkeypatch.setattr(batch.Compiled, "run", run)
    cheap, dear = "def on_bar(bar, position, state):\n    state['x'] = 1\n", DEAR.replace("'x'", "'y'")
    sessions, cache = batch_of([cheap, dear])

    def order() -> list[int]:
        return [place for place, _, _ in evaluate_requests(window(), sessions, cache, range(2))]

    assert [order(), order()] == [[0, 1], [1, 0]]
    slow.clear()
    assert [order(), order()] == [[1, 0], [0, 1]]


def test_compiled_strategies_are_kept_within_a_bound_and_the_oldest_go() -> None:
    sources = [CHEAP, DEAR, MIDDLE, *(f"# {number}\n{CHEAP}" for number in range(20))]
    sessions, full = batch_of(sources)
    cache = StrategyCache(limit=20_000)
    cache.learn(full._texts)
    assert not [
        found for _, _, found in evaluate_requests(window(), sessions, cache, range(23)) if isinstance(found, str)
    ]
    assert 1 <= len(cache) <= 5


def test_a_program_that_is_not_the_one_of_its_hash_does_not_run() -> None:
    sessions, cache = batch_of([CHEAP])
    cache.learn({sessions.programs[0]: Program.of(DEAR, {}).text})
    ((_, _, found),) = evaluate_requests(window(), sessions, cache, [0])
    assert "not the one that was checked" in found


def test_a_batch_travels_exactly() -> None:
    sessions, _ = batch_of([CHEAP, DEAR], [4, 7])
    assert Sessions.decoded(json.loads(json.dumps(sessions.encoded()))) == sessions
    bars = window(100)
    decoded = decode_columns(json.loads(json.dumps(encode_columns(bars))))
    assert decoded.timezone == bars.timezone
    for name in ("time", "open", "high", "low", "close", "volume"):
        assert np.array_equal(getattr(decoded, name), getattr(bars, name))
