"""Attacks on short positions on a real PostgreSQL: whoever owes pays for each of his nights and for no other, and what one account is set to costs no other anything."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from stratforge.application import risk
from stratforge.application.access import Caller
from stratforge.application.borrow_fees import charge_borrow_fees
from stratforge.application.errors import Conflict
from stratforge.market.corporate_actions import ActionKind, CorporateAction
from stratforge.market.sizes import Side
from stratforge.portfolio import margin
from stratforge.portfolio.orders import OrderStatus
from stratforge.storage.ledger import reconciliation
from stratforge.storage.ledger.corporate_actions import apply_action
from stratforge.storage.market import clock
from stratforge.strategy.order_terms import Terms

from tests.integration.test_short_positions_in_the_ledger import (
    DAY,
    at_broker,
    at_price,
    bear,
    cash,
    last_order,
    lent,
    no_difference,
    position,
    rows,
    says,
    world,
)
from tests.support.ledger import add_signal_with_terms, broken, set_price
from tests.support.world import World

__all__ = ["world"]


def at_clock(world: World) -> None:
    with world.database.transaction() as connection:
        clock.set_market_clock(connection, world.broker.now_at)


def charged(world: World) -> dict[str, Decimal]:
    at_clock(world)
    return charge_borrow_fees(world.database)


def fees(world: World) -> list[str]:
    return [row[0] for row in rows(world, "SELECT cause FROM adjustments WHERE kind = 'BORROW_FEE' ORDER BY id")]


def follows(world: World, kind: ActionKind, **terms: Any) -> None:
    """The ledger follows a corporate action of the day that the market is at."""
    assert obstacle_to(world, kind, **terms) is None


def obstacle_to(world: World, kind: ActionKind, **terms: Any) -> str | None:
    """The obstacle to following such an action."""
    action = CorporateAction(f"a-{uuid4()}", "AAPL", kind, world.broker.now_at.date(), **terms)
    at_clock(world)
    with world.database.transaction() as connection:
        connection.execute(
            "INSERT INTO corporate_actions (id, symbol, kind, effective_on, ratio, new_symbol, cash, approved_at) VALUES (%s, %s, %s, %s, %s, %s, %s, now())",
            (
                action.action_id,
                action.symbol,
                action.kind,
                action.effective_on,
                action.ratio,
                action.new_symbol,
                action.cash,
            ),
        )
        return apply_action(connection, action)


# Nights ----------------------------------------------------------------------------------------------------------


def test_after_a_split_nothing_is_charged_for_nights_before_the_sale(world: World) -> None:
    """Sold on Tuesday, split on Wednesday: Monday's night was nobody's."""
    trader = bear(world)
    at_price(world, "100", 389)
    says(world, trader, "sell", DAY, quantity=50)
    at_price(world, "100", DAY + 389)
    world.broker.now_at += timedelta(hours=17)
    charged(world)
    assert fees(world) == ["borrowed on 2026-01-06 for 1 nights at 100"]
    follows(world, ActionKind.SPLIT, ratio=Decimal(2))
    charged(world)
    assert fees(world) == ["borrowed on 2026-01-06 for 1 nights at 100"]


def test_after_a_change_of_name_no_night_is_charged_twice_or_before_the_sale(world: World) -> None:
    trader = bear(world)
    at_price(world, "100", 389)
    says(world, trader, "sell", DAY, quantity=50)
    at_price(world, "100", DAY + 389)
    world.broker.now_at += timedelta(hours=17)
    charged(world)
    follows(world, ActionKind.SYMBOL_CHANGE, new_symbol="APPL")
    charged(world)
    assert fees(world) == ["borrowed on 2026-01-06 for 1 nights at 100"]


@pytest.mark.parametrize(
    ("kind", "terms"),
    [
        (ActionKind.SPLIT, {"ratio": Decimal("0.1")}),
        (ActionKind.SYMBOL_CHANGE, {"new_symbol": "APPL"}),
        (ActionKind.CASH_MERGER, {"ratio": Decimal(0), "cash": Decimal(120)}),
    ],
)
def test_who_was_never_short_is_charged_for_no_night_whatever_his_shares_became(
    world: World, kind: ActionKind, terms: dict[str, object]
) -> None:
    trader = bear(world)
    at_price(world, "100", 389)
    says(world, trader, "buy", DAY, short=False, quantity=50)
    at_price(world, "100", DAY + 389)
    world.broker.now_at += timedelta(hours=17)
    charged(world)
    follows(world, kind, **terms)
    before = cash(world, trader)
    assert charged(world) == {}
    assert (fees(world), cash(world, trader)) == ([], before)


def test_who_covers_and_opts_out_first_pays_for_the_night_all_the_same(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=50)
    at_price(world, "100", 389)
    says(world, trader, "buy", DAY, price="100")
    at_clock(world)
    with pytest.raises(Conflict, match="borrow fee"):
        risk.choose_short_selling(world.database, Caller(trader.user_id), enabled=False)
    charged(world)
    assert cash(world, trader) == 10_000 - margin.night_fee(Decimal(50), Decimal(100))
    at_price(world, "100", 2 * DAY + 1)
    at_clock(world)
    risk.choose_short_selling(world.database, Caller(trader.user_id), enabled=False)
    assert broken(world.database) == {}


# What one account is set to --------------------------------------------------------------------------------------


def test_who_has_stopped_his_trading_is_called_for_margin_all_the_same(world: World) -> None:
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=190)
    with world.database.transaction() as connection:
        connection.execute("UPDATE users SET trading_state = 'HALTED' WHERE id = %s", (trader.user_id,))
    at_price(world, "118", 2)
    assert last_order(world)[:5] == ("buy", True, "MARGIN_CALL", 190, OrderStatus.FILLED)


def test_who_has_stopped_his_trading_holds_up_no_sale_of_what_is_lent_no_more(world: World) -> None:
    trader, seller = bear(world), bear(world, "seller")
    says(world, seller, "buy", 1, short=False, quantity=30)
    says(world, trader, "sell", 2, quantity=30)
    with world.database.transaction() as connection:
        connection.execute("UPDATE users SET trading_state = 'HALTED' WHERE id = %s", (trader.user_id,))
    lent(world, easy_to_borrow=False)
    at_price(world, "100", 3)
    says(world, seller, "sell", 4, short=False)
    at_price(world, "100", 5)
    assert (position(world, seller)[0], position(world, trader)[0], at_broker(world)) == (0, 0, 0)


@pytest.mark.parametrize("part", [0.005, 0.5])
def test_whoever_holds_part_of_a_share_can_sell_while_others_are_short(world: World, part: float) -> None:
    """What the account has left is less than a dollar's worth, which the broker takes no order for."""
    trader, seller = bear(world), bear(world, "seller")
    says(world, seller, "buy", 1, short=False, quantity=10 + part)
    says(world, trader, "sell", 2, quantity=10)
    assert at_broker(world) == Decimal(str(part))
    says(world, seller, "sell", 3, short=False)
    at_price(world, "100", 4)
    at_price(world, "100", 5)
    assert position(world, seller)[0] == 0
    assert world.exchange.refusals == {}
    no_difference(world)


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_units_of_the_account_itself_halt_no_symbol_when_somebody_goes_short(world: World, side: Side) -> None:
    """The broker has what an operator accepted as the account's own besides what users hold and owe."""
    at_price(world, "100", 1)
    request = {
        "client_order_id": "by hand",
        "symbol": "AAPL",
        "side": side,
        "qty": "3",
        "type": "limit",
        "limit_price": "100",
    }
    order = world.exchange.submit(request, world.broker.now_at, Decimal(100))
    world.exchange.fill(order, Decimal(3), Decimal(100), world.broker.now_at)
    world.updates.clear()
    with world.database.transaction() as connection:
        reconciliation.keep_order_of_nobody(
            connection, "by hand", "AAPL", side, world.broker.now_at, (Decimal(3), Decimal(300))
        )
        reconciliation.close_correction(connection, "by hand", Decimal(3), Decimal(300))
    trader = bear(world)
    says(world, trader, "sell", 2, quantity=10)
    says(world, trader, "buy", 3)
    assert rows(world, "SELECT symbol, reason FROM symbol_halts") == []
    assert world.exchange.refusals == {}
    assert (position(world, trader)[0], at_broker(world)) == (0, 3 if side is Side.BUY else -3)


