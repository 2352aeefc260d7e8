"""`make cost USERS=100 SYMBOLS=50`: the bill of a month, line by line: what the templates make, what a load does with it, and dated list prices."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from stratforge.backtest.study import PART_SECONDS
from stratforge.storage.delivery.events import SHARDS

from infra_cdk.capacity.footprint import Footprint, FunctionSize, synthesize
from infra_cdk.capacity.measured import Load, Measured
from infra_cdk.capacity.prices import HOURS, PRICES, REGION, SECONDS, Price

_RETENTION_MONTHS = 12
# Database connections that an instance holds, roughly its memory by 9.5 MB, and its cores.
INSTANCES = {
    "t4g.micro": (110, 2),
    "t4g.small": (210, 2),
    "t4g.medium": (420, 2),
    "t4g.large": (840, 2),
    "m7g.large": (840, 2),
    "m7g.xlarge": (1_680, 4),
    "r7g.2xlarge": (5_000, 8),
    "r7g.4xlarge": (5_000, 16),
    "r7g.8xlarge": (5_000, 32),
}
# What nobody measured, with why it is believed.
_PAGE_BYTES = 10_000  # A page or an answer, compressed.
_MESSAGE_BYTES = 1_200  # A bar, price or signal with the envelope of its queue.
_TRADE_BYTES = 90  # A trade on Alpaca's stream, in msgpack.
_TRADES_A_MINUTE = 60  # Of a symbol on one exchange, on average.
_STATEMENT_BYTES = 12_000  # What a function's invocation reads and writes at the database.
_PLATFORM_LOG_BYTES = 350  # START, END and REPORT of an invocation.
_ACCESS_LOG_BYTES = 300
_RESTORED = 0.02  # The part of a snapshot function's invocations that begin in a new environment.
_EMPTY_POLLS = 5 * 180  # A mapping's pollers at an idle queue: five, each every twenty seconds, in an hour.
_IMAGES_GB = 1.5  # Ten images of the ingestor.
_ASSETS_GB = 1.0
# A bar in the archive (a month of a stock is a file of 150 KB), and the months of bars that are in it two years and two months after the beginning.
_ARCHIVED_BYTES, _ARCHIVED_MONTHS = 19.0, 12
# Metrics of an ECS cluster with a service and a task under Container Insights, and the gigabytes of events behind them.
_INSIGHTS_METRICS, _INSIGHTS_GB = 25, 1.1
# Metrics that our code writes, by function (a test counts them). An hour in which a metric is not written is not paid.
OWN_METRICS = {"archiver": 1, "auditor": 1, "evaluator": 5, "executor": 5, "ingestor": 5, "reconciler": 6, "settler": 1}
# Written with nobody there, too.
_ALWAYS = ("ingestor", "reconciler")
_DAYS = 21
_MARKET_HOURS = _DAYS * 6.5


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the bill: a quantity at a price, and the types of resources that it is for."""

    what: str
    quantity: float
    price: Price
    types: tuple[str, ...] = ()

    @property
    def service(self) -> str:
        """The service of AWS that bills it."""
        return self.price.service

    @property
    def dollars(self) -> float:
        """The dollars of a month: quantity times price."""
        return self.quantity * self.price.dollars


def _item(what: str, quantity: float, price: str, *types: str) -> Item:
    return Item(what, quantity, PRICES[price], types)


# Large sweeps of a user in a month, and the parts of each: every twentieth has one of an hour and a half of a core.
_STUDIES, _STUDY_PARTS = 1 / 20, 125


def database_for(load: Load, measured: Measured, *, smallest: str = "m7g.large") -> str:
    """The smallest instance, from the stage's own on, whose cores carry the writes of a minute in half a minute."""
    rows_a_minute = load.symbols + load.sessions * (1 + 3 * load.signal_rate)
    # A fifth of a function's work is the database's: what PostgreSQL's processes took in the measured run by what ours took.
    seconds = 0.2 * (measured.evaluator.of(0) * load.symbols + measured.evaluator.each * rows_a_minute)
    seconds += 0.5 * measured.executor.each * load.sessions * load.signal_rate
    names = list(INSTANCES)
    for name in names[names.index(smallest) :]:
        if seconds <= 30 * INSTANCES[name][1]:
            return name
    return names[-1]


