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
    columns |= {each["name"]: each["values"] for each in curve.get("indicators", [])}
    if curve.get("profit"):
        columns["P&L"] = curve["profit"]
    return table_of({name: (curve["time"], values) for name, values in columns.items()})


def equity_table(curve: Mapping[str, Any]) -> ChartTable:
    """The chart of a backtest's equity, beside buying and holding, with the drawdown in percent."""
    drawdown = [100 * value for value in curve["drawdown"]]
    columns = {"Equity": curve["equity"], "Buy and hold": curve["buy_and_hold"], "Drawdown, %": drawdown}
    return table_of({name: (curve["time"], values) for name, values in columns.items()})


def weights_table(report: Mapping[str, Any]) -> ChartTable:
    """The chart of a portfolio's weights, in percent of its equity."""
    time = report["curve"]["time"]
    parts = {symbol: (time, [100 * each for each in values]) for symbol, values in report.get("weights", {}).items()}
    return table_of(parts)


def portfolio_table(chart: Mapping[str, Any]) -> ChartTable:
    """The chart of a portfolio session: its equity beside equal parts of its universe, and what it was made of, in percent."""
    time = chart["time"]
    lines = {"Equity": (time, chart["equity"]), "Universe in equal parts": (time, chart["benchmark"])}
    return table_of(
        lines | {f"{name}, %": (time, [100 * each for each in part]) for name, part in chart["weights"].items()}
    )


def with_panes(curve: Mapping[str, Any]) -> dict[str, Any]:
    """The curve with a pane for each indicator: 0 is that of the price, and those that move over like values share one below it: a signal line and what it
    follows, two oscillators from 0 to 100."""
    panes: list[tuple[float, float]] = []
    placed = []
    for each in curve.get("indicators", []):
        known = [value for value in each["values"] if value is not None] or [0.0]
        low, high, pane = min(known), max(known), 0
        if not each["on_price"]:
            pane = next((at for at, other in enumerate(panes, start=1) if _alike((low, high), other)), len(panes) + 1)
            if pane > len(panes):
                panes.append((low, high))
            panes[pane - 1] = (min(low, panes[pane - 1][0]), max(high, panes[pane - 1][1]))
        placed.append({**each, "pane": pane})
    return {**curve, "indicators": placed}


def _alike(one: tuple[float, float], other: tuple[float, float]) -> bool:
    common = min(one[1], other[1]) - max(one[0], other[0])
    return common > 0.4 * max(one[1] - one[0], other[1] - other[0])


def pictured(values: Sequence[float | None]) -> list[float]:
    """So many of the values as a picture shows, evenly chosen; the first and the last are among them."""
    known = [float(each) for each in values if each is not None]
    if len(known) <= _PICTURE_POINTS:
        return known
    return [known[round(at * (len(known) - 1) / (_PICTURE_POINTS - 1))] for at in range(_PICTURE_POINTS)]
