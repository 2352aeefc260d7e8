"""Posting to the open connections of the WebSocket API."""

from __future__ import annotations

import os
from typing import Any

from stratforge.aws import aws_client


def realtime_gateway(api_id: str, stage: str, *, at_once: int = 1) -> Any:
    """The client of the WebSocket API: at the API's own host, or at the engine that the SDK was pointed at.

    Whoever is not told within a second is told again by the next message, so nothing is tried twice here.
    """
    engine = os.environ.get("AWS_ENDPOINT_URL")
    if engine:
        address = f"{engine}/_aws/execute-api/{api_id}/{stage}"
    else:
        address = f"https://{api_id}.execute-api.{os.environ['AWS_REGION']}.amazonaws.com/{stage}"
    return aws_client(
        "apigatewaymanagementapi", connect_timeout=1, read_timeout=1, attempts=1, at_once=at_once, endpoint_url=address
    )
