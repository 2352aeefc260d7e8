"""Evaluate a bar: store it, run the sessions that wait for it, write what they say, wake the executor.

Bars are stored before they are published, so a message that gets lost is no bar that gets lost: a session that has not seen a stored bar is
brought up to date with the next one that comes, in order. Nothing is ordered on what it says about those.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from random import Random

from stratforge.application import session_windows
from stratforge.application.lookbacks import with_lookbacks
from stratforge.application.session_windows import (
    PatientSandbox,
    Sandbox,
    SandboxFailed,
    SandboxUnavailable,
    Seen,
    apart,
    in_turn,
    missing,
    seen_with,
    with_beside,
)
from stratforge.application.watch_market import note_bar
from stratforge.market import Bar, BarColumns
from stratforge.market.resampling import RECENT
from stratforge.market.timeliness import is_late
from stratforge.portfolio.reasons import Reason
from stratforge.storage.ledger import symbols
from stratforge.storage.market import clock, market_data
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import evaluations, replays
from stratforge.storage.strategies.evaluations import Outcome, Recorded, RunningSession

# Wakes the executor for a symbol; the same cause does so once within five minutes. The last is when the bar came into its queue.
WakeExecutor = Callable[[str, str, datetime | None], None]

# With whom the sandbox failed, and how.
Failed = Sequence[tuple[RunningSession, SandboxFailed]]

# Writes what sessions said that were evaluated together on what they saw.
Record = Callable[[Seen, Sequence[RunningSession], Sequence[Outcome]], Recorded]

# Bars that one message brings sessions forward that are equally far behind. What is left then is done with the next one.
_CATCH_UP_BARS = 200


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The result of evaluating a bar.

    Attributes:
        sessions: Sessions evaluated on the bar.
        signals: New signals.
        failures: Strategies that failed.
        missed: Evaluations on earlier bars, of sessions that had missed them.
        late: True if the bar came too late for anything to be ordered on it.
        unanswered: Sessions with which the sandbox failed, and of which nobody knows whether it is theirs: evaluated again they may still be in time, and see the bar before the next one anyway.
    """

    sessions: int
    signals: int
    failures: int
    missed: int = 0
    late: bool = False
    unanswered: int = 0


