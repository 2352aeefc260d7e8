"""Lambda entry: run at night, or by hand."""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from stratforge.application.archive_bars import archive_bars
from stratforge.broker.history import AlpacaHistory
from stratforge.configuration import AlpacaSecret, Keys, Settings
from stratforge.observability import logger
from stratforge.observability import metrics as metrics_of
from stratforge.storage.postgres.broker_budget import SharedBudget
from stratforge.storage.postgres.database import Database

# With less time left nothing more is begun, in milliseconds: a question of the vendor may wait two minutes for its turn, and twenty symbols' months are written then.
_TIME_FOR_MORE = 240_000
log = logger("archiver")
metrics = metrics_of("archiver")
database = Database.of_environment("archiver")


class ArchiverSettings(Settings):
    """The environment variables of the archiver beside the archive's own; see `Settings`."""

    alpaca_secret: str


@lru_cache(maxsize=1)
def history() -> AlpacaHistory:
    """Alpaca's past bars, within the requests that all share."""
    keys = Keys(AlpacaSecret, ArchiverSettings.from_environment().alpaca_secret)
    return AlpacaHistory(keys, SharedBudget(database, keys.now().requests_per_minute))


@metrics.log_metrics
@log.inject_lambda_context
def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Moves months that ended long ago as far as the function's time goes; called again, it goes on."""
    done = archive_bars(database, history(), lambda: context.get_remaining_time_in_millis() < _TIME_FOR_MORE)
    metrics.add_metric("NotArchived", MetricUnit.Count, done.failed)
    log.info("archived", extra={"archive": asdict(done)})
    return asdict(done)
