"""The place that the simulation simulates: what each function has, what stands between them, and where quotas end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from infra_cdk.capacity.cost import INSTANCES
from infra_cdk.concurrency import QUEUE_SHARES, SHARES

_LAMBDA = "docs.aws.amazon.com/lambda/latest/dg/"


# Seconds of its processor that a bar takes of the ingestor, from the socket to SNS's answer (`make bench ARGS=ingestor`).
INGESTOR_SECONDS_A_BAR = 0.0006


@dataclass(frozen=True, slots=True)
class Quota:
    """A number that somebody else sets: what it is, and where that is said."""

    value: float
    source: str


# As of November 2026, in us-east-1; those of an account can be raised, Alpaca's by talking to it.
QUOTAS: Mapping[str, Quota] = {
    "concurrent functions of an account": Quota(1_000, _LAMBDA + "gettingstarted-limits.html"),
    "new environments of a function a second": Quota(100, _LAMBDA + "lambda-concurrency.html#scaling-behavior"),
    "batches at a time that a queue's mapping begins with": Quota(5, _LAMBDA + "services-sqs-scaling.html"),
    "more of them a minute": Quota(300, _LAMBDA + "services-sqs-scaling.html"),
    "messages of a FIFO batch": Quota(10, _LAMBDA + "services-sqs-configure.html"),
    "FIFO topics of an account": Quota(1_000, "docs.aws.amazon.com/general/latest/gr/sns.html"),
    "megabytes a second that a volume takes": Quota(125, "docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html"),
    "requests a minute of Alpaca": Quota(200, "docs.alpaca.markets/docs/usage-limit-api-calls"),
    "requests a second of the gateway's stage": Quota(100, "infra_cdk/stacks/http_api.py"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Function:
    """The resources of a function.

    Attributes:
        cores: The part of a core that its memory pays for.
        at_once: Environments that it may have.
        cold: Seconds until a new environment works: a snapshot that is restored, or what it imports.
        connections: Database connections of an environment.
    """

    cores: float
    at_once: int
    cold: float
    connections: int = 1


@dataclass(frozen=True, slots=True)
class Stage:
    """A deployment, as the simulation knows it.

    Attributes:
        functions: What each function has.
        hop: Seconds that SNS, SQS and the mapping take between two functions: AWS says tens of milliseconds, nobody here has measured them.
        first_batches: Batches of a queue that are worked on at a time when a minute begins.
        more_batches: By how many that grows in a second.
        batch: Messages of a batch at most.
        groups_apart: Whether the groups of a batch are worked on side by side, and the next batch after all of them.
        new_environments: Environments that a function gets in a second.
        concurrency: Environments of all functions together.
        connections: Database connections.
        database_cores: Cores of the database, each as fast as the measuring machine's.
        shared_cores: Where everything runs on one machine: its cores. Then the database's are these, too.
        alpaca_a_minute: Requests that Alpaca takes.
        topics: Topics that there may be; None where a stream carries bars.
        ingestor_cpu: Units of processor that the ingestor's task has; 1,024 are a core.
        published_a_second: Bars that the ingestor publishes.
        sessions_a_shard: Sessions that a message of a bar is for.
        fill: Seconds from an order to the broker's word of its fill.
        partial_fills: The part of orders that are filled in two parts.
        volume: Megabytes a second that the database's volume takes.
        seconds_a_bar: Seconds from one bar to the next: of a replayed market fewer than a minute's.
    """

    functions: Mapping[str, Function]
    hop: float = 0.05
    first_batches: float = QUOTAS["batches at a time that a queue's mapping begins with"].value
    more_batches: float = QUOTAS["more of them a minute"].value / 60
    batch: int = int(QUOTAS["messages of a FIFO batch"].value)
    groups_apart: bool = False
    new_environments: float = QUOTAS["new environments of a function a second"].value
    concurrency: int = int(QUOTAS["concurrent functions of an account"].value)
    connections: int = INSTANCES["t4g.medium"][0]
    database_cores: int = INSTANCES["t4g.medium"][1]
    shared_cores: int | None = None
    alpaca_a_minute: int = int(QUOTAS["requests a minute of Alpaca"].value)
    topics: int | None = int(QUOTAS["FIFO topics of an account"].value)
    ingestor_cpu: int = 512
    published_a_second: float = 512 / 1024 / INGESTOR_SECONDS_A_BAR
    sessions_a_shard: int = 500
    fill: float = 0.2
    # Alpaca fills a tenth of paper orders so; the simulator does as well.
    partial_fills: float = 0.1
    volume: float = QUOTAS["megabytes a second that a volume takes"].value
    seconds_a_bar: float = 60.0

    def with_ingestor(self, cpu: int) -> Stage:
        """The stage with another size of the ingestor's task."""
        return replace(self, ingestor_cpu=cpu, published_a_second=cpu / 1024 / INGESTOR_SECONDS_A_BAR)

    def with_four_times(self, name: str) -> Stage:
        """The stage with four times the environments of a function."""
        function = self.functions[name]
        return replace(self, functions={**self.functions, name: replace(function, at_once=4 * function.at_once)})


# Memory of the trading path's functions in production, and whether snapshots of them are kept (a test compares with the templates).
MEMORY = {"evaluator": (512, True), "sandbox": (1769, False), "executor": (512, True), "settler": (1024, False), "api": (1024, True), "notifier": (1024, False)}  # fmt: skip
# Restoring a snapshot takes 0.4 s, says AWS; what a function without one imports takes 0.7 s of a core (`make bench ARGS=cold_starts`).
_RESTORED, _IMPORTED = 0.4, 0.7


def production() -> Stage:
    """Makes the stage that production is as it comes."""
    functions = {}
    for name, (memory, snapshot) in MEMORY.items():
        cores = min(1.0, memory / 1769)
        row = SHARES[name]
        functions[name] = Function(cores, row.production, _RESTORED if snapshot else _IMPORTED / cores, row.connections)
    # The executor's second queue has a share of its own.
    signals, quotes = (QUEUE_SHARES[each][0] for each in ("signals", "quotes"))
    executor = functions["executor"]
    functions |= {"executor": replace(executor, at_once=signals), "quotes": replace(executor, at_once=quotes)}
    return Stage(functions)


def one_machine(cores: int, *, alpaca_a_minute: int = 200) -> Stage:
    """The local stack: everything shares the machine's cores, a function has as many environments as there are cores, no environment is new, and the engine hands over one batch of a queue at a time."""
    functions = {name: Function(1.0, cores, 0.0) for name in (*MEMORY, "quotes")}
    return Stage(
        functions,
        # What looks at a queue does so every 50 ms.
        hop=0.025,
        first_batches=1.0,
        more_batches=0.0,
        groups_apart=True,
        new_environments=float("inf"),
        concurrency=1_000,
        database_cores=cores,
        shared_cores=cores,
        alpaca_a_minute=alpaca_a_minute,
        # What a bar takes of the ingestor is in the measured `rest`.
        published_a_second=2_500.0,
        fill=0.05,
    )
