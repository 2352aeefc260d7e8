"""`make history`: plays the months that `make up` opens with, on the demo market, through the product's own evaluation, execution, settlement and reconciliation, and
writes what the ledger and the simulated exchange hold afterwards to `localstack/local_platform/history/demo.json.gz`."""

from __future__ import annotations

import argparse
import gzip
import json
import secrets
import sys
import tempfile
import time
from dataclasses import asdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
from local_platform.history import ARCHIVE, FIRST_DAY, KEPT, LAST_DAY, SYMBOLS, TABLES, bars_of
from local_platform.history.strategies import STRATEGIES
from local_platform.postgres import Postgres
from local_platform.processes import Supervisor
from simulators.alpaca.demo_market import DemoMarket, demo_market
from stratforge.application.equity_snapshots import snapshot_equity
from stratforge.application.evaluate_bar import evaluate_bar
from stratforge.application.replays import compare_session
from stratforge.application.settle_fill import settle_fill
from stratforge.market import BarColumns
from stratforge.market.columns import Floats
from stratforge.market.sizes import SizingRule
from stratforge.portfolio.calendar import MarketDay
from stratforge.storage.market import clock, market_data
from stratforge.storage.postgres.database import Connection
from stratforge.storage.strategies import sessions
from stratforge.storage.strategies.sessions import SessionSettings
from stratforge.storage.strategies.strategies import Description, Origin, add_strategy
from stratforge.storage.users.accounts import register_user
from stratforge.strategy import Strategy, compile_strategy
from stratforge.strategy.evaluation import Runnable
from stratforge.strategy.graph import Node, Values

from tests.simulation.platform import engine
from tests.simulation.runs import TEMPLATE, prepare
from tests.simulation.time import DatabaseClock, Loop, simulated
from tests.support.world import World

_SPREAD = Decimal("0.02")
_MINUTE = timedelta(minutes=1)


class Session:
    """A session of the history, and on which bars its strategy, computed by its own code over all of them, decides something while it holds nothing and while it holds."""

    def __init__(self, session_id: UUID, strategy: Strategy, bars: BarColumns, stop: Decimal | None) -> None:
        self.session_id = session_id
        self.quantity = self.entry = 0.0
        self.stop = float(stop or 1)
        values, runs = Values(bars), Runnable.of(strategy)
        assert not runs.state, "what a strategy remembers would have to be played bar by bar"
        columns = [self._column(values, bars, *each) for each in runs.argument_plan]
        self.decides = {}
        for held in (False, True):
            rows = zip(*(np.full(len(bars), float(held)) if each is None else each for each in columns), strict=True)
            self.decides[held] = np.array([runs.function(*map(float, row))[0] != 0 for row in rows])
        # A stop is looked at a little before it is reached.
        self.low = bars.low

    @staticmethod
    def _column(values: Values, bars: BarColumns, origin: str, key: Any, back: int) -> Floats | None:
        if origin == "position":
            return None
        if origin == "constant":
            return np.full(len(bars), key)
        column = values.series(key) if isinstance(key, Node) else np.asarray(getattr(bars, key), float)
        return np.concatenate((np.full(back - 1, np.nan), column[: len(column) - back + 1]))

    def wants(self, index: int) -> bool:
        """Whether something happens on a bar."""
        held = self.quantity > 0
        return bool(self.decides[held][index]) or (held and self.low[index] <= self.entry * (1 - self.stop) * 1.001)


