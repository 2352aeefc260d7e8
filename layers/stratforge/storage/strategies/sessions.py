"""Sessions: a strategy's version at work on a symbol."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from stratforge.market.sizes import SizingRule
from stratforge.storage.ledger import order_book
from stratforge.storage.ledger.session_pnl import SESSION_PNL
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.pages import Page
from stratforge.storage.postgres.rows import fetch_all, fetch_one, fetch_value
from stratforge.strategy.exits import OWN_KEYS

# What a session holds and made is of all its positions: its symbol may have had another name.
_COLUMNS = """s.id AS session_id, s.strategy_id, s.strategy_version, s.symbol, s.mode, s.status,
    (SELECT v.bar_minutes FROM strategy_versions v WHERE v.strategy_id = s.strategy_id AND v.version = s.strategy_version) AS bar_minutes, s.sizing_rule, s.sizing_value,
    (SELECT ARRAY(SELECT jsonb_object_keys(v.others) ORDER BY 1) FROM strategy_versions v WHERE v.strategy_id = s.strategy_id AND v.version = s.strategy_version) AS looked_at,
    s.stop_loss, s.take_profit, s.trailing_stop, s.bars_evaluated, s.last_bar_time, s.missing_bars, s.failure_reason, s.started_at, market_at(s.started_at) AS began_at, s.ended_at,
    s.universe, s.symbols, s.schedule, s.capital, s.decides_at, s.decided_for, s.final_pnl, s.settling, s.flatten_requested_at IS NOT NULL AS flattening, s.replayed_at, s.replayed_bars, s.replay_differences,
    coalesce((SELECT sum(p.quantity) FROM positions p WHERE p.session_id = s.id), 0) AS held_quantity,
    (SELECT count(*) FROM orders o WHERE o.session_id = s.id AND o.status IN ('PENDING', 'RESTING', 'WORKING')) AS open_orders,
    coalesce((SELECT sum(p.realized_pnl) FROM positions p WHERE p.session_id = s.id), 0) AS realized_pnl,
    coalesce((SELECT sum(p.quantity * coalesce(l.price, p.avg_entry_price) - p.cost_basis) FROM positions p
              LEFT JOIN latest_prices l ON l.symbol = p.symbol WHERE p.session_id = s.id), 0) AS unrealized_pnl,
    (SELECT coalesce(sum(g.bars), 0) FROM session_gaps g WHERE g.session_id = s.id) AS missed_bars,
    CASE WHEN s.status IN ('RUNNING', 'PAUSED') AND s.last_bar_time IS NOT NULL THEN (
        SELECT count(*) FROM market_data m WHERE m.symbol = s.symbol AND m.timeframe = '1Min' AND m.time > s.last_bar_time) ELSE 0 END AS bars_behind"""


# The parameters of `SessionSettings`, in the order of the columns.
_SETTINGS = "%(sizing_rule)s::sizing_rule, %(sizing_value)s, %(stop_loss)s, %(take_profit)s, %(trailing_stop)s"


class SessionMode(StrEnum):
    """The use of a session's signals: PAPER places orders, MANUAL only records them."""

    BACKTEST = "BACKTEST"
    PAPER = "PAPER"
    MANUAL = "MANUAL"


