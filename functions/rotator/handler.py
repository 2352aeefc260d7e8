"""Lambda entry: Secrets Manager asks, step by step, for a new password of a role of the database.

Each role has two users, `stratforge_api` and `stratforge_api_b`, with the same rights. A rotation gives the one that is not in use a new password and makes it
the current one; the other's password stays good until the next rotation, so that nobody who holds it is thrown out.
"""

from __future__ import annotations

import json
import secrets
from functools import lru_cache
from typing import Any

import psycopg
from aws_lambda_powertools.utilities.data_classes import event_source
from aws_lambda_powertools.utilities.data_classes.secrets_manager_event import SecretsManagerEvent
from stratforge.aws import aws_client
from stratforge.configuration import DatabaseSecret, Settings, read_secret
from stratforge.observability import logger
from stratforge.storage.postgres.roles import has_rights_of, set_role_passwords

log = logger("rotator")
_CURRENT, _PENDING = "AWSCURRENT", "AWSPENDING"
_SECOND = "_b"
_PASSWORD_BYTES = 30


class RotatorSettings(Settings):
    """The environment variables of the rotator; see `Settings`."""

    owner_secret: str


class RotationRefused(RuntimeError):
    """The step does not fit the state of the secret; Secrets Manager tries the rotation again from its beginning."""


@lru_cache(maxsize=1)
def _client() -> Any:
    return aws_client("secretsmanager")


@log.inject_lambda_context
@event_source(data_class=SecretsManagerEvent)
def handler(event: SecretsManagerEvent, _context: object) -> None:
    """One step for one version of one secret. Each may come twice."""
    secret, version, step = event.secret_id, event.version_id, event.step
    stages = _client().describe_secret(SecretId=secret)["VersionIdsToStages"]
    if version not in stages:
        raise RotationRefused(f"the version {version} is not there")
    if _CURRENT in stages[version]:
        return
    if _PENDING not in stages[version]:
        raise RotationRefused(f"the version {version} is not pending")
    if step == "createSecret":
        _create(secret, version)
    elif step == "setSecret":
        owner = read_secret(DatabaseSecret, RotatorSettings.from_environment().owner_secret)
        set_role_passwords(owner.conninfo(), [_database(_value(secret, _PENDING, version))])
    elif step == "testSecret":
        _test(_database(_value(secret, _PENDING, version)))
    elif step == "finishSecret":
        current = next(each for each, names in stages.items() if _CURRENT in names)
        _client().update_secret_version_stage(
            SecretId=secret, VersionStage=_CURRENT, MoveToVersionId=version, RemoveFromVersionId=current
        )
    else:
        raise RotationRefused(f"there is no step {step}")
    log.info("rotation", step=step)


def other_user(username: str) -> str:
    """The user whose turn it is after this one."""
    return username.removesuffix(_SECOND) if username.endswith(_SECOND) else username + _SECOND


def _create(secret: str, version: str) -> None:
    try:
        _value(secret, _PENDING, version)
    except _client().exceptions.ResourceNotFoundException:
        current = _value(secret, _CURRENT)
        value = {
            **current,
            "username": other_user(current["username"]),
            "password": secrets.token_urlsafe(_PASSWORD_BYTES),
        }
        _client().put_secret_value(
            SecretId=secret, ClientRequestToken=version, SecretString=json.dumps(value), VersionStages=[_PENDING]
        )


def _value(secret: str, stage: str, version: str | None = None) -> dict[str, str]:
    which = {"VersionId": version} if version is not None else {}
    text = _client().get_secret_value(SecretId=secret, VersionStage=stage, **which)["SecretString"]
    value: dict[str, str] = json.loads(text)
    return value


def _database(value: dict[str, str]) -> DatabaseSecret:
    return DatabaseSecret.model_validate(value)


def _test(user: DatabaseSecret) -> None:
    """The new user gets in, and may what its role may: it is a member with the role's rights, or the role itself."""
    role = user.username.removesuffix(_SECOND)
    with psycopg.connect(user.conninfo(), connect_timeout=10) as connection:
        if not has_rights_of(connection, role):
            raise RotationRefused(f"{user.username} has not the rights of {role}")
