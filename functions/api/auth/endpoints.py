"""`/api/auth`."""

from __future__ import annotations

from fastapi import APIRouter, Response

from functions.api.auth import service
from functions.api.auth.schemas import Credentials, RefreshRequest, Tokens
from functions.api.auth.tokens import ACCESS_LIFETIME, COOKIE

router = APIRouter(prefix="/api/auth", tags=["auth"])


def _with_cookie(response: Response, tokens: Tokens) -> Tokens:
    response.set_cookie(
        COOKIE,
        tokens.access_token,
        max_age=int(ACCESS_LIFETIME.total_seconds()),
        httponly=True,
        samesite="strict",
        path="/",
    )
    return tokens


@router.post("/register", status_code=201)
def register(credentials: Credentials, response: Response) -> Tokens:
    """Creates an account with a virtual portfolio of its own, and logs in."""
    return _with_cookie(response, service.register(credentials))


@router.post("/login")
def login(credentials: Credentials, response: Response) -> Tokens:
    """Logs in."""
    return _with_cookie(response, service.login(credentials))


@router.post("/refresh")
def refresh(request: RefreshRequest, response: Response) -> Tokens:
    """Exchanges a refresh token, once, for new tokens."""
    return _with_cookie(response, service.refresh(request.refresh_token))


@router.post("/logout", status_code=204)
def logout(request: RefreshRequest, response: Response) -> None:
    """Ends the login that a refresh token belongs to."""
    service.logout(request.refresh_token)
    response.delete_cookie(COOKIE, path="/")
