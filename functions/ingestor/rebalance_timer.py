"""The clock of portfolio sessions: whose time has come, and whose bars are in, is told to the evaluator, by way of the topic of a symbol of theirs."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import timedelta
from typing import Protocol
from uuid import UUID

import psycopg
from botocore.exceptions import BotoCoreError, ClientError
from stratforge.application.rebalance import due_sessions
from stratforge.bus.messages import RebalanceDue
from stratforge.observability import logger
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies.gathering import gathered_sessions
from stratforge.storage.strategies.purchases import sold_out_sessions

from functions.ingestor.patient_publisher import PatientPublisher

log = logger("ingestor")
_SECONDS = 0.2
# Sessions that stay due are told of again after so long: the queue takes the same cause once.
_AGAIN_SECONDS = 2
_HOUR = 3600.0
# Sessions of a message.
_TOGETHER = 50
# Threads that publish, and messages of a symbol that wait behind those that are being published: older ones are told again anyway.
_PUBLISHERS, _BEHIND = 16, 1_000


class Topics(Protocol):
    """The place where messages for the evaluator are published."""

    def publish(self, symbol: str, messages: Sequence[RebalanceDue]) -> None:
        """Publishes messages to the topic of a symbol."""
        ...


class Told:
    """The sessions that were told of lately: what stays due is told again in the same company after a while, and not with every look at what is left of it."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, UUID], tuple[str, str]] = {}
        self._seen: set[tuple[str, UUID]] = set()
        self._looked_at: float | None = None

    def away(self, seconds: float) -> timedelta:
        """Returns the time since the last look; an hour before the first one."""
        away = _HOUR if self._looked_at is None else seconds - self._looked_at
        return timedelta(seconds=min(max(away, 0.0), _HOUR))

    def looked(self, seconds: float) -> None:
        """Notes that the timer looked at that second of our clock, so that the next look covers what was missed since."""
        self._looked_at = seconds

    def batches(self, reason: str, sessions: Collection[UUID], cause: str) -> Iterator[tuple[str, tuple[UUID, ...]]]:
        """Sessions that are to be told of now, by their batches; new batches in the order in which they are given."""
        self._seen.update((reason, each) for each in sessions)
        batches: dict[str, list[UUID]] = defaultdict(list)
        new: list[UUID] = []
        for each in sessions:
            batch, last = self._told.get((reason, each), ("", ""))
            if not batch:
                new.append(each)
            elif last != cause:
                batches[batch].append(each)
        for start in range(0, len(new), _TOGETHER):
            batches[str(new[start])] = new[start : start + _TOGETHER]
        for batch, told in batches.items():
            self._told |= {(reason, each): (batch, cause) for each in told}
            yield batch, tuple(told)

    def forget(self) -> None:
        """Forgets who is not due any more."""
        self._told = {key: told for key, told in self._told.items() if key in self._seen}
        self._seen = set()


def tell_due(database: Database, topics: Topics, seconds: float, before: Told | None = None) -> int:
    """Tells of every session that can decide now, place its purchases, or whose orders waited long enough for those of others; returns how many.

    Args:
        database: Where they are.
        topics: Where they are told of.
        seconds: Of our clock, by which the same sessions are not told of with every look.
        before: What earlier looks told.
    """
    before = before or Told()
    with database.transaction() as connection:
        due = due_sessions(connection)
        buying = sold_out_sessions(connection)
        gathered = gathered_sessions(connection, before.away(seconds))
    before.looked(seconds)
    # Who decides on the same bars does so together, whoever he is: they are read once. Whoever has waited longest comes first.
    alike: dict[tuple[str, str, tuple[object, ...]], dict[UUID, None]] = defaultdict(dict)
    for each in due:
        session = each.session
        key: tuple[object, ...] = (tuple(session.symbols), session.daily, session.schedule, session.lookback)
        alike["decide", session.symbols[0], key][session.session_id] = None
    # Who decides and may buy a moment later is told both, and so is who may buy while his sales are gathered still.
    for reason, others in (("buy", buying), ("order", gathered)):
        for session_id, symbol in others:
            alike[reason, symbol, ()][session_id] = None
    messages: dict[str, list[RebalanceDue]] = defaultdict(list)
    for (reason, symbol, _), sessions in alike.items():
        cause = f"{reason}-{seconds // _AGAIN_SECONDS:.0f}"
        for batch, told in before.batches(reason, sessions, cause):
            messages[symbol].append(RebalanceDue(batch=batch, session_ids=told, cause=cause))
    for symbol, each_batch in messages.items():
        _tell(topics, symbol, each_batch)
    before.forget()
    return len(set().union(*alike.values()))


class PatientTopics:
    """Topics to which nobody waits to have published: one that does not answer holds up what is told of its own symbol alone."""

    def __init__(self, topics: Topics, threads: Executor, on_fatal: Callable[[], None]) -> None:
        self._publisher = PatientPublisher[RebalanceDue](
            lambda symbols, messages: _tell(topics, symbols[0], messages), threads, on_fatal, _BEHIND
        )

    def publish(self, symbol: str, messages: Sequence[RebalanceDue]) -> None:
        """Has messages published, after those before them of the same symbol."""
        self._publisher.publish({symbol: messages})


def _tell(topics: Topics, symbol: str, messages: Sequence[RebalanceDue]) -> None:
    """Publishes messages of a symbol. Who could not be told of stays due, and is told of again."""
    try:
        topics.publish(symbol, messages)
    except (BotoCoreError, ClientError) as error:
        log.warning("portfolio sessions were not told of", symbol=symbol, error=str(error)[:200])


class RebalanceTimer:
    """Looks several times a second, in a thread of its own. A look that fails is made good by the next."""

    def __init__(self, database: Database, topics: Topics, on_fatal: Callable[[], None]) -> None:
        self._database = database
        self._topics = PatientTopics(topics, ThreadPoolExecutor(_PUBLISHERS, "rebalances"), on_fatal)
        self._on_fatal = on_fatal
        self._told = Told()
        threading.Thread(target=self._work, name="rebalance-timer", daemon=True).start()

    def _work(self) -> None:
        try:
            while True:
                time.sleep(_SECONDS)
                try:
                    tell_due(self._database, self._topics, time.time(), self._told)
                except psycopg.OperationalError as error:
                    log.warning("portfolio sessions were not looked for", error=str(error)[:200])
        except BaseException:
            log.exception("the timer of portfolio sessions failed; the service restarts")
            self._on_fatal()
            raise
