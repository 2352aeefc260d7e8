"""A whole trading world in one process: the product's executor, settler and reconciler on PostgreSQL, the simulator's exchange behind the
broker's port, queues as lists, and a fuse that kills whoever passes its boundary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from simulators.alpaca.exchange import Exchange, Refusal, SimulatedOrder
from stratforge.application.execute_symbol import SymbolExecutor
from stratforge.application.reconcile import Reconciliation
from stratforge.application.settle_fill import settle_fill
from stratforge.broker import (
    Accepted,
    AccountState,
    BrokerOrder,
    BrokerRefusesPlatform,
    BrokerUnavailable,
    FillActivity,
    OrdersRead,
    Rejected,
    Submission,
    Unknown,
)
from stratforge.broker.refusals import refusal_of
from stratforge.bus.messages import OrderUpdate
from stratforge.market import is_crypto
from stratforge.market.corporate_actions import CorporateAction
from stratforge.market.sizes import Side
from stratforge.portfolio.assets import AssetRules
from stratforge.portfolio.calendar import MarketDay
from stratforge.storage.postgres.database import Connection, Database, Identity

from tests.support.ledger import OPEN

NEW_YORK = ZoneInfo("America/New_York")


class Killed(BaseException):
    """The process died here."""


@dataclass
class Fuse:
    """Counts boundaries and kills at one of them, by number or by name."""

    passed: list[str] = field(default_factory=list)
    kill_after: int | None = None
    kill_at: str | None = None
    # How many of each name were passed.
    _times: Counter[str] = field(default_factory=Counter)

    def boundary(self, name: str) -> None:
        """Passes a boundary, or dies there. The n-th boundary of a name is called `name#n`."""
        self._times[name] += 1
        numbered = f"{name}#{self._times[name]}"
        self.passed.append(numbered)
        if self.kill_at == numbered or (self.kill_after is not None and len(self.passed) > self.kill_after):
            self.disarm()
            raise Killed(numbered)

    def arm(self, kill_after: int | None = None, kill_at: str | None = None) -> None:
        """Starts counting anew."""
        self.passed, self.kill_after, self.kill_at = [], kill_after, kill_at
        self._times.clear()

    def disarm(self) -> None:
        """Kills nobody any more."""
        self.kill_after = self.kill_at = None


class FragileDatabase(Database):
    """A database whose transactions have a boundary before and after their commit."""

    fuse: Fuse

    @contextmanager
    def transaction(self, who: UUID | Identity | None = None) -> Iterator[Connection]:
        """One transaction."""
        with super().transaction(who) as connection:
            yield connection
            self.fuse.boundary("before commit")
        self.fuse.boundary("after commit")


def _before(time: str, until: datetime | None) -> bool:
    return until is None or datetime.fromisoformat(time) < until


class ExchangeBroker:
    """The simulator's exchange behind the broker's port, with replies that get lost."""

    def __init__(self, exchange: Exchange, fuse: Fuse, scale: Decimal = Decimal(1)) -> None:
        # Units of the ledger for one at the exchange.
        self.scale = scale
        self.exchange = exchange
        self.fuse = fuse
        self.now_at = OPEN
        self.prices: dict[str, Decimal] = {}
        # Orders of a page.
        self.page = 500
        self.whole = {"WHOLE"}
        # What happens to the next submission: "" nothing, "before" or "after" an error before or after the order was taken.
        self.submit_fault = ""
        self.read_fault = False
        # What the broker says of the platform itself, instead of an answer.
        self.refusal = ""
        self.actions: list[CorporateAction] = []

    def account(self) -> AccountState:
        """What the account can buy: its money less what is ordered."""
        ordered = sum(
            ((each.quantity - each.filled_quantity) * (each.limit_price or Decimal(0)) for each in self.exchange.orders.values() if each.open and each.side == "buy"),
            Decimal(0),
        )  # fmt: skip
        power = self.exchange.cash - ordered
        return AccountState(power * self.scale, power * self.scale, self.exchange.cash * self.scale)

    def submit(
        self, *, client_order_id: str, symbol: str, side: str, quantity: Decimal, limit_price: Decimal
    ) -> Submission:
        """Sends an order."""
        self.fuse.boundary("before submit")
        self.check_account()
        fault, self.submit_fault = self.submit_fault, ""
        if fault == "before":
            return Unknown("HTTP 504")
        request = {
            "client_order_id": client_order_id,
            "symbol": symbol,
            "side": side,
            "qty": str(quantity / self.scale),
            "type": "limit",
            "limit_price": str(limit_price),
            "time_in_force": "day",
        }
        try:
            order = self.exchange.submit(request, self.now_at, self.prices[symbol])
        except Refusal as refusal:
            return Rejected(refusal.message, refusal_of(refusal.status, refusal.message))
        self.fuse.boundary("after submit")
        return Unknown("HTTP 504") if fault == "after" else Accepted(order.id)

    def check_account(self) -> None:
        """Refuses while it was told to."""
        if self.refusal:
            raise BrokerRefusesPlatform(self.refusal)

    def cancel(self, broker_order_id: str) -> bool:
        """Cancels an order."""
        self.fuse.boundary("before cancel")
        try:
            self.exchange.cancel(self.exchange.orders[broker_order_id], self.now_at)
        except Refusal:
            return False
        self.fuse.boundary("after cancel")
        return True

    def find_order(self, client_order_id: str) -> BrokerOrder | None:
        """Looks an order up."""
        if self.read_fault:
            self.read_fault = False
            raise BrokerUnavailable("HTTP 500")
        order = self.exchange.by_client_id.get(client_order_id)
        return _looked_up(order, self.scale) if order else None

    def positions(self) -> dict[str, Decimal]:
        """Quantities."""
        return {symbol: quantity * self.scale for symbol, quantity in self.exchange.positions.items() if quantity}

    def orders_since(self, since: datetime, until: datetime | None = None) -> list[BrokerOrder]:
        """The orders that were sent in between."""
        return [
            _looked_up(order, self.scale)
            for order in self.exchange.orders.values()
            if since < datetime.fromisoformat(order.created_at) and _before(order.created_at, until)
        ]

    def first_orders(
        self, since: datetime, until: datetime | None = None, *, pages: int, symbols: Sequence[str] = ()
    ) -> OrdersRead:
        """The first orders that were sent in between, so many pages of them."""
        found = [each for each in self.orders_since(since, until) if not symbols or each.symbol in symbols]
        most = pages * self.page
        if len(found) < most:
            return OrdersRead(found)
        return OrdersRead(found[:most], found[most - 1].sent_at - timedelta(microseconds=1))

    def name_of_order(self, broker_order_id: str) -> str | None:
        """Our id of an order."""
        order = self.exchange.orders.get(broker_order_id)
        return None if order is None else order.client_order_id

    def fills_since(self, since: datetime, until: datetime | None = None) -> list[FillActivity]:
        """The executions in between."""
        return [
            FillActivity(
                fill["execution_id"],
                order.id,
                order.symbol,
                Side(order.side),
                Decimal(fill["qty"]) * self.scale,
                Decimal(fill["price"]),
                datetime.fromisoformat(fill["time"]),
            )
            for order in self.exchange.orders.values()
            for fill in order.fills
            if since < datetime.fromisoformat(fill["time"]) and _before(fill["time"], until)
        ]

    def now(self) -> datetime:
        """The market's clock."""
        return self.now_at

    def asset(self, symbol: str) -> tuple[AssetRules, str] | None:
        """The rules of an asset: everything trades in fractions, but what is in `whole`; stocks are lent where the account may sell short."""
        lent = self.exchange.shorting and not is_crypto(symbol)
        flags = self.exchange.assets.get(symbol, {})
        rules = AssetRules(
            symbol,
            crypto=is_crypto(symbol),
            fractionable=symbol not in self.whole,
            shortable=lent and flags.get("shortable", True),
            easy_to_borrow=lent and flags.get("easy_to_borrow", True),
            scale=self.scale,
        )
        return rules, symbol

    def assets(self) -> list[tuple[AssetRules, str]]:
        """A few."""
        return [each for symbol in ("AAPL", "WHOLE", "BTC/USD") if (each := self.asset(symbol))]

    def calendar(self, start: date, end: date) -> list[MarketDay]:
        """Every weekday."""
        days = [start + timedelta(days=offset) for offset in range((end - start).days + 1)]
        return [
            MarketDay(datetime.combine(day, clock(9, 30), NEW_YORK), datetime.combine(day, clock(16), NEW_YORK), day)
            for day in days
            if day.weekday() < 5
        ]

    def corporate_actions(self, symbols: Sequence[str], start: date, end: date) -> list[CorporateAction]:
        """What was decided."""
        return [each for each in self.actions if each.symbol in symbols]


