"""Lambda entry: run by a schedule, or by hand."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from stratforge.broker import BrokerRefusesPlatform
from stratforge.broker.alpaca import AlpacaBroker
from stratforge.configuration import AlpacaSecret, Keys, Settings
from stratforge.observability import logger
from stratforge.observability import metrics as metrics_of
from stratforge.storage.postgres.broker_budget import SharedBudget
from stratforge.storage.postgres.database import Database

from functions.reconciler.service import ReconcilerService

log = logger("reconciler")
metrics = metrics_of("reconciler")


class ReconcilerSettings(Settings):
    """Environment of the function."""

    database_secret: str
    alpaca_secret: str
    order_updates_queue_url: str
    signals_queue_url: str


@lru_cache(maxsize=1)
def service() -> ReconcilerService:
    """The service of this environment."""
    settings = ReconcilerSettings.from_environment()
    database = Database.of_secret(settings.database_secret, application="reconciler")
    keys = Keys(AlpacaSecret, settings.alpaca_secret)
    broker = AlpacaBroker(keys, SharedBudget(database, keys.now().requests_per_minute))
    return ReconcilerService(database, broker, settings.order_updates_queue_url, settings.signals_queue_url)


@metrics.log_metrics
@log.inject_lambda_context
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - powertools names it
    """One pass, whose report is the answer; with `{"task": "snapshot"}` everybody's equity is noted instead."""
    if event.get("task") == "snapshot":
        return {"snapshots": service().snapshot()}
    try:
        report = service().run()
    except BrokerRefusesPlatform:
        metrics.add_metric("PlatformRefused", MetricUnit.Count, 1)
        raise
    answer = report.as_dict()
    for name, value in (
        ("SymbolsDrifting", len(report.drift)),
        ("Unexplained", len(report.unexplained)),
        ("BrokenInvariants", len(report.broken)),
        ("OrdersRecovered", report.looked_up + report.resubmitted),
        ("FillsCorrected", len(report.corrected)),
    ):
        metrics.add_metric(name, MetricUnit.Count, value)
    (log.info if report.clean else log.error)("reconciled", extra={"report": answer})
    return answer
