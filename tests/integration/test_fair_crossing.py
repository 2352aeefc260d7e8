"""Nobody gets more from other users than from the market, and nobody waits for somebody else's limit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from stratforge.application.execute_symbol import BLOCK_LIFETIME
from stratforge.broker import Rejected
from stratforge.bus.messages import MarketUpdate
from stratforge.market.sizes import Side, SizeKind
from stratforge.portfolio.orders import OrderTerms, OrderType, TimeInForce
from stratforge.storage.ledger import blocks, order_book
from stratforge.storage.ledger.fills import PATIENCE
from stratforge.storage.ledger.order_book import NewOrder

from functions.ingestor.block_timer import wake_overdue
from tests.support.ledger import OPEN, Trader, add_signal, add_trader, broken, set_price
from tests.support.world import World

SPREAD = Decimal("0.02")


class Meeting(World):
    """Two people who trade the same stock."""

    ada: Trader
    bob: Trader


@pytest.fixture
def world(migrated: str) -> Iterator[Meeting]:
    """A world in which Ada holds 900 shares that she bought at 100, and Bob holds none."""
    found = Meeting(migrated)
    with found.database.transaction() as connection:
        found.ada, found.bob = add_trader(connection, "ada"), add_trader(connection, "bob")
        set_price(connection, "100")
    found.broker.prices["AAPL"] = Decimal(100)
    place(found, found.ada, Side.BUY, "900")
    work(found)
    yield found
    assert broken(found.database) == {}
    found.close()


def place(world: Meeting, trader: Trader, side: Side, quantity: str, limit: str | None = None) -> UUID:
    """A person's order, at the market or with a limit."""
    terms = OrderTerms(
        side, OrderType.LIMIT if limit else OrderType.MARKET, limit_price=Decimal(limit) if limit else None
    )
    with world.database.transaction() as connection:
        new = NewOrder("AAPL", terms, TimeInForce.DAY, SizeKind.QUANTITY, Decimal(quantity))
        return order_book.place_order(connection, trader.user_id, new).order_id


def market_moves(world: Meeting, price: str) -> None:
    """The market is elsewhere, and our stream has not told us."""
    world.broker.prices["AAPL"] = Decimal(price)


def trade_at(world: Meeting, price: str) -> None:
    """Our stream tells of a trade."""
    world.broker.prices["AAPL"] = Decimal(price)
    with world.database.transaction() as connection:
        row = connection.execute("SELECT time + interval '11 seconds' FROM latest_prices").fetchone()
    assert row is not None
    world.executor.note_update(MarketUpdate(symbol="AAPL", price=Decimal(price), time=row[0]))


def exchange_works(world: Meeting) -> None:
    """What the market would fill now is filled; what it would not stays open. What it says is settled."""
    for order in [each for each in world.exchange.orders.values() if each.open]:
        price = world.exchange.executable_at(order, world.broker.prices[order.symbol], SPREAD)
        if price is not None:
            world.exchange.fill(order, order.quantity - order.filled_quantity, price, world.broker.now_at)
    while world.updates:
        assert world.settle(0)


def work(world: Meeting, rounds: int = 8) -> None:
    """The executor and the exchange take turns."""
    for _ in range(rounds):
        world.execute("AAPL")
        exchange_works(world)


def lifetime_passes(world: Meeting) -> list[str]:
    """Our clock passes the lifetime of the block at work, and no price comes. What the timer then wakes the executor for."""
    assert timedelta(0) < BLOCK_LIFETIME <= timedelta(seconds=5)
    rows(
        world,
        "UPDATE block_orders SET cancel_after = cancel_after - interval '5 seconds' WHERE completed_at IS NULL RETURNING 1",
    )
    return wake_overdue(world.database, lambda symbol, _cause: world.work.append(symbol))


def rows(world: Meeting, query: str) -> list[Any]:
    """Rows of a query."""
    with world.database.transaction() as connection:
        return connection.execute(query).fetchall()


def shares(world: Meeting) -> dict[str, Decimal]:
    """What everybody holds."""
    return dict(rows(world, "SELECT u.email, p.quantity FROM positions p JOIN users u ON u.id = p.user_id"))


def cash(world: Meeting, name: str) -> Decimal:
    """Cash and reservations of a user."""
    found: Decimal = rows(
        world, f"SELECT virtual_balance + reserved_cash FROM users WHERE email = '{name}@example.com'"
    )[0][0]
    return found


