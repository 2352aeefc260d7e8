"""Shapes of a report's drawings, as numbers for SVG: a calendar of returns, a histogram, a scatter of excursions, bands and pillars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from statistics import median
from typing import Any

_WEEKS = 54
# Of so few weeks each is wide enough to write a day's return into it.
_ROOMY_WEEKS = 8
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WIDTH, _HEIGHT = 420, 150
# Points of a scatter, the latest.
_SCATTERED = 400
# Points of a band, bands with a color of their own, and pillars.
_AREA_POINTS, _COLORS, _PILLARS = 300, 6, 60


@dataclass(frozen=True, slots=True)
class Cell:
    """A rectangle or a point: where it is, how large, its class, and what it says."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str


def shade(value: float | None, largest: float) -> int | None:
    """A step from 0 (the largest loss) to 9 (the largest gain) for a return; None where there is none."""
    if value is None:
        return None
    return round(4.5 + 4.5 * max(-1.0, min(1.0, value / largest if largest else 0.0)))


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a calendar: its date, its return as text, and the shade of it."""

    date: str
    text: str
    shade: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days in a grid, a column a week and a row a weekday.

    Attributes:
        months: Names of the months above the weeks that begin in them, each with how many those are; a name that has no room is empty.
        rows: Names of the weekdays, each with its day in every week; None where there was none.
        days: All of them, the latest first.
        roomy: Whether a day's return can be written into its square.
    """

    months: list[tuple[str, int]]
    rows: list[tuple[str, list[Day | None]]]
    days: list[Day]
    roomy: bool


