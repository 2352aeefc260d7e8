"""Random decisions, live on PostgreSQL and in the plain backtester: the same orders are filled, on the same bars, whatever is decided anew meanwhile."""

from __future__ import annotations

import math
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest
from stratforge.application.settle_fill import settle_fill
from stratforge.backtest import BacktestConfig
from stratforge.market import Trade
from stratforge.storage.market import market_data
from stratforge.strategy.order_terms import Terms

from tests.support.ledger import OPEN, Trader, add_signal_with_terms, add_trader, broken, set_price
from tests.support.naive import Account, Bar, Exits, Order, place_of, trade
from tests.support.world import World

BARS = 40
SEEDS = int(os.environ.get("ORDER_SEEDS", "4"))


@dataclass(frozen=True)
class Decision:
    """What a strategy says on a bar; the size of a purchase is ten."""

    side: str
    terms: Terms


@dataclass(frozen=True)
class Day:
    """Closes, each bar beginning where the one before ended, and what is decided on each bar by who holds nothing and by who holds something.

    Attributes:
        wicks: How far each bar goes below and above its open and close before it ends. Then all that trades is heard; else closes alone.
    """

    closes: list[float]
    decisions: list[dict[bool, Decision | None]]
    wicks: list[tuple[float, float]] | None = None

    def bar(self, index: int) -> Bar:
        """A bar of the backtester."""
        before, close = self.closes[max(index - 1, 0)], self.closes[index]
        below, above = self.wicks[index] if self.wicks else (0.0, 0.0)
        high, low = round(max(before, close) + above, 2), round(min(before, close) - below, 2)
        return Bar(index, before, high, low, close, 1e9)

    def heard(self, index: int) -> list[float]:
        """The prices at which a bar trades, in the order of rule 6; none where closes alone are heard."""
        bar = self.bar(index)
        return [bar.low, bar.high, bar.close] if self.wicks else []


def day_of(random: Random, *, wicks: bool = False) -> Day:
    """A day of random bars and decisions. Where bars have wicks, no price is one that something rests at: the market goes beyond it, or not to it."""
    closes = [100.0]
    for _ in range(BARS - 1):
        closes.append(
            round(min(max(closes[-1] + random.choice((-1.5, -0.7, -0.2, 0.0, 0.2, 0.7, 1.5)), 90.0), 110.0), 2)
        )

    def decision(side: str, close: float) -> Decision:
        price = round(close + random.choice((-1.2, -0.6, -0.1, 0.1, 0.6, 1.2)) + 0.05 * wicks, 2)
        bars = random.choice((None, None, 1, 2, 4))
        other = round(2 * close - price + random.choice((-0.3, 0.0, 0.3)), 2)
        terms = random.choice(
            (
                Terms(),
                Terms(limit=price, expire_bars=bars),
                Terms(stop=price, expire_bars=bars),
                Terms(limit=price, stop=other, expire_bars=bars, oco=True),
            )
        )
        return Decision(side, terms)

    decisions = [
        {
            False: random.choice((decision("buy", close), decision("buy", close), decision("sell", close), None, None)),
            True: random.choice((decision("sell", close), decision("buy", close), None, None)),
        }
        for close in closes
    ]
    # What is decided on the last bar would be filled on another.
    tails = [tuple(random.choice((0.0, 0.0, 0.3, 0.9, 1.4)) for _ in "lh") for _ in closes]
    return Day(
        closes, [*decisions[:-1], {False: None, True: None}], [(low, high) for low, high in tails] if wicks else None
    )


Fill = tuple[int, str, float]


def in_the_backtest(day: Day) -> list[Fill]:
    """What the rules fill: the bar at whose end it has happened, side and quantity. Where closes alone are heard, a strategy sees of a bar on which its order was reached
    that it was not yet."""
    account = Account(BacktestConfig(), 1e9)
    order: Order | None = None
    found: list[Fill] = []
    for index in range(BARS):
        bar = day.bar(index)
        place = place_of(Order(**vars(order)), bar) if order else None
        seen, fills = account.shares, len(account.fills)
        order = trade(account, order, bar, lambda: Exits(0.0, "", math.inf))
        at_once = place is not None and place[0] == "open"
        if at_once or day.wicks:
            seen = account.shares
        found += [(index - at_once, side, shares) for _, side, shares, _, _ in account.fills[fills:]]
        said = day.decisions[index][seen > 0]
        if said is None:
            continue
        if said.side == "sell":
            order = Order.of("sell", account.shares, said.terms)
        else:
            order = Order.of("buy", 10.0, said.terms) if account.shares == seen else None
    return found


