"""PostgreSQL, and the migrations that a deployment runs."""

from __future__ import annotations

from aws_cdk import CustomResource, Duration, RemovalPolicy, Stack, custom_resources
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_rds as rds
from constructs import Construct

from infra_cdk.configuration import StageConfig
from infra_cdk.constructs.function import PythonFunction
from infra_cdk.constructs.packages import ROOT, library_layer, requirements_layer
from infra_cdk.stacks.network import NetworkStack
from infra_cdk.stacks.secrets import SecretsStack


class DatabaseStack(Stack):
    """RDS PostgreSQL. Host and port are attached to the owner's secret; the roles' secrets get them by the operator's guide."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: StageConfig, network: NetworkStack, secrets: SecretsStack
    ) -> None:
        super().__init__(scope, construct_id)
        self.instance = rds.DatabaseInstance(
            self,
            "Instance",
            engine=rds.DatabaseInstanceEngine.postgres(version=rds.PostgresEngineVersion.VER_16),
            instance_type=ec2.InstanceType.of(ec2.InstanceClass.T4G, ec2.InstanceSize.MEDIUM),
            vpc=network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            security_groups=[network.database],
            credentials=rds.Credentials.from_password(
                "stratforge", secrets.database_owner.secret_value_from_json("password")
            ),
            database_name="stratforge",
            allocated_storage=50,
            max_allocated_storage=500,
            storage_encrypted=True,
            iam_authentication=True,
            multi_az=config.production,
            backup_retention=Duration.days(14 if config.production else 1),
            deletion_protection=config.production,
            removal_policy=RemovalPolicy.SNAPSHOT if config.production else RemovalPolicy.DESTROY,
            cloudwatch_logs_exports=["postgresql"],
            auto_minor_version_upgrade=True,
        )
        migrator = PythonFunction(
            self,
            "Migrator",
            config=config,
            name="migrator",
            layers=[
                library_layer(self, f"{config.prefix}-migrator"),
                requirements_layer(self, f"{config.prefix}-migrator", "engine"),
            ],
            timeout=600,
            memory=512,
            environment={
                "OWNER_SECRET": secrets.name_of("database/owner"),
                "API_SECRET": secrets.name_of("database/api"),
                "ENGINE_SECRET": secrets.name_of("database/engine"),
            },
            vpc=network.vpc,
            security_groups=[network.functions],
        )
        migrator.may_read_secrets(
            secrets.database_owner.secret_arn, secrets.database_api.secret_arn, secrets.database_engine.secret_arn
        )
        provider = custom_resources.Provider(self, "Migrations", on_event_handler=migrator.function)
        names = sorted(path.name for path in (ROOT / "db" / "migrations").glob("*.sql"))
        resource = CustomResource(
            self,
            "Migrate",
            service_token=provider.service_token,
            properties={"Latest": names[-1], "Count": str(len(names))},
        )
        resource.node.add_dependency(self.instance)
