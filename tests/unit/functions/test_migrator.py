"""The migrator: the owner migrates, then every role gets its password; what fails, fails the deployment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from stratforge.configuration import ConfigurationError, DatabaseSecret

from functions.migrator import handler as migrator
from tests.support.lambda_context import CONTEXT


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What is done to the database, in order; secrets are named for their users."""
    steps: list[tuple[str, Any]] = []
    for role in ("owner", "api", "engine"):
        monkeypatch.setenv(f"{role.upper()}_SECRET", role)

    def secret(model: type[DatabaseSecret], name: str) -> DatabaseSecret:
        return model.model_validate({"host": "h", "username": name, "password": "p", "sslmode": "disable"})

    def migrate(conninfo: str, _migrations: object) -> list[str]:
        steps.append(("migrate", "user=owner" in conninfo))
        return ["0001_first", "0002_second"]

    def set_passwords(conninfo: str, secrets: list[DatabaseSecret]) -> None:
        steps.append(("passwords", ("user=owner" in conninfo, [each.username for each in secrets])))

    monkeypatch.setattr(migrator, "read_secret", secret)
    monkeypatch.setattr(migrator, "read_migrations", lambda folder: [Path(folder)])
    monkeypatch.setattr(migrator, "migrate", migrate)
    monkeypatch.setattr(migrator, "set_role_passwords", set_passwords)
    return steps


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_the_owner_migrates_and_then_the_roles_get_their_passwords(
    done: list[tuple[str, Any]], request_type: str
) -> None:
    answer = migrator.handler({"RequestType": request_type}, CONTEXT)
    assert done == [("migrate", True), ("passwords", (True, ["api", "engine"]))]
    assert answer == {"PhysicalResourceId": "migrations", "Data": {"Applied": "0001_first,0002_second"}}


def test_when_the_stack_goes_nothing_is_undone(done: list[tuple[str, Any]]) -> None:
    event = {"RequestType": "Delete", "PhysicalResourceId": "as-it-was-called"}
    assert migrator.handler(event, CONTEXT) == {"PhysicalResourceId": "as-it-was-called"}
    assert done == []


def test_a_migration_that_fails_stops_the_deployment_before_any_password_changes(
    done: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_conninfo: str, _migrations: object) -> list[str]:
        raise RuntimeError("0002_second: syntax error")

    monkeypatch.setattr(migrator, "migrate", fail)
    with pytest.raises(RuntimeError, match="0002_second"):
        migrator.handler({"RequestType": "Create"}, CONTEXT)
    assert done == []


def test_a_missing_setting_is_named(done: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENGINE_SECRET")
    with pytest.raises(ConfigurationError, match="ENGINE_SECRET"):
        migrator.handler({"RequestType": "Create"}, CONTEXT)
    assert done == []
