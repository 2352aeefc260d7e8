"""Finds what is wrong with the platform now, and since when: all that an operator needs to understand an incident, on one page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from stratforge.application.access import Caller
from stratforge.application.operations import require_operator
from stratforge.bus.dead_letters import QueueName, QueueState
from stratforge.bus.queue_ages import QueueAge, QueueAgesUnavailable
from stratforge.observability import logger
from stratforge.portfolio.orders import TradingState
from stratforge.storage.ledger import halts, operations, vital_signs
from stratforge.storage.ledger.halts import PlatformState, SymbolHalt
from stratforge.storage.ledger.operations import StoredAction, StoredReport
from stratforge.storage.ledger.vital_signs import VitalSigns
from stratforge.storage.market import data_notes
from stratforge.storage.market.data_notes import NoteKind, StoredNote
from stratforge.storage.postgres.database import Database

log = logger("incidents")

_POINTS = 120
# Vital signs are noted every minute: after so long without any, nobody looks any more.
_UNNOTED = timedelta(minutes=5)
_DATA_ADVICE = {
    NoteKind.NO_LIVE_PRICES: "Stops and limits on it are woken once a minute, by its bars: the vendor's plan has too few symbols.",
    NoteKind.NO_HISTORY: "Sessions on it wait: ask the vendor whether it has the symbol.",
    NoteKind.FUTURE_BARS: "Such a bar is not taken: compare the machine's clock with the vendor's.",
    NoteKind.STREAM_REFUSED: "See the ingestor's log for what the vendor refused: keys, the plan, or a second connection.",
}


@dataclass(frozen=True, slots=True)
class Sign:
    """A vital sign: its field, its name, its unit, and from which value it is a symptom."""

    field: str
    name: str
    unit: str
    bad: float


# Of queues: from which age of their oldest message something is wrong. Work that takes long by itself waits for longer.
_QUEUE_AGES: dict[QueueName, float] = {
    "bars": 60,
    "quotes": 60,
    "signals": 60,
    "order-updates": 60,
    "notifications": 60,
    "subscription-updates": 60,
    "jobs": 300,
    "backtests": 300,
    "deliveries": 300,
    "mails": 300,
}
# Of a queue that has nothing to say the last word is old.
_QUEUE_SILENCE = timedelta(minutes=10)
# Where the stretches of time are longer, the worst of the last one may be over: what is so now is asked for by itself.
_NOW = timedelta(minutes=3)


# In the order of the way that a bar goes: what is first of those that are bad is likely the cause of the others.
SIGNS = (
    Sign("price_silence", "Oldest price", "s", 180),
    Sign("session_lag", "Session farthest behind", "min", 3),
    Sign("decision_age", "Oldest portfolio decision due", "s", 300),
    Sign("signal_age", "Oldest signal undecided", "s", 60),
    Sign("order_age", "Oldest order undecided", "s", 60),
    Sign("block_age", "Oldest block at the broker", "s", 60),
    Sign("job_age", "Oldest job not begun", "s", 120),
    Sign("delivery_age", "Oldest delivery due", "s", 120),
)


@dataclass(frozen=True, slots=True)
class Trend:
    """The course of a vital sign over time.

    Attributes:
        values: The worst of each stretch of time; None where there was nothing to measure.
        bad_since: Since when it is a symptom without a break, to the end of what was noted; None when it is none.
    """

    sign: Sign
    times: list[datetime]
    values: list[float | None]
    bad_since: datetime | None

    @property
    def now(self) -> float | None:
        """The value that was noted last; None where there is none."""
        return self.values[-1] if self.values else None

    @property
    def worst(self) -> float | None:
        """The highest of the values; None where nothing was measured."""
        return max((each for each in self.values if each is not None), default=None)


@dataclass(frozen=True, slots=True)
class Symptom:
    """Something that is wrong: in words, since when, and what to do about it or where to look."""

    text: str
    since: datetime | None
    advice: str


@dataclass(frozen=True, slots=True)
class Incident:
    """The symptoms that there are now, the likely cause first, and how the platform did over the hours before.

    Attributes:
        trends: Its vital signs.
        queue_trends: The age of the oldest message of each queue; None where nobody can say.
        state: What the platform may trade.
        reports: The reconciler's latest, the newest first.
        actions: Corporate actions, those that are decided too.
        notes: What market data is missing.
    """

    symptoms: list[Symptom]
    trends: list[Trend]
    queue_trends: list[Trend] | None
    state: PlatformState
    reports: list[StoredReport]
    actions: list[StoredAction]
    notes: list[StoredNote]


# Asks for the ages of messages between two times, in so many stretches.
AskForAges = Callable[[datetime, datetime, int], Sequence[QueueAge]]


def read_incident(
    database: Database, caller: Caller, queues: Sequence[QueueState], ages: AskForAges, hours: float
) -> Incident:
    """Reads what is wrong, and how the platform did in the last hours.

    Args:
        database: Where it is noted.
        caller: Who asks.
        queues: What waits, and what failed for good.
        ages: Says how old messages were.
        hours: How far back.

    Raises:
        NotFound: if the caller is no operator.
    """
    require_operator(database, caller)
    now = datetime.now(UTC)
    since = now - timedelta(hours=hours)
    coarse = (now - since) / _POINTS > _NOW
    try:
        found = ages(since, now, _POINTS)
        latest = ages(now - _QUEUE_SILENCE, now, int(_QUEUE_SILENCE / timedelta(minutes=1))) if coarse else None
        queue_trends: list[Trend] | None = queue_trends_of(found, now, latest)
    except QueueAgesUnavailable as error:
        # The page is there for incidents, of which this may be one.
        log.warning("queue_ages_unavailable", error=str(error))
        queue_trends = None
    with database.reading(caller) as connection:
        noted = vital_signs.read_vital_signs(connection, since, _POINTS)
        if coarse:
            # The last that was noted stands for itself, behind the stretch that it is in.
            minutes = int(_UNNOTED / timedelta(minutes=1))
            noted += [each for each in vital_signs.read_vital_signs(connection, now - _UNNOTED, minutes)[-1:] if each != noted[-1]]  # fmt: skip
        trends = trends_of(noted)
        state, halted = halts.platform_state(connection), halts.halted_symbols(connection)
        reports = operations.reports(connection, 20)
        actions = operations.corporate_actions(connection)
        notes = data_notes.list_notes(connection)
    every = [*trends, *(queue_trends or [])]
    undecided = [each for each in actions if each.undecided]
    symptoms = symptoms_of(state, halted, undecided, notes, reports, queues, every)
    return Incident([*_unnoted(trends, now), *symptoms], trends, queue_trends, state, reports, actions, notes)


def _unnoted(trends: Sequence[Trend], now: datetime) -> list[Symptom]:
    """That nobody notes the vital signs any more: what is wrong since then is not known."""
    last = max((each.times[-1] for each in trends if each.times), default=None)
    if last is not None and now - last <= _UNNOTED:
        return []
    advice = "They are noted every minute by the reconciler: see its log and its schedule. What lags since then is not known."
    return [Symptom("The platform's vital signs are not noted", last, advice)]


def trends_of(noted: Sequence[VitalSigns]) -> list[Trend]:
    """Turns what was noted into a trend of each vital sign."""
    times = [each.at for each in noted]
    return [_trend(sign, times, [getattr(each, sign.field) for each in noted]) for sign in SIGNS]


def queue_trends_of(ages: Sequence[QueueAge], until: datetime, latest: Sequence[QueueAge] | None = None) -> list[Trend]:
    """Turns the ages of messages into a trend of each queue; one that says nothing any more has none now.

    Args:
        ages: In stretches of time, the worst of each.
        until: Now.
        latest: The ages of the last minutes, minute by minute; None where the stretches are as short.
    """
    now = {each.name: each for each in latest or () if each.times}
    found = []
    for each in ages:
        sign = Sign(f"queue-{each.name}", f"Oldest message of {each.name}", "s", _QUEUE_AGES[each.name])
        times, values = list(each.times), list[float | None](each.seconds)
        if last := now.get(each.name):
            times, values = [*times, last.times[-1]], [*values, last.seconds[-1]]
        elif times and (latest is not None or _is_silent(times, until)):
            times, values = [*times, until], [*values, None]
        found.append(_trend(sign, times, values))
    return found


def _is_silent(times: Sequence[datetime], until: datetime) -> bool:
    return until - times[-1] > _QUEUE_SILENCE + (times[-1] - times[-2] if len(times) > 1 else timedelta())


def _trend(sign: Sign, times: list[datetime], values: list[float | None]) -> Trend:
    bad_since = None
    for time, value in zip(times, values, strict=True):
        bad_since = (bad_since or time) if value is not None and value >= sign.bad else None
    return Trend(sign, times, values, bad_since)


def symptoms_of(
    state: PlatformState,
    halted: Sequence[SymbolHalt],
    undecided: Sequence[StoredAction],
    notes: Sequence[StoredNote],
    reports: Sequence[StoredReport],
    queues: Sequence[QueueState],
    trends: Sequence[Trend],
) -> list[Symptom]:
    """Lists what is wrong: what somebody or the broker decided first, then what somebody has to decide, what data does not come, what lags in the order of a
    bar's way, and what was left over.

    Args:
        undecided: Corporate actions that are neither followed nor dismissed.
        notes: What market data is missing.
        reports: The reconciler's latest, the newest first.
    """
    found = []
    if state.suspended_at:
        advice = "Enter working keys (make secrets), or talk to the broker; trading goes on by itself within a minute."
        found.append(Symptom(f"The broker refuses the platform: {state.suspension}", state.suspended_at, advice))
    if state.trading_state is not TradingState.ACTIVE:
        why = f": {state.reason}" if state.reason else ""
        advice = "Set it to active below when the reason is gone."
        found.append(Symptom(f"Trading is {state.trading_state.value.lower()}{why}", state.changed_at, advice))
    for halt in halted:
        advice = "Resume it below once it is explained."
        if halt.reason == halts.MISSING_UNITS:
            advice = "The account has less of it than its holders: have it buy what is missing, below, once the reconciler says why."
        found.append(Symptom(f"{halt.symbol} is halted: {halt.reason}", halt.halted_at, advice))
    for action in undecided:
        # One that is only announced waits for its day.
        if action.obstacle is not None:
            text = f"{action.symbol}, {action.effective_on}: {action.words} is not followed: {action.obstacle}"
            found.append(
                Symptom(
                    text, action.seen_at, "Approve or dismiss it below; from its day until then the symbol is halted."
                )
            )
    for note in notes:
        data = "Live data" if note.symbol == "*" else note.symbol
        text = f"{data}: {note.kind.value.replace('_', ' ').lower()} ({note.detail})"
        found.append(Symptom(text, note.noted_at, _DATA_ADVICE[note.kind]))
    for trend in trends:
        if trend.bad_since is not None and trend.now is not None:
            text = f"{trend.sign.name}: {trend.now:,.0f} {trend.sign.unit}"
            found.append(
                Symptom(text, trend.bad_since, f"It is a symptom from {trend.sign.bad:g} {trend.sign.unit} on.")
            )
    if differing := list(takewhile(lambda each: not each.clean, reports)):
        advice = "See the reconciler's report: what broker and ledger differ in."
        found.append(Symptom("Broker and ledger differ", differing[-1].finished_at, advice))
    for queue in queues:
        if queue.dead:
            text = f"{queue.dead:,} dead letter{'' if queue.dead == 1 else 's'} of {queue.name}"
            found.append(Symptom(text, None, "Read the function's log, mend the cause, then redrive them below."))
    return found
