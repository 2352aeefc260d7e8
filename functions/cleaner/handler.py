"""CloudFormation custom resource: when the stage goes, so do the topics that the ingestor made."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.data_classes import CloudFormationCustomResourceEvent, event_source
from stratforge.bus.names import bars_topic_prefix
from stratforge.bus.topics import delete_topics
from stratforge.configuration import Settings
from stratforge.observability import logger

log = logger("cleaner")


class CleanerSettings(Settings):
    """The environment variables of the cleaner; see `Settings`."""

    stage: str


@log.inject_lambda_context
@event_source(data_class=CloudFormationCustomResourceEvent)
def handler(event: CloudFormationCustomResourceEvent, _context: object) -> dict[str, Any]:
    """Only a deletion does anything; deleting again finds nothing."""
    deleted = 0
    if event.request_type == "Delete":
        deleted = delete_topics(bars_topic_prefix(CleanerSettings.from_environment().stage))
        log.info("topics deleted", deleted=deleted)
    return {"PhysicalResourceId": "bar-topics", "Data": {"Deleted": str(deleted)}}
