"""From streams to topics: in order for each symbol, without gaps, each bar once."""

from __future__ import annotations

import queue
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from stratforge.broker.history import AlpacaHistory
from stratforge.bus.messages import BarMessage
from stratforge.bus.topics import BarTopics
from stratforge.market import Bar
from stratforge.observability import logger
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.strategies import evaluations
from stratforge.storage.strategies.evaluations import Wanted
from stratforge.tracing import NOT_TRACED, Segments

from functions.ingestor.retry import persist

log = logger("ingestor")
_MINUTE = timedelta(minutes=1)
_MAX_BACKFILL = timedelta(days=5)
_HISTORY_MARGIN = 64


@dataclass(slots=True)
class _Symbol:
    """The state of a symbol's stream. `check_gap`: the connection is new, so the next bar must be joined to the last
    one."""

    shards: int = 1
    history: int = 0
    last_published: datetime | None = None
    check_gap: bool = True
    empty_gaps: int = 0
    unchecked_gaps: int = 0

    def skipped_minutes(self, bar: Bar) -> bool:
        """Returns whether minutes are missing before `bar` that REST should be asked about.

        A minute without a trade has no bar, so a gap may be none. The more gaps of a symbol were empty, the fewer of the
        next ones are asked about (every one, then one of 2, 4, … 32), so that quiet symbols cost few requests.
        """
        if self.last_published is None or bar.time - self.last_published <= _MINUTE:
            return False
        self.unchecked_gaps += 1
        return self.unchecked_gaps >= 1 << min(max(self.empty_gaps - 2, 0), 5)


@dataclass(frozen=True, slots=True)
class _LiveBar:
    bar: Bar
    correction: bool


@dataclass(frozen=True, slots=True)
class _Watch:
    symbol: str
    wanted: Wanted
    done: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class _Forget:
    symbol: str


@dataclass(frozen=True, slots=True)
class _Reconnected:
    """The connection is new: bars may be missing before the next one."""


_Event = _LiveBar | _Watch | _Forget | _Reconnected


