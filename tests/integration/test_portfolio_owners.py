"""Portfolio sessions whose owner trades too: what he has an order on is left alone, and nothing else is."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import pytest
from stratforge.application.sessions import flatten_session
from stratforge.storage.ledger.halts import halt_symbol, resume_symbol
from stratforge.storage.strategies.rebalances import Asking, RebalanceStatus, Said
from stratforge.strategy.rotation.seen import Windows

from tests.integration.test_portfolio_replays import assert_it_is_its_replay
from tests.integration.test_portfolio_sessions import (  # noqa: F401 - fixtures
    MARCH,
    _sandbox,
    in_march,
    rotating,
)
from tests.support.rotating import MONTHLY, Rotating

# Two thirds in two of three: by March those are others.
TWO = MONTHLY.replace("top(1)) * 0.9", "top(2)) * 0.8")


def holding(rotating: Rotating) -> UUID:  # noqa: F811
    """A session that holds two symbols, AAPL among them."""
    session = rotating.start(TWO).session_id
    rotating.decide(session)
    rotating.settle(session)
    assert set(rotating.held(session)) == {"AAPL", "IBM"}
    return session


def test_a_resting_order_of_the_owner_has_its_symbol_left_alone_and_the_others_decided(
    rotating: Rotating,  # noqa: F811
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
    assert decision.orders[1] != 0.0
    rotating.settle(session)
    assert rotating.held(session)["AAPL"] == before
    assert_it_is_its_replay(rotating, session)


def test_closing_a_symbol_that_is_halted_does_not_hold_up_the_others(rotating: Rotating) -> None:  # noqa: F811
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
    rotating: Rotating,  # noqa: F811
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
