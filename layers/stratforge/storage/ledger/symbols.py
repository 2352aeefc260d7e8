"""A symbol as the executor meets it: its lock, its prices, and whether there is anything to do.

What is asked of every symbol here, in `execution`, `fills` and `evaluations` compares with `(SELECT %(symbol)s)`, whose value PostgreSQL does not look at before it runs: it plans such a question for any symbol
and keeps the plan. Where it sees the value it plans anew every time as long as the plan for a symbol of which there are few rows looks cheaper than that for any, and planning takes ten times what running does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from stratforge.portfolio.orders import ExchangeState, TradingState
from stratforge.storage.ledger.margin import MAINTENANCE_MARGIN
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_one, fetch_value
from stratforge.strategy.exits import EXIT_KEYS, PEAK, STOP_SEEN, TARGET_SEEN

# A price that came longer ago than this is too old to trade by hand on, while the market is open.
FRESH = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class SymbolState:
    """Prices and states of a symbol.

        `bar_*` are of the last finished bar, `time` is the market's time of the price. `bid` and `ask` are the national best bid and offer
            at `quoted_at`; None where no quotes are heard. `suspended` says that orders wait because the broker refuses the platform, or did until
        a moment ago and the price is still one from then.
     `owed` says that somebody is short of it.
     `now` is the exchange's time, which goes on when nothing
    trades; while its clock was never read it is that of the price.
    """

    price: Decimal
    time: datetime
    bar_time: datetime | None
    bar_low: Decimal
    bar_high: Decimal
    fresh: bool
    halted: bool
    platform_state: TradingState
    suspended: bool
    bid: Decimal | None
    ask: Decimal | None
    quoted_at: datetime | None
    exchange_state: ExchangeState
    owed: bool
    now: datetime


def lock_symbol(connection: Connection, symbol: str) -> None:
    """Makes this transaction the only one that executes or settles the symbol."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('symbol'), hashtext(%s))", (symbol,))


def lock_sessions(connection: Connection, symbol: str) -> None:
    """Locks the sessions of a symbol by their ids, as everybody does who writes several."""
    connection.execute("SELECT FROM sessions WHERE symbol = %s ORDER BY id FOR NO KEY UPDATE", (symbol,))


def read_symbol(connection: Connection, symbol: str) -> SymbolState | None:
    """The symbol's state; None when it has no price yet."""
    return fetch_one(
        connection,
        SymbolState,
        """
        SELECT l.price, l.time, l.bar_time, coalesce(l.bar_low, l.price) AS bar_low, coalesce(l.bar_high, l.price) AS bar_high,
               l.received_at > now() - %s::interval AS fresh, EXISTS (SELECT FROM symbol_halts h WHERE h.symbol = l.symbol)
               OR EXISTS (SELECT FROM corporate_halts c WHERE c.symbol = l.symbol) AS halted,
               p.trading_state AS platform_state,
               p.suspended_at IS NOT NULL OR coalesce(p.resumed_at > now() - %s::interval, false) AND l.received_at < p.resumed_at AS suspended,
               l.bid, l.ask, l.quoted_at, l.exchange_state,
               EXISTS (SELECT FROM positions s WHERE s.symbol = l.symbol AND s.quantity < 0) AS owed, greatest(l.time, (SELECT market_now())) AS now
        FROM latest_prices l CROSS JOIN platform_state p WHERE l.symbol = %s
        """,
        (FRESH, FRESH, symbol),
    )


