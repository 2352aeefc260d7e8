"""Portfolio sessions live: when they decide, on what, and how that becomes orders and fills."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from stratforge.application.errors import Invalid
from stratforge.application.rebalance import rebalance
from stratforge.application.sessions import (
    NewSession,
    SessionChange,
    change_session,
    flatten_session,
    start_session,
    stop_session,
)
from stratforge.market.corporate_actions import ActionKind, CorporateAction
from stratforge.market.sizes import SizingRule
from stratforge.storage.ledger.halts import halt_symbol
from stratforge.storage.market import clock
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies.rebalances import RebalanceStatus, Said
from stratforge.storage.strategies.sessions import SessionMode, SessionStatus

from tests.support.asking import NEW
from tests.support.rotating import (
    EVERY_TEN_MINUTES,
    FIRST,
    FLAT,
    MARCH,
    MONTHLY,
    RISING,
    SYMBOLS,
    Rotating,
    at,
    in_march,
    minutes,
)
from tests.support.world import World


def test_a_session_decides_as_soon_as_it_can_and_holds_what_it_wants(rotating: Rotating) -> None:
    session = rotating.start()
    assert (session.symbol, session.universe, session.schedule) == ("PORTFOLIO", list(SYMBOLS), "monthly")
    assert rotating.decide(session.session_id).decided == 1
    rotating.settle(session.session_id)
    (decision,) = rotating.decisions(session.session_id)
    assert decision.weights == [0.9, 0.0, 0.0]
    assert decision.status is RebalanceStatus.ORDERED
    assert decision.state_after == {"n": 1.0}
    # 90 % of 10,000 dollars at the last close that was seen, 109.
    assert decision.orders[0] == pytest.approx(9_000 / 109)
    held = rotating.held(session.session_id)
    assert set(held) == {"AAPL"}
    assert float(held["AAPL"]) == pytest.approx(9_000 / 109, rel=1e-6)
    assert rotating.session(session.session_id).decides_at == at(MARCH)


def test_nothing_is_decided_twice_however_often_it_is_asked_for(rotating: Rotating) -> None:
    session = rotating.start()
    for _ in range(3):
        rotating.decide(session.session_id)
    rotating.settle(session.session_id)
    rotating.clock(at(FIRST + timedelta(days=3), 11, 0))
    assert rotating.decide(session.session_id).decided == 0
    assert len(rotating.decisions(session.session_id)) == 1


def test_sales_come_first_and_purchases_are_paid_with_what_they_bring(rotating: Rotating) -> None:
    session = rotating.start()
    rotating.decide(session.session_id)
    rotating.settle(session.session_id)
    in_march(rotating)
    assert rotating.decide(session.session_id).orders == 1
    assert rotating.decisions(session.session_id)[0].status is RebalanceStatus.SELLING
    assert rotating.decide(session.session_id).orders == 0
    rotating.settle(session.session_id)
    latest = rotating.decisions(session.session_id)[0]
    assert latest.status is RebalanceStatus.ORDERED
    assert latest.state_before == {"n": 1.0}
    assert set(rotating.held(session.session_id)) == {"IBM"}


def test_purchases_that_cost_more_than_there_is_are_cut_by_the_same_part(rotating: Rotating) -> None:
    everything = """
UNIVERSE = ["AAPL", "IBM"]
SCHEDULE = "weekly"

def indicators(bars):
    return {}

def rebalance(universe, portfolio, state):
    return {"AAPL": 0.5, "IBM": 0.5}
