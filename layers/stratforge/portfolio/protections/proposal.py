"""The facts a protection decides on: risk limits, account and proposed order."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from stratforge.market.sizes import Side, opens_position
from stratforge.portfolio.orders import OrderOrigin, TradingState
from stratforge.portfolio.reasons import Reason

ZERO = Decimal(0)


# What a person may set, by the names that Pydantic reads in a field's metadata.
_FRACTION = {"gt": 0, "le": 1, "decimal_places": 6}


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """A user's own limits; None switches a rule off. Sales are never refused by a limit."""

    max_position: Decimal | None = field(
        default=None,
        metadata=_FRACTION | {"description": "The largest position in one symbol, as a fraction of equity"},
    )
    max_exposure: Decimal | None = field(
        default=None, metadata=_FRACTION | {"description": "All positions together, as a fraction of equity"}
    )
    max_daily_loss: Decimal | None = field(
        default=None,
        metadata=_FRACTION
        | {"description": "The loss since the market's day began at which buying ends, as a fraction"},
    )
    max_drawdown: Decimal | None = field(
        default=None,
        metadata=_FRACTION | {"description": "The fall from the highest equity at which buying ends, as a fraction"},
    )
    max_orders_per_minute: int | None = field(
        default=None, metadata={"gt": 0, "le": 10_000, "description": "Orders in a minute of the market"}
    )
    cooldown_minutes: int | None = field(
        default=None,
        metadata={
            "gt": 0,
            "le": 100_000,
            "description": "How long a symbol is not bought after a trade in it lost money",
        },
    )
    price_band: Decimal | None = field(
        default=None,
        metadata={
            "gt": 0,
            "lt": 1,
            "decimal_places": 6,
            "description": "How far a price of its own may lie on the wrong side of the last, as a fraction",
        },
    )


@dataclass(slots=True)
class Account:
    """A user's money and what is at risk, kept up to date while orders of one run are accepted.

    `cash` is free; `equity` is cash, reservations and positions at the latest prices; `exposure` and `symbol_value` are what is held
    and what is reserved for buying, in all and in the symbol at hand; what is short counts like what is long. Of an account with `short_selling` `cash` is what its short
    positions do not hold back.
    """

    user_id: UUID
    cash: Decimal
    equity: Decimal
    trading_state: TradingState = TradingState.ACTIVE
    limits: RiskLimits = RiskLimits()
    exposure: Decimal = ZERO
    symbol_value: Decimal = ZERO
    day_equity: Decimal | None = None
    peak_equity: Decimal | None = None
    orders_last_minute: int = 0
    last_loss_at: datetime | None = None
    short_selling: bool = False


@dataclass(frozen=True, slots=True)
class Proposal:
    """An order that is sized and paid for: `value` is what it costs at most; `price` is its own limit or stop, if it has one. What does not open closes, and is refused by no limit of risk."""

    account: Account
    side: Side
    origin: OrderOrigin
    value: Decimal
    price: Decimal | None
    reference: Decimal
    at: datetime
    short: bool = False

    @property
    def opens(self) -> bool:
        """True for what opens a position or adds to it: a purchase, or a short sale."""
        return opens_position(self.side, short=self.short)


class Protection(Protocol):
    """A risk rule: a function that may refuse a proposed order."""

    def __call__(self, proposal: Proposal, /) -> Reason | None:
        """The reason to refuse the order, or None."""
        ...
