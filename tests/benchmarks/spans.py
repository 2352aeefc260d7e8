"""One bar from the socket it leaves to its settled fill, hop by hop: log lines, the host's reports and the simulator's stamps, joined by id."""

from __future__ import annotations

import bisect
import contextlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg
from local_platform.platform import Platform
from rich.table import Table

HOPS = (
    "socket to evaluator: ingestor, SNS, SQS, the engine's poll",
    "evaluator: until the executor is woken",
    "  of it the sandbox, with the call",
    "evaluator to executor: SQS, the engine's poll",
    "executor: until the order is at the broker",
    "bar to order",
    "order to settler: matching, trade update, ingestor, SQS, the engine's poll",
    "settler: until it is committed",
    "bar to settled",
)


# Of what is logged on the way of an order, what tells why it took so long.
_TOLD = (
    "shard",
    "sessions",
    "signals",
    "cause",
    "outcome",
    "orders",
    "client_order_id",
    "order_event",
    "reason",
    "exception",
)


@dataclass(frozen=True, slots=True)
class _Span:
    function: str
    received: float
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class _Line:
    request: str
    at: float


def _read(log: Path) -> tuple[dict[str, _Span], list[Mapping[str, Any]]]:
    spans, lines = {}, []
    with log.open(errors="replace") as file:
        for text in file:
            if not text.startswith("{"):
                continue
            try:
                entry = json.loads(text)
            except ValueError:
                continue
            if "invocation" in entry:
                name = entry["function"].removeprefix("stratforge-local-")
                spans[entry["invocation"]] = _Span(name, entry["received"], entry["began"], entry["ended"])
            elif "function_request_id" in entry:
                lines.append(entry)
    return spans, lines


def _line(entry: Mapping[str, Any]) -> _Line:
    return _Line(entry["function_request_id"], datetime.fromisoformat(entry["timestamp"]).timestamp())


def hops(
    platform: Platform, symbols: Collection[str] | None = None, since: datetime | None = None
) -> dict[str, list[float]]:
    """Milliseconds of each hop, sorted, over all block orders (of some symbols, made since then) whose way is known from end to end."""
    spans, lines = _read(platform.folder.logs / "functions.log")
    # Shards of a symbol evaluate a bar side by side.
    evaluated: dict[tuple[str, str], list[_Line]] = {}
    for each in lines:
        if each["message"] == "bar evaluated":
            evaluated.setdefault((each["symbol"], each["bar"]), []).append(_line(each))
    executed = {each.get("client_order_id"): _line(each) for each in lines if each["message"] == "symbol executed"}
    settled: dict[str, _Line] = {}
    for each in lines:
        if each["message"] == "update settled" and each.get("completed"):
            settled.setdefault(each["client_order_id"], _line(each))
    sandboxes = sorted((span.received, span) for span in spans.values() if span.function == "sandbox")
    status = platform.simulator("status")
    with psycopg.connect(platform.conninfo("engine")) as connection:
        blocks = connection.execute(
            "SELECT symbol, bar_time, client_order_id FROM block_orders WHERE side IS NOT NULL AND completed_at IS NOT NULL "
            "AND created_at >= coalesce(%s, '-infinity'::timestamptz)",
            (since,),
        ).fetchall()
    found: dict[str, list[float]] = {name: [] for name in HOPS}
    for symbol, bar_time, client_order_id in blocks:
        if symbols is not None and symbol not in symbols:
            continue
        left = status["bars_sent"].get(f"{symbol}@{int(bar_time.timestamp())}")
        reached = status["orders_received"].get(client_order_id)
        at_broker, at_last = executed.get(client_order_id), settled.get(client_order_id)
        if not left or not reached or at_broker is None or at_last is None:
            continue
        woke = _woke(evaluated.get((symbol, bar_time.isoformat()), ()), at_broker, spans)
        if woke is not None and at_last.request in spans:
            _add(found, left / 1e9, reached / 1e9, (woke, at_broker, at_last), spans, sandboxes)
    return {name: sorted(values) for name, values in found.items()}


def _woke(evaluated: Iterable[_Line], executed: _Line, spans: Mapping[str, _Span]) -> _Line | None:
    """Which evaluation the executor was woken by: the last that was done when it began, or else one that was noted a moment after it woke it."""
    if executed.request not in spans:
        return None
    began = spans[executed.request].began
    near = [each for each in evaluated if each.request in spans and each.at <= began + 1]
    return min(near, key=lambda each: (each.at > began, abs(each.at - began)), default=None)


