"""A state machine that drives the whole virtualization layer with everything that can happen, in any order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import hypothesis.strategies as st
from hypothesis.stateful import initialize, precondition, rule
from simulators.alpaca.exchange import SimulatedOrder
from stratforge.application.borrow_fees import charge_borrow_fees
from stratforge.bus.messages import MarketUpdate
from stratforge.market.corporate_actions import ActionKind, CorporateAction
from stratforge.market.sizes import SizingRule
from stratforge.portfolio.orders import OrderTerms, TimeInForce, TradingState
from stratforge.portfolio.protections import RiskLimits
from stratforge.storage.ledger import equity, halts, order_book, risk
from stratforge.storage.ledger.order_book import NewOrder
from stratforge.storage.market import clock
from stratforge.storage.postgres.pages import Page
from stratforge.storage.strategies import sessions
from stratforge.storage.users import accounts
from stratforge.strategy.order_terms import NO_TERMS, Terms

from tests.support.ground import SYMBOLS, Ground
from tests.support.ledger import OPEN, Trader, add_signal_with_terms, add_trader
from tests.support.world import World

START = {"AAPL": Decimal(100), "WHOLE": Decimal(40), "BTC/USD": Decimal(60_000)}

symbols = st.sampled_from(SYMBOLS)


def states(active: int) -> st.SearchStrategy[TradingState]:
    """Trading states; so many parts of them ACTIVE."""
    return st.sampled_from((TradingState.ACTIVE,) * active + (TradingState.REDUCING, TradingState.HALTED))


sides = st.sampled_from(("buy", "sell"))
percents = st.integers(-300, 300).map(lambda number: Decimal(number) / 10_000)
crashes = st.one_of(st.none(), st.none(), st.integers(0, 12))
sizes: st.SearchStrategy[dict[str, float]] = st.one_of(
    st.just({}),
    st.integers(1, 100).map(lambda share: {"fraction": share / 100}),
    st.integers(1, 5000).map(lambda amount: {"quantity": amount / 100}),
    st.integers(1, 20000).map(lambda amount: {"notional": float(amount)}),
)


# What strategies decide: some go short, where that is nothing to their position too.
decisions = st.sampled_from(("buy", "buy", "sell", "sell", "short", "cover"))
signal_lists = st.lists(st.tuples(st.integers(0, 9), decisions, sizes), min_size=1, max_size=5)


def part_of(order: SimulatedOrder, quantity: Decimal, percent: int) -> Decimal:
    """A part of a quantity, as the exchange can have filled it: in whole units of what trades in whole units."""
    step = Decimal(1) if order.symbol == "WHOLE" else Decimal("0.000000001")
    return max((quantity * percent / 100 / step).quantize(Decimal(1)), Decimal(1)) * step


def within_limit(order: SimulatedOrder, price: Decimal) -> Decimal:
    """The price at which the exchange fills an order when the market is at `price`: never beyond the order's limit."""
    assert order.limit_price is not None
    return min(price, order.limit_price) if order.side == "buy" else max(price, order.limit_price)


