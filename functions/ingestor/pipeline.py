"""From streams to topics: in order for each symbol, without gaps, each bar once, and stored before it is published.

Workers keep the symbols' progress and never wait for history: it is asked for in threads of its own, many symbols at once, and bars that come
meanwhile are held back for the symbols concerned, not for others, and not where somebody only wants more of the past of a symbol that is streamed already. Gaps wait for no history, and short
histories for no long ones. What is wrong with one symbol is said and holds up nobody else.
"""

from __future__ import annotations

import queue
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol

from stratforge.broker.history import Found
from stratforge.bus.topics import AT_ONCE
from stratforge.market import Bar, is_crypto
from stratforge.observability import logger
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.strategies import evaluations
from stratforge.storage.strategies.evaluations import OverdueBar, Wanted
from stratforge.tracing import NOT_TRACED, Segments

from functions.ingestor.gaps import MAX_BACKFILL, SYMBOLS_A_REQUEST, Gap, Progress, chunks, requests_for
from functions.ingestor.outlet import Outlet, Topics
from functions.ingestor.retry import persist

log = logger("ingestor")
_HISTORY_MARGIN = 64
# So many bars back of each symbol are a long history; of those together so many go into one request.
_LONG = 4_096
_BARS_A_REQUEST = 400_000
# Events that a worker takes together: so many bars are stored in one statement.
_TOGETHER = 1_000


class History(Protocol):
    """Past bars, of many symbols at once."""

    def bars_of(self, symbols: Sequence[str], start: datetime, end: datetime, *, as_traded: bool) -> Found:
        """Finished bars from `start` (included) to `end` (excluded)."""
        ...

    def latest_of(self, symbols: Sequence[str], count: int, now: datetime) -> Found:
        """The latest `count` finished bars of each symbol."""
        ...


@dataclass(frozen=True, slots=True)
class _LiveBar:
    bar: Bar
    correction: bool


@dataclass(frozen=True, slots=True)
class _Watch:
    wanted: dict[str, Wanted]
    done: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class _Forget:
    symbol: str


@dataclass(frozen=True, slots=True)
class _Reconnected:
    """The connection is new: bars of its market may be missing before the next ones."""

    crypto: bool


@dataclass(frozen=True, slots=True)
class _Gaps:
    """History's answer for gaps."""

    gaps: dict[str, Gap]
    found: Found


@dataclass(frozen=True, slots=True)
class _Past:
    """History's answer for symbols that are new, or of which more is wanted, with the bar after which nothing is history (None: all of it is), and those whose bars are held back for it."""

    last: dict[str, datetime | None]
    needed: dict[str, int]
    holding: frozenset[str]
    now: datetime
    found: Found


_Event = _LiveBar | _Watch | _Forget | _Reconnected | _Gaps | _Past | OverdueBar


