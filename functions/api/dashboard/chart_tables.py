"""Charts in figures: what stands under so many of a chart's times, for who cannot see it, and a picture of it that needs no script."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# More rows than this are no help to anybody.
_ROWS = 60
_PICTURE_POINTS = 200

Line = tuple[Sequence[float], Sequence[float | None]]


@dataclass(frozen=True, slots=True)
class ChartTable:
    """A chart as a table.

    Attributes:
        columns: Names of the lines.
        rows: Times in seconds, each with the value of every line at it: the last that was known; None before the first.
        points: How many times the longest line has.
    """

    columns: tuple[str, ...]
    rows: list[tuple[float, tuple[float | None, ...]]]
    points: int


def table_of(lines: Mapping[str, Line]) -> ChartTable:
    """The lines of a chart, each by its times and values, at times of the longest one that are evenly apart; its last time is one of them."""
    longest: Sequence[float] = max((times for times, _ in lines.values()), key=len, default=())
    step = max(1, -(-len(longest) // _ROWS))
    chosen = list(reversed(longest[::-1][::step]))
    rows = [(time, tuple(_at(line, time) for line in lines.values())) for time in chosen]
    return ChartTable(tuple(lines), rows, len(longest))


def _at(line: Line, time: float) -> float | None:
    times, values = line
    place = bisect_right(times, time)
    return values[place - 1] if place else None


def price_table(curve: Mapping[str, Any]) -> ChartTable:
    """The chart of a price: open, high, low and close, volume, every indicator, and what was made."""
    columns = {name.capitalize(): curve[name] for name in ("open", "high", "low", "close", "volume") if name in curve}
    columns |= {each["name"]: each["values"] for each in curve["indicators"]}
    if curve.get("profit"):
        columns["P&L"] = curve["profit"]
    return table_of({name: (curve["time"], values) for name, values in columns.items()})


def equity_table(curve: Mapping[str, Any]) -> ChartTable:
    """The chart of a backtest's equity, beside buying and holding, with the drawdown in percent."""
    drawdown = [100 * value for value in curve["drawdown"]]
    columns = {"Equity": curve["equity"], "Buy and hold": curve["buy_and_hold"], "Drawdown, %": drawdown}
    return table_of({name: (curve["time"], values) for name, values in columns.items()})


def pictured(values: Sequence[float | None]) -> list[float]:
    """So many of the values as a picture shows, evenly chosen; the first and the last are among them."""
    known = [float(each) for each in values if each is not None]
    if len(known) <= _PICTURE_POINTS:
        return known
    return [known[round(at * (len(known) - 1) / (_PICTURE_POINTS - 1))] for at in range(_PICTURE_POINTS)]