@pytest.mark.parametrize("heard", ["three hours ago", "a second ago"])
def test_two_limits_do_not_cross_at_a_price_that_the_market_has_left(world: Meeting, heard: str) -> None:
    if heard == "three hours ago":
        rows(world, "UPDATE latest_prices SET received_at = now() - interval '3 hours' RETURNING 1")
    market_moves(world, "130")
    before = cash(world, "bob")
    place(world, world.ada, Side.SELL, "900", "100")
    place(world, world.bob, Side.BUY, "900", "100")
    work(world)
    assert rows(world, "SELECT price FROM trades WHERE price < 129 AND side = 'sell'") == []
    assert shares(world).get("bob@example.com", Decimal(0)) == 0
    assert cash(world, "bob") == before


def test_a_limit_larger_than_the_sellers_has_no_option_on_them(world: Meeting) -> None:
    """The buyer used to get the sellers' shares at his limit when the market rose, and at the market when it fell."""
    place(world, world.ada, Side.SELL, "500")
    place(world, world.bob, Side.BUY, "800", "100")
    world.execute("AAPL")
    market_moves(world, "103")
    work(world)
    assert shares(world).get("bob@example.com", Decimal(0)) == 0
    sold = rows(world, "SELECT min(price) FROM trades WHERE side = 'sell'")
    assert sold == [(Decimal("102.99"),)]


def test_what_crosses_has_the_price_of_a_fill_of_the_same_moment(world: Meeting) -> None:
    place(world, world.ada, Side.SELL, "500")
    place(world, world.bob, Side.BUY, "800")
    world.execute("AAPL")
    market_moves(world, "101")
    work(world)
    assert shares(world) == {"ada@example.com": Decimal(400), "bob@example.com": Decimal(800)}
    assert rows(
        world,
        "SELECT DISTINCT price FROM trades WHERE block_order_id IN (SELECT block_order_id FROM trades WHERE side = 'sell')",
    ) == [(Decimal("101.01"),)]


def test_what_is_left_of_a_partly_filled_order_crosses_whole_in_the_next_block(world: Meeting) -> None:
    place(world, world.bob, Side.BUY, "100", "150")
    world.execute("AAPL")
    (order,) = [each for each in world.exchange.orders.values() if each.open]
    world.exchange.fill(order, Decimal(40), Decimal(100), world.broker.now_at)
    world.exchange.cancel(order, world.broker.now_at)
    while world.updates:
        assert world.settle(0)
    for _ in range(6):
        trade_at(world, "100")
    place(world, world.ada, Side.SELL, "150")
    work(world, 1)
    assert rows(
        world, "SELECT side::text, inside, sum(quantity) FROM trades WHERE quantity < 900 GROUP BY 1, 2 ORDER BY 1, 2"
    ) == [
        ("buy", False, Decimal(40)),
        ("buy", True, Decimal(60)),
        ("sell", False, Decimal(90)),
        ("sell", True, Decimal(60)),
    ]


def test_a_limit_is_not_crossed_beyond_it_when_the_block_is_filled_there(world: Meeting) -> None:
    place(world, world.ada, Side.SELL, "500", "99.8")
    place(world, world.bob, Side.BUY, "800", "100.2")
    world.execute("AAPL")
    market_moves(world, "99.5")
    exchange_works(world)
    assert shares(world) == {"ada@example.com": Decimal(900), "bob@example.com": Decimal(300)}


def test_a_limit_that_finds_nobody_holds_others_up_for_its_lifetime_only(world: Meeting) -> None:
    limit = place(world, world.bob, Side.BUY, "10", "100")
    world.execute("AAPL")
    exchange_works(world)
    sale = place(world, world.ada, Side.SELL, "400")
    assert world.executor.execute("AAPL").outcome == "waiting"
    assert wake_overdue(world.database, lambda *_: None) == []
    # No price comes any more; our own clock is enough.
    assert lifetime_passes(world) == ["AAPL"]
    assert world.executor.execute("AAPL").outcome == "canceling"
    while world.updates:
        assert world.settle(0)
    assert world.work.count("AAPL") >= 1
    assert world.executor.execute("AAPL").outcome == "submitted"
    exchange_works(world)
    statuses = dict(rows(world, "SELECT id, status::text FROM orders"))
    assert (statuses[sale], statuses[limit]) == ("FILLED", "RESTING")


def test_a_block_that_ended_while_nobody_was_told_is_settled_by_who_waits_for_it(world: Meeting) -> None:
    place(world, world.bob, Side.BUY, "10", "100")
    world.execute("AAPL")
    (order,) = [each for each in world.exchange.orders.values() if each.open]
    world.exchange.cancel(order, world.broker.now_at)
    world.updates.clear()
    sale = place(world, world.ada, Side.SELL, "400")
    lifetime_passes(world)
    assert world.executor.execute("AAPL").outcome == "submitted"
    exchange_works(world)
    assert dict(rows(world, "SELECT id, status::text FROM orders"))[sale] == "FILLED"


