"""The API's documents: complete, true to the application, and with examples that the application takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import jsonschema
import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from stratforge.ai.research import Citation, Research
from stratforge.application import operations, orders, sessions
from stratforge.application.jobs import results
from stratforge.backtest import BacktestConfig, run_backtest
from stratforge.market.sizes import Side
from stratforge.storage.delivery.webhooks import EventKind
from stratforge.storage.postgres.pages import Period
from stratforge.storage.strategies.jobs import FailureCode
from stratforge.strategy import compile_strategy
from stratforge.strategy.lookback import _random_history

from functions.api import pages
from functions.api.contract.agents import agents_page
from functions.api.contract.document import written
from functions.api.contract.streams import EVENTS, asyncapi
from functions.api.doors import handler_path
from functions.api.formats import Number
from tests.support.api import application

APP = application()
ONE_DAY = _random_history(1, 390, 0.001, 100.0)
FILE = Path(__file__).resolve().parents[3] / "functions" / "api" / "openapi.json"
# What the application says, as is tested first: making it takes most of a second.
DOCUMENT: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
ROUTES = [
    each.original_route
    for each in iter_route_contexts(APP.routes)
    if isinstance(each.original_route, APIRoute) and each.original_route.include_in_schema
]


def all_operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and what is said of each operation."""
    for path, operations_ in DOCUMENT["paths"].items():
        for method, operation in operations_.items():
            yield method.upper(), path, operation


def test_the_committed_file_is_what_the_application_says() -> None:
    assert FILE.read_text(encoding="utf-8").strip() == written(APP), "write it anew with: make openapi"


def test_every_handler_has_its_operation_under_the_version() -> None:
    said = {(method, handler_path(path)) for method, path, _ in all_operations()}
    assert said == {(method, route.path_format) for route in ROUTES for method in route.methods or ()}
    assert {path.split("/")[1] for _, path, _ in all_operations()} == {"v1", "internal", "healthz", "livez"}


def test_nothing_is_left_without_a_word() -> None:
    silent = [f"{method} {path}" for method, path, operation in all_operations() if not operation.get("description")]
    silent += [
        f"{path} {parameter['name']}"
        for _, path, operation in all_operations()
        for parameter in operation.get("parameters", ())
        if not parameter.get("description")
    ]
    silent += [
        f"{name}.{field}"
        for name, schema in DOCUMENT["components"]["schemas"].items()
        for field, what in schema.get("properties", {}).items()
        if not what.get("description")
    ]
    assert silent == []


def test_every_body_and_answer_has_an_example() -> None:
    for method, path, operation in all_operations():
        contents = list(operation.get("requestBody", {}).get("content", {}).values())
        contents += [each for answer in operation["responses"].values() for each in answer.get("content", {}).values()]
        assert all("example" in each for each in contents), (method, path)


@pytest.mark.parametrize("route", [each for each in ROUTES if each.body_field], ids=lambda each: each.name)
def test_the_example_of_a_body_is_taken_by_its_endpoint(route: APIRoute, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.api.webhooks.schemas.settings", lambda: SimpleNamespace(private_webhooks=False))
    method = next(iter(route.methods or ()))
    assert route.body_field is not None
    taken: TypeAdapter[Any] = TypeAdapter(route.body_field.field_info.annotation or type(None))
    (path,) = {path for _, path, _ in all_operations() if handler_path(path) == route.path_format}
    example = DOCUMENT["paths"][path][method.lower()]["requestBody"]["content"]["application/json"]["example"]
    taken.validate_python(example)


def test_an_operation_lists_its_own_errors_and_no_others() -> None:
    errors = {
        (method, path): {int(status) for status in operation["responses"] if status >= "4"}
        for method, path, operation in all_operations()
    }
    assert errors["GET", "/livez"] == {422, 429}
    assert errors["GET", "/v1/orders"] == {401, 403, 404, 422, 429, 503}
    assert errors["PATCH", "/v1/strategies/{strategy_id}"] == {401, 403, 404, 409, 412, 413, 415, 422, 429, 503}
    assert len({frozenset(each) for each in errors.values()}) > 4


def test_tables_tags_and_places_are_said() -> None:
    listing = DOCUMENT["paths"]["/v1/orders"]["get"]["responses"]
    assert listing["200"]["content"]["text/csv"]["example"].startswith("order_id,symbol,side")
    assert set(listing["200"]["headers"]) == {"ETag", "Link", "X-Request-Id"}
    assert "304" in listing
    placing = DOCUMENT["paths"]["/v1/orders"]["post"]["responses"]["201"]["headers"]
    assert {"Location", "RateLimit", "Idempotent-Replayed"} <= set(placing)


# Patterns: what the document allows, the application takes --------------------------------------------------------

DECIMALS = {
    "amount": orders.Amount,
    "price": orders.Price,
    "percent": orders.Percent,
    "size of a session": sessions.SizingValue,
    "part": sessions.Part,
    "gain": sessions.Gain,
    "units": operations.Units,
}


@pytest.mark.parametrize("name", DECIMALS)
def test_every_decimal_that_the_pattern_allows_is_taken(name: str) -> None:
    taken: TypeAdapter[Decimal] = TypeAdapter(DECIMALS[name])
    pattern = taken.json_schema()["pattern"]

    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
    @given(st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True))
    def take(text: str) -> None:
        taken.validate_json(json.dumps(text.rstrip("\n")))

    take()
    for outside in ("1e5", "-1", "", "1,5", " 1", "NaN", "٣"):
        assert not re.fullmatch(pattern, outside, re.ASCII), outside


