"""Splits, changes of symbol and the rest: the ledger follows in one transaction, on the exchange's day, and nothing stays behind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from stratforge.application.audit_ledger import audit_ledger
from stratforge.application.watch_market import PRICE_JUMP, note_bar
from stratforge.market import Bar
from stratforge.market.corporate_actions import ActionKind, CorporateAction
from stratforge.market.sizes import Side, SizeKind
from stratforge.portfolio.orders import OrderTerms, OrderType, TimeInForce
from stratforge.storage.ledger import announced_actions, halts, order_book, symbols
from stratforge.storage.ledger.invariants import broken_invariants
from stratforge.storage.ledger.order_book import NewOrder
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Connection
from stratforge.storage.strategies import sessions

from tests.support.ledger import OPEN, Trader, add_signal, add_trader, set_price
from tests.support.world import World

TODAY = date(2026, 1, 5)
TOMORROW = date(2026, 1, 6)
DAY = 24 * 60


@pytest.fixture
def world(migrated: str) -> Iterator[World]:
    """A world whose user holds 100 shares that cost 100 each, in a session with a stop of 2 %."""
    found = World(migrated)
    with found.database.transaction() as connection:
        trader = add_trader(connection, "ada")
        settings = sessions.SessionSettings(stop_loss=Decimal("0.02"))
        sessions.change_session(connection, trader.session_id, settings, paused=False)
        add_signal(connection, trader, "buy", set_price(connection, "100"), quantity=100)
    found.broker.prices["AAPL"] = Decimal(100)
    found.work = ["AAPL"]
    found.quiet()
    found.trader = trader  # type: ignore[attr-defined]
    yield found
    statement = audit_ledger(found.database, found.broker, quiet=-timedelta(days=7300))
    found.close()
    # Whatever became of the symbol, an auditor comes to the same.
    assert statement.differences == ()


def trader_of(world: World) -> Trader:
    """The user."""
    found: Trader = world.trader  # type: ignore[attr-defined]
    return found


def announce(world: World, kind: ActionKind, on_day: date, symbol: str = "AAPL", **terms: Any) -> CorporateAction:
    """The broker announces a corporate action."""
    action = CorporateAction(f"{kind}-{len(world.broker.actions)}", symbol, kind, on_day, **terms)
    world.broker.actions.append(action)
    return action


def price(world: World, value: str, minute: int, symbol: str = "AAPL", low: str = "") -> None:
    """A bar comes, and whatever it wakes is done."""
    world.broker.prices[symbol] = Decimal(value)
    world.broker.now_at = OPEN + timedelta(minutes=minute + 1)
    with world.database.transaction() as connection:
        set_price(connection, value, minute, symbol, low)
    world.work.append(symbol)


def one(world: World, query: str, *parameters: Any) -> Any:
    """The first row of a query."""
    with world.database.transaction() as connection:
        assert broken_invariants(connection) == {}
        return connection.execute(query, parameters).fetchone()


def place(world: World, side: str, kind: str, limit: str | None, stop: str | None, quantity: int, **more: Any) -> UUID:
    """A person's order that rests."""
    terms = OrderTerms(
        side,  # type: ignore[arg-type]
        kind,  # type: ignore[arg-type]
        limit_price=Decimal(limit) if limit else None,
        stop_price=Decimal(stop) if stop else None,
        **more,
    )
    session = trader_of(world).session_id if side == "sell" else None
    with world.database.transaction() as connection:
        new = NewOrder("AAPL", terms, TimeInForce.GTC, SizeKind.QUANTITY, Decimal(quantity), session)
        placed = order_book.place_order(connection, trader_of(world).user_id, new)
    world.executor.execute("AAPL")
    return placed.order_id


def test_nothing_is_halted_before_the_exchanges_day_and_stops_work_until_then(world: World) -> None:
    announce(world, ActionKind.SPLIT, TOMORROW, ratio=Decimal(2))
    report = world.reconciler.run()
    assert (len(report.announced), report.halted, report.splits) == (1, [], [])
    # Late in the evening of New York it is tomorrow in UTC.
    world.broker.now_at = OPEN + timedelta(hours=13)
    assert world.reconciler.run().splits == []
    price(world, "97", 2, low="97")
    world.quiet()
    assert one(world, "SELECT quantity FROM positions") == (0,)


