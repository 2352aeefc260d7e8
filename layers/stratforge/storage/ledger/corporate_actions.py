"""The ways in which the ledger follows corporate actions: positions, orders that wait, prices and history in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, LiteralString
from uuid import UUID

import psycopg

from stratforge.market.corporate_actions import ActionKind, CorporateAction
from stratforge.portfolio.acceptance import Holder
from stratforge.portfolio.assets import ONE, QUANTITY_STEP, ZERO, AssetRules
from stratforge.portfolio.corrections import Adjustment, WaitingOrder, split_order, split_positions
from stratforge.portfolio.orders import OrderTerms
from stratforge.portfolio.reasons import Reason
from stratforge.storage.ledger import reservations
from stratforge.storage.ledger.announced_actions import STARTS
from stratforge.storage.ledger.execution import end_all_waiting
from stratforge.storage.ledger.reconciliation import apply_adjustments
from stratforge.storage.ledger.reservations import lock_users
from stratforge.storage.ledger.symbol_changes import apply_symbol_change
from stratforge.storage.ledger.symbols import lock_sessions
from stratforge.storage.market.assets import read_asset
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_value
from stratforge.strategy.exits import PRICE_KEYS


def apply_action(connection: Connection, action: CorporateAction) -> str | None:
    """Follows a corporate action in the transaction that began to; None when it is done, else what has to happen before.

    What the database refuses, and terms that cannot be reckoned with, are undone and wait for the next time, or for a person: they hold up neither other symbols nor
    the rest of a reconciliation.
    """
    try:
        with connection.transaction():
            return _apply(connection, action)
    except psycopg.Error as error:
        if connection.broken:
            raise
        return f"the ledger refuses it ({error.diag.constraint_name or error.sqlstate})"
    except ArithmeticError as error:
        return f"its terms cannot be reckoned with ({type(error).__name__})"


def _apply(connection: Connection, action: CorporateAction) -> str | None:
    working = "SELECT symbol FROM block_orders WHERE symbol IN (%s, %s) AND completed_at IS NULL"
    if fetch_value(connection, working, (action.symbol, action.new_symbol)) is not None:
        return "a block order is at work"
    if action.kind is ActionKind.SPLIT:
        obstacle = _apply_split(connection, action)
    elif action.kind is ActionKind.SYMBOL_CHANGE:
        obstacle = apply_symbol_change(connection, action)
    else:
        obstacle = _apply_terms(connection, action)
    if obstacle is None:
        # Who bought back, opted out, and is told only now that he owes more: with his account as it was he pays for it, is called, and can buy it back.
        connection.execute(
            """
            UPDATE users SET short_selling = true
            WHERE NOT short_selling AND id IN (SELECT user_id FROM positions WHERE symbol IN (%s, %s) AND quantity < 0)
            """,
            (action.symbol, action.new_symbol),
        )
    return obstacle


@dataclass(frozen=True, slots=True)
class _Holding:
    user_id: UUID
    session_id: UUID | None
    quantity: Decimal
    cash: Decimal = ZERO
    since: Decimal = ZERO
    sold_cost: Decimal = ZERO
    cost_basis: Decimal = ZERO
    short: bool = False
    traded_short: bool = False

    @property
    def before(self) -> Decimal:
        """What was held before it was traded on the new scale; below zero what was owed."""
        return self.quantity - self.since if self.short else max(self.quantity - self.since, ZERO)

    def turned_round(self, ratio: Decimal) -> bool:
        """Tells whether he went from long to short since, or back, so that nothing tells what he has or owes."""
        before, now = self.quantity - self.since, self.quantity
        return self.traded_short and (before * now < 0 or (now == 0 and before < 0 < self.cost_too_much(ratio)))

    def cost_too_much(self, ratio: Decimal) -> Decimal:
        """The part of `sold_cost` that is of what is left, where new shares were reckoned as old ones."""
        return (self.sold_cost * (1 - 1 / ratio)).quantize(QUANTITY_STEP)


def _holdings(connection: Connection, action: CorporateAction, starts_at: datetime) -> list[_Holding]:
    """Who holds or owes something of a symbol or traded it on the new scale: what he holds, what of it he has traded so, and what the sold part had cost, or what was
    bought back had brought, below zero.

    A trade since `starts_at` is on the new scale, as the exchange's is, unless its price is the old one for all that can be seen: four times
    nearer to the last one before than a split alone would have moved it.
    """
    return fetch_all(
        connection,
        _Holding,
        """
        WITH last AS (SELECT coalesce((SELECT m.close FROM market_data m WHERE m.symbol = %(symbol)s AND m.timeframe = '1Min'
                                       AND m.time < %(starts_at)s ORDER BY m.time DESC LIMIT 1),
                                      (SELECT close_before FROM corporate_actions WHERE id = %(id)s))::float8 AS close)
        SELECT p.user_id, p.session_id, p.quantity, p.cost_basis, u.virtual_balance AS cash, coalesce(t.since, 0) AS since,
               coalesce(t.sold_cost, 0) AS sold_cost, p.quantity < 0 OR (p.quantity = 0 AND coalesce(t.short, false)) AS short,
               coalesce(t.short, false) AS traded_short
        FROM last CROSS JOIN positions p JOIN users u ON u.id = p.user_id
        CROSS JOIN LATERAL (
            SELECT sum(CASE WHEN t.side = 'buy' THEN t.quantity - t.fee_quantity ELSE -t.quantity END) AS since,
                   sum(CASE WHEN o.short THEN -(t.quantity * t.price + t.realized_pnl) ELSE t.quantity * t.price - t.fee_cash - t.realized_pnl END)
                       FILTER (WHERE (t.side = 'sell') <> o.short) AS sold_cost, bool_or(o.short) AS short
            FROM trades t JOIN orders o ON o.id = t.order_id WHERE t.user_id = p.user_id AND t.session_id IS NOT DISTINCT FROM p.session_id AND t.symbol = p.symbol
              AND t.executed_at >= %(starts_at)s
              AND coalesce(abs(ln(t.price::float8 / last.close)) * 4 >= abs(ln(%(ratio)s::float8)), true)) t
        WHERE p.symbol = %(symbol)s AND (p.quantity <> 0 OR t.since <> 0) ORDER BY p.user_id, p.session_id
        """,
        {
            "id": action.action_id,
            "symbol": action.symbol,
            "starts_at": starts_at,
            "ratio": float(action.ratio or 1),
        },
    )


def _apply_split(connection: Connection, action: CorporateAction) -> str | None:
    """Multiplies positions and divides prices, of everything that is on the old scale.

    A split that was published late finds positions that were traded on the new scale already: what was traded since the exchange's day began
    is not multiplied, and who sold a part for less than it was gets the rest of his shares back, with their cost.
    """
    assert action.ratio is not None
    parameters: dict[str, Any] = {"symbol": action.symbol, "ratio": action.ratio, "id": action.action_id}
    starts_at: datetime = fetch_value(connection, f"SELECT {STARTS}", parameters)
    # Waits for a bar that is being stored, so that its evaluation and its replay agree on whether it came before.
    latest = connection.execute(
        "SELECT bar_time, price, time FROM latest_prices WHERE symbol = %(symbol)s FOR UPDATE", parameters
    ).fetchone()
    late = latest is not None and latest[0] is not None and latest[0] >= starts_at
    lock_users(
        connection,
        """
        SELECT user_id FROM positions WHERE symbol = %(symbol)s
        UNION SELECT user_id FROM orders WHERE symbol = %(symbol)s AND status IN ('PENDING', 'RESTING')
        """,
        parameters,
    )
    asset = read_asset(connection, action.symbol) or AssetRules(action.symbol)
    holdings = {UUID(int=index): each for index, each in enumerate(_holdings(connection, action, starts_at))}
    before = {key: each.before for key, each in holdings.items()}
    after = _multiplied(before, action.ratio, asset.allocation_step)
    if any(after[key] + each.since < 0 and not each.short for key, each in holdings.items()):
        return "somebody sold more after the split than he can have had"
    if any(each.turned_round(action.ratio) for each in holdings.values()):
        return "somebody turned a position round after the split"
    price = ZERO if latest is None else (latest[1] if latest[2] >= starts_at else latest[1] / action.ratio)
    adjustments = []
    left_cash = {each.user_id: each.cash for each in holdings.values()}
    for key, each in holdings.items():
        # Of an asset in whole units what is less than one is paid for, by whoever is drawn to get a whole one as far as he has the money.
        lost = before[key] * action.ratio - after[key] if asset.whole_units else ZERO
        cash = max((lost * price).quantize(QUANTITY_STEP), min(-left_cash[each.user_id], ZERO))
        left_cash[each.user_id] += cash
        change = after[key] - before[key]
        if change or cash:
            # All of it was bought back on the new scale before the split was known: what is owed still had brought its part.
            cost = each.cost_too_much(action.ratio) if each.quantity == 0 and change < 0 else ZERO
            adjustments.append(Adjustment(each.user_id, each.session_id, change, cash, cost))
    grows = action.ratio > 1
    left = {
        (each.user_id, each.session_id): abs(each.quantity + after[key] - before[key]) for key, each in holdings.items()
    }
    if not grows:
        _split_orders(connection, action, asset, left, starts_at, late=late)
    if adjustments:
        apply_adjustments(connection, action.symbol, "SPLIT", action.action_id, adjustments)
    if grows:
        _split_orders(connection, action, asset, left, starts_at, late=late)
    done = {(each.user_id, each.session_id) for each in adjustments if each.cost}
    sold = {(each.user_id, each.session_id): each for each in holdings.values() if each.sold_cost}
    costs = {name: each.cost_too_much(action.ratio) for name, each in sold.items() if name not in done}
    _correct_costs(connection, reservations.RESTORE_COST, action.symbol, costs)
    parameters["starts_at"] = starts_at
    connection.execute(
        """
        UPDATE positions SET high_water = high_water / %(ratio)s
        WHERE symbol = %(symbol)s AND high_water IS NOT NULL AND (opened_at IS NULL OR opened_at < %(starts_at)s)
        """,
        parameters,
    )
    lock_sessions(connection, action.symbol)
    connection.execute(
        """
        UPDATE sessions s SET state = s.state || (
            SELECT jsonb_object_agg(key, value::float8 / %(ratio)s::float8) FROM jsonb_each_text(s.state) WHERE key = ANY(%(extremes)s))
        WHERE s.symbol = %(symbol)s AND s.status IN ('RUNNING', 'PAUSED') AND s.state ?| %(extremes)s
          -- What was decided on before is filled after it too.
          AND (s.last_bar_time < %(starts_at)s OR (s.bars_held > 0 AND EXISTS (
              SELECT FROM positions p WHERE p.session_id = s.id AND p.symbol = s.symbol AND p.quantity <> 0 AND p.opened_at < %(starts_at)s)))
        """,
        {**parameters, "extremes": list(PRICE_KEYS)},
    )
    connection.execute(
        """
        UPDATE latest_prices SET price = price / %(ratio)s, bar_low = bar_low / %(ratio)s, bar_high = bar_high / %(ratio)s,
                                 bid = bid / %(ratio)s, ask = ask / %(ratio)s
        WHERE symbol = %(symbol)s AND time < %(starts_at)s
        """,
        parameters,
    )
    parameters.update(after_bar=latest[0] if latest else None, step=asset.allocation_step, price=price)
    connection.execute(
        """
        UPDATE corporate_actions SET applied_at = now(), applied_by = pg_current_xact_id(), obstacle = NULL, after_bar = %(after_bar)s, step = %(step)s,
            price = %(price)s
        WHERE id = %(id)s
        """,
        parameters,
    )
    return None


def _multiplied(before: Mapping[UUID, Decimal], ratio: Decimal, step: Decimal = QUANTITY_STEP) -> dict[UUID, Decimal]:
    """Holdings after a split; what is owed is multiplied like what is held, below zero."""
    owed = {key: -quantity for key, quantity in before.items() if quantity < 0}
    after = split_positions({key: quantity for key, quantity in before.items() if quantity >= 0}, ratio, step)
    return after | {key: -quantity for key, quantity in split_positions(owed, ratio, step).items()}


_COSTS = """
WITH given AS (SELECT * FROM unnest(%(users)s::uuid[], %(sessions)s::uuid[], %(costs)s::numeric[]) AS g (user_id, session_id, cost))
"""


def _correct_costs(
    connection: Connection, correction: LiteralString, symbol: str, costs: Mapping[Holder, Decimal]
) -> None:
    if costs:
        users, sessions = zip(*costs, strict=True)
        connection.execute(
            _COSTS + correction,
            {"symbol": symbol, "users": list(users), "sessions": list(sessions), "costs": list(costs.values())},
        )


def _waiting(
    side: Any,
    type: Any,
    limit_price: Any,
    stop_price: Any,
    trail_percent: Any,
    trail_price: Any,
    short: bool,
    **fields: Any,
) -> WaitingOrder:
    terms = OrderTerms(side, type, limit_price, stop_price, trail_percent, trail_price, short)
    return WaitingOrder(terms=terms, **fields)


_SPLIT_ORDERS = f"""
WITH written AS (
    SELECT w.*, o.user_id, o.session_id FROM unnest(
        %(ids)s::uuid[], %(remaining)s::numeric[], %(sizes)s::numeric[], %(limits)s::numeric[], %(stops)s::numeric[], %(trails)s::numeric[],
        %(marks)s::numeric[], %(below)s::numeric[], %(above)s::numeric[], %(reserve_prices)s::numeric[], %(held_cash)s::numeric[],
        %(held_shares)s::numeric[], %(cash)s::numeric[], %(shares)s::numeric[], %(ends)s::boolean[])
        AS w (id, remaining, size, limit_price, stop_price, trail_price, water_mark, trigger_below, trigger_above, reserve_price, held_cash,
              held_shares, cash, shares, ends) JOIN orders o ON o.id = w.id),
{reservations.reserve("written")}
UPDATE orders o SET
    quantity = CASE WHEN o.status = 'RESTING' THEN o.filled_quantity + w.remaining ELSE o.quantity END, size = w.size,
    limit_price = w.limit_price, stop_price = w.stop_price, trail_price = w.trail_price, water_mark = w.water_mark,
    trigger_below = w.trigger_below, trigger_above = w.trigger_above, reserve_price = w.reserve_price,
    reserved_cash = w.held_cash, reserved_quantity = w.held_shares,
    status = (CASE WHEN NOT w.ends THEN o.status::text WHEN o.filled_quantity > 0 THEN 'PARTIALLY_FILLED' ELSE 'CANCELED' END)::order_status,
    reason = CASE WHEN w.ends THEN %(reason)s ELSE o.reason END, completed_at = CASE WHEN w.ends THEN now() END