@settings(max_examples=30, deadline=None)
@given(st.decimals("-1e40", "1e40", places=12) | st.decimals("-1e9", "1e9"))
def test_every_decimal_that_is_sent_has_one_form(value: Decimal) -> None:
    adapter: TypeAdapter[Decimal] = TypeAdapter(Number)
    text = json.loads(adapter.dump_json(value))
    assert re.fullmatch(r"-?(0|[1-9]\d*)(\.\d*[1-9])?", text), text
    assert Decimal(text) == value


@settings(max_examples=20, deadline=None)
@given(st.from_regex(r"[0-9a-f]{1,14}-[0-9a-f]{32}", fullmatch=True))
def test_every_cursor_that_the_pattern_allows_is_a_place(cursor: str) -> None:
    page = pages._page(Period(None, None), cursor=cursor)
    assert page.after is not None
    assert pages.place_after(*page.after).lstrip("0") == cursor.lstrip("0")
    assert page.after[1] == UUID(cursor.partition("-")[2])


# What is told -------------------------------------------------------------------------------------------------------


def test_every_kind_of_event_is_a_webhook_with_an_example_of_its_own() -> None:
    assert set(DOCUMENT["webhooks"]) == {each.value for each in EventKind}
    for kind, model in EVENTS.items():
        body = DOCUMENT["webhooks"][kind.value]["post"]["requestBody"]["content"]["application/json"]["example"]
        assert body["kind"] == kind.value
        model.model_validate(body["data"])
        with pytest.raises(ValidationError):
            model.model_validate({**body["data"], "surprise": 1})


def test_the_socket_s_document_refers_only_to_what_it_holds() -> None:
    document = asyncapi("wss://stratforge.example.com/realtime", "1")
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document)):
        node: Any = document
        for part in reference.split("/"):
            node = node[part]
    assert document["servers"]["realtime"]["host"] == "stratforge.example.com"
    assert set(document["operations"]) == {"hear", "say"}


def test_a_language_model_reads_bodies_and_answers_of_every_operation() -> None:
    text = agents_page(DOCUMENT)
    for method, path, operation in all_operations():
        assert f"`{method} {path}`" in text
        for content in operation.get("requestBody", {}).get("content", {}).values():
            assert json.dumps(content["example"]) in text


# What is stored as JSON ---------------------------------------------------------------------------------------------

STORED: dict[tuple[str, str], list[Any]] = {
    ("JobView", "result"): [
        results.WrittenStrategy(
            strategy_id=UUID(int=1), version=1, name="Cross", symbol="AAPL", python_code="def …", logic_explanation="Buys.", parameters={"FAST": 5.0},
            indicators=["fast"], lookback=30, assumptions=[], model="m", tokens=3, repairs=[["a"]],
        ),
        results.OpenQuestions(questions=["How many?"]),
        Research("It rose.", True, (Citation("News", "https://example.com", ((0, 8),)),), ("apple",), "m", 12),
        results.FinishedBacktest(backtest_id=UUID(int=2), metrics={"sharpe": None, "trades": 3}),
        results.ReplayedSession(
            session_id=UUID(int=3), bars=4, signals=1,
            differences=[results.ReplayDifference(time=60, live=Side.BUY, replayed=None)],
        ),
    ],
    ("JobView", "error"): [
        results.JobFailure(
            code=FailureCode.BACKTEST_REFUSED, message="no bars", draft=results.RefusedDraft(python_code="x", logic_explanation="y")
        ),
    ],
}  # fmt: skip


@pytest.mark.parametrize("place", STORED, ids=".".join)
def test_what_is_stored_has_the_form_that_the_document_says(place: tuple[str, str]) -> None:
    name, field = place
    schema = {**DOCUMENT["components"]["schemas"][name]["properties"][field], "components": DOCUMENT["components"]}
    for each in STORED[place]:
        jsonschema.validate(results.as_json(each), schema)
    wrong: tuple[Any, ...] = ({}, {"surprise": 1}, [], "text")
    for nothing in wrong:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(nothing, schema)


def test_the_assumptions_of_a_report_are_those_that_are_asked_for() -> None:
    schema = {
        **DOCUMENT["components"]["schemas"]["BacktestView"]["properties"]["config"],
        "components": DOCUMENT["components"],
    }
    report = run_backtest(
        compile_strategy("def on_bar(bar, position, state):\n    return buy()\n"), ONE_DAY, BacktestConfig()
    )
    told = report.as_dict()
    jsonschema.validate(json.loads(json.dumps(told["config"])), schema)
    figures = DOCUMENT["components"]["schemas"]["BacktestView"]["properties"]["metrics"]
    jsonschema.validate(json.loads(json.dumps(told["metrics"])), figures)


def test_an_answer_that_may_hold_anything_is_a_report_alone() -> None:
    def is_open(schema: dict[str, Any]) -> bool:
        here = schema.get("type") == "object" and schema.get("additionalProperties") is True
        return here or any(is_open(each) for each in (*schema.get("anyOf", ()), schema.get("items", {})) if each)

    found = {
        f"{name}.{field}"
        for name, schema in DOCUMENT["components"]["schemas"].items()
        for field, what in schema.get("properties", {}).items()
        if is_open(what)
    }
    reports = {"BacktestReportView.report", "SharedReportView.report", "ReportView.report"}
    # What a page hands to the browser is W3C's.
    assert found == reports | {"PasskeyOptions.options"}
