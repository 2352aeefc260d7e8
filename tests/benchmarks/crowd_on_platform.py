"""Ten thousand sessions on one symbol, and on 500, from bars on the socket to settled trades, on the whole platform at the real speed.

Everything is between: the simulator's socket, ingestor, SNS and SQS, evaluator and sandbox, executor, the simulator's exchange, its trade updates, settler. Three of five
buy and two sell, the other way round on the next bar, so that in every minute a fifth of it is traded at the broker. `CROWD` is how many sessions there are.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from local_platform.audit import audit, mark
from local_platform.platform import Options, Platform
from local_platform.synthesis import ROOT
from rich.console import Console

from tests.benchmarks.spans import HOPS, hops, table
from tests.support.crowd import add_crowd, minutes_of, stop_crowd, unsettled

_SESSIONS, _SYMBOLS = int(os.environ.get("CROWD", "10000")), 500
# Bars on which the crowd traded, after the first, on which two of five have nothing to sell.
_BARS = 3
_PATIENCE = 900.0


def run() -> Iterator[tuple[str, str, str, str, str]]:
    """Rows of the benchmark's table."""
    os.environ["SIMULATED_SYMBOLS"] = str(_SYMBOLS)
    with tempfile.TemporaryDirectory(prefix="stratforge-bench-") as folder:
        Path(folder).chmod(0o755)
        platform = Platform(
            Options(Path(folder) / "state", speed=1.0, fresh=True, assemblies=ROOT / ".stratforge" / "assemblies"),
            lambda text: print(text, file=sys.stderr),
        )
        try:
            platform.start()
            for symbols in (["IBM"], [f"S{number:03}" for number in range(_SYMBOLS)]):
                yield _measured(platform, symbols)
        finally:
            platform.stop()


def _measured(platform: Platform, symbols: Sequence[str]) -> tuple[str, str, str, str, str]:
    name, began = f"crowd-{len(symbols)}", mark(platform)
    for symbol in symbols:
        add_crowd(platform, f"{name}-{symbol.lower()}", _SESSIONS // len(symbols), symbol, (3, 2))
    until = time.monotonic() + _PATIENCE
    while sum(signals >= 0.99 * _SESSIONS for _, signals, *_ in minutes_of(platform, name)) < _BARS + 1:
        assert time.monotonic() < until, minutes_of(platform, name)
        time.sleep(1)
    stop_crowd(platform, name)
    while unsettled(platform, name):
        assert time.monotonic() < until, "it is never settled"
        time.sleep(1)
    # The first brings every function up, and the last may have been cut short by the crowd's end.
    bars = [each for each in minutes_of(platform, name) if each[1] >= 0.99 * _SESSIONS][1 : _BARS + 1]
    found = audit(platform, began)
    assert (found.broken, found.drift, found.lost) == ({}, {}, ()), found
    way = hops(platform, set(symbols))
    Console(stderr=True).print(table(way))
    assert way[HOPS[-1]], "no order reached the broker"
    executed = sum(each[2] for each in bars) / sum(each[1] for each in bars)
    slowest = way[HOPS[-1]][-1] / 1000
    return (
        f"{_SESSIONS:,} sessions on {len(symbols)} symbols, a bar from the socket to the last settled trade",
        f"{slowest:.1f} s, {executed:.1%} of the signals executed, {len(way[HOPS[-1]])} orders at the broker",
        "the next bar: 60 s",
        f"{slowest / 60:.2f}",
        "< 1",
    )
