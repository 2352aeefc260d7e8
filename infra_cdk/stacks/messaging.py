"""The stack of queues and topics."""

from __future__ import annotations

from aws_cdk import CfnOutput, CustomResource, Duration, RemovalPolicy, Stack, custom_resources
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct
from stratforge.bus.names import bars_topic_name, bars_topic_prefix
from stratforge.market import encode_symbol

from infra_cdk.configuration import StageConfig
from infra_cdk.constructs.function import PythonFunction
from infra_cdk.constructs.packages import library_layer, requirements_layer
from infra_cdk.constructs.queue import RUNBOOK, WorkQueue
from infra_cdk.suppressions import acknowledge_wildcard, arn, attribute


class MessagingStack(Stack):
    """The queues and topics between functions: everything that waits, waits here."""

    def __init__(self, scope: Construct, construct_id: str, *, config: StageConfig) -> None:
        super().__init__(scope, construct_id)
        timeouts, prefix = config.timeouts, config.prefix
        # No trade goes through these queues: in a development stage whoever waits there sees it himself.
        some, many = (60, 300) if config.production else (None, None)
        self.bars = WorkQueue(self, "Bars", name=f"{prefix}-bars", fifo=True, consumer_timeout=timeouts.evaluator)
        self.signals = WorkQueue(
            self, "Signals", name=f"{prefix}-signals", fifo=True, consumer_timeout=timeouts.executor
        )
        self.quotes = WorkQueue(self, "Quotes", name=f"{prefix}-quotes", fifo=True, consumer_timeout=timeouts.executor)
        self.notifications = WorkQueue(
            self,
            "Notifications",
            name=f"{prefix}-notifications",
            fifo=True,
            consumer_timeout=timeouts.notifier,
            oldest=some,
        )
        # A group for each webhook: one that hangs keeps its own messages waiting, and whatever waits for five minutes is everybody's.
        self.deliveries = WorkQueue(
            self, "Deliveries", name=f"{prefix}-deliveries", fifo=True, consumer_timeout=timeouts.deliverer, oldest=many
        )
        self.order_updates = WorkQueue(
            self, "OrderUpdates", name=f"{prefix}-order-updates", fifo=True, consumer_timeout=timeouts.settler
        )
        self.jobs = WorkQueue(
            self, "Jobs", name=f"{prefix}-jobs", fifo=False, consumer_timeout=timeouts.assistant, oldest=many
        )
        self.backtests = WorkQueue(
            self, "Backtests", name=f"{prefix}-backtests", fifo=False, consumer_timeout=timeouts.backtester, oldest=many
        )
        # Where no sender is configured nothing is sent, and nothing waits.
        self.mails: WorkQueue | None = None
        if config.mail_from:
            self.mails = WorkQueue(
                self, "Mails", name=f"{prefix}-mails", fifo=False, consumer_timeout=timeouts.mailer, oldest=many
            )
        # The ingestor reads these for at most five seconds at a time.
        self.subscriptions = WorkQueue(
            self, "Subscriptions", name=f"{prefix}-subscription-updates", fifo=False, consumer_timeout=5, oldest=some
        )
        self.work_queues = (
            self.bars,
            self.signals,
            self.quotes,
            self.notifications,
            self.deliveries,
            self.order_updates,
            self.jobs,
            self.backtests,
            self.subscriptions,
            *((self.mails,) if self.mails else ()),
        )
        self.subscription_updates = sns.Topic(
            self, "SubscriptionUpdates", topic_name=f"{prefix}-subscription-updates", enforce_ssl=True
        )
        self.subscription_updates.add_subscription(
            subscriptions.SqsSubscription(self.subscriptions.queue, raw_message_delivery=True)
        )
        self.alarms: sns.Topic | None = None
        self.bar_stream: kinesis.Stream | None = None
        self._stream_alarms: list[cloudwatch.Alarm] = []
        if config.bars == "stream":
            self.bar_stream = self._bar_stream(config)
        else:
            self._bar_topics(config)
        if config.network is not None:
            if self.bar_stream is None:
                self._cleaner(config)
            self._alarm_topic(config)
        for name, queue in (
            ("BarsQueueArn", self.bars.queue.queue_arn),
            ("OrderUpdatesQueueUrl", self.order_updates.queue.queue_url),
            ("QuotesQueueUrl", self.quotes.queue.queue_url),
            ("NotificationsQueueUrl", self.notifications.queue.queue_url),
            ("SubscriptionQueueUrl", self.subscriptions.queue.queue_url),
            ("SignalsQueueUrl", self.signals.queue.queue_url),
        ):
            CfnOutput(self, name, value=queue)

    def _bar_stream(self, config: StageConfig) -> kinesis.Stream:
        """One stream for the bars of all symbols; it grows by itself with what is written."""
        stream = kinesis.Stream(
            self,
            "BarStream",
            stream_name=f"{config.prefix}-bars",
            stream_mode=kinesis.StreamMode.ON_DEMAND,
            encryption=kinesis.StreamEncryption.MANAGED,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self._stream_alarms.append(
            cloudwatch.Alarm(
                self,
                "BarStreamAge",
                alarm_name=f"{config.prefix}-bars-stream-age",
                alarm_description=f"A bar waits in the stream for more than a minute. Runbook: {RUNBOOK}#oldest-message",
                metric=stream.metric_get_records_iterator_age_milliseconds(
                    period=Duration.minutes(1), statistic="Maximum"
                ),
                threshold=60_000,
                evaluation_periods=3,
                comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
                treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            )
        )
        CfnOutput(self, "BarsStream", value=stream.stream_name)
        return stream

    def _bar_topics(self, config: StageConfig) -> None:
        """A topic for each configured symbol; the ingestor makes others of the same name pattern when they are needed."""
        pattern = f"arn:{self.partition}:sns:{self.region}:{self.account}:{bars_topic_prefix(config.name)}*"
        self.bars.queue.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("sns.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[self.bars.queue.queue_arn],
                conditions={"ArnLike": {"aws:SourceArn": pattern}},
            )
        )
        for symbol in config.symbols:
            # L1: the topic's policy stays the account's own, and the queue's policy above covers all topics at once.
            topic = sns.CfnTopic(
                self,
                f"Bars{encode_symbol(symbol)}",
                topic_name=bars_topic_name(config.name, symbol),
                fifo_topic=True,
                content_based_deduplication=False,
            )
            topic.apply_removal_policy(RemovalPolicy.DESTROY)
            subscription = sns.CfnSubscription(
                self,
                f"Bars{encode_symbol(symbol)}Subscription",
                topic_arn=topic.ref,
                protocol="sqs",
                endpoint=self.bars.queue.queue_arn,
                raw_message_delivery=True,
            )
            subscription.add_dependency(topic)

    def _cleaner(self, config: StageConfig) -> None:
        """Topics that the ingestor made are no part of the stack: a custom resource deletes them when it goes."""
        cleaner = PythonFunction(
            self,
            "Cleaner",
            config=config,
            name="cleaner",
            layers=[
                library_layer(self, f"{config.prefix}-cleaner"),
                requirements_layer(self, f"{config.prefix}-cleaner", "engine"),
            ],
            timeout=300,
            memory=256,
            environment={"STAGE": config.name},
        )
        topics = f"arn:{self.partition}:sns:{self.region}:{self.account}:{bars_topic_prefix(config.name)}*"
        cleaner.role.add_to_policy(iam.PolicyStatement(actions=["sns:DeleteTopic"], resources=[topics]))
        acknowledge_wildcard(cleaner, topics_of(self, config), "Topics of symbols get their names at run time.")
        # Listing cannot be narrowed to names.
        cleaner.role.add_to_policy(iam.PolicyStatement(actions=["sns:ListTopics"], resources=["*"]))
        provider = custom_resources.Provider(self, "CleanerProvider", on_event_handler=cleaner.function)
        acknowledge_wildcard(
            provider, f"{attribute(cleaner.function)}:*", "CDK's own provider calls any version of the function."
        )
        CustomResource(self, "BarTopics", service_token=provider.service_token)

    def _alarm_topic(self, config: StageConfig) -> None:
        """Whom alarms wake, those of all stacks."""
        self.alarms = sns.Topic(self, "Alarms", topic_name=f"{config.prefix}-alarms", enforce_ssl=True)
        # With a policy of its own a topic has no longer the account's, which let CloudWatch in.
        self.alarms.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.alarms.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )
        if config.alarm_email:
            self.alarms.add_subscription(subscriptions.EmailSubscription(config.alarm_email))
        of_queues = [alarm for queue in self.work_queues for alarm in queue.alarms]
        for alarm in (*of_queues, *self._stream_alarms):
            alarm.add_alarm_action(actions.SnsAction(self.alarms))


def topics_of(scope: Construct, config: StageConfig) -> str:
    """Returns the ARN pattern of the topics of a stage's symbols, as cdk-nag writes it."""
    return arn(scope, "sns", f"{bars_topic_prefix(config.name)}*")
