"""The symbols to stream: those that running sessions need, as the database has it. Messages only say when to look."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError
from stratforge.bus.queues import sqs_client
from stratforge.market import Bar, is_crypto
from stratforge.observability import logger
from stratforge.storage.market import data_notes
from stratforge.storage.market.data_notes import DataNote, NoteKind
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import evaluations
from stratforge.storage.strategies.evaluations import Wanted

from functions.ingestor.alpaca_streams import SYMBOL_LIMIT, StreamError
from functions.ingestor.data_plan import Channels, channels
from functions.ingestor.pipeline import BarPipeline

log = logger("ingestor")
# History may take longer; bars that are streamed meanwhile wait for it.
_READY_SECONDS = 15.0
# History is asked again for symbols that it refused: a new listing appears there late.
_ASK_REFUSED_SECONDS = 600.0
# What was asked for is not of this plan or feed.
_CHANNELS_REFUSED = (400, 410)


class Stream(Protocol):
    """A stream of a market's data."""

    def set_channels(self, wanted: Channels) -> None:
        """Streams exactly these symbols on these channels."""
        ...

    def withhold(self, channels: tuple[str, ...]) -> None:
        """Does without channels from now on."""
        ...


class Subscriptions:
    """Keeps the streams subscribed to what is wanted, as far as the data plan goes, and says what is not to be had."""

    def __init__(
        self,
        database: Database,
        pipeline: BarPipeline,
        queue_url: str,
        seconds: float,
        limit: int | None,
    ) -> None:
        """
        Args:
            seconds: Between two looks without a message.
            limit: Channels of trades and quotes that the plan allows on a connection; None for any number.
        """
        self._database = database
        self._pipeline = pipeline
        self._streams: dict[bool, Stream] = {}
        self._queue_url = queue_url
        self._seconds = seconds
        self._limits: dict[bool, int | None] = {False: limit, True: limit}
        self._watched: dict[str, Wanted] = {}
        self._streamed: dict[bool, Channels] = {False: Channels(), True: Channels()}
        self._errors: dict[bool, StreamError] = {}
        self._noted: list[DataNote] | None = None
        self._look = threading.Event()
        self._asked_refused = time.monotonic()
        self.overdue = 0

    def serve(self, stocks: Stream, crypto: Stream) -> None:
        """Names the streams, which tell this object of bars, connections and errors themselves."""
        self._streams = {False: stocks, True: crypto}

    # Told by the streams -----------------------------------------------------------------------------------

    def bar(self, bar: Bar, correction: bool) -> None:
        """Takes a bar of a stream."""
        self._pipeline.bar(bar, correction)

    def connected(self, crypto: bool) -> None:
        """Notes a new connection: whatever kept it from being made is over."""
        if crypto in self._errors and self._errors[crypto].code not in (SYMBOL_LIMIT, *_CHANNELS_REFUSED):
            del self._errors[crypto]
        self._pipeline.reconnected(crypto=crypto)

    def error(self, error: StreamError) -> None:
        """Notes what Alpaca refused, and asks for less where that helps."""
        log.error("the data stream refuses", crypto=error.crypto, code=error.code, reason=error.message)
        self._errors[error.crypto] = error
        if error.code == SYMBOL_LIMIT:
            # The whole message was refused, bars with it. What was granted before is known to be allowed.
            streamed = self._streamed[error.crypto]
            asked = len(streamed.trades) + len(streamed.quotes)
            self._limits[error.crypto] = error.granted or asked // 2
            self._streamed[error.crypto] = Channels()
            self._look.set()
        elif error.code in _CHANNELS_REFUSED:
            # Not of this plan or feed: halts and price bands are what may be missing.
            self._streams[error.crypto].withhold(("statuses", "lulds"))
            self._streamed[error.crypto] = Channels()
            self._look.set()

    # The service's loop ------------------------------------------------------------------------------------

    def run(self, beat: Callable[[], None], stopping: Callable[[], bool]) -> None:
        """Looks at once, then after every message and every `seconds`, until it is time to stop."""
        self.reconcile()
        last = time.monotonic()
        while not stopping():
            beat()
            if self._messages() or self._look.is_set() or time.monotonic() - last > self._seconds:
                self.reconcile()
                last = time.monotonic()

    def reconcile(self) -> None:
        """Begins and ends symbols until what is streamed is what is wanted, and has bars published again that sessions missed."""
        self._look.clear()
        with self._database.transaction() as connection:
            wanted = evaluations.symbols_to_stream(connection)
            overdue = evaluations.overdue_bars(connection)
        if time.monotonic() - self._asked_refused > _ASK_REFUSED_SECONDS:
            self._asked_refused = time.monotonic()
            for symbol in list(self._pipeline.refused):
                self._watched.pop(symbol, None)
        changed = {symbol: each for symbol, each in wanted.items() if self._watched.get(symbol) != each}
        gone = set(self._watched) - set(wanted)
        until = time.monotonic() + _READY_SECONDS
        for ready in self._pipeline.watch(changed):
            ready.wait(max(0.0, until - time.monotonic()))
        for symbol in gone:
            self._pipeline.forget(symbol)
        self._watched = wanted
        self._stream(wanted)
        for each in overdue:
            if each.bar.symbol in wanted:
                self._pipeline.publish_again(each)
        self.overdue = len(overdue)
        if overdue:
            log.warning("sessions have not seen bars; they are published again", symbols=len(overdue))
        if changed or gone:
            log.info("streaming", symbols=len(wanted), begun=sorted(changed)[:50], ended=sorted(gone)[:50])
        self.note()

    def _stream(self, wanted: Mapping[str, Wanted]) -> None:
        for crypto, stream in self._streams.items():
            needs = {symbol: each.need for symbol, each in wanted.items() if is_crypto(symbol) is crypto}
            weights = {symbol: wanted[symbol].weight for symbol in needs}
            chosen = channels(needs, self._limits[crypto], weights)
            if chosen != self._streamed[crypto]:
                self._streamed[crypto] = chosen
                stream.set_channels(chosen)

    @property
    def without_live_prices(self) -> int:
        """Symbols whose orders or sessions wait for live prices that the data plan does not give."""
        return sum(len(each.without) for each in self._streamed.values())

    @property
    def refused(self) -> set[str]:
        """Symbols of which nothing comes: history or their topic refuses them, Alpaca their market's whole stream, or we their bars."""
        mute = {crypto for crypto, each in self._errors.items() if each.code not in (SYMBOL_LIMIT, *_CHANNELS_REFUSED)}
        return {
            *self._pipeline.refused,
            *self._pipeline.from_the_future,
            *(each for each in self._watched if is_crypto(each) in mute),
        }

    def notes(self) -> list[DataNote]:
        """Notes of what is not to be had at present."""
        notes = [
            DataNote(
                symbol,
                NoteKind.NO_LIVE_PRICES,
                f"the data plan streams {self._limits[is_crypto(symbol)]} trades and quotes at a time; this symbol has bars only",
            )
            for each in self._streamed.values()
            for symbol in each.without
        ]
        notes += [DataNote(symbol, NoteKind.NO_HISTORY, why) for symbol, why in self._pipeline.refused.items()]
        notes += [DataNote(symbol, NoteKind.FUTURE_BARS, why) for symbol, why in self._pipeline.from_the_future.items()]
        if self._errors:
            said = "; ".join(
                f"{'crypto' if each.crypto else 'stocks'}: {each.message} ({each.code})"
                for each in self._errors.values()
            )
            notes.append(DataNote("*", NoteKind.STREAM_REFUSED, said))
        return notes

    def note(self) -> None:
        """Writes down what is not to be had, when that has changed."""
        notes = self.notes()
        if notes != self._noted:
            with self._database.transaction() as connection:
                data_notes.replace_notes(connection, notes)
            self._noted = notes

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