def _add(
    found: dict[str, list[float]],
    left: float,
    reached: float,
    on_the_way: Sequence[_Line],
    spans: Mapping[str, _Span],
    sandboxes: Sequence[tuple[float, _Span]],
) -> None:
    evaluated, executed, settled = on_the_way
    evaluator, executor, settler = (spans[each.request] for each in (evaluated, executed, settled))
    if reached < left:
        # A block that a price or a person led to, on a bar of another moment.
        return
    first = bisect.bisect_left(sandboxes, evaluator.began, key=lambda each: each[0])
    asked = [span for at, span in sandboxes[first : first + 12] if at <= evaluator.ended]
    milliseconds = (
        evaluator.began - left,
        evaluated.at - evaluator.began,
        sum(each.ended - each.received for each in asked),
        executor.began - evaluated.at,
        reached - executor.began,
        reached - left,
        settler.began - reached,
        settled.at - settler.began,
        settled.at - left,
    )
    for name, seconds in zip(HOPS, milliseconds, strict=True):
        found[name].append(seconds * 1000)


def way_of_slowest(platform: Platform, symbols: Collection[str], since: datetime) -> list[str]:
    """What was logged of a symbol between its bar and its order at the broker, of the order that was the slowest of those made since then, and what failed meanwhile; in seconds since the bar left the socket."""
    status = platform.simulator("status")
    with psycopg.connect(platform.conninfo("engine")) as connection:
        blocks = connection.execute(
            "SELECT symbol, bar_time, client_order_id FROM block_orders WHERE side IS NOT NULL AND symbol = ANY(%s) AND created_at >= %s",
            (list(symbols), since),
        ).fetchall()
    ways = []
    for symbol, bar_time, client_order_id in blocks:
        left = status["bars_sent"].get(f"{symbol}@{int(bar_time.timestamp())}")
        reached = status["orders_received"].get(client_order_id)
        if left and reached:
            ways.append((reached - left, left / 1e9, symbol, client_order_id))
    if not ways:
        return []
    took, left, symbol, client_order_id = max(ways)
    _, lines = _read(platform.folder.logs / "functions.log")
    told = [f"{took / 1e9:.2f} s: {client_order_id} of {symbol} is at the broker"]
    for each in lines:
        at = _line(each).at - left
        failed = each.get("level") in ("WARNING", "ERROR", "CRITICAL")
        if 0 <= at <= took / 1e9 + 1 and (failed or each.get("symbol") == symbol):
            said = {name: each[name] for name in _TOLD if each.get(name) is not None}
            told.append(f"{at:.2f} s: {each['message']} {said}"[:300])
    return told


class Signaled:
    """Counts the signals on symbols from look to look, by what evaluators have logged since this was made: the database, whose work is measured meanwhile, is asked for nothing."""

    def __init__(self, platform: Platform, symbols: Collection[str]) -> None:
        self._log, self._symbols = platform.folder.logs / "functions.log", frozenset(symbols)
        self._read = self._log.stat().st_size
        self._signals: Counter[str] = Counter()

    def by_bar(self) -> Mapping[str, int]:
        """The signals so far, by the time of their bar."""
        with self._log.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    # The rest of it is not written yet.
                    break
                self._read += len(line)
                if b"bar evaluated" in line and line.startswith(b"{"):
                    entry = json.loads(line)
                    if entry.get("message") == "bar evaluated" and entry["symbol"] in self._symbols:
                        self._signals[entry["bar"]] += entry["signals"]
        return self._signals


def table(found: Mapping[str, Sequence[float]]) -> Table:
    """The hops as a table."""
    shown = Table("Hop (ms)", "p50", "p90", "p99", title=f"One bar, over {len(found[HOPS[0]])} orders")
    for name, values in found.items():
        shown.add_row(name, *(f"{quantile(values, q):.1f}" for q in (0.5, 0.9, 0.99)))
    return shown


def quantile(values: Sequence[float], q: float) -> float:
    """A quantile of sorted values."""
    return values[min(len(values) - 1, int(q * len(values)))] if values else float("nan")


def worked(process: psutil.Process) -> float:
    """Processor seconds of a process and of those that it began, those that have ended too."""
    seconds = 0.0
    for each in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            seconds += sum(each.cpu_times()[:4])
    return seconds


def total(processes: Iterable[Any]) -> tuple[float, float]:
    """Processor seconds and megabytes (shared memory counted once) of processes."""
    seconds = megabytes = 0.0
    for process in processes:
        with process.oneshot():
            seconds += sum(process.cpu_times()[:2])
            megabytes += process.memory_full_info().pss / 1e6
    return seconds, megabytes
