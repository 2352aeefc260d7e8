"""What Lambda tells a handler about itself."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

from aws_lambda_powertools.utilities.typing import LambdaContext

CONTEXT = cast(
    LambdaContext,
    SimpleNamespace(
        function_name="f",
        memory_limit_in_mb=128,
        invoked_function_arn="arn",
        aws_request_id="r",
        log_group_name="g",
        get_remaining_time_in_millis=lambda: 60_000,
    ),
)


def records_of(received: Mapping[str, Any], queue_arn: str) -> list[dict[str, Any]]:
    """What SQS handed over, as Lambda gives it to a function."""
    return [
        {
            "messageId": each["MessageId"],
            "receiptHandle": each["ReceiptHandle"],
            "body": each["Body"],
            "attributes": each["Attributes"],
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn,
        }
        for each in received.get("Messages", [])
    ]
