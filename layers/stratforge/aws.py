"""Clients of AWS services: with timeouts, and bounded, jittered retries.

They are made by botocore, the part of boto3 that speaks to services: what boto3 adds (transfers to S3, resources) costs every cold start
0.15 s and is not used.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.session import Session

from stratforge.tracing import carried

if TYPE_CHECKING:
    from botocore.credentials import Credentials, ReadOnlyCredentials


@lru_cache(maxsize=1)
def _session() -> Session:
    return Session()


def aws_client(
    service: str,
    *,
    connect_timeout: float = 3.0,
    read_timeout: float = 10.0,
    attempts: int = 4,
    at_once: int = 10,
    endpoint_url: str | None = None,
) -> Any:
    """A client of a service, in the region of this process.

    Args:
        service: Name of the service, as the SDK writes it.
        connect_timeout: Seconds.
        read_timeout: Seconds that an answer may take.
        attempts: How often a request is made at most.
        at_once: Connections that are kept, for as many threads.
        endpoint_url: Where the service is, if not at its own address.
    """
    config = Config(
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        max_pool_connections=at_once,
        retries={"mode": "standard", "total_max_attempts": attempts},
        tcp_keepalive=True,
        # Links would be signed in the way of before 2014 otherwise, which not everybody takes.
        signature_version="s3v4" if service == "s3" else None,
    )
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    client = _session().create_client(service, region_name=region, config=config, endpoint_url=endpoint_url)
    client.meta.events.register("before-call", _carry_trace)
    return client


def credentials() -> ReadOnlyCredentials | None:
    """The keys of this process as they are now; None where it has none."""
    found = _credentials(_session())
    if found is None:
        # They may come yet.
        _credentials.cache_clear()
        return None
    return found.get_frozen_credentials()


@lru_cache(maxsize=1)
def _credentials(session: Session) -> Credentials | None:
    """Where the keys of a session come from, which renews them by itself; looking for it takes longer than asking it."""
    return session.get_credentials()


def _carry_trace(params: dict[str, Any], **_given: Any) -> None:
    """Queues and topics hand on the trace that a request says it is part of."""
    header = carried.get()
    if header is not None:
        params["headers"]["X-Amzn-Trace-Id"] = header