def test_orders_stops_and_prices_follow_a_split_in_the_transaction_in_which_positions_do(world: World) -> None:
    limit = place(world, "buy", "limit", "80", None, 10)
    target = place(world, "sell", "limit", "120.01", None, 25)
    stop = place(world, "sell", "stop", None, "60", 25)
    trail = place(world, "sell", "trailing_stop", None, None, 25, trail_price=Decimal(30))
    announce(world, ActionKind.SPLIT, TOMORROW, ratio=Decimal(2))
    world.reconciler.run()
    world.broker.now_at = OPEN + timedelta(hours=15)
    world.exchange.positions["AAPL"] *= 2
    report = world.reconciler.run()
    assert (report.splits, report.clean) == (["AAPL 2:1"], True)
    rows = {
        order: one(world, "SELECT quantity, limit_price, stop_price, trail_price, trigger_below, trigger_above, reserved_cash, reserved_quantity FROM orders WHERE id = %s", order)
        for order in (limit, target, stop, trail)
    }  # fmt: skip
    assert rows[limit] == (20, 40, None, None, 40, None, 800, 0)
    assert rows[target] == (50, Decimal("60.01"), None, None, None, Decimal("60.01"), 0, 50)
    assert rows[stop] == (50, None, 30, None, 30, None, 0, 50)
    assert rows[trail] == (50, None, None, 15, 35, None, 0, 50)
    assert one(world, "SELECT quantity, reserved_quantity, avg_entry_price FROM positions") == (
        200,
        150,
        Decimal("50.005"),
    )
    price(world, "50", DAY)
    world.quiet()
    assert one(world, "SELECT count(*) FROM orders WHERE status <> 'RESTING' AND origin = 'MANUAL'") == (0,), (
        "a limit of 80 is none of 50"
    )
    price(world, "39.90", DAY + 1, low="39.90")
    world.quiet()
    assert one(world, "SELECT status::text, filled_quantity FROM orders WHERE id = %s", limit) == ("FILLED", 20)


def test_a_partly_filled_order_keeps_its_history_and_halves_its_rest(world: World) -> None:
    order = place(world, "buy", "limit", "99", None, 10)
    price(world, "99", 2)
    world.execute("AAPL")
    (working,) = [each for each in world.exchange.orders.values() if each.open]
    world.exchange.fill(working, Decimal(4), Decimal(99), world.broker.now_at)
    world.exchange.cancel(working, world.broker.now_at)
    while world.updates and world.settle(0):
        pass
    announce(world, ActionKind.SPLIT, TOMORROW, ratio=Decimal("0.5"))
    world.broker.now_at = OPEN + timedelta(days=1)
    world.exchange.positions["AAPL"] /= 2
    assert world.reconciler.run().clean
    after = one(
        world,
        "SELECT status::text, quantity, filled_quantity, limit_price, reserved_cash FROM orders WHERE id = %s",
        order,
    )
    assert after == ("RESTING", 7, 4, 198, 594)


def test_a_split_that_is_published_late_gives_back_what_was_sold_too_cheaply(world: World) -> None:
    # The exchange opens at half the price, nobody said why, and the stop sells 100 new shares of the 200 that are held in truth.
    world.exchange.positions["AAPL"] *= 2
    price(world, "50", DAY, low="50")
    world.quiet()
    assert one(world, "SELECT quantity FROM positions") == (0,)
    assert world.exchange.positions["AAPL"] == 100, "ownerless"
    announce(world, ActionKind.SPLIT, TOMORROW, ratio=Decimal(2))
    report = world.reconciler.run()
    assert report.splits == ["AAPL 2:1"]
    quantity, cost, realized = one(world, "SELECT quantity, cost_basis, realized_pnl FROM positions")
    assert (quantity, cost) == (100, Decimal("5000.5"))
    assert abs(realized) < 20, "half of the shares were sold for half of what all had cost"
    assert world.reconciler.run().clean


