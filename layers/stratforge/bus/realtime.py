"""Posting to the open connections of the WebSocket API."""

from __future__ import annotations

import os
from typing import Any

from stratforge.aws import aws_client


def realtime_gateway(api_id: str, stage: str) -> Any:
    """The client of the WebSocket API: at the API's own host, or at the engine that the SDK was pointed at."""
    engine = os.environ.get("AWS_ENDPOINT_URL")
    if engine:
        address = f"{engine}/_aws/execute-api/{api_id}/{stage}"
    else:
        address = f"https://{api_id}.execute-api.{os.environ['AWS_REGION']}.amazonaws.com/{stage}"
    return aws_client("apigatewaymanagementapi", read_timeout=5, endpoint_url=address)
