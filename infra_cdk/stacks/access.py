"""The stack for people's access: operators by command, and the database in an emergency, with everything that is typed
there logged."""

from __future__ import annotations

from aws_cdk import CfnOutput, CustomResource, Duration, Stack, custom_resources
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra_cdk.configuration import StageConfig
from infra_cdk.constructs.function import PythonFunction, use_key
from infra_cdk.constructs.function_factory import FunctionFactory, Place
from infra_cdk.constructs.log import log_group
from infra_cdk.stacks.network import NetworkStack
from infra_cdk.stacks.secrets import SecretsStack
from infra_cdk.suppressions import acknowledge_wildcard, attribute

# PostgreSQL's own client, of the server's version. Debian, whose every image has what makes the transcript of a session.
_CLIENT_IMAGE = "public.ecr.aws/docker/library/postgres:16-bookworm"
# What Session Manager's agent runs in the container to write down what was typed and shown. Without them a session works and leaves no trace.
_TRANSCRIBERS = ("script", "cat")
_SESSION_SECONDS = Duration.hours(1).to_seconds()


class AccessStack(Stack):
    """The function behind `make operator`, the first operator, the task behind `make break-glass`, and who examines a restored database."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: StageConfig,
        secrets: SecretsStack,
        place: Place,
        network: NetworkStack,
    ) -> None:
        super().__init__(scope, construct_id)
        factory = FunctionFactory(self, config, place, prefix="-access")
        operators = factory.function(
            "operators",
            "api",
            timeout=30,
            memory=512,
            deployed=False,
            environment={
                "OWNER_SECRET": secrets.name_of("database/owner"),
                **({"OPERATOR_SECRET": secrets.name_of("operator")} if secrets.operator is not None else {}),
            },
        )
        operators.may_read_secrets(
            secrets.database_owner, *([secrets.operator] if secrets.operator is not None else [])
        )
        # Asked by a rehearsal whether what it restored adds up.
        examiner = factory.function(
            "examiner",
            "engine",
            timeout=300,
            memory=512,
            deployed=False,
            environment={"STAGE": config.name, "OWNER_SECRET": secrets.name_of("database/owner")},
        )
        examiner.may_read_secrets(secrets.database_owner)
        if config.operator_email:
            self._first_operator(operators, config.operator_email)
        self._break_glass(config, secrets, network, place.database_host or "")

    def _first_operator(self, operators: PythonFunction, email: str) -> None:
        provider = custom_resources.Provider(self, "FirstOperator", on_event_handler=operators.function)
        acknowledge_wildcard(
            provider, f"{attribute(operators.function)}:*", "CDK's own provider calls any version of the function."
        )
        CustomResource(self, "First", service_token=provider.service_token, properties={"Email": email})

    def _break_glass(self, config: StageConfig, secrets: SecretsStack, network: NetworkStack, host: str) -> None:
        """A task with psql that nobody runs until it is needed, and that ends by itself after an hour.

        Its role may talk to Session Manager and write the session's log; who may start it is a matter of the operator's own permissions.
        """
        sessions = log_group(self, "SessionLog", config, "break-glass")
        cluster = ecs.Cluster(
            self,
            "Sessions",
            cluster_name=f"{config.prefix}-break-glass",
            vpc=network.vpc,
            execute_command_configuration=ecs.ExecuteCommandConfiguration(
                log_configuration=ecs.ExecuteCommandLogConfiguration(cloud_watch_log_group=sessions),
                logging=ecs.ExecuteCommandLogging.OVERRIDE,
            ),
        )
        task = ecs.FargateTaskDefinition(
            self,
            "Psql",
            family=f"{config.prefix}-break-glass",
            cpu=256,
            memory_limit_mib=512,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64, operating_system_family=ecs.OperatingSystemFamily.LINUX
            ),
        )
        # By its ARN: what CDK would grant on the key by itself would make the secrets depend on this stack.
        owner = secretsmanager.Secret.from_secret_complete_arn(self, "Owner", secrets.database_owner.secret_arn)
        use_key(task.obtain_execution_role(), ["kms:Decrypt"], secrets.database_owner)
        task.add_container(
            "psql",
            image=ecs.ContainerImage.from_registry(_CLIENT_IMAGE),
            # A task without them ends before anybody can enter it.
            command=[
                "sh",
                "-c",
                f"command -v {' && command -v '.join(_TRANSCRIBERS)} && exec sleep {_SESSION_SECONDS}",
            ],
            environment={"PGHOST": host, "PGDATABASE": "stratforge", "PGSSLMODE": "require"},
            secrets={
                "PGUSER": ecs.Secret.from_secrets_manager(owner, "username"),
                "PGPASSWORD": ecs.Secret.from_secrets_manager(owner, "password"),
            },
            logging=ecs.LogDriver.aws_logs(stream_prefix="task", log_group=sessions),
        )
        task.add_to_task_role_policy(
            iam.PolicyStatement(
                actions=[
                    "ssmmessages:CreateControlChannel",
                    "ssmmessages:CreateDataChannel",
                    "ssmmessages:OpenControlChannel",
                    "ssmmessages:OpenDataChannel",
                    "logs:DescribeLogGroups",
                ],
                resources=["*"],
            )
        )
        task.add_to_task_role_policy(
            iam.PolicyStatement(
                actions=["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                resources=[f"{sessions.log_group_arn}:*"],
            )
        )
        acknowledge_wildcard(
            task, "*", "Session Manager's channels are no resources, and log groups are found by listing them."
        )
        acknowledge_wildcard(task, f"{attribute(sessions)}:*", "The streams of the session's own log.")
        for name, value in (
            ("BreakGlassCluster", cluster.cluster_name),
            ("BreakGlassLog", sessions.log_group_name),
            ("BreakGlassTask", task.family),
            ("BreakGlassSubnet", network.vpc.private_subnets[0].subnet_id),
            ("BreakGlassSecurityGroup", network.functions.security_group_id),
        ):
            CfnOutput(self, name, value=value)
