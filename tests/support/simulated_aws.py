"""AWS in a test's own process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import pytest
from moto import mock_aws
from stratforge import aws


class Cached(Protocol):
    """A function that remembers what it gave."""

    def cache_clear(self) -> None:
        """Forgets it."""


@contextmanager
def simulated_aws(monkeypatch: pytest.MonkeyPatch, *clients: Cached) -> Iterator[None]:
    """An account of its own; these functions give clients of it, and forget them afterwards."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    caches = (*clients, aws._session)
    with mock_aws():
        for cached in caches:
            cached.cache_clear()
        yield
    for cached in caches:
        cached.cache_clear()
