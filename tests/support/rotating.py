"""Portfolio sessions in a trading world: a market of days and minutes, a clock that is set, the sandbox in a process, and everything that waits worked off."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from stratforge.application.access import Caller
from stratforge.application.rebalance import Rebalanced, rebalance
from stratforge.application.sessions import NewSession, start_session
from stratforge.application.strategies import NewStrategy, store_strategy
from stratforge.bus.messages import RebalanceDue
from stratforge.market import Bar
from stratforge.market.sizes import SizingRule
from stratforge.storage.market import daily_bars, market_data
from stratforge.storage.market.clock import set_market_clock
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.strategies import rebalances, sessions
from stratforge.storage.strategies.rebalances import Recorded
from stratforge.storage.strategies.sessions import SessionMode, StoredSession
from stratforge.storage.users.accounts import register_user

from functions.evaluator.rebalance_client import decide_rebalances
from functions.ingestor.rebalance_timer import Told as Looks
from functions.ingestor.rebalance_timer import tell_due
from functions.sandbox.workers import Pool
from tests.support.asking import NEW, Told
from tests.support.world import World

NEW_YORK = ZoneInfo("America/New_York")
SYMBOLS = ("AAPL", "IBM", "MSFT")
MONTHLY = """
UNIVERSE = ["AAPL", "IBM", "MSFT"]
SCHEDULE = "monthly"
DAYS = 5


def indicators(bars):
    return {"momentum": bars.close.pct_change(DAYS)}


def rebalance(universe, portfolio, state):
    state["n"] += 1
    return weights.equal(universe.momentum.top(1)) * 0.9
"""
EVERY_TEN_MINUTES = """
UNIVERSE = ["AAPL", "IBM"]
SCHEDULE = 10
N = 3

def indicators(bars):
    return {"slope": bars.close.diff(N)}

def rebalance(universe, portfolio, state):
    state["minute"] = universe.time.minute
    return weights.equal(universe.slope > 0) / 2
"""
# A Monday and, a month later, the first trading day of March.
FIRST, MARCH = date(2026, 2, 2), date(2026, 3, 2)
RISING = [100.0 + number for number in range(10)]
FLAT = [100.0] * 10


class SandboxProcess:
    """The sandbox function, invoked as Lambda does: JSON in and JSON out."""

    def __init__(self) -> None:
        # A busy machine is no reason for a difference.
        self.pool = Pool(deadline=60.0, batch_seconds=600.0)

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        """Evaluates a batch in the worker process, which keeps what it compiled."""
        assert FunctionName == "sandbox"
        event = json.loads(Payload)
        answer = self.pool.evaluate(event["bars"], event["sources"], event["sessions"])
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


def at(day: date, hour: int = 9, minute: int = 30, second: int = 0) -> datetime:
    """A time of New York."""
    return datetime.combine(day, time(hour, minute, second), NEW_YORK).astimezone(UTC)


def day_bars(symbol: str, prices: Mapping[date, str]) -> list[Bar]:
    """Days, each at one price."""
    return [
        Bar(symbol, daily_bars.begins_at(symbol, day), *(Decimal(price),) * 4, Decimal(1000))
        for day, price in prices.items()
    ]


class Topics:
    """Topics that keep what is published."""

    def __init__(self) -> None:
        self.told: list[tuple[str, RebalanceDue]] = []

    def publish(self, symbol: str, messages: Sequence[RebalanceDue]) -> None:
        """Keeps messages."""
        self.told += [(symbol, each) for each in messages]


class Rotating:
    """Somebody with portfolio sessions, and their world."""

    def __init__(self, database: Database, world: World, cash: int = 100_000) -> None:
        self.database = database
        self.world = world
        self.sandbox = partial(decide_rebalances, "sandbox")
        with database.transaction() as connection:
            user_id = register_user(connection, "rota@example.com", "hash", Decimal(cash))
        assert user_id is not None
        self.ada = Caller(user_id)
        self.outbox = Told()

    def start(
        self, source: str = MONTHLY, capital: str = "10000", mode: SessionMode = SessionMode.PAPER
    ) -> StoredSession:
        """Stores a portfolio strategy and starts a session of it."""
        stored = store_strategy(self.database, self.ada, NewStrategy(name="Rotation", python_code=source), NEW)
        new = NewSession(
            strategy_id=stored.strategy_id, sizing_rule=SizingRule.FIXED_CASH, sizing_value=Decimal(capital), mode=mode
        )
        return start_session(self.database, self.outbox, self.ada, new, NEW)

    def clock(self, now: datetime) -> None:
        """Sets the market's clock."""
        with self.database.transaction() as connection:
            set_market_clock(connection, now)
        self.world.broker.now_at = now

    def days(self, today: date, prices: Mapping[str, Sequence[float]]) -> None:
        """The last days before a day, the newest last, of each symbol."""
        with self.database.transaction() as connection:
            for symbol, closes in prices.items():
                past: list[date] = []
                day = today
                while len(past) < len(closes):
                    day -= timedelta(days=1)
                    if day.weekday() < 5:
                        past.insert(0, day)
                rows = dict(zip(past, map(str, closes), strict=True))
                daily_bars.store_days(connection, symbol, day_bars(symbol, rows), today, 400)

    def minute(self, begins: datetime, prices: Mapping[str, float]) -> None:
        """A minute's bars, stored and seen."""
        with self.database.transaction() as connection:
            market_data.ensure_months(connection, [begins])
            for symbol, price in prices.items():
                bar = Bar(symbol, begins, *(Decimal(str(price)),) * 4, Decimal(1000))
                market_data.add_bars(connection, [bar])
                market_data.set_bar_price(connection, bar)
                self.world.broker.prices[symbol] = Decimal(str(price))

    def decide(self, *session_ids: UUID) -> Rebalanced:
        """Has sessions decide that can."""
        return rebalance(self.database, self.sandbox, self.world.wake, session_ids)

    def told(self, seconds: float = 0.0, before: Looks | None = None) -> list[RebalanceDue]:
        """The messages of one look of the timer, or of one that has looked before."""
        topics = Topics()
        tell_due(self.database, topics, seconds, before)
        return [message for _, message in topics.told]

    def settle(self, *session_ids: UUID) -> None:
        """Works off what waits, purchases that wait for sales included."""
        for _ in range(4):
            self.world.quiet()
            if not self.decide(*session_ids).orders:
                break
        self.world.quiet()

    def session(self, session_id: UUID) -> StoredSession:
        """A session as it is."""
        with self.database.transaction() as connection:
            found = sessions.get_session(connection, session_id)
        assert found is not None
        return found

    def decisions(self, session_id: UUID) -> list[Recorded]:
        """The decisions of a session, the newest first."""
        with self.database.transaction() as connection:
            return rebalances.list_rebalances(connection, session_id, 1000)

    def held(self, session_id: UUID) -> dict[str, Decimal]:
        """What a session holds."""
        with self.database.transaction() as connection:
            found = rebalances.holdings(connection, session_id)
        return {symbol: each.quantity for symbol, each in found.items() if each.quantity}


