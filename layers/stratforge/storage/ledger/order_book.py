"""A person's orders: placed as wishes, read, called off. What becomes of them is the executor's."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from psycopg.errors import UniqueViolation

from stratforge.market.sizes import Action, Side, SizeKind, action_of
from stratforge.portfolio.orders import OrderOrigin, OrderStatus, OrderTerms, OrderType, TimeInForce
from stratforge.portfolio.reasons import explanation_of
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.pages import Page
from stratforge.storage.postgres.rows import fetch_all, fetch_one

OPEN = (OrderStatus.PENDING, OrderStatus.RESTING, OrderStatus.WORKING)
_COLUMNS = """o.id AS order_id, o.symbol, o.side::text, o.origin::text, o.type::text, o.time_in_force::text, o.session_id, o.signal_id,
    o.size_kind, o.size, o.quantity, o.limit_price, o.stop_price, o.trail_percent, o.trail_price, o.water_mark, o.filled_quantity,
    CASE WHEN o.filled_quantity > 0 THEN round(o.filled_value / o.filled_quantity, 12) END AS average_price, o.fee_quantity, o.fee_cash,
    o.status::text, o.reason, o.cancel_requested_at IS NOT NULL AS cancel_requested, o.replaces_order_id, o.created_at, market_at(o.created_at) AS placed_at,
    o.expires_at,    o.completed_at, o.client_order_id, o.decided_at, o.exit_level, o.exit_fraction, o.last_bar, o.short"""


@dataclass(frozen=True, slots=True)
class StoredOrder:
    """An order as its owner sees it.

    Attributes:
        size: What was asked for: by `size_kind` shares or coins, dollars, or a fraction.
        quantity: Shares or coins; zero until it is accepted.
        trail_percent: How far the stop stays behind the best price, in percent of it.
        trail_price: The same in dollars.
        water_mark: The best price since it rests, which a trailing stop follows.
        average_price: Dollars a unit, of what is filled.
        fee_quantity: Fees that were paid in coins.
        fee_cash: Fees that were paid in dollars.
        reason: Why it was refused, canceled or expired; `explanation` says what it means.
        cancel_requested: Its end was asked for; what is filled until then stays.
        placed_at: When it was placed, by the market's clock.
        client_order_id: What its owner's program calls it.
        decided_at: When it was accepted or refused, by the market's clock.
        exit_level: The price at which the session's stop or target was to sell; None for other orders.
        last_bar: The last bar of its session on which it may fill, by the session's count of bars; None where no bar ends it.
        exit_fraction: What that stop or target was set to, as a fraction of the entry or, for a trailing stop, of the best price.
        short: Whether it is of a short position: a sale that opens one or adds to it, or a purchase that buys it back.
    """

    order_id: UUID
    symbol: str
    side: Side
    origin: OrderOrigin
    type: OrderType
    time_in_force: TimeInForce
    session_id: UUID | None
    signal_id: int | None
    size_kind: SizeKind
    size: Decimal
    quantity: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None
    trail_percent: Decimal | None
    trail_price: Decimal | None
    water_mark: Decimal | None
    filled_quantity: Decimal
    average_price: Decimal | None
    fee_quantity: Decimal
    fee_cash: Decimal
    status: OrderStatus
    reason: str | None
    cancel_requested: bool
    replaces_order_id: UUID | None
    created_at: datetime
    placed_at: datetime
    expires_at: datetime | None
    completed_at: datetime | None
    client_order_id: str | None
    decided_at: datetime | None
    exit_level: Decimal | None
    exit_fraction: Decimal | None
    last_bar: int | None
    short: bool

    @property
    def explanation(self) -> str | None:
        """The meaning of the reason, in a sentence; None without a reason."""
        return explanation_of(self.reason)

    @property
    def action(self) -> Action:
        """The word for what it does."""
        return action_of(self.side, short=self.short)

    @property
    def terms(self) -> OrderTerms:
        """The order's side, type and prices."""
        prices = (self.limit_price, self.stop_price, self.trail_percent, self.trail_price)
        return OrderTerms(self.side, self.type, *prices, self.short)


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order that a person places."""

    symbol: str
    terms: OrderTerms
    time_in_force: TimeInForce
    size_kind: SizeKind
    size: Decimal
    session_id: UUID | None = None
    replaces: UUID | None = None
    client_order_id: str | None = None


class ClientOrderIdTaken(ValueError):
    """Another order of the user has this client order id."""


def place_order(connection: Connection, user_id: UUID, new: NewOrder, order_id: UUID | None = None) -> StoredOrder:
    """Places an order; the executor must be woken after the commit. An id of the caller's choice makes it safe to repeat.

    Raises:
        ClientOrderIdTaken: if another order of the user is called so; the transaction is at its end.
    """
    try:
        return _place(connection, user_id, new, order_id)
    except UniqueViolation:
        raise ClientOrderIdTaken(new.client_order_id) from None


def _place(connection: Connection, user_id: UUID, new: NewOrder, order_id: UUID | None) -> StoredOrder:
    terms = new.terms
    placed = fetch_one(
        connection,
        StoredOrder,
        f"""
        INSERT INTO orders AS o (id, user_id, session_id, symbol, side, origin, type, time_in_force, size_kind, size, limit_price, stop_price,
                                 trail_percent, trail_price, replaces_order_id, client_order_id)
        VALUES (coalesce(%s, gen_random_uuid()), %s, %s, %s, %s, 'MANUAL', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (id) DO NOTHING RETURNING {_COLUMNS}
        """,  # noqa: S608 - column names of this module
        (
            order_id,
            user_id,
            new.session_id,
            new.symbol,
            terms.side,
            terms.type,
            new.time_in_force,
            new.size_kind,
            new.size,
            terms.limit_price,
            terms.stop_price,
            terms.trail_percent,
            terms.trail_price,
            new.replaces,
            new.client_order_id,
        ),
    )
    stored = placed or (get_order(connection, order_id) if order_id else None)
    assert stored is not None
    return stored


def get_order(connection: Connection, order_id: UUID) -> StoredOrder | None:
    """Reads one order; None if the connection's user has no such order."""
    query = f"SELECT {_COLUMNS} FROM orders o WHERE o.id = %s"  # noqa: S608 - column names of this module
    return fetch_one(connection, StoredOrder, query, (order_id,))


@dataclass(frozen=True, slots=True)
class BlockOfOrder:
    """A block order that an order was in, as far as it concerns that order.

    Attributes:
        reference_price: The last price when it was made, in dollars a unit.
        stored_at: When it was made, by our clock, as the other times.
        submitted_at: When the broker had it; None where it never came to that.
        completed_at: When it had ended.
    """

    block_id: UUID
    reference_price: Decimal
    stored_at: datetime
    submitted_at: datetime | None
    completed_at: datetime | None


def blocks_of_order(connection: Connection, order_id: UUID) -> list[BlockOfOrder]:
    """The block orders that an order of the connection's user was or is in, the oldest first."""
    return fetch_all(
        connection,
        BlockOfOrder,
        "SELECT block_id, reference_price, stored_at, submitted_at, completed_at FROM blocks_of_order(%s)",
        (order_id,),
    )


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """A filter for listing orders; None matches all."""

    symbol: str | None = None
    session_id: UUID | None = None
    open: bool | None = None
    status: OrderStatus | None = None
    side: Side | None = None
    client_order_id: str | None = None


def list_orders(connection: Connection, user_id: UUID, wanted: OrderFilter, page: Page) -> list[StoredOrder]:
    """A page of a user's orders that pass the filter, in the page's order."""
    return fetch_all(
        connection,
        StoredOrder,
        f"""
        SELECT {_COLUMNS} FROM orders o
        WHERE o.user_id = %(user)s AND (%(symbol)s::text IS NULL OR o.symbol = %(symbol)s)
          AND (%(session_id)s::uuid IS NULL OR o.session_id = %(session_id)s)
          AND (%(open)s::boolean IS NULL OR (o.status IN ('PENDING', 'RESTING', 'WORKING')) = %(open)s)
          AND (%(status)s::text IS NULL OR o.status = %(status)s::order_status) AND (%(side)s::text IS NULL OR o.side = %(side)s::trade_side)
          AND (%(client_order_id)s::text IS NULL OR o.client_order_id = %(client_order_id)s)
        {page.clause("o.created_at", "o.id")}
        """,  # noqa: S608 - column names of this module
        {"user": user_id, **asdict(wanted), **page.parameters},
    )


def request_cancel(connection: Connection, order_id: UUID) -> StoredOrder | None:
    """Asks for the end of an order; one that has ended stays as it is. The executor must be woken after the commit."""
    connection.execute(
        """
        UPDATE orders SET cancel_requested_at = coalesce(cancel_requested_at, now())
        WHERE id = %s AND status IN ('PENDING', 'RESTING', 'WORKING')
        """,
        (order_id,),
    )
    return get_order(connection, order_id)


def symbols_with_open_orders(connection: Connection, user_id: UUID) -> list[str]:
    """Symbols on which a user has open orders, in order."""
    query = "SELECT DISTINCT symbol FROM orders WHERE user_id = %s AND status IN ('PENDING', 'RESTING', 'WORKING') ORDER BY symbol"
    return [symbol for (symbol,) in connection.execute(query, (user_id,))]


def request_cancel_of_all(connection: Connection, user_id: UUID, symbol: str) -> list[StoredOrder]:
    """Asks for the end of a user's open orders on a symbol, which the transaction has locked. What sells a position that is being closed goes on.

    The executor must be woken after the commit. Returns every open order whose end was asked for, now or before.
    """
    return fetch_all(
        connection,
        StoredOrder,
        f"""
        UPDATE orders o SET cancel_requested_at = coalesce(cancel_requested_at, now())
        WHERE user_id = %s AND symbol = %s AND status IN ('PENDING', 'RESTING', 'WORKING') AND origin <> 'FLATTEN'
        RETURNING {_COLUMNS}
        """,  # noqa: S608 - column names of this module
        (user_id, symbol),
    )


def sell_all(connection: Connection, user_id: UUID, symbol: str, session_id: UUID | None) -> None:
    """Places a market order to sell all that a session holds of a symbol, or the user by hand, or to buy back what it owes, unless what is open does all of it already.
    Other sales or covers, which hold shares of it back, are called off. The transaction has locked the symbol; the executor must be woken after the commit.
    """
    holder = {"user": user_id, "symbol": symbol, "session": session_id}
    connection.execute(
        """
        UPDATE orders SET cancel_requested_at = coalesce(cancel_requested_at, now())
        WHERE user_id = %(user)s AND symbol = %(symbol)s AND session_id IS NOT DISTINCT FROM %(session)s AND (side = 'sell') <> short AND origin <> 'FLATTEN'
          AND status IN ('PENDING', 'RESTING', 'WORKING')
        """,
        holder,
    )
    connection.execute(
        """
        WITH sales AS (
            SELECT coalesce(sum(quantity - filled_quantity), 0) AS quantity, count(*) FILTER (WHERE status = 'PENDING') AS undecided FROM orders
            WHERE user_id = %(user)s AND symbol = %(symbol)s AND session_id IS NOT DISTINCT FROM %(session)s AND origin = 'FLATTEN'
              AND status IN ('PENDING', 'RESTING', 'WORKING') AND cancel_requested_at IS NULL)
        INSERT INTO orders (user_id, session_id, symbol, side, short, origin, type, time_in_force, size_kind, size)
        SELECT p.user_id, p.session_id, p.symbol, CASE WHEN p.quantity < 0 THEN 'buy' ELSE 'sell' END::trade_side, p.quantity < 0, 'FLATTEN', 'market', 'gtc',
               'fraction', 1
        FROM positions p, sales
        WHERE p.user_id = %(user)s AND p.symbol = %(symbol)s AND p.session_id IS NOT DISTINCT FROM %(session)s
          AND abs(p.quantity) > sales.quantity AND sales.undecided = 0
        """,
        holder,
    )


def closing_orders(connection: Connection, user_id: UUID, symbol: str) -> list[StoredOrder]:
    """A user's open orders that sell all of a position of a symbol, his own's and his sessions', the oldest first."""
    return fetch_all(
        connection,
        StoredOrder,
        f"""
        SELECT {_COLUMNS} FROM orders o
        WHERE o.user_id = %s AND o.symbol = %s AND o.origin = 'FLATTEN' AND o.status IN ('PENDING', 'RESTING', 'WORKING')
          AND o.cancel_requested_at IS NULL
        ORDER BY o.created_at, o.id
        """,  # noqa: S608 - column names of this module
        (user_id, symbol),
    )
