"""The API in this process: the real application on PostgreSQL as the API's role, with AWS replaced by moto."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI
from fastapi.testclient import TestClient
from moto import mock_aws
from psycopg.conninfo import conninfo_to_dict
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from stratforge import aws, configuration
from stratforge.application import passwords
from stratforge.bus import files, queues, topics

from functions.api import context
from functions.api.app import create_app
from tests.conftest import ROLE_PASSWORD, let_in

SIGNING_KEY = "a-signing-key-of-the-tests-that-is-long-enough"
PASSWORD = "a long enough password"


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
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
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
        secrets = _aws_client("secretsmanager")
        secrets.create_secret(Name="test/database", SecretString=json.dumps(secret))
        secrets.create_secret(Name="test/tokens", SecretString=json.dumps({"signing_key": SIGNING_KEY, "key_id": "1"}))
        sqs = _aws_client("sqs")
        fifo = sqs.create_queue(QueueName="signals.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        patch.setenv("STAGE", "test")
        patch.setenv("DATABASE_SECRET", "test/database")
        patch.setenv("TOKEN_SECRET", "test/tokens")
        patch.setenv("SIGNALS_QUEUE_URL", fifo)
        patch.setenv("JOBS_QUEUE_URL", sqs.create_queue(QueueName="jobs")["QueueUrl"])
        patch.setenv("BACKTESTS_QUEUE_URL", sqs.create_queue(QueueName="backtests")["QueueUrl"])
        patch.setenv("MAILS_QUEUE_URL", sqs.create_queue(QueueName="mails")["QueueUrl"])
        patch.setenv("SUBSCRIPTION_TOPIC_ARN", _aws_client("sns").create_topic(Name="updates")["TopicArn"])
        patch.setenv("REDRIVER_FUNCTION", "redriver")
        _aws_client("s3").create_bucket(Bucket="files")
        patch.setenv("FILES_BUCKET", "files")
        patch.setenv("REGISTRATIONS_PER_ADDRESS", "1000")
        yield Api(application(), portal)
        context.database().close()
        for cached in caches:
            cached.cache_clear()
        configuration._cache.clear()
