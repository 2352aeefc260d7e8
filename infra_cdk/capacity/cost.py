"""`make cost USERS=100 SYMBOLS=50`: the bill of a month, line by line, from measured counts and dated list prices."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from infra_cdk.capacity import prices
from infra_cdk.capacity.measured import Load, Measured

# Function memory in GB, as the stacks configure it.
_MEMORY = {
    "evaluator": 0.5,
    "sandbox": 1.769,
    "executor": 0.5,
    "settler": 0.5,
    "api": 1.0,
    "assistant": 1.0,
    "backtester": 1.769,
}
_CHARS_A_PAGE = 40_000
_RETENTION_MONTHS = 12
# Database connections that an instance holds, roughly its memory by 9.5 MB, and its cores.
INSTANCES = {
    "t4g.medium": (420, 2),
    "m7g.large": (840, 2),
    "m7g.xlarge": (1_680, 4),
    "r7g.2xlarge": (5_000, 8),
    "r7g.4xlarge": (5_000, 16),
    "r7g.8xlarge": (5_000, 32),
}


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the bill."""

    service: str
    what: str
    quantity: float
    unit: str
    dollars: float


def database_for(load: Load, measured: Measured, *, production: bool = True) -> str:
    """The smallest instance, from the stage's own on, whose cores carry the writes of a minute in half a minute."""
    rows_a_minute = load.symbols + load.sessions * (1 + 3 * load.signal_rate)
    # A fifth of a function's work is the database's: what PostgreSQL's processes took in the measured run by what ours took.
    seconds = 0.2 * (measured.evaluator.of(0) * load.symbols + measured.evaluator.each * rows_a_minute)
    seconds += 0.5 * measured.executor.each * load.sessions * load.signal_rate
    for name, (_, cores) in list(INSTANCES.items())[1 if production else 0 :]:
        if seconds <= 30 * cores:
            return name
    return next(reversed(INSTANCES))


def bill(load: Load, measured: Measured, *, production: bool = True) -> list[Item]:
    """The lines of a month."""
    return [
        *_lambda(load, measured),
        *_messages(load),
        *_standing(load, measured, production),
        *_storage(load, measured),
    ]


def _lambda(load: Load, measured: Measured) -> Iterator[Item]:
    bars, busy = load.bars_a_month, load.bars_a_month * load.symbols_with_orders
    orders = load.evaluations_a_month * load.signal_rate
    days = 21 * load.users
    runs = {
        "evaluator": (
            bars,
            measured.evaluator.of(load.sessions_a_symbol) + measured.sandbox.of(load.sessions_a_symbol),
        ),
        "sandbox": (bars, measured.sandbox.of(load.sessions_a_symbol)),
        # Signals, and a conflated price for each symbol and second of the day.
        "executor": (busy + bars * 6, measured.executor.of(orders / max(busy + bars * 6, 1))),
        "settler": (busy * 2, measured.settler.of(orders / max(busy * 2, 1))),
        "api": (days * load.page_views, 0.02),
        "assistant": (load.users * load.generations, 15.0),
        "backtester": (load.users * load.backtests, 3.0),
    }
    for name, (count, seconds) in runs.items():
        spent = count * (seconds + measured.wait) * _MEMORY[name]
        dollars = spent * prices.LAMBDA_GB_SECOND_ARM + count * prices.LAMBDA_REQUEST
        yield Item("Lambda", name, count, "invocations", dollars)


def _messages(load: Load) -> Iterator[Item]:
    bars, busy = load.bars_a_month, load.bars_a_month * load.symbols_with_orders
    yield Item("SNS", "bars", bars, "messages", bars * (prices.SNS_FIFO_PUBLISH + prices.SNS_FIFO_DELIVERY))
    # Sent, received and deleted; and what a mapping asks while nothing comes: five pollers, every 20 seconds.
    fifo = 3 * (bars * 7 + busy * 3) + 5 * 5 * prices.HOURS * 180
    yield Item("SQS", "FIFO requests", fifo, "requests", fifo * prices.SQS_FIFO_REQUEST)
    jobs = 3 * load.users * (load.generations + load.backtests) + 3 * 5 * prices.HOURS * 180
    yield Item("SQS", "standard requests", jobs, "requests", jobs * prices.SQS_STANDARD_REQUEST)
    views = 21 * load.users * load.page_views
    yield Item("API Gateway", "HTTP requests", views, "requests", views * prices.HTTP_API_REQUEST)
    minutes = 21 * load.users * 60
    told = 21 * load.users * (60 * 12)
    socket = minutes * prices.WEBSOCKET_MINUTE + told * prices.WEBSOCKET_MESSAGE
    yield Item("API Gateway", "live connections, an hour a day", minutes, "minutes", socket)


