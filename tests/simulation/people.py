"""What people do: honest ones, clumsy ones, two who play together against the house, and an operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from uuid import UUID

from stratforge.application.watch_market import PRICE_JUMP
from stratforge.market.sizes import SizeKind, SizingRule
from stratforge.portfolio.orders import OrderTerms, TimeInForce, TradingState
from stratforge.portfolio.protections import RiskLimits
from stratforge.storage.ledger import halts, order_book, risk
from stratforge.storage.ledger.order_book import NewOrder
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.postgres.pages import Page
from stratforge.storage.strategies import sessions
from stratforge.storage.strategies.sessions import SessionSettings
from stratforge.storage.strategies.strategies import Description, Origin, add_strategy
from stratforge.storage.users import accounts
from stratforge.strategy import compile_strategy

from tests.simulation.market import SYMBOLS, whole

PROGRAMS = (
    """
def indicators(bars):
    return {"fast": ta.sma(bars.close, length=3), "slow": ta.sma(bars.close, length=8)}

def on_bar(bar, position, state):
    state["n"] = state.get("n", 0) + 1
    if bar.fast > bar.slow and position.quantity == 0:
        return buy(confidence=0.7)
    if bar.fast < bar.slow and position.quantity > 0:
        return sell()
""",
    """
def indicators(bars):
    return {"mean": ta.sma(bars.close, length=10)}

def on_bar(bar, position, state):
    if bar.close < bar.mean:
        return buy(notional=900)
    if position.quantity > 0:
        return sell(fraction=0.5)
""",
    """
def on_bar(bar, position, state):
    state["side"] = 1 - state.get("side", 0)
    if state["side"] > 0:
        return buy(quantity=3)
    return sell()
""",
    """
def indicators(bars):
    return {"mean": ta.sma(bars.close, length=6)}

def on_bar(bar, position, state):
    if position.quantity == 0:
        if bar.close < bar.mean:
            return short(fraction=0.3, stop_loss=0.01, take_profit=0.008)
        return buy(quantity=2.5)
    if position.quantity > 0 and bar.close < bar.mean:
        return sell()
    if position.quantity < 0 and bar.close > bar.mean:
        return cover()
