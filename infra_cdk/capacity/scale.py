"""`make scale`: 10 to 100,000 users on 50 to 10,000 symbols, what breaks first at each size, and what is turned on then.

What trades is simulated (`simulation.py`), on production as it comes (`stage.py`); prices, pages and what is told are reckoned from their rates. Where something is asked for more than it
has, the first remedy is turned on and the size is looked at again.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from infra_cdk.capacity.cost import INSTANCES
from infra_cdk.capacity.measured import Load, Measured
from infra_cdk.capacity.simulation import MINUTE, Outcome, simulate
from infra_cdk.capacity.stage import QUOTAS, Stage, production

SIZES = (Load(10, 50), Load(100, 200), Load(1_000, 500), Load(10_000, 2_000), Load(100_000, 10_000))
# An order later than this after its bar is late: the next bar is a minute away, and half of it is for whatever nobody thought of.
_LATE = 30.0
# The last bar of a minute published later than this after it is late: its sessions have seen the others decide.
_PUBLISHED = 15.0
_A_CORE = 1_024
# In the busiest minute so many times the day's average of pages are asked for.
_PEAK = 5.0
_PAGE_SECONDS, _TOLD_SECONDS = 0.02, 0.016
_TRADING_SECONDS = 6.5 * 3600
_MOST_REMEDIES = 14


@dataclass(frozen=True, slots=True)
class Demand:
    """A demand on something that has an end, by what there is of it.

    Attributes:
        what: It, with both numbers.
        part: What is asked for by what there is: from 1 on it breaks.
        remedy: What is turned on then.
        turn: The stage with it turned on; None where the platform has nothing to turn.
    """

    what: str
    part: float
    remedy: str
    turn: Callable[[Stage], Stage] | None = None


def demands(load: Load, measured: Measured, stage: Stage, outcome: Outcome) -> Iterator[Demand]:
    """Everything that is asked for and may not be there."""
    orders = (outcome.orders + outcome.unsent) / outcome.minutes
    yield Demand(
        f"Alpaca takes {stage.alpaca_a_minute:,} requests a minute, {orders:,.0f} orders are due",
        orders / stage.alpaca_a_minute,
        "a higher limit asked of Alpaca (the secret's `requests_per_minute`), or the Broker API",
        lambda it: replace(it, alpaca_a_minute=_rounded(1.25 * orders)),
    )
    if stage.topics is not None:
        yield Demand(
            f"{load.symbols:,} topics of {stage.topics:,}",
            load.symbols / stage.topics,
            "-c bars=stream: one Kinesis stream carries the bars",
            lambda it: replace(it, topics=None),
        )
    for name in ("evaluator", "sandbox", "executor", "settler"):
        most, has = outcome.most[name], stage.functions[name].at_once
        # What is used up is no harm while orders leave in time.
        late = min(1.0, outcome.quantile(0.99) / _LATE)
        yield Demand(
            f"{name}: {most:,} at a time of {has:,}",
            most / has * late,
            f"four times the row `{name}` of concurrency.py",
            partial(Stage.with_four_times, name=name),
        )
    yield Demand(
        f"a mapping begins with {stage.first_batches:g} batches at a time",
        0.0 if stage.first_batches > 5 else min(2.0, outcome.quantile(0.99) / _LATE),
        "-c provisioned_pollers: pollers that are there before the minute",
        lambda it: replace(it, first_batches=max(each.at_once for each in it.functions.values())),
    )
    yield Demand(
        f"{outcome.most_together:,} functions at a time of {stage.concurrency:,}",
        (outcome.most_together + _beside(load, stage)) / stage.concurrency,
        "a higher account quota of concurrent functions",
        lambda it: replace(it, concurrency=it.concurrency * 4),
    )
    yield Demand(
        f"{outcome.connections:,} database connections of {stage.connections:,}",
        outcome.connections / stage.connections,
        "RDS Proxy in front of the database, or the next class",
        lambda it: replace(it, connections=it.connections * 4),
    )
    seconds = outcome.seconds["database"] / outcome.minutes + _pages(load) * MINUTE * _PAGE_SECONDS / 2
    yield Demand(
        f"the database works {seconds:,.1f} s of a minute's {stage.database_cores * 60:,} on {stage.database_cores} cores",
        # Most of it comes in the seconds after the minute.
        2 * seconds / (stage.database_cores * MINUTE),
        "the next class of the database",
        _larger,
    )
    written = _written(load, measured)
    yield Demand(
        f"{written:,.1f} MB a second are written, of {stage.volume:,.0f}",
        written / stage.volume,
        "a volume with more throughput; from r7g.8xlarge on, Aurora Limitless by user",
        lambda it: replace(it, volume=it.volume * 4),
    )
    quotes = load.symbols / stage.batch * measured.look / stage.functions["quotes"].cores
    yield Demand(
        f"prices: {quotes:,.0f} executors at a time of {stage.functions['quotes'].at_once:,}",
        quotes / stage.functions["quotes"].at_once,
        "four times the share `quotes` of concurrency.py",
        partial(Stage.with_four_times, name="quotes"),
    )
    pages = _pages(load) * _PAGE_SECONDS / stage.functions["api"].cores
    yield Demand(
        f"pages: {_pages(load):,.0f} a second, {pages:,.0f} functions of {stage.functions['api'].at_once:,}",
        max(
            pages / stage.functions["api"].at_once,
            _pages(load)
            / QUOTAS["requests a second of the gateway's stage"].value
            / (stage.functions["api"].at_once / 100),
        ),
        "four times the row `api` of concurrency.py and the gateway's throttle",
        partial(Stage.with_four_times, name="api"),
    )
    told = _told(load) * _TOLD_SECONDS / stage.functions["notifier"].cores
    yield Demand(
        f"what is told: {_told(load):,.0f} a second, {told:,.1f} notifiers of {stage.functions['notifier'].at_once:,}",
        told / stage.functions["notifier"].at_once,
        "four times the shards of users that are told at a time",
        partial(Stage.with_four_times, name="notifier"),
    )
    yield Demand(
        f"an order leaves {_seconds(outcome.quantile(0.99))} after its bar (p99)",
        min(2.0, outcome.quantile(0.99) / _LATE),
        "twice the shards of a symbol (`sessions_a_shard`)",
        lambda it: replace(it, sessions_a_shard=max(100, it.sessions_a_shard // 2)),
    )
    yield _publishing(load, stage)


def _publishing(load: Load, stage: Stage) -> Demand:
    seconds = load.symbols / stage.published_a_second
    what = f"the ingestor publishes {seconds:,.1f} s after the minute"
    if stage.ingestor_cpu < _A_CORE:
        remedy = f"-c ingestor_cpu={_A_CORE}: a core for the ingestor"
        return Demand(what, seconds / _PUBLISHED, remedy, lambda it: it.with_ingestor(_A_CORE))
    remedy = "bars over Kinesis, 500 in a request"
    return Demand(what, seconds / _PUBLISHED, remedy, lambda it: replace(it, published_a_second=it.published_a_second * 4))  # fmt: skip


def _pages(load: Load) -> float:
    """Pages and requests in a second of the busiest minute."""
    return _PEAK * load.users * load.page_views / _TRADING_SECONDS


def _told(load: Load) -> float:
    """Messages to shards of users in a second: orders, and for one in ten users a price a second for his shard."""
    return load.evaluations_a_month * load.signal_rate / (21 * _TRADING_SECONDS) + min(load.users / 10, 8)


def _written(load: Load, measured: Measured) -> float:
    """Megabytes in a second, in rows; what PostgreSQL writes of them is twice as much."""
    evaluated, signals = load.symbols, load.sessions * load.signal_rate
    rows = evaluated * measured.bytes_a_bar + signals * (measured.bytes_a_signal + measured.bytes_an_order)
    return (
        2 * (rows + load.users * measured.bytes_a_snapshot + load.sessions * measured.bytes_a_signal / 4) / MINUTE / 1e6
    )


def _beside(load: Load, stage: Stage) -> float:
    return _pages(load) * _PAGE_SECONDS / stage.functions["api"].cores + _told(load) * _TOLD_SECONDS


def _larger(stage: Stage) -> Stage:
    for connections, cores in INSTANCES.values():
        if cores > stage.database_cores:
            return replace(stage, database_cores=cores, connections=max(connections, stage.connections))
    return replace(stage, database_cores=stage.database_cores * 2)


def _rounded(number: float) -> int:
    return int(math.ceil(number / 100) * 100)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that breaks at a size, and the remedy that is turned on then."""

    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Looked:
    """A size: what broke, one after the other, and how it does with all of that turned on; `nearest` breaks even then, if its part is 1 or more."""

    load: Load
    before: Outcome
    steps: tuple[Step, ...]
    after: Outcome
    nearest: Demand


