"""`make measure`: seconds, messages and bytes of the local stack at two sizes, and from them what a bar, a session and an order take.

Its waits alone take seven minutes, one and a half of them for what the database does for users of whom none trades. Written to `infra_cdk/capacity/measured.json`, from which the cost and the scale of a deployment are computed.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform as machine
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import psutil
import psycopg
from demo import SYMBOLS
from local_platform.audit import audit
from local_platform.platform import Options, Platform
from local_platform.synthesis import ROOT
from rich.console import Console
from rich.table import Table
from stratforge.client import Client

from infra_cdk.capacity.measured import FILE
from tests.benchmarks.first_page import first_pages
from tests.benchmarks.seconds import ASKING, FUNCTIONS, Seconds
from tests.benchmarks.spans import hops, quantile, table, total
from tests.support.crowd import add_crowd, one_side, stop_crowd

_SECONDS = 40
# What is done once a minute is in it once.
_MINUTE = 60
# Slower than the demo: two cores must not be the limit that is measured.
_SPEED = 20.0
_IDLE, _PASSWORD = "idle@example.com", "a long enough password"


@dataclass(frozen=True)
class Phase:
    """What a stretch of time took: processor seconds and counts."""

    seconds: dict[str, float]
    invocations: dict[str, int]
    bars: int
    evaluations: int
    signals: int
    orders: int
    updates: int
    log_bytes: int
    executed: int
    executing: float
    looks: int
    looking: float
    database: float
    asked: dict[str, float]
    rest: float
    elapsed: float
    users: int


def _counts(platform: Platform) -> dict[str, int]:
    with psycopg.connect(platform.conninfo("owner")) as connection:
        row = connection.execute(
            """
            SELECT (SELECT count(*) FROM market_data), (SELECT coalesce(sum(bars_evaluated), 0) FROM sessions), (SELECT count(*) FROM signals),
                   (SELECT count(*) FROM orders), (SELECT count(*) FROM fills) * 2, (SELECT count(*) FROM users)
            """
        ).fetchone()
    assert row is not None
    return dict(zip(("bars", "evaluations", "signals", "orders", "updates", "users"), map(int, row), strict=True))


def _invocations(platform: Platform) -> dict[str, int]:
    counters = platform.functions()
    return {name: counters.get(name, {}).get("invocations", 0) for name in FUNCTIONS}


def _phase(platform: Platform, during: int = _SECONDS) -> Phase:
    log = platform.folder.logs / "functions.log"
    first, asked, size = _counts(platform), _invocations(platform), log.stat().st_size
    with Seconds(platform) as seconds:
        began, since = seconds.now(), time.monotonic()
        for _ in range(during):
            time.sleep(1)
            worked = seconds.now()
    taken, elapsed = {name: worked[name] - began[name] for name in worked}, time.monotonic() - since
    second, answered = _counts(platform), _invocations(platform)
    with log.open(errors="replace") as file:
        file.seek(size)
        written = [line for line in file if line.startswith("{")]
    executing, looking = _executors(written)
    return Phase(
        {name: taken[name] for name in FUNCTIONS},
        {name: answered[name] - asked[name] for name in FUNCTIONS},
        # The host's reports are Lambda's own on AWS, and not paid for.
        log_bytes=sum(len(line) for line in written if not line.startswith('{"invocation"')),
        executed=len(executing),
        executing=sum(executing),
        looks=len(looking),
        looking=sum(looking),
        database=taken["database"],
        asked={name: taken[part] for name, part in ASKING.items()},
        rest=taken["rest"],
        elapsed=elapsed,
        users=second.pop("users"),
        **{name: second[name] - first[name] for name in second},
    )


def _executors(lines: Sequence[str]) -> tuple[list[float], list[float]]:
    """Processor seconds of the executor's invocations that executed a symbol, and of those that were woken for nothing, as by most prices."""
    entries: list[dict[str, Any]] = []
    for line in lines:
        with contextlib.suppress(ValueError):
            entries.append(json.loads(line))
    did = {each["function_request_id"] for each in entries if each.get("message") == "symbol executed"}
    found: tuple[list[float], list[float]] = ([], [])
    for each in entries:
        if str(each.get("function", "")).endswith("-executor"):
            found[each["invocation"] not in did].append(float(each["cpu_seconds"]))
    return found


