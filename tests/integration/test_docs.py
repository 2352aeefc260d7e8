"""The reference's pages, for members and strangers, and what is tried on them: the API itself, with nobody's rights but the visitor's."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from tests.support.api import Api, User
from tests.support.pages import HTML, OWN, enter

ORDER = '{"symbol": "AAPL", "side": "buy", "quantity": "1"}'


def entered(user: User) -> dict[str, str]:
    """Logs in by the form; what its pages send along."""
    enter(user)
    return {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}


def test_everybody_reads_every_operation_and_nothing_is_loaded_from_elsewhere(api: Api, ada: User) -> None:
    enter(ada)
    for client in (api.client(), ada.client):
        overview = client.get("/docs", headers=HTML)
        assert "script-src 'self'; style-src 'self'" in overview.headers["Content-Security-Policy"]
        for path, item in api.app.openapi()["paths"].items():
            for operation in item.values():
                assert f'href="/docs/{operation["tags"][0]}#{operation["operationId"]}"' in overview.text
        for name in ("orders", "events", "internal"):
            page = client.get(f"/docs/{name}", headers=HTML)
            assert page.status_code == 200
            for inline in ("<script>", " style=", "onclick=", "<style"):
                assert inline not in page.text
        assert 'id="place_order"' in client.get("/docs/orders", headers=HTML).text
        assert client.get("/docs/casino", headers=HTML).status_code == 404
    assert "Log out" in ada.client.get("/docs", headers=HTML).text


def test_what_is_tried_is_done_with_the_key_that_is_typed(api: Api, ada: User) -> None:
    stranger = api.client()

    def attempt(name: str, **fields: str) -> str:
        answer = stranger.post(f"/docs/try/{name}", content=urlencode(fields), headers=OWN)
        assert answer.status_code == 200, answer.text
        return answer.text

    assert ">401</span>" in attempt("place_order", body=ORDER)
    made = ada.call("POST", "/v1/users/me/api-keys", {"name": "k", "scopes": ["read", "trade"]}).json()["key"]
    placed = attempt("place_order", body=ORDER, key=made)
    assert ">201</span>" in placed
    assert "/v1/orders/" in placed
    (order,) = ada.get("/v1/orders")["items"]
    assert order["order_id"] in attempt("get_order", **{"path-order_id": order["order_id"]}, key=made)
    listed = attempt("list_orders", **{"query-limit": "1", "query-symbol": "MSFT"}, key=made)
    assert "GET /v1/orders?symbol=MSFT&amp;limit=1" in listed
    assert "etag" in listed
    refused = attempt("create_strategy", body="{}", key=made)
    assert ">4" in refused
    assert "problem" in refused
    assert ">422</span>" in attempt("place_order", body="{not json", key=made)
    assert made not in placed + listed + refused


def test_with_a_login_it_is_the_login_that_asks_and_only_from_a_page_of_ours(api: Api, ada: User) -> None:
    page = entered(ada)
    content = urlencode({"body": ORDER})
    for without in ("HX-Request", "X-CSRF-Token"):
        headers = {name: value for name, value in page.items() if name != without}
        answer = ada.client.post("/docs/try/place_order", content=content, headers=headers)
        assert answer.status_code == 403 or ">403</span>" in answer.text, without
    assert ada.get("/v1/orders")["items"] == []
    assert ">201</span>" in ada.client.post("/docs/try/place_order", content=content, headers=page).text
    # A key goes before the login, whatever it may.
    wrong = ada.client.post("/docs/try/place_order", content=content + "&key=sfk_wrong", headers=page).text
    assert ">401</span>" in wrong
    assert len(ada.get("/v1/orders")["items"]) == 1


@pytest.mark.parametrize("given", ["../users/me", "..", ".", "", "a/b", "%2e%2e", "x?y=1", "#", "<b>", "é"])
def test_a_part_of_an_address_stays_one(ada: User, given: str) -> None:
    page = entered(ada)
    answer = ada.client.post("/docs/try/get_order", content=urlencode({"path-order_id": given}), headers=page)
    assert answer.status_code == 422 or ">422</span>" in answer.text
    assert "ada@example.com" not in answer.text
    assert "<b>" not in answer.text


def test_an_operation_that_is_none_and_an_address_of_elsewhere_are_not_asked(ada: User) -> None:
    page = entered(ada)
    for name in ("on_order", "nothing", "..%2f..%2fadmin"):
        assert ada.client.post(f"/docs/try/{name}", content="", headers=page).status_code == 404
