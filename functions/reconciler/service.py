"""Recovers what a lost event or a crash left behind, and reports what it cannot explain."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from stratforge.broker.port import Broker
from stratforge.bus.messages import OrderUpdate
from stratforge.bus.queues import send_order_update, send_work_ready
from stratforge.storage import evaluations, execution, invariants
from stratforge.storage.database import Database

_YOUNG = timedelta(seconds=20)


@dataclass(slots=True)
class Report:
    """What a run found and did."""

    looked_up: int = 0
    resubmitted: int = 0
    drift: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    broken: dict[str, int] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether nothing is unexplained."""
        return not self.drift and not self.broken


class ReconcilerService:
    """Compares and recovers. Everything it does is what the other parts do, so it is safe to run at any time."""

    def __init__(
        self, database: Database, broker: Broker, order_updates_queue_url: str, signals_queue_url: str
    ) -> None:
        self._database = database
        self._broker = broker
        self._order_updates_queue_url = order_updates_queue_url
        self._signals_queue_url = signals_queue_url

    def run(self) -> Report:
        """One pass."""
        report = Report()
        now = datetime.now(UTC)
        with self._database.transaction() as connection:
            blocks = [block for block in execution.open_blocks(connection) if now - block.created_at > _YOUNG]
        for block in blocks:
            order = self._broker.find_order(block.client_order_id)
            if order is None:
                # Stored and never sent: the executor sends it when it is woken.
                send_work_ready(self._signals_queue_url, block.symbol, f"reconcile-{now:%Y%m%dT%H%M}")
                report.resubmitted += 1
            else:
                update = OrderUpdate.of_order(
                    client_order_id=order.client_order_id,
                    symbol=order.symbol,
                    status=order.status,
                    filled_quantity=order.filled_quantity,
                    filled_average_price=order.filled_average_price,
                    updated_at=order.updated_at,
                )
                send_order_update(self._order_updates_queue_url, update)
                report.looked_up += 1
        self._wake_waiting_symbols(now)
        positions = self._broker.positions()
        with self._database.transaction() as connection:
            report.drift = invariants.drift(connection, positions)
            report.broken = {name: len(rows) for name, rows in invariants.broken_invariants(connection).items()}
        return report

    def _wake_waiting_symbols(self, now: datetime) -> None:
        with self._database.transaction() as connection:
            symbols = evaluations.symbols_to_stream(connection)
            waiting = [symbol for symbol in symbols if evaluations.has_pending_signals(connection, symbol)]
        for symbol in waiting:
            send_work_ready(self._signals_queue_url, symbol, f"reconcile-{now:%Y%m%dT%H%M}")