def evaluate_bar(
    database: Database,
    sandbox: Sandbox,
    wake_executor: WakeExecutor,
    bar: Bar,
    shard: int,
    arrived_at: datetime | None = None,
    *,
    shards: int = 1,
    catch_up_seconds: float = 10.0,
    looking_seconds: float = 20.0,
) -> Evaluated:
    """Evaluates the sessions of a shard on a finished bar. Doing it again changes nothing: sessions remember the last bar they saw.

    Those that are up to date come first, and what they say is executed; of these, those that look at other symbols come last, in turn and for at most `looking_seconds`: who has
    had no turn has missed the bar. With whomever the sandbox fails, the others are evaluated all the same; he is tried again apart, after all turns, and alone before it counts against him. After them, for at most `catch_up_seconds`, those that have missed stored bars see these and then the bar. Then sessions are moved to other
    shards where this one has too many, or is not needed any more: of the `shards` that bars are published for.

    Raises:
        SandboxFailed: if the sandbox answered for nobody, after everything else is done.
    """
    patient = PatientSandbox(sandbox)
    with database.transaction() as connection:
        market_data.add_bars(connection, [bar])
        note_bar(connection, bar)
        late = is_late(bar.time, clock.market_now(connection))
        awaiting = evaluations.sessions_awaiting(connection, bar.symbol, shard, bar.time)
        before = evaluations.bar_before(connection, bar.symbol, bar.time)
        ready = [each for each in awaiting if not _is_behind(each, before)]
        at_once = [each for each in ready if not each.others]
        seen = seen_with(connection, bar.symbol, bar.time, at_once)
    outcomes: list[Outcome] = []
    if any(each.lookback is None for each in at_once):
        at_once, outcomes = with_lookbacks(database, at_once)
        seen = _beside(database, bar.symbol, _window_as_of(database, bar, at_once), at_once)
    outcomes += session_windows.run(patient, seen, at_once)
    failed = patient.failed()
    recorded = _record(database, bar, seen, at_once, outcomes, late=late)
    cause = f"bar-{bar.time:%Y%m%dT%H%M%SZ}-{shard}"
    looking = [each for each in ready if each.others]
    if looking or failed:
        # However many other symbols are read for these, who looks at none is evaluated, and his signals are on their way.
        if recorded.signals:
            wake_executor(bar.symbol, f"{cause}-at-once", arrived_at)
        until = time.monotonic() + looking_seconds
        looking, refused = with_lookbacks(database, looking)
        window = _window_as_of(database, bar, [*looking, *(each for each, _ in failed)])
        turns = _Turns(database, patient, bar.symbol, window, partial(_record, database, bar, late=late))
        for turn, (said, more) in enumerate(turns.run(in_turn(looking), refused, until, failed)):
            recorded = Recorded(recorded.sessions + more.sessions, recorded.signals + more.signals)
            outcomes += said
            if more.signals:
                # Nobody's signals wait for what is read for others.
                wake_executor(bar.symbol, f"{cause}-turn-{turn}", arrived_at)
    # Who was shown another bar meanwhile, by somebody who came later to an earlier one, is behind now.
    overtaken = recorded.sessions < len(outcomes)
    missed = Evaluated(0, 0, 0)
    if overtaken or any(_is_behind(each, before) for each in awaiting):
        if recorded.signals:
            wake_executor(bar.symbol, f"{cause}-in-time", arrived_at)
        missed = _CatchUp(database, patient, bar, shard, late).run(catch_up_seconds)
    with database.transaction() as connection:
        # Also true when an earlier delivery of this bar wrote signals and died before it could wake the executor.
        waiting = symbols.has_work(connection, bar.symbol, new_price=True)
    if waiting:
        wake_executor(bar.symbol, cause, arrived_at)
    if shard > 0 or shards > 1:
        _move_sessions(database, sandbox, wake_executor, bar, shard, shards)
    if patient.error is not None and not patient.answered:
        raise patient.error
    failures = sum(outcome.error is not None for outcome in outcomes) + missed.failures
    return Evaluated(
        recorded.sessions + missed.sessions,
        recorded.signals + missed.signals,
        failures,
        missed.missed,
        late,
        len(patient.unanswered),
    )


def _window_as_of(database: Database, bar: Bar, sessions: Sequence[RunningSession]) -> BarColumns:
    """The bars of a minute that sessions need with the bar. What was corrected since it was noted is seen as it was by then, like the others' windows."""

    def window(length: int) -> BarColumns:
        found = [each for _, each in replays.windows_as_of(connection, bar.symbol, bar.time, bar.time, length)]
        return found[0] if found else BarColumns.from_bars([])

    with database.transaction() as connection:
        minutes = window(RECENT)
        if not len(minutes):
            # It filled a hole after later ones: nobody is evaluated on it.
            return minutes
        longest = session_windows.longest_window(session_windows.deciding(minutes, sessions))
        return window(longest) if longest > RECENT else minutes


def _beside(database: Database, symbol: str, minutes: BarColumns, sessions: Sequence[RunningSession]) -> Seen:
    with database.transaction() as connection:
        return with_beside(connection, symbol, minutes, sessions)


