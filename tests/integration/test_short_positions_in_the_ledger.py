"""Short positions in the ledger on a real PostgreSQL: sold, held with their margin, stopped, called, bought back, and the books add up after every step."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from stratforge.application.audit_ledger import audit_ledger
from stratforge.application.borrow_fees import charge_borrow_fees
from stratforge.application.execute_symbol import SymbolExecutor
from stratforge.market.corporate_actions import ActionKind, CorporateAction
from stratforge.market.sizes import SizingRule
from stratforge.portfolio import margin
from stratforge.portfolio.orders import OrderStatus
from stratforge.portfolio.reasons import Reason
from stratforge.storage.ledger import borrowing, execution, portfolio, reconciliation
from stratforge.storage.ledger import margin as margin_in_sql
from stratforge.storage.ledger.corporate_actions import apply_action
from stratforge.storage.ledger.house_orders import HOUSE, lock_house
from stratforge.storage.market import assets, clock
from stratforge.storage.strategies import sessions
from stratforge.storage.users import accounts

from tests.support.ledger import OPEN, Trader, add_trader, broken, set_price
from tests.support.world import World


@pytest.fixture
def world(migrated: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world in which one company trades at 100, without a spread, on an account that may sell short."""
    found = World(migrated)
    found.exchange.shorting = True
    executable_at = found.exchange.executable_at
    monkeypatch.setattr(
        found.exchange, "executable_at", lambda order, price, _spread: executable_at(order, price, Decimal(0))
    )
    found.broker.prices["AAPL"] = Decimal(100)
    with found.database.transaction() as connection:
        set_price(connection, "100")
    yield found
    found.close()


def bear(world: World, name: str = "bear", cash: int = 10_000, sizing: str = "0.5") -> Trader:
    """A user whose account may go short, with a session."""
    with world.database.transaction() as connection:
        trader = add_trader(connection, name, cash=cash, sizing=sizing)
        connection.execute("UPDATE users SET short_selling = true WHERE id = %s", (trader.user_id,))
    return trader


def says(world: World, trader: Trader, side: str, minute: int, *, short: bool = True, price: str = "100", **size: float) -> None:  # fmt: skip
    """A strategy's decision on a bar, and all that follows from it."""
    kind, value = next(iter(size.items())) if size else ("default", 0.0)
    with world.database.transaction() as connection:
        time = set_price(connection, price, minute)
        world.broker.prices["AAPL"] = Decimal(price)
        world.broker.now_at = time + timedelta(minutes=1)
        connection.execute(
            """
            INSERT INTO signals (session_id, user_id, symbol, bar_time, side, short, confidence, size_kind, size, bar_number)
            SELECT id, user_id, symbol, %s, %s, %s, 1, %s, %s, bars_evaluated FROM sessions WHERE id = %s
            """,
            (time, side, short, kind, value, trader.session_id),
        )
    settled(world)


def at_price(world: World, price: str, minute: int, *, low: str = "", high: str = "") -> None:
    """A bar ends at a price, and whatever waits for it happens."""
    with world.database.transaction() as connection:
        world.broker.now_at = set_price(connection, price, minute, low=low, high=high) + timedelta(minutes=1)
    world.broker.prices["AAPL"] = Decimal(price)
    settled(world)


def settled(world: World) -> None:
    world.work = ["AAPL"]
    world.quiet()
    assert broken(world.database) == {}


def rows(world: World, query: str, *parameters: Any) -> list[Any]:
    with world.database.transaction() as connection:
        return connection.execute(query, parameters).fetchall()


def position(world: World, trader: Trader) -> tuple[Any, ...]:
    """Quantity, cost, average price and realized profit of a trader."""
    query = "SELECT quantity, cost_basis, avg_entry_price, realized_pnl FROM positions WHERE session_id = %s"
    found = rows(world, query, trader.session_id)
    return tuple(found[0]) if found else ()


def cash(world: World, trader: Trader) -> Any:
    return rows(
        world, "SELECT virtual_balance + reserved_cash FROM users WHERE id = %s", trader.user_id
    )[0][0]  # fmt: skip


def at_broker(world: World) -> Any:
    """What the account has at the broker; below zero what it owes."""
    return world.exchange.positions["AAPL"]


def sent(world: World) -> Any:
    """The sides and quantities of the orders that the broker was sent."""
    return [(each.side, each.quantity) for each in world.exchange.orders.values()]


