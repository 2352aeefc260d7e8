"""Backtests against backtesting.py and vectorbt, in an environment of their own (`make bench` builds it)."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from local_platform.synthesis import ROOT

Row = tuple[str, str, str, str, str]
_PYTHON = ROOT / ".bench-venv" / "bin" / "python"


def seconds_of(measure: str) -> dict[str, float]:
    """Seconds of everybody in a measure of `peers.py`, by name, on one core."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "layers"),
        "OPENBLAS_NUM_THREADS": "1",
        "NUMBA_NUM_THREADS": "1",
    }
    # One core for everybody.
    command = ["taskset", "-c", "0", str(_PYTHON), str(Path(__file__).with_name("peers.py")), measure]
    found: dict[str, float] = json.loads(
        subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    )
    return found


def run() -> list[Row]:
    """The rows of the table."""
    seconds = seconds_of("backtest")
    speed = {name: 100_000 / value for name, value in seconds.items()}
    rows = []
    for peer, wanted in (("backtesting.py", "> 20 x"), ("vectorbt", "> 2 x")):
        ratio = speed["ours"] / speed[peer]
        rows.append(
            (
                "backtest, 100,000 bars",
                f"{speed['ours'] / 1e6:.2f} M bars/s",
                f"{peer}: {speed[peer] / 1e6:.2f} M bars/s",
                f"{ratio:.1f} x",
                wanted,
            )
        )
    long = 1e6 / seconds["ours, 1,000,000 bars"]
    rows.append(
        (
            "backtest, 1,000,000 bars",
            f"{long / 1e6:.2f} M bars/s",
            f"100,000 bars: {speed['ours'] / 1e6:.2f} M bars/s",
            f"{long / speed['ours']:.2f} x",
            "about 1",
        )
    )
    rows.append(
        (
            "checking and compiling the example",
            f"{seconds['gate'] * 1000:.1f} ms",
            f"backtest of 100,000 bars: {seconds['ours'] * 1000:.1f} ms",
            f"{seconds['gate'] / seconds['ours']:.2f} x",
            "< 2 x",
        )
    )
    return rows
