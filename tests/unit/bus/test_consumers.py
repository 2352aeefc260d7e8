"""The entry of a queue's consumer, and the database of its environment."""

from __future__ import annotations

import pytest
from stratforge.bus.consumers import batch_handler
from stratforge.bus.retries import FifoProcessor
from stratforge.configuration import ConfigurationError
from stratforge.observability import logger, metrics
from stratforge.storage.postgres.database import Database

from tests.support.lambda_context import CONTEXT


def test_an_event_without_records_prepares_and_handles_nothing() -> None:
    did: list[str] = []
    handler = batch_handler(
        lambda record: did.append(record.body),
        FifoProcessor(),
        lambda: did.append("prepared"),
        logger("test"),
        metrics("test"),
    )
    assert handler({}, CONTEXT) == {"batchItemFailures": []}
    assert did == ["prepared"]


def test_the_database_of_an_environment_says_which_variable_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_SECRET", raising=False)
    database = Database.of_environment("test")
    with pytest.raises(ConfigurationError, match="DATABASE_SECRET"):
        database.prepare()
