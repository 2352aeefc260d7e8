"""Webhooks: addresses of a user's programs that are told of events, each with a secret that signs what is sent."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from stratforge.application import quotas
from stratforge.application.access import Caller, Scope
from stratforge.application.errors import Conflict, NotFound, existing
from stratforge.application.idempotency import RequestKey
from stratforge.application.quotas import spend
from stratforge.storage.delivery import webhooks
from stratforge.storage.delivery.webhooks import EventKind, StoredWebhook, WebhookFormat
from stratforge.storage.postgres.database import Database

MOST_WEBHOOKS = 20
# IPv6 that lies in the Internet; in it, what carries IPv4 addresses or is for protocols and examples (Teredo and others, 6to4, documentation), and
# of both what leads to whoever answers nearest (AS112, AMT).
_INTERNET = ipaddress.ip_network("2000::/3")
_NOT_HOSTS = tuple(
    map(
        ipaddress.ip_network,
        (
            "2001::/23",
            "2002::/16",
            "2620:4f:8000::/48",
            "3fff::/20",
            "192.0.0.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.175.48.0/24",
        ),
    )
)
_FIRST_FREE_PORT = 1024
_SECRET_PREFIX = "whsec_"  # noqa: S105 - what every secret begins with
_OLD_SECRET_SIGNS = timedelta(hours=24)


def is_public(address: str) -> bool:
    """Returns whether an IP address is one of a host in the Internet, and leads to no other by what is written in it.

    Raises:
        ValueError: if it is no IP address.
    """
    parsed = ipaddress.ip_address(address)
    inside = parsed.version == 4 or parsed in _INTERNET
    special = parsed.is_multicast or any(
        parsed in network for network in _NOT_HOSTS if network.version == parsed.version
    )
    return inside and parsed.is_global and not special


def is_port_of_https(port: int | None) -> bool:
    """Returns whether a port may be one of HTTPS: its own, or none that belongs to another protocol (mail, shells, databases' are above)."""
    return port is None or port == 443 or port >= _FIRST_FREE_PORT


@dataclass(frozen=True, slots=True)
class SignedWebhook(StoredWebhook):
    """A webhook with its new secret, which is shown this once.

    Each request carries `StratForge-Signature: t=<seconds>,v1=<hex>`: HMAC-SHA256 with the secret over `<seconds>.<body>`. For a day after a
    rotation there are two `v1`.
    """

    secret: str


def create_webhook(
    database: Database,
    caller: Caller,
    url: str,
    kinds: Sequence[EventKind],
    request: RequestKey,
    form: WebhookFormat = WebhookFormat.JSON,
) -> SignedWebhook:
    """Tells an address of every event of these kinds from now on, in our form or as a chat takes it. Where the address leads is checked whenever something is sent.

    Raises:
        Forbidden: if a key asks that may not read: what is told is what it could not see.
        Conflict: if there are twenty already.
    """
    caller.require(Scope.WRITE)
    caller.require(Scope.READ)
    secret = _SECRET_PREFIX + request.new_secret(caller.user_id)
    with database.transaction(caller) as connection:
        spend(connection, caller, quotas.WEBHOOKS)
        webhook_id = request.new_id(connection, caller.user_id)
        if (made := webhooks.get_webhook(connection, webhook_id)) is not None:
            return SignedWebhook(**asdict(made), secret=secret)
        if len(webhooks.list_webhooks(connection, caller.user_id)) >= MOST_WEBHOOKS:
            raise Conflict(f"There are {MOST_WEBHOOKS} webhooks already; delete one first.", code="too-many-webhooks")
        stored = webhooks.add_webhook(connection, webhook_id, caller.user_id, url, sorted(set(kinds)), secret, form)
    return SignedWebhook(**asdict(stored), secret=secret)


def shown_to(caller: Caller, hook: StoredWebhook) -> StoredWebhook:
    """A webhook as a caller may see it: without the scope `write` the host alone, since whoever has a chat's whole address can write there."""
    if caller.may(Scope.WRITE):
        return hook
    parts = urlsplit(hook.url)
    return replace(hook, url=f"{parts.scheme}://{parts.hostname}/…")


def rotate_secret(database: Database, caller: Caller, webhook_id: UUID, request: RequestKey) -> SignedWebhook:
    """Gives a webhook a new secret; the old one signs along for a day. A disabled webhook is tried again.

    Raises:
        NotFound: if there is no such webhook.
    """
    caller.require(Scope.WRITE)
    caller.require(Scope.READ)
    secret = _SECRET_PREFIX + request.new_secret(caller.user_id)
    with database.transaction(caller) as connection:
        stored = existing(webhooks.rotate_secret(connection, webhook_id, secret, _OLD_SECRET_SIGNS), "webhook")
    return SignedWebhook(**asdict(stored), secret=secret)


def delete_webhook(database: Database, caller: Caller, webhook_id: UUID) -> None:
    """Forgets a webhook and its deliveries.

    Raises:
        NotFound: if there is no such webhook.
    """
    caller.require(Scope.WRITE)
    with database.transaction(caller) as connection:
        if not webhooks.delete_webhook(connection, webhook_id):
            raise NotFound("webhook")
