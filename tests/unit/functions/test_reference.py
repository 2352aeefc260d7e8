"""The reference that people read says what the document says, and its examples are such as can be run."""

from __future__ import annotations

import ast
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from functions.api.contract.reference import Operation, reference_of

# What the application says, as test_contract.py tests.
FILE = Path(__file__).resolve().parents[3] / "functions" / "api" / "openapi.json"
DOCUMENT: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
REFERENCE = reference_of(DOCUMENT)
SITE = "https://stratforge.example.com"
OPERATIONS = [each for section in REFERENCE.sections if section.name != "events" for each in section.operations]


def test_every_operation_of_the_document_is_told_once() -> None:
    told = [(each.method, each.path) for each in OPERATIONS]
    assert sorted(told) == sorted((method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item)
    assert {each.name for each in REFERENCE.sections[-1].operations} == {f"on_{kind}" for kind in DOCUMENT["webhooks"]}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_the_same_example_in_three_languages(operation: Operation) -> None:
    said = DOCUMENT["paths"][operation.path][operation.method.lower()]
    examples = dict(operation.examples(SITE))
    # The command.
    words = shlex.split(examples["curl"].replace("\\\n", " "))
    assert words[0] == "curl"
    assert re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/{}]+", re.escape(SITE + operation.path)), words[1])
    assert ("Authorization: Bearer $STRATFORGE_API_KEY" in words) is (said["security"] != [])
    method = words[words.index("-X") + 1] if "-X" in words else "POST" if "-d" in words else "GET"
    assert method == operation.method
    # Python.
    call = next(each for each in ast.walk(ast.parse(examples["Python"])) if isinstance(each, ast.Expr)).value
    assert isinstance(call, ast.Call)
    method, path, *body = (ast.literal_eval(each) for each in call.args)
    assert (method, SITE + path) == (operation.method, words[1])
    content = said.get("requestBody", {}).get("content", {}).get("application/json")
    assert body == ([content["example"]] if content else [])
    if content:
        assert json.loads(words[words.index("-d") + 1]) == content["example"]
    assert examples["TypeScript"].startswith("const { data, error } = await ")


def test_fields_of_fields_types_and_bounds_are_in_words() -> None:
    backtest = REFERENCE.operation("create_backtest")
    assert backtest is not None
    fields = {each.name: each for each in backtest.sent}
    assert fields["strategy_id"].required
    assert fields["config.slippage_bps"].kind == "number, 0 to 1000, 0 if left out"
    assert fields["config.sizing_rule"].kind.startswith("one of EQUITY_FRACTION, ")
    orders = REFERENCE.operation("list_orders")
    assert orders is not None
    assert {"items", "items[].order_id", "next"} <= {each.name for each in orders.told}
    assert ("404", "There is no such thing, or it is somebody else's") in orders.errors
    assert not any("\n" in paragraph for paragraph in REFERENCE.description.split("\n\n"))