def last_order(world: World) -> tuple[Any, ...]:
    """Side, whether of a short position, origin, quantity, status and reason of the latest order."""
    query = "SELECT side::text, short, origin::text, quantity, status::text, reason FROM orders ORDER BY created_at DESC, id LIMIT 1"
    return tuple(rows(world, query)[0])


def test_what_is_sold_short_is_owed_and_what_it_brought_is_in_the_cash(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=50)
    assert position(world, trader) == (-50, -5_000, 100, 0)
    assert cash(world, trader) == 15_000
    assert at_broker(world) == -50
    with world.database.transaction() as connection:
        held = portfolio.read_portfolio(connection, trader.user_id)
        assert held is not None
        figures: Any = (held.equity, held.positions[0].market_value, held.unrealized_pnl)
        assert figures == (10_000, -5_000, 0)


def test_what_is_bought_back_for_less_is_won(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=50)
    says(world, trader, "buy", 2, price="90", quantity=20)
    assert position(world, trader) == (-30, -3_000, 100, 200)
    says(world, trader, "buy", 3, price="110")
    assert position(world, trader) == (0, 0, 0, -100)
    assert (cash(world, trader), at_broker(world)) == (9_900, 0)
    assert audit_ledger(world.database, world.broker, quiet=-timedelta(days=1)).differences == ()


def test_a_position_is_at_most_twice_the_equity_less_what_the_market_may_move(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=1_000)
    # Reserved is half of what a share costs two percent above the market.
    assert position(world, trader)[0] == -(10_000 // 51)
    # What is left of the cash is the margin of three more at the market.
    says(world, trader, "sell", 2, quantity=10)
    assert position(world, trader)[0] == -199
    says(world, trader, "sell", 3, quantity=10)
    assert last_order(world)[4:] == (OrderStatus.REJECTED, Reason.INSUFFICIENT_MARGIN)


def test_what_is_sold_short_are_whole_shares(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=7.9)
    assert position(world, trader)[0] == -7
    says(world, trader, "buy", 2, fraction=0.5)
    assert position(world, trader)[0] == -4


def lent(world: World, **flags: bool) -> None:
    """The broker's word on the asset, which the executor reads anew."""
    world.exchange.assets["AAPL"] = flags
    rules = world.broker.asset("AAPL")
    assert rules is not None
    with world.database.transaction() as connection:
        assets.store_assets(connection, [rules])
    world.executor = SymbolExecutor(world.fragile, world.broker, claim=timedelta(0))


@pytest.mark.parametrize("flag", ["shortable", "easy_to_borrow"])
def test_what_the_broker_does_not_lend_or_has_not_at_hand_is_not_sold_short(world: World, flag: str) -> None:
    trader = bear(world)
    lent(world, **{flag: False})
    says(world, trader, "sell", 1, quantity=1)
    assert last_order(world)[4:] == (OrderStatus.REJECTED, Reason.NOT_SHORTABLE)


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("short_selling = false", Reason.SHORT_SELLING_OFF),
        ("virtual_balance = 1999, initial_balance = 1999", Reason.SHORT_EQUITY),
        ("trading_state = 'REDUCING'", Reason.REDUCING_ONLY),
        ("trading_state = 'HALTED'", Reason.USER_HALTED),
    ],
)
def test_an_account_that_may_not_go_short_is_told_why(world: World, setting: str, reason: Reason) -> None:
    trader = bear(world)
    with world.database.transaction() as connection:
        connection.execute(f"UPDATE users SET {setting}")
    says(world, trader, "sell", 1, quantity=1)
    assert last_order(world)[4:] == (OrderStatus.REJECTED, reason)


def test_who_may_only_reduce_buys_back(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=10)
    with world.database.transaction() as connection:
        connection.execute("UPDATE users SET trading_state = 'REDUCING'")
    says(world, trader, "buy", 2)
    assert position(world, trader)[0] == 0


def test_nothing_turns_a_position_round(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=10)
    says(world, trader, "sell", 2, short=False)
    assert last_order(world)[4:] == (OrderStatus.REJECTED, Reason.NO_POSITION)
    says(world, trader, "buy", 3, short=False, quantity=10)
    assert position(world, trader)[0] == -10
    says(world, trader, "buy", 4)
    says(world, trader, "buy", 5, short=False, quantity=10)
    assert position(world, trader)[0] == 10
    says(world, trader, "sell", 6, quantity=5)
    says(world, trader, "buy", 7)
    assert position(world, trader)[0] == 10


