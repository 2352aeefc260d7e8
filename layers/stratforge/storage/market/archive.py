"""Bars of months that are over for long: files in S3, one for each symbol and month, and the table that says where they are.

Whoever reads bars asks the table of bars first and this one afterwards. A partition is dropped in the transaction in which its bars become `only_here`, so that in
this order none is missed. One that is in both came again after its month was archived: as in the table, what was there first stands.
"""

from __future__ import annotations

import hashlib
import heapq
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from stratforge.market import Bar
from stratforge.parquet_reading import NotOurs, read_rows
from stratforge.parquet_stream import Column, ColumnKind, ParquetWriter
from stratforge.storage.market.archive_objects import ArchiveUnavailable, get_object, put_object
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all

# Whole months before this one that stay in the table: more than a session looks back (a year), so that nothing live ever reads the archive.
MONTHS_KEPT = 14
# Files whose bars a process keeps, a month of a symbol each.
_REMEMBERED = 12
# Bars of a row group: a month of a stock.
_GROUP = 10_000


class StoredBar(NamedTuple):
    """A bar as it is stored, with what replays need to know of it (see the columns of market_data)."""

    time: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    correction: int
    after_bar: datetime | None
    adjusted_at: datetime | None


_KINDS = {"time": ColumnKind.TIME, "correction": ColumnKind.INTEGER, "after_bar": ColumnKind.TIME, "adjusted_at": ColumnKind.TIME}  # fmt: skip
_COLUMNS = [Column(name, _KINDS.get(name, ColumnKind.DECIMAL)) for name in StoredBar._fields]
_FIELDS = ", ".join(StoredBar._fields)


@dataclass(frozen=True, slots=True)
class ArchivedBars:
    """A row of archived_bars: which bars, and where; see its columns."""

    symbol: str
    starts_at: datetime
    ends_at: datetime
    object_key: str | None
    rows: int | None
    sha256: str | None
    only_here: bool
    complete: bool
    same: bool
    edition: int


_ENTRY = "symbol, starts_at, ends_at, object_key, rows, sha256, only_here, complete, same, edition"


# Reading --------------------------------------------------------------------------------------------------------------------


def keep_months(connection: Connection) -> None:
    """Keeps every month where it is until the end of a transaction that is to see one moment: before its first question, because that moment may be one before
    a partition went, which nobody sees any more afterwards.
    """
    connection.execute("LOCK TABLE market_data IN ACCESS SHARE MODE")


def entries(
    connection: Connection, symbol: str, start: datetime | str = "-infinity", end: datetime | str = "infinity"
) -> list[ArchivedBars]:
    """The rows that say where the archive has bars of a symbol from `start` (included) to `end` (excluded) that are nowhere else, the latest first."""
    return fetch_all(
        connection,
        ArchivedBars,
        f"""
        SELECT {_ENTRY} FROM archived_bars WHERE symbol = %(symbol)s AND only_here
          AND ends_at > %(start)s::timestamptz AND starts_at < %(end)s::timestamptz ORDER BY starts_at DESC
        """,  # noqa: S608 - columns of this module
        {"symbol": symbol, "start": start, "end": end},
    )


def bars_of(entry: ArchivedBars) -> list[StoredBar]:
    """The archived bars of an entry, the oldest first.

    Raises:
        ArchiveUnavailable: if its file is missing, damaged, or cannot be read: naming symbol and month.
    """
    assert entry.object_key is not None
    assert entry.sha256 is not None
    try:
        found = _read(entry.object_key, entry.sha256)
    except (ArchiveUnavailable, NotOurs) as error:
        raise ArchiveUnavailable(
            f"The bars of {entry.symbol} of {entry.starts_at:%B %Y} are in the archive and cannot be read now ({error})."
        ) from error
    if len(found) != entry.rows:
        raise ArchiveUnavailable(
            f"The bars of {entry.symbol} of {entry.starts_at:%B %Y} in the archive are {len(found)}, not {entry.rows}."
        )
    return [each for each in found if entry.starts_at <= each.time < entry.ends_at]


def bars_within(connection: Connection, entry: ArchivedBars) -> list[StoredBar]:
    """Those of `bars_of`, read within a transaction: however many files it reads one after the other, the server does not take it for one that was forgotten."""
    connection.execute("SELECT").fetchall()
    return bars_of(entry)


@lru_cache(maxsize=_REMEMBERED)
def _read(key: str, sha256: str) -> tuple[StoredBar, ...]:
    """The bars of a file, which never changes."""
    return tuple(StoredBar(*row) for row in read_rows(get_object(key, sha256), _COLUMNS))


def forget_files() -> None:
    """Forgets the files that this process has read."""
    _read.cache_clear()


def merged(archived: Iterable[StoredBar], stored: Iterable[StoredBar]) -> Iterator[StoredBar]:
    """Bars of the archive and of the table, each once and in order; the archive's where both have one."""
    last: datetime | None = None
    for bar in heapq.merge(archived, stored, key=lambda each: each.time):
        if bar.time != last:
            yield bar
        last = bar.time


# Writing --------------------------------------------------------------------------------------------------------------------


