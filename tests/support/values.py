"""Short ways to the values that the tests of the portfolio's core are about."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from hypothesis import strategies as st
from stratforge.portfolio.acceptance import Decision, Market, Release, decide
from stratforge.portfolio.assets import AssetRules
from stratforge.portfolio.orders import OrderOrigin, OrderRequest, OrderTerms
from stratforge.portfolio.protections import Account, RiskLimits

NOW = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)
COLLAR = Decimal("0.02")
PRICE = Decimal(10)
ZERO = Decimal(0)
STOCK = AssetRules("AAPL")
quantities = st.integers(1, 10**13).map(lambda n: Decimal(n) / 10**9)


def request(side: str = "buy", **changes: Any) -> OrderRequest:
    """A signal of a user of its own; an order of a person with the origin MANUAL."""
    terms = {
        name: changes.pop(name)
        for name in ("type", "limit_price", "stop_price", "trail_percent", "trail_price")
        if name in changes
    }
    values: dict[str, Any] = {
        "user_id": uuid4(),
        "session_id": uuid4(),
        "terms": OrderTerms(side, **terms),  # type: ignore[arg-type]
        "origin": OrderOrigin.SIGNAL,
        "size_kind": "default",
        "size": ZERO,
        "sizing_rule": "EQUITY_FRACTION",
        "sizing_value": Decimal("0.1"),
    }
    return OrderRequest(**{**values, **changes})


def order(side: str = "buy", quantity: str = "1", **changes: Any) -> OrderRequest:
    """An order that a person places."""
    values: dict[str, Any] = {
        "origin": OrderOrigin.MANUAL,
        "size_kind": "quantity",
        "size": Decimal(quantity),
        "order_id": uuid4(),
    }
    return request(side, **{**values, **changes})


def market(price: str = "10", **changes: Any) -> Market:
    """An open market."""
    return Market(**{"price": Decimal(price), "time": NOW, "collar": COLLAR, "asset": STOCK, **changes})


def account(
    user_id: UUID, cash: str = "1000", held: str = "0", limits: RiskLimits | None = None, **changes: Any
) -> Account:
    """An account that holds so many units at a price of ten."""
    value = Decimal(held) * PRICE
    values: dict[str, Any] = {"equity": Decimal(cash) + value, "exposure": value, "symbol_value": value}
    return Account(user_id, Decimal(cash), limits=limits or RiskLimits(), **{**values, **changes})


def decide_one(
    one: OrderRequest,
    at: Market | None = None,
    *,
    held: str = "0",
    releases: dict[UUID, Release] | None = None,
    **changes: Any,
) -> Decision:
    """What becomes of one request."""
    accounts = {one.user_id: account(one.user_id, held=held, **changes)}
    free = {(one.user_id, one.session_id): Decimal(held)}
    (decision,) = decide([one], accounts, free, at or market(), releases)
    return decision
