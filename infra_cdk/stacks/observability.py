"""The stack of observability: one dashboard, and alarms that each have a line in the runbook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_rds as rds
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra_cdk.configuration import StageConfig
from infra_cdk.constructs.queue import WorkQueue

RUNBOOK = "infra_cdk/OPERATIONS.md"
# Whose throttling every stage hears; an alarm takes ten metrics at most, each is paid for, and whom others refuse sees it himself.
_TRADING = ("evaluator", "sandbox", "executor", "settler", "reconciler")
_MINUTE, _FIVE = Duration.minutes(1), Duration.minutes(5)


class ObservabilityStack(Stack):
    """Dashboard, alarms beside those of the queues, and the budget."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: StageConfig,
        topic: sns.ITopic,
        queues: Sequence[WorkQueue],
        functions: Mapping[str, lambda_.IFunction],
        function_alarms: Sequence[cloudwatch.Alarm],
        api_id: str,
        database: rds.DatabaseInstance | rds.DatabaseCluster,
        sandbox_flows: cloudwatch.IMetric,
    ) -> None:
        super().__init__(scope, construct_id)
        self._config = config
        self._topic = topic
        self._alarms = [*(alarm for queue in queues for alarm in queue.alarms), *function_alarms]
        self._throttled("FunctionsThrottled", {name: each for name, each in functions.items() if name in _TRADING})
        if config.production:
            # An alarm takes ten metrics; when mails wait, their queue's own alarm says so, parts of large sweeps may wait for each other, and
            # an archiver that still runs is the one that is wanted.
            said = (*_TRADING, "mailer", "researcher", "archiver")
            others = {name: each for name, each in functions.items() if name not in said}
            self._throttled("OtherFunctionsThrottled", others)
        self._alarm("SandboxTraffic", sandbox_flows, 0, "Something in the sandbox tried to reach a network.")
        self._own()
        self._database(database)
        self._api(api_id)
        if config.dashboard:
            self._dashboard(queues, functions, database)
        if config.alarm_email and config.monthly_budget:
            self._budget(config.alarm_email, config.monthly_budget)

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        description: str,
        *,
        periods: int = 1,
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
        below: bool = False,
        runbook: str | None = None,
    ) -> None:
        comparison = cloudwatch.ComparisonOperator
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{self._config.prefix}-{_kebab(name)}",
            alarm_description=f"{description} Runbook: {RUNBOOK}#{runbook or _kebab(name)}",
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=comparison.LESS_THAN_THRESHOLD if below else comparison.GREATER_THAN_THRESHOLD,
            treat_missing_data=missing,
        )
        alarm.add_alarm_action(actions.SnsAction(self._topic))
        self._alarms.append(alarm)

    def _throttled(self, name: str, functions: Mapping[str, lambda_.IFunction]) -> None:
        """Adds an alarm on the stage's own functions; one without functions' names would hear the whole account."""
        metrics = {
            each.replace("-", "_"): function.metric_throttles(period=_FIVE) for each, function in functions.items()
        }
        self._alarm(
            name,
            cloudwatch.MathExpression(
                expression=" + ".join(f"FILL({each}, 0)" for each in metrics),
                label=name,
                period=_FIVE,
                using_metrics=dict(metrics),
            ),
            0,
            "Functions were refused: the account's concurrency, or a function's share of it, is used up.",
            runbook="functions-throttled",
        )

    def _metric(self, name: str, service: str, statistic: str, period: Duration = _MINUTE) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=self._config.metrics,
            metric_name=name,
            dimensions_map={"service": service},
            statistic=statistic,
            period=period,
        )

    def _together(self, name: str, services: tuple[str, str], statistic: str) -> cloudwatch.MathExpression:
        """A metric that two services report, added up; one that says nothing has nothing to say."""
        return cloudwatch.MathExpression(
            expression=" + ".join(f"FILL({service}, 0)" for service in services),
            label=name,
            period=_FIVE,
            using_metrics={service: self._metric(name, service, statistic, _FIVE) for service in services},
        )

    def _own(self) -> None:
        """Adds alarms on metrics that only the platform itself reports."""
        missing = cloudwatch.TreatMissingData.BREACHING
        self._alarm(
            "IngestorHeartbeat",
            self._metric("Heartbeat", "ingestor", "Sum"),
            1,
            "The ingestor has not been heard of for three minutes.",
            periods=3,
            missing=missing,
            below=True,
        )
        self._alarm(
            "BarsLate",
            self._metric("BarDelaySeconds", "ingestor", "p99"),
            30,
            "Bars leave the ingestor more than 30 seconds after their minute ended.",
            periods=3,
        )
        # Gauges, noted every minute: what is gone again within five minutes wakes nobody.
        for name, threshold, description in (
            ("SymbolsRefused", 0, "Nothing comes of a symbol or of a whole stream: its sessions wait."),
            (
                "SymbolsWithoutLivePrices",
                0,
                "The data plan streams fewer symbols than are traded: others have bars only.",
            ),
            ("ClockDriftSeconds", 5, "Our clock and the exchange's differ by more than five seconds."),
        ):
            self._alarm(name, self._metric(name, "ingestor", "Minimum", _FIVE), threshold, description)
        self._alarm(
            "MissedBars",
            self._metric("MissedBars", "evaluator", "Sum", _FIVE),
            0,
            "Sessions keep seeing bars too late to trade on them.",
            periods=2,
        )
        self._alarm(
            "BarToOrder",
            self._metric("BarToOrderMilliseconds", "executor", "p99", _FIVE),
            5_000,
            "An order in a hundred takes more than five seconds from its bar.",
            periods=2,
        )
        # The reconciler asks every five minutes, the executor whenever somebody trades.
        self._alarm(
            "PlatformRefused",
            self._together("PlatformRefused", ("reconciler", "executor"), "Sum"),
            0,
            "The broker refuses the platform: its keys are wrong, revoked or not entered. Orders wait.",
        )
        self._alarm(
            "BrokerDrift",
            self._metric("SymbolsDrifting", "reconciler", "Maximum", _FIVE),
            0,
            "The broker's positions and the ledger differ, and nobody can say why: the symbol is halted.",
        )
        self._alarm(
            "BrokerUnclear",
            self._together("Unexplained", ("reconciler", "auditor"), "Maximum"),
            0,
            "The broker has something that the ledger cannot explain: a fill, an order, a status, another scale; or no audit has ended for a day and a half.",
        )
        if self._config.production:
            self._alarm(
                "NotArchived",
                self._metric("NotArchived", "archiver", "Maximum", _FIVE),
                0,
                "Old bars could not be moved to the archive; they stay in the table.",
            )
        self._alarm(
            "BuyingPower",
            self._metric("BuyingPowerShort", "reconciler", "Maximum", _FIVE),
            0,
            "The account can carry little more: purchases are filled in part and wait.",
        )
        self._alarm(
            "CorporateAction",
            self._metric("ActionsUndecided", "reconciler", "Maximum", _FIVE),
            0,
            "A corporate action halts its symbol until an operator decides, or the ledger cannot follow it yet.",
        )
        self._alarm(
            "LedgerBroken",
            self._metric("BrokenInvariants", "reconciler", "Maximum", _FIVE),
            0,
            "The ledger does not add up: the platform is halted.",
        )
        self._alarm(
            "ReconcilerSilent",
            self._metric("SymbolsDrifting", "reconciler", "SampleCount", Duration.minutes(15)),
            1,
            "The reconciler has not finished a pass for a quarter of an hour.",
            missing=missing,
            below=True,
        )
        self._alarm(
            "AlpacaRateLimit",
            self._metric("AlpacaBudgetUsed", "executor", "Maximum"),
            0.9,
            "Nine tenths of Alpaca's requests a minute are used.",
            periods=3,
        )
        self._alarm(
            "BlocksRejected",
            self._metric("BlocksRejected", "executor", "Sum", _FIVE),
            2,
            "The broker refused more than two orders in five minutes.",
        )

    def _database(self, database: rds.DatabaseInstance | rds.DatabaseCluster) -> None:
        self._alarm(
            "DatabaseCpu", database.metric_cpu_utilization(period=_FIVE), 80, "The database is busy.", periods=3
        )
        self._alarm(
            "DatabaseConnections",
            database.metric_database_connections(period=_MINUTE),
            self._config.connections_alarm,
            "The database has nearly all the connections it takes.",
            periods=3,
        )
        if isinstance(database, rds.DatabaseInstance):
            self._alarm(
                "DatabaseStorage",
                database.metric_free_storage_space(period=_FIVE),
                5 * 1024**3,
                "The database has less than 5 GB left.",
                below=True,
            )

    def _api(self, api_id: str) -> None:
        def metric(name: str, statistic: str) -> cloudwatch.Metric:
            return cloudwatch.Metric(
                namespace="AWS/ApiGateway",
                metric_name=name,
                dimensions_map={"ApiId": api_id},
                statistic=statistic,
                period=_FIVE,
            )

        self._alarm(
            "GatewayErrors", metric("5xx", "Sum"), 5, "The API answered more than five requests with an error of ours."
        )
        self._alarm(
            "GatewaySlow",
            metric("Latency", "p99"),
            3_000,
            "One request in a hundred takes over three seconds.",
            periods=3,
        )

    def _dashboard(
        self,
        queues: Sequence[WorkQueue],
        functions: Mapping[str, lambda_.IFunction],
        database: rds.DatabaseInstance | rds.DatabaseCluster,
    ) -> None:
        def graph(
            title: str, left: Sequence[cloudwatch.IMetric], right: Sequence[cloudwatch.IMetric] = ()
        ) -> cloudwatch.GraphWidget:
            return cloudwatch.GraphWidget(title=title, left=list(left), right=list(right), width=8, height=6)

        board = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=self._config.prefix)
        board.add_widgets(cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(self._alarms), width=24, height=4))
        board.add_widgets(
            graph(
                "Bar to order, ms",
                [self._metric("BarToOrderMilliseconds", "executor", each) for each in ("p50", "p99")],
            ),
            graph(
                "Bars and signals",
                [self._metric("BarsEvaluated", "evaluator", "Sum")],
                [self._metric(each, "evaluator", "Sum") for each in ("Signals", "Rebalances", "StrategyFailures")],
            ),
            graph(
                "Blocks and trades",
                [self._metric("BlocksSubmitted", "executor", "Sum"), self._metric("BlocksRejected", "executor", "Sum")],
                [self._metric("TradesWritten", "settler", "Sum")],
            ),
            graph(
                "Oldest message, seconds",
                [each.queue.metric_approximate_age_of_oldest_message(period=_MINUTE) for each in queues],
            ),
            graph(
                "Dead letters",
                [each.dead_letters.metric_approximate_number_of_messages_visible(period=_MINUTE) for each in queues],
            ),
            graph("Alpaca's requests used", [self._metric("AlpacaBudgetUsed", "executor", "Maximum")]),
            graph(
                "Function time, p99",
                [each.metric_duration(statistic="p99", period=_FIVE) for each in functions.values()],
            ),
            graph("Errors", [each.metric_errors(period=_FIVE) for each in functions.values()]),
            graph(
                "Database",
                [database.metric_cpu_utilization(period=_FIVE)],
                [database.metric_database_connections(period=_FIVE)],
            ),
        )

    def _budget(self, email: str, dollars: int) -> None:
        def notify(kind: str, threshold: float) -> budgets.CfnBudget.NotificationWithSubscribersProperty:
            return budgets.CfnBudget.NotificationWithSubscribersProperty(
                notification=budgets.CfnBudget.NotificationProperty(
                    comparison_operator="GREATER_THAN", notification_type=kind, threshold=threshold
                ),
                subscribers=[budgets.CfnBudget.SubscriberProperty(address=email, subscription_type="EMAIL")],
            )

        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=f"{self._config.prefix}-monthly",
                budget_type="COST",
                time_unit="MONTHLY",
                # Of the whole account: a filter by tag hears nothing before somebody activates the tag, and never what carries none.
                budget_limit=budgets.CfnBudget.SpendProperty(amount=dollars, unit="USD"),
            ),
            notifications_with_subscribers=[notify("ACTUAL", 80), notify("FORECASTED", 100)],
        )


def _kebab(name: str) -> str:
    return "".join(f"-{each.lower()}" if each.isupper() else each for each in name).lstrip("-")
