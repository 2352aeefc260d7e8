"""Allocation: dividing a fill among the orders of a block, pro rata and exact."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from decimal import ROUND_DOWN, Decimal
from uuid import UUID

from stratforge.portfolio.assets import QUANTITY_STEP, ZERO


def allocate(total: Decimal, demands: Mapping[UUID, Decimal], *, key: str) -> dict[UUID, Decimal]:
    """Divides `total` in proportion to `demands`; the parts add up to `total` exactly and none exceeds its demand.

    The steps of a billionth that rounding leaves over go one each to orders in an order drawn anew from `key` (the
    block) every time, so over many blocks no one systematically gets them (largest-remainder would favor sizes,
    arrival order the quick).

    Raises:
        ValueError: if `total` is negative or more than all demands together.
    """
    demanded = sum(demands.values(), ZERO)
    if not ZERO <= total <= demanded:
        raise ValueError(f"cannot allocate {total} among demands of {demanded}")
    if total == demanded:
        return dict(demands)
    parts = {
        order_id: (total * demand / demanded).quantize(QUANTITY_STEP, ROUND_DOWN)
        for order_id, demand in demands.items()
    }
    left = total - sum(parts.values(), ZERO)
    while left > 0:
        for order_id in drawn(demands, key):
            step = min(QUANTITY_STEP, left, demands[order_id] - parts[order_id])
            parts[order_id] += step
            left -= step
            if left <= 0:
                break
    return parts


def drawn(order_ids: Iterable[UUID], key: str) -> list[UUID]:
    """The orders in an order that `key` draws: nobody who does not know it can tell, and everybody who does gets the same."""
    return sorted(order_ids, key=lambda order_id: hashlib.sha256(f"{key}/{order_id}".encode()).digest())