def test_the_proceeds_buy_nothing(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=100)
    with world.database.transaction() as connection:
        held = portfolio.read_portfolio(connection, trader.user_id)
        assert held is not None
        figures: Any = (held.cash, held.buying_power)
        assert figures == (20_000, 5_000)
        long = sessions.start_session(
            connection,
            trader.user_id,
            rows(world, "SELECT strategy_id FROM sessions WHERE id = %s", trader.session_id)[0][0],
            1,
            "AAPL",
            sessions.SessionSettings(SizingRule.EQUITY_FRACTION, Decimal(1)),
        )
    other = Trader(trader.user_id, long.session_id)
    says(world, other, "buy", 2, short=False)
    # All that is free, at the worst price that it may cost.
    assert Decimal(48) < position(world, other)[0] < Decimal(50)


@pytest.mark.parametrize(
    ("setting", "price", "origin"),
    [
        ("stop_loss = 0.05", "105", "STOP_LOSS"),
        ("take_profit = 0.05", "95", "TAKE_PROFIT"),
        ("trailing_stop = 0.05", "104", "TRAILING_STOP"),
        ("""state = '{"position_stop_loss_as_the_strategy_set_it": 0.05}'""", "105", "STOP_LOSS"),
        ("""state = '{"position_stop_loss_price_as_the_strategy_set_it": 104}'""", "104", "STOP_LOSS"),
        ("""state = '{"position_take_profit_as_the_strategy_set_it": 0.05}'""", "95", "TAKE_PROFIT"),
        ("""state = '{"position_take_profit_price_as_the_strategy_set_it": 96}'""", "95", "TAKE_PROFIT"),
        ("""state = '{"position_trailing_stop_as_the_strategy_set_it": 0.05}'""", "105", "TRAILING_STOP"),
    ],
)
def test_a_stop_lies_above_the_entry_and_a_target_below(world: World, setting: str, price: str, origin: str) -> None:
    trader = bear(world)
    with world.database.transaction() as connection:
        connection.execute(f"UPDATE sessions SET {setting}")
    says(world, trader, "sell", 1, quantity=10)
    at_price(world, "99", 2)
    assert position(world, trader)[0] == -10
    at_price(world, price, 3)
    assert last_order(world)[:5] == ("buy", True, origin, 10, OrderStatus.FILLED)
    assert position(world, trader)[0] == 0


def test_without_its_margin_a_position_is_bought_back_whatever_that_costs(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=190)
    at_price(world, "117", 2)
    assert position(world, trader)[0] == -190
    assert not margin.is_called(cash(world, trader), [margin.ShortPosition(Decimal(190), Decimal(117))])
    # 29,000 dollars of cash against 190 shares at 117.5 dollars and three tenths of that.
    assert margin.is_called(cash(world, trader), [margin.ShortPosition(Decimal(190), Decimal("117.5"))])
    at_price(world, "117.5", 3)
    assert last_order(world)[:5] == ("buy", True, "MARGIN_CALL", 190, OrderStatus.FILLED)
    assert cash(world, trader) == 29_000 - 190 * Decimal("117.5")


def test_a_gap_may_cost_more_than_there_is_and_what_is_owed_opens_nothing(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=190)
    at_price(world, "200", 2)
    assert (position(world, trader)[0], cash(world, trader)) == (0, -9_000)
    says(world, trader, "buy", 3, short=False, price="200", quantity=1)
    assert last_order(world)[4:] == (OrderStatus.REJECTED, Reason.INSUFFICIENT_CASH)
    assert audit_ledger(world.database, world.broker, quiet=-timedelta(days=1)).differences == ()


def test_what_one_sells_short_another_buys(world: World) -> None:
    trader, buyer = bear(world), bear(world, "buyer")
    says(world, buyer, "buy", 1, short=False, quantity=30)
    with world.database.transaction() as connection:
        time = set_price(connection, "100", 2)
        world.broker.now_at = time + timedelta(minutes=1)
        for who, side, short, size in ((trader, "sell", True, 40), (buyer, "buy", False, 15)):
            connection.execute(
                """
                INSERT INTO signals (session_id, user_id, symbol, bar_time, side, short, confidence, size_kind, size, bar_number)
                VALUES (%s, %s, 'AAPL', %s, %s, %s, 1, 'quantity', %s, 0)
                """,
                (who.session_id, who.user_id, time, side, short, size),
            )
    settled(world)
    assert (position(world, trader)[0], position(world, buyer)[0]) == (
        -40,
        45 if position(world, buyer)[0] == 45 else 30,
    )
    assert at_broker(world) == position(world, trader)[0] + position(world, buyer)[0]