def calendar(days: Sequence[tuple[date, float]]) -> Calendar | None:
    """The days of the last year with their returns, oldest first; None where there are none. Weekends are rows where something was traded on one."""
    if not days:
        return None
    last_monday = _monday(days[-1][0])
    first_monday = max(last_monday - timedelta(weeks=_WEEKS - 1), _monday(days[0][0]))
    mondays = [first_monday + timedelta(weeks=each) for each in range((last_monday - first_monday).days // 7 + 1)]
    largest = max(abs(value) for _, value in days)
    known = {
        day: Day(day.isoformat(), f"{value:+.2%}", f"shade{shade(value, largest)}")
        for day, value in days
        if day >= first_monday
    }
    weekdays = range(7 if any(day.weekday() > 4 for day in known) else 5)
    rows = [(_WEEKDAYS[each], [known.get(monday + timedelta(days=each)) for monday in mondays]) for each in weekdays]
    months = [(name, len(list(weeks))) for (_, name), weeks in groupby(mondays, lambda day: (day.year, f"{day:%b}"))]
    roomy = len(mondays) <= _ROOMY_WEEKS
    named = [(name if roomy or weeks > 2 else "", weeks) for name, weeks in months]
    return Calendar(named, rows, list(reversed(known.values())), roomy)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def stacked(shares: Sequence[tuple[str, float]]) -> list[Cell]:
    """Parts of a whole beside each other, each with its own color."""
    found, at = [], 0.0
    for place, (name, share) in enumerate(shares):
        width = max(0.0, share) * _WIDTH
        found.append(
            Cell(round(at, 1), 0, round(max(0.0, width - 1.5), 1), 22, f"part{place % 6}", f"{name}: {share:.1%}")
        )
        at += width
    return found


@dataclass(frozen=True, slots=True)
class Area:
    """A band of a stacked chart: its outline, its class, whose it is, and the part of the whole that it is on average."""

    points: str
    kind: str
    name: str
    average: float


def areas(weights: Mapping[str, Sequence[float]], width: int = 900, height: int = 220) -> list[Area]:
    """Parts of a whole over time as bands upon each other: the largest by their averages, and all others together; what is left above is cash.

    Args:
        weights: Of each name its part at each time, all at the same times.
        width: Of the drawing.
        height: Of the drawing, which is the whole.
    """
    count = max(map(len, weights.values()), default=0)
    if count < 2:
        return []
    places = sorted({round(at * (count - 1) / (_AREA_POINTS - 1)) for at in range(_AREA_POINTS)})
    lines = {name: [max(0.0, values[place]) for place in places] for name, values in weights.items()}
    ranked = sorted(lines, key=lambda name: -sum(lines[name]))
    shown = {name: lines[name] for name in ranked[:_COLORS]}
    if others := [lines[name] for name in ranked[_COLORS:]]:
        shown[f"{len(others)} others"] = [sum(each) for each in zip(*others, strict=True)]
    xs = [round(width * place / (count - 1), 1) for place in places]
    below, found = [0.0] * len(places), []
    for number, (name, values) in enumerate(shown.items()):
        above = [under + value for under, value in zip(below, values, strict=True)]
        outline = [*zip(xs, above, strict=True), *reversed(list(zip(xs, below, strict=True)))]
        points = " ".join(f"{x:g},{height * (1 - min(1.0, part)):.1f}" for x, part in outline)
        kind = f"part{number}" if number < _COLORS else "rest"
        found.append(Area(points, kind, name, sum(values) / len(values)))
        below = above
    return found


def pillars(values: Sequence[tuple[str, float]]) -> list[Cell]:
    """Amounts beside each other, the latest, as pillars from the ground."""
    shown = values[-_PILLARS:]
    most = max((value for _, value in shown), default=0.0) or 1.0
    width = _WIDTH / max(len(shown), 12)
    return [
        Cell(
            round(place * width, 1),
            round(_HEIGHT * (1 - value / most), 1),
            round(width - min(2.0, width / 3), 1),
            round(_HEIGHT * value / most, 1),
            "part0",
            f"{name}: {value:.1%}",
        )
        for place, (name, value) in enumerate(shown)
    ]


def histogram(distribution: dict[str, Any]) -> list[Cell]:
    """The bars of a histogram of returns, losses and gains apart."""
    counts, edges = distribution["counts"], distribution["edges"]
    width, most = _WIDTH / len(counts), max(counts) or 1
    return [
        Cell(
            round(place * width, 1),
            round(_HEIGHT * (1 - count / most), 1),
            round(width - 2, 1),
            round(_HEIGHT * count / most, 1),
            "good" if edges[place] + edges[place + 1] > 0 else "bad",
            f"{edges[place]:+.2%} to {edges[place + 1]:+.2%}: {count} days",
        )
        for place, count in enumerate(counts)
    ]


def scatter(excursions: Sequence[Sequence[float]], column: int) -> list[Cell]:
    """Trades as points: how far they went against or for them (`column` 0 or 1) to the right, what they returned upwards."""
    shown = excursions[-_SCATTERED:]
    far = max((abs(each[column]) for each in shown), default=0.0) or 1.0
    low, high = min((0.0, *(each[2] for each in shown))), max((0.0, *(each[2] for each in shown)))
    names = ("MAE", "MFE")
    return [
        Cell(
            round(6 + (_WIDTH - 12) * abs(each[column]) / far, 1),
            round(6 + (_HEIGHT - 12) * (1 - (each[2] - low) / ((high - low) or 1.0)), 1),
            3,
            3,
            "good" if each[2] > 0 else "bad",
            f"{names[column]} {each[column]:+.2%}, return {each[2]:+.2%}",
        )
        for each in shown
    ]


@dataclass(frozen=True, slots=True)
class Reach:
    """The ends of the axes of a scatter of excursions.

    Attributes:
        against: The farthest that a trade went against its entry, as a fraction; `favor` the same in its favor.
        low: The least of the returns and zero; `high` the most.
        zero: Where a return of zero stands in the drawing, from its top.
    """

    against: float
    favor: float
    low: float
    high: float
    zero: float


def reach(excursions: Sequence[Sequence[float]]) -> Reach:
    """Measures the axes of `scatter` for these excursions."""
    shown = excursions[-_SCATTERED:]
    low, high = min((0.0, *(each[2] for each in shown))), max((0.0, *(each[2] for each in shown)))
    farthest = [max((abs(each[column]) for each in shown), default=0.0) for column in (0, 1)]
    return Reach(farthest[0], farthest[1], low, high, round(6 + (_HEIGHT - 12) * (1 + low / ((high - low) or 1.0)), 1))


@dataclass(frozen=True, slots=True)
class Excursions:
    """Winners or losers, and how far they went: the median and the worst tenth of the adverse, the median and the best tenth of the favorable excursions."""

    name: str
    trades: int
    shown: tuple[float, float, float, float]


def excursion_rows(excursions: Sequence[Sequence[float]]) -> list[Excursions]:
    """The scatters in figures, winners and losers apart; whoever there are none of is left out."""
    found = []
    for name, rows in (
        ("Winners", [each for each in excursions if each[2] > 0]),
        ("Losers", [each for each in excursions if each[2] <= 0]),
    ):
        if rows:
            against, favor = sorted((each[0] for each in rows), reverse=True), sorted(each[1] for each in rows)
            at = min(len(rows) - 1, len(rows) * 9 // 10)
            shown = (median(against), against[at], median(favor), favor[at])
            found.append(Excursions(name, len(rows), shown))
    return found
