"""The whole trading path from one seed: every part of the product, its queues, its broker, its market and its people, for some days of trading."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from simulators.alpaca.exchange import SimulatedOrder
from stratforge.application.equity_snapshots import snapshot_equity
from stratforge.application.evaluate_bar import correct_bar, evaluate_bar
from stratforge.application.execute_symbol import OutcomeUnknown
from stratforge.application.settle_fill import settle_fill
from stratforge.application.suspension import is_suspended, suspend
from stratforge.broker import BrokerRefusesPlatform, BrokerUnavailable
from stratforge.bus.messages import BarMessage, MarketUpdate, OrderUpdate
from stratforge.market import Bar, BarColumns
from stratforge.market.corporate_actions import ActionKind, CorporateAction
from stratforge.storage.market import clock, market_data
from stratforge.storage.strategies import evaluations
from stratforge.storage.strategies.evaluations import Outcome, RunningSession, Wanted
from stratforge.strategy import PositionView, Strategy, compile_strategy, evaluate_last_bar
from stratforge.strategy.graph import Values
from stratforge.strategy.signals import order_side

from functions.ingestor.block_timer import wake_overdue
from functions.ingestor.pipeline import BarPipeline
from tests.simulation import promises
from tests.simulation.market import SYMBOLS, Market
from tests.simulation.people import People
from tests.simulation.queues import Queue, Weather
from tests.simulation.time import DatabaseClock, Loop, simulated
from tests.support.world import Killed, World, update_of

NEW_YORK = ZoneInfo("America/New_York")
MINUTE = timedelta(minutes=1)
MONDAY = datetime(2026, 1, 5, 9, 30, tzinfo=NEW_YORK)
# The longest that a block may hold up its symbol, whatever is lost, slow or killed on the way to its end.
BOUND = timedelta(minutes=7)


class Inline(Executor):
    """Does what is submitted at once, in this thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Does it."""
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


@lru_cache(maxsize=16)
def _compiled(code: str) -> Strategy:
    return compile_strategy(code)


def engine(window: BarColumns, running: Sequence[RunningSession]) -> list[Outcome]:
    """The strategy engine in this process."""
    outcomes = []
    for session in running:
        position = PositionView(session.quantity, session.average_entry_price, float(session.bars_held))
        done = evaluate_last_bar(
            _compiled(session.python_code).with_parameters(**session.parameters),
            Values(window),
            position,
            session.state,
        )
        said = done.signal
        if said is None:
            outcomes.append(Outcome(session, done.state))
        else:
            side, short = order_side(said.side)
            outcomes.append(Outcome(session, done.state, side, said.confidence, said.size_kind, said.size, short=short))
    return outcomes


class Simulation:
    """Everything, from one seed."""

    symbols_at_once = 1

    def __init__(self, conninfo: str, seed: int) -> None:
        self.random = random = Random(seed)
        self.seed = seed
        self.weather = Weather()
        self.loop = Loop(MONDAY - 10 * MINUTE)
        self.database_clock = DatabaseClock(conninfo)
        self.world = World(
            conninfo, claim=timedelta(seconds=20), scale=random.choice((Decimal(1), Decimal(1), Decimal(10)))
        )
        self.world.exchange.shorting = True
        self.world.wake_up = self._wake
        self.world.pass_on = self._update
        self.world.exchange.cash = (
            Decimal(random.choice((1_000_000_000, 1_000_000_000, 30_000))) / self.world.broker.scale
        )
        made = (self.loop, random, self.weather)
        self.bars: Queue[BarMessage] = Queue("bars", *made, self._evaluate)
        self.work: Queue[str] = Queue("work", *made, self._execute)
        self.quotes: Queue[MarketUpdate] = Queue("quotes", *made, self._quote)
        self.updates: Queue[OrderUpdate] = Queue("updates", *made, self._settle)
        self.market = Market(
            self.loop,
            random,
            self.world.exchange,
            self.world.broker.prices,
            self._news,
            self._bar,
            is_open=self._is_open,
        )
        self.people = People(self.world.database, random, self.world.broker.prices, self._wake)
        self.streaming, self.watching = True, False
        self.watched: dict[str, Wanted] = {}
        self.split: set[str] = set()
        self.outages = 0
        self.pipeline = self._ingestor()
        self.world.exchange.listen(self._on_order)

    def close(self) -> None:
        """Disconnects."""
        self.world.close()
        self.database_clock.close()

    # The product's parts, as their handlers call them ------------------------------------------------------

    def _attempt(self, step: Callable[[], object]) -> bool:
        """Runs a step that may be killed or fail for now, as a consumer of a queue does."""
        if self.random.random() < self.weather.crash:
            self.world.fuse.arm(self.random.randint(0, 8))
        else:
            self.world.fuse.arm()
        try:
            step()
        except BrokerRefusesPlatform as error:
            suspend(self.world.database, error)
        except (Killed, OutcomeUnknown, BrokerUnavailable):
            return False
        finally:
            self.world.fuse.disarm()
        return True

    def _wake(self, symbol: str, cause: str, _arrived: datetime | None = None) -> None:
        self.work.send(symbol, symbol, f"{symbol} {cause}")

    def _update(self, update: OrderUpdate) -> None:
        self.updates.send(update.client_order_id, update)

    def _evaluate(self, message: BarMessage) -> bool:
        if message.kind == "correction":
            return self._attempt(lambda: correct_bar(self.world.fragile, message.bar()))
        return self._attempt(
            lambda: evaluate_bar(
                self.world.fragile, engine, self._wake, message.bar(), message.shard, shards=message.shards
            )
        )

    def _execute(self, symbol: str) -> bool:
        broker = self.world.broker
        broker.submit_fault = (
            self.random.choice(("before", "after")) if self.random.random() < self.weather.submit else ""
        )
        broker.read_fault = self.random.random() < self.weather.read
        try:
            return self._attempt(lambda: self.world.executor.execute(symbol))
        finally:
            broker.submit_fault, broker.read_fault = "", False
            self._watch_blocks()

    def _quote(self, update: MarketUpdate) -> bool:
        def step() -> None:
            if self.world.executor.note_update(update):
                self.world.executor.execute(update.symbol)

        try:
            return self._attempt(step)
        finally:
            self._watch_blocks()

    def _settle(self, update: OrderUpdate) -> bool:
        return self._attempt(lambda: settle_fill(self.world.fragile, self._wake, update))

    def _watch_blocks(self) -> None:
        """The block timer, which looks every second while there are blocks."""
        if not self.watching:
            self.watching = True
            self.loop.later(1, "timer", self._timer)

    def _timer(self) -> str:
        overdue = wake_overdue(self.world.database, self._wake)
        with self.world.database.transaction() as connection:
            row = connection.execute("SELECT count(*) FROM block_orders WHERE completed_at IS NULL").fetchone()
        self.watching = row is not None and row[0] > 0
        if self.watching:
            self.loop.later(1, "timer", self._timer)
        return str(overdue)

    def _reconcile(self) -> str:
        self.world.broker.read_fault = self.random.random() < self.weather.read
        try:
            return str(self._attempt(lambda: self.world.reconciler.run()))
        finally:
            self.world.broker.read_fault = False
            self._watch_blocks()

    def _snapshot(self) -> str:
        noted = snapshot_equity(self.world.database)
        return self._reconcile() if is_suspended(self.world.database) else str(noted)

    # The ingestor ------------------------------------------------------------------------------------------

    def _ingestor(self) -> BarPipeline:
        self.watched = {}
        return BarPipeline(
            self, self.market, lambda: self.loop.now, self.world.database, workers=1, on_fatal=lambda: None, threads=Inline()
        )  # fmt: skip

    def publish(self, symbol: str, messages: Sequence[BarMessage]) -> None:
        """The topic of a symbol."""
        for message in messages:
            self.bars.send(f"{symbol}/{message.shard}", message, message.deduplication_id)

    def _follow_what_is_wanted(self) -> str:
        with self.world.database.transaction() as connection:
            wanted = evaluations.symbols_to_stream(connection)
            overdue = evaluations.overdue_bars(connection)
        self.pipeline.watch({symbol: each for symbol, each in wanted.items() if self.watched.get(symbol) != each})
        for symbol in set(self.watched) - set(wanted):
            self.pipeline.forget(symbol)
        self.watched = wanted
        for each in overdue:
            if each.bar.symbol in wanted:
                self.pipeline.publish_again(each)
        self.pipeline.work_off()
        return f"{len(wanted)} wanted, {len(overdue)} overdue"

    def _news(self, update: MarketUpdate) -> None:
        if self.streaming and (update.exchange_state is not None or self.random.random() > self.weather.lost):
            self.quotes.send(update.symbol, update, update.deduplication_id)

    def _bar(self, bar: Bar) -> None:
        if not self.streaming or self.random.random() < self.weather.lost:
            return
        for _ in range(2 if self.random.random() < self.weather.doubled else 1):
            self.loop.later(self.random.uniform(0.2, 3), f"stream {bar.symbol}", lambda: self._streamed(bar, False))
        if self.random.random() < 0.03:
            changed = Bar(
                bar.symbol, bar.time, bar.open, bar.high + Decimal("0.01"), bar.low, bar.close, bar.volume + 7
            )
            place = self.market.past[bar.symbol].index(bar)
            self.loop.later(30, f"corrects {bar.symbol}", lambda: self._corrected(changed, place))

    def _corrected(self, bar: Bar, place: int) -> None:
        self.market.past[bar.symbol][place] = bar
        self._streamed(bar, True)

    def _streamed(self, bar: Bar, correction: bool) -> None:
        self.pipeline.bar(bar, correction)
        self.pipeline.work_off()

    def _on_order(self, event: str, order: SimulatedOrder, execution: dict[str, str] | None) -> None:
        if event == "new":
            self.market.took(order)
        update = update_of(event, order, execution, self.loop.now, self.world.broker.scale)
        if self.random.random() >= self.weather.lost:
            # The stream hands them on in any order when it is busy.
            self.loop.later(self.random.uniform(0.01, 0.3), "told", lambda: self._update(update))

    # What goes wrong ---------------------------------------------------------------------------------------

    def _trouble(self) -> str:
        kinds = (
            self._outage,
            self._clock_jump,
            self._keys,
            self._halt,
            self._restart,
            self._lost_queues,
            self._correction,
            self._correction,
            self._shards,
        )
        chosen = self.random.choice(kinds)
        return f"{chosen.__name__} {chosen()}"

    def _outage(self) -> float:
        seconds = self.random.uniform(20, 400)
        self.streaming = False

        def back() -> None:
            self.streaming = True
            for crypto in (False, True):
                self.pipeline.reconnected(crypto=crypto)
            self.pipeline.work_off()

        self.loop.later(seconds, "the stream is back", back)
        return seconds

    def _clock_jump(self) -> float:
        seconds = self.random.choice((-40, -5, 5, 60, 240))
        self.loop.off += timedelta(seconds=seconds)
        self.loop.later(self.random.uniform(0, 15), "reads the clock", self._read_clock)
        return seconds

    def _read_clock(self) -> None:
        with self.world.database.transaction() as connection:
            clock.set_market_clock(connection, self.loop.now)

    def _keys(self) -> float:
        seconds = self.random.uniform(5, 200)
        self.world.broker.refusal = "the keys were rotated"

        def renewed() -> None:
            self.world.broker.refusal = ""

        self.loop.later(seconds, "the keys are known", renewed)
        return seconds

    def _correction(self) -> str:
        """The broker corrects an execution afterwards, by cents, so that everybody can bear it."""
        ended = [
            each for each in self.world.exchange.orders.values() if each.status == "filled" and each.symbol == "AAPL"
        ]
        if not ended:
            return "nothing"
        order = self.random.choice(ended[-3:])
        last = order.fills[-1]
        price = Decimal(last["price"]) + Decimal(self.random.choice((-2, -1, 1))) / 100
        self.world.exchange.correct_last_fill(order, Decimal(last["qty"]), price, self.loop.now)
        return f"{order.client_order_id} {price}"

    def _shards(self) -> int:
        """An operator says how many sessions of a symbol are evaluated together."""
        size = self.random.choice((1, 2, 3, 500))
        with self.world.database.transaction() as connection:
            connection.execute("UPDATE platform_state SET sessions_a_shard = %s", (size,))
        return size

    def _halt(self) -> str:
        return self.market.halt(self.random.choice(SYMBOLS), self.random.uniform(10, 300))

    def _restart(self) -> str:
        self.pipeline = self._ingestor()
        return self._follow_what_is_wanted()

    def _lost_queues(self) -> int:
        """The queues' engine dies with what it held."""
        lost = 0
        for queue in (self.bars, self.work, self.quotes):
            for group, waiting in queue.groups.items():
                # The first of each group may be in somebody's hands.
                while len(waiting) > 1:
                    waiting.pop()
                    lost += 1
                assert group
        return lost

    def _is_open(self, at: datetime) -> bool:
        local = at.astimezone(NEW_YORK)
        minutes = local.hour * 60 + local.minute
        return local.weekday() < 5 and 9 * 60 + 30 <= minutes < 16 * 60

    # Days --------------------------------------------------------------------------------------------------

    def _before_each(self) -> None:
        self.world.broker.now_at = self.loop.now
        self.database_clock.set(self.loop.wall)

    def run(self, days: int = 1) -> str:
        """Trades so many days and the morning after; gives the hash of everything that happened and of the ledger. Raises `PromiseBroken`."""
        with simulated(self.loop, self.random):
            self._begin()
            for day in range(days):
                self._day(MONDAY + timedelta(days=day), self._minutes())
            self._end(MONDAY + timedelta(days=days))
        with self.world.database.transaction() as connection:
            for table in ("trades", "orders", "users", "positions", "events"):
                self.loop.trace += [
                    str(row) for row in connection.execute(f"SELECT to_jsonb(t) - 'tx' FROM {table} t ORDER BY 1")
                ]
        return hashlib.sha256("\n".join(self.loop.trace).encode()).hexdigest()

    def _begin(self) -> None:
        self._before_each()
        self.market.begin(MONDAY.astimezone(ZoneInfo("UTC")) - 10 * MINUTE)
        with self.world.database.transaction() as connection:
            connection.execute(
                "INSERT INTO broker_budget (tokens, updated_at) VALUES (1e9, now()) ON CONFLICT DO NOTHING"
            )
            clock.set_market_clock(connection, self.loop.now)
            market_data.ensure_months(connection, [self.loop.now, self.loop.now + timedelta(days=10)])
            connection.execute("UPDATE platform_state SET sessions_a_shard = %s", (self.random.choice((1, 3, 500)),))
            self.people.begin(connection, self.random.randint(5, 9), self.random.choice((2_000, 20_000, 100_000)))
        self._follow_what_is_wanted()

    def _minutes(self) -> list[int]:
        """The minutes of a day in which something happens."""
        chosen = set(range(6)) | set(range(385, 390)) | set(self.random.sample(range(390), 10))
        for _ in range(3):
            starts = self.random.randrange(10, 370)
            chosen |= set(range(starts, starts + self.random.randint(4, 8)))
        return sorted(chosen)

    def _day(self, opens: datetime, minutes: list[int]) -> None:
        opens = opens.astimezone(ZoneInfo("UTC"))
        for minute in range(0, 420, 5):
            self.loop.at(opens + minute * MINUTE + timedelta(seconds=7), "reconciler", self._reconcile)
        for minute in range(0, 420, 4):
            self.loop.at(opens + minute * MINUTE + timedelta(seconds=40), "operator", self.people.operate)
        for minute in minutes:
            self._minute(opens + minute * MINUTE)
        self.loop.run(opens + 420 * MINUTE, self._before_each)

    def _minute(self, at: datetime) -> None:
        self.loop.at(
            at, "a minute", lambda: self.market.minute([each for each in SYMBOLS if self.random.random() < 0.85])
        )
        for second in (2, 32):
            self.loop.at(at + timedelta(seconds=second), "wanted", self._follow_what_is_wanted)
        self.loop.at(at + timedelta(seconds=59), "equity", self._snapshot)
        for _ in range(self.random.randint(1, 7)):
            self.loop.at(at + timedelta(seconds=self.random.uniform(0, 60)), "somebody", self.people.act)
        if self.random.random() < 0.12:
            self.loop.at(at + timedelta(seconds=self.random.uniform(0, 60)), "trouble", self._trouble)
        self.loop.at(at + timedelta(seconds=61), "promises", self._check)

    def _check(self) -> None:
        promises.always(self.world, self.split)

    def _end(self, opens: datetime) -> None:
        """The next morning: a split, perhaps, then nothing fails any more, and everything comes to its end."""
        opens = opens.astimezone(ZoneInfo("UTC"))
        calm = self.weather
        calm.doubled = calm.lost = calm.slow = calm.crash = calm.submit = calm.read = 0
        if self.random.random() < 0.6:
            self.loop.at(opens - 60 * MINUTE, "split", self._split)
        self.loop.at(opens - 30 * MINUTE, "reads the clock", self._read_clock)
        for minute in (-20, 3, 8, 13, 18, 23):
            self.loop.at(opens + minute * MINUTE + timedelta(seconds=7), "reconciler", self._reconcile)
        for minute in (0, 4):
            self.loop.at(opens + minute * MINUTE + timedelta(seconds=40), "operator", self.people.operate)
            self.loop.at(opens + minute * MINUTE + timedelta(seconds=41), "resumed", self._everybody_trades)
        for minute in range(16):
            self.loop.at(opens + minute * MINUTE, "a minute", lambda: self.market.minute(SYMBOLS, wild=0))
            self.loop.at(opens + minute * MINUTE + timedelta(seconds=2), "wanted", self._follow_what_is_wanted)
        self.loop.at(opens + 10 * MINUTE, "strategies pause", self._strategies_pause)
        self.loop.run(opens + 24 * MINUTE, self._before_each)
        promises.always(self.world, self.split)
        with self.world.database.transaction() as connection:
            promises.nobody_waits(connection, BOUND, MONDAY)
            fills = {
                each.client_order_id: [fill["execution_id"] for fill in each.fills]
                for each in self.world.exchange.orders.values()
            }
            promises.prices_of_the_market(connection, self.market.books, fills)
        promises.in_the_end(self.world, self.people.running, set())

    def _split(self) -> str:
        # Thirds of fractional positions too: the broker rounds them in his way.
        ratio = Decimal(self.random.choice(("2", "3", "0.5", "0.1", "0.333333333333")))
        action = CorporateAction("split-1", "AAPL", ActionKind.SPLIT, self.loop.now.astimezone(NEW_YORK).date(), ratio)
        self.market.split(action)
        self.split.add("AAPL")
        # Some are published when the symbol has traded for minutes.
        late = self.random.choice((0, 0, 0, 66, 70))
        self.loop.later(late * 60, "the split is published", lambda: self.world.broker.actions.append(action))
        return f"{action.ratio}, published {late} minutes after"

    def _everybody_trades(self) -> None:
        with self.world.database.transaction() as connection:
            connection.execute("UPDATE users SET trading_state = 'ACTIVE' WHERE closed_at IS NULL")

    def _strategies_pause(self) -> None:
        with self.world.database.transaction() as connection:
            connection.execute("UPDATE sessions SET status = 'PAUSED' WHERE status = 'RUNNING'")
