"""The sandbox protocol: many strategies on one window of bars in one request, bounded numbers back.

The request and the answer are plain JSON values, so that they pass through a Lambda invocation and a pipe alike. Columns are
little-endian float64 in base64: exact, and quicker to read than text.
"""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from stratforge.market.columns import PRICE_COLUMNS, BarColumns
from stratforge.strategy.compiler import compile_strategy
from stratforge.strategy.cost import Cost
from stratforge.strategy.evaluation import PositionView, Runnable, run_last_bar
from stratforge.strategy.findings import StrategyError
from stratforge.strategy.graph import NODES, OPERATIONS, Values
from stratforge.strategy.indicators import REGISTRY

CACHED_BYTES = 160 << 20
# What a compiled strategy takes in memory, measured and rounded up.
_COMPILED_BYTES, _COMPILED_BYTES_A_CHARACTER = 4_000, 8
# Values of indicators that are kept for others of the batch.
_SHARED_CELLS = 8_000_000
_FAILURES = (StrategyError, ValueError, KeyError, ArithmeticError, MemoryError)
# Read when this is imported: a worker of the sandbox can open no file.
_TIMEZONES = {name: ZoneInfo(name) for name in ("America/New_York", "UTC")}


def encode_columns(bars: BarColumns) -> dict[str, str]:
    """A window of bars as plain values."""
    encoded = {name: base64.b64encode(getattr(bars, name).astype("<f8").tobytes()).decode() for name in PRICE_COLUMNS}
    encoded["time"] = base64.b64encode(bars.time.astype("<i8").tobytes()).decode()
    encoded["timezone"] = bars.timezone.key
    return encoded


def decode_columns(encoded: Mapping[str, str]) -> BarColumns:
    """The window that `encode_columns` encoded.

    Raises:
        ValueError: if it is not one.
    """
    columns = [np.frombuffer(base64.b64decode(encoded[name]), dtype="<f8") for name in PRICE_COLUMNS]
    time = np.frombuffer(base64.b64decode(encoded["time"]), dtype="<i8")
    if any(len(column) != len(time) for column in columns) or not len(time):
        raise ValueError("the columns of a window differ in length or are empty")
    timezone = _TIMEZONES.get(encoded["timezone"])
    if timezone is None:
        raise ValueError("the time zone of a window is not an exchange's")
    open_, high, low, close, volume = columns
    return BarColumns(time, open_, high, low, close, volume, timezone=timezone)


def encode_request(
    source_hash: str,
    parameters: Mapping[str, float],
    position: Sequence[float],
    state: Mapping[str, float],
) -> dict[str, Any]:
    """One session to evaluate: the hash of its code, and the (quantity, average entry price, bars held) of its position.

    Sources travel beside the requests, each once by its hash, so that many users of one strategy cost little more than one.
    """
    return {
        "hash": source_hash,
        "parameters": dict(parameters),
        "position": list(position),
        "state": dict(state),
    }


def load_everything() -> None:
    """Computes every operation and every indicator once.

    numpy loads parts of itself on first use (a quantile, for one), which would fail in a worker of the sandbox that can open nothing.
    """
    path = 100.0 + np.arange(8.0)
    bars = BarColumns(60 * np.arange(8, dtype=np.int64), path, path, path, path, path)
    values = Values(bars)
    close = NODES.node("column:close")
    with np.errstate(all="ignore"):
        for indicator in REGISTRY.values():
            defaults = [parameter.default for parameter in indicator.parameters]
            node = NODES.node("indicator", (close,) * len(indicator.inputs), (indicator.name, *defaults))
            values.series(NODES.node("field", (node,), (0,)))
        for name, operation in OPERATIONS.items():
            if name != "indicator":
                operation(bars, [path, path, path], (2, 1, 0))


@dataclass(frozen=True, slots=True)
class _Cached:
    runnable: Runnable
    cost: Cost
    bytes: int


class StrategyCache:
    """Compiled strategies by the hash of their source, their parameters and the length of the window, the least recently used dropped first."""

    def __init__(self, limit: int = CACHED_BYTES) -> None:
        self._limit = limit
        self._bytes = 0
        self._strategies: OrderedDict[object, _Cached] = OrderedDict()

    def __len__(self) -> int:
        return len(self._strategies)

    def get(self, source: str, source_hash: str, parameters: dict[str, float], window: int) -> _Cached:
        """Returns the compiled strategy and its cost, from the cache if it is there. The gate runs here, right before
        execution, whoever stored the source.

        Raises:
            StrategyError: if the source does not pass, or costs more than a session may.
            ValueError: if the source is not the one that was sent for this hash.
        """
        key = (source_hash, tuple(parameters.items()), window)
        found = self._strategies.get(key)
        if found is not None:
            self._strategies.move_to_end(key)
            return found
        strategy = compile_strategy(source)
        if strategy.source_hash != source_hash:
            raise ValueError("the source is not the one that was checked")
        if parameters != strategy.parameters:
            strategy = strategy.with_parameters(**parameters)
        size = _COMPILED_BYTES + _COMPILED_BYTES_A_CHARACTER * len(source)
        found = self._strategies[key] = _Cached(Runnable.of(strategy), strategy.cost_over(window), size)
        self._bytes += size
        while self._bytes > self._limit:
            self._bytes -= self._strategies.popitem(last=False)[1].bytes
        return found


def evaluate_requests(
    bars: BarColumns,
    sources: Mapping[str, str],
    requests: Sequence[Mapping[str, Any]],
    cache: StrategyCache,
    begin: Callable[[int], None] = lambda _index: None,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Evaluates each request on the last bar, the cheap ones first; an error of one does not touch the others.

    Args:
        bars: The window.
        sources: Sources by their hashes.
        requests: What `encode_request` gave.
        cache: Compiled strategies.
        begin: Told the index of each request when work on it begins, once for compiling and once for evaluating it.

    Yields:
        For each request its index and `{"signal": [side, confidence, size kind, size] | None, "state": {...}}` or
        `{"error": text}`.
    """
    ready: list[tuple[int, int, Runnable]] = []
    for index, request in enumerate(requests):
        begin(index)
        try:
            found = cache.get(sources[request["hash"]], request["hash"], request["parameters"], len(bars))
        except _FAILURES as error:
            yield index, _failed(error)
        else:
            ready.append((found.cost.nanoseconds, index, found.runnable))
    ready.sort(key=lambda each: each[:2])
    values = Values(bars)
    for _, index, runnable in ready:
        begin(index)
        if len(values) * len(bars) > _SHARED_CELLS:
            values = Values(bars)
        try:
            yield index, _answer(runnable, values, requests[index])
        except MemoryError:
            # What others left may have been too much: before it counts it is tried with nothing but its own.
            values = Values(bars)
            try:
                yield index, _answer(runnable, values, requests[index])
            except _FAILURES as error:
                values = Values(bars)
                yield index, _failed(error)
        except _FAILURES as error:
            yield index, _failed(error)


def _answer(runnable: Runnable, values: Values, request: Mapping[str, Any]) -> dict[str, Any]:
    quantity, entry, held = request["position"]
    evaluation = run_last_bar(runnable, values, PositionView(quantity, entry, held), request["state"])
    signal = evaluation.signal
    return {
        "signal": [signal.side, signal.confidence, signal.size_kind, signal.size] if signal else None,
        "state": evaluation.state,
    }


def _failed(error: Exception) -> dict[str, Any]:
    if isinstance(error, MemoryError):
        return {"error": "the strategy was stopped: it needs more memory than a strategy may use"}
    return {"error": str(error)[:500] or type(error).__name__}
