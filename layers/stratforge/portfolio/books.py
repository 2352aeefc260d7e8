"""The ledger's records as an auditor is given them, and the broker's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from stratforge.market.corporate_actions import ActionKind
from stratforge.market.sizes import Side


@dataclass(frozen=True, slots=True)
class TradeRecord:
    """A trade as it was written, and how its block stands: our id of its order, the part that the broker keeps, and when it ended. One that is `short` opened a short
    position or bought it back.
    """

    trade_id: int
    user_id: UUID
    session_id: UUID | None
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee_quantity: Decimal
    fee_cash: Decimal
    execution_id: str
    client_order_id: str
    fee_rate: Decimal
    settled_at: datetime | None
    inside: bool
    executed_at: datetime
    realized_pnl: Decimal
    short: bool = False


@dataclass(frozen=True, slots=True)
class AdjustmentRecord:
    """A change that was no trade: by a corporate action or what was rounded of one, whose id is the cause, by odd lots that were settled together,
    which share a cause, or a correction by the broker of a block's fills, with our id of its order, its side and the step it was divided in.
    """

    adjustment_id: int
    user_id: UUID
    session_id: UUID | None
    symbol: str
    kind: str
    quantity: Decimal
    cash: Decimal
    cause: str
    created_at: datetime
    client_order_id: str | None
    side: Side | None = None
    step: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ActionRecord:
    """The terms of a corporate action: what a unit has become, when that began and when the ledger followed, and the last price before; of a split the step in which it was
    divided, and the price that was paid for a part of a unit.
    """

    action_id: str
    symbol: str
    kind: ActionKind
    ratio: Decimal | None
    new_symbol: str | None
    new_ratio: Decimal | None
    cash: Decimal | None
    starts_at: datetime
    last_close: Decimal | None
    step: Decimal | None = None
    price: Decimal | None = None
    applied_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """The ledger's record of a user's cash, held back or free, what he began with, and the sum of what came and went since."""

    user_id: UUID
    initial: Decimal
    cash: Decimal
    moved: Decimal


@dataclass(frozen=True, slots=True)
class PositionRecord:
    """The ledger's record of a holding: how much, what it cost, what was made with it, and since when it is held."""

    user_id: UUID
    session_id: UUID | None
    symbol: str
    quantity: Decimal
    cost_basis: Decimal
    realized_pnl: Decimal
    opened_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """An order at the broker: what users got of it by the trades and corrections of the ledger, and by the broker's statement of the account; how much more an operator
    accepted; bought units and what they cost count up, sold ones down. `days`: on which it was filled (their beginnings, UTC), by the broker's clock.
    """

    client_order_id: str
    quantity: Decimal
    value: Decimal
    broker_quantity: Decimal
    broker_value: Decimal
    accepted_quantity: Decimal
    accepted_value: Decimal
    days: Sequence[datetime | None]

    @property
    def is_taken_back(self) -> bool:
        """True if an operator accepted a difference in units that is another one now, or none."""
        return bool(self.accepted_quantity) and self.broker_quantity - self.quantity != self.accepted_quantity


@dataclass(frozen=True, slots=True)
class OwnUnits:
    """Units of a symbol that the account has for itself, or lacks, because an operator accepted that the broker says an order otherwise than the ledger.

    Attributes:
        symbol: What they are called now.
        quantity: How many more the account has than all users together, whatever was split since; negative for less.
        before: How many they were before the last split.
        slack: How much of that the broker may have rounded otherwise.
    """

    symbol: str
    quantity: Decimal = Decimal(0)
    before: Decimal = Decimal(0)
    slack: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class SymbolBooks:
    """All records of the ledger of a symbol and those it was called or became, read as they are asked for: trades in the order of their blocks, adjustments as they
    were written, of those the corrections of orders once more; which of the symbols trade at that moment, how many units of the ledger are one at the broker, and what of the
    symbols is the account's own.
    """

    symbols: frozenset[str]
    positions: Iterable[PositionRecord]
    trades: Iterable[TradeRecord]
    adjustments: Iterable[AdjustmentRecord]
    corrections: Sequence[AdjustmentRecord] = ()
    actions: Sequence[ActionRecord] = ()
    at_work: frozenset[str] = frozenset()
    scale: Decimal = Decimal(1)
    own: Mapping[str, OwnUnits] = field(default_factory=dict)
