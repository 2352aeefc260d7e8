"""Days that somebody wants to see and no session needs: the ingestor reads them too, after those of sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from stratforge.storage.market import daily_bars
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all

# A wish is good for so long; by then it was read many times over, or it cannot be.
ASKED_FOR = timedelta(minutes=10)
# Of so many users wishes are read at a time, and of all of them so many bars of days: a few of the vendor's pages, of which a minute has some hundred for everybody.
USERS_AT_A_TIME = 4
BARS_AT_A_TIME = 20_000


def ask_for_days(connection: Connection, user_id: UUID, symbols: Sequence[str], days: int) -> None:
    """Notes the last wish of a user: so many days of these symbols. Whoever asks again for what is left of his wish keeps his place among all who wait."""
    connection.execute(
        """
        INSERT INTO days_asked AS d (user_id, symbols, days) VALUES (%(user)s, %(symbols)s, %(days)s)
        ON CONFLICT (user_id) DO UPDATE SET symbols = excluded.symbols, days = excluded.days,
            asked_at = CASE WHEN excluded.symbols <@ d.symbols AND excluded.days = d.days AND d.asked_at > now() - %(good)s THEN d.asked_at ELSE now() END
        """,
        {"user": user_id, "symbols": list(symbols), "days": days, "good": ASKED_FOR},
    )


@dataclass(frozen=True, slots=True)
class _Wish:
    user_id: UUID
    symbols: list[str]
    days: int
    asked_at: datetime


def next_wishes(
    connection: Connection, at: datetime, served: Mapping[UUID, datetime] | None = None
) -> list[tuple[UUID, dict[str, int]]]:
    """The users whose wishes are read next, whoever has waited longest first, and of each the days back that are wanted of symbols and not read: of whoever wants more than his part of what is
    read at a time the first symbols.

    Args:
        connection: In whose transaction.
        at: The exchange's time, before whose day all days are wanted.
        served: When something of users' wishes was read last: they have waited since then.
    """
    wishes = fetch_all(
        connection,
        _Wish,
        "SELECT user_id, symbols, days, asked_at FROM days_asked WHERE asked_at > now() - %s ORDER BY asked_at, user_id",
        (ASKED_FOR,),
    )
    known = daily_bars.histories_of(connection, sorted({symbol for each in wishes for symbol in each.symbols}))
    waiting = []
    for wish in sorted(wishes, key=lambda each: max(each.asked_at, (served or {}).get(each.user_id, each.asked_at))):
        lacking = [each for each in wish.symbols if not daily_bars.is_read(known.get(each), each, wish.days, at)]
        if lacking:
            waiting.append((wish, lacking))
    found = []
    room, turns = BARS_AT_A_TIME, waiting[:USERS_AT_A_TIME]
    for place, (wish, lacking) in enumerate(turns):
        part = lacking[: max(room // (len(turns) - place) // wish.days, 1)]
        found.append((wish.user_id, dict.fromkeys(part, wish.days)))
        room -= len(part) * wish.days
    return found
