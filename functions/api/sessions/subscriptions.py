"""Telling the ingestor that what is wanted has changed."""

from __future__ import annotations

from datetime import UTC, datetime

from stratforge.bus.messages import SubscriptionUpdate
from stratforge.bus.topics import publish_subscription_update

from functions.api.context import settings


def request_subscription(symbol: str) -> None:
    """After the commit. If this is lost, the ingestor looks by itself within half a minute."""
    publish_subscription_update(
        settings().subscription_topic_arn, SubscriptionUpdate(symbol=symbol, sent_at=datetime.now(UTC))
    )
