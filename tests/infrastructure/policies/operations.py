"""What one call of a program asks of AWS when what it touches is encrypted: the call itself, and what the service asks of the key."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from tests.infrastructure.policies.account import Account, Decision, Principal, service
from tests.infrastructure.policies.templates import REGION, Resource


def read_secret(account: Account, who: Principal, secret: Resource) -> Iterator[Decision]:
    """`GetSecretValue`; Secrets Manager decrypts in the caller's name."""
    yield account.may(who, "secretsmanager:GetSecretValue", secret.arn)
    key = account.key(secret.properties.get("KmsKeyId"))
    if key is not None:
        yield account.may(
            who,
            "kms:Decrypt",
            key,
            kms_ViaService=f"secretsmanager.{REGION}.amazonaws.com",
            **{"kms_EncryptionContext:SecretARN": secret.arn},
            kms_EncryptionContextKeys=["SecretARN", "SecretVersionId"],
        )


def write_secret(account: Account, who: Principal, secret: Resource) -> Iterator[Decision]:
    """`PutSecretValue`; Secrets Manager asks for a data key and reads it."""
    yield account.may(who, "secretsmanager:PutSecretValue", secret.arn)
    yield from _with_key(
        account, who, secret.properties.get("KmsKeyId"), "secretsmanager", ("GenerateDataKey", "Decrypt")
    )


def send(account: Account, who: Principal, queue: Resource) -> Iterator[Decision]:
    """`SendMessage`: whoever sends to an encrypted queue needs a data key, and reads it back."""
    yield account.may(who, "sqs:SendMessage", queue.arn)
    yield from _with_key(account, who, queue.properties.get("KmsMasterKeyId"), "sqs", ("GenerateDataKey", "Decrypt"))


def receive(account: Account, who: Principal, queue: Resource) -> Iterator[Decision]:
    """`ReceiveMessage` and `DeleteMessage`."""
    yield account.may(who, "sqs:ReceiveMessage", queue.arn)
    yield account.may(who, "sqs:DeleteMessage", queue.arn)
    yield from _with_key(account, who, queue.properties.get("KmsMasterKeyId"), "sqs", ("Decrypt",))


def poll(account: Account, who: Principal, queue: Resource) -> Iterator[Decision]:
    """What an event source mapping does with the function's role, from Lambda's own network: no endpoint of ours is passed."""
    who = dataclasses.replace(who, endpoints=())
    yield from receive(account, who, queue)
    yield account.may(who, "sqs:GetQueueAttributes", queue.arn)


def publish(account: Account, who: Principal, topic: Resource) -> Iterator[Decision]:
    """`Publish` to a topic of the templates."""
    yield account.may(who, "sns:Publish", topic.arn)
    yield from _with_key(account, who, topic.properties.get("KmsMasterKeyId"), "sns", ("GenerateDataKey", "Decrypt"))


def deliver(account: Account, topic_arn: str, queue: Resource) -> Iterator[Decision]:
    """SNS sends what was published to a queue."""
    yield from send(account, service("sns.amazonaws.com", topic_arn), queue)


def _with_key(
    account: Account, who: Principal, name: str | None, through: str, actions: tuple[str, ...]
) -> Iterator[Decision]:
    key = account.key(name)
    if key is None:
        if name is not None and who.is_service:
            # The policy of a key that AWS manages knows the account's principals only, and nobody can change it.
            yield Decision(lambda: "ImplicitlyDenied", who.name, "kms:GenerateDataKey", name)
        return
    via = {} if who.is_service else {"kms_ViaService": f"{through}.{REGION}.amazonaws.com"}
    for action in actions:
        yield account.may(who, f"kms:{action}", key, **via)
