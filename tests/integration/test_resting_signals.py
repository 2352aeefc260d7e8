"""Orders of signals rest in our book: until their price, for their bars, and beside the exits of their position."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from stratforge.application.access import Caller
from stratforge.application.sessions import SessionChange, change_session, toggle_strategy
from stratforge.application.settle_fill import settle_fill
from stratforge.bus.messages import MarketUpdate
from stratforge.storage.ledger.symbols import has_work
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import evaluations, replays, sessions
from stratforge.storage.strategies.evaluations import Outcome
from stratforge.storage.strategies.sessions import SessionStatus
from stratforge.strategy import SignalValue
from stratforge.strategy.order_terms import TERM_KEYS, Terms

from tests.support.ledger import OPEN, Trader, add_signal_with_terms, add_trader, broken, set_price
from tests.support.order_management import Wakes, meanwhile
from tests.support.world import World

ORDERS = """
    SELECT side::text, type::text, status::text, reason, quantity, limit_price, stop_price, reserved_cash, reserved_quantity FROM orders ORDER BY created_at
"""


def rows(world: World, query: str = ORDERS) -> list[Any]:
    """Rows of a query."""
    with world.database.transaction() as connection:
        return connection.execute(query).fetchall()


def statuses(world: World) -> list[tuple[str, str, str | None]]:
    """Side, status and reason of each order."""
    return [(side, status, reason) for side, _, status, reason, *_ in rows(world)]


def bar(world: World, minute: int, price: str, low: str = "", high: str = "") -> None:
    """A bar ends, and every session has seen it."""
    world.broker.prices["AAPL"] = Decimal(price)
    with world.database.transaction() as connection:
        time = set_price(connection, price, minute, low=low, high=high)
        connection.execute("UPDATE sessions SET bars_evaluated = bars_evaluated + 1, last_bar_time = %s", (time,))
    world.broker.now_at = OPEN + timedelta(minutes=minute + 1, seconds=2)


def say(world: World, trader: Trader, minute: int, side: str, terms: Terms, **size: float) -> None:
    """A strategy decides on a bar, by what it sees of its position."""
    with world.database.transaction() as connection:
        time = OPEN + timedelta(minutes=minute)
        connection.execute(
            """
            INSERT INTO position_views (session_id, user_id, bar_time, quantity, average_entry_price)
            SELECT s.id, s.user_id, %s, coalesce(p.quantity, 0), coalesce(p.avg_entry_price, 0)
            FROM sessions s LEFT JOIN positions p ON p.session_id = s.id WHERE s.id = %s
            """,
            (time, trader.session_id),
        )
        add_signal_with_terms(connection, trader, side, time, "AAPL", terms, size)


def too_late(world: World) -> None:
    """The bar that was decided on last came too late for anything to be ordered on it."""
    rows(world, "UPDATE signals SET status = 'EXPIRED', reason = 'LATE_BAR' WHERE status = 'PENDING' RETURNING 1")


def decide(world: World, trader: Trader, minute: int, side: str, terms: Terms, **size: float) -> None:
    """A strategy decides on a bar, and the executor hears of it."""
    say(world, trader, minute, side, terms, **size)
    world.executor.execute("AAPL")


def tick(world: World, minute: int, price: str) -> None:
    """A trade within a bar."""
    news = MarketUpdate(symbol="AAPL", price=Decimal(price), time=OPEN + timedelta(minutes=minute, seconds=20))
    world.broker.prices["AAPL"] = Decimal(price)
    world.executor.note_update(news)
    world.executor.execute("AAPL")


def signals(world: World) -> list[tuple[str, str | None]]:
    """What became of each signal, and why."""
    return rows(world, "SELECT status::text, reason FROM signals ORDER BY id")


def part_filled(world: World, quantity: int) -> None:
    """The exchange fills a part of what is open, and cancels the rest."""
    (order,) = [each for each in world.exchange.orders.values() if each.open]
    world.exchange.fill(order, Decimal(quantity), world.broker.prices["AAPL"], world.broker.now_at)
    settle_fill(world.database, world.wake, world.updates[-1])
    world.exchange.cancel(order, world.broker.now_at)
    settle_fill(world.database, world.wake, world.updates[-1])


def fill(world: World, price: str) -> None:
    """The exchange fills all that is open."""
    for order in [each for each in world.exchange.orders.values() if each.open]:
        world.exchange.fill(order, order.quantity, Decimal(price), world.broker.now_at)
        settle_fill(world.database, world.wake, world.updates[-1])


@pytest.fixture
def trader(world: World) -> Trader:
    """Somebody whose session has seen a bar."""
    with world.database.transaction() as connection:
        found = add_trader(connection, "ada")
    bar(world, 0, "100")
    return found


@pytest.fixture
def holder(world: World, trader: Trader) -> Trader:
    """Somebody whose session has bought 10 at 100."""
    decide(world, trader, 0, "buy", Terms(), quantity=10.0)
    fill(world, "100")
    bar(world, 1, "100")
    return trader


def test_a_limit_rests_until_its_price_comes(world: World, trader: Trader) -> None:
    decide(world, trader, 0, "buy", Terms(limit=99.0), quantity=10.0)
    assert rows(world) == [("buy", "limit", "RESTING", None, 10, 99, None, 990, 0)]
    assert rows(world, "SELECT virtual_balance, reserved_cash FROM users") == [(99_010, 990)]
    for minute in range(1, 30):
        bar(world, minute, "100", low="99.01")
    tick(world, 30, "98.9")
    (order,) = world.exchange.orders.values()
    assert (order.limit_price, order.quantity) == (Decimal(99), Decimal(10))
    fill(world, "98.95")
    assert statuses(world) == [("buy", "FILLED", None)]
    assert rows(world, "SELECT virtual_balance, reserved_cash FROM users") == [(Decimal("99010.5"), 0)]
    assert broken(world.database) == {}


@pytest.mark.parametrize(
    ("side", "terms", "prices"),
    [
        ("buy", Terms(limit=98.996), (Decimal("98.99"), None)),
        ("sell", Terms(limit=101.001), (Decimal("101.01"), None)),
        ("buy", Terms(stop=101.001), (None, Decimal("101.01"))),
        ("sell", Terms(stop=98.999), (None, Decimal("98.99"))),
        ("buy", Terms(limit=0.99 * 100, stop=101.0), (Decimal(99), Decimal(101))),
    ],
)
def test_a_price_off_the_tick_is_never_made_worse(
    world: World, holder: Trader, side: str, terms: Terms, prices: tuple[Decimal | None, Decimal | None]
) -> None:
    decide(world, holder, 1, side, terms, quantity=5.0)
    assert rows(world)[-1][5:7] == prices
    assert statuses(world)[-1] == (side, "RESTING", None)


def test_a_stop_buys_when_a_bar_since_the_decision_has_reached_it(world: World, trader: Trader) -> None:
    decide(world, trader, 0, "buy", Terms(stop=101.0), quantity=10.0)
    bar(world, 1, "100", high="101")
    world.executor.execute("AAPL")
    fill(world, "100.2")
    assert statuses(world) == [("buy", "FILLED", None)]


def test_what_expires_ends_with_the_last_of_its_bars(world: World, trader: Trader) -> None:
    decide(world, trader, 0, "buy", Terms(limit=99.0, expire_bars=2), quantity=10.0)
    bar(world, 1, "100")
    world.executor.execute("AAPL")
    assert statuses(world) == [("buy", "RESTING", None)]
    bar(world, 2, "100")
    with world.database.transaction() as connection:
        assert has_work(connection, "AAPL")
    world.executor.execute("AAPL")
    assert statuses(world) == [("buy", "EXPIRED", "EXPIRED")]
    assert rows(world, "SELECT virtual_balance, reserved_cash FROM users") == [(100_000, 0)]


def test_a_later_decision_takes_the_place_and_the_money_of_what_rests(world: World, trader: Trader) -> None:
    decide(world, trader, 0, "buy", Terms(limit=99.0), fraction=1.0)
    bar(world, 1, "100")
    decide(world, trader, 1, "buy", Terms(limit=99.5), fraction=1.0)
    assert statuses(world) == [("buy", "CANCELED", "REPLACED"), ("buy", "RESTING", None)]
    assert rows(world, "SELECT round(reserved_cash) FROM users") == [(100_000,)]
    bar(world, 2, "100")
    decide(world, trader, 2, "sell", Terms())
    assert statuses(world)[:2] == [("buy", "CANCELED", "REPLACED"), ("buy", "CANCELED", "POSITION_SOLD")]
    assert rows(world, "SELECT virtual_balance, reserved_cash FROM users") == [(100_000, 0)]
    assert broken(world.database) == {}


def test_a_sale_that_rests_makes_way_for_a_sale_at_the_market(world: World, holder: Trader) -> None:
    decide(world, holder, 1, "sell", Terms(limit=105.0))
    assert rows(world)[-1][-1] == 10
    bar(world, 2, "100")
    decide(world, holder, 2, "sell", Terms())
    fill(world, "100")
    assert statuses(world)[1:] == [("sell", "CANCELED", "REPLACED"), ("sell", "FILLED", None)]
    assert rows(world, "SELECT quantity, reserved_quantity FROM positions") == [(0, 0)]


def test_the_stop_of_a_position_sells_what_a_resting_sale_holds_back(world: World, holder: Trader) -> None:
    rows(world, "UPDATE sessions SET stop_loss = 0.05 RETURNING 1")
    decide(world, holder, 1, "sell", Terms(limit=105.0), fraction=0.5)
    tick(world, 2, "94.9")
    assert [(each.side, each.quantity) for each in world.exchange.orders.values() if each.open] == [
        ("sell", Decimal(10))
    ]
    fill(world, "94.9")
    assert statuses(world)[1:] == [("sell", "CANCELED", "POSITION_SOLD"), ("sell", "FILLED", None)]
    assert broken(world.database) == {}


@pytest.mark.parametrize("offered", [1.0, 0.5])
def test_the_stop_fires_when_all_or_a_part_is_offered(world: World, holder: Trader, offered: float) -> None:
    rows(world, "UPDATE sessions SET stop_loss = 0.05 RETURNING 1")
    decide(world, holder, 1, "sell", Terms(limit=105.0), fraction=offered)
    with world.database.transaction() as connection:
        set_price(connection, "94", 2, low="94", high="100")
        assert has_work(connection, "AAPL")
    world.executor.execute("AAPL")
    fill(world, "94")
    assert rows(world, "SELECT quantity, reserved_quantity FROM positions") == [(0, 0)]


@pytest.mark.parametrize("how", ["paused", "stopped", "failed"])
def test_what_rests_ends_with_its_session(world: World, trader: Trader, how: str) -> None:
    decide(world, trader, 0, "buy", Terms(limit=99.0), quantity=10.0)
    with world.database.transaction() as connection:
        if how == "failed":
            connection.execute("UPDATE sessions SET status = 'FAILED', ended_at = now()")
        elif how == "stopped":
            sessions.stop_session(connection, trader.session_id, flatten=False)
        else:
            found = sessions.get_session(connection, trader.session_id)
            assert found is not None
            sessions.change_session(connection, trader.session_id, found.settings, paused=True)
    tick(world, 1, "98")
    assert world.exchange.orders == {}
    assert [status for _, status, _ in statuses(world)] == ["CANCELED"]


def test_a_limit_given_on_the_last_bar_of_the_day_rests_over_night(world: World, trader: Trader) -> None:
    bar(world, 389, "100")
    world.broker.now_at = OPEN + timedelta(minutes=390, seconds=2)
    decide(world, trader, 389, "buy", Terms(limit=99.0), quantity=10.0)
    assert [(status, reason) for _, status, reason in statuses(world)] == [("RESTING", None)]


def test_what_a_strategy_said_is_recorded_as_it_was_said(world: World, trader: Trader) -> None:
    with world.database.transaction() as connection:
        session = evaluations.session_as_evaluated(connection, trader.session_id)
        assert session is not None
        state = {TERM_KEYS["limit"]: 0.1 + 0.2, TERM_KEYS["expire_bars"]: 7.0}
        outcome = Outcome(session, state, "buy", 1.0, "quantity", 2.0)  # type: ignore[arg-type]
        evaluations.record_outcomes(connection, "AAPL", OPEN + timedelta(minutes=1), [outcome])
        said = replays.recorded_signals(connection, trader.session_id)
    assert list(said.values()) == [SignalValue("buy", 1.0, "quantity", 2.0, Terms(0.1 + 0.2, None, 7))]  # type: ignore[arg-type]
    assert rows(world, "SELECT bar_number FROM signals") == rows(world, "SELECT bars_evaluated FROM sessions")


@pytest.mark.parametrize(
    ("terms", "low", "high"), [(Terms(limit=99.0), "98.9", "100"), (Terms(stop=101.0), "99", "101.2")]
)
def test_what_a_bar_did_before_the_purchase_sells_nothing(
    world: World, trader: Trader, terms: Terms, low: str, high: str
) -> None:
    rows(world, "UPDATE sessions SET stop_loss = 0.01, take_profit = 0.01 RETURNING 1")
    decide(world, trader, 0, "buy", terms, quantity=10.0)
    price = str(terms.limit or terms.stop)
    world.broker.now_at = OPEN + timedelta(minutes=1, seconds=20)
    tick(world, 1, price)
    fill(world, price)
    bar(world, 1, price, low=low, high=high)
    world.executor.execute("AAPL")
    assert statuses(world) == [("buy", "FILLED", None)]
    # A price since then does, and so does a later bar.
    bar(world, 2, price, low="90", high=price)
    world.executor.execute("AAPL")
    assert statuses(world)[1:] == [("sell", "WORKING", None)]


@pytest.mark.parametrize(
    ("rests", "low", "close", "high", "anew"),
    [
        (Terms(stop=105.0), "100", "101", "112", Terms(stop=110.0)),
        (Terms(limit=99.0), "98", "98.5", "100", Terms(limit=97.5)),
        (Terms(limit=105.5, stop=105.0), "100", "105.2", "112", Terms(stop=110.0)),
    ],
    ids=["stop", "limit", "stop and limit"],
)
def test_what_a_bar_reached_is_bought_before_the_decision_on_that_bar(
    world: World, trader: Trader, rests: Terms, low: str, close: str, high: str, anew: Terms
) -> None:
    """`if position.quantity == 0: return buy(quantity=10, stop=...)`: the backtest buys at the stop of the bar before."""
    decide(world, trader, 0, "buy", rests, quantity=10.0)
    bar(world, 1, close, low=low, high=high)
    decide(world, trader, 1, "buy", anew, quantity=10.0)
    fill(world, close)
    world.executor.execute("AAPL")
    assert statuses(world) == [("buy", "FILLED", None)]
    assert signals(world)[1:] == [("REJECTED", "POSITION_GREW")]


def test_a_protective_stop_that_a_bar_reached_sells_before_it_is_moved(world: World, holder: Trader) -> None:
    """`if position.quantity > 0: return sell(stop=bar.close * 0.98)`."""
    decide(world, holder, 1, "sell", Terms(stop=98.0))
    bar(world, 2, "99", low="95")
    decide(world, holder, 2, "sell", Terms(stop=97.02))
    fill(world, "99")
    world.executor.execute("AAPL")
    assert statuses(world)[1:] == [("sell", "FILLED", None), ("sell", "REJECTED", "NO_POSITION")]
    assert rows(world, "SELECT quantity, reserved_quantity FROM positions") == [(0, 0)]


def test_what_is_reached_after_the_decision_that_replaces_it_does_not_trade(world: World, trader: Trader) -> None:
    """The executor is a bar late: the strategy had called its stop off before that bar."""
    decide(world, trader, 0, "buy", Terms(stop=105.0), quantity=10.0)
    bar(world, 1, "100")
    say(world, trader, 1, "buy", Terms(limit=90.0), quantity=10.0)
    bar(world, 2, "104", high="106")
    world.executor.execute("AAPL")
    assert statuses(world) == [("buy", "CANCELED", "REPLACED"), ("buy", "RESTING", None)]


def test_what_the_market_had_nothing_for_makes_way(world: World, trader: Trader) -> None:
    """A limit that was met has its turn once; what is left of it is replaced."""
    decide(world, trader, 0, "buy", Terms(limit=99.0), quantity=10.0)
    bar(world, 1, "98.5")
    decide(world, trader, 1, "buy", Terms(limit=97.5), quantity=10.0)
    (order,) = world.exchange.orders.values()
    world.exchange.cancel(order, world.broker.now_at)
    settle_fill(world.database, world.wake, world.updates[-1])
    world.executor.execute("AAPL")
    assert statuses(world) == [("buy", "CANCELED", "REPLACED"), ("buy", "RESTING", None)]
    assert broken(world.database) == {}


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_a_decision_that_comes_too_late_still_ends_the_purchase_it_replaces(
    world: World, trader: Trader, side: str
) -> None:
    decide(world, trader, 0, "buy", Terms(limit=95.0), quantity=10.0)
    bar(world, 1, "100")
    say(world, trader, 1, side, Terms(limit=90.0) if side == "buy" else Terms())
    too_late(world)
    with world.database.transaction() as connection:
        assert has_work(connection, "AAPL")
    world.executor.execute("AAPL")
    assert statuses(world) == [("buy", "CANCELED", "REPLACED" if side == "buy" else "POSITION_SOLD")]
    assert rows(world, "SELECT reserved_cash FROM users") == [(0,)]


def test_a_decision_that_was_away_too_long_still_ends_what_it_replaces(world: World, trader: Trader) -> None:
    decide(world, trader, 0, "buy", Terms(limit=95.0), quantity=10.0)
    bar(world, 1, "100")
    say(world, trader, 1, "buy", Terms(limit=90.0), quantity=10.0)
    for minute in (2, 3, 4):
        bar(world, minute, "100")
    world.executor.execute("AAPL")
    assert statuses(world) == [("buy", "CANCELED", "REPLACED")]
    assert signals(world)[-1] == ("EXPIRED", "EXPIRED")


@pytest.mark.parametrize("how", ["late", "refused"])
def test_a_protective_sale_stays_until_another_takes_its_place(world: World, holder: Trader, how: str) -> None:
    decide(world, holder, 1, "sell", Terms(stop=95.0))
    bar(world, 2, "100")
    say(world, holder, 2, "sell", Terms(stop=96.0))
    if how == "late":
        too_late(world)
    else:
        rows(world, "UPDATE users SET trading_state = 'HALTED' RETURNING 1")
    world.executor.execute("AAPL")
    assert statuses(world)[1] == ("sell", "RESTING", None)
    rows(world, "UPDATE users SET trading_state = 'ACTIVE' RETURNING 1")
    bar(world, 3, "100")
    decide(world, holder, 3, "sell", Terms(stop=97.0))
    assert statuses(world)[1] == ("sell", "CANCELED", "REPLACED")
    assert statuses(world)[-1] == ("sell", "RESTING", None)
    assert broken(world.database) == {}


def test_a_sale_that_waits_is_not_dropped_for_a_purchase(world: World, holder: Trader) -> None:
    say(world, holder, 1, "sell", Terms())
    bar(world, 2, "100")
    decide(world, holder, 2, "buy", Terms(limit=90.0), quantity=1.0)
    fill(world, "100")
    world.executor.execute("AAPL")
    assert statuses(world)[1:] == [("sell", "FILLED", None)]
    assert signals(world)[1:] == [("EXECUTED", None), ("REJECTED", "POSITION_SOLD")]


@pytest.mark.parametrize("then", ["buy", "sell"])
def test_the_rest_of_an_order_at_the_market_makes_way_for_the_next_decision(
    world: World, trader: Trader, then: str
) -> None:
    decide(world, trader, 0, "buy", Terms(), quantity=10.0)
    part_filled(world, 4)
    bar(world, 1, "100")
    decide(world, trader, 1, then, Terms(limit=99.0) if then == "buy" else Terms(), quantity=4.0)
    left, new = rows(world, "SELECT status::text, reason, filled_quantity FROM orders ORDER BY created_at, id")
    assert left == ("PARTIALLY_FILLED", "REPLACED" if then == "buy" else "POSITION_SOLD", 4)
    assert new[:2] == (("RESTING", None) if then == "buy" else ("WORKING", None))
    assert broken(world.database) == {}


def test_who_adds_while_the_rest_of_an_earlier_purchase_is_filled_does_not_buy_twice(
    world: World, trader: Trader
) -> None:
    """On a thin market: 6 of 10 came after the strategy had seen 4. A backtest, in which all is filled at once, makes both."""
    decide(world, trader, 0, "buy", Terms(), quantity=10.0)
    (order,) = world.exchange.orders.values()
    world.exchange.fill(order, Decimal(4), Decimal(100), world.broker.now_at)
    settle_fill(world.database, world.wake, world.updates[-1])
    bar(world, 1, "100")
    say(world, trader, 1, "buy", Terms(), quantity=10.0)
    fill(world, "100")
    world.executor.execute("AAPL")
    assert rows(world, "SELECT quantity FROM positions") == [(10,)]
    assert signals(world)[-1] == ("REJECTED", "POSITION_GREW")


@pytest.mark.parametrize(
    ("side", "terms", "price"),
    [
        ("buy", Terms(limit=99.0, expire_bars=1), "98.5"),
        ("buy", Terms(stop=101.0, expire_bars=1), "100"),
        ("sell", Terms(limit=99.0, stop=99.5, expire_bars=1), "99.2"),
        ("sell", Terms(limit=103.0, stop=99.5, expire_bars=1, oco=True), "99.2"),
        ("sell", Terms(limit=101.5, stop=99.5, expire_bars=1, oco=True), "101.5"),
    ],
)
def test_what_its_last_bar_has_reached_has_not_expired(
    world: World, holder: Trader, side: str, terms: Terms, price: str
) -> None:
    decide(world, holder, 1, side, terms, quantity=10.0)
    bar(world, 2, price, high="101")
    for _ in range(2):
        world.executor.execute("AAPL")
    assert statuses(world)[1:] == [(side, "WORKING", None)]


@pytest.mark.parametrize(
    ("low", "price", "kind"),
    [("100", "102", "limit"), ("98.5", "100", "market"), ("98.5", "102", "limit"), ("99.1", "101.9", None)],
)
def test_of_a_limit_and_a_stop_one_cancels_the_other(
    world: World, holder: Trader, low: str, price: str, kind: str | None
) -> None:
    """A stop looks at the range of the bar, a limit at the price; who is at his limit trades at it."""
    decide(world, holder, 1, "sell", Terms(limit=102.0, stop=99.0, oco=True), quantity=10.0)
    assert statuses(world)[1:] == [("sell", "RESTING", None)]
    bar(world, 2, price, low=low)
    world.executor.execute("AAPL")
    assert statuses(world)[1:] == [("sell", "WORKING" if kind else "RESTING", None)]
    ((triggered,),) = rows(world, "SELECT triggered_at IS NOT NULL FROM orders WHERE type = 'oco'")
    assert triggered == (kind == "market")
    if kind is not None:
        (order,) = [each for each in world.exchange.orders.values() if each.side == "sell"]
        fill(world, price)
        assert rows(world, "SELECT quantity, reserved_quantity FROM positions") == [(0, 0)], order
    assert broken(world.database) == {}


def test_what_is_decided_on_after_its_bars_are_over_is_not_ordered(world: World, trader: Trader) -> None:
    say(world, trader, 0, "buy", Terms(limit=99.0, expire_bars=1), quantity=10.0)
    bar(world, 1, "100")
    tick(world, 2, "98.5")
    assert statuses(world) == []
    assert signals(world) == [("EXPIRED", "EXPIRED")]


def test_a_stop_that_the_market_jumps_over_buys_with_the_cash_there_is(world: World, trader: Trader) -> None:
    decide(world, trader, 0, "buy", Terms(stop=105.0), fraction=1.0)
    bar(world, 1, "115", low="112")
    world.executor.execute("AAPL")
    fill(world, "115")
    ((quantity, filled),) = rows(world, "SELECT quantity, filled_quantity FROM orders")
    assert quantity == filled
    # What a unit may cost at most is 2% above the market.
    assert round(filled * 115 * Decimal("1.02")) == 100_000
    assert statuses(world) == [("buy", "FILLED", None)]
    assert broken(world.database) == {}


@pytest.mark.parametrize("size", [{"notional": 500_000.0}, {"quantity": 5_000.0}])
def test_a_purchase_of_more_than_the_cash_is_cut_to_it(world: World, trader: Trader, size: dict[str, float]) -> None:
    decide(world, trader, 0, "buy", Terms(limit=95.0), **size)
    assert [(status, round(quantity, 2)) for _, _, status, _, quantity, *_ in rows(world)] == [
        ("RESTING", Decimal("1052.63"))
    ]


def test_who_has_no_cash_is_told_so(world: World, trader: Trader) -> None:
    rows(world, "UPDATE users SET virtual_balance = 0.5, initial_balance = 0.5 RETURNING 1")
    decide(world, trader, 0, "buy", Terms(limit=95.0), quantity=10.0)
    assert statuses(world) == [("buy", "REJECTED", "INSUFFICIENT_CASH")]


@pytest.mark.parametrize("by", ["the session", "the strategy"])
def test_a_session_that_is_paused_while_the_executor_works_has_nothing_resting(
    world: World, migrated: str, trader: Trader, by: str
) -> None:
    """The pause is written and not committed yet when the executor comes."""
    say(world, trader, 0, "buy", Terms(limit=95.0), quantity=10.0)
    caller = Caller(trader.user_id)
    ((strategy_id,),) = rows(world, "SELECT id FROM strategies")

    def pause(database: Database) -> None:
        if by == "the session":
            change_session(database, caller, trader.session_id, SessionChange(status=SessionStatus.PAUSED))
        else:
            toggle_strategy(database, Wakes(), caller, strategy_id)  # type: ignore[arg-type]

    meanwhile(migrated, world.database, pause, lambda: world.executor.execute("AAPL"))
    assert rows(world, "SELECT status::text FROM sessions") == [("PAUSED",)]
    assert statuses(world) == []
    assert signals(world) == [("REJECTED", "SESSION_PAUSED")]
