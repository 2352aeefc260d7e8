"""Times on the clocks of other places, in each of their distances to the exchange's."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from stratforge.market import BarColumns
from stratforge.market.clocks import CLOCKS, TO_NEW_YORK, clock_field
from stratforge.market.columns import exchange_timezone
from stratforge.strategy import compile_strategy
from stratforge.strategy.vocabulary import TIME_FIELDS


def bars(*times: datetime, symbol: str = "AAPL") -> BarColumns:
    stamps = np.array([int(each.timestamp()) for each in times], dtype=np.int64)
    return BarColumns(stamps, *(np.full(len(stamps), 100.0),) * 5, timezone=exchange_timezone(symbol))


def at(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("place", "when", "minute"),
    [
        ("berlin", at(1, 5, 15, 30), 16 * 60 + 30),
        ("berlin", at(3, 16, 15, 30), 16 * 60 + 30),
        ("berlin", at(3, 30, 14, 30), 16 * 60 + 30),
        ("berlin", at(7, 6, 14, 30), 16 * 60 + 30),
        ("berlin", at(10, 26, 15, 30), 16 * 60 + 30),
        ("berlin", at(3, 29, 0, 59), 60 + 59),
        ("berlin", at(3, 29, 1, 0), 3 * 60),
        ("london", at(3, 16, 15, 0), 15 * 60),
        ("london", at(7, 6, 14, 0), 15 * 60),
        ("new_york", at(3, 16, 13, 30), 9 * 60 + 30),
        ("chicago", at(3, 16, 13, 30), 8 * 60 + 30),
        ("denver", at(7, 6, 13, 30), 7 * 60 + 30),
        ("los_angeles", at(12, 7, 14, 30), 6 * 60 + 30),
        ("tokyo", at(7, 6, 20, 0), 5 * 60),
        ("utc", at(7, 6, 20, 1), 20 * 60 + 1),
    ],
)
@pytest.mark.parametrize("symbol", ["AAPL", "BTC/USD"])
def test_the_minute_of_a_place_is_that_of_its_own_clocks_on_the_day(
    place: str, when: datetime, minute: int, symbol: str
) -> None:
    assert getattr(bars(when, symbol=symbol), clock_field(place)).tolist() == [minute]
    assert getattr(bars(at(1, 2, 3), at(1, 2, 4), when, symbol=symbol), clock_field(place)).tolist()[-1] == minute


def test_every_place_is_a_field_of_the_time() -> None:
    assert {clock_field(each) for each in CLOCKS} <= TIME_FIELDS.keys()


@pytest.mark.parametrize(("place", "ahead"), TO_NEW_YORK.items())
def test_some_clocks_are_changed_with_the_exchanges(place: str, ahead: int) -> None:
    """On every day of two years, in the hours in which stocks are traded."""
    days = [datetime.fromtimestamp(1_767_623_400 + 86_400 * day, UTC) for day in range(730)]
    found = bars(*days)
    there = getattr(found, clock_field(place)) + ahead
    assert np.array_equal(there, found.hour * 60 + found.minute)


def test_a_strategy_reads_it_in_each_week_of_the_year() -> None:
    strategy = compile_strategy("def on_bar(bar, position, state):\n    if bar.time.minute_in_berlin == 990:\n        return buy()\n")  # fmt: skip
    days = [(at(1, 5, 14, 30), 10), (at(3, 9, 13, 30), 11), (at(3, 30, 13, 30), 10), (at(10, 26, 13, 30), 11), (at(11, 2, 14, 30), 10)]  # fmt: skip
    for opens, hour in days:
        minutes = [datetime.fromtimestamp(opens.timestamp() + 60 * minute, UTC) for minute in range(390)]
        found = bars(*minutes)
        chosen = np.flatnonzero(getattr(found, clock_field("berlin")) == 990)
        assert [(found.hour[each], found.minute[each]) for each in chosen] == [(hour, 30)]
    assert strategy.on_bar.needs("b") == ("minute_in_berlin",)
