"""Logging in, registering, and logging out."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from functions.api.auth import service
from functions.api.auth.endpoints import set_cookies
from functions.api.auth.schemas import Credentials
from functions.api.auth.tokens import ACCESS_COOKIE, CSRF_COOKIE, REFRESH_COOKIE
from functions.api.context import client_address
from functions.api.dashboard.access import Fields, own_path, text, validated
from functions.api.dashboard.rendering import go_to, render

router = APIRouter(include_in_schema=False)


@router.get("/login")
def login_page(request: Request, next: str = "/") -> Response:
    """The form; a login that only has to be renewed goes on by itself."""
    return render(request, "login.html", next=own_path(next), mode="login")


@router.get("/register")
def register_page(request: Request) -> Response:
    """The form for a new account."""
    return render(request, "login.html", next="/", mode="register")


@router.post("/login")
def login(request: Request, fields: Fields) -> Response:
    """Logs in."""
    return _enter(request, fields, new=False)


@router.post("/register")
def register(request: Request, fields: Fields) -> Response:
    """Creates an account and logs in."""
    return _enter(request, fields, new=True)


def _enter(request: Request, fields: Fields, *, new: bool) -> Response:
    # A password keeps its blanks.
    values = {"email": text(fields, "email"), "password": fields.get("password", [""])[0]}
    credentials = validated(Credentials, values)
    tokens = (service.register if new else service.login)(credentials, client_address(request))
    answer = go_to(request, own_path(text(fields, "next") or "/"))
    set_cookies(request, answer, tokens)
    return answer


@router.post("/logout")
def logout(request: Request, _fields: Fields) -> Response:
    """Forgets the login on this browser; the page ends it at the server as well, with the cookie that only that address gets."""
    answer = go_to(request, "/login")
    for name, path in ((ACCESS_COOKIE, "/"), (REFRESH_COOKIE, "/api/auth"), (CSRF_COOKIE, "/")):
        answer.delete_cookie(name, path=path)
    return answer
