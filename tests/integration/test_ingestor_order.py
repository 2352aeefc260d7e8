"""Whatever drops, repeats, is refused or dies: each symbol's bars are published in order, and sessions come to see every one of them."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from random import Random

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from stratforge.broker.history import Found
from stratforge.bus.messages import BarMessage
from stratforge.market import Bar
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies.evaluations import Wanted

from functions.ingestor.pipeline import BarPipeline
from tests.simulation.platform import Inline
from tests.support.ledger import OPEN
from tests.support.tiers import examples
from tests.support.world import FragileDatabase, Fuse, Killed

_MINUTE = timedelta(minutes=1)
_EXAMPLES = count()
# Enough for what sessions want, so that a service that starts again has no history to ask for, and goes on where it stopped.
_PAST = 80


def _refusal() -> ClientError:
    return ClientError(
        {"Error": {"Code": "AuthorizationError"}, "ResponseMetadata": {"HTTPStatusCode": 403}},  # type: ignore[typeddict-item] # the part that is read
        "Publish",
    )


@dataclass(frozen=True)
class Step:
    """What happens in a minute: how often the stream tells each symbol's bar (None: it does not trade), whether the connection holds, the
    boundary at which the service dies (None: it lives), and the symbol that SNS refuses for good."""

    told: tuple[int | None, int | None, int | None]
    connected: bool
    dies_after: int | None
    refused: int | None


steps = st.builds(
    Step,
    st.tuples(*(st.sampled_from([1, 1, 1, 2, None]) for _ in range(3))),
    st.sampled_from([True, True, True, False]),
    st.none() | st.integers(0, 12),
    st.none() | st.integers(0, 2),
)

_TOLD = Step((1, 1, 1), connected=True, dies_after=None, refused=None)
_QUIET = replace(_TOLD, told=(None, None, None))


@dataclass
class Market:
    """Three symbols, what of them is past, the service that streams them, and the sessions behind its topics."""

    symbols_at_once = 1

    database: FragileDatabase
    symbols: list[str] = field(default_factory=lambda: [f"P{next(_EXAMPLES)}{each}" for each in "ABC"])
    past: dict[str, list[Bar]] = field(default_factory=lambda: defaultdict(list))
    minute: int = 0
    connected: bool = True
    refused: str | None = None
    published: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    seen: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.fuse = self.database.fuse
        for symbol in self.symbols:
            self.past[symbol] = [self._bar(symbol, minute) for minute in range(-_PAST, 0)]
            self.seen[symbol] = [self.past[symbol][-1].time]
        self._start()

    @staticmethod
    def _bar(symbol: str, minute: int) -> Bar:
        one = Decimal(1)
        return Bar(symbol, OPEN + minute * _MINUTE, one, one, one, one, one)

    # What the service asks and tells -----------------------------------------------------------------------

    def now(self) -> datetime:
        """The exchange's time."""
        return OPEN + self.minute * _MINUTE

    def bars_of(self, symbols: Sequence[str], start: datetime, end: datetime, *, as_traded: bool) -> Found:
        """History of a time."""
        assert as_traded
        self.fuse.boundary("history")
        return Found({symbol: [each for each in self.past[symbol] if start <= each.time < end] for symbol in symbols})

    def latest_of(self, symbols: Sequence[str], count: int, now: datetime) -> Found:
        """The latest bars."""
        self.fuse.boundary("history")
        return Found({symbol: [each for each in self.past[symbol] if each.time < now][-count:] for symbol in symbols})

    def publish(self, symbol: str, messages: Sequence[BarMessage]) -> None:
        """A topic, with the sessions behind it: they see what is stored up to each bar that they are told of."""
        self.fuse.boundary("before publishing")
        if symbol == self.refused:
            raise _refusal()
        for message in messages:
            self.published[symbol].append(message.time)
            seen = self.seen[symbol]
            with Database.transaction(self.database) as connection:
                rows = connection.execute(
                    "SELECT time FROM market_data WHERE symbol = %s AND time > %s AND time <= %s ORDER BY time",
                    (symbol, seen[-1], message.time),
                ).fetchall()
            seen += [time for (time,) in rows]
            assert message.time <= seen[-1], "published before it was stored"
        self.fuse.boundary("after publishing")

    # What happens ------------------------------------------------------------------------------------------

    def _start(self) -> None:
        """The service starts; it may die in the middle of that, too."""
        while True:
            self.published.clear()
            self.pipeline = BarPipeline(
                self, self, self.now, self.database, workers=2, on_fatal=lambda: None, threads=Inline()
            )
            try:
                self.pipeline.watch(dict.fromkeys(self.symbols, Wanted(1, 5)))
                self.pipeline.work_off()
                self._reconnect()
            except Killed:
                continue
            return

    def _reconnect(self) -> None:
        self.connected = True
        self.pipeline.reconnected(crypto=False)
        self.pipeline.work_off()

    def happens(self, step: Step) -> None:
        """A minute passes."""
        self.refused = None if step.refused is None else self.symbols[step.refused]
        new = {
            symbol: self._bar(symbol, self.minute)
            for symbol, told in zip(self.symbols, step.told, strict=True)
            if told is not None
        }
        for symbol, bar in new.items():
            self.past[symbol].append(bar)
        self.minute += 1
        self.fuse.arm(kill_after=step.dies_after)
        try:
            if step.connected and not self.connected:
                self._reconnect()
            self.connected = step.connected
            if step.connected:
                for turn in range(2):
                    for symbol, told in zip(self.symbols, step.told, strict=True):
                        if told is not None and turn < told:
                            self.pipeline.bar(new[symbol], False)
                self.pipeline.work_off()
                for symbol, bar in new.items():
                    assert symbol == self.refused or self.published[symbol][-1] == bar.time, "another symbol held it up"
        except Killed:
            self._start()
        finally:
            self.fuse.disarm()
        for times in self.published.values():
            assert times == sorted(set(times)), "a service publishes each bar once, in order"


