"""Strategies as files: what is saved comes back the same, and whatever is loaded passes every gate."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.api import Api, User

CODE = """FAST = 5.0
SLOW = 20.0

def on_bar(bar, position, state):
    if position.quantity == 0 and bar.close > FAST:
        return buy()
    if bar.close < SLOW:
        return sell()
"""
NEW = {"name": "Cross", "symbol": "BTC/USD", "python_code": CODE, "logic_explanation": "Buys high."}
IMPORT = "/v1/strategies/import"


def saved(user: User) -> dict[str, Any]:
    made = user.call("POST", "/v1/strategies", NEW).json()
    answer = user.call("GET", f"/v1/strategies/{made['strategy_id']}/file")
    assert answer.status_code == 200
    assert "attachment" in answer.headers["content-disposition"]
    return dict(answer.json())


def test_a_file_comes_back_as_the_same_strategy_with_another_user(api: Api, ada: User) -> None:
    file = saved(ada)
    assert {name: file[name] for name in NEW} == NEW
    assert file["parameters"] == {"FAST": 5.0, "SLOW": 20.0}
    grace = api.user("grace")
    answer = grace.call("POST", IMPORT, file)
    assert answer.status_code == 201, answer.text
    again = grace.get(f"/v1/strategies/{answer.json()['strategy_id']}/file")
    assert again == file
    assert answer.headers["location"] == f"/v1/strategies/{answer.json()['strategy_id']}"


def test_values_of_the_file_are_those_that_run(ada: User) -> None:
    file = saved(ada)
    made = ada.call("POST", IMPORT, {**file, "parameters": {"FAST": 7}}).json()
    assert ada.get(f"/v1/strategies/{made['strategy_id']}/file")["parameters"] == {"FAST": 7.0, "SLOW": 20.0}
    assert "FAST = 7" in made["python_code"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"python_code": "import os\nos.system('x')"}, "not in the strategy language"),
        ({"python_code": "def on_bar(bar, position, state):\n    return eval('1')"}, "not in the strategy language"),
        ({"parameters": {"OTHER": 1}}, "no parameter OTHER"),
        ({"parameters": {"FAST": 1e400}}, ""),
        ({"parameters": {"FAST": "5"}}, None),
        ({"format": "another"}, "stratforge-strategy"),
        ({"edition": 2}, "1"),
        ({"symbol": "no symbol"}, "symbol"),
        ({"name": "a\u202eb"}, "name"),
        ({"more": 1}, "more"),
    ],
)
def test_a_file_that_was_tampered_with_is_refused_as_code_is(
    ada: User, wrong: dict[str, Any], said: str | None
) -> None:
    file = {**saved(ada), **wrong}
    if wrong.get("parameters") == {"FAST": 1e400}:
        answer = ada.client.post(
            IMPORT,
            content=b'{"name":"a","symbol":"AAPL","python_code":"FAST = 5","parameters":{"FAST":1e400}}',
            headers={"Authorization": f"Bearer {ada.tokens['access_token']}", "Content-Type": "application/json"},
        )
    else:
        answer = ada.call("POST", IMPORT, file)
    if said is None:
        assert answer.status_code in (201, 422)
        return
    assert answer.status_code == 422
    assert said in answer.text
    assert len(ada.get("/v1/strategies")["items"]) == 1, "nothing of it is stored"


def test_values_that_make_the_code_too_long_are_refused_with_a_reason(ada: User) -> None:
    made = ada.call("POST", "/v1/strategies", {**NEW, "python_code": CODE + "#" * (32_000 - len(CODE))}).json()
    file = ada.get(f"/v1/strategies/{made['strategy_id']}/file")
    answer = ada.call("POST", IMPORT, {**file, "parameters": {"FAST": 123456.789}})
    assert answer.status_code == 422
    assert "32,000 are allowed" in answer.json()["detail"]


def test_a_file_is_its_owners_and_scopes_hold(api: Api, ada: User) -> None:
    file, eve = saved(ada), api.user("eve")
    strategy_id = ada.get("/v1/strategies")["items"][0]["strategy_id"]
    assert eve.call("GET", f"/v1/strategies/{strategy_id}/file").status_code == 404
    for scopes, statuses in ((["read"], (200, 403)), (["write"], (403, 201)), (["trade"], (403, 403))):
        key = ada.call("POST", "/v1/users/me/api-keys", {"name": "k", "scopes": scopes}).json()["key"]
        headers = {"Authorization": f"Bearer {key}"}
        read = api.client().get(f"/v1/strategies/{strategy_id}/file", headers=headers).status_code
        assert (read, api.client().post(IMPORT, json=file, headers=headers).status_code) == statuses


def test_the_same_request_makes_one(ada: User) -> None:
    file, headers = saved(ada), {"Idempotency-Key": "once"}
    made = {ada.call("POST", IMPORT, file, headers=headers).json()["strategy_id"] for _ in range(3)}
    assert len(made) == 1


def test_pages_lead_to_both(ada: User) -> None:
    saved(ada)
    strategy_id = ada.get("/v1/strategies")["items"][0]["strategy_id"]
    headers = {"Authorization": f"Bearer {ada.tokens['access_token']}"}
    assert f"/api/strategies/{strategy_id}/file" in ada.client.get(f"/strategies/{strategy_id}", headers=headers).text
    assert "data-import-strategy" in ada.client.get("/strategies/new", headers=headers).text