class _Turns:
    """Evaluates sessions with the last of some bars of a minute, turn by turn."""

    def __init__(
        self, database: Database, sandbox: PatientSandbox, symbol: str, minutes: BarColumns, record: Record
    ) -> None:
        self._database = database
        self._sandbox = sandbox
        self._symbol = symbol
        self._minutes = minutes
        self._record = record

    def run(
        self,
        turns: Sequence[Sequence[RunningSession]],
        refused: Sequence[Outcome],
        until: float,
        failed: Failed = (),
    ) -> Iterator[tuple[list[Outcome], Recorded]]:
        """Evaluates the sessions of each turn together, while there is time; those with whom the sandbox fails are tried again apart after all turns.

        Args:
            turns: The sessions.
            refused: The outcomes of those that cannot be evaluated, which are recorded with the first turn.
            until: When the time is over, by a clock of ours.
            failed: Sessions with whom the sandbox has failed already.

        Yields:
            Of each turn what was said, and what came of it.
        """
        said = list(refused)
        waiting: deque[tuple[Sequence[RunningSession], bool]] = deque((some, False) for some in turns or [[]])
        alone: list[tuple[RunningSession, SandboxFailed]] = []
        self._put_off(failed, waiting, alone, again=False)
        while waiting:
            some, again = waiting.popleft()
            seen = _beside(self._database, self._symbol, self._minutes, some)
            said += session_windows.run(self._sandbox, seen, some)
            self._put_off(self._sandbox.failed(), waiting, alone, again=again)
            yield said, self._record(seen, some, said)
            said = []
            if time.monotonic() > until:
                break
        blamed = self._sandbox.blame(alone)
        if blamed:
            yield blamed, self._record(Seen(self._minutes), [], blamed)

    @staticmethod
    def _put_off(
        failed: Failed,
        waiting: deque[tuple[Sequence[RunningSession], bool]],
        alone: list[tuple[RunningSession, SandboxFailed]],
        *,
        again: bool,
    ) -> None:
        """Has sessions wait with whom the sandbox failed, in halves, until it has failed `again` with one alone; those that it did not answer for wait together, and once."""
        silent = [each for each, error in failed if isinstance(error, SandboxUnavailable)]
        if silent and not again:
            waiting.append((silent, True))
        theirs = [(each, error) for each, error in failed if not isinstance(error, SandboxUnavailable)]
        if len(theirs) == 1 and again:
            alone += theirs
        elif theirs:
            waiting.extend((some, True) for some in apart([each for each, _ in theirs]))


def _record(
    database: Database,
    bar: Bar,
    seen: Seen,
    sessions: Sequence[RunningSession],
    outcomes: Sequence[Outcome],
    *,
    late: bool,
) -> Recorded:
    """Writes what sessions said on a bar; those whose window is not there wait, and their owners are told."""
    with database.transaction() as connection:
        for needed, group in session_windows.by_window(sessions).items():
            # Without its whole window a strategy would see other values than in its backtest.
            if lacking := missing(seen, needed):
                evaluations.note_missing_bars(connection, [each.session_id for each in group], lacking)
        return evaluations.record_outcomes(
            connection, bar.symbol, bar.time, outcomes, Reason.LATE_BAR if late else None
        )


def _move_sessions(
    database: Database, sandbox: Sandbox, wake_executor: WakeExecutor, bar: Bar, shard: int, shards: int
) -> None:
    """Moves sessions between two bars, where the next one has not come already. Whoever evaluates their new shard on the next bar sees them, unless that bar came while they were moved: then they are
    evaluated on it here, also when the first who tried to died of it."""
    with database.transaction() as connection:
        later = evaluations.bar_after(connection, bar.symbol, bar.time)
        if later is None:
            evaluations.move_sessions(connection, bar.symbol, shard, bar.time, shards)
    with database.transaction() as connection:
        later = evaluations.bar_after(connection, bar.symbol, bar.time)
        waiting = [] if later is None else evaluations.shards_that_saw(connection, bar.symbol, bar.time)

    def wake_again(symbol: str, cause: str, at: datetime | None) -> None:
        # Not what was said of the others of their new shard, which is the same message.
        wake_executor(symbol, f"{cause}-moved", at)

    for each in waiting:
        if later is not None and each != shard:
            evaluate_bar(database, sandbox, wake_again, later, each)


def correct_bar(database: Database, bar: Bar) -> bool:
    """Replaces the prices of a stored bar that the vendor corrected; it is not evaluated again. False when nothing changed."""
    with database.transaction() as connection:
        return market_data.correct_bar(connection, bar)


def _is_behind(session: RunningSession, bar_before: datetime | None) -> bool:
    """Returns whether a session that has begun has not seen the bar before the one that came."""
    return session.last_bar_time is not None and bar_before is not None and session.last_bar_time < bar_before


