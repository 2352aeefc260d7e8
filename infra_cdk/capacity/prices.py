"""List prices of AWS in us-east-1, each with its unit, the page that says it, and the month in which somebody last compared.

They are typed by hand, not fetched: look at the date, and at the page, before you rely on a sum. Free tiers are left out: they belong to an account, not to a
stage.
"""

from __future__ import annotations

from dataclasses import dataclass

REGION = "us-east-1"
# Of an average month.
HOURS = 730.0
SECONDS = HOURS * 3600
MILLION = 1e6


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for a unit of something."""

    service: str
    dollars: float
    unit: str
    source: str
    date: str


def _price(service: str, dollars: float, unit: str, page: str, date: str = "2025-06") -> Price:
    return Price(service, dollars, unit, f"aws.amazon.com/{page}/pricing", date)


PRICES = {
    "lambda-gb-second": _price("Lambda", 0.0000133334, "GB-seconds, arm64", "lambda"),
    "lambda-request": _price("Lambda", 0.20 / MILLION, "requests", "lambda"),
    "snapstart-cache": _price("Lambda", 0.0000015046, "GB-seconds cached", "lambda", "2026-05"),
    "snapstart-restore": _price("Lambda", 0.0001397998, "GB restored", "lambda", "2026-05"),
    "lambda-provisioned": _price("Lambda", 0.0000033334, "GB-seconds kept ready, arm64", "lambda"),
    "sqs-fifo": _price("SQS", 0.50 / MILLION, "requests", "sqs"),
    "sqs-standard": _price("SQS", 0.40 / MILLION, "requests", "sqs"),
    "sns-fifo-publish": _price("SNS", 0.30 / MILLION, "messages", "sns"),
    "sns-fifo-delivery": _price("SNS", 0.01 / MILLION, "messages", "sns"),
    "kinesis-stream": _price("Kinesis", 0.04, "stream hours, on demand", "kinesis/data-streams", "2025-06"),
    "kinesis-in": _price("Kinesis", 0.08, "GB written, records of a whole KB", "kinesis/data-streams", "2025-06"),
    "kinesis-out": _price("Kinesis", 0.04, "GB read", "kinesis/data-streams", "2025-06"),
    "http-api": _price("API Gateway", 1.00 / MILLION, "requests", "api-gateway"),
    "websocket-message": _price("API Gateway", 1.00 / MILLION, "messages", "api-gateway"),
    "websocket-minute": _price("API Gateway", 0.25 / MILLION, "connection minutes", "api-gateway"),
    "fargate-vcpu": _price("Fargate", 0.03238, "vCPU-hours, arm64", "fargate"),
    "fargate-gb": _price("Fargate", 0.00356, "GB-hours, arm64", "fargate"),
    # Spot moves between 50 and 70 % off; the dear end of that.
    "fargate-spot-vcpu": _price("Fargate", 0.0162, "vCPU-hours of spot, arm64", "fargate", "2026-06"),
    "fargate-spot-gb": _price("Fargate", 0.00178, "GB-hours of spot, arm64", "fargate", "2026-06"),
    "nat-gateway": _price("VPC", 0.045, "gateway hours", "vpc", "2026-05"),
    "nat-gb": _price("VPC", 0.045, "GB through NAT gateways", "vpc", "2026-05"),
    "endpoint": _price("VPC", 0.01, "endpoint-zone hours", "privatelink", "2026-05"),
    "endpoint-gb": _price("VPC", 0.01, "GB through endpoints", "privatelink", "2026-05"),
    "public-ipv4": _price("VPC", 0.005, "address hours", "vpc", "2026-06"),
    "zone-gb": _price("Transfer", 0.02, "GB between zones, both directions", "ec2/on-demand", "2026-05"),
    "internet-gb": _price("Transfer", 0.09, "GB to the internet", "ec2/on-demand", "2026-05"),
    "ec2:t4g.nano": _price("EC2", 0.0042, "hours", "ec2/on-demand"),
    "ec2:t4g.micro": _price("EC2", 0.0084, "hours", "ec2/on-demand"),
    "ebs-gb": _price("EC2", 0.08, "GB-months of gp3", "ebs"),
    # PostgreSQL in one zone. Two zones cost twice as much, instances and storage alike.
    "rds:t4g.micro": _price("RDS", 0.016, "instance hours", "rds/postgresql", "2026-06"),
    "rds:t4g.small": _price("RDS", 0.032, "instance hours", "rds/postgresql", "2026-06"),
    "rds:t4g.medium": _price("RDS", 0.065, "instance hours", "rds/postgresql", "2026-06"),
    "rds:t4g.large": _price("RDS", 0.129, "instance hours", "rds/postgresql"),
    "rds:m7g.large": _price("RDS", 0.168, "instance hours", "rds/postgresql"),
    "rds:m7g.xlarge": _price("RDS", 0.336, "instance hours", "rds/postgresql"),
    "rds:r7g.2xlarge": _price("RDS", 0.957, "instance hours", "rds/postgresql"),
    "rds:r7g.4xlarge": _price("RDS", 1.914, "instance hours", "rds/postgresql"),
    "rds:r7g.8xlarge": _price("RDS", 3.828, "instance hours", "rds/postgresql"),
    "rds-storage": _price("RDS", 0.115, "GB-months of gp3 in a zone", "rds/postgresql", "2026-06"),
    "rds-backup": _price("RDS", 0.095, "GB-months beyond the database's size", "rds/postgresql", "2026-06"),
    "aurora-unit": _price("Aurora", 0.12, "unit hours", "rds/aurora"),
    "aurora-storage": _price("Aurora", 0.10, "GB-months", "rds/aurora"),
    "aurora-io": _price("Aurora", 0.20 / MILLION, "requests", "rds/aurora"),
    "log-gb": _price("CloudWatch", 0.50, "GB of logs taken in", "cloudwatch"),
    "log-storage": _price("CloudWatch", 0.03, "GB-months of logs", "cloudwatch"),
    "metric": _price("CloudWatch", 0.30, "metrics", "cloudwatch"),
    "alarm": _price("CloudWatch", 0.10, "alarm metrics", "cloudwatch"),
    "dashboard": _price("CloudWatch", 3.00, "dashboards", "cloudwatch"),
    "secret": _price("Secrets Manager", 0.40, "secrets", "secrets-manager"),
    "secret-request": _price("Secrets Manager", 0.05 / 10_000, "requests", "secrets-manager"),
    "key": _price("KMS", 1.00, "keys", "kms"),
    "key-request": _price("KMS", 0.03 / 10_000, "requests", "kms"),
    "image-gb": _price("ECR", 0.10, "GB-months of images", "ecr"),
    "s3-gb": _price("S3", 0.023, "GB-months", "s3"),
    "web-acl": _price("WAF", 5.00, "access control lists", "waf"),
    "waf-rule": _price("WAF", 1.00, "rules", "waf"),
    "waf-request": _price("WAF", 0.60 / MILLION, "requests", "waf"),
    "cdn-gb": _price("CloudFront", 0.085, "GB to browsers", "cloudfront"),
    "cdn-function": _price("CloudFront", 0.10 / MILLION, "calls of functions", "cloudfront"),
    "trace": _price("X-Ray", 5.00 / MILLION, "traces", "xray"),
    "cdn-request": _price("CloudFront", 1.00 / MILLION, "HTTPS requests", "cloudfront"),
}
