"""Small attacks on the API's edges: odd numbers, deep documents, misleading headers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from stratforge.application.webhooks import is_port_of_https, is_public

from functions.api import context
from functions.deliverer.webhooks import RefusedDestination, resolve
from tests.conftest import copied_database
from tests.support.api import User, running_api

CODE = "def on_bar(bar, position, state):\n    return buy()\n"


@pytest.fixture(scope="module")
def ada(postgres: Any, template: str) -> Iterator[User]:
    """A user of an application that all attacks are made on."""
    with pytest.MonkeyPatch.context() as patch:
        for conninfo in copied_database(postgres, template):
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


@pytest.mark.parametrize(
    "address",
    ["192.0.0.8", "192.31.196.1", "192.52.193.1", "192.175.48.42", "2620:4f:8000::42", "64:ff9b::1", "2002::1", "::1"],
)
def test_nothing_is_sent_to_what_only_looks_like_a_host_in_the_internet(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("port", [22, 25, 80, 993])
def test_nothing_is_sent_to_ports_of_other_protocols(ada: User, port: int) -> None:
    assert not is_port_of_https(port)
    body = {"url": f"https://example.com:{port}/", "kinds": ["order"]}
    assert ada.call("POST", "/v1/webhooks", body).status_code == 422
    with pytest.raises(RefusedDestination, match="port"):
        resolve(f"https://93.184.215.14:{port}/", allow_private=False)


@pytest.mark.parametrize("sign", ["\u202e", "\u2066", "\u200f", "\u061c"])
def test_a_name_does_not_turn_around_what_is_shown_beside_it(ada: User, sign: str) -> None:
    name = f"Cross {sign}gpj.exe"
    new = {"name": name, "symbol": "AAPL", "python_code": CODE}
    assert ada.call("POST", "/v1/strategies", new).status_code == 422
    assert ada.call("POST", "/v1/users/me/api-keys", {"name": name, "scopes": ["read"]}).status_code == 422


def test_the_log_is_not_flooded_with_changed_limits_and_who_did_can_still_stop(ada: User) -> None:
    limits = [ada.call("PUT", "/v1/users/me/risk", {"max_position": f"0.{number}"}) for number in range(10, 45)]
    assert limits[-1].status_code == 429
    assert int(limits[-1].headers["Retry-After"]) > 0
    answer = ada.call("PUT", "/v1/users/me/trading-state", {"trading_state": "HALTED"})
    assert answer.status_code < 300, answer.text


def test_what_is_kept_of_a_request_does_not_let_its_password_be_guessed(ada: User) -> None:
    """A plain hash of the path and the body would be a fast hash of the password with a known salt."""
    body, path = '{"password":"a long enough password","email":"other@example.com"}', "/api/users/me/email"
    ada.client.put(
        path,
        content=body,
        headers={
            "Authorization": f"Bearer {ada.tokens['access_token']}",
            "Content-Type": "application/json",
            "Idempotency-Key": "guess",
        },
    )
    kept = ada.get("/v1/users/me/export")
    plain = hashlib.sha256(f"PUT {path}?\n{body}".encode()).hexdigest()
    assert plain not in str(kept)
    with context.database().transaction(UUID(ada.get("/v1/users/me")["user_id"])) as connection:
        rows = connection.execute("SELECT encode(request_hash, 'hex') FROM idempotency_keys WHERE key = 'guess'")
        assert plain not in [row[0] for row in rows]


def test_a_shared_report_is_read_so_often_from_one_place_and_no_more(ada: User) -> None:
    token = "a" * 32
    statuses = [ada.client.get(f"/v1/shared/{token}").status_code for _ in range(90)]
    assert statuses[0] == 404
    assert 429 in statuses
