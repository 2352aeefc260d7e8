"""What the market says of a symbol is kept, and a price that cannot be right stops the symbol before a stop is executed at it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from stratforge.application.watch_market import PRICE_JUMP, note_bar
from stratforge.bus.messages import MarketUpdate
from stratforge.market import Bar
from stratforge.market.corporate_actions import ActionKind, CorporateAction
from stratforge.portfolio.orders import ExchangeState
from stratforge.storage.ledger import announced_actions, halts
from stratforge.storage.market import clock, data_notes, market_data
from stratforge.storage.market.data_notes import DataNote, NoteKind

from tests.support.ledger import OPEN, add_trader, set_price
from tests.support.world import World


@pytest.fixture
def world(world: World) -> World:
    """A symbol that trades at 100."""
    with world.database.transaction() as connection:
        set_price(connection, "100")
    return world


def at(second: float) -> datetime:
    """A moment after the first bar."""
    return OPEN + timedelta(seconds=60 + second)


def note(world: World, second: float, **news: Any) -> bool:
    """The executor is told of news."""
    return world.executor.note_update(MarketUpdate(symbol="AAPL", time=at(second), **news))


def price(world: World) -> Decimal:
    """The latest price."""
    with world.database.transaction() as connection:
        found = market_data.latest_price(connection, "AAPL")
    assert found is not None
    return found.price


def halted(world: World) -> dict[str, str]:
    """Halted symbols, with the reasons."""
    with world.database.transaction() as connection:
        return {each.symbol: each.reason for each in halts.halted_symbols(connection)}


def row(world: World, columns: str) -> Any:
    """Columns of the latest price."""
    with world.database.transaction() as connection:
        return connection.execute(f"SELECT {columns} FROM latest_prices WHERE symbol = 'AAPL'").fetchone()


def test_quotes_and_states_are_kept_and_older_ones_change_nothing(world: World) -> None:
    note(world, 2, bid=Decimal("99.9"), ask=Decimal("100.1"), quoted_at=at(2), exchange_state=ExchangeState.PAUSED)
    note(world, 1, bid=Decimal("89.9"), ask=Decimal("90.1"), quoted_at=at(1))
    assert row(world, "bid, ask, quoted_at, exchange_state") == (Decimal("99.9"), Decimal("100.1"), at(2), "PAUSED")
    note(world, 3, exchange_state=ExchangeState.TRADING)
    assert row(world, "exchange_state") == ("TRADING",)
    with world.database.transaction() as connection:
        assert market_data.exchange_states(connection) == {}


def test_a_print_and_a_quote_of_tomorrow_are_of_now(world: World) -> None:
    with world.database.transaction() as connection:
        clock.set_market_clock(connection, at(0))
    day = 24 * 3600
    note(world, day, price=Decimal(110), bid=Decimal(109), ask=Decimal(111), quoted_at=at(day))
    assert price(world) == 110
    with world.database.transaction() as connection:
        clock.set_market_clock(connection, at(120))
    note(world, 120, price=Decimal(99), bid=Decimal("98.9"), ask=Decimal("99.1"), quoted_at=at(120))
    assert price(world) == 99
    assert row(world, "bid, ask") == (Decimal("98.9"), Decimal("99.1"))
    with world.database.transaction() as connection:
        set_price(connection, "98", 5)
    assert price(world) == 98


def test_a_print_that_is_taken_back_gives_its_place_to_the_last_that_stands(world: World) -> None:
    note(world, 1, price=Decimal(101))
    note(world, 2, price=Decimal(97))
    note(world, 1, price=Decimal(101), voided_at=at(2))
    assert price(world) == 101
    note(world, 3, price=Decimal(102))
    note(world, 1, price=Decimal(90), voided_at=at(2))
    assert price(world) == 102, "another one came meanwhile"


def test_an_unannounced_split_sells_nothing_at_a_stop(world: World) -> None:
    with world.database.transaction() as connection:
        trader = add_trader(connection, "ada")
        connection.execute("UPDATE sessions SET stop_loss = 0.05")
        connection.execute(
            "INSERT INTO positions (user_id, session_id, symbol, quantity, cost_basis, opened_at) VALUES (%s, %s, 'AAPL', 100, 10000, %s)",
            (trader.user_id, trader.session_id, OPEN - timedelta(days=1)),
        )
    world.broker.prices["AAPL"] = Decimal("49.8")
    note(world, 30, price=Decimal("49.8"), within_bands=True)
    assert halted(world) == {"AAPL": PRICE_JUMP}
    world.executor.execute("AAPL")
    assert world.exchange.orders == {}
    with world.database.transaction() as connection:
        (halt,) = halts.halted_symbols(connection)
    assert "split of 2 for 1" in halt.details


@pytest.mark.parametrize("bands", [False, True])
def test_news_within_the_exchanges_bands_trade_on_and_others_wait_for_an_operator(world: World, bands: bool) -> None:
    note(world, 30, price=Decimal(72), within_bands=bands)
    assert halted(world) == ({} if bands else {"AAPL": PRICE_JUMP})


def test_a_jump_between_two_bars_is_noticed_too(world: World) -> None:
    with world.database.transaction() as connection:
        note_bar(connection, Bar("AAPL", at(0), Decimal(50), Decimal(51), Decimal(49), Decimal(50), Decimal(1)))
    assert halted(world) == {"AAPL": PRICE_JUMP}


def test_after_an_announced_split_nothing_is_odd(world: World) -> None:
    action = CorporateAction("split-1", "AAPL", ActionKind.SPLIT, OPEN.date(), ratio=Decimal(2))
    with world.database.transaction() as connection:
        announced_actions.note_action(connection, action)
    note(world, 30, price=Decimal("49.8"))
    assert halted(world) == {"AAPL": "CORPORATE_ACTION"}, "until the ledger has followed, and for no other reason"


def test_after_an_operator_has_resumed_it_the_new_price_is_the_price(world: World) -> None:
    note(world, 30, price=Decimal("49.8"))
    with world.database.transaction() as connection:
        halts.resume_symbol(connection, "AAPL")
    note(world, 31, price=Decimal("49.9"))
    assert halted(world) == {}


def test_coins_may_move(world: World) -> None:
    with world.database.transaction() as connection:
        set_price(connection, "60000", symbol="BTC/USD")
    world.executor.note_update(MarketUpdate(symbol="BTC/USD", price=Decimal(30000), time=at(30)))
    assert halted(world) == {}


def test_whatever_may_be_missing_can_be_noted(world: World) -> None:
    with world.database.transaction() as connection:
        data_notes.replace_notes(connection, [DataNote("AAPL", kind, "why") for kind in NoteKind])
        assert {each.kind for each in data_notes.list_notes(connection)} == set(NoteKind)


def test_notes_stand_while_they_hold_and_keep_their_time(world: World) -> None:
    live = DataNote("AAPL", NoteKind.NO_LIVE_PRICES, "30 at a time")
    with world.database.transaction() as connection:
        data_notes.replace_notes(connection, [live, DataNote("NOPE", NoteKind.NO_HISTORY, "HTTP 400")])
        (first, _) = data_notes.list_notes(connection)
    with world.database.transaction() as connection:
        data_notes.replace_notes(connection, [live, DataNote("*", NoteKind.STREAM_REFUSED, "406")])
        assert [each.symbol for each in data_notes.list_notes(connection)] == ["*", "AAPL"]
        assert first in data_notes.list_notes(connection, ["AAPL"])
        assert [each.symbol for each in data_notes.list_notes(connection, ["MSFT"])] == ["*"]
        data_notes.replace_notes(connection, [])
        assert data_notes.list_notes(connection) == []
