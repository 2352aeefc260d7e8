"""Odd lots: parts of a unit of an asset that trades in whole units only, which only a split or an old ledger can have left.

The broker takes no part of a unit, and together the parts are whole units, since the account holds whole ones. So their holders settle them
among themselves: everybody's part becomes a whole unit or none, drawn so that he gets on average what he has, and the difference is paid at the
latest price. Nobody chooses the moment or the side.

And what the broker rounded otherwise than the ledger: nobody knows beforehand whether he cuts off what is less than the last place or a unit, rounds
it, or gives a whole share for it, and a billionth must not halt a symbol for good. The ledger follows him, once for each corporate action.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID, uuid4

from stratforge.portfolio.allocation import allocate, apportion
from stratforge.portfolio.assets import QUANTITY_STEP, ZERO, AssetRules
from stratforge.portfolio.corrections import Adjustment
from stratforge.storage.ledger.execution import cut_to_whole_units
from stratforge.storage.ledger.reconciliation import apply_adjustments
from stratforge.storage.ledger.reservations import lock_users
from stratforge.storage.ledger.symbols import lock_symbol, read_symbol
from stratforge.storage.market.assets import read_asset
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_value

# Whoever is to get a whole unit has to pay for the rest of it; where he cannot, lots are drawn anew, so often.
_DRAWS = 20


def odd_symbols(connection: Connection) -> list[str]:
    """Symbols of assets in whole units of which somebody holds a part of one."""
    rows = connection.execute(
        """
        SELECT DISTINCT p.symbol FROM positions p JOIN assets a ON a.symbol = p.symbol
        WHERE p.quantity > 0 AND NOT a.fractionable AND a.asset_class <> 'crypto'
          AND p.quantity % coalesce((SELECT scale FROM broker_account), 1) <> 0 ORDER BY 1
        """
    )
    return [row[0] for row in rows]


@dataclass(frozen=True, slots=True)
class _Holding:
    user_id: UUID
    session_id: UUID | None
    odd: Decimal
    cash: Decimal


def settle_odd_lots(connection: Connection, symbol: str) -> bool:
    """Settles the odd lots of a symbol; False when it cannot be done now: a block at work, a halt, or parts that are no whole units together."""
    lock_symbol(connection, symbol)
    asset, state = read_asset(connection, symbol), read_symbol(connection, symbol)
    parameters = {"symbol": symbol, "unit": asset.step if asset else Decimal(1)}
    at_work = fetch_value(
        connection, "SELECT 1 FROM block_orders WHERE symbol = %(symbol)s AND completed_at IS NULL", parameters
    )
    if asset is None or state is None or state.halted or at_work is not None:
        return False
    # What rests to be sold holds whole units back from here on, and whatever is drawn leaves them.
    cut_to_whole_units(connection, symbol, asset.step)
    lock_users(connection, "SELECT user_id FROM positions WHERE symbol = %(symbol)s AND quantity > 0", parameters)
    found = fetch_all(
        connection,
        _Holding,
        """
        SELECT p.user_id, p.session_id, p.quantity %% %(unit)s AS odd, u.virtual_balance AS cash FROM positions p JOIN users u ON u.id = p.user_id
        WHERE p.symbol = %(symbol)s AND p.quantity > 0 AND p.quantity %% %(unit)s <> 0 ORDER BY p.user_id, p.session_id
        """,
        parameters,
    )
    holdings = {UUID(int=index): each for index, each in enumerate(found)}
    odd = {name: each.odd for name, each in holdings.items()}
    total = sum(odd.values(), ZERO)
    if not odd or total % asset.step != 0:
        return False
    for _ in range(_DRAWS):
        cause = f"odd lots {uuid4()}"
        given = apportion(total, odd, key=cause, step=asset.step)
        adjustments = [
            Adjustment(each.user_id, each.session_id, given[name] - each.odd, (each.odd - given[name]) * state.price)
            for name, each in holdings.items()
        ]
        left = {each.user_id: each.cash for each in found}
        for change in adjustments:
            left[change.user_id] += change.cash
        # Who owes money already pays nothing more than he gets.
        if all(left[each.user_id] >= min(each.cash, ZERO) for each in found):
            apply_adjustments(connection, symbol, "ODD_LOTS", cause, adjustments)
            return True
    return False


@dataclass(frozen=True, slots=True)
class _Part:
    user_id: UUID
    session_id: UUID | None
    free: Decimal
    cash: Decimal
    moved: Decimal
    paid: Decimal


def settle_rounding(connection: Connection, symbol: str, ours: Decimal, theirs: Decimal, scale: Decimal) -> bool:
    """Follows the broker's rounding of what a corporate action left; False when a difference is nothing of the kind.

    It is when it is at most the last place, or less than one of the broker's units where he has whole ones, and once for each action. Who had
    money for what was cut off gives it back with what he gets.

    Args:
        ours: What all users hold together.
        theirs: What the account holds.
        scale: Units of the ledger that are one at the broker.
    """
    lock_symbol(connection, symbol)
    parameters = {"symbol": symbol}
    action = connection.execute(
        """
        SELECT a.id, CASE WHEN a.symbol = %(symbol)s THEN a.price END FROM corporate_actions a
        WHERE %(symbol)s IN (a.symbol, a.new_symbol) AND a.applied_at > now() - interval '30 days'
          AND NOT EXISTS (SELECT FROM adjustments r WHERE r.kind = 'ROUNDING' AND r.symbol = %(symbol)s AND r.cause = a.id)
          AND NOT EXISTS (SELECT FROM block_orders b WHERE b.symbol = %(symbol)s AND b.completed_at IS NULL)
          AND (SELECT coalesce(sum(quantity), 0) FROM positions WHERE symbol = %(symbol)s) = %(ours)s
        ORDER BY a.applied_at DESC LIMIT 1
        """,
        {**parameters, "ours": ours},
    ).fetchone()
    asset = read_asset(connection, symbol) or AssetRules(symbol, scale=scale)
    difference = theirs - ours
    last_place = abs(difference) <= QUANTITY_STEP * scale
    # Of whole units the ledger paid for what was cut off; of others the broker may have.
    whole = 0 < difference <= scale if asset.whole_units else abs(difference) < scale and theirs % scale == 0
    if action is None or not (last_place or (whole and action[1] is not None)):
        return False
    lock_users(connection, "SELECT user_id FROM positions WHERE symbol = %(symbol)s", parameters)
    found = fetch_all(
        connection,
        _Part,
        """
        SELECT p.user_id, p.session_id, p.quantity - p.reserved_quantity AS free, u.virtual_balance AS cash,
               coalesce(a.moved, 0) AS moved, coalesce(a.paid, 0) AS paid
        FROM positions p JOIN users u ON u.id = p.user_id
        CROSS JOIN LATERAL (
            SELECT sum(abs(quantity)) AS moved, greatest(sum(cash), 0) AS paid FROM adjustments a
            WHERE a.user_id = p.user_id AND a.session_id IS NOT DISTINCT FROM p.session_id AND a.symbol = p.symbol AND a.cause = %(action)s) a
        WHERE p.symbol = %(symbol)s AND p.quantity >= 0 AND (p.quantity > 0 OR a.moved > 0) ORDER BY p.user_id, p.session_id
        """,
        {**parameters, "action": action[0]},
    )
    parts = {UUID(int=index): each for index, each in enumerate(found)}
    key, price = f"{action[0]}/rounding", action[1] or ZERO
    if difference > 0:
        weights = {name: each.paid for name, each in parts.items()}
        if not asset.whole_units and not any(weights.values()):
            weights = {name: each.moved for name, each in parts.items()}
        if not any(weights.values()):
            return False
        given = apportion(difference, weights, key=key, step=QUANTITY_STEP * scale)
    else:
        free = {name: each.free for name, each in parts.items()}
        if sum(free.values(), ZERO) < -difference:
            return False
        taken = allocate(-difference, free, key=key, step=asset.allocation_step)
        given = {name: -quantity for name, quantity in taken.items()}
    left = {each.user_id: each.cash for each in found}
    adjustments = []
    for name, each in parts.items():
        if not given[name]:
            continue
        value = (given[name] * price).quantize(QUANTITY_STEP)
        cash = -min(value, each.paid, max(left[each.user_id], ZERO)) if value > 0 else -value
        left[each.user_id] += cash
        adjustments.append(Adjustment(each.user_id, each.session_id, given[name], cash))
    apply_adjustments(connection, symbol, "ROUNDING", action[0], adjustments)
    return True