@contextmanager
def opening(database: Database, conninfo: str, day: date) -> Iterator[Rotating]:
    """Somebody whose market has just opened, with the day's first minute, at 100 dollars."""
    world = World(conninfo)
    found = Rotating(database, world)
    found.clock(at(day, 9, 31))
    found.minute(at(day), dict.fromkeys(SYMBOLS, 100.0))
    yield found
    world.close()


def in_march(rotating: Rotating) -> None:
    """A month later IBM rises."""
    rotating.clock(at(MARCH, 9, 31))
    rotating.days(MARCH, {"AAPL": FLAT, "IBM": RISING, "MSFT": FLAT})
    rotating.minute(at(MARCH), dict.fromkeys(SYMBOLS, 100.0))


def minutes(rotating: Rotating, first: int, last: int, *, without: str = "") -> None:
    """Minutes of the morning after 9:30, in which AAPL rises and IBM falls."""
    for number in range(first, last):
        prices = {"AAPL": 100.0 + number / 10, "IBM": 100.0 - number / 10}
        rotating.minute(
            at(FIRST) + timedelta(minutes=number), {each: price for each, price in prices.items() if each != without}
        )


def copies(connection: Connection, session_id: UUID, count: int) -> list[UUID]:
    """Sessions of other users like one that there is."""
    found = []
    for number in range(count):
        user = register_user(connection, f"other{number}@example.com", "hash", Decimal(100_000))
        assert user is not None
        row = connection.execute(
            """
            WITH written AS (
                INSERT INTO strategies (user_id, name, symbol, python_code) SELECT %(user)s, 'other', t.symbol, t.python_code
                FROM strategies t JOIN sessions s ON s.strategy_id = t.id WHERE s.id = %(id)s RETURNING id),
            version AS (
                INSERT INTO strategy_versions (strategy_id, version, user_id, python_code, source_hash, lookback, others, lookback_edition, parameters)
                SELECT written.id, 1, %(user)s, v.python_code, v.source_hash, v.lookback, v.others, v.lookback_edition, v.parameters
                FROM written, strategy_versions v JOIN sessions s ON s.strategy_id = v.strategy_id WHERE s.id = %(id)s RETURNING strategy_id)
            INSERT INTO sessions (user_id, strategy_id, strategy_version, symbol, status, universe, symbols, schedule, daily, capital, decides_at)
            SELECT %(user)s, version.strategy_id, 1, s.symbol, 'RUNNING', s.universe, s.symbols, s.schedule, s.daily, s.capital, s.decides_at
            FROM version, sessions s WHERE s.id = %(id)s RETURNING id
            """,
            {"user": user, "id": session_id},
        ).fetchone()
        assert row is not None
        found.append(row[0])
    return found