"""
    session = rotating.start(everything)
    rotating.minute(at(FIRST, 9, 31), {"AAPL": 119.0, "IBM": 110.0})
    rotating.decide(session.session_id)
    rotating.settle(session.session_id)
    (decision,) = rotating.decisions(session.session_id)
    # Two halves at 109 and 100, which now cost 119 and 110.
    needed = 5_000 / 109 * 119 + 5_000 / 100 * 110
    assert decision.bought_part == pytest.approx(10_000 / needed)
    held = rotating.held(session.session_id)
    assert float(held["AAPL"] / held["IBM"]) == pytest.approx(100 / 109)


def test_days_that_are_not_read_yet_are_waited_for_and_after_an_hour_named(rotating: Rotating) -> None:
    session = rotating.start()
    rotating.clock(at(MARCH, 9, 35))
    rotating.days(MARCH, {"AAPL": FLAT, "MSFT": RISING})
    rotating.minute(at(MARCH), dict.fromkeys(SYMBOLS, 100.0))
    assert rotating.decide(session.session_id).decided == 0
    rotating.clock(at(MARCH, 10, 31))
    assert rotating.decide(session.session_id).decided == 1
    (decision,) = rotating.decisions(session.session_id)
    assert decision.missing == ["IBM"]
    assert decision.known == [True, False, True]
    assert decision.weights == [0.0, 0.0, 0.9]


def test_nothing_is_decided_while_the_exchange_is_closed(rotating: Rotating) -> None:
    session = rotating.start()
    for closed in (at(FIRST, 9, 29, 59), at(FIRST, 16, 0), at(date(2026, 2, 7), 11, 0)):
        rotating.clock(closed)
        with rotating.database.transaction() as connection:
            connection.execute("UPDATE sessions SET decides_at = %s", (closed,))
        assert rotating.decide(session.session_id).decided == 0
    assert rotating.decisions(session.session_id) == []
    # A Saturday: it looks again when the exchange opens.
    assert rotating.session(session.session_id).decides_at == at(date(2026, 2, 9))


def test_a_session_lives_on_its_capital_whatever_its_owner_has(rotating: Rotating) -> None:
    sessions = [rotating.start(capital=each) for each in ("1000", "20000")]
    ids = [each.session_id for each in sessions]
    assert rotating.decide(*ids).decided == 2
    rotating.settle(*ids)
    values = [float(rotating.held(each)["AAPL"]) * 109 for each in ids]
    assert values == pytest.approx([900, 18_000])
    assert [each.equity for each in rotating.decisions(ids[0])] == [1_000.0]
    assert rotating.session(ids[0]).capital == Decimal(1_000)


def test_a_span_of_minutes_is_decided_when_the_bars_of_its_last_minute_are_in(rotating: Rotating) -> None:
    minutes(rotating, 0, 9)
    rotating.clock(at(FIRST, 9, 40, 1))
    session = rotating.start(EVERY_TEN_MINUTES)
    assert rotating.decide(session.session_id).decided == 0
    minutes(rotating, 9, 10, without="IBM")
    assert rotating.decide(session.session_id).decided == 0
    minutes(rotating, 9, 10, without="AAPL")
    assert rotating.decide(session.session_id).decided == 1
    (decision,) = rotating.decisions(session.session_id)
    assert (decision.moment, decision.missing) == (at(FIRST, 9, 40), [])
    assert decision.last_bars == [at(FIRST, 9, 39)] * 2
    assert decision.weights == [0.5, 0.0]
    assert decision.state_after == {"minute": 40.0}
    rotating.settle(session.session_id)
    assert set(rotating.held(session.session_id)) == {"AAPL"}
    assert rotating.session(session.session_id).decides_at == at(FIRST, 9, 50)


def test_a_bar_that_does_not_come_is_waited_for_five_seconds_and_named(rotating: Rotating) -> None:
    minutes(rotating, 0, 10, without="IBM")
    minutes(rotating, 0, 5, without="AAPL")
    rotating.clock(at(FIRST, 9, 35))
    session = rotating.start(EVERY_TEN_MINUTES)
    rotating.clock(at(FIRST, 9, 40, 3))
    assert rotating.decide(session.session_id).decided == 0
    rotating.clock(at(FIRST, 9, 40, 6))
    assert rotating.decide(session.session_id).decided == 1
    (decision,) = rotating.decisions(session.session_id)
    assert decision.missing == ["IBM"]
    assert decision.last_bars == [at(FIRST, 9, 39), at(FIRST, 9, 34)]


def test_on_a_fast_replay_a_bar_is_waited_for_no_longer_than_half_of_a_span(
    rotating: Rotating, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five seconds of ours are ten minutes there."""
    read = clock.market_clock
    monkeypatch.setattr(clock, "market_clock", lambda connection: replace(read(connection), speed=120))
    minutes(rotating, 0, 10, without="IBM")
    rotating.clock(at(FIRST, 9, 35))
    session_id = rotating.start(EVERY_TEN_MINUTES).session_id
    for now, decided in ((at(FIRST, 9, 44), 0), (at(FIRST, 9, 45, 1), 1)):
        rotating.clock(now)
        assert rotating.decide(session_id).decided == decided
    assert rotating.decisions(session_id)[0].missing == ["IBM"]


