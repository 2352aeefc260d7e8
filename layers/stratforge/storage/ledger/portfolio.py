"""A user's portfolio, signals, orders and trades, as they are read."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from psycopg.rows import dict_row

from stratforge.market.sizes import Action, Side, action_of
from stratforge.portfolio.margin import ShortPosition, buying_power, maintenance, night_fee
from stratforge.portfolio.orders import OrderOrigin
from stratforge.portfolio.reasons import explanation_of
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.pages import NumberedPage
from stratforge.storage.postgres.rows import fetch_all, fetch_one


class SignalStatus(StrEnum):
    """The lifecycle statuses of a signal."""

    PENDING = "PENDING"
    EXECUTED = "EXECUTED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class PositionRow:
    """A position at the latest price. Money is in dollars."""

    symbol: str
    session_id: UUID | None
    quantity: Decimal
    avg_entry_price: Decimal
    latest_price: Decimal
    market_value: Decimal
    unrealized_pnl: Decimal
    realized_pnl: Decimal

    @property
    def margin_needed(self) -> Decimal:
        """The margin that a short position needs to be held, in dollars; none for what is long."""
        return max(-self.quantity, Decimal(0)) * maintenance(self.latest_price)

    @property
    def borrow_fee(self) -> Decimal:
        """The cost of borrowing a short position for a night, in dollars."""
        return night_fee(max(-self.quantity, Decimal(0)), self.latest_price)


_POSITION = [field.name for field in fields(PositionRow)]


@dataclass(frozen=True, slots=True)
class PortfolioRow:
    """A user's money and open positions, read at one moment, in dollars.

    Attributes:
        short_selling: Whether the account may go short.
        day_equity: What they came to when the market's day began.
    """

    cash: Decimal
    reserved_cash: Decimal
    initial_balance: Decimal
    realized_pnl: Decimal
    positions: tuple[PositionRow, ...]
    short_selling: bool = False
    day_equity: Decimal | None = None

    @property
    def unrealized_pnl(self) -> Decimal:
        """Unrealized P&L of the open positions, in dollars."""
        return sum((row.unrealized_pnl for row in self.positions), Decimal(0))

    @property
    def buying_power(self) -> Decimal:
        """Buying power in dollars: free cash, less what short positions hold back of it."""
        owed = [ShortPosition(-each.quantity, each.latest_price) for each in self.positions if each.quantity < 0]
        return max(buying_power(self.cash, owed), Decimal(0)) if owed else self.cash

    @property
    def margin_needed(self) -> Decimal:
        """The margin that the short positions need to be held, in dollars; with less than that they are bought back."""
        return sum((row.margin_needed for row in self.positions), Decimal(0))

    @property
    def day_pnl(self) -> Decimal | None:
        """The change of equity since the beginning of the market's day; None before it was noted."""
        return None if self.day_equity is None else self.equity - self.day_equity

    @property
    def equity(self) -> Decimal:
        """Cash, reservations and positions at the latest prices."""
        return self.cash + self.reserved_cash + sum((row.market_value for row in self.positions), Decimal(0))

    @property
    def exposure(self) -> Decimal:
        """Value of all positions, long and short alike, as a fraction of the equity; zero where there is no equity."""
        held = sum((abs(row.market_value) for row in self.positions), Decimal(0))
        return held / self.equity if self.equity > 0 else Decimal(0)


@dataclass(frozen=True, slots=True)
class TradeRow:
    """A part of an order that was filled.

    Attributes:
        quantity: Shares or coins.
        price: Dollars a unit.
        realized_pnl: Dollars gained or lost against the average entry price; zero for what opens a position or adds to it.
        fee_quantity: Fees that were paid in coins.
        fee_cash: Fees that were paid in dollars.
        inside: Whether all of it crossed with opposite orders of the platform, at the price of the account's own fill in the market. How much of a
            trade did is what somebody else traded, and is not told.
        short: Whether it is of a short position: a sale that opened one or added to it, or a purchase that bought it back.
    """

    trade_id: int
    order_id: UUID
    symbol: str
    session_id: UUID | None
    side: Side
    quantity: Decimal
    price: Decimal
    realized_pnl: Decimal
    fee_quantity: Decimal
    fee_cash: Decimal
    executed_at: datetime
    inside: bool
    short: bool

    @property
    def action(self) -> Action:
        """The word for what it did."""
        return action_of(self.side, short=self.short)


