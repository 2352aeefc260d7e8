"""Minutes of the platform as discrete events: every symbol's bar from the exchange to its settled order.

Bars go through the ingestor and a queue to the evaluator, a message for each shard of a symbol's sessions, and with it to the sandbox; signals wake the executor, which has one block
of a symbol at work at a time; its order takes one of Alpaca's requests; its fill, now and then in two parts, goes to the settler, which wakes the executor for what came meanwhile. Queues hand out
batches, to as many invocations as their mapping has got to, or one at a time whose groups are worked on side by side, as the local engine does; an environment that is not there yet begins cold; a
function has the part of a core that its memory pays for. Seconds of work are the measured ones; what waits is what the simulation finds.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Hashable
from dataclasses import dataclass, field
from typing import Any

import simpy

from infra_cdk.capacity.measured import Load, Measured
from infra_cdk.capacity.stage import Stage

Process = Generator[Any, Any, None]
MINUTE = 60.0
# On one machine nobody holds a core longer than this while others wait.
_SLICE = 0.02
# The database's seconds by those of the function that asks it, for sessions that say nothing: what PostgreSQL's processes took in a measured run by what ours took.
_DATABASE_OF_A_FUNCTION = 0.2
# Lambda counts the environments that a function gets over so many seconds.
_BURST = 10.0
# How often a mapping looks whether it may work on more batches.
_LOOK = 0.2


@dataclass
class Outcome:
    """The result of a number of simulated minutes.

    Attributes:
        lags: Seconds from a bar's arrival to the order that it led to, by order.
        settled: Seconds from a bar's arrival until its order was settled.
        most: Environments of each function that worked at the same time, at most.
        environments: Environments of each function that there were in the end.
        most_together: Environments of all functions that worked at the same time, at most.
        connections: Database connections of all environments.
        seconds: Processor seconds by who works: a function, `database`, or `rest`, which is all else on one machine.
        unsent: Orders that had not left in the end.
    """

    lags: list[float] = field(default_factory=list)
    settled: list[float] = field(default_factory=list)
    most: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    environments: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    most_together: int = 0
    connections: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    orders: int = 0
    unsent: int = 0
    minutes: int = 1

    def quantile(self, q: float) -> float:
        """Seconds from a bar's arrival to its order, for the part q of orders; infinite when some never left within the minutes, nothing where there are none."""
        return _quantile(self.lags, q, self.unsent)

    def settled_by(self, q: float) -> float:
        """Seconds from a bar's arrival until its order was settled, for the part q of orders."""
        return _quantile(self.settled, q, self.orders + self.unsent - len(self.settled))


def _quantile(values: list[float], q: float, missing: int) -> float:
    known = sorted(values)
    if not known and not missing:
        return 0.0
    place = min(int(q * (len(known) + missing)), len(known) + missing - 1)
    return known[place] if 0 <= place < len(known) else math.inf


@dataclass
class _Symbol:
    """A symbol's sessions, what of their signals waits, and whether a block is at work."""

    sessions: int
    arrived: float = 0.0
    pending: int = 0
    at_work: bool = False


class _Queue:
    """A queue whose batches a function works on, as many at a time as its mapping has got to."""

    def __init__(self, world: _World, function: str, handle: Callable[[Any], Process]) -> None:
        self._world, self._function, self._handle = world, function, handle
        self._waiting: deque[tuple[Hashable, Any]] = deque()
        self._running = 0
        self._busy_since = 0.0

    def put(self, message: Any, group: Hashable) -> None:
        """A message of a group, which comes after the hop."""
        self._world.environment.process(self._arrive((group, message)))

    def _arrive(self, message: tuple[Hashable, Any]) -> Process:
        yield self._world.environment.timeout(self._world.stage.hop * self._world.random.uniform(0.2, 1.8))
        if not self._waiting and not self._running:
            self._busy_since = self._world.environment.now
        self._waiting.append(message)
        self._begin()

    def _begin(self) -> None:
        stage, environment = self._world.stage, self._world.environment
        while self._waiting:
            allowed = stage.first_batches + stage.more_batches * (environment.now - self._busy_since)
            if self._running >= min(allowed, stage.functions[self._function].at_once):
                break
            count = min(stage.batch, len(self._waiting))
            self._running += 1
            environment.process(self._work([self._waiting.popleft() for _ in range(count)]))

    def look(self) -> Process:
        """The mapping may work on more, as time goes."""
        while True:
            yield self._world.environment.timeout(_LOOK)
            self._begin()

    def _work(self, batch: list[tuple[Hashable, Any]]) -> Process:
        environment = self._world.environment
        groups: dict[Hashable, list[Any]] = defaultdict(list)
        for group, message in batch:
            groups[group if self._world.stage.groups_apart else None].append(message)
        # The next batch comes when all of this one are done.
        yield environment.all_of([environment.process(self._invoked(each)) for each in groups.values()])
        self._running -= 1
        self._begin()

    def _invoked(self, messages: list[Any]) -> Process:
        with self._world.invocation(self._function) as place:
            yield place
            yield from self._world.begin(self._function)
            for message in messages:
                yield from self._handle(message)
            self._world.end(self._function)