def test_a_span_that_nobody_could_decide_about_is_left_out(rotating: Rotating) -> None:
    minutes(rotating, 0, 10)
    rotating.clock(at(FIRST, 9, 40, 1))
    session = rotating.start(EVERY_TEN_MINUTES)
    rotating.decide(session.session_id)
    minutes(rotating, 10, 40)
    rotating.clock(at(FIRST, 10, 10, 1))
    assert rotating.decide(session.session_id).waiting == 1
    rotating.settle(session.session_id)
    assert [each.moment for each in rotating.decisions(session.session_id)] == [at(FIRST, 10, 10), at(FIRST, 9, 40)]


def test_a_paused_session_decides_nothing_and_what_it_was_to_buy_is_called_off(rotating: Rotating) -> None:
    session = rotating.start()
    rotating.decide(session.session_id)
    rotating.settle(session.session_id)
    in_march(rotating)
    rotating.decide(session.session_id)
    change_session(rotating.database, rotating.ada, session.session_id, SessionChange(status=SessionStatus.PAUSED))
    rotating.settle(session.session_id)
    assert rotating.decisions(session.session_id)[0].status is RebalanceStatus.CALLED_OFF
    rotating.clock(at(date(2026, 4, 1), 9, 31))
    rotating.days(date(2026, 4, 1), {"AAPL": FLAT, "IBM": FLAT, "MSFT": RISING})
    rotating.minute(at(date(2026, 4, 1)), dict.fromkeys(SYMBOLS, 100.0))
    assert rotating.decide(session.session_id).decided == 0
    change_session(rotating.database, rotating.ada, session.session_id, SessionChange(status=SessionStatus.RUNNING))
    assert rotating.decide(session.session_id).decided == 1


def test_a_session_that_is_stopped_sells_everything_where_that_is_asked_for(rotating: Rotating) -> None:
    source = MONTHLY.replace("top(1)", "top(3)")
    session = rotating.start(source)
    rotating.decide(session.session_id)
    rotating.settle(session.session_id)
    assert set(rotating.held(session.session_id)) == set(SYMBOLS)
    stopped = stop_session(rotating.database, rotating.outbox, rotating.ada, session.session_id, flatten=True)
    assert stopped.status is SessionStatus.STOPPED
    rotating.world.work += [each for kind, each in rotating.outbox.messages if kind == "executor"]  # type: ignore[misc]
    rotating.settle(session.session_id)
    assert rotating.held(session.session_id) == {}
    ended = rotating.session(session.session_id)
    assert not ended.settling
    assert ended.final_pnl is not None


def test_a_session_that_is_flattened_and_goes_on_buys_again_with_its_next_decision(rotating: Rotating) -> None:
    session = rotating.start()
    rotating.decide(session.session_id)
    rotating.settle(session.session_id)
    flatten_session(rotating.database, rotating.outbox, rotating.ada, session.session_id)
    rotating.world.work += ["AAPL"]
    rotating.settle(session.session_id)
    assert rotating.held(session.session_id) == {}
    in_march(rotating)
    rotating.decide(session.session_id)
    rotating.settle(session.session_id)
    assert set(rotating.held(session.session_id)) == {"IBM"}


