"""Structured logs and metrics, one place for all functions."""

from __future__ import annotations

from aws_lambda_powertools import Logger, Metrics

NAMESPACE = "StratForge"


def logger(service: str) -> Logger:
    """The logger of a function: one JSON object a line."""
    return Logger(service=service, use_rfc3339=True, utc=True)


def metrics(service: str) -> Metrics:
    """The metrics of a function, written to the log in CloudWatch's embedded format."""
    return Metrics(namespace=NAMESPACE, service=service)
