"""Environment of the ingestor."""

from __future__ import annotations

from stratforge.configuration import Settings


class IngestorSettings(Settings):
    """The environment variables of the ingestor; see `Settings`."""

    stage: str
    database_secret: str
    alpaca_secret: str
    bars_queue_arn: str
    # The stream that carries all bars; without one each symbol has a topic.
    bars_stream: str = ""
    order_updates_queue_url: str
    quotes_queue_url: str
    notifications_queue_url: str
    signals_queue_url: str
    subscription_queue_url: str
    traced: bool = False
    mute_seconds: float = 90.0
    reconcile_seconds: float = 30.0
    clock_seconds: float = 30.0
