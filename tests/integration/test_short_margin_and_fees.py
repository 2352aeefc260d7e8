"""What the statements about margin and borrowing look at, one thing at a time: whose money counts, what counts against it, and when it is asked again."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any, LiteralString

import pytest
from stratforge.market.corporate_actions import ActionKind, CorporateAction
from stratforge.market.sizes import SizingRule
from stratforge.portfolio import margin
from stratforge.portfolio.orders import OrderStatus
from stratforge.portfolio.reasons import Reason
from stratforge.storage.ledger import execution, symbols
from stratforge.storage.ledger.corporate_actions import apply_action
from stratforge.storage.ledger.house_orders import HOUSE, lock_house
from stratforge.storage.ledger.session_pnl import SESSION_PNL
from stratforge.storage.postgres.rows import fetch_value
from stratforge.storage.strategies.sessions import SessionSettings, start_session
from stratforge.storage.users import accounts
from stratforge.strategy.order_terms import Terms

from tests.integration.test_short_positions_in_the_ledger import (
    at_price,
    bear,
    charged,
    last_order,
    lent,
    position,
    rows,
    says,
    settled,
)
from tests.integration.test_short_positions_in_the_ledger import world as _world
from tests.support.ledger import OPEN, Trader, add_signal_with_terms, broken, set_price
from tests.support.world import World

world = _world
DAY = 1440


def holds(world: World, trader: Trader, symbol: str, quantity: int, price: str) -> None:
    """A session has or owes something of another symbol, by an entry of the ledger."""
    with world.database.transaction() as connection:
        set_price(connection, price, 1, symbol)
        connection.execute(
            "INSERT INTO positions (user_id, session_id, symbol, quantity, cost_basis) VALUES (%s, %s, %s, %s, %s)",
            (trader.user_id, trader.session_id, symbol, quantity, quantity),
        )
        connection.execute(
            "INSERT INTO adjustments (user_id, session_id, symbol, kind, quantity, cause, created_at) VALUES (%s, %s, %s, 'SPLIT', %s, 'test', %s)",
            (trader.user_id, trader.session_id, symbol, quantity, OPEN),
        )
    assert broken(world.database) == {}


def due(world: World) -> list[Any]:
    """The exits that the executor is to make: why, and of how much."""
    with world.database.transaction() as connection:
        return [(each.origin, each.size) for each in execution.due_exits(connection, "AAPL")]


def priced(world: World, price: str, minute: int) -> None:
    """A bar ends at a price, and nothing is done about it."""
    with world.database.transaction() as connection:
        world.broker.now_at = set_price(connection, price, minute) + timedelta(minutes=1)
    world.broker.prices["AAPL"] = Decimal(price)


def test_money_that_an_order_holds_back_is_there_for_the_margin(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=100)
    with world.database.transaction() as connection:
        connection.execute(
            """
            INSERT INTO orders (user_id, symbol, side, origin, type, limit_price, time_in_force, size_kind, size, quantity, status, reserve_price, reserved_cash)
            VALUES (%s, 'MSFT', 'buy', 'MANUAL', 'limit', 5000, 'gtc', 'quantity', 1, 1, 'RESTING', 5000, 5000)
            """,
            (trader.user_id,),
        )
        connection.execute(
            "UPDATE users SET virtual_balance = virtual_balance - 5000, reserved_cash = 5000 WHERE id = %s",
            (trader.user_id,),
        )
    assert broken(world.database) == {}
    # 20,000 dollars, 5,000 of them held back; a hundred at 120 need 15,600.
    priced(world, "120", 2)
    assert due(world) == []
    priced(world, "160", 3)
    assert due(world) == [("MARGIN_CALL", 100)]


def test_what_is_held_of_another_symbol_secures_nothing(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=100)
    holds(world, trader, "MSFT", 1_000, "100")
    priced(world, "160", 2)
    assert due(world) == [("MARGIN_CALL", 100)]


def test_short_positions_of_all_symbols_need_their_margin_together(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=100)
    priced(world, "120", 2)
    assert due(world) == []
    # 15,600 and 6,500 dollars of 20,000.
    holds(world, trader, "MSFT", -50, "100")
    assert due(world) == [("MARGIN_CALL", 100)]


def test_of_what_nobody_prices_the_entry_counts(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=100)
    holds(world, trader, "MSFT", -50, "100")
    with world.database.transaction() as connection:
        connection.execute("UPDATE positions SET cost_basis = -50 * 100 WHERE symbol = 'MSFT'")
        connection.execute("DELETE FROM latest_prices WHERE symbol = 'MSFT'")
    priced(world, "120", 2)
    assert due(world) == [("MARGIN_CALL", 100)]


@pytest.mark.parametrize("flags", [{"shortable": False}, {"easy_to_borrow": False}])
def test_either_word_of_the_broker_buys_in(world: World, flags: dict[str, bool]) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=20)
    assert due(world) == []
    with world.database.transaction() as connection:
        assert symbols.symbols_with_work(connection) == []
    lent(world, **flags)
    assert due(world) == [("BUY_IN", 20)]
    with world.database.transaction() as connection:
        assert symbols.symbols_with_work(connection) == ["AAPL"], "although no price comes"


def test_what_the_broker_did_not_take_is_asked_again_after_a_minute(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=20)
    lent(world, easy_to_borrow=False)
    with world.database.transaction() as connection:
        connection.execute(
            """
            INSERT INTO orders (user_id, session_id, symbol, side, short, origin, type, time_in_force, size_kind, size, quantity, status, decided_at, completed_at)
            SELECT %s, %s, 'AAPL', 'buy', true, 'BUY_IN', 'market', 'day', 'quantity', 20, 20, 'REJECTED', time, now() FROM latest_prices WHERE symbol = 'AAPL'
            """,
            (trader.user_id, trader.session_id),
        )
    priced(world, "100", 1)
    assert due(world) == []
    priced(world, "100", 3)
    assert due(world) == [("BUY_IN", 20)]


def test_a_cover_that_rests_holds_nothing_back_from_a_margin_call(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=190)
    with world.database.transaction() as connection:
        time = set_price(connection, "100", 2)
        world.broker.now_at = time + timedelta(minutes=1)
        add_signal_with_terms(connection, trader, "cover", time, "AAPL", Terms(limit=80.0), {"fraction": 1.0})
    settled(world)
    held = rows(world, "SELECT quantity, reserved_quantity FROM positions WHERE session_id = %s", trader.session_id)
    assert held == [(-190, 190)]
    priced(world, "120", 3)
    assert due(world) == [("MARGIN_CALL", 190)]
    at_price(world, "120", 4)
    assert position(world, trader)[0] == 0
    called = rows(world, "SELECT status::text, filled_quantity FROM orders WHERE origin = 'MARGIN_CALL'")
    assert called == [(OrderStatus.FILLED, 190)]


def test_a_stop_that_is_reached_with_a_margin_call_is_the_margin_call(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=190)
    rows(world, "UPDATE sessions SET stop_loss = 0.05 WHERE id = %s RETURNING id", trader.session_id)
    at_price(world, "120", 3)
    assert last_order(world)[:5] == ("buy", True, "MARGIN_CALL", 190, OrderStatus.FILLED)


def test_what_is_short_holds_cash_back_and_counts_as_exposure_and_what_is_long_frees_none(world: World) -> None:
    trader, holder = bear(world), bear(world, "holder")
    says(world, trader, "sell", 1, quantity=50)
    says(world, holder, "buy", 2, short=False, quantity=50)
    with world.database.transaction() as connection:
        found = execution.lock_accounts(connection, [trader.user_id, holder.user_id], "AAPL", world.broker.now_at)
    figures: list[Any] = [
        (each.cash, each.equity, each.exposure, each.symbol_value)
        for each in (found[trader.user_id], found[holder.user_id])
    ]
    # 15,000 less the 5,000 that a cover costs and half of it; the other has paid for his.
    assert figures == [(7_500, 10_000, 5_000, 5_000), (5_000, 10_000, 5_000, 5_000)]


def test_what_is_being_bought_back_is_not_free_to_be_bought_back_again(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=50)
    with world.database.transaction() as connection:
        time = set_price(connection, "100", 2)
        add_signal_with_terms(connection, trader, "cover", time, "AAPL", Terms(limit=80.0), {"quantity": 20.0})
    settled(world)
    with world.database.transaction() as connection:
        free = execution.free_quantities(connection, "AAPL", [trader.user_id])
    assert free == {(trader.user_id, trader.session_id): -30}


def test_the_best_price_of_a_short_position_is_the_lowest_since_it_was_opened(world: World) -> None:
    trader = bear(world)
    rows(world, "UPDATE sessions SET trailing_stop = 0.5 WHERE id = %s RETURNING id", trader.session_id)
    query = "SELECT high_water FROM positions WHERE session_id = %s"
    says(world, trader, "sell", 1, quantity=10)
    says(world, trader, "sell", 2, price="95", quantity=10)
    assert rows(world, query, trader.session_id) == [(95,)]
    says(world, trader, "sell", 3, price="105", quantity=10)
    at_price(world, "90", 4)
    at_price(world, "97", 5)
    assert rows(world, query, trader.session_id) == [(90,)]
    says(world, trader, "buy", 6, price="97")
    says(world, trader, "sell", 7, price="98", quantity=10)
    assert rows(world, query, trader.session_id) == [(98,)], "another position begins anew"


def test_its_best_price_is_noted_with_each_sale(world: World) -> None:
    trader = bear(world)
    query = "SELECT high_water FROM positions WHERE session_id = %s"
    # Without a trailing stop nothing follows the price in between.
    for minute, price, best in ((1, "100", 100), (2, "105", 100), (3, "95", 95)):
        says(world, trader, "sell", minute, price=price, quantity=10)
        assert rows(world, query, trader.session_id) == [(best,)]
    says(world, trader, "buy", 4, price="95")
    says(world, trader, "sell", 5, price="97", quantity=10)
    assert rows(world, query, trader.session_id) == [(97,)]


@pytest.mark.parametrize(("held", "then"), [("buy", "sell"), ("sell", "buy")])
def test_a_decision_for_the_other_side_of_what_is_held_makes_no_order(world: World, held: str, then: str) -> None:
    trader = bear(world)
    says(world, trader, held, 1, short=held == "sell", quantity=10)
    says(world, trader, then, 2, short=then == "sell", quantity=10)
    assert rows(world, "SELECT count(*) FROM orders") == [(1,)]
    assert rows(world, "SELECT status::text, reason FROM signals ORDER BY id DESC LIMIT 1") == [
        ("REJECTED", Reason.POSITION_GREW)
    ]


def test_what_was_covered_after_a_split_that_is_followed_late_was_owed_on_the_new_scale(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=50)
    at_price(world, "100", 389)
    # Two for one; nobody has said so yet, and twenty new shares are bought back at half the price.
    world.exchange.split("AAPL", Decimal(2), world.broker.now_at)
    says(world, trader, "buy", DAY, price="50", quantity=20)
    assert position(world, trader) == (-30, -3_000, 100, 1_000)
    split = CorporateAction("late", "AAPL", ActionKind.SPLIT, world.broker.now_at.date(), Decimal(2))
    with world.database.transaction() as connection:
        connection.execute(
            "INSERT INTO corporate_actions (id, symbol, kind, effective_on, ratio, approved_at) VALUES (%s, %s, %s, %s, 2, now())",
            (split.action_id, split.symbol, split.kind, split.effective_on),
        )
        assert apply_action(connection, split) is None
    # A hundred were owed for 5,000 dollars, and twenty of them cost what they had brought.
    assert position(world, trader) == (-80, -4_000, 50, 0)
    assert broken(world.database) == {}


def test_an_exchange_for_another_companys_shares_waits_until_nobody_is_short(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=50)
    today = world.broker.now_at.date()
    merger = CorporateAction("a-merger", "AAPL", ActionKind.STOCK_MERGER, today, Decimal(0), new_symbol="MSFT", new_ratio=Decimal(2))  # fmt: skip
    with world.database.transaction() as connection:
        said = apply_action(connection, merger)
    assert said == "somebody is short of AAPL, and would owe MSFT"
    assert position(world, trader)[0] == -50


def test_a_fee_counts_the_trades_of_its_own_session(world: World) -> None:
    one = bear(world)
    with world.database.transaction() as connection:
        query = "SELECT strategy_id FROM sessions WHERE id = %s"
        strategy = fetch_value(connection, query, (one.session_id,))
        settings = SessionSettings(SizingRule.EQUITY_FRACTION, Decimal("0.5"))
        session = start_session(connection, one.user_id, strategy, 1, "AAPL", settings)
    other = Trader(one.user_id, session.session_id)
    says(world, one, "sell", 1, quantity=50)
    says(world, other, "sell", DAY, quantity=60)
    charged(world)
    assert rows(world, "SELECT session_id, -cash FROM adjustments WHERE kind = 'BORROW_FEE'") == [
        (one.session_id, margin.night_fee(Decimal(50), Decimal(100)))
    ]


def test_fees_are_charged_symbol_by_symbol(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=50)
    holds(world, trader, "MSFT", -50, "30")
    at_price(world, "100", DAY)
    fees = {symbol: margin.night_fee(Decimal(50), Decimal(price)) for symbol, price in (("AAPL", 100), ("MSFT", 30))}
    assert charged(world) == fees


def test_a_night_that_lies_far_back_is_charged_no_more(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=50)
    at_price(world, "100", 14 * DAY)
    charged(world)
    ((first,),) = rows(world, "SELECT min(cause) FROM adjustments WHERE kind = 'BORROW_FEE'")
    assert first > f"borrowed on {(world.broker.now_at - timedelta(days=10)).date()}"


def test_a_short_position_is_as_old_as_its_first_sale(world: World) -> None:
    trader = bear(world)
    query = "SELECT opened_at FROM positions WHERE session_id = %s"
    says(world, trader, "sell", 1, quantity=10)
    (opened,) = rows(world, query, trader.session_id)
    says(world, trader, "sell", 5, quantity=10)
    assert rows(world, query, trader.session_id) == [opened]
    says(world, trader, "buy", 6)
    says(world, trader, "sell", 9, quantity=10)
    ((again,),) = rows(world, query, trader.session_id)
    assert again > opened[0]


def test_a_fee_is_of_its_own_symbol_and_session(world: World) -> None:
    trader, other = bear(world, "one"), bear(world, "other")
    says(world, trader, "sell", 1, quantity=50)
    at_price(world, "100", DAY)
    # What the other sold after the close was not borrowed over the night.
    says(world, other, "sell", DAY + 1, quantity=20)
    charged(world)
    query = "SELECT user_id FROM adjustments WHERE kind = 'BORROW_FEE'"
    assert rows(world, query) == [(trader.user_id,)]


def test_what_was_covered_after_the_close_was_borrowed_over_the_night(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=150)
    says(world, trader, "buy", DAY, quantity=120)
    charged(world)
    # Two round lots, at the close of the day before.
    ((fee,),) = rows(world, "SELECT -cash FROM adjustments WHERE kind = 'BORROW_FEE'")
    assert fee == margin.night_fee(Decimal(200), Decimal(100)) == margin.night_fee(Decimal(150), Decimal(100))


def test_what_the_house_is_selling_it_does_not_have(world: World) -> None:
    with world.database.transaction() as connection:
        assert lock_house(connection, "AAPL") == 0
        connection.execute(
            "INSERT INTO positions (user_id, symbol, quantity, reserved_quantity, cost_basis) VALUES (%s, 'AAPL', 1.7, 0.5, 170)",
            (HOUSE,),
        )
        assert lock_house(connection, "AAPL") == Decimal("1.2")


@pytest.mark.parametrize(
    ("change", "invariant"),
    [
        (
            "UPDATE users SET short_selling = false",
            "no balance or position is negative but where the account may go short",
        ),
        ("UPDATE positions SET session_id = NULL", "what is short was sold in a session, and of stocks"),
        ("UPDATE positions SET symbol = 'BTC/USD'", "what is short was sold in a session, and of stocks"),
    ],
)
def test_what_must_not_be_short_is_found(world: World, change: LiteralString, invariant: str) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=50)
    with world.database.transaction() as connection:
        connection.execute(change)
    assert invariant in broken(world.database)


def test_a_standing_is_the_sessions_profit_and_loss_fees_and_corrections_included(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=50)
    rows(world, "INSERT INTO published_sessions (session_id, user_id, name, name_key) VALUES (%s, %s, 'Bear', 'bear') RETURNING 1", trader.session_id, trader.user_id)  # fmt: skip

    def standing() -> tuple[Any, ...]:
        rows(world, "SELECT compute_standings(ARRAY[%s::uuid])", trader.session_id)
        (found,) = rows(world, "SELECT pnl, mean_return, sharpe, trades FROM session_standings")
        return tuple(found)

    def pnl() -> Any:
        query = f"SELECT {SESSION_PNL} FROM sessions s WHERE id = %s"
        return rows(world, query, trader.session_id)[0][0]

    at_price(world, "90", 389)
    before = standing()
    assert before[0] == pnl() == 500
    at_price(world, "90", DAY)
    (fee,) = charged(world).values()
    open_still = standing()
    assert open_still[0] == pnl() == 500 - fee
    # What the position made a dollar is less by the fee, and so is the ratio of what a day made.
    assert open_still[1] == pytest.approx(before[1] - float(fee) / 5_000)
    assert open_still[2] < before[2]
    assert open_still[3] == 1
    says(world, trader, "buy", DAY + 1, price="90")
    order = list(world.exchange.orders.values())[-1]
    world.exchange.correct_last_fill(order, order.filled_quantity, Decimal(91), world.broker.now_at)
    assert world.reconciler.run().corrected == [order.client_order_id]
    assert standing()[0] == pnl() == 450 - fee


def test_what_nobody_can_buy_back_keeps_no_closed_account_from_being_erased(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=1)
    with world.database.transaction(trader.user_id) as connection:
        assert accounts.close_account(connection)
    settled(world)
    with world.database.transaction() as connection:
        connection.execute(
            "UPDATE positions SET quantity = -0.0000000001, cost_basis = -0.00000001, reserved_quantity = 0"
        )
        connection.execute("UPDATE sessions SET settling = false")
        assert accounts.erase_closed(connection, timedelta(seconds=-1), 10) == 0
        connection.execute(
            "UPDATE orders SET status = 'REJECTED', reason = 'WHOLE_UNITS_ONLY', size_kind = 'quantity', size = 0.0000000001, decided_at = now() WHERE origin = 'FLATTEN'"
        )
        assert accounts.erase_closed(connection, timedelta(seconds=-1), 10) == 1
