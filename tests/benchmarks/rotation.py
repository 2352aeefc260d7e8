"""A monthly rotation in twenty symbols over ten years of days, against bt."""

from __future__ import annotations

from tests.benchmarks.backtest import Row, seconds_of


def run() -> list[Row]:
    """The rows of the table."""
    seconds = seconds_of("rotation")
    return [
        (
            "rotation, 20 symbols, 2,520 days",
            f"{seconds['ours'] * 1000:.0f} ms",
            f"bt: {seconds['bt'] * 1000:,.0f} ms",
            f"{seconds['bt'] / seconds['ours']:.0f} x",
            "> 20 x",
        )
    ]
