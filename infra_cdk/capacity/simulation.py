"""`make scale`: a minute of the platform as discrete events, at 10 to 100,000 users, and which limit bites where.

Every symbol's bar goes through the ingestor, SNS and SQS to the evaluator (one message group a symbol and shard, so in order), to the sandbox, and with
probability to the executor (one group a symbol), which asks Alpaca. Service times are the measured ones; what waits is what the simulation finds.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import simpy

from infra_cdk.capacity.cost import INSTANCES, database_for
from infra_cdk.capacity.measured import Load, Measured

Process = Generator[Any, Any, None]
MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of AWS's quotas, of Alpaca, and of the deployment.

    `hop` is what SNS, SQS and the mapping take between two functions (a poll of the mapping, measured by nobody here: AWS says tens of milliseconds).
    `speed` is a function's core by the measuring machine's.
    """

    concurrency: int = 1_000
    connections: int = 420
    alpaca_a_minute: int = 200
    topics: int = 1_000
    sessions_a_shard: int = 500
    publishes_a_second: float = 200.0
    hop: float = 0.05
    speed: float = 1.0
    cores: int | None = None


@dataclass
class Outcome:
    """The result of a number of simulated minutes."""

    lags: list[float] = field(default_factory=list)
    most_concurrent: int = 0
    most_connections: int = 0
    orders_to_alpaca: int = 0
    unsent: int = 0
    busy: float = 0.0
    minutes: int = 1

    def quantile(self, q: float) -> float:
        """Seconds from a bar's arrival to its order, for the part q of orders; infinite when some never left within the minutes."""
        known = sorted(self.lags)
        place = int(q * (len(known) + self.unsent))
        return known[place] if place < len(known) else math.inf


class _World:
    def __init__(self, load: Load, measured: Measured, limits: Limits, seed: int) -> None:
        self.environment = simpy.Environment()
        self.load, self.measured, self.limits = load, measured, limits
        self.random = random.Random(seed)  # noqa: S311 - a simulation
        self.functions = simpy.Resource(self.environment, limits.concurrency)
        self.cores = simpy.Resource(self.environment, limits.cores) if limits.cores else None
        self.connections = simpy.Resource(self.environment, limits.connections)
        self.alpaca = simpy.Container(self.environment, limits.alpaca_a_minute, init=limits.alpaca_a_minute)
        self.outcome = Outcome()
        self.waiting = 0

    def refill(self) -> Process:
        """Alpaca's requests come back evenly."""
        while True:
            yield self.environment.timeout(MINUTE / self.limits.alpaca_a_minute)
            if self.alpaca.level < self.limits.alpaca_a_minute:
                yield self.alpaca.put(1)

    def work(self, seconds: float, *, database: bool) -> Process:
        """A function's invocation: a place among all, a connection, and on one machine a core."""
        with self.functions.request() as place:
            yield place
            self.outcome.most_concurrent = max(self.outcome.most_concurrent, self.functions.count)
            spent = seconds / self.limits.speed * self.random.uniform(0.8, 1.3)
            self.outcome.busy += spent
            if not database:
                yield from self._on_a_core(spent)
                return
            with self.connections.request() as connection:
                yield connection
                self.outcome.most_connections = max(self.outcome.most_connections, self.connections.count)
                yield from self._on_a_core(spent)
                yield self.environment.timeout(self.measured.wait)

    def _on_a_core(self, seconds: float) -> Process:
        if self.cores is None:
            yield self.environment.timeout(seconds)
            return
        with self.cores.request() as core:
            yield core
            yield self.environment.timeout(seconds)

    def bar(self, sessions: int, place: float) -> Process:
        """A symbol's bar, from its arrival to its order."""
        yield self.environment.timeout(place)
        arrived = self.environment.now
        shards = max(1, math.ceil(sessions / self.limits.sessions_a_shard))
        parts = [self.environment.process(self.shard(math.ceil(sessions / shards))) for _ in range(shards)]
        yield self.environment.all_of(parts)
        signals = sum(self.random.random() < self.load.signal_rate for _ in range(min(sessions, 2_000)))
        if sessions > 2_000:
            signals = round(signals * sessions / 2_000)
        if not signals:
            return
        self.waiting += 1
        yield self.environment.timeout(self.limits.hop)
        yield from self.work(self.measured.executor.of(signals), database=True)
        yield self.alpaca.get(1)
        self.waiting -= 1
        self.outcome.orders_to_alpaca += 1
        self.outcome.lags.append(self.environment.now - arrived)
        yield self.environment.timeout(self.limits.hop)
        yield from self.work(self.measured.settler.of(signals), database=True)

    def shard(self, sessions: int) -> Process:
        """One message of a bar: the evaluator waits for the sandbox."""
        yield self.environment.timeout(self.limits.hop)
        yield from self.work(self.measured.sandbox.of(sessions), database=False)
        yield from self.work(self.measured.evaluator.of(sessions), database=True)

    def minutes(self, count: int, popularity: list[int]) -> Process:
        """Bars of all symbols, at the beginning of every minute, as fast as the ingestor publishes."""
        for _ in range(count):
            for number, sessions in enumerate(popularity):
                place = max(number / self.limits.publishes_a_second, self.random.uniform(0, 1.0))
                self.environment.process(self.bar(sessions, place))
            yield self.environment.timeout(MINUTE)