def _idle(platform: Platform) -> tuple[float, float]:
    """Percent of one core and megabytes of everything at the real speed, with ten sessions that hardly ever trade."""
    client = Client(platform.address)
    client.register(_IDLE, _PASSWORD)
    strategy = client.generate("Buy AAPL when the RSI falls below 5 and sell above 95")
    sessions = [client.start_session(strategy["strategy_id"], symbol) for symbol in SYMBOLS for _ in range(2)]
    platform.simulator("market", {"speed": 1})
    # Surplus environments of the start are let go after a minute.
    time.sleep(90)
    me = psutil.Process()
    before, _ = total([me, *me.children(recursive=True)])
    time.sleep(_SECONDS)
    after, megabytes = total([me, *me.children(recursive=True)])
    for session in sessions:
        client.call("POST", f"/api/sessions/{session['session_id']}/stop")
    platform.simulator("market", {"speed": _SPEED})
    return 100 * (after - before) / _SECONDS, megabytes


def _line(small: tuple[float, float], large: tuple[float, float]) -> dict[str, float]:
    """Seconds for each message and item, from (seconds a message, items a message) at two sizes."""
    (first, few), (second, many) = small, large
    each = max(0.0, (second - first) / (many - few)) if many > few else 0.0
    return {"fixed": round(max(1e-4, first - each * few), 6), "each": round(each, 8)}


def _bytes_a_row(platform: Platform, *tables: str) -> float:
    with psycopg.connect(platform.conninfo("owner")) as connection:
        size = rows = 0
        for table in tables:
            row = connection.execute(
                f"""
                SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0), (SELECT count(*) FROM {table})
                FROM pg_class c WHERE c.relname = %(name)s OR c.relname LIKE %(name)s || '\\_%%' AND c.relkind = 'r' AND c.relispartition
                """,
                {"name": table},
            ).fetchone()
            assert row is not None
            size, rows = size + int(row[0]), max(rows, int(row[1]))
    return round(size / max(rows, 1), 1)


