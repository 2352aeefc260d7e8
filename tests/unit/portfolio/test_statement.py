"""What the auditor recomputes does not hang on what happened meanwhile to other symbols."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from stratforge.market.corporate_actions import ActionKind
from stratforge.market.sizes import Side
from stratforge.portfolio.books import (
    ActionRecord,
    AdjustmentRecord,
    OrderRecord,
    PositionRecord,
    SymbolBooks,
    TradeRecord,
)
from stratforge.portfolio.statement import audit_order, audit_symbol

ADA, BOB = UUID(int=1), UUID(int=2)
BEGINS = datetime(2026, 1, 5, 15, tzinfo=UTC)
TOMORROW = BEGINS + timedelta(days=1)


def trade(number: int, side: Side, symbol: str, quantity: int, ended_after: int | None) -> TradeRecord:
    """A trade at 100 of an order that ended so many minutes after all began, or has not."""
    ended = None if ended_after is None else BEGINS + timedelta(minutes=ended_after)
    zero, name = Decimal(0), f"{side}-{symbol}"
    return TradeRecord(
        number, ADA, None, symbol, side, Decimal(quantity), Decimal(100), zero, zero, f"x{number}", name, zero, ended, False, BEGINS, zero
    )  # fmt: skip


def test_a_split_comes_after_the_trades_of_its_symbol() -> None:
    trades = [trade(1, Side.BUY, "AAPL", 20, 1), trade(3, Side.SELL, "AAPL", 8, 2)]
    split = ActionRecord("split", "AAPL", ActionKind.SPLIT, Decimal(2), None, None, None, TOMORROW, None)
    change = AdjustmentRecord(1, ADA, None, "AAPL", "SPLIT", Decimal(12), Decimal(0), "split", TOMORROW, None)
    books = SymbolBooks(
        frozenset({"AAPL"}),
        [PositionRecord(ADA, None, "AAPL", Decimal(24), Decimal(1_200), Decimal(0), BEGINS)],
        trades,
        [change],
        actions=[split],
    )
    findings = audit_symbol(books, {"AAPL": Decimal(24)})
    assert findings.differences == ()
    assert (findings.positions, findings.trades, findings.adjustments) == (1, 2, 1)


def test_what_was_bought_on_the_day_of_a_split_that_was_followed_late_is_not_multiplied() -> None:
    """Ten from the day before; twenty on the day, of a block that ended before the ledger heard of the split."""
    before = replace(trade(1, Side.BUY, "AAPL", 10, -1_400), executed_at=BEGINS - timedelta(days=1))
    split = ActionRecord(
        "split", "AAPL", ActionKind.SPLIT, Decimal(2), None, None, None, BEGINS - timedelta(hours=10), Decimal(200),
        applied_at=TOMORROW,
    )  # fmt: skip
    books = SymbolBooks(
        frozenset({"AAPL"}),
        [PositionRecord(ADA, None, "AAPL", Decimal(40), Decimal(3_000), Decimal(0), before.executed_at)],
        [before, replace(trade(2, Side.BUY, "AAPL", 20, 1), client_order_id="second")],
        [AdjustmentRecord(1, ADA, None, "AAPL", "SPLIT", Decimal(10), Decimal(0), "split", TOMORROW, None)],
        actions=[split],
    )
    assert audit_symbol(books, {"AAPL": Decimal(40)}).differences == ()


def differences_of(kind: str, cause: str, *changes: tuple[str, str]) -> set[str]:
    """What is found when so many units and so much money came without a trade, and everything in the ledger goes with them."""
    units, money = (sum((Decimal(each[place]) for each in changes), Decimal(0)) for place in (0, 1))
    bought = trade(1, Side.BUY, "AAPL", 20, 1)
    split = ActionRecord(
        "split", "AAPL", ActionKind.SPLIT, Decimal(1), None, None, None, TOMORROW, None, price=Decimal(100)
    )
    books = SymbolBooks(
        frozenset({"AAPL"}),
        [PositionRecord(ADA, None, "AAPL", 20 + units, Decimal(2_000), money, BEGINS)],
        [bought],
        [
            AdjustmentRecord(number, ADA, None, "AAPL", kind, Decimal(quantity), Decimal(cash), cause, TOMORROW, None)
            for number, (quantity, cash) in enumerate(changes)
        ],
        actions=[split],
    )
    return {each.what for each in audit_symbol(books, {"AAPL": 20 + units}).differences}


@pytest.mark.parametrize(
    ("kind", "changes", "found"),
    [
        ("FILL_CORRECTION", [("0", "5000")], {"FILL_CORRECTION of no known cause"}),
        ("ODD_LOTS", [("0.4", "-40"), ("-0.4", "40")], set()),
        ("ODD_LOTS", [("0.4", "0")], {"odd lots"}),
        ("ODD_LOTS", [("1", "-100"), ("-1", "100")], {"odd lots"}),
        ("ODD_LOTS", [("0.4", "-40"), ("-0.4", "40"), ("0.2", "0"), ("-0.2", "0")], {"odd lots"}),
        ("ROUNDING", [("0.4", "-40")], set()),
        ("ROUNDING", [("0.4", "40")], {"rounding"}),
        ("ROUNDING", [("2", "-200")], {"rounding"}),
    ],
)  # fmt: skip
def test_what_was_no_trade_has_a_cause_and_is_fair(kind: str, changes: list[tuple[str, str]], found: set[str]) -> None:
    assert differences_of(kind, "split" if kind == "ROUNDING" else "cause", *changes) == found


def test_memory_grows_with_the_holders_and_not_with_the_trades() -> None:
    def peak(count: int) -> int:
        trades = (trade(number, Side.BUY, "AAPL", 1, 1) for number in range(count))
        named = (
            replace(each, client_order_id=f"o{each.trade_id}", execution_id=f"x{each.trade_id}") for each in trades
        )
        bought = Decimal(count)
        books = SymbolBooks(
            frozenset({"AAPL"}),
            [PositionRecord(ADA, None, "AAPL", bought, bought * 100, Decimal(0), BEGINS)],
            named,
            [],
        )
        tracemalloc.start()
        try:
            assert audit_symbol(books, {"AAPL": bought}).differences == ()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(4000) < 1.2 * peak(400) + 5000


@pytest.mark.parametrize(
    ("ada", "bob", "found"),
    [
        (("1", "-100"), ("1", "-100"), set()),
        (("1", "0"), ("-1", "0"), {"part of a correction"}),
        (("2", "-200"), ("0", "0"), {"part of a correction", "money of a correction"}),
        (("0", "5"), ("0", "-5"), {"money of a correction"}),
    ],
)  # fmt: skip
def test_a_correction_is_everybodys_in_proportion(ada: tuple[str, str], bob: tuple[str, str], found: set[str]) -> None:
    changes = {ADA: tuple(map(Decimal, ada)), BOB: tuple(map(Decimal, bob))}
    bought = [replace(trade(1, Side.BUY, "AAPL", 10, 1), user_id=who) for who in changes]
    corrections = [
        AdjustmentRecord(
            number,
            who,
            None,
            "AAPL",
            "FILL_CORRECTION",
            units,
            cash,
            "x",
            TOMORROW,
            "buy-AAPL",
            Side.BUY,
            Decimal("0.001"),
        )
        for number, (who, (units, cash)) in enumerate(changes.items())
    ]
    held = [
        PositionRecord(who, None, "AAPL", 10 + units, Decimal(1000), cash, BEGINS)
        for who, (units, cash) in changes.items()
    ]
    books = SymbolBooks(frozenset({"AAPL"}), held, bought, corrections, corrections)
    findings = audit_symbol(books, {"AAPL": sum((each.quantity for each in held), Decimal(0))})
    assert {each.what for each in findings.differences} == found


@pytest.mark.parametrize(
    ("broker", "accepted", "found"),
    [
        (("10", "1000"), ("0", "0"), set()),
        (("9", "1000"), ("0", "0"), {"quantity of an order"}),
        (("10", "1001"), ("0", "0"), {"value of an order"}),
        (("9", "1001"), ("-1", "1"), set()),
        (("9", "1001"), ("0", "1"), {"quantity of an order"}),
        (("9", "1001"), ("-1", "0"), {"quantity of an order"}),
        (("10", "1001"), ("0", "2"), {"value of an order"}),
        (("10", "1000"), ("-1", "1"), set()),
    ],
)
def test_an_order_may_differ_by_what_was_accepted_and_by_nothing_else(
    broker: tuple[str, str], accepted: tuple[str, str], found: set[str]
) -> None:
    quantity, value, more, cost = (Decimal(each) for each in (*broker, *accepted))
    order = OrderRecord("sf-1", Decimal(10), Decimal(1000), quantity, value, more, cost, [BEGINS])
    assert {each.what for each in audit_order(order)} == found
