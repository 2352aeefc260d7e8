"""Whoever dies wherever: after the message is delivered again, everything is as if nobody had died."""

from __future__ import annotations

from decimal import Decimal

import pytest
from stratforge.market.sizes import Side, SizeKind
from stratforge.portfolio.orders import OrderTerms, OrderType, TimeInForce
from stratforge.storage.ledger import order_book
from stratforge.storage.ledger.invariants import broken_invariants
from stratforge.storage.ledger.order_book import NewOrder

from tests.support.ledger import Trader, add_signal, add_trader, set_price
from tests.support.tiers import one_of
from tests.support.world import World

# Every boundary that the executor passes on a signal, the settler on a fill, and the reconciler on an order that the stream did not tell
# of: what it writes is there or not, what it sends is sent or not. The n-th of a kind is called kind#n.
EXECUTOR = (
    "before commit#1",  # the asset: not known yet
    "after commit#1",
    "before commit#2",  # the asset: written down
    "after commit#2",
    "before commit#3",  # the price
    "after commit#3",
    "before commit#4",  # the calendar: not known yet
    "after commit#4",
    "before commit#5",  # the calendar: written down
    "after commit#5",
    "before commit#6",  # a purchase: what the account can carry is not known
    "after commit#6",
    "before commit#7",  # when it was asked
    "after commit#7",
    "before commit#8",  # its answer
    "after commit#8",
    "before commit#9",  # orders, reservations and the block
    "after commit#9",
    "before submit#1",
    "after submit#1",
    "before commit#10",  # the broker's answer
    "after commit#10",
)
SETTLER = (
    "before commit#1",  # trades, positions, cash
    "after commit#1",
    "before wake#1",
    "after wake#1",
)
RECONCILER = (
    "before commit#1",  # open blocks
    "after commit#1",
    "before update#1",
    "after update#1",
    "before commit#2",  # what the account is to buy for itself
    "after commit#2",
    "before commit#3",  # where the account's orders are read on, and corrections that could not be followed
    "after commit#3",
    "before commit#4",  # orders that had not ended
    "after commit#4",
    "before commit#5",  # what the ledger knows of those that were read
    "after commit#5",
    "before commit#6",  # where to read on
    "after commit#6",
    "before commit#7",  # of what there are prices
    "after commit#7",
    "before commit#8",  # corporate actions that the ledger has not followed
    "after commit#8",
    "before commit#9",  # parts of whole units
    "after commit#9",
    "before commit#10",  # positions before
    "after commit#10",
    "before commit#11",  # positions after
    "after commit#11",
    "before commit#12",  # when the account was asked
    "after commit#12",
    "before commit#13",  # its answer
    "after commit#13",
    "before commit#14",  # the ledger itself
    "after commit#14",
    "before commit#15",  # that the broker answers
    "after commit#15",
    "before commit#16",  # what waits
    "after commit#16",
    "before commit#17",  # nights of what is borrowed
    "after commit#17",
    "before wake#1",
    "after wake#1",
    "before commit#18",  # whether assets are due
    "after commit#18",
    "before commit#19",  # assets
    "after commit#19",
    "before commit#20",  # the report
    "after commit#20",
)


@pytest.fixture
def world(world: World) -> World:
    """A world with two users who buy, and one who waits with a limit."""
    with world.database.transaction() as connection:
        traders = [add_trader(connection, name, sizing="0.2") for name in ("ada", "bob")]
        time = set_price(connection, "100")
        for trader in traders:
            add_signal(connection, trader, "buy", time)
        limit = NewOrder(
            "AAPL",
            OrderTerms(Side.BUY, OrderType.LIMIT, limit_price=Decimal("99.5")),
            TimeInForce.GTC,
            SizeKind.QUANTITY,
            Decimal(10),
        )
        order_book.place_order(connection, traders[0].user_id, limit)
    world.work = ["AAPL"]
    return world


