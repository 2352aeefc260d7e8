"""Bars of days: read once a day, in editions, and seen again as they were seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from stratforge.broker.history import AlpacaHistory, Found, HistoryUnavailable
from stratforge.market import Bar
from stratforge.storage.market import daily_bars
from stratforge.storage.postgres.database import Database

from functions.ingestor.daily_history import read_days
from tests.integration.test_simulated_alpaca import Alpaca, alpaca  # noqa: F401 - a fixture

NOW = datetime(2026, 3, 10, 14, 0, tzinfo=UTC)


def day(symbol: str, of: date, price: str) -> Bar:
    """A day at one price."""
    value = Decimal(price)
    return Bar(symbol, daily_bars.begins_at(symbol, of), value, value, value, value, Decimal(10))


class Vendor:
    """Days of two symbols, a dollar more each day, and what was asked."""

    def __init__(self) -> None:
        self.ratio, self.asked, self.answers = Decimal(1), list[list[str]](), True
        self.known: tuple[str, ...] = ("AAPL",)
        # What days that have just ended are said to have closed at.
        self.unsettled: dict[date, str] = {}

    def days_of(self, symbols: Sequence[str], start: datetime, end: datetime) -> Found:
        """Days from start to end, on today's scale."""
        self.asked.append(list(symbols))
        if not self.answers:
            raise HistoryUnavailable("HTTP 500")
        found = {}
        for symbol in symbols:
            days = (date(2026, 3, 1) + timedelta(days=number) for number in range(30))
            bars = [day(symbol, each, str((100 + each.day) / self.ratio)) for each in days]
            found[symbol] = [each for each in bars if start <= each.time < end]
            found[symbol] = [
                replace(each, close=Decimal(self.unsettled.get(each.time.date(), each.close))) for each in found[symbol]
            ]
        known = {symbol: days for symbol, days in found.items() if symbol in self.known}
        return Found(known, {symbol: "HTTP 400" for symbol in symbols if symbol not in self.known})


@pytest.fixture
def vendor() -> Vendor:
    """Somebody who has days."""
    return Vendor()


def closes(database: Database, before: date, edition: int | None = None, length: int = 100) -> list[float]:
    """What somebody sees of AAPL before a day."""
    with database.transaction() as connection:
        editions = None if edition is None else {"AAPL": edition}
        found = daily_bars.days_before(connection, {"AAPL": before}, length, editions)["AAPL"]
    assert found.bars.daily
    return list(found.bars.close.tolist())


def read(database: Database, vendor: Vendor, now: datetime = NOW, **wanted: int) -> dict[str, int]:
    """Reads what is wanted."""
    return read_days(database, vendor, now, lambda _connection: wanted)


def test_days_are_read_once_a_day_and_the_running_one_is_not_among_them(database: Database, vendor: Vendor) -> None:
    assert read(database, vendor, AAPL=20) == {"AAPL": 9}
    assert read(database, vendor, AAPL=20) == {}
    assert closes(database, date(2026, 3, 30)) == [101.0 + number for number in range(9)]
    assert read(database, vendor, NOW + timedelta(days=1), AAPL=20) == {"AAPL": 1}


def test_a_day_is_read_when_its_last_minute_is_not_corrected_any_more(database: Database, vendor: Vendor) -> None:
    """A coin's day ends a minute before the first bar that decides on it: what is read in its first seconds is not yet what a backtest will read."""
    midnight = datetime(2026, 3, 10, tzinfo=UTC)
    vendor.known = ("AAPL", "BTC/USD")
    vendor.unsettled = {date(2026, 3, 9): "111"}
    assert read(database, vendor, midnight + timedelta(seconds=5), **{"BTC/USD": 3}) == {"BTC/USD": 8}
    with database.transaction() as connection:
        history = daily_bars.histories_of(connection, ["BTC/USD"])["BTC/USD"]
    assert not history.ready(midnight.date()), "who decides on yesterday waits"
    vendor.unsettled = {}
    # The first minute of the day is a bar a second after it.
    assert read(database, vendor, midnight + timedelta(seconds=50), **{"BTC/USD": 3}) == {"BTC/USD": 1}
    with database.transaction() as connection:
        history = daily_bars.histories_of(connection, ["BTC/USD"])["BTC/USD"]
        found = daily_bars.days_before(connection, {"BTC/USD": midnight.date()}, 1)["BTC/USD"]
    assert history.ready(midnight.date())
    assert found.bars.close.tolist() == [109.0]


def test_somebody_who_looks_further_back_has_more_days_read(database: Database, vendor: Vendor) -> None:
    read(database, vendor, AAPL=20)
    assert read(database, vendor, AAPL=40) == {"AAPL": 0}
    assert read(database, vendor, AAPL=30) == {}


def test_a_split_is_another_edition_and_the_one_before_is_seen_as_it_was(database: Database, vendor: Vendor) -> None:
    read(database, vendor, AAPL=20)
    vendor.ratio = Decimal(2)
    assert read(database, vendor, NOW + timedelta(days=1), AAPL=20) == {"AAPL": 10}
    assert closes(database, date(2026, 3, 4)) == [50.5, 51.0, 51.5]
    assert closes(database, date(2026, 3, 4), edition=1) == [101.0, 102.0, 103.0]
    assert closes(database, date(2026, 3, 4), edition=2) == [50.5, 51.0, 51.5]


def test_what_is_seen_are_the_last_days_before_a_day(database: Database, vendor: Vendor) -> None:
    read(database, vendor, AAPL=20)
    assert closes(database, date(2026, 3, 5), length=2) == [103.0, 104.0]


def test_a_symbol_that_the_vendor_refuses_has_no_days_and_keeps_nobody_waiting(
    database: Database, vendor: Vendor
) -> None:
    assert read(database, vendor, AAPL=20, NONE=20) == {"AAPL": 9, "NONE": 0}
    with database.transaction() as connection:
        assert daily_bars.histories_of(connection, ["NONE"])["NONE"].refused == "HTTP 400"
        found = daily_bars.days_before(connection, {"NONE": date(2026, 3, 5), "NEVER": date(2026, 3, 5)}, 5)
    assert [len(each.bars) for each in found.values()] == [0, 0]


def test_what_was_not_answered_is_asked_again(database: Database, vendor: Vendor) -> None:
    vendor.answers = False
    with pytest.raises(HistoryUnavailable):
        read(database, vendor, AAPL=20)
    vendor.answers = True
    assert read(database, vendor, AAPL=20) == {"AAPL": 9}


def test_days_come_from_the_vendors_own_protocol_adjusted_for_splits(alpaca: Alpaca) -> None:  # noqa: F811 - the fixture
    now = alpaca.simulator.clock.now()
    history = AlpacaHistory(alpaca.secret)
    before = history.days_of(["AAPL", "BTC/USD"], now - timedelta(days=20), daily_bars.begins_at("AAPL", now.date()))
    alpaca.tell("market", symbol="AAPL", split="2")
    after = history.days_of(["AAPL"], now - timedelta(days=20), daily_bars.begins_at("AAPL", now.date()))
    assert len(before.bars["AAPL"]) == len(before.bars["BTC/USD"]) >= 12
    halved = zip(before.bars["AAPL"], after.bars["AAPL"], strict=True)
    assert all(abs(one.close / 2 - other.close) <= Decimal("0.005") for one, other in halved)
    assert all(
        daily_bars.begins_at("AAPL", daily_bars.exchange_day("AAPL", each.time)) == each.time
        for each in after.bars["AAPL"]
    )