class BarPipeline:
    """Workers that publish bars; a symbol always goes to the same worker, so its order holds."""

    def __init__(
        self,
        topics: BarTopics,
        history: AlpacaHistory,
        database: Database,
        *,
        workers: int = 4,
        on_fatal: Callable[[], None],
        on_published: Callable[[Bar], None] = lambda _bar: None,
        segments: Segments = NOT_TRACED,
    ) -> None:
        self._topics = topics
        self._history = history
        self._database = database
        self._on_fatal = on_fatal
        self._on_published = on_published
        self._segments = segments
        self._queues: list[queue.Queue[_Event]] = [queue.Queue(maxsize=50_000) for _ in range(workers)]
        for index, events in enumerate(self._queues):
            threading.Thread(target=self._work, args=(events,), name=f"publisher-{index}", daemon=True).start()

    def _queue(self, symbol: str) -> queue.Queue[_Event]:
        return self._queues[zlib.crc32(symbol.encode()) % len(self._queues)]

    def bar(self, bar: Bar, correction: bool) -> None:
        """Takes a bar of the stream."""
        self._queue(bar.symbol).put(_LiveBar(bar, correction))

    def reconnected(self) -> None:
        """Notes that the stream is a new connection."""
        for events in self._queues:
            events.put(_Reconnected())

    def watch(self, symbol: str, wanted: Wanted) -> threading.Event:
        """Begins with a symbol (its topic, its history, where its bars go on), or follows what is wanted of it now.

        The event is set when it is ready to stream.
        """
        watch = _Watch(symbol, wanted)
        self._queue(symbol).put(watch)
        return watch.done

    def forget(self, symbol: str) -> None:
        """Ends with a symbol."""
        self._queue(symbol).put(_Forget(symbol))

    # In the workers --------------------------------------------------------------------------------------

    def _work(self, events: queue.Queue[_Event]) -> None:
        symbols: dict[str, _Symbol] = {}
        try:
            while True:
                self._handle(events.get(), symbols)
        except BaseException:
            log.exception("a publisher failed; the service restarts")
            self._on_fatal()
            raise

    def _handle(self, event: _Event, symbols: dict[str, _Symbol]) -> None:
        if isinstance(event, _Reconnected):
            for state in symbols.values():
                state.check_gap = True
            for symbol, state in symbols.items():
                self._fill_gap(symbol, state, None)
        elif isinstance(event, _Watch):
            if event.symbol not in symbols:
                persist(lambda: self._topics.arn(event.symbol))
            state = symbols.setdefault(event.symbol, _Symbol())
            state.shards = event.wanted.shards
            if event.wanted.history > state.history:
                self._ensure_history(event.symbol, state, event.wanted.history)
            event.done.set()
        elif isinstance(event, _Forget):
            symbols.pop(event.symbol, None)
        elif event.bar.symbol in symbols:
            self._live(event, symbols[event.bar.symbol])

    def _ensure_history(self, symbol: str, state: _Symbol, needed: int) -> None:
        """Stores the bars that sessions need before the next one, and notes which bar is the last we have.

        Bars after the last one we published are not history but a gap, and gaps are evaluated; only when we have been
        away for days is the past stored without being evaluated.
        """
        needed += _HISTORY_MARGIN
        now = persist(self._history.now)
        with self._database.transaction() as connection:
            last = state.last_published or self._last_finished(connection, symbol)
            if last is not None and now - last >= _MAX_BACKFILL:
                last = None
            known = len(market_data.trailing_window(connection, symbol, last, needed)) if last else 0
        if last is None or known < needed:
            bars = persist(lambda: self._history.latest(symbol, needed, now))
            past = [bar for bar in bars if last is None or bar.time <= last]
            with self._database.transaction() as connection:
                market_data.ensure_months(connection, [*(bar.time for bar in past), now])
                added = market_data.add_bars(connection, past, adjusted_at=now)
                if past:
                    # So that a symbol nobody streamed before has a price at once.
                    market_data.set_bar_price(connection, past[-1])
            last = last or (past[-1].time if past else None)
            log.info("history stored", symbol=symbol, bars=added)
        state.history = needed - _HISTORY_MARGIN
        state.last_published = state.last_published or last

    @staticmethod
    def _last_finished(connection: Connection, symbol: str) -> datetime | None:
        """The last bar that is stored and that all sessions saw: where an earlier run, and the queues behind it, came to."""
        stored = market_data.last_bar_times(connection, [symbol]).get(symbol)
        seen = evaluations.last_bar_seen_by_all(connection, symbol)
        return stored if stored is None or seen is None else min(stored, seen)

    def _live(self, event: _LiveBar, state: _Symbol) -> None:
        bar = event.bar
        if event.correction:
            if state.last_published is not None and bar.time <= state.last_published:
                self._publish(bar, state, correction=True)
            return
        if state.last_published is not None and bar.time <= state.last_published:
            return
        if state.check_gap or state.skipped_minutes(bar):
            self._fill_gap(bar.symbol, state, bar.time)
        self._publish(bar, state, correction=False)

    def _fill_gap(self, symbol: str, state: _Symbol, until: datetime | None) -> None:
        """Publishes, in order, the bars between the last one published and `until` (now, when None)."""
        if state.last_published is None:
            state.check_gap = until is None
            return
        end = until or persist(self._history.now).replace(second=0, microsecond=0)
        start = max(state.last_published + _MINUTE, end - _MAX_BACKFILL)
        if start < end:
            missed = persist(lambda: self._history.bars(symbol, start, end, as_traded=True))
            for bar in missed:
                self._publish(bar, state, correction=False)
            state.empty_gaps = 0 if missed else state.empty_gaps + 1
            state.unchecked_gaps = 0
            if missed:
                log.info("gap filled", symbol=symbol, bars=len(missed), first=missed[0].time.isoformat())
        state.check_gap = until is None

    def _publish(self, bar: Bar, state: _Symbol, *, correction: bool) -> None:
        if not correction and (state.last_published is None or bar.time.month != state.last_published.month):
            with self._database.transaction() as connection:
                market_data.ensure_months(connection, [bar.time])
        for shard in range(state.shards):
            message = BarMessage.of(bar, "correction" if correction else "bar", shard)
            with self._segments.segment(self._segments.sampled(), symbol=bar.symbol):
                persist(lambda message=message: self._topics.publish(message))  # type: ignore[misc]
        if not correction:
            state.last_published = bar.time
            self._on_published(bar)
