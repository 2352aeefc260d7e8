"""Endpoints under `/api/auth`: registration, login, token refresh, logout and passwords."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from stratforge.application import accounts
from stratforge.application.accounts import Credentials, PasswordChange

from functions.api.auth import cookies
from functions.api.auth.schemas import RefreshRequest, Tokens
from functions.api.context import LoggedIn, client_address, database, registration
from functions.api.problems import Problem

router = APIRouter(prefix="/api/auth", tags=["auth"])


def _refresh_token(body: RefreshRequest | None, request: Request) -> str:
    token = (body.refresh_token if body else None) or request.cookies.get(cookies.REFRESH_COOKIE, "")
    if not token:
        raise Problem(401, "session-expired", "The session has ended. Log in again.")
    return token


@router.post("/register", status_code=201)
def register(credentials: Credentials, request: Request, response: Response) -> Tokens:
    """Creates an account with a virtual portfolio of its own, and logs in."""
    login = accounts.register(database(), credentials, client_address(request), registration())
    return cookies.enter(request, response, login)


@router.post("/login")
def login(credentials: Credentials, request: Request, response: Response) -> Tokens:
    """Logs in. After ten wrong passwords an account is closed to everybody for a while."""
    return cookies.enter(request, response, accounts.log_in(database(), credentials, client_address(request)))


@router.post("/refresh")
def refresh(request: Request, response: Response, body: RefreshRequest | None = None) -> Tokens:
    """Exchanges a refresh token, once, for new tokens."""
    return cookies.enter(request, response, accounts.refresh_login(database(), _refresh_token(body, request)))


@router.post("/logout", status_code=204)
def logout(request: Request, response: Response, body: RefreshRequest | None = None) -> None:
    """Ends the login that a refresh token belongs to."""
    accounts.log_out(database(), _refresh_token(body, request))
    cookies.leave(response)


@router.post("/password")
def change_password(change: PasswordChange, asking: LoggedIn, request: Request, response: Response) -> Tokens:
    """Changes the password. Every other login ends."""
    return cookies.enter(request, response, accounts.change_password(database(), asking, change))
