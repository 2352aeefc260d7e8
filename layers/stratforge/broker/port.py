"""What we ask of a broker. Nothing else of its interface is reachable from our code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Accepted:
    """The broker has the order."""

    broker_order_id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The broker refused the order; it does not exist there."""

    message: str
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows whether the broker has the order: the reply was lost, or was not an answer. To be looked up."""

    message: str


Submission = Accepted | Rejected | Unknown


@dataclass(frozen=True, slots=True)
class BrokerOrder:
    """An order as the broker has it; figures are cumulative."""

    broker_order_id: str
    client_order_id: str
    symbol: str
    status: str
    filled_quantity: Decimal
    filled_average_price: Decimal | None
    updated_at: datetime


class Broker(Protocol):
    """The port."""

    def submit(
        self,
        *,
        client_order_id: str,
        symbol: str,
        side: Literal["buy", "sell"],
        quantity: Decimal,
        limit_price: Decimal,
    ) -> Submission:
        """Sends a limit order, once. Never raises for what the network or the broker does."""
        ...

    def find_order(self, client_order_id: str) -> BrokerOrder | None:
        """The order with this id, or None when the broker has none. Raises `BrokerUnavailable`."""
        ...

    def positions(self) -> dict[str, Decimal]:
        """Quantities by symbol. Raises `BrokerUnavailable`."""
        ...


class BrokerUnavailable(RuntimeError):
    """The broker did not answer a question; it may be asked again."""
