"""Users whose orders are called off and whose positions are closed: the API, and beside it the executor and the settler."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import UUID, uuid4

import psycopg
import pytest
from local_platform.postgres import Postgres
from psycopg.conninfo import make_conninfo
from stratforge.application import orders
from stratforge.application.access import Caller
from stratforge.application.idempotency import RequestKey
from stratforge.bus.outbox import Outbox
from stratforge.market.sizes import SizingRule
from stratforge.storage.ledger import order_book, portfolio
from stratforge.storage.ledger.invariants import broken_invariants
from stratforge.storage.ledger.order_book import OrderFilter, StoredOrder
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.postgres.pages import Page
from stratforge.storage.strategies.sessions import SessionSettings, start_session
from stratforge.storage.strategies.strategies import Description, Origin, add_strategy
from stratforge.storage.users.accounts import register_user
from stratforge.strategy import compile_strategy

from tests.conftest import copied_database
from tests.support.api import Api, User, running_api
from tests.support.ledger import CODE, OPEN, Trader, add_signal, set_price
from tests.support.world import World

ORDERS, POSITIONS = "/api/trade/orders", "/api/positions"
PURCHASE = {"symbol": "AAPL", "side": "buy", "quantity": "1"}
PRICES = {"AAPL": "100", "WHOLE": "40", "BTC/USD": "50000"}
NO_KEY = RequestKey(None, b"")


# The API, for what needs nobody else. All of its tests share one database, each with users of its own ------------------


@pytest.fixture(scope="module")
def owner(postgres: Postgres, template: str) -> Iterator[str]:
    """The connection string (as owner) of the API's database."""
    yield from copied_database(postgres, template)


@pytest.fixture(scope="module")
def api(owner: str) -> Iterator[Api]:
    """The application."""
    with pytest.MonkeyPatch.context() as patch, running_api(owner, patch) as found:
        yield found


@pytest.fixture
def new_user(api: Api) -> Callable[[], User]:
    """Registers a user."""
    return lambda: api.user(uuid4().hex)


@pytest.fixture(scope="module")
def reader(api: Api) -> User:
    """A user who has nothing and places nothing."""
    return api.user("reader")


@pytest.fixture
def ada(new_user: Callable[[], User]) -> User:
    """A user."""
    return new_user()


def id_of(user: User) -> UUID:
    """The user's id."""
    return UUID(user.get("/api/users/me")["user_id"])


def order(user: User, **terms: Any) -> dict[str, Any]:
    """Places an order."""
    answer = user.call("POST", ORDERS, {**PURCHASE, **terms})
    assert answer.status_code == 201, answer.text
    return cast(dict[str, Any], answer.json())


def ids(answer: Any, key: str = "order_id") -> list[str]:
    """The ids of a list's items."""
    return [str(each[key]) for each in answer["items"]]


def refusal(answer: Any) -> tuple[int, str]:
    """The status and the code of a problem."""
    return answer.status_code, str(answer.json().get("type", "")).rsplit(":", 1)[-1]


def key_of(api: Api, user: User, *scopes: str) -> User:
    """A program with a key of the user's that allows only these scopes."""
    made = user.call("POST", "/api/users/me/api-keys", {"name": "script", "scopes": list(scopes)}).json()
    return User(api.client(), "", {"access_token": made["key"]})


def give(owner: str, user: User, *symbols: str) -> None:
    """The user holds ten of each symbol."""
    with psycopg.connect(owner) as connection:
        for symbol in symbols:
            connection.execute(
                "INSERT INTO positions (user_id, symbol, quantity, cost_basis, opened_at) VALUES (%s, %s, 10, 1000, now())",
                (id_of(user), symbol),
            )


class Held(Database):
    """A database whose transactions stop before their commit until they are let go."""

    def __init__(self, database: Database) -> None:
        self._real = database
        self.inside, self.go = threading.Event(), threading.Event()

    @contextmanager
    def transaction(self, who: Any = None) -> Iterator[Connection]:
        """One transaction."""
        with self._real.transaction(who) as connection:
            yield connection
            self.inside.set()
            assert self.go.wait(30)

    @contextmanager
    def reading(self, who: Any = None) -> Iterator[Connection]:
        """A look that changes nothing, which goes on."""
        with self._real.reading(who) as connection:
            yield connection


def meanwhile(
    owner: str, database: Database, first: Callable[[Database], Any], second: Callable[[], Any]
) -> tuple[Any, Any]:
    """Has `second` begin after `first` did its work and before it is committed; gives what both gave.

    `first` is let go when `second` is at its end or waits for a lock.
    """
    held = Held(database)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with ThreadPoolExecutor(2) as pool, psycopg.connect(owner, autocommit=True) as watching:
        ahead = pool.submit(first, held)
        assert held.inside.wait(30)
        behind = pool.submit(second)
        while not behind.done():
            row = watching.execute(waiting).fetchone()
            if row and row[0]:
                break
        held.go.set()
        return ahead.result(), behind.result()


# What becomes of it with the executor and the settler ------------------------------------------------------------------


@dataclass
class Wakes:
    """An outbox that keeps what is sent."""

    symbols: list[str] = field(default_factory=list)

    def wake_executor(self, symbol: str, cause: str) -> None:
        """Notes it."""
        self.symbols.append(symbol)

    def request_subscription(self, symbol: str) -> None:
        """Nobody listens."""


