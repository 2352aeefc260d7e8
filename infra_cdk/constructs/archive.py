"""The bucket of the bars that left the database."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra_cdk.configuration import StageConfig

# S3 asks for thirty days at least before a file becomes cheaper to keep and dearer to read.
_READ_OFTEN = Duration.days(30)
# What was overwritten or deleted can be had back for so long.
_UNDONE = Duration.days(90)


def archive_bucket(scope: Construct, config: StageConfig) -> s3.Bucket:
    """Files that stay for ever: in production they outlive the stack, and no mistake takes one away at once."""
    return s3.Bucket(
        scope,
        "Archive",
        encryption=s3.BucketEncryption.S3_MANAGED,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        enforce_ssl=config.network is not None,
        versioned=config.production,
        lifecycle_rules=[
            s3.LifecycleRule(
                abort_incomplete_multipart_upload_after=Duration.days(1),
                noncurrent_version_expiration=_UNDONE if config.production else None,
                transitions=[
                    s3.Transition(storage_class=s3.StorageClass.INFREQUENT_ACCESS, transition_after=_READ_OFTEN)
                ],
            )
        ],
        removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if config.production else RemovalPolicy.DESTROY,
    )
