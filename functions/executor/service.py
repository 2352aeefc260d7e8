"""One symbol at a time: pending signals become orders, orders one block order, and the block goes to the broker once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from stratforge.broker import Accepted, Broker, Rejected, Unknown
from stratforge.portfolio.netting import Block, net_orders
from stratforge.portfolio.settlement import OrderProgress
from stratforge.portfolio.sizing import ZERO, size_orders
from stratforge.storage import execution
from stratforge.storage.database import Connection, Database
from stratforge.storage.execution import OpenBlock
from stratforge.storage.settlement import apply_progress, set_error

COLLAR = Decimal("0.02")
SIGNAL_LIFETIME = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Executed:
    """What handling a symbol came to, in one word, and the number of orders it made."""

    outcome: str
    orders: int = 0
    client_order_id: str | None = None


class ExecutorService:
    """Executes symbols. Handling a symbol again changes nothing unless there is something new to do."""

    def __init__(self, database: Database, broker: Broker) -> None:
        self._database = database
        self._broker = broker

    def prepare(self) -> None:
        """Connects to what it needs, so that the first message does not wait for it."""
        with self._database.transaction():
            pass

    def handle(self, symbol: str) -> Executed:
        """Does what there is to do for a symbol."""
        with self._database.transaction() as connection:
            execution.lock_symbol(connection, symbol)
            block = execution.open_block(connection, symbol)
            if block is None:
                executed, block = self._take_signals(connection, symbol)
            else:
                executed = Executed("waiting", client_order_id=block.client_order_id)
        if block is None:
            return executed
        if block.status == "SUBMITTED":
            return executed
        if executed.outcome == "waiting" and not self._needs_submission(block):
            return executed
        return self._submit(block, executed.orders)

    # Signals to a stored block ---------------------------------------------------------------------------

    def _take_signals(self, connection: Connection, symbol: str) -> tuple[Executed, OpenBlock | None]:
        latest = execution.latest_price(connection, symbol)
        if latest is None:
            return Executed("no price"), None
        price, bar_time = latest
        execution.expire_signals(connection, symbol, bar_time - SIGNAL_LIFETIME)
        signals = execution.pending_signals(connection, symbol)
        if not signals:
            return Executed("nothing to do"), None
        accounts = execution.lock_accounts(connection, [signal.user_id for signal in signals])
        free = execution.free_quantities(connection, symbol, [signal.session_id for signal in signals])
        sized = size_orders(signals, accounts, free, price, COLLAR)
        accepted = [order for order in sized if order.reason is None]
        block = net_orders(accepted, price, COLLAR) if accepted else None
        client_order_id = _client_order_id(symbol, [order.signal.signal_id for order in accepted])
        block_id = execution.store_orders(
            connection,
            symbol,
            sized,
            block,
            client_order_id=client_order_id,
            reference_price=price,
            collar=COLLAR,
            bar_time=bar_time,
        )
        if block is None or block_id is None:
            return Executed("refused", len(sized)), None
        if block.side is None:
            crossed = OrderProgress(ZERO, ZERO, datetime.now(UTC), terminal="CROSSED")
            apply_progress(connection, client_order_id, crossed)
            return Executed("crossed inside", len(accepted), client_order_id), None
        return Executed("stored", len(accepted), client_order_id), _open(block, block_id, symbol, client_order_id)

    # A stored block to the broker ------------------------------------------------------------------------

    def _needs_submission(self, block: OpenBlock) -> bool:
        """Whether a block that was stored earlier still has to be sent: only when the broker does not have it."""
        found = self._broker.find_order(block.client_order_id)
        if found is None:
            return True
        with self._database.transaction() as connection:
            execution.mark_submitted(connection, block.block_id, found.broker_order_id)
        return False

    def _submit(self, block: OpenBlock, orders: int) -> Executed:
        assert block.side in ("buy", "sell")
        assert block.limit_price is not None
        submission = self._broker.submit(
            client_order_id=block.client_order_id,
            symbol=block.symbol,
            side="buy" if block.side == "buy" else "sell",
            quantity=block.quantity,
            limit_price=block.limit_price,
        )
        if isinstance(submission, Rejected) and submission.duplicate:
            # It was sent before and the reply was lost: the broker has it, under the same id.
            found = self._broker.find_order(block.client_order_id)
            submission = (
                Accepted(found.broker_order_id) if found else Unknown("duplicate id, but the order is not found")
            )
        with self._database.transaction() as connection:
            if isinstance(submission, Accepted):
                execution.mark_submitted(connection, block.block_id, submission.broker_order_id)
                return Executed("submitted", orders, block.client_order_id)
            if isinstance(submission, Rejected):
                progress = OrderProgress(ZERO, ZERO, datetime.now(UTC), terminal="REJECTED")
                apply_progress(connection, block.client_order_id, progress)
                set_error(connection, block.client_order_id, submission.message)
                return Executed("rejected by the broker", orders, block.client_order_id)
            execution.mark_unknown(connection, block.block_id, submission.message)
        raise OutcomeUnknown(f"{block.client_order_id}: {submission.message}")


class OutcomeUnknown(RuntimeError):
    """The broker's answer was lost: the message is delivered again, and then the order is looked up."""


def _client_order_id(symbol: str, signal_ids: list[int]) -> str:
    """Derived from what is executed, so that the same work has the same id wherever it is done."""
    digest = hashlib.sha256(",".join(map(str, signal_ids)).encode()).hexdigest()[:20]
    return f"sf-{symbol.replace('/', '_').replace('.', '_')}-{digest}"


def _open(block: Block, block_id: UUID, symbol: str, client_order_id: str) -> OpenBlock:

    return OpenBlock(
        block_id,
        symbol,
        block.side,
        block.quantity,
        block.limit_price,
        client_order_id,
        "STORED",
        datetime.now(UTC),
    )
