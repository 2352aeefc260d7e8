"""Lambda entry: mails wait to be sent."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from stratforge.application.mail_notices import write_mails
from stratforge.application.mailing import Mail, send_waiting
from stratforge.aws import aws_client
from stratforge.bus.consumers import batch_handler
from stratforge.bus.retries import JobProcessor
from stratforge.configuration import Settings
from stratforge.observability import logger
from stratforge.storage.postgres.database import Database

log = logger("mailer")
# Of twenty-five mails each: what is left after them is the next minute's.
_ROUNDS = 8
database = Database.of_environment("mailer")


class MailerSettings(Settings):
    """The environment variables of the mailer; see `Settings`."""

    mail_sender: str


@lru_cache(maxsize=1)
def ses_client() -> Any:
    """The client of SES of this environment."""
    return aws_client("sesv2", attempts=2)


def _send(mail: Mail) -> None:
    ses_client().send_email(
        FromEmailAddress=MailerSettings.from_environment().mail_sender,
        Destination={"ToAddresses": [mail.address]},
        Content={
            "Simple": {
                "Subject": {"Data": mail.subject, "Charset": "UTF-8"},
                "Body": {"Text": {"Data": mail.text, "Charset": "UTF-8"}},
                **_headers(mail),
            }
        },
    )


def _headers(mail: Mail) -> dict[str, Any]:
    """What has a mail program offer to end such mails with one click (RFC 8058)."""
    if mail.stop is None:
        return {}
    ways = {"List-Unsubscribe": f"<{mail.stop}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return {"Headers": [{"Name": name, "Value": value} for name, value in ways.items()]}


def record_handler(record: SQSRecord) -> None:
    """Sends what waits. A message only says that something does; one that failed comes again and finds what is left."""
    _send_all(record.message_id)


def _send_all(cause: str) -> None:
    failures: list[Exception] = []
    for _ in range(_ROUNDS):
        sent, failed = send_waiting(database, _send)
        log.info("mails", message_id=cause, sent=sent, failed=len(failed))
        failures += failed
        if not sent:
            break
    if failures:
        raise failures[0]


_handle_batch = batch_handler(record_handler, JobProcessor(), database.prepare, log)


def handler(event: dict[str, Any], context: Any) -> Any:
    """Sends what waits: woken by a message, or every minute by a schedule, so that no lost message loses a mail. By the schedule it tells of what happened meanwhile, too."""
    if "Records" in event:
        return _handle_batch(event, context)
    log.info("mails of notices", written=write_mails(database))
    _send_all("schedule")
    return None
