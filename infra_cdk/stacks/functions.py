"""The functions that work, and what they may do."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ses as ses
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra_cdk.configuration import StageConfig
from infra_cdk.constructs.archive import archive_bucket
from infra_cdk.constructs.function import PythonFunction
from infra_cdk.constructs.function_factory import CORE_MEMORY, FunctionFactory, Place
from infra_cdk.constructs.study import Study, study_arn
from infra_cdk.stacks.messaging import MessagingStack
from infra_cdk.stacks.secrets import SecretsStack
from infra_cdk.suppressions import acknowledge_wildcard, attribute

# What sends a new version of the trading path back, besides its own failures.
_TRADING = ("bar-to-order", "blocks-rejected", "ledger-broken")


class FunctionsStack(Stack):
    """Evaluator, sandbox, executor, settler, reconciler, auditor, archiver, assistant, backtester with its state machine, mailer, mcp, redriver, api."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: StageConfig,
        messaging: MessagingStack,
        secrets: SecretsStack,
        place: Place,
        realtime_url: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self._factory = FunctionFactory(self, config, place, alarms=messaging.alarms)
        engine_database = secrets.name_of("database/engine")
        timeouts = config.timeouts

        # Files that people had made, for a day; whoever makes them writes, whoever gives links reads; both delete what nobody is to have any more.
        self.files = s3.Bucket(
            self,
            "Files",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=config.network is not None,
            lifecycle_rules=[
                s3.LifecycleRule(expiration=Duration.days(1), abort_incomplete_multipart_upload_after=Duration.days(1))
            ],
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if config.production else RemovalPolicy.DESTROY,
        )

        self.archive = archive_bucket(self, config)

        self.sandbox = self._factory.function(
            "sandbox", "sandbox", timeout=60, memory=CORE_MEMORY, environment={}, isolated=True, stopped_by=_TRADING
        )

        self.evaluator = self._factory.function(
            "evaluator",
            "engine",
            timeout=timeouts.evaluator,
            memory=512,
            snap_start=True,
            stopped_by=_TRADING,
            environment={
                "DATABASE_SECRET": engine_database,
                "SANDBOX_FUNCTION": self.sandbox.target_name,
                "SIGNALS_QUEUE_URL": messaging.signals.queue.queue_url,
                "ARCHIVE_BUCKET": self.archive.bucket_name,
                **({"BARS_QUEUE_URL": messaging.bars.queue.queue_url} if messaging.bar_stream is not None else {}),
            },
        )
        self.evaluator.may_read_secrets(secrets.database_engine)
        self.evaluator.may_send(messaging.signals.queue)
        self.evaluator.role.add_to_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[self.sandbox.target_arn])
        )
        # Of a symbol that trades so seldom that a window reaches further back than the table.
        self._allow_archive(self.evaluator, ["s3:GetObject"], "Old bars of every symbol.")
        self.evaluator.consume(messaging.bars.queue, batch_size=10)
        if messaging.bar_stream is not None:
            self.evaluator.consume_stream(messaging.bar_stream, batch_size=10)
            self.evaluator.may_send(messaging.bars.queue)

        self.executor = self._factory.function(
            "executor",
            "broker",
            timeout=timeouts.executor,
            memory=512,
            snap_start=True,
            stopped_by=_TRADING,
            environment={"DATABASE_SECRET": engine_database, "ALPACA_SECRET": secrets.name_of("alpaca")},
        )
        self.executor.may_read_secrets(secrets.database_engine, secrets.alpaca)
        self.executor.consume(messaging.signals.queue, batch_size=10, share="signals")
        self.executor.consume(messaging.quotes.queue, batch_size=10, share="quotes")

        self.settler = self._factory.function(
            "settler",
            "engine",
            timeout=timeouts.settler,
            # It waits for little, so that twice the processor costs the same, and its first fill after a pause is there in half the time.
            memory=1024,
            stopped_by=_TRADING,
            environment={"DATABASE_SECRET": engine_database, "SIGNALS_QUEUE_URL": messaging.signals.queue.queue_url},
        )
        self.settler.may_read_secrets(secrets.database_engine)
        self.settler.may_send(messaging.signals.queue)
        self.settler.consume(messaging.order_updates.queue, batch_size=10)

        self.reconciler = self._factory.function(
            "reconciler",
            "broker",
            timeout=60,
            memory=512,
            environment={
                "DATABASE_SECRET": engine_database,
                "ALPACA_SECRET": secrets.name_of("alpaca"),
                "ORDER_UPDATES_QUEUE_URL": messaging.order_updates.queue.queue_url,
                "SIGNALS_QUEUE_URL": messaging.signals.queue.queue_url,
                "JOBS_QUEUE_URL": messaging.jobs.queue.queue_url,
                "BACKTESTS_QUEUE_URL": messaging.backtests.queue.queue_url,
            },
        )
        self.reconciler.may_read_secrets(secrets.database_engine, secrets.alpaca)
        self.reconciler.may_send(
            messaging.order_updates.queue, messaging.signals.queue, messaging.jobs.queue, messaging.backtests.queue
        )
        events.Rule(
            self,
            "ReconcilerSchedule",
            description="Compares the broker with the ledger",
            schedule=events.Schedule.rate(Duration.minutes(5)),
            targets=[targets.LambdaFunction(self.reconciler.target, retry_attempts=0)],
        )
        events.Rule(
            self,
            "SnapshotSchedule",
            description="Notes everybody's equity, and sends jobs again whose message was lost",
            schedule=events.Schedule.rate(Duration.minutes(1)),
            targets=[
                targets.LambdaFunction(
                    self.reconciler.target,
                    retry_attempts=0,
                    event=events.RuleTargetInput.from_object({"task": "snapshot"}),
                )
            ],
        )

        self.auditor = self._factory.function(
            "auditor",
            "broker",
            timeout=900,
            # A core: it adds up whatever happened.
            memory=CORE_MEMORY,
            environment={"DATABASE_SECRET": engine_database, "ALPACA_SECRET": secrets.name_of("alpaca")},
        )
        self.auditor.may_read_secrets(secrets.database_engine, secrets.alpaca)
        events.Rule(
            self,
            "AuditSchedule",
            description="Audits the ledger, every night when the exchange is closed; goes on with what is left until it is done",
            schedule=events.Schedule.cron(hour="7-8", minute="0/20"),
            targets=[targets.LambdaFunction(self.auditor.target, retry_attempts=0)],
        )

        self.archiver = self._factory.function(
            "archiver",
            "broker",
            timeout=900,
            memory=CORE_MEMORY,
            # A development stage has no month that is old; where one cannot be moved it stays in the table.
            alarmed=config.production,
            environment={
                "DATABASE_SECRET": engine_database,
                "ALPACA_SECRET": secrets.name_of("alpaca"),
                "ARCHIVE_BUCKET": self.archive.bucket_name,
            },
        )
        self.archiver.may_read_secrets(secrets.database_engine, secrets.alpaca)
        self._allow_archive(
            self.archiver, ["s3:GetObject", "s3:PutObject"], "It stores the bars of every symbol, and reads them back."
        )
        events.Rule(
            self,
            "ArchiveSchedule",
            description="Moves months of bars that ended long ago to S3, every night when the exchange is closed; goes on with what is left",
            schedule=events.Schedule.cron(hour="5-6", minute="0/20"),
            targets=[targets.LambdaFunction(self.archiver.target, retry_attempts=0)],
        )

        self.assistant = self._factory.function(
            "assistant",
            "assistant",
            timeout=timeouts.assistant,
            memory=1024,
            environment={"DATABASE_SECRET": engine_database, "GEMINI_SECRET": secrets.name_of("gemini")},
        )
        self.assistant.may_read_secrets(secrets.database_engine, secrets.gemini)
        self.assistant.consume(messaging.jobs.queue, batch_size=1)

        self.backtester = self._factory.function(
            "backtester",
            "broker",
            timeout=timeouts.backtester,
            memory=CORE_MEMORY,
            environment={
                "DATABASE_SECRET": engine_database,
                "ALPACA_SECRET": secrets.name_of("alpaca"),
                "FILES_BUCKET": self.files.bucket_name,
                "ARCHIVE_BUCKET": self.archive.bucket_name,
                "STUDY_STATE_MACHINE": study_arn(self, config),
            },
        )
        self.backtester.may_read_secrets(secrets.database_engine, secrets.alpaca)
        self._allow_files(self.backtester, ["s3:PutObject", "s3:DeleteObject"], "Files of all jobs.")
        self._allow_archive(self.backtester, ["s3:GetObject"], "Backtests, replays and exports of every symbol.")
        self.backtester.consume(messaging.backtests.queue, batch_size=1)
        # The same code with a number of environments of its own: a large sweep holds up nobody's backtest.
        self.researcher = self._factory.function(
            "researcher",
            "broker",
            folder="backtester",
            timeout=timeouts.backtester,
            memory=CORE_MEMORY,
            # In a development stage whoever has asked for a sweep is told that it failed.
            alarmed=config.production,
            environment={"DATABASE_SECRET": engine_database},
        )
        self.researcher.may_read_secrets(secrets.database_engine)
        self.study = Study(self, "Study", config=config, worker=self.researcher)
        self.backtester.allow(["states:StartExecution"], [study_arn(self, config)])

        if config.mail_from and messaging.mails:
            self._mailer(config.mail_from, timeouts.mailer, messaging.mails.queue, secrets)

        # Whoever may send to every queue could invent bars, prices and fills: this one repeats what failed, by the name of a queue.
        self.redriver = self._factory.function(
            "redriver", "engine", timeout=30, memory=256, environment={"STAGE": config.name}, in_network=False
        )
        watched = messaging.work_queues
        self.redriver.allow(["sqs:GetQueueUrl"], _all_queues(messaging))
        self.redriver.allow(
            ["sqs:ReceiveMessage", "sqs:DeleteMessage"], [each.dead_letters.queue_arn for each in watched]
        )
        self.redriver.may_send(*(each.queue for each in watched))

        self.api = self._api("api", config, messaging, secrets, realtime_url)
        # The same code behind the routes that may wait for a job: who waits holds none of the environments that pages need.
        self.waiting = self._api("api-waiting", config, messaging, secrets, realtime_url) if config.network else None
        # It talks to the API as any program does, with the key of whoever asks, at the address it was asked at itself.
        self.mcp = self._factory.function(
            "mcp", "mcp", timeout=29, memory=512, environment=_behind_edge(config), in_network=False
        )
        self.watched = self._factory.watched
        self.alarms = self._factory.alarms

    def _mailer(self, sender: str, timeout: int, mails: sqs.IQueue, secrets: SecretsStack) -> None:
        """The function that sends mails, from one address only."""
        identity = ses.EmailIdentity(self, "MailSender", identity=ses.Identity.email(sender))
        mailer = self._factory.function(
            "mailer",
            "engine",
            timeout=timeout,
            memory=256,
            environment={"DATABASE_SECRET": secrets.name_of("database/engine"), "MAIL_SENDER": sender},
        )
        mailer.may_read_secrets(secrets.database_engine)
        mailer.consume(mails, batch_size=1)
        mailer.allow(["ses:SendEmail"], [identity.email_identity_arn])
        events.Rule(
            self,
            "MailSchedule",
            description="Sends mails whose message got lost",
            schedule=events.Schedule.rate(Duration.minutes(1)),
            targets=[targets.LambdaFunction(mailer.target, retry_attempts=0)],
        )

    def _allow_files(self, function: PythonFunction, actions: list[str], reason: str) -> None:
        function.allow(actions, [self.files.arn_for_objects("exports/*")])
        acknowledge_wildcard(function, f"{attribute(self.files)}/exports/*", reason)

    def _allow_archive(self, function: PythonFunction, actions: list[str], reason: str) -> None:
        function.allow(actions, [self.archive.arn_for_objects("bars/*")])
        acknowledge_wildcard(function, f"{attribute(self.archive)}/bars/*", reason)

    def _api(
        self, name: str, config: StageConfig, messaging: MessagingStack, secrets: SecretsStack, realtime_url: str
    ) -> PythonFunction:
        made = self._factory.function(
            name,
            "api",
            folder="api",
            timeout=29,
            memory=1024,
            snap_start=name == "api",
            stopped_by=("gateway-errors",),
            environment={
                "STAGE": config.name,
                "DATABASE_SECRET": secrets.name_of("database/api"),
                "TOKEN_SECRET": secrets.name_of("tokens"),
                "JOBS_QUEUE_URL": messaging.jobs.queue.queue_url,
                "BACKTESTS_QUEUE_URL": messaging.backtests.queue.queue_url,
                "SIGNALS_QUEUE_URL": messaging.signals.queue.queue_url,
                **({"MAILS_QUEUE_URL": messaging.mails.queue.queue_url} if messaging.mails else {}),
                "SUBSCRIPTION_TOPIC_ARN": messaging.subscription_updates.topic_arn,
                "REDRIVER_FUNCTION": self.redriver.target_name,
                "FILES_BUCKET": self.files.bucket_name,
                "ARCHIVE_BUCKET": self.archive.bucket_name,
                "SIMULATED_MARKET": str(config.simulated_market).lower(),
                # On one machine the front door has everything on one host.
                "REALTIME_URL": realtime_url,
                "PRIVATE_WEBHOOKS": str(config.network is None).lower(),
                "REGISTRATIONS_PER_ADDRESS": "30" if config.network is not None else "100000",
                # Whoever is at the one machine reads all mailboxes there are.
                "REGISTRATIONS_BY_MAIL": str(config.network is not None and messaging.mails is not None).lower(),
                **_behind_edge(config),
            },
        )
        made.may_read_secrets(secrets.database_api, secrets.tokens)
        # Operators look at the queues.
        made.allow(["sqs:GetQueueUrl", "sqs:GetQueueAttributes"], _all_queues(messaging))
        made.allow(["cloudwatch:GetMetricData"], ["*"])
        acknowledge_wildcard(
            made, "*", "CloudWatch gives metrics of no resource in particular: operators see how old messages are."
        )
        made.allow(["lambda:InvokeFunction"], [self.redriver.target_arn])
        made.may_send(messaging.jobs.queue, messaging.backtests.queue, messaging.signals.queue)
        reason = "The API gives links to files of all users, to each to his own, and deletes those of who closes."
        self._allow_files(made, ["s3:GetObject", "s3:DeleteObject"], reason)
        self._allow_archive(made, ["s3:GetObject"], "Charts and lists of bars of every symbol.")
        if messaging.mails:
            made.may_send(messaging.mails.queue)
        made.role.add_to_policy(
            iam.PolicyStatement(actions=["sns:Publish"], resources=[messaging.subscription_updates.topic_arn])
        )
        return made


def _behind_edge(config: StageConfig) -> dict[str, str]:
    """What tells a function that requests come by way of the edge; on one machine the front door is the edge."""
    return {"BEHIND_EDGE": "true"} if config.edge or config.network is None else {}


def _all_queues(messaging: MessagingStack) -> list[str]:
    """Returns the ARNs of all queues and their dead letters."""
    return [queue.queue_arn for each in messaging.work_queues for queue in (each.queue, each.dead_letters)]