@pytest.mark.parametrize(("opens", "ratio", "explained"), [("50", "2", True), ("71", "2", False), ("50", "3", False)])
def test_a_late_split_lifts_the_halt_of_the_jump_that_it_explains(
    world: World, opens: str, ratio: str, explained: bool
) -> None:
    before, after = (Bar("AAPL", OPEN + timedelta(minutes=at), *[Decimal(value)] * 5) for at, value in ((1, "100"), (DAY, opens)))  # fmt: skip
    with world.database.transaction() as connection:
        market_data.ensure_months(connection, [before.time])
        for bar in (before, after):
            market_data.add_bars(connection, [bar])
            note_bar(connection, bar)
        assert [each.reason for each in halts.halted_symbols(connection)] == [PRICE_JUMP]
    world.broker.now_at = after.time + timedelta(minutes=1)
    announce(world, ActionKind.SPLIT, TOMORROW, ratio=Decimal(ratio))
    world.exchange.positions["AAPL"] *= Decimal(ratio)
    assert world.reconciler.run().resumed == (["AAPL"] if explained else [])
    with world.database.transaction() as connection:
        assert [each.reason for each in halts.halted_symbols(connection)] == ([] if explained else [PRICE_JUMP])


def test_what_was_bought_after_a_late_split_is_not_multiplied(world: World) -> None:
    world.exchange.positions["AAPL"] *= 2
    with world.database.transaction() as connection:
        sessions.change_session(connection, trader_of(world).session_id, sessions.SessionSettings(), paused=False)
        bob = add_trader(connection, "bob")
    price(world, "50", DAY)
    with world.database.transaction() as connection:
        add_signal(connection, bob, "buy", OPEN + timedelta(minutes=DAY), quantity=10)
    world.work.append("AAPL")
    world.quiet()
    announce(world, ActionKind.SPLIT, TOMORROW, ratio=Decimal(2))
    assert world.reconciler.run().clean
    assert one(world, "SELECT array_agg(quantity ORDER BY quantity) FROM positions") == ([10, 200],)


def test_a_trade_of_the_day_that_was_made_at_the_old_price_is_of_before(world: World) -> None:
    with world.database.transaction() as connection:
        bar = Bar("AAPL", OPEN - timedelta(days=3), *[Decimal(100)] * 5)
        market_data.ensure_months(connection, [bar.time])
        market_data.add_bars(connection, [bar])
    announce(world, ActionKind.SPLIT, TODAY, ratio=Decimal(2))
    world.exchange.positions["AAPL"] *= 2
    assert world.reconciler.run().clean
    assert one(world, "SELECT quantity FROM positions") == (200,)


def test_a_broker_that_has_not_followed_yet_is_waited_for(world: World) -> None:
    announce(world, ActionKind.SPLIT, TOMORROW, ratio=Decimal(2))
    world.broker.now_at = OPEN + timedelta(hours=15)
    report = world.reconciler.run()
    assert (report.drift, list(report.behind)) == ({}, ["AAPL"])
    world.exchange.positions["AAPL"] *= 2
    assert world.reconciler.run().resumed == ["AAPL"]


def test_a_symbol_that_nobody_holds_is_split_and_traded_on(world: World) -> None:
    with world.database.transaction() as connection:
        set_price(connection, "80", 0, "MSFT")
    announce(world, ActionKind.SPLIT, TODAY, "MSFT", ratio=Decimal(4))
    report = world.reconciler.run()
    assert (report.splits, report.undecided) == (["MSFT 4:1"], {})
    with world.database.transaction() as connection:
        assert halts.halted_symbols(connection) == []


def test_a_split_in_force_halts_by_itself_until_the_ledger_has_followed(world: World) -> None:
    announce(world, ActionKind.SPLIT, TOMORROW, ratio=Decimal(2))
    world.reconciler.run()
    price(world, "50", DAY, low="50")
    with world.database.transaction() as connection:
        state = symbols.read_symbol(connection, "AAPL")
        assert state is not None
        assert state.halted
        assert [each.symbol for each in halts.halted_symbols(connection)] == ["AAPL"]
    world.executor.execute("AAPL")
    assert one(world, "SELECT count(*) FROM orders WHERE side = 'sell'") == (0,)


