"""Lambda entry: API Gateway asks whether a request came by way of the edge."""

from __future__ import annotations

import hmac
from typing import Any

from pydantic import BaseModel, SecretStr
from stratforge.configuration import Settings, read_secret
from stratforge.edge import EDGE_HEADER
from stratforge.observability import logger

log = logger("doorkeeper")


class DoorkeeperSettings(Settings):
    """The environment variables of the doorkeeper; see `Settings`."""

    edge_secret: str


class EdgeSecret(BaseModel):
    """The secret that the edge adds to what it passes on."""

    key: SecretStr


@log.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, bool]:
    """Yes or no; the gateway remembers a yes."""
    shown = str(event.get("headers", {}).get(EDGE_HEADER, ""))
    key = read_secret(EdgeSecret, DoorkeeperSettings.from_environment().edge_secret).key.get_secret_value()
    return {"isAuthorized": hmac.compare_digest(shown.encode(), key.encode())}