""",
)


@dataclass(slots=True)
class People:
    """Everybody with an account. `wake` has the executor look at a symbol for a cause."""

    database: Database
    random: Random
    prices: dict[str, Decimal]
    wake: Callable[[str, str], None]
    users: list[UUID] = field(default_factory=list)
    running: list[UUID] = field(default_factory=list)
    closed: set[UUID] = field(default_factory=set)
    _acts: int = 0

    def begin(self, connection: Connection, count: int, cash: int) -> None:
        """Registers so many; the last two play together and run no strategy."""
        for index in range(count):
            user_id = accounts.register_user(connection, f"user{index}@example.com", "hash", Decimal(cash))
            assert user_id is not None
            self.users.append(user_id)
            if index >= count - 2:
                continue
            code = PROGRAMS[index % len(PROGRAMS)]
            if "short(" in code:
                accounts.set_short_selling(connection, user_id, enabled=True)
            strategy = add_strategy(
                connection, user_id, Description("a strategy", SYMBOLS[0], ""), compile_strategy(code), Origin()
            )
            for symbol in SYMBOLS:
                stops = (
                    (Decimal("0.004"), Decimal("0.006"), Decimal("0.005"))
                    if self.random.random() < 0.6
                    else (None, None, None)
                )
                settings = SessionSettings(SizingRule.EQUITY_FRACTION, Decimal("0.15"), *stops)
                started = sessions.start_session(connection, user_id, strategy.strategy_id, 1, symbol, settings)
                self.running.append(started.session_id)

    def act(self) -> str:
        """Somebody does something."""
        self._acts += 1
        weights = ((self.order, 12), (self.collude, 5), (self.cancel, 4), (self.pause, 2), (self.stop, 1), (self.choose_state, 0.6), (self.limit_risk, 1), (self.close, 0.2), (self.switch, 0.15))  # fmt: skip
        chosen = self.random.choices([each for each, _ in weights], [weight for _, weight in weights])[0]
        return f"{chosen.__name__} {chosen()}"

    def _anybody(self) -> UUID | None:
        open_accounts = [each for each in self.users if each not in self.closed]
        return self.random.choice(open_accounts) if open_accounts else None

    def _place(self, user_id: UUID, new: NewOrder) -> str:
        with self.database.transaction() as connection:
            placed = order_book.place_order(connection, user_id, new)
        self._woken(new.symbol)
        return f"{new.terms.side} {new.terms.type} {new.size_kind} {new.size} {new.symbol} {placed is not None}"

    def _woken(self, symbol: str) -> None:
        # A wake-up may be lost on its way; with the next price the order is found.
        if self.random.random() > 0.03:
            self.wake(symbol, f"people-{self._acts}-{symbol}")

    def order(self) -> str:
        """An order of any kind."""
        user_id = self._anybody()
        if user_id is None:
            return "nobody"
        random = self.random
        symbol, side = random.choice(SYMBOLS), random.choice(("buy", "buy", "sell"))
        kind = random.choice(
            ("market", "market", "market", "limit", "limit", "stop", "stop_limit", "oco", "trailing_stop")
        )
        price = whole(self.prices[symbol] * Decimal(1 + random.gauss(0, 0.004)))
        terms = OrderTerms(
            side,  # type: ignore[arg-type]
            kind,  # type: ignore[arg-type]
            limit_price=price if kind in ("limit", "stop_limit", "oco") else None,
            # Of two that cancel each other, one lies on each side of the market.
            stop_price=whole(2 * self.prices[symbol] - price)
            if kind == "oco"
            else price
            if kind in ("stop", "stop_limit")
            else None,
            trail_percent=Decimal("0.5") if kind == "trailing_stop" else None,
        )
        sizes = (
            ("quantity", "0.5"),
            ("quantity", "3"),
            ("notional", "500"),
            ("notional", "5000"),
            ("fraction", "0.5"),
            ("fraction", "1"),
        )
        size_kind, size = random.choice(sizes)
        return self._place(user_id, NewOrder(symbol, terms, random.choice(("day", "gtc")), size_kind, Decimal(size)))  # type: ignore[arg-type]

    def collude(self) -> str:
        """Two accounts that know each other: limits far from the market against each other, floods, and orders that hold up a symbol."""
        mine = [each for each in self.users[-2:] if each not in self.closed]
        if len(mine) < 2:
            return "nobody"
        self.random.shuffle(mine)
        symbol = self.random.choice(SYMBOLS)
        far = Decimal(str(self.random.choice((0.8, 0.97, 0.999, 1, 1.001, 1.03, 1.25))))
        price, size = whole(self.prices[symbol] * far), Decimal(self.random.choice((1, 20, 300)))
        done = []
        for user_id, side in zip(mine, ("buy", "sell"), strict=True):
            terms = OrderTerms(side, "limit", limit_price=price)  # type: ignore[arg-type]
            for _ in range(self.random.choice((1, 1, 1, 5))):
                done.append(self._place(user_id, NewOrder(symbol, terms, TimeInForce.DAY, SizeKind.QUANTITY, size)))
        return ", ".join(done)

    def cancel(self) -> str:
        """Calls off an order."""
        user_id = self._anybody()
        if user_id is None:
            return "nobody"
        with self.database.transaction() as connection:
            mine = order_book.list_orders(connection, user_id, order_book.OrderFilter(open=True), Page(10))
            order = order_book.request_cancel(connection, self.random.choice(mine).order_id) if mine else None
        if order is None:
            return "nothing"
        self._woken(order.symbol)
        return order.symbol

    def pause(self) -> str:
        """A session pauses or goes on."""
        if not self.running:
            return "none"
        session_id = self.random.choice(self.running)
        with self.database.transaction() as connection:
            found = sessions.get_session(connection, session_id)
            if found is None:
                return "none"
            sessions.change_session(connection, session_id, found.settings, paused=self.random.random() < 0.5)
        self._woken(found.symbol)
        return found.symbol

    def stop(self) -> str:
        """A session stops."""
        if not self.running:
            return "none"
        session_id = self.random.choice(self.running)
        with self.database.transaction() as connection:
            stopped = sessions.stop_session(connection, session_id, flatten=self.random.random() < 0.6)
        self.running.remove(session_id)
        if stopped is None:
            return "none"
        self._woken(stopped.symbol)
        return stopped.symbol

    def choose_state(self) -> str:
        """Somebody halts himself for a while."""
        user_id = self._anybody()
        state = self.random.choice(
            (TradingState.ACTIVE, TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED)
        )
        if user_id is not None:
            with self.database.transaction() as connection:
                halts.choose_state(connection, user_id, state)
        return state

    def limit_risk(self) -> str:
        """Somebody sets or lifts limits of his own."""
        user_id = self._anybody()
        on = self.random.random() < 0.5
        limits = RiskLimits(Decimal("0.5"), Decimal("0.8"), Decimal("0.05"), Decimal("0.1"), 5, 3, Decimal("0.02"))
        if user_id is not None:
            with self.database.transaction() as connection:
                risk.set_limits(connection, user_id, limits if on else RiskLimits())
        return str(on)

    def close(self) -> str:
        """Somebody closes his account."""
        user_id = self._anybody()
        if user_id is None or len(self.closed) + 3 > len(self.users):
            return "nobody"
        with self.database.transaction(user_id) as connection:
            symbols = accounts.symbols_of(connection, user_id)
            accounts.close_account(connection)
        self.closed.add(user_id)
        for symbol in symbols:
            self._woken(symbol)
        return str(symbols)

    def switch(self) -> str:
        """The kill switch, which the operator turns back."""
        state = self.random.choice((TradingState.REDUCING, TradingState.HALTED))
        with self.database.transaction() as connection:
            halts.set_platform_state(connection, state, "a drill")
        return state

    def operate(self) -> str:
        """The operator has looked: trading goes on, and prices that jumped are right."""
        with self.database.transaction() as connection:
            state = halts.platform_state(connection)
            if state.trading_state is not TradingState.ACTIVE and state.reason == "a drill":
                halts.set_platform_state(connection, TradingState.ACTIVE, "")
            lifted = [
                each.symbol
                for each in halts.halted_symbols(connection)
                if halts.resume_symbol(connection, each.symbol, PRICE_JUMP)
            ]
        return str(lifted)