@dataclass(frozen=True, slots=True)
class SignalRow:
    """A signal and what became of it.

    Attributes:
        bar_time: The start of the bar that it was made on.
        confidence: 0 to 1, as the strategy gave it.
        reason: Why nothing was traded for it; `explanation` says what it means.
        limit_price: The limit that the strategy gave its order; None without one.
        stop_price: The same of a stop.
        oco: Whether the two stand beside each other, so that one cancels the other.
        expire_bars: For how many bars it may rest; None for as long as it takes.
        short: Whether it is about a short position: a sale that opens one or adds to it, or a purchase that buys it back.
    """

    signal_id: int
    session_id: UUID
    symbol: str
    bar_time: datetime
    side: Side
    confidence: float
    status: SignalStatus
    reason: str | None
    limit_price: float | None
    stop_price: float | None
    expire_bars: int | None
    oco: bool
    short: bool

    @property
    def action(self) -> Action:
        """The word for what it was to do."""
        return action_of(self.side, short=self.short)

    @property
    def explanation(self) -> str | None:
        """The meaning of the reason, in a sentence; None without a reason."""
        return explanation_of(self.reason)


def read_portfolio(connection: Connection, user_id: UUID) -> PortfolioRow | None:
    """Balances and open positions, in one question."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """
            SELECT u.virtual_balance, u.reserved_cash, u.initial_balance, u.short_selling,
                   (SELECT coalesce(sum(r.realized_pnl), 0) FROM positions r WHERE r.user_id = u.id) AS all_realized_pnl,
                   (SELECT m.day_equity FROM equity_marks m WHERE m.user_id = u.id) AS day_equity,
                   p.symbol, p.session_id, p.quantity, p.avg_entry_price, coalesce(l.price, p.avg_entry_price) AS latest_price,
                   p.quantity * coalesce(l.price, p.avg_entry_price) AS market_value,
                   p.quantity * coalesce(l.price, p.avg_entry_price) - p.cost_basis AS unrealized_pnl, p.realized_pnl
            FROM users u
            LEFT JOIN positions p ON p.user_id = u.id AND p.quantity <> 0
            LEFT JOIN latest_prices l ON l.symbol = p.symbol
            WHERE u.id = %s ORDER BY p.symbol, p.session_id
            """,
            (user_id,),
        ).fetchall()
    if not rows:
        return None
    user = rows[0]
    return PortfolioRow(
        cash=user["virtual_balance"],
        reserved_cash=user["reserved_cash"],
        initial_balance=user["initial_balance"],
        realized_pnl=user["all_realized_pnl"],
        positions=tuple(
            PositionRow(**{name: row[name] for name in _POSITION}) for row in rows if row["symbol"] is not None
        ),
        short_selling=user["short_selling"],
        day_equity=user["day_equity"],
    )


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """Equity and cash at one moment of the market."""

    time: datetime
    equity: Decimal
    cash: Decimal


def equity_history(
    connection: Connection, user_id: UUID, start: datetime, end: datetime, points: int
) -> list[EquityPoint]:
    """Equity from `start` (or the first that was noted) to `end`, oldest first: the last of each of at most `points` equal stretches of time. Times are the market's."""
    return fetch_all(
        connection,
        EquityPoint,
        """
        WITH ours AS (SELECT ours_at(%(start)s) AS start, ours_at(%(end)s) AS stop),
        period AS (
            SELECT extract(epoch FROM market_at(greatest(ours.start, min(time)))) AS first, extract(epoch FROM market_at(least(ours.stop, max(time)))) + 1 AS last
            FROM equity_snapshots, ours WHERE user_id = %(user)s GROUP BY ours.start, ours.stop)
        SELECT market_at(time) AS time, equity, cash FROM (
            SELECT DISTINCT ON (stretch) time, equity, cash FROM (
                SELECT time, equity, cash, width_bucket(extract(epoch FROM market_at(time)), first, last, %(points)s) AS stretch
                FROM equity_snapshots, period, ours WHERE user_id = %(user)s AND time BETWEEN ours.start AND ours.stop AND first < last) s
            ORDER BY stretch, time DESC) latest
        ORDER BY 1
        """,
        {"user": user_id, "start": start, "end": end, "points": points},
    )


