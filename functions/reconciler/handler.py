"""Lambda entry: run by a schedule, or by hand."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import BotoCoreError, ClientError
from stratforge.application.equity_snapshots import snapshot_equity
from stratforge.application.jobs.waking import wake_jobs
from stratforge.application.reconcile import Reconciliation
from stratforge.application.reference_data import keep_calendar
from stratforge.application.suspension import is_suspended
from stratforge.broker import BrokerRefusesPlatform
from stratforge.broker.alpaca import AlpacaBroker
from stratforge.bus.queues import send_job_ready, send_order_update, send_work_ready
from stratforge.configuration import AlpacaSecret, Keys, Settings
from stratforge.observability import logger
from stratforge.observability import metrics as metrics_of
from stratforge.storage.postgres.broker_budget import SharedBudget
from stratforge.storage.postgres.database import Database

log = logger("reconciler")
metrics = metrics_of("reconciler")
database = Database.of_environment("reconciler")


class ReconcilerSettings(Settings):
    """The environment variables of the reconciler; see `Settings`."""

    alpaca_secret: str
    order_updates_queue_url: str
    signals_queue_url: str
    jobs_queue_url: str
    backtests_queue_url: str


@lru_cache(maxsize=1)
def broker() -> AlpacaBroker:
    """The account that all users share."""
    keys = Keys(AlpacaSecret, ReconcilerSettings.from_environment().alpaca_secret)
    return AlpacaBroker(keys, SharedBudget(database, keys.now().requests_per_minute))


@lru_cache(maxsize=1)
def reconciliation() -> Reconciliation:
    """The reconciliation of this execution environment, made once."""
    settings = ReconcilerSettings.from_environment()
    return Reconciliation(
        database,
        broker(),
        partial(send_order_update, settings.order_updates_queue_url),
        partial(send_work_ready, settings.signals_queue_url),
    )


def _wake_jobs(*, queues_are_new: bool) -> None:
    """The next minute looks again, so a queue that cannot be reached keeps nothing else from being done."""
    settings = ReconcilerSettings.from_environment()
    try:
        woken = wake_jobs(
            database,
            partial(send_job_ready, settings.jobs_queue_url),
            partial(send_job_ready, settings.backtests_queue_url),
            queues_are_new=queues_are_new,
        )
    except (BotoCoreError, ClientError) as error:
        log.warning("jobs were not woken", extra={"error": str(error)[:200]})
    else:
        if woken:
            log.info("jobs were woken", extra={"jobs": woken})


@metrics.log_metrics
@log.inject_lambda_context
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - powertools names it
    """One pass, whose report is the answer; with `{"task": "snapshot"}` everybody's equity is noted instead, and a pass follows only while orders wait
    for a broker that refuses the platform, so that they wait a minute at most once it answers. Each time jobs whose message was lost are sent again,
    with `{"queues": "new"}` all that are not finished."""
    _wake_jobs(queues_are_new=event.get("queues") == "new")
    if event.get("task") == "snapshot":
        snapshots = snapshot_equity(database)
        if not is_suspended(database):
            return {"snapshots": snapshots}
    try:
        report = reconciliation().run()
    except BrokerRefusesPlatform:
        metrics.add_metric("PlatformRefused", MetricUnit.Count, 1)
        raise
    answer = report.as_dict()
    for name, value in (
        ("SymbolsDrifting", len(report.drift)),
        ("Unexplained", len(report.unexplained) + len(report.unclear)),
        ("BrokenInvariants", len(report.broken)),
        ("BuyingPowerShort", int(report.short)),
        ("ActionsUndecided", len(report.undecided)),
    ):
        metrics.add_metric(name, MetricUnit.Count, value)
    (log.info if report.clean else log.error)("reconciled", extra={"report": answer})
    keep_calendar(database, broker())
    return answer
