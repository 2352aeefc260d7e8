"""What orders look like to clients."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, computed_field, model_validator
from stratforge.market import parse_symbol
from stratforge.portfolio.orders import InvalidOrderTerms, OrderTerms, SizeKind
from stratforge.portfolio.reasons import Reason

from functions.api.formats import Number

Amount = Annotated[Decimal, Field(gt=0, le=Decimal(10**9), max_digits=20, decimal_places=9)]
Price = Annotated[Decimal, Field(gt=0, le=Decimal(10**7), max_digits=16, decimal_places=9)]
Symbol = Annotated[str, Field(max_length=20), AfterValidator(parse_symbol)]


class OrderSize(BaseModel):
    """How much: exactly one of a quantity, an amount of money, or a fraction (of equity to buy, of the position to sell)."""

    quantity: Amount | None = None
    notional: Amount | None = None
    fraction: Annotated[Decimal, Field(gt=0, le=1, decimal_places=6)] | None = None

    @model_validator(mode="after")
    def one_size(self) -> Self:
        """Exactly one size."""
        if sum(each is not None for each in (self.quantity, self.notional, self.fraction)) != 1:
            raise ValueError("give exactly one of quantity, notional and fraction")
        return self

    def size(self) -> tuple[SizeKind, Decimal]:
        """The size with its kind."""
        if self.quantity is not None:
            return "quantity", self.quantity
        if self.notional is not None:
            return "notional", self.notional
        assert self.fraction is not None
        return "fraction", self.fraction


class NewOrderBody(OrderSize):
    """An order to place."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"symbol": "AAPL", "side": "buy", "type": "limit", "quantity": "2.5", "limit_price": "187.50"},
                {"symbol": "AAPL", "side": "sell", "type": "trailing_stop", "fraction": "1", "trail_percent": "2"},
            ]
        },
    )

    symbol: Symbol
    side: Literal["buy", "sell"]
    type: Literal["market", "limit", "stop", "stop_limit", "trailing_stop"] = "market"
    time_in_force: Literal["day", "gtc"] = "day"
    limit_price: Price | None = None
    stop_price: Price | None = None
    trail_percent: Annotated[Decimal, Field(gt=0, lt=100, decimal_places=4)] | None = None
    trail_price: Price | None = None
    session_id: UUID | None = Field(None, description="Sell what this session holds instead of what was bought by hand")

    @model_validator(mode="after")
    def terms_go_together(self) -> Self:
        """The prices go with the type."""
        try:
            self.terms().check()
        except InvalidOrderTerms as error:
            raise ValueError(str(error)) from None
        if self.session_id is not None and self.side == "buy":
            raise ValueError("session_id is for sales: a session buys by its strategy")
        return self

    def terms(self) -> OrderTerms:
        """What the order asks of the price."""
        return OrderTerms(self.side, self.type, self.limit_price, self.stop_price, self.trail_percent, self.trail_price)


class OrderChange(BaseModel):
    """What to change of an order that waits; what is left out stays. A replacement is a new order."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"limit_price": "186.00"}]})

    quantity: Amount | None = None
    limit_price: Price | None = None
    stop_price: Price | None = None
    trail_percent: Annotated[Decimal, Field(gt=0, lt=100, decimal_places=4)] | None = None
    trail_price: Price | None = None
    time_in_force: Literal["day", "gtc"] | None = None


class OrderView(BaseModel):
    """An order. `quantity` is zero until it is accepted; a refusal has a `reason` and says what it means."""

    model_config = ConfigDict(from_attributes=True)

    order_id: UUID
    symbol: str
    side: str
    origin: str
    type: str
    time_in_force: str
    session_id: UUID | None
    signal_id: int | None
    size_kind: str
    size: Number
    quantity: Number
    limit_price: Number | None
    stop_price: Number | None
    trail_percent: Number | None
    trail_price: Number | None
    water_mark: Number | None
    filled_quantity: Number
    average_price: Number | None
    fee_quantity: Number
    fee_cash: Number
    status: str
    reason: str | None
    cancel_requested: bool
    replaces_order_id: UUID | None
    created_at: datetime
    expires_at: datetime | None
    completed_at: datetime | None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def explanation(self) -> str | None:
        """What the reason means."""
        return (
            Reason(self.reason).explanation if self.reason is not None and self.reason in Reason.__members__ else None
        )


class OrderList(BaseModel):
    """Orders, the newest first; `next` continues the list."""

    items: list[OrderView]
    next: str | None = None
