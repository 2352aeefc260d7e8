"""`/api/auth`."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from functions.api.auth import service
from functions.api.auth.schemas import Credentials, PasswordChange, RefreshRequest, Tokens
from functions.api.auth.tokens import ACCESS_COOKIE, ACCESS_LIFETIME, CSRF_COOKIE, REFRESH_COOKIE, REFRESH_LIFETIME
from functions.api.context import LoggedIn, client_address
from functions.api.problems import Problem

router = APIRouter(prefix="/api/auth", tags=["auth"])
_REFRESH_PATH = "/api/auth"


def set_cookies(request: Request, response: Response, tokens: Tokens) -> Tokens:
    """Gives a page its tokens: scripts of the page can read the CSRF token only."""
    secure = request.url.scheme == "https"
    access, refresh = int(ACCESS_LIFETIME.total_seconds()), int(REFRESH_LIFETIME.total_seconds())
    for name, value, age, path, hidden in (
        (ACCESS_COOKIE, tokens.access_token, access, "/", True),
        (REFRESH_COOKIE, tokens.refresh_token, refresh, _REFRESH_PATH, True),
        (CSRF_COOKIE, tokens.csrf_token, refresh, "/", False),
    ):
        response.set_cookie(name, value, max_age=age, path=path, httponly=hidden, samesite="strict", secure=secure)
    return tokens


def _refresh_token(body: RefreshRequest | None, request: Request) -> str:
    token = (body.refresh_token if body else None) or request.cookies.get(REFRESH_COOKIE, "")
    if not token:
        raise Problem(401, "session-expired", "The session has ended. Log in again.")
    return token


@router.post("/register", status_code=201)
def register(credentials: Credentials, request: Request, response: Response) -> Tokens:
    """Creates an account with a virtual portfolio of its own, and logs in."""
    return set_cookies(request, response, service.register(credentials, client_address(request)))


@router.post("/login")
def login(credentials: Credentials, request: Request, response: Response) -> Tokens:
    """Logs in. After ten wrong passwords an account is closed to everybody for a while."""
    return set_cookies(request, response, service.login(credentials, client_address(request)))


@router.post("/refresh")
def refresh(request: Request, response: Response, body: RefreshRequest | None = None) -> Tokens:
    """Exchanges a refresh token, once, for new tokens."""
    return set_cookies(request, response, service.refresh(_refresh_token(body, request)))


@router.post("/logout", status_code=204)
def logout(request: Request, response: Response, body: RefreshRequest | None = None) -> None:
    """Ends the login that a refresh token belongs to."""
    service.logout(_refresh_token(body, request))
    for name, path in ((ACCESS_COOKIE, "/"), (REFRESH_COOKIE, _REFRESH_PATH), (CSRF_COOKIE, "/")):
        response.delete_cookie(name, path=path)


@router.post("/password")
def change_password(change: PasswordChange, asking: LoggedIn, request: Request, response: Response) -> Tokens:
    """Changes the password. Every other login ends."""
    tokens = service.change_password(asking.user_id, change.current_password, change.new_password)
    return set_cookies(request, response, tokens)