def test_an_operators_halt_outlives_a_split(world: World) -> None:
    announce(world, ActionKind.SPLIT, TODAY, ratio=Decimal(2))
    with world.database.transaction() as connection:
        halts.halt_symbol(connection, "AAPL", "OPERATOR", "look")
    world.reconciler.run()
    with world.database.transaction() as connection:
        assert [each.reason for each in halts.halted_symbols(connection)] == ["OPERATOR"]


def test_a_change_of_symbol_takes_everything_along(world: World) -> None:
    rests = place(world, "sell", "limit", "120", None, 25)
    announce(world, ActionKind.SYMBOL_CHANGE, TODAY, new_symbol="APPL")
    world.exchange.positions["APPL"] = world.exchange.positions.pop("AAPL")
    report = world.reconciler.run()
    assert (report.followed, report.clean) == (["AAPL becomes APPL"], True)
    assert one(world, "SELECT symbol, quantity, reserved_quantity, avg_entry_price FROM positions WHERE quantity > 0") == (
        "APPL", 100, 25, Decimal("100.01"),
    )  # fmt: skip
    assert one(world, "SELECT symbol, status::text FROM orders WHERE id = %s", rests) == ("APPL", "RESTING")
    with world.database.transaction() as connection:
        assert halts.halted_symbols(connection) == []
        session = sessions.stop_session(connection, trader_of(world).session_id, flatten=True)
        assert session is not None
        assert session.symbol == "APPL"
    for minute in (2, 4):
        price(world, "100", minute, "APPL")
        world.quiet()
    assert one(world, "SELECT sum(quantity) FROM positions") == (0,), "its holders can sell"
    assert world.exchange.positions["APPL"] == 0


def test_a_split_of_who_had_the_name_before_scales_nothing(world: World) -> None:
    with world.database.transaction() as connection:
        long_ago = OPEN - timedelta(days=40)
        market_data.ensure_months(connection, [long_ago])
        connection.execute(
            "INSERT INTO market_data (symbol, timeframe, time, open, high, low, close, volume) VALUES ('AAPL', '1Min', %s, 100, 100, 100, 100, 1)",
            (long_ago,),
        )
        connection.execute(
            "INSERT INTO corporate_actions (id, symbol, kind, ratio, effective_on, applied_at) VALUES ('before', 'APPL', 'split', 2, %s, now())",
            (OPEN.date() - timedelta(days=20),),
        )
    announce(world, ActionKind.SYMBOL_CHANGE, TODAY, new_symbol="APPL")
    world.exchange.positions["APPL"] = world.exchange.positions.pop("AAPL")
    assert world.reconciler.run().followed == ["AAPL becomes APPL"]
    with world.database.transaction() as connection:
        window = market_data.trailing_window(connection, "APPL", OPEN + timedelta(days=1), 10)
    assert set(window.close) == {100.0}


def test_what_needs_an_operator_halts_says_so_and_is_followed_when_approved(world: World) -> None:
    action = announce(
        world,
        ActionKind.STOCK_AND_CASH_MERGER,
        TODAY,
        ratio=Decimal(0),
        new_symbol="BUYER",
        new_ratio=Decimal("0.5"),
        cash=Decimal(3),
    )
    rests = place(world, "sell", "limit", "120", None, 25)
    report = world.reconciler.run()
    assert list(report.undecided.values()) == [f"{action.words}: an operator has to approve or dismiss it"]
    with world.database.transaction() as connection:
        (halt,) = halts.halted_symbols(connection)
        assert (halt.reason, "operator" in halt.details) == ("CORPORATE_ACTION", True)
        connection.execute("UPDATE corporate_actions SET approved_at = now()")
    del world.exchange.positions["AAPL"]
    world.exchange.positions["BUYER"] = Decimal(50)
    before = one(world, "SELECT virtual_balance FROM users")[0]
    report = world.reconciler.run()
    assert (report.followed, report.undecided, report.clean) == ([action.words], {}, True)
    assert one(world, "SELECT virtual_balance FROM users") == (before + 300,)
    held = "SELECT quantity, cost_basis, realized_pnl FROM positions WHERE symbol = %s"
    assert one(world, held, "BUYER") == (50, 9701, 0)
    assert one(world, held, "AAPL") == (0, 0, 0)
    assert one(world, "SELECT status::text, reason FROM orders WHERE id = %s", rests) == (
        "CANCELED",
        "CORPORATE_ACTION",
    )


