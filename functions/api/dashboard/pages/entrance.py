"""Logging in, registering, and logging out."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from stratforge.application import accounts, logins
from stratforge.application.logins import Login
from stratforge.application.passwords import Credentials, NewCredentials

from functions.api.auth import cookies
from functions.api.context import database, origin, registration
from functions.api.dashboard.access import Fields, Form, own_path, text, validated
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
    """Logs in with email and password."""
    credentials = validated(Credentials, _credentials(fields))
    return _entered(request, fields, logins.log_in(database(), credentials, origin(request)))


@router.post("/register")
def register(request: Request, fields: Fields) -> Response:
    """Creates an account and logs in."""
    credentials = validated(NewCredentials, _credentials(fields))
    entered = accounts.register(database(), credentials, origin(request), registration())
    return _entered(request, fields, entered)


def _credentials(fields: Form) -> dict[str, str]:
    # A password keeps its blanks.
    return {"email": text(fields, "email"), "password": fields.get("password", [""])[0]}


def _entered(request: Request, fields: Form, login: Login) -> Response:
    answer = go_to(request, own_path(text(fields, "next") or "/"))
    cookies.enter(request, answer, login)
    return answer


@router.post("/logout")
def logout(request: Request, _fields: Fields) -> Response:
    """Forgets the login on this browser; the page ends it at the server as well, with the cookie that only that address gets."""
    answer = go_to(request, "/login")
    cookies.leave(answer)
    return answer