# Of an order (o): it opens a position or adds to it, as a purchase or a short sale.
OPENS = "((o.side = 'buy') <> o.short)"
# Due: a resting order whose price was reached, one that asks for its end, or one that trails and must follow. A stop looks at the
# range of every bar that began after it was accepted, a limit at the last price only: it cannot trade at a price that has passed.
_STOP_MET = "CASE o.side WHEN 'sell' THEN o.trigger_below >= {low} ELSE o.trigger_above <= {high} END"
STOP_REACHED = f"""
    (o.triggered_at IS NULL AND o.type NOT IN ('market', 'limit') AND o.active_from <= l.bar_time
     AND {_STOP_MET.format(low="l.bar_low", high="l.bar_high")})
"""
# An order that trades at its limit or better. One with a limit and a stop beside it has none any more when its stop has come.
HAS_LIMIT = "(o.type IN ('limit', 'stop_limit') OR (o.type = 'oco' AND o.triggered_at IS NULL))"
_PRICE_REACHED = (
    "((o.trigger_below >= l.price OR o.trigger_above <= l.price) AND (o.retry_at IS NULL OR o.retry_at <= l.time))"
)
# What a strategy's decision left to rest ends with the bars that it said, by its session's count of them, and with its session.
_RESTS_FOR = (
    "o.origin = 'SIGNAL' AND o.type <> 'market' AND EXISTS (SELECT FROM sessions s WHERE s.id = o.session_id AND {})"
)
ITS_BARS_ARE_OVER = f"(o.last_bar IS NOT NULL AND {_RESTS_FOR})".format("s.bars_evaluated >= o.last_bar")
SESSION_HAS_ENDED = f"({_RESTS_FOR})".format("s.status NOT IN ('PENDING', 'RUNNING', 'PAUSED')")
# The decisions of its strategy that take the place of what an earlier one left to be done, whether they are acted on or not. But what is to be
# sold is not held back by a sale that came too late or was refused: it is ended by one that takes its place, or by a purchase.
DECISIONS_SINCE = f"""
    signals g WHERE o.origin = 'SIGNAL' AND o.status = 'RESTING' AND g.session_id = o.session_id AND g.bar_time >= o.active_from
        AND (g.status IN ('PENDING', 'EXECUTED') OR {OPENS} OR (g.side = 'buy') <> g.short)
"""


def reached_by(bar_time: str) -> str:
    """SQL: an order of a strategy (`o`) was due before something was decided at the end of the bar at `bar_time` (an expression), and has not had its
    turn: at the market, at a stop that a bar up to that one has come to, or at a limit that was met and still is, since nothing trades at a price that has passed.
    """
    bar = "SELECT FROM market_data m WHERE m.symbol = o.symbol AND m.timeframe = '1Min' AND m.time"
    still_met = f"{_PRICE_REACHED} AND EXISTS ({bar} = {bar_time} AND (o.trigger_below >= m.close OR o.trigger_above <= m.close))"
    since = f"{bar} BETWEEN greatest(o.active_from, {bar_time} - interval '2 minutes') AND {bar_time}"
    come_to = f"EXISTS ({since} AND {_STOP_MET.format(low='m.low', high='m.high')})"
    return f"""
        (CASE WHEN o.type = 'market' OR (o.type IN ('stop', 'oco') AND o.triggered_at IS NOT NULL) THEN o.retry_at IS NULL
              WHEN o.type = 'limit' OR o.triggered_at IS NOT NULL THEN {still_met}
              WHEN o.type = 'oco' THEN ({still_met}) OR {come_to}
              ELSE {come_to} END)
    """


