"""Lambda entry: run by a schedule, or by hand."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from stratforge.broker.alpaca import AlpacaBroker
from stratforge.configuration import AlpacaSecret, Settings, read_secret
from stratforge.observability import logger
from stratforge.storage.database import Database

from functions.reconciler.service import ReconcilerService

log = logger("reconciler")


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
    broker = AlpacaBroker(read_secret(AlpacaSecret, settings.alpaca_secret))
    return ReconcilerService(database, broker, settings.order_updates_queue_url, settings.signals_queue_url)


@log.inject_lambda_context
def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """One pass; its report is the answer."""
    report = service().run()
    summary = {
        "looked_up": report.looked_up,
        "resubmitted": report.resubmitted,
        "drift": {symbol: [str(ours), str(theirs)] for symbol, (ours, theirs) in report.drift.items()},
        "broken_invariants": report.broken,
        "clean": report.clean,
    }
    (log.info if report.clean else log.error)("reconciled", extra=summary)
    return summary