@dataclass
class Ground:
    """A world with prices, and the use cases in it as the API's role. `traders` are users with a running session each, by name."""

    world: World
    database: Database
    wakes: Wakes = field(default_factory=Wakes)
    traders: dict[Any, Trader] = field(default_factory=dict)

    @property
    def outbox(self) -> Outbox:
        """Where use cases send what they wake."""
        return cast(Outbox, self.wakes)

    def add(self, name: Any, symbol: str = "AAPL") -> Trader:
        """A user with a running session."""
        with self.world.database.transaction() as connection:
            user_id = register_user(connection, f"{uuid4().hex}@example.com", "hash", Decimal(200_000))
            assert user_id is not None
            self.traders[name] = Trader(user_id, add_session(connection, user_id, symbol))
        return self.traders[name]

    def at(self, minute: int, **prices: str) -> None:
        """Prices come; those that are not given are what they were in the beginning."""
        with self.world.database.transaction() as connection:
            for symbol, price in {**PRICES, **prices}.items():
                self.world.broker.prices[symbol] = Decimal(price)
                self.world.broker.now_at = set_price(connection, price, minute, symbol) + timedelta(minutes=1)

    def run(self) -> None:
        """Executor and settler do what there is to do."""
        self.world.work += PRICES
        self.world.quiet()

    def finish(self, first: int = 1, **prices: str) -> None:
        """Prices come twice, and all is done."""
        for minute in (first, first + 2):
            self.at(minute, **prices)
            self.run()
        with self.world.database.transaction() as connection:
            assert broken_invariants(connection) == {}

    def execute(self) -> None:
        """The executor looks at every symbol."""
        for symbol in PRICES:
            self.world.execute(symbol)

    def settle(self) -> None:
        """Everything that happened at the exchange is heard."""
        while self.world.updates:
            assert self.world.settle(0)

    def at_work(self) -> list[Any]:
        """The open orders at the exchange."""
        return [each for each in self.world.exchange.orders.values() if each.open]

    def unfilled(self) -> None:
        """The exchange ends what is open, and that is heard."""
        for each in self.at_work():
            self.world.exchange.cancel(each, self.world.broker.now_at)
        self.settle()

    def place(self, name: Any, **terms: Any) -> StoredOrder:
        """A user places an order."""
        request = orders.PlaceOrder.model_validate({**PURCHASE, **terms})
        return orders.place_order(self.database, self.outbox, Caller(self.traders[name].user_id), request, NO_KEY)

    def buy(self, name: Any, where: str, symbol: str = "AAPL", quantity: int = 10) -> None:
        """A user buys by hand or in the session; filled by the next run."""
        if where == "by hand":
            self.place(name, symbol=symbol, quantity=str(quantity))
        else:
            with self.world.database.transaction() as connection:
                add_signal(connection, self.traders[name], "buy", OPEN, symbol, quantity=quantity)

    def close(self, name: Any, symbol: str | None = "AAPL", database: Database | None = None) -> list[StoredOrder]:
        """A user closes positions."""
        caller = Caller(self.traders[name].user_id)
        return orders.close_positions(database or self.database, self.outbox, caller, symbol)

    def call_off(self, name: Any) -> list[StoredOrder]:
        """A user calls all orders off."""
        return orders.cancel_all_orders(self.database, self.outbox, Caller(self.traders[name].user_id))

    def orders(self, name: Any, **wanted: Any) -> list[StoredOrder]:
        """A user's orders, the oldest first."""
        user_id = self.traders[name].user_id
        with self.database.transaction(user_id) as connection:
            return order_book.list_orders(connection, user_id, OrderFilter(**wanted), Page(200, oldest_first=True))

    def one(self, order_id: UUID) -> StoredOrder:
        """An order as it stands."""
        with self.world.database.transaction() as connection:
            found = order_book.get_order(connection, order_id)
        assert found is not None
        return found

    def held(self, name: Any) -> dict[str, Decimal]:
        """What a user holds, by symbol, by hand and in sessions together."""
        user_id, found = self.traders[name].user_id, dict[str, Decimal]()
        with self.database.transaction(user_id) as connection:
            row = portfolio.read_portfolio(connection, user_id)
        assert row is not None
        for each in row.positions:
            found[each.symbol] = found.get(each.symbol, Decimal(0)) + each.quantity
        return found

    def left(self) -> dict[Any, Any]:
        """Who still holds something, or has a sale that waits."""
        left = {name: (self.held(name), self.orders(name, open=True, side="sell")) for name in self.traders}
        return {name: (what, [each.reason for each in sales]) for name, (what, sales) in left.items() if what or sales}


@pytest.fixture
def ground(migrated: str, api: Api) -> Iterator[Ground]:
    """Executor, settler and exchange on a database of their own, with prices."""
    # The API that runs beside it has given its role the password.
    conninfo = make_conninfo(migrated, user="stratforge_api", password="test-password")
    found = Ground(World(migrated), Database(lambda: conninfo, application="api"))
    found.at(0)
    yield found
    found.world.close()
    found.database.close()


def add_session(connection: Connection, user_id: UUID, symbol: str = "AAPL") -> UUID:
    """A running session."""
    strategy = add_strategy(connection, user_id, Description("test", symbol, ""), compile_strategy(CODE), Origin())
    settings = SessionSettings(SizingRule.EQUITY_FRACTION, Decimal("0.1"))
    return start_session(connection, user_id, strategy.strategy_id, 1, symbol, settings).session_id
