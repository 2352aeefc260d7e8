"""The stack of the PostgreSQL database."""

from __future__ import annotations

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from constructs import Construct

from infra_cdk.configuration import POSTGRES_MAJOR, StageConfig
from infra_cdk.stacks.network import NetworkStack
from infra_cdk.stacks.secrets import SecretsStack


class DatabaseStack(Stack):
    """RDS PostgreSQL or Aurora Serverless v2. Functions are told where it is; who they are there is in the secrets of their roles."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: StageConfig, network: NetworkStack, secrets: SecretsStack
    ) -> None:
        super().__init__(scope, construct_id)
        self.database: rds.DatabaseInstance | rds.DatabaseCluster
        if config.database == "aurora":
            self.database = self._aurora(config, network, secrets)
            self.host = self.database.cluster_endpoint.hostname
            CfnOutput(self, "ClusterId", value=self.database.cluster_identifier)
        else:
            self.database = self._instance(config, network, secrets)
            self.host = self.database.db_instance_endpoint_address
            CfnOutput(self, "DatabaseId", value=self.database.instance_identifier)

    def _instance(self, config: StageConfig, network: NetworkStack, secrets: SecretsStack) -> rds.DatabaseInstance:
        version = rds.PostgresEngineVersion.of(POSTGRES_MAJOR, POSTGRES_MAJOR)
        engine = rds.DatabaseInstanceEngine.postgres(version=version)
        return rds.DatabaseInstance(
            self,
            "Instance",
            engine=engine,
            instance_type=ec2.InstanceType(config.database_class),
            vpc=network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            security_groups=[network.database],
            credentials=self._credentials(secrets),
            parameter_group=self._parameters(engine, config),
            database_name="stratforge",
            allocated_storage=20,
            max_allocated_storage=200,
            storage_type=rds.StorageType.GP3,
            storage_encrypted=True,
            storage_encryption_key=secrets.key,
            iam_authentication=True,
            multi_az=config.production,
            backup_retention=Duration.days(14 if config.production else 1),
            copy_tags_to_snapshot=True,
            # The migrations have a stack of their own, so that one that fails does not roll this one back, which the protection would not let it.
            deletion_protection=config.production,
            removal_policy=RemovalPolicy.SNAPSHOT if config.production else RemovalPolicy.DESTROY,
            delete_automated_backups=not config.production,
            cloudwatch_logs_exports=["postgresql"],
            cloudwatch_logs_retention=logs.RetentionDays.ONE_MONTH,
            enable_performance_insights=True,
            auto_minor_version_upgrade=True,
        )

    def _aurora(self, config: StageConfig, network: NetworkStack, secrets: SecretsStack) -> rds.DatabaseCluster:
        engine = rds.DatabaseClusterEngine.aurora_postgres(
            version=rds.AuroraPostgresEngineVersion.of(POSTGRES_MAJOR, POSTGRES_MAJOR)
        )
        return rds.DatabaseCluster(
            self,
            "Cluster",
            engine=engine,
            writer=rds.ClusterInstance.serverless_v2("Writer", enable_performance_insights=True),
            readers=[rds.ClusterInstance.serverless_v2("Standby", scale_with_writer=True)] if config.production else [],
            serverless_v2_min_capacity=0.5,
            serverless_v2_max_capacity=8,
            vpc=network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            security_groups=[network.database],
            credentials=self._credentials(secrets),
            parameter_group=self._parameters(engine, config),
            default_database_name="stratforge",
            storage_encrypted=True,
            storage_encryption_key=secrets.key,
            iam_authentication=True,
            backup=rds.BackupProps(retention=Duration.days(14 if config.production else 1)),
            copy_tags_to_snapshot=True,
            deletion_protection=config.production,
            removal_policy=RemovalPolicy.SNAPSHOT if config.production else RemovalPolicy.DESTROY,
            cloudwatch_logs_exports=["postgresql"],
            cloudwatch_logs_retention=logs.RetentionDays.ONE_MONTH,
        )

    def _credentials(self, secrets: SecretsStack) -> rds.Credentials:
        return rds.Credentials.from_password("stratforge", secrets.database_owner.secret_value_from_json("password"))

    def _parameters(self, engine: rds.IEngine, config: StageConfig) -> rds.ParameterGroup:
        """Nothing unencrypted, and a line in the log for what takes long."""
        return rds.ParameterGroup(
            self,
            "Parameters",
            engine=engine,
            parameters={
                "rds.force_ssl": "1",
                "log_min_duration_statement": "500",
                # The number that the table of concurrency is checked against.
                "max_connections": str(config.connections),
                # Who came, from where, with TLS or without.
                "log_connections": "1",
                "idle_in_transaction_session_timeout": "60000",
                # As on one machine: plans for what tables have grown to within seconds, and statements that are planned, not compiled.
                "autovacuum_naptime": "15",
                "jit": "0",
            },
        )
