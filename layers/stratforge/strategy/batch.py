"""The sandbox protocol: many strategies on one window of bars in one request, bounded numbers back.

The request and the answer are plain JSON values, so that they pass through a Lambda invocation and a pipe alike. Columns are
little-endian float64 in base64: exact, and quicker to read than text.
"""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from stratforge.market.columns import PRICE_COLUMNS, BarColumns
from stratforge.strategy.compiler import Strategy, compile_strategy
from stratforge.strategy.evaluation import PositionView, evaluate_last_bar
from stratforge.strategy.findings import StrategyError
from stratforge.strategy.graph import NODES, OPERATIONS, Values
from stratforge.strategy.indicators import REGISTRY

CACHED_STRATEGIES = 10_000
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
    return BarColumns(time, open_, high, low, close, volume, timezone)


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
                operation(bars, [path, path, path], (2, 1))


class StrategyCache:
    """Compiled strategies by the hash of their source and their parameters, the least recently used dropped first."""

    def __init__(self, limit: int = CACHED_STRATEGIES) -> None:
        self._limit = limit
        self._strategies: OrderedDict[tuple[str, tuple[tuple[str, float], ...]], Strategy] = OrderedDict()

    def get(self, source: str, source_hash: str, parameters: dict[str, float]) -> Strategy:
        """The compiled strategy. The gate runs here, right before execution, whoever stored the source.

        Raises:
            StrategyError: if the source does not pass.
            ValueError: if the source is not the one that was checked when it was stored.
        """
        key = (source_hash, tuple(parameters.items()))
        found = self._strategies.get(key)
        if found is not None and found.source == source:
            self._strategies.move_to_end(key)
            return found
        strategy = compile_strategy(source)
        if strategy.source_hash != source_hash:
            raise ValueError("the source is not the one that was checked")
        if parameters != strategy.parameters:
            strategy = strategy.with_parameters(**parameters)
        self._strategies[key] = strategy
        if len(self._strategies) > self._limit:
            self._strategies.popitem(last=False)
        return strategy


def evaluate_requests(
    bars: BarColumns, sources: Mapping[str, str], requests: Sequence[Mapping[str, Any]], cache: StrategyCache
) -> Iterator[dict[str, Any]]:
    """Evaluates each request on the last bar; an error of one does not touch the others.

    Yields:
        For each request in order `{"signal": [side, confidence, size kind, size] | None, "state": {...}}` or
        `{"error": text}`.
    """
    values = Values(bars)
    for request in requests:
        try:
            strategy = cache.get(sources[request["hash"]], request["hash"], request["parameters"])
            quantity, entry, held = request["position"]
            evaluation = evaluate_last_bar(strategy, values, PositionView(quantity, entry, held), request["state"])
        except (StrategyError, ValueError, KeyError) as error:
            yield {"error": str(error)[:500]}
            continue
        signal = evaluation.signal
        yield {
            "signal": [signal.side, signal.confidence, signal.size_kind, signal.size] if signal else None,
            "state": evaluation.state,
        }
