"""Logging in as this installation has it: one way for the API and for pages."""

from __future__ import annotations

from fastapi import Request
from stratforge.application import logins, passkeys
from stratforge.application.logins import Login

from functions.api.auth.schemas import LoginBody
from functions.api.context import database, origin, outbox, party, settings


def log_in(request: Request, credentials: LoginBody) -> Login:
    """Logs in with a password, and a code or a passkey beside it. Where accounts open by mail, only with a confirmed address."""
    by_mail = settings().registrations_by_mail and outbox().sends_mail
    given = credentials.passkey
    passkey = passkeys.check(database(), party(request), given) if given is not None else None
    return logins.log_in(database(), credentials, origin(request), by_mail=by_mail, passkey=passkey)