@pytest.fixture
def fragile(migrated: str) -> Iterator[FragileDatabase]:
    """A database whose commits are boundaries to die at."""
    found = FragileDatabase(lambda: migrated, application="test")
    found.fuse = Fuse()
    yield found
    found.close()


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, min_size=1, max_size=12))
@example([*([_QUIET, _TOLD] * 5), replace(_TOLD, connected=False), _TOLD])
def test_sessions_see_every_bar_once_and_in_order_wherever_the_service_dies(
    fragile: FragileDatabase, happening: list[Step]
) -> None:
    market = Market(fragile)
    for step in happening:
        market.happens(step)
    market.happens(_TOLD)
    for symbol in market.symbols:
        assert market.seen[symbol] == [each.time for each in market.past[symbol]][_PAST - 1 :], symbol


class _Watchful:
    """Topics that notice when a symbol's bars are published side by side or out of order."""

    def __init__(self, seed: int) -> None:
        self.symbols_at_once = 1
        self.published: dict[str, list[datetime]] = defaultdict(list)
        self.at_once = 0
        self._random = Random(seed)
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        self._others = threading.Condition(self._lock)

    def publish(self, symbol: str, messages: Sequence[BarMessage]) -> None:
        """Publishes after as many others as chance has it, or when nobody else comes."""
        with self._lock:
            assert symbol not in self._busy
            self._busy.add(symbol)
            self.at_once = max(self.at_once, len(self._busy))
            self._others.wait_for(lambda: len(self._busy) > 3, self._random.random() / 100)
            self.published[symbol] += [each.time for each in messages]
            self._busy.remove(symbol)
            self._others.notify_all()


def test_symbols_are_published_side_by_side_and_each_in_order(fragile: FragileDatabase) -> None:
    topics, symbols = _Watchful(seed=7), [f"W{each}" for each in range(40)]
    published = threading.Semaphore(0)
    clock = [OPEN]
    pipeline = BarPipeline(
        topics,
        Market(fragile),
        lambda: clock[-1],
        fragile,
        on_fatal=lambda: None,
        on_published=lambda _bar: published.release(),
    )
    for done in pipeline.watch(dict.fromkeys(symbols, Wanted(1, 0))):
        assert done.wait(60)
    minutes = range(20)
    clock.append(OPEN + len(minutes) * _MINUTE)
    for minute in minutes:
        for symbol in symbols:
            pipeline.bar(Market._bar(symbol, minute), False)
    for _ in range(len(symbols) * len(minutes)):
        assert published.acquire(timeout=60)
    assert topics.published == {each: [OPEN + minute * _MINUTE for minute in minutes] for each in symbols}
    assert topics.at_once > 1
    with fragile.transaction() as connection:
        assert set(market_data.last_bar_times(connection, symbols).values()) == {OPEN + 19 * _MINUTE}
