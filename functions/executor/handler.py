"""Lambda entry: symbols that may have something to execute."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from stratforge.application.execute_symbol import Outcome, SymbolExecutor
from stratforge.application.suspension import suspend
from stratforge.broker import BrokerRefusesPlatform
from stratforge.broker.alpaca import AlpacaBroker
from stratforge.bus.consumers import batch_handler
from stratforge.bus.messages import MarketUpdate, WorkReady
from stratforge.bus.retries import FifoProcessor
from stratforge.configuration import AlpacaSecret, Keys, Settings
from stratforge.observability import correlation_id, logger
from stratforge.observability import metrics as metrics_of
from stratforge.storage.postgres.broker_budget import SharedBudget
from stratforge.storage.postgres.database import Database

log = logger("executor")
metrics = metrics_of("executor")
database = Database.of_environment("executor")


class ExecutorSettings(Settings):
    """The environment variables of the executor; see `Settings`."""

    alpaca_secret: str


@lru_cache(maxsize=1)
def keys() -> Keys[AlpacaSecret]:
    """The paper account's keys, read anew when they are refused."""
    return Keys(AlpacaSecret, ExecutorSettings.from_environment().alpaca_secret)


@lru_cache(maxsize=1)
def budget() -> SharedBudget:
    """The broker's requests, which all functions share."""
    return SharedBudget(database, keys().now().requests_per_minute)


@lru_cache(maxsize=1)
def executor() -> SymbolExecutor:
    """The executor of this execution environment, made once."""
    return SymbolExecutor(database, AlpacaBroker(keys(), budget()))


def record_handler(record: SQSRecord) -> None:
    """Handles one symbol: something waits for it, or (in the quotes queue) it has a new price."""
    if record.event_source_arn.endswith("-quotes.fifo"):
        update = MarketUpdate.model_validate_json(record.body)
        symbol, cause = update.symbol, "price"
        correlation_id.set(None)
        if not executor().note_update(update):
            log.debug("market noted", symbol=symbol)
            return
        arrived_at = None
    else:
        message = WorkReady.model_validate_json(record.body)
        symbol, cause, arrived_at = message.symbol, message.cause, message.bar_arrived_at
        correlation_id.set(message.correlation_id)
    try:
        done = executor().execute(symbol)
    except BrokerRefusesPlatform as error:
        # Nobody's order is to blame, so they wait: the reconciler wakes the symbol when the broker answers again.
        suspend(database, error)
        metrics.add_metric("PlatformRefused", MetricUnit.Count, 1)
        log.error("the broker refuses the platform", symbol=symbol, reason=str(error))
        return
    log.info(
        "symbol executed",
        symbol=symbol,
        cause=cause,
        outcome=done.outcome,
        orders=done.orders,
        client_order_id=done.client_order_id,
        correlation_id=correlation_id.get(),
    )
    metrics.add_metric("BlocksSubmitted", MetricUnit.Count, done.outcome is Outcome.SUBMITTED)
    if done.outcome is Outcome.SUBMITTED and arrived_at is not None:
        waited = (datetime.now(UTC) - arrived_at).total_seconds() * 1000
        metrics.add_metric("BarToOrderMilliseconds", MetricUnit.Milliseconds, waited)
    if done.outcome is Outcome.SUBMITTED:
        metrics.add_metric("AlpacaBudgetUsed", MetricUnit.NoUnit, budget().used)
    metrics.add_metric("BlocksRejected", MetricUnit.Count, done.outcome is Outcome.REJECTED)


def prepare() -> None:
    """Connects to the database and makes the clients, before the first event."""
    database.prepare()
    executor()


handler = batch_handler(record_handler, FifoProcessor(), prepare, log, metrics)
