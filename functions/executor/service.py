"""One symbol at a time: what waits becomes one block order, and the block goes to the broker once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from stratforge.broker import Accepted, Broker, Rejected, Unknown
from stratforge.market import Trade
from stratforge.portfolio.settlement import OrderProgress
from stratforge.storage.ledger import execution, symbols
from stratforge.storage.ledger.execution import OpenBlock
from stratforge.storage.ledger.settlement import apply_progress, set_error
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Database

from functions.executor.planning import Surroundings, plan
from functions.executor.reference import ReferenceData

# How long who stored a block has it to himself; after that, whoever meets it looks it up and sends it.
CLAIM = timedelta(seconds=20)
_MAX_ROUNDS = 5
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Executed:
    """What handling a symbol came to, in one word, and the number of orders it decided on."""

    outcome: str
    orders: int = 0
    client_order_id: str | None = None


class ExecutorService:
    """Executes symbols. Handling a symbol again changes nothing unless there is something new to do."""

    def __init__(self, database: Database, broker: Broker, *, claim: timedelta = CLAIM) -> None:
        self._database = database
        self._broker = broker
        self._claim = claim
        self._reference = ReferenceData(database, broker)

    def prepare(self) -> None:
        """Connects to what it needs, so that the first message does not wait for it."""
        with self._database.transaction():
            pass

    def new_price(self, trade: Trade) -> bool:
        """Notes the price of a trade; whether there is anything to do for the symbol now."""
        with self._database.transaction() as connection:
            return market_data.set_trade_price(connection, trade) and symbols.has_work(
                connection, trade.symbol, new_price=True
            )

    def handle(self, symbol: str) -> Executed:
        """Does what there is to do for a symbol. What came to nothing at the broker makes room for what is left."""
        executed = self._round(symbol)
        for _ in range(_MAX_ROUNDS - 1):
            if executed.outcome not in ("crossed inside", "decided"):
                break
            again = self._round(symbol)
            if again.outcome == "nothing to do":
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
            met = execution.open_block(connection, symbol)
            if met is None:
                state = symbols.read_symbol(connection, symbol)
                if state is not None and not self._reference.knows(symbol, state.time):
                    unknown_day = state.time
                else:
                    planned = plan(connection, symbol, state, around)
                    to_send = execution.open_block(connection, symbol) if planned.to_send else None
        if met is not None:
            return self._take_up(met)
        if to_send is not None and planned is not None:
            return self._submit(to_send, planned.joined)
        if planned is not None:
            return Executed(planned.outcome, planned.joined or planned.decided, planned.client_order_id)
        assert unknown_day is not None
        # Not asked inside the transaction, which holds the symbol.
        self._reference.learn(unknown_day)
        return self._round(symbol)

    # A block that another run stored ---------------------------------------------------------------------

    def _take_up(self, block: OpenBlock) -> Executed:
        """A block that has waited too long is canceled when the broker has it, and sent when it never got there."""
        if block.claimed or (block.status == "SUBMITTED" and not block.stale):
            return Executed("waiting", client_order_id=block.client_order_id)
        with self._database.transaction() as connection:
            if not execution.claim_block(connection, block.block_id, self._claim):
                return Executed("waiting", client_order_id=block.client_order_id)
        if block.status == "SUBMITTED" and block.alpaca_order_id is not None:
            canceled = self._broker.cancel(block.alpaca_order_id)
            return Executed("canceling" if canceled else "waiting", client_order_id=block.client_order_id)
        found = self._broker.find_order(block.client_order_id)
        if found is None:
            return self._submit(block, 0)
        with self._database.transaction() as connection:
            execution.mark_submitted(connection, block.block_id, found.broker_order_id)
        return Executed("found at the broker", client_order_id=block.client_order_id)

    # A stored block to the broker ------------------------------------------------------------------------

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
