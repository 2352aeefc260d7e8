"""Rotation of the roles' passwords and the making of operators, on a server whose owner is no superuser, as RDS's is not."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from local_platform.postgres import Postgres
from local_platform.processes import Supervisor
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr
from stratforge import configuration
from stratforge.application.logins import Origin, log_in
from stratforge.application.passwords import LoginRequest
from stratforge.configuration import DatabaseSecret
from stratforge.storage.ledger import operations as ledger_operations
from stratforge.storage.postgres.database import Database
from stratforge.storage.postgres.migrations import migrate, read_migrations
from stratforge.storage.postgres.roles import set_role_passwords

from functions.examiner import handler as examiner
from functions.operators import handler as operators
from functions.rotator import handler as rotator
from tests.conftest import MIGRATIONS
from tests.support.lambda_context import CONTEXT

_OWNER, _API, _OPERATOR = "database/owner", "database/api", "operator"


class NotFound(Exception):
    """Secrets Manager has no such version."""


@dataclass
class Vault:
    """Secrets Manager as far as a rotation sees it: versions of secrets, and the names of their stages."""

    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    stages: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    class exceptions:
        """As a client has them."""

        ResourceNotFoundException = NotFound

    def enter(self, name: str, value: dict[str, Any]) -> None:
        """A secret with one version."""
        self.versions[name] = {"first": json.dumps(value)}
        self.stages[name] = {"first": ["AWSCURRENT"]}

    def begin(self, name: str) -> str:
        """What RotateSecret does before it calls the function: a version that is pending and empty."""
        version = str(uuid4())
        for stages in self.stages[name].values():
            if "AWSPENDING" in stages:
                stages.remove("AWSPENDING")
        self.stages[name][version] = ["AWSPENDING"]
        return version

    def describe_secret(self, SecretId: str) -> dict[str, Any]:
        """Versions and stages."""
        return {"VersionIdsToStages": self.stages[SecretId]}

    def get_secret_value(
        self, SecretId: str, VersionStage: str = "AWSCURRENT", VersionId: str | None = None
    ) -> dict[str, str]:
        """The value of the version at a stage."""
        version = next((each for each, names in self.stages[SecretId].items() if VersionStage in names), None)
        if version is None or VersionId not in (None, version) or version not in self.versions[SecretId]:
            raise NotFound
        return {"SecretString": self.versions[SecretId][version]}

    def put_secret_value(
        self, SecretId: str, ClientRequestToken: str, SecretString: str, VersionStages: list[str]
    ) -> None:
        """Fills a version; the same one twice only with the same value."""
        assert self.versions[SecretId].setdefault(ClientRequestToken, SecretString) == SecretString
        self.stages[SecretId][ClientRequestToken] = VersionStages

    def update_secret_version_stage(
        self, SecretId: str, VersionStage: str, MoveToVersionId: str, RemoveFromVersionId: str
    ) -> None:
        """Moves a stage."""
        self.stages[SecretId][RemoveFromVersionId].remove(VersionStage)
        self.stages[SecretId][MoveToVersionId].append(VersionStage)


@pytest.fixture(scope="module")
def managed(tmp_path_factory: pytest.TempPathFactory, state_folder: Path) -> Iterator[str]:
    """A migrated database of an owner who may make roles and databases, and nothing else."""
    server = Postgres(state_folder / "access", secrets.token_urlsafe(16), state_folder / "access-logs")
    server.prepare()
    supervisor = Supervisor(lambda _text: None)
    supervisor.add(server.process())
    try:
        with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
            connection.execute("CREATE ROLE master LOGIN CREATEROLE CREATEDB NOSUPERUSER PASSWORD 'master'")
            connection.execute("CREATE DATABASE managed OWNER master")
        owner = server.conninfo("managed", user="master", password="master")
        migrate(owner, read_migrations(MIGRATIONS))
        yield owner
    finally:
        supervisor.stop()


@pytest.fixture
def vault(managed: str, monkeypatch: pytest.MonkeyPatch) -> Vault:
    """The secrets of a stage; the roles have the passwords that are in them."""
    place = {name: conninfo_to_dict(managed)[name] for name in ("host", "port", "dbname")} | {"sslmode": "disable"}
    found = Vault()
    found.enter(_OWNER, {**place, "username": "master", "password": "master"})
    found.enter(_API, {**place, "username": "stratforge_api", "password": secrets.token_urlsafe(12)})
    found.enter(_OPERATOR, {"email": "First@example.com", "password": "a password of hers"})
    set_role_passwords(managed, [_current(found)])
    monkeypatch.setattr(configuration, "_secrets_client", lambda: found)
    monkeypatch.setattr(configuration, "_cache", {})
    monkeypatch.setattr(rotator, "_client", lambda: found)
    monkeypatch.setenv("OWNER_SECRET", _OWNER)
    monkeypatch.setenv("OPERATOR_SECRET", _OPERATOR)
    return found


def _current(vault: Vault) -> DatabaseSecret:
    return DatabaseSecret.model_validate_json(vault.get_secret_value(_API)["SecretString"])


def rotate(vault: Vault, *, repeated: bool = False) -> DatabaseSecret:
    """A whole rotation; every step twice if wanted, as Secrets Manager may."""
    version = vault.begin(_API)
    for step in ("createSecret", "setSecret", "testSecret", "finishSecret"):
        for _ in range(2 if repeated else 1):
            rotator.handler({"SecretId": _API, "ClientRequestToken": version, "Step": step}, CONTEXT)
    return _current(vault)


@pytest.mark.parametrize("repeated", [False, True])
def test_two_users_take_turns_and_nobody_who_has_the_old_password_is_thrown_out(vault: Vault, repeated: bool) -> None:
    before = _current(vault)
    first = rotate(vault, repeated=repeated)
    second = rotate(vault, repeated=repeated)
    assert [before.username, first.username, second.username] == [
        "stratforge_api",
        "stratforge_api_b",
        "stratforge_api",
    ]
    # The one that was current before the last rotation still gets in; the one before that does not.
    for good in (first, second):
        psycopg.connect(good.conninfo()).close()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(before.conninfo())


def test_the_second_user_sees_what_the_first_sees_and_nothing_else(vault: Vault, managed: str) -> None:
    with psycopg.connect(managed) as connection:
        ids = [
            connection.execute("SELECT register_user(%s, 'x', 1000)", (f"{uuid4()}@example.com",)).fetchone()
            for _ in range(2)
        ]
    ada = ids[0][0] if ids[0] else None
    second = rotate(vault)
    assert second.username == "stratforge_api_b"
    database = Database(second.conninfo, application="test")
    with database.transaction(ada) as connection:
        assert connection.execute("SELECT id FROM users").fetchall() == [(ada,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.transaction(ada) as connection:
        connection.execute("UPDATE users SET virtual_balance = 1e6")
    database.close()


def test_a_rotation_that_ended_changes_nothing_more(vault: Vault) -> None:
    done = rotate(vault)
    version = next(each for each, names in vault.stages[_API].items() if "AWSCURRENT" in names)
    rotator.handler({"SecretId": _API, "ClientRequestToken": version, "Step": "createSecret"}, CONTEXT)
    assert _current(vault) == done


def test_a_version_that_is_not_pending_is_refused(vault: Vault) -> None:
    vault.stages[_API]["stray"] = []
    for version in ("stray", "unknown"):
        with pytest.raises(rotator.RotationRefused):
            rotator.handler({"SecretId": _API, "ClientRequestToken": version, "Step": "createSecret"}, CONTEXT)


# Operators --------------------------------------------------------------------------------------------------------


def ask(command: str, email: str = "") -> dict[str, Any]:
    """What `make operator` invokes."""
    return dict(operators.handler({"command": command, "email": email, "by": "arn:aws:iam::1:user/eve"}, CONTEXT))


def test_an_operator_is_made_by_command_and_the_database_knows_by_whom(vault: Vault, managed: str) -> None:
    with psycopg.connect(managed) as connection:
        connection.execute("SELECT register_user('grace@example.com', 'x', 1000)")
    assert not ask("grant", "grace@example.com")["done"], "whoever registered an address is not for that its owner"
    assert ask("confirm", "grace@example.com")["done"]
    assert "grace@example.com" in ask("grant", "Grace@example.com")["operators"]
    assert "grace@example.com" not in ask("revoke", "grace@example.com")["operators"]
    with psycopg.connect(managed) as connection:
        rows = connection.execute(
            "SELECT actor, action FROM operator_actions WHERE subject = 'grace@example.com' ORDER BY id"
        ).fetchall()
    assert rows == [
        ("arn:aws:iam::1:user/eve", "confirm address"),
        ("arn:aws:iam::1:user/eve", "grant operator"),
        ("arn:aws:iam::1:user/eve", "revoke operator"),
    ]


def ask_about(command: str, **more: Any) -> dict[str, Any]:
    """What `make corporate-actions` invokes."""
    return dict(operators.handler({"command": command, "by": "arn:aws:iam::1:user/eve", **more}, CONTEXT))


def test_corporate_actions_are_decided_by_command_and_the_database_knows_by_whom(vault: Vault, managed: str) -> None:
    with psycopg.connect(managed) as connection:
        connection.execute(
            "INSERT INTO corporate_actions (id, symbol, kind, effective_on, ratio, cash) VALUES "
            "('merger', 'GONE', 'cash_merger', '2026-03-02', 0, 12.5), ('wrong', 'STAYS', 'worthless_removal', '2026-03-03', 0, NULL)"
        )
    listed = ask_about("actions")["actions"]
    assert [(each["action_id"], each["state"]) for each in listed] == [
        ("merger", "waits for an operator"),
        ("wrong", "waits for an operator"),
    ]
    assert listed[0]["words"] == "GONE: cash merger: a share of GONE becomes 0 and gives $12.5"
    approved = ask_about("approve", action_id="merger", reason="as the broker's statement says")
    assert (approved["done"], approved["actions"][0]["state"]) == (True, "is followed from its day on")
    dismissed = ask_about("dismiss", action_id="wrong", reason="not of our share")
    assert [each["action_id"] for each in dismissed["actions"]] == ["merger"]
    assert not ask_about("approve", action_id="other", reason="a typing mistake")["done"]
    entered = {"action_id": "by-hand", "symbol": "XYZ", "kind": "split", "effective_on": "2026-03-04", "ratio": "2"}
    assert ask_about("enter", action={**entered, "reason": "not announced"})["done"]
    assert not ask_about("enter", action={**entered, "reason": "not announced"})["done"], "it is entered once"
    with pytest.raises(ValueError, match="a split needs a ratio"):
        ask_about("enter", action={**entered, "action_id": "more", "ratio": None, "reason": "not announced"})
    with psycopg.connect(managed) as connection:
        connection.execute("UPDATE corporate_actions SET applied_at = now() WHERE id = 'merger'")
    assert not ask_about("dismiss", action_id="merger", reason="too late")["done"], "what was followed stays"
    with psycopg.connect(managed) as connection:
        noted = connection.execute(
            "SELECT action, subject, reason FROM operator_actions WHERE actor = 'arn:aws:iam::1:user/eve' "
            "AND action LIKE '%corporate action' ORDER BY id"
        ).fetchall()
        connection.execute("DELETE FROM corporate_actions")
    assert noted == [
        ("approve corporate action", "merger", "as the broker's statement says"),
        ("dismiss corporate action", "wrong", "not of our share"),
        ("enter corporate action", "by-hand", "not announced"),
    ]


def test_nobody_without_an_account_becomes_an_operator(vault: Vault) -> None:
    assert ask("grant", "nobody@example.com")["done"] is False


def test_the_first_operator_is_made_once_and_can_log_in(vault: Vault, managed: str) -> None:
    for _ in range(2):
        operators.handler({"RequestType": "Create"}, CONTEXT)
    assert "first@example.com" in ask("list")["operators"]
    database = Database(lambda: managed, application="test")
    credentials = LoginRequest(email="first@example.com", password=SecretStr("a password of hers"))
    assert log_in(database, credentials, Origin("192.0.2.1")).refresh_token
    database.close()


def test_whoever_took_the_address_before_does_not_become_the_first_operator(vault: Vault, managed: str) -> None:
    vault.enter(_OPERATOR, {"email": "taken@example.com", "password": "a password of hers"})
    with psycopg.connect(managed) as connection:
        connection.execute("SELECT register_user('taken@example.com', 'x', 1000)")
    operators.handler({"RequestType": "Create"}, CONTEXT)
    assert "taken@example.com" not in ask("list")["operators"]


def test_what_operators_do_is_noted_and_what_others_try_is_not_done(vault: Vault, managed: str) -> None:
    with psycopg.connect(managed) as connection:
        rows = [
            connection.execute("SELECT register_user(%s, 'x', 1000)", (f"{name}@example.com",)).fetchone()
            for name in ("op", "mallory")
        ]
    op, mallory = (row[0] if row else None for row in rows)
    with psycopg.connect(managed) as connection:
        connection.execute("INSERT INTO symbol_halts (symbol, reason, details) VALUES ('AAPL', 'DRIFT', '')")
    ask("grant", "op@example.com")
    database = Database(_current(vault).conninfo, application="test")
    for user, done in ((op, True), (mallory, False)):
        with database.transaction(user) as connection:
            assert connection.execute("SELECT operator_set_state('REDUCING', 'a test')").fetchone() == (done,)
            assert connection.execute("SELECT operator_halt_symbol('AAPL', 'a test')").fetchone() == (done,)
            reason = connection.execute("SELECT reason FROM symbol_halts WHERE symbol = 'AAPL'").fetchone()
            assert reason == (("OPERATOR",) if done else None), (
                "whatever it was halted for, nobody lifts it but an operator"
            )
            assert connection.execute("SELECT operator_resume_symbol('AAPL')").fetchone() == (done,)
    with database.transaction(op) as connection:
        assert ledger_operations.note(connection, "redrive", "bars", "3 messages")
    with database.transaction(mallory) as connection:
        assert not ledger_operations.note(connection, "redrive", "bars", "3 messages")
    with database.transaction(op) as connection:
        audit = connection.execute("SELECT actor, action, subject, reason FROM operator_audit(4)").fetchall()
    assert audit == [
        ("op@example.com", "redrive", "bars", "3 messages"),
        ("op@example.com", "resume symbol", "AAPL", ""),
        ("op@example.com", "halt symbol", "AAPL", "a test"),
        ("op@example.com", "platform reducing", "", "a test"),
    ]
    with database.transaction(mallory) as connection:
        assert connection.execute("SELECT * FROM operator_audit(3)").fetchall() == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.transaction(op) as connection:
        connection.execute("DELETE FROM operator_actions")
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.transaction(op) as connection:
        connection.execute("SELECT set_operator('mallory@example.com', true, 'me')")
    database.close()


# A rehearsed restore -----------------------------------------------------------------------------------------------


def test_a_ledger_is_examined_where_it_was_restored_to(vault: Vault, managed: str) -> None:
    found = examiner.examined(managed)
    assert found["broken"] == {}
    with psycopg.connect(managed) as connection:
        connection.execute("UPDATE users SET virtual_balance = virtual_balance + 1")
        connection.commit()
        assert list(examiner.examined(managed)["broken"]) == [
            "cash, reservations and trades add up to the initial balance"
        ]
        connection.execute("UPDATE users SET virtual_balance = virtual_balance - 1")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example.com",
        "stratforge-prod-rehearsal-1.abc.us-east-1.rds.amazonaws.com.example.com",
        "stratforge-dev-rehearsal-1.abc.us-east-1.rds.amazonaws.com",
        "stratforge-prod.abc.us-east-1.rds.amazonaws.com",
    ],
)
def test_nobody_but_a_rehearsal_is_shown_the_owners_password(
    vault: Vault, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("STAGE", "prod")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with pytest.raises(examiner.NotARehearsal):
        examiner.handler({"host": host}, CONTEXT)
