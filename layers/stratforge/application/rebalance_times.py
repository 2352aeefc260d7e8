"""The periods about which portfolio strategies decide live: which one runs, and when the next begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from stratforge.market.columns import BarColumns, exchange_timezone
from stratforge.market.hours import OPEN, closing_minute
from stratforge.portfolio.calendar import MarketDay
from stratforge.strategy.rotation.schedule import Schedule

# After so long every period has begun anew.
_DAYS_AHEAD = 400
_EPOCH = date(1970, 1, 1)
_SATURDAY = 5


def running_day(days: Sequence[MarketDay], now: datetime) -> MarketDay | None:
    """The trading day that runs; by the exchange's rules where the broker's calendar does not reach."""
    today = now.astimezone(exchange_timezone("SPY")).date()
    found = _trading_day(days, today)
    return found if found is not None and found.opens_at <= now < found.closes_at else None


def _trading_day(days: Sequence[MarketDay], day: date) -> MarketDay | None:
    known = {each.day: each for each in days}
    if known and min(known) <= day <= max(known):
        return known.get(day)
    if day.weekday() >= _SATURDAY:
        return None
    return MarketDay(_at(day, OPEN), _at(day, closing_minute((day - _EPOCH).days)), day)


def _at(day: date, minute: int) -> datetime:
    zone = exchange_timezone("SPY")
    return datetime.combine(day, time(minute // 60, minute % 60), zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Period:
    """The period that runs.

    Attributes:
        moment: Its beginning: of the exchange's day, or of the span of minutes.
        trades_from: When trading in it began.
    """

    moment: datetime
    trades_from: datetime


def period_now(schedule: Schedule, symbol: str, days: Sequence[MarketDay], now: datetime) -> Period | None:
    """The period that runs; None while the exchange is closed.

    Args:
        schedule: When is decided.
        symbol: A symbol of the universe, which says whose exchange it is.
        days: The trading days that are known.
        now: The exchange's time.
    """
    zone = exchange_timezone(symbol)
    if zone.key == "UTC":
        day = opens = now.replace(hour=0, minute=0, second=0, microsecond=0)
    else:
        running = running_day(days, now)
        if running is None:
            return None
        day, opens = datetime.combine(running.day, time(0), zone).astimezone(UTC), running.opens_at
    if not schedule.minutes:
        return Period(day, opens)
    span = timedelta(minutes=schedule.minutes)
    begins = opens + (now - opens) // span * span
    return Period(begins, begins)


def is_new(schedule: Schedule, symbol: str, moment: datetime, decided_for: datetime | None) -> bool:
    """Returns whether a moment is of a later period than the one that was decided about last."""
    return decided_for is None or bool(np.diff(_spans(schedule, symbol, [decided_for, moment]))[0] > 0)


def next_decision(schedule: Schedule, symbol: str, days: Sequence[MarketDay], moment: datetime) -> datetime:
    """The time at which trading in the period after the one of `moment` begins, as well as the calendar is known by now."""
    zone = exchange_timezone(symbol)
    today = moment.astimezone(zone).date()
    if schedule.minutes:
        following = moment + timedelta(minutes=schedule.minutes)
        running = None if zone.key == "UTC" else _trading_day(days, today)
        if zone.key == "UTC":
            return min(following, moment.replace(hour=0, minute=0) + timedelta(days=1))
        if running is not None and following < running.closes_at:
            return following
    ahead = [today + timedelta(days=number) for number in range(1, _DAYS_AHEAD)]
    begins = [datetime.combine(each, time(0), zone).astimezone(UTC) for each in ahead]
    later = np.flatnonzero(_spans(schedule, symbol, begins) > _spans(schedule, symbol, [moment])[0]).tolist()
    if zone.key == "UTC":
        return begins[later[0]]
    trading = (_trading_day(days, ahead[place]) for place in later)
    return next(each.opens_at for each in trading if each is not None)


def _spans(schedule: Schedule, symbol: str, moments: Sequence[datetime]) -> np.ndarray:
    times = np.array([int(each.timestamp()) for each in moments], dtype=np.int64)
    columns = (np.zeros(len(times)),) * 5
    return schedule.spans(BarColumns(times, *columns, timezone=exchange_timezone(symbol)))
