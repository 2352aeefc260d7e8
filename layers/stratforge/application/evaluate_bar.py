"""Evaluate a bar: store it, run the sessions that wait for it, write what they say, wake the executor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from stratforge.market import Bar, BarColumns
from stratforge.storage.ledger import symbols
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import evaluations
from stratforge.storage.strategies.evaluations import Outcome, RunningSession
from stratforge.strategy.lookback import window_length

# What each session's strategy says on the last bar of a window; raises when the sandbox did not answer for all of them.
Sandbox = Callable[[BarColumns, Sequence[RunningSession]], list[Outcome]]
# Wakes the executor for a symbol; the same cause does so once within five minutes. The last is when the bar came into its queue.
WakeExecutor = Callable[[str, str, datetime | None], None]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The result of evaluating a bar: sessions evaluated, new signals, and strategies that failed."""

    sessions: int
    signals: int
    failures: int


def evaluate_bar(
    database: Database,
    sandbox: Sandbox,
    wake_executor: WakeExecutor,
    bar: Bar,
    shard: int,
    arrived_at: datetime | None = None,
) -> Evaluated:
    """Evaluates the sessions of a shard on a finished bar. Doing it again changes nothing: sessions remember the last bar they saw."""
    with database.transaction() as connection:
        market_data.add_bars(connection, [bar])
        market_data.set_bar_price(connection, bar)
        sessions = evaluations.sessions_awaiting(connection, bar.symbol, shard, bar.time)
        by_window = _by_window_length(sessions)
        longest = market_data.trailing_window(connection, bar.symbol, bar.time, max(by_window, default=1))
    bar_before = datetime.fromtimestamp(int(longest.time[-2]), UTC) if len(longest) > 1 else None
    outcomes: list[Outcome] = []
    for length, group in by_window.items():
        if len(longest) >= length:
            outcomes += sandbox(longest.tail(length), group)
    with database.transaction() as connection:
        for length, group in by_window.items():
            # Without its whole window a strategy would see other values than in its backtest: it waits for the history, and its owner is told.
            if len(longest) < length:
                evaluations.note_missing_bars(connection, [each.session_id for each in group], length - len(longest))
        signals = evaluations.record_outcomes(connection, bar.symbol, bar.time, outcomes, bar_before)
        # Also true when an earlier delivery of this bar wrote signals and died before it could wake the executor.
        waiting = symbols.has_work(connection, bar.symbol, new_price=True)
    if waiting:
        wake_executor(bar.symbol, f"bar-{bar.time:%Y%m%dT%H%M%SZ}-{shard}", arrived_at)
    return Evaluated(len(outcomes), signals, sum(outcome.error is not None for outcome in outcomes))


def correct_bar(database: Database, bar: Bar) -> bool:
    """Replaces the prices of a stored bar that the vendor corrected; it is not evaluated again. False when nothing changed."""
    with database.transaction() as connection:
        return market_data.correct_bar(connection, bar)


def _by_window_length(sessions: Sequence[RunningSession]) -> dict[int, list[RunningSession]]:
    groups: dict[int, list[RunningSession]] = defaultdict(list)
    for session in sessions:
        groups[window_length(session.lookback)].append(session)
    return groups
