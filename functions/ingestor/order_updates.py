"""From the order stream to the settler's queue. The stream does not replay: after every connection, open blocks are looked up."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
from stratforge.broker.port import Broker, BrokerUnavailable
from stratforge.bus.messages import OrderUpdate
from stratforge.bus.queues import send_order_update
from stratforge.observability import logger
from stratforge.storage.ledger.blocks import open_blocks, trace_of
from stratforge.storage.postgres.database import Database
from stratforge.tracing import NOT_TRACED, Segments, Trace

from functions.ingestor.retry import persist

log = logger("ingestor")


class OrderUpdatePipeline:
    """One worker that passes updates on, in the order they came."""

    def __init__(
        self,
        broker: Broker,
        database: Database,
        queue_url: str,
        on_fatal: Callable[[], None],
        segments: Segments = NOT_TRACED,
    ) -> None:
        """
        Args:
            segments: Where it is told that an update is part of what stored its block order.
        """
        self._broker = broker
        self._database = database
        self._queue_url = queue_url
        self._on_fatal = on_fatal
        self._segments = segments
        self._events: queue.Queue[Any] = queue.Queue(maxsize=50_000)
        threading.Thread(target=self._work, name="order-update-publisher", daemon=True).start()

    def update(self, payload: Any) -> None:
        """Takes an update of the stream."""
        self._events.put(payload)

    def connected(self) -> None:
        """Notes that the stream is a new connection."""
        self._events.put(None)

    def _work(self) -> None:
        try:
            while True:
                payload = self._events.get()
                if payload is None:
                    self._look_up_open_blocks()
                else:
                    self._pass_on(normalized_update(payload, self._broker.scale))
        except BaseException:
            log.exception("the order updates failed; the service restarts")
            self._on_fatal()
            raise

    def _pass_on(self, update: OrderUpdate) -> None:
        with self._segments.segment(self._trace(update), client_order_id=update.client_order_id, event=update.event):
            persist(lambda: send_order_update(self._queue_url, update))

    def _trace(self, update: OrderUpdate) -> Trace | None:
        """The trace that an update is part of, as far as it is known: an update never waits for that."""
        if not self._segments.recorded:
            return None
        try:
            with self._database.transaction() as connection:
                return Trace.parse(trace_of(connection, update.client_order_id))
        except psycopg.Error as error:
            log.warning("the trace of an order is not known", error=str(error)[:200])
            return None

    def _look_up_open_blocks(self) -> None:
        with self._database.transaction() as connection:
            blocks = open_blocks(connection)
        for block in blocks:
            try:
                order = self._broker.find_order(block.client_order_id)
            except BrokerUnavailable as error:
                log.warning("a look-up failed; the reconciler will repeat it", error=str(error))
                continue
            if order is not None:
                self._pass_on(OrderUpdate.of_order(order))
        if blocks:
            log.info("open blocks looked up", blocks=len(blocks))


def normalized_update(payload: Any, scale: Decimal = Decimal(1)) -> OrderUpdate:
    """Our update from alpaca-py's; `scale` units of the ledger are one at the broker."""
    order = payload.order
    return OrderUpdate(
        client_order_id=order.client_order_id,
        symbol=str(order.symbol),
        event=str(getattr(payload.event, "value", payload.event)),
        filled_quantity=Decimal(str(order.filled_qty or 0)) * scale,
        filled_average_price=Decimal(str(order.filled_avg_price)) if order.filled_avg_price else None,
        occurred_at=payload.timestamp or datetime.now(UTC),
        execution_id=str(payload.execution_id) if payload.execution_id else None,
        price=Decimal(str(payload.price)) if payload.price else None,
        quantity=Decimal(str(payload.qty)) * scale if payload.qty else None,
    )