def popularity(load: Load) -> list[int]:
    """Sessions of each symbol: a few are everybody's (by rank, as Zipf has it)."""
    weights = [1 / rank for rank in range(1, load.symbols + 1)]
    scale = load.sessions / sum(weights)
    return [max(1, round(weight * scale)) for weight in weights]


def simulate(load: Load, measured: Measured, limits: Limits, *, minutes: int = 5, seed: int = 1) -> Outcome:
    """Simulates some minutes; the same seed gives the same outcome."""
    world = _World(load, measured, limits, seed)
    world.environment.process(world.refill())
    world.environment.process(world.minutes(minutes, popularity(load)))
    world.environment.run(until=minutes * MINUTE)
    world.outcome.unsent = world.waiting
    world.outcome.minutes = minutes
    return world.outcome


def bites(load: Load, outcome: Outcome, limits: Limits) -> list[str]:
    """Lists the limits that are reached, with the remedy for each."""
    found = []
    if (
        outcome.unsent > outcome.orders_to_alpaca / outcome.minutes
        or outcome.orders_to_alpaca / outcome.minutes > 0.95 * limits.alpaca_a_minute
    ):
        found.append(
            f"Alpaca's {limits.alpaca_a_minute} requests a minute: ask for more, trade on 5-minute bars, or move to the Broker API"
        )
    if load.symbols > limits.topics:
        found.append(f"{limits.topics:,} FIFO topics an account: raise the quota, or let several symbols share a topic")
    if outcome.most_concurrent >= limits.concurrency:
        found.append(f"{limits.concurrency:,} concurrent functions: raise the quota")
    if outcome.most_connections >= limits.connections:
        found.append(f"{limits.connections:,} database connections: put RDS Proxy in front, or a larger instance")
    if load.symbols / limits.publishes_a_second > 15:
        found.append(
            "the ingestor's publishing: PublishBatch for symbols of one topic, or a task for each half of the symbols"
        )
    return found


SIZES = (Load(10, 8), Load(1_000, 300), Load(10_000, 1_000), Load(100_000, 3_000))


def main() -> None:
    """Prints a table of lags and limits for growing loads."""
    parser = argparse.ArgumentParser(prog="make scale", description=__doc__)
    parser.add_argument("--minutes", type=int, default=5)
    options = parser.parse_args()
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    console = Console(width=max(120, Console().width))
    measured = Measured.read()
    table = Table(title="Bar to order, and what bites")
    for name in (
        "users",
        "sessions",
        "symbols",
        "database",
        "p50",
        "p99",
        "functions at once",
        "connections",
        "orders a minute",
        "what bites",
    ):
        table.add_column(name, justify="left" if name in ("database", "what bites") else "right")
    for load in track(SIZES, "simulating", console=console, transient=True):
        instance = database_for(load, measured)
        limits = Limits(connections=INSTANCES[instance][0])
        outcome = simulate(load, measured, limits, minutes=options.minutes)
        table.add_row(
            f"{load.users:,}",
            f"{load.sessions:,.0f}",
            f"{load.symbols:,}",
            instance,
            _seconds(outcome.quantile(0.5)),
            _seconds(outcome.quantile(0.99)),
            f"{outcome.most_concurrent:,}",
            f"{outcome.most_connections:,}",
            f"{outcome.orders_to_alpaca / options.minutes:,.0f}",
            "; ".join(bites(load, outcome, limits)) or "nothing",
            end_section=True,
        )
    console.print(table)
    console.print(f"Service times measured on {measured.machine} on {measured.date}.", highlight=False)


def _seconds(value: float) -> str:
    return "not within the minutes" if math.isinf(value) else f"{value:.2f} s"


if __name__ == "__main__":
    main()
