"""The clock of portfolio sessions: whose time has come, and whose bars are in, is told to the evaluator, by way of the topic of a symbol of theirs."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Protocol
from uuid import UUID

import psycopg
from botocore.exceptions import BotoCoreError, ClientError
from stratforge.application.rebalance import due_sessions
from stratforge.bus.messages import RebalanceDue
from stratforge.observability import logger
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies.gathering import gathered_sessions
from stratforge.storage.strategies.rebalances import sold_out_sessions

log = logger("ingestor")
_SECONDS = 0.2
# Sessions that stay due are told of again after so long: the queue takes the same cause once.
_AGAIN_SECONDS = 2
# Sessions of a message.
_TOGETHER = 50


class Topics(Protocol):
    """The place where messages for the evaluator are published."""

    def publish(self, symbol: str, messages: Sequence[RebalanceDue]) -> None:
        """Publishes messages to the topic of a symbol."""
        ...


def tell_due(database: Database, topics: Topics, seconds: float) -> int:
    """Tells of every session that can decide now, place its purchases, or whose orders waited long enough for those of others; returns how many.

    Args:
        database: Where they are.
        topics: Where they are told of.
        seconds: Of our clock, by which the same sessions are not told of with every look.
    """
    with database.transaction() as connection:
        due = due_sessions(connection)
        others = [*sold_out_sessions(connection), *gathered_sessions(connection)]
    # Who decides on the same bars does so together, whoever he is: they are read once.
    alike: dict[tuple[str, tuple[object, ...]], set[UUID]] = defaultdict(set)
    for each in due:
        session = each.session
        key = (tuple(session.symbols), session.daily, session.schedule, session.lookback)
        alike[session.symbols[0], key].add(session.session_id)
    for session_id, symbol in others:
        alike[symbol, ()].add(session_id)
    cause = f"{seconds // _AGAIN_SECONDS:.0f}"
    for (symbol, _), sessions in alike.items():
        ids = sorted(sessions)
        for start in range(0, len(ids), _TOGETHER):
            topics.publish(symbol, [RebalanceDue(session_ids=tuple(ids[start : start + _TOGETHER]), cause=cause)])
    return len(set().union(*alike.values()))


class RebalanceTimer:
    """Looks several times a second, in a thread of its own. A look that fails is made good by the next."""

    def __init__(self, database: Database, topics: Topics, on_fatal: Callable[[], None]) -> None:
        self._database = database
        self._topics = topics
        self._on_fatal = on_fatal
        threading.Thread(target=self._work, name="rebalance-timer", daemon=True).start()

    def _work(self) -> None:
        try:
            while True:
                time.sleep(_SECONDS)
                try:
                    tell_due(self._database, self._topics, time.time())
                except (psycopg.OperationalError, BotoCoreError, ClientError) as error:
                    log.warning("portfolio sessions were not looked for", error=str(error)[:200])
        except BaseException:
            log.exception("the timer of portfolio sessions failed; the service restarts")
            self._on_fatal()
            raise