class Live:
    """One session on the product's executor and settler."""

    def __init__(self, world: World) -> None:
        self.world = world
        with world.database.transaction() as connection:
            self.trader: Trader = add_trader(connection, "ada", cash=1_000_000)

    def run(self, day: Day) -> list[Fill]:
        """What is filled, as above."""
        found: list[Fill] = []
        for index in range(BARS):
            self._bar(day, index)
            with self.world.database.transaction() as connection:
                trades = connection.execute("SELECT side::text, quantity FROM trades ORDER BY id").fetchall()
            found += [(index, side, float(quantity)) for side, quantity in trades[len(found) :]]
        return found

    def shown(self, price: float) -> str:
        """A price of the day, as the market has it."""
        return str(price)

    def _hear(self, day: Day, index: int) -> None:
        """What trades within a bar."""
        world = self.world
        for place, price in enumerate(map(self.shown, day.heard(index)), 1):
            world.broker.prices["AAPL"] = Decimal(price)
            world.broker.now_at = OPEN + timedelta(minutes=index, seconds=15 * place)
            with world.database.transaction() as connection:
                trade = Trade("AAPL", Decimal(price), Decimal(100), world.broker.now_at)
                assert market_data.set_trade_price(connection, trade)
            self._until_quiet()

    def _bar(self, day: Day, index: int) -> None:
        self._hear(day, index)
        bar, world = day.bar(index), self.world
        world.broker.prices["AAPL"] = Decimal(str(bar.close))
        world.broker.now_at = OPEN + timedelta(minutes=index + 1)
        with world.database.transaction() as connection:
            time = set_price(connection, str(bar.close), index, low=str(bar.low), high=str(bar.high))
            connection.execute("UPDATE sessions SET bars_evaluated = bars_evaluated + 1, last_bar_time = %s", (time,))
            row = connection.execute("SELECT coalesce(sum(quantity), 0)::float8 FROM positions").fetchone()
            held = row[0] if row else 0.0
            said = day.decisions[index][held > 0]
            if said is not None:
                connection.execute(
                    "INSERT INTO position_views (session_id, user_id, bar_time, quantity, average_entry_price) VALUES (%s, %s, %s, %s, 100)",
                    (self.trader.session_id, self.trader.user_id, time, held),
                )
                size = {"quantity": 10.0} if said.side == "buy" else {}
                add_signal_with_terms(connection, self.trader, said.side, time, "AAPL", said.terms, size)
        self._until_quiet()

    def _until_quiet(self) -> None:
        world = self.world
        for _ in range(20):
            outcome = world.executor.execute("AAPL").outcome
            for order in [each for each in world.exchange.orders.values() if each.open]:
                world.exchange.fill(order, order.quantity, world.broker.prices["AAPL"], world.broker.now_at)
            while world.updates:
                settle_fill(world.database, world.wake, world.updates.pop(0))
            if outcome == "nothing to do":
                break
        else:
            raise AssertionError("it never becomes quiet")
        with world.database.transaction() as connection:
            row = connection.execute("SELECT count(*) FROM orders WHERE completed_at IS NULL").fetchone()
        assert row is not None
        assert row[0] <= 1, "one order at a time"


@pytest.fixture(params=range(SEEDS))
def live(migrated: str) -> Iterator[Live]:
    """A world in which one company trades."""
    world = World(migrated)
    yield Live(world)
    world.close()


@pytest.mark.parametrize("wicks", [False, True], ids=["closes are heard", "all that trades is heard"])
def test_the_same_orders_are_filled_live_and_in_the_backtest(live: Live, wicks: bool) -> None:
    seed = int(os.environ.get("ORDER_SEED", secrets.randbelow(10**9)))
    day = day_of(Random(seed), wicks=wicks)
    assert live.run(day) == in_the_backtest(day), f"seed {seed}"
    assert broken(live.world.database) == {}


@pytest.mark.parametrize(
    ("wick", "filled"),
    [
        pytest.param(1.3, True, id="beyond it"),
        pytest.param(1.2, False, id="touched: the backtest has it less often than live"),
        pytest.param(1.1, False, id="not to it"),
    ],
)
def test_a_limit_that_a_bar_trades_through_fills_where_it_is_heard(live: Live, wick: float, filled: bool) -> None:
    """And where only the ends of bars are heard, what a bar went to and came back from is not."""
    closes, limit = [100.0] * BARS, Decision("buy", Terms(limit=98.8, expire_bars=2))
    decisions: list[dict[bool, Decision | None]] = [{False: None, True: None} for _ in closes]
    decisions[3] = {False: limit, True: None}
    wicks = [(wick if index == 4 else 0.0, 0.0) for index in range(BARS)]
    day = Day(closes, decisions, wicks)
    assert in_the_backtest(day) == ([(4, "buy", 10.0)] if filled else [])
    assert live.run(day) == ([(4, "buy", 10.0)] if wick >= 1.2 else [])
