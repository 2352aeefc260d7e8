"""The interface of a broker. Nothing else of the broker is reachable from our code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Protocol

from stratforge.broker.refusals import Refusal
from stratforge.market.corporate_actions import CorporateAction
from stratforge.market.sizes import Side
from stratforge.portfolio.assets import AssetRules
from stratforge.portfolio.calendar import MarketDay
from stratforge.portfolio.order_states import Phase, meaning_of


@dataclass(frozen=True, slots=True)
class Accepted:
    """The broker has taken the order, under an id of its own."""

    broker_order_id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The broker refused the order; it does not exist there."""

    message: str
    kind: Refusal = Refusal.INVALID_ORDER

    @property
    def duplicate(self) -> bool:
        """True if the broker has an order of this id already."""
        return self.kind is Refusal.DUPLICATE_ID


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows whether the broker has the order: the reply was lost, or was not an answer. To be looked up."""

    message: str


Submission = Accepted | Rejected | Unknown


@dataclass(frozen=True, slots=True)
class BrokerOrder:
    """An order as the broker has it; figures are cumulative.

    Where the broker put another order in its place, the figures and the status are those of both together, the broker's id and
    the symbol those of the last, and `client_order_id` is what it was sent under; `replaced_ids` are the broker's ids of those before.
    """

    broker_order_id: str
    client_order_id: str
    symbol: str
    status: str
    filled_quantity: Decimal
    filled_average_price: Decimal | None
    updated_at: datetime
    sent_at: datetime
    side: Side = Side.BUY
    replaced_ids: tuple[str, ...] = ()

    @property
    def broker_order_ids(self) -> tuple[str, ...]:
        """The broker's ids of all orders that it was."""
        return (*self.replaced_ids, self.broker_order_id)

    @property
    def ended(self) -> bool:
        """True if the order has a final status at the broker."""
        return self.phase is Phase.ENDED

    @property
    def phase(self) -> Phase:
        """Tells whether the order can still be filled."""
        return meaning_of(self.status).phase


@dataclass(frozen=True, slots=True)
class FillActivity:
    """An execution from the broker's own account statement."""

    activity_id: str
    broker_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class OrdersRead:
    """Some of the account's orders, by the time they were sent; `until` is the time up to which these are all, None when there are no more."""

    orders: list[BrokerOrder]
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccountState:
    """The account at the broker, in the ledger's dollars: for what can be bought on margin, for what cannot, and what it is worth."""

    buying_power: Decimal
    cash_power: Decimal
    equity: Decimal


class Broker(Protocol):
    """A broker as the executor needs it: orders sent, canceled and looked up, assets and trading days, and the account.

    Quantities are the ledger's on both sides of this interface; `scale` of its units are one unit at the broker.
    """

    @property
    def scale(self) -> Decimal:
        """Units of the ledger for one at the broker."""
        ...

    def account(self) -> AccountState:
        """The account's buying power. Raises `BrokerUnavailable`."""
        ...

    def submit(
        self,
        *,
        client_order_id: str,
        symbol: str,
        side: Side,
        quantity: Decimal,
        limit_price: Decimal,
    ) -> Submission:
        """Sends a limit order, once. Never raises for what the network or the broker does.

        Raises:
            BrokerBusy: before anything was sent, when the minute's requests are used up.
            BrokerRefusesPlatform: when the broker took nothing because of who asks, not of what is asked.
        """
        ...

    def cancel(self, broker_order_id: str) -> bool:
        """Asks for the end of an order; False when it has ended already. Raises `BrokerUnavailable`."""
        ...

    def find_order(self, client_order_id: str) -> BrokerOrder | None:
        """The order with this id, or None when the broker has none. Raises `BrokerUnavailable`."""
        ...

    def asset(self, symbol: str) -> tuple[AssetRules, str] | None:
        """The rules and the name of an asset, or None when there is none. Raises `BrokerUnavailable`."""
        ...

    def calendar(self, start: date, end: date) -> list[MarketDay]:
        """The trading days from `start` to `end`. Raises `BrokerUnavailable`."""
        ...


class BrokerStatement(Broker, Protocol):
    """A broker as the reconciler needs it: also positions, past orders, fills, assets and corporate actions."""

    def check_account(self) -> None:
        """Looks whether the account may trade. Raises `BrokerRefusesPlatform` if it may not, or `BrokerUnavailable`."""
        ...

    def positions(self) -> dict[str, Decimal]:
        """Shares and coins that the account holds, by symbol. Raises `BrokerUnavailable`."""
        ...

    def orders_since(self, since: datetime, until: datetime | None = None) -> list[BrokerOrder]:
        """All orders that were sent since then, and before `until`, whatever became of them. Raises `BrokerUnavailable`."""
        ...

    def first_orders(
        self, since: datetime, until: datetime | None = None, *, pages: int, symbols: Sequence[str] = ()
    ) -> OrdersRead:
        """The first of these orders, as many as come in so many requests; only those of the symbols, if any are named. Raises `BrokerUnavailable`."""
        ...

    def name_of_order(self, broker_order_id: str) -> str | None:
        """Our id of the order that the broker has under one of his own, or None when he has none. Raises `BrokerUnavailable`."""
        ...

    def fills_since(self, since: datetime, until: datetime | None = None) -> list[FillActivity]:
        """All executions since then, and before `until`. Raises `BrokerUnavailable`."""
        ...

    def assets(self) -> list[tuple[AssetRules, str]]:
        """All assets that can be traded, with their names. Raises `BrokerUnavailable`."""
        ...

    def corporate_actions(self, symbols: Sequence[str], start: date, end: date) -> list[CorporateAction]:
        """Corporate actions that take effect between the two days. Raises `BrokerUnavailable`."""
        ...

    def now(self) -> datetime:
        """The time by the market's clock, aware. Raises `BrokerUnavailable`."""
        ...


class RequestBudget(Protocol):
    """The request budget of the minute, shared by all functions."""

    def take(self, purpose: Literal["submit", "read"]) -> bool:
        """Takes one; False when there is none for this purpose. The last quarter is kept for submissions."""
        ...


class BrokerUnavailable(RuntimeError):
    """The broker did not answer a question; it may be asked again."""


class BrokerRefusesPlatform(BrokerUnavailable):
    """The broker refuses the platform itself: its keys are wrong or revoked, or its account may not trade.

    Nothing was taken, and no user's order is to blame: orders wait, and somebody is told.
    """


class BrokerBusy(BrokerUnavailable):
    """The minute's requests are used up; nothing was sent."""
