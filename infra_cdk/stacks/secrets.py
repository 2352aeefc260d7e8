"""Secrets: what they are called is known to the functions, what is in them only to those who need it."""

from __future__ import annotations

import json

from aws_cdk import Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct
from stratforge.configuration import PLACEHOLDER

from infra_cdk.configuration import StageConfig
from infra_cdk.constructs.log import keep


class SecretsStack(Stack):
    """The secrets of a stage. The keys of Alpaca and Gemini are entered once, after the first deployment."""

    def __init__(self, scope: Construct, construct_id: str, *, config: StageConfig) -> None:
        super().__init__(scope, construct_id)
        self._config = config
        # A key of our own where it matters who may use it; elsewhere the service's.
        self.key = (
            kms.Key(
                self,
                "Key",
                alias=f"{config.prefix}-data",
                description=f"Database and secrets of {config.prefix}",
                enable_key_rotation=True,
                removal_policy=keep(config),
            )
            if config.production
            else None
        )
        self.database_owner = self._generated("DatabaseOwner", "database/owner", {"username": "stratforge"}, "password")
        self.database_api = self._generated("DatabaseApi", "database/api", {"username": "stratforge_api"}, "password")
        self.database_engine = self._generated(
            "DatabaseEngine", "database/engine", {"username": "stratforge_engine"}, "password"
        )
        self.tokens = self._generated("Tokens", "tokens", {"key_id": "1"}, "signing_key")
        self.alpaca = self._generated("Alpaca", "alpaca", {"key_id": PLACEHOLDER}, "secret_key")
        # What the edge shows at the API's door, and the account that trades after each deployment; the first operator's, where one is named.
        self.edge = self._generated("Edge", "edge", {}, "key") if config.edge else None
        self.smoke = (
            self._generated("Smoke", "smoke", {"email": f"smoke@{config.name}.invalid"}, "password")
            if config.network is not None
            else None
        )
        self.operator = (
            self._generated("Operator", "operator", {"email": config.operator_email}, "password")
            if config.operator_email
            else None
        )
        self.gemini = self._generated("Gemini", "gemini", {"quant_model": "gemini-3.5-flash"}, "unused")

    def name_of(self, path: str) -> str:
        """The name of a secret. Written out: what CDK derives from an ARN across stacks depends on the ARN's suffix."""
        return f"stratforge/{self._config.name}/{path}"

    def _generated(self, construct_id: str, name: str, template: dict[str, str], key: str) -> secretsmanager.Secret:
        return secretsmanager.Secret(
            self,
            construct_id,
            secret_name=self.name_of(name),
            encryption_key=self.key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=json.dumps(template),
                generate_string_key=key,
                exclude_punctuation=True,
                password_length=40,
            ),
            removal_policy=keep(self._config),
        )
