"""Corporate actions as whoever runs the platform decides on them from outside of it: what the owner of the database may, with a line in the
operators' audit."""

from __future__ import annotations

from dataclasses import asdict

from stratforge.market.corporate_actions import CorporateAction
from stratforge.storage.ledger.operations import StoredAction
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_value


def open_actions(connection: Connection) -> list[StoredAction]:
    """Corporate actions that are neither followed nor dismissed, the earliest first."""
    query = """
        SELECT id AS action_id, symbol, kind, effective_on, ratio, new_symbol, new_ratio, cash, seen_at, approved_at, dismissed_at, applied_at,
               obstacle FROM corporate_actions WHERE applied_at IS NULL AND dismissed_at IS NULL ORDER BY effective_on, id
    """
    return fetch_all(connection, StoredAction, query)


def decide_action(connection: Connection, action_id: str, reason: str, by: str, *, follow: bool) -> bool:
    """Approves or dismisses a corporate action and notes who did; False when there is none that was not followed yet."""
    query = """
        WITH changed AS (
            UPDATE corporate_actions SET approved_at = CASE WHEN %(follow)s THEN now() END, dismissed_at = CASE WHEN %(follow)s THEN NULL ELSE now() END
            WHERE id = %(id)s AND applied_at IS NULL RETURNING id),
        noted AS (
            INSERT INTO operator_actions (actor, action, subject, reason)
            SELECT %(by)s, CASE WHEN %(follow)s THEN 'approve corporate action' ELSE 'dismiss corporate action' END, id, %(reason)s FROM changed)
        SELECT EXISTS (SELECT FROM changed)
    """
    return bool(fetch_value(connection, query, {"id": action_id, "reason": reason, "by": by, "follow": follow}))


def enter_action(connection: Connection, action: CorporateAction, reason: str, by: str) -> bool:
    """Enters a corporate action that was not announced, approved, and notes who did; False when there is one of this id."""
    query = """
        WITH entered AS (
            INSERT INTO corporate_actions (id, symbol, kind, effective_on, ratio, new_symbol, new_ratio, cash, approved_at)
            VALUES (%(action_id)s, %(symbol)s, %(kind)s, %(effective_on)s, %(ratio)s, %(new_symbol)s, %(new_ratio)s, %(cash)s, now())
            ON CONFLICT (id) DO NOTHING RETURNING id),
        noted AS (
            INSERT INTO operator_actions (actor, action, subject, reason)
            SELECT %(by)s, 'enter corporate action', id, %(reason)s FROM entered)
        SELECT EXISTS (SELECT FROM entered)
    """
    return bool(fetch_value(connection, query, {**asdict(action), "reason": reason, "by": by}))
