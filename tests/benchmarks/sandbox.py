"""One bar for many strategies through the sandbox function: JSON in, worker process, JSON out; against one strategy alone."""

from __future__ import annotations

import json
import os
import resource
import time
from typing import Any

import psutil
from stratforge.strategy import compile_strategy
from stratforge.strategy.batch import encode_columns, encode_request
from stratforge.strategy.lookback import _random_history

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


def _sources(count: int) -> list[str]:
    """Different strategies that share indicators, as strategies of many users do."""
    return [
        _TEMPLATE.format(fast=5 + i % 20, slow=30 + i % 30, low=20 + i / 100, high=60 + i / 50) for i in range(count)
    ]


def _event(sources: list[str], users: int, seed: int) -> str:
    hashes = [compile_strategy(source) for source in sources]
    requests = [
        encode_request(strategy.source_hash, strategy.parameters, (float(user % 2), 100.0, 3.0), {"n": float(seed)})
        for strategy in hashes
        for user in range(users)
    ]
    bars = encode_columns(_random_history(seed, 500, 0.001, 100.0))
    return json.dumps(
        {"bars": bars, "sources": {each.source_hash: each.source for each in hashes}, "strategies": requests}
    )


def _cpu() -> float:
    child = sandbox._pool._worker
    spent = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    if child is not None:
        times = psutil.Process(child.pid).cpu_times()
        spent += times.user + times.system
    return spent


def _measure(event: str, repetitions: int) -> tuple[float, float]:
    """Wall and processor seconds of one invocation, both processes counted."""
    answer: dict[str, Any] = {}
    wall, cpu = time.perf_counter(), _cpu()
    for _ in range(repetitions):
        answer = json.loads(json.dumps(sandbox.handler(json.loads(event), None)))
    wall, cpu = (time.perf_counter() - wall) / repetitions, (_cpu() - cpu) / repetitions
    assert all("error" not in each for each in answer["answers"])
    return wall, cpu


def run() -> list[Row]:
    """The rows of the table."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    saved = os.dup(2)
    os.dup2(quiet, 2)  # The handler logs a line for every invocation.
    try:
        return _rows()
    finally:
        os.dup2(saved, 2)


def _rows() -> list[Row]:
    thousand = _sources(1_000)
    _measure(_event(thousand, 1, 1), 1)  # Compiles.
    event = _event(thousand, 1, 2)
    wall, cpu = _measure(event, 20)
    hundred, _ = _measure(_event(thousand[:100], 1, 2), 50)
    one, _ = _measure(_event(thousand[:1], 1, 2), 200)
    users, _ = _measure(_event(thousand[:1], 1_000, 2), 20)
    before = psutil.Process(sandbox._pool._worker.pid).memory_info().rss  # type: ignore[union-attr]
    small = [_event(thousand[:5], 1, seed) for seed in range(20)]
    for index in range(10_000):
        sandbox.handler(json.loads(small[index % 20]), None)
    after = psutil.Process(sandbox._pool._worker.pid).memory_info().rss  # type: ignore[union-attr]
    return [
        (
            "sandbox, 1,000 strategies",
            f"{1000 / cpu:,.0f} evaluations/s a core",
            f"wall clock: {1000 / wall:,.0f}/s",
            f"{wall / cpu:.2f} x",
            "> 30,000",
        ),
        (
            "sandbox, one strategy",
            f"{one * 1000:.2f} ms",
            f"1,000 strategies: {wall * 1000:.1f} ms",
            f"{wall / one:.0f} x",
            "< 3 ms",
        ),
        (
            "sandbox, growth with strategies",
            f"1,000: {wall * 1e6 / 1000:.0f} us each",
            f"100: {hundred * 1e6 / 100:.0f} us each",
            f"{wall / hundred / 10:.2f} x",
            "about 1",
        ),
        (
            "sandbox, 1,000 users of one",
            f"{users * 1000:.1f} ms",
            f"1,000 strategies: {wall * 1000:.1f} ms",
            f"{users / wall:.2f} x",
            "below 1",
        ),
        (
            "sandbox, 10,000 batches",
            f"{after / 2**20:.1f} MiB",
            f"before: {before / 2**20:.1f} MiB",
            f"{after / before:.3f} x",
            "about 1",
        ),
    ]
