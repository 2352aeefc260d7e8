"""What Lambda tells a handler about itself."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

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