@pytest.mark.parametrize(
    ("kind", "terms", "holds", "more", "money", "realized"),
    [
        (ActionKind.STOCK_DIVIDEND, {"ratio": Decimal("1.05")}, "105", "0", 0, 0),
        (ActionKind.SPIN_OFF, {"new_symbol": "SPUN", "new_ratio": Decimal("0.25")}, "100", "25", 0, 0),
        (ActionKind.CASH_MERGER, {"ratio": Decimal(0), "cash": Decimal(110)}, "0", "0", 11_000, 999),
        (ActionKind.WORTHLESS_REMOVAL, {"ratio": Decimal(0)}, "0", "0", 0, -10_001),
    ],
)
def test_each_kind_has_its_way(
    world: World, kind: ActionKind, terms: dict[str, Any], holds: str, more: str, money: int, realized: int
) -> None:
    announce(world, kind, TOMORROW, **terms)
    world.broker.now_at = OPEN + timedelta(days=1)
    world.reconciler.run()
    before = one(world, "SELECT virtual_balance FROM users")[0]
    with world.database.transaction() as connection:
        connection.execute("UPDATE corporate_actions SET approved_at = now()")
    world.exchange.positions = {"AAPL": Decimal(holds), "SPUN": Decimal(more)}
    assert world.reconciler.run().clean
    assert one(world, "SELECT quantity, realized_pnl FROM positions WHERE symbol = 'AAPL'") == (
        Decimal(holds),
        realized,
    )
    assert one(world, "SELECT coalesce(sum(quantity), 0) FROM positions WHERE symbol = 'SPUN'") == (Decimal(more),)
    assert one(world, "SELECT virtual_balance FROM users") == (before + money,)


def test_what_an_operator_dismisses_halts_no_longer(world: World) -> None:
    announce(world, ActionKind.SPIN_OFF, TODAY, new_symbol="SPUN", new_ratio=Decimal("0.25"))
    world.reconciler.run()
    with world.database.transaction() as connection:
        connection.execute("UPDATE corporate_actions SET dismissed_at = now()")
        assert halts.halted_symbols(connection) == []
    assert world.reconciler.run().undecided == {}


def held(world: World) -> dict[str, Decimal]:
    """What all users hold together, by symbol."""
    with world.database.transaction() as connection:
        assert broken_invariants(connection) == {}
        rows = connection.execute(
            "SELECT symbol, sum(quantity) FROM positions GROUP BY symbol HAVING sum(quantity) > 0"
        )
        return dict(rows.fetchall())


@pytest.mark.parametrize("rounding", ["ROUND_DOWN", "ROUND_HALF_EVEN", "ROUND_UP", "whole"])
def test_however_the_broker_rounds_a_split_the_symbol_trades_on(world: World, rounding: str) -> None:
    announce(world, ActionKind.SPLIT, TOMORROW, ratio=1 / Decimal(3))
    world.broker.now_at = OPEN + timedelta(days=1)
    exact = world.exchange.positions["AAPL"] / 3
    theirs = Decimal(34) if rounding == "whole" else exact.quantize(Decimal("0.000000001"), rounding)
    world.exchange.positions["AAPL"] = theirs
    report = world.reconciler.run()
    assert (report.halted, report.drift, report.clean) == ([], {}, True)
    assert held(world) == {"AAPL": theirs}
    if report.rounding:
        # Once for each split: a second difference is nobody's rounding.
        world.exchange.positions["AAPL"] += Decimal("0.000000001")
        assert list(world.reconciler.run().drift) == ["AAPL"]
        world.exchange.positions["AAPL"] = theirs
        assert world.reconciler.run().resumed == ["AAPL"]


