"""Secrets: how old they may be, and what happens when one did not work."""

from __future__ import annotations

import json
from typing import Any

import pytest
from stratforge import configuration
from stratforge.configuration import PLACEHOLDER, AlpacaSecret, ConfigurationError, Keys, read_secret, reread_secret


class SecretsManager:
    """Answers with what was entered, and counts."""

    def __init__(self) -> None:
        self.key = "first"
        self.reads = 0
        self.away = False

    def get_secret_value(self, SecretId: str) -> dict[str, Any]:
        """The present value."""
        self.reads += 1
        if self.away:
            raise ConnectionError("Secrets Manager is away")
        return {"SecretString": json.dumps({"key_id": self.key, "secret_key": "secret"})}


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        """Seconds."""
        return self.now


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> SecretsManager:
    """Secrets Manager."""
    found = SecretsManager()
    monkeypatch.setattr(configuration, "_secrets_client", lambda: found)
    monkeypatch.setattr(configuration, "_cache", {})
    return found


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock."""
    found = Clock()
    monkeypatch.setattr(configuration, "time", found)
    return found


def test_a_secret_is_at_most_five_minutes_old(manager: SecretsManager, clock: Clock) -> None:
    assert read_secret(AlpacaSecret, "alpaca").key_id == "first"
    manager.key = "second"
    clock.now += 299
    assert read_secret(AlpacaSecret, "alpaca").key_id == "first"
    clock.now += 2
    assert read_secret(AlpacaSecret, "alpaca").key_id == "second"


def test_a_secret_that_did_not_work_is_read_again_at_once_but_not_all_the_time(
    manager: SecretsManager, clock: Clock
) -> None:
    keys = Keys(AlpacaSecret, "alpaca")
    assert keys.now().key_id == "first"
    manager.key = "second"
    assert keys.after_refusal().key_id == "second", "the first refusal is believed at once"
    assert keys.now().key_id == "second"
    for _ in range(50):
        reread_secret(AlpacaSecret, "alpaca")
    assert manager.reads == 2


def test_what_a_deployment_leaves_are_no_keys() -> None:
    values = {"key_id": PLACEHOLDER, "secret_key": "x"}
    assert not AlpacaSecret.model_validate(values).entered
    assert AlpacaSecret.model_validate({**values, "key_id": "PK123"}).entered


def test_a_secret_that_was_read_is_used_on_while_nobody_answers(manager: SecretsManager, clock: Clock) -> None:
    read_secret(AlpacaSecret, "alpaca")
    manager.away = True
    clock.now += 301
    for _ in range(20):
        assert read_secret(AlpacaSecret, "alpaca").key_id == "first"
    assert manager.reads == 2, "nobody is asked all the time"
    manager.away, manager.key = False, "second"
    clock.now += 16
    assert read_secret(AlpacaSecret, "alpaca").key_id == "second"


def test_a_secret_that_was_never_read_is_told(manager: SecretsManager) -> None:
    manager.away = True
    with pytest.raises(ConfigurationError, match="the secret alpaca cannot be read"):
        read_secret(AlpacaSecret, "alpaca")