def months_to_archive(connection: Connection, kept: int = MONTHS_KEPT) -> list[datetime]:
    """The months with a partition that ended so many whole months ago by the market's clock, the oldest first; none while nobody has read that."""
    query = """
        SELECT m FROM months_of_bars() m
        WHERE m < date_trunc('month', least(market_now(), now()), 'UTC') - make_interval(months => %s) AND EXISTS (SELECT FROM market_clock) ORDER BY m
    """
    return [row[0] for row in connection.execute(query, (kept,))]


def _take_long(connection: Connection) -> None:
    """Lets a question of every symbol of a month take as long as thousands of them do; nobody waits for it."""
    connection.execute("SET LOCAL statement_timeout = '5min'")


def claim_month(connection: Connection, month: datetime) -> bool:
    """Claims a month for the archive: whoever writes to it from now on is noted. False if somebody is writing to it just now."""
    _take_long(connection)
    row = connection.execute("SELECT claim_month_of_bars(%s)", (month,)).fetchone()
    return row is not None and bool(row[0])


def to_store(connection: Connection, month: datetime) -> list[ArchivedBars]:
    """The parts of a claimed month that are in the table and not stored, symbol by symbol."""
    return fetch_all(connection, ArchivedBars, f"SELECT {_ENTRY} FROM bars_to_store(%s)", (month,))  # noqa: S608 - columns of this module


def to_complete(connection: Connection, month: datetime) -> list[ArchivedBars]:
    """The parts of a claimed month that the vendor was not asked about."""
    return [each for each in to_store(connection, month) if not each.complete]


def note_complete(connection: Connection, entry: ArchivedBars, vendors: Sequence[Bar]) -> None:
    """Notes that the vendor's history is in an entry, and whether it is the same, value for value; whoever writes to it later ends that."""
    named = (entry.symbol, entry.starts_at)
    connection.execute("SELECT FROM archived_bars WHERE symbol = %s AND starts_at = %s FOR UPDATE", named)
    theirs = [(each.time, each.open, each.high, each.low, each.close, each.volume) for each in vendors]
    same = not entry.only_here and [each[:6] for each in stored_bars(connection, entry)] == theirs
    query = "UPDATE archived_bars SET complete = true, same = %s WHERE symbol = %s AND starts_at = %s"
    connection.execute(query, (same, *named))


def stored_bars(connection: Connection, entry: ArchivedBars) -> list[StoredBar]:
    """The bars of an entry that are in the table, the oldest first."""
    query = f"""
        SELECT {_FIELDS} FROM market_data
        WHERE symbol = %s AND timeframe = '1Min' AND time >= %s AND time < %s ORDER BY time
    """  # noqa: S608 - columns of this module
    rows = connection.execute(query, (entry.symbol, entry.starts_at, entry.ends_at)).fetchall()
    return [StoredBar(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that was stored and read back."""

    key: str
    rows: int
    sha256: str


def store(entry: ArchivedBars, bars: Sequence[StoredBar]) -> Stored:
    """Stores bars as a file and reads it back from S3.

    Raises:
        ArchiveUnavailable: if it could not be stored, or what is read is not value for value what was to be stored.
    """
    file = io.BytesIO()
    writer = ParquetWriter(file, _COLUMNS)
    try:
        for first in range(0, len(bars), _GROUP):
            writer.write(bars[first : first + _GROUP])
    except (ArithmeticError, ValueError) as error:
        raise ArchiveUnavailable(f"a number fits into no file: {error}") from error
    writer.close()
    content = file.getvalue()
    sha256 = hashlib.sha256(content).hexdigest()
    key = f"bars/{_in_a_name(entry.symbol)}/{entry.starts_at:%Y-%m-%d}-{sha256[:16]}.parquet"
    put_object(key, content)
    try:
        found = [StoredBar(*row) for row in read_rows(get_object(key, sha256), _COLUMNS)]
    except NotOurs as error:
        raise ArchiveUnavailable(f"{key} cannot be read back: {error}") from error
    if found != list(bars):
        raise ArchiveUnavailable(f"{key} does not hold what was to be stored")
    return Stored(key, len(bars), sha256)


def note_stored(connection: Connection, entry: ArchivedBars, stored: Stored) -> bool:
    """Notes that an entry's bars are in a file; False when somebody has written to them, or stored them, since the entry was read."""
    noted = connection.execute(
        """
        UPDATE archived_bars SET stored = true, object_key = %s, rows = %s, sha256 = %s, archived_at = now(), same = same AND NOT only_here,
                                 edition = nextval('archived_bars_editions')
        WHERE symbol = %s AND starts_at = %s AND ends_at = %s AND edition = %s AND fresh
        """,
        (stored.key, stored.rows, stored.sha256, entry.symbol, entry.starts_at, entry.ends_at, entry.edition),
    )
    return noted.rowcount == 1


def drop_month(connection: Connection, month: datetime) -> bool:
    """Drops a month's partition if all of its bars are in the archive; False if not, or if the table is held just now."""
    _take_long(connection)
    row = connection.execute("SELECT drop_archived_month_of_bars(%s)", (month,)).fetchone()
    return row is not None and bool(row[0])


def _in_a_name(symbol: str) -> str:
    """A symbol in letters, digits and "_"; also one that is none of the market's, as that of bars of an earlier owner."""
    return re.sub(r"[^A-Za-z0-9]", lambda found: f"_{ord(found[0]):02x}", symbol)
