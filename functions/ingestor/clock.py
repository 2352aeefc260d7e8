"""The exchange's clock, read by one thread for everybody: this service, and through the database the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
from stratforge.broker.history import AlpacaHistory, HistoryUnavailable
from stratforge.observability import logger
from stratforge.storage.market.clock import market_now, set_market_clock
from stratforge.storage.postgres.database import Database

log = logger("ingestor")


class ExchangeClock:
    """The last reading, and what has passed since."""

    def __init__(self, history: AlpacaHistory, database: Database, seconds: float) -> None:
        """
        Args:
            seconds: Between two readings. Our own clock is trusted for so long.
        """
        self._history = history
        self._database = database
        self._seconds = seconds
        self._reading = (datetime.min.replace(tzinfo=UTC), 0.0, 1.0)

    def start(self, on_fatal: Callable[[], None]) -> None:
        """Reads it once, then again and again in a thread of its own. While nobody answers, the last known reading goes on, else our clock."""
        try:
            self.read()
        except HistoryUnavailable as error:
            with self._database.transaction() as connection:
                known = market_now(connection)
            self._reading = (known or datetime.now(UTC), time.monotonic(), 1.0)
            log.warning("the exchange's clock was not read yet", error=str(error)[:200])
        threading.Thread(target=self._work, args=(on_fatal,), name="clock", daemon=True).start()

    def now(self) -> datetime:
        """The exchange's present time, reckoned from its last reading."""
        at, when, speed = self._reading
        return at + timedelta(seconds=(time.monotonic() - when) * speed)

    @property
    def drift(self) -> float:
        """Seconds by which the exchange's clock is ahead of ours."""
        return (self.now() - datetime.now(UTC)).total_seconds()

    def read(self) -> None:
        """Asks for the time and notes it; has a replay run at the speed that an operator wants.

        Raises:
            HistoryUnavailable: if nobody answers.
        """
        asked = time.monotonic()
        found = self._history.clock()
        self._reading = (found.time, (asked + time.monotonic()) / 2, 1.0 if found.speed is None else found.speed)
        with self._database.transaction() as connection:
            wanted = set_market_clock(connection, self.now(), found.speed)
        if wanted is not None:
            self._history.change_speed(wanted)

    def _work(self, on_fatal: Callable[[], None]) -> None:
        try:
            while True:
                time.sleep(self._seconds)
                try:
                    self.read()
                except (HistoryUnavailable, psycopg.OperationalError) as error:
                    log.warning("the exchange's clock was not read; ours goes on", error=str(error)[:200])
        except BaseException:
            log.exception("the clock failed; the service restarts")
            on_fatal()
            raise