def test_a_split_that_is_told_late_finds_what_is_owed_still(world: World) -> None:
    """He bought back as many as he had sold, on the day on which each had become two: the other half he owes still, and has not opted out meanwhile."""
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=50)
    at_price(world, "100", 389)
    world.broker.now_at += timedelta(hours=17)
    fee = sum(charged(world).values())
    says(world, trader, "buy", DAY + 1, price="50")
    assert position(world, trader)[0] == 0
    at_clock(world)
    with pytest.raises(Conflict):
        risk.choose_short_selling(world.database, Caller(trader.user_id), enabled=False)
    follows(world, ActionKind.SPLIT, ratio=Decimal(2))
    assert position(world, trader) == (-50, -2_500, 50, -fee)
    assert broken(world.database) == {}
    world.exchange.positions["AAPL"] = Decimal(-50)
    says(world, trader, "buy", DAY + 5, price="2000")
    assert position(world, trader)[0] == 0
    assert cash(world, trader) < 0
    assert broken(world.database) == {}


def test_a_split_that_is_told_days_after_he_opted_out_makes_his_account_short_again(world: World) -> None:
    """What he owes still costs its fee and needs its margin, and he buys it back; meanwhile nobody's platform halts."""
    trader = bear(world)
    says(world, trader, "sell", 1, quantity=50)
    at_price(world, "100", 389)
    world.broker.now_at += timedelta(hours=17)
    split_at = world.broker.now_at
    charged(world)
    says(world, trader, "buy", DAY + 1, price="50")
    at_price(world, "50", 2 * DAY + 2)
    charged(world)
    at_clock(world)
    risk.choose_short_selling(world.database, Caller(trader.user_id), enabled=False)
    action = CorporateAction("late", "AAPL", ActionKind.SPLIT, split_at.date(), ratio=Decimal(2))
    with world.database.transaction() as connection:
        connection.execute(
            "INSERT INTO corporate_actions (id, symbol, kind, effective_on, ratio, approved_at) VALUES ('late', 'AAPL', 'split', %s, 2, now())",
            (action.effective_on,),
        )
        assert apply_action(connection, action) is None
    assert position(world, trader)[0] == -50
    assert broken(world.database) == {}
    assert rows(world, "SELECT short_selling FROM users WHERE id = %s", trader.user_id) == [(True,)]
    assert rows(world, "SELECT kind::text FROM account_events ORDER BY id DESC LIMIT 1") == [("SHORT_SELLING_ENABLED",)]
    world.exchange.positions["AAPL"] = Decimal(-50)
    at_price(world, "50", 2 * DAY + 389)
    at_price(world, "50", 3 * DAY + 1)
    assert charged(world)["AAPL"] >= margin.night_fee(Decimal(50), Decimal(50))
    says(world, trader, "buy", 3 * DAY + 2, price="50")
    assert position(world, trader)[0] == 0
    assert broken(world.database) == {}


