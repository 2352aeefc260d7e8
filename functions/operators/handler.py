"""Lambda entry: `make operator` makes somebody an operator, or takes it from him; a deployment makes the first one; `make corporate-actions` decides
on corporate actions.

Who may invoke this function may do that, and nobody else; the database notes who did.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal, assert_never

import psycopg
from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter
from stratforge.application.operations import ActionBody, Why
from stratforge.application.passwords import hash_password
from stratforge.configuration import DatabaseSecret, Settings, read_secret
from stratforge.market.corporate_actions import AUTOMATIC
from stratforge.observability import logger
from stratforge.storage.ledger import action_commands
from stratforge.storage.ledger.operations import StoredAction
from stratforge.storage.postgres.database import Connection
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


class _Asked(BaseModel):
    """What every request says: `by` is the caller's own identity at AWS."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(min_length=3, max_length=300)


class Command(_Asked):
    """Request of `make operator`: makes the account of an address an operator, or no longer, confirms its address by hand, or asks who is one."""

    command: Literal["grant", "revoke", "confirm", "list"]
    email: str = ""


class ListActions(_Asked):
    """Asks for the corporate actions that are neither followed nor dismissed."""

    command: Literal["actions"]


class DecideAction(_Asked):
    """Approves a corporate action, or dismisses it."""

    command: Literal["approve", "dismiss"]
    action_id: str = Field(min_length=1, max_length=200)
    reason: Why


class EnterAction(_Asked):
    """Enters a corporate action that the broker does not announce."""

    command: Literal["enter"]
    action: ActionBody


_REQUEST: TypeAdapter[Command | ListActions | DecideAction | EnterAction] = TypeAdapter(
    Annotated[Command | ListActions | DecideAction | EnterAction, Field(discriminator="command")]
)


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
        asked = _REQUEST.validate_python(event)
        if isinstance(asked, Command):
            done = True
            if asked.command == "confirm":
                done = operators.confirm_address(connection, asked.email, asked.by)
            elif asked.command != "list":
                done = operators.set_operator(connection, asked.email, asked.command == "grant", asked.by)
            answer: dict[str, Any] = {"operators": operators.all_operators(connection)}
        else:
            done = _act(connection, asked)
            answer = {"actions": [_told(each) for each in action_commands.open_actions(connection)]}
        log.info("operator", command=asked.command, by=asked.by, done=done)
        return {"done": done, **answer}


def _act(connection: Connection, asked: ListActions | DecideAction | EnterAction) -> bool:
    match asked:
        case ListActions():
            return True
        case DecideAction(action_id=action_id, reason=reason, by=by):
            follow = asked.command == "approve"
            return action_commands.decide_action(connection, action_id, reason, by, follow=follow)
        case EnterAction(action=entered, by=by):
            return action_commands.enter_action(connection, entered.action, entered.reason, by)
        case _:
            assert_never(asked)


def _told(action: StoredAction) -> dict[str, str]:
    decided = action.approved_at is not None or action.kind in AUTOMATIC
    return {
        "action_id": action.action_id,
        "on": f"{action.effective_on}",
        "words": f"{action.symbol}: {action.words}",
        "state": "is followed from its day on" if decided else "waits for an operator",
        "obstacle": action.obstacle or "",
    }
