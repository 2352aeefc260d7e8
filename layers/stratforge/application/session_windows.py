"""The windows that sessions of a symbol are evaluated on when a bar of a minute has come: of these bars, of longer ones that are completed with it, or of days;
beside shorter bars stand the days before today, where a strategy looks at them, and beside all of them the bars of other symbols that it looks at."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby
from uuid import UUID

from stratforge.application.watch_market import jumped_symbols
from stratforge.market import BarColumns
from stratforge.market.resampling import RECENT, TIMEFRAME_OF, decided_bars, opens_day, waiting
from stratforge.storage.market import daily_bars, market_data
from stratforge.storage.market.daily_bars import SeenDays
from stratforge.storage.postgres.database import Connection
from stratforge.storage.strategies import evaluations, other_bars
from stratforge.storage.strategies.evaluations import Outcome, RunningSession, SeenOfOthers
from stratforge.storage.strategies.other_bars import OtherMinutes
from stratforge.strategy.lookback import (
    DAY_MINUTES,
    MAX_TOGETHER,
    OfOther,
    day_window_length,
    days_shown,
    own_window,
    window_length,
)

# What each session's strategy says on the last bar of a window; raises `SandboxFailed` when the sandbox did not answer for all of them.
Sandbox = Callable[[BarColumns, Sequence[RunningSession]], list[Outcome]]


class SandboxFailed(RuntimeError):
    """The sandbox itself failed with what it was asked."""


class SandboxUnavailable(SandboxFailed):
    """The sandbox did not answer: whoever was asked for has nothing to do with it."""


class PatientSandbox:
    """A sandbox that fails those alone with whom it fails: they have no outcome, and all others theirs.

    Attributes:
        answered: Whether it answered for anybody.
        unanswered: The sessions with which it failed, and for which it did not answer since.
        blamed: The sessions against which that counted: a failure of its own may last for seconds, so it counts once.
        error: The first failure; None while there was none.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._failed: list[tuple[RunningSession, SandboxFailed]] = []
        self.answered = False
        self.unanswered: set[UUID] = set()
        self.blamed: set[UUID] = set()
        self.error: SandboxFailed | None = None

    def __call__(self, window: BarColumns, sessions: Sequence[RunningSession]) -> list[Outcome]:
        """The outcomes; none where it failed."""
        try:
            found = self._sandbox(window, sessions)
        except SandboxFailed as error:
            self._failed += [(each, error) for each in sessions]
            self.unanswered.update(each.session_id for each in sessions)
            self.error = self.error or error
            return []
        self.answered = True
        self.unanswered.difference_update(each.session_id for each in sessions)
        return found

    def failed(self) -> list[tuple[RunningSession, SandboxFailed]]:
        """With whom it failed since it was asked this last, and how."""
        failed, self._failed = self._failed, []
        return failed

    def blame(self, alone: Sequence[tuple[RunningSession, SandboxFailed]]) -> list[Outcome]:
        """The outcomes of sessions with which it failed again when they were alone: while it answers for others it is for them that it fails."""
        if not self.answered:
            return []
        self.blamed.update(each.session_id for each, _ in alone)
        self.unanswered -= self.blamed
        return [Outcome(each, each.state, error=str(error)[:500]) for each, error in alone]


@dataclass(frozen=True, slots=True)
class OtherSeen:
    """The bars that there are of another symbol when a bar of a minute has come.

    Attributes:
        minutes: Its bars of a minute; None where none are looked at, or there are none.
        last: The last of them that had ended when that minute began, in seconds since the epoch; None where there is none.
        days: Its days before today, where they are looked at; None where they are not all read yet.
        days_asked: How many days back were asked for.
        jumped: Whether its price jumped for no reason that is known, so that an operator has to look at it first.
    """

    minutes: OtherMinutes | None = None
    last: int | None = None
    days: SeenDays | None = None
    days_asked: int = 0
    jumped: bool = False

    def bars(self, symbol: str, minutes: BarColumns, needed: OfOther, bar_minutes: int) -> BarColumns:
        """The bars of it that a session sees which decides with the last of these minutes."""
        length = other_bars.days_length(needed, bar_minutes)
        days = self.days.bars.tail(length) if length and self.days is not None else None
        if days is not None and bar_minutes == DAY_MINUTES:
            return days
        if self.minutes is None or not needed.bars:
            return other_bars.days_alone(days, symbol)
        first = other_bars.begins(minutes, needed, bar_minutes)
        return other_bars.with_days(self.minutes.seen(first, needed.bars, self.last), days)

    def missing(self, seen: BarColumns, minutes: BarColumns, needed: OfOther, bar_minutes: int) -> int:
        """Counts the bars or days that are missing of what a session needs that decides with the last of these minutes and sees these bars of it."""
        if self.jumped:
            return 1
        if bar_minutes == DAY_MINUTES:
            return _missing_days(self.days, self.days_asked, window_length(needed.bars + needed.back))
        if lacking := _missing_days(self.days, self.days_asked, day_window_length(needed.days) if needed.days else 0):
            return lacking
        if not needed.bars or not len(minutes):
            return 0
        return other_bars.lacking(seen, other_bars.begins(minutes, needed, bar_minutes), needed.bars)

    def news(self, known: int | None, needed: OfOther, bar_minutes: int, at: int) -> dict[str, int | None]:
        """Tells what does not follow from the time of the bar, for whoever saw the days in a known edition before."""
        said: dict[str, int | None] = {}
        if needed.bars and bar_minutes < DAY_MINUTES and self.last != at - other_bars.MINUTE:
            said["last"] = self.last
        if other_bars.days_length(needed, bar_minutes) and self.days is not None and self.days.edition != known:
            said["edition"] = self.days.edition
        return said