@dataclass(frozen=True, slots=True)
class DayEquity:
    """Equity as it was noted last before a market day closed."""

    day: date
    equity: Decimal


def daily_equity(connection: Connection, user_id: UUID, days: int) -> list[DayEquity]:
    """Equity at the close of each of the last market days that it was noted by, oldest first."""
    return fetch_all(
        connection,
        DayEquity,
        """
        SELECT d.day, noted.equity
        FROM (SELECT day, closes_at FROM market_days WHERE closes_at <= market_at(clock_timestamp()) ORDER BY day DESC LIMIT %(days)s) d
        CROSS JOIN LATERAL (SELECT equity FROM equity_snapshots WHERE user_id = %(user)s AND time <= ours_at(d.closes_at) ORDER BY time DESC LIMIT 1) noted
        ORDER BY d.day
        """,
        {"user": user_id, "days": days},
    )


@dataclass(frozen=True, slots=True)
class LedgerFilter:
    """A filter for listing trades or signals; None matches all.

    Attributes:
        status: Of signals alone.
        strategy_id: Whose sessions', of trades alone.
    """

    symbol: str | None = None
    session_id: UUID | None = None
    side: Side | None = None
    status: SignalStatus | None = None
    short: bool | None = None
    strategy_id: UUID | None = None


# What the filter says of trades and of signals alike.
_WANTED = """
    user_id = %(user)s AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s) AND (%(session_id)s::uuid IS NULL OR session_id = %(session_id)s)
    AND (%(side)s::text IS NULL OR side = %(side)s::trade_side) AND (%(short)s::boolean IS NULL OR short = %(short)s)
"""
_TRADE = "id AS trade_id, order_id, symbol, session_id, side::text, quantity, price, realized_pnl, fee_quantity, fee_cash, executed_at, inside, short"
_SIGNAL = "id AS signal_id, session_id, symbol, bar_time, side::text, confidence, status::text, reason, limit_price, stop_price, expire_bars, oco, short"


def get_trade(connection: Connection, trade_id: int) -> TradeRow | None:
    """Reads one trade; None if the connection's user has no such trade."""
    return fetch_one(connection, TradeRow, f"SELECT {_TRADE} FROM told_trades WHERE id = %s", (trade_id,))  # noqa: S608 - columns of this module


def trades_of_order(connection: Connection, order_id: UUID) -> list[TradeRow]:
    """The trades that an order led to, in the order of time."""
    query = f"SELECT {_TRADE} FROM told_trades WHERE order_id = %s ORDER BY executed_at, id"  # noqa: S608 - columns of this module
    return fetch_all(connection, TradeRow, query, (order_id,))


def get_signal(connection: Connection, signal_id: int) -> SignalRow | None:
    """Reads one signal; None if the connection's user has no such signal."""
    return fetch_one(connection, SignalRow, f"SELECT {_SIGNAL} FROM signals WHERE id = %s", (signal_id,))  # noqa: S608 - columns of this module


@dataclass(frozen=True, slots=True)
class OrderCause:
    """The cause of an order: its origin, and the start of its signal's bar if a signal placed it."""

    order_id: UUID
    origin: OrderOrigin
    bar_time: datetime | None


