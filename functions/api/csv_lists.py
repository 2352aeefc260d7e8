"""Lists as CSV, for spreadsheets and data frames: `Accept: text/csv` on any list gives its items with a header, and the next page in `Link`."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Awaitable, Callable
from typing import Any, get_args

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

from functions.api.answers import content_of
from functions.api.doors import public_path

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_ACCEPTED = re.compile(r"\btext/csv\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", re.IGNORECASE)
# Keeps what it splits at; the semicolon of full width and the Greek question mark are taken for the plain one.
_CELL_BEGINS = re.compile("(?<=[;\uff1b\u037e\t\r\n])")
# What a spreadsheet may skip before it looks whether a cell is a formula.
_SKIPPED = ' \n"\ufeff\u200b\u200c\u200d\u2060'


def install(app: FastAPI) -> None:
    """Has every list answered as CSV to whoever asks for it."""

    @app.middleware("http")
    async def tables(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        answer = await call_next(request)
        columns = columns_of(request.scope.get("route")) if request.method == "GET" else None
        if columns is None or answer.status_code != 200:
            return answer
        answer.headers.add_vary_header("Accept")
        if not _ACCEPTED.search(request.headers.get("accept", "")):
            return answer
        page = json.loads(await content_of(answer))
        kept = {name: value for name, value in answer.headers.items() if name not in ("content-type", "content-length")}
        table = Response(_csv(columns, page["items"]), 200, kept, "text/csv; charset=utf-8")
        if page.get("next"):
            following = request.url.include_query_params(cursor=page["next"])
            table.headers["Link"] = f'<{public_path(following.path)}?{following.query}>; rel="next"'
        return table


def columns_of(route: Any) -> list[str] | None:
    """The fields of a list's items; None when the route gives no list."""
    model = getattr(route, "response_model", None)
    if not (isinstance(model, type) and issubclass(model, BaseModel) and "items" in model.model_fields):
        return None
    (item,) = get_args(model.model_fields["items"].annotation)
    return list(item.model_fields)


def _csv(columns: list[str], items: list[dict[str, Any]]) -> str:
    """The items as CSV (RFC 4180). What a spreadsheet would take for a formula is written as text."""
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(columns)
    for each in items:
        table.writerow([_cell(each[name]) for name in columns])
    return written.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        value = json.dumps(value)
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        # A table of commas is read by semicolons or tabs in some places, and there a cell begins in the middle of this one.
        return "".join(("'" + part) if _is_formula(part) else part for part in _CELL_BEGINS.split(value))
    return value


def _is_formula(text: str) -> bool:
    # Signs of full width are taken for the plain ones.
    seen = unicodedata.normalize("NFKC", text).lstrip(_SKIPPED)
    return seen.startswith(("=", "+", "-", "@", "\t", "\r"))