class BarPipeline:
    """Workers that publish bars; a symbol always goes to the same worker, so its order holds."""

    def __init__(
        self,
        topics: Topics,
        history: History,
        now: Callable[[], datetime],
        database: Database,
        *,
        workers: int = 4,
        publishers: int = AT_ONCE,
        on_fatal: Callable[[], None],
        on_published: Callable[[Bar], None] = lambda _bar: None,
        segments: Segments = NOT_TRACED,
        threads: Executor | None = None,
    ) -> None:
        """
        Args:
            now: The exchange's present time.
            threads: What asks and publishes instead of threads of the pipeline's own; then whoever made it calls `work_off`.
        """
        self._history = history
        self._now = now
        self._on_fatal = on_fatal
        self._asking = {
            what: threads or ThreadPoolExecutor(number, thread_name_prefix=what.replace(" ", "-"))
            for what, number in (("gaps", 4), ("history", 4), ("long history", 2))
        }
        publishing = threads or ThreadPoolExecutor(publishers, thread_name_prefix="publish")
        # Why there is nothing of a symbol, for whoever looks after the service; and whose last bar was dated in the future.
        self.refused: dict[str, str] = {}
        self.from_the_future: dict[str, str] = {}
        self._workers = [
            _Worker(self, Outlet(topics, database, publishing, on_published, segments, on_fatal), database)
            for _ in range(workers)
        ]
        for index, worker in enumerate(self._workers if threads is None else ()):
            threading.Thread(target=worker.run, name=f"publisher-{index}", daemon=True).start()

    def work_off(self) -> None:
        """Handles everything that waits, where no thread does."""
        for worker in self._workers:
            worker.work_off()

    def _worker(self, symbol: str) -> _Worker:
        return self._workers[zlib.crc32(symbol.encode()) % len(self._workers)]

    def bar(self, bar: Bar, correction: bool) -> None:
        """Takes a bar of the stream."""
        self._worker(bar.symbol).events.put(_LiveBar(bar, correction))

    def reconnected(self, *, crypto: bool) -> None:
        """Notes that the stream of a market is a new connection."""
        for worker in self._workers:
            worker.events.put(_Reconnected(crypto))

    def watch(self, wanted: Mapping[str, Wanted]) -> list[threading.Event]:
        """Begins with symbols (their history, where their bars go on), or follows what is wanted of them now.

        Bars may be streamed at once; they wait for the history. The events are set when it is there.
        """
        shares: dict[int, dict[str, Wanted]] = {}
        for symbol, each in wanted.items():
            shares.setdefault(self._workers.index(self._worker(symbol)), {})[symbol] = each
        watches = []
        for index, share in shares.items():
            watches.append(_Watch(share))
            self._workers[index].events.put(watches[-1])
        return [each.done for each in watches]

    def forget(self, symbol: str) -> None:
        """Ends the work for a symbol that nobody needs any more."""
        self._worker(symbol).events.put(_Forget(symbol))

    def publish_again(self, overdue: OverdueBar) -> None:
        """Publishes a stored bar again that its sessions have not seen; with it they see all that they have missed."""
        self._worker(overdue.bar.symbol).events.put(overdue)

    def ask(self, question: Callable[[], _Event], events: queue.Queue[_Event], what: str) -> None:
        """Has a question answered in a thread of its kind, into a worker's queue."""

        def answered() -> None:
            try:
                events.put(persist(question))
            except BaseException:
                log.exception("history failed; the service restarts", what=what)
                self._on_fatal()
                raise

        self._asking[what].submit(answered)

    def gaps(self, symbols: list[str], gaps: dict[str, Gap], span: Gap) -> _Gaps:
        """Asks for the bars of gaps."""
        return _Gaps(gaps, self._history.bars_of(symbols, span.start, span.end, as_traded=True))

    def past(self, last: dict[str, datetime | None], needed: dict[str, int], holding: frozenset[str]) -> _Past:
        """Asks for the history that sessions need."""
        now = self._now()
        return _Past(last, needed, holding, now, self._history.latest_of(list(last), max(needed.values()), now))

    def now(self) -> datetime:
        """The present time by the exchange's clock."""
        return self._now()

    def fatal(self) -> None:
        """Ends the service because a part of it failed; what runs it starts it again."""
        self._on_fatal()


