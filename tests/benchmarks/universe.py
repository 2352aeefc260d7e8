"""A universe of twenty symbols decided live: from its minute's last bar, stored, to the decision and its orders, written.

The use case runs in this process on PostgreSQL, with the sandbox's worker as Lambda invokes it, message by message as the timer tells it, one after another; in production messages
are handled side by side. What the ingestor's timer may wait before it looks comes on top, and is
added at its most; the two queues between are those of every bar (`bar_to_order`). The floor is the same decision on the same windows in this process, which
asks no database and no sandbox.
"""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import psycopg
from local_platform.synthesis import ROOT
from stratforge.application.rebalance_bars import seen_before
from stratforge.market import Bar
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Database
from stratforge.storage.postgres.migrations import migrate, read_migrations
from stratforge.storage.postgres.rows import fetch_value
from stratforge.strategy.lookback import window_length
from stratforge.strategy.rotation import compile_portfolio
from stratforge.strategy.rotation.seen import decide_on

from tests.benchmarks.database import server

Row = tuple[str, str, str, str, str]
_SYMBOLS = [f"S{letter}" for letter in "ABCDEFGHIJKLMNOPQRST"]
_SOURCE = f"""
UNIVERSE = {_SYMBOLS}
SCHEDULE = 1
TOP = 5


def indicators(bars):
    return {{
        "momentum": bars.close.pct_change(60),
        "trend": ta.sma(bars.close, length=100),
        "volatility": bars.close.pct_change().rolling(60).std(),
    }}


def rebalance(universe, portfolio, state):
    best = universe.momentum.top(TOP, where=universe.close > universe.trend)
    return weights.inverse_volatility(universe.volatility, where=best)
"""
_HISTORY, _MINUTES = 300, 20
_OPEN = datetime(2026, 2, 2, 14, 30, tzinfo=UTC)
_TIMER_SECONDS = 0.2
_LIMIT = 1.0


def _bars(minute: int) -> list[Bar]:

    found = []
    for place, symbol in enumerate(_SYMBOLS):
        price = Decimal(
            str(round(100 + 10 * float(np.sin(minute / (7 + place)) + np.cos(minute * (place + 1) / 50)), 2))
        )
        found.append(Bar(symbol, _OPEN + timedelta(minutes=minute), price, price, price, price, Decimal(1000)))
    return found


def _store(database: Database, bars: list[Bar]) -> None:
    with database.transaction() as connection:
        market_data.ensure_months(connection, [bars[0].time])
        market_data.add_bars(connection, bars)
        for bar in bars:
            market_data.set_bar_price(connection, bar)


def _measure(conninfo: str, users: int) -> tuple[list[float], list[float]]:
    """Seconds of each decision of everybody, and of the floor."""
    from functions.evaluator import sandbox_client
    from tests.support.rotating import Rotating, SandboxProcess, copies
    from tests.support.world import World

    migrate(conninfo, read_migrations(ROOT / "db" / "migrations"))
    world, sandbox = World(conninfo), SandboxProcess()
    sandbox_client.sandbox_client = lambda: sandbox  # type: ignore[assignment]
    rotating = Rotating(world.database, world)
    _store(world.database, [bar for minute in range(_HISTORY) for bar in _bars(minute)])
    rotating.clock(_bars(_HISTORY)[0].time)
    first = rotating.start(_SOURCE).session_id
    with world.database.transaction() as connection:
        copies(connection, first, users - 1)
    strategy = compile_portfolio(_SOURCE)
    taken, floors = [], []
    for minute in range(_HISTORY, _HISTORY + _MINUTES):
        bars = _bars(minute)
        rotating.clock(bars[0].time + timedelta(minutes=1))
        _store(world.database, bars[:-1])
        _store(world.database, bars[-1:])
        began = time.perf_counter()
        decided = [rotating.decide(*message.session_ids).decided for message in rotating.told(2.0 * minute)]
        taken.append(time.perf_counter() - began)
        assert sum(decided) == users, decided
        with world.database.transaction() as connection:
            connection.execute("UPDATE orders SET status = 'CANCELED', completed_at = now() WHERE status = 'PENDING'")
            connection.execute("UPDATE rebalances SET status = 'ORDERED'")
            moment = bars[0].time + timedelta(minutes=1)
            snapshot: str = fetch_value(connection, "SELECT pg_current_snapshot()::text")
            windows = seen_before(
                connection, _SYMBOLS, moment, window_length(strategy.lookback), snapshot, daily=False
            ).windows
        began = time.perf_counter()
        seen = windows.seen_by(strategy, windows.values())
        for _ in range(users):
            decide_on(strategy, seen, np.zeros(len(_SYMBOLS)), 1e4, 1e4, {})
        floors.append(time.perf_counter() - began)
    sandbox.pool.close()
    world.close()
    return taken[2:], floors[2:]


def run() -> list[Row]:
    """The rows of the table."""
    rows: list[Row] = []
    with server() as postgres:
        for users in (1, 50, 200):
            with psycopg.connect(postgres.conninfo("postgres"), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE rebalance_{users}")
            taken, floors = _measure(postgres.conninfo(f"rebalance_{users}"), users)
            median, worst, floor = statistics.median(taken), max(taken), statistics.median(floors)
            rows.append(
                (
                    f"20 symbols decided live, {users} session{'s' if users > 1 else ''}, fifty in a message, one message after another",
                    f"{1e3 * median:.0f} ms p50, {1e3 * worst:.0f} ms at most; with the timer's wait {1e3 * (worst + _TIMER_SECONDS):.0f} ms",
                    f"the decision alone {1e3 * floor:.1f} ms",
                    f"{median / floor:.1f} ×",
                    f"≤ {1e3 * _LIMIT:.0f} ms after the last bar",
                )
            )
    return rows
