"""Cash and shares: the only statements that change a balance, a reservation or a position.

A user's cash is free (`virtual_balance`) or held back for his orders (`reserved_cash`); of a position a part is held back by orders that sell it
(`reserved_quantity`). Every function here gives the text of statements that stand as common table expressions in the statement that changes the
orders, so that an order and what it holds change together, in one round trip. A movement names a relation of that statement.

Whoever moves anything has locked the users first, in the order of their ids (`lock_users`): not their keys, so that whoever places an order
meanwhile, which only names its user, waits for nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, LiteralString

from stratforge.storage.postgres.database import Connection


def lock_users(connection: Connection, user_ids: LiteralString, parameters: Mapping[str, Any]) -> None:
    """Locks the balances of the users that a query names, in the order of their ids, so that two symbols of one user never wait for each
    other in a circle. Ids do not change, so whoever only refers to a user (with a new order) does not wait.
    """
    connection.execute(
        f"SELECT FROM users WHERE id IN ({user_ids}) ORDER BY id FOR NO KEY UPDATE",
        parameters,
    )


def reserve(orders: LiteralString) -> LiteralString:
    """Holds back `cash` (dollars) and `shares` of the symbol for each row (`user_id`, `session_id`, `cash`, `shares`) of `orders`; what is negative
    is given back.
    """
    return f"""
    reserved_cash AS (
        UPDATE users u SET virtual_balance = u.virtual_balance - r.cash, reserved_cash = u.reserved_cash + r.cash
        FROM (SELECT user_id, sum(cash) AS cash FROM {orders} GROUP BY user_id) r WHERE r.cash <> 0 AND u.id = r.user_id),
    reserved_shares AS (
        UPDATE positions p SET reserved_quantity = p.reserved_quantity + r.shares
        FROM (SELECT user_id, session_id, sum(shares) AS shares FROM {orders} GROUP BY user_id, session_id) r
        WHERE r.shares <> 0 AND p.user_id = r.user_id AND p.session_id IS NOT DISTINCT FROM r.session_id AND p.symbol = %(symbol)s)
    """  # noqa: S608 - a relation of the caller's own


def release(orders: LiteralString) -> LiteralString:
    """Gives back `cash` and `shares` that were held back for each row (`user_id`, `session_id`, `cash`, `shares`) of `orders`."""
    return reserve(f"(SELECT user_id, session_id, -cash AS cash, -shares AS shares FROM {orders}) given_back")  # noqa: S608 - a relation of the caller's own


def pay(fills: LiteralString) -> LiteralString:
    """Pays what each row (`user_id`, `side`, `value`, `freed`) of `fills` traded: a purchase costs its value out of the reservation that it frees, a
    sale brings its value, and frees what was reserved as the margin of a short one. All in dollars.
    """
    return f"""
    paid AS (
        UPDATE users u SET virtual_balance = u.virtual_balance + m.cash, reserved_cash = u.reserved_cash - m.freed
        FROM (SELECT user_id, sum(freed + CASE WHEN side = 'buy' THEN -value ELSE value END) AS cash, sum(freed) AS freed
              FROM {fills} GROUP BY user_id) m
        WHERE u.id = m.user_id)
    """  # noqa: S608 - a relation of the caller's own


# Adds what each row (`user_id`, `session_id`, `quantity`, `cost`, `highest`, `at`) of `moved` bought of the symbol to its holder's position.
ADD_PURCHASES = """
INSERT INTO positions AS p (user_id, session_id, symbol, quantity, cost_basis, opened_at, high_water)
SELECT user_id, session_id, %(symbol)s, quantity, cost, at, highest FROM moved
ON CONFLICT (user_id, session_id, symbol) DO UPDATE SET
    quantity = p.quantity + excluded.quantity,
    cost_basis = p.cost_basis + excluded.cost_basis,
    opened_at = CASE WHEN p.quantity = 0 THEN excluded.opened_at ELSE p.opened_at END,
    high_water = CASE WHEN p.quantity = 0 THEN excluded.high_water ELSE greatest(p.high_water, excluded.high_water) END
"""
# Takes what each row (`user_id`, `session_id`, `quantity`, `cost`, `realized`) of `moved` sold, which was held back, off its holder's position.
# A sale always finds its position.
TAKE_SALES = """
UPDATE positions p SET
    quantity = p.quantity - m.quantity,
    reserved_quantity = p.reserved_quantity - m.quantity,
    cost_basis = CASE WHEN p.quantity = m.quantity THEN 0 ELSE greatest(p.cost_basis - m.cost, 0) END,
    realized_pnl = p.realized_pnl + m.realized
