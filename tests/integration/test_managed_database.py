"""The database as RDS offers it: verified TLS, a private authority, a master without superuser; migrations, roles and rotation on it."""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from local_platform.postgres import Postgres
from local_platform.processes import Supervisor
from local_platform.synthesis import ROOT
from moto import mock_aws
from stratforge import aws, configuration
from stratforge.configuration import DatabaseSecret, read_secret
from stratforge.storage.postgres.database import Database
from stratforge.storage.postgres.migrations import read_migrations

from functions.migrator import handler as migrator
from tests.support.lambda_context import CONTEXT
from tests.support.tls import Authority, encrypted

# A server of its own, with certificates.
pytestmark = pytest.mark.long
_HOST = "localhost"
_MIGRATIONS = ROOT / "db" / "migrations"


@dataclass
class Managed:
    """A server of which a program knows what it knows of RDS: a host, an authority, and the secrets of roles."""

    server: Postgres
    port: int
    authority: Authority
    passwords: dict[str, str] = field(default_factory=dict)

    def enter(self, role: str, username: str, password: str, **more: Any) -> None:
        """Puts a role's password into its secret."""
        self.passwords[role] = password
        text = json.dumps({"username": username, "password": password, "port": self.port, **more})
        client = boto3.client("secretsmanager")
        name = f"stratforge/test/database/{role}"
        try:
            client.create_secret(Name=name, SecretString=text)
        except client.exceptions.ResourceExistsException:
            client.put_secret_value(SecretId=name, SecretString=text)

    def secret(self, role: str) -> DatabaseSecret:
        """What a role's secret says."""
        configuration._cache.clear()
        return read_secret(DatabaseSecret, f"stratforge/test/database/{role}")

    def connect(self, role: str, **changes: Any) -> psycopg.Connection[Any]:
        """A connection as programs make it, with something changed."""
        return psycopg.connect(self.secret(role).conninfo(), autocommit=True, connect_timeout=5, **changes)

    def migrate(self) -> dict[str, Any]:
        """A deployment."""
        configuration._cache.clear()
        return migrator.handler({"RequestType": "Update"}, CONTEXT)


def _forget() -> None:
    aws._session.cache_clear()
    configuration._secrets_client.cache_clear()
    configuration._cache.clear()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, state_folder: Path) -> Iterator[Postgres]:
    """A server of its own: roles belong to all of its databases."""
    found = Postgres(state_folder / "managed", secrets.token_urlsafe(16), state_folder / "managed-logs")
    found.prepare()
    supervisor = Supervisor(lambda _text: None)
    supervisor.add(found.process())
    yield found
    supervisor.stop()