class _Worker:
    """The symbols of one queue."""

    def __init__(self, pipeline: BarPipeline, outlet: Outlet, database: Database) -> None:
        self.events: queue.Queue[_Event] = queue.Queue(maxsize=100_000)
        self._pipeline = pipeline
        self._outlet = outlet
        self._database = database
        self._symbols: dict[str, Progress] = {}
        self._asked: dict[str, Gap] = {}
        self._waiting: list[tuple[set[str], threading.Event]] = []

    def run(self) -> None:
        """Handles events until the process ends."""
        try:
            while True:
                self._handle_all(self._next())
        except BaseException:
            log.exception("a publisher failed; the service restarts")
            self._pipeline.fatal()
            raise

    def work_off(self) -> None:
        """Handles events until there are none."""
        while not self.events.empty():
            self._handle_all(self._next())

    def _next(self) -> list[_Event]:
        events = [self.events.get()]
        while len(events) < _TOGETHER:
            try:
                events.append(self.events.get_nowait())
            except queue.Empty:
                break
        return events

    def _handle_all(self, events: list[_Event]) -> None:
        for event in events:
            self._handle(event)
        asked, self._asked = self._asked, {}
        for symbols, span in requests_for(asked):
            gaps = {symbol: asked[symbol] for symbol in symbols}
            self._pipeline.ask(partial(self._pipeline.gaps, symbols, gaps, span), self.events, "gaps")
        self._outlet.flush()
        # Only now: whoever waits for a symbol may rely on what came before.
        still = [(symbols, done) for symbols, done in self._waiting if any(self._is_filling(each) for each in symbols)]
        for _, done in (each for each in self._waiting if each not in still):
            done.set()
        self._waiting = still

    def _is_filling(self, symbol: str) -> bool:
        return symbol in self._symbols and (self._symbols[symbol].filling or self._symbols[symbol].reading > 0)

    def _handle(self, event: _Event) -> None:
        if isinstance(event, _LiveBar):
            if event.bar.symbol in self._symbols:
                self._live(event.bar, event.correction)
        elif isinstance(event, _Watch):
            self._watch(event)
        elif isinstance(event, _Forget):
            self._symbols.pop(event.symbol, None)
        elif isinstance(event, _Reconnected):
            self._reconnected(event.crypto)
        elif isinstance(event, _Gaps):
            self._fill(event)
        elif isinstance(event, _Past):
            self._remember(event)
        else:
            self._outlet.add(event.bar, [event.shard], again=f"{self._pipeline.now():%H%M}")

    # Live bars and gaps ------------------------------------------------------------------------------------

    def _live(self, bar: Bar, correction: bool) -> None:
        progress = self._symbols[bar.symbol]
        if self._is_from_the_future(bar):
            return
        if correction:
            if not progress.is_new(bar):
                self._outlet.add(bar, range(progress.shards), correction=True)
        elif progress.filling:
            progress.held.append(bar)
        elif progress.is_new(bar):
            if progress.must_ask(bar):
                progress.held.append(bar)
                self._ask(bar.symbol, bar.time)
            else:
                self._pass_on(bar, progress)

    def _is_from_the_future(self, bar: Bar) -> bool:
        """Refuses a bar whose minute has not begun: it would stand for the price, and for the last bar, until its time comes."""
        now = self._pipeline.now()
        if bar.time <= now:
            self._pipeline.from_the_future.pop(bar.symbol, None)
            return False
        said = f"a bar dated {bar.time.isoformat()} came at {now.isoformat()} and was refused"
        if bar.symbol not in self._pipeline.from_the_future:
            log.error("a bar is dated in the future", symbol=bar.symbol, why=said)
        self._pipeline.from_the_future[bar.symbol] = said
        return True

    def _pass_on(self, bar: Bar, progress: Progress) -> None:
        self._outlet.add(bar, range(progress.shards))
        progress.last, progress.check = bar.time, False

    def _ask(self, symbol: str, until: datetime) -> None:
        progress = self._symbols[symbol]
        gap = progress.missing(until)
        if gap is not None:
            progress.filling = True
            self._asked[symbol] = gap

    def _reconnected(self, crypto: bool) -> None:
        now = self._pipeline.now().replace(second=0, microsecond=0)
        for symbol, progress in self._symbols.items():
            if is_crypto(symbol) is crypto:
                progress.check = True
                if not progress.filling:
                    self._ask(symbol, now)

    def _fill(self, answer: _Gaps) -> None:
        """Publishes, in order, what history has of gaps, and then what came meanwhile."""
        for symbol, gap in answer.gaps.items():
            progress = self._symbols.get(symbol)
            if progress is None:
                continue
            bars = [each for each in answer.found.bars.get(symbol, []) if gap.start <= each.time < gap.end]
            new = [each for each in bars if progress.is_new(each)]
            progress.filled(len(new))
            for bar in new:
                self._outlet.add(bar, range(progress.shards))
                progress.last = bar.time
            if new:
                log.info("gap filled", symbol=symbol, bars=len(new), first=new[0].time.isoformat())
            self._go_on(progress)
        self._note(answer.found, answer.gaps)

    def _go_on(self, progress: Progress) -> None:
        """What was held back comes next; the first of it was asked about already."""
        held, progress.held, progress.filling = progress.held, [], False
        for index, bar in enumerate(held):
            if index == 0 and progress.is_new(bar) and progress.last is not None:
                self._pass_on(bar, progress)
            else:
                self._live(bar, correction=False)

    def _note(self, found: Found, asked: Iterable[str]) -> None:
        for symbol in asked:
            self._pipeline.refused.pop(symbol, None)
        self._pipeline.refused.update(found.refused)
        for symbol, why in found.refused.items():
            log.error("history has nothing of a symbol", symbol=symbol, error=why)

    # New symbols -------------------------------------------------------------------------------------------

    def _watch(self, event: _Watch) -> None:
        """Begins with symbols: where their bars go on, and what history is missing before.

        Bars after the last one that all sessions saw are not history but a gap, and gaps are evaluated; only when we have been
        away for days is the past stored without being published.
        """
        lacking: dict[str, int] = {}
        streamed: set[str] = set()
        for symbol, wanted in event.wanted.items():
            progress = self._symbols.setdefault(symbol, Progress())
            progress.shards = wanted.shards
            if wanted.history > progress.history:
                if progress.history and progress.last is not None:
                    streamed.add(symbol)
                lacking[symbol] = wanted.history + _HISTORY_MARGIN
                progress.history = wanted.history
        self._waiting.append((set(event.wanted), event.done))
        if not lacking:
            return
        now = self._pipeline.now()

        def looked() -> tuple[dict[str, datetime], dict[str, int]]:
            with self._database.transaction() as connection:
                last = self._last_finished(connection, list(lacking), now)
                return last, market_data.bars_until(connection, last, max(lacking.values()))

        last, known = persist(looked)
        for symbol in lacking:
            self._symbols[symbol].last = self._symbols[symbol].last or last.get(symbol)
        needed = {symbol: count for symbol, count in lacking.items() if known.get(symbol, 0) < count}
        for share in _shares(needed):
            ends = {symbol: last.get(symbol) for symbol in share}
            holding = frozenset(share) - streamed
            for symbol in share:
                if symbol in holding:
                    self._symbols[symbol].filling = True
                else:
                    self._symbols[symbol].reading += 1
            what = "long history" if max(share.values()) > _LONG else "history"
            self._pipeline.ask(partial(self._pipeline.past, ends, share, holding), self.events, what)

    def _last_finished(self, connection: Connection, symbols: list[str], now: datetime) -> dict[str, datetime]:
        """The last bar of each symbol that is stored and that all its sessions saw: where an earlier run, and the queues behind
        it, came to. Without symbols that have none of the last days."""
        stored = market_data.last_bar_times(connection, symbols)
        seen = evaluations.last_bars_seen_by_all(connection, symbols)
        known = {symbol: self._symbols[symbol].last for symbol in symbols}
        last = {symbol: known[symbol] or min(at, seen.get(symbol, at)) for symbol, at in stored.items()}
        return {symbol: at for symbol, at in last.items() if now - at < MAX_BACKFILL}

    def _remember(self, answer: _Past) -> None:
        """Stores the bars that sessions need before the next one, and notes which bar is the last we have."""
        found = answer.found
        self._note(found, answer.last)
        past: list[Bar] = []
        latest: list[Bar] = []
        for symbol, last in answer.last.items():
            bars = [each for each in found.bars.get(symbol, []) if last is None or each.time <= last]
            past += bars[-answer.needed[symbol] :]
            latest += bars[-1:]
        if past:
            added = self._outlet.store(past, adjusted_at=answer.now)
            persist(lambda: self._price(latest))
            log.info("history stored", symbols=len(answer.last), bars=added)
        ends = {bar.symbol: bar.time for bar in latest}
        for symbol in answer.last:
            progress = self._symbols.get(symbol)
            if progress is not None:
                if symbol in found.refused:
                    progress.history = 0
                if symbol in answer.holding:
                    progress.last = progress.last or ends.get(symbol)
                    self._go_on(progress)
                else:
                    progress.reading = max(0, progress.reading - 1)

    def _price(self, latest: list[Bar]) -> None:
        """A symbol that nobody streamed before has a price at once."""
        with self._database.transaction() as connection:
            for bar in latest:
                market_data.set_bar_price(connection, bar)


def _shares(needed: Mapping[str, int]) -> Iterator[dict[str, int]]:
    """Symbols with the bars that are needed of each, those together that need about as many, the fewest first: of one request all get as many as any."""
    similar: dict[int, list[str]] = {}
    for symbol in sorted(needed, key=needed.__getitem__):
        similar.setdefault(needed[symbol].bit_length(), []).append(symbol)
    for symbols in similar.values():
        most = max(1, min(SYMBOLS_A_REQUEST, _BARS_A_REQUEST // needed[symbols[-1]]))
        for chunk in chunks(symbols, most):
            yield {symbol: needed[symbol] for symbol in chunk}
