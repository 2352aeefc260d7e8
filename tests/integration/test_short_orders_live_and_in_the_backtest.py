"""Random decisions to go short and to cover, live on PostgreSQL: the mirror image of the same orders to buy and to sell in the plain backtester, on the same bars."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest
from stratforge.strategy.order_terms import Terms

from tests.integration.test_orders_live_and_in_the_backtest import SEEDS, Day, Live, day_of, in_the_backtest
from tests.support.ledger import OPEN, add_signal_with_terms, broken, set_price
from tests.support.world import World

# Prices are mirrored at a hundred dollars, and decisions with them.
TWICE = 200.0
SIDES = {"buy": "short", "sell": "cover"}
FILLED = {"buy": "sell", "sell": "buy"}


def mirrored(price: float | None) -> float | None:
    """The price as far on the other side of a hundred dollars."""
    return None if price is None else round(TWICE - price, 2)


class Short(Live):
    """One session that goes short where the day's decisions buy."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        world.exchange.shorting = True
        with world.database.transaction() as connection:
            connection.execute("UPDATE users SET short_selling = true")

    def shown(self, price: float) -> str:
        return str(mirrored(price))

    def _bar(self, day: Day, index: int) -> None:
        self._hear(day, index)
        bar, world = day.bar(index), self.world
        close, low, high = (mirrored(each) for each in (bar.close, bar.high, bar.low))
        world.broker.prices["AAPL"] = Decimal(str(close))
        world.broker.now_at = OPEN + timedelta(minutes=index + 1)
        with world.database.transaction() as connection:
            time = set_price(connection, str(close), index, low=str(low), high=str(high))
            connection.execute("UPDATE sessions SET bars_evaluated = bars_evaluated + 1, last_bar_time = %s", (time,))
            row = connection.execute("SELECT coalesce(sum(quantity), 0)::float8 FROM positions").fetchone()
            held = row[0] if row else 0.0
            assert held <= 0
            said = day.decisions[index][held < 0]
            if said is not None:
                connection.execute(
                    "INSERT INTO position_views (session_id, user_id, bar_time, quantity, average_entry_price) VALUES (%s, %s, %s, %s, 100)",
                    (self.trader.session_id, self.trader.user_id, time, held),
                )
                size = {"quantity": 10.0} if said.side == "buy" else {}
                terms = Terms(
                    mirrored(said.terms.limit), mirrored(said.terms.stop), said.terms.expire_bars, said.terms.oco
                )
                add_signal_with_terms(connection, self.trader, SIDES[said.side], time, "AAPL", terms, size)
        self._until_quiet()


@pytest.fixture(params=range(SEEDS))
def short(migrated: str) -> Iterator[Short]:
    """A world in which one company trades, on an account that may sell short."""
    world = World(migrated)
    yield Short(world)
    world.close()


@pytest.mark.parametrize("wicks", [False, True], ids=["closes are heard", "all that trades is heard"])
def test_the_mirror_images_of_the_same_orders_are_filled_live(short: Short, wicks: bool) -> None:
    seed = int(os.environ.get("ORDER_SEED", secrets.randbelow(10**9)))
    day = day_of(Random(seed), wicks=wicks)
    mirror = [(bar, FILLED[side], quantity) for bar, side, quantity in in_the_backtest(day)]
    assert short.run(day) == mirror, f"seed {seed}"
    assert broken(short.world.database) == {}
