"""What HTTP promises of every address: versions, HEAD, tags, compression, where something was made."""

from __future__ import annotations

import gzip
import json
from uuid import uuid4

import pytest

from functions.api.doors import handler_path, public_path
from tests.support.api import Api, User

CODE = "def on_bar(bar, position, state):\n    return buy()\n"
ORDER = {"symbol": "AAPL", "side": "buy", "quantity": "1"}


@pytest.fixture
def owner(api: Api) -> User:
    """Somebody with a strategy."""
    owner = api.user("doors")
    body = {"name": "a strategy", "symbol": "AAPL", "python_code": CODE, "logic_explanation": "It buys. " * 300}
    assert owner.call("POST", "/v1/strategies", body).status_code == 201
    return owner


@pytest.mark.parametrize(
    "path", ["/trade/orders", "/trade/orders/7", "/trade/ordersx", "/strategies/check", "/trade/account"]
)
def test_an_address_and_its_handler_lead_to_each_other(path: str) -> None:
    assert handler_path(public_path("/api" + path)) == handler_path("/api" + path)
    assert handler_path("/v1" + path).startswith("/api/")


def test_what_only_looks_like_a_version_is_none(owner: User) -> None:
    for path in ("/v1", "/v10/orders", "/v2/orders", "/v1orders"):
        assert owner.call("GET", path, headers={"Accept": "application/json"}).status_code == 404, path


def test_old_and_new_addresses_are_one_handler_with_one_idempotency_key(owner: User) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    first = owner.call("POST", "/v1/orders", ORDER, headers=key)
    again = owner.call("POST", "/api/trade/orders", ORDER, headers=key)
    assert (first.status_code, again.status_code) == (201, 201), first.text
    assert first.json() == again.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert owner.get(first.headers["Location"]) == owner.get(f"/api/trade/orders/{first.json()['order_id']}")
    assert again.headers["Location"] == first.headers["Location"]


def test_a_new_address_is_as_closed_as_the_old_one(api: Api, owner: User) -> None:
    assert api.client().get("/v1/orders").status_code == 401
    answer = owner.call("POST", "/v1/orders", json.dumps(ORDER), headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415
    assert owner.call("GET", "/v1/orders").headers["Cache-Control"] == "no-store"


def test_head_is_get_without_a_body(owner: User) -> None:
    asked, headed = owner.call("GET", "/v1/strategies"), owner.call("HEAD", "/v1/strategies")
    assert (headed.status_code, headed.content) == (200, b"")
    assert headed.headers["ETag"] == asked.headers["ETag"]
    assert owner.call("HEAD", f"/v1/strategies/{uuid4()}").status_code == 404


def test_an_answer_that_is_held_is_not_sent_again_until_it_changes(owner: User) -> None:
    asked = owner.call("GET", "/v1/strategies")
    for held in (asked.headers["ETag"], f'"other", W/{asked.headers["ETag"]}', "*"):
        again = owner.call("GET", "/v1/strategies", headers={"If-None-Match": held})
        assert (again.status_code, again.content) == (304, b""), held
        assert again.headers["ETag"] == asked.headers["ETag"]
    owner.call("POST", "/v1/strategies", {"name": "another", "symbol": "AAPL", "python_code": CODE})
    changed = owner.call("GET", "/v1/strategies", headers={"If-None-Match": asked.headers["ETag"]})
    assert changed.status_code == 200
    assert len(changed.json()["items"]) == 2


def test_a_tag_of_one_user_tells_another_nothing(api: Api, owner: User) -> None:
    tag = owner.call("GET", "/v1/strategies").headers["ETag"]
    other = api.user("another")
    assert other.call("GET", "/v1/strategies", headers={"If-None-Match": tag}).json()["items"] == []


def test_what_a_change_is_based_on_may_be_old_where_only_the_profit_moved(owner: User) -> None:
    strategy = owner.get("/v1/strategies")["items"][0]
    session = owner.call("POST", "/v1/sessions", {"strategy_id": strategy["strategy_id"]}).json()
    path = f"/v1/sessions/{session['session_id']}"
    tag = owner.call("GET", path).headers["ETag"]
    changed = owner.call("PATCH", path, {"stop_loss": "0.02"}, headers={"If-Match": tag})
    assert changed.status_code == 200, changed.text
    assert owner.call("PATCH", path, {"stop_loss": "0.03"}, headers={"If-Match": tag}).status_code == 412
    # Whoever reads is told of every change, though.
    assert owner.call("GET", path, headers={"If-None-Match": tag}).status_code == 200


def test_the_largest_number_of_a_version_is_one_that_the_store_takes(owner: User) -> None:
    strategy = owner.get("/v1/strategies")["items"][0]["strategy_id"]
    statuses = [
        owner.call("GET", f"/v1/strategies/{strategy}/versions?before={n}").status_code for n in (2**31 - 1, 2**31)
    ]
    assert statuses == [200, 422]


def test_a_key_is_for_one_request_with_all_it_asks_for(owner: User) -> None:
    headers = {"Idempotency-Key": "cancel-all"}
    assert owner.call("DELETE", "/v1/orders?symbol=AAPL", headers=headers).status_code == 200
    assert "Idempotent-Replayed" in owner.call("DELETE", "/api/trade/orders?symbol=AAPL", headers=headers).headers
    for other in ("?symbol=MSFT", ""):
        refused = owner.call("DELETE", f"/v1/orders{other}", headers=headers)
        assert refused.status_code == 422
        assert refused.json()["type"].endswith("idempotency-key-reused")


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [
        ("*, gzip;q=0", False),
        ("gzip;q=0.", False),
        ("gzip;\tq=0", False),
        ("*;q=0, gzip", True),
        ("*", True),
        ("gzip;q=0.01", True),
        ("", False),
    ],
)
def test_who_refuses_gzip_gets_none(owner: User, accepted: str, compressed: bool) -> None:
    answer = owner.call("GET", "/v1/strategies", headers={"Accept-Encoding": accepted})
    assert ("Content-Encoding" in answer.headers) is compressed


def test_long_answers_are_compressed_for_who_takes_it(owner: User) -> None:
    plain = owner.call("GET", "/v1/strategies", headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in plain.headers
    with owner.client.stream(
        "GET",
        "/v1/strategies",
        headers={"Authorization": f"Bearer {owner.tokens['access_token']}", "Accept-Encoding": "br, gzip"},
    ) as answer:
        sent = b"".join(answer.iter_raw())
        assert answer.headers["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in answer.headers["Vary"]
    assert gzip.decompress(sent) == plain.content
    assert len(sent) < len(plain.content) / 2
