"""What a live session was evaluated on, as it was then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import numpy as np

from stratforge.market import BarColumns
from stratforge.market.columns import PRICE_COLUMNS, exchange_timezone
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_one
from stratforge.strategy import SignalValue, Strategy, compile_strategy
from stratforge.strategy.lookback import window_length
from stratforge.strategy.replay import RecordedBar


@dataclass(frozen=True, slots=True)
class RecordedSession:
    """A session to replay: its version's code, parameters and lookback in bars, and the bars it was evaluated on."""

    session_id: UUID
    symbol: str
    python_code: str
    parameters: dict[str, float]
    lookback: int
    first_bar_time: datetime
    last_bar_time: datetime
    bars_evaluated: int

    def strategy(self) -> Strategy:
        """Its version, compiled."""
        return compile_strategy(self.python_code).with_parameters(**self.parameters)


def recorded_session(connection: Connection, session_id: UUID) -> RecordedSession | None:
    """The session, if there is one that saw a bar."""
    return fetch_one(
        connection,
        RecordedSession,
        """
        SELECT s.id AS session_id, s.symbol, v.python_code, v.parameters, v.lookback, s.first_bar_time, s.last_bar_time, s.bars_evaluated FROM sessions s
        JOIN strategy_versions v ON v.strategy_id = s.strategy_id AND v.version = s.strategy_version
        WHERE s.id = %s AND s.first_bar_time IS NOT NULL
        """,
        (session_id,),
    )


def recorded_signals(connection: Connection, session_id: UUID) -> dict[int, SignalValue]:
    """The signals a session gave, by the time of their bar in seconds since the epoch."""
    rows = connection.execute(
        """
        SELECT extract(epoch FROM bar_time)::bigint, side::text, confidence, size_kind, size FROM signals WHERE session_id = %s
        """,
        (session_id,),
    )
    return {time: SignalValue(side, confidence, kind, size) for time, side, confidence, kind, size in rows}


def recorded_bars(connection: Connection, session: RecordedSession) -> Iterator[RecordedBar]:
    """The bars a session was evaluated on, each with its window as it was at that time. All is read at once; windows are made as they are
    asked for, without the connection.
    """
    length = window_length(session.lookback)
    rows = connection.execute(
        """
        WITH wanted AS (
            (SELECT time FROM market_data WHERE symbol = %(symbol)s AND timeframe = '1Min' AND time < %(first)s
             ORDER BY time DESC LIMIT %(before)s)
            UNION ALL
            SELECT time FROM market_data WHERE symbol = %(symbol)s AND timeframe = '1Min' AND time BETWEEN %(first)s AND %(last)s)
        SELECT m.time, m.open::float8, m.high::float8, m.low::float8, m.close::float8, m.volume::float8
        FROM market_data m JOIN wanted w ON w.time = m.time
        WHERE m.symbol = %(symbol)s AND m.timeframe = '1Min' ORDER BY m.time
        """,
        {
            "symbol": session.symbol,
            "first": session.first_bar_time,
            "last": session.last_bar_time,
            "before": length - 1,
        },
    ).fetchall()
    bars = BarColumns.from_rows(rows, exchange_timezone(session.symbol))
    undo = _corrections(connection, session.symbol, bars)
    views = _views(connection, session.session_id)
    start = int(np.searchsorted(bars.time, int(session.first_bar_time.timestamp())))
    return _windows(bars, start, length, undo, views)


def _windows(
    bars: BarColumns, start: int, length: int, undo: _Undo, views: dict[int, tuple[float, float]]
) -> Iterator[RecordedBar]:
    seen = (0.0, 0.0)
    for index in range(start, len(bars)):
        time = int(bars.time[index])
        seen = views.get(time, seen)
        window = bars.slice(max(0, index + 1 - length), index + 1)
        yield RecordedBar(time, _as_of(window, undo, time), *seen)


def _views(connection: Connection, session_id: UUID) -> dict[int, tuple[float, float]]:
    rows = connection.execute(
        """
        SELECT extract(epoch FROM bar_time)::bigint, quantity, average_entry_price FROM position_views WHERE session_id = %s
        """,
        (session_id,),
    )
    return {time: (quantity, entry) for time, quantity, entry in rows}


# For each bar: what it was before each of its corrections, with the last bar that was evaluated with those values.
_Undo = dict[int, list[tuple[int, tuple[float, ...]]]]


def _corrections(connection: Connection, symbol: str, bars: BarColumns) -> _Undo:
    rows = connection.execute(
        """
        SELECT extract(epoch FROM time)::bigint, extract(epoch FROM after_bar)::bigint,
               open::float8, high::float8, low::float8, close::float8, volume::float8
        FROM market_data_corrections
        WHERE symbol = %s AND timeframe = '1Min' AND time BETWEEN to_timestamp(%s) AND to_timestamp(%s) ORDER BY time, correction
        """,
        (symbol, int(bars.time[0]), int(bars.time[-1])),
    )
    undo: _Undo = {}
    for time, after, *prices in rows:
        undo.setdefault(time, []).append((after, tuple(prices)))
    return undo


def _as_of(window: BarColumns, undo: _Undo, time: int) -> BarColumns:
    """The window with the values its bars had when the bar at `time` was evaluated."""
    changed = [each for each in undo if window.time[0] <= each <= window.time[-1]]
    columns = {name: getattr(window, name) for name in PRICE_COLUMNS}
    if changed:
        columns = {name: column.copy() for name, column in columns.items()}
    for each in changed:
        # The first correction that came after this evaluation tells what the bar was at the time.
        before = next((prices for after, prices in undo[each] if after >= time), None)
        if before is not None:
            index = int(np.searchsorted(window.time, each))
            for name, price in zip(PRICE_COLUMNS, before, strict=True):
                columns[name][index] = price
    return BarColumns(window.time, timezone=window.timezone, **columns)
