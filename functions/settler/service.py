"""One order update: settle what is new in it, and wake the executor when the block is done."""

from __future__ import annotations

from dataclasses import dataclass

from stratforge.bus.messages import OrderUpdate
from stratforge.bus.queues import send_work_ready, sqs_client
from stratforge.storage.ledger.settlement import apply_progress
from stratforge.storage.ledger.symbols import has_work
from stratforge.storage.postgres.database import Database


@dataclass(frozen=True, slots=True)
class Settled:
    """What an update came to."""

    trades: int
    completed: str | None


class SettlerService:
    """Settles updates. Settling one again changes nothing: progress is taken from cumulative figures."""

    def __init__(self, database: Database, signals_queue_url: str) -> None:
        self._database = database
        self._signals_queue_url = signals_queue_url

    def prepare(self) -> None:
        """Connects to what it needs, so that the first message does not wait for it."""
        with self._database.transaction():
            sqs_client()

    def handle(self, update: OrderUpdate) -> Settled:
        """Handles one message of the order-updates queue."""
        progress = update.progress()
        with self._database.transaction() as connection:
            settlement = apply_progress(connection, update.client_order_id, progress)
            waiting = progress.terminal is not None and has_work(connection, update.symbol)
        if waiting:
            # Something came while the block worked, or was left of it; nobody else will wake the executor for it.
            send_work_ready(self._signals_queue_url, update.symbol, f"done-{update.client_order_id}")
        if settlement is None:
            return Settled(0, None)
        return Settled(len(settlement.trades), settlement.completed)
