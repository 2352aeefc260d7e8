"""CloudFormation custom resource: a deployment whose migrations fail stops and rolls back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aws_lambda_powertools.utilities.data_classes import CloudFormationCustomResourceEvent, event_source
from stratforge.configuration import DatabaseSecret, Settings, read_secret
from stratforge.observability import logger
from stratforge.storage.postgres.migrations import migrate, read_migrations
from stratforge.storage.postgres.roles import set_role_passwords

log = logger("migrator")
_MIGRATIONS = Path(__file__).parent / "migrations"


class MigratorSettings(Settings):
    """The environment variables of the migrator; see `Settings`."""

    owner_secret: str
    api_secret: str
    engine_secret: str


@log.inject_lambda_context
@event_source(data_class=CloudFormationCustomResourceEvent)
def handler(event: CloudFormationCustomResourceEvent, _context: object) -> dict[str, Any]:
    """Applies what is missing and sets the roles' passwords. Nothing is undone when the stack goes."""
    if event.request_type == "Delete":
        return {"PhysicalResourceId": event.physical_resource_id or "migrations"}
    settings = MigratorSettings.from_environment()
    conninfo = read_secret(DatabaseSecret, settings.owner_secret).conninfo()
    applied = migrate(conninfo, read_migrations(_MIGRATIONS))
    set_role_passwords(
        conninfo,
        [
            read_secret(DatabaseSecret, settings.api_secret),
            read_secret(DatabaseSecret, settings.engine_secret),
        ],
    )
    log.info("migrated", applied=applied)
    return {"PhysicalResourceId": "migrations", "Data": {"Applied": ",".join(applied)}}
