"""Bars in words: how long they are, and when they began on the exchange's clock."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from stratforge.market.resampling import TIMEFRAMES

_NEW_YORK = ZoneInfo("America/New_York")


def bar_kind(minutes: int) -> str:
    """A bar of so many minutes: 15-minute bar, 1-hour bar, daily bar."""
    hours = minutes // 60
    return "daily bar" if minutes == TIMEFRAMES["1d"] else f"{hours}-hour bar" if hours else f"{minutes}-minute bar"


def bar_began(begins: datetime, minutes: int) -> str:
    """The start of a bar: 2026-11-25 09:30 ET; of a daily one its day, that of coins by UTC."""
    at = begins.astimezone(_NEW_YORK)
    if minutes != TIMEFRAMES["1d"]:
        return f"{at:%Y-%m-%d %H:%M} ET"
    return f"{at if at.time() == time() else begins.astimezone(UTC):%Y-%m-%d}"


def bar_name(begins: datetime, minutes: int) -> str:
    """A bar by both: 1-hour bar of 2026-11-25 09:30 ET."""
    return f"{bar_kind(minutes)} of {bar_began(begins, minutes)}"