def test_a_session_by_hand_says_what_it_would_do_and_orders_nothing(rotating: Rotating) -> None:
    session = rotating.start(mode=SessionMode.MANUAL)
    assert rotating.decide(session.session_id).orders == 0
    (decision,) = rotating.decisions(session.session_id)
    assert decision.status is RebalanceStatus.RECORDED
    assert decision.orders[0] > 0
    rotating.settle(session.session_id)
    assert rotating.held(session.session_id) == {}


def test_a_strategy_that_fails_three_times_in_a_row_is_stopped(rotating: Rotating) -> None:
    session = rotating.start()
    rotating.sandbox = lambda _windows, _universe, asking: [Said(each, None, {}, "it broke") for each in asking]  # type: ignore[assignment]
    for minute in (31, 33, 35):
        rotating.clock(at(FIRST, 9, minute, 30))
        assert rotating.decide(session.session_id).failures == 1
        assert rotating.decide(session.session_id).failures == 0
    failed = rotating.session(session.session_id)
    assert (failed.status, failed.failure_reason) == (SessionStatus.FAILED, "it broke")


def test_a_split_between_two_decisions_changes_shares_and_no_weights(rotating: Rotating) -> None:
    session = rotating.start()
    rotating.decide(session.session_id)
    rotating.settle(session.session_id)
    before = rotating.held(session.session_id)["AAPL"]
    rotating.clock(at(MARCH, 8, 0))
    split = CorporateAction("split-1", "AAPL", ActionKind.SPLIT, MARCH, ratio=Decimal(2))
    rotating.world.broker.actions = [split]
    rotating.world.exchange.split("AAPL", Decimal(2), at(MARCH, 8, 0))
    rotating.world.reconciler.run()
    rotating.clock(at(MARCH, 9, 31))
    halves = [each / 2 for each in RISING]
    rotating.days(MARCH, {"AAPL": halves, "IBM": FLAT, "MSFT": FLAT})
    rotating.minute(at(MARCH), {"AAPL": 54.5, "IBM": 100.0, "MSFT": 100.0})
    rotating.decide(session.session_id)
    (decision, _) = rotating.decisions(session.session_id)
    assert decision.held[0] == pytest.approx(float(before) * 2)
    assert decision.parts[0] == pytest.approx(float(before) * 109 / decision.equity)
    rotating.settle(session.session_id)


def test_somebody_who_dies_before_the_commit_leaves_a_session_that_is_still_due(rotating: Rotating) -> None:
    session = rotating.start()
    for name in ("before commit", "after commit", "before wake"):
        for number in range(1, 6):
            rotating.world.fuse.arm(kill_at=f"{name}#{number}")
            fragile = rotating.world.fragile
            rotating.world.attempt(
                lambda: rebalance(fragile, rotating.sandbox, rotating.world.wake, [session.session_id])
            )
    rotating.settle(session.session_id)
    assert len(rotating.decisions(session.session_id)) == 1
    assert float(rotating.held(session.session_id)["AAPL"]) == pytest.approx(9_000 / 109, rel=1e-6)


def test_it_has_no_stops_and_its_capital_stays(rotating: Rotating) -> None:
    session = rotating.start()
    for change in (SessionChange(stop_loss=Decimal("0.1")), SessionChange(sizing_value=Decimal("0.5"))):
        with pytest.raises(Invalid, match="capital") as refused:
            change_session(rotating.database, rotating.ada, session.session_id, change)
        assert refused.value.code == "portfolio-size"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"symbol": "AAPL"}, "portfolio-symbol"),
        ({"stop_loss": Decimal("0.1")}, "portfolio-stops"),
        ({"sizing_rule": SizingRule.FIXED_QUANTITY}, "portfolio-size"),
        ({"sizing_rule": SizingRule.FIXED_CASH, "sizing_value": Decimal(99)}, "portfolio-size"),
    ],
)
def test_what_a_portfolio_has_no_use_for_is_refused(rotating: Rotating, more: dict[str, Any], code: str) -> None:
    session = rotating.start()
    with pytest.raises(Invalid) as refused:
        start_session(
            rotating.database, rotating.outbox, rotating.ada, NewSession(strategy_id=session.strategy_id, **more), NEW
        )
    assert refused.value.code == code