def look_at(load: Load, measured: Measured, stage: Stage, minutes: int = 3) -> Looked:
    """Turns on one remedy after the other until nothing breaks."""
    before = outcome = simulate(load, measured, stage, minutes=minutes)
    steps: list[Step] = []
    while True:
        asked = sorted(demands(load, measured, stage, outcome), key=lambda each: -each.part)
        worst = asked[0]
        if worst.part < 1 or worst.turn is None or len(steps) == _MOST_REMEDIES:
            return Looked(load, before, tuple(steps), outcome, worst)
        steps.append(Step(worst.what, worst.remedy))
        stage = worst.turn(stage)
        outcome = simulate(load, measured, stage, minutes=minutes)


def main() -> None:
    """Prints what breaks at each size."""
    parser = argparse.ArgumentParser(prog="make scale", description=__doc__)
    parser.add_argument("--minutes", type=int, default=3)
    options = parser.parse_args()
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    console = Console(width=max(150, Console().width))
    measured = Measured.read()
    table = Table(title="Bar to order in production as it comes, what breaks first, and what is turned on then")
    for name in ("users", "sessions", "symbols", "p50", "p99", "what breaks, in this order", "what is turned on", "then p99"):  # fmt: skip
        table.add_column(name, justify="left" if name.startswith("what") else "right")
    for load in track(SIZES, "simulating", console=console, transient=True):
        looked = look_at(load, measured, production(), options.minutes)
        steps = looked.steps or (Step(f"nothing; nearest is: {looked.nearest.what}", ""),)
        if looked.nearest.part >= 1:
            steps = (*steps, Step(f"STILL BREAKS: {looked.nearest.what}", f"beyond what is there to turn on: {looked.nearest.remedy}"))  # fmt: skip
        for number, step in enumerate(steps):
            first = number == 0
            table.add_row(
                f"{load.users:,}" if first else "",
                f"{load.sessions:,.0f}" if first else "",
                f"{load.symbols:,}" if first else "",
                _seconds(looked.before.quantile(0.5)) if first else "",
                _seconds(looked.before.quantile(0.99)) if first else "",
                step.what,
                step.remedy,
                _seconds(looked.after.quantile(0.99)) if number == len(steps) - 1 else "",
                end_section=number == len(steps) - 1,
            )
    console.print(table)
    console.print(f"Service times measured on {measured.machine} on {measured.date}. Quotas:", highlight=False)
    for name, quota in QUOTAS.items():
        console.print(f"  {name}: {quota.value:,g} ({quota.source})", highlight=False)


def _seconds(value: float) -> str:
    return "not within the minutes" if math.isinf(value) else f"{value:.2f} s"


if __name__ == "__main__":
    main()
