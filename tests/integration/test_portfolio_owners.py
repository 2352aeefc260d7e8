"""Portfolio sessions that others come between: owners who trade too, splits that the ledger does not follow yet, and code that is refused."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

import pytest
from stratforge.application import rebalance
from stratforge.application.session_decisions import session_decisions
from stratforge.application.sessions import flatten_session
from stratforge.application.watch_market import PRICE_JUMP, note_bar
from stratforge.market import Bar
from stratforge.market.corporate_actions import ActionKind, CorporateAction
from stratforge.storage.ledger import announced_actions
from stratforge.storage.ledger.halts import halt_symbol, halted_symbols, resume_symbol
from stratforge.storage.strategies.rebalances import Asking, RebalanceStatus, Said
from stratforge.strategy.rotation.seen import Windows

from tests.integration.test_portfolio_replays import assert_it_is_its_replay
from tests.support.rotating import FIRST, MARCH, MONTHLY, SYMBOLS, Rotating, at, in_march

# Two thirds in two of three: by March those are others.
TWO = MONTHLY.replace("top(1)) * 0.9", "top(2)) * 0.8")


def holding(rotating: Rotating) -> UUID:
    """A session that holds two symbols, AAPL among them."""
    session = rotating.start(TWO).session_id
    rotating.decide(session)
    rotating.settle(session)
    assert set(rotating.held(session)) == {"AAPL", "IBM"}
    return session


def test_a_resting_order_of_the_owner_has_its_symbol_left_alone_and_the_others_decided(
    rotating: Rotating,
) -> None:
    session = holding(rotating)
    with rotating.database.transaction() as connection:
        connection.execute(
            """
            INSERT INTO orders (user_id, session_id, symbol, side, origin, type, time_in_force, size_kind, size, limit_price)
            SELECT user_id, id, 'AAPL', 'sell', 'MANUAL', 'limit', 'gtc', 'quantity', 1, 1000 FROM sessions WHERE id = %s
            """,
            (session,),
        )
    rotating.world.work += ["AAPL"]
    rotating.world.quiet()
    before = rotating.held(session)["AAPL"]
    in_march(rotating)
    assert rotating.decide(session).decided == 1
    decision = rotating.decisions(session)[0]
    assert decision.left_alone == ["AAPL"]
    assert (decision.weights, decision.orders[0]) == ([0.4, 0.4, 0.0], 0.0)
    told = session_decisions(rotating.database, rotating.ada, session)[0]
    assert {each.symbol for each in told.symbols if each.left_alone} == {"AAPL"}, "its owner is told"
    assert decision.orders[1] != 0.0
    rotating.settle(session)
    assert rotating.held(session)["AAPL"] == before
    assert_it_is_its_replay(rotating, session)


def test_closing_a_symbol_that_is_halted_does_not_hold_up_the_others(rotating: Rotating) -> None:
    session = holding(rotating)
    with rotating.database.transaction() as connection:
        halt_symbol(connection, "AAPL", "OPERATOR", "a test")
    flatten_session(rotating.database, rotating.outbox, rotating.ada, session, "AAPL")
    rotating.world.work += ["AAPL"]
    rotating.settle(session)
    in_march(rotating)
    assert rotating.decide(session).decided == 1
    assert rotating.decisions(session)[0].left_alone == ["AAPL"]
    rotating.settle(session)
    assert rotating.decisions(session)[0].status is RebalanceStatus.ORDERED
    with rotating.database.transaction() as connection:
        resume_symbol(connection, "AAPL")
    rotating.world.work += ["AAPL"]
    rotating.world.quiet()


def test_a_session_that_is_flattened_while_it_thinks_decides_anew_on_what_it_has_then(
    rotating: Rotating,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = holding(rotating)
    in_march(rotating)
    real = rotating.sandbox

    def slow(windows: Windows, universe: int, askings: Sequence[Asking]) -> list[Said]:
        flatten_session(rotating.database, rotating.outbox, rotating.ada, session)
        rotating.world.work += ["AAPL", "IBM"]
        rotating.world.quiet()
        return real(windows, universe, askings)

    with monkeypatch.context() as patch:
        patch.setattr(rotating, "sandbox", slow)
        assert rotating.decide(session).decided == 0
    assert rotating.decide(session).decided == 1
    assert rotating.decisions(session)[0].held == [0.0, 0.0, 0.0]
    rotating.settle(session)


@pytest.mark.parametrize("followed", [True, False])
def test_days_wait_for_a_split_that_the_ledger_does_not_follow_yet_and_leave_it_alone_after_an_hour(
    rotating: Rotating,
    *,
    followed: bool,
) -> None:
    session = holding(rotating)
    shares = float(rotating.held(session)["AAPL"])
    split = CorporateAction("split", "AAPL", ActionKind.SPLIT, MARCH, ratio=Decimal(10))
    with rotating.database.transaction() as connection:
        announced_actions.note_action(connection, split)
    in_march(rotating)
    rotating.days(MARCH, {"AAPL": [10.9] * 10})
    assert rotating.decide(session).decided == 0
    if followed:
        rotating.world.broker.actions = [split]
        rotating.world.exchange.split("AAPL", Decimal(10), at(MARCH, 8, 0))
        rotating.world.reconciler.run()
        # Days that were read before it was followed are read once more: nobody knows of which scale they were.
        assert rotating.decide(session).decided == 0
        rotating.days(MARCH, {"AAPL": [10.9] * 10})
    else:
        rotating.clock(at(MARCH, 10, 32))
    assert rotating.decide(session).decided == 1
    decision = rotating.decisions(session)[0]
    assert decision.held[0] == pytest.approx(shares * (10 if followed else 1))
    assert decision.parts[0] == pytest.approx(shares * 109 / decision.equity)
    assert (decision.missing, decision.left_alone) == (([], []) if followed else (["AAPL"], ["AAPL"]))
    assert_it_is_its_replay(rotating, session)


def test_a_lookback_that_is_refused_is_tried_again_a_minute_after_it_was_however_late_that_is(
    rotating: Rotating,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = rotating.start().session_id
    rotating.clock(at(FIRST, 15, 0))
    with rotating.database.transaction() as connection:
        connection.execute("UPDATE strategy_versions SET lookback_edition = 1")
    monkeypatch.setattr(rebalance, "lookback_of", lambda *_: "too large in this edition")
    assert [rotating.decide(session).failures for _ in range(3)] == [1, 0, 0]
    decides_at = rotating.session(session).decides_at
    assert decides_at is not None
    assert decides_at >= at(FIRST, 15, 1)


def test_a_split_that_nobody_announced_has_a_session_wait_and_ask_and_moves_no_weight(rotating: Rotating) -> None:
    """As a session of one symbol: halted where it is seen, and nothing is decided on a price that cannot be right."""
    session = rotating.start(MONTHLY.replace("top(1)", "top(3)"))
    rotating.decide(session.session_id)
    rotating.settle(session.session_id)
    held = rotating.held(session.session_id)
    assert set(held) == set(SYMBOLS)
    in_march(rotating)
    halves = {"AAPL": 100.0, "IBM": 50.0, "MSFT": 100.0}
    with rotating.database.transaction() as connection:
        for symbol, price in halves.items():
            note_bar(connection, Bar(symbol, at(MARCH, 9, 31), *(Decimal(str(price)),) * 4, Decimal(1000)))
        assert [(each.symbol, each.reason) for each in halted_symbols(connection)] == [("IBM", PRICE_JUMP)]
    # However long it takes, and whatever the universe's other symbols do.
    for hours in (0, 1, 3):
        rotating.clock(at(MARCH, 9 + hours, 32))
        assert rotating.decide(session.session_id).decided == 0
        rotating.settle(session.session_id)
    assert rotating.held(session.session_id) == held
    assert len(rotating.decisions(session.session_id)) == 1
    with rotating.database.transaction() as connection:
        assert resume_symbol(connection, "IBM", PRICE_JUMP)
    assert rotating.decide(session.session_id).decided == 1
    rotating.settle(session.session_id)


def test_a_price_that_jumped_keeps_nobody_from_deciding_who_does_not_see_it(rotating: Rotating) -> None:
    session = rotating.start(MONTHLY)
    with rotating.database.transaction() as connection:
        halt_symbol(connection, "TSLA", PRICE_JUMP, "another one")
    assert rotating.decide(session.session_id).decided == 1
    rotating.settle(session.session_id)