class History:
    """The platform over the demo market's days, without queues: who is woken works at once.

    On a bar on which a session decides, or which follows such a one, everything is done as on every bar of a running platform. The bars between are stored and
    counted as seen: the strategies' own code has decided nothing on them, and `test_history` has every one of them evaluated again by a replay.
    """

    def __init__(self, conninfo: str) -> None:
        self.market: DemoMarket = demo_market()
        self.first = self.market.starts[KEPT]
        self.loop = Loop(self.market.begins_at(self.market.starts[FIRST_DAY]) - 10 * _MINUTE)
        self.clock = DatabaseClock(conninfo)
        self.world = World(conninfo)
        self.world.wake_up = self._execute
        self.world.broker.whole = set()
        self.world.broker.calendar = self._calendar  # type: ignore[method-assign]
        self.bars = {each: list(bars_of(each, self.first, len(self.market))) for each in SYMBOLS}
        self.running: dict[str, list[Session]] = {each: [] for each in SYMBOLS}
        self.ending: list[tuple[int, UUID]] = []
        # Of each symbol: the first bar that is not stored yet, and until which bar everything is done in full.
        self.next = dict.fromkeys(SYMBOLS, self.market.starts[FIRST_DAY])
        self.busy = dict.fromkeys(SYMBOLS, self.market.starts[FIRST_DAY])

    def _calendar(self, start: date, end: date) -> list[MarketDay]:
        edges = zip(self.market.days, self.market.starts, self.market.starts[1:], strict=False)
        return [
            MarketDay(self.market.begins_at(first), self.market.begins_at(last - 1) + _MINUTE, day)
            for day, first, last in edges
            if start <= day <= end
        ]

    def play(self, days: int) -> None:
        """Plays so many days."""
        with simulated(self.loop, Random(1)):
            self._at(self.loop.now)
            self._begin()
            for day in range(FIRST_DAY, FIRST_DAY + days):
                began = time.perf_counter()
                self._day(day)
                print(f"{self.market.days[day]}: {time.perf_counter() - began:.1f} s", file=sys.stderr, flush=True)

    def replay(self) -> None:
        """Has every bar that was passed over evaluated again, as the page of a session does. Raises AssertionError where that says something else."""
        with self.world.database.transaction() as connection:
            started = [row[0] for row in connection.execute("SELECT id FROM sessions").fetchall()]
        for session_id in started:
            found = compare_session(self.world.database, session_id)
            assert found is not None
            assert found.complete, found
            assert not found.differences, found.differences[:5]
            print(f"{session_id}: {found.bars:,} bars replayed, {found.signals} signals", file=sys.stderr, flush=True)

    def _at(self, now: datetime) -> None:
        self.loop.now = self.world.broker.now_at = now
        self.clock.set(now)

    def _begin(self) -> None:
        with self.world.database.transaction() as connection:
            connection.execute(
                "INSERT INTO broker_budget (tokens, updated_at) VALUES (1e9, now()) ON CONFLICT DO NOTHING"
            )
            clock.set_market_clock(connection, self.loop.now)
            market_data.ensure_months(connection, [self.market.begins_at(each) for each in self.market.starts[:-1]])
        for symbol in SYMBOLS:
            past = self.bars[symbol][: self.market.starts[FIRST_DAY] - self.first]
            self.world.broker.prices[symbol] = past[-1].close
            with self.world.database.transaction() as connection:
                market_data.add_bars(connection, past)
                market_data.set_bar_price(connection, past[-1])
        with self.world.database.transaction() as connection:
            self._register(connection)
        self.clock.tidy()

    def _register(self, connection: Connection) -> None:
        # Nobody logs in with it: who loads the history sets a password.
        user_id = register_user(connection, "demo@example.com", "none", Decimal(100_000))
        assert user_id is not None
        for each in STRATEGIES:
            strategy = compile_strategy(each.code)
            described = Description(each.name, each.sessions[0][0], each.idea)
            made = add_strategy(connection, user_id, described, strategy, Origin())
            for symbol, part, stop, ends in each.sessions:
                settings = SessionSettings(
                    SizingRule.EQUITY_FRACTION, Decimal(part), Decimal(stop) if stop else None, None, None
                )
                started = sessions.start_session(connection, user_id, made.strategy_id, 1, symbol, settings)
                columns = BarColumns.from_bars(self.bars[symbol])
                self.running[symbol].append(Session(started.session_id, strategy, columns, settings.stop_loss))
                if ends is not None:
                    self.ending.append((FIRST_DAY + ends, started.session_id))

    def _day(self, day: int) -> None:
        first, last = self.market.starts[day], self.market.starts[day + 1]
        self._at(self.market.begins_at(first))
        self.world.reconciler.run()
        for when, session_id in self.ending:
            if when == day:
                with self.world.database.transaction() as connection:
                    stopped = sessions.stop_session(connection, session_id, flatten=True)
                assert stopped is not None
                self.running[stopped.symbol] = [
                    each for each in self.running[stopped.symbol] if each.session_id != session_id
                ]
                self._execute(stopped.symbol, "stopped")
        for index in range(first, last):
            # A bar comes a second after its minute.
            now = self.market.begins_at(index) + _MINUTE + timedelta(seconds=1)
            for symbol in SYMBOLS:
                self.world.broker.prices[symbol] = self.bars[symbol][index - self.first].close
                if any(each.wants(index - self.first) for each in self.running[symbol]):
                    self.busy[symbol] = index + 2
                if index <= self.busy[symbol] or index == last - 1:
                    self._at(now)
                    self._evaluate(symbol, index)
            if (index - first) % 30 == 29 or index == last - 1:
                self._at(now)
                for symbol in SYMBOLS:
                    self._pass_over(symbol, index + 1)
                snapshot_equity(self.world.database)
        self.world.quiet()
        self.clock.tidy()

    def _evaluate(self, symbol: str, index: int) -> None:
        """A bar on which everything is done."""
        self._pass_over(symbol, index)
        evaluate_bar(self.world.database, engine, self._execute, self.bars[symbol][index - self.first], 0)
        self.next[symbol] = index + 1
        self._look(symbol)

    def _look(self, symbol: str) -> None:
        with self.world.database.transaction() as connection:
            held = {
                session_id: (float(quantity), float(entry))
                for session_id, quantity, entry in connection.execute(
                    "SELECT session_id, quantity, avg_entry_price FROM positions WHERE symbol = %s", (symbol,)
                )
            }
        for each in self.running[symbol]:
            each.quantity, each.entry = held.get(each.session_id, (0.0, 0.0))

    def _pass_over(self, symbol: str, until: int) -> None:
        """Bars on which nobody decides anything: stored, and counted as seen."""
        quiet = self.bars[symbol][self.next[symbol] - self.first : until - self.first]
        if not quiet:
            return
        with self.world.database.transaction() as connection:
            market_data.add_bars(connection, quiet)
            market_data.set_bar_price(connection, quiet[-1])
            connection.execute(
                """
                UPDATE sessions s SET last_bar_time = %(last)s, bars_evaluated = bars_evaluated + %(bars)s,
                    bars_held = CASE WHEN s.seen_quantity > 0 THEN bars_held + %(bars)s ELSE 0 END
                WHERE symbol = %(symbol)s AND status = 'RUNNING'
                """,
                {"symbol": symbol, "last": quiet[-1].time, "bars": len(quiet)},
            )
        self.next[symbol] = until

    def _execute(self, symbol: str, _cause: str, _arrived: datetime | None = None) -> None:
        for _ in range(10):
            self.world.executor.execute(symbol)
            self._fill()
            self._settle()
            if symbol not in self.world.work:
                return
            self.world.work.remove(symbol)

    def _fill(self) -> None:
        exchange = self.world.exchange
        for order in [each for each in exchange.orders.values() if each.open]:
            price = exchange.executable_at(order, self.world.broker.prices[order.symbol], _SPREAD)
            if price is not None:
                exchange.fill(order, order.quantity - order.filled_quantity, price, self.loop.now)

    def _settle(self) -> None:
        def wake(symbol: str, _cause: str) -> None:
            if symbol not in self.world.work:
                self.world.work.append(symbol)

        while self.world.updates:
            settle_fill(self.world.database, wake, self.world.updates.pop(0))