def test_what_found_nobody_pauses_however_late_the_exchange_says_so(world: Meeting) -> None:
    limit = place(world, world.bob, Side.BUY, "10", "100")
    world.execute("AAPL")
    lifetime_passes(world)
    world.execute("AAPL")
    # The exchange ended it before three prices that we know already.
    for _ in range(3):
        trade_at(world, "100")
    while world.updates:
        assert world.settle(0)
    assert world.executor.execute("AAPL").outcome == "nothing to do"
    trade_at(world, "100")
    assert world.executor.execute("AAPL").outcome == "submitted"
    assert dict(rows(world, "SELECT id, status::text FROM orders"))[limit] == "WORKING"


def test_a_crowd_of_limits_costs_an_order_at_the_market_one_block_at_most(world: Meeting) -> None:
    """Thirty limits at thirty prices, none of which finds anybody, placed anew as often as the attacker likes."""
    for cents in range(30):
        place(world, world.bob, Side.BUY, "1", f"{Decimal(100) + Decimal(cents) / 10_000:.2f}")
    for _ in range(5):
        world.execute("AAPL")
        place(world, world.bob, Side.BUY, "1", "100")
        sale = place(world, world.ada, Side.SELL, "100")
        blocks = 0
        while dict(rows(world, "SELECT id, status::text FROM orders"))[sale] != "FILLED":
            exchange_works(world)
            lifetime_passes(world)
            world.execute("AAPL")
            exchange_works(world)
            blocks += 1
            assert blocks <= 3
        trade_at(world, "100")


def test_limits_get_their_turn_however_many_orders_at_the_market_there_are(world: Meeting) -> None:
    limit = place(world, world.bob, Side.BUY, "1", "100.01")
    for turn in range(3):
        place(world, world.ada, Side.SELL, "10")
        world.execute("AAPL")
        exchange_works(world)
        if dict(rows(world, "SELECT id, status::text FROM orders"))[limit] == "FILLED":
            break
    assert turn == 1


def test_a_limit_that_finds_nobody_costs_others_of_its_side_one_block_together(world: Meeting) -> None:
    """It seems as good as at the market and is not; theirs are better. Nobody waits for it a second time, nor those of the other side for theirs."""
    place(world, world.bob, Side.BUY, "1", "100.12")
    honest = [place(world, world.bob, Side.BUY, "5", limit) for limit in ("100.25", "100.30", "100.35", "100.40")]
    sales = [place(world, world.ada, Side.SELL, "1", limit) for limit in ("99.95", "99.96", "99.97")]
    for _ in range(20):
        # The offer is above the last price that our stream told.
        market_moves(world, "100.20")
        world.execute("AAPL")
        exchange_works(world)
        lifetime_passes(world)
        world.execute("AAPL")
        exchange_works(world)
        statuses = dict(rows(world, "SELECT id, status::text FROM orders"))
        if {statuses[each] for each in (*honest, *sales)} == {"FILLED"}:
            break
        trade_at(world, "100")
    assert {statuses[each] for each in (*honest, *sales)} == {"FILLED"}
    unfilled = [each for each in world.exchange.orders.values() if each.filled_quantity == 0]
    assert len([each for each in unfilled if each.quantity > 1]) <= 1, "blocks with somebody else in them"


def test_a_tighter_limit_does_not_bind_a_better_one(world: Meeting) -> None:
    """An attacker's share at the last price used to keep everybody's limits from being filled at the offer."""
    place(world, world.bob, Side.BUY, "1", "100")
    honest = place(world, world.ada, Side.BUY, "5", "100.01")
    world.execute("AAPL")
    exchange_works(world)
    assert dict(rows(world, "SELECT id, status::text FROM orders"))[honest] == "FILLED"


@pytest.mark.parametrize("state", ["HALTED", "PAUSED"])
def test_nothing_trades_while_the_exchange_does_not(world: Meeting, state: str) -> None:
    rows(world, f"UPDATE latest_prices SET exchange_state = '{state}' RETURNING 1")
    sent = len(world.exchange.orders)
    sale = place(world, world.ada, Side.SELL, "900")
    place(world, world.bob, Side.BUY, "900", "100")
    with world.database.transaction() as connection:
        add_signal(connection, world.bob, "buy", set_price(connection, "100", 1))
    work(world)
    assert len(world.exchange.orders) == sent
    assert rows(world, "SELECT status::text, reason FROM signals") == [("REJECTED", "EXCHANGE_HALT")]
    rows(world, "UPDATE latest_prices SET exchange_state = 'TRADING' RETURNING 1")
    work(world)
    assert dict(rows(world, "SELECT id, status::text FROM orders"))[sale] == "FILLED"