def test_the_account_sells_what_it_has_before_it_borrows(world: World) -> None:
    """The broker turns no position round in one order."""
    trader, buyer = bear(world), bear(world, "buyer")
    says(world, buyer, "buy", 1, short=False, quantity=30)
    says(world, trader, "sell", 2, quantity=50)
    assert sent(world) == [
        ("buy", 30),
        ("sell", 30),
        ("sell", 20),
    ]
    assert (position(world, trader)[0], at_broker(world)) == (-50, -20)
    says(world, trader, "buy", 3)
    assert sent(world)[3:] == [("buy", 20), ("buy", 30)]
    assert (position(world, trader)[0], at_broker(world)) == (0, 30)
    assert world.exchange.refusals == {}


def test_what_the_broker_lends_no_more_is_bought_in_and_whoever_holds_it_sells(world: World) -> None:
    trader, seller = bear(world), bear(world, "seller")
    says(world, seller, "buy", 1, short=False, quantity=30)
    says(world, trader, "sell", 2, quantity=20)
    assert at_broker(world) == 10
    lent(world, easy_to_borrow=False)
    at_price(world, "100", 3)
    assert last_order(world)[:5] == ("buy", True, "BUY_IN", 20, OrderStatus.FILLED)
    says(world, seller, "sell", 4, short=False)
    assert (position(world, trader)[0], position(world, seller)[0], at_broker(world)) == (0, 0, 0)
    assert world.exchange.refusals == {}


def test_when_the_broker_refuses_to_lend_orders_wait_and_what_is_short_is_bought_in(world: World) -> None:
    """His list said otherwise an hour ago: nothing is halted, and nobody else's order ends for it."""
    trader, other = bear(world), bear(world, "other")
    says(world, other, "sell", 1, quantity=10)
    world.exchange.assets["AAPL"] = {"easy_to_borrow": False}
    says(world, trader, "sell", 2, quantity=20)
    assert [name for name in world.exchange.refusals if "sold short" in name]
    at_price(world, "100", 3)
    assert (position(world, other)[0], at_broker(world)) == (0, 0)
    assert rows(world, "SELECT symbol FROM symbol_halts") == []
    query = "SELECT status::text, reason FROM orders WHERE user_id = %s"
    assert rows(world, query, trader.user_id) == [(OrderStatus.CANCELED, Reason.NOT_SHORTABLE)]


def house(world: World) -> Decimal:
    """What the house holds."""
    found = rows(world, "SELECT coalesce(sum(quantity), 0) FROM positions WHERE user_id = %s", HOUSE)
    return Decimal(found[0][0])


@pytest.mark.parametrize("parts", [(0.5, 0.5, 0.5, 0.5), (0.3, 0.9, 0.2, 0.6), (1.7, 0.1, 0.1, 0.1)])
def test_parts_of_shares_trade_while_the_account_owes_whole_ones(world: World, parts: tuple[float, ...]) -> None:
    """The broker lends no parts: the house takes and gives them, and nobody's waits for somebody else's short position."""
    trader, holder = bear(world), bear(world, "holder")
    says(world, trader, "sell", 1, quantity=50)
    minute = 2
    for _ in range(2):
        for part in parts:
            before = position(world, holder)[0] if position(world, holder) else Decimal(0)
            says(world, holder, "buy", minute, short=False, quantity=part)
            assert position(world, holder)[0] - before == Decimal(str(part))
            assert at_broker(world) % 1 == 0
            assert 0 <= house(world) < 2
            minute += 1
        for part in parts:
            before = position(world, holder)[0]
            says(world, holder, "sell", minute, short=False, quantity=part)
            assert before - position(world, holder)[0] == Decimal(str(part))
            assert at_broker(world) % 1 == 0
            assert 0 <= house(world) < 2
            minute += 1
    assert world.exchange.refusals == {}
    assert (position(world, trader)[0], position(world, holder)[0]) == (-50, 0)
    no_difference(world)


