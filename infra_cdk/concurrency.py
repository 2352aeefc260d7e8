"""Concurrency of each function: one table, so that nothing starves trading and the database is never asked for more
connections than it takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from infra_cdk.configuration import ConfigurationError, StageConfig

# What Lambda keeps back for functions without a reservation.
UNRESERVED = 100
# Connections that are no function's: the ingestor's (three, and its listener), migrations, rotation, operators, people who look.
_OTHER_CONNECTIONS = 15


@dataclass(frozen=True, slots=True)
class Share:
    """A function's share of concurrency and database connections.

    Attributes:
        production: Environments at a time in prod.
        development: In dev.
        connections: Database connections of an environment.
        reason: Why so many.
    """

    production: int
    development: int
    connections: int
    reason: str


SHARES: Mapping[str, Share] = {
    "evaluator": Share(80, 10, 1, "A bar of 80 symbols at once; all wait for the same second after the minute."),
    "sandbox": Share(80, 10, 0, "The evaluator's number: each calls one."),
    "executor": Share(70, 10, 1, "50 symbols with signals, 20 with a price that triggers something."),
    "settler": Share(30, 6, 1, "A fill takes milliseconds; 30 symbols at a time."),
    "reconciler": Share(3, 2, 1, "A pass and the snapshots begin in the same minute; in production, one more by hand."),
    "auditor": Share(1, 1, 1, "One at a time: the next goes on where the last one stopped."),
    "archiver": Share(1, 1, 1, "One at a time: the next goes on where the last one stopped."),
    "notifier": Share(
        10, 3, 1, "Eight shards of users and one for webhooks, each one at a time, and one that follows on its heels."
    ),
    "deliverer": Share(
        10, 3, 1, "Webhooks at a time, of each user at most three; one that hangs holds one for 20 seconds."
    ),
    "realtime": Share(30, 4, 1, "Connections that open and close: 200 a second at 0.1 seconds."),
    "api": Share(100, 14, 1, "100 requests a second, the gateway's throttle, at up to a second."),
    "api-waiting": Share(20, 3, 1, "Requests that may wait for a job (`?wait=`) hold these, and no page's."),
    "mcp": Share(20, 4, 0, "Tool calls wait for the API, which has its own number."),
    "doorkeeper": Share(5, 2, 0, "Asked once an hour for the right key; wrong ones must not take what others need."),
    "redriver": Share(2, 2, 0, "Asked by an operator, now and then."),
    "mailer": Share(2, 2, 1, "A mail takes a tenth of a second; what waits is sent by whoever comes first."),
    "assistant": Share(10, 3, 1, "What Gemini's quota takes; jobs wait in their queue."),
    "backtester": Share(6, 2, 1, "A core each; jobs wait in their queue."),
    "researcher": Share(
        12,
        1,
        1,
        "Parts of large sweeps, a core each, half for each of two: the largest takes an hour; no backtest waits for them.",
    ),
}
# Queues that share a function: what each may have of it at a time.
QUEUE_SHARES: Mapping[str, tuple[int, int]] = {"signals": (50, 6), "quotes": (20, 4)}


def share(config: StageConfig, function: str) -> int:
    """Environments of a function at a time."""
    row = SHARES[function]
    return row.production if config.production else row.development


def queue_share(config: StageConfig, function: str, queue: str | None = None) -> int:
    """Invocations at a time of a function for one of its queues; all queues together never ask for more than the function has."""
    if queue is None:
        return max(2, share(config, function))
    production, development = QUEUE_SHARES[queue]
    return production if config.production else development


def reserved(config: StageConfig, function: str) -> int | None:
    """Returns the reserved concurrency of a function; None where the account has too little to reserve anything.

    Raises:
        ConfigurationError: for prod in an account whose concurrency does not carry the table.
    """
    if config.network is None:
        return None
    needed = sum(share(config, name) for name in SHARES) + UNRESERVED
    if config.account_concurrency >= needed:
        return share(config, function)
    if config.production:
        raise ConfigurationError(
            f"prod reserves concurrency and needs an account quota of {needed} (Lambda, concurrent executions), not "
            f"{config.account_concurrency}; raise the quota, then give it with -c concurrency=…"
        )
    return None


def pollers(config: StageConfig, function: str, queue: str | None = None) -> int:
    """Pollers of a mapping that has its own: each makes ten invocations at a time."""
    return max(2, math.ceil(queue_share(config, function, queue) / 10))


def connections(config: StageConfig) -> int:
    """Database connections when everything runs that may."""
    return _OTHER_CONNECTIONS + sum(share(config, name) * row.connections for name, row in SHARES.items())


def check_connections(config: StageConfig) -> None:
    """Refuses a database that is too small for the table.

    Raises:
        ConfigurationError: naming both numbers.
    """
    if config.network is not None and connections(config) > config.connections:
        raise ConfigurationError(
            f"database_class: {config.database_class} takes {config.connections} connections, and functions may ask for "
            f"{connections(config)}; give a larger class with -c database_class=…"
        )
