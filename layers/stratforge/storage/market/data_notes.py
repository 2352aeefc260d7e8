"""Notes of market data that the platform does not get at present, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all


class NoteKind(StrEnum):
    """The kinds of data that may be missing."""

    NO_LIVE_PRICES = (
        "NO_LIVE_PRICES"  # Trades and quotes of a symbol: stops and limits are woken by its bars, once a minute.
    )
    NO_HISTORY = "NO_HISTORY"  # Past bars of a symbol: sessions on it wait.
    FUTURE_BARS = "FUTURE_BARS"  # The last bar of a symbol that came was dated in the future; it was not taken.
    STREAM_REFUSED = "STREAM_REFUSED"  # The vendor refused what was asked of a stream.


@dataclass(frozen=True, slots=True)
class DataNote:
    """A thing that is missing; `symbol` is `*` for a whole stream."""

    symbol: str
    kind: NoteKind
    detail: str


@dataclass(frozen=True, slots=True)
class StoredNote:
    """A thing that is missing, and since when; `symbol` is `*` for a whole stream."""

    symbol: str
    kind: NoteKind
    detail: str
    noted_at: datetime


def replace_notes(connection: Connection, notes: Sequence[DataNote]) -> None:
    """Makes these the notes; one that was there before keeps its time."""
    symbols, kinds = [each.symbol for each in notes], [each.kind for each in notes]
    connection.execute(
        "DELETE FROM market_data_notes WHERE (symbol, kind) NOT IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
        (symbols, kinds),
    )
    connection.execute(
        """
        INSERT INTO market_data_notes (symbol, kind, detail) SELECT * FROM unnest(%s::text[], %s::text[], %s::text[])
        ON CONFLICT DO NOTHING
        """,
        (symbols, kinds, [each.detail[:500] for each in notes]),
    )


def list_notes(connection: Connection, symbols: Sequence[str] | None = None) -> list[StoredNote]:
    """The notes, or those that concern any of some symbols."""
    query = """
        SELECT symbol, kind, detail, noted_at FROM market_data_notes WHERE %(symbols)s::text[] IS NULL OR symbol = ANY(%(symbols)s)
        ORDER BY symbol, kind LIMIT 1000
    """
    return fetch_all(connection, StoredNote, query, {"symbols": None if symbols is None else [*symbols, "*"]})