@dataclass(frozen=True, slots=True)
class Seen:
    """The bars of a symbol that there are when one of a minute has come.

    Attributes:
        minutes: The bars up to it.
        days: The days before its day, where a session decides on them now or looks at them; None where they are not all read yet.
        days_asked: How many days back were asked for: where there are fewer, there are no more.
        others: The other symbols that sessions look at.
    """

    minutes: BarColumns
    days: SeenDays | None = None
    days_asked: int = 0
    others: Mapping[str, OtherSeen] = field(default_factory=dict)


def seen_with(connection: Connection, symbol: str, at: datetime, sessions: Sequence[RunningSession]) -> Seen:
    """Reads what sessions need of a symbol with the bar of a minute at a time: for those that wait for a longer bar the last few minutes."""
    if all(each.bar_minutes == 1 for each in sessions):
        minutes = market_data.trailing_window(connection, symbol, at, longest_window(sessions))
        return with_beside(connection, symbol, minutes, sessions)
    decided = deciding(market_data.trailing_window(connection, symbol, at, RECENT), sessions)
    minutes = market_data.trailing_window(connection, symbol, at, max(RECENT, longest_window(decided)))
    return with_beside(connection, symbol, minutes, decided)


def with_beside(connection: Connection, symbol: str, minutes: BarColumns, sessions: Sequence[RunningSession]) -> Seen:
    """The same with the days before and the bars of other symbols, as far as these sessions look at them with the last of these minutes."""
    windows = [each for each in by_window(sessions) if not waits(minutes, each.bar_minutes)]
    if not len(minutes) or not any(each.day_length or each.others for each in windows):
        return Seen(minutes)
    at = datetime.fromtimestamp(int(minutes.time[-1]), UTC)
    # With the first minute of a day longer bars of the day before may be decided on, which look back from there.
    lengths = {symbol: max((each.day_length + 1 for each in windows if each.day_length), default=0)}
    wanted: dict[str, list[tuple[OfOther, int]]] = defaultdict(list)
    for window in windows:
        for other, needed in window.others:
            wanted[other].append((needed, window.bar_minutes))
    for other, each in wanted.items():
        looked_at = (other_bars.days_length(needed, bar_minutes) for needed, bar_minutes in each)
        lengths[other] = max(lengths.get(other, 0), *looked_at)
    days = _days_before(connection, at, {name: length for name, length in lengths.items() if length})
    own, asked = days.get(symbol, (None, 0))
    jumped = jumped_symbols(connection) if wanted else frozenset()
    others = {
        other: OtherSeen(jumped=True)
        if other in jumped
        else _other(connection, other, minutes, each, days.get(other, (None, 0)))
        for other, each in wanted.items()
    }
    return Seen(minutes, own, asked, others)


def _days_before(connection: Connection, at: datetime, lengths: Mapping[str, int]) -> dict[str, tuple[SeenDays, int]]:
    """The last days of symbols before the day of a time, of those whose days are all read; and how many were asked for."""
    found, histories = {}, daily_bars.histories_of(connection, list(lengths)) if lengths else {}
    for symbol, history in histories.items():
        today = daily_bars.exchange_day(symbol, at)
        if history.ready(today):
            days = daily_bars.days_of_edition(connection, history, today, lengths[symbol])
            found[symbol] = days, history.days
    return found


