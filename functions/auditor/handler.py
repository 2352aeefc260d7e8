"""Lambda entry: run at night, or by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from stratforge.application.audit_ledger import audit_ledger, is_audited
from stratforge.broker.alpaca import AlpacaBroker
from stratforge.configuration import AlpacaSecret, Keys, Settings
from stratforge.observability import logger
from stratforge.observability import metrics as metrics_of
from stratforge.storage.postgres.broker_budget import SharedBudget
from stratforge.storage.postgres.database import Database

# What was looked at since then belongs to the same night. No symbol is begun with less time left, in milliseconds.
_NIGHT = timedelta(hours=6)
_TIME_FOR_A_SYMBOL = 450_000
log = logger("auditor")
metrics = metrics_of("auditor")
database = Database.of_environment("auditor")


class AuditorSettings(Settings):
    """The environment variables of the auditor; see `Settings`."""

    alpaca_secret: str


@lru_cache(maxsize=1)
def broker() -> AlpacaBroker:
    """The account that all users share."""
    keys = Keys(AlpacaSecret, AuditorSettings.from_environment().alpaca_secret)
    return AlpacaBroker(keys, SharedBudget(database, keys.now().requests_per_minute))


@metrics.log_metrics
@log.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Audits as far as the function's time goes, and answers with the statement; called again, it goes on. `since` says when the audit began that goes on (by
    default the night's, which is done once), and `anew` has the broker's whole statement read again."""
    if "since" in event:
        since = datetime.fromisoformat(event["since"])
    else:
        since = datetime.now(UTC) - _NIGHT
        if is_audited(database, since):
            return {"left": 0}
    statement = audit_ledger(
        database,
        broker(),
        since=since,
        anew=event.get("anew", False),
        enough=lambda: context.get_remaining_time_in_millis() < _TIME_FOR_A_SYMBOL,
    )
    metrics.add_metric("Unexplained", MetricUnit.Count, statement.found)
    answer = statement.as_dict() | {"clean": not statement.found}
    (log.error if statement.found else log.info)("audited", extra={"statement": answer})
    return answer
