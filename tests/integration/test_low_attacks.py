"""Small attacks on the API's edges: odd numbers, deep documents, misleading headers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import copied_database
from tests.support.api import User, running_api

CODE = "def on_bar(bar, position, state):\n    return buy()\n"


@pytest.fixture(scope="module")
def ada(postgres: Any, template: str) -> Iterator[User]:
    """A user of an application that all attacks are made on."""
    with pytest.MonkeyPatch.context() as patch:
        for conninfo in copied_database(postgres, f"TEMPLATE {template}"):
            with running_api(conninfo, patch) as api:
                yield api.user("ada")


@pytest.mark.parametrize("value", ["5000", "1.01", "0", "-1", "NaN", "Infinity", "1e400", "9" * 5000])
def test_a_session_is_given_a_part_of_the_equity_and_no_more_than_all(ada: User, value: str) -> None:
    made = ada.call("POST", "/api/strategies", {"name": "a", "symbol": "AAPL", "python_code": CODE}).json()
    body = {"strategy_id": made["strategy_id"], "sizing_rule": "EQUITY_FRACTION", "sizing_value": value}
    answer = ada.call("POST", "/api/sessions", body)
    assert answer.status_code == 422, answer.text
    config = {"sizing_rule": "EQUITY_FRACTION", "sizing_value": value}
    answer = ada.call("POST", "/api/backtests", {"strategy_id": made["strategy_id"], "config": config})
    assert answer.status_code == 422, answer.text


def test_a_change_makes_no_session_larger_than_the_equity_either(ada: User) -> None:
    """Neither a larger part, nor another rule for a number that was dollars."""
    made = ada.call("POST", "/api/strategies", {"name": "b", "symbol": "AAPL", "python_code": CODE}).json()
    body = {"strategy_id": made["strategy_id"], "sizing_rule": "FIXED_CASH", "sizing_value": "5000"}
    session = ada.call("POST", "/api/sessions", body).json()
    path = f"/api/sessions/{session['session_id']}"
    refused = ada.call("PATCH", path, {"sizing_rule": "EQUITY_FRACTION"})
    assert refused.status_code == 422, refused.text
    assert "between 0 and 1" in refused.json()["detail"]
    assert ada.call("PATCH", path, {"sizing_rule": "EQUITY_FRACTION", "sizing_value": "0.5"}).status_code == 200
    assert ada.call("PATCH", path, {"sizing_value": "5000"}).status_code == 422


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"a":' * 100_000, b'{"quantity": ' + b"9" * 5000 + b"}"])
@pytest.mark.parametrize("path", ["/api/trade/orders", "/api/strategies", "/api/webhooks", "/api/auth/login"])
def test_deep_and_long_documents_are_refused_with_a_reason(ada: User, path: str, content: bytes) -> None:
    headers = {"Authorization": f"Bearer {ada.tokens['access_token']}", "Content-Type": "application/json"}
    answer = ada.client.post(path, content=content, headers=headers)
    assert answer.status_code in (400, 413, 422), answer.text
    assert answer.json()["detail"]


@pytest.mark.parametrize("path", ["/api/strategies/", "/login/", "/api/portfolio/", "//evil.example/"])
def test_no_answer_leads_to_where_the_host_header_says(ada: User, path: str) -> None:
    headers = {"Authorization": f"Bearer {ada.tokens['access_token']}", "Host": "evil.example"}
    answer = ada.client.get(path, headers=headers, follow_redirects=False)
    assert "evil.example" not in answer.headers.get("Location", "")


def test_exports_are_kept_by_nobody_on_the_way(ada: User) -> None:
    assert ada.call("GET", "/api/users/me/export").headers["Cache-Control"] == "no-store"
    ada.client.post("/api/auth/login", json={"email": ada.email, "password": "a long enough password"})
    page = ada.client.get("/account/export", headers={"Host": "testserver"})
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", ["limit", "cursor"])
def test_long_numbers_in_addresses_are_refused(ada: User, name: str) -> None:
    answer: Any = ada.call("GET", f"/api/trades?{name}={'9' * 5000}")
    assert answer.status_code in (400, 414, 422)
