"""The simulated exchange refuses what Alpaca refuses, and keeps its books."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from simulators.alpaca.exchange import Exchange, Refusal
from stratforge.broker import Refusal as Kind
from stratforge.broker.refusals import refusal_of

NOW = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)
PRICE = Decimal(100)


def submit(
    exchange: Exchange, side: str = "buy", quantity: str = "10", name: str = "a", symbol: str = "AAPL", **more: Any
) -> Any:
    """Sends an order."""
    request = {"client_order_id": name, "symbol": symbol, "side": side, "qty": quantity, "type": "market", **more}
    return exchange.submit(request, NOW, PRICE)


def test_an_opposite_order_is_refused_as_a_wash_trade_in_alpacas_words() -> None:
    exchange = Exchange(None)
    held = submit(exchange)
    exchange.fill(held, Decimal(10), PRICE, NOW)
    resting = submit(exchange, "sell", "5", "b")
    with pytest.raises(Refusal) as refused:
        submit(exchange, "buy", "1", "c")
    assert (refused.value.status, refused.value.code) == (403, 40310000)
    assert refused.value.more == {
        "reject_reason": "opposite side market/stop order exists",
        "existing_order_id": resting.id,
    }


@pytest.mark.parametrize(
    ("order", "status", "words"),
    [
        ({"name": "a"}, 422, "must be unique"),
        ({"name": "n", "side": "sell", "quantity": "11"}, 403, "insufficient qty available"),
        ({"name": "n", "quantity": "0.001"}, 403, "minimal amount of order 1"),
        ({"name": "n", "quantity": "1.0000000001"}, 422, "nine decimals"),
        ({"name": "n", "type": "limit", "limit_price": "99.999"}, 422, "sub-penny"),
        ({"name": "n", "quantity": "999999999"}, 403, "insufficient buying power"),
    ],
)
def test_malformed_and_unaffordable_orders_are_refused(order: dict[str, Any], status: int, words: str) -> None:
    exchange = Exchange(None)
    exchange.fill(submit(exchange), Decimal(10), PRICE, NOW)
    with pytest.raises(Refusal, match=words) as refused:
        submit(exchange, **order)
    assert refused.value.status == status


def test_what_is_not_fractionable_or_tradable_is_refused() -> None:
    exchange = Exchange(None)
    exchange.assets["AAPL"] = {"fractionable": False}
    with pytest.raises(Refusal, match="not fractionable"):
        submit(exchange, quantity="1.5")
    exchange.assets["AAPL"] = {"tradable": False}
    with pytest.raises(Refusal, match="not tradable"):
        submit(exchange)
    exchange.assets["AAPL"] = {"sell_only": True}
    with pytest.raises(Refusal) as refused:
        submit(exchange)
    assert refusal_of(refused.value.status, refused.value.message) is Kind.ASSET_SELL_ONLY


def test_crypto_pays_in_coins_and_a_split_multiplies() -> None:
    exchange = Exchange(None)
    exchange.fill(submit(exchange, symbol="BTC/USD", quantity="2"), Decimal(2), PRICE, NOW)
    assert exchange.positions["BTC/USD"] == Decimal("1.995")
    exchange.fill(submit(exchange, name="b"), Decimal(10), PRICE, NOW)
    exchange.split("AAPL", Decimal(3), NOW)
    assert exchange.positions["AAPL"] == 30


def test_a_correction_changes_the_books_and_tells_nobody() -> None:
    exchange = Exchange(None)
    told: list[str] = []
    order = submit(exchange)
    exchange.fill(order, Decimal(10), PRICE, NOW)
    exchange.listen(lambda event, _order, _execution: told.append(event))
    exchange.correct_last_fill(order, Decimal(8), Decimal(99), NOW)
    assert (exchange.positions["AAPL"], order.filled_quantity, order.filled_value) == (
        Decimal(8),
        Decimal(8),
        Decimal(792),
    )
    assert told == []