DUE_ORDER = f"""
    (o.status = 'PENDING' OR (o.status = 'RESTING' AND (
        o.cancel_requested_at IS NOT NULL OR o.expires_at <= greatest(l.time, (SELECT market_now()))
        OR {_PRICE_REACHED} OR {STOP_REACHED} OR {ITS_BARS_ARE_OVER} OR {SESSION_HAS_ENDED} OR EXISTS (SELECT FROM {DECISIONS_SINCE}))))
"""  # noqa: S608 - conditions of ours
# What the strategy offers of a position (p) at a limit or a stop of its own: it is called off when an exit sells.
OFFERED = """
    (SELECT coalesce(sum(x.reserved_quantity), 0) FROM orders x WHERE x.session_id = p.session_id AND x.user_id = p.user_id AND x.symbol = p.symbol
       AND x.status = 'RESTING' AND (x.side = 'sell') <> x.short AND x.origin = 'SIGNAL' AND x.type <> 'market')
"""
# The exit that a session's own stops ask for, from the bars since its position was opened; and those that its strategy has set.
# What was seen is a level in floating point, and touched where it is a rounding away.
# Each: when, which it is, its level, and the setting of the session that it follows from.
_EXITS = (
    ("least(l.price, seen.low) <= {}", "'STOP_LOSS'", "p.avg_entry_price * (1 - s.stop_loss)", "s.stop_loss"),
    ("least(l.price, seen.low) <= {}", "'TRAILING_STOP'", "p.high_water * (1 - s.trailing_stop)", "s.trailing_stop"),
    ("least(l.price, ahead.low) <= {}", "'STOP_LOSS'", "own.stop", "NULL"),
    ("judged.low <= {} * 1.000000000001", "'STOP_LOSS'", "own.stop_seen", "NULL"),
    ("least(l.price, ahead.low) <= {}", "'TRAILING_STOP'", "own.trail", "NULL"),
    ("greatest(l.price, seen.high) >= {}", "'TAKE_PROFIT'", "p.avg_entry_price * (1 + s.take_profit)", "s.take_profit"),
    ("greatest(l.price, ahead.high) >= {}", "'TAKE_PROFIT'", "own.target", "NULL"),
    ("judged.high >= {} * 0.999999999999", "'TAKE_PROFIT'", "own.target_seen", "NULL"),
)
# The mirror images for a position that is short: a stop lies above the entry and a target below, and what is against the position comes before what is for it.
_SHORT_EXITS = (
    ("greatest(l.price, seen.high) >= {}", "'STOP_LOSS'", "p.avg_entry_price * (1 + s.stop_loss)", "s.stop_loss"),
    (
        "greatest(l.price, seen.high) >= {}",
        "'TRAILING_STOP'",
        "p.high_water * (1 + s.trailing_stop)",
        "s.trailing_stop",
    ),
    ("greatest(l.price, ahead.high) >= {}", "'STOP_LOSS'", "own.stop", "NULL"),
    ("judged.high >= {} * 0.999999999999", "'STOP_LOSS'", "own.stop_seen", "NULL"),
    ("greatest(l.price, ahead.high) >= {}", "'TRAILING_STOP'", "own.trail", "NULL"),
    ("least(l.price, seen.low) <= {}", "'TAKE_PROFIT'", "p.avg_entry_price * (1 - s.take_profit)", "s.take_profit"),
    ("least(l.price, ahead.low) <= {}", "'TAKE_PROFIT'", "own.target", "NULL"),
    ("judged.low <= {} * 1.000000000001", "'TAKE_PROFIT'", "own.target_seen", "NULL"),
)


def _exit(column: int) -> str:
    long, short = (
        " ".join(("CASE", *(f"WHEN {each[0].format(each[2])} THEN {each[column]}" for each in exits), "END"))
        for exits in (_EXITS, _SHORT_EXITS)
    )
    return f"(CASE WHEN p.quantity < 0 THEN {short} ELSE {long} END)"


EXIT_ORIGIN = f"(CASE WHEN (abs(p.quantity) > p.reserved_quantity OR abs(p.quantity) > p.reserved_quantity - {OFFERED}) AND NOT refused.lately THEN {_exit(1)} END)"
# The level at which the exit was to sell, and the fraction that the session's setting says; none where the strategy has set it.
EXIT_LEVEL, EXIT_FRACTION = _exit(2), _exit(3)
_OWN = ", ".join(f"'{key}'" for key in (*EXIT_KEYS.values(), STOP_SEEN, TARGET_SEEN))
# Sessions with stops or targets: settings of the session, or set by its strategy.
# Short positions (p) of a symbol of what the broker lends no more, so that whoever holds it can sell; or whose account (u) has less cash, free and held back, than all of
# them need: what buying them back costs at the latest prices, and their maintenance margin. What the broker did not take is not tried with every price, but once a minute.
CALLED_POSITIONS = f"""
    positions p JOIN users u ON u.id = p.user_id JOIN latest_prices l ON l.symbol = p.symbol
    CROSS JOIN LATERAL (
        SELECT sum(-h.quantity * (at.price + {MAINTENANCE_MARGIN})) AS needed FROM positions h LEFT JOIN latest_prices t ON t.symbol = h.symbol
        CROSS JOIN LATERAL (SELECT coalesce(t.price, h.avg_entry_price) AS price) at
        WHERE h.user_id = p.user_id AND h.quantity < 0) margin
    CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM assets a WHERE a.symbol = p.symbol AND NOT (a.shortable AND a.easy_to_borrow)) AS now) recalled
    WHERE p.symbol = (SELECT %(symbol)s) AND p.quantity < 0 AND (recalled.now OR u.virtual_balance + u.reserved_cash < margin.needed)
      AND -p.quantity > p.reserved_quantity - {OFFERED}
      AND NOT EXISTS (
        SELECT FROM orders x WHERE x.user_id = p.user_id AND x.session_id IS NOT DISTINCT FROM p.session_id AND x.symbol = p.symbol AND x.origin IN ('MARGIN_CALL', 'BUY_IN')
          AND x.status IN ('REJECTED', 'CANCELED') AND x.decided_at > l.time - interval '1 minute')
"""  # noqa: S608 - expressions of ours
HAS_EXITS = (
    f"(s.stop_loss IS NOT NULL OR s.take_profit IS NOT NULL OR s.trailing_stop IS NOT NULL OR s.state ?| ARRAY[{_OWN}])"
)