def test_a_flattened_session_buys_back_what_it_owes(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=25)
    with world.database.transaction() as connection:
        sessions.stop_session(connection, trader.session_id, flatten=True)
    at_price(world, "99", 2)
    assert last_order(world)[:5] == ("buy", True, "FLATTEN", 25, OrderStatus.FILLED)
    assert rows(world, "SELECT final_pnl, settling FROM sessions WHERE id = %s", trader.session_id) == [(25, False)]


def test_a_long_position_that_is_sold_too_far_is_no_short_one(world: World) -> None:
    trader = bear(world)
    says(world, trader, "buy", 1, short=False, quantity=10)
    with pytest.raises(psycopg.errors.CheckViolation), world.database.transaction() as connection:
        connection.execute("UPDATE positions SET quantity = -1, cost_basis = 0")


@pytest.mark.parametrize("price", ["0.5", "2.5", "4.99", "5", "9", "16.7", "100"])
def test_the_margin_in_sql_is_that_of_the_rules(world: World, price: str) -> None:
    query = f"SELECT {margin_in_sql.INITIAL_MARGIN}, {margin_in_sql.MAINTENANCE_MARGIN} FROM (SELECT %s::numeric AS price) at"
    at = Decimal(price)
    assert rows(world, query, at) == [(margin.initial(at), margin.maintenance(at))]


# Nights and corporate actions ------------------------------------------------------------------------------------

DAY = 1440


def no_difference(world: World) -> None:
    """An auditor agrees with the books, and with the broker's."""
    assert audit_ledger(world.database, world.broker, quiet=-timedelta(days=1)).differences == ()


def charged(world: World) -> dict[str, Decimal]:
    """Charges what is due by the market's clock."""
    with world.database.transaction() as connection:
        clock.set_market_clock(connection, world.broker.now_at)
    return charge_borrow_fees(world.database)


def test_each_night_costs_the_fee_of_borrowing_once_and_a_weekend_three(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=50)
    assert charged(world) == {}
    at_price(world, "102", 389)
    at_price(world, "110", DAY)
    # A round lot of a hundred shares at the last price of the day.
    night = margin.night_fee(Decimal(50), Decimal(102))
    assert night == (Decimal(100) * 102 * Decimal("0.0025") / 360).quantize(margin.FEE_STEP)
    assert charged(world) == {"AAPL": night}
    assert charged(world) == {}
    assert (cash(world, trader), position(world, trader)[3]) == (15_000 - night, -night)
    # What is bought back on the next day was borrowed until then; Monday to Friday, and over the weekend.
    for day in range(2, 5):
        at_price(world, "110", day * DAY)
        charged(world)
    at_price(world, "110", 4 * DAY + 389)
    says(world, trader, "buy", 7 * DAY, price="110")
    charged(world)
    kept = rows(world, "SELECT cause, cash FROM adjustments WHERE kind = 'BORROW_FEE' ORDER BY id")
    assert [cause for cause, _ in kept][-1] == "borrowed on 2026-01-09 for 3 nights at 110"
    assert kept[-1][1] == -3 * margin.night_fee(Decimal(50), Decimal(110))
    assert len(kept) == 5
    assert broken(world.database) == {}
    no_difference(world)


def test_what_is_long_costs_no_fee(world: World) -> None:
    trader = bear(world)
    says(world, trader, "buy", 1, short=False, quantity=50)
    at_price(world, "100", DAY)
    assert charged(world) == {}


def test_the_auditor_finds_a_fee_that_follows_from_no_rule(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=50)
    at_price(world, "100", DAY)
    charged(world)
    no_difference(world)
    with world.database.transaction() as connection:
        connection.execute("UPDATE adjustments SET cash = cash - 1")
        connection.execute("UPDATE positions SET realized_pnl = realized_pnl - 1")
        connection.execute("UPDATE users SET virtual_balance = virtual_balance - 1")
    found = audit_ledger(world.database, world.broker, quiet=-timedelta(days=1)).differences
    assert [each.what for each in found] == ["BORROW_FEE of no known cause"]