def test_a_part_of_the_equity_becomes_a_capital_when_the_session_starts(rotating: Rotating) -> None:
    stored = rotating.start()
    new = NewSession(strategy_id=stored.strategy_id, sizing_value=Decimal("0.25"))
    started = start_session(rotating.database, rotating.outbox, rotating.ada, new, NEW)
    assert started.capital == Decimal(25_000)


def test_more_bars_than_a_live_decision_takes_are_refused_when_it_starts(rotating: Rotating) -> None:
    universe = [f"{first}{second}" for first in "AB" for second in "BCDEFGHIJKLMNOPQRSTU"]
    source = MONTHLY.replace('["AAPL", "IBM", "MSFT"]', str(universe)).replace("DAYS = 5", "DAYS = 2000")
    with pytest.raises(Invalid, match="live it may look at 65,536") as refused:
        rotating.start(source)
    assert refused.value.code == "portfolio-too-large"


def test_what_is_held_under_another_name_counts_to_the_equity_and_is_left_alone(rotating: Rotating) -> None:
    session = rotating.start()
    rotating.decide(session.session_id)
    rotating.settle(session.session_id)
    held = rotating.held(session.session_id)["AAPL"]
    with rotating.database.transaction() as connection:
        connection.execute("UPDATE positions SET symbol = 'NEW'")
        connection.execute("INSERT INTO latest_prices (symbol, price, time) VALUES ('NEW', 200, now())")
    in_march(rotating)
    rotating.decide(session.session_id)
    (latest, first) = rotating.decisions(session.session_id)
    assert latest.equity == pytest.approx(first.cash - float(held) * 100.0 + float(held) * 200.0, rel=1e-3)
    rotating.settle(session.session_id)
    assert set(rotating.held(session.session_id)) == {"NEW", "IBM"}
    with rotating.database.transaction() as connection:
        connection.execute("UPDATE positions SET symbol = 'AAPL' WHERE symbol = 'NEW'")


def test_the_first_span_of_a_day_is_decided_about_at_the_open(rotating: Rotating) -> None:
    for number in range(360, 390):
        rotating.minute(at(FIRST) + timedelta(minutes=number), {"AAPL": 100.0 + number, "IBM": 100.0})
    tuesday = FIRST + timedelta(days=1)
    rotating.clock(at(tuesday, 9, 29, 50))
    session = rotating.start(EVERY_TEN_MINUTES)
    assert rotating.decide(session.session_id).decided == 0
    rotating.clock(at(tuesday, 9, 30, 0))
    assert rotating.decide(session.session_id).decided == 1
    (decision,) = rotating.decisions(session.session_id)
    assert (decision.moment, decision.missing) == (at(tuesday), [])
    assert decision.last_bars == [at(FIRST, 15, 59)] * 2
    assert decision.weights == [0.5, 0.0]


def test_a_decision_that_could_not_be_taken_in_time_is_taken_as_long_as_its_period_runs(rotating: Rotating) -> None:
    session = rotating.start()
    rotating.decide(session.session_id)
    rotating.settle(session.session_id)
    thursday = MARCH + timedelta(days=3)
    rotating.clock(at(thursday, 14, 0))
    rotating.days(thursday, {"AAPL": FLAT, "IBM": RISING, "MSFT": FLAT})
    rotating.minute(at(thursday, 13, 59), dict.fromkeys(SYMBOLS, 100.0))
    assert rotating.decide(session.session_id).decided == 1
    latest = rotating.decisions(session.session_id)[0]
    assert latest.moment == at(thursday, 0, 0)
    assert latest.last_bars == [at(thursday - timedelta(days=1), 0, 0)] * 3
    assert rotating.session(session.session_id).decides_at == at(date(2026, 4, 1))