class SessionStatus(StrEnum):
    """The lifecycle statuses of a session."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"
    FAILED = "FAILED"
    COMPLETED = "COMPLETED"


# Statuses of sessions that have not ended, and of those whose settings can be changed.
ACTIVE = frozenset({SessionStatus.PENDING, SessionStatus.RUNNING, SessionStatus.PAUSED})
CHANGEABLE = frozenset({SessionStatus.RUNNING, SessionStatus.PAUSED})


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """A session's position size and its own stops.

    Attributes:
        sizing_rule: What `sizing_value` is: a fraction of equity, dollars, or a quantity.
        looked_at: The other symbols whose bars the strategy of one symbol looks at.
        sizing_value: The size of a purchase for which the strategy gives none.
        stop_loss: Fraction below the average entry price at which the position is sold; None for no stop.
        take_profit: Fraction above the average entry price at which it is sold.
        trailing_stop: Fraction below the highest price since the entry at which it is sold.
    """

    sizing_rule: SizingRule = SizingRule.EQUITY_FRACTION
    sizing_value: Decimal = Decimal("0.1")
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    trailing_stop: Decimal | None = None


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session as its owner sees it; money in dollars, at the latest prices.

    Attributes:
        bar_minutes: How long the bars are that it decides on, as its version says: 1,440 are days.
        sizing_value: The size of a purchase for which the strategy gives none: by the rule a fraction of equity, dollars, or a quantity.
        stop_loss: Fraction below the average entry price at which the position is sold; null for no stop.
        take_profit: Fraction above the average entry price at which it is sold.
        trailing_stop: Fraction below the highest price since the entry at which it is sold.
        last_bar_time: The last bar that it was evaluated on.
        missing_bars: Bars of history that it still waits for: its strategy looks back further than the symbol's bars reach. 0 when it waits for none.
        failure_reason: Why it failed, or what went wrong on its last bar that did.
        began_at: When it started, by the market's clock.
        final_pnl: Its profit, once it has ended.
        settling: It has ended and its last orders have not, or what it holds is still being sold: final_pnl may change.
        flattening: It is to hold nothing: whatever its last orders still bring is sold.
        held_quantity: Shares or coins that it holds now.
        open_orders: Its orders that have not ended.
        replayed_at: When its recorded bars were evaluated again last.
        replay_differences: Bars on which the replay said something else; none are expected.
        missed_bars: Bars that it did not see in their time. It has seen them since, in order, and nothing was ordered on them.
        bars_behind: Bars that there are and that it has not seen yet; more than one says that it lags.
        universe: The symbols that a session of a portfolio strategy may hold; null for others.
        symbols: These, and those that it only looks at.
        schedule: When it decides: daily, weekly, monthly, quarterly, yearly, or a number of minutes.
        capital: What it began with, in dollars.
        decides_at: When its next decision falls due, by the market's clock and as far as the exchange's days are known.
        decided_for: The beginning of the last period that it decided about.
    """

    session_id: UUID
    strategy_id: UUID
    strategy_version: int
    symbol: str
    mode: SessionMode
    status: SessionStatus
    bar_minutes: int
    looked_at: list[str]
    sizing_rule: SizingRule
    sizing_value: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    trailing_stop: Decimal | None
    bars_evaluated: int
    last_bar_time: datetime | None
    missing_bars: int
    failure_reason: str | None
    started_at: datetime
    began_at: datetime
    ended_at: datetime | None
    final_pnl: Decimal | None
    realized_pnl: Decimal
    unrealized_pnl: Decimal
    settling: bool
    flattening: bool
    held_quantity: Decimal
    open_orders: int
    replayed_at: datetime | None
    replayed_bars: int | None
    replay_differences: list[dict[str, Any]] | None
    missed_bars: int
    bars_behind: int
    universe: list[str] | None = None
    symbols: list[str] | None = None
    schedule: str | None = None
    capital: Decimal | None = None
    decides_at: datetime | None = None
    decided_for: datetime | None = None

    @property
    def traded_symbols(self) -> list[str]:
        """The symbols that it may trade: its own, or those of its universe."""
        return [self.symbol] if self.universe is None else sorted(self.universe)

    @property
    def settings(self) -> SessionSettings:
        """The session's position size and stops."""
        return SessionSettings(
            self.sizing_rule, self.sizing_value, self.stop_loss, self.take_profit, self.trailing_stop
        )


@dataclass(frozen=True, slots=True)
class PortfolioTerms:
    """The terms on which a session of a portfolio strategy starts: its symbols, when it decides and on what bars, and the dollars that it begins with."""

    universe: list[str]
    symbols: list[str]
    schedule: str
    daily: bool
    capital: Decimal


