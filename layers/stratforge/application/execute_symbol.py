"""Execute a symbol: what waits on it becomes one block order, and the block goes to the broker once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from enum import StrEnum

from stratforge.application.execution_plan import Surroundings, plan
from stratforge.application.reference_data import ReferenceData
from stratforge.application.watch_market import note_update
from stratforge.broker import (
    RULES,
    Accepted,
    Broker,
    BrokerRefusesPlatform,
    BrokerUnavailable,
    Refusal,
    Rejected,
    Unknown,
)
from stratforge.bus.messages import MarketUpdate, OrderUpdate
from stratforge.portfolio.orders import BlockStatus
from stratforge.portfolio.settlement import OrderProgress
from stratforge.storage.ledger import blocks, buying_power, halts, session_pnl, symbols
from stratforge.storage.ledger.blocks import OpenBlock
from stratforge.storage.ledger.fills import apply_progress
from stratforge.storage.market import assets
from stratforge.storage.postgres.database import Connection, Database

# How long who stored a block has it to himself; after that, whoever meets it looks it up and sends it.
CLAIM = timedelta(seconds=20)
# How long the broker may take to fill a block before what is left of it is canceled: an order that is marketable is filled at once, and
# one that is not must not hold up the symbol. Whoever waits for a block waits for this, the timer's second and the broker's answer.
BLOCK_LIFETIME = timedelta(seconds=5)
_MAX_ROUNDS = 5
ZERO = Decimal(0)


# Said when the setting of the scale no longer fits what is held.
SCALE_CHANGED = "the account's scale was changed while something is held or at work: set it back in the secret, or sell everything first"


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

    def _round(self, symbol: str, *, account_is_fresh: bool = False) -> Executed:
        asset = self._reference.asset(symbol)
        if asset is not None and asset.scale != self._broker.scale:
            self._read_account()
            self._reference.forget(symbol)
            asset = self._reference.asset(symbol)
        around = Surroundings(
            asset,
            lambda at: self._reference.is_open(symbol, at),
            lambda at: self._reference.next_close(symbol, at),
            self._claim,
            account_is_fresh,
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
                    # What is held after splits by thirds has more digits than Python's arithmetic keeps by itself.
                    with localcontext(prec=100):
                        planned = plan(connection, symbol, state, around)
                    if planned.decided > planned.joined:
                        # What ends without a block may be the last that a session waited for which was stopped.
                        session_pnl.fix_final_pnl(connection, symbol)
                    to_send = blocks.open_block(connection, symbol) if planned.client_order_id else None
        if met is not None:
            return self._take_up(met)
        if planned is not None and planned.account_due:
            self._read_account()
            return self._round(symbol, account_is_fresh=True)
        if to_send is not None and planned is not None:
            return self._submit(to_send, planned.joined)
        if planned is not None:
            return Executed(Outcome.DECIDED if planned.decided else Outcome.NOTHING_TO_DO, planned.decided)
        assert unknown_day is not None
        # Not asked inside the transaction, which holds the symbol.
        self._reference.learn(unknown_day)
        return self._round(symbol, account_is_fresh=account_is_fresh)

    def _read_account(self) -> None:
        """Asks the broker for the account's buying power; not inside the transaction, which holds the symbol."""
        with self._database.transaction() as connection:
            began = buying_power.begin_reading(connection)
        account = self._broker.account()
        with self._database.transaction() as connection:
            buying_power.store_account(connection, account.buying_power, account.cash_power, account.equity, began)
            agreed = buying_power.set_scale(connection, self._broker.scale)
        if not agreed:
            raise BrokerUnavailable(SCALE_CHANGED)

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
        try:
            submission = self._broker.submit(
                client_order_id=block.client_order_id,
                symbol=block.symbol,
                side=block.side,
                quantity=block.quantity,
                limit_price=block.limit_price,
            )
        except BrokerRefusesPlatform as error:
            # Nothing was taken and nobody's order is to blame: they wait by their own rules, not in a block whose prices grow old.
            with self._database.transaction() as connection:
                self._refused(connection, block, Rejected(str(error), Refusal.PLATFORM_REFUSED))
            raise
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
                self._refused(connection, block, submission)
                return Executed(Outcome.REJECTED, orders, block.client_order_id)
            blocks.mark_unknown(connection, block.block_id, submission.message)
        raise OutcomeUnknown(f"{block.client_order_id}: {submission.message}")

    def _refused(self, connection: Connection, block: OpenBlock, rejected: Rejected) -> None:
        """Ends a block that the broker did not take, with what its kind of refusal means for orders and symbol."""
        rule = RULES[rejected.kind]
        state = symbols.read_symbol(connection, block.symbol)
        # The market's time, by which orders that go back are tried again and expire.
        at = state.time if state is not None else datetime.now(UTC)
        progress = OrderProgress(
            ZERO, ZERO, at, terminal=BlockStatus.REJECTED, reason=rule.reason, returns=rule.returns
        )
        apply_progress(connection, block.client_order_id, progress)
        blocks.set_error(connection, block.client_order_id, rejected.message)
        if rejected.kind is Refusal.BUYING_POWER:
            buying_power.exhaust(connection)
        if rejected.kind is Refusal.NOT_ENOUGH_HELD:
            halts.halt_symbol(connection, block.symbol, halts.MISSING_UNITS, rejected.message)
        if rejected.kind is Refusal.NOT_LENT:
            assets.note_not_lent(connection, block.symbol)
            self._reference.forget(block.symbol)
        if rejected.kind in (Refusal.ASSET_CLOSED, Refusal.ASSET_SELL_ONLY):
            assets.restrict_asset(connection, block.symbol, sell_only=rejected.kind is Refusal.ASSET_SELL_ONLY)
            self._reference.forget(block.symbol)


class OutcomeUnknown(RuntimeError):
    """The broker's answer was lost: the message is delivered again, and then the order is looked up."""
