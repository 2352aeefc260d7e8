"""The clock of block orders: what has waited too long at the broker is seen to by the executor, whether or not a price comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import psycopg
from botocore.exceptions import BotoCoreError, ClientError
from stratforge.observability import logger
from stratforge.storage.ledger.blocks import overdue_symbols
from stratforge.storage.postgres.database import Database

log = logger("ingestor")
_SECONDS = 1.0
# A symbol that stays overdue is told of again after so long: the queue takes the same cause once.
_AGAIN_SECONDS = 5


def wake_overdue(database: Database, wake_executor: Callable[[str, str], None]) -> list[str]:
    """Wakes the executor for every symbol whose block is overdue; returns the symbols."""
    with database.transaction() as connection:
        symbols = overdue_symbols(connection)
    for symbol in symbols:
        wake_executor(symbol, f"overdue-{time.time() // _AGAIN_SECONDS:.0f}")
    return symbols


class BlockTimer:
    """Looks every second, in a thread of its own. A second that fails is made good by the next."""

    def __init__(
        self, database: Database, wake_executor: Callable[[str, str], None], on_fatal: Callable[[], None]
    ) -> None:
        self._database = database
        self._wake_executor = wake_executor
        self._on_fatal = on_fatal
        threading.Thread(target=self._work, name="block-timer", daemon=True).start()

    def _work(self) -> None:
        try:
            while True:
                time.sleep(_SECONDS)
                try:
                    wake_overdue(self._database, self._wake_executor)
                except (psycopg.OperationalError, BotoCoreError, ClientError) as error:
                    log.warning("overdue blocks were not looked for", error=str(error)[:200])
        except BaseException:
            log.exception("the block timer failed; the service restarts")
            self._on_fatal()
            raise
