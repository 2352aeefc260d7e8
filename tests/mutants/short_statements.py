"""Mutants of what the ledger's SQL says of short positions, by hand, as in `statements`."""

from __future__ import annotations

from tests.mutants.statements import EXECUTION, FILLS, INVARIANTS, LEDGER, RESERVATIONS, SYMBOLS

MARGIN, BORROWING, HOUSE = LEDGER + "margin", LEDGER + "borrowing", LEDGER + "house_orders"
ACTIONS = LEDGER + "corporate_actions"

# Module, text (that stands there once), what stands there instead.
SHORT_STATEMENTS: tuple[tuple[str, str, str], ...] = (
    # The margin.
    (MARGIN, "CASE WHEN at.price < {margin.LOW_PRICE} THEN", "CASE WHEN false THEN"),
    (MARGIN, "greatest(at.price, {margin.LEAST_BELOW})", "at.price"),
    (
        MARGIN,
        "greatest(at.price * {margin.MAINTENANCE_MARGIN}, {margin.LEAST_ABOVE})",
        "at.price * {margin.MAINTENANCE_MARGIN}",
    ),
    (
        MARGIN,
        "greatest(at.price * {margin.INITIAL_MARGIN}, {MAINTENANCE_MARGIN})",
        "at.price * {margin.INITIAL_MARGIN}",
    ),
    (SYMBOLS, "u.virtual_balance + u.reserved_cash < margin.needed", "u.virtual_balance < margin.needed"),
    (SYMBOLS, "u.virtual_balance + u.reserved_cash < margin.needed", "false"),
    (SYMBOLS, "-h.quantity * (at.price + {MAINTENANCE_MARGIN})", "-h.quantity * {MAINTENANCE_MARGIN}"),
    (SYMBOLS, "-h.quantity * (at.price + {MAINTENANCE_MARGIN})", "-h.quantity * at.price"),
    (SYMBOLS, "WHERE h.user_id = p.user_id AND h.quantity < 0) margin", "WHERE h.user_id = p.user_id) margin"),
    (
        SYMBOLS,
        "WHERE h.user_id = p.user_id AND h.quantity < 0) margin",
        "WHERE h.user_id = p.user_id AND h.symbol = p.symbol AND h.quantity < 0) margin",
    ),
    (
        SYMBOLS,
        "coalesce(t.price, h.avg_entry_price) AS price) at\n        WHERE h",
        "h.avg_entry_price AS price) at\n        WHERE h",
    ),
    (SYMBOLS, "(recalled.now OR u.virtual", "(u.virtual"),
    (SYMBOLS, "NOT (a.shortable AND a.easy_to_borrow)", "NOT a.shortable"),
    (SYMBOLS, "NOT (a.shortable AND a.easy_to_borrow)", "NOT a.easy_to_borrow"),
    (
        SYMBOLS,
        "AND x.origin IN ('MARGIN_CALL', 'BUY_IN')\n          AND x.status IN ('REJECTED', 'CANCELED')",
        "AND false",
    ),
    (SYMBOLS, "AND -p.quantity > p.reserved_quantity - {OFFERED}\n", "AND -p.quantity > p.reserved_quantity\n"),
    (SYMBOLS, "UNION SELECT symbol FROM positions WHERE quantity < 0\n", ""),
    (EXECUTION, "-p.quantity - p.reserved_quantity + {OFFERED}", "-p.quantity - p.reserved_quantity"),
    (EXECUTION, "CASE WHEN recalled.now THEN 'BUY_IN' ELSE 'MARGIN_CALL' END", "'MARGIN_CALL'"),
    (
        EXECUTION,
        "ORDER BY session_id, user_id, origin NOT IN ('MARGIN_CALL', 'BUY_IN')",
        "ORDER BY session_id, user_id, origin IN ('MARGIN_CALL', 'BUY_IN')",
    ),
    (EXECUTION, "l.virtual_balance - held.held_back AS cash", "l.virtual_balance AS cash"),
    (EXECUTION, "-p.quantity * (at.price + {INITIAL_MARGIN})", "-p.quantity * {INITIAL_MARGIN}"),
    (EXECUTION, "-p.quantity * (at.price + {INITIAL_MARGIN})", "-p.quantity * at.price"),
    (EXECUTION, "FILTER (WHERE p.quantity < 0), 0) AS held_back", ", 0) AS held_back"),
    (
        EXECUTION,
        "coalesce(sum(abs(p.quantity) * at.price), 0) AS exposure",
        "coalesce(sum(p.quantity * at.price), 0) AS exposure",
    ),
    (
        EXECUTION,
        "coalesce(sum(abs(p.quantity) * at.price) FILTER (WHERE p.symbol",
        "coalesce(sum(p.quantity * at.price) FILTER (WHERE p.symbol",
    ),
    (
        EXECUTION,
        "CASE WHEN quantity < 0 THEN quantity + reserved_quantity ELSE",
        "CASE WHEN quantity < 0 THEN quantity ELSE",
    ),
    (EXECUTION, "OR position.held * (CASE WHEN g.short THEN -1 ELSE 1 END) < 0)", ")"),
    # What is sold short and covered.
    (
        RESERVATIONS,
        "SELECT user_id, session_id, %(symbol)s, -quantity, -cost, at, lowest FROM moved",
        "SELECT user_id, session_id, %(symbol)s, -quantity, -cost, at, NULL FROM moved",
    ),
    (RESERVATIONS, "opened_at = CASE WHEN s.quantity = 0 THEN", "opened_at = CASE WHEN true THEN"),
    (
        RESERVATIONS,
        "ELSE least(s.high_water, excluded.high_water) END",
        "ELSE greatest(s.high_water, excluded.high_water) END",
    ),
    (
        RESERVATIONS,
        "CASE WHEN s.quantity = 0 THEN excluded.high_water ELSE",
        "CASE WHEN false THEN excluded.high_water ELSE",
    ),
    (
        RESERVATIONS,
        "CASE WHEN p.quantity < 0 THEN p.cost_basis + g.cost ELSE",
        "CASE WHEN false THEN p.cost_basis + g.cost ELSE",
    ),
    (FILLS, "(o.side = 'sell') <> o.short AS closes", "(o.side = 'sell') AS closes"),
    (
        FILLS,
        "CASE WHEN (o.side = 'sell') <> o.short THEN o.reserved_quantity - f",
        "CASE WHEN (o.side = 'sell') THEN o.reserved_quantity - f",
    ),
    (FILLS, "ELSE cost - quantity * price END, execution_id", "ELSE 0 END, execution_id"),
    (FILLS, "sum(cost - quantity * price) AS realized", "sum(-quantity * price) AS realized"),
    (SYMBOLS, "THEN least(p.high_water, l.price,", "THEN greatest(p.high_water, l.price,"),
    # The nights.
    (BORROWING, "WHERE n.day > d.day) - d.day AS nights", "WHERE n.day > d.day) - d.day - 1 AS nights"),
    (
        BORROWING,
        "BETWEEN (SELECT market_now()) - %(charged)s AND (SELECT market_now())",
        "> (SELECT market_now()) - %(charged)s",
    ),
    (BORROWING, "BETWEEN (SELECT market_now()) - %(charged)s AND (SELECT market_now())", "< (SELECT market_now())"),
    (BORROWING, "coalesce(since.quantity, 0) - p.quantity AS quantity", "-p.quantity AS quantity"),
    (BORROWING, "CASE WHEN t.side = 'buy' THEN t.quantity - t.fee_quantity ELSE -t.quantity END", "t.quantity"),
    (BORROWING, " AND t.executed_at > n.closes_at\n", "\n"),
    (BORROWING, "AND m.time < n.closes_at ORDER BY", "ORDER BY"),
    (
        BORROWING,
        "AND t.session_id IS NOT DISTINCT FROM p.session_id AND t.symbol = p.symbol AND t.executed_at",
        "AND t.symbol = p.symbol AND t.executed_at",
    ),
    (BORROWING, "AND a.kind = 'BORROW_FEE' AND a.cause LIKE 'borrowed on ' || n.day || ' %%')", "AND false)"),
    (BORROWING, "AND a.cause LIKE 'borrowed on ' || n.day || ' %%')", ")"),
    (BORROWING, "(%(symbol)s::text IS NULL OR p.symbol = %(symbol)s)", "true"),
    (BORROWING, "AND coalesce(since.quantity, 0) - p.quantity > 0\n", "\n"),
    # The house, what is not allowed, and what exchanges do to it.
    (HOUSE, "sum(quantity - reserved_quantity)", "sum(quantity)"),
    (INVARIANTS, "WHERE p.quantity < 0 AND NOT u.short_selling", "WHERE false"),
    (INVARIANTS, "WHERE quantity < 0 AND (session_id IS NULL OR symbol LIKE '%%/%%')", "WHERE false"),
    (ACTIONS, "CASE WHEN o.short THEN -(t.quantity * t.price + t.realized_pnl) ELSE", "CASE WHEN false THEN 0 ELSE"),
    (ACTIONS, "WHERE symbol = %s AND quantity < 0 LIMIT 1", "WHERE symbol = %s AND false LIMIT 1"),
)
