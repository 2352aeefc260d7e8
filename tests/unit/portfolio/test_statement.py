"""What the auditor recomputes does not hang on what happened meanwhile to other symbols."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from stratforge.market.corporate_actions import ActionKind
from stratforge.market.sizes import Side
from stratforge.portfolio.books import (
    AccountRecord,
    ActionRecord,
    Activity,
    AdjustmentRecord,
    Books,
    PositionRecord,
    TradeRecord,
)
from stratforge.portfolio.statement import audit

ADA = UUID(int=1)
BEGINS = datetime(2026, 1, 5, 15, tzinfo=UTC)
TOMORROW = BEGINS + timedelta(days=1)


def trade(number: int, side: Side, symbol: str, quantity: int, ended_after: int | None) -> TradeRecord:
    """A trade at 100 of an order that ended so many minutes after all began, or has not."""
    ended = None if ended_after is None else BEGINS + timedelta(minutes=ended_after)
    zero, name = Decimal(0), f"{side}-{symbol}"
    return TradeRecord(
        number, ADA, None, symbol, side, Decimal(quantity), Decimal(100), zero, zero, f"x{number}", name, zero, ended, False, BEGINS
    )  # fmt: skip


def test_a_split_comes_after_the_trades_of_its_symbol_however_long_another_order_is_at_work() -> None:
    trades = [
        trade(1, Side.BUY, "AAPL", 20, 1),
        trade(2, Side.BUY, "BTC/USD", 1, None),
        trade(3, Side.SELL, "AAPL", 8, 2),
    ]
    split = ActionRecord("split", "AAPL", ActionKind.SPLIT, Decimal(2), None, None, None, TOMORROW, None)
    change = AdjustmentRecord(1, ADA, None, "AAPL", "SPLIT", Decimal(12), Decimal(0), "split", TOMORROW, None)
    books = Books(
        [AccountRecord(ADA, Decimal(10_000), Decimal(8_700))],
        [
            PositionRecord(ADA, None, "AAPL", Decimal(24), Decimal(1_200), Decimal(0)),
            PositionRecord(ADA, None, "BTC/USD", Decimal(1), Decimal(100), Decimal(0)),
        ],
        trades,
        [change],
        [split],
    )
    activities = [Activity(each.client_order_id, each.symbol, each.side, each.quantity, each.price) for each in trades]
    statement = audit(books, activities, {"AAPL": Decimal(24), "BTC/USD": Decimal(1)})
    assert statement.differences == ()
