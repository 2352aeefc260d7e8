"""The symbols to stream: those that running sessions need, as the database has it. Messages only say when to look."""

from __future__ import annotations

import time
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError
from stratforge.bus.queues import sqs_client
from stratforge.market import is_crypto
from stratforge.observability import logger
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import evaluations
from stratforge.storage.strategies.evaluations import Wanted

from functions.ingestor.alpaca_streams import BarStream
from functions.ingestor.pipeline import BarPipeline

log = logger("ingestor")
_READY_SECONDS = 60.0


class Subscriptions:
    """Keeps the streams subscribed to what is wanted."""

    def __init__(
        self,
        database: Database,
        pipeline: BarPipeline,
        stocks: BarStream,
        crypto: BarStream,
        queue_url: str,
        seconds: float,
    ) -> None:
        self._database = database
        self._pipeline = pipeline
        self._streams = {False: stocks, True: crypto}
        self._queue_url = queue_url
        self._seconds = seconds
        self._watched: dict[str, Wanted] = {}

    def run(self, beat: Callable[[], None], stopping: Callable[[], bool]) -> None:
        """Looks at once, then after every message and every `seconds`, until it is time to stop."""
        self.reconcile()
        last = time.monotonic()
        while not stopping():
            beat()
            if self._messages() or time.monotonic() - last > self._seconds:
                self.reconcile()
                last = time.monotonic()

    def reconcile(self) -> None:
        """Begins and ends symbols until what is streamed is what is wanted."""
        with self._database.transaction() as connection:
            wanted = evaluations.symbols_to_stream(connection)
        ready = []
        for symbol, each in wanted.items():
            if self._watched.get(symbol) != each:
                ready.append(self._pipeline.watch(symbol, each))
                self._watched[symbol] = each
        for event in ready:
            event.wait(_READY_SECONDS)
        gone = set(self._watched) - set(wanted)
        for symbol in gone:
            self._pipeline.forget(symbol)
            del self._watched[symbol]
        if ready or gone:
            for crypto, stream in self._streams.items():
                stream.set_symbols({symbol for symbol in wanted if is_crypto(symbol) is crypto})
            log.info("streaming", symbols=sorted(wanted))

    def _messages(self) -> bool:
        try:
            reply = sqs_client().receive_message(QueueUrl=self._queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=5)
            messages = reply.get("Messages", [])
            if messages:
                sqs_client().delete_message_batch(
                    QueueUrl=self._queue_url,
                    Entries=[
                        {"Id": str(index), "ReceiptHandle": each["ReceiptHandle"]}
                        for index, each in enumerate(messages)
                    ],
                )
        except (BotoCoreError, ClientError) as error:
            log.warning("the control queue does not answer", error=str(error)[:200])
            time.sleep(1.0)
            return False
        return bool(messages)
