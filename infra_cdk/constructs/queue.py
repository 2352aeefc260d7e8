"""A queue that loses nothing: with a dead-letter queue of its own kind and an alarm on it."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs
from constructs import Construct
from stratforge.bus.retries import MAX_RECEIVES

VISIBILITY_FACTOR = 6
RUNBOOK = "infra_cdk/OPERATIONS.md"


class WorkQueue(Construct):
    """A queue for a consumer with a given timeout."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        fifo: bool,
        consumer_timeout: int,
        high_throughput: bool = True,
        oldest: int | None = 60,
    ) -> None:
        """
        Args:
            name: Name without the ending of FIFO queues.
            fifo: Whether order holds within message groups.
            consumer_timeout: Timeout of the consuming function in seconds; a message in work is hidden for six times as long.
            high_throughput: For FIFO: deduplicate and limit per message group.
            oldest: Seconds that a message may wait before somebody is told; None for a queue in which waiting is nobody's emergency.
        """
        super().__init__(scope, construct_id)
        ending = ".fifo" if fifo else ""
        per_group = fifo and high_throughput
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            queue_name=f"{name}-dead{ending}",
            fifo=fifo or None,
            retention_period=Duration.days(14),
            enforce_ssl=True,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
        )
        self.queue = sqs.Queue(
            self,
            "Queue",
            queue_name=f"{name}{ending}",
            fifo=fifo or None,
            deduplication_scope=sqs.DeduplicationScope.MESSAGE_GROUP if per_group else None,
            fifo_throughput_limit=sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID if per_group else None,
            visibility_timeout=Duration.seconds(VISIBILITY_FACTOR * consumer_timeout),
            retention_period=Duration.days(4),
            enforce_ssl=True,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=MAX_RECEIVES),
        )
        self.alarm = cloudwatch.Alarm(
            self,
            "DeadLettersAlarm",
            alarm_name=f"{name}-dead-letters",
            alarm_description=f"Messages of {name} failed {MAX_RECEIVES} times. Look at the consumer's log, mend, then redrive. "
            f"Runbook: {RUNBOOK}#dead-letters",
            metric=self.dead_letters.metric_approximate_number_of_messages_visible(period=Duration.minutes(1)),
            threshold=1,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        self.alarms = [self.alarm]
        if oldest is not None:
            self.alarms.append(
                cloudwatch.Alarm(
                    self,
                    "AgeAlarm",
                    alarm_name=f"{name}-oldest-message",
                    alarm_description=f"A message of {name} waits for more than {oldest} seconds. Runbook: {RUNBOOK}#oldest-message",
                    metric=self.queue.metric_approximate_age_of_oldest_message(period=Duration.minutes(1)),
                    threshold=oldest,
                    evaluation_periods=3,
                    comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
                    treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
                )
            )
