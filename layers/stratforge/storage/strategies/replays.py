"""Reads the bars on which a live session was evaluated, as they were then."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import numpy as np

from stratforge.market import BarColumns
from stratforge.market.columns import Chosen
from stratforge.market.corporate_actions import SplitScale
from stratforge.market.resampling import RECENT, TIMEFRAME_OF, decided_bars, deciding
from stratforge.storage.market import daily_bars
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_one, fetch_value
from stratforge.storage.retention import ENDED_LONG_AGO
from stratforge.storage.strategies.bar_records import Record, Spans, read_record, read_records
from stratforge.storage.strategies.other_bars import SeenOthers
from stratforge.strategy import SignalValue, Strategy, compile_strategy
from stratforge.strategy.lookback import DAY_MINUTES, day_window_length, days_shown, own_window, window_length
from stratforge.strategy.order_terms import Terms
from stratforge.strategy.replay import RecordedBar
from stratforge.strategy.vocabulary import CASH_KEY, EQUITY_KEY, POWER_KEY


@dataclass(frozen=True, slots=True)
class RecordedSession:
    """A session to replay: its version's code and parameters, and the bars it was evaluated on, with the name under which they are kept; of a portfolio
    strategy its symbols, and whether it decides on days.
    """

    session_id: UUID
    symbol: str
    python_code: str
    parameters: dict[str, float]
    first_bar_time: datetime
    last_bar_time: datetime
    bars_evaluated: int
    symbols: list[str] | None = None
    daily: bool | None = None

    def strategy(self) -> Strategy:
        """Compiles the session's version of the strategy."""
        return compile_strategy(self.python_code).with_parameters(**self.parameters)


def recorded_session(connection: Connection, session_id: UUID) -> RecordedSession | None:
    """The session, if there is one that saw a bar and whose record is kept."""
    return fetch_one(
        connection,
        RecordedSession,
        f"""
        SELECT s.id AS session_id, coalesce(s.bars_symbol, s.symbol) AS symbol, v.python_code, v.parameters, s.first_bar_time, s.last_bar_time, s.bars_evaluated, s.symbols, s.daily FROM sessions s
        JOIN strategy_versions v ON v.strategy_id = s.strategy_id AND v.version = s.strategy_version
        WHERE s.id = %s AND s.first_bar_time IS NOT NULL AND ({ENDED_LONG_AGO}) IS NOT TRUE
        """,  # noqa: S608 - a condition of ours
        (session_id,),
    )


def symbol_of_bars(connection: Connection, session_id: UUID) -> str:
    """The name under which a session's bars are kept: its symbol, unless another company has taken that over since."""
    found: str = fetch_value(
        connection, "SELECT coalesce(bars_symbol, symbol) FROM sessions WHERE id = %s", (session_id,)
    )
    return found


