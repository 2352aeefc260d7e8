"""The API in this process: the real application on PostgreSQL as the API's role, with AWS replaced by moto."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlparse

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI
from fastapi.testclient import TestClient
from moto import mock_aws
from moto.backends import get_backend
from moto.core import models
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sqs import models as sqs_models
from psycopg.conninfo import conninfo_to_dict
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from stratforge import aws, configuration
from stratforge.application import passwords
from stratforge.bus import files, queues, topics
from stratforge.storage.postgres.database import Database

from functions.api import context
from functions.api.app import create_app
from tests.conftest import ROLE_PASSWORD, let_in

SIGNING_KEY = "a-signing-key-of-the-tests-that-is-long-enough"
PASSWORD = "a long enough password"
_REGION = "us-east-1"


@dataclass
class User:
    """A client that is logged in."""

    client: TestClient
    email: str
    tokens: dict[str, Any]

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """One request with the access token; the answer."""
        headers = {"Authorization": f"Bearer {self.tokens['access_token']}", **options.pop("headers", {})}
        return self.client.request(method, path, json=body, headers=headers, **options)

    def log_in(self) -> None:
        """Logs in once more: an access token does not last as long as some benchmarks."""
        answer = self.client.post("/api/auth/login", json={"email": self.email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        self.client.cookies.clear()
        self.tokens = answer.json()

    def get(self, path: str) -> Any:
        """What a GET answers, which must be 200."""
        answer = self.call("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()


@dataclass
class Api:
    """The application and ways to ask it."""

    app: FastAPI
    # One loop for all requests of a test: making one takes a third of a request.
    portal: BlockingPortal

    def client(self) -> TestClient:
        """A client that is nobody yet."""
        client = TestClient(self.app, base_url="https://testserver", raise_server_exceptions=False)
        client.portal = self.portal
        return client

    def user(self, name: str) -> User:
        """Somebody who has just registered."""
        client = self.client()
        answer = client.post("/api/auth/register", json={"email": f"{name}@example.com", "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        tokens = answer.json()
        client.cookies.clear()
        return User(client, f"{name}@example.com", tokens)

    def known(self, database: Database, name: str) -> User:
        """Somebody who is in the database without a password of his own, logged in on pages too."""
        self.user("eve")
        with database.transaction() as connection:
            connection.execute(
                "UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE email LIKE 'eve%')"
            )
        client = self.client()
        login = {"email": f"{name}@example.com", "password": PASSWORD}
        client.post("/login", data=login, headers={"HX-Request": "true"})
        return User(client, login["email"], client.post("/api/auth/login", json=login).json())


@cache
def application() -> FastAPI:
    """The application, which keeps nothing of whom it served: FastAPI builds its routes with the first request, for a quarter of a second."""
    return create_app()


@cache
def _quick_hasher() -> PasswordHash:
    """Makes hashes of the same kind, of which none is worth the time that an attacker is to lose with each."""
    return PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))


# Clients of services that moto answers for, made once: one takes as long as some of the tests.
_aws_client = cache(aws.aws_client)
# So are its answers for each kind of address of each service, a thousand and more, and the names of the attributes of queues.
models.CallbackResponse = cache(models.CallbackResponse)  # type: ignore[attr-defined,assignment]
sqs_models.camelcase_to_underscores = cache(sqs_models.camelcase_to_underscores)  # type: ignore[attr-defined]


def _backend(service: Any, region: str = _REGION) -> Any:
    """What answers for a service in moto: what each test begins with is put there, since by requests it would take as long as most tests do."""
    return get_backend(service)[DEFAULT_ACCOUNT_ID][region]


def _make_secret(name: str, value: dict[str, Any]) -> None:
    _backend("secretsmanager").create_secret(name, json.dumps(value), None, None, None, None, None, [], False)


def _make_queue(name: str, **attributes: str) -> str:
    queue = _backend("sqs").create_queue(name, **attributes)
    return str(queue.url(urlparse(f"https://sqs.{_REGION}.amazonaws.com")))


@contextmanager
def running_api(migrated: str, patch: pytest.MonkeyPatch) -> Iterator[Api]:
    """Brings the application up on a database."""
    values = conninfo_to_dict(migrated)
    secret = {
        "host": values["host"],
        "port": int(str(values["port"])),
        "dbname": values["dbname"],
        "username": "stratforge_api",
        "password": ROLE_PASSWORD,
        "sslmode": "disable",
    }
    let_in(migrated, "stratforge_api")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        patch.setenv(name, "test")
    patch.setenv("AWS_DEFAULT_REGION", _REGION)
    caches = (
        context.settings,
        context.database,
        configuration._secrets_client,
        queues.sqs_client,
        topics.sns_client,
        files.s3_client,
    )
    for module in (configuration, files, queues, topics):
        patch.setattr(module, "aws_client", _aws_client)
    patch.setattr(passwords, "_hasher", _quick_hasher)
    with mock_aws(), start_blocking_portal() as portal:
        for cached in caches:
            cached.cache_clear()
        configuration._cache.clear()
        _make_secret("test/database", secret)
        _make_secret("test/tokens", {"signing_key": SIGNING_KEY, "key_id": "1"})
        patch.setenv("STAGE", "test")
        patch.setenv("DATABASE_SECRET", "test/database")
        patch.setenv("TOKEN_SECRET", "test/tokens")
        patch.setenv("SIGNALS_QUEUE_URL", _make_queue("signals.fifo", FifoQueue="true"))
        for name in ("jobs", "backtests", "mails"):
            patch.setenv(f"{name.upper()}_QUEUE_URL", _make_queue(name))
        patch.setenv("SUBSCRIPTION_TOPIC_ARN", _backend("sns").create_topic("updates").arn)
        patch.setenv("REDRIVER_FUNCTION", "redriver")
        _backend("s3", "aws").create_bucket("files", _REGION)
        patch.setenv("FILES_BUCKET", "files")
        patch.setenv("REGISTRATIONS_PER_ADDRESS", "1000")
        yield Api(application(), portal)
        context.database().close()
        for cached in caches:
            cached.cache_clear()
        configuration._cache.clear()