def main() -> int:
    """Measures and writes."""
    with tempfile.TemporaryDirectory(prefix="stratforge-measure-") as folder:
        Path(folder).chmod(0o755)
        platform = Platform(
            Options(Path(folder) / "state", speed=_SPEED, fresh=True, assemblies=ROOT / ".stratforge" / "assemblies"),
            lambda text: print(text, file=sys.stderr),
        )
        try:
            platform.start()
            idle_percent, idle_megabytes = _idle(platform)
            pages = first_pages(platform.address, _IDLE, _PASSWORD)
            # What is worked on whether or not anything trades.
            nobody = _phase(platform, _MINUTE)
            print(f"nobody: {nobody}", file=sys.stderr)
            phases, since = [], datetime.now(UTC)
            for name, users in (("few", 4), ("many", 400)):
                add_crowd(platform, name, 2 * users, *SYMBOLS)
                one_side(platform)
                time.sleep(12)
                since = datetime.now(UTC)
                phases.append(_phase(platform))
                print(f"{name}: {phases[-1]}", file=sys.stderr)
                stop_crowd(platform, name)
                time.sleep(5)
            # What users take who have nothing running: a minute of them, after what they wrote has been seen to.
            time.sleep(30)
            resting = _phase(platform, _MINUTE)
            print(f"resting: {resting}", file=sys.stderr)
            found = audit(platform)
            # Of the larger crowd alone.
            on_the_way = hops(platform, since=since)
            bytes_a_bar = _bytes_a_row(platform, "market_data")
            bytes_a_signal = _bytes_a_row(platform, "signals")
            bytes_an_order = _bytes_a_row(platform, "orders", "trades", "fills")
            bytes_a_snapshot = _bytes_a_row(platform, "equity_snapshots")
        finally:
            platform.stop()
    small, large = phases

    def rate(phase: Phase, name: str, items: int) -> tuple[float, float]:
        count = max(1, phase.invocations[name])
        return phase.seconds[name] / count, items / count

    def executions(phase: Phase) -> tuple[float, float]:
        """Seconds and orders of an execution."""
        return phase.executing / max(1, phase.executed), phase.orders / max(1, phase.executed)

    def asked(phase: Phase, name: str, items: int) -> tuple[float, float]:
        """Seconds of the database and items of an invocation."""
        count = max(1, phase.invocations[name])
        return phase.asked[name] / count, items / count

    each_second = (resting.database / resting.elapsed - nobody.database / nobody.elapsed) / (
        resting.users - nobody.users
    )
    user = max(0.0, each_second) * _MINUTE

    def a_bar(phase: Phase, seconds: float, anyway: float) -> tuple[float, float]:
        """Seconds and orders of a bar, without what is worked on anyway, so many seconds in each."""
        return max(0.0, seconds - anyway * phase.elapsed) / max(1, phase.bars), phase.orders / max(1, phase.bars)

    def others(phase: Phase) -> tuple[float, float]:
        anyway = nobody.database / nobody.elapsed + user / _MINUTE * (phase.users - nobody.users)
        return a_bar(phase, phase.database - sum(phase.asked.values()), anyway)

    def rest(phase: Phase) -> tuple[float, float]:
        return a_bar(phase, phase.rest, nobody.rest / nobody.elapsed)

    result: dict[str, Any] = {
        "machine": f"{os.cpu_count()} cores, {machine.machine()}",
        "date": datetime.now(UTC).date().isoformat(),
        "evaluator": _line(rate(small, "evaluator", small.evaluations), rate(large, "evaluator", large.evaluations)),
        "sandbox": _line(rate(small, "sandbox", small.evaluations), rate(large, "sandbox", large.evaluations)),
        "executor": _line(executions(small), executions(large)),
        "settler": _line(rate(small, "settler", small.orders), rate(large, "settler", large.orders)),
        "database": {
            "evaluator": _line(
                asked(small, "evaluator", small.evaluations), asked(large, "evaluator", large.evaluations)
            ),
            "executor": _line(
                (small.asked["executor"] / max(1, small.executed), small.orders / max(1, small.executed)),
                (large.asked["executor"] / max(1, large.executed), large.orders / max(1, large.executed)),
            ),
            "settler": _line(asked(small, "settler", small.orders), asked(large, "settler", large.orders)),
            "others": _line(others(small), others(large)),
            "user": round(user, 8),
        },
        "rest": _line(rest(small), rest(large)),
        "look": round((small.looking + large.looking) / max(1, small.looks + large.looks), 6),
        # Round trips to the database that an invocation waits for, at half a millisecond in one zone.
        "wait": 0.004,
        "bytes_a_bar": bytes_a_bar,
        "bytes_a_signal": bytes_a_signal,
        "bytes_an_order": bytes_an_order,
        "bytes_a_snapshot": bytes_a_snapshot,
        "log_bytes_a_bar": round(large.log_bytes / max(1, large.bars), 1),
        "sessions": 400 * len(SYMBOLS),
        "symbols": len(SYMBOLS),
        "signals_a_bar": round(large.signals / max(1, large.evaluations), 4),
        "bar_to_order_p50": round(quantile(on_the_way["bar to order"], 0.5) / 1000, 4),
        "bar_to_order_p99": round(quantile(on_the_way["bar to order"], 0.99) / 1000, 4),
    }
    FILE.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result))
    console = Console()
    console.print(table(on_the_way))
    idle = Table("Idle, ten sessions at the real speed", "Measured", "Wanted")
    idle.add_row("processor", f"{idle_percent:.1f}% of one core", "< 10%")
    idle.add_row("memory, what is shared counted once", f"{idle_megabytes:,.0f} MB", "< 1,200 MB")
    console.print(idle)
    console.print(pages)
    return 0 if found.invariants_ok and not found.lost else 1


if __name__ == "__main__":
    sys.exit(main())
