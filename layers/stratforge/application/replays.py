"""Comparing the signals of a live session with those that its recorded bars give."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import replays
from stratforge.strategy.replay import Difference, replay


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcome of evaluating a session's recorded bars again.

    Attributes:
        bars: How many recorded bars were evaluated.
        bars_evaluated: How many bars the session had seen.
        signals: How many signals it had given.
        differences: Bars on which the replay says something else; none are expected.
    """

    symbol: str
    bars: int
    bars_evaluated: int
    signals: int
    differences: list[Difference]

    @property
    def complete(self) -> bool:
        """True when every bar that the session saw is recorded; otherwise the replay proves nothing."""
        return self.bars == self.bars_evaluated


def compare_session(database: Database, session_id: UUID) -> Comparison | None:
    """Evaluates a session's recorded bars again; None if it has seen no bar. The database's role must see the session."""
    with database.transaction() as connection:
        session = replays.recorded_session(connection, session_id)
        if session is None:
            return None
    strategy = session.strategy()
    with database.transaction() as connection:
        signals = replays.recorded_signals(connection, session_id)
        bars = replays.recorded_bars(connection, session, strategy)
    count, differences = replay(strategy, bars, signals)
    return Comparison(session.symbol, count, session.bars_evaluated, len(signals), differences)
