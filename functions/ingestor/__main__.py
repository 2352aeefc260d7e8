"""The service: `python -m functions.ingestor`. It ends when any of its parts does, and is started again by what runs it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from functools import partial
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from stratforge.aws import aws_client
from stratforge.broker.alpaca import AlpacaBroker
from stratforge.broker.history import AlpacaHistory
from stratforge.bus.queues import send_work_ready
from stratforge.bus.streams import BarStream
from stratforge.bus.topics import BarTopics
from stratforge.configuration import AlpacaSecret, ConfigurationError, Keys
from stratforge.observability import logger
from stratforge.storage.market import market_data
from stratforge.storage.postgres.broker_budget import SharedBudget
from stratforge.storage.postgres.database import Database
from stratforge.tracing import NOT_TRACED, Segments

from functions.ingestor.alpaca_streams import MarketStream, OrderStream
from functions.ingestor.announcements import Announcements
from functions.ingestor.block_timer import BlockTimer
from functions.ingestor.clock import ExchangeClock
from functions.ingestor.daily_history import DailyHistoryReader
from functions.ingestor.health import Health
from functions.ingestor.keys import AccountKeys
from functions.ingestor.order_updates import OrderUpdatePipeline
from functions.ingestor.pipeline import BarPipeline
from functions.ingestor.prices import PriceBook, PricePublisher
from functions.ingestor.rebalance_timer import RebalanceTimer
from functions.ingestor.settings import IngestorSettings
from functions.ingestor.subscriptions import Subscriptions

log = logger("ingestor")
_TRACES_EVERY = 5.0


def _show_life() -> None:
    """The container's health check looks at the age of this file."""
    Path(os.environ.get("HEARTBEAT_FILE", "/tmp/ingestor-heartbeat")).touch()  # noqa: S108 - of a container that nobody shares


def _segments_to_xray() -> Segments:
    client = aws_client("xray")
    return Segments(
        "stratforge-ingestor", lambda documents: client.put_trace_segments(TraceSegmentDocuments=list(documents))
    )


def _tell(segments: Segments, stopping: threading.Event) -> None:
    """Sends traces now and then, in nobody's way."""
    while not stopping.wait(_TRACES_EVERY):
        segments.flush()


def main() -> int:
    """Runs until it is told to stop or something fails."""
    settings = IngestorSettings.from_environment()
    keys = AccountKeys(Keys(AlpacaSecret, settings.alpaca_secret))
    database = Database.of_secret(settings.database_secret, application="ingestor")
    stopping = threading.Event()
    failed = threading.Event()

    def fatal() -> None:
        failed.set()
        stopping.set()

    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGINT, lambda *_: stopping.set())

    secret = keys.wait(_show_life, stopping.wait)
    if secret is None:
        return 0
    budget = SharedBudget(database, secret.requests_per_minute)
    history = AlpacaHistory(secret, budget)
    clock = ExchangeClock(history, database, settings.clock_seconds)
    clock.start(fatal)
    topics = BarStream(settings.bars_stream) if settings.bars_stream else _topics(settings)
    health = Health(clock)
    segments = _segments_to_xray() if settings.traced else NOT_TRACED
    if segments.recorded:
        threading.Thread(target=_tell, args=(segments, stopping), name="traces", daemon=True).start()
    pipeline = BarPipeline(
        topics, history, clock.now, database, on_fatal=fatal, on_published=health.bar, segments=segments
    )
    Announcements(database, settings.notifications_queue_url, fatal)
    DailyHistoryReader(database, history, clock.now).start(fatal)
    RebalanceTimer(database, topics, fatal)
    BlockTimer(database, partial(send_work_ready, settings.signals_queue_url), fatal)
    with database.transaction() as connection:
        book = PriceBook(market_data.exchange_states(connection))
    PricePublisher(book, settings.quotes_queue_url, fatal)
    orders = OrderUpdatePipeline(
        AlpacaBroker(secret, budget), database, settings.order_updates_queue_url, fatal, segments
    )
    subscriptions = Subscriptions(
        database, pipeline, settings.subscription_queue_url, settings.reconcile_seconds, secret.channel_limit
    )
    streams = [
        MarketStream(secret, crypto=crypto, mute_seconds=settings.mute_seconds, listener=subscriptions, book=book)
        for crypto in (False, True)
    ]
    subscriptions.serve(*streams)
    order_stream = OrderStream(secret, orders.update, orders.connected)

    def beat() -> None:
        health.beat(subscriptions)
        threads = [order_stream.thread, *(stream.thread for stream in streams)]
        if any(thread is not None and not thread.is_alive() for thread in threads):
            log.error("a stream ended; the service restarts")
            fatal()
        if keys.changed():
            log.info("the keys were changed; the service restarts with them")
            stopping.set()
        _show_life()

    log.info("ingestor started", stage=settings.stage)
    subscriptions.run(beat, stopping.is_set)
    subscriptions.note()
    log.info("ingestor stopped", failed=failed.is_set())
    return 1 if failed.is_set() else 0


def _topics(settings: IngestorSettings) -> BarTopics:
    """A topic for each symbol, those that are there already found at once."""
    topics = BarTopics(settings.stage, settings.bars_queue_arn)
    try:
        log.info("topics found", topics=topics.load())
    except (BotoCoreError, ClientError) as error:
        # Then each is made sure of when it is first needed.
        log.warning("topics were not listed", error=str(error)[:200])
    return topics


if __name__ == "__main__":
    try:
        code = main()
    except ConfigurationError as error:
        print(f"ingestor: {error}", file=sys.stderr)
        code = 2
    # Streams run in daemon threads that may be in the middle of a read.
    sys.stdout.flush()
    os._exit(code)
