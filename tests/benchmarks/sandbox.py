"""One bar for many sessions, from what the evaluator reads to what it notes, through the sandbox function as Lambda invokes it: JSON in, worker
process, JSON out; against the same evaluations in one process.

The same calls are: one `evaluate_last_bar` for each session, on the same window, whose columns are computed once for all, and its outcome. Only
processor time counts, that of both processes, in turns, the median of many: the rest of the machine's work is not the sandbox's.
"""

from __future__ import annotations

import io
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psutil
from stratforge.market import BarColumns
from stratforge.market.sizes import Side
from stratforge.storage.strategies.evaluations import Outcome, RunningSession
from stratforge.strategy import PositionView, Strategy, compile_strategy, evaluate_last_bar
from stratforge.strategy.graph import Values
from stratforge.strategy.lookback import _random_history, window_length

from functions.evaluator import sandbox_client
from functions.evaluator.sandbox_client import evaluate_sessions
from functions.sandbox import handler as sandbox

Row = tuple[str, str, str, str, str]
_TEMPLATE = """
FAST, SLOW, LOW, HIGH = {fast}, {slow}, {low}, {high}
def indicators(bars):
    return {{"fast": ta.ema(bars.close, length=FAST), "slow": ta.ema(bars.close, length=SLOW), "rsi": ta.rsi(bars.close, length=14)}}
def on_bar(bar, position, state):
    state["n"] = state.get("n", 0) + 1
    if position.quantity == 0 and bar.fast > bar.slow and bar.rsi < HIGH:
        return buy(confidence=0.8)
    if position.quantity > 0 and (bar.fast < bar.slow or bar.rsi < LOW):
        return sell()
"""


class _Lambda:
    """Invokes the sandbox function in this process, as Lambda does."""

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        """Answers with JSON."""
        return {"Payload": io.BytesIO(json.dumps(sandbox.handler(json.loads(Payload), None)).encode())}


def _strategies(count: int) -> list[Strategy]:
    """Different strategies that share indicators, as strategies of many users do."""
    return [
        compile_strategy(_TEMPLATE.format(fast=5 + i % 20, slow=20 + i % 7, low=20 + i / 100, high=60 + i / 50))
        for i in range(count)
    ]


def _sessions(strategies: list[Strategy], users: int = 1) -> list[RunningSession]:
    return [
        RunningSession(
            uuid4(), uuid4(), each.source, each.source_hash, each.parameters, each.lookback, {"n": 1.0}, 3, float(user % 2), 100.0,
        )
        for each in strategies
        for user in range(users)
    ]  # fmt: skip


def _in_process(strategies: list[Strategy], sessions: list[RunningSession], window: BarColumns) -> list[Outcome]:
    values = Values(window)
    outcomes = []
    for strategy, each in zip(strategies, sessions, strict=True):
        position = PositionView(each.quantity, each.average_entry_price, float(each.bars_held_now))
        done = evaluate_last_bar(strategy, values, position, each.state)
        said = done.signal
        outcomes.append(
            Outcome(each, done.state)
            if said is None
            else Outcome(each, done.state, Side(said.side), said.confidence, said.size_kind, said.size)
        )
    return outcomes


def _worker_seconds() -> float:
    """Processor time of the worker, to the nanosecond."""
    worker = sandbox._pool._worker
    if worker is None:
        return 0.0
    with open(f"/proc/{worker.pid}/schedstat") as file:
        return int(file.read().split()[0]) / 1e9


def _spent(run: Callable[[], object]) -> tuple[float, float]:
    """Processor time of a run in this process, and in the worker."""
    own, workers = time.process_time(), _worker_seconds()
    run()
    return time.process_time() - own, _worker_seconds() - workers


def _typical(run: Callable[[], object], repetitions: int) -> float:
    run()
    return statistics.median(sum(_spent(run)) for _ in range(repetitions))


def _compared(name: str, run: Callable[[], object], bare: Callable[[], object], wanted: str) -> Row:
    """One row: both in turns, so that a busy machine slows both."""
    run(), bare()
    pairs = [(*_spent(run), sum(_spent(bare))) for _ in range(60)]
    own, worker, without = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median((own + worker) / without for own, worker, without in pairs)
    return (
        name,
        f"{(own + worker) * 1000:.1f} us each, {worker * 1000:.1f} of it in the worker",
        f"the same calls in one process: {without * 1000:.1f} us each",
        f"{ratio:.2f} x",
        wanted,
    )


@contextmanager
def _quietly_invoked() -> Iterator[None]:
    """With this function instead of Lambda's, whose line for every invocation nobody reads."""
    honest, saved, quiet = sandbox_client.sandbox_client, os.dup(2), os.open(os.devnull, os.O_WRONLY)
    sandbox_client.sandbox_client = lambda: _Lambda()  # type: ignore[assignment]
    os.dup2(quiet, 2)
    try:
        yield
    finally:
        sandbox_client.sandbox_client = honest
        os.dup2(saved, 2)


def run() -> list[Row]:
    """The rows of the table."""
    with _quietly_invoked():
        return _rows()


def _rows() -> list[Row]:
    strategies = _strategies(1_000)
    length = max(window_length(each.lookback) for each in strategies)
    window = _random_history(2, length, 0.001, 100.0)
    thousand, users = _sessions(strategies), _sessions(strategies[:1], 1_000)
    assert evaluate_sessions("sandbox", window, thousand) == _in_process(strategies, thousand, window)
    compared = [
        _compared(
            "live, 1,000 strategies, through the sandbox",
            lambda: evaluate_sessions("sandbox", window, thousand),
            lambda: _in_process(strategies, thousand, window),
            "1.3 x",
        ),
        _compared(
            "live, 1,000 users of one, through the sandbox",
            lambda: evaluate_sessions("sandbox", window, users),
            lambda: _in_process(strategies[:1] * 1_000, users, window),
            "",
        ),
    ]
    through = _typical(lambda: evaluate_sessions("sandbox", window, thousand), 40)
    hundred = _typical(lambda: evaluate_sessions("sandbox", window, thousand[:100]), 60)
    one = _typical(lambda: evaluate_sessions("sandbox", window, thousand[:1]), 200)
    worker = psutil.Process(sandbox._pool._worker.pid)  # type: ignore[union-attr]
    before = worker.memory_info().rss
    for seed in range(2_000):
        evaluate_sessions("sandbox", _random_history(seed % 16, length, 0.001, 100.0), thousand[:5])
    after = worker.memory_info().rss
    return [
        *compared,
        ("sandbox, 1,000 strategies", f"{1000 / through:,.0f} evaluations/s a core", "", "", "> 30,000"),
        (
            "sandbox, one strategy",
            f"{one * 1000:.2f} ms",
            f"1,000 strategies: {through * 1000:.1f} ms",
            f"{through / one:.0f} x",
            "< 3 ms",
        ),
        (
            "sandbox, growth with strategies",
            f"1,000: {through * 1e6 / 1000:.0f} us each",
            f"100: {hundred * 1e6 / 100:.0f} us each",
            f"{through / hundred / 10:.2f} x",
            "about 1",
        ),
        (
            "sandbox, 2,000 batches",
            f"{after / 2**20:.1f} MiB",
            f"before: {before / 2**20:.1f} MiB",
            f"{after / before:.3f} x",
            "about 1",
        ),
    ]