FROM moved m
WHERE p.user_id = m.user_id AND p.session_id IS NOT DISTINCT FROM m.session_id AND p.symbol = %(symbol)s
"""
# Adds what each row (`user_id`, `session_id`, `quantity`, `cost`, `lowest`, `at`) of `moved` sold short of the symbol to its holder's position, below zero, with
# what it brought as a cost below zero.
ADD_SHORT_SALES = """
INSERT INTO positions AS s (user_id, session_id, symbol, quantity, cost_basis, opened_at, high_water)
SELECT user_id, session_id, %(symbol)s, -quantity, -cost, at, lowest FROM moved
ON CONFLICT (user_id, session_id, symbol) DO UPDATE SET
    quantity = s.quantity + excluded.quantity,
    cost_basis = s.cost_basis + excluded.cost_basis,
    opened_at = CASE WHEN s.quantity = 0 THEN excluded.opened_at ELSE s.opened_at END,
    high_water = CASE WHEN s.quantity = 0 THEN excluded.high_water ELSE least(s.high_water, excluded.high_water) END
"""
# Takes what each row (`user_id`, `session_id`, `quantity`, `cost`, `realized`) of `moved` bought back, which was held back, off what its holder owes; `cost` is
# what its sale had brought.
TAKE_COVERS = """
UPDATE positions s SET
    quantity = s.quantity + m.quantity,
    reserved_quantity = s.reserved_quantity - m.quantity,
    cost_basis = CASE WHEN s.quantity = -m.quantity THEN 0 ELSE s.cost_basis + m.cost END,
    realized_pnl = s.realized_pnl + m.realized
FROM moved m
WHERE s.user_id = m.user_id AND s.session_id IS NOT DISTINCT FROM m.session_id AND s.symbol = %(symbol)s
"""
# Moves what each row (`user_id`, `session_id`, `quantity`, `cost`, `opened_at`, `high_water`, `reserved`) of `moved` says to the holder's position
# in the symbol, with what it cost and what is held back of it.
RECEIVE = """
INSERT INTO positions AS p (user_id, session_id, symbol, quantity, reserved_quantity, cost_basis, opened_at, high_water)
SELECT user_id, session_id, %(symbol)s, quantity, reserved, cost, opened_at, high_water FROM moved
ON CONFLICT (user_id, session_id, symbol) DO UPDATE SET
    quantity = p.quantity + excluded.quantity, reserved_quantity = p.reserved_quantity + excluded.reserved_quantity,
    cost_basis = p.cost_basis + excluded.cost_basis, opened_at = CASE WHEN p.quantity = 0 THEN excluded.opened_at ELSE least(p.opened_at, excluded.opened_at) END,
    high_water = CASE WHEN p.quantity = 0 THEN excluded.high_water WHEN p.quantity < 0 THEN least(p.high_water, excluded.high_water)
                      ELSE greatest(p.high_water, excluded.high_water) END
"""
# Takes all of the symbol off its holders, with its cost and what is held back of it: it went elsewhere, and nothing is realized.
GIVE_AWAY = """
UPDATE positions SET quantity = 0, reserved_quantity = 0, cost_basis = 0 WHERE symbol = %(symbol)s AND quantity <> 0
"""
# Gives the cost of shares back that were sold on the scale before a split that was not known yet, and the loss that was too large.
RESTORE_COST = """
UPDATE positions p SET cost_basis = CASE WHEN p.quantity < 0 THEN p.cost_basis + g.cost ELSE greatest(p.cost_basis + g.cost, 0) END, realized_pnl = p.realized_pnl + g.cost
FROM given g WHERE p.user_id = g.user_id AND p.session_id IS NOT DISTINCT FROM g.session_id AND p.symbol = %(symbol)s
"""
# Takes the loss back that each row (`user_id`, `session_id`, `cost`) of `given` had from shares that were exchanged for those of another symbol:
# nothing was lost, what they cost lives on in what was received.
UNDO_LOSS = """
UPDATE positions p SET realized_pnl = p.realized_pnl + g.cost
FROM given g WHERE p.user_id = g.user_id AND p.session_id IS NOT DISTINCT FROM g.session_id AND p.symbol = %(symbol)s
"""
# Changes free cash and positions by each row (`user_id`, `session_id`, `quantity`, `cash`, `cost`) of `given`, for corrections by the broker and splits.
# What a correction costs or brings is realized at once; `cost` goes back from there to what is owed again.
ADJUST = """
    adjusted AS (
        UPDATE users u SET virtual_balance = u.virtual_balance + g.cash
        FROM (SELECT user_id, sum(cash) AS cash FROM given GROUP BY user_id) g WHERE g.cash <> 0 AND u.id = g.user_id)
    UPDATE positions p SET
        quantity = p.quantity + g.quantity,
        cost_basis = CASE WHEN p.quantity + g.quantity = 0 THEN 0 ELSE p.cost_basis + g.cost END,
        realized_pnl = p.realized_pnl + g.cash + g.cost - CASE WHEN p.quantity + g.quantity = 0 THEN p.cost_basis ELSE 0 END
    FROM given g WHERE p.user_id = g.user_id AND p.session_id IS NOT DISTINCT FROM g.session_id AND p.symbol = %(symbol)s
"""
