"""Lookbacks that another edition of the language measured are measured again, before a session is evaluated on them.

Sessions outlive editions. Whoever meets a stale lookback first measures it, with no transaction open and within a bounded time, and notes
it for everybody; a migration that compiles all code there is would keep every session waiting.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies.evaluations import Outcome, RunningSession
from stratforge.storage.strategies.strategies import note_lookbacks
from stratforge.strategy import StrategyError
from stratforge.strategy.lookback import Lookbacks
from stratforge.strategy.rotation import compile_any

# Of one bar: measuring takes less than a second for any source, and next to nothing for most.
MEASURING_SECONDS = 5.0


def with_lookbacks(
    database: Database, sessions: Sequence[RunningSession], seconds: float = MEASURING_SECONDS
) -> tuple[list[RunningSession], list[Outcome]]:
    """The sessions, each with a lookback of this edition.

    Returns:
        Those that can be evaluated, and the outcomes of those whose code this edition refuses. What the time did not suffice for is in
        neither: nothing counts against it, and the next bar goes on from there.
    """
    known: list[RunningSession] = []
    refused: list[Outcome] = []
    measured: dict[str, Lookbacks] = {}
    until = time.monotonic() + seconds
    for each in sessions:
        if each.lookback is not None:
            known.append(each)
        elif each.source_hash in measured:
            known.append(_with(each, measured[each.source_hash]))
        elif time.monotonic() < until:
            found = _measure(each.python_code, each.source_hash)
            if isinstance(found, str):
                refused.append(Outcome(each, each.state, error=found))
            else:
                measured[each.source_hash] = found
                known.append(_with(each, found))
    if measured:
        with database.transaction() as connection:
            note_lookbacks(connection, measured)
    return known, refused


def lookback_of(database: Database, source: str, source_hash: str) -> Lookbacks | str:
    """The lookbacks of a source by this edition, noted for everybody; or why it has none."""
    found = _measure(source, source_hash)
    if isinstance(found, str):
        return found
    with database.transaction() as connection:
        note_lookbacks(connection, {source_hash: found})
    return found


def _with(session: RunningSession, measured: Lookbacks) -> RunningSession:
    others = {symbol: each._asdict() for symbol, each in measured.others.items()}
    return replace(session, lookback=measured.bars, day_lookback=measured.days, others=others or None)


@lru_cache(maxsize=4_096)
def _measure(source: str, source_hash: str) -> Lookbacks | str:
    """The lookback of a source by this edition, or why it has none; a refusal is remembered too."""
    try:
        strategy = compile_any(source)
        if strategy.source_hash != source_hash:
            return "the source is not the one that was checked"
        return strategy.lookbacks
    except StrategyError as error:
        return str(error)[:500]