def start_session(
    connection: Connection,
    user_id: UUID,
    strategy_id: UUID,
    version: int,
    symbol: str,
    settings: SessionSettings = SessionSettings(),
    mode: SessionMode = SessionMode.PAPER,
    session_id: UUID | None = None,
    portfolio: PortfolioTerms | None = None,
) -> StoredSession:
    """Starts a session of a strategy's version, of a portfolio where its terms are given. An id of the caller's choice makes it safe to repeat."""
    started = fetch_one(
        connection,
        StoredSession,
        f"""
        INSERT INTO sessions AS s (id, user_id, strategy_id, strategy_version, symbol, status, mode, sizing_rule, sizing_value, stop_loss,
                                   take_profit, trailing_stop, universe, symbols, schedule, daily, capital, decides_at)
        VALUES (coalesce(%(id)s, gen_random_uuid()), %(user)s, %(strategy)s, %(version)s, %(symbol)s, 'RUNNING', %(mode)s::session_mode,
                {_SETTINGS}, %(universe)s::text[], %(symbols)s::text[], %(schedule)s, %(daily)s, %(capital)s,
                CASE WHEN %(universe)s::text[] IS NOT NULL THEN market_at(clock_timestamp()) END)
        ON CONFLICT (id) DO NOTHING RETURNING {_COLUMNS}
        """,  # noqa: S608 - column names of this module
        {
            "id": session_id,
            "user": user_id,
            "strategy": strategy_id,
            "version": version,
            "symbol": symbol,
            "mode": mode,
            **(
                asdict(portfolio)
                if portfolio
                else dict.fromkeys(("universe", "symbols", "schedule", "daily", "capital"))
            ),
            **asdict(settings),
        },
    )
    stored = started or (get_session(connection, session_id) if session_id else None)
    assert stored is not None
    return stored


def get_session(connection: Connection, session_id: UUID, *, lock: bool = False) -> StoredSession | None:
    """One session; with `lock`, nobody else changes it until the transaction ends."""
    return fetch_one(
        connection,
        StoredSession,
        f"SELECT {_COLUMNS} FROM sessions s WHERE s.id = %s {'FOR UPDATE OF s' if lock else ''}",  # noqa: S608 - columns
        (session_id,),
    )


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """A filter for listing sessions; None matches all."""

    strategy_id: UUID | None = None
    symbol: str | None = None
    status: SessionStatus | None = None


def list_sessions(connection: Connection, user_id: UUID, wanted: SessionFilter, page: Page) -> list[StoredSession]:
    """A page of a user's sessions that pass the filter, with their profit at the latest prices."""
    return fetch_all(
        connection,
        StoredSession,
        f"""
        SELECT {_COLUMNS} FROM sessions s
        WHERE s.user_id = %(user)s AND (%(strategy_id)s::uuid IS NULL OR s.strategy_id = %(strategy_id)s)
          AND (%(symbol)s::text IS NULL OR s.symbol = %(symbol)s OR %(symbol)s = ANY(s.universe)) AND (%(status)s::text IS NULL OR s.status = %(status)s::session_status)
        {page.clause("s.started_at", "s.id")}
        """,  # noqa: S608 - column names of this module
        {"user": user_id, **asdict(wanted), **page.parameters},
    )


def active_of(connection: Connection, user_id: UUID) -> list[StoredSession]:
    """A user's sessions that have not ended, of which there is a bounded number; the newest first."""
    return _active(connection, "s.user_id", user_id)


def active_sessions(connection: Connection, strategy_id: UUID) -> list[StoredSession]:
    """Sessions of a strategy that run or are paused, the newest first."""
    return _active(connection, "s.strategy_id", strategy_id)


def _active(connection: Connection, whose: str, of: UUID) -> list[StoredSession]:
    return fetch_all(
        connection,
        StoredSession,
        f"""
        SELECT {_COLUMNS} FROM sessions s WHERE {whose} = %s AND s.status IN ('PENDING', 'RUNNING', 'PAUSED')
        ORDER BY s.started_at DESC, s.id
        """,  # noqa: S608 - column names of this module
        (of,),
    )


