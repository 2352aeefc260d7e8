"""What use cases are given: code, a key, and a record of what the rest of the platform would be told; and looking at locks from outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

import psycopg
from stratforge.application.idempotency import RequestKey
from stratforge.bus.outbox import Outbox

CODE = """\
LENGTH = 3


def indicators(bars):
    return {"average": ta.sma(bars.close, length=LENGTH)}


def on_bar(bar, position, state):
    if position.quantity == 0 and bar.close > bar.average:
        return buy()
    if position.quantity > 0 and bar.close < bar.average:
        return sell()
"""
BOTH_WAYS = CODE.replace("return sell()", "return sell()\n    if position.quantity == 0 and bar.close < bar.average:\n        return short()\n    if position.quantity < 0 and bar.close > bar.average:\n        return cover()")  # fmt: skip
NEW = RequestKey(None, b"")


@dataclass(frozen=True)
class Told(Outbox):
    """Notes what would be told."""

    signals_queue_url: str = ""
    subscription_topic_arn: str = ""
    jobs_queue_url: str = ""
    backtests_queue_url: str = ""
    mails_queue_url: str = "mails"
    messages: list[tuple[str, str | UUID]] = field(default_factory=list)

    def wake_executor(self, symbol: str, cause: str) -> None:
        self.messages.append(("executor", symbol))

    def request_subscription(self, symbol: str) -> None:
        self.messages.append(("ingestor", symbol))

    def run_assistant_job(self, job_id: UUID) -> None:
        self.messages.append(("assistant", job_id))

    def wake_mailer(self) -> None:
        self.messages.append(("mailer", ""))

    def run_backtest_job(self, job_id: UUID) -> None:
        self.messages.append(("backtester", job_id))


def is_locked(conninfo: str, query: str) -> bool:
    """Whether somebody holds the rows that a query would lock."""
    with psycopg.connect(conninfo) as other:
        try:
            other.execute(f"{query} FOR UPDATE NOWAIT")
        except psycopg.errors.LockNotAvailable:
            return True
        finally:
            other.rollback()
    return False


def open_transactions(conninfo: str) -> int:
    """How many transactions wait for their clients to go on."""
    with psycopg.connect(conninfo) as other:
        row = other.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'"
        ).fetchone()
    assert row is not None
    return int(row[0])
