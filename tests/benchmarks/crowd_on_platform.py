"""Ten thousand sessions on one symbol, and on 500, from bars on the socket to settled trades, on the whole platform at the real speed.

Everything is between: the simulator's socket, ingestor, SNS and SQS, evaluator and sandbox, executor, the simulator's exchange, its trade updates, settler. Three of five
buy and two sell, the other way round on the next bar, so that in every minute a fifth of it is traded at the broker. 500 symbols with an order each are more than the 200 requests that
Alpaca grants an account in a minute (orders beyond them would expire after two minutes), so the simulated account has 2,000. `CROWD` is how many sessions there are (10,000), and
`CROWD_SYMBOLS` on how many symbols, one number after the other (`1,500`); each symbol has five sessions at least. Each size takes some seven minutes, for the market runs at its real speed.

Every hop of every order is measured, the books are audited, and what the model of capacity says of the same size is printed beside, of processors too: where a delay is not what it says, they tell whose work that
is; at the sizes by default it is written to
`infra_cdk/capacity/PREDICTED.md`, misses too. Its service times are those of another size (`make measure`).
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from local_platform.audit import audit, mark
from local_platform.platform import Options, Platform
from local_platform.synthesis import ROOT
from rich.console import Console
from rich.table import Table

from infra_cdk.capacity.calibration import Compared, crowd, document, predicted
from infra_cdk.capacity.measured import Measured
from infra_cdk.capacity.simulation import Outcome
from tests.benchmarks.seconds import ASKING, Seconds
from tests.benchmarks.spans import HOPS, Signaled, hops, quantile, table, way_of_slowest
from tests.support.crowd import add_crowd, minutes_of, stop_crowd, unsettled

_SESSIONS = int(os.environ.get("CROWD", "10000"))
_SYMBOLS = [int(each) for each in os.environ.get("CROWD_SYMBOLS", "1,500").split(",")]
_REQUESTS = 2_000
DOCUMENT = ROOT / "infra_cdk" / "capacity" / "PREDICTED.md"
# Bars on which the crowd traded, after the first, on which two of five have nothing to sell.
_BARS = 3
_PATIENCE = 900.0


def run() -> Iterator[tuple[str, str, str, str, str]]:
    """Rows of the benchmark's table."""
    os.environ |= {"SIMULATED_SYMBOLS": str(max(_SYMBOLS)), "SIMULATED_REQUESTS_A_MINUTE": str(_REQUESTS)}
    compared: list[Compared] = []
    with tempfile.TemporaryDirectory(prefix="stratforge-bench-") as folder:
        Path(folder).chmod(0o755)
        platform = Platform(
            Options(Path(folder) / "state", speed=1.0, fresh=True, assemblies=ROOT / ".stratforge" / "assemblies"),
            lambda text: print(text, file=sys.stderr),
        )
        try:
            platform.start()
            for count in _SYMBOLS:
                symbols = ["IBM"] if count == 1 else [f"S{number:03}" for number in range(count)]
                yield _measured(platform, symbols, compared)
        finally:
            platform.stop()
    for each in compared:
        yield (
            f"the model of capacity: {each.what}",
            f"{each.measured:.2f} s",
            f"said: {each.said:.2f} s",
            f"{each.ratio:.2f}",
            "within 30 %" if each.holds else "within 30 %: NOT",
        )
    if (_SESSIONS, _SYMBOLS) == (10_000, [1, 500]):
        DOCUMENT.write_text(document(compared, Measured.read(), datetime.now(UTC).date().isoformat()))


def _measured(platform: Platform, symbols: Sequence[str], compared: list[Compared]) -> tuple[str, str, str, str, str]:
    name, began = f"crowd-{len(symbols)}", mark(platform)
    add_crowd(platform, name, _SESSIONS // len(symbols), *symbols, sides=(3, 2))
    until = time.monotonic() + _PATIENCE
    signaled, whole = Signaled(platform, symbols), 0
    looked: dict[int, dict[str, float]] = {}
    with Seconds(platform) as seconds:
        while whole < _BARS + 1:
            assert time.monotonic() < until, minutes_of(platform, name)
            time.sleep(1)
            whole = sum(signals >= 0.99 * _SESSIONS for signals in signaled.by_bar().values())
            looked.setdefault(whole, seconds.now())
    stop_crowd(platform, name)
    while unsettled(platform, name):
        assert time.monotonic() < until, "it is never settled"
        time.sleep(1)
    # The first brings every function up, and the last may have been cut short by the crowd's end.
    bars = [each for each in minutes_of(platform, name) if each[1] >= 0.99 * _SESSIONS][1 : _BARS + 1]
    found = audit(platform, began)
    assert (found.broken, found.drift, found.lost) == ({}, {}, ()), found
    way = hops(platform, set(symbols), bars[0][4])
    Console(stderr=True).print(table(way))
    for line in way_of_slowest(platform, symbols, bars[0][4]):
        print(line, file=sys.stderr)
    assert way[HOPS[-1]], "no order reached the broker"
    # Those of the sizes before are still there, and do nothing.
    users = _SESSIONS * (_SYMBOLS.index(len(symbols)) + 1)
    load = crowd(_SESSIONS, len(symbols), users=users)
    said = predicted(load, Measured.read(), os.cpu_count() or 2, _REQUESTS)
    compared += _compared(way, len(symbols), said)
    first, last = min(each for each in looked if each), max(looked)
    taken = {part: (looked[last][part] - looked[first][part]) / (last - first) for part in looked[last]}
    Console(stderr=True).print(_of_processors(taken, said))
    executed = sum(each[2] for each in bars) / sum(each[1] for each in bars)
    # What crossed among them never reached the broker, and has no way of its own.
    slowest = max(way[HOPS[-1]][-1] / 1000, *(each[3] for each in bars))
    return (
        f"{_SESSIONS:,} sessions on {len(symbols)} symbols, a bar from the socket to the last settled trade",
        f"{slowest:.1f} s, {executed:.1%} of the signals executed, {len(way[HOPS[-1]])} orders at the broker",
        "the next bar: 60 s",
        f"{slowest / 60:.2f}",
        "< 1",
    )


def _of_processors(taken: Mapping[str, float], said: Outcome) -> Table:
    """Seconds of processors from one bar to the next, by who worked, beside what the model says."""
    shown = Table("Processor seconds of a minute", "measured", "the model")
    of_database = set(ASKING.values())
    for part, seconds in taken.items():
        shown.add_row(
            f"  {part}" if part in of_database else part,
            f"{seconds:.1f}",
            "" if part in of_database else f"{said.seconds[part] / said.minutes:.1f}",
        )
    whole = sum(seconds for part, seconds in taken.items() if part not in of_database)
    shown.add_row("all", f"{whole:.1f}", f"{sum(said.seconds.values()) / said.minutes:.1f}")
    return shown


def _compared(way: Mapping[str, Sequence[float]], symbols: int, said: Outcome) -> list[Compared]:
    """What the model says of the same size, beside what was measured."""
    size = f"{_SESSIONS:,} sessions on {symbols} symbol{'s' if symbols > 1 else ''}"
    return [
        Compared(f"{size}, {name}, {label}", asked(q), quantile(way[name], q) / 1000)
        for name, asked in (("bar to order", said.quantile), ("bar to settled", said.settled_by))
        for label, q in (("p50", 0.5), ("p99", 0.99))
    ]
