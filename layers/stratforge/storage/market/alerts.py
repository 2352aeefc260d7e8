"""Prices that people want to be told of, and what passing bars fire of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from stratforge.market import Bar
from stratforge.storage.postgres.database import Connection
from stratforge.storage.postgres.rows import fetch_all, fetch_one, fetch_value

MOST_ALERTS = 50
_KEPT_FIRED = 50


class AlertCondition(StrEnum):
    """The things that a price may have to do: reach a level from below or from above, or move by a part of itself."""

    ABOVE = "above"
    BELOW = "below"
    CHANGE = "change"


@dataclass(frozen=True, slots=True)
class PriceAlert:
    """A price that somebody wants to be told of.

    Attributes:
        change: The move that it waits for, as a fraction of `reference`; null for a level.
        reference: The price that a move is counted from; null for a level.
        upper_price: It fires at this price and above; null where it waits for lower prices alone.
        lower_price: It fires at this price and below; null where it waits for higher prices alone.
        note: What its owner wrote to himself.
        repeats: Whether it fires again when the price came back, a quarter of an hour later at the soonest.
        by_mail: Whether a mail is sent as well.
        armed: Whether it waits for its price.
        fired_at: When it fired last, by the market's clock; null until it did.
        fired_price: Dollars at the end of the bar that fired it last.
        times_fired: The number of times that it fired.
    """

    alert_id: UUID
    symbol: str
    condition: AlertCondition
    change: Decimal | None
    reference: Decimal | None
    upper_price: Decimal | None
    lower_price: Decimal | None
    note: str
    repeats: bool
    by_mail: bool
    armed: bool
    created_at: datetime
    fired_at: datetime | None
    fired_price: Decimal | None
    times_fired: int


_COLUMNS = """id AS alert_id, symbol, condition, change, reference, upper_price, lower_price, note, repeats, by_mail, armed, created_at,
    market_at(fired_at) AS fired_at, fired_price, times_fired"""


def add_alert(connection: Connection, user_id: UUID, alert: PriceAlert) -> PriceAlert | None:
    """Keeps an alert, which waits from now on; None when the user has as many that wait as may be. Of those that fired for good the newest stay."""
    return fetch_one(
        connection,
        PriceAlert,
        f"""
        WITH old AS (
            DELETE FROM price_alerts WHERE id IN (
                SELECT id FROM price_alerts WHERE user_id = %(user)s AND NOT armed AND NOT repeats ORDER BY fired_at DESC OFFSET {_KEPT_FIRED}))
        INSERT INTO price_alerts (id, user_id, symbol, condition, change, reference, upper_price, lower_price, note, repeats, by_mail, since)
        SELECT %(id)s, %(user)s, %(symbol)s, %(condition)s, %(change)s, %(reference)s, %(upper)s, %(lower)s, %(note)s, %(repeats)s, %(mail)s,
            market_at(clock_timestamp())
        WHERE (SELECT count(*) FROM price_alerts WHERE user_id = %(user)s AND (armed OR repeats)) < {MOST_ALERTS}
        RETURNING {_COLUMNS}
        """,  # noqa: S608 - constants of this module
        {
            "id": alert.alert_id,
            "user": user_id,
            "symbol": alert.symbol,
            "condition": alert.condition,
            "change": alert.change,
            "reference": alert.reference,
            "upper": alert.upper_price,
            "lower": alert.lower_price,
            "note": alert.note,
            "repeats": alert.repeats,
            "mail": alert.by_mail,
        },
    )


def get_alert(connection: Connection, alert_id: UUID) -> PriceAlert | None:
    """An alert of the transaction's user; None when there is none."""
    query = f"SELECT {_COLUMNS} FROM price_alerts WHERE id = %s"  # noqa: S608 - a constant
    return fetch_one(connection, PriceAlert, query, (alert_id,))


def list_alerts(connection: Connection, user_id: UUID, symbol: str | None = None) -> list[PriceAlert]:
    """A user's alerts, those that wait first, the newest first; of one symbol when it is given."""
    query = f"""SELECT {_COLUMNS} FROM price_alerts WHERE user_id = %(user)s AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s)
        ORDER BY (armed OR repeats) DESC, created_at DESC, id"""  # noqa: S608 - a constant
    return fetch_all(connection, PriceAlert, query, {"user": user_id, "symbol": symbol})


def delete_alert(connection: Connection, alert_id: UUID) -> bool:
    """Deletes an alert; False when the user has no such alert."""
    return connection.execute("DELETE FROM price_alerts WHERE id = %s", (alert_id,)).rowcount == 1


def fire_alerts(connection: Connection, bar: Bar, most: int) -> int:
    """Fires the alerts that a bar reaches, at most so many; returns how many. Their owners are told by events, and by mail where they want it."""
    query = "SELECT fire_price_alerts(%s, %s, %s, %s, %s, %s)"
    return int(fetch_value(connection, query, (bar.symbol, bar.time, bar.high, bar.low, bar.close, most)))
