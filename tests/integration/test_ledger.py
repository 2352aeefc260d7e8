"""Executor and settler on a real PostgreSQL: from signals to trades, exactly once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, LiteralString

import pytest
from psycopg.types.json import Jsonb
from simulators.alpaca.exchange import Refusal, SimulatedOrder
from stratforge.application.execute_symbol import BLOCK_LIFETIME, CLAIM, OutcomeUnknown
from stratforge.application.settle_fill import Settled, settle_fill
from stratforge.bus.messages import MarketUpdate, OrderUpdate
from stratforge.market.sizes import Side, SizeKind
from stratforge.portfolio.orders import BlockStatus, OrderTerms, OrderType, TimeInForce
from stratforge.portfolio.settlement import OrderProgress
from stratforge.storage.ledger import blocks, fills, order_book
from stratforge.storage.ledger.order_book import NewOrder
from stratforge.storage.postgres.database import Connection
from stratforge.storage.strategies import sessions
from stratforge.storage.strategies.evaluations import Need, symbols_to_stream
from stratforge.strategy.exits import EXIT_KEYS, PEAK, STOP_SEEN, TARGET_SEEN

from tests.support.ledger import OPEN, Trader, add_signal, add_trader, broken, set_price
from tests.support.world import Killed, World


@pytest.fixture
def world(migrated: str) -> Iterator[World]:
    """A world in which a block belongs to who stored it, for a while."""
    found = World(migrated, claim=CLAIM)
    found.broker.prices["AAPL"] = Decimal(100)
    yield found
    found.close()


def fill(world: World, client_order_id: str | None, price: str) -> OrderUpdate:
    """Fills an order whole; the update that tells of it."""
    assert client_order_id is not None
    order = world.exchange.by_client_id[client_order_id]
    world.exchange.fill(order, order.quantity, Decimal(price), world.broker.now_at)
    return world.updates[-1]


def settle(world: World, update: OrderUpdate) -> Settled:
    """Settles an update; `world.work` holds the symbols the executor was woken for."""
    return settle_fill(world.database, world.wake, update)


def submissions(world: World) -> int:
    """How often something was sent to the broker."""
    return sum("before submit" in each for each in world.fuse.passed)


def rows(world: World, query: str) -> list[Any]:
    """Rows of a query."""
    with world.database.transaction() as connection:
        return connection.execute(query).fetchall()


def test_a_signal_becomes_a_position(world: World) -> None:
    with world.database.transaction() as connection:
        trader = add_trader(connection, "ada")
        add_signal(connection, trader, "buy", set_price(connection, "100"))
    executed = world.executor.execute("AAPL")
    assert executed.outcome == "submitted"
    settled = settle(world, fill(world, executed.client_order_id, "100.5"))
    assert (settled.trades, settled.completed) == (1, "FILLED")
    assert rows(world, "SELECT quantity, cost_basis FROM positions") == [(Decimal(100), Decimal(10050))]
    assert rows(world, "SELECT virtual_balance, reserved_cash FROM users") == [(Decimal(89950), Decimal(0))]
    assert broken(world.database) == {}


def test_the_numbers_of_trades_and_signals_say_nothing_of_others(world: World) -> None:
    with world.database.transaction() as connection:
        trader = add_trader(connection, "ada")
        for minute in range(-29, 1):
            add_signal(connection, trader, "buy", set_price(connection, "100", minute))
    settle(world, fill(world, world.executor.execute("AAPL").client_order_id, "100"))
    for table in ("trades", "signals"):
        with world.database.transaction() as connection:
            if table == "trades":
                connection.execute(
                    """
                    INSERT INTO trades (order_id, block_order_id, user_id, session_id, symbol, side, quantity, price, execution_id, executed_at)
                    SELECT order_id, block_order_id, user_id, session_id, symbol, side, quantity, price, execution_id || n, executed_at
                    FROM trades, generate_series(1, 30) n
                    """
                )
            ids = [row[0] for row in connection.execute(f"SELECT id FROM {table} ORDER BY id")]
        assert len({after - before for before, after in pairwise(ids)}) > 2, table


def test_the_same_message_again_changes_nothing(world: World) -> None:
    with world.database.transaction() as connection:
        add_signal(connection, add_trader(connection, "ada"), "buy", set_price(connection, "100"))
    first = world.executor.execute("AAPL")
    assert world.executor.execute("AAPL").outcome == "waiting"
    update = fill(world, first.client_order_id, "100")
    assert settle(world, update).trades == 1
    assert settle(world, update).trades == 0
    assert world.executor.execute("AAPL").outcome == "nothing to do"
    assert submissions(world) == 1
    assert rows(world, "SELECT count(*) FROM trades") == [(1,)]


def test_a_lost_reply_is_looked_up_and_never_sent_again(world: World) -> None:
    world.broker.submit_fault = "after"
    with world.database.transaction() as connection:
        add_signal(connection, add_trader(connection, "ada"), "buy", set_price(connection, "100"))
    with pytest.raises(OutcomeUnknown):
        world.executor.execute("AAPL")
    assert world.executor.execute("AAPL").outcome == "found at the broker"
    assert submissions(world) == 1
    assert rows(world, "SELECT status::text FROM block_orders") == [("SUBMITTED",)]


def test_a_crash_between_storing_and_sending_sends_once(world: World) -> None:
    with world.database.transaction() as connection:
        add_signal(connection, add_trader(connection, "ada"), "buy", set_price(connection, "100"))
    world.fuse.arm(kill_at="before submit#1")
    with pytest.raises(Killed):
        world.executor.execute("AAPL")
    assert world.executor.execute("AAPL").outcome == "waiting"
    rows(world, "UPDATE block_orders SET claimed_until = now() RETURNING 1")
    assert world.executor.execute("AAPL").outcome == "submitted"
    assert len(world.exchange.orders) == 1


def test_a_rejected_block_releases_everything(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_given: object) -> SimulatedOrder:
        raise Refusal(422, 42210000, "invalid qty")

    monkeypatch.setattr(world.exchange, "submit", refuse)
    with world.database.transaction() as connection:
        add_signal(connection, add_trader(connection, "ada"), "buy", set_price(connection, "100"))
    assert world.executor.execute("AAPL").outcome == "rejected by the broker"
    assert rows(world, "SELECT virtual_balance, reserved_cash FROM users") == [(Decimal(100000), Decimal(0))]
    assert rows(world, "SELECT status::text, reason FROM orders") == [("REJECTED", "BROKER_REJECTED")]
    assert broken(world.database) == {}


def test_opposite_orders_cross_inside_and_only_the_net_goes_out(world: World) -> None:
    with world.database.transaction() as connection:
        seller, buyer = add_trader(connection, "seller"), add_trader(connection, "buyer", sizing="0.04")
        add_signal(connection, seller, "buy", set_price(connection, "100"))
    first = world.executor.execute("AAPL").client_order_id
    settle(world, fill(world, first, "100"))
    with world.database.transaction() as connection:
        time = set_price(connection, "110", 1)
        add_signal(connection, seller, "sell", time)
        add_signal(connection, buyer, "buy", time)
    second = world.executor.execute("AAPL").client_order_id
    bought = Decimal("36.363636363")
    assert second is not None
    sent = world.exchange.by_client_id[second]
    assert (sent.side, sent.quantity) == ("sell", 100 - bought)
    settle(world, fill(world, second, "110"))
    held = dict(rows(world, "SELECT u.email, p.quantity FROM positions p JOIN users u ON u.id = p.user_id"))
    assert held == {"seller@example.com": 0, "buyer@example.com": bought}
    assert broken(world.database) == {}


def test_equal_sides_send_one_share_to_have_a_price_and_cross_the_rest_at_it(world: World) -> None:
    with world.database.transaction() as connection:
        seller, buyer = add_trader(connection, "seller"), add_trader(connection, "buyer")
        add_signal(connection, seller, "buy", set_price(connection, "100"), quantity=10)
    first = world.executor.execute("AAPL").client_order_id
    settle(world, fill(world, first, "100"))
    with world.database.transaction() as connection:
        time = set_price(connection, "105", 1)
        add_signal(connection, seller, "sell", time)
        add_signal(connection, buyer, "buy", time, quantity=10)
    second = world.executor.execute("AAPL").client_order_id
    assert second is not None
    assert world.exchange.by_client_id[second].quantity == 1
    settle(world, fill(world, second, "105.5"))
    crossed = "SELECT DISTINCT price, quantity FROM trades WHERE inside"
    assert rows(world, crossed) == [(Decimal("105.5"), Decimal(9))]
    # The share that is left on the other side goes out next.
    assert world.work == ["AAPL"]
    third = world.executor.execute("AAPL").client_order_id
    assert third is not None
    assert {world.exchange.by_client_id[each].side for each in (second, third)} == {"buy", "sell"}
    assert world.exchange.by_client_id[third].quantity == 1
    settle(world, fill(world, third, "104.9"))
    assert rows(world, "SELECT DISTINCT status::text FROM orders") == [("FILLED",)]
    assert broken(world.database) == {}


def test_signals_that_come_while_a_block_works_wait_and_are_woken(world: World) -> None:
    with world.database.transaction() as connection:
        ada, bob = add_trader(connection, "ada"), add_trader(connection, "bob")
        add_signal(connection, ada, "buy", set_price(connection, "100"))
    first = world.executor.execute("AAPL").client_order_id
    with world.database.transaction() as connection:
        add_signal(connection, bob, "buy", set_price(connection, "101", 1))
    assert world.executor.execute("AAPL").outcome == "waiting"
    settle(world, fill(world, first, "100"))
    assert world.work == ["AAPL"]
    assert world.executor.execute("AAPL").outcome == "submitted"


def test_old_signals_expire(world: World) -> None:
    with world.database.transaction() as connection:
        add_signal(connection, add_trader(connection, "ada"), "buy", set_price(connection, "100"))
        set_price(connection, "100", 3)
    assert world.executor.execute("AAPL").outcome == "nothing to do"
    assert rows(world, "SELECT status::text, reason FROM signals") == [("EXPIRED", "EXPIRED")]


def test_two_signals_of_one_session_on_one_bar_cannot_exist(world: World) -> None:
    with world.database.transaction() as connection:
        trader = add_trader(connection, "ada")
        time = set_price(connection, "100")
        add_signal(connection, trader, "buy", time)
    with pytest.raises(Exception, match="unique"), world.database.transaction() as connection:
        add_signal(connection, trader, "sell", time)


def test_random_trading_keeps_every_invariant(world: World) -> None:
    """Many users, partial fills, doubled and missing events, cancellations; every invariant after every minute."""
    chance = random.Random(11)
    with world.database.transaction() as connection:
        traders = [add_trader(connection, f"user{index}", sizing="0.3") for index in range(8)]
    price = Decimal(50)
    for minute in range(25):
        price = max(Decimal(5), price + Decimal(chance.randint(-150, 150)) / 100)
        with world.database.transaction() as connection:
            time = set_price(connection, str(price), minute)
            for trader in traders:
                if chance.random() < 0.6:
                    kinds: list[dict[str, float]] = [
                        {},
                        {"fraction": chance.random()},
                        {"quantity": chance.randint(1, 50)},
                    ]
                    side, size = chance.choice(["buy", "sell"]), chance.choice(kinds)
                    add_signal(connection, trader, side, time, "AAPL", **size)
        client_order_id = world.executor.execute("AAPL").client_order_id
        if client_order_id in world.exchange.by_client_id:
            for update in _random_fills(chance, world, world.exchange.by_client_id[client_order_id], price):
                settle(world, update)
                if chance.random() < 0.3:
                    settle(world, update)
        assert broken(world.database) == {}, minute
    assert rows(world, "SELECT count(*) > 60 FROM trades") == [(True,)]


def _random_fills(chance: random.Random, world: World, order: SimulatedOrder, price: Decimal) -> list[OrderUpdate]:
    """Fills an order in parts, or cancels what is left before the last; the updates that arrive."""
    world.updates.clear()
    cuts = {(order.quantity * Decimal(chance.randint(1, 99)) / 100).quantize(Decimal("0.000000001")) for _ in range(3)}
    totals = [*sorted(cut for cut in cuts if 0 < cut < order.quantity), order.quantity]
    canceled = chance.random() < 0.3
    for total in totals[:-1] if canceled else totals:
        paid = price + Decimal(chance.randint(-50, 50)) / 1000
        world.exchange.fill(order, total - order.filled_quantity, paid, world.broker.now_at)
    if canceled:
        world.exchange.cancel(order, world.broker.now_at)
    return [update for update in world.updates if update is world.updates[-1] or chance.random() > 0.2]


def test_a_manual_session_only_says_what_it_would_do(world: World) -> None:
    with world.database.transaction() as connection:
        trader = add_trader(connection, "ada")
        connection.execute("UPDATE sessions SET mode = 'MANUAL'")
        add_signal(connection, trader, "buy", set_price(connection, "100"))
    world.executor.execute("AAPL")
    assert rows(world, "SELECT status::text, reason FROM signals") == [("REJECTED", "SIGNALS_ONLY")]
    assert world.exchange.orders == {}


def test_a_paused_session_watches_and_does_not_trade(world: World) -> None:
    with world.database.transaction() as connection:
        trader = add_trader(connection, "ada")
        connection.execute("UPDATE sessions SET status = 'PAUSED'")
        add_signal(connection, trader, "buy", set_price(connection, "100"))
    world.executor.execute("AAPL")
    assert rows(world, "SELECT status::text, reason FROM signals") == [("REJECTED", "SESSION_PAUSED")]


@pytest.mark.parametrize(
    ("statement", "side", "reason"),
    [
        ("UPDATE users SET trading_state = 'HALTED'", "buy", "USER_HALTED"),
        ("UPDATE users SET imposed_state = 'REDUCING'", "buy", "REDUCING_ONLY"),
        ("UPDATE platform_state SET trading_state = 'HALTED'", "sell", "PLATFORM_HALTED"),
    ],
)
def test_who_may_not_trade_does_not(world: World, statement: LiteralString, side: str, reason: str) -> None:
    with world.database.transaction() as connection:
        trader = add_trader(connection, "ada")
        connection.execute(statement)
        add_signal(connection, trader, side, set_price(connection, "100"))
    world.executor.execute("AAPL")
    assert rows(world, "SELECT status::text, reason FROM signals") == [("REJECTED", reason)]
    assert world.exchange.orders == {}


@pytest.mark.parametrize(
    ("exits", "low", "high", "origin"),
    [
        ("stop_loss = 0.05", "94.9", "100", "STOP_LOSS"),
        ("take_profit = 0.05", "100", "105.1", "TAKE_PROFIT"),
        ("trailing_stop = 0.05", "94.9", "100", "TRAILING_STOP"),
    ],
)
def test_a_session_s_own_stops_sell_when_a_bar_reaches_them(
    world: World, exits: str, low: str, high: str, origin: str
) -> None:
    with world.database.transaction() as connection:
        trader = add_trader(connection, "ada")
        connection.execute(f"UPDATE sessions SET {exits}")
        add_signal(connection, trader, "buy", set_price(connection, "100"))
    first = world.executor.execute("AAPL").client_order_id
    settle(world, fill(world, first, "100"))
    with world.database.transaction() as connection:
        set_price(connection, "100", 1, low="95.1", high="104.9")
    assert world.executor.execute("AAPL").outcome == "nothing to do"
    with world.database.transaction() as connection:
        set_price(connection, "100", 2, low=low, high=high)
    second = world.executor.execute("AAPL").client_order_id
    assert second is not None
    assert world.exchange.by_client_id[second].side == "sell"
    assert rows(world, "SELECT origin::text FROM orders WHERE side = 'sell'") == [(origin,)]
    assert broken(world.database) == {}


def held(world: World) -> Trader:
    """Somebody whose session has bought at 100."""
    with world.database.transaction() as connection:
        trader = add_trader(connection, "ada")
        add_signal(connection, trader, "buy", set_price(connection, "100"))
    settle(world, fill(world, world.executor.execute("AAPL").client_order_id, "100"))
    return trader


def seen(world: World, trader: Trader, minute: int, **exits: float) -> None:
    """A strategy has seen a bar, and these are its exits; those with `_seen` were in force on it."""
    names = {**EXIT_KEYS, "stop_seen": STOP_SEEN, "target_seen": TARGET_SEEN, "peak": PEAK}
    state = {names[name]: value for name, value in exits.items()}
    with world.database.transaction() as connection:
        connection.execute(
            "UPDATE sessions SET state = %s, last_bar_time = %s WHERE id = %s",
            (Jsonb(state), OPEN + timedelta(minutes=minute), trader.session_id),
        )


def sold(world: World) -> list[str]:
    """Whether anything was sold after a look at the market, and why."""
    world.executor.execute("AAPL")
    return [origin for (origin,) in rows(world, "SELECT origin::text FROM orders WHERE side = 'sell'")]


@pytest.mark.parametrize(
    ("exits", "low", "high", "origin"),
    [
        ({"stop_loss": 0.05}, "95.1", "200", None),
        ({"stop_loss": 0.05}, "95", "100", "STOP_LOSS"),
        ({"stop_loss_price": 97.0}, "97", "100", "STOP_LOSS"),
        ({"take_profit": 0.05}, "1", "104.9", None),
        ({"take_profit": 0.05}, "100", "105", "TAKE_PROFIT"),
        ({"take_profit_price": 103.5}, "100", "103.5", "TAKE_PROFIT"),
        ({"trailing_stop": 0.1}, "90.1", "200", None),
        ({"trailing_stop": 0.1, "peak": 110.0}, "99", "100", "TRAILING_STOP"),
        ({"trailing_stop_distance": 10.0}, "90.1", "200", None),
        ({"trailing_stop_distance": 10.0, "peak": 110.0}, "100", "105", "TRAILING_STOP"),
        ({"stop_loss": 0.05, "take_profit": 0.05}, "95", "105", "STOP_LOSS"),
    ],
)
def test_what_a_strategy_set_sells_when_a_later_bar_reaches_it(
    world: World, exits: dict[str, float], low: str, high: str, origin: str | None
) -> None:
    seen(world, held(world), 1, **exits)
    with world.database.transaction() as connection:
        set_price(connection, "100", 2, low=low, high=high)
        assert symbols_to_stream(connection)["AAPL"].need >= Need.RESTS
    assert sold(world) == ([origin] if origin else [])
    assert broken(world.database) == {}


def test_an_exit_that_was_set_on_a_bar_does_not_count_on_that_bar(world: World) -> None:
    trader = held(world)
    with world.database.transaction() as connection:
        set_price(connection, "101", 2, low="95", high="106")
    # Moved up to 98 on the bar whose low was 95; 94 was in force on it.
    seen(world, trader, 2, stop_loss_price=98.0, stop_seen=94.0, take_profit_price=105.0, target_seen=107.0)
    assert sold(world) == []
    seen(world, trader, 2, stop_loss_price=90.0, stop_seen=95.0)
    assert sold(world) == ["STOP_LOSS"]


def test_an_exit_that_a_strategy_set_sells_at_a_price_between_bars(world: World) -> None:
    trader = held(world)
    with world.database.transaction() as connection:
        set_price(connection, "101", 2)
    seen(world, trader, 2, stop_loss_price=98.0)
    news = MarketUpdate(symbol="AAPL", price=Decimal("97.9"), time=OPEN + timedelta(minutes=3, seconds=2))
    assert world.executor.note_update(news)
    assert sold(world) == ["STOP_LOSS"]


@pytest.mark.parametrize("before", ["sold", "selling", "due"])
def test_a_purchase_that_adds_to_what_an_exit_sells_is_not_made(world: World, before: str) -> None:
    trader = held(world)
    seen(world, trader, 2, stop_loss_price=98.0, peak=120.0)
    with world.database.transaction() as connection:
        decided_on = set_price(connection, "101", 2)
        connection.execute(
            "INSERT INTO position_views (session_id, user_id, bar_time, quantity, average_entry_price) VALUES (%s, %s, %s, 100, 100)",
            (trader.session_id, trader.user_id, decided_on),
        )
    if before == "due":
        with world.database.transaction() as connection:
            add_signal(connection, trader, "buy", decided_on)
    world.executor.note_update(
        MarketUpdate(symbol="AAPL", price=Decimal("97.9"), time=OPEN + timedelta(minutes=3, seconds=2))
    )
    exit_order = world.executor.execute("AAPL").client_order_id
    order = world.exchange.by_client_id[exit_order or ""]
    if before == "sold":
        settle(world, fill(world, exit_order, "97.9"))
    if before == "selling":
        world.exchange.cancel(order, world.broker.now_at)
        settle(world, world.updates[-1])
    if before != "due":
        with world.database.transaction() as connection:
            add_signal(connection, trader, "buy", decided_on)
    world.executor.execute("AAPL")
    assert (order.side, order.quantity) == ("sell", Decimal(100))
    assert rows(world, "SELECT status::text, reason FROM signals ORDER BY id") == [
        ("EXECUTED", None),
        ("REJECTED", "POSITION_SOLD"),
    ]


def looked(connection: Connection, trader: Trader, bar_time: datetime, quantity: float) -> None:
    """Notes what a session saw of its position at a bar."""
    connection.execute(
        "INSERT INTO position_views (session_id, user_id, bar_time, quantity, average_entry_price) VALUES (%s, %s, %s, %s, 100)",
        (trader.session_id, trader.user_id, bar_time, quantity),
    )


@pytest.mark.parametrize(("saw", "buys"), [(0, 1), (100, 2)], ids=["before it was filled", "after"])
def test_who_decides_to_buy_before_the_last_purchase_is_filled_does_not_buy_twice(
    world: World, saw: float, buys: int
) -> None:
    """The executor is a minute late, or a block waits at the broker: the strategy still sees nothing and says buy again."""
    trader = held(world)
    with world.database.transaction() as connection:
        decided_on = set_price(connection, "101", 2)
        looked(connection, trader, decided_on, saw)
        add_signal(connection, trader, "buy", decided_on)
    world.executor.execute("AAPL")
    assert rows(world, "SELECT count(*) FROM orders WHERE side = 'buy'") == [(buys,)]
    refused = ("REJECTED", "POSITION_GREW")
    assert rows(world, "SELECT status::text, reason FROM signals ORDER BY id DESC LIMIT 1") == [
        refused if buys == 1 else ("EXECUTED", None)
    ]


@pytest.mark.parametrize("then", ["buy", "sell"])
def test_of_two_decisions_that_wait_the_later_one_holds(world: World, then: str) -> None:
    with world.database.transaction() as connection:
        trader = add_trader(connection, "ada")
        for minute, side in ((1, "buy"), (2, then)):
            decided_on = set_price(connection, "100", minute)
            looked(connection, trader, decided_on, 0)
            add_signal(connection, trader, side, decided_on)
    world.executor.execute("AAPL")
    signals = rows(world, "SELECT side::text, status::text, reason FROM signals ORDER BY id")
    assert signals[0] == ("buy", "REJECTED", "REPLACED")
    assert signals[1] == (("buy", "EXECUTED", None) if then == "buy" else ("sell", "REJECTED", "NO_POSITION"))


@pytest.mark.parametrize("by", ["STOP_LOSS", "FLATTEN", "SIGNAL"])
def test_the_rest_of_a_purchase_ends_when_its_session_sells(world: World, by: str) -> None:
    with world.database.transaction() as connection:
        trader = add_trader(connection, "ada")
        add_signal(connection, trader, "buy", set_price(connection, "100"))
    order = world.exchange.by_client_id[world.executor.execute("AAPL").client_order_id or ""]
    world.exchange.fill(order, Decimal(40), Decimal(100), world.broker.now_at)
    settle(world, world.updates[-1])
    world.exchange.cancel(order, world.broker.now_at)
    settle(world, world.updates[-1])
    seen(world, trader, 0, stop_loss_price=98.0)
    price = "97.9" if by == "STOP_LOSS" else "100"
    world.executor.note_update(
        MarketUpdate(symbol="AAPL", price=Decimal(price), time=OPEN + timedelta(minutes=1, seconds=2))
    )
    with world.database.transaction() as connection:
        if by == "FLATTEN":
            sessions.flatten_session(connection, trader.session_id)
        elif by == "SIGNAL":
            add_signal(connection, trader, "sell", set_price(connection, "100", 1))
    assert sold(world) == [by]
    assert rows(world, "SELECT status::text, reason FROM orders WHERE side = 'buy'") == [
        ("PARTIALLY_FILLED", "POSITION_SOLD")
    ]
    assert broken(world.database) == {}


def test_a_block_that_is_not_filled_in_time_is_canceled_at_the_broker(world: World) -> None:
    with world.database.transaction() as connection:
        add_signal(connection, add_trader(connection, "ada"), "buy", set_price(connection, "100"))
    world.executor.execute("AAPL")
    assert rows(world, "SELECT cancel_after - submitted_at FROM block_orders") == [(BLOCK_LIFETIME,)]
    assert world.executor.execute("AAPL").outcome == "waiting"
    rows(world, "UPDATE block_orders SET cancel_after = now() RETURNING 1")
    assert world.executor.execute("AAPL").outcome == "canceling"
    (block,) = world.exchange.orders.values()
    assert block.status == "canceled"


def test_a_fill_that_comes_after_the_end_of_its_block_is_the_reconcilers_to_follow(world: World) -> None:
    with world.database.transaction() as connection:
        add_signal(connection, add_trader(connection, "ada"), "buy", set_price(connection, "100"), quantity=10)
    world.executor.execute("AAPL")
    (order,) = world.exchange.orders.values()
    ended, late = (
        OrderProgress(Decimal(filled), Decimal(filled) * 100, world.broker.now_at, terminal=BlockStatus.CANCELED)
        for filled in (0, 4)
    )
    with world.database.transaction() as connection:
        assert fills.apply_progress(connection, order.client_order_id, ended) is not None
        assert fills.apply_progress(connection, order.client_order_id, late) is None
        assert connection.execute("SELECT count(*) FROM trades").fetchone() == (0,)
    assert broken(world.database) == {}


def test_what_is_held_after_many_splits_is_sold_to_the_last_digit(world: World) -> None:
    """No digit more than is held is held back for the sale."""
    trader = held(world)
    with world.database.transaction() as connection:
        connection.execute("UPDATE positions SET quantity = 12.14509803999999999999999999996862750")
        add_signal(connection, trader, "sell", set_price(connection, "101", 1))
    assert world.executor.execute("AAPL").outcome == "submitted"
    ((quantity, reserved),) = rows(world, "SELECT quantity, reserved_quantity FROM positions")
    assert 0 <= quantity - reserved < Decimal("0.000000001")


def test_a_position_is_opened_once_and_a_sale_takes_its_part_of_the_cost(world: World) -> None:
    with world.database.transaction() as connection:
        ada = add_trader(connection, "ada")
    opened = []
    for minute, (side, quantity) in enumerate((("buy", 10), ("buy", 10), ("sell", 5), ("sell", 5))):
        world.broker.now_at = OPEN + timedelta(minutes=minute)
        with world.database.transaction() as connection:
            add_signal(connection, ada, side, set_price(connection, "100", minute), quantity=quantity)
        settle(world, fill(world, world.executor.execute("AAPL").client_order_id, "100" if side == "buy" else "110"))
        opened.append(rows(world, "SELECT opened_at FROM positions")[0][0])
    assert rows(world, "SELECT quantity, cost_basis, realized_pnl FROM positions") == [(10, 1000, 100)]
    assert len(set(opened)) == 1


def test_a_block_is_taken_by_one_at_a_time(world: World) -> None:
    with world.database.transaction() as connection:
        add_signal(connection, add_trader(connection, "ada"), "buy", set_price(connection, "100"), quantity=10)
    world.broker.submit_fault = "after"
    with pytest.raises(OutcomeUnknown):
        world.executor.execute("AAPL")
    with world.database.transaction() as connection:
        block = blocks.open_block(connection, "AAPL")
        assert block is not None
        assert [blocks.claim_block(connection, block.block_id, CLAIM) for _ in range(2)] == [True, False]


def test_a_sale_that_is_called_off_holds_no_shares_and_no_cash_back(world: World) -> None:
    with world.database.transaction() as connection:
        trader = add_trader(connection, "ada")
        add_signal(connection, trader, "buy", set_price(connection, "100"), quantity=10)
    settle(world, fill(world, world.executor.execute("AAPL").client_order_id, "100"))
    with world.database.transaction() as connection:
        terms = OrderTerms(Side.SELL, OrderType.LIMIT, limit_price=Decimal(120))
        sale = NewOrder("AAPL", terms, TimeInForce.GTC, SizeKind.QUANTITY, Decimal(10), trader.session_id)
        order_id = order_book.place_order(connection, trader.user_id, sale).order_id
    world.executor.execute("AAPL")
    held_back = "SELECT reserved_quantity, quantity FROM positions"
    assert rows(world, held_back) == [(Decimal(10), Decimal(10))]
    with world.database.transaction() as connection:
        order_book.request_cancel(connection, order_id)
    world.executor.execute("AAPL")
    assert rows(world, held_back) == [(Decimal(0), Decimal(10))]
    assert rows(world, "SELECT reserved_cash FROM users") == [(Decimal(0),)]
    assert broken(world.database) == {}


def test_a_sale_that_is_called_off_at_the_broker_gives_its_shares_back(world: World) -> None:
    with world.database.transaction() as connection:
        trader = add_trader(connection, "ada")
        add_signal(connection, trader, "buy", set_price(connection, "100"), quantity=10)
    settle(world, fill(world, world.executor.execute("AAPL").client_order_id, "100"))
    with world.database.transaction() as connection:
        sale = NewOrder(
            "AAPL", OrderTerms(Side.SELL), TimeInForce.DAY, SizeKind.QUANTITY, Decimal(10), trader.session_id
        )
        order_id = order_book.place_order(connection, trader.user_id, sale).order_id
    sent = world.executor.execute("AAPL").client_order_id
    assert sent is not None
    with world.database.transaction() as connection:
        order_book.request_cancel(connection, order_id)
    world.exchange.cancel(world.exchange.by_client_id[sent], world.broker.now_at)
    settle(world, world.updates[-1])
    assert rows(world, "SELECT reserved_quantity, quantity FROM positions") == [(Decimal(0), Decimal(10))]
    assert rows(world, "SELECT status::text FROM orders WHERE side = 'sell'") == [("CANCELED",)]
    assert broken(world.database) == {}


def test_two_purchases_cost_what_both_cost(world: World) -> None:
    with world.database.transaction() as connection:
        trader = add_trader(connection, "ada")
        add_signal(connection, trader, "buy", set_price(connection, "100"), quantity=10)
    settle(world, fill(world, world.executor.execute("AAPL").client_order_id, "100"))
    with world.database.transaction() as connection:
        add_signal(connection, trader, "buy", set_price(connection, "110", 1), quantity=30)
    settle(world, fill(world, world.executor.execute("AAPL").client_order_id, "110"))
    found = rows(world, "SELECT quantity, cost_basis, round(avg_entry_price, 6) FROM positions")
    assert found == [(Decimal(40), Decimal(4300), Decimal("107.5"))]
