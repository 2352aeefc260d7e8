"""The ground a state machine of the virtualization layer stands on: a world with its clock and prices, and what must hold in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from stratforge.application.audit_ledger import audit_ledger
from stratforge.portfolio.orders import TradingState
from stratforge.storage.ledger import halts, reconciliation
from stratforge.storage.ledger.invariants import broken_invariants
from stratforge.storage.ledger.symbols import CLOSING_POSITIONS

from tests.support.ledger import OPEN, Trader, set_price
from tests.support.world import World

SYMBOLS = ("AAPL", "WHOLE", "BTC/USD")
STEPS = {"count": 0}
COUNTS = {
    "trades": "SELECT count(*) FROM trades",
    "crossed inside": "SELECT count(*) FROM trades WHERE inside",
    "blocks": "SELECT count(*) FROM block_orders",
    "filled in parts": "SELECT count(*) FROM block_orders b WHERE (SELECT count(*) FROM fills f WHERE f.block_order_id = b.id) > 1",
    "recovered fills": "SELECT count(*) FROM fills WHERE execution_id LIKE 'recovered:%'",
    "corrections": "SELECT count(*) FROM adjustments WHERE kind = 'FILL_CORRECTION'",
    "splits": "SELECT count(*) FROM adjustments WHERE kind = 'SPLIT'",
    "fees in coins": "SELECT count(*) FROM trades WHERE fee_quantity > 0",
    "exits": "SELECT count(*) FROM orders WHERE origin IN ('STOP_LOSS', 'TAKE_PROFIT', 'TRAILING_STOP')",
    "flattened": "SELECT count(*) FROM orders WHERE origin = 'FLATTEN' AND status = 'FILLED'",
    "short sales": "SELECT count(*) FROM trades t JOIN orders o ON o.id = t.order_id WHERE o.short AND t.side = 'sell'",
    "covers": "SELECT count(*) FROM trades t JOIN orders o ON o.id = t.order_id WHERE o.short AND t.side = 'buy'",
    "nights of borrowing": "SELECT count(*) FROM adjustments WHERE kind = 'BORROW_FEE'",
    "parts that the house took": "SELECT count(*) FROM orders WHERE origin = 'HOUSE' AND filled_quantity > 0",
    "closed accounts": "SELECT count(*) FROM users WHERE closed_at IS NOT NULL",
    "orders in several blocks": "SELECT count(*) FROM (SELECT 1 FROM trades GROUP BY order_id HAVING count(DISTINCT block_order_id) > 1) m",
}


class Ground(RuleBasedStateMachine):
    """A world in which time passes, the invariants after every step, and the facts when everything has ended."""

    make_world: Callable[[], tuple[World, Callable[[], None]]]

    def __init__(self) -> None:
        super().__init__()
        self.world, self._done = type(self).make_world()
        self.traders: list[Trader] = []
        self.minute = 0
        self.closed: set[UUID] = set()
        # Orders that were seen waiting for buying power; in the end each has been executed, or has ended for another reason.
        self.short: set[UUID] = set()
        # Symbols whose broker was changed behind our back: equality comes back with the reconciler.
        self.touched: set[str] = set()

    def _trader(self, number: int) -> Trader:
        return self.traders[number % len(self.traders)]

    def _bar(self, symbol: str, close: Decimal, low: Decimal, high: Decimal) -> None:
        self.world.broker.prices[symbol] = close
        with self.world.database.transaction() as connection:
            set_price(connection, str(close), self.minute, symbol, str(min(low, close)), str(max(high, close)))
        self.world.broker.now_at = OPEN + timedelta(minutes=self.minute + 1)

    def _moved(self, symbol: str, change: Decimal) -> Decimal:
        return max(Decimal("0.5"), self.world.broker.prices[symbol] * (1 + change)).quantize(Decimal("0.01"))

    @rule(which=st.sampled_from(("a few minutes", "a few minutes", "the night", "the next day")))
    def time_passes(self, which: str) -> None:
        """Signals and day orders expire, the exchange closes and opens."""
        day = self.minute // 1440
        if which == "a few minutes":
            self.minute += 3
        elif which == "the night":
            self.minute = day * 1440 + 395
        else:
            # Monday to Friday, at the opening.
            self.minute = (day + 1 if day % 7 < 4 else day - day % 7 + 7) * 1440

    # What must hold after every step ---------------------------------------------------------------------

    @invariant()
    def who_waits_for_buying_power_is_noted(self) -> None:
        with self.world.database.transaction() as connection:
            waiting = "SELECT id FROM orders WHERE status = 'RESTING' AND reason = 'PLATFORM_BUYING_POWER'"
            self.short |= {row[0] for row in connection.execute(waiting)}

    @invariant()
    def the_books_add_up(self) -> None:
        STEPS["count"] += 1
        with self.world.database.transaction() as connection:
            broken = broken_invariants(connection)
            assert not broken, broken

    @invariant()
    def nobody_holds_a_part_of_a_whole_unit(self) -> None:
        with self.world.database.transaction() as connection:
            odd = connection.execute(
                "SELECT user_id, quantity FROM positions WHERE symbol = 'WHOLE' AND quantity % 1 <> 0"
            ).fetchall()
        assert not odd, odd

    @invariant()
    def the_account_sees_one_order_a_symbol(self) -> None:
        still_open = [order.symbol for order in self.world.exchange.orders.values() if order.open]
        assert len(still_open) == len(set(still_open))
        assert not [name for name in self.world.exchange.refusals if "opposite side" in name]

    @invariant()
    def every_order_at_the_broker_is_one_block(self) -> None:
        with self.world.database.transaction() as connection:
            known = {row[0] for row in connection.execute("SELECT client_order_id FROM block_orders")}
        assert set(self.world.exchange.by_client_id) <= known

    @invariant()
    def positions_are_the_brokers(self) -> None:
        with self.world.database.transaction() as connection:
            working = {
                row[0] for row in connection.execute("SELECT symbol FROM block_orders WHERE completed_at IS NULL")
            }
        self._broker_and_ledger_agree(except_for=working | self.touched)

    def _broker_and_ledger_agree(self, except_for: set[str]) -> None:
        with self.world.database.transaction() as connection:
            ledger = reconciliation.ledger_by_symbol(connection)
            fills = {symbol: reconciliation.fills_of(connection, symbol) for symbol in SYMBOLS if "/" in symbol}
        for symbol in set(SYMBOLS) - except_for:
            ours = ledger[symbol].quantity if symbol in ledger else Decimal(0)
            theirs = self.world.exchange.positions.get(symbol, Decimal(0)) * self.world.broker.scale
            # Fees in coins are rounded up in the ledger: it never holds more than the account.
            allowed = Decimal("0.00000001") * self.world.broker.scale * fills.get(symbol, 0)
            assert 0 <= theirs - ours <= allowed, (symbol, ours, theirs)

    # What must hold in the end ---------------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            if self.traders:
                self._everything_ends_well()
                self._count()
        finally:
            self._done()

    def _everything_ends_well(self) -> None:
        """When faults end, everything is settled: nothing works, nothing leaks, broker and ledger agree."""
        self.world.quiet()
        # What the broker changed days after, the auditor finds and the reconciler follows.
        audit_ledger(self.world.database, self.world.broker, quiet=-timedelta(days=1))
        self.world.reconciler.run()
        self.world.quiet()
        with self.world.database.transaction() as connection:
            broken = broken_invariants(connection)
            assert not broken, broken
            working = connection.execute("SELECT count(*) FROM orders WHERE status = 'WORKING'").fetchone()
            assert working == (0,)
            unexplained = {halt.symbol for halt in halts.halted_symbols(connection)}
            self._broker_and_ledger_agree(except_for=unexplained)
        self._an_auditor_agrees(except_for=unexplained)
        self._nothing_is_left_behind(unexplained)

    def _nothing_is_left_behind(self, halted: set[str]) -> None:
        """When the market is open and nobody is halted, whoever is to hold nothing holds nothing that can be sold.

        The broker takes no order under a dollar, nor less than a unit of what trades in whole ones: in the ledger, so many times the scale.
        """
        with self.world.database.transaction() as connection:
            halts.set_platform_state(connection, TradingState.ACTIVE, "test")
            connection.execute("UPDATE users SET trading_state = 'ACTIVE' WHERE closed_at IS NULL")
        self.time_passes("the next day")
        for _ in range(4):
            self.minute += 2
            for symbol in SYMBOLS:
                price = self.world.broker.prices[symbol]
                self._bar(symbol, price, price, price)
                self.world.work.append(symbol)
            self.world.quiet()
        with self.world.database.transaction() as connection:
            left = connection.execute(
                f"""
                SELECT p.symbol, p.user_id, p.quantity, l.price FROM {CLOSING_POSITIONS} p JOIN latest_prices l ON l.symbol = p.symbol
                WHERE p.quantity <> 0 AND NOT p.symbol = ANY(%s)
                  AND (abs(p.quantity) * l.price >= 1.1 * %s OR (abs(p.quantity) >= %s AND p.symbol NOT LIKE '%%/%%'))
                """,
                (list(halted), self.world.broker.scale, self.world.broker.scale),
            ).fetchall()
        assert not left, left

    def _an_auditor_agrees(self, except_for: set[str]) -> None:
        """Everything recomputed from what happened comes to what the ledger says, and to the broker's statement."""
        statement = audit_ledger(self.world.database, self.world.broker, quiet=-timedelta(days=1))
        unknown = {each.client_order_id for each in self.world.exchange.orders.values() if each.symbol in except_for}
        differences = [
            each
            for each in statement.differences
            if each.where not in except_for and each.where.removeprefix("order ") not in unknown
        ]
        assert not differences, differences

    def _count(self) -> None:
        """What happened in this example, so that the test can tell that enough did."""
        STEPS["waiting for buying power"] = STEPS.get("waiting for buying power", 0) + len(self.short)
        with self.world.database.transaction() as connection:
            for name, query in COUNTS.items():
                row = connection.execute(query).fetchone()
                assert row is not None
                STEPS[name] = STEPS.get(name, 0) + row[0]
            for status, kind, count in connection.execute(
                "SELECT status::text, type::text, count(*) FROM orders GROUP BY 1, 2"
            ):
                STEPS[f"{kind} {status}"] = STEPS.get(f"{kind} {status}", 0) + count
