"""Visitors of pages, and forms: fields as they came, validated by the API's own models, and safe from other sites."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl, quote
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import TypeAdapter, ValidationError
from stratforge.application.access import Caller
from stratforge.application.errors import NotFound
from stratforge.storage.delivery import events
from stratforge.storage.ledger import halts, operations
from stratforge.storage.market.clock import market_clock
from stratforge.storage.postgres.database import Connection
from stratforge.storage.users import accounts

from functions.api.context import caller, database
from functions.api.dashboard import tour
from functions.api.dashboard.rendering import render
from functions.api.problems import Problem

MAX_FIELDS = 200
Model = TypeVar("Model")
Form = dict[str, list[str]]


class LoginNeeded(Exception):
    """Nobody is logged in; the page is shown after the login."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A logged-in user who looks at a page, with the request."""

    request: Request
    caller: Caller

    @property
    def user_id(self) -> UUID:
        """Id of the user whose rows the page shows."""
        return self.caller.user_id

    def page(self, connection: Connection, template: str, **values: Any) -> Response:
        """A whole page, with what all of them show: who is logged in, the market's clock, and whether something is halted."""
        user = accounts.get_user(connection, self.user_id)
        if user is None:
            raise LoginNeeded
        return render(
            self.request,
            template,
            user=user,
            market=market_clock(connection),
            seen=events.present(connection),
            platform=halts.platform_state(connection),
            halted=halts.halted_symbols(connection),
            tour=tour.shown(self.request),
            tour_offered=tour.offered(self.request),
            tour_waits=tour.reached(self.request),
            tour_steps=len(tour.STEPS),
            **values,
        )

    def part(self, template: str, **values: Any) -> Response:
        """Renders a part of a page, which htmx puts in its place."""
        return render(self.request, template, **values)


def visitor(request: Request) -> Visitor:
    """Returns the user logged in with the page's cookies; changes must come from a page of ours. Raises LoginNeeded if
    nobody is logged in. Programs with an API key ask the API, which knows scopes: pages show everything."""
    try:
        asking = caller(request)
        asking.require_login()
        return Visitor(request, asking)
    except Problem as problem:
        if problem.status == 401:
            raise LoginNeeded from None
        raise


def operator_visitor(looking: Annotated[Visitor, Depends(visitor)]) -> Visitor:
    """An operator; to everybody else there is no such page."""
    with database().reading(looking.caller) as connection:
        if not operations.is_operator(connection):
            raise NotFound("page")
    return looking


async def form_fields(request: Request) -> Form:
    """The fields of a form. A page of another site cannot set the header that our forms carry."""
    if not request.headers.get("HX-Request"):
        raise Problem(
            403,
            "csrf",
            "The form did not come from a page of ours, or was sent before its page was ready (it takes scripts). Go back and try again.",
        )
    try:
        pairs = parse_qsl(
            (await request.body()).decode(), keep_blank_values=True, strict_parsing=False, max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise Problem(422, "validation", "The form is not valid.") from None
    fields: Form = {}
    for name, value in pairs:
        if "\x00" in value:
            raise Problem(422, "validation", f"{name}: leave the NUL character out.")
        fields.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return fields


Looking = Annotated[Visitor, Depends(visitor)]
Operating = Annotated[Visitor, Depends(operator_visitor)]
Fields = Annotated[Form, Depends(form_fields)]


def text(fields: Form, name: str) -> str:
    """A field's value without blanks around it; empty when it is missing."""
    return fields.get(name, [""])[0].strip()


def given(fields: Form, *names: str) -> dict[str, str]:
    """The fields of a form that were filled in, by name."""
    return {name: text(fields, name) for name in names if text(fields, name)}


def whole(fields: Form, name: str) -> int | None:
    """A whole number that a form of ours holds; None where it is left out.

    Raises:
        Problem: 422 if it is none.
    """
    typed = text(fields, name)
    if typed and not re.fullmatch(r"[0-9]{1,9}", typed):
        raise Problem(422, "validation", f"{name.replace('_', ' ')}: {typed[:40]!r} is not a whole number.")
    return int(typed) if typed else None


def validated(model: type[Model], values: Any) -> Model:
    """The values as a model or dataclass of the API.

    Raises:
        Problem: 422, naming each field that is wrong and why.
    """
    try:
        return TypeAdapter(model).validate_python(values)
    except ValidationError as error:
        said = "; ".join(
            f"{'.'.join(str(part) for part in each['loc']).replace('_', ' ') or 'form'}: {each['msg'].removeprefix('Value error, ')}"
            for each in error.errors()[:5]
        )
        raise Problem(422, "validation", f"{said[:1].upper()}{said[1:]}.") from None


# Thousands apart as our pages write them, and the other way around, which only says what it is with a comma for the point.
_GROUPED = re.compile(r"\d{1,3}(,\d{3})+(\.\d*)?")
_GROUPED_BY_POINTS = re.compile(r"\d{1,3}(\.\d{3})+,\d+")


def typed_number(typed: str) -> str:
    """A number as people write it, with the point that programs want: `1,234.5`, `1.234,5` and `1,5` are what they seem. What is none is left as it is, for the model to refuse."""
    plain = typed.strip()
    if _GROUPED.fullmatch(plain):
        return plain.replace(",", "")
    if _GROUPED_BY_POINTS.fullmatch(plain):
        plain = plain.replace(".", "")
    return plain.replace(",", ".") if plain.count(",") == 1 and "." not in plain else plain


def fraction(fields: Form, name: str) -> str:
    """A percentage as a fraction of one."""
    typed = text(fields, name)
    try:
        return f"{float(typed_number(typed.rstrip(' %'))) / 100:.6f}"
    except ValueError:
        raise Problem(422, "validation", f"{name.replace('_', ' ')}: {typed[:40]!r} is not a percentage.") from None


def current_path(request: Request) -> str:
    """The page that a person looks at, with its query: where a form was, or what was asked for."""
    address = request.headers.get("HX-Current-URL", "") if request.headers.get("HX-Request") else str(request.url)
    return "/" + address.split("/", 3)[3] if address.count("/") >= 3 else "/"


def login_address(request: Request) -> str:
    """Returns the address of the login page, which leads back to the current page."""
    path = current_path(request)
    return f"/login?next={quote(path, safe='')}" if path not in ("/", "/login") else "/login"


# Of a path and query of ours: nothing that a browser skips or reads as another host, and nothing that a header cannot hold.
_OWN_PATH = re.compile(r"/(?![/\\])[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]*")


def own_path(address: str) -> str:
    """An address of ours to go to; anything else is the home page."""
    return address if _OWN_PATH.fullmatch(address) else "/"