class _CatchUp:
    """Brings sessions that missed stored bars up to the bar that came."""

    def __init__(self, database: Database, sandbox: PatientSandbox, bar: Bar, shard: int, late: bool) -> None:
        self._database = database
        self._sandbox = sandbox
        self._bar = bar
        self._shard = shard
        self._late = late
        # Of the bar alone: another with every bar, and the same when it comes again.
        self._chance = Random(bar.time.timestamp())  # noqa: S311 - turns

    def run(self, seconds: float) -> Evaluated:
        """Evaluates them bar by bar, in order, as long as one message may take: who is less behind before who is more, so that one who gets no further keeps nobody. With which of them it begins is chance, so
        that nobody is kept by those who take all the time that there is, bar after bar."""
        until = time.monotonic() + seconds
        signals = failures = missed = sessions = 0
        with self._database.transaction() as connection:
            evaluations.note_missed_bars(connection, self._bar.symbol, self._shard, self._bar.time)
            last_seen = evaluations.last_bars_seen(connection, self._bar.symbol, self._shard, self._bar.time)
        first = self._chance.randrange(len(last_seen)) if last_seen else 0
        for last in last_seen[first:] + last_seen[:first]:
            for at, before, window in self._windows(last):
                with self._database.transaction() as connection:
                    awaiting = evaluations.sessions_awaiting(connection, self._bar.symbol, self._shard, at)
                # Who has missed more than the others meanwhile, or has failed, is left for the next message, so that nobody skips a bar.
                behind = [
                    each
                    for each in awaiting
                    if each.last_bar_time is not None
                    and each.last_bar_time >= before
                    and each.session_id not in self._sandbox.blamed
                ]
                outcomes, seen = self._see(at, window, behind, until)
                signals += seen.signals
                failures += seen.failures
                missed += seen.missed
                sessions += seen.sessions
                if not outcomes or time.monotonic() > until:
                    break
            if time.monotonic() > until:
                break
        return Evaluated(sessions, signals, failures, missed)

    def _see(
        self, at: datetime, window: BarColumns, behind: Sequence[RunningSession], until: float
    ) -> tuple[int, Evaluated]:
        """Evaluates sessions on one bar, those that look at other symbols in turn while there is time; how many outcomes there were, and what came of them."""
        now, symbol = at == self._bar.time, self._bar.symbol
        not_acted_on = None if now and not self._late else Reason.LATE_BAR

        def record(_seen: Seen, _sessions: Sequence[RunningSession], said: Sequence[Outcome]) -> Recorded:
            with self._database.transaction() as connection:
                return evaluations.record_outcomes(connection, symbol, at, said, not_acted_on)

        known, refused = with_lookbacks(self._database, behind)
        at_once = [each for each in known if not each.others]
        looking = in_turn([each for each in known if each.others], self._chance.randrange(1 << 16))
        turns = _Turns(self._database, self._sandbox, symbol, window, record)
        outcomes = signals = failures = seen = 0
        for said, recorded in turns.run([*([at_once] if at_once else ()), *looking], refused, until):
            outcomes += len(said)
            signals += recorded.signals
            failures += sum(each.error is not None for each in said)
            seen += recorded.sessions
        return outcomes, Evaluated(seen if now else 0, signals, failures, 0 if now else seen)

    def _windows(self, last: datetime) -> Iterator[tuple[datetime, datetime, BarColumns]]:
        """The bars after the one at `last` up to the one that came: their times, the bar before each, and their windows as they were in time."""
        with self._database.transaction() as connection:
            times = evaluations.bars_to_see(connection, self._bar.symbol, last, self._bar.time, _CATCH_UP_BARS)
            awaiting = evaluations.sessions_awaiting(connection, self._bar.symbol, self._shard, self._bar.time)
        if not times:
            return
        before = dict(zip(times, [last, *times[:-1]], strict=True))
        awaiting, _ = with_lookbacks(self._database, [each for each in awaiting if each.last_bar_time == last])
        with self._database.transaction() as connection:
            windows = replays.windows_as_of(
                connection, self._bar.symbol, min(before), max(before), session_windows.longest_window(awaiting)
            )
        for seconds, window in windows:
            at = datetime.fromtimestamp(seconds, UTC)
            yield at, before[at], window
