"""Allocation: dividing a fill among the orders of a block, pro rata and exact.

Shares are divided in steps (a billionth, or a whole unit of an asset that trades in whole units only), so pro rata has to be rounded. The rule:

1. The orders stand in a line, in an order that is drawn from the key (the block, whose id nobody knows before his order is in it). Each takes up
   as much of the line as it wants.
2. The steps to give are laid along the line at equal distances, beginning at an offset that is drawn from the key too.
3. An order gets the steps that fall on its piece.

So everybody gets his exact part rounded up or down, and on average over the blocks his exact part. What somebody gets depends only on how much of
the line is his: an order that is split into many, or among many accounts, gets on average what it would get as one. (Giving what is left over to
the largest remainders, or one each to whoever is drawn, would favor certain sizes, or many small orders.)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from uuid import UUID

from stratforge.portfolio.assets import QUANTITY_STEP, ZERO

# The offset is drawn from this many possible ones.
_OFFSETS = 1 << 64


def allocate(
    total: Decimal, demands: Mapping[UUID, Decimal], *, key: str, step: Decimal = QUANTITY_STEP
) -> dict[UUID, Decimal]:
    """Divides `total` in proportion to `demands`; the parts add up to `total` exactly and none exceeds its demand.

    Args:
        total: What there is.
        demands: What each order wants.
        key: What the draw depends on: another one for every block.
        step: What the parts are multiples of, where `total` and the demands allow it: of a part that does not, the rest is passed on.

    Raises:
        ValueError: if `total` is negative or more than all demands together.
    """
    demanded = sum(demands.values(), ZERO)
    if not ZERO <= total <= demanded:
        raise ValueError(f"cannot allocate {total} among demands of {demanded}")
    if total == demanded:
        return dict(demands)
    # Of what is no multiple of a step the rest is served last.
    wholes = {name: demand // step * step for name, demand in demands.items()}
    divided = min(total, sum(wholes.values(), ZERO)) // step * step
    parts = apportion(divided, wholes, key=key, step=step) if divided else dict.fromkeys(demands, ZERO)
    left = total - divided
    for name in sorted(drawn(demands, key), key=lambda name: wholes[name] == demands[name]) if left else ():
        more = min(left, demands[name] - parts[name])
        parts[name] += more
        left -= more
    return parts


def apportion(
    total: Decimal, weights: Mapping[UUID, Decimal], *, key: str, step: Decimal = QUANTITY_STEP
) -> dict[UUID, Decimal]:
    """Divides `total` in proportion to `weights` in multiples of `step` that add up to it exactly, by the rule above.

    What `total` holds beyond a multiple of `step` goes to the last in the line.
    """
    # Whole numbers from here on: a product of two quantities has more digits than a Decimal keeps.
    shift = max((max(-_exponent(each), 0) for each in weights.values()), default=0)
    units = {name: int(weight.scaleb(shift)) for name, weight in weights.items()}
    whole = sum(units.values())
    steps = int(total / step)
    line = drawn(weights, key)
    offset = int.from_bytes(hashlib.sha256(f"{key}/offset".encode()).digest()[:8])
    parts: dict[UUID, Decimal] = {}
    passed = given = 0
    for name in line:
        passed += units[name]
        reached = (steps * passed * _OFFSETS + offset * whole) // (whole * _OFFSETS)
        parts[name] = (reached - given) * step
        given = reached
    if line:
        parts[line[-1]] += total - steps * step
    return parts


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return exponent


def drawn(order_ids: Iterable[UUID], key: str) -> list[UUID]:
    """The orders in an order that `key` draws: nobody who does not know it can tell, and everybody who does gets the same."""
    return sorted(order_ids, key=lambda order_id: hashlib.sha256(f"{key}/{order_id}".encode()).digest())
