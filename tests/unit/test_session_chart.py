"""What a session had made at the end of every bar: reckoned backwards, it begins where nothing was held."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import numpy as np
from stratforge.application.session_chart import profit_curve
from stratforge.market import BarColumns
from stratforge.market.sizes import Side
from stratforge.storage.ledger.portfolio import TradeRow

NOBODY = UUID(int=0)


def trade(side: Side, seconds: int, quantity: str, price: str, fee: str = "0") -> TradeRow:
    """A trade so many seconds after the first bar's beginning."""
    at = datetime.fromtimestamp(seconds, UTC)
    return TradeRow(
        1,
        NOBODY,
        "AAPL",
        NOBODY,
        side,
        Decimal(quantity),
        Decimal(price),
        Decimal(0),
        Decimal(0),
        Decimal(fee),
        at,
        inside=False,
        short=False,
    )


def test_a_profit_is_what_was_realized_and_what_is_held_at_the_close_of_each_bar() -> None:
    closes = np.array([10.0, 12.0, 11.0, 13.0, 14.0])
    bars = BarColumns(np.arange(5) * 60, closes, closes, closes, closes, closes)
    trades = [trade(Side.SELL, 190, "4", "13"), trade(Side.BUY, 70, "4", "11", fee="1")]
    assert profit_curve(bars, trades, Decimal(7), Decimal(0), Decimal(0)) == [0.0, 3.0, -1.0, 7.0, 7.0]


def test_a_position_that_is_still_held_counts_at_the_close() -> None:
    closes = np.array([10.0, 10.0, 15.0])
    bars = BarColumns(np.arange(3) * 60, closes, closes, closes, closes, closes)
    assert profit_curve(bars, [trade(Side.BUY, 61, "2", "10")], Decimal(0), Decimal(2), Decimal(10)) == [0.0, 0.0, 10.0]
