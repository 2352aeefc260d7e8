"""The account: password, API keys, webhooks, limits, everything that is stored, and its end."""

from __future__ import annotations

import json
from dataclasses import asdict
from uuid import UUID

from fastapi import APIRouter, Request, Response
from stratforge.application.access import Caller
from stratforge.storage.delivery import webhooks
from stratforge.storage.ledger import risk
from stratforge.storage.users import api_keys, export

from functions.api.auth import service
from functions.api.auth.endpoints import set_cookies
from functions.api.auth.schemas import PasswordChange, PasswordProof
from functions.api.auth.tokens import ACCESS_COOKIE, CSRF_COOKIE, REFRESH_COOKIE
from functions.api.context import database
from functions.api.dashboard.access import Fields, Looking, fraction, text, validated
from functions.api.dashboard.rendering import go_to
from functions.api.risk import endpoints as risk_api
from functions.api.risk.endpoints import RiskLimitsBody, TradingStateBody
from functions.api.users import endpoints as users_api
from functions.api.users.endpoints import NewApiKey
from functions.api.webhooks import endpoints as webhooks_api
from functions.api.webhooks.endpoints import NewWebhook

router = APIRouter(include_in_schema=False)
KINDS = ("order", "trade", "signal", "session", "job", "halt", "platform")
_FRACTIONS = ("max_position", "max_exposure", "max_daily_loss", "max_drawdown", "price_band")
_COUNTS = ("max_orders_per_minute", "cooldown_minutes")


@router.get("/account")
def page(looking: Looking) -> Response:
    """The page."""
    with database().reading(looking.user_id) as connection:
        return looking.page(
            connection,
            "account.html",
            keys=[each for each in api_keys.list_keys(connection, looking.user_id) if each.revoked_at is None],
            webhooks=webhooks.list_webhooks(connection, looking.user_id),
            limits=asdict(risk.read_limits(connection, looking.user_id)),
            kinds=KINDS,
        )


@router.post("/account/password")
def change_password(request: Request, looking: Looking, fields: Fields) -> Response:
    """Sets another password; every other login ends."""
    names = ("current_password", "new_password")
    change = validated(PasswordChange, {name: fields.get(name, [""])[0] for name in names})
    tokens = service.change_password(looking.user_id, change.current_password, change.new_password)
    answer = looking.part("parts/done.html", said="The password is changed. Every other login has ended.")
    set_cookies(request, answer, tokens)
    return answer


@router.post("/account/keys")
def create_key(looking: Looking, fields: Fields) -> Response:
    """Makes a key and shows it this once."""
    days = text(fields, "days")
    wanted = {"name": text(fields, "name"), "scopes": fields.get("scopes", []), "days": days or None}
    made = users_api.create_key(validated(NewApiKey, wanted), Caller(looking.user_id))
    return looking.part("parts/secret.html", title=f"The key {made.name}", secret=made.key)


@router.post("/account/keys/{key_id}/revoke")
def revoke_key(key_id: UUID, looking: Looking, _fields: Fields) -> Response:
    """Revokes a key at once."""
    users_api.revoke_key(key_id, Caller(looking.user_id))
    return go_to(looking.request, "/account")


@router.post("/account/webhooks")
def create_webhook(looking: Looking, fields: Fields) -> Response:
    """Adds an address and shows its secret this once."""
    wanted = {"url": text(fields, "url"), "kinds": fields.get("kinds", [])}
    with database().transaction(looking.user_id) as connection:
        made = webhooks_api.create(validated(NewWebhook, wanted), looking.user_id, connection)
    return looking.part("parts/secret.html", title="The webhook's secret", secret=made.secret)


@router.post("/account/webhooks/{webhook_id}/delete")
def delete_webhook(webhook_id: UUID, looking: Looking, _fields: Fields) -> Response:
    """Forgets an address."""
    with database().transaction(looking.user_id) as connection:
        webhooks_api.delete(webhook_id, connection)
    return go_to(looking.request, "/account")


@router.post("/account/limits")
def change_limits(looking: Looking, fields: Fields) -> Response:
    """Other limits; a field that is left empty switches a rule off."""
    wanted = {name: fraction(fields, name) for name in _FRACTIONS if text(fields, name)}
    wanted |= {name: text(fields, name) for name in _COUNTS if text(fields, name)}
    risk_api.put_limits(validated(RiskLimitsBody, wanted), looking.user_id, Response())
    return looking.part("parts/done.html", said="The limits hold from the next order on.")


@router.post("/account/trading-state")
def change_state(looking: Looking, fields: Fields) -> Response:
    """The user's own switch."""
    wanted = validated(TradingStateBody, {"trading_state": text(fields, "trading_state")})
    risk_api.put_state(wanted, looking.user_id)
    return go_to(looking.request, "/account")


@router.get("/account/export")
def export_all(looking: Looking) -> Response:
    """Everything that is stored about the user."""
    with database().reading(looking.user_id) as connection:
        content = json.dumps(export.export_user(connection, looking.user_id), default=str, indent=1)
    answer = Response(content, media_type="application/json")
    answer.headers["Content-Disposition"] = 'attachment; filename="stratforge-export.json"'
    return answer


@router.post("/account/close")
def close(looking: Looking, fields: Fields) -> Response:
    """Closes the account for good."""
    proof = validated(PasswordProof, {"password": fields.get("password", [""])[0]})
    answer = go_to(looking.request, "/register")
    users_api.close(proof, Caller(looking.user_id), answer)
    for name, path in ((ACCESS_COOKIE, "/"), (REFRESH_COOKIE, "/api/auth"), (CSRF_COOKIE, "/")):
        answer.delete_cookie(name, path=path)
    return answer