def _kept(key: str) -> str:
    return f"(s.state->>'{key}')::numeric"


# The first bar that counts for a position: the one at whose beginning it was bought, with some seconds for the way to the exchange. Of a bar within which a
# resting order bought nobody knows what came before the purchase: until it ends, prices are looked at one by one.
_SINCE_OPENED = "date_trunc('minute', p.opened_at + interval '45 seconds')"
# What a strategy sets on a bar counts from the next one on: of a bar that it has seen what counts is what was in force before (`judged`), and
# of one that it has not seen yet, and of prices since, what it has set (`ahead`).
SESSIONS_WITH_EXITS = f"""
    sessions s
    JOIN positions p ON p.session_id = s.id AND p.user_id = s.user_id AND p.symbol = s.symbol
    JOIN latest_prices l ON l.symbol = s.symbol
    CROSS JOIN LATERAL (SELECT
        CASE WHEN l.bar_time >= {_SINCE_OPENED} THEN l.bar_low END AS low,
        CASE WHEN l.bar_time >= {_SINCE_OPENED} THEN l.bar_high END AS high) seen
    -- An exit that the broker did not take is not tried with every price, but once a minute.
    CROSS JOIN LATERAL (SELECT EXISTS (
        SELECT FROM orders x WHERE x.session_id = s.id AND x.user_id = s.user_id AND x.status IN ('REJECTED', 'CANCELED')
          AND x.origin IN ('STOP_LOSS', 'TAKE_PROFIT', 'TRAILING_STOP') AND x.decided_at > l.time - interval '1 minute') AS lately) refused
    CROSS JOIN LATERAL (SELECT
        CASE WHEN l.bar_time > s.last_bar_time THEN seen.low END AS low, CASE WHEN l.bar_time > s.last_bar_time THEN seen.high END AS high) ahead
    CROSS JOIN LATERAL (SELECT
        CASE WHEN l.bar_time = s.last_bar_time THEN seen.low END AS low, CASE WHEN l.bar_time = s.last_bar_time THEN seen.high END AS high) judged
    CROSS JOIN LATERAL (SELECT
        CASE WHEN p.quantity < 0 THEN least(p.avg_entry_price, {_kept(PEAK)}) ELSE greatest(p.avg_entry_price, {_kept(PEAK)}) END AS price) best
    CROSS JOIN LATERAL (SELECT
        coalesce({_kept(EXIT_KEYS["stop_loss_price"])}, p.avg_entry_price * (1 - sign(p.quantity) * {_kept(EXIT_KEYS["stop_loss"])})) AS stop,
        coalesce({_kept(EXIT_KEYS["take_profit_price"])}, p.avg_entry_price * (1 + sign(p.quantity) * {_kept(EXIT_KEYS["take_profit"])})) AS target,
        coalesce(best.price - sign(p.quantity) * {_kept(EXIT_KEYS["trailing_stop_distance"])},
            best.price * (1 - sign(p.quantity) * {_kept(EXIT_KEYS["trailing_stop"])})) AS trail,
        {_kept(STOP_SEEN)} AS stop_seen, {_kept(TARGET_SEEN)} AS target_seen) own
"""  # noqa: S608 - keys of the language
_EXITS_OF = f"s.symbol = (SELECT %(symbol)s) AND s.status IN ('RUNNING', 'PAUSED') AND {HAS_EXITS}"


