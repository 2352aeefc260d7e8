"""The migrations that a deployment runs, and the passwords of the database's roles."""

from __future__ import annotations

from aws_cdk import CustomResource, Duration, Stack, custom_resources
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra_cdk.configuration import StageConfig
from infra_cdk.constructs.function import use_key
from infra_cdk.constructs.function_factory import FunctionFactory, Place
from infra_cdk.constructs.packages import ROOT
from infra_cdk.stacks.secrets import SecretsStack
from infra_cdk.suppressions import acknowledge_wildcard, attribute

_ROTATION = Duration.days(30)


class SchemaStack(Stack):
    """Applies what is missing of `db/migrations`, gives each role its password, and changes the passwords every month."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: StageConfig, secrets: SecretsStack, place: Place
    ) -> None:
        super().__init__(scope, construct_id)
        self._factory = FunctionFactory(self, config, place, prefix="-schema")
        migrator = self._factory.function(
            "migrator",
            "engine",
            timeout=600,
            memory=512,
            deployed=False,
            environment={
                "OWNER_SECRET": secrets.name_of("database/owner"),
                "API_SECRET": secrets.name_of("database/api"),
                "ENGINE_SECRET": secrets.name_of("database/engine"),
            },
        )
        migrator.may_read_secrets(secrets.database_owner, secrets.database_api, secrets.database_engine)
        provider = custom_resources.Provider(self, "Migrations", on_event_handler=migrator.function)
        acknowledge_wildcard(
            provider, f"{attribute(migrator.function)}:*", "CDK's own provider calls any version of the function."
        )
        names = sorted(path.name for path in (ROOT / "db" / "migrations").glob("*.sql"))
        migrated = CustomResource(
            self,
            "Migrate",
            service_token=provider.service_token,
            properties={"Latest": names[-1], "Count": str(len(names))},
        )
        self._rotate(secrets, migrated)

    def _rotate(self, secrets: SecretsStack, migrated: CustomResource) -> None:
        """Each role has two users that take turns, so that whoever still has the old password goes on with it until the next time."""
        rotator = self._factory.function(
            "rotator",
            "engine",
            timeout=60,
            memory=256,
            deployed=False,
            environment={"OWNER_SECRET": secrets.name_of("database/owner")},
        )
        rotated = (("Api", secrets.database_api), ("Engine", secrets.database_engine))
        rotator.may_read_secrets(secrets.database_owner, *(secret for _, secret in rotated))
        rotator.allow(
            [
                "secretsmanager:DescribeSecret",
                "secretsmanager:PutSecretValue",
                "secretsmanager:UpdateSecretVersionStage",
            ],
            [secret.secret_arn for _, secret in rotated],
        )
        use_key(rotator.role, ["kms:GenerateDataKey"], *(secret for _, secret in rotated))
        for name, secret in rotated:
            permission = lambda_.CfnPermission(
                self,
                f"{name}RotationPermission",
                action="lambda:InvokeFunction",
                function_name=rotator.function.function_arn,
                principal="secretsmanager.amazonaws.com",
                source_account=self.account,
                source_arn=secret.secret_arn,
            )
            schedule = secretsmanager.CfnRotationSchedule(
                self,
                f"{name}Rotation",
                secret_id=secret.secret_arn,
                rotation_lambda_arn=rotator.function.function_arn,
                rotate_immediately_on_update=False,
                rotation_rules=secretsmanager.CfnRotationSchedule.RotationRulesProperty(
                    automatically_after_days=_ROTATION.to_days()
                ),
            )
            schedule.add_dependency(permission)
            schedule.node.add_dependency(migrated)
