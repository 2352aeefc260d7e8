"""Each protection refuses what it should, and never a sale."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from stratforge.broker.refusals import broker_markdown
from stratforge.portfolio.protections import RiskLimits
from stratforge.portfolio.reasons import Reason, reference_markdown

from tests.support.values import NOW, decide_one, market, order

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("limits", "allowed", "refused", "reason"),
    [
        ({"max_position": Decimal("0.2")}, {"quantity": "19"}, {"quantity": "21"}, Reason.MAX_POSITION),
        ({"max_exposure": Decimal("0.2")}, {"quantity": "19"}, {"quantity": "21"}, Reason.MAX_EXPOSURE),
        (
            {"max_daily_loss": Decimal("0.05")},
            {"day_equity": Decimal(1050)},
            {"day_equity": Decimal(1053)},
            Reason.DAILY_LOSS,
        ),
        (
            {"max_drawdown": Decimal("0.1")},
            {"peak_equity": Decimal(1110)},
            {"peak_equity": Decimal(1112)},
            Reason.DRAWDOWN,
        ),
        ({"max_orders_per_minute": 3}, {"orders_last_minute": 2}, {"orders_last_minute": 3}, Reason.ORDER_RATE),
        (
            {"cooldown_minutes": 5},
            {"last_loss_at": NOW - timedelta(minutes=5)},
            {"last_loss_at": NOW - timedelta(minutes=4)},
            Reason.COOLDOWN,
        ),
        (
            {"price_band": Decimal("0.05")},
            {"limit_price": Decimal("10.5")},
            {"limit_price": Decimal("10.51")},
            Reason.PRICE_BAND,
        ),
        ({}, {"limit_price": Decimal(15)}, {"limit_price": Decimal("15.01")}, Reason.PRICE_BAND),
    ],
)
def test_a_protection_refuses_beyond_its_limit(
    limits: dict[str, Any], allowed: dict[str, Any], refused: dict[str, Any], reason: Reason
) -> None:
    def reason_for(values: dict[str, Any]) -> Reason | None:
        values = dict(values)
        quantity, limit = values.pop("quantity", "1"), values.pop("limit_price", None)
        one = order(quantity=quantity, **({"type": "limit", "limit_price": limit} if limit else {}))
        return decide_one(one, market(), limits=RiskLimits(**limits), **values).reason

    assert reason_for(allowed) is None
    assert reason_for(refused) is reason


def test_getting_out_is_always_possible() -> None:
    limits = RiskLimits(Decimal("0.01"), Decimal("0.01"), Decimal("0.01"), Decimal("0.01"), 1, 60)
    decision = decide_one(
        order("sell", "5"),
        market(),
        held="5",
        limits=limits,
        day_equity=Decimal(10**6),
        peak_equity=Decimal(10**6),
        orders_last_minute=99,
        last_loss_at=NOW,
    )
    assert decision.action == "join"


def test_the_documented_reasons_are_the_enum() -> None:
    assert all(reason.explanation for reason in Reason)
    written = (ROOT / "layers" / "stratforge" / "portfolio" / "REASONS.md").read_text(encoding="utf-8")
    assert written == reference_markdown(), "write it again with: stratforge reasons"


def test_what_the_broker_says_is_documented_as_the_code_has_it() -> None:
    written = (ROOT / "layers" / "stratforge" / "broker" / "BROKER.md").read_text(encoding="utf-8")
    assert written == broker_markdown(), "write it again with: stratforge broker"