# Positions that are to be sold, or bought back, because nothing is to be held: of sessions that were stopped so, and of closed accounts. An order that came to
# nothing is followed by another after a minute. What is too small to be sold is asked about once, and again with whatever else of its
# owner is to be sold: together it may be large enough.
CLOSING_POSITIONS = """
    (SELECT p.* FROM sessions s JOIN positions p ON p.session_id = s.id AND (p.symbol = s.symbol OR s.universe IS NOT NULL)
     WHERE s.flatten_requested_at IS NOT NULL AND s.settling AND s.status NOT IN ('PENDING', 'RUNNING', 'PAUSED')
     UNION SELECT p.* FROM users u JOIN positions p ON p.user_id = u.id WHERE u.closed_at IS NOT NULL)
"""
_TOO_SMALL = "x.status = 'REJECTED' AND x.reason IN ('BELOW_MINIMUM', 'WHOLE_UNITS_ONLY')"


def _sold_before(position: str, condition: str) -> str:
    """SQL: there is a sale of all of a position (an alias), which is to be closed, for which the condition on `x` holds."""
    return f"""
        EXISTS (SELECT FROM orders x WHERE x.user_id = {position}.user_id AND x.session_id IS NOT DISTINCT FROM {position}.session_id
                  AND x.symbol = {position}.symbol AND x.origin = 'FLATTEN' AND ({condition}))
    """  # noqa: S608 - conditions of this module


def too_small(position: str, refused: str = _TOO_SMALL) -> str:
    """SQL: what is free of a position (an alias) was refused as too small to be sold; what is owed is bought back however little it is worth."""
    return _sold_before(
        position,
        f"{refused} AND ({position}.quantity > 0 OR x.reason = 'WHOLE_UNITS_ONLY') AND x.size_kind = 'quantity' AND x.size = abs({position}.quantity) - {position}.reserved_quantity",
    )


def _is_free(position: str) -> str:
    waits = f"x.status = 'PENDING' OR (x.status IN ('REJECTED', 'CANCELED') AND NOT ({_TOO_SMALL}) AND x.decided_at > l.time - interval '1 minute')"
    return f"abs({position}.quantity) > {position}.reserved_quantity AND NOT {_sold_before(position, waits)}"


# Whoever was refused a part as too small waits a minute with all that he is to sell, and then asks for all of it together, or at once with what he
# asks for himself. A part of a whole unit does not become one by that.
SELLS_CLOSING = f"""
    {_is_free("p")} AND NOT {too_small("p", "x.status = 'REJECTED' AND x.reason = 'WHOLE_UNITS_ONLY'")} AND (
        EXISTS (SELECT FROM orders y WHERE y.user_id = p.user_id AND y.symbol = p.symbol AND y.origin = 'FLATTEN' AND y.status = 'PENDING')
        OR (NOT EXISTS (SELECT FROM orders x WHERE x.user_id = p.user_id AND x.symbol = p.symbol AND x.origin = 'FLATTEN' AND {_TOO_SMALL}
                          AND x.decided_at > l.time - interval '1 minute')
            AND EXISTS (SELECT FROM {CLOSING_POSITIONS} c WHERE c.user_id = p.user_id AND c.symbol = p.symbol
                          AND {_is_free("c")} AND NOT {too_small("c")})))
"""  # noqa: S608 - conditions of ours