def bill(load: Load, measured: Measured, footprint: Footprint) -> list[Item]:
    """Lists the lines of the bill of a month."""
    runs = list(_invocations(load, measured, footprint))
    return [
        *_functions(runs, footprint),
        *_messages(load, footprint),
        *_gateways(load),
        *_network(load, footprint, runs),
        # Of each part: it begins, its function, its end.
        _item(
            "steps of large sweeps",
            load.users * _STUDIES * (3 * _STUDY_PARTS + 4),
            "states-transition",
            "AWS::StepFunctions::StateMachine",
        ),
        *_ingestor(footprint),
        *_database(load, measured, footprint),
        *_observability(load, measured, footprint, runs),
        *_secrets(load, footprint),
        *_edge(load, footprint),
        _item("images of the ingestor", _IMAGES_GB, "image-gb"),
        _item("packages of the functions", _ASSETS_GB, "s3-gb", "AWS::S3::Bucket"),
        _item(
            f"{_ARCHIVED_MONTHS} months of bars in the archive",
            load.bars_a_month * _ARCHIVED_MONTHS * _ARCHIVED_BYTES / 1e9,
            "s3-gb",
            "AWS::S3::Bucket",
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Run:
    """A function in a month: how often it runs, its size, and for how many seconds each time."""

    name: str
    size: FunctionSize
    count: float
    seconds: float


def _invocations(load: Load, measured: Measured, footprint: Footprint) -> Iterator[_Run]:
    """Measured seconds are of a whole core: a function with less memory has less of one, and takes as much longer."""
    bars, busy = load.bars_a_month, load.bars_a_month * load.symbols_with_orders
    orders = load.evaluations_a_month * load.signal_rate
    # A conflated price for each symbol and second of the day, in batches of ten.
    prices = bars * 6
    days, connected = _DAYS * load.users, _told_seconds(load)
    # By function: how often, the processor's seconds, and what it waits for beside its own calls.
    sandbox = footprint.functions["sandbox"]
    waiting = measured.sandbox.of(load.sessions_a_symbol) / sandbox.cores
    work = {
        "evaluator": (bars, measured.evaluator.of(load.sessions_a_symbol), waiting),
        "sandbox": (bars, measured.sandbox.of(load.sessions_a_symbol), 0.0),
        "executor": (busy + prices, _executing(measured, busy, orders, prices) / max(busy + prices, 1), 0.0),
        "settler": (busy * 2, measured.settler.of(orders / max(busy * 2, 1)), 0.0),
        "api": (days * load.page_views, 0.02, 0.0),
        "assistant": (load.users * load.generations, 1.0, 15.0),
        "backtester": (load.users * load.backtests, 3.0, 0.0),
        "researcher": (load.users * _STUDIES * _STUDY_PARTS, PART_SECONDS, 0.0),
        # While somebody is connected prices are told every second, to each shard of users by itself; a connection says a few words.
        "notifier": (connected, 0.006, 0.01),
        # What is told of a user's orders goes to his webhook too, where he has one: every fifth, say.
        "deliverer": (orders * 2 / 5, 0.01, 0.2),
        "realtime": (days * 4, 0.01, 0.0),
        # Its runs are scheduled: a night's is as long as there is history.
        "auditor": (0.0, 10.0, 0.0),
        # Most nights it finds that nothing is old enough.
        "archiver": (0.0, 0.1, 0.0),
        # Registrations, resets and notices: one mail of a user in a month, say.
        "mailer": (load.users / 30, 0.02, 0.1),
        "mcp": (load.users * load.tool_calls, 0.01, 0.1),
        # Looks at every request that comes; waits for jobs in the place of the pages.
        "doorkeeper": (days * load.page_views + load.users * load.tool_calls, 0.002, 0.0),
        "api-waiting": (load.users * (load.generations + load.backtests), 0.02, 10.0),
    }
    for name, count in footprint.scheduled.items():
        known = work.get(name, (0.0, 0.05, 0.0))
        work[name] = (known[0] + count, known[1], known[2])
    for name, (count, processor, waits) in work.items():
        size = footprint.functions.get(name)
        if size is not None:
            yield _Run(name, size, count, processor / size.cores + waits + measured.wait)


def _executing(measured: Measured, executions: float, orders: float, looks: float) -> float:
    """Seconds of the executor's processor: executions with so many orders together, and looks that execute nothing."""
    return executions * measured.executor.fixed + orders * measured.executor.each + looks * measured.look


def _told_seconds(load: Load) -> float:
    """Seconds in which at least one client of a shard is connected, of all shards: an hour a day each, spread over the market's hours."""
    alone = (1 - 1 / 6.5) ** (load.users / SHARDS)
    return float(SHARDS * _MARKET_HOURS * 3600 * (1 - alone))


def _functions(runs: list[_Run], footprint: Footprint) -> Iterator[Item]:
    function = "AWS::Lambda::Function"
    for run in runs:
        yield _item(
            f"{run.name}, {run.size.memory} MB", run.count * run.seconds * run.size.gb, "lambda-gb-second", function
        )
    yield _item("invocations", sum(run.count for run in runs), "lambda-request", function)
    # The current version's; those that are replaced lose theirs after two weeks without a call.
    snapped = [run for run in runs if run.size.snap_start]
    yield _item(
        "snapshots kept", sum(run.size.gb for run in snapped) * SECONDS, "snapstart-cache", "AWS::Lambda::Version"
    )
    restored = sum(run.size.gb * run.count * _RESTORED for run in snapped)
    yield _item("snapshots restored", restored, "snapstart-restore", "AWS::Lambda::Version")
    ready = sum(size.gb * size.ready for size in footprint.functions.values())
    if ready:
        yield _item("environments kept ready", ready * SECONDS, "lambda-provisioned", function)


def _messages(load: Load, footprint: Footprint) -> Iterator[Item]:
    bars, busy = load.bars_a_month, load.bars_a_month * load.symbols_with_orders
    orders = load.evaluations_a_month * load.signal_rate
    topic, queue, stream = "AWS::SNS::Topic", "AWS::SQS::Queue", "AWS::Kinesis::Stream"
    streams = footprint.counts.get(stream, 0)
    if streams:
        gigabytes = bars * 1024 / 1e9
        yield _item("stream of bars", streams * HOURS, "kinesis-stream", stream)
        yield _item("bars written", gigabytes, "kinesis-in", stream)
        yield _item("bars read", gigabytes, "kinesis-out", stream)
    by_topics = 0.0 if streams else bars
    # The stage's other topic tells of subscriptions, too seldom to be counted.
    yield _item("bars published", by_topics, "sns-fifo-publish", topic)
    yield _item("bars delivered", by_topics, "sns-fifo-delivery", topic)
    # Sent, received and deleted: a bar, six batches of prices, signals, fills and deliveries; and what a mapping asks while nothing comes.
    fifo = (
        3 * (by_topics + bars * 6 + busy * 3 + _told_seconds(load) + orders * 2 / 5)
        + footprint.fifo_queues * HOURS * _EMPTY_POLLS
    )
    yield _item("FIFO queues", fifo, "sqs-fifo", queue)
    jobs = 3 * load.users * (load.generations + load.backtests) + footprint.standard_queues * HOURS * _EMPTY_POLLS
    yield _item("standard queues", jobs, "sqs-standard", queue)


def _gateways(load: Load) -> Iterator[Item]:
    api = "AWS::ApiGatewayV2::Api"
    yield _item("pages and calls", _DAYS * load.users * load.page_views + load.users * load.tool_calls, "http-api", api)
    yield _item("connections, an hour a user and day", _DAYS * load.users * 60, "websocket-minute", api)
    yield _item("prices and events told", _DAYS * load.users * 60 * load.told_a_minute, "websocket-message", api)


def _network(load: Load, footprint: Footprint, runs: list[_Run]) -> Iterator[Item]:
    gateways = footprint.counts.get("AWS::EC2::NatGateway", 0)
    stream = load.bars_a_month * _TRADES_A_MINUTE * _TRADE_BYTES
    outside = (stream + load.users * load.generations * 100_000 + load.users * load.backtests * 2_000_000) / 1e9
    messages = load.bars_a_month * 12 * _MESSAGE_BYTES / 1e9
    if gateways:
        yield _item(f"{gateways} NAT gateways", gateways * HOURS, "nat-gateway", "AWS::EC2::NatGateway")
        through = outside + (0.0 if footprint.endpoint_zones else messages)
        yield _item("market data, models, broker", through, "nat-gb", "AWS::EC2::NatGateway")
    for size in footprint.nat_instances:
        yield _item(f"NAT instance {size}", HOURS, f"ec2:{size}", "AWS::EC2::Instance")
        yield _item("its disk", 8.0, "ebs-gb", "AWS::EC2::Instance")
    endpoints = "AWS::EC2::VPCEndpoint"
    if footprint.endpoint_zones:
        yield _item("interface endpoints", footprint.endpoint_zones * HOURS, "endpoint", endpoints)
    yield _item("messages through endpoints", messages if footprint.endpoint_zones else 0.0, "endpoint-gb", endpoints)
    yield _item("public addresses", footprint.addresses * HOURS, "public-ipv4", "AWS::EC2::EIP", "AWS::EC2::Instance")
    asked = sum(run.count for run in runs if run.name not in ("sandbox", "mcp")) * _STATEMENT_BYTES / 1e9
    yield _item("functions and database in different zones", asked / 2, "zone-gb")
    if not footprint.counts.get("AWS::CloudFront::Distribution"):
        yield _item("pages to browsers", _DAYS * load.users * load.page_views * _PAGE_BYTES / 1e9, "internet-gb")


def _ingestor(footprint: Footprint) -> Iterator[Item]:
    service, kind = "AWS::ECS::Service", "fargate-spot" if footprint.spot else "fargate"
    yield _item(f"ingestor, {footprint.task_vcpu} vCPU", footprint.task_vcpu * HOURS, f"{kind}-vcpu", service)
    yield _item(f"ingestor, {footprint.task_gb} GB", footprint.task_gb * HOURS, f"{kind}-gb", service)


def _notes_after_a_year(footprint: Footprint) -> float:
    """Notes of a user's equity that are there after a year: every one of two days, one in fifteen minutes of 91, and one a day before (`equity_rolled_up`)."""
    a_day = footprint.snapshots * 12 / 365
    return 2 * a_day + 91 * min(a_day, 96) + (365 - 93) * min(a_day, 1)


def _database(load: Load, measured: Measured, footprint: Footprint) -> Iterator[Item]:
    database = footprint.database
    signals = load.evaluations_a_month * load.signal_rate
    month = load.bars_a_month * measured.bytes_a_bar + signals * (measured.bytes_a_signal + measured.bytes_an_order)
    noted = load.users * footprint.snapshots * measured.bytes_a_snapshot
    lasting = month * _RETENTION_MONTHS + load.users * _notes_after_a_year(footprint) * measured.bytes_a_snapshot
    stored = max(database.storage, lasting / 1e9)
    # What changes is kept for as long as backups are; the size of the database itself is free.
    kept = lasting / 1e9 + 2 * (month + noted) / 30 * database.retention / 1e9
    backup = max(0.0, kept - stored)
    if database.kind == "aurora":
        cluster = ("AWS::RDS::DBCluster", "AWS::RDS::DBInstance")
        units = max(float(database.size), 0.5)
        yield _item(
            f"{database.copies} instances, {units} units each", database.copies * units * HOURS, "aurora-unit", *cluster
        )
        yield _item(f"storage after {_RETENTION_MONTHS} months", stored, "aurora-storage", *cluster)
        yield _item("reads and writes", load.bars_a_month * 6 + load.users * footprint.snapshots, "aurora-io", *cluster)
    else:
        instance = "AWS::RDS::DBInstance"
        size = database_for(load, measured, smallest=database.size)
        zones = "2 zones" if database.copies == 2 else "1 zone"
        yield _item(f"db.{size} in {zones}", database.copies * HOURS, f"rds:{size}", instance)
        yield _item(
            f"storage in {zones} after {_RETENTION_MONTHS} months", database.copies * stored, "rds-storage", instance
        )
    yield _item(f"backups of {database.retention} days", backup, "rds-backup", "AWS::RDS::DBInstance")


def _observability(load: Load, measured: Measured, footprint: Footprint, runs: list[_Run]) -> Iterator[Item]:
    group = "AWS::Logs::LogGroup"
    views = _DAYS * load.users * load.page_views
    written = load.bars_a_month * measured.log_bytes_a_bar + sum(run.count for run in runs) * _PLATFORM_LOG_BYTES
    logs = (written + views * _ACCESS_LOG_BYTES) / 1e9
    yield _item("logs", logs, "log-gb", group)
    yield _item("logs kept", logs * footprint.log_retention_days / 30, "log-storage", group)
    # A refused packet every two seconds.
    yield _item("refused connections", SECONDS / 2 * 120 / 1e9, "log-gb", "AWS::EC2::FlowLog")
    # A twentieth of what happens is traced.
    yield _item("traces", sum(run.count for run in runs) / 20, "trace")
    idle = not load.users and not load.symbols
    metrics = sum(count for name, count in OWN_METRICS.items() if not idle or name in _ALWAYS)
    yield _item("metrics of ours", metrics, "metric")
    yield _item("alarms", footprint.alarm_metrics, "alarm", "AWS::CloudWatch::Alarm")
    yield _item(
        "dashboards", footprint.counts.get("AWS::CloudWatch::Dashboard", 0), "dashboard", "AWS::CloudWatch::Dashboard"
    )
    insights = footprint.insights
    yield _item("Container Insights, metrics", _INSIGHTS_METRICS if insights else 0, "metric", "AWS::ECS::Cluster")
    yield _item("Container Insights, events", _INSIGHTS_GB if insights else 0.0, "log-gb", "AWS::ECS::Cluster")


def _secrets(load: Load, footprint: Footprint) -> Iterator[Item]:
    secrets = footprint.counts.get("AWS::SecretsManager::Secret", 0)
    yield _item("secrets", secrets, "secret", "AWS::SecretsManager::Secret")
    # Two secrets every five minutes, by three environments of each function while the market is open and by the ingestor always.
    open_hours = _MARKET_HOURS if load.symbols else 0.0
    read = 2 * 12 * (3 * len(footprint.functions) * open_hours + HOURS)
    yield _item("secrets read again", read, "secret-request", "AWS::SecretsManager::Secret")
    keys = footprint.counts.get("AWS::KMS::Key", 0)
    if keys:
        # In the first year; its first two rotations add as much again each.
        yield _item("keys", keys, "key", "AWS::KMS::Key")
        yield _item("secrets decrypted", read, "key-request", "AWS::KMS::Key")


def _edge(load: Load, footprint: Footprint) -> Iterator[Item]:
    views = _DAYS * load.users * load.page_views
    lists = footprint.counts.get("AWS::WAFv2::WebACL", 0)
    if lists:
        yield _item("firewall", lists, "web-acl", "AWS::WAFv2::WebACL")
        yield _item("its rules", footprint.web_acl_rules, "waf-rule", "AWS::WAFv2::WebACL")
        yield _item("requests looked at", views, "waf-request", "AWS::WAFv2::WebACL")
    if footprint.counts.get("AWS::CloudFront::Distribution"):
        functions = footprint.counts.get("AWS::CloudFront::Function", 0)
        yield _item("calls of the edge's functions", views * functions, "cdn-function", "AWS::CloudFront::Function")
        yield _item("requests at the edge", views, "cdn-request", "AWS::CloudFront::Distribution")
        yield _item("pages to browsers", views * _PAGE_BYTES / 1e9, "cdn-gb", "AWS::CloudFront::Distribution")


def main() -> None:
    """Prints the monthly bill for the load given on the command line."""
    parser = argparse.ArgumentParser(prog="make cost", description=__doc__)
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--symbols", type=int, default=50)
    parser.add_argument("--sessions", type=float, default=2.0, help="running sessions of each user")
    parser.add_argument("--signals", type=float, default=0.02, help="part of evaluated bars that gives a signal")
    parser.add_argument("--stage", choices=("dev", "prod"), default="prod")
    options = parser.parse_args()
    if options.users < 0 or options.symbols < 0 or not 0 <= options.signals <= 1:
        parser.error("users and symbols are 0 or more, signals a part between 0 and 1")
    load = Load(options.users, options.symbols, options.sessions, options.signals)
    _print(load, Measured.read(), synthesize(options.stage), options.stage)


def _print(load: Load, measured: Measured, footprint: Footprint, stage: str) -> None:
    from rich.console import Console
    from rich.table import Table

    items = bill(load, measured, footprint)
    total = sum(each.dollars for each in items)
    table = Table(
        title=f"A month of {load.users:,} users, {load.sessions:,.0f} sessions on {load.symbols:,} symbols ({stage})",
        show_footer=True,
    )
    table.add_column("Service", "all")
    table.add_column("What")
    table.add_column("Quantity", justify="right")
    table.add_column("Unit")
    table.add_column("Price", justify="right")
    table.add_column("Dollars", f"{total:,.2f}", justify="right")
    table.add_column("Source, and when it was looked at")
    for each in sorted(items, key=lambda item: -item.dollars):
        price = each.price
        quantity = f"{each.quantity:,.2f}" if each.quantity < 100 else f"{each.quantity:,.0f}"
        cells = (each.service, each.what, quantity, price.unit, f"{price.dollars:.10f}".rstrip("0").rstrip("."))
        table.add_row(*cells, f"{each.dollars:,.2f}", f"{price.source}, {price.date}")
    console = Console(width=max(190, Console().width))
    console.print(table)
    console.print(
        f"{total / max(load.users, 1):,.2f} dollars a user. List prices in {REGION}, without free tiers; counts and seconds measured on {measured.machine} on "
        f"{measured.date}, resources as the templates of this code make them. Gemini and market data come on top.",
        highlight=False,
    )


if __name__ == "__main__":
    main()