def causes_of_orders(connection: Connection, order_ids: Collection[UUID]) -> dict[UUID, OrderCause]:
    """Reads what placed each of some orders."""
    rows = fetch_all(
        connection,
        OrderCause,
        "SELECT o.id AS order_id, o.origin, s.bar_time FROM orders o LEFT JOIN signals s ON s.id = o.signal_id WHERE o.id = ANY(%s)",
        (list(order_ids),),
    )
    return {each.order_id: each for each in rows}


def list_trades(connection: Connection, user_id: UUID, wanted: LedgerFilter, page: NumberedPage) -> list[TradeRow]:
    """A page of a user's trades that pass the filter, in the page's order."""
    return fetch_all(
        connection,
        TradeRow,
        f"""
        SELECT {_TRADE} FROM told_trades
        WHERE {_WANTED} AND (%(strategy_id)s::uuid IS NULL OR session_id IN (SELECT id FROM sessions WHERE strategy_id = %(strategy_id)s))
        {page.clause("id", "executed_at")}
        """,  # noqa: S608 - column names of this module
        {"user": user_id, **asdict(wanted), **page.parameters},
    )


def trades_of_days(
    connection: Connection, user_id: UUID, days: str, symbol: str | None, how_many: int, strategy_id: UUID | None = None
) -> list[TradeRow]:
    """The newest of a user's trades on some days of their exchange; before all others those of the sessions of a strategy, where one is given.

    Args:
        days: A day such as `2026-03-04` with `_` for each digit that may be any: `____-03-04`, `2026-03-__`.
    """
    return fetch_all(
        connection,
        TradeRow,
        f"""
        SELECT {_TRADE} FROM told_trades
        WHERE user_id = %s AND (%s::text IS NULL OR symbol = %s)
          AND to_char(executed_at AT TIME ZONE CASE WHEN strpos(symbol, '/') > 0 THEN 'UTC' ELSE 'America/New_York' END, 'YYYY-MM-DD') LIKE %s
        ORDER BY (session_id IN (SELECT id FROM sessions WHERE strategy_id = %s)) IS NOT TRUE, executed_at DESC, id DESC LIMIT %s
        """,  # noqa: S608 - column names of this module
        (user_id, symbol, symbol, days, strategy_id, how_many),
    )


def list_signals(connection: Connection, user_id: UUID, wanted: LedgerFilter, page: NumberedPage) -> list[SignalRow]:
    """A page of a user's signals that pass the filter, in the page's order."""
    return fetch_all(
        connection,
        SignalRow,
        f"""
        SELECT {_SIGNAL} FROM signals
        WHERE {_WANTED} AND (%(status)s::text IS NULL OR status = %(status)s::signal_status)
        {page.clause("id", "bar_time")}
        """,  # noqa: S608 - column names of this module
        {"user": user_id, **asdict(wanted), **page.parameters},
    )


@dataclass(frozen=True, slots=True)
class AdjustmentRow:
    """A change of a session's position that is no trade: a borrow fee, a split, what the broker corrected.

    Attributes:
        time: By the market's clock.
        kind: What it was, such as BORROW_FEE.
        quantity: Shares or coins more, or less.
        cash: Dollars more, or less.
    """

    time: datetime
    symbol: str
    kind: str
    quantity: Decimal
    cash: Decimal


def adjustments_of_session(connection: Connection, user_id: UUID, session_id: UUID, limit: int) -> list[AdjustmentRow]:
    """The latest changes of a session's positions that are no trades, the newest first."""
    return fetch_all(
        connection,
        AdjustmentRow,
        """
        SELECT market_at(created_at) AS time, symbol, kind::text, quantity, cash FROM adjustments
        WHERE user_id = %s AND session_id = %s ORDER BY id DESC LIMIT %s
        """,
        (user_id, session_id, limit),
    )
