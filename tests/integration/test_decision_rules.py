"""Why a portfolio session decided as it did, and what it was worth: told from what it saw, whatever came since; of one's own sessions alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from stratforge.application.access import Caller, Scope
from stratforge.application.decision_rules import decision_rules
from stratforge.application.errors import Conflict, Forbidden, Invalid, NotFound
from stratforge.application.portfolio_chart import portfolio_chart
from stratforge.application.sessions import NewSession, start_session, stop_session
from stratforge.application.strategies import NewStrategy, store_strategy

from tests.integration.test_portfolio_replays import held_over_a_split
from tests.support.asking import NEW, Told
from tests.support.rotating import (
    EVERY_TEN_MINUTES,
    FIRST,
    FLAT,
    MARCH,
    RISING,
    SYMBOLS,
    Rotating,
    at,
    in_march,
    minutes,
)


def test_a_decision_is_told_as_it_was_whatever_the_vendor_says_since(rotating: Rotating) -> None:
    session = rotating.start().session_id
    with pytest.raises(NotFound):
        decision_rules(rotating.database, rotating.ada, session)
    rotating.decide(session)
    rotating.settle(session)
    in_march(rotating)
    rotating.decide(session)
    rotating.settle(session)
    rotating.days(MARCH, {"AAPL": [each / 2 for each in reversed(RISING)], "IBM": [*FLAT[:-1], 7.0]})
    latest = decision_rules(rotating.database, rotating.ada, session)
    assert (latest.as_recorded, latest.universe, latest.symbols) == (True, list(SYMBOLS), list(SYMBOLS))
    (momentum,) = latest.read
    assert (momentum.name, momentum.values) == ("momentum", [0.0, pytest.approx(5 / 104), 0.0])
    choice, whole, weights = latest.steps
    assert (choice.kind, choice.values, choice.ranks) == ("choice", [0.0, 1.0, 0.0], [2, 1, 3])
    assert (whole.kind, whole.values) == ("weights", [0.0, 1.0, 0.0])
    assert (weights.kind, weights.values) == ("weights", [0.0, 0.9, 0.0])
    assert [(each.met, each.fired) for each in latest.outcomes] == [(True, True)]
    assert [each.weight for each in latest.decision.symbols] == [0.0, 0.9, 0.0]
    # Any time in a period stands for its decision.
    for moment in (at(FIRST), at(FIRST) + timedelta(days=9)):
        first = decision_rules(rotating.database, rotating.ada, session, moment)
        assert (first.as_recorded, first.steps[0].values) == (True, [1.0, 0.0, 0.0])
    with pytest.raises(NotFound):
        decision_rules(rotating.database, rotating.ada, session, at(FIRST) - timedelta(days=1))


def test_what_does_not_come_out_again_is_said_to_be_otherwise(rotating: Rotating) -> None:
    session = rotating.start().session_id
    rotating.decide(session)
    with rotating.database.transaction() as connection:
        connection.execute("UPDATE rebalances SET weights = ARRAY[0.9, 0.1, 0]")
    assert decision_rules(rotating.database, rotating.ada, session).as_recorded is False
    rotating.settle(session)
    stop_session(rotating.database, Told(), rotating.ada, session)
    with rotating.database.transaction() as connection:
        connection.execute("UPDATE sessions SET ended_at = now() - interval '20 years'")
    with pytest.raises(Conflict, match="not kept"):
        decision_rules(rotating.database, rotating.ada, session)


def test_whoever_may_not_read_is_not_told(rotating: Rotating) -> None:
    session = rotating.start().session_id
    for ask in (decision_rules, portfolio_chart):
        with pytest.raises(Forbidden):
            ask(rotating.database, Caller(rotating.ada.user_id, frozenset({Scope.TRADE})), session)


def test_a_session_of_one_symbol_has_rules_and_a_chart_of_its_own(rotating: Rotating) -> None:
    code = "def on_bar(bar, position, state):\n    return buy()\n"
    strategy = store_strategy(
        rotating.database, rotating.ada, NewStrategy(name="One", symbol="AAPL", python_code=code), NEW
    )
    new = NewSession(strategy_id=strategy.strategy_id)
    session = start_session(rotating.database, Told(), rotating.ada, new, NEW).session_id
    for ask in (decision_rules, portfolio_chart):
        with pytest.raises(Invalid) as refused:
            ask(rotating.database, rotating.ada, session)
        assert refused.value.code == "no-portfolio"


def test_the_chart_of_days_begins_with_the_capital_and_ends_with_what_it_is_worth_now(rotating: Rotating) -> None:
    session = rotating.start().session_id
    rotating.decide(session)
    rotating.settle(session)
    in_march(rotating)
    rotating.decide(session)
    rotating.settle(session)
    found = portfolio_chart(rotating.database, rotating.ada, session)
    assert found.equity[0] == found.benchmark[0] == pytest.approx(float(rotating.session(session).capital or 0))
    assert all(one < other for one, other in zip(found.time, found.time[1:], strict=False))
    assert set(found.weights) == {"AAPL", "IBM"}
    held = rotating.held(session)
    assert found.weights["AAPL"][-1] == 0.0
    assert float(held["IBM"]) * 100.0 / found.equity[-1] == pytest.approx(found.weights["IBM"][-1], abs=1e-3)


def test_the_chart_of_minutes_has_the_decisions_on_the_scale_of_now(rotating: Rotating) -> None:
    session = held_over_a_split(rotating)
    rotating.settle(session)
    recorded = rotating.decisions(session)
    found = portfolio_chart(rotating.database, rotating.ada, session)
    assert len(found.time) == 3
    assert found.equity[:2] == pytest.approx([each.equity for each in reversed(recorded)], rel=1e-4)
    assert found.weights["AAPL"][:2] == pytest.approx([0.0, recorded[0].parts[0]], abs=1e-3)
    # Nothing moved but the scale.
    assert found.benchmark[:2] == pytest.approx([found.equity[0]] * 2, rel=1e-9)


def test_a_session_that_has_decided_nothing_has_a_chart_of_nothing_yet(rotating: Rotating) -> None:
    minutes(rotating, 0, 2)
    session = rotating.start(EVERY_TEN_MINUTES).session_id
    found = portfolio_chart(rotating.database, rotating.ada, session)
    assert (len(found.time), found.weights) == (1, {})
    stop_session(rotating.database, Told(), rotating.ada, session)
    assert portfolio_chart(rotating.database, rotating.ada, session).time == []


def test_the_chart_of_a_session_that_was_sold_ends_with_what_it_ended_with(rotating: Rotating) -> None:
    session = rotating.start().session_id
    rotating.decide(session)
    rotating.settle(session)
    rotating.clock(at(FIRST + timedelta(days=9), 11, 0))
    rotating.days(FIRST + timedelta(days=9), {"AAPL": RISING, "IBM": FLAT, "MSFT": FLAT})
    rotating.minute(at(FIRST + timedelta(days=9), 10, 59), dict.fromkeys(SYMBOLS, 120.0))
    stop_session(rotating.database, Told(), rotating.ada, session, flatten=True)
    rotating.settle(session)
    assert rotating.held(session) == {}
    found = portfolio_chart(rotating.database, rotating.ada, session)
    ended = rotating.session(session)
    assert ended.capital is not None
    assert found.equity[-1] == pytest.approx(float(ended.capital + ended.realized_pnl), abs=0.01)
    assert found.equity[-1] > found.equity[0]
    assert found.weights["AAPL"][-1] == 0.0
    assert max(found.weights["AAPL"]) > 0.5
