"""Columns of bars and the exchange's clock."""

from datetime import UTC, datetime
from decimal import Decimal

from stratforge.market import Bar, BarColumns


def bar(time: datetime, symbol: str = "AAPL") -> Bar:
    """A bar."""
    return Bar(symbol, time, Decimal(1), Decimal(2), Decimal("0.5"), Decimal("1.5"), Decimal(10))


def test_hours_follow_new_york_through_daylight_saving() -> None:
    winter = datetime(2026, 3, 6, 14, 30, tzinfo=UTC)
    summer = datetime(2026, 3, 9, 13, 30, tzinfo=UTC)
    columns = BarColumns.from_bars([bar(winter), bar(summer)])
    assert columns.hour.tolist() == [9.0, 9.0]
    assert columns.minute.tolist() == [30.0, 30.0]
    assert columns.weekday.tolist() == [4.0, 0.0]


def test_crypto_lives_in_utc() -> None:
    assert BarColumns.from_bars([bar(datetime(2026, 3, 6, 14, 30, tzinfo=UTC), "BTC/USD")]).hour.tolist() == [14.0]


def test_the_day_changes_at_midnight_in_new_york() -> None:
    times = [datetime(2026, 7, 1, 3, 59, tzinfo=UTC), datetime(2026, 7, 1, 4, 0, tzinfo=UTC)]
    day = BarColumns.from_bars([bar(time) for time in times]).day
    assert day[1] == day[0] + 1
