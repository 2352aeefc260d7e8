"""Orders by hand: placed, replaced and canceled. What becomes of them is the executor's."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stratforge.application import quotas
from stratforge.application.access import Caller, Scope
from stratforge.application.decimals import text_of, text_of_part
from stratforge.application.errors import Conflict, Invalid, NotFound, existing
from stratforge.application.idempotency import RequestKey
from stratforge.application.quotas import spend
from stratforge.application.strategies import Symbol
from stratforge.bus.outbox import Outbox
from stratforge.market.sizes import Side, SizeKind
from stratforge.portfolio.orders import InvalidOrderTerms, OrderOrigin, OrderStatus, OrderTerms, OrderType, TimeInForce
from stratforge.portfolio.reasons import Reason
from stratforge.storage.ledger import order_book, portfolio
from stratforge.storage.ledger.order_book import ClientOrderIdTaken, NewOrder, StoredOrder
from stratforge.storage.ledger.symbols import lock_symbol
from stratforge.storage.market import assets
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import sessions

Amount = Annotated[Decimal, Field(gt=0, le=Decimal(10**9), max_digits=20, decimal_places=9), text_of(9, 9)]
Price = Annotated[Decimal, Field(gt=0, le=Decimal(10**7), max_digits=16, decimal_places=9), text_of(7, 9)]
Percent = Annotated[Decimal, Field(gt=0, lt=100, decimal_places=4), text_of(2, 4)]

ClientOrderId = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,128}$")]


class OrderSize(BaseModel):
    """The size of an order: exactly one of a quantity, an amount of money, or a fraction (of equity to buy, of the
    position to sell)."""

    quantity: Amount | None = None
    notional: Amount | None = None
    fraction: Annotated[Decimal, Field(gt=0, le=1, decimal_places=6), text_of_part(6, whole_too=True)] | None = None

    @model_validator(mode="after")
    def one_size(self) -> Self:
        """Checks that exactly one size is given; raises ValueError otherwise."""
        if sum(each is not None for each in (self.quantity, self.notional, self.fraction)) != 1:
            raise ValueError("give exactly one of quantity, notional and fraction")
        return self

    def size(self) -> tuple[SizeKind, Decimal]:
        """The size that was given, with its kind: a quantity, dollars, or a fraction."""
        if self.quantity is not None:
            return SizeKind.QUANTITY, self.quantity
        if self.notional is not None:
            return SizeKind.NOTIONAL, self.notional
        assert self.fraction is not None
        return SizeKind.FRACTION, self.fraction


class PlaceOrder(OrderSize):
    """The request to place an order: symbol, side, type, prices, and one size."""

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
    side: Side
    type: OrderType = OrderType.MARKET
    time_in_force: TimeInForce = TimeInForce.DAY
    limit_price: Price | None = None
    stop_price: Price | None = None
    trail_percent: Percent | None = None
    trail_price: Price | None = None
    session_id: UUID | None = Field(None, description="Sell what this session holds instead of what was bought by hand")
    client_order_id: ClientOrderId | None = Field(
        None, description="What your program calls it: unique among your orders"
    )

    @model_validator(mode="after")
    def terms_go_together(self) -> Self:
        """The prices go with the type."""
        try:
            self.terms().check()
        except InvalidOrderTerms as error:
            raise ValueError(str(error)) from None
        if self.session_id is not None and self.side == Side.BUY:
            raise ValueError("session_id is for sales: a session buys by its strategy")
        return self

    def terms(self) -> OrderTerms:
        """Returns the order's side, type and prices."""
        return OrderTerms(self.side, self.type, self.limit_price, self.stop_price, self.trail_percent, self.trail_price)