def fill(world: World) -> None:
    """The exchange fills what is open, a part first."""
    for order in [each for each in world.exchange.orders.values() if each.open]:
        world.exchange.fill(order, order.quantity / 4, Decimal("100.1"), world.broker.now_at)
        world.exchange.fill(order, order.quantity, Decimal("100.2"), world.broker.now_at)


def signal_again(world: World) -> None:
    """Something waits for the symbol, so that who finishes must wake the executor."""
    with world.database.transaction() as connection:
        time = set_price(connection, "100", 1)
        row = connection.execute(
            "SELECT u.id, s.id FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.email = 'ada@example.com'"
        ).fetchone()
        assert row is not None
        add_signal(connection, Trader(*row), "sell", time)


def end_state(world: World) -> tuple[object, ...]:
    """What there is when everything has been delivered: money, positions, orders, blocks."""
    world.quiet()
    with world.database.transaction() as connection:
        assert broken_invariants(connection) == {}
        users = connection.execute(
            "SELECT email, round(virtual_balance, 6), round(reserved_cash, 6) FROM users ORDER BY email"
        ).fetchall()
        orders = connection.execute(
            "SELECT side::text, type::text, status::text, round(quantity, 6), round(filled_quantity, 6) FROM orders ORDER BY 1, 2, 3, 4"
        ).fetchall()
        blocks = connection.execute("SELECT count(*) FROM block_orders").fetchone()
    at_exchange = sorted((order.side, order.filled_quantity) for order in world.exchange.orders.values())
    assert len(world.exchange.orders) == 2
    assert not world.exchange.refusals.get("potential wash trade detected")
    return users, orders, blocks, at_exchange


def run(world: World, victim: str, point: str | None) -> tuple[object, ...]:
    """The story with one death in it."""
    world.fuse.arm(kill_at=point if victim == "executor" else None)
    world.execute("AAPL")
    if victim == "executor" and point is None:
        assert tuple(world.fuse.passed) == EXECUTOR
    while world.work:
        world.execute("AAPL")
    signal_again(world)
    fill(world)
    if victim == "settler":
        assert world.settle(0)
        assert world.settle(0)
        world.fuse.arm(kill_at=point)
        world.settle(0)
        if point is None:
            assert tuple(world.fuse.passed) == SETTLER
    elif victim == "reconciler":
        # Nobody was told of the fills.
        world.updates.clear()
        world.fuse.arm(kill_at=point)
        world.attempt(world.reconciler.run)
        if point is None:
            assert tuple(world.fuse.passed) == RECONCILER
    return end_state(world)


# Both buy 200 at 100.10 and 100.20, 100.175 on average. Ada sells hers at 99.99, which loses 37, and still waits with a limit for
# which 995 are held back.
ENDS_WITH = (
    [
        ("ada@example.com", Decimal(100_000 - 37 - 995), Decimal(995)),
        ("bob@example.com", Decimal(100_000 - 20_035), Decimal(0)),
    ],
    [
        ("buy", "limit", "RESTING", Decimal(10), Decimal(0)),
        ("buy", "market", "FILLED", Decimal(200), Decimal(200)),
        ("buy", "market", "FILLED", Decimal(200), Decimal(200)),
        ("sell", "market", "FILLED", Decimal(200), Decimal(200)),
    ],
    (2,),
    [("buy", Decimal(400)), ("sell", Decimal(200))],
)


@pytest.mark.parametrize("victim", ["executor", "settler", "reconciler"])
def test_the_listed_crash_points_are_all_there_are(world: World, victim: str) -> None:
    assert run(world, victim, None) == ENDS_WITH


POINTS = [
    *(("executor", point) for point in EXECUTOR),
    *(("settler", point) for point in SETTLER),
    *(("reconciler", point) for point in RECONCILER),
]


@pytest.mark.parametrize(("victim", "point"), one_of(3, POINTS, "-".join))
def test_a_death_anywhere_doubles_loses_and_leaks_nothing(world: World, victim: str, point: str) -> None:
    assert run(world, victim, point) == ENDS_WITH