def _other(
    connection: Connection,
    symbol: str,
    minutes: BarColumns,
    wanted: Sequence[tuple[OfOther, int]],
    days: tuple[SeenDays | None, int],
) -> OtherSeen:
    """What there is of another symbol, for all who look at it."""
    looking = [each for each in wanted if each[0].bars and each[1] < DAY_MINUTES]
    at = datetime.fromtimestamp(int(minutes.time[-1]), UTC)
    before = evaluations.bar_before(connection, symbol, at) if looking else None
    if before is None:
        return OtherSeen(None, None, *days)
    last = int(before.timestamp())
    first = min(other_bars.begins(minutes, needed, bar_minutes) for needed, bar_minutes in looking)
    most = max(needed.bars for needed, _ in looking)
    return OtherSeen(OtherMinutes.read(connection, symbol, first, most, last), last, *days)


@dataclass(frozen=True, slots=True)
class Window:
    """The bars, and the days, that the strategy of a session is evaluated on.

    Attributes:
        length: Bars of a minute that it needs; of days the days.
        bar_minutes: The length of the bars that it decides on.
        days: Days that it looks at beside shorter bars; None where it does not.
        others: The other symbols that it looks at, and what it needs of each.
    """

    length: int
    bar_minutes: int
    days: int | None = None
    others: tuple[tuple[str, OfOther], ...] = ()

    @classmethod
    def of(
        cls, lookback: int, bar_minutes: int, day_lookback: int, others: tuple[tuple[str, OfOther], ...] = ()
    ) -> Window:
        """The window by the lookbacks that are stored of a strategy."""
        days = day_window_length(day_lookback) if day_lookback else None
        return cls(window_length(lookback), bar_minutes, days, others)

    @property
    def day_length(self) -> int:
        """Returns how many days it needs in all: those that it decides on, or those that it looks at beside its bars."""
        return self.length if self.bar_minutes == DAY_MINUTES else self.days or 0

    @property
    def beside(self) -> tuple[int, tuple[str, ...]]:
        """Returns about how many bars and days of other symbols it sees, and which symbols these are."""
        most = sum(each.window + (day_window_length(each.days) if each.days else 0) for _, each in self.others)
        return most, tuple(sorted(symbol for symbol, _ in self.others))


def by_window(sessions: Sequence[RunningSession]) -> dict[Window, list[RunningSession]]:
    """Sessions by what they are evaluated on."""
    groups: dict[Window, list[RunningSession]] = defaultdict(list)
    for each in sessions:
        if each.lookback is not None:
            groups[Window.of(each.lookback, each.bar_minutes, each.day_lookback, each.looked_at)].append(each)
    return groups


def in_turn(sessions: Sequence[RunningSession], number: int = 0) -> list[list[RunningSession]]:
    """Sessions that look at other symbols, in the order in which they are evaluated, those together that look at the same ones as far back.

    So no more is in memory than one strategy may look at. Of each owner the cheap ones come first, and next is whoever has had fewest: however many others somebody looks at,
    everybody else waits for one of his turns. With another number another one begins of those who have had as many: time that is always over after the first would be that of the same one for ever.
    """
    had: Counter[UUID] = Counter()
    turns = []
    for window, group in sorted(by_window(sessions).items(), key=lambda each: each[0].beside):
        owners = {each.user_id for each in group}
        turns.append(((min(had[each] for each in owners), *window.beside), group))
        had.update(owners)
    turns.sort(key=lambda each: each[0])
    sets = [
        (key[0], [each for _, group in alike for each in group]) for key, alike in groupby(turns, lambda each: each[0])
    ]
    found: list[list[RunningSession]] = []
    for _, alike_often in groupby(sets, lambda each: each[0]):
        of_rank = [each for _, each in alike_often]
        first = number % len(of_rank)
        found += of_rank[first:] + of_rank[:first]
    return found


def apart(sessions: Sequence[RunningSession]) -> list[list[RunningSession]]:
    """Sessions that failed together as they are tried again: halves, nobody's own in both while there are others; one alone as it is."""
    if len(sessions) == 1:
        return [list(sessions)]
    owned = sorted(sessions, key=lambda each: (each.user_id, each.session_id))
    middle = len(owned) // 2
    # Between two owners, the nearest there is to the middle.
    between = [place for place in range(1, len(owned)) if owned[place - 1].user_id != owned[place].user_id]
    place = min(between, key=lambda each: abs(each - middle), default=middle)
    return [owned[:place], owned[place:]]


def longest_window(sessions: Sequence[RunningSession]) -> int:
    """The bars of a minute that the most demanding of sessions needs."""
    return max((RECENT if each.bar_minutes == DAY_MINUTES else each.length for each in by_window(sessions)), default=1)


def deciding(minutes: BarColumns, sessions: Sequence[RunningSession]) -> list[RunningSession]:
    """The sessions that have a bar to decide on with the last of these bars of a minute."""
    lengths = {each for each in {session.bar_minutes for session in sessions} if not waits(minutes, each)}
    return [each for each in sessions if each.bar_minutes in lengths]


