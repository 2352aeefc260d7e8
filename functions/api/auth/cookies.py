"""A login as a browser keeps it: cookies, of which scripts of a page can read the CSRF token only."""

from __future__ import annotations

from fastapi import Request, Response
from stratforge.application.logins import REFRESH_LIFETIME, Login

from functions.api.auth.schemas import Tokens
from functions.api.context import settings
from functions.api.tokens import ACCESS_COOKIE, ACCESS_LIFETIME, DEVICE_COOKIE, csrf_token, issue_access_token

REFRESH_COOKIE, CSRF_COOKIE = "stratforge_refresh", "stratforge_csrf"
# Where each is sent: the refresh token only where it is exchanged.
_PATHS = {ACCESS_COOKIE: "/", REFRESH_COOKIE: "/api/auth", CSRF_COOKIE: "/"}
_DEVICE_SECONDS = 365 * 86_400


def enter(request: Request, response: Response, login: Login) -> Tokens:
    """Gives a login its tokens, as the answer's cookies too."""
    secret = settings().token_secret
    access_seconds, refresh_seconds = int(ACCESS_LIFETIME.total_seconds()), int(REFRESH_LIFETIME.total_seconds())
    tokens = Tokens(
        access_token=issue_access_token(secret, login.user_id, login.login_id),
        refresh_token=login.refresh_token,
        expires_in=access_seconds,
        csrf_token=csrf_token(secret, login.login_id),
        device=login.device,
    )
    secure = request.url.scheme == "https"
    for name, value, seconds in (
        (ACCESS_COOKIE, tokens.access_token, access_seconds),
        (REFRESH_COOKIE, tokens.refresh_token, refresh_seconds),
        (CSRF_COOKIE, tokens.csrf_token, refresh_seconds),
    ):
        response.set_cookie(
            name,
            value,
            max_age=seconds,
            path=_PATHS[name],
            httponly=name != CSRF_COOKIE,
            samesite="strict",
            secure=secure,
        )
    if login.device is not None:
        response.set_cookie(
            DEVICE_COOKIE, login.device, max_age=_DEVICE_SECONDS, httponly=True, samesite="strict", secure=secure
        )
    return tokens


def leave(response: Response) -> None:
    """Has the browser forget its login."""
    for name, path in _PATHS.items():
        response.delete_cookie(name, path=path)