@pytest.fixture
def managed(server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Managed]:
    """An empty database that belongs to a master such as RDS makes one."""
    password = secrets.token_urlsafe(16)
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE master LOGIN NOSUPERUSER CREATEDB CREATEROLE PASSWORD '{password}'")
        connection.execute("CREATE DATABASE stratforge OWNER master")
    authority = Authority.make(tmp_path / "authority", "a private authority")
    monkeypatch.setattr(migrator, "_MIGRATIONS", _MIGRATIONS)
    for name, value in {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "DATABASE_HOST": _HOST,
        "DATABASE_CA": str(authority.certificate),
        "OWNER_SECRET": "stratforge/test/database/owner",
        "API_SECRET": "stratforge/test/database/api",
        "ENGINE_SECRET": "stratforge/test/database/engine",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws(), encrypted(server.port, authority.server(_HOST)) as port:
        _forget()
        found = Managed(server, port, authority)
        found.enter("owner", "master", password)
        found.enter("api", "stratforge_api", secrets.token_urlsafe(16))
        found.enter("engine", "stratforge_engine", secrets.token_urlsafe(16))
        yield found
    _forget()
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE stratforge WITH (FORCE)")
        for role in ("stratforge_api", "stratforge_engine", "master"):
            connection.execute(f"DROP ROLE IF EXISTS {role}")


def test_a_master_that_is_no_superuser_applies_every_migration(managed: Managed) -> None:
    expected = [each.name for each in read_migrations(_MIGRATIONS)]
    assert managed.migrate()["Data"]["Applied"].split(",") == expected
    assert managed.migrate()["Data"]["Applied"] == ""
    with managed.connect("owner") as connection:
        row = connection.execute("SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user").fetchone()
        assert row == (False, True)


def test_everybody_is_encrypted_and_has_verified_whom_he_talks_to(managed: Managed) -> None:
    managed.migrate()
    for role in ("owner", "api", "engine"):
        with managed.connect(role) as connection:
            assert connection.pgconn.ssl_in_use
            assert psycopg.conninfo.conninfo_to_dict(connection.info.dsn)["sslmode"] == "verify-full"


def test_roles_are_what_the_first_migration_says_and_nothing_more(managed: Managed) -> None:
    managed.migrate()
    for role in ("api", "engine"):
        with managed.connect(role) as connection:
            row = connection.execute(
                "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolinherit FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
            assert row == (False,) * 5
            for statement in ("CREATE TABLE mine (id int)", "DROP TABLE users", "ALTER ROLE master PASSWORD 'mine'"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("SET ROLE master")


def test_a_user_s_rows_are_his_own_there_too(managed: Managed) -> None:
    managed.migrate()
    people = [uuid.uuid4(), uuid.uuid4()]
    with managed.connect("owner") as connection:
        for number, person in enumerate(people):
            connection.execute(
                "INSERT INTO users (id, email, password_hash, virtual_balance, initial_balance) VALUES (%s, %s, 'x', 1, 1)",
                (person, f"u{number}@example.com"),
            )
    database = Database(lambda: managed.secret("api").conninfo(), application="test")
    with database.reading(people[0]) as connection:
        found = connection.execute("SELECT id FROM users").fetchall()
    database.close()
    assert found == [(people[0],)]


def test_a_server_that_another_authority_vouches_for_is_refused(managed: Managed, tmp_path: Path) -> None:
    impostor = Authority.make(tmp_path / "impostor", "an impostor")
    with (
        encrypted(managed.server.port, impostor.server(_HOST)) as port,
        pytest.raises(psycopg.OperationalError, match="certificate verify failed"),
    ):
        managed.connect("owner", port=port)


def test_a_server_with_another_name_is_refused(managed: Managed) -> None:
    with (
        encrypted(managed.server.port, managed.authority.server("another.example.com")) as port,
        pytest.raises(psycopg.OperationalError, match="does not match host name"),
    ):
        managed.connect("owner", port=port)


def test_a_server_without_encryption_is_refused(managed: Managed) -> None:
    with pytest.raises(psycopg.OperationalError, match="does not support SSL"):
        managed.connect("owner", port=managed.server.port)


def test_a_client_without_encryption_is_refused(managed: Managed) -> None:
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        managed.connect("owner", sslmode="disable", sslrootcert="")


def test_without_the_authority_s_file_nobody_connects(managed: Managed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_CA", "/opt/python/not-there.pem")
    with pytest.raises(psycopg.OperationalError, match=r"not-there\.pem"):
        managed.connect("owner")


def test_a_migration_that_fails_leaves_nothing_behind(
    managed: Managed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stratforge.storage.postgres.migrations import MigrationError

    for path in _MIGRATIONS.glob("*.sql"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    number = len(list(_MIGRATIONS.glob("*.sql"))) + 1
    (tmp_path / f"{number:04d}_broken.sql").write_text("CREATE TABLE half (id int); SELECT 1/0;")
    monkeypatch.setattr(migrator, "_MIGRATIONS", tmp_path)
    with pytest.raises(MigrationError, match="broken"):
        managed.migrate()
    with managed.connect("owner") as connection:
        assert connection.execute("SELECT to_regclass('half')").fetchone() == (None,)
        assert connection.execute("SELECT max(number) FROM schema_migrations").fetchone() == (number - 1,)


def test_a_rotated_password_is_the_only_one_that_opens(managed: Managed) -> None:
    managed.migrate()
    old = managed.passwords["engine"]
    managed.enter("engine", "stratforge_engine", secrets.token_urlsafe(16))
    managed.migrate()
    with managed.connect("engine") as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("stratforge_engine",)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        managed.connect("engine", password=old)


def test_a_password_with_every_character_that_secrets_manager_makes_works(managed: Managed) -> None:
    managed.enter("api", "stratforge_api", """aZ09!#$%&()*+,-.:;<=>?@[]^_`{|}~'"\\/ x""")
    managed.migrate()
    with managed.connect("api") as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("stratforge_api",)


def test_a_connection_outlives_a_rotation_and_work_goes_on(managed: Managed) -> None:
    managed.migrate()
    database = Database(lambda: managed.secret("engine").conninfo(), application="worker")
    with database.transaction() as connection:
        before = connection.info.backend_pid
    managed.enter("engine", "stratforge_engine", secrets.token_urlsafe(16))
    managed.migrate()
    with database.transaction() as connection:
        assert connection.info.backend_pid == before
    database.close()


def test_a_function_that_remembers_the_old_password_connects_with_the_new_one(managed: Managed) -> None:
    """A failover closes connections: who then connects with a password that was rotated must read the secret again, not fail for minutes."""
    managed.migrate()
    configuration._cache.clear()
    database = Database.of_secret("stratforge/test/database/engine", application="worker")
    with database.transaction() as connection:
        connection.execute("SELECT 1")
    database.close()
    remembered = dict(configuration._cache)
    managed.enter("engine", "stratforge_engine", secrets.token_urlsafe(16))
    managed.migrate()
    configuration._cache.update(remembered)
    with database.transaction() as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("stratforge_engine",)
    database.close()
