"""The windows that sessions of a symbol are evaluated on when a bar of a minute has come: of these bars, of longer ones that are completed with it, or of days;
beside shorter bars stand the days before today, where a strategy looks at them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from stratforge.market import BarColumns
from stratforge.market.resampling import RECENT, TIMEFRAME_OF, decided_bars, opens_day, waiting
from stratforge.storage.market import daily_bars, market_data
from stratforge.storage.market.daily_bars import SeenDays
from stratforge.storage.postgres.database import Connection
from stratforge.storage.strategies.evaluations import Outcome, RunningSession
from stratforge.strategy.lookback import DAY_MINUTES, day_window_length, days_shown, own_window, window_length

# What each session's strategy says on the last bar of a window; raises when the sandbox did not answer for all of them.
Sandbox = Callable[[BarColumns, Sequence[RunningSession]], list[Outcome]]


@dataclass(frozen=True, slots=True)
class Seen:
    """The bars of a symbol that there are when one of a minute has come.

    Attributes:
        minutes: The bars up to it.
        days: The days before its day, where a session decides on them now or looks at them; None where they are not all read yet.
        days_asked: How many days back were asked for: where there are fewer, there are no more.
    """

    minutes: BarColumns
    days: SeenDays | None = None
    days_asked: int = 0


def seen_with(connection: Connection, symbol: str, at: datetime, sessions: Sequence[RunningSession]) -> Seen:
    """Reads what sessions need of a symbol with the bar of a minute at a time: for those that wait for a longer bar the last few minutes."""
    if all(each.bar_minutes == 1 for each in sessions):
        minutes = market_data.trailing_window(connection, symbol, at, longest_window(sessions))
        return with_days(connection, symbol, minutes, sessions)
    recent = market_data.trailing_window(connection, symbol, at, RECENT)
    decided = {each for each in {session.bar_minutes for session in sessions} if not waits(recent, each)}
    deciding = [each for each in sessions if each.bar_minutes in decided]
    minutes = market_data.trailing_window(connection, symbol, at, max(RECENT, longest_window(deciding)))
    return with_days(connection, symbol, minutes, deciding)


def with_days(connection: Connection, symbol: str, minutes: BarColumns, sessions: Sequence[RunningSession]) -> Seen:
    """The same with the days before, if any of these sessions decides on days, or looks at them, with the last of these minutes."""
    length = max((each.day_length for each in by_window(sessions) if not waits(minutes, each.bar_minutes)), default=0)
    if not length or not len(minutes):
        return Seen(minutes)
    today = daily_bars.exchange_day(symbol, datetime.fromtimestamp(int(minutes.time[-1]), UTC))
    history = daily_bars.histories_of(connection, [symbol]).get(symbol)
    if history is None or not history.ready(today):
        return Seen(minutes)
    # With the first minute of a day longer bars of the day before may be decided on, which look back from there.
    return Seen(minutes, daily_bars.days_of_edition(connection, history, today, length + 1), history.days)


@dataclass(frozen=True, slots=True)
class Window:
    """The bars, and the days, that the strategy of a session is evaluated on.

    Attributes:
        length: Bars of a minute that it needs; of days the days.
        bar_minutes: The length of the bars that it decides on.
        days: Days that it looks at beside shorter bars; None where it does not.
    """

    length: int
    bar_minutes: int
    days: int | None = None

    @classmethod
    def of(cls, lookback: int, bar_minutes: int, day_lookback: int) -> Window:
        """The window by the lookbacks that are stored of a strategy."""
        return cls(window_length(lookback), bar_minutes, day_window_length(day_lookback) if day_lookback else None)

    @property
    def day_length(self) -> int:
        """Returns how many days it needs in all: those that it decides on, or those that it looks at beside its bars."""
        return self.length if self.bar_minutes == DAY_MINUTES else self.days or 0


def by_window(sessions: Sequence[RunningSession]) -> dict[Window, list[RunningSession]]:
    """Sessions by what they are evaluated on."""
    groups: dict[Window, list[RunningSession]] = defaultdict(list)
    for each in sessions:
        if each.lookback is not None:
            groups[Window.of(each.lookback, each.bar_minutes, each.day_lookback)].append(each)
    return groups


def longest_window(sessions: Sequence[RunningSession]) -> int:
    """The bars of a minute that the most demanding of sessions needs."""
    return max((RECENT if each.bar_minutes == DAY_MINUTES else each.length for each in by_window(sessions)), default=1)


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
    return minutes or _missing_days(seen, window.day_length)


def _missing_days(seen: Seen, length: int) -> int:
    if not length:
        return 0
    if seen.days is None:
        return length
    # Whoever has no more days has them all.
    return 0 if len(seen.days.bars) and seen.days_asked >= length else max(0, length - len(seen.days.bars))


def run(sandbox: Sandbox, seen: Seen, sessions: Sequence[RunningSession]) -> Iterator[Outcome]:
    """Evaluates sessions; those that wait for a longer bar say so, and those whose window is not there have no outcome."""
    for window, group in by_window(sessions).items():
        if waits(seen.minutes, window.bar_minutes):
            yield from (Outcome(each, each.state, waits=True) for each in group)
        elif missing(seen, window):
            continue
        elif window.bar_minutes == DAY_MINUTES:
            assert seen.days is not None
            edition = seen.days.edition
            yield from (replace(each, edition=edition) for each in sandbox(seen.days.bars.tail(window.length), group))
        else:
            yield from _beside_days(sandbox, seen, window, group)


def _beside_days(sandbox: Sandbox, seen: Seen, window: Window, group: Sequence[RunningSession]) -> Iterator[Outcome]:
    bars = seen.minutes.tail(window.length)
    if window.days is not None:
        assert seen.days is not None
        bars = replace(bars, days=seen.days.bars.tail(days_shown(window.days, window.bar_minutes)))
    said = (
        sandbox(bars, group) if window.bar_minutes == 1 else _on_longer_bars(sandbox, bars, window.bar_minutes, group)
    )
    edition = None if bars.days is None or seen.days is None else seen.days.edition
    for each in said:
        yield each if edition == each.session.day_edition else replace(each, edition=edition)


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
