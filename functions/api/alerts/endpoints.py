"""`/api/alerts`: prices that the caller wants to be told of."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from stratforge.application import alerts as application
from stratforge.application.alerts import NewAlert
from stratforge.application.strategies import Symbol
from stratforge.storage.market.alerts import MOST_ALERTS, PriceAlert

from functions.api.context import Asking, database, outbox
from functions.api.idempotency import IdempotencyKey
from functions.api.views import Listed, items_of, view_of

router = APIRouter(prefix="/api/alerts", tags=["alerts"])
AlertView = view_of(PriceAlert, "AlertView")
AlertList = items_of(
    AlertView, "AlertList", f"Price alerts, those that wait first ({MOST_ALERTS} at most), the newest first."
)


@router.post("", status_code=201, response_model=AlertView)
def create_alert(new: NewAlert, asking: Asking, key: IdempotencyKey) -> PriceAlert:
    """Has the caller told when a price is reached: on pages and sockets, by webhooks that want `alert`, and by mail where it is wished. Bars are looked at, one a minute."""
    return application.set_alert(database(), outbox(), asking, new, key)


@router.get("", response_model=AlertList)
def list_alerts(
    asking: Asking, symbol: Annotated[Symbol | None, Query(description="Only those of this symbol")] = None
) -> Listed[PriceAlert]:
    """Lists the caller's alerts; of those that fired for good the latest fifty."""
    return Listed(application.list_alerts(database(), asking, symbol))


@router.delete("/{alert_id}", status_code=204)
def delete_alert(alert_id: UUID, asking: Asking) -> None:
    """Deletes an alert, which tells of nothing any more."""
    application.delete_alert(database(), outbox(), asking, alert_id)
