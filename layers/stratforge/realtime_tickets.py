"""Tickets that open a live connection: browsers cannot send headers with one, and addresses are logged, so a ticket is short-lived."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from uuid import UUID

from stratforge.configuration import TokenSecret

LIFETIME_SECONDS = 60


def _sign(key: str, payload: str) -> str:
    return hmac.new(f"realtime:{key}".encode(), payload.encode(), hashlib.sha256).hexdigest()


def issue_ticket(secret: TokenSecret, user_id: UUID) -> str:
    """A ticket for a user, good for a minute."""
    claims = json.dumps([str(user_id), int(time.time()) + LIFETIME_SECONDS]).encode()
    payload = base64.urlsafe_b64encode(claims).decode().rstrip("=")
    return f"{payload}.{_sign(secret.signing_key.get_secret_value(), payload)}"


def read_ticket(secret: TokenSecret, ticket: str) -> UUID | None:
    """Returns the user of a valid ticket; None for any other text."""
    payload, _, signature = ticket.partition(".")
    keys = [secret.signing_key, *(each.signing_key for each in secret.retired)]
    if not any(hmac.compare_digest(_sign(key.get_secret_value(), payload), signature) for key in keys):
        return None
    try:
        user_id, expires = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return UUID(user_id) if expires > time.time() else None
    except (ValueError, TypeError, binascii.Error):
        return None
