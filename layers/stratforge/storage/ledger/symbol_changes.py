"""Changes of symbols: everything that is held or waits goes on under the new name, with its history."""

from __future__ import annotations

from stratforge.market.corporate_actions import CorporateAction
from stratforge.storage.ledger import reservations
from stratforge.storage.ledger.announced_actions import STARTS
from stratforge.storage.ledger.reservations import lock_users
from stratforge.storage.ledger.symbols import lock_sessions
from stratforge.storage.market.market_data import FOLLOWED_SPLIT, SPLIT_TIME
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_value

_MOVE_POSITIONS = f"""
WITH moved AS (
    SELECT user_id, session_id, quantity, cost_basis AS cost, opened_at, high_water, reserved_quantity AS reserved FROM positions
    WHERE symbol = %(old)s AND quantity <> 0),
left_behind AS (
    INSERT INTO adjustments (user_id, session_id, symbol, kind, quantity, cash, cause)
    SELECT user_id, session_id, %(old)s, 'CORPORATE_ACTION', -quantity, 0, %(id)s FROM moved),
kept AS (
    INSERT INTO adjustments (user_id, session_id, symbol, kind, quantity, cash, cause)
    SELECT user_id, session_id, %(symbol)s, 'CORPORATE_ACTION', quantity, 0, %(id)s FROM moved)
{reservations.RECEIVE}
"""  # noqa: S608 - statements of ours
_FOLLOW_SYMBOL = (
    # Whatever it is halted for goes along.
    "DELETE FROM symbol_halts WHERE symbol = %(symbol)s AND EXISTS (SELECT FROM symbol_halts WHERE symbol = %(old)s)",
    "INSERT INTO symbol_halts (symbol, reason, details) SELECT %(symbol)s, reason, details FROM symbol_halts WHERE symbol = %(old)s",
    "DELETE FROM symbol_halts WHERE symbol = %(old)s",
    "UPDATE orders SET symbol = %(symbol)s WHERE symbol = %(old)s AND status IN ('PENDING', 'RESTING')",
    "UPDATE signals SET symbol = %(symbol)s WHERE symbol = %(old)s AND status = 'PENDING'",
    "UPDATE strategies SET symbol = %(symbol)s WHERE symbol = %(old)s",
    # The history a session looks back on, and is replayed on, goes along; its old name keeps its own. What another company did under the new
    # name would be mixed into it: it is put aside, with the sessions that ended on it.
    f"UPDATE sessions SET bars_symbol = %(earlier)s WHERE symbol = %(symbol)s AND bars_symbol IS NULL AND ended_at IS NOT NULL AND last_bar_time < {STARTS}",  # noqa: S608 - an expression of ours
    # First in the archive, so that what is written to a claimed month meets its row there; a month in which the name changed hands is of both.
    f"""
    INSERT INTO archived_bars (symbol, starts_at, ends_at, object_key, rows, sha256, fresh, stored, only_here, complete)
    SELECT symbol, {STARTS}, ends_at, object_key, rows, sha256, fresh, stored, only_here, complete FROM archived_bars
    WHERE symbol = %(symbol)s AND starts_at < {STARTS} AND ends_at > {STARTS}
    """,  # noqa: S608 - an expression of ours
    f"UPDATE archived_bars SET symbol = %(earlier)s, ends_at = least(ends_at, {STARTS}) WHERE symbol = %(symbol)s AND starts_at < {STARTS}",  # noqa: S608 - ours
    f"UPDATE market_data SET symbol = %(earlier)s WHERE symbol = %(symbol)s AND time < {STARTS}",  # noqa: S608 - an expression of ours
    """
    INSERT INTO archived_bars (symbol, starts_at, ends_at, object_key, rows, sha256, fresh, stored, only_here, complete)
    SELECT %(symbol)s, starts_at, ends_at, object_key, rows, sha256, fresh, stored, only_here, complete FROM archived_bars
    WHERE symbol = %(old)s AND only_here ON CONFLICT DO NOTHING
    """,
    f"""
    INSERT INTO market_data_corrections (symbol, timeframe, time, correction, after_bar, made_by, open, high, low, close, volume)
    SELECT %(earlier)s, timeframe, time, correction, after_bar, made_by, open, high, low, close, volume FROM market_data_corrections
    WHERE symbol = %(symbol)s AND time < {STARTS}
    """,  # noqa: S608 - an expression of ours
    f"DELETE FROM market_data_corrections WHERE symbol = %(symbol)s AND time < {STARTS}",  # noqa: S608 - an expression of ours
    f"""
    INSERT INTO corporate_actions (id, symbol, kind, ratio, effective_on, seen_at, applied_at, applied_by, after_bar)
    SELECT id || '/' || %(earlier)s, %(earlier)s, kind, ratio, effective_on, seen_at, applied_at, applied_by, after_bar FROM corporate_actions
    WHERE symbol = %(symbol)s AND {FOLLOWED_SPLIT} AND {SPLIT_TIME} < {STARTS}
    """,  # noqa: S608 - expressions of ours
    """
    INSERT INTO market_data_corrections (symbol, timeframe, time, correction, after_bar, made_by, open, high, low, close, volume)
    SELECT %(symbol)s, timeframe, time, correction, after_bar, made_by, open, high, low, close, volume FROM market_data_corrections
    WHERE symbol = %(old)s ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO market_data (symbol, timeframe, time, open, high, low, close, volume, correction, after_bar, adjusted_at)
    SELECT %(symbol)s, timeframe, time, open, high, low, close, volume, correction, after_bar, adjusted_at FROM market_data
    WHERE symbol = %(old)s ON CONFLICT DO NOTHING
    """,
    # So do the days, in the editions that sessions saw them in; but not where somebody had the name before, whose editions have the same numbers.
    """
    INSERT INTO daily_bars (symbol, day, edition, open, high, low, close, volume)
    SELECT %(symbol)s, day, edition, open, high, low, close, volume FROM daily_bars
    WHERE symbol = %(old)s AND NOT EXISTS (SELECT FROM daily_histories WHERE symbol = %(symbol)s)
    """,
    """
    INSERT INTO daily_histories (symbol, through, edition, days, refused, read_at)
    SELECT %(symbol)s, through, edition, days, refused, read_at FROM daily_histories WHERE symbol = %(old)s ON CONFLICT DO NOTHING
    """,
    # Whoever had the name before had another price; one of this day is of the name's new owner.
    f"""
    INSERT INTO latest_prices AS l (symbol, price, time, bar_time, bar_high, bar_low)
    SELECT %(symbol)s, price, time, bar_time, bar_high, bar_low FROM latest_prices WHERE symbol = %(old)s
    ON CONFLICT (symbol) DO UPDATE SET price = excluded.price, time = excluded.time, bar_time = excluded.bar_time,
        bar_high = excluded.bar_high, bar_low = excluded.bar_low, bid = NULL, ask = NULL
    WHERE l.time < {STARTS}
    """,  # noqa: S608 - an expression of ours
    # So that its windows are scaled as before, and by no split of whoever had the name before.
    f"UPDATE corporate_actions SET of_earlier_owner = true WHERE symbol = %(symbol)s AND applied_at IS NOT NULL AND {SPLIT_TIME} < {STARTS}",  # noqa: S608 - ours
    f"""
    INSERT INTO corporate_actions (id, symbol, kind, ratio, effective_on, seen_at, applied_at, applied_by, after_bar)
    SELECT id || '/' || %(symbol)s, %(symbol)s, kind, ratio, effective_on, seen_at, applied_at, applied_by, after_bar FROM corporate_actions
    WHERE symbol = %(old)s AND {FOLLOWED_SPLIT} ON CONFLICT DO NOTHING
    """,  # noqa: S608 - an expression of ours
    """
    UPDATE sessions s SET symbol = %(symbol)s WHERE symbol = %(old)s AND (status IN ('PENDING', 'RUNNING', 'PAUSED') OR settling
        OR EXISTS (SELECT FROM positions p WHERE p.session_id = s.id AND p.symbol = %(symbol)s AND p.quantity <> 0))
    """,
    "UPDATE corporate_actions SET applied_at = now(), obstacle = NULL WHERE id = %(id)s",
)


