"""The rules of a session's strategy on its last bar, or on an earlier one: what it waits for, and how far it is from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from stratforge.application.access import Caller, Scope
from stratforge.application.bars_beside import with_beside
from stratforge.application.errors import Conflict, existing
from stratforge.application.sessions import session_on_bars
from stratforge.market.resampling import TIMEFRAME_OF, latest_bars
from stratforge.storage.market import daily_bars, market_data
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.strategies import evaluations, replays
from stratforge.storage.strategies.sessions import StoredSession
from stratforge.strategy import PositionView, Strategy, compile_strategy, evaluate_last_bar
from stratforge.strategy.graph import Values
from stratforge.strategy.lookback import DAY_MINUTES, own_window, window_length
from stratforge.strategy.replay import Memory, RecordedBar
from stratforge.strategy.trace import Rule, Trace, Traced

# From the last checkpoint on a session is evaluated again: no farther than this, which takes about a second.
_MOST_EVALUATIONS = 5_000
# For since when a condition stands so many of the strategy's own bars before a bar are looked at, and no more bars of a minute than those take.
_BARS_BACK, _MINUTES_BACK = 60, 10_000
# A longer bar is decided on when it is complete: with its last minute, or with the first bar after it, beyond a long weekend.
_UNTIL_DECIDED = timedelta(days=5)


@dataclass(frozen=True, slots=True)
class SessionRules:
    """The rules of a session's strategy, computed by the strategy's own code.

    Attributes:
        bar_time: The start of the bar, one of those that the strategy decides on: the last that the session has seen, with the position and the state
            of now, or the one that was asked for, with those that it saw. None before the first.
        evaluated: Whether the session was evaluated on the bar: it had not started on earlier ones, and bars that came late were left out.
        rules: Its rules in the order of the code; none without an evaluated bar.
        closest: The place in `rules` of the one that is closest to firing: with the fewest conditions that stand against it, and the shortest way
            to go for those. None where one is met, or none is told.
        bar_minutes: How long the strategy's bars are; 1,440 are days.
        looked_back_to: The first bar that was looked at for since when conditions stand: those that stand since then may have stood for longer. None
            where none before this one was.
    """

    bar_time: datetime | None
    evaluated: bool
    rules: list[Rule]
    closest: int | None = None
    bar_minutes: int = 1
    looked_back_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class TracedBar:
    """A recorded bar that was evaluated again, with its rules; `bar` holds the window and the position as the session saw them."""

    bar: RecordedBar
    trace: Trace

    @property
    def begins(self) -> datetime:
        """The start of the bar that was decided on, which the minute that decided it (`bar.time`) lies in or comes after."""
        return datetime.fromtimestamp(int(self.bar.window.time[-1]), UTC)


def session_rules(
    database: Database, caller: Caller, session_id: UUID, bar_time: datetime | None = None
) -> SessionRules:
    """Evaluates a bar of the session once more and takes notes; nothing is stored or ordered.

    Args:
        database: Where the session is.
        caller: Who asks.
        session_id: The session.
        bar_time: The start of the bar, or the minute that decided it, as a signal has it; None for the last, as it stands now.

    Raises:
        NotFound: if there is no such session.
        Conflict: if nothing near the bar is recorded to begin from, or the session is of a portfolio strategy.
    """
    caller.require(Scope.READ)
    with database.reading(caller) as connection:
        session = session_on_bars(connection, session_id)
    if bar_time is not None:
        return _on_past_bar(database, caller, session, bar_time)
    with database.reading(caller) as connection:
        evaluated = existing(evaluations.session_as_evaluated(connection, session_id), "session")
        seen = evaluated.last_bar_time
    if seen is None:
        return SessionRules(None, False, [], bar_minutes=session.bar_minutes)
    strategy = compile_strategy(evaluated.python_code).with_parameters(**evaluated.parameters)
    lookback, minutes = evaluated.lookback or strategy.stored_lookback, strategy.bar_minutes
    length = window_length(lookback)
    with database.reading(caller) as connection:
        symbol = replays.symbol_of_bars(connection, session_id)
        if minutes == DAY_MINUTES:
            today = daily_bars.exchange_day(symbol, seen)
            window = daily_bars.days_before(connection, {symbol: today}, length)[symbol].bars
        else:
            window = market_data.trailing_window(connection, symbol, seen, length)
        window = with_beside(connection, symbol, strategy, window)
    if 1 < minutes < DAY_MINUTES:
        window = latest_bars(window, TIMEFRAME_OF[minutes], own_window(lookback, minutes))
    if not len(window):
        return SessionRules(seen, False, [], bar_minutes=minutes)
    position = PositionView(evaluated.quantity, evaluated.average_entry_price, float(evaluated.bars_held))
    rules = Traced(strategy).last_bar(Values(window), position, evaluated.state).rules
    begins = datetime.fromtimestamp(int(window.time[-1]), UTC)
    return _told(begins, minutes, rules, _earlier(database, caller, session, begins, seen))


def _on_past_bar(database: Database, caller: Caller, session: StoredSession, bar_time: datetime) -> SessionRules:
    decided = timedelta(minutes=session.bar_minutes) + _UNTIL_DECIDED if session.bar_minutes > 1 else timedelta()
    with database.reading(caller) as connection:
        bars = bars_to_trace(connection, session.session_id, bar_time, bar_time + decided)
    wanted, found = int(bar_time.timestamp()), None
    for each in bars:
        # The one that began then comes after the one that was decided on with that minute, if both are there.
        if each.begins == bar_time or each.bar.time == wanted:
            found = each
        if each.begins >= bar_time:
            break
    if found is None:
        return SessionRules(bar_time, False, [], bar_minutes=session.bar_minutes)
    last = datetime.fromtimestamp(found.bar.time, UTC) - timedelta(minutes=1)
    earlier = _earlier(database, caller, session, found.begins, last)
    return _told(found.begins, session.bar_minutes, found.trace.rules, earlier)


def trace_bar(bars: Iterator[TracedBar], decided_by: datetime) -> TracedBar | None:
    """The bar that was decided on with a minute, evaluated again on what the session saw then; None if none was.

    Raises:
        Conflict: if nothing near the bar is recorded to begin from.
    """
    wanted = int(decided_by.timestamp())
    return next((each for each in bars if each.bar.time == wanted), None)


def bars_to_trace(connection: Connection, session_id: UUID, first: datetime, last: datetime) -> Iterator[TracedBar]:
    """Reads the bars that the session decided on with the minutes between two, both included; each is traced as it is asked for, without the connection.

    The iterator raises `Conflict` if nothing near them is recorded to begin from.
    """
    session = replays.recorded_session(connection, session_id)
    if session is None or last < session.first_bar_time or first > session.last_bar_time:
        return iter(())
    last = min(last, session.last_bar_time)
    strategy = session.strategy()
    first = start = max(first, session.first_bar_time)
    checkpoint = replays.checkpoint_before(connection, session_id, first)
    memory = Memory()
    if checkpoint and checkpoint.state is not None:
        memory = Memory(checkpoint.state, max((checkpoint.bars_held or 0) - 1, 0))
        start = checkpoint.bar_time
    elif checkpoint or strategy.on_bar.state:
        start = session.first_bar_time
    if not strategy.on_bar.state and (checkpoint is None or checkpoint.quantity == 0):
        # What holds nothing and remembers nothing is on every bar as if it were its first.
        start = first
    bars = replays.recorded_bars(connection, replace(session, first_bar_time=start, last_bar_time=last), strategy)
    return _traced(strategy, bars, memory, int(first.timestamp()))


def _traced(strategy: Strategy, bars: Iterator[RecordedBar], memory: Memory, wanted: int) -> Iterator[TracedBar]:
    """Traces the bars from the time `wanted` on; those before are evaluated for what the strategy remembers of them."""
    traced = Traced(strategy)
    for number, bar in enumerate(bars):
        position = memory.position_on(bar)
        if bar.time >= wanted:
            trace = traced.last_bar(Values(bar.window), position, memory.state)
            yield TracedBar(bar, trace)
            memory.state = trace.evaluation.state
        elif number >= _MOST_EVALUATIONS:
            raise Conflict(
                "What the session saw near this bar lies too far back. Look at a bar near one of its signals."
            )
        elif strategy.on_bar.state:
            memory.state = evaluate_last_bar(strategy, Values(bar.window), position, memory.state).state


def _earlier(
    database: Database, caller: Caller, session: StoredSession, begins: datetime, last: datetime
) -> list[TracedBar]:
    """The bars before one, decided on with minutes up to `last`, as far back as is looked for since when a condition stands."""
    count = min(_BARS_BACK * session.bar_minutes, _MINUTES_BACK)
    with database.reading(caller) as connection:
        symbol = replays.symbol_of_bars(connection, session.session_id)
        first = market_data.bars_back(connection, symbol, last, count)
        bars = bars_to_trace(connection, session.session_id, first, last) if first else iter(())
    try:
        return [each for each in bars if each.begins < begins][-_BARS_BACK:]
    except Conflict:
        return []


def _with_since(rules: list[Rule], begins: datetime, earlier: Sequence[TracedBar]) -> list[Rule]:
    """The rules, each condition with the bar since which it has stood so."""

    def since(rule: int, condition: int, holds: bool | None) -> datetime:
        found = begins
        for each in reversed(earlier):
            told = each.trace.rules[rule].conditions if rule < len(each.trace.rules) else []
            if condition >= len(told) or told[condition].holds is not holds:
                break
            found = each.begins
        return found

    return [
        replace(
            rule,
            conditions=[
                replace(each, since=None if each.holds is None else since(place, number, each.holds))
                for number, each in enumerate(rule.conditions)
            ],
        )
        for place, rule in enumerate(rules)
    ]


def _told(begins: datetime, bar_minutes: int, rules: list[Rule], earlier: Sequence[TracedBar]) -> SessionRules:
    rules = _with_since(rules, begins, earlier) if earlier else rules
    return SessionRules(
        begins, True, rules, closest_to_firing(rules), bar_minutes, earlier[0].begins if earlier else None
    )


def closest_to_firing(rules: Sequence[Rule]) -> int | None:
    """The place of the rule that lacks least; None if one is met, or there is none."""
    if not rules or any(rule.met for rule in rules):
        return None

    def lack(place: int) -> tuple[int, float]:
        against = [each for each in rules[place].conditions if each.holds is not each.wanted]
        needed = [each for each in against if not each.alternative]
        alternatives = [each for each in against if each.alternative]
        nearest = min((each.apart or 0.0 for each in alternatives), default=0.0)
        return len(needed) + bool(alternatives), sum(each.apart or 0.0 for each in needed) + nearest

    return min(range(len(rules)), key=lack)
