"""Tells how late a bar is, by the exchange's clock, and when it is too late to act on."""

from __future__ import annotations

from datetime import datetime, timedelta

MINUTE = timedelta(minutes=1)
# What a strategy says is worth acting on for two more bars after the bar that it was said on.
SIGNAL_LIFETIME = 2 * MINUTE


def oldest_actionable(now: datetime) -> datetime:
    """The start of the oldest 1-minute bar whose signals may still become orders at the exchange's time `now`."""
    return now - MINUTE - SIGNAL_LIFETIME


def is_late(bar_time: datetime, now: datetime | None) -> bool:
    """Returns whether nothing may be ordered any more on what is said about the bar that began at `bar_time`.

    While the exchange's clock is unknown no bar is late.
    """
    return now is not None and bar_time < oldest_actionable(now)
