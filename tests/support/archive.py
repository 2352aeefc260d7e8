"""An archive of bars in moto's S3, a vendor's history that knows what it is given, and bars of a year and a half."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from moto import mock_aws
from stratforge import aws
from stratforge.broker.history import Found
from stratforge.market import Bar
from stratforge.storage.market import archive, archive_objects, clock, market_data
from stratforge.storage.postgres.database import Database

# The market's time: bars of before March 2025 are old.
NOW = datetime(2026, 5, 15, 12, tzinfo=UTC)
OLD = [datetime(2025, month, 1, tzinfo=UTC) for month in (1, 2)]
SEAM = datetime(2025, 3, 1, tzinfo=UTC)
SYMBOLS = ("AAPL", "BRK.B", "BTC/USD")


@contextmanager
def archive_in_s3(patch: pytest.MonkeyPatch, database: Database) -> Iterator[Any]:
    """An empty bucket at the market's time of these tests, and a client that looks into it."""
    with database.transaction() as connection:
        clock.set_market_clock(connection, NOW)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        patch.setenv(name, "test")
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    patch.setenv("ARCHIVE_BUCKET", "archive")

    def forget() -> None:
        aws._session.cache_clear()
        archive_objects.s3_client.cache_clear()
        archive.forget_files()

    with mock_aws():
        forget()
        client = archive_objects.s3_client()
        client.create_bucket(Bucket="archive")
        yield client
        forget()


def keys(bucket: Any) -> list[str]:
    """The files in the bucket."""
    return [each["Key"] for each in bucket.list_objects_v2(Bucket="archive").get("Contents", [])]


class Vendor:
    """A history that knows what it is given, and notes what it is asked."""

    def __init__(self, *bars: Bar, refused: Sequence[str] = ()) -> None:
        self.known = bars
        self.refused = refused
        self.asked: list[tuple[datetime, datetime]] = []

    def now(self) -> datetime:
        return NOW

    def bars(self, symbol: str, start: datetime, end: datetime, limit: int | None = None) -> Sequence[Bar]:
        bars = self.bars_of([symbol], start, end).bars[symbol]
        return bars[-limit:] if limit is not None else bars

    def bars_of(self, symbols: Sequence[str], start: datetime, end: datetime, *, as_traded: bool = False) -> Found:
        self.asked.append((start, end))
        found = {
            each: [bar for bar in self.known if bar.symbol == each and start <= bar.time < end] for each in symbols
        }
        return Found(found, {each: "unknown" for each in symbols if each in self.refused})

    def days_of(self, symbols: Sequence[str], start: datetime, end: datetime) -> Found:
        raise NotImplementedError


def bar(symbol: str, time: datetime, price: str = "100.25") -> Bar:
    """A bar at a price."""
    value = Decimal(price)
    return Bar(symbol, time, value, value + 1, value - 1, value, Decimal("1200.5"))


def add(engine: Database, *bars: Bar) -> None:
    """Stores bars as the ingestor does."""
    with engine.transaction() as connection:
        market_data.ensure_months(connection, [each.time for each in bars])
        market_data.add_bars(connection, bars)


def add_history(engine: Database, seed: int = 1, count: int = 60) -> list[Bar]:
    """Stores bars of sixteen months, now and then, around the changes of month too."""
    random = Random(seed)
    found = []
    for symbol in SYMBOLS:
        times = {OLD[0] + timedelta(minutes=random.randrange(16 * 30 * 1440)) for _ in range(count)}
        times |= {SEAM + timedelta(minutes=each) for each in range(-5, 5)}
        times |= {OLD[1] + timedelta(minutes=each) for each in range(-3, 3)}
        found += [bar(symbol, at, f"{random.randint(1, 10**9)}.{random.randint(0, 10**9)}") for at in sorted(times)]
    add(engine, *found)
    return found


def read(
    database: Database, symbol: str, start: datetime | None = None, end: datetime | None = None, limit: int = 10_000
) -> list[tuple[float, ...]]:
    """Bars as charts and lists read them."""
    with database.transaction() as connection:
        found = market_data.bars_between(connection, symbol, start, end, limit)
    columns = (found.time, found.open, found.high, found.low, found.close, found.volume)
    return list(zip(*(each.tolist() for each in columns), strict=True))
