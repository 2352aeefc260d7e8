"""Things that people show to others: reports behind links, and sessions on the leaderboard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_one, fetch_value
from stratforge.storage.strategies.backtests import StoredReport
from stratforge.storage.strategies.sessions import SessionStatus


@dataclass(frozen=True, slots=True)
class SharedReport(StoredReport):
    """A report as whoever has its link sees it.

    Attributes:
        strategy_name: What its owner called the strategy when he shared the report.
    """

    strategy_name: str


def share(connection: Connection, user_id: UUID, backtest_id: UUID, token: str) -> str | None:
    """Shares a report of the connection's user under a token, or under the one that it has; None if there is no such report."""
    connection.execute(
        """
        INSERT INTO shared_reports (token, backtest_id, user_id, strategy_name)
        SELECT %s, b.id, %s, s.name FROM backtests b JOIN strategies s ON s.id = b.strategy_id WHERE b.id = %s AND s.deleted_at IS NULL
        ON CONFLICT (backtest_id) DO NOTHING
        """,
        (token, user_id, backtest_id),
    )
    return token_of(connection, backtest_id)


def unshare(connection: Connection, backtest_id: UUID) -> bool:
    """Ends the link of a report of the connection's user, if it has one; False if there is no such report."""
    connection.execute("DELETE FROM shared_reports WHERE backtest_id = %s", (backtest_id,))
    return connection.execute("SELECT FROM backtests WHERE id = %s", (backtest_id,)).rowcount == 1


def token_of(connection: Connection, backtest_id: UUID) -> str | None:
    """The token that a report of the connection's user is shared under; None where it is not."""
    token: str | None = fetch_value(
        connection, "SELECT token FROM shared_reports WHERE backtest_id = %s", (backtest_id,)
    )
    return token


def shared_report(connection: Connection, token: str) -> SharedReport | None:
    """The report behind a link, whoever asks."""
    query = "SELECT *, coalesce(report -> 'parameters', '{}') AS parameters FROM shared_report(%s)"
    return fetch_one(connection, SharedReport, query, (token,))


def publish(connection: Connection, user_id: UUID, session_id: UUID, name: str, key: str) -> bool:
    """Shows a session of the connection's user under a name; False if there is none.

    Args:
        key: The name as it is compared with others'.
    """
    withdraw(connection, session_id)
    query = "INSERT INTO published_sessions (session_id, user_id, name, name_key) SELECT id, %s, %s, %s FROM sessions WHERE id = %s"
    if connection.execute(query, (user_id, name, key, session_id)).rowcount != 1:
        return False
    compute_standings(connection, [session_id])
    return True


def name_is_free(connection: Connection, key: str) -> bool:
    """Returns whether no other user shows something under a name."""
    return bool(fetch_value(connection, "SELECT name_is_free(%s)", (key,)))


def published(connection: Connection) -> set[UUID]:
    """Gives the sessions that the connection's user shows."""
    return {row[0] for row in connection.execute("SELECT session_id FROM published_sessions")}


def compute_standings(connection: Connection, session_ids: Sequence[UUID]) -> None:
    """Computes how sessions that are shown stand."""
    connection.execute("SELECT compute_standings(%s)", (list(session_ids),))


def stalest_standings(connection: Connection, limit: int) -> list[UUID]:
    """Names the sessions that are shown whose standing was computed the longest ago."""
    query = """
        SELECT p.session_id FROM published_sessions p LEFT JOIN session_standings t ON t.session_id = p.session_id
        ORDER BY t.computed_at NULLS FIRST, p.session_id LIMIT %s
        """
    return [row[0] for row in connection.execute(query, (limit,))]


def withdraw(connection: Connection, session_id: UUID) -> bool:
    """Shows a session of the connection's user no more; False if there is no such session."""
    connection.execute("DELETE FROM published_sessions WHERE session_id = %s", (session_id,))
    return connection.execute("SELECT FROM sessions WHERE id = %s", (session_id,)).rowcount == 1


def published_name(connection: Connection, session_id: UUID) -> str | None:
    """The name that a session of the connection's user is shown under; None where it is not."""
    name: str | None = fetch_value(
        connection, "SELECT name FROM published_sessions WHERE session_id = %s", (session_id,)
    )
    return name


@dataclass(frozen=True, slots=True)
class ShownSession:
    """A session as everybody sees it.

    Attributes:
        name: What its owner calls himself here.
        own: Whether it is that of who asks.
        began_at: By the market's clock.
        bars: Those that it has seen.
        verified: Its signals came out the same when its bars were evaluated again, and no hand was in it.
        by_hand: Somebody traded in it, sold what it held while it ran, paused it, or gave it another size or other stops.
        days: Trading days since it began, also those after it ended.
        trades: Positions that it closed, and the one that it holds as if it were closed now.
        won: Those of them that made money.
        pnl: What they made, in dollars.
        mean_return: Of a trade, as a fraction of what it cost.
        sharpe: The Sharpe ratio of its returns by day in a year, as if they deviated by a percent at least; null without a trade.
        score: What that ratio is at least with 95% confidence, after as many days: the ranking goes by it.
        best_of_owner: No other session of its owner ranks before it.
        of_sessions: How many sessions of its owner have traded, shown or not.
    """

    session_id: UUID
    name: str
    own: bool
    symbol: str
    status: SessionStatus
    began_at: datetime
    bars: int
    verified: bool
    by_hand: bool
    days: int
    trades: int
    won: int
    pnl: Decimal
    mean_return: float | None
    sharpe: float | None
    score: float | None
    best_of_owner: bool
    of_sessions: int


def leaderboard(connection: Connection, least_trades: int, least_days: int) -> list[ShownSession]:
    """The sessions that are shown, the best of those first that traded so often and for so long; three hundred, and those of who asks."""
    return fetch_all(connection, ShownSession, "SELECT * FROM leaderboard(%s, %s)", (least_trades, least_days))