def _standing(load: Load, measured: Measured, production: bool) -> Iterator[Item]:
    hours = prices.HOURS
    task = hours * (0.5 * prices.FARGATE_VCPU_HOUR_ARM + 1.0 * prices.FARGATE_GB_HOUR_ARM)
    yield Item("Fargate", "ingestor, 0.5 vCPU, 1 GB", hours, "hours", task)
    instance = database_for(load, measured, production=production)
    copies = 2 if production else 1
    yield Item(
        "RDS",
        f"db.{instance}, {copies} zone{'s' * (copies - 1)}",
        hours,
        "hours",
        copies * hours * prices.RDS_HOUR[instance],
    )
    if production:
        yield Item("VPC", "2 NAT gateways", 2 * hours, "hours", 2 * hours * prices.NAT_GATEWAY_HOUR)
        yield Item(
            "VPC", "interface endpoints, 5 in 3 zones", 15 * hours, "hours", 15 * hours * prices.INTERFACE_ENDPOINT_HOUR
        )
    else:
        yield Item("VPC", "NAT instance", hours, "hours", hours * prices.NAT_INSTANCE_HOUR)
    yield Item("Secrets Manager", "secrets", 6, "secrets", 6 * prices.SECRET_MONTH)
    yield Item("CloudWatch", "metrics and alarms", 70, "metrics", 70 * prices.METRIC_MONTH + 40 * prices.ALARM_MONTH)
    if production:
        yield Item("KMS", "key", 1, "keys", prices.KEY_MONTH)


def _storage(load: Load, measured: Measured) -> Iterator[Item]:
    signals = load.evaluations_a_month * load.signal_rate
    month = load.bars_a_month * measured.bytes_a_bar + signals * (measured.bytes_a_signal + measured.bytes_an_order)
    month += load.users * 21 * 390 * 60
    kept = max(20.0, month * _RETENTION_MONTHS / 1e9)
    yield Item("RDS", f"storage after {_RETENTION_MONTHS} months", kept, "GB", kept * prices.RDS_STORAGE_GB_MONTH)
    logs = load.bars_a_month * measured.log_bytes_a_bar / 1e9
    yield Item("CloudWatch", "logs", logs, "GB", logs * prices.LOG_GB)
    out = 21 * load.users * load.page_views * _CHARS_A_PAGE / 4 / 1e9
    yield Item("Transfer", "to browsers", out, "GB", out * prices.TRANSFER_OUT_GB)


def main() -> None:
    """Prints the bill."""
    parser = argparse.ArgumentParser(prog="make cost", description=__doc__)
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--symbols", type=int, default=50)
    parser.add_argument("--sessions", type=float, default=2.0, help="running sessions of each user")
    parser.add_argument("--signals", type=float, default=0.02, help="part of evaluated bars that gives a signal")
    parser.add_argument("--stage", choices=("dev", "prod"), default="prod")
    options = parser.parse_args()
    if options.users < 1 or options.symbols < 1 or not 0 <= options.signals <= 1:
        parser.error("users and symbols are 1 or more, signals a part between 0 and 1")
    from rich.console import Console
    from rich.table import Table

    load = Load(options.users, options.symbols, options.sessions, options.signals)
    measured = Measured.read()
    items = bill(load, measured, production=options.stage == "prod")
    total = sum(each.dollars for each in items)
    table = Table(
        title=f"A month of {load.users:,} users, {load.sessions:,.0f} sessions on {load.symbols:,} symbols ({options.stage})",
        show_footer=True,
    )
    table.add_column("Service", "all")
    table.add_column("What")
    table.add_column("Quantity", justify="right")
    table.add_column("Dollars", f"{total:,.2f}", justify="right")
    for each in sorted(items, key=lambda item: -item.dollars):
        table.add_row(each.service, each.what, f"{each.quantity:,.0f} {each.unit}", f"{each.dollars:,.2f}")
    console = Console()
    console.print(table)
    console.print(
        f"{total / load.users:,.2f} dollars a user. List prices of {prices.DATE} in {prices.REGION}; counts and seconds measured on {measured.machine} "
        f"on {measured.date}. Gemini and market data come on top.",
        highlight=False,
    )


if __name__ == "__main__":
    main()