@pytest.mark.parametrize(("ratio", "owed"), [("2", 100), ("0.1", 5)])
def test_a_split_multiplies_what_is_owed(world: World, ratio: str, owed: int) -> None:
    trader, holder = bear(world), bear(world, "holder")
    says(world, holder, "buy", 1, short=False, quantity=20)
    says(world, trader, "sell", 2, quantity=50)
    at_price(world, "100", 389)
    split = CorporateAction(
        "a-split", "AAPL", ActionKind.SPLIT, (world.broker.now_at + timedelta(days=1)).date(), Decimal(ratio)
    )
    world.broker.actions.append(split)
    world.reconciler.run()
    world.exchange.split("AAPL", Decimal(ratio), world.broker.now_at + timedelta(hours=17))
    after = Decimal(100) / Decimal(ratio)
    world.broker.prices["AAPL"] = after
    world.broker.now_at += timedelta(hours=17)
    world.reconciler.run()
    at_price(world, str(after), DAY)
    assert position(world, trader)[:3] == (-owed, -5_000, after)
    at_price(world, str(after), DAY + 1)
    assert at_broker(world) == -owed + position(world, holder)[0]
    says(world, trader, "buy", DAY + 2, price=str(after))
    assert position(world, trader)[0] == 0
    no_difference(world)


def test_a_company_that_is_bought_for_money_ends_a_short_position_at_its_price(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=50)
    merger = CorporateAction(
        "a-merger", "AAPL", ActionKind.CASH_MERGER, world.broker.now_at.date(), Decimal(0), cash=Decimal(120)
    )
    with world.database.transaction() as connection:
        connection.execute(
            "INSERT INTO corporate_actions (id, symbol, kind, effective_on, ratio, cash, approved_at) VALUES (%s, %s, %s, %s, 0, 120, now())",
            (merger.action_id, merger.symbol, merger.kind, merger.effective_on),
        )
        assert apply_action(connection, merger) is None
    assert position(world, trader) == (0, 0, 0, -1_000)
    assert cash(world, trader) == 9_000
    assert broken(world.database) == {}


def test_a_short_position_goes_along_with_its_name(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=50)
    change = CorporateAction("a-name", "AAPL", ActionKind.SYMBOL_CHANGE, world.broker.now_at.date(), new_symbol="APPL")
    with world.database.transaction() as connection:
        connection.execute(
            "INSERT INTO corporate_actions (id, symbol, kind, effective_on, new_symbol) VALUES (%s, %s, %s, %s, %s)",
            (change.action_id, change.symbol, change.kind, change.effective_on, change.new_symbol),
        )
        assert apply_action(connection, change) is None
    query = "SELECT symbol, quantity, cost_basis FROM positions WHERE quantity <> 0"
    assert rows(world, query) == [("APPL", -50, -5_000)]
    assert broken(world.database) == {}


# Who may ---------------------------------------------------------------------------------------------------------


def test_the_engines_role_may_do_what_short_positions_need(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=10)
    with world.database.transaction() as connection:
        clock.set_market_clock(connection, world.broker.now_at + timedelta(days=1))
    with world.database.transaction() as connection:
        connection.execute("SET LOCAL ROLE stratforge_engine")
        assert lock_house(connection, "AAPL") == 0
        assert execution.lock_accounts(connection, [trader.user_id], "AAPL", OPEN)[trader.user_id].short_selling
        assert execution.due_exits(connection, "AAPL") == []
        assert reconciliation.position_at_broker(connection, "AAPL") == -10
        borrowing.lock_borrowers(connection, "AAPL")
        nights = borrowing.uncharged_nights(connection, "AAPL")
        assert [each.quantity for each in nights] == [10]
        borrowing.charge(connection, [(nights[0], Decimal(1))])
        assets.note_not_lent(connection, "AAPL")


def test_the_apis_role_has_a_position_bought_back(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=10)
    with world.database.transaction(trader.user_id) as connection:
        connection.execute("SET LOCAL ROLE stratforge_api")
        sessions.flatten_session(connection, trader.session_id)
    at_price(world, "100", 2)
    assert last_order(world)[:5] == ("buy", True, "FLATTEN", 10, OrderStatus.FILLED)


def test_a_closed_account_buys_back_what_it_owes(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=10)
    with world.database.transaction(trader.user_id) as connection:
        connection.execute("SET LOCAL ROLE stratforge_api")
        assert accounts.close_account(connection)
    at_price(world, "100", 2)
    assert (position(world, trader)[0], at_broker(world)) == (0, 0)