FROM written w WHERE o.id = w.id
"""  # noqa: S608 - statements of ours


def _split_orders(
    connection: Connection,
    action: CorporateAction,
    asset: AssetRules,
    left: dict[Holder, Decimal],
    starts_at: datetime,
    *,
    late: bool,
) -> None:
    """Brings the orders that wait to the new scale: those that were decided on before the exchange's day began, and what was not decided on
    yet if no price of that day has been seen. `left` is what holders have after it, of which nobody sells more.
    """
    assert action.ratio is not None
    ratio = action.ratio
    orders = fetch_all(
        connection,
        _waiting,
        """
        SELECT id AS order_id, user_id, session_id, side::text, type::text, limit_price, stop_price, trail_percent, trail_price, short, size_kind, size,
               status = 'RESTING' AS accepted, triggered_at IS NOT NULL AS triggered, filled_quantity AS filled,
               CASE WHEN status = 'RESTING' THEN quantity - filled_quantity ELSE 0 END AS remaining, reserve_price, reserved_cash,
               reserved_quantity, water_mark
        FROM orders WHERE symbol = %s AND (status = 'RESTING' AND decided_at < %s OR status = 'PENDING' AND NOT %s) ORDER BY id FOR NO KEY UPDATE
        """,
        (action.symbol, starts_at, late),
    )
    split = []
    for order in orders:
        holder = (order.user_id, order.session_id)
        done = split_order(order, ratio, asset, left.get(holder, ZERO))
        left[holder] = left.get(holder, ZERO) - done.order.reserved_quantity
        split.append(done)
    if split:
        after = [each.order for each in split]
        connection.execute(
            _SPLIT_ORDERS,
            {
                "symbol": action.symbol,
                "reason": Reason.CORPORATE_ACTION,
                "ids": [each.order_id for each in after],
                "remaining": [each.remaining for each in after],
                "sizes": [each.size for each in after],
                "limits": [each.terms.limit_price for each in after],
                "stops": [each.terms.stop_price for each in after],
                "trails": [each.terms.trail_price for each in after],
                "marks": [each.water_mark for each in after],
                "below": [each.trigger.below for each in split],
                "above": [each.trigger.above for each in split],
                "reserve_prices": [each.reserve_price for each in after],
                "held_cash": [each.reserved_cash for each in after],
                "held_shares": [each.reserved_quantity for each in after],
                "cash": [each.more_cash for each in split],
                "shares": [each.more_quantity for each in split],
                "ends": [each.ends for each in split],
            },
        )


# Everything else, once an operator approved ----------------------------------------------------------------------


_SPIN_OFF = f"""
WITH moved AS (
    SELECT user_id, NULL::uuid AS session_id, sum(quantity) AS quantity, sum(cost) AS cost, now() AS opened_at, NULL::numeric AS high_water,
           0::numeric AS reserved
    FROM unnest(%(users)s::uuid[], %(quantities)s::numeric[], %(costs)s::numeric[]) AS g (user_id, quantity, cost)
    WHERE quantity > 0 GROUP BY user_id),
