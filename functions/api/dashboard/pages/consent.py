"""The page on which somebody allows a program to act for him, or does not."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from stratforge.application import grants, two_factor
from stratforge.application.access import Scope
from stratforge.application.errors import Invalid
from stratforge.application.grants import Wish
from stratforge.application.passwords import Proof
from stratforge.application.proofs import RECENT_MINUTES
from stratforge.storage.users import logins

from functions.api.context import database, origin, site
from functions.api.dashboard.access import Fields, Form, Looking, text, validated
from functions.api.dashboard.rendering import go_to
from functions.api.oauth.resources import is_ours

router = APIRouter(include_in_schema=False)
MEANINGS = {
    Scope.READ: "See everything: portfolio, orders, trades, strategies with their code, reports.",
    Scope.WRITE: "Store and change strategies, start backtests, share reports, set alerts.",
    Scope.TRADE: "Place and call off orders, start and stop sessions, change limits.",
    Scope.AI: "Have strategies written and questions answered by the language model, within your quota.",
}
Long = Annotated[str, Query(max_length=3_000)]
Short = Annotated[str, Query(max_length=600)]


def _wish(values: dict[str, str], request: Request) -> Wish:
    wish = grants.wish_of(
        values["client_id"],
        values["redirect_uri"],
        values["code_challenge"],
        values["code_challenge_method"],
        values["scope"],
    )
    if values["response_type"] != "code" or not is_ours(values["resource"], request):
        raise Invalid(
            "The program asks for what is not given here: a code for this platform is.", code="invalid-target"
        )
    return wish


@router.get("/oauth/authorize")
def consent_page(
    request: Request,
    looking: Looking,
    client_id: Long = "",
    redirect_uri: Short = "",
    response_type: Short = "",
    code_challenge: Short = "",
    code_challenge_method: Short = "",
    scope: Short = "",
    state: Short = "",
    resource: Short = "",
) -> Response:
    """Shows what a program asks for, and where the answer would go."""
    asked = {
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "response_type": response_type,
        "code_challenge": code_challenge,
        "code_challenge_method": code_challenge_method,
        "scope": scope,
        "state": state,
        "resource": resource,
    }
    wish = _wish(asked, request)
    login_id = looking.caller.login_id
    with database().reading(looking.caller) as connection:
        return looking.page(
            connection,
            "consent.html",
            wish=wish,
            asked=asked,
            meanings=MEANINGS,
            where=_where(wish.redirect_uri),
            proven=bool(login_id) and logins.gave_password_lately(connection, UUID(login_id), RECENT_MINUTES),
            two_factor=two_factor.state(connection, looking.user_id),
        )


@router.post("/oauth/authorize")
def consent(request: Request, looking: Looking, fields: Fields) -> Response:
    """Sends the program its code, or that it was not allowed."""
    names = (
        "client_id",
        "redirect_uri",
        "response_type",
        "code_challenge",
        "code_challenge_method",
        "scope",
        "state",
        "resource",
    )
    asked = {name: text(fields, name) for name in names}
    wish = _wish(asked, request)
    answer = {"iss": site(request)} | ({"state": asked["state"]} if asked["state"] else {})
    if text(fields, "answer") != "allow":
        return _back(request, wish, {"error": "access_denied", **answer})
    chosen = validated(list[Scope], fields.get("scopes", []))
    code = grants.allow(database(), looking.caller, wish, chosen, _proof(fields), origin(request))
    return _back(request, wish, {"code": code, **answer})


def _proof(fields: Form) -> Proof | None:
    if not fields.get("password", [""])[0]:
        return None
    return validated(Proof, {"password": fields["password"][0], "code": text(fields, "code") or None})


def _back(request: Request, wish: Wish, values: dict[str, str]) -> Response:
    joint = "&" if "?" in wish.redirect_uri else "?"
    return go_to(request, f"{wish.redirect_uri}{joint}{urlencode(values)}")


def _where(address: str) -> str:
    """Where a code goes, in words: to a site, or to a program on the visitor's own machine."""
    return grants.destination_of(address).site or "a program on this computer"
