"""Corporate actions as they were announced: which there are, in which order they are followed, and why one is not yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any

from psycopg import IntegrityError

from stratforge.market.corporate_actions import ActionKind, CorporateAction, SplitScale
from stratforge.storage.ledger.symbols import lock_symbol
from stratforge.storage.market.market_data import FOLLOWED_SPLIT, SPLIT_TIME
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_value

_COLUMNS = "id AS action_id, symbol, kind, effective_on, ratio, new_symbol, new_ratio, cash"

# When the exchange's day begins on which an action takes effect.
STARTS = f"(SELECT {SPLIT_TIME} FROM corporate_actions WHERE id = %(id)s)"  # noqa: S608 - an expression of ours


def concerned_symbols(connection: Connection) -> list[str]:
    """Symbols of which the platform has prices, positions or orders: whatever happens to them has to be followed."""
    rows = connection.execute(
        """
        SELECT symbol FROM latest_prices UNION SELECT symbol FROM positions WHERE quantity <> 0
        UNION SELECT symbol FROM orders WHERE status IN ('PENDING', 'RESTING', 'WORKING') ORDER BY 1
        """
    )
    return [row[0] for row in rows]


class ImpossibleTerms(Exception):
    """Says that what was announced cannot be."""


def note_action(connection: Connection, action: CorporateAction) -> bool:
    """Keeps a corporate action; False when it was known.

    Raises:
        ImpossibleTerms: a ratio or an amount that no corporate action has.
    """
    try:
        changed = connection.execute(
            """
            INSERT INTO corporate_actions (id, symbol, kind, ratio, new_symbol, new_ratio, cash, effective_on)
            VALUES (%(action_id)s, %(symbol)s, %(kind)s, %(ratio)s, %(new_symbol)s, %(new_ratio)s, %(cash)s, %(effective_on)s) ON CONFLICT DO NOTHING
            """,
            asdict(action),
        )
    except IntegrityError as error:
        raise ImpossibleTerms(f"no corporate action has such terms ({error.diag.constraint_name})") from error
    return changed.rowcount == 1


@dataclass(frozen=True, slots=True)
class OpenAction:
    """A corporate action that the ledger has not followed, and whether an operator approved it."""

    action: CorporateAction
    approved: bool


_PLACE = """
    SELECT CASE WHEN bool_or(c.new_symbol = corporate_actions.symbol) THEN CASE corporate_actions.kind WHEN 'symbol_change' THEN 1 ELSE 3 END
                WHEN corporate_actions.kind = 'symbol_change' THEN 2 ELSE 0 END
    FROM corporate_actions c WHERE c.kind = 'symbol_change' AND c.effective_on = corporate_actions.effective_on AND c.dismissed_at IS NULL