def waits(minutes: BarColumns, bar_minutes: int) -> bool:
    """Returns whether a session on bars of this length has none to decide on with the last of these bars of a minute."""
    if bar_minutes == DAY_MINUTES:
        return not opens_day(minutes)
    return bar_minutes > 1 and waiting(minutes.tail(RECENT), TIMEFRAME_OF[bar_minutes]) is None


def missing(seen: Seen, window: Window) -> int:
    """Counts the bars that are missing of a window, or else the days; without all of it a strategy would see other values than in its backtest."""
    if waits(seen.minutes, window.bar_minutes):
        return 0
    minutes = 0 if window.bar_minutes == DAY_MINUTES else max(0, window.length - len(seen.minutes))
    own = minutes or _missing_days(seen.days, seen.days_asked, window.day_length)
    if own or not window.others:
        return own
    lacking, together = 0, window.length
    for symbol, needed in window.others:
        other = seen.others.get(symbol, OtherSeen())
        bars = other.bars(symbol, seen.minutes, needed, window.bar_minutes)
        lacking = max(lacking, other.missing(bars, seen.minutes, needed, window.bar_minutes))
        together += len(bars)
    # Where its own bars lie so far apart that it would see too many of the others', it waits as well.
    return lacking or max(0, together - MAX_TOGETHER)


def _missing_days(days: SeenDays | None, asked: int, length: int) -> int:
    if not length:
        return 0
    if days is None:
        return length
    # Whoever has no more days has them all.
    return 0 if len(days.bars) and asked >= length else max(0, length - len(days.bars))


def _others(seen: Seen, window: Window) -> dict[str, BarColumns]:
    """The bars of other symbols that sessions of a window see."""
    return {
        symbol: seen.others[symbol].bars(symbol, seen.minutes, needed, window.bar_minutes)
        for symbol, needed in window.others
        if symbol in seen.others
    }


def _news(seen: Seen, window: Window, session: RunningSession) -> SeenOfOthers | None:
    """What a session saw of other symbols that does not follow from its bar and from what it saw before."""
    known, at = session.other_editions or {}, int(seen.minutes.time[-1])
    said = {
        symbol: seen.others[symbol].news(known.get(symbol), needed, window.bar_minutes, at)
        for symbol, needed in window.others
    }
    return {symbol: each for symbol, each in said.items() if each} or None


def run(sandbox: Sandbox, seen: Seen, sessions: Sequence[RunningSession]) -> Iterator[Outcome]:
    """Evaluates sessions; those that wait for a longer bar say so, and those whose window is not there have no outcome."""
    for window, group in by_window(sessions).items():
        if waits(seen.minutes, window.bar_minutes):
            yield from (Outcome(each, each.state, waits=True) for each in group)
        elif missing(seen, window):
            continue
        elif window.bar_minutes == DAY_MINUTES:
            assert seen.days is not None
            edition, days = seen.days.edition, seen.days.bars.tail(window.length)
            if window.others:
                days = replace(days, others=_others(seen, window))
            for each in sandbox(days, group):
                yield replace(each, edition=edition, others=_news(seen, window, each.session))
        else:
            yield from _on_minutes(sandbox, seen, window, group)


def _on_minutes(sandbox: Sandbox, seen: Seen, window: Window, group: Sequence[RunningSession]) -> Iterator[Outcome]:
    bars = seen.minutes.tail(window.length)
    if window.days is not None:
        assert seen.days is not None
        bars = replace(bars, days=seen.days.bars.tail(days_shown(window.days, window.bar_minutes)))
    if window.others:
        bars = replace(bars, others=_others(seen, window))
    said = (
        sandbox(bars, group) if window.bar_minutes == 1 else _on_longer_bars(sandbox, bars, window.bar_minutes, group)
    )
    edition = None if bars.days is None or seen.days is None else seen.days.edition
    for each in said:
        others = _news(seen, window, each.session) if window.others else None
        known = edition == each.session.day_edition
        yield each if known and others is None else replace(each, edition=None if known else edition, others=others)


def _on_longer_bars(
    sandbox: Sandbox, window: BarColumns, minutes: int, group: Sequence[RunningSession]
) -> Iterator[Outcome]:
    lengths: dict[int, list[RunningSession]] = defaultdict(list)
    for each in group:
        assert each.lookback is not None
        lengths[own_window(each.lookback, minutes)].append(each)
    for length, alike in lengths.items():
        decided = decided_bars(window, TIMEFRAME_OF[minutes], length)
        assert decided is not None
        yield from sandbox(decided, alike)
