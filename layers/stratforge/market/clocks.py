"""Clocks of places that people name times by, beside the exchange's own. Their distance to it changes with the seasons, and not on the same days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

# Read at once: who evaluates strategies opens no files.
CLOCKS = {
    name: ZoneInfo(key)
    for name, key in (
        ("berlin", "Europe/Berlin"),
        ("london", "Europe/London"),
        ("new_york", "America/New_York"),
        ("chicago", "America/Chicago"),
        ("denver", "America/Denver"),
        ("los_angeles", "America/Los_Angeles"),
        ("tokyo", "Asia/Tokyo"),
        ("utc", "UTC"),
    )
}
# Whose clocks are changed in the same night as New York's: minutes from their time to New York's.
TO_NEW_YORK = {"new_york": 0, "chicago": 60, "denver": 120, "los_angeles": 180}


def clock_field(place: str) -> str:
    """The field of a bar's time with the minute of the day on a place's clocks."""
    return f"minute_in_{place}"


def place_in_words(place: str) -> str:
    """A place as its name is written."""
    return "UTC" if place == "utc" else place.replace("_", " ").title()


@lru_cache
def minutes_ahead(place: str, exchange: str) -> frozenset[int]:
    """Minutes by which the clocks of a place are ahead of those of another, on one day of a year or another."""
    days = (datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(days=each) for each in range(365))
    apart = (
        (day.astimezone(CLOCKS[place]).utcoffset() or timedelta())
        - (day.astimezone(CLOCKS[exchange]).utcoffset() or timedelta())
        for day in days
    )
    return frozenset(int(each.total_seconds()) // 60 for each in apart)
