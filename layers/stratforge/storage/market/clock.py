"""The exchange's clock: read by the ingestor, asked by whoever must know how late something is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_exactly, fetch_one, fetch_value

# Readings wait for answers: what differs by less of our seconds is the same course.
_JITTER = 2.0


def set_market_clock(connection: Connection, at: datetime, speed: float | None = None) -> float | None:
    """Notes a reading of the exchange's clock, and where it goes on differently from what the readings before said.

    Args:
        at: Its time.
        speed: Its seconds for each of ours, where the market is a replay that can be told to run faster or slower; None for a real one.

    Returns:
        The speed that an operator wants of a replay, where it runs at another one.
    """
    wanted: float | None = fetch_value(
        connection,
        """
        WITH course AS (
            INSERT INTO market_clock_course (began_at, market_time, speed)
            SELECT clock_timestamp(), %(at)s, %(speed)s
            WHERE abs(extract(epoch FROM market_at(clock_timestamp()) - %(at)s)) > %(jitter)s * greatest(1, %(speed)s)
               OR %(speed)s <> coalesce((SELECT speed FROM market_clock_course ORDER BY began_at DESC LIMIT 1), 1)
            ON CONFLICT (began_at) DO NOTHING)
        INSERT INTO market_clock (market_time, speed, replayed) VALUES (%(at)s, %(speed)s, %(replayed)s)
        ON CONFLICT (only_one) DO UPDATE SET market_time = excluded.market_time, noted_at = clock_timestamp(),
            speed = excluded.speed, replayed = excluded.replayed, wanted_speed = nullif(market_clock.wanted_speed, excluded.speed)
        RETURNING wanted_speed
        """,
        {"at": at, "speed": 1.0 if speed is None else speed, "replayed": speed is not None, "jitter": _JITTER},
    )
    return wanted


def market_now(connection: Connection) -> datetime | None:
    """The exchange's present time: the last reading, and what has passed since by our clock, so that it says how late something is; None while it was never read."""
    now: datetime | None = fetch_value(connection, "SELECT market_now()")
    return now


@dataclass(frozen=True, slots=True)
class MarketClock:
    """The market's clock and hours as they are shown.

    Attributes:
        now: Its time.
        speed: Its seconds for each of ours; 0 while it stands still.
        replayed: Whether the market is a replay, whose speed can be changed.
        opens_at: When the running or the next trading day opens; None while the days are not known.
        closes_at: When that day closes.
    """

    now: datetime
    speed: float
    replayed: bool
    opens_at: datetime | None
    closes_at: datetime | None

    @property
    def open(self) -> bool:
        """Returns whether the exchange trades now."""
        return self.opens_at is not None and self.opens_at <= self.now


def market_clock(connection: Connection) -> MarketClock:
    """The market's time now and its hours; ours while its clock was never read."""
    return fetch_exactly(
        connection,
        MarketClock,
        """
        WITH read AS (SELECT market_at(clock_timestamp()) AS now, coalesce(max(speed), 1) AS speed, coalesce(bool_or(replayed), false) AS replayed FROM market_clock)
        SELECT r.now, r.speed, r.replayed, d.opens_at, d.closes_at
        FROM read r LEFT JOIN LATERAL (SELECT opens_at, closes_at FROM market_days WHERE closes_at > r.now ORDER BY day LIMIT 1) d ON true
        """,
    )


@dataclass(frozen=True, slots=True)
class PastDay:
    """A trading day that is over, or runs, with the trading days beside it.

    Attributes:
        before: The trading day before it, where one is known.
        after: The one after it, where that has begun.
    """

    day: date
    opens_at: datetime
    closes_at: datetime
    before: date | None
    after: date | None


def past_day(connection: Connection, day: date | None = None) -> PastDay | None:
    """A trading day that has begun; the last one that is over where none is named. None when there is no such day."""
    return fetch_one(
        connection,
        PastDay,
        """
        WITH begun AS (
            SELECT day, opens_at, closes_at, lag(day) OVER by_day AS before, lead(day) OVER by_day AS after FROM market_days
            WHERE opens_at <= market_at(clock_timestamp()) WINDOW by_day AS (ORDER BY day))
        SELECT day, opens_at, closes_at, before, after FROM begun
        WHERE CASE WHEN %(day)s::date IS NULL THEN closes_at <= market_at(clock_timestamp()) ELSE day = %(day)s END ORDER BY day DESC LIMIT 1
        """,
        {"day": day},
    )


def change_speed(connection: Connection, speed: float) -> bool:
    """Asks for another speed of a replay; False when the user is no operator, or the market is real."""
    return bool(fetch_value(connection, "SELECT operator_set_market_speed(%s)", (speed,)))