@pytest.mark.parametrize(("ratio", "more"), [("0.5", "0.000000002"), ("0.5", "1"), ("2", "-0.5")])
def test_what_is_no_rounding_halts_after_a_split_too(world: World, ratio: str, more: str) -> None:
    announce(world, ActionKind.SPLIT, TOMORROW, ratio=Decimal(ratio))
    world.broker.now_at = OPEN + timedelta(days=1)
    world.exchange.positions["AAPL"] = world.exchange.positions["AAPL"] * Decimal(ratio) + Decimal(more)
    assert list(world.reconciler.run().drift) == ["AAPL"]
    world.exchange.positions["AAPL"] -= Decimal(more)
    assert world.reconciler.run().resumed == ["AAPL"]


@pytest.mark.parametrize("scale", [1, 10])
@pytest.mark.parametrize("broker", ["1", "1.5", "2"])
def test_what_a_split_cuts_off_whole_units_is_paid_or_given(migrated: str, scale: int, broker: str) -> None:
    found = World(migrated, scale=Decimal(scale))
    with found.database.transaction() as connection:
        for name in ("ada", "bob"):
            trader = add_trader(connection, name, "WHOLE")
            add_signal(
                connection, trader, "buy", set_price(connection, "40", symbol="WHOLE"), "WHOLE", quantity=3 * scale
            )
        set_price(connection, "100")
    found.broker.prices.update(WHOLE=Decimal(40), AAPL=Decimal(100))
    found.work = ["WHOLE"]
    found.quiet()
    money = "SELECT sum(virtual_balance) FROM users"
    before = one(found, money)[0]
    announce(found, ActionKind.SPLIT, TOMORROW, "WHOLE", ratio=Decimal("0.25"))
    found.broker.now_at = OPEN + timedelta(days=1)
    found.exchange.positions["WHOLE"] = Decimal(broker)
    assert found.reconciler.run().clean
    assert found.reconciler.run().clean
    assert held(found) == {"WHOLE": Decimal(broker) * scale}
    # 1.5 of the broker's units were there: what is not held is paid for at 160, and nobody pays for the half that came on top.
    paid = one(found, money)[0] - before
    assert paid == max(Decimal("1.5") - Decimal(broker), Decimal(0)) * 160 * scale
    assert audit_ledger(found.database, found.broker, quiet=-timedelta(days=7300)).differences == ()
    found.close()


@pytest.mark.parametrize(("change", "split", "of"), [("a", "b", "AAPL"), ("b", "a", "NEWA"), ("a", "b", "NEWA")])
def test_a_split_and_a_change_of_symbol_on_one_day_are_followed_in_order(
    world: World, change: str, split: str, of: str
) -> None:
    with world.database.transaction() as connection:
        set_price(connection, "3.50", 1, "NEWA")
    world.broker.actions = [
        CorporateAction(change, "AAPL", ActionKind.SYMBOL_CHANGE, TOMORROW, new_symbol="NEWA"),
        CorporateAction(split, of, ActionKind.SPLIT, TOMORROW, Decimal(2)),
    ]
    world.broker.now_at = OPEN + timedelta(hours=20)
    world.exchange.positions = {"NEWA": world.exchange.positions["AAPL"] * 2}
    assert world.reconciler.run().clean
    assert held(world) == {"NEWA": 200}
    assert one(world, "SELECT price FROM latest_prices WHERE symbol = 'NEWA'") == (50,), "not that of who had the name"


def test_a_split_told_late_of_a_name_that_is_another_today_happens_to_that_one(world: World) -> None:
    announce(world, ActionKind.SYMBOL_CHANGE, TOMORROW, new_symbol="NEWA")
    world.broker.now_at = OPEN + timedelta(hours=20)
    world.exchange.positions = {"NEWA": world.exchange.positions["AAPL"] * 2}
    assert list(world.reconciler.run().drift) == ["NEWA"]
    announce(world, ActionKind.SPLIT, TOMORROW, ratio=Decimal(2))
    assert world.reconciler.run().resumed == ["NEWA"]
    assert held(world) == {"NEWA": 200}


