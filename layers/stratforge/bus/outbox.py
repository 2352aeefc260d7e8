"""Sends messages from use cases to the other parts of the platform after their commit.

All of it only says "look": whoever is told finds out what there is to do from the database. So a message that is lost delays (the next price, the ingestor's
look every half minute, the reconciler, its minute for jobs, the mailer's minute), and one that comes twice changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError

from stratforge.bus.messages import SubscriptionUpdate
from stratforge.bus.queues import send_job_ready, send_mails_wait, send_work_ready
from stratforge.bus.topics import publish_subscription_update
from stratforge.observability import logger

log = logger("outbox")


@dataclass(frozen=True, slots=True)
class Outbox:
    """The queues and the topic that an API environment writes to.

    Attributes:
        mails_queue_url: Empty where the installation sends no mail.
    """

    signals_queue_url: str
    subscription_topic_arn: str
    jobs_queue_url: str
    backtests_queue_url: str
    mails_queue_url: str

    @property
    def sends_mail(self) -> bool:
        """True if the installation sends mail at all: a sender was configured with its deployment."""
        return bool(self.mails_queue_url)

    def wake_executor(self, symbol: str, cause: str) -> None:
        """Has the executor look at a symbol; the same cause does so once within five minutes."""
        send_work_ready(self.signals_queue_url, symbol, cause)

    def request_subscription(self, symbol: str) -> None:
        """Tells the ingestor that what is wanted of a symbol has changed."""
        update = SubscriptionUpdate(symbol=symbol, sent_at=datetime.now(UTC))
        publish_subscription_update(self.subscription_topic_arn, update)

    def run_assistant_job(self, job_id: UUID) -> None:
        """Has the assistant look at a job."""
        send_job_ready(self.jobs_queue_url, job_id)

    def run_backtest_job(self, job_id: UUID) -> None:
        """Has the backtester look at a job."""
        send_job_ready(self.backtests_queue_url, job_id)

    def wake_mailer(self) -> None:
        """Has the mailer send what waits. It looks by itself every minute, so whoever has asked for a mail is not told that a message got lost."""
        if self.sends_mail:
            try:
                send_mails_wait(self.mails_queue_url)
            except (BotoCoreError, ClientError) as error:
                log.warning("the mailer was not woken", error=str(error)[:200])
