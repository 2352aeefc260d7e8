"""Splits and changes of symbol, and how the ledger follows them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from stratforge.market.corporate_actions import CorporateAction
from stratforge.portfolio.corrections import Adjustment, split_positions
from stratforge.portfolio.reasons import Reason
from stratforge.storage.ledger.execution import end_all_waiting
from stratforge.storage.ledger.reconciliation import apply_adjustments
from stratforge.storage.ledger.symbols import lock_symbol
from stratforge.storage.market.market_data import SPLIT_TIME
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_value


def note_action(connection: Connection, action: CorporateAction) -> bool:
    """Keeps a corporate action; False when it was known."""
    return (
        connection.execute(
            """
            INSERT INTO corporate_actions (id, symbol, kind, ratio, new_symbol, effective_on) VALUES (%s, %s, %s, %s, %s, %s)
            ON CONFLICT DO NOTHING
            """,
            (action.action_id, action.symbol, action.kind, action.ratio, action.new_symbol, action.effective_on),
        ).rowcount
        == 1
    )


def unapplied_splits(connection: Connection) -> list[CorporateAction]:
    """Splits that the ledger has not followed yet."""
    return fetch_all(
        connection,
        CorporateAction,
        """
        SELECT id AS action_id, symbol, kind, effective_on, ratio, new_symbol FROM corporate_actions
        WHERE kind = 'split' AND applied_at IS NULL ORDER BY effective_on, id
        """,
    )


@dataclass(frozen=True, slots=True)
class _Holding:
    user_id: UUID
    session_id: UUID | None
    quantity: Decimal


def apply_split(connection: Connection, action: CorporateAction) -> bool:
    """Follows a split: positions are multiplied, prices divided, waiting orders end. False while a block is at work."""
    assert action.ratio is not None
    lock_symbol(connection, action.symbol)
    parameters: dict[str, Any] = {"symbol": action.symbol, "ratio": action.ratio, "id": action.action_id}
    if fetch_value(
        connection, "SELECT 1 FROM block_orders WHERE symbol = %(symbol)s AND completed_at IS NULL", parameters
    ):
        return False
    end_all_waiting(connection, action.symbol, Reason.CORPORATE_ACTION)
    holdings = fetch_all(
        connection,
        _Holding,
        """
        SELECT user_id, session_id, quantity FROM positions WHERE symbol = %(symbol)s AND quantity > 0
        ORDER BY user_id, session_id FOR UPDATE
        """,
        parameters,
    )
    if holdings:
        by_key = {UUID(int=index): each for index, each in enumerate(holdings)}
        after = split_positions({key: each.quantity for key, each in by_key.items()}, action.ratio)
        adjustments = [
            Adjustment(each.user_id, each.session_id, after[key] - each.quantity, Decimal(0))
            for key, each in by_key.items()
        ]
        apply_adjustments(connection, action.symbol, "SPLIT", action.action_id, adjustments)
    connection.execute(
        "UPDATE positions SET high_water = high_water / %(ratio)s WHERE symbol = %(symbol)s AND high_water IS NOT NULL",
        parameters,
    )
    # Waits for a bar that is being stored, so that its evaluation and its replay agree on whether it came before.
    parameters["after_bar"] = fetch_value(
        connection, "SELECT bar_time FROM latest_prices WHERE symbol = %(symbol)s FOR UPDATE", parameters
    )
    connection.execute(
        f"""
        UPDATE latest_prices SET price = price / %(ratio)s, bar_low = bar_low / %(ratio)s, bar_high = bar_high / %(ratio)s
        WHERE symbol = %(symbol)s AND time < (SELECT {SPLIT_TIME} FROM corporate_actions WHERE id = %(id)s)
        """,  # noqa: S608 - an expression of ours
        parameters,
    )
    connection.execute(
        "UPDATE corporate_actions SET applied_at = now(), after_bar = %(after_bar)s WHERE id = %(id)s", parameters
    )
    return True