def has_work(connection: Connection, symbol: str, *, new_price: bool = False) -> bool:
    """Returns whether the executor has anything to do for a symbol; trailing stops follow every new price."""
    found = fetch_value(
        connection,
        f"""
        -- The first by its index: a scan that hopes to meet one soon reads them all when there is none.
        SELECT (SELECT min(id) FROM signals WHERE symbol = (SELECT %(symbol)s) AND status = 'PENDING') IS NOT NULL
            OR EXISTS (SELECT FROM orders o LEFT JOIN latest_prices l ON l.symbol = o.symbol
                       WHERE o.symbol = (SELECT %(symbol)s) AND o.status IN ('PENDING', 'RESTING')
                         AND ({DUE_ORDER} OR (%(new_price)s AND o.type = 'trailing_stop' AND o.triggered_at IS NULL)))
            OR EXISTS (SELECT FROM block_orders b WHERE b.symbol = (SELECT %(symbol)s) AND b.completed_at IS NULL AND b.cancel_after <= now())
            OR EXISTS (SELECT FROM {SESSIONS_WITH_EXITS} WHERE {_EXITS_OF} AND p.quantity <> 0
                         AND ((%(new_price)s AND s.trailing_stop IS NOT NULL) OR ({EXIT_ORIGIN}) IS NOT NULL))
            OR EXISTS (SELECT FROM {CALLED_POSITIONS})
            OR EXISTS (SELECT FROM {CLOSING_POSITIONS} p JOIN latest_prices l ON l.symbol = p.symbol
                       WHERE p.symbol = (SELECT %(symbol)s) AND {SELLS_CLOSING})
        """,  # noqa: S608 - conditions of this module
        {"symbol": symbol, "new_price": new_price},
    )
    return bool(found)


def symbols_with_work(connection: Connection) -> list[str]:
    """Symbols that may have something waiting, whether or not a price comes for them."""
    rows = connection.execute(
        f"""
        SELECT symbol FROM signals WHERE status = 'PENDING' UNION SELECT symbol FROM orders WHERE status IN ('PENDING', 'RESTING')
        UNION SELECT symbol FROM block_orders WHERE completed_at IS NULL
        UNION SELECT symbol FROM positions WHERE quantity < 0
        UNION SELECT symbol FROM {CLOSING_POSITIONS} p WHERE p.quantity <> 0 ORDER BY 1
        """  # noqa: S608 - a relation of this module
    )
    return [row[0] for row in rows if has_work(connection, row[0])]


def ratchet(connection: Connection, symbol: str) -> None:
    """Lets what trails follow the best price: trailing orders that have not triggered, and sessions' trailing stops."""
    connection.execute(
        f"""
        WITH marks AS (
            SELECT o.id, CASE o.side
                       WHEN 'sell' THEN greatest(o.water_mark, l.price, CASE WHEN o.active_from <= l.bar_time THEN l.bar_high END)
                       ELSE least(o.water_mark, l.price, CASE WHEN o.active_from <= l.bar_time THEN l.bar_low END) END AS mark
            FROM orders o JOIN latest_prices l ON l.symbol = o.symbol
            WHERE o.symbol = (SELECT %(symbol)s) AND o.status = 'RESTING' AND o.type = 'trailing_stop' AND o.triggered_at IS NULL),
        followed AS (
            UPDATE orders o SET
                water_mark = m.mark,
                trigger_below = CASE WHEN o.side = 'sell' THEN greatest(m.mark - coalesce(o.trail_price, m.mark * o.trail_percent / 100), 0) END,
                trigger_above = CASE WHEN o.side = 'buy' THEN m.mark + coalesce(o.trail_price, m.mark * o.trail_percent / 100) END
            FROM marks m WHERE o.id = m.id AND m.mark IS DISTINCT FROM o.water_mark)
        UPDATE positions p SET high_water = CASE WHEN p.quantity < 0
            THEN least(p.high_water, l.price, CASE WHEN l.bar_time >= {_SINCE_OPENED} THEN l.bar_low END)
            ELSE greatest(p.high_water, l.price, CASE WHEN l.bar_time >= {_SINCE_OPENED} THEN l.bar_high END) END
        FROM sessions s, latest_prices l
        WHERE s.id = p.session_id AND p.symbol = (SELECT %(symbol)s) AND l.symbol = p.symbol AND p.quantity <> 0
          AND s.trailing_stop IS NOT NULL AND s.status IN ('RUNNING', 'PAUSED')
        """,  # noqa: S608 - an expression of ours
        {"symbol": symbol},
    )
