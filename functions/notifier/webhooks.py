"""Webhooks: signed, tried again for half an hour, and never sent to a private address."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import socket
import time
from urllib.parse import urlsplit

import urllib3
from stratforge.storage.delivery import webhooks
from stratforge.storage.delivery.webhooks import DueDelivery
from stratforge.storage.postgres.database import Database

_EVENTS_A_WEBHOOK = 500
_AT_ONCE = 20
_TIMEOUT = urllib3.Timeout(connect=3.0, read=5.0)
SIGNATURE_HEADER = "StratForge-Signature"


class RefusedDestination(ValueError):
    """The address is not one that we send to."""


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The signature of a body: HMAC-SHA256 over the time and the body."""
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def resolve(url: str, *, allow_private: bool) -> tuple[str, str, int, str, str]:
    """Resolves a webhook's address to scheme, host, port, IP address, and path with query.

    The address that was looked at is the one that is connected to, so a name that changes in between leads nowhere else.

    Raises:
        RefusedDestination: for anything but HTTPS to a public address.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        raise RefusedDestination("only https is sent to")
    if not parts.hostname or parts.username or parts.password:
        raise RefusedDestination("the address has no host, or holds a password")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise RefusedDestination(f"the host cannot be found: {error}") from None
    addresses = [str(each[4][0]) for each in found]
    for address in addresses:
        if not ipaddress.ip_address(address).is_global and not allow_private:
            raise RefusedDestination("the host has a private address")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, parts.hostname, port, addresses[0], path


class WebhookSender:
    """Turns events into deliveries and attempts what is due."""

    def __init__(self, database: Database, *, allow_private: bool) -> None:
        self._database = database
        self._allow_private = allow_private

    def run(self) -> tuple[int, int]:
        """One pass; deliveries that arrived and that failed."""
        with self._database.transaction() as connection:
            webhooks.queue_deliveries(connection, _EVENTS_A_WEBHOOK)
        with self._database.transaction() as connection:
            due = webhooks.take_due(connection, _AT_ONCE)
        failed = 0
        for delivery in due:
            status, error = self._attempt(delivery)
            failed += error is not None
            with self._database.transaction() as connection:
                webhooks.note_outcome(connection, delivery, status, error)
        return len(due) - failed, failed

    def _attempt(self, delivery: DueDelivery) -> tuple[int | None, str | None]:
        body = json.dumps(
            {
                "id": str(delivery.delivery_id),
                "kind": delivery.kind,
                "created_at": delivery.created_at.isoformat(),
                "data": delivery.data,
            }
        ).encode()
        timestamp = int(time.time())
        signatures = ",".join(f"v1={sign(secret, timestamp, body)}" for secret in delivery.secrets)
        try:
            scheme, host, port, address, path = resolve(delivery.url, allow_private=self._allow_private)
            pool: urllib3.HTTPConnectionPool
            if scheme == "https":
                pool = urllib3.HTTPSConnectionPool(address, port, server_hostname=host, assert_hostname=host)
            else:
                pool = urllib3.HTTPConnectionPool(address, port)
            answer = pool.request(
                "POST",
                path,
                body=body,
                headers={
                    "Host": host if port in (80, 443) else f"{host}:{port}",
                    "Content-Type": "application/json",
                    "User-Agent": "StratForge-Webhook/1",
                    "StratForge-Delivery": str(delivery.delivery_id),
                    SIGNATURE_HEADER: f"t={timestamp},{signatures}",
                },
                timeout=_TIMEOUT,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            answer.close()
        except RefusedDestination as error:
            return None, str(error)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            return None, f"{type(error).__name__}: {str(error)[:200]}"
        if 200 <= answer.status < 300:
            return answer.status, None
        return answer.status, f"the destination answered {answer.status}"
