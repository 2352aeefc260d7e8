"""What orders look like to clients."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, computed_field
from stratforge.portfolio.reasons import Reason

from functions.api.formats import Number


class PreviewView(BaseModel):
    """What would become of an order now. Prices move: it is no promise."""

    model_config = ConfigDict(from_attributes=True)

    outcome: str = Field(
        description="join (trades now), rest (waits in the book), wait (for the market to open) or refuse"
    )
    quantity: Number
    price: Number | None = Field(description="The latest price")
    price_at: datetime | None
    cost: Number = Field(description="What it comes to at its own price, or at the latest")
    reserved_cash: Number = Field(description="What is held back for it: at the worst price it may trade at")
    cash_after: Number
    position_after: Number
    reason: str | None
    explanation: str | None


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
