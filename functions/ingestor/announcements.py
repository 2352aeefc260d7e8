"""From PostgreSQL's notifications to the notifier's queue: that something happened, at most a few times a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import psycopg
from botocore.exceptions import BotoCoreError, ClientError
from stratforge.bus.queues import send_something_happened
from stratforge.observability import logger
from stratforge.storage.delivery import events
from stratforge.storage.postgres.database import Database

log = logger("ingestor")
# Events that come close together are told together.
_COLLECT_SECONDS = 0.1
# Prices have no notifications of their own, nor has the time of a delivery's next attempt: they are looked for this often.
_LOOK_SECONDS = 1.0
# Nor has the end of an older transaction that hid an event when it was announced. On a busy database some is nearly always older.
_HIDDEN_SECONDS = 0.1


class Announcements:
    """Listens in a thread of its own; a lost connection is made again, and what was missed meanwhile is told then."""

    def __init__(self, database: Database, queue_url: str, on_fatal: Callable[[], None]) -> None:
        self._database = database
        self._queue_url = queue_url
        self._on_fatal = on_fatal
        # Events of transactions before this one were told of.
        self._since = 0
        threading.Thread(target=self._work, name="announcements", daemon=True).start()

    def _work(self) -> None:
        try:
            while True:
                try:
                    self._listen()
                except psycopg.OperationalError as error:
                    log.warning("the database does not notify", error=str(error)[:200])
                    time.sleep(2.0)
        except BaseException:
            log.exception("the announcements failed; the service restarts")
            self._on_fatal()
            raise

    def _listen(self) -> None:
        with self._database.listening("events") as connection:
            hidden, told_at = self._tell(), time.monotonic()
            while True:
                look_at = told_at + _LOOK_SECONDS
                wait = max(0.0, look_at - time.monotonic())
                announced = list(
                    connection.notifies(timeout=min(wait, _HIDDEN_SECONDS) if hidden else wait, stop_after=1)
                )
                if announced:
                    # The rest of what comes now goes along.
                    list(connection.notifies(timeout=_COLLECT_SECONDS))
                if announced or time.monotonic() >= look_at:
                    hidden, told_at = self._tell(), time.monotonic()
                else:
                    hidden = self._tell(unless_hidden=True)

    def _tell(self, *, unless_hidden: bool = False) -> bool:
        """Tells those who wait; returns whether something is hidden from them as yet.

        Args:
            unless_hidden: Tells nobody while nothing more is to be seen than before.
        """
        with self._database.transaction() as transaction:
            wanted = events.listeners(transaction, self._since)
        if unless_hidden and wanted.horizon == self._since:
            return wanted.hidden
        try:
            send_something_happened(self._queue_url, wanted.shards, webhooks=wanted.webhooks)
            self._since = wanted.horizon
        except (BotoCoreError, ClientError) as error:
            log.warning("nobody was told", error=str(error)[:200])
        return wanted.hidden
