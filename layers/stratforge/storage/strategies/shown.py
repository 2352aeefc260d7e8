"""Things that people show to others: reports behind links, and sessions on the leaderboard."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_one, fetch_value
from stratforge.storage.strategies.backtests import StoredReport
from stratforge.storage.strategies.sessions import SessionStatus

# More trades do not make a ratio better for ever: as Van Tharp's system quality number has it.
_COUNTED_TRADES = 100


@dataclass(frozen=True, slots=True)
class SharedReport(StoredReport):
    """A report as whoever has its link sees it.

    Attributes:
        strategy_name: What its owner calls the strategy.
    """

    strategy_name: str


def share(connection: Connection, user_id: UUID, backtest_id: UUID, token: str) -> str | None:
    """Shares a report of the connection's user under a token, or under the one that it has; None if there is no such report."""
    connection.execute(
        "INSERT INTO shared_reports (token, backtest_id, user_id) SELECT %s, id, %s FROM backtests WHERE id = %s ON CONFLICT (backtest_id) DO NOTHING",
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
    return fetch_one(connection, SharedReport, "SELECT * FROM shared_report(%s)", (token,))


def publish(connection: Connection, user_id: UUID, session_id: UUID, name: str) -> bool:
    """Shows a session of the connection's user under a name; False if there is none."""
    withdraw(connection, session_id)
    query = "INSERT INTO published_sessions (session_id, user_id, name) SELECT id, %s, %s FROM sessions WHERE id = %s"
    return connection.execute(query, (user_id, name, session_id)).rowcount == 1


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
        verified: Its signals came out the same when its bars were evaluated again, and nobody traded in it by hand.
        trades: Positions that it closed, and the one that it holds as if it were closed now.
        won: Those of them that made money.
        pnl: What they made, in dollars.
        mean_return: Of a trade, as a fraction of what it cost.
        deviation: The standard deviation of these returns.
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
    trades: int
    won: int
    pnl: Decimal
    mean_return: float | None
    deviation: float | None
    of_sessions: int

    @property
    def quality(self) -> float | None:
        """The system quality number: the mean return of a trade over its deviation, times the root of their number (at most a hundred)."""
        if self.mean_return is None or not self.deviation:
            return None
        return self.mean_return / self.deviation * math.sqrt(min(self.trades, _COUNTED_TRADES))


def leaderboard(connection: Connection) -> list[ShownSession]:
    """All sessions that are shown, in no order of merit."""
    return fetch_all(connection, ShownSession, "SELECT * FROM leaderboard()")