class OrderChange(BaseModel):
    """A change to a waiting order; a field that is left out stays as it is. A replacement is a new order."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"limit_price": "186.00"}]})

    quantity: Amount | None = None
    limit_price: Price | None = None
    stop_price: Price | None = None
    trail_percent: Percent | None = None
    trail_price: Price | None = None
    time_in_force: TimeInForce | None = None


def place_order(
    database: Database, outbox: Outbox, caller: Caller, request: PlaceOrder, key: RequestKey
) -> StoredOrder:
    """Places an order, which the executor accepts or refuses a moment later. Its symbol is streamed from then on.

    Raises:
        Invalid: if it is to buy what the broker does not have.
        NotFound: if it is to sell what a session holds that the caller does not have.
        Conflict: if another order of the caller has its client order id.
    """
    caller.require(Scope.TRADE)
    kind, size = request.size()
    with database.transaction(caller) as connection:
        spend(connection, caller, quotas.ORDERS)
        if request.side == Side.BUY and not assets.may_exist(connection, request.symbol):
            raise Invalid(Reason.UNKNOWN_ASSET.explanation, code="unknown-symbol")
        if request.session_id is not None and sessions.get_session(connection, request.session_id) is None:
            raise NotFound("session")
        new = NewOrder(
            request.symbol,
            request.terms(),
            request.time_in_force,
            kind,
            size,
            request.session_id,
            client_order_id=request.client_order_id,
        )
        try:
            placed = order_book.place_order(connection, caller.user_id, new, key.new_id(connection, caller.user_id))
        except ClientOrderIdTaken:
            message = f"Another of your orders has the client_order_id {request.client_order_id}; list orders by it, or choose another."
            raise Conflict(message, code="client-order-id-taken") from None
    outbox.wake_executor(placed.symbol, f"order-{placed.order_id}")
    outbox.request_subscription(placed.symbol)
    return placed


def cancel_order(database: Database, outbox: Outbox, caller: Caller, order_id: UUID) -> StoredOrder:
    """Asks for the end of an order. What is filled stays; an order that has ended stays as it is.

    Raises:
        NotFound: if there is no such order.
    """
    caller.require(Scope.TRADE)
    with database.transaction(caller) as connection:
        spend(connection, caller, quotas.CANCELLATIONS)
        found = existing(order_book.request_cancel(connection, order_id), "order")
    if found.cancel_requested and found.status in order_book.OPEN:
        outbox.wake_executor(found.symbol, f"cancel-{order_id}")
    return found


def cancel_all_orders(
    database: Database, outbox: Outbox, caller: Caller, symbol: str | None = None
) -> list[StoredOrder]:
    """Asks for the end of all the caller's open orders, of sessions too, on one symbol or on all. Sales that close a position go on."""
    caller.require(Scope.TRADE)
    with database.transaction(caller) as connection:
        spend(connection, caller, quotas.CANCELLATIONS)
        found = order_book.symbols_with_open_orders(connection, caller.user_id)
    called_off: list[StoredOrder] = []
    # A symbol at a time, so that whoever executes it never waits for more than its own orders.
    for each in found if symbol is None else [symbol] if symbol in found else []:
        with database.transaction(caller) as connection:
            lock_symbol(connection, each)
            called_off += order_book.request_cancel_of_all(connection, caller.user_id, each)
        outbox.wake_executor(each, f"cancel-all-{caller.user_id}-{datetime.now(UTC):%H%M%S%f}")
    return called_off


def close_positions(
    database: Database, outbox: Outbox, caller: Caller, symbol: str | None = None, *, sessions_too: bool = True
) -> list[StoredOrder]:
    """Sells all that the caller holds of a symbol, or of all: by hand, and in sessions, which go on. Sales that wait for it are called off.
    Asking again places nothing twice.

    Returns:
        The orders that sell it.

    Raises:
        NotFound: if nothing is held of the symbol.
    """
    caller.require(Scope.TRADE)
    with database.transaction(caller) as connection:
        spend(connection, caller, quotas.CANCELLATIONS)
        owned = existing(portfolio.read_portfolio(connection, caller.user_id), "portfolio").positions
    holders: dict[str, list[UUID | None]] = {}
    for position in owned:
        if symbol in (None, position.symbol) and (sessions_too or position.session_id is None):
            holders.setdefault(position.symbol, []).append(position.session_id)
    if symbol is not None and not holders:
        raise NotFound("position")
    closing: list[StoredOrder] = []
    for each, sessions_of_it in sorted(holders.items()):
        with database.transaction(caller) as connection:
            lock_symbol(connection, each)
            for session_id in sessions_of_it:
                if session_id is None:
                    order_book.sell_all(connection, caller.user_id, each, None)
                else:
                    sessions.flatten_session(connection, session_id)
            closing += order_book.closing_orders(connection, caller.user_id, each)
        outbox.wake_executor(each, f"close-{caller.user_id}-{datetime.now(UTC):%H%M%S%f}")
    return closing


def replace_order(
    database: Database, outbox: Outbox, caller: Caller, order_id: UUID, change: OrderChange, key: RequestKey
) -> StoredOrder:
    """Replaces an order that waits by a new one; the old one ends when the new one is accepted, and stays when it is refused.

    Raises:
        NotFound: if there is no such order.
        Conflict: if a strategy placed it, or it does not wait any more.
        Invalid: if the prices that come out do not go with its type.
    """
    caller.require(Scope.TRADE)
    with database.transaction(caller) as connection:
        spend(connection, caller, quotas.ORDERS)
        old = existing(order_book.get_order(connection, order_id), "order")
        if old.origin is not OrderOrigin.MANUAL:
            raise Conflict("Orders of strategies cannot be replaced.", code="not-by-hand")
        if old.status not in (OrderStatus.PENDING, OrderStatus.RESTING):
            raise Conflict(f"The order is {old.status}; only one that waits can be replaced.", code="order-not-waiting")
        new_id = key.new_id(connection, caller.user_id)
        placed = order_book.place_order(connection, caller.user_id, _changed(old, change), new_id)
    outbox.wake_executor(placed.symbol, f"order-{placed.order_id}")
    return placed


def _changed(old: StoredOrder, change: OrderChange) -> NewOrder:
    prices = change.model_dump(exclude_none=True, include={"limit_price", "stop_price", "trail_percent", "trail_price"})
    # One way of trailing takes the place of the other.
    if "trail_percent" in prices:
        prices["trail_price"] = None
    elif "trail_price" in prices:
        prices["trail_percent"] = None
    terms = replace(old.terms, **prices)
    try:
        terms.check()
    except InvalidOrderTerms as error:
        raise Invalid(f"{error}.") from None
    left = old.quantity - old.filled_quantity
    kind, size = (old.size_kind, old.size) if left <= 0 else (SizeKind.QUANTITY, left)
    if change.quantity is not None:
        kind, size = SizeKind.QUANTITY, change.quantity
    return NewOrder(
        old.symbol, terms, change.time_in_force or old.time_in_force, kind, size, old.session_id, replaces=old.order_id
    )
