"""Webhooks: signed, tried again for half an hour, never sent to a private address, and never waited for longer than a few seconds."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import json
import socket
import threading
import time
from collections.abc import Mapping
from urllib.parse import urlsplit
from uuid import UUID

import urllib3
from stratforge.application.notices import notice_of
from stratforge.application.webhooks import is_port_of_https, is_public
from stratforge.storage.delivery import webhooks
from stratforge.storage.delivery.events import utc_text
from stratforge.storage.delivery.webhooks import DueDelivery, WebhookFormat
from stratforge.storage.postgres.database import Database
from urllib3.connection import HTTPConnection, HTTPSConnection

# Seconds in which one webhook's deliveries are begun; then it waits its turn again.
_BUDGET = 20.0
_CONNECT_SECONDS = 3.0
_ANSWER_SECONDS = 5.0
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
    if not allow_private and not is_port_of_https(parts.port):
        raise RefusedDestination("the port is another protocol's")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise RefusedDestination(f"the host cannot be found: {error}") from None
    addresses = [str(each[4][0]) for each in found]
    for address in addresses:
        if not allow_private and not is_public(address):
            raise RefusedDestination("the host has a private address")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, parts.hostname, port, addresses[0], path


def chat_message(form: WebhookFormat, text: str) -> dict[str, object]:
    """A sentence as a chat takes it; it calls nobody by name and is not read as markup."""
    if form is WebhookFormat.DISCORD:
        return {"content": f"StratForge: {text}"[:2000], "allowed_mentions": {"parse": []}}
    if form is WebhookFormat.SLACK:
        # Slack reads these three as markup.
        safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return {"text": f"StratForge: {safe}"[:3000], "mrkdwn": False}
    return {"text": f"StratForge: {text}"[:4000], "disable_web_page_preview": True}


class WebhookSender:
    """Delivers what is due at a webhook."""

    def __init__(self, database: Database, *, allow_private: bool, answer_seconds: float = _ANSWER_SECONDS) -> None:
        """
        Args:
            allow_private: Whether http and private addresses are sent to: on one machine they are.
            answer_seconds: How long a request may take altogether, however slowly its answer comes.
        """
        self._database = database
        self._allow_private = allow_private
        self._answer_seconds = answer_seconds

    def deliver(self, webhook_id: UUID) -> tuple[int, int]:
        """Delivers until nothing is due, the circuit breaker stops it, or time is up; deliveries that arrived and that failed."""
        until = time.monotonic() + _BUDGET
        arrived = failed = 0
        with self._database.transaction() as connection:
            webhooks.give_up_old(connection, webhook_id)
        while time.monotonic() < until:
            # Each is taken by itself: what was deleted or closed meanwhile is not sent.
            with self._database.transaction() as connection:
                delivery = webhooks.take_due(connection, webhook_id)
            if delivery is None:
                break
            status, error = self._attempt(delivery)
            arrived, failed = arrived + (error is None), failed + (error is not None)
            with self._database.transaction() as connection:
                webhooks.note_outcome(connection, delivery, status, error)
        with self._database.transaction() as connection:
            webhooks.end_lease(connection, webhook_id)
        return arrived, failed

    def _attempt(self, delivery: DueDelivery) -> tuple[int | None, str | None]:
        if delivery.format is not WebhookFormat.JSON:
            return self._tell_chat(delivery)
        body = json.dumps(
            {
                "id": str(delivery.delivery_id),
                "kind": delivery.kind,
                "created_at": utc_text(delivery.created_at),
                "data": delivery.data,
            }
        ).encode()
        timestamp = int(time.time())
        signatures = ",".join(f"v1={sign(secret, timestamp, body)}" for secret in delivery.secrets)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "StratForge-Webhook/1",
            "StratForge-Delivery": str(delivery.delivery_id),
            SIGNATURE_HEADER: f"t={timestamp},{signatures}",
        }
        return self._outcome(delivery.url, body, headers)

    def _tell_chat(self, delivery: DueDelivery) -> tuple[int | None, str | None]:
        """Writes a sentence into a chat; what nobody needs to be told of in words has arrived by that."""
        said = notice_of(delivery.kind, delivery.data)
        if said is None:
            return None, None
        body = json.dumps(chat_message(delivery.format, said[0])).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "StratForge-Webhook/1"}
        return self._outcome(delivery.url, body, headers)

    def _outcome(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int | None, str | None]:
        try:
            status = self._post(url, body, headers)
        except RefusedDestination as error:
            return None, str(error)
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError) as error:
            return None, f"{type(error).__name__}: {str(error)[:200]}"
        return status, None if 200 <= status < 300 else f"the destination answered {status}"

    def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Posts to an address and returns the answer's status; of the rest of the answer nothing is read, and no redirect is followed."""
        scheme, host, port, address, path = resolve(url, allow_private=self._allow_private)
        connection: HTTPConnection
        if scheme == "https":
            connection = HTTPSConnection(
                address, port, timeout=_CONNECT_SECONDS, server_hostname=host, assert_hostname=host
            )
        else:
            connection = HTTPConnection(address, port, timeout=_CONNECT_SECONDS)
        late = threading.Event()

        def cut() -> None:
            late.set()
            # What it sends while it agrees on encryption counts as well.
            if connection.sock is not None:
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)

        # A time-out of the socket begins anew with every byte; this one ends whoever sends one byte at a time.
        timer = threading.Timer(self._answer_seconds, cut)
        timer.start()
        try:
            named = host if port in (80, 443) else f"{host}:{port}"
            connection.request("POST", path, body=body, headers={"Host": named, **headers}, preload_content=False)
            status = connection.getresponse().status
            if late.is_set():
                raise TimeoutError
            return status
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            if late.is_set():
                raise TimeoutError(f"no answer within {self._answer_seconds:g} seconds") from error
            raise
        finally:
            timer.cancel()
            connection.close()