def test_purchases_wait_a_minute_at_most_for_sales_that_do_not_end(rotating: Rotating) -> None:
    session = rotating.start()
    rotating.decide(session.session_id)
    rotating.settle(session.session_id)
    in_march(rotating)
    assert rotating.decide(session.session_id).orders == 1
    assert rotating.decide(session.session_id).orders == 0
    with rotating.database.transaction() as connection:
        connection.execute("UPDATE rebalances SET created_at = created_at - interval '61 seconds'")
    # Of 10,000 dollars 1,750 are left, and the sale has brought nothing yet.
    assert rotating.decide(session.session_id).orders == 1
    latest = rotating.decisions(session.session_id)[0]
    assert latest.bought_part is not None
    assert latest.bought_part < 0.25
    rotating.settle(session.session_id)


@pytest.mark.usefixtures("sandboxed")
def test_purchases_are_cut_to_what_the_account_has_with_two_percent_to_spare(database: Database, migrated: str) -> None:
    world = World(migrated)
    found = Rotating(database, world, cash=9_000)
    found.clock(at(FIRST, 9, 31))
    found.days(FIRST, {"AAPL": RISING, "IBM": FLAT, "MSFT": FLAT})
    found.minute(at(FIRST), dict.fromkeys(SYMBOLS, 109.0))
    session = found.start(MONTHLY.replace("* 0.9", "* 1"), capital="9000")
    found.decide(session.session_id)
    found.settle(session.session_id)
    assert found.decisions(session.session_id)[0].bought_part == pytest.approx(1 / 1.02)
    assert float(found.held(session.session_id)["AAPL"]) == pytest.approx(9_000 / 1.02 / 109)
    world.close()


def test_an_order_that_nobody_fills_in_three_minutes_is_old(rotating: Rotating) -> None:
    session = rotating.start()
    rotating.decide(session.session_id)
    rotating.decide(session.session_id)
    rotating.clock(at(FIRST, 9, 35))
    rotating.minute(at(FIRST, 9, 34), dict.fromkeys(SYMBOLS, 100.0))
    rotating.settle(session.session_id)
    assert rotating.held(session.session_id) == {}
    with rotating.database.transaction() as connection:
        rows = connection.execute("SELECT status::text, reason, session_id FROM orders").fetchall()
    assert rows == [("EXPIRED", "EXPIRED", session.session_id)]


def test_a_symbol_that_is_halted_is_not_traded_and_the_others_are(rotating: Rotating) -> None:
    session = rotating.start(MONTHLY.replace("top(1)", "top(3)"))
    with rotating.database.transaction() as connection:
        halt_symbol(connection, "IBM", "OPERATOR", "a test")
    rotating.decide(session.session_id)
    rotating.settle(session.session_id)
    assert set(rotating.held(session.session_id)) == {"AAPL", "MSFT"}
    with rotating.database.transaction() as connection:
        rows = connection.execute("SELECT reason FROM orders WHERE symbol = 'IBM'").fetchall()
    assert rows == [("SYMBOL_HALTED",)]


def test_one_owner_may_close_what_one_symbol_is_of_a_session(rotating: Rotating) -> None:
    session = rotating.start(MONTHLY.replace("top(1)", "top(3)"))
    rotating.decide(session.session_id)
    rotating.settle(session.session_id)
    flatten_session(rotating.database, rotating.outbox, rotating.ada, session.session_id, "IBM")
    rotating.world.work += ["IBM", "AAPL"]
    rotating.settle(session.session_id)
    assert set(rotating.held(session.session_id)) == {"AAPL", "MSFT"}
