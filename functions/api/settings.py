"""The environment variables of the API, as one model."""

from __future__ import annotations

from decimal import Decimal

from stratforge.configuration import Settings


class ApiSettings(Settings):
    """The environment variables of the API; see `Settings`."""

    stage: str
    database_secret: str
    token_secret: str
    jobs_queue_url: str
    backtests_queue_url: str
    signals_queue_url: str
    mails_queue_url: str = ""
    subscription_topic_arn: str
    redriver_function: str
    files_bucket: str = ""
    simulated_market: bool = False
    realtime_url: str = ""
    private_webhooks: bool = False
    behind_edge: bool = False
    registrations_per_address: float = 0.0
    registrations_by_mail: bool = False
    starting_balance: Decimal = Decimal(100_000)