class _World:
    def __init__(self, load: Load, measured: Measured, stage: Stage, seed: int) -> None:
        self.environment = simpy.Environment()
        self.load, self.measured, self.stage = load, measured, stage
        self.random = random.Random(seed)  # noqa: S311 - a simulation
        self._places = {name: simpy.Resource(self.environment, each.at_once) for name, each in stage.functions.items()}
        self._working: dict[str, int] = defaultdict(int)
        # When the next new environment of a function may begin, were all that may come together there already.
        self._next_new: dict[str, float] = defaultdict(float)
        self._machine = simpy.Resource(self.environment, stage.shared_cores) if stage.shared_cores else None
        self._database = simpy.Resource(self.environment, stage.database_cores)
        self._alpaca = simpy.Container(self.environment, stage.alpaca_a_minute, init=stage.alpaca_a_minute)
        self.outcome = Outcome()
        self.symbols = [_Symbol(each) for each in popularity(load)]
        self._bars = _Queue(self, "evaluator", self._evaluate)
        self._signals = _Queue(self, "executor", self._execute)
        self._updates = _Queue(self, "settler", self._settle)
        for queue in (self._bars, self._signals, self._updates):
            self.environment.process(queue.look())

    # Functions, cores, the database ---------------------------------------------------------------------------------

    def invocation(self, function: str) -> Any:
        """A place of a function."""
        return self._places[function].request()

    def begin(self, function: str) -> Process:
        """An invocation begins, in an environment that is there or in a new one."""
        self._working[function] += 1
        together = sum(self._working.values())
        self.outcome.most_together = max(self.outcome.most_together, together)
        self.outcome.most[function] = max(self.outcome.most[function], self._working[function])
        if self._working[function] > self.outcome.environments[function]:
            self.outcome.environments[function] += 1
            yield self.environment.timeout(self._room_for_new(function) + self.stage.functions[function].cold)

    def _room_for_new(self, function: str) -> float:
        """Seconds until a function may have one more environment: ten seconds' worth of them come at once, and more at their rate."""
        now, each = self.environment.now, 1 / self.stage.new_environments
        begins = max(self._next_new[function], now - _BURST)
        self._next_new[function] = begins + each
        return max(0.0, begins - now)

    def end(self, function: str) -> None:
        """An invocation ends; its environment stays."""
        self._working[function] -= 1

    def _work(self, function: str, seconds: float) -> Process:
        """Seconds of a function's processor."""
        spent = seconds * self.random.uniform(0.8, 1.2)
        self.outcome.seconds[function] += spent
        if self._machine is None:
            yield self.environment.timeout(spent / self.stage.functions[function].cores)
        else:
            yield from self._sliced(self._machine, spent)

    def _ask(self, seconds: float) -> Process:
        """Seconds of the database's processor, and the way there."""
        yield from self._keep(seconds)
        yield self.environment.timeout(self.measured.wait)

    def _keep(self, seconds: float) -> Process:
        """Seconds of the database's processor that nobody waits for."""
        self.outcome.seconds["database"] += seconds
        yield from self._sliced(self._machine or self._database, seconds)

    def users(self) -> Process:
        """What the database does for every user whether or not anything trades, spread over the minutes."""
        while True:
            self.environment.process(self._keep(self.load.users * self.measured.database.user / MINUTE))
            yield self.environment.timeout(1.0)

    def _sliced(self, cores: simpy.Resource, seconds: float) -> Process:
        while seconds > 0:
            part = min(seconds, _SLICE)
            with cores.request() as core:
                yield core
                yield self.environment.timeout(part)
            seconds -= part

    # The way of a bar -----------------------------------------------------------------------------------------------

    def bar(self, symbol: _Symbol, place: float) -> Process:
        """A symbol's bar: published when its turn comes."""
        arrived = self.environment.now
        yield self.environment.timeout(place)
        symbol.arrived = arrived
        self.environment.process(self._keep(self.measured.database.others.fixed))
        yield from self._pass_on(0)
        shards = max(1, math.ceil(symbol.sessions / self.stage.sessions_a_shard))
        left = symbol.sessions
        for shard in range(shards):
            part = math.ceil(left / (shards - shard))
            left -= part
            self._bars.put((symbol, part), (id(symbol), shard))

    def _evaluate(self, message: tuple[_Symbol, int]) -> Process:
        """One shard's sessions: the evaluator waits for the sandbox."""
        symbol, sessions = message
        with self.invocation("sandbox") as place:
            yield place
            yield from self.begin("sandbox")
            yield from self._work("sandbox", self.measured.sandbox.of(sessions))
            self.end("sandbox")
        yield from self._work("evaluator", self.measured.evaluator.of(sessions))
        signals = self._signaling(sessions)
        quiet = _DATABASE_OF_A_FUNCTION * self.measured.evaluator.each * (sessions - signals)
        yield from self._ask(self.measured.database.evaluator.of(signals) + quiet)
        symbol.pending += signals
        if symbol.pending:
            self._wake(symbol)

    def _pass_on(self, orders: int) -> Process:
        """What one machine's engine, ingestor and simulators take of a third of the way: a bar that is published, an order that is sent, an update that comes."""
        if self._machine is not None:
            spent = self.measured.rest.of(orders) / 3
            self.outcome.seconds["rest"] += spent
            yield from self._sliced(self._machine, spent)

    def _wake(self, symbol: _Symbol) -> None:
        self._signals.put(symbol, id(symbol))

    def _signaling(self, sessions: int) -> int:
        """How many of the sessions say something: a part of them says the same on the same bar, as those of one idea do."""
        together = round(sessions * self.load.shared_signals)
        said = together if self.random.random() < self.load.signal_rate else 0
        alone = min(sessions - together, 2_000)
        found = sum(self.random.random() < self.load.signal_rate for _ in range(alone))
        return said + round(found * (sessions - together) / max(alone, 1))

    def _execute(self, symbol: _Symbol) -> Process:
        if symbol.at_work or not symbol.pending:
            yield from self._work("executor", self.measured.look)
            return
        orders, symbol.pending, symbol.at_work = symbol.pending, 0, True
        yield from self._work("executor", self.measured.executor.of(orders))
        yield from self._ask(self.measured.database.executor.of(orders))
        self.environment.process(self._send(symbol, orders))

    def _send(self, symbol: _Symbol, orders: int) -> Process:
        """The block's order, which waits for one of the minute's requests."""
        self.outcome.unsent += 1
        self.environment.process(self._keep(self.measured.database.others.each * orders))
        yield from self._pass_on(orders)
        yield self._alpaca.get(1)
        self.outcome.unsent -= 1
        self.outcome.orders += 1
        self.outcome.lags.append(self.environment.now - symbol.arrived)
        yield self.environment.timeout(self.stage.fill)
        yield from self._pass_on(orders)
        if self.random.random() < self.stage.partial_fills:
            self._updates.put((symbol, orders, False), id(symbol))
            yield self.environment.timeout(self.stage.fill)
        self._updates.put((symbol, orders, True), id(symbol))

    def _settle(self, message: tuple[_Symbol, int, bool]) -> Process:
        symbol, orders, whole = message
        yield from self._work("settler", self.measured.settler.of(orders))
        yield from self._ask(self.measured.database.settler.of(orders))
        if not whole:
            return
        self.outcome.settled.append(self.environment.now - symbol.arrived)
        symbol.at_work = False
        if symbol.pending:
            self._wake(symbol)

    # Time -------------------------------------------------------------------------------------------------------------

    def refill(self) -> Process:
        """Alpaca's requests come back evenly."""
        while True:
            yield self.environment.timeout(MINUTE / self.stage.alpaca_a_minute)
            if self._alpaca.level < self.stage.alpaca_a_minute:
                yield self._alpaca.put(1)

    def minutes(self, count: int) -> Process:
        """Bars of all symbols, at the beginning of every minute, as fast as the ingestor publishes."""
        for _ in range(count):
            for number, symbol in enumerate(self.symbols):
                self.environment.process(self.bar(symbol, number / self.stage.published_a_second))
            yield self.environment.timeout(self.stage.seconds_a_bar)


def popularity(load: Load) -> list[int]:
    """Sessions of each symbol: a few are everybody's (by rank, as Zipf has it), or all have as many."""
    weights = [1.0 if load.evenly else 1 / rank for rank in range(1, load.symbols + 1)]
    scale = load.sessions / sum(weights)
    return [max(1, round(weight * scale)) for weight in weights]


def simulate(load: Load, measured: Measured, stage: Stage, *, minutes: int = 5, seed: int = 1) -> Outcome:
    """Simulates some minutes; the same seed gives the same outcome."""
    world = _World(load, measured, stage, seed)
    world.environment.process(world.refill())
    world.environment.process(world.users())
    world.environment.process(world.minutes(minutes))
    world.environment.run(until=minutes * stage.seconds_a_bar)
    world.outcome.minutes = minutes
    world.outcome.connections = sum(
        count * stage.functions[name].connections for name, count in world.outcome.environments.items()
    )
    return world.outcome
