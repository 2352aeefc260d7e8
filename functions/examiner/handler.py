"""Lambda entry: the ledger's invariants, asked of a database that was restored to rehearse it."""

from __future__ import annotations

import re
from typing import Any

import psycopg
from stratforge.configuration import DatabaseSecret, Settings, read_secret
from stratforge.observability import logger
from stratforge.storage.ledger.invariants import broken_invariants, users_and_trades
from stratforge.storage.postgres.roles import only_read

log = logger("examiner")


class ExaminerSettings(Settings):
    """The environment variables of the examiner; see `Settings`."""

    stage: str
    owner_secret: str
    aws_region: str


class NotARehearsal(ValueError):
    """The host is none that a rehearsal restores to: nobody else is shown the owner's password."""


@log.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The invariants that are broken, with how many rows show it (ten at most), and how many users and trades were looked at."""
    settings = ExaminerSettings.from_environment()
    host = str(event["host"])
    expected = (
        rf"stratforge-{settings.stage}-rehearsal[a-z0-9-]*\.[a-z0-9.-]*{settings.aws_region}\.rds\.amazonaws\.com"
    )
    if not re.fullmatch(expected, host):
        raise NotARehearsal(f"{host} is none that a rehearsal restores to")
    owner = read_secret(DatabaseSecret, settings.owner_secret).model_copy(update={"host": host})
    return examined(owner.conninfo())


def examined(conninfo: str) -> dict[str, Any]:
    """Asks a restored database for the invariants of its ledger, reading only."""
    with psycopg.connect(conninfo, connect_timeout=10, application_name="examiner") as connection:
        only_read(connection)
        users, trades = users_and_trades(connection)
        broken = {name: len(rows) for name, rows in broken_invariants(connection).items()}
        found: dict[str, Any] = {"broken": broken, "users": users, "trades": trades}
    log.info("examined", **found)
    return found
