"""Endpoints under `/api/auth`: registration, login, token refresh, logout, passwords, and the logins that are open."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request, Response
from stratforge.application import accounts, addresses, logins, passkeys
from stratforge.application.passwords import Credentials, PasswordChange

from functions.api.auth import cookies
from functions.api.auth.entering import log_in
from functions.api.auth.schemas import (
    AddressConfirmation,
    LoginBody,
    LoginList,
    LoginsEnded,
    LoginView,
    PasskeyLogin,
    PasskeyOptions,
    PasswordReset,
    RefreshRequest,
    ResetRequest,
    Tokens,
)
from functions.api.context import LoggedIn, database, origin, outbox, party, registration, site
from functions.api.problems import Problem

router = APIRouter(prefix="/api/auth", tags=["auth"])


def _refresh_token(body: RefreshRequest | None, request: Request) -> str:
    token = (body.refresh_token if body else None) or request.cookies.get(cookies.REFRESH_COOKIE, "")
    if not token:
        raise Problem(401, "session-expired", "The session has ended. Log in again.")
    return token


@router.post(
    "/register",
    status_code=201,
    responses={202: {"description": "A mail says how to go on, whether the address has an account or not"}},
)
def register(credentials: Credentials, request: Request, response: Response) -> Tokens | None:
    """Creates an account with a virtual portfolio of its own, and logs in. Where accounts open by mail it is 202, and a link in the mail opens it."""
    login = accounts.register(database(), outbox(), credentials, origin(request), registration(request))
    if login is None:
        response.status_code = 202
        return None
    return cookies.enter(request, response, login)


@router.post("/passkey/options")
def begin_passkey_login(request: Request) -> PasskeyOptions:
    """Gives what the browser asks the visitor's device with; the same for everybody."""
    return PasskeyOptions(options=passkeys.using_options(party(request)))


@router.post("/passkey")
def login_with_passkey(body: PasskeyLogin, request: Request, response: Response) -> Tokens:
    """Logs in with a passkey, which needs neither password nor code: the device has asked for its person."""
    login = logins.log_in_with_passkey(database(), party(request), body.credential, origin(request))
    return cookies.enter(request, response, login)


@router.post("/login")
def login(credentials: LoginBody, request: Request, response: Response) -> Tokens:
    """Logs in. Wrong passwords and codes cost a pause that grows, at the place they come from. `second-factor-required`: send it again with a code."""
    return cookies.enter(request, response, log_in(request, credentials))


@router.post("/refresh")
def refresh_login(request: Request, response: Response, body: RefreshRequest | None = None) -> Tokens:
    """Exchanges a refresh token, once, for new tokens."""
    return cookies.enter(request, response, logins.refresh_login(database(), _refresh_token(body, request)))


@router.post("/logout", status_code=204)
def logout(request: Request, response: Response, body: RefreshRequest | None = None) -> None:
    """Ends the login that a refresh token belongs to; its access tokens and open sockets end with it."""
    logins.log_out(database(), _refresh_token(body, request))
    cookies.leave(response)


@router.post("/password")
def change_password(change: PasswordChange, asking: LoggedIn, request: Request, response: Response) -> Tokens:
    """Changes the password. Every other login ends, and what mails still offer."""
    login = accounts.change_password(database(), outbox(), asking, change, origin(request))
    return cookies.enter(request, response, login)


@router.post("/password/reset", status_code=202)
def request_password_reset(body: ResetRequest, request: Request) -> None:
    """Has a link sent with which a new password can be set. The answer is the same whether somebody has an account or not."""
    addresses.ask_for_reset(database(), outbox(), body.email, site(request), origin(request))


@router.put("/password/reset", status_code=204)
def reset_password(body: PasswordReset, request: Request) -> None:
    """Sets the password of whoever the link was sent to. Every login and every API key ends; a second factor stays."""
    addresses.reset_password(database(), outbox(), body.token, body.new_password, origin(request))


@router.post("/email/confirmation", status_code=202)
def request_email_confirmation(asking: LoggedIn, request: Request) -> None:
    """Has a link sent that confirms the account's address."""
    addresses.ask_for_confirmation(database(), outbox(), asking, site(request))


@router.put("/email/confirmation", status_code=204)
def confirm_email(body: AddressConfirmation, request: Request) -> None:
    """Confirms the address that the link was sent to, or has it take the place of the account's, with the account's password."""
    addresses.confirm_address(database(), outbox(), body.token, body.password, origin(request))


@router.get("/logins")
def list_logins(asking: LoggedIn) -> LoginList:
    """Lists the user's open logins, one for each place where he is signed in."""
    return LoginList(items=[LoginView.model_validate(each) for each in logins.list_logins(database(), asking)])


@router.delete("/logins", status_code=200)
def end_other_logins(asking: LoggedIn) -> LoginsEnded:
    """Signs out at all places but this one. Links of mails that would set another password or address are good no more."""
    return LoginsEnded(ended=logins.end_other_logins(database(), asking))


@router.delete("/logins/{login_id}", status_code=204)
def end_login(login_id: UUID, asking: LoggedIn) -> None:
    """Ends one login, wherever it is."""
    logins.end_login(database(), asking, login_id)
