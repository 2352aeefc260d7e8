"""Price alerts: set by people and programs, fired by the bars that pass."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stratforge.application import quotas
from stratforge.application.access import Caller, Scope
from stratforge.application.errors import Conflict, Invalid, NotFound, existing
from stratforge.application.idempotency import RequestKey
from stratforge.application.quotas import spend
from stratforge.application.strategies import NAME_PATTERN, Symbol
from stratforge.bus.outbox import Outbox
from stratforge.market import Bar
from stratforge.storage.market import alerts, assets, market_data
from stratforge.storage.market.alerts import MOST_ALERTS, AlertCondition, PriceAlert
from stratforge.storage.postgres.database import Database
from stratforge.storage.users import accounts

# Alerts that one transaction fires.
_AT_ONCE = 500
Level = Annotated[Decimal, Field(gt=0, le=Decimal(10_000_000), max_digits=16, decimal_places=8)]
Change = Annotated[Decimal, Field(ge=Decimal("0.001"), le=10, max_digits=8, decimal_places=6)]


class NewAlert(BaseModel):
    """A price to be told of: a level, or a move from the price of now."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"symbol": "AAPL", "condition": "above", "price": "250", "repeats": False}]},
    )

    symbol: Symbol
    condition: AlertCondition
    price: Level | None = Field(None, description="Dollars; for `above` and `below`")
    change: Change | None = Field(
        None, description="A fraction of the price of now, such as 0.05 for 5 %; for `change`"
    )
    repeats: bool = Field(
        False, description="Fire again when the price came back, a quarter of an hour later at the soonest"
    )
    by_mail: bool = Field(False, description="Send a mail as well, twenty a day at most")
    note: str = Field("", max_length=200, pattern=NAME_PATTERN, description="What you want to be reminded of")

    @model_validator(mode="after")
    def _one_of_them(self) -> NewAlert:
        wants_change = self.condition is AlertCondition.CHANGE
        if (self.change is not None) != wants_change or (self.price is not None) == wants_change:
            raise ValueError("give a price for above and below, a change for change, and not the other")
        return self


def set_alert(database: Database, outbox: Outbox, caller: Caller, new: NewAlert, request: RequestKey) -> PriceAlert:
    """Has the caller told when a price is reached. The same request repeated changes nothing.

    Raises:
        Forbidden: if an access asks that may not write, or may not read: what is told is what it could not see.
        Invalid: if nothing of the name is traded.
        Conflict: if fifty alerts wait already, there is no price to count a change from, or a mail is wanted to an address that nobody confirmed.
        LimitReached: if too many were set.
    """
    caller.require(Scope.WRITE)
    caller.require(Scope.READ)
    with database.transaction(caller) as connection:
        spend(connection, caller, quotas.ALERTS)
        # Two at once do not both find the last place.
        accounts.hold(connection, caller.user_id)
        alert_id = request.new_id(connection, caller.user_id)
        if (made := alerts.get_alert(connection, alert_id)) is not None:
            return made
        if not assets.may_exist(connection, new.symbol):
            raise Invalid(f"{new.symbol} is not traded here.", code="unknown-symbol")
        if new.by_mail:
            user = existing(accounts.get_user(connection, caller.user_id), "user")
            if not outbox.sends_mail or user.email_confirmed_at is None:
                raise Conflict("Confirm your address first, or leave the mail out.", code="address-not-confirmed")
        now = market_data.latest_price(connection, new.symbol) if new.change is not None else None
        if new.change is not None and now is None:
            raise Conflict(f"No price of {new.symbol} is known yet to count a change from.", code="no-price")
        stored = alerts.add_alert(connection, caller.user_id, _alert(alert_id, new, now.price if now else None))
    if stored is None:
        raise Conflict(f"{MOST_ALERTS} alerts wait already; delete one first.", code="too-many-alerts")
    outbox.request_subscription(stored.symbol)
    return stored


def _alert(alert_id: UUID, new: NewAlert, reference: Decimal | None) -> PriceAlert:
    upper = new.price if new.condition is AlertCondition.ABOVE else None
    lower = new.price if new.condition is AlertCondition.BELOW else None
    if new.change is not None and reference is not None:
        upper = reference * (1 + new.change)
        lower = reference * (1 - new.change) if new.change < 1 else None
    return PriceAlert(
        alert_id=alert_id,
        symbol=new.symbol,
        condition=new.condition,
        change=new.change,
        reference=reference,
        upper_price=upper,
        lower_price=lower,
        note=new.note,
        repeats=new.repeats,
        by_mail=new.by_mail,
        armed=True,
        created_at=datetime.now(UTC),
        fired_at=None,
        fired_price=None,
        times_fired=0,
    )


def list_alerts(database: Database, caller: Caller, symbol: str | None = None) -> list[PriceAlert]:
    """The caller's alerts, those that wait first; of one symbol when it is given."""
    caller.require(Scope.READ)
    with database.reading(caller) as connection:
        return alerts.list_alerts(connection, caller.user_id, symbol)


def delete_alert(database: Database, outbox: Outbox, caller: Caller, alert_id: UUID) -> None:
    """Deletes an alert, which tells of nothing any more.

    Raises:
        NotFound: if the caller has no such alert.
    """
    caller.require(Scope.WRITE)
    with database.transaction(caller) as connection:
        found = existing(alerts.get_alert(connection, alert_id), "alert")
        if not alerts.delete_alert(connection, alert_id):
            raise NotFound("alert")
    outbox.request_subscription(found.symbol)


def fire_alerts(database: Database, bar: Bar) -> int:
    """Fires what a bar reaches, in transactions of some hundreds; returns how many. Doing it again fires nothing again."""
    fired = 0
    while True:
        with database.transaction() as connection:
            now = alerts.fire_alerts(connection, bar, _AT_ONCE)
        fired += now
        if now < _AT_ONCE:
            return fired