def recorded_signals(connection: Connection, session_id: UUID) -> dict[int, SignalValue]:
    """The signals a session gave, by the time of their bar in seconds since the epoch."""
    rows = connection.execute(
        """
        SELECT extract(epoch FROM bar_time)::bigint, CASE WHEN NOT short THEN side::text WHEN side = 'sell' THEN 'short' ELSE 'cover' END, confidence, size_kind, size, limit_price, stop_price, expire_bars, oco FROM signals
        WHERE session_id = %s
        """,
        (session_id,),
    )
    return {
        time: SignalValue(side, confidence, kind, size, Terms(*terms))
        for time, side, confidence, kind, size, *terms in rows
    }


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A bar from which a session's evaluations can be repeated without those before it.

    Attributes:
        quantity: What it held.
        state: What its strategy remembered before the bar; None where that was not recorded yet.
        bars_held: For how many bars it had held its position, this one included.
    """

    bar_time: datetime
    quantity: float
    state: dict[str, float] | None
    bars_held: int | None


def checkpoint_before(connection: Connection, session_id: UUID, bar_time: datetime) -> Checkpoint | None:
    """The last checkpoint of a session up to a bar (included); None before its first signal."""
    return fetch_one(
        connection,
        Checkpoint,
        """
        SELECT bar_time, quantity, state, bars_held FROM position_views
        WHERE session_id = %s AND bar_time <= %s ORDER BY bar_time DESC LIMIT 1
        """,
        (session_id, bar_time),
    )


def recorded_bars(connection: Connection, session: RecordedSession, strategy: Strategy) -> Iterator[RecordedBar]:
    """The bars a session was evaluated on, each with its window as it was at that time: with the bars that were stored by then, the prices they
    had before later corrections, on the scale of the splits that were followed by then. All is read at once; windows are made as they
    are asked for, without the connection.
    """
    lookback, minutes = strategy.stored_lookback, strategy.bar_minutes
    length = RECENT if minutes == DAY_MINUTES else window_length(lookback)
    shown = days_shown(day_window_length(strategy.day_lookback), minutes)
    beside = _days(connection, session, shown) if strategy.day_lookback else {}
    if strategy.day_lookback and int(session.first_bar_time.timestamp()) < min(beside, default=math.inf):
        # Its first bars were seen when days were made of minutes.
        length = max(length, window_length(strategy.stored_lookback_of_minutes))
    record = read_record(connection, session.symbol, session.first_bar_time, session.last_bar_time, length)
    views, accounts = _views(connection, session.session_id)
    record = replace(record, views=views, accounts=accounts, gaps=_gaps(connection, session.session_id))
    own, others = own_window(lookback, minutes), None
    if strategy.other_symbols:
        needed = strategy.lookbacks.others
        others = SeenOthers(connection, session.session_id, needed, minutes, record, session.last_bar_time)
    if minutes == DAY_MINUTES:
        days = _days(connection, session, own)
        return _decided_days(_windows(record, days.keys()), days, own, others)
    wanted = None
    if minutes > 1 and not record.after_bar.any():
        wanted = set(record.bars.time[deciding(record.bars, TIMEFRAME_OF[minutes])].tolist())
    bars = _windows(record, wanted)
    if beside:
        bars = _beside_days(bars, beside, shown, window_length(lookback))
    if others is not None:
        bars = _beside_others(bars, others)
    return bars if minutes == 1 else _decided(bars, minutes, own)


# Of the bars with which a session decided on days, or from which on it saw them otherwise than before, the days as it saw them.
_Days = dict[int, BarColumns]


def _days(connection: Connection, session: RecordedSession, length: int) -> _Days:
    query = "SELECT extract(epoch FROM bar_time)::bigint, day_edition FROM position_views WHERE session_id = %s AND day_edition IS NOT NULL"
    editions = dict(connection.execute(query, (session.session_id,)).fetchall())
    last = daily_bars.exchange_day(session.symbol, session.last_bar_time)
    all_of_them = length + (session.last_bar_time - session.first_bar_time).days + 1
    tables = {
        edition: daily_bars.days_before(connection, {session.symbol: last}, all_of_them, {session.symbol: edition})
        for edition in set(editions.values())
    }
    return {time: tables[edition][session.symbol].bars for time, edition in editions.items()}


def _beside_others(bars: Iterator[RecordedBar], others: SeenOthers) -> Iterator[RecordedBar]:
    """Bars of a minute, each with those of other symbols that were seen with it."""
    for each in bars:
        yield replace(each, window=replace(each.window, others=others.beside(each.time, each.window)))


def _decided_days(
    bars: Iterator[RecordedBar], days: _Days, length: int, others: SeenOthers | None
) -> Iterator[RecordedBar]:
    """The bars of a minute with which a session decided on days, each with the window of the days before its own."""
    for each in bars:
        known = days[each.time]
        end = int(np.searchsorted(known.day, each.window.day[-1]))
        window = known.slice(max(0, end - length), end)
        beside = {} if others is None else others.beside(each.time, each.window)
        yield replace(each, window=replace(window, others=beside))


def _beside_days(bars: Iterator[RecordedBar], days: _Days, length: int, minutes: int) -> Iterator[RecordedBar]:
    """Bars of a minute, each with the days before its own beside its window of so many minutes, as the session saw them."""
    times = sorted(days)
    for each in bars:
        place = bisect_right(times, each.time)
        if not place:
            # Seen before days were those of the exchange: they were made of the minutes.
            yield each
            continue
        known = days[times[place - 1]]
        end = int(np.searchsorted(known.day, each.window.day[-1]))
        yield replace(each, window=replace(each.window.tail(minutes), days=known.slice(max(0, end - length), end)))


def _decided(bars: Iterator[RecordedBar], minutes: int, length: int) -> Iterator[RecordedBar]:
    """Of bars of a minute those with which a session decided on longer ones, each with the window of these."""
    splits: tuple[SplitScale, ...] = ()
    for each in bars:
        splits += each.splits
        window = decided_bars(each.window, TIMEFRAME_OF[minutes], length)
        if window is not None:
            yield replace(each, window=window, splits=splits)
            splits = ()


def windows_as_of(
    connection: Connection, symbol: str, first: datetime, last: datetime, length: int
) -> Iterator[tuple[int, BarColumns]]:
    """The windows of the bars from `first` to `last`, each as sessions saw it that were evaluated in time, with its bar's time in seconds.

    Evaluated on it later, a session sees what the others saw, and what its replay will see.
    """
    return ((each.time, each.window) for each in _windows(read_record(connection, symbol, first, last, length)))


def windows_in(
    connection: Connection, last: Mapping[str, datetime], length: int, snapshot: str | None
) -> dict[str, BarColumns]:
    """The windows of the bars of symbols up to a last one of each on the scale, and with the corrections, that a snapshot of the database shows; without one, those that were
    known when that bar was new. What is asked is as much whatever the number of symbols.
    """
    records = read_records(connection, {symbol: (at, at) for symbol, at in last.items()}, length, snapshot)
    return {symbol: next(_windows(record)).window for symbol, record in records.items()}


def windows_from(connection: Connection, spans: Spans, before: int, snapshot: str | None) -> dict[str, BarColumns]:
    """The bars of symbols from a first to a last one of each, and so many before the first; otherwise as `windows_in`."""
    records = read_records(connection, spans, before + 1, snapshot)
    return {
        symbol: record.as_of(record.known_with(len(record.bars) - 1), int(record.bars.time[-1]))
        for symbol, record in records.items()
    }


def _windows(record: Record, wanted: Set[int] | None = None) -> Iterator[RecordedBar]:
    """The bars that were evaluated, all or those at wanted times; of each the splits that were followed since the one before, or since the first of all."""
    bars, late, length = record.bars, record.after_bar.any(), record.length
    earlier = [time for time in record.views if record.start < len(bars) and time < bars.time[record.start]]
    seen, known = record.views[max(earlier)] if earlier else (0.0, 0.0), -1
    for index in range(record.start, len(bars)):
        time = int(bars.time[index])
        # A bar that was stored after later ones was never new, so nobody was evaluated on it.
        if record.after_bar[index] >= time or any(after < time < before for after, before in record.gaps):
            continue
        seen = record.views.get(time, seen)
        followed = [scale for after, scale in record.splits if after < time]
        known = len(followed) if known < 0 else known
        if wanted is not None and time not in wanted:
            continue
        chosen: Chosen = slice(max(0, index + 1 - length), index + 1)
        if late:
            chosen = record.known_with(index)[-length:]
        new = tuple(followed[known:])
        known = len(followed)
        yield RecordedBar(time, record.as_of(chosen, time), *seen, new, record.accounts.get(time, {}))


def _views(
    connection: Connection, session_id: UUID
) -> tuple[dict[int, tuple[float, float]], dict[int, dict[str, float]]]:
    """The positions and the accounts that the session saw, by bar."""
    rows = connection.execute(
        """
        SELECT extract(epoch FROM bar_time)::bigint, quantity, average_entry_price, account_cash, account_equity,
               coalesce(account_buying_power, account_cash) -- it was the cash before it was recorded
        FROM position_views WHERE session_id = %s
        """,
        (session_id,),
    ).fetchall()
    views = {time: (quantity, entry) for time, quantity, entry, *_ in rows}
    accounts = (
        (time, {CASH_KEY: cash, EQUITY_KEY: equity, POWER_KEY: power})
        for time, _, _, cash, equity, power in rows
        if cash is not None
    )
    return views, dict(accounts)


def _gaps(connection: Connection, session_id: UUID) -> list[tuple[int, int]]:
    """Pairs of bars between which the session saw none, then or later."""
    query = """
        SELECT extract(epoch FROM after_bar)::bigint, extract(epoch FROM before_bar)::bigint FROM session_gaps
        WHERE session_id = %s AND NOT filled
    """
    return connection.execute(query, (session_id,)).fetchall()