kept AS (
    INSERT INTO adjustments (user_id, session_id, symbol, kind, quantity, cash, cause)
    SELECT user_id, session_id, %(symbol)s, 'CORPORATE_ACTION', quantity, 0, %(id)s FROM moved)
{reservations.RECEIVE}
"""  # noqa: S608 - statements of ours


def _apply_terms(connection: Connection, action: CorporateAction) -> str | None:
    """Gives every holder what a unit has become: units of the symbol, of another one, and money. Orders that wait end.

    What comes of another symbol is the holder's own, of no session; it costs nothing, unless the old symbol goes: then it costs what that did, less
    the money that came with it. Who is short owes the same; what he would owe of another symbol no session of his could buy back.
    """
    keeps = ONE if action.ratio is None else action.ratio
    owed = "SELECT 1 FROM positions WHERE symbol = %s AND quantity < 0 LIMIT 1"
    if action.new_symbol and action.new_ratio and fetch_value(connection, owed, (action.symbol,)) is not None:
        return f"somebody is short of {action.symbol}, and would owe {action.new_symbol}"
    end_all_waiting(connection, action.symbol, Reason.CORPORATE_ACTION)
    parameters = {"symbol": action.symbol, "id": action.action_id}
    lock_users(connection, "SELECT user_id FROM positions WHERE symbol = %(symbol)s", parameters)
    holdings = _holdings(connection, action, fetch_value(connection, f"SELECT {STARTS}", parameters))
    names = {UUID(int=index): holding for index, holding in enumerate(holdings)}
    # What was traded since the exchange's day began was traded without it; of what goes everything goes.
    before = {name: each.before if keeps else each.quantity for name, each in names.items()}
    after = _multiplied(before, keeps) if keeps else dict.fromkeys(before, ZERO)
    gained = (
        split_positions(before, action.new_ratio)
        if action.new_ratio and action.new_symbol
        else dict.fromkeys(before, ZERO)
    )
    money = {name: (quantity * (action.cash or ZERO)).quantize(QUANTITY_STEP) for name, quantity in before.items()}
    # What the old shares cost goes along where they are exchanged for others, less the money that was paid for them.
    moved_cost = {
        name: max(holding.cost_basis - money[name], ZERO) if not keeps and gained[name] > 0 else ZERO
        for name, holding in names.items()
    }
    if any(gained.values()):
        connection.execute(
            _SPIN_OFF,
            {
                "symbol": action.new_symbol,
                "id": action.action_id,
                "users": [holding.user_id for holding in holdings],
                "quantities": list(gained.values()),
                "costs": list(moved_cost.values()),
            },
        )
    adjustments = [
        Adjustment(holding.user_id, holding.session_id, after[name] - before[name], money[name])
        for name, holding in names.items()
        if after[name] != before[name] or money[name]
    ]
    if adjustments:
        apply_adjustments(connection, action.symbol, "CORPORATE_ACTION", action.action_id, adjustments)
    exchanged = {(each.user_id, each.session_id): moved_cost[name] for name, each in names.items() if moved_cost[name]}
    _correct_costs(connection, reservations.UNDO_LOSS, action.symbol, exchanged)
    connection.execute("UPDATE corporate_actions SET applied_at = now(), obstacle = NULL WHERE id = %(id)s", parameters)
    return None