def stop_session(connection: Connection, session_id: UUID, *, flatten: bool = False) -> StoredSession | None:
    """Stops a session and notes its profit and loss; a session that has ended stays as it is.

    Its signals' orders that are open are called off, and so is what a portfolio was still to buy. With `flatten` what it holds is sold, and so is what an order that is at work still
    brings. While orders of the session are open, or it has something left to sell, its profit is not final.
    """
    stopped = connection.execute(
        f"""
        UPDATE sessions s SET status = 'STOPPED', ended_at = now(), final_pnl = {SESSION_PNL},
            settling = EXISTS (
                SELECT FROM orders o WHERE o.session_id = s.id AND o.status IN ('PENDING', 'RESTING', 'WORKING')),
            flatten_requested_at = CASE WHEN %(flatten)s THEN now() END
        WHERE s.id = %(id)s AND s.status IN ('PENDING', 'RUNNING', 'PAUSED')
        """,  # noqa: S608 - an expression of this module
        {"flatten": flatten, "id": session_id},
    ).rowcount
    if stopped:
        _call_off(connection, session_id, all_orders=flatten)
        _call_off_purchases(connection, session_id)
        if flatten:
            flatten_session(connection, session_id)
    return get_session(connection, session_id)


def _call_off(connection: Connection, session_id: UUID, *, all_orders: bool) -> None:
    """Asks for the end of a session's open orders: of all that are not there to close it, or of its signals' only."""
    connection.execute(
        """
        UPDATE orders SET cancel_requested_at = coalesce(cancel_requested_at, now())
        WHERE session_id = %s AND status IN ('PENDING', 'RESTING', 'WORKING') AND (origin = 'SIGNAL' OR (%s AND origin <> 'FLATTEN'))
        """,
        (session_id, all_orders),
    )


def _call_off_purchases(connection: Connection, session_id: UUID) -> None:
    """Drops what a portfolio was still to buy."""
    connection.execute(
        "UPDATE rebalances SET status = 'CALLED_OFF' WHERE session_id = %s AND status = 'SELLING'", (session_id,)
    )


def change_session(
    connection: Connection, session_id: UUID, settings: SessionSettings, *, paused: bool
) -> StoredSession | None:
    """Changes a running or paused session from now on; one that has ended stays as it is. Of one that is paused the signals' open orders are
    called off, and so is what a portfolio was still to buy.
    """
    connection.execute(
        f"""
        UPDATE sessions SET status = (CASE WHEN %(paused)s THEN 'PAUSED' ELSE 'RUNNING' END)::session_status,
                            (sizing_rule, sizing_value, stop_loss, take_profit, trailing_stop) = ({_SETTINGS})
        WHERE id = %(id)s AND status IN ('RUNNING', 'PAUSED')
        """,  # noqa: S608 - parameters of this module
        {"paused": paused, "id": session_id, **asdict(settings)},
    )
    if paused:
        _call_off(connection, session_id, all_orders=False)
        _call_off_purchases(connection, session_id)
    return get_session(connection, session_id)


def flatten_session(connection: Connection, session_id: UUID, only: str | None = None) -> None:
    """Places orders to sell all that a session holds, or to buy back what it owes, or all of `only` one symbol, unless one is placed already; one that has ended is to hold nothing from here on. What
    other sessions of the user could not sell of the symbol, since it was too small, is tried again with it. The transaction has locked the
    session's symbol.
    """
    connection.execute(
        """
        UPDATE sessions s SET flatten_requested_at = coalesce(s.flatten_requested_at, now()), settling = s.settling OR EXISTS (
            SELECT FROM positions p WHERE p.session_id = s.id AND p.quantity <> 0) FROM sessions closing
        WHERE closing.id = %s AND s.status NOT IN ('PENDING', 'RUNNING', 'PAUSED') AND (s.id = closing.id OR (
            s.user_id = closing.user_id AND (s.symbol = closing.symbol OR s.symbol = ANY(closing.universe)) AND s.flatten_requested_at IS NOT NULL
            AND EXISTS (SELECT FROM positions p WHERE p.session_id = s.id AND p.quantity <> 0)))
        """,
        (session_id,),
    )
    held = connection.execute(
        "SELECT user_id, symbol FROM positions WHERE session_id = %s AND quantity <> 0", (session_id,)
    ).fetchall()
    for user_id, symbol in (each for each in held if only in (None, each[1])):
        order_book.sell_all(connection, user_id, symbol, session_id)


