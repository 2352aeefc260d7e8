"""The nightly move of old bars from the table to files in S3.

A month that ended long ago is claimed, completed from the vendor's history, stored symbol by symbol, read back and compared, and only when every bar of it was is its
partition dropped. Whoever dies in between has changed nothing that anybody reads; the next run goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from stratforge.broker.history import Found, HistoryUnavailable
from stratforge.market.symbols import is_symbol
from stratforge.observability import logger
from stratforge.storage.market import archive, market_data
from stratforge.storage.market.archive import ArchivedBars
from stratforge.storage.market.archive_objects import ArchiveUnavailable
from stratforge.storage.postgres.database import Database

log = logger("archive")
# Symbols that are asked for in one go, and bars that are added in one transaction.
_SYMBOLS_AT_ONCE = 20
_BARS_AT_ONCE = 10_000


class History(Protocol):
    """Past bars of many symbols, as a vendor has them."""

    def bars_of(self, symbols: Sequence[str], start: datetime, end: datetime, *, as_traded: bool) -> Found:
        """Finished 1-minute bars of many symbols from `start` (included) to `end` (excluded), as they were traded or adjusted for all splits until now."""
        ...


@dataclass
class Archived:
    """The outcome of a run.

    Attributes:
        files: Symbols' months that were stored and read back.
        bars: Bars in them.
        dropped: Months that left the table.
        failed: Symbols' months that could not be stored; they stay in the table.
        left: Months that should be in the archive and are not all there.
    """

    files: int = 0
    bars: int = 0
    dropped: int = 0
    failed: int = 0
    left: int = 0


def archive_bars(
    database: Database,
    history: History,
    enough: Callable[[], bool] = lambda: False,
    kept: int = archive.MONTHS_KEPT,
) -> Archived:
    """Moves months of bars that ended so many months ago into the archive, as far as there is time.

    Args:
        enough: Says that time is up; what is left is done by the next run.
        kept: Whole months before this one that stay in the table.
    """
    done = Archived()
    with database.transaction() as connection:
        months = archive.months_to_archive(connection, kept)
    for month in months:
        if not enough() and _moved(database, history, month, enough, done):
            done.dropped += 1
        else:
            done.left += 1
    return done


def _moved(database: Database, history: History, month: datetime, enough: Callable[[], bool], done: Archived) -> bool:
    """Moves a month; False while something of it is left in the table."""
    if not _claim(database, month):
        return False
    try:
        if not _completed(database, history, month, enough):
            return False
    except HistoryUnavailable as error:
        log.warning(
            "history does not answer: the month is archived another time", month=f"{month:%Y-%m}", why=str(error)
        )
        return False
    # What was completed was written to.
    if not _claim(database, month):
        return False
    with database.transaction() as connection:
        entries = archive.to_store(connection, month)
    for entry in entries:
        if enough():
            return False
        try:
            stored = _store(database, entry)
        except ArchiveUnavailable as error:
            done.failed += 1
            log.error("bars stay in the table", symbol=entry.symbol, month=f"{month:%Y-%m}", why=str(error))
            continue
        done.files += stored > 0
        done.bars += stored
    with database.transaction() as connection:
        return archive.drop_month(connection, month)


def _claim(database: Database, month: datetime) -> bool:
    with database.transaction() as connection:
        return archive.claim_month(connection, month)


def _completed(database: Database, history: History, month: datetime, enough: Callable[[], bool]) -> bool:
    """Adds the bars that the vendor has and the table does not: of hours in which nobody's session watched the symbol. They come too late for any session to
    have seen them. False when time is up.
    """
    with database.transaction() as connection:
        # Bars of an earlier owner of a name stand under a name that no vendor knows.
        wanting = [each for each in archive.to_complete(connection, month) if is_symbol(each.symbol)]
    for first in range(0, len(wanting), _SYMBOLS_AT_ONCE):
        if enough():
            return False
        group = wanting[first : first + _SYMBOLS_AT_ONCE]
        start, end = min(each.starts_at for each in group), max(each.ends_at for each in group)
        found = history.bars_of([each.symbol for each in group], start, end, as_traded=True)
        answered = [each for each in group if each.symbol not in found.refused]
        for each in answered:
            bars = [bar for bar in found.bars.get(each.symbol, []) if each.starts_at <= bar.time < each.ends_at]
            for place in range(0, len(bars), _BARS_AT_ONCE):
                with database.transaction() as connection:
                    market_data.add_bars(connection, bars[place : place + _BARS_AT_ONCE])
            with database.transaction() as connection:
                archive.note_complete(connection, each, bars)
    return True


def _store(database: Database, entry: ArchivedBars) -> int:
    """Stores what the table has of an entry, with what the archive has of it already; returns how many bars."""
    with database.transaction() as connection:
        bars = archive.stored_bars(connection, entry)
    if entry.only_here:
        bars = list(archive.merged(archive.bars_of(entry), bars))
    if not bars:
        return 0
    stored = archive.store(entry, bars)
    with database.transaction() as connection:
        return stored.rows if archive.note_stored(connection, entry, stored) else 0
