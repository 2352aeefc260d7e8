"""Execute a symbol: what waits on it becomes one block order, and the block goes to the broker once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from stratforge.application.execution_plan import Surroundings, plan
from stratforge.application.reference_data import ReferenceData
from stratforge.application.watch_market import note_update
from stratforge.broker import Accepted, Broker, Rejected, Unknown
from stratforge.bus.messages import MarketUpdate, OrderUpdate
from stratforge.portfolio.orders import BlockStatus
from stratforge.portfolio.settlement import OrderProgress
from stratforge.storage.ledger import blocks, symbols
from stratforge.storage.ledger.blocks import OpenBlock
from stratforge.storage.ledger.fills import apply_progress
from stratforge.storage.postgres.database import Database

# How long who stored a block has it to himself; after that, whoever meets it looks it up and sends it.
CLAIM = timedelta(seconds=20)
# How long the broker may take to fill a block before what is left of it is canceled: an order that is marketable is filled at once, and
# one that is not must not hold up the symbol. Whoever waits for a block waits for this, the timer's second and the broker's answer.
BLOCK_LIFETIME = timedelta(seconds=5)
_MAX_ROUNDS = 5
ZERO = Decimal(0)


class Outcome(StrEnum):
    """The possible results of executing a symbol."""

    NOTHING_TO_DO = "nothing to do"
    DECIDED = "decided"  # Orders were refused, ended or put to rest; nothing is executable.
    SUBMITTED = "submitted"
    REJECTED = "rejected by the broker"
    WAITING = "waiting"  # A block order is at work.
    CANCELING = "canceling"  # The block at work has waited too long; the broker was asked to end it.
    FOUND = "found at the broker"  # A block whose sending was in doubt.
    SETTLED = "settled"  # The block at work had ended at the broker, and nobody had told us.


@dataclass(frozen=True, slots=True)
class Executed:
    """The result of executing a symbol, and the number of orders decided on."""

    outcome: Outcome
    orders: int = 0
    client_order_id: str | None = None


class SymbolExecutor:
    """Executes symbols. Executing a symbol again changes nothing unless there is something new to do."""

    def __init__(
        self, database: Database, broker: Broker, *, claim: timedelta = CLAIM, lifetime: timedelta = BLOCK_LIFETIME
    ) -> None:
        """
        Args:
            database: The ledger, as the engine's role.
            broker: The account that all users share.
            claim: How long who stored a block has it to himself.
            lifetime: How long the broker may take to fill one.
        """
        self._lifetime = lifetime
        self._database = database
        self._broker = broker
        self._claim = claim
        self._reference = ReferenceData(database, broker)

    def note_update(self, update: MarketUpdate) -> bool:
        """Notes what the market says of a symbol. True when there is something to do for it now."""
        with self._database.transaction() as connection:
            return note_update(connection, update) and symbols.has_work(connection, update.symbol, new_price=True)

    def execute(self, symbol: str) -> Executed:
        """Does what there is to do for a symbol. What came to nothing at the broker makes room for what is left."""
        executed = self._round(symbol)
        for _ in range(_MAX_ROUNDS - 1):
            if executed.outcome not in (Outcome.SETTLED, Outcome.DECIDED):
                break
            again = self._round(symbol)
            if again.outcome is Outcome.NOTHING_TO_DO:
                break
            executed = again
        return executed

    def _round(self, symbol: str) -> Executed:
        around = Surroundings(
            self._reference.asset(symbol),
            lambda at: self._reference.is_open(symbol, at),
            lambda at: self._reference.next_close(symbol, at),
            self._claim,
        )
        to_send = planned = unknown_day = None
        with self._database.transaction() as connection:
            symbols.lock_symbol(connection, symbol)
            met = blocks.open_block(connection, symbol)
            if met is None:
                state = symbols.read_symbol(connection, symbol)
                if state is not None and not self._reference.knows(symbol, state.now):
                    unknown_day = state.now
                else:
                    planned = plan(connection, symbol, state, around)
                    to_send = blocks.open_block(connection, symbol) if planned.client_order_id else None
        if met is not None:
            return self._take_up(met)
        if to_send is not None and planned is not None:
            return self._submit(to_send, planned.joined)
        if planned is not None:
            return Executed(Outcome.DECIDED if planned.decided else Outcome.NOTHING_TO_DO, planned.decided)
        assert unknown_day is not None
        # Not asked inside the transaction, which holds the symbol.
        self._reference.learn(unknown_day)
        return self._round(symbol)

    # A block that another run stored ---------------------------------------------------------------------

    def _take_up(self, block: OpenBlock) -> Executed:
        """A block that has waited too long is canceled when the broker has it, and sent when it never got there."""
        if block.claimed or (block.status is BlockStatus.SUBMITTED and not block.stale):
            return Executed(Outcome.WAITING, client_order_id=block.client_order_id)
        with self._database.transaction() as connection:
            if not blocks.claim_block(connection, block.block_id, self._claim):
                return Executed(Outcome.WAITING, client_order_id=block.client_order_id)
        if block.status is BlockStatus.SUBMITTED and block.alpaca_order_id is not None:
            if self._broker.cancel(block.alpaca_order_id):
                return Executed(Outcome.CANCELING, client_order_id=block.client_order_id)
            return self._settle_ended(block)
        found = self._broker.find_order(block.client_order_id)
        if found is None:
            return self._submit(block, 0)
        with self._database.transaction() as connection:
            blocks.mark_submitted(connection, block.block_id, found.broker_order_id, self._lifetime)
        return Executed(Outcome.FOUND, client_order_id=block.client_order_id)

    def _settle_ended(self, block: OpenBlock) -> Executed:
        """The broker has nothing to cancel: the order ended, and the word of it was lost or is late."""
        found = self._broker.find_order(block.client_order_id)
        if found is None or not found.ended:
            return Executed(Outcome.WAITING, client_order_id=block.client_order_id)
        with self._database.transaction() as connection:
            apply_progress(connection, block.client_order_id, OrderUpdate.of_order(found).progress())
        return Executed(Outcome.SETTLED, client_order_id=block.client_order_id)

    # A stored block to the broker ------------------------------------------------------------------------

    def _submit(self, block: OpenBlock, orders: int) -> Executed:
        submission = self._broker.submit(
            client_order_id=block.client_order_id,
            symbol=block.symbol,
            side=block.side,
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
                blocks.mark_submitted(connection, block.block_id, submission.broker_order_id, self._lifetime)
                return Executed(Outcome.SUBMITTED, orders, block.client_order_id)
            if isinstance(submission, Rejected):
                progress = OrderProgress(ZERO, ZERO, datetime.now(UTC), terminal=BlockStatus.REJECTED)
                apply_progress(connection, block.client_order_id, progress)
                blocks.set_error(connection, block.client_order_id, submission.message)
                return Executed(Outcome.REJECTED, orders, block.client_order_id)
            blocks.mark_unknown(connection, block.block_id, submission.message)
        raise OutcomeUnknown(f"{block.client_order_id}: {submission.message}")


class OutcomeUnknown(RuntimeError):
    """The broker's answer was lost: the message is delivered again, and then the order is looked up."""
