"""A backtest with a stop and a target on every purchase, against vectorbt."""

from __future__ import annotations

from tests.benchmarks.backtest import Row, seconds_of


def run() -> list[Row]:
    """The rows of the table."""
    speed = {name: 100_000 / value for name, value in seconds_of("brackets").items()}
    return [
        (
            "backtest, 100,000 bars, a stop and a target on every purchase",
            f"{speed['ours'] / 1e6:.2f} M bars/s",
            f"vectorbt: {speed['vectorbt'] / 1e6:.2f} M bars/s",
            f"{speed['ours'] / speed['vectorbt']:.1f} x",
            "> 2 x",
        )
    ]