def apply_symbol_change(connection: Connection, action: CorporateAction) -> str | None:
    """Lets everything that is held or waits go on under the new name: positions, orders, signals, sessions and their history."""
    if action.new_symbol is None:
        return "the announcement has no new symbol"
    earlier = f"{action.new_symbol} before {action.effective_on}"
    parameters = {"old": action.symbol, "symbol": action.new_symbol, "id": action.action_id, "earlier": earlier}
    # What was bought under the new name since the exchange's day began is of the same company.
    taken = fetch_value(
        connection,
        f"SELECT 1 FROM positions WHERE symbol = %(symbol)s AND quantity <> 0 AND opened_at < {STARTS} LIMIT 1",  # noqa: S608 - ours
        parameters,
    )
    if taken is not None:
        return f"somebody holds {action.new_symbol} already, under what was another company's name"
    lock_users(connection, "SELECT user_id FROM positions WHERE symbol = %(old)s", parameters)
    connection.execute(_MOVE_POSITIONS, parameters)
    connection.execute(reservations.GIVE_AWAY, {"symbol": action.symbol})
    for symbol in sorted({action.symbol, action.new_symbol}):
        lock_sessions(connection, symbol)
    for statement in _FOLLOW_SYMBOL:
        connection.execute(statement, parameters)
    return None