def _average(order: SimulatedOrder) -> Decimal | None:
    """As over REST: a rounded text."""
    if not order.filled_quantity:
        return None
    return (order.filled_value / order.filled_quantity).quantize(Decimal("0.000000001"))


def _looked_up(order: SimulatedOrder, scale: Decimal) -> BrokerOrder:
    average, filled = _average(order), order.filled_quantity * scale
    sent_at, updated_at = datetime.fromisoformat(order.created_at), datetime.fromisoformat(order.updated_at)
    return BrokerOrder(
        order.id,
        order.client_order_id,
        order.symbol,
        order.status,
        filled,
        average,
        updated_at,
        sent_at,
        Side(order.side),
    )


def update_of(
    event: str, order: SimulatedOrder, execution: dict[str, str] | None, at: datetime, scale: Decimal = Decimal(1)
) -> OrderUpdate:
    """An event of the exchange as the stream tells it."""
    return OrderUpdate(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        event=event,
        filled_quantity=order.filled_quantity * scale,
        filled_average_price=_average(order),
        occurred_at=at,
        execution_id=execution["execution_id"] if execution else None,
        price=Decimal(execution["price"]) if execution else None,
        quantity=Decimal(execution["qty"]) * scale if execution else None,
    )


class World:
    """Everything together. `work` holds the symbols the executor was woken for, `updates` what the settler was sent."""

    def __init__(self, conninfo: str, *, claim: timedelta = timedelta(0), scale: Decimal = Decimal(1)) -> None:
        self.fuse = Fuse()
        self.exchange = Exchange(None)
        self.broker = ExchangeBroker(self.exchange, self.fuse, scale)
        self.work: list[str] = []
        self.updates: list[OrderUpdate] = []
        # Where wake-ups and what the reconciler finds go; elsewhere for who has queues of his own.
        self.wake_up: Callable[[str, str], None] = self._into_work
        self.pass_on: Callable[[OrderUpdate], None] = self.updates.append
        self.exchange.listen(self._on_event)
        self.database = Database(lambda: conninfo, application="test")
        self.fragile = FragileDatabase(lambda: conninfo, application="world")
        self.fragile.fuse = self.fuse
        self.executor = SymbolExecutor(self.fragile, self.broker, claim=claim)
        self.reconciler = Reconciliation(self.fragile, self.broker, self._pass_on, self.wake, young=timedelta(0))

    def close(self) -> None:
        """Disconnects."""
        self.database.close()
        self.fragile.close()

    def wake(self, symbol: str, cause: str) -> None:
        """Notes that the executor is wanted for a symbol."""
        self.fuse.boundary("before wake")
        self.wake_up(symbol, cause)
        self.fuse.boundary("after wake")

    def _into_work(self, symbol: str, _cause: str) -> None:
        if symbol not in self.work:
            self.work.append(symbol)

    def _pass_on(self, update: OrderUpdate) -> None:
        self.fuse.boundary("before update")
        self.pass_on(update)
        self.fuse.boundary("after update")

    def _on_event(self, event: str, order: SimulatedOrder, execution: dict[str, str] | None) -> None:
        self.updates.append(update_of(event, order, execution, self.broker.now_at, self.broker.scale))

    def attempt(self, step: Callable[[], Any]) -> bool:
        """Runs a step that may be killed or fail for now; whether it came to its end."""
        try:
            step()
        except Killed:
            return False
        except RuntimeError as error:
            assert type(error).__name__ in ("OutcomeUnknown", "BrokerUnavailable"), error
            return False
        finally:
            self.fuse.disarm()
        return True

    def execute(self, symbol: str) -> bool:
        """Handles one wake-up; what failed is delivered again."""
        done = self.attempt(lambda: self.executor.execute(symbol))
        if done and symbol in self.work:
            self.work.remove(symbol)
        elif not done and symbol not in self.work:
            self.work.append(symbol)
        return done

    def settle(self, index: int, *, again: bool = False) -> bool:
        """Delivers one update, by its place in the queue; with `again` it stays there."""
        update = self.updates[index % len(self.updates)]
        done = self.attempt(lambda: settle_fill(self.fragile, self.wake, update))
        if done and not again:
            self.updates.remove(update)
        return done

    def quiet(self) -> None:
        """No more faults: everything is delivered, the exchange fills or cancels what is open, until nothing is left to do."""
        self.broker.submit_fault, self.broker.read_fault = "", False
        # The exchange's clock is not behind its own prices: what it ends now is tried again after a pause, and not at once without end.
        with self.database.transaction() as connection:
            latest = connection.execute("SELECT max(time) FROM latest_prices").fetchone()
        if latest is not None and latest[0] is not None:
            self.broker.now_at = max(self.broker.now_at, latest[0])
        for _ in range(60):
            while self.updates:
                assert self.settle(0)
            # What waits for the market, or until trading is resumed, is woken again and again and may wait on.
            moved = [
                symbol
                for symbol in list(self.work)
                if self.executor.execute(symbol).outcome not in ("nothing to do", "waiting")
            ]
            self.work = moved
            still_open = [order for order in self.exchange.orders.values() if order.open]
            for order in still_open:
                price = self.exchange.executable_at(order, self.broker.prices[order.symbol], Decimal("0.02"))
                if price is None:
                    self.exchange.cancel(order, self.broker.now_at)
                else:
                    self.exchange.fill(order, order.quantity - order.filled_quantity, price, self.broker.now_at)
            if not self.updates and not self.work and not still_open:
                self.reconciler.run()
                outcomes = [self.executor.execute(symbol).outcome for symbol in self.work]
                if not self.updates and all(outcome == "nothing to do" for outcome in outcomes):
                    self.work = []
                    return
        with self.database.transaction() as connection:
            rows = connection.execute(
                """
                SELECT o.symbol, o.side::text, o.type::text, o.origin::text, o.status::text, o.trigger_below, o.trigger_above, l.price, l.time,
                       o.retry_at FROM orders o JOIN latest_prices l ON l.symbol = o.symbol WHERE o.completed_at IS NULL
                """
            ).fetchall()
        ended = [self.executor.execute(symbol) for symbol in self.work]
        raise AssertionError(f"it never becomes quiet: {ended}, {len(self.updates)} updates, orders {rows}")
