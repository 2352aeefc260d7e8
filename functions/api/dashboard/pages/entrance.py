"""Logging in, registering, and logging out."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from stratforge.application import accounts, addresses, mail_notices
from stratforge.application.errors import Conflict, Refusal
from stratforge.application.logins import Login
from stratforge.application.passwords import Credentials

from functions.api.auth import cookies
from functions.api.auth.entering import log_in
from functions.api.auth.schemas import AddressConfirmation, LoginBody, PasswordReset, ResetRequest
from functions.api.context import database, origin, outbox, registration, site
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
    credentials = validated(LoginBody, {**_credentials(fields), "code": text(fields, "code") or None})
    return _entered(request, fields, log_in(request, credentials))


@router.post("/register")
def register(request: Request, fields: Fields) -> Response:
    """Creates an account and logs in."""
    credentials = validated(Credentials, _credentials(fields))
    try:
        entered = accounts.register(database(), outbox(), credentials, origin(request), registration(request))
    except Conflict as taken:
        # Who pressed twice, or lost the answer to the first time, has the account by now, and its password.
        try:
            entered = log_in(request, LoginBody(email=credentials.email, password=credentials.password))
        except Refusal:
            raise taken from None
    if entered is None:
        said = f"A mail is on its way to {credentials.email}. Follow its link to open the account."
        return render(request, "parts/done.html", said=said)
    return _entered(request, fields, entered)


@router.get("/forgot")
def forgot_page(request: Request) -> Response:
    """The form for who forgot the password."""
    return render(request, "forgot.html")


@router.post("/forgot")
def forgot(request: Request, fields: Fields) -> Response:
    """Has a link sent; says the same whether somebody has an account or not."""
    asked = validated(ResetRequest, {"email": text(fields, "email")})
    addresses.ask_for_reset(database(), outbox(), asked.email, site(request), origin(request))
    said = f"If {asked.email} has an account, a link is on its way there. It is good for half an hour."
    return render(request, "parts/done.html", said=said)


@router.get("/reset")
def reset_page(request: Request, token: str = "") -> Response:
    """The form for a new password; looking at it spends nothing, since mail programs follow links by themselves."""
    return render(request, "reset.html", token=token)


@router.post("/reset")
def reset(request: Request, fields: Fields) -> Response:
    """Sets the new password, and leads to the login."""
    given = {"token": text(fields, "token"), "new_password": fields.get("new_password", [""])[0]}
    wanted = validated(PasswordReset, given)
    addresses.reset_password(database(), outbox(), wanted.token, wanted.new_password, origin(request))
    answer = go_to(request, "/login")
    cookies.leave(answer)
    return answer


@router.get("/confirm")
def confirm_page(request: Request, token: str = "") -> Response:
    """Asks whether the address is to be confirmed; the button does it."""
    return render(request, "confirm.html", token=token)


@router.post("/confirm")
def confirm(request: Request, fields: Fields) -> Response:
    """Confirms the address that a link was sent to."""
    given = {"token": text(fields, "token"), "password": fields.get("password", [""])[0]}
    wanted = validated(AddressConfirmation, given)
    addresses.confirm_address(database(), outbox(), wanted.token, wanted.password, origin(request))
    return render(request, "parts/done.html", said="Confirmed. You can close this page, or go on to your account.")


@router.get("/unsubscribe")
def unsubscribe_page(request: Request, token: str = "") -> Response:
    """Asks whether the mails are to end; looking at it ends nothing, since mail programs follow links by themselves."""
    return render(request, "unsubscribe.html", token=token)


@router.post("/unsubscribe")
def unsubscribe(request: Request, token: str = "") -> Response:
    """Ends the mails: for the page's button, and for a mail program's one click (RFC 8058), which brings no cookie and follows no redirection."""
    mail_notices.stop_mail_notices(database(), token)
    template = "parts/done.html" if request.headers.get("HX-Request") else "unsubscribe.html"
    return render(request, template, said="No more of these mails are sent.", token="")


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