def equity_of(connection: Connection, user_id: UUID) -> Decimal:
    """The equity of a user: cash, what orders hold back, and what everything held is worth at the latest prices."""
    found: Decimal = fetch_value(
        connection,
        """
        SELECT u.virtual_balance + u.reserved_cash + coalesce((
            SELECT sum(p.quantity * coalesce(l.price, p.avg_entry_price)) FROM positions p LEFT JOIN latest_prices l ON l.symbol = p.symbol
            WHERE p.user_id = u.id AND p.quantity <> 0), 0) FROM users u WHERE u.id = %s
        """,
        (user_id,),
    )
    return found


def standing_of(connection: Connection, strategy_ids: Collection[UUID]) -> dict[UUID, SessionStatus]:
    """The status of strategies that ever ran: that of the session that does most now, or else of the last one."""
    query = """
        SELECT DISTINCT ON (strategy_id) strategy_id, status::text FROM sessions WHERE strategy_id = ANY(%s)
        ORDER BY strategy_id, array_position(ARRAY['RUNNING', 'PENDING', 'PAUSED'], status::text), started_at DESC, id
        """
    rows = connection.execute(query, (list(strategy_ids),)).fetchall()
    return {strategy_id: SessionStatus(status) for strategy_id, status in rows}


def strategy_names(connection: Connection, session_ids: Collection[UUID | None]) -> dict[UUID, str]:
    """The names of the strategies of sessions; nothing of those that were deleted."""
    query = "SELECT s.id, t.name FROM sessions s JOIN strategies t ON t.id = s.strategy_id WHERE s.id = ANY(%s) AND t.deleted_at IS NULL"
    wanted = [each for each in set(session_ids) if each is not None]
    return dict(connection.execute(query, (wanted,)).fetchall()) if wanted else {}


def state_of(connection: Connection, session_id: UUID) -> dict[str, float]:
    """The numbers that a session's strategy keeps between bars, by name."""
    query = "SELECT state - %s::text[] FROM sessions WHERE id = %s"
    return dict(fetch_value(connection, query, (list(OWN_KEYS), session_id)) or {})


def high_water(connection: Connection, session_id: UUID) -> Decimal | None:
    """The best price since a session's position was opened, the highest of a long and the lowest of a short one; None when it holds nothing."""
    query = "SELECT high_water FROM positions WHERE session_id = %s AND quantity <> 0"
    highest: Decimal | None = fetch_value(connection, query, (session_id,))
    return highest


def note_replay(connection: Connection, session_id: UUID, bars: int, differences: list[dict[str, Any]]) -> None:
    """Notes what a replay of the session's recorded bars came to."""
    connection.execute(
        "UPDATE sessions SET replayed_at = now(), replayed_bars = %s, replay_differences = %s WHERE id = %s",
        (bars, Jsonb(differences), session_id),
    )


def holding_sessions(connection: Connection, strategy_id: UUID) -> list[StoredSession]:
    """Sessions of a strategy that hold something or have orders at work, the newest first."""
    return fetch_all(
        connection,
        StoredSession,
        f"""
        SELECT * FROM (SELECT {_COLUMNS} FROM sessions s WHERE s.strategy_id = %s) s WHERE held_quantity <> 0 OR open_orders > 0
        ORDER BY started_at DESC, session_id
        """,  # noqa: S608 - column names of this module
        (strategy_id,),
    )
