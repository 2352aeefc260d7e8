"""Structured logs and metrics, one place for all functions; and what ties a request to all that follows from it."""

from __future__ import annotations

import os
from contextvars import ContextVar

from aws_lambda_powertools import Logger, Metrics

# The request that led here: in every log line of the API, in the messages it sends, and in the lines of who handles them.
correlation_id: ContextVar[str | None] = ContextVar("correlation_id", default=None)


def logger(service: str) -> Logger:
    """The logger of a function: one JSON object a line."""
    return Logger(service=service, use_rfc3339=True, utc=True)


def metrics(service: str) -> Metrics:
    """The metrics of a function, written to the log in CloudWatch's embedded format, in the namespace of its stage."""
    return Metrics(namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "StratForge"), service=service)
