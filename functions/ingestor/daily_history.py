"""The bars of days that sessions decide on: read when a symbol is first needed, anew before every trading day, with the splits of the night, and when a split was followed since. After them come
those that somebody wants to see a preview on, few at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

import psycopg
from stratforge.broker.history import Found, HistoryUnavailable
from stratforge.observability import logger
from stratforge.storage.market import daily_bars, days_asked
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.strategies.rebalances import days_wanted
from stratforge.strategy.lookback import MAX_DAYS

from functions.ingestor.gaps import SYMBOLS_A_REQUEST, chunks

log = logger("ingestor")
_SECONDS = 5.0
# How long after a day's end the vendor may still correct its last minute, by the market's clock: its bar is what it stays from then on. The first minute of the next day, with which
# sessions decide, ends later.
_SETTLING = timedelta(seconds=45)
# As far back as the days of any strategy lie, on which its symbol traded.
_FARTHEST = daily_bars.calendar_days(MAX_DAYS)
# Bars of days that one request asks for: ten of the vendor's pages.
_BARS_A_REQUEST = 100_000
# So much later than others a wish has its next turn that the vendor did not answer.
_UNANSWERED = timedelta(seconds=30)


class DayHistory(Protocol):
    """Past days, of many symbols at once."""

    def days_of(self, symbols: Sequence[str], start: datetime, end: datetime) -> Found:
        """Bars of days that began from `start` (included) to `end` (excluded), adjusted for all splits until now."""
        ...


def read_days(
    database: Database,
    history: DayHistory,
    now: datetime,
    wanted: Callable[[Connection], Mapping[str, int]],
) -> dict[str, int]:
    """Reads the days that are wanted and not there yet, the shortest histories first: whoever looks far back keeps nobody waiting who does not.

    Args:
        database: Where they are kept.
        history: Who has them.
        now: The exchange's present time.
        wanted: How many days back are wanted of each symbol.

    Returns:
        Of each symbol that was asked for how many days are new, or other than they were.

    Raises:
        HistoryUnavailable: if the vendor does not answer for some; what the others' days are is kept.
    """
    with database.transaction() as connection:
        days = wanted(connection)
        unread = daily_bars.unread(connection, days, now - _SETTLING)
    today = {symbol: daily_bars.exchange_day(symbol, now - _SETTLING) for symbol in days}
    due: dict[timedelta, list[str]] = {}
    for symbol in unread:
        due.setdefault(daily_bars.calendar_days(days[symbol]), []).append(symbol)
    changed = {}
    unanswered: HistoryUnavailable | None = None
    for span, symbols in sorted(due.items()):
        most = max(1, min(SYMBOLS_A_REQUEST, _BARS_A_REQUEST // max(days[each] for each in symbols)))
        for chunk in chunks(sorted(symbols), most):
            ends = {each: daily_bars.begins_at(each, today[each]) for each in chunk}
            try:
                answer = _asked(history, {each: days[each] for each in chunk}, ends, span)
            except HistoryUnavailable as error:
                unanswered = error
                continue
            with database.transaction() as connection:
                for symbol in chunk:
                    changed[symbol] = daily_bars.store_days(
                        connection,
                        symbol,
                        answer.bars.get(symbol, []),
                        today[symbol],
                        days[symbol],
                        answer.refused.get(symbol),
                    )
    if changed:
        log.info("days stored", symbols=len(changed), changed=sum(changed.values()))
    if unanswered is not None:
        raise unanswered
    return changed


def _asked(history: DayHistory, wanted: Mapping[str, int], ends: Mapping[str, datetime], span: timedelta) -> Found:
    """The days of some symbols before the ends of theirs: those of a span, and of symbols that trade on fewer of its days than are wanted as many as there may be of any."""

    def days_of(symbols: Sequence[str], back: timedelta) -> Found:
        found = history.days_of(symbols, min(ends.values()) - back, max(ends.values()))
        bars = {symbol: [each for each in days if each.time < ends[symbol]] for symbol, days in found.bars.items()}
        return Found(bars, found.refused)

    found = days_of(list(wanted), span)
    few = [
        symbol
        for symbol, length in wanted.items()
        if symbol not in found.refused and len(found.bars.get(symbol, [])) < length
    ]
    if few and span < _FARTHEST:
        found.take(days_of(few, _FARTHEST))
    return found


def _given(days: Mapping[str, int]) -> Callable[[Connection], Mapping[str, int]]:
    return lambda _connection: days


class DailyHistoryReader:
    """Reads the days of sessions, and after them what somebody asked for; what the vendor does not answer is asked again."""

    def __init__(self, database: Database, history: DayHistory, now: Callable[[], datetime]) -> None:
        self._database, self._history, self._now = database, history, now
        # When something of users' wishes was read last, by our clock.
        self._served: dict[UUID, datetime] = {}

    def look(self) -> None:
        """Reads what sessions need, all of it, and then of wishes as many bars as are read at a time."""
        self._read(days_wanted)
        now = datetime.now(UTC)
        self._served = {user: at for user, at in self._served.items() if at > now - days_asked.ASKED_FOR}
        with self._database.transaction() as connection:
            wishes = days_asked.next_wishes(connection, self._now() - _SETTLING, self._served)
        for user, days in wishes:
            # Each in requests of its own: what the vendor does not answer of one is nobody else's.
            answered = self._read(_given(days))
            self._served[user] = now if answered else now + _UNANSWERED
            if not answered:
                break

    def _read(self, wanted: Callable[[Connection], Mapping[str, int]]) -> bool:
        """Reads the days that are wanted; whether the vendor answered for all of them."""
        try:
            read_days(self._database, self._history, self._now(), wanted)
        except HistoryUnavailable as error:
            log.warning("days were not read; they are asked for again", error=str(error)[:200])
            return False
        return True

    def start(self, on_fatal: Callable[[], None]) -> None:
        """Looks every few seconds, in a thread of its own."""
        threading.Thread(target=self._work, args=(on_fatal,), name="daily-history", daemon=True).start()

    def _work(self, on_fatal: Callable[[], None]) -> None:
        try:
            while True:
                try:
                    self.look()
                except psycopg.OperationalError as error:
                    log.warning("days were not looked for", error=str(error)[:200])
                time.sleep(_SECONDS)
        except BaseException:
            log.exception("reading days failed; the service restarts")
            on_fatal()
            raise
