"""Before, during and after a time without the stream: what is ordered, how long after the bar it was decided on, and at which price."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from stratforge.application.evaluate_bar import evaluate_bar
from stratforge.application.settle_fill import settle_fill
from stratforge.market import Bar, BarColumns
from stratforge.market.sizes import Side
from stratforge.portfolio.reasons import Reason
from stratforge.storage.market import clock, market_data
from stratforge.storage.strategies.evaluations import Outcome, RunningSession

from tests.support.ledger import OPEN, add_trader
from tests.support.world import World


@pytest.fixture
def world(migrated: str) -> Iterator[World]:
    """A broker, and the product."""
    found = World(migrated)
    yield found
    found.close()


def trading_every_bar(window: BarColumns, sessions: Sequence[RunningSession]) -> list[Outcome]:
    """Says buy or sell on every bar, by turns."""
    return [
        Outcome(
            each, {"n": each.state.get("n", 0.0) + 1}, Side.BUY if each.state.get("n", 0) % 2 == 0 else Side.SELL, 1.0
        )
        for each in sessions
    ]


class Market:
    """A market whose bars reach the platform when its stream lives."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.lags: list[tuple[datetime, float]] = []

    def price(self, minute: int) -> Decimal:
        """The close of a minute."""
        return Decimal(100) + Decimal(minute % 11) / 10

    def bar(self, minute: int) -> Bar:
        """The bar of a minute."""
        value = self.price(minute)
        return Bar("AAPL", OPEN + timedelta(minutes=minute), value, value, value, value, Decimal(1000))

    def deliver(self, minute: int, now: datetime) -> None:
        """A bar reaches the evaluator at the exchange's time `now`, the executor after it, and the order is filled."""
        world, value = self._world, self.price(minute)
        bar = self.bar(minute)
        with world.database.transaction() as connection:
            clock.set_market_clock(connection, now)
        world.broker.prices["AAPL"], world.broker.now_at = value, now
        before = set(world.exchange.orders)
        evaluate_bar(world.database, trading_every_bar, lambda *_: None, bar, 0)
        world.executor.execute("AAPL")
        for order_id in set(world.exchange.orders) - before:
            order = world.exchange.orders[order_id]
            self.lags.append((bar.time, (now - bar.time - timedelta(minutes=1)).total_seconds()))
            world.exchange.fill(order, order.quantity, value, now)
        while world.updates:
            settle_fill(world.database, lambda *_: None, world.updates.pop(0))


@pytest.mark.parametrize("minutes", [20, 225])
def test_no_order_is_decided_on_a_bar_that_is_older_than_the_bound(world: World, minutes: int) -> None:
    market = Market(world)
    with world.database.transaction() as connection:
        connection.execute("SELECT ensure_market_data_month(%s)", (OPEN,))
        add_trader(connection, "ada")
        market_data.add_bars(connection, [market.bar(minute) for minute in range(-100, 0)])
    a_second, end = timedelta(seconds=1), 30 + minutes
    for minute in range(30):
        market.deliver(minute, OPEN + timedelta(minutes=minute + 1) + a_second)
    # The stream is back: its bars come over REST, all at once.
    for minute in range(30, end):
        market.deliver(minute, OPEN + timedelta(minutes=end) + a_second)
    for minute in range(end, end + 30):
        market.deliver(minute, OPEN + timedelta(minutes=minute + 1) + a_second)
    back = OPEN + timedelta(minutes=30), OPEN + timedelta(minutes=end)
    phases = {
        "before": [lag for at, lag in market.lags if at < back[0]],
        "of the outage": [lag for at, lag in market.lags if back[0] <= at < back[1]],
        "after": [lag for at, lag in market.lags if at >= back[1]],
    }
    print({phase: (len(lags), max(lags)) for phase, lags in phases.items()})
    assert len(phases["before"]) == len(phases["after"]) == 30
    assert max(phases["before"] + phases["after"]) < 60
    assert max(phases["of the outage"]) <= 61, "the bar that just ended and the one before"
    assert len(phases["of the outage"]) <= 2
    with world.database.transaction() as connection:
        rows = connection.execute(
            "SELECT status::text, reason, count(*)::int FROM signals WHERE bar_time >= %s AND bar_time < %s GROUP BY 1, 2",
            back,
        ).fetchall()
        (state,) = connection.execute("SELECT (state ->> 'n')::float::int, bars_evaluated FROM sessions").fetchall()
    assert ("EXPIRED", Reason.LATE_BAR, minutes - 2) in rows
    assert state == (60 + minutes, 60 + minutes), "its state is that of a session that saw every bar"
