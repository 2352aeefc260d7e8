"""Odd lots: parts of a unit of an asset that trades in whole units only, which only a split or an old ledger can have left.

The broker takes no part of a unit, and together the parts are whole units, since the account holds whole ones. So their holders settle them
among themselves: everybody's part becomes a whole unit or none, drawn so that he gets on average what he has, and the difference is paid at the
latest price. Nobody chooses the moment or the side.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID, uuid4

from stratforge.portfolio.allocation import apportion
from stratforge.portfolio.assets import ZERO
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
        WHERE p.symbol = %(symbol)s AND p.quantity %% %(unit)s <> 0 ORDER BY p.user_id, p.session_id
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
        if min(left.values()) >= 0:
            apply_adjustments(connection, symbol, "CORPORATE_ACTION", cause, adjustments)
            return True
    return False
