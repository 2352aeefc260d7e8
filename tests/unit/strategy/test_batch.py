"""A batch of sessions on one window: the cheap first, everybody with his own error, nobody with another's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from stratforge.market import BarColumns
from stratforge.strategy import batch, compile_strategy
from stratforge.strategy.batch import StrategyCache, encode_request, evaluate_requests
from stratforge.strategy.evaluation import run_last_bar

CHEAP = "def on_bar(bar, position, state):\n    return buy()\n"
DEAR = "def on_bar(bar, position, state):\n    for i in range(900):\n        state['x'] = i\n    return buy()\n"
MIDDLE = "def on_bar(bar, position, state):\n    for i in range(90):\n        state['x'] = i\n    return buy()\n"


def window(length: int = 64) -> BarColumns:
    """Bars that do not move."""
    path = np.full(length, 100.0)
    return BarColumns(60 * np.arange(length, dtype=np.int64), path, path, path, path, path)


def evaluate(sources: list[str], **options: Any) -> list[tuple[int, dict[str, Any]]]:
    """Answers in the order they came."""
    hashes = [compile_strategy(source).source_hash for source in sources]
    requests = [encode_request(each, {}, (0.0, 0.0, 0.0), {}) for each in hashes]
    cache = options.pop("cache", StrategyCache())
    return list(evaluate_requests(window(**options), dict(zip(hashes, sources, strict=True)), requests, cache))


def test_the_cheap_are_evaluated_first() -> None:
    assert [index for index, _ in evaluate([DEAR, CHEAP, MIDDLE])] == [1, 2, 0]


def test_work_on_each_is_announced() -> None:
    begun: list[int] = []
    strategy = compile_strategy(CHEAP)
    requests = [encode_request(strategy.source_hash, {}, (0.0, 0.0, 0.0), {})] * 2
    list(evaluate_requests(window(), {strategy.source_hash: CHEAP}, requests, StrategyCache(), begun.append))
    assert begun == [0, 1, 0, 1]


def test_memory_that_others_took_is_given_back_before_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [MemoryError()]

    def run(*arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return run_last_bar(*arguments)

    monkeypatch.setattr(batch, "run_last_bar", run)
    assert all("error" not in answer for _, answer in evaluate([CHEAP, MIDDLE]))


def test_who_needs_more_memory_than_there_is_hears_so_and_the_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(runnable: Any, *arguments: Any) -> Any:
        if runnable.state:
            raise MemoryError
        return run_last_bar(runnable, *arguments)

    monkeypatch.setattr(batch, "run_last_bar", run)
    (_, fine), (_, wrong) = evaluate([MIDDLE, CHEAP])
    assert "error" not in fine
    assert "more memory" in wrong["error"]


def test_what_costs_too_much_over_its_window_is_refused_where_it_would_run() -> None:
    source = (
        "def indicators(bars):\n    return {'x': bars.close.rolling(500).median()}\n"
        "def on_bar(bar, position, state):\n    if bar.x > 0:\n        return buy()\n"
    )
    ((_, fine),) = evaluate([source], length=1_024)
    assert "error" not in fine
    ((_, dear),) = evaluate([source], length=32_768)
    assert "20 ms are allowed" in dear["error"]


def test_compiled_strategies_are_kept_within_a_bound_and_the_oldest_go() -> None:
    cache = StrategyCache(limit=20_000)
    evaluate([CHEAP], cache=cache)
    evaluate([DEAR, MIDDLE], cache=cache)
    evaluate([f"# {number}\n{CHEAP}" for number in range(20)], cache=cache)
    assert 1 <= len(cache) <= 5
