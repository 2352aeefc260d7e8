"""What a portfolio session holds under a new name is a part of its worth on its chart."""

from __future__ import annotations

from datetime import timedelta

import pytest
from stratforge.application.portfolio_chart import portfolio_chart
from stratforge.market.corporate_actions import ActionKind, CorporateAction

from tests.integration.test_portfolio_replays import TUESDAY
from tests.support.rotating import EVERY_TEN_MINUTES, FIRST, Rotating, at


def renamed(rotating: Rotating) -> None:
    rotating.clock(at(TUESDAY, 8, 0))
    rotating.world.broker.actions = [
        CorporateAction("change", "AAPL", ActionKind.SYMBOL_CHANGE, TUESDAY, new_symbol="NEWC")
    ]
    rotating.world.reconciler.run()


@pytest.mark.parametrize("often", [True, False])
def test_what_is_held_under_a_new_name_is_a_part_of_the_worth(rotating: Rotating, *, often: bool) -> None:
    half = EVERY_TEN_MINUTES.replace("weights.equal(universe.slope > 0) / 2", '{"AAPL": 0.5}')
    for number in range(350, 380):
        rotating.minute(at(FIRST) + timedelta(minutes=number), {"AAPL": 100.0, "IBM": 100.0})
    rotating.clock(at(FIRST, 15, 50, 1))
    session = rotating.start(half).session_id if often else rotating.start().session_id
    rotating.decide(session)
    rotating.settle(session)
    before = portfolio_chart(rotating.database, rotating.ada, session)
    renamed(rotating)
    assert set(rotating.held(session)) == {"NEWC"}
    found, stored = portfolio_chart(rotating.database, rotating.ada, session), rotating.session(session)
    assert stored.capital is not None
    worth = stored.capital + stored.realized_pnl + stored.unrealized_pnl
    assert found.equity[-1] == pytest.approx(float(worth), rel=1e-6)
    assert found.weights["NEWC"][-1] == before.weights["AAPL"][-1]
    # A name is no beginning: what was before is told as it was.
    assert (found.time[0], found.equity[0]) == (before.time[0], before.equity[0])
