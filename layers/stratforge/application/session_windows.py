"""The windows that sessions of a symbol are evaluated on when a bar of a minute has come: of these bars, of longer ones that are completed with it, or of days."""

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
from stratforge.strategy.lookback import DAY_MINUTES, own_window, window_length

# What each session's strategy says on the last bar of a window; raises when the sandbox did not answer for all of them.
Sandbox = Callable[[BarColumns, Sequence[RunningSession]], list[Outcome]]


@dataclass(frozen=True, slots=True)
class Seen:
    """The bars of a symbol that there are when one of a minute has come.

    Attributes:
        minutes: The bars up to it.
        days: The days before its day, where a session decides on them now; None where they are not all read yet.
        days_asked: How many days back were asked for: where there are fewer, there are no more.
    """

    minutes: BarColumns
    days: SeenDays | None = None
    days_asked: int = 0


def seen_with(connection: Connection, symbol: str, at: datetime, sessions: Sequence[RunningSession]) -> Seen:
    """Reads what sessions need of a symbol with the bar of a minute at a time: for those that wait for a longer bar the last few minutes."""
    if all(each.bar_minutes == 1 for each in sessions):
        return Seen(market_data.trailing_window(connection, symbol, at, longest_window(sessions)))
    recent = market_data.trailing_window(connection, symbol, at, RECENT)
    deciding = [each for each in sessions if not waits(recent, each.bar_minutes)]
    minutes = market_data.trailing_window(connection, symbol, at, max(RECENT, longest_window(deciding)))
    return with_days(connection, symbol, minutes, deciding)


def with_days(connection: Connection, symbol: str, minutes: BarColumns, sessions: Sequence[RunningSession]) -> Seen:
    """The same with the days before, if any of these sessions decides on days with the last of these minutes."""
    length = max((window for window, bars in by_window(sessions) if bars == DAY_MINUTES), default=0)
    if not length or not opens_day(minutes):
        return Seen(minutes)
    today = daily_bars.exchange_day(symbol, datetime.fromtimestamp(int(minutes.time[-1]), UTC))
    history = daily_bars.histories_of(connection, [symbol]).get(symbol)
    if history is None or history.through < today:
        return Seen(minutes)
    return Seen(minutes, daily_bars.days_before(connection, {symbol: today}, length)[symbol], history.days)


def by_window(sessions: Sequence[RunningSession]) -> dict[tuple[int, int], list[RunningSession]]:
    """Sessions by the bars of a minute that they need (of days the days), and by the length of the bars that they decide on."""
    groups: dict[tuple[int, int], list[RunningSession]] = defaultdict(list)
    for session in sessions:
        if session.lookback is not None:
            groups[window_length(session.lookback), session.bar_minutes].append(session)
    return groups


def longest_window(sessions: Sequence[RunningSession]) -> int:
    """The bars of a minute that the most demanding of sessions needs."""
    return max((RECENT if bars == DAY_MINUTES else length for length, bars in by_window(sessions)), default=1)


def waits(minutes: BarColumns, bar_minutes: int) -> bool:
    """Returns whether a session on bars of this length has none to decide on with the last of these bars of a minute."""
    if bar_minutes == DAY_MINUTES:
        return not opens_day(minutes)
    return bar_minutes > 1 and waiting(minutes.tail(RECENT), TIMEFRAME_OF[bar_minutes]) is None


def missing(seen: Seen, length: int, bar_minutes: int) -> int:
    """Counts the bars that are missing of a window; without all of it a strategy would see other values than in its backtest."""
    if waits(seen.minutes, bar_minutes):
        return 0
    if bar_minutes != DAY_MINUTES:
        return max(0, length - len(seen.minutes))
    if seen.days is None:
        return length
    # Whoever has no more days has them all.
    return 0 if len(seen.days.bars) and seen.days_asked >= length else length - len(seen.days.bars)


def run(sandbox: Sandbox, seen: Seen, sessions: Sequence[RunningSession]) -> Iterator[Outcome]:
    """Evaluates sessions; those that wait for a longer bar say so, and those whose window is not there have no outcome."""
    for (length, minutes), group in by_window(sessions).items():
        if waits(seen.minutes, minutes):
            yield from (Outcome(each, each.state, waits=True) for each in group)
        elif missing(seen, length, minutes):
            continue
        elif minutes == 1:
            yield from sandbox(seen.minutes.tail(length), group)
        elif minutes == DAY_MINUTES:
            assert seen.days is not None
            edition = seen.days.edition
            yield from (replace(each, edition=edition) for each in sandbox(seen.days.bars.tail(length), group))
        else:
            yield from _on_longer_bars(sandbox, seen.minutes.tail(length), minutes, group)


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
