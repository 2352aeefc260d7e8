"""What the symbols of somebody's sessions would have made beside his equity: on one scale, and not before they had a price."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from stratforge.application.benchmark import symbols_held
from stratforge.market import Bar
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Connection, Database

from tests.support.api import Api
from tests.support.ledger import OPEN
from tests.support.pages import HTML, with_cookies

DAY = timedelta(days=1)


@pytest.fixture
def prices(database: Database) -> Database:
    """AAPL doubles from one day to the next and is split two for one on the third, IBM begins on the second."""
    closes = {"AAPL": {0: 100, 1: 200, 2: 110}, "IBM": {1: 50, 2: 40}}
    bars = [
        Bar(symbol, OPEN + day * DAY, *(Decimal(close),) * 4, Decimal(1))
        for symbol, days in closes.items()
        for day, close in days.items()
    ]
    with database.transaction() as connection:
        market_data.ensure_months(connection, [each.time for each in bars])
        market_data.add_bars(connection, bars)
        split_before(connection, "AAPL", 2)
    return database


def split_before(connection: Connection, symbol: str, days: int) -> None:
    """A split, two for one, that was followed before the open of a day."""
    connection.execute(
        "INSERT INTO corporate_actions (id, symbol, kind, ratio, effective_on, applied_at) VALUES ('split', %s, 'split', 2, %s, now())",
        (symbol, (OPEN + days * DAY).date()),
    )


def test_what_had_a_price_at_the_beginning_is_held_on_one_scale(prices: Database) -> None:
    times = [OPEN + day * DAY + timedelta(minutes=1) for day in range(3)]
    with prices.transaction() as connection:
        found = symbols_held(connection, ["AAPL", "IBM"], times, [1_000.0, 1_500.0, 1_400.0])
        # 100 a share before the split is 50 now.
        assert found == [(times[0], 1_000.0), (times[1], 2_000.0), (times[2], 2_200.0)]
        only = symbols_held(connection, ["IBM"], times, [1_000.0, 1_500.0, 1_400.0])
        assert only == [(times[1], 1_500.0), (times[2], 1_200.0)]


def test_a_price_that_is_older_than_a_week_is_none_and_the_last_one_stands_in_between(prices: Database) -> None:
    times = [OPEN + timedelta(minutes=1), OPEN + 12 * DAY]
    with prices.transaction() as connection:
        assert market_data.closes_at(connection, ["AAPL"], times[1:]) == []
        assert symbols_held(connection, ["AAPL"], times, [10.0, 11.0]) == [(times[0], 10.0), (times[1], 10.0)]
        assert symbols_held(connection, ["MSFT"], times, [10.0, 11.0]) == []
        assert symbols_held(connection, [], times, [10.0, 11.0]) == []


def test_the_first_page_draws_it_beside_the_equity(api: Api, database: Database) -> None:
    user = with_cookies(api)
    code = {"name": "One", "symbol": "AAPL", "python_code": "def on_bar(bar, position, state):\n    return buy()\n"}
    strategy = user.call("POST", "/api/strategies", code).json()["strategy_id"]
    assert user.call("POST", "/api/sessions", {"strategy_id": strategy}).status_code == 201
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    with database.transaction() as connection:
        for ago, price, equity in ((2 * DAY, 100, 90_000), (DAY, 150, 80_000), (timedelta(hours=1), 120, 95_000)):
            bar = Bar("AAPL", now - ago - timedelta(minutes=5), *(Decimal(price),) * 4, Decimal(1))
            market_data.ensure_months(connection, [bar.time])
            market_data.add_bars(connection, [bar])
            connection.execute(
                "INSERT INTO equity_snapshots (user_id, time, cash, equity) SELECT id, %s, 1, %s FROM users",
                (now - ago, equity),
            )
    found = user.client.get("/home/equity.json?days=7", headers=HTML).json()
    assert [each["equity"] for each in found["items"]] == [90_000, 80_000, 95_000]
    assert [each["value"] for each in found["benchmark"]] == [90_000, 135_000, 108_000]
    assert [each["time"] for each in found["benchmark"]] == [each["time"] for each in found["items"]]
    assert "Symbols of your sessions, held" in user.client.get("/home/equity.html?days=7", headers=HTML).text
    # Of a day the first price of the day is the beginning.
    found = user.client.get("/home/equity.json?days=1.5", headers=HTML).json()
    assert [each["value"] for each in found["benchmark"]] == [80_000, 64_000]