def rows(connection: psycopg.Connection[Any]) -> dict[str, dict[str, Any]]:
    """Everything of the tables that are kept, as PostgreSQL writes it, in an order in which it can be inserted."""
    found = {}
    for table in TABLES:
        columns = ", ".join(
            row[0]
            for row in connection.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s "
                "AND is_generated = 'NEVER' ORDER BY ordinal_position",
                (table,),
            )
        )
        with connection.cursor().copy(
            f"COPY (SELECT {columns} FROM {table} ORDER BY 1) TO STDOUT WITH (HEADER)"
        ) as copy:
            lines = b"".join(bytes(each) for each in copy).decode().splitlines()
        found[table] = {"columns": lines[0].split("\t"), "rows": lines[1:]}
    return found


def main() -> int:
    """Plays the history and writes it."""
    parser = argparse.ArgumentParser(prog="make history ARGS=", description=__doc__)
    parser.add_argument("--days", type=int, default=LAST_DAY - FIRST_DAY)
    parser.add_argument("--to", type=Path, default=ARCHIVE)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="stratforge-history-"))
    folder.chmod(0o755)
    hasty = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
    server = Postgres(folder / "postgres", secrets.token_urlsafe(16), folder / "logs", settings=hasty)
    server.prepare()
    supervisor = Supervisor(lambda _text: None)
    supervisor.add(server.process())
    try:
        prepare(server)
        history = History(server.conninfo(TEMPLATE))
        history.play(options.days)
        history.replay()
        with psycopg.connect(server.conninfo(TEMPLATE)) as connection:
            counts = connection.execute(
                "SELECT relname, n_live_tup FROM pg_stat_user_tables WHERE n_live_tup > 0 ORDER BY relname"
            ).fetchall()
            print(counts, file=sys.stderr)
            kept = {
                "ends": history.market.starts[FIRST_DAY + options.days],
                "tables": rows(connection),
                "orders": [asdict(each) for each in history.world.exchange.orders.values()],
            }
        history.world.close()
        history.clock.close()
        options.to.write_bytes(gzip.compress(json.dumps(kept, default=str).encode(), 9, mtime=0))
        print(f"{options.to}: {options.to.stat().st_size:,} bytes", file=sys.stderr)
    finally:
        supervisor.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
