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
# Prices have no notifications of their own, nor has the time of a delivery's next attempt, nor the end of an older transaction that hid an
# event when it was announced: they are looked for this often.
_LOOK_SECONDS = 1.0


class Announcements:
    """Listens in a thread of its own; a lost connection is made again, and what was missed meanwhile is told then."""

    def __init__(self, database: Database, queue_url: str, on_fatal: Callable[[], None]) -> None:
        self._database = database
        self._queue_url = queue_url
        self._on_fatal = on_fatal
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
            self._tell()
            while True:
                if list(connection.notifies(timeout=_LOOK_SECONDS, stop_after=1)):
                    # The rest of what comes now goes along.
                    list(connection.notifies(timeout=_COLLECT_SECONDS))
                self._tell()

    def _tell(self) -> None:
        with self._database.transaction() as transaction:
            wanted = events.listeners(transaction)
        try:
            send_something_happened(self._queue_url, wanted.shards, webhooks=wanted.webhooks)
        except (BotoCoreError, ClientError) as error:
            log.warning("nobody was told", error=str(error)[:200])