class Trading(Ground):
    """Users, strategies' signals, orders of every kind, bars and ticks, faults, crashes, corrections, splits and halts."""

    # Beginnings ------------------------------------------------------------------------------------------

    @initialize(
        count=st.integers(2, 4),
        cash=st.sampled_from((300, 20_000, 100_000)),
        scale=st.sampled_from((1, 1, 10)),
        power=st.sampled_from((1_000_000_000, 1_000_000_000, 4_000)),
    )
    def begin(self, count: int, cash: int, scale: int, power: int) -> None:
        self.world.broker.scale = Decimal(scale)
        self.world.exchange.shorting = True
        self.world.exchange.cash = Decimal(power) / scale
        for symbol in SYMBOLS:
            self._bar(symbol, START[symbol], START[symbol], START[symbol])
        with self.world.database.transaction() as connection:
            for index in range(count):
                symbol = SYMBOLS[index % 2]
                self.traders.append(add_trader(connection, f"user{index}", symbol, cash=cash, sizing="0.4"))
            # The first stays long only.
            connection.execute("UPDATE users SET short_selling = true WHERE email <> 'user0@example.com'")
        # Everybody meets on one symbol.
        for trader in list(self.traders):
            self.traders.append(Trader(trader.user_id, self._session(trader.user_id, "AAPL")))
            self.traders.append(Trader(trader.user_id, self._session(trader.user_id, "BTC/USD")))
        for symbol in SYMBOLS:
            self._lively_minute(symbol, Decimal(0), [(number, "buy", {}) for number in range(len(self.traders))], 50)

    def _session(self, user_id: UUID, symbol: str) -> UUID:
        with self.world.database.transaction() as connection:
            row = connection.execute("SELECT id FROM strategies WHERE user_id = %s LIMIT 1", (user_id,)).fetchone()
            assert row is not None
            stops = (Decimal("0.02"), Decimal("0.03"), Decimal("0.025"))
            settings = sessions.SessionSettings(SizingRule.FIXED_CASH, Decimal(2000), *stops)
            return sessions.start_session(connection, user_id, row[0], 1, symbol, settings).session_id

    # The market ------------------------------------------------------------------------------------------

    @rule(symbol=symbols, close=percents, low=percents, high=percents)
    def a_bar_ends(self, symbol: str, close: Decimal, low: Decimal, high: Decimal) -> None:
        self.minute += 1
        before = [self._moved(symbol, change) for change in (close, low, high)]
        self._bar(symbol, before[0], min(before), max(before))
        with self.world.database.transaction() as connection:
            connection.execute("UPDATE sessions SET bars_evaluated = bars_evaluated + 1 WHERE symbol = %s", (symbol,))
        self.world.work.append(symbol)

    @rule(symbol=symbols, change=percents, crash=crashes)
    def a_tick_comes(self, symbol: str, change: Decimal, crash: int | None) -> None:
        self.world.fuse.arm(crash)
        self.a_tick_comes_at(symbol, self._moved(symbol, change))

    def a_tick_comes_at(self, symbol: str, price: Decimal) -> None:
        self.world.broker.prices[symbol] = price
        self.world.broker.now_at += timedelta(seconds=11)
        tick = MarketUpdate(symbol=symbol, price=price, size=Decimal(1), time=self.world.broker.now_at)
        wake: list[bool] = []
        self.world.attempt(lambda: wake.append(self.world.executor.note_update(tick)))
        if wake == [True]:
            self.world.execute(symbol)

    def _lively_minute(
        self,
        symbol: str,
        change: Decimal,
        signals: list[tuple[int, str, dict[str, float]]],
        part: int,
        *,
        mute: bool = False,
    ) -> None:
        """A bar, what strategies say on it, and the way of their orders to the exchange and back, nothing lost."""
        if self.minute % 1440 >= 389:
            self.minute = (self.minute // 1440 + 1) * 1440
        self.a_bar_ends(symbol, change, change, change)
        mine = [trader for trader in self.traders if self._symbol_of(trader) == symbol]
        for number, side, size in signals:
            if mine:
                self._signal(mine[number % len(mine)], side, size)
        for _ in range(2):
            self.world.execute(symbol)
            for order in [each for each in self.world.exchange.orders.values() if each.open and each.symbol == symbol]:
                price = within_limit(order, self.world.broker.prices[symbol])
                self.world.exchange.fill(order, part_of(order, order.quantity, part), price, self.world.broker.now_at)
                self.world.exchange.fill(order, order.quantity, price, self.world.broker.now_at)
            if mute:
                self.world.updates.clear()
            while self.world.updates and self.world.settle(0):
                pass

    def _symbol_of(self, trader: Trader) -> str:
        with self.world.database.transaction() as connection:
            row = connection.execute("SELECT symbol FROM sessions WHERE id = %s", (trader.session_id,)).fetchone()
        assert row is not None
        return str(row[0])

    @rule(symbol=symbols, change=percents, signals=signal_lists, part=st.integers(1, 100))
    def a_lively_minute(
        self, symbol: str, change: Decimal, signals: list[tuple[int, str, dict[str, float]]], part: int
    ) -> None:
        self._lively_minute(symbol, change, signals, part)

    @rule(change=percents, signals=signal_lists, part=st.integers(1, 100))
    def a_lively_minute_of_apple(
        self, change: Decimal, signals: list[tuple[int, str, dict[str, float]]], part: int
    ) -> None:
        self._lively_minute("AAPL", change, signals, part)

    @rule(change=percents, signals=signal_lists)
    def a_lively_minute_with_one_fill(self, change: Decimal, signals: list[tuple[int, str, dict[str, float]]]) -> None:
        self._lively_minute("AAPL", change, signals, 100)

    @rule(number=st.integers(0, 9), side=sides, part=st.integers(10, 90))
    def a_limit_is_filled_in_parts(self, number: int, side: str, part: int) -> None:
        """The broker fills a part and cancels the rest: the order rests again, and joins another block."""
        symbol, price = "AAPL", self.world.broker.prices["AAPL"]
        new = NewOrder(symbol, OrderTerms(side, "limit", limit_price=price), "gtc", "fraction", Decimal("0.2"))  # type: ignore[arg-type]
        with self.world.database.transaction() as connection:
            order_book.place_order(connection, self._trader(number).user_id, new)
        for _ in range(2):
            self.a_tick_comes_at(symbol, price)
            for order in [each for each in self.world.exchange.orders.values() if each.open and each.symbol == symbol]:
                filled = part_of(order, order.quantity, part)
                self.world.exchange.fill(order, filled, within_limit(order, price), self.world.broker.now_at)
                if order.open:
                    self.world.exchange.cancel(order, self.world.broker.now_at)
            while self.world.updates and self.world.settle(0):
                pass

    @rule(change=percents, quantity=st.integers(1, 20), night=st.booleans(), part=st.integers(1, 100))
    def short_sellers_meet(self, change: Decimal, quantity: int, night: bool, part: int) -> None:
        """Every second session sells what it has, goes short and covers, a minute or a night later, while the others trade parts of a share."""
        sessions_of_apple = [each for each in self.traders if self._symbol_of(each) == "AAPL"]
        bears, others = (range(first, len(sessions_of_apple), 2) for first in (1, 0))
        self._lively_minute("AAPL", change, [(each, "sell", {}) for each in bears], 100)
        self._lively_minute("AAPL", change, [(each, "short", {"quantity": float(quantity)}) for each in bears], 100)
        self._lively_minute("AAPL", change, [(each, "buy", {"quantity": 0.5}) for each in others], part)
        if night:
            self.a_night_is_charged()
        self._lively_minute("AAPL", change, [(each, "cover", {}) for each in bears], part)

    @rule(change=percents, signals=signal_lists, part=st.integers(1, 99))
    def the_stream_is_mute(self, change: Decimal, signals: list[tuple[int, str, dict[str, float]]], part: int) -> None:
        """A minute whose order events are all lost: the reconciler finds out."""
        self._lively_minute("AAPL", change, signals, part, mute=True)
        self.world.attempt(self.world.reconciler.run)

    @rule(number=st.integers(0, 20), change=percents)
    def a_session_is_flattened(self, number: int, change: Decimal) -> None:
        trader = self._trader(number)
        self.a_session_stops(number, flatten=True)
        self._lively_minute(self._symbol_of(trader), change, [(0, "buy", {})], 50)

    # People and strategies -------------------------------------------------------------------------------

    @rule(number=st.integers(0, 20), side=decisions, size=sizes)
    def a_strategy_signals(self, number: int, side: str, size: dict[str, float]) -> None:
        trader = self._trader(number)
        self._signal(trader, side, size)
        self.world.work.append(self._symbol_of(trader))

    @rule(
        number=st.integers(0, 20),
        side=decisions,
        size=sizes,
        limit=st.one_of(st.none(), percents),
        stop=percents,
        bars=st.one_of(st.none(), st.integers(1, 4)),
    )
    def a_strategy_has_an_order_rest(
        self, number: int, side: str, size: dict[str, float], limit: Decimal | None, stop: Decimal, bars: int | None
    ) -> None:
        trader = self._trader(number)
        symbol = self._symbol_of(trader)
        prices = [None if each is None else float(self._moved(symbol, each)) * 1.0000001 for each in (limit, stop)]
        # Half of those with a limit have a stop too.
        self._signal(trader, side, size, Terms(prices[0], None if limit is not None and limit > 0 else prices[1], bars))
        self.world.execute(symbol)

    def _signal(self, trader: Trader, side: str, size: dict[str, float], terms: Terms = NO_TERMS) -> None:
        symbol = self._symbol_of(trader)
        with self.world.database.transaction() as connection:
            time = OPEN + timedelta(minutes=self.minute)
            seen = connection.execute(
                "SELECT 1 FROM signals WHERE session_id = %s AND bar_time = %s", (trader.session_id, time)
            ).fetchone()
            if seen is None:
                add_signal_with_terms(connection, trader, side, time, symbol, terms, size)

    @rule(
        number=st.integers(0, 20),
        symbol=symbols,
        side=sides,
        kind=st.sampled_from(("market", "limit", "stop", "stop_limit", "oco", "trailing_stop")),
        size=st.sampled_from(
            (("quantity", "0.5"), ("quantity", "3"), ("notional", "500"), ("fraction", "0.5"), ("fraction", "1"))
        ),
        offset=percents,
        gtc=st.booleans(),
        of_session=st.booleans(),
        replace=st.booleans(),
    )
    def a_person_places_an_order(
        self,
        number: int,
        symbol: str,
        side: str,
        kind: str,
        size: tuple[str, str],
        offset: Decimal,
        gtc: bool,
        of_session: bool,
        replace: bool,
    ) -> None:
        trader = self._trader(number)
        price = self._moved(symbol, offset)
        terms = OrderTerms(
            side,  # type: ignore[arg-type]
            kind,  # type: ignore[arg-type]
            limit_price=price if kind in ("limit", "stop_limit", "oco") else None,
            # Of two that cancel each other, one lies on each side of the market.
            stop_price=self._moved(symbol, -offset)
            if kind == "oco"
            else price
            if kind in ("stop", "stop_limit")
            else None,
            trail_percent=Decimal(1) if kind == "trailing_stop" else None,
        )
        terms.check()
        with self.world.database.transaction() as connection:
            replaces = None
            if replace:
                filter_ = order_book.OrderFilter(symbol, None, True)
                mine = order_book.list_orders(connection, trader.user_id, filter_, Page(1))
                replaces = mine[0].order_id if mine else None
            new = NewOrder(
                symbol,
                terms,
                TimeInForce.GTC if gtc else TimeInForce.DAY,
                size[0],  # type: ignore[arg-type]
                Decimal(size[1]),
                trader.session_id if of_session and side == "sell" else None,
                replaces,
            )
            order_book.place_order(connection, trader.user_id, new)
        self.world.work.append(symbol)

    @rule(number=st.integers(0, 20), which=st.integers(0, 5))
    def a_person_cancels(self, number: int, which: int) -> None:
        with self.world.database.transaction() as connection:
            mine = order_book.list_orders(
                connection, self._trader(number).user_id, order_book.OrderFilter(open=True), Page(10)
            )
            if mine:
                order = order_book.request_cancel(connection, mine[which % len(mine)].order_id)
                assert order is not None
                self.world.work.append(order.symbol)

    @rule(number=st.integers(0, 20), flatten=st.booleans())
    def a_session_stops(self, number: int, flatten: bool) -> None:
        with self.world.database.transaction() as connection:
            stopped = sessions.stop_session(connection, self._trader(number).session_id, flatten=flatten)
        assert stopped is not None
        self.world.work.append(stopped.symbol)

    @rule(number=st.integers(0, 20), paused=st.booleans())
    def a_session_pauses_or_goes_on(self, number: int, paused: bool) -> None:
        trader = self._trader(number)
        with self.world.database.transaction() as connection:
            found = sessions.get_session(connection, trader.session_id)
            assert found is not None
            sessions.change_session(connection, trader.session_id, found.settings, paused=paused)
        self.world.work.append(found.symbol)

    @precondition(lambda self: len(self.closed) + 1 < len({each.user_id for each in self.traders}))
    @rule(number=st.integers(0, 20))
    def a_person_closes_his_account(self, number: int) -> None:
        user_id = self._trader(number).user_id
        with self.world.database.transaction(user_id) as connection:
            self.world.work += accounts.symbols_of(connection, user_id)
            accounts.close_account(connection)
        self.closed.add(user_id)

    @rule(number=st.integers(0, 20), state=states(4))
    def a_person_changes_the_trading_state(self, number: int, state: TradingState) -> None:
        if self._trader(number).user_id in self.closed:
            return
        with self.world.database.transaction() as connection:
            halts.choose_state(connection, self._trader(number).user_id, state)

    @rule(number=st.integers(0, 20), on=st.booleans())
    def a_person_sets_limits(self, number: int, on: bool) -> None:
        limits = RiskLimits(Decimal("0.5"), Decimal("0.8"), Decimal("0.05"), Decimal("0.1"), 5, 3, Decimal("0.02"))
        with self.world.database.transaction() as connection:
            risk.set_limits(connection, self._trader(number).user_id, limits if on else RiskLimits())

    @rule(state=states(8))
    def the_kill_switch(self, state: TradingState) -> None:
        with self.world.database.transaction() as connection:
            halts.set_platform_state(connection, state, "test")

    # The product at work, dying anywhere -----------------------------------------------------------------

    @precondition(lambda self: self.world.work)
    @rule(which=st.integers(0, 9), fault=st.sampled_from(("", "", "", "before", "after")), crash=crashes)
    def the_executor_works(self, which: int, fault: str, crash: int | None) -> None:
        self.world.broker.submit_fault = fault
        self.world.fuse.arm(crash)
        self.world.execute(self.world.work[which % len(self.world.work)])
        self.world.broker.submit_fault = ""

    @precondition(lambda self: self.world.updates)
    @rule(which=st.integers(0, 9), again=st.booleans(), crash=crashes)
    def the_settler_works(self, which: int, again: bool, crash: int | None) -> None:
        self.world.fuse.arm(crash)
        self.world.settle(which, again=again)

    @rule(crash=crashes, read_fault=st.booleans())
    def the_reconciler_works(self, crash: int | None, read_fault: bool) -> None:
        self.world.broker.read_fault = read_fault
        self.world.fuse.arm(crash)
        self.world.attempt(self.world.reconciler.run)
        self.world.broker.read_fault = False

    @rule()
    def equity_is_noted(self) -> None:
        with self.world.database.transaction() as connection:
            equity.snapshot_equity(connection, 100)

    # The exchange and what is lost on the way ------------------------------------------------------------

    @rule(which=st.integers(0, 9), part=st.integers(1, 100), slip=st.integers(-20, 20))
    def the_exchange_fills(self, which: int, part: int, slip: int) -> None:
        still_open = [order for order in self.world.exchange.orders.values() if order.open]
        if still_open:
            order = still_open[which % len(still_open)]
            price = within_limit(order, self.world.broker.prices[order.symbol] + Decimal(slip) / 100)
            quantity = part_of(order, order.quantity - order.filled_quantity, part)
            if quantity > 0:
                self.world.exchange.fill(order, quantity, price, self.world.broker.now_at)

    @rule(which=st.integers(0, 9), reject=st.booleans())
    def the_exchange_ends_an_order(self, which: int, reject: bool) -> None:
        still_open = [order for order in self.world.exchange.orders.values() if order.open]
        if still_open:
            order = still_open[which % len(still_open)]
            if reject and not order.filled_quantity:
                self.world.exchange.reject(order, self.world.broker.now_at)
            else:
                self.world.exchange.cancel(order, self.world.broker.now_at)

    @precondition(lambda self: self.world.updates)
    @rule(which=st.integers(0, 9))
    def an_update_is_lost(self, which: int) -> None:
        self.world.updates.pop(which % len(self.world.updates))

    @precondition(lambda self: self.world.work)
    @rule()
    def a_wake_up_is_lost(self) -> None:
        self.world.work.pop()

    @rule(which=st.integers(0, 9), more=st.integers(-50, 50), cents=st.integers(-5, 5))
    def the_exchange_corrects_a_fill(self, which: int, more: int, cents: int) -> None:
        ended = [o for o in self.world.exchange.orders.values() if not o.open and o.fills and "/" not in o.symbol]
        if ended:
            order = ended[which % len(ended)]
            last = order.fills[-1]
            quantity = part_of(order, Decimal(last["qty"]), 100 + more)
            held = self.world.exchange.positions.get(order.symbol, Decimal(0))
            change = (quantity - Decimal(last["qty"])) * (1 if order.side == "buy" else -1)
            if quantity > 0 and held + change >= 0:
                price = Decimal(last["price"]) + Decimal(cents) / 100
                self.world.exchange.correct_last_fill(order, quantity, price, self.world.broker.now_at)
                self.touched.add(order.symbol)

    @rule()
    def a_night_is_charged(self) -> None:
        """What is short when the exchange closes pays for the night, by the market's clock."""
        self.time_passes("the next day")
        with self.world.database.transaction() as connection:
            clock.set_market_clock(connection, OPEN + timedelta(minutes=self.minute))
        charge_borrow_fees(self.world.database)
        with self.world.database.transaction() as connection:
            connection.execute("DELETE FROM market_clock")

    @rule(ratio=st.sampled_from(("2", "3", "0.5", "0.333333333333")))
    def a_stock_splits(self, ratio: str) -> None:
        """Overnight, when nothing of it is at work; the reconciler follows before the market opens."""
        with self.world.database.transaction() as connection:
            working = connection.execute(
                "SELECT 1 FROM block_orders WHERE symbol = 'AAPL' AND completed_at IS NULL"
            ).fetchone()
        if working is not None:
            return
        self.time_passes("the next day")
        opens = OPEN + timedelta(minutes=self.minute)
        self.world.broker.now_at = max(self.world.broker.now_at, opens)
        action = CorporateAction(
            f"split-{len(self.world.broker.actions)}",
            "AAPL",
            ActionKind.SPLIT,
            self.world.broker.now_at.date(),
            Decimal(ratio),
        )
        self.world.broker.actions.append(action)
        self.world.exchange.split("AAPL", Decimal(ratio), self.world.broker.now_at)
        self.world.broker.prices["AAPL"] = max(
            Decimal("0.5"), (self.world.broker.prices["AAPL"] / Decimal(ratio)).quantize(Decimal("0.01"))
        )
        self.touched.add("AAPL")
        self.world.attempt(self.world.reconciler.run)


def machine(make_world: Callable[[], tuple[World, Callable[[], None]]]) -> type[Trading]:
    """A machine whose examples each get a world of their own."""
    return type("Trading", (Trading,), {"make_world": staticmethod(make_world)})
