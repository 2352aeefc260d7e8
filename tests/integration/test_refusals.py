"""What the broker refuses concerns an order, a symbol or the platform, and each has its own consequence."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from simulators.alpaca.exchange import Refusal as Refused
from stratforge.market.sizes import Side, SizeKind
from stratforge.portfolio.orders import OrderTerms, OrderType, TimeInForce
from stratforge.storage.ledger import halts, order_book
from stratforge.storage.ledger.invariants import broken_invariants
from stratforge.storage.ledger.order_book import NewOrder

from tests.support.ledger import Trader, add_signal, add_trader, set_price
from tests.support.world import World


@pytest.fixture
def world(world: World) -> World:
    """A world whose first user holds 100 shares, in which two more want to buy: one by a signal, one with a limit."""
    with world.database.transaction() as connection:
        holder = add_trader(connection, "holder")
        add_signal(connection, holder, "buy", set_price(connection, "100"))
    world.work = ["AAPL"]
    world.quiet()
    with world.database.transaction() as connection:
        ada, bob = add_trader(connection, "ada"), add_trader(connection, "bob")
        add_signal(connection, ada, "buy", set_price(connection, "100", 1))
        limit = NewOrder(
            "AAPL",
            OrderTerms(Side.BUY, OrderType.LIMIT, limit_price=Decimal(102)),
            TimeInForce.GTC,
            SizeKind.QUANTITY,
            Decimal(5),
        )
        order_book.place_order(connection, bob.user_id, limit)
    world.holder = holder  # type: ignore[attr-defined]
    return world


def refuse(world: World, monkeypatch: pytest.MonkeyPatch, status: int, message: str) -> None:
    """The exchange refuses the next order with these words, and takes the ones after it."""

    def submit(*_given: Any, **_named: Any) -> Any:
        monkeypatch.undo()
        raise Refused(status, 40310000, message)

    monkeypatch.setattr(world.exchange, "submit", submit)
    world.executor.execute("AAPL")


def buyers(world: World) -> list[tuple[Any, ...]]:
    """Types, statuses and reasons of the orders of the two who buy."""
    with world.database.transaction() as connection:
        assert broken_invariants(connection) == {}
        return connection.execute(
            "SELECT o.type::text, o.status::text, o.reason FROM orders o JOIN users u ON u.id = o.user_id WHERE u.email NOT LIKE 'holder%' ORDER BY 1"
        ).fetchall()


def later(world: World, minute: int) -> None:
    """Time passes, and the symbol has a price again."""
    with world.database.transaction() as connection:
        set_price(connection, "100", minute)
    world.work.append("AAPL")
    world.quiet()


@pytest.mark.parametrize(
    ("status", "message", "reason"),
    [
        (403, "insufficient buying power", "PLATFORM_BUYING_POWER"),
        (403, "potential wash trade detected. use complex orders", "BROKER_UNAVAILABLE"),
    ],
)
def test_where_no_order_is_to_blame_all_wait_and_are_filled_later(
    world: World, monkeypatch: pytest.MonkeyPatch, status: int, message: str, reason: str
) -> None:
    refuse(world, monkeypatch, status, message)
    assert buyers(world) == [("limit", "RESTING", reason), ("market", "RESTING", reason)]
    later(world, 2)
    assert buyers(world) == [("limit", "FILLED", None), ("market", "FILLED", None)]


def test_a_signal_does_not_wait_longer_for_the_platform_than_a_signal_lives(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(world, monkeypatch, 403, "insufficient buying power")
    later(world, 5)
    assert buyers(world) == [("limit", "FILLED", None), ("market", "EXPIRED", "EXPIRED")]


def test_an_order_that_is_wrong_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(world, monkeypatch, 422, "invalid qty")
    assert buyers(world) == [("limit", "REJECTED", "BROKER_REJECTED"), ("market", "REJECTED", "BROKER_REJECTED")]


@pytest.mark.parametrize(
    "message", ["asset AAPL is not tradable", "asset not found for AAPL", "account is not authorized for this asset"]
)
def test_an_asset_that_is_closed_ends_what_does_not_rest_and_is_not_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch, message: str
) -> None:
    refuse(world, monkeypatch, 403, message)
    assert buyers(world) == [("limit", "RESTING", "NOT_TRADABLE"), ("market", "REJECTED", "NOT_TRADABLE")]
    sent = len(world.exchange.orders)
    later(world, 2)
    assert buyers(world) == [("limit", "RESTING", "NOT_TRADABLE"), ("market", "REJECTED", "NOT_TRADABLE")]
    assert len(world.exchange.orders) == sent


def test_an_asset_that_is_only_bought_back_can_be_sold(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(world, monkeypatch, 403, "asset AAPL is restricted to liquidation only")
    assert buyers(world) == [("limit", "RESTING", "SELL_ONLY"), ("market", "REJECTED", "SELL_ONLY")]
    holder: Trader = world.holder  # type: ignore[attr-defined]
    with world.database.transaction() as connection:
        add_signal(connection, holder, "sell", set_price(connection, "100", 2))
    world.work.append("AAPL")
    world.quiet()
    assert world.exchange.positions["AAPL"] == 0
    assert buyers(world)[0] == ("limit", "RESTING", "SELL_ONLY")


def test_an_account_that_holds_less_than_the_ledger_halts_the_symbol_until_they_agree(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(world, monkeypatch, 403, "insufficient qty available for order (requested: 5, available: 0)")
    with world.database.transaction() as connection:
        assert [(each.symbol, each.reason) for each in halts.halted_symbols(connection)] == [("AAPL", "MISSING_UNITS")]
    assert world.reconciler.run().resumed == ["AAPL"]
    later(world, 2)
    assert buyers(world) == [("limit", "FILLED", None), ("market", "FILLED", None)]
