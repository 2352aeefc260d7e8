"""Settle a fill: what is new in the broker's word on a block order becomes trades, and the executor is woken when the block is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stratforge.bus.messages import OrderUpdate
from stratforge.portfolio.orders import BlockStatus
from stratforge.storage.ledger.fills import apply_progress
from stratforge.storage.ledger.symbols import has_work
from stratforge.storage.postgres.database import Database

# Wakes the executor for a symbol; the same cause does so once within five minutes.
WakeExecutor = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Settled:
    """The result of settling a fill: trades written, and the block's final status if it ended."""

    trades: int
    completed: BlockStatus | None


def settle_fill(database: Database, wake_executor: WakeExecutor, update: OrderUpdate) -> Settled:
    """Settles an update. Settling one again changes nothing: progress is taken from cumulative figures."""
    progress = update.progress()
    with database.transaction() as connection:
        settlement = apply_progress(connection, update.client_order_id, progress)
        waiting = progress.terminal is not None and has_work(connection, update.symbol)
    if waiting:
        # Something came while the block worked, or was left of it; nobody else will wake the executor for it.
        wake_executor(update.symbol, f"done-{update.client_order_id}")
    if settlement is None:
        return Settled(0, None)
    return Settled(len(settlement.trades), settlement.completed)
