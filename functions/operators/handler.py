"""Lambda entry: `make operator` makes somebody an operator, or takes it from him; a deployment makes the first one.

Who may invoke this function may do that, and nobody else; the database notes who did.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

import psycopg
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from stratforge.application.passwords import hash_password
from stratforge.configuration import DatabaseSecret, Settings, read_secret
from stratforge.observability import logger
from stratforge.storage.users import operators

log = logger("operators")
_STARTING_BALANCE = Decimal(100_000)


class OperatorsSettings(Settings):
    """The environment variables of the operators' command; see `Settings`."""

    owner_secret: str
    operator_secret: str = ""


class FirstOperator(BaseModel):
    """The account that a deployment makes."""

    email: str
    password: SecretStr


class Command(BaseModel):
    """Request of `make operator`. `by` is the caller's own identity at AWS."""

    model_config = ConfigDict(extra="forbid")

    command: Literal["grant", "revoke", "list"]
    email: str = ""
    by: str = Field(min_length=3, max_length=300)


@log.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answers a command, or an event of CloudFormation."""
    settings = OperatorsSettings.from_environment()
    with psycopg.connect(
        read_secret(DatabaseSecret, settings.owner_secret).conninfo(), connect_timeout=10, application_name="operators"
    ) as connection:
        if "RequestType" in event:
            if event["RequestType"] != "Delete":
                first = read_secret(FirstOperator, settings.operator_secret)
                made = operators.add_first(connection, first.email, hash_password(first.password), _STARTING_BALANCE)
                log.info("first operator", made=made)
            return {"PhysicalResourceId": "first-operator"}
        asked = Command.model_validate(event)
        done = True
        if asked.command != "list":
            done = operators.set_operator(connection, asked.email, asked.command == "grant", asked.by)
            log.info("operator", command=asked.command, by=asked.by, done=done)
        return {"done": done, "operators": operators.all_operators(connection)}