def test_what_follows_something_undecided_waits_for_it(world: World) -> None:
    announce(world, ActionKind.SPIN_OFF, TOMORROW, new_symbol="SPUN", new_ratio=Decimal("0.25"))
    announce(world, ActionKind.SPLIT, TOMORROW + timedelta(days=1), ratio=Decimal(2))
    world.broker.now_at = OPEN + timedelta(days=2)
    report = world.reconciler.run()
    assert (report.splits, len(report.undecided)) == ([], 2)
    with world.database.transaction() as connection:
        connection.execute("UPDATE corporate_actions SET approved_at = now() WHERE kind = 'spin_off'")
    world.exchange.positions = {"AAPL": Decimal(200), "SPUN": Decimal(25)}
    assert world.reconciler.run().clean
    assert held(world) == {"AAPL": 200, "SPUN": 25}, "a quarter of the old shares"


def test_what_the_ledger_refuses_waits_for_a_person_and_holds_up_nothing_else(world: World, migrated: str) -> None:
    with psycopg.connect(migrated, autocommit=True) as owner:
        owner.execute("ALTER TABLE positions ADD CONSTRAINT no_two_hundred CHECK (quantity <> 200)")
    price(world, "400", 1, "MSFT")
    announce(world, ActionKind.SPLIT, TOMORROW, ratio=Decimal(2))
    announce(world, ActionKind.SPLIT, TOMORROW, "MSFT", ratio=Decimal(4))
    world.broker.now_at = OPEN + timedelta(days=1)
    report = world.reconciler.run()
    assert report.splits == ["MSFT 4:1"]
    (obstacle,) = report.undecided.values()
    assert "no_two_hundred" in obstacle
    assert held(world) == {"AAPL": 100}, "undone, and nothing lost"


def test_who_bought_the_new_name_on_the_day_does_not_hold_up_a_late_change_of_symbol(world: World) -> None:
    price(world, "100", DAY, "NEWA")
    with world.database.transaction() as connection:
        new = NewOrder(
            "NEWA",
            OrderTerms(Side.BUY, OrderType.MARKET),
            TimeInForce.DAY,
            SizeKind.QUANTITY,
            Decimal(1),
            trader_of(world).session_id,
        )
        order_book.place_order(connection, trader_of(world).user_id, new)
    world.quiet()
    announce(world, ActionKind.SYMBOL_CHANGE, TOMORROW, new_symbol="NEWA")
    world.exchange.positions = {"NEWA": Decimal(101)}
    report = world.reconciler.run()
    assert (report.followed, report.clean) == (["AAPL becomes NEWA"], True)
    assert held(world) == {"NEWA": 101}


def test_a_stopped_session_keeps_its_position_and_its_profit_through_a_change_of_symbol(world: World) -> None:
    with world.database.transaction() as connection:
        add_signal(connection, trader_of(world), "sell", set_price(connection, "150", 1), quantity=40)
    world.broker.prices["AAPL"] = Decimal(150)
    world.work = ["AAPL"]
    world.quiet()
    with world.database.transaction() as connection:
        before = sessions.stop_session(connection, trader_of(world).session_id)
    announce(world, ActionKind.SYMBOL_CHANGE, TOMORROW, new_symbol="NEWA")
    world.broker.now_at = OPEN + timedelta(days=1)
    world.exchange.positions = {"NEWA": world.exchange.positions["AAPL"]}
    assert world.reconciler.run().clean
    with world.database.transaction() as connection:
        after = sessions.get_session(connection, trader_of(world).session_id)
        assert before is not None
        assert after is not None
        assert (after.symbol, after.held_quantity, after.realized_pnl) == ("NEWA", Decimal(60), before.realized_pnl)
        assert after.realized_pnl > 1900
        assert sessions.holding_sessions(connection, after.strategy_id) != []
        sessions.flatten_session(connection, after.session_id)
    price(world, "150", DAY, "NEWA")
    world.quiet()
    with world.database.transaction() as connection:
        ended = sessions.get_session(connection, after.session_id)
    assert ended is not None
    assert (ended.held_quantity, ended.settling, ended.final_pnl) == (Decimal(0), False, ended.realized_pnl)
    assert ended.realized_pnl > 4900


