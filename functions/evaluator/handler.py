"""Lambda entry: bars of the FIFO queue, or of the stream where the stage has one, in order within each symbol."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes.kinesis_stream_event import KinesisStreamRecord
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from stratforge.application.alerts import fire_alerts
from stratforge.application.evaluate_bar import Evaluated, correct_bar, evaluate_bar
from stratforge.application.rebalance import rebalance
from stratforge.application.session_windows import SandboxFailed
from stratforge.bus.consumers import batch_handler
from stratforge.bus.messages import BarMessage, EvaluatorMessage, RebalanceDue
from stratforge.bus.queues import send_again, send_work_ready, sqs_client
from stratforge.bus.retries import FifoProcessor
from stratforge.bus.streams import StreamProcessor
from stratforge.configuration import Settings
from stratforge.market import BarColumns
from stratforge.observability import logger
from stratforge.observability import metrics as metrics_of
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies.evaluations import Outcome, RunningSession
from stratforge.storage.strategies.rebalances import Asking, Said
from stratforge.strategy.rotation.seen import Windows

from functions.evaluator.rebalance_client import decide_rebalances
from functions.evaluator.sandbox_client import evaluate_sessions, sandbox_client

log = logger("evaluator")
metrics = metrics_of("evaluator")
database = Database.of_environment("evaluator")


class EvaluatorSettings(Settings):
    """The environment variables of the evaluator; see `Settings`."""

    sandbox_function: str
    signals_queue_url: str
    # Where bars of the stream are tried again; a stage whose bars come by topics has none.
    bars_queue_url: str = ""


# The part of the time that the function still has which the sandbox may take for one batch: whoever takes all of it ends the function for nobody.
_BATCH_PART = 0.6


def _rebalance(message: RebalanceDue, until: float, *, again: bool) -> None:
    settings = EvaluatorSettings.from_environment()

    def sandbox(windows: Windows, universe: int, sessions: Sequence[Asking]) -> list[Said]:
        seconds = _BATCH_PART * (until - time.monotonic())
        return decide_rebalances(settings.sandbox_function, windows, universe, sessions, seconds)

    done = rebalance(
        database,
        sandbox,
        partial(send_work_ready, settings.signals_queue_url),
        message.session_ids,
        apart=again,
    )
    log.info(
        "portfolio sessions decided",
        sessions=len(message.session_ids),
        cause=message.cause,
        decided=done.decided,
        orders=done.orders,
        failures=done.failures,
        waiting=done.waiting,
    )
    metrics.add_metric("Rebalances", MetricUnit.Count, done.decided)
    metrics.add_metric("StrategyFailures", MetricUnit.Count, done.failures)


# The part of the time that the function still has which one message may take for sessions that are behind: after it come the other messages of a batch.
_CATCH_UP_PART = 0.2
# The same for those that look at other symbols, which have to be read for them.
_LOOKING_PART = 0.4
# A bar for which the sandbox did not answer for everybody comes again so often: within ten seconds.
_SOON = 2


def _evaluate(message: BarMessage, arrived_at: datetime, seconds_left: float, delivery: int) -> Evaluated:
    settings = EvaluatorSettings.from_environment()
    until = time.monotonic() + seconds_left

    def sandbox(window: BarColumns, sessions: Sequence[RunningSession]) -> list[Outcome]:
        seconds = _BATCH_PART * (until - time.monotonic())
        return evaluate_sessions(settings.sandbox_function, window, sessions, seconds)

    def wake_executor(symbol: str, cause: str, at: datetime | None) -> None:
        # What a delivery before this one woke it for was without those that are evaluated with this one.
        send_work_ready(settings.signals_queue_url, symbol, f"{cause}-{delivery}", at)

    return evaluate_bar(
        database,
        sandbox,
        wake_executor,
        message.bar(),
        message.shard,
        arrived_at,
        shards=message.shards,
        catch_up_seconds=_CATCH_UP_PART * seconds_left,
        looking_seconds=_LOOKING_PART * seconds_left,
    )


def record_handler(record: SQSRecord | KinesisStreamRecord, lambda_context: LambdaContext) -> None:
    """Evaluates the sessions that wait for one bar, or has portfolio sessions decide."""
    if isinstance(record, KinesisStreamRecord):
        body, arrived = record.kinesis.data_as_text(), record.kinesis.approximate_arrival_timestamp
    else:
        body, arrived = record.body, int(record.attributes.sent_timestamp) / 1000
    message, arrived_at = EvaluatorMessage.model_validate_json(body).root, datetime.fromtimestamp(arrived, UTC)
    seconds_left = lambda_context.get_remaining_time_in_millis() / 1000
    # Of the stream a record comes once; after that it comes of the queue.
    delivery = int(record.attributes.get("ApproximateReceiveCount") or 1) if isinstance(record, SQSRecord) else 0
    if isinstance(message, RebalanceDue):
        _rebalance(message, time.monotonic() + seconds_left, again=delivery > 1)
        return
    if message.kind == "correction":
        changed = correct_bar(database, message.bar())
        log.info("bar corrected", symbol=message.symbol, bar=message.time.isoformat(), changed=changed)
        return
    try:
        done = _evaluate(message, arrived_at, seconds_left, delivery)
    finally:
        # After what trades, whatever came of it; whoever comes again after a failure here finds the bar evaluated.
        alerts = fire_alerts(database, message.bar()) if message.shard == 0 else 0
    log.info(
        "bar evaluated",
        symbol=message.symbol,
        bar=message.time.isoformat(),
        shard=message.shard,
        kind=message.kind,
        sessions=done.sessions,
        signals=done.signals,
        failures=done.failures,
        missed=done.missed,
        late=done.late,
        unanswered=done.unanswered,
        alerts=alerts,
    )
    metrics.add_metric("MissedBars", MetricUnit.Count, done.missed)
    metrics.add_metric("BarsEvaluated", MetricUnit.Count, done.sessions)
    metrics.add_metric("Signals", MetricUnit.Count, done.signals)
    metrics.add_metric("StrategyFailures", MetricUnit.Count, done.failures)
    if done.unanswered and delivery <= _SOON:
        # While they are in time, and before the next bar waits for this one: after that they see it before the next.
        raise SandboxFailed(f"the sandbox did not answer for {done.unanswered} sessions")


def prepare() -> None:
    """Connects to the database and makes the clients, before the first event."""
    database.prepare()
    sqs_client()
    sandbox_client()


def _try_again(record: KinesisStreamRecord) -> None:
    kinesis = record.kinesis
    queue = EvaluatorSettings.from_environment().bars_queue_url
    send_again(queue, kinesis.data_as_text(), kinesis.partition_key, kinesis.sequence_number)


_of_queue = batch_handler(record_handler, FifoProcessor(), prepare, log, metrics)
_of_stream = batch_handler(record_handler, StreamProcessor(_try_again), prepare, log, metrics)


def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Evaluates the bars of an event: of the queue, or of the stream."""
    records = event.get("Records")
    return (_of_stream if records and "kinesis" in records[0] else _of_queue)(event, context)
