"""Building ledgers for tests: users with running sessions, and a broker that answers as told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from stratforge.broker import Accepted, BrokerOrder, Refusal, Rejected, Submission, Unknown
from stratforge.bus.messages import OrderUpdate
from stratforge.market import Bar, is_crypto
from stratforge.portfolio.assets import AssetRules
from stratforge.portfolio.calendar import MarketDay
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.strategies.sessions import SessionSettings, start_session
from stratforge.storage.strategies.strategies import Description, Origin, add_strategy
from stratforge.storage.users.accounts import register_user
from stratforge.strategy import compile_strategy

CODE = "def on_bar(bar, position, state):\n    return buy()\n"
OPEN = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Trader:
    """A user with a running session."""

    user_id: UUID
    session_id: UUID


def add_trader(
    connection: Connection, name: str, symbol: str = "AAPL", cash: int = 100_000, sizing: str = "0.1"
) -> Trader:
    """Registers a user and starts a session."""
    user_id = register_user(connection, f"{name}@example.com", "hash", Decimal(cash))
    assert user_id is not None
    strategy = add_strategy(connection, user_id, Description("test", symbol, ""), compile_strategy(CODE), Origin())
    session = start_session(
        connection, user_id, strategy.strategy_id, 1, symbol, SessionSettings("EQUITY_FRACTION", Decimal(sizing))
    )
    return Trader(user_id, session.session_id)


def set_price(
    connection: Connection, price: str, minute: int = 0, symbol: str = "AAPL", low: str = "", high: str = ""
) -> datetime:
    """A finished bar that closes at a price; gives its start."""
    time = OPEN + timedelta(minutes=minute)
    value = Decimal(price)
    bar = Bar(symbol, time, value, Decimal(high or price), Decimal(low or price), value, Decimal(1000))
    market_data.set_bar_price(connection, bar)
    return time


def add_signal(
    connection: Connection, trader: Trader, side: str, time: datetime, symbol: str = "AAPL", **size: float
) -> None:
    """Writes a pending signal."""
    kind, value = next(iter(size.items())) if size else ("default", 0.0)
    connection.execute(
        "INSERT INTO signals (session_id, user_id, symbol, bar_time, side, confidence, size_kind, size) "
        "VALUES (%s, %s, %s, %s, %s, 1, %s, %s)",
        (trader.session_id, trader.user_id, symbol, time, side, kind, value),
    )


@dataclass
class FakeBroker:
    """A broker in memory, by the same port as Alpaca. `answer` decides what a submission comes to."""

    answer: Callable[[str], Submission] | None = None
    orders: dict[str, dict[str, object]] = field(default_factory=dict)
    submissions: list[str] = field(default_factory=list)
    canceled: list[str] = field(default_factory=list)
    rules: dict[str, AssetRules | None] = field(default_factory=dict)

    def submit(
        self, *, client_order_id: str, symbol: str, side: str, quantity: Decimal, limit_price: Decimal
    ) -> Submission:
        """Takes an order, unless told otherwise."""
        self.submissions.append(client_order_id)
        if client_order_id in self.orders:
            return Rejected("client_order_id must be unique", Refusal.DUPLICATE_ID)
        answer = self.answer(client_order_id) if self.answer else Accepted(f"broker-{client_order_id}")
        if not isinstance(answer, Rejected):
            self.orders[client_order_id] = {"symbol": symbol, "side": side, "quantity": quantity, "limit": limit_price}
        return answer

    def lose(self, client_order_id: str) -> Submission:
        """An answer that gets lost although the order was taken."""
        return Unknown("timed out")

    def find_order(self, client_order_id: str) -> BrokerOrder | None:
        """Looks an order up."""
        order = self.orders.get(client_order_id)
        if order is None:
            return None
        return BrokerOrder(
            f"broker-{client_order_id}", client_order_id, str(order["symbol"]), "new", Decimal(0), None, OPEN
        )

    def cancel(self, broker_order_id: str) -> bool:
        """Notes the wish."""
        self.canceled.append(broker_order_id)
        return True

    def asset(self, symbol: str) -> tuple[AssetRules, str] | None:
        """Everything there is can be traded in fractions, unless told otherwise."""
        rules = self.rules.get(symbol, AssetRules(symbol, crypto=is_crypto(symbol)))
        return (rules, symbol) if rules is not None else None

    def calendar(self, start: date, end: date) -> list[MarketDay]:
        """Every weekday from 9:30 to 16:00 in New York."""
        days = [start + timedelta(days=offset) for offset in range((end - start).days + 1)]
        new_york = ZoneInfo("America/New_York")
        return [
            MarketDay(datetime.combine(day, clock(9, 30), new_york), datetime.combine(day, clock(16, 0), new_york), day)
            for day in days
            if day.weekday() < 5
        ]

    def fill(
        self, client_order_id: str, quantity: Decimal, price: Decimal, event: str, total: Decimal, average: Decimal
    ) -> OrderUpdate:
        """An update as the stream tells it."""
        return OrderUpdate(
            client_order_id=client_order_id,
            symbol=str(self.orders[client_order_id]["symbol"]),
            event=event,
            filled_quantity=total,
            filled_average_price=average,
            occurred_at=OPEN,
            execution_id=f"{client_order_id}-{total}",
            price=price,
            quantity=quantity,
        )

    def complete(self, client_order_id: str, price: str) -> OrderUpdate:
        """The update that fills an order whole."""
        quantity = Decimal(str(self.orders[client_order_id]["quantity"]))
        return self.fill(client_order_id, quantity, Decimal(price), "fill", quantity, Decimal(price))


def broken(database: Database) -> dict[str, object]:
    """The invariants that do not hold."""
    from stratforge.storage.ledger.invariants import broken_invariants

    with database.transaction() as connection:
        return broken_invariants(connection)