def test_two_passes_at_once_follow_an_action_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = place(world, "buy", "limit", "80", None, 10)
    announce(world, ActionKind.SPLIT, TOMORROW, ratio=Decimal(2))
    world.broker.now_at = OPEN + timedelta(hours=15)
    world.exchange.positions["AAPL"] *= 2
    read, beside = announced_actions.open_actions, [world.reconciler.run]

    def read_and_be_overtaken(connection: Connection) -> list[announced_actions.OpenAction]:
        found = read(connection)
        if beside:
            beside.pop()()
        return found

    monkeypatch.setattr(announced_actions, "open_actions", read_and_be_overtaken)
    assert world.reconciler.run().clean
    assert held(world) == {"AAPL": 200}
    assert one(world, "SELECT quantity, limit_price FROM orders WHERE id = %s", limit) == (20, 40)
    assert one(world, "SELECT price FROM latest_prices") == (50,)


@pytest.mark.parametrize(("ratio", "opens"), [("1.1", "96"), ("1.25", "90"), ("1.5", "82")])
def test_a_late_split_is_told_from_a_days_move(world: World, ratio: str, opens: str) -> None:
    with world.database.transaction() as connection:
        bar = Bar("AAPL", OPEN + timedelta(minutes=1), *[Decimal(100)] * 5)
        market_data.ensure_months(connection, [bar.time])
        market_data.add_bars(connection, [bar])
        sessions.change_session(connection, trader_of(world).session_id, sessions.SessionSettings(), paused=False)
        bob = add_trader(connection, "bob")
    world.exchange.positions["AAPL"] *= Decimal(ratio)
    price(world, opens, DAY)
    with world.database.transaction() as connection:
        add_signal(connection, bob, "buy", OPEN + timedelta(minutes=DAY), quantity=10)
    world.quiet()
    announce(world, ActionKind.SPLIT, TOMORROW, ratio=Decimal(ratio))
    assert world.reconciler.run().clean
    assert one(world, "SELECT array_agg(quantity ORDER BY quantity) FROM positions") == ([10, 100 * Decimal(ratio)],)


@pytest.mark.parametrize(
    ("kind", "terms", "theirs"),
    [
        (ActionKind.STOCK_DIVIDEND, {"ratio": Decimal("1.5")}, {"AAPL": 160}),
        (ActionKind.SPIN_OFF, {"new_symbol": "SPUN", "new_ratio": Decimal(1), "cash": Decimal(2)}, {"AAPL": 110, "SPUN": 100}),
    ],
)  # fmt: skip
def test_who_bought_on_the_day_has_no_part_in_what_is_published_late(
    world: World, kind: ActionKind, terms: dict[str, Any], theirs: dict[str, int]
) -> None:
    with world.database.transaction() as connection:
        sessions.change_session(connection, trader_of(world).session_id, sessions.SessionSettings(), paused=False)
        bob = add_trader(connection, "bob")
    world.exchange.positions = {symbol: Decimal(each) for symbol, each in theirs.items()}
    world.exchange.positions["AAPL"] -= 10
    price(world, "70", DAY)
    with world.database.transaction() as connection:
        add_signal(connection, bob, "buy", OPEN + timedelta(minutes=DAY), quantity=10)
    world.quiet()
    announce(world, kind, TOMORROW, **terms)
    world.reconciler.run()
    with world.database.transaction() as connection:
        connection.execute("UPDATE corporate_actions SET approved_at = now()")
    assert world.reconciler.run().clean
    assert held(world) == theirs
    assert one(world, "SELECT sum(quantity) FROM positions WHERE user_id = %s", bob.user_id) == (10,)


@pytest.mark.parametrize("reason", ["OPERATOR", "UNEXPLAINED_FILL"])
def test_what_a_symbol_is_halted_for_it_is_halted_for_under_its_new_name(world: World, reason: str) -> None:
    announce(world, ActionKind.SYMBOL_CHANGE, TODAY, new_symbol="NEWA")
    with world.database.transaction() as connection:
        halts.halt_symbol(connection, "AAPL", reason, "look")
        halts.halt_symbol(connection, "NEWA", halts.DRIFT, "of who had the name")
    world.exchange.positions = {"NEWA": world.exchange.positions["AAPL"]}
    assert world.reconciler.run().clean
    with world.database.transaction() as connection:
        assert [(each.symbol, each.reason) for each in halts.halted_symbols(connection)] == [("NEWA", reason)]