"""


def open_actions(connection: Connection) -> list[OpenAction]:
    """Corporate actions that the ledger has not followed and nobody dismissed, in the order in which they take effect: of one day what is told of
    a name before that name becomes another, and what is told of the new name after it. A name is given away before somebody else gets it.
    """
    return fetch_all(
        connection,
        _open_action,
        f"""
        SELECT {_COLUMNS}, approved_at IS NOT NULL AS approved FROM corporate_actions
        WHERE applied_at IS NULL AND dismissed_at IS NULL ORDER BY effective_on, ({_PLACE}), id
        """,  # noqa: S608 - column names of this module
    )


def _open_action(approved: bool, kind: str, **fields: Any) -> OpenAction:
    return OpenAction(CorporateAction(kind=ActionKind(kind), **fields), approved)


def change_by_last_split(connection: Connection, symbol: str) -> Decimal | None:
    """The units that a split of the symbol added to all users' together, if the ledger followed one within the last two days; the broker may
    not have yet.
    """
    query = """
        SELECT (SELECT coalesce(sum(quantity), 0) FROM adjustments WHERE kind = 'SPLIT' AND symbol = c.symbol AND cause = c.id)
        FROM corporate_actions c WHERE symbol = %s AND kind = 'split' AND applied_at > now() - interval '2 days'
        ORDER BY applied_at DESC LIMIT 1
    """
    change: Decimal | None = fetch_value(connection, query, (symbol,))
    return change


def unfollowed_splits(connection: Connection, symbols: Sequence[str]) -> dict[str, float]:
    """By what splits multiply the shares of these symbols that have taken effect and that the ledger does not follow yet."""
    rows = connection.execute(
        f"""
        SELECT symbol, ratio::float8 FROM corporate_actions WHERE symbol = ANY(%s) AND kind = 'split' AND ratio IS NOT NULL AND applied_at IS NULL
          AND dismissed_at IS NULL AND {SPLIT_TIME} <= (SELECT market_now())
        """,  # noqa: S608 - an expression of ours
        (list(symbols),),
    ).fetchall()
    found: dict[str, float] = {}
    for symbol, ratio in rows:
        found[symbol] = found.get(symbol, 1.0) * ratio
    return found


def followed_splits(connection: Connection, symbols: Sequence[str]) -> dict[str, list[SplitScale]]:
    """The splits of each of these symbols that the ledger has followed, in the order in which they took effect."""
    rows = connection.execute(
        f"""
        SELECT symbol, extract(epoch FROM {SPLIT_TIME})::bigint, ratio::float8 FROM corporate_actions
        WHERE symbol = ANY(%s) AND {FOLLOWED_SPLIT} ORDER BY effective_on, id
        """,  # noqa: S608 - an expression of ours
        (list(symbols),),
    )
    found: dict[str, list[SplitScale]] = {}
    for symbol, at, ratio in rows:
        found.setdefault(symbol, []).append(SplitScale(at, ratio))
    return found


def note_obstacle(connection: Connection, action: CorporateAction, obstacle: str) -> None:
    """Notes why a corporate action cannot be followed yet."""
    connection.execute("UPDATE corporate_actions SET obstacle = %s WHERE id = %s", (obstacle, action.action_id))


def begin_following(connection: Connection, action: CorporateAction) -> CorporateAction | None:
    """Makes this transaction the only one that follows an action; None when another one did, or an operator dismissed it, meanwhile.

    What was told of a name that became another on the same day, and is followed already, happens to the new name.
    """
    heir: str | None = fetch_value(
        connection,
        """
        SELECT new_symbol FROM corporate_actions
        WHERE symbol = %s AND kind = 'symbol_change' AND effective_on = %s AND applied_at IS NOT NULL AND id <> %s
        """,
        (action.symbol, action.effective_on, action.action_id),
    )
    action = replace(action, symbol=heir or action.symbol)
    for symbol in sorted({action.symbol, action.new_symbol or action.symbol}):
        lock_symbol(connection, symbol)
    claimed = connection.execute(
        "UPDATE corporate_actions SET symbol = %s WHERE id = %s AND applied_at IS NULL AND dismissed_at IS NULL",
        (action.symbol, action.action_id),
    )
    return action if claimed.rowcount else None


def prices_around(connection: Connection, action: CorporateAction) -> tuple[Decimal, Decimal] | None:
    """The last close before the exchange's day on which an action takes effect, and the latest price since; None while one of them is not known."""
    row = connection.execute(
        f"""
        SELECT coalesce((SELECT m.close FROM market_data m WHERE m.symbol = a.symbol AND m.timeframe = '1Min' AND m.time < {SPLIT_TIME}
                         ORDER BY m.time DESC LIMIT 1), a.close_before), l.price
        FROM corporate_actions a JOIN latest_prices l ON l.symbol = a.symbol AND l.time >= {SPLIT_TIME} WHERE a.id = %s
        """,  # noqa: S608 - an expression of ours
        (action.action_id,),
    ).fetchone()
    return None if row is None or row[0] is None else (row[0], row[1])