@pytest.mark.parametrize("short", [True, False])
def test_what_an_exit_takes_is_held_back_once(world: World, short: bool) -> None:
    """A limit of the strategy rests while an exit and another decision of it come at once, of which the second finds nothing."""
    trader = bear(world)
    with world.database.transaction() as connection:
        connection.execute("UPDATE sessions SET stop_loss = 0.05")
    opens, closes, away, stop = ("short", "cover", 90.0, "106") if short else ("buy", "sell", 110.0, "94")
    for minute, side, price, limit in ((1, opens, "100", None), (2, closes, "100", away), (3, closes, stop, None)):
        with world.database.transaction() as connection:
            time = set_price(connection, price, minute)
            world.broker.prices["AAPL"] = Decimal(price)
            world.broker.now_at = time + timedelta(minutes=1)
            add_signal_with_terms(connection, trader, side, time, "AAPL", Terms(limit), {"quantity": 10})
        world.work = ["AAPL"]
        world.quiet()
        assert broken(world.database) == {}
    assert position(world, trader)[0] == 0


@pytest.mark.parametrize("first", ["long", "short"])
def test_a_split_that_is_told_late_waits_for_a_person_where_a_position_was_turned_round(
    world: World, first: str
) -> None:
    """Nobody can tell what he has: the ledger says what has to happen, and goes on for everybody else."""
    trader = bear(world)
    sides = (("buy", False), ("sell", False), ("sell", True))
    if first == "short":
        sides = (("sell", True), ("buy", True), ("buy", False))
    says(world, trader, sides[0][0], 1, short=sides[0][1], quantity=50)
    at_price(world, "100", 389)
    world.broker.now_at += timedelta(hours=17)
    says(world, trader, sides[1][0], DAY + 1, short=sides[1][1], price="50", quantity=50)
    says(world, trader, sides[2][0], DAY + 2, short=sides[2][1], price="50", quantity=10)
    held = position(world, trader)
    assert abs(held[0]) == 10
    assert obstacle_to(world, ActionKind.SPLIT, ratio=Decimal(2)) == "somebody turned a position round after the split"
    assert position(world, trader) == held
    assert broken(world.database) == {}
