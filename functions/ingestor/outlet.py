"""The way out of the pipeline: bars are stored, then published to the topics of their symbols."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, wait
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError
from stratforge.bus.messages import BarMessage
from stratforge.market import Bar
from stratforge.observability import logger
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Database
from stratforge.tracing import Segments

from functions.ingestor.patient_publisher import PatientPublisher
from functions.ingestor.retry import persist

log = logger("ingestor")
# A message that was not published after so many attempts is left: its bar is stored, and the next one brings the sessions up to it.
_PUBLISH_ATTEMPTS = 4
# Seconds after which nobody waits any more for what is being published.
_PATIENCE = 1.0


class Topics(Protocol):
    """The place where bars are published.

    Attributes:
        symbols_at_once: Symbols whose bars go together in one call.
    """

    symbols_at_once: int

    def publish(self, symbol: str, messages: Sequence[BarMessage]) -> None:
        """Publishes bars, in order for each symbol; the first of their symbols is named."""
        ...


@dataclass(frozen=True, slots=True)
class _Taken:
    """A bar with the messages that tell of it; `new` unless it was stored before."""

    bar: Bar
    messages: list[BarMessage]
    new: bool


class Outlet:
    """Stores bars and publishes them; each worker has one of its own."""

    def __init__(
        self,
        topics: Topics,
        database: Database,
        publishing: Executor,
        on_published: Callable[[Bar], None],
        segments: Segments,
        on_fatal: Callable[[], None],
    ) -> None:
        self._topics = topics
        self._segments = segments
        self._database = database
        self._on_published = on_published
        self._publisher = PatientPublisher(self._publish, publishing, on_fatal)
        self._taken: dict[str, list[_Taken]] = {}
        self._months: set[tuple[int, int]] = set()

    def add(self, bar: Bar, shards: Sequence[int], *, correction: bool = False, again: str | None = None) -> None:
        """Takes a bar, to be stored and published with the others at the next `flush`."""
        kind = "correction" if correction else "bar"
        messages = [BarMessage.of(bar, kind, shard, again, shards=len(shards)) for shard in shards]  # type: ignore[arg-type] # one of the two
        self._taken.setdefault(bar.symbol, []).append(_Taken(bar, messages, not correction and again is None))

    def store(self, bars: Sequence[Bar], adjusted_at: datetime | None = None) -> int:
        """Stores bars; returns how many were new."""

        def stored() -> int:
            with self._database.transaction() as connection:
                months = {(each.time.year, each.time.month): each.time for each in bars}
                market_data.ensure_months(connection, [months[month] for month in sorted(set(months) - self._months)])
                added = market_data.add_bars(connection, bars, adjusted_at=adjusted_at)
            self._months |= set(months)
            return added

        return persist(stored)

    def flush(self) -> None:
        """Stores what was taken, then publishes it: symbols side by side, each in order. What does not go out soon is left on its way, and what comes after it of the same symbols goes behind it."""
        taken, self._taken = self._taken, {}
        bars = [each.bar for of_symbol in taken.values() for each in of_symbol if each.new]
        if bars:
            self.store(bars)
        # Once for each: what did not answer then has nobody wait for it any more.
        wait(self._publisher.publish(taken, self._topics.symbols_at_once), _PATIENCE)

    def _publish(self, symbols: Sequence[str], taken: Sequence[_Taken]) -> None:
        messages = [message for each in taken for message in each.messages]
        try:
            with self._segments.segment(self._segments.sampled(), symbol=symbols[0]):
                persist(lambda: self._topics.publish(symbols[0], messages), _PUBLISH_ATTEMPTS)
        except (BotoCoreError, ClientError) as error:
            # They are stored: whoever waits for them sees them with the next bar, or when it is published again.
            log.error("bars were not published", symbols=symbols[:20], bars=len(messages), error=str(error)[:300])
        for each in taken:
            if each.new:
                self._on_published(each.bar)
