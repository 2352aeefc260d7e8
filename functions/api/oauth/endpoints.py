"""OAuth 2.1 for programs: the server's metadata, registration, tokens and their end. The consent is a page (`dashboard/pages/consent.py`).

What is answered has the protocol's own form, errors too (RFC 6749, 5.2), and is no part of the API's document.
"""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from stratforge.application import grants, logins
from stratforge.application.access import Scope
from stratforge.application.attempts import too_many_attempts
from stratforge.application.errors import Refusal
from stratforge.application.grants import Program
from stratforge.application.logins import Login
from stratforge.storage.postgres import limits

from functions.api.context import database, origin, settings, site
from functions.api.oauth.resources import is_ours
from functions.api.tokens import ACCESS_LIFETIME, issue_access_token

router = APIRouter(include_in_schema=False)
# Requests of one network address, and the seconds in which as many come again.
_REQUESTS, _REFILL_SECONDS = 120.0, 900.0
_MAX_FIELDS = 20


@router.get("/.well-known/oauth-authorization-server")
def metadata(request: Request) -> JSONResponse:
    """Says what the server can do, and where (RFC 8414)."""
    ours = site(request)
    return JSONResponse(
        {
            "issuer": ours,
            "authorization_endpoint": f"{ours}/oauth/authorize",
            "token_endpoint": f"{ours}/oauth/token",
            "registration_endpoint": f"{ours}/oauth/register",
            "revocation_endpoint": f"{ours}/oauth/revoke",
            "scopes_supported": [each.value for each in Scope],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_methods_supported": ["none"],
            "revocation_endpoint_auth_methods_supported": ["none"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "service_documentation": f"{ours}/docs",
        }
    )


def limited(request: Request) -> None:
    """Takes one of the requests of a network address: whoever asks here has not logged in."""
    with database().transaction() as connection:
        if not limits.take(connection, f"oauth:{origin(request).address}", _REQUESTS, _REQUESTS / _REFILL_SECONDS):
            raise too_many_attempts(_REFILL_SECONDS / _REQUESTS)


async def _form(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return {}
    try:
        return dict(parse_qsl((await request.body()).decode(), max_num_fields=_MAX_FIELDS))
    except ValueError:
        return {}


Fields = Annotated[dict[str, str], Depends(_form)]
Limited = Depends(limited)


def _error(code: str, description: str, status: int = 400) -> JSONResponse:
    return _answer({"error": code, "error_description": description}, status)


def _answer(content: dict[str, Any], status: int = 200) -> JSONResponse:
    return JSONResponse(content, status, {"Cache-Control": "no-store", "Pragma": "no-cache"})


@router.post("/oauth/register", dependencies=[Limited])
async def register(request: Request) -> JSONResponse:
    """Gives a program its client id (RFC 7591), which says what the program says of itself; nothing is kept."""
    try:
        program = Program.model_validate_json(await request.body())
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:3])
        code = "invalid_redirect_uri" if "redirect_uris" in said else "invalid_client_metadata"
        return _error(code, said)
    return _answer(
        {
            "client_id": program.client_id,
            "client_name": program.client_name,
            "redirect_uris": program.redirect_uris,
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        },
        201,
    )


@router.post("/oauth/token", dependencies=[Limited])
def token(request: Request, fields: Fields) -> JSONResponse:
    """Exchanges a code, or a refresh token, once, for an access token of a quarter of an hour and the next refresh token."""
    if not is_ours(fields.get("resource", ""), request):
        return _error("invalid_target", "Tokens are given for this platform alone.")
    try:
        login = _exchanged(fields)
    except Refusal as refusal:
        return _error("invalid_grant", refusal.message)
    if login is None:
        return _error("unsupported_grant_type", "There are authorization_code and refresh_token.")
    scopes = login.scopes or ()
    return _answer(
        {
            "access_token": issue_access_token(settings().token_secret, login.user_id, login.login_id, scopes),
            "token_type": "Bearer",
            "expires_in": int(ACCESS_LIFETIME.total_seconds()),
            "refresh_token": login.refresh_token,
            "scope": " ".join(scopes),
        }
    )


def _exchanged(fields: dict[str, str]) -> Login | None:
    client_id = fields.get("client_id", "")
    match fields.get("grant_type"):
        case "authorization_code":
            return grants.redeem(
                database(),
                fields.get("code", ""),
                client_id,
                fields.get("redirect_uri", ""),
                fields.get("code_verifier", ""),
            )
        case "refresh_token":
            return grants.refresh(database(), fields.get("refresh_token", ""), client_id)
        case _:
            return None


@router.post("/oauth/revoke", dependencies=[Limited])
def revoke(fields: Fields) -> JSONResponse:
    """Ends the login that a refresh token belongs to (RFC 7009); of a token that opens nothing the same is said."""
    logins.log_out(database(), fields.get("token", ""))
    return _answer({})