def test_a_persons_order_goes_on_when_the_market_had_nothing_for_it_and_a_signal_ends_when_it_is_old(
    world: Meeting,
) -> None:
    with world.database.transaction() as connection:
        add_signal(connection, world.ada, "buy", set_price(connection, "100", 1))
    mine = place(world, world.bob, Side.BUY, "3")
    market_moves(world, "103")
    for _ in range(4):
        world.execute("AAPL")
        lifetime_passes(world)
        world.execute("AAPL")
        exchange_works(world)
        with world.database.transaction() as connection:
            row = connection.execute("SELECT bar_time FROM latest_prices").fetchone()
            assert row is not None
            minute = int((row[0] - OPEN) / timedelta(minutes=1)) + 1
            set_price(connection, "100", minute)
        world.broker.now_at = OPEN + timedelta(minutes=minute + 1)
    found = dict(
        rows(
            world,
            "SELECT origin::text, status::text || ' ' || coalesce(reason, '') FROM orders WHERE side = 'buy' AND status <> 'FILLED'",
        )
    )
    assert found == {"MANUAL": "RESTING ", "SIGNAL": "EXPIRED EXPIRED"}
    with world.database.transaction() as connection:
        set_price(connection, "103", minute + 1)
    work(world)
    assert dict(rows(world, "SELECT id, status::text FROM orders"))[mine] == "FILLED"


def statuses(world: Meeting) -> dict[UUID, str]:
    """What became of each order."""
    return dict(rows(world, "SELECT id, status::text FROM orders"))


def test_who_was_to_be_crossed_is_not_to_blame_for_what_the_broker_refuses(
    world: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    wants, gives = place(world, world.bob, Side.BUY, "500"), place(world, world.ada, Side.SELL, "10")
    with monkeypatch.context() as refusing:
        refusing.setattr(world.broker, "submit", lambda **_order: Rejected("the order is odd"))
        world.execute("AAPL")
    assert (statuses(world)[wants], statuses(world)[gives]) == ("REJECTED", "RESTING")
    work(world)
    assert statuses(world)[gives] == "FILLED"


def test_a_signal_that_is_old_when_its_block_ends_does_not_go_on(world: Meeting) -> None:
    with world.database.transaction() as connection:
        add_signal(connection, world.ada, "buy", set_price(connection, "100", 1))
    world.execute("AAPL")
    world.updates.clear()
    (order,) = [each for each in world.exchange.orders.values() if each.open]
    world.broker.now_at = OPEN + timedelta(minutes=2) + PATIENCE
    world.broker.cancel(order.id)
    while world.updates:
        world.settle(0)
    assert rows(world, "SELECT status::text FROM orders WHERE origin = 'SIGNAL'") == [("CANCELED",)]


def test_what_the_market_had_nothing_for_pauses_and_then_goes_whatever_the_price(world: Meeting) -> None:
    """Also a stop that was reached, when the price is back on its other side."""
    terms = OrderTerms(Side.BUY, OrderType.STOP, stop_price=Decimal(101))
    with world.database.transaction() as connection:
        new = NewOrder("AAPL", terms, TimeInForce.DAY, SizeKind.QUANTITY, Decimal(2))
        stop = order_book.place_order(connection, world.bob.user_id, new).order_id
    work(world, 1)
    mine = place(world, world.bob, Side.BUY, "4")
    trade_at(world, "101")
    world.execute("AAPL")
    for order in [each for each in world.exchange.orders.values() if each.open]:
        world.broker.cancel(order.id)
    while world.updates:
        world.settle(0)
    waiting = rows(world, "SELECT id, trigger_above, retry_at IS NOT NULL FROM orders WHERE status = 'RESTING'")
    assert sorted(waiting, key=str) == sorted([(stop, 0, True), (mine, 0, True)], key=str)


@pytest.mark.parametrize(
    ("status", "claimed", "lives", "overdue"),
    [
        ("SUBMITTED", "-1 s", "1 min", []),
        ("SUBMITTED", "-1 s", "-1 s", ["AAPL"]),
        ("SUBMITTED", "1 min", "-1 s", []),
        ("UNKNOWN", "-1 s", "1 min", ["AAPL"]),
        ("UNKNOWN", "1 min", "1 min", []),
    ],
)
def test_a_block_is_seen_to_when_it_is_over_or_unsent_and_nobody_is_at_it(
    world: Meeting, status: str, claimed: str, lives: str, overdue: list[str]
) -> None:
    place(world, world.bob, Side.BUY, "3")
    world.execute("AAPL")
    with world.database.transaction() as connection:
        connection.execute(
            """
            UPDATE block_orders SET status = %s::block_status, claimed_until = now() + %s::interval, cancel_after = now() + %s::interval
            WHERE completed_at IS NULL
            """,
            (status, claimed, lives),
        )
        assert blocks.overdue_symbols(connection) == overdue
    work(world)
