"""Says in words what stands in the way of trading on a platform that is up: for whoever wonders why it did not trade."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
from botocore.exceptions import BotoCoreError, ClientError
from stratforge.storage.ledger.halts import halted_symbols

from local_platform.audit import Audit
from local_platform.deployment import client
from local_platform.platform import Platform

_CONNECT_SECONDS = 3


def obstacles(platform: Platform) -> list[str]:
    """Says what keeps the platform from trading: processes that end, sessions that failed, halted symbols, messages that nobody could handle.

    It raises nothing: what cannot be asked is an obstacle too.
    """
    found = list(_processes(platform))
    for asked in (_ledger, _dead_letters):
        found += _answered(platform, asked)
    return found


def reached(found: Audit) -> str:
    """Says how far bars came on their way to trades, which shows where it ended."""
    return (
        f"{found.bars_published:,} bars were published, {found.bars_evaluated:,} evaluated; they led to {found.signals:,} signals, "
        f"{found.orders:,} orders, {found.block_orders:,} of them together at the exchange, and {found.fills:,} fills"
    )


def _answered(platform: Platform, asked: Callable[[Platform], Iterator[str]]) -> list[str]:
    try:
        return list(asked(platform))
    except (psycopg.Error, BotoCoreError, ClientError, OSError) as error:
        said = str(error).splitlines()
        return [
            f"{asked.__name__.strip('_').replace('_', ' ')} cannot be read: {said[0] if said else type(error).__name__}"
        ]


def _processes(platform: Platform) -> Iterator[str]:
    for each in platform.supervisor.processes:
        if each is platform.supervisor.failed:
            yield f"{each.name} keeps ending; its last words: {each.last_words()} (log: {each.log})"
        elif each.restarts:
            yield f"{each.name} ended {each.restarts} times and was started again (log: {each.log})"


def _ledger(platform: Platform) -> Iterator[str]:
    with psycopg.connect(platform.conninfo("engine"), connect_timeout=_CONNECT_SECONDS) as connection:
        for symbol, reason in connection.execute(
            "SELECT symbol, failure_reason FROM sessions WHERE status = 'FAILED' ORDER BY started_at"
        ):
            yield f"the session of {symbol} failed: {reason}"
        for halt in halted_symbols(connection):
            yield f"{halt.symbol} is halted: {halt.reason}: {halt.details}"
        for reason, count in connection.execute(
            "SELECT reason, count(*) FROM orders WHERE status = 'REJECTED' GROUP BY reason ORDER BY count(*) DESC, reason"
        ):
            yield f"{count} orders were rejected: {reason}"


def _dead_letters(platform: Platform) -> Iterator[str]:
    sqs = client("sqs", platform.engine_address)
    for url in sqs.list_queues(QueueNamePrefix="stratforge-local-").get("QueueUrls", []):
        name = url.rpartition("/")[2]
        if name.removesuffix(".fifo").endswith("-dead"):
            wanted = ["ApproximateNumberOfMessages"]
            count = int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"][wanted[0]])
            if count:
                yield f"{count} messages that nobody could handle are in {name}"
