"""What the API promises every client: idempotency, paging, tags, scopes, sessions with cookies, and closing an account."""

from __future__ import annotations

import json
import time
from typing import Any

import boto3
import jwt
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from functions.api.context import database, settings
from functions.api.internal.endpoints import sign
from tests.support.api import PASSWORD, SIGNING_KEY, Api, User
from tests.support.round_trips import CountingLine

CODE = "def on_bar(bar, position, state):\n    return buy()\n"


def strategy(user: User, **changes: Any) -> dict[str, Any]:
    """Stores a strategy."""
    body = {"name": "test", "symbol": "AAPL", "python_code": CODE, **changes}
    answer = user.call("POST", "/api/strategies", body)
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def test_a_repeated_creating_request_makes_one_thing(ada: User) -> None:
    body = {"symbol": "AAPL", "side": "buy", "quantity": "1"}
    headers = {"Idempotency-Key": "first-order"}
    answers = [ada.call("POST", "/api/trade/orders", body, headers=headers) for _ in range(3)]
    assert {each.status_code for each in answers} == {201}
    assert len({each.json()["order_id"] for each in answers}) == 1
    other = ada.call("POST", "/api/trade/orders", {**body, "quantity": "2"}, headers=headers)
    assert (other.status_code, other.json()["type"]) == (422, "urn:stratforge:problem:idempotency-key-reused")
    assert len(ada.get("/api/trade/orders")["items"]) == 1
    for path, made, name in (
        ("/api/strategies", {"name": "a", "symbol": "AAPL", "python_code": CODE}, "strategy_id"),
        ("/api/ai/generate", {"prompt": "buy when the RSI falls below 30"}, "job_id"),
    ):
        ids = {ada.call("POST", path, made, headers={"Idempotency-Key": path}).json()[name] for _ in range(2)}
        assert len(ids) == 1


def test_the_same_key_of_two_users_makes_two_things(api: Api, ada: User) -> None:
    bob = api.user("bob")
    body = {"symbol": "AAPL", "side": "buy", "quantity": "1"}
    ids = {
        user.call("POST", "/api/trade/orders", body, headers={"Idempotency-Key": "k"}).json()["order_id"]
        for user in (ada, bob)
    }
    assert len(ids) == 2


@pytest.mark.parametrize("sort", ["newest", "oldest"])
def test_pages_skip_nothing_and_repeat_nothing(ada: User, sort: str) -> None:
    names = [strategy(ada, name=f"number {index}")["name"] for index in range(7)]
    seen, cursor, pages = [], None, 0
    while True:
        query = f"?limit=3&sort={sort}" + (f"&cursor={cursor}" if cursor else "")
        page = ada.get(f"/api/strategies{query}")
        seen += [each["name"] for each in page["items"]]
        cursor, pages = page["next"], pages + 1
        if cursor is None:
            break
    assert seen == (names if sort == "oldest" else names[::-1])
    assert pages == 3


def test_two_tabs_cannot_overwrite_each_other(ada: User) -> None:
    made = ada.call("GET", f"/api/strategies/{strategy(ada)['strategy_id']}")
    path, tag = f"/api/strategies/{made.json()['strategy_id']}", made.headers["etag"]
    assert ada.call("PATCH", path, {"name": "one"}, headers={"If-Match": tag}).status_code == 200
    late = ada.call("PATCH", path, {"name": "two"}, headers={"If-Match": tag})
    assert (late.status_code, ada.get(path)["name"]) == (412, "one")


def test_other_code_is_a_new_version_with_a_diff(ada: User) -> None:
    made = strategy(ada)
    path = f"/api/strategies/{made['strategy_id']}"
    changed = ada.call("PATCH", path, {"python_code": CODE.replace("buy()", "sell()")}).json()
    assert changed["version"] == 2
    assert ada.call("PATCH", path, {"name": "renamed"}).json()["version"] == 2
    refused = ada.call("PATCH", path, {"python_code": "import os"})
    assert refused.status_code == 422
    assert refused.json()["findings"][0]["line"] == 1
    newest, oldest = ada.get(f"{path}/versions")["items"]
    assert ("-    return buy()" in newest["diff"], "+    return sell()" in newest["diff"], oldest["diff"]) == (
        True,
        True,
        "",
    )


def test_a_strategy_is_toggled_and_stopped_and_not_deleted_while_it_runs(ada: User) -> None:
    path = f"/api/strategies/{strategy(ada)['strategy_id']}"
    states = [ada.call("PATCH", f"{path}/toggle").json()["status"] for _ in range(3)]
    assert states == ["RUNNING", "PAUSED", "RUNNING"]
    assert ada.call("DELETE", path).status_code == 409
    assert [each["status"] for each in ada.call("POST", f"{path}/stop").json()["items"]] == ["STOPPED"]
    assert ada.call("DELETE", path).status_code == 204
    assert ada.call("GET", path).status_code == 404


def test_a_strategy_is_put_aside_and_taken_out_again(ada: User) -> None:
    new = {"name": "test", "symbol": "AAPL", "python_code": CODE}
    first, second = (ada.call("POST", "/v1/strategies", new).json()["strategy_id"] for _ in range(2))

    def listed(query: str = "") -> set[str]:
        return {each["strategy_id"] for each in ada.get(f"/v1/strategies{query}")["items"]}

    aside = ada.call("PATCH", f"/v1/strategies/{first}", {"archived": True}).json()
    assert aside["archived_at"] is not None
    assert ada.call("PATCH", f"/v1/strategies/{first}", {"name": "other"}).json()["archived_at"] == aside["archived_at"]
    assert (listed("?archived=true"), listed("?archived=false"), listed()) == ({first}, {second}, {first, second})
    assert ada.call("PATCH", f"/v1/strategies/{first}", {"archived": False}).json()["archived_at"] is None
    assert listed("?archived=true") == set()


def test_an_earlier_version_is_the_next_one_and_asked_twice_only_once(ada: User) -> None:
    path = f"/v1/strategies/{ada.call('POST', '/v1/strategies', {'name': 'test', 'symbol': 'AAPL', 'python_code': CODE}).json()['strategy_id']}"
    other = CODE.replace("buy()", "buy(fraction=0.5)")
    assert ada.call("PATCH", path, {"python_code": other}).json()["version"] == 2
    key = {"Idempotency-Key": "undo-1"}
    for _ in range(2):
        restored = ada.call("POST", f"{path}/restore", {"version": 1}, headers=key).json()
        assert (restored["version"], restored["python_code"]) == (3, CODE)
    assert [each["version"] for each in ada.get(f"{path}/versions")["items"]] == [3, 2, 1]
    assert ada.call("POST", f"{path}/restore", {"version": 9}).status_code == 404


def test_symbols_are_watched_in_the_order_in_which_they_were_added(api: Api, ada: User) -> None:
    for symbol in ("MSFT", "BTC-USD", "AAPL", "MSFT"):
        assert ada.call("PUT", f"/v1/watchlist/{symbol}").status_code == 204
    assert [each["symbol"] for each in ada.get("/v1/watchlist")["items"]] == ["MSFT", "BTC/USD", "AAPL"]
    assert ada.call("DELETE", "/v1/watchlist/BTC-USD").status_code == 204
    assert ada.call("DELETE", "/v1/watchlist/BTC-USD").status_code == 204
    assert [each["symbol"] for each in ada.get("/v1/watchlist")["items"]] == ["MSFT", "AAPL"]
    assert api.user("eve").get("/v1/watchlist")["items"] == []
    for number in range(28):
        ada.call("PUT", f"/v1/watchlist/AA{chr(65 + number % 26)}{chr(65 + number // 26)}")
    full = ada.call("PUT", "/v1/watchlist/GOOG")
    assert (full.status_code, full.json()["type"]) == (409, "urn:stratforge:problem:watchlist-full")


def test_a_key_does_what_its_scopes_say(api: Api, ada: User) -> None:
    made = ada.call("POST", "/api/users/me/api-keys", {"name": "script", "scopes": ["read"]}).json()
    script = User(api.client(), "", {"access_token": made["key"]})
    assert script.call("GET", "/api/portfolio").status_code == 200
    denied = script.call("POST", "/api/trade/orders", {"symbol": "AAPL", "side": "buy", "quantity": "1"})
    assert (denied.status_code, denied.json()["scope"]) == (403, "trade")
    for method, path, body in (
        ("GET", "/api/users/me/api-keys", None),
        ("POST", "/api/auth/password", {"current_password": PASSWORD, "new_password": PASSWORD + "x"}),
        ("DELETE", "/api/users/me", {"password": PASSWORD}),
    ):
        assert script.call(method, path, body).status_code == 403, path
    assert ada.call("DELETE", f"/api/users/me/api-keys/{made['key_id']}").status_code == 204
    assert script.call("GET", "/api/portfolio").status_code == 401
    assert "key" not in ada.get("/api/users/me/api-keys")["items"][0]


def test_cookies_need_the_csrf_token_for_changes(api: Api) -> None:
    page = api.client()
    tokens = page.post("/api/auth/register", json={"email": "page@example.com", "password": PASSWORD}).json()
    assert page.get("/api/portfolio").status_code == 200
    body = {"symbol": "AAPL", "side": "buy", "quantity": "1"}
    assert page.post("/api/trade/orders", json=body).json()["type"].endswith(":csrf")
    wrong = page.post("/api/trade/orders", json=body, headers={"X-CSRF-Token": "0" * 64})
    assert wrong.status_code == 403
    right = page.post("/api/trade/orders", json=body, headers={"X-CSRF-Token": tokens["csrf_token"]})
    assert right.status_code == 201
    assert page.post("/api/auth/refresh").status_code == 200
    cookies = page.post("/api/auth/login", json={"email": "page@example.com", "password": PASSWORD}).headers.get_list(
        "set-cookie"
    )
    assert all("SameSite=strict" in each and "Secure" in each for each in cookies)
    assert [("HttpOnly" in each) for each in cookies] == [True, True, False, True]


def test_a_refresh_token_that_comes_twice_ends_the_login(api: Api, ada: User) -> None:
    old = {"refresh_token": ada.tokens["refresh_token"]}
    first = ada.client.post("/api/auth/refresh", json=old).json()
    new = ada.client.post("/api/auth/refresh", json={"refresh_token": first["refresh_token"]}).json()
    ada.client.cookies.clear()
    assert ada.client.post("/api/auth/refresh", json=old).status_code == 401
    assert ada.client.post("/api/auth/refresh", json={"refresh_token": new["refresh_token"]}).status_code == 401


def test_changing_the_password_ends_every_other_login(api: Api, ada: User) -> None:
    other = api.client().post("/api/auth/login", json={"email": ada.email, "password": PASSWORD}).json()
    change = {"current_password": PASSWORD, "new_password": "another long password"}
    assert ada.call("POST", "/api/auth/password", {**change, "current_password": "wrong password"}).status_code == 403
    assert ada.call("POST", "/api/auth/password", change).status_code == 200
    again = api.client().post("/api/auth/refresh", json={"refresh_token": other["refresh_token"]})
    assert again.status_code == 401
    assert api.client().post("/api/auth/login", json={"email": ada.email, "password": PASSWORD}).status_code == 401


@pytest.mark.parametrize(
    "kind", ["other key", "none", "other audience", "expired", "unknown key id", "garbage", "other subject"]
)
def test_confused_tokens_are_nobodys(api: Api, ada: User, kind: str) -> None:
    claims = jwt.decode(ada.tokens["access_token"], options={"verify_signature": False})
    headers, key, algorithm = {"kid": "1"}, SIGNING_KEY, "HS256"
    if kind == "other key":
        key = "another-signing-key-that-is-long-enough-too"
    elif kind == "none":
        key, algorithm = "", "none"
    elif kind == "other audience":
        claims["aud"] = "stratforge-live"
    elif kind == "expired":
        claims["exp"] = int(time.time()) - 10
    elif kind == "unknown key id":
        headers = {"kid": "../../1"}
    elif kind == "other subject":
        claims["sub"] = "'; DROP TABLE users; --"
    token = "a.b.c" if kind == "garbage" else jwt.encode(claims, key, algorithm, headers=headers)
    assert User(api.client(), "", {"access_token": token}).call("GET", "/api/portfolio").status_code == 401


def test_tokens_of_a_retired_key_are_valid_until_they_expire(api: Api, ada: User) -> None:
    rotated = {
        "signing_key": "a-new-signing-key-that-is-long-enough-as-well",
        "key_id": "2",
        "retired": [{"key_id": "1", "signing_key": SIGNING_KEY}],
    }
    boto3.client("secretsmanager").put_secret_value(SecretId="test/tokens", SecretString=json.dumps(rotated))
    from stratforge import configuration

    configuration._cache.clear()
    assert ada.call("GET", "/api/portfolio").status_code == 200
    fresh = api.user("later")
    assert jwt.get_unverified_header(fresh.tokens["access_token"])["kid"] == "2"
    assert fresh.call("GET", "/api/portfolio").status_code == 200


def test_closing_an_account_leaves_the_ledger_consistent(api: Api, ada: User, migrated: str) -> None:
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO positions (user_id, symbol, quantity, cost_basis) SELECT id, 'AAPL', 3, 30 FROM users WHERE email = %s",
            (ada.email,),
        )
    assert ada.call("DELETE", "/api/users/me", {"password": "not the password"}).status_code == 403
    assert ada.call("DELETE", "/api/users/me", {"password": PASSWORD}).status_code == 204
    assert api.client().post("/api/auth/login", json={"email": ada.email, "password": PASSWORD}).status_code == 401
    assert api.user("ada").email == ada.email, "the address is free again"
    with psycopg.connect(migrated) as connection:
        row = connection.execute(
            "SELECT u.email, o.origin::text, o.status::text FROM users u JOIN orders o ON o.user_id = u.id WHERE u.closed_at IS NOT NULL"
        ).fetchone()
    assert row is not None
    assert row[0].startswith("closed-")
    assert row[1:] == ("FLATTEN", "PENDING")


def test_operators_only_steer_the_platform(api: Api, ada: User, migrated: str) -> None:
    body = {"trading_state": "HALTED", "reason": "a test"}
    assert ada.call("PUT", "/api/operations/state", body).status_code == 404
    assert ada.call("GET", "/api/operations/reports").status_code == 404
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute("UPDATE users SET is_operator = true WHERE email = %s", (ada.email,))
    assert ada.call("PUT", "/api/operations/state", body).json()["trading_state"] == "HALTED"
    assert (
        ada.call("PUT", "/api/operations/halts/BTC-USD", {"reason": "a test"}).json()["halts"][0]["symbol"] == "BTC/USD"
    )
    assert ada.call("DELETE", "/api/operations/halts/BTC-USD").status_code == 204
    assert ada.call("DELETE", "/api/operations/halts/BTC-USD").status_code == 404
    assert ada.get("/api/operations/state")["trading_state"] == "HALTED"


def test_operators_accept_a_correction_by_its_amounts_and_it_is_noted(api: Api, ada: User, migrated: str) -> None:
    path = "/api/operations/corrections"
    assert ada.call("GET", path).status_code == 404
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute("UPDATE users SET is_operator = true WHERE email = %s", (ada.email,))
        connection.execute(
            """
            INSERT INTO block_orders (symbol, quantity, cross_quantity, reference_price, collar, cross_low, cross_high, client_order_id, status)
            VALUES ('AAPL', 10, 0, 100, 0.1, 90, 110, 'sf-1', 'FILLED');
            INSERT INTO kept_corrections (client_order_id, symbol, quantity, value) VALUES ('sf-1', 'AAPL', -2, 99.900000000000000000);
            INSERT INTO symbol_halts (symbol, reason, details) VALUES ('AAPL', 'UNEXPLAINED_FILL', '')
            """
        )
    (found,) = ada.call("GET", path).json()["items"]
    assert (found["order_id"], found["symbol"], found["quantity"], found["value"]) == ("sf-1", "AAPL", "-2", "99.9")
    named = {"quantity": found["quantity"], "value": found["value"], "reason": "a gift of the broker's"}
    assert ada.call("PUT", f"{path}/sf-1", {**named, "value": "99.8"}).status_code == 409
    assert ada.get("/api/operations/state")["halts"] != []
    assert [ada.call("PUT", f"{path}/sf-1", named).status_code for _ in range(2)] == [204, 409]
    assert (ada.call("GET", path).json()["items"], ada.get("/api/operations/state")["halts"]) == ([], [])
    with psycopg.connect(migrated) as connection:
        noted = connection.execute("SELECT action, subject, reason FROM operator_actions").fetchall()
    assert noted == [("accept correction", "sf-1", "a gift of the broker's")]


def test_operators_have_missing_units_bought_once_and_it_is_noted(api: Api, ada: User, migrated: str) -> None:
    path, why = "/api/operations/halts/BTC-USD/purchase", {"reason": "a fill was taken back"}
    assert ada.call("PUT", path, why).status_code == 404
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute("UPDATE users SET is_operator = true WHERE email = %s", (ada.email,))
        assert ada.call("PUT", path, why).status_code == 409
        connection.execute("INSERT INTO symbol_halts (symbol, reason, details) VALUES ('BTC/USD', 'MISSING_UNITS', '')")
        assert [ada.call("PUT", path, why).status_code for _ in range(2)] == [204, 409]
        assert connection.execute("SELECT symbol, ended_at FROM house_orders").fetchall() == [("BTC/USD", None)]
        noted = connection.execute("SELECT action, subject, reason FROM operator_actions").fetchall()
    assert noted == [("buy missing units", "BTC/USD", why["reason"])]


def test_operators_decide_on_corporate_actions_and_it_is_noted(api: Api, ada: User, migrated: str) -> None:
    bob = api.user("bob")
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute("UPDATE users SET is_operator = true WHERE email = %s", (ada.email,))
    merger = {
        "action_id": "by-hand-1", "symbol": "AAPL", "kind": "stock_and_cash_merger", "effective_on": "2026-01-05", "ratio": "0",
        "new_symbol": "BUYER", "new_ratio": "0.5", "cash": "3", "reason": "Alpaca does not announce it",
    }  # fmt: skip
    assert bob.call("POST", "/api/operations/corporate-actions", merger).status_code == 404
    assert ada.call("POST", "/api/operations/corporate-actions", {**merger, "new_ratio": None}).status_code == 422
    assert ada.call("POST", "/api/operations/corporate-actions", merger).status_code == 204
    assert ada.call("POST", "/api/operations/corporate-actions", merger).status_code == 409
    (found,) = ada.call("GET", "/api/operations/corporate-actions").json()["items"]
    assert (found["symbol"], found["new_ratio"], found["applied_at"]) == ("AAPL", "0.5", None)
    assert found["approved_at"] is not None
    decision = {"follow": False, "reason": "it was called off"}
    assert bob.call("PUT", "/api/operations/corporate-actions/by-hand-1", decision).status_code == 404
    assert ada.call("PUT", "/api/operations/corporate-actions/nothing", decision).status_code == 404
    assert ada.call("PUT", "/api/operations/corporate-actions/by-hand-1", decision).status_code == 204
    with psycopg.connect(migrated) as connection:
        noted = connection.execute("SELECT action, subject, reason FROM operator_actions ORDER BY id").fetchall()
    assert noted[-2:] == [
        ("enter corporate action", "by-hand-1", "Alpaca does not announce it"),
        ("dismiss corporate action", "by-hand-1", "it was called off"),
    ]


def test_internal_requests_are_signed_fresh_and_accepted_once(api: Api) -> None:
    body = json.dumps({"symbol": "AAPL", "cause": "test"}).encode()

    def send(timestamp: str, nonce: str, signature: str) -> int:
        headers = {
            "X-Timestamp": timestamp,
            "X-Nonce": nonce,
            "X-Signature": signature,
            "Content-Type": "application/json",
        }
        return int(api.client().post("/internal/execute", content=body, headers=headers).status_code)

    now, old = str(int(time.time())), str(int(time.time()) - 301)
    first = "nonce-0123456789abcdef"
    assert send(now, first, sign(SIGNING_KEY, now, first, body)) == 202
    assert send(now, first, sign(SIGNING_KEY, now, first, body)) == 401
    assert send(old, "nonce-of-yesterday", sign(SIGNING_KEY, old, "nonce-of-yesterday", body)) == 401
    assert send(now, "another-nonce-here", sign("wrong", now, "another-nonce-here", body)) == 401


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"[" * 100_000, 422),
        (b'{"a":' * 1_000 + b"1" + b"}" * 1_000, 422),
        (b'{"symbol": "AAPL\\u0000", "side": "buy", "quantity": "1"}', 422),
        (b'{"symbol": "AAPL", "side": "buy", "quantity": "1", "x": "\\ud800"}', 422),
        (b"\xff\xfe", 422),
        (b"{" + b" " * 300_000 + b"}", 413),
        (b'{"symbol": "AAPL", "side": "buy", "quantity": 1e400}', 422),
        (b'{"symbol": "AAPL", "side": "buy", "quantity": "NaN"}', 422),
        (b'{"symbol": "AAPL", "side": "buy", "quantity": "' + b"9" * 10_000 + b'"}', 422),
        (b'{"symbol": "AAPL", "side": "buy", "quantity": "1E-999999999"}', 422),
        ('{"symbol": "A\u202eAPL", "side": "buy", "quantity": "1"}'.encode(), 422),
        (b"not json", 422),
        (b"", 422),
        (b"null", 422),
        (b'"text"', 422),
    ],
)
def test_hostile_bodies_get_a_clear_refusal(ada: User, content: bytes, status: int) -> None:
    headers = {"Authorization": f"Bearer {ada.tokens['access_token']}", "Content-Type": "application/json"}
    answer = ada.client.post("/api/trade/orders", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/api/strategies?cursor=%00", {}),
        ("/api/strategies?cursor=AAAA", {}),
        ("/api/strategies?cursor=" + "A" * 150, {}),
        ("/api/trades?cursor=dHJ1ZQ", {}),
        ("/api/trades?cursor=OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5", {}),
        ("/api/strategies?limit=99999999999999999999", {}),
        ("/api/market/';DROP TABLE users;--/bars", {}),
        ("/api/market/AAPL/bars?start=0001-01-01T00:00:00Z&end=9999-12-31T23:59:59Z", {}),
        ("/api/assets?search=%25'%20OR%201=1%20--", {}),
        ("/api/strategies/not-a-uuid", {}),
        ("/api/portfolio", {"If-Match": "x" * 5000}),
        ("/api/portfolio/history?days=1e308", {}),
    ],
)
def test_hostile_addresses_and_headers_never_break_anything(ada: User, path: str, headers: dict[str, str]) -> None:
    answer = ada.call("GET", path, headers=headers)
    assert answer.status_code in (200, 404, 422), answer.text
    assert "Traceback" not in answer.text


def test_without_a_database_there_is_a_503_that_says_when_to_come_back(
    api: Api, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    context_database = database()
    context_database.close()
    # Neither the secret as it is remembered nor as it is read again leads anywhere.
    for remembered in ("_conninfo", "_renewed"):
        monkeypatch.setattr(context_database, remembered, lambda: "host=127.0.0.1 port=1 connect_timeout=1")
    for path in ("/api/portfolio", "/healthz"):
        answer = ada.call("GET", path)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert api.client().get("/livez").status_code == 200


def test_an_order_can_be_followed_from_the_request_to_the_executor(ada: User) -> None:
    answer = ada.call("POST", "/api/trade/orders", {"symbol": "AAPL", "side": "buy", "quantity": "1"})
    sqs = boto3.client("sqs")
    (message,) = sqs.receive_message(QueueUrl=settings().signals_queue_url)["Messages"]
    sent = json.loads(message["Body"])
    assert sent["correlation_id"] == answer.headers["x-request-id"]
    assert answer.json()["order_id"] in sent["cause"]


def test_the_export_holds_everything_of_the_user_and_nothing_secret(api: Api, ada: User) -> None:
    strategy(api.user("bob"), name="not hers")
    strategy(ada, name="hers")
    text = ada.call("GET", "/api/users/me/export").text
    assert "hers" in text
    assert "not hers" not in text
    assert "argon2" not in text


def test_reads_cost_at_most_two_round_trips(api: Api, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """The question with all that belongs to it, and the end of the transaction."""
    made = strategy(ada)
    used = database()
    values = conninfo_to_dict(used._conninfo())
    line = CountingLine(str(values["host"]), int(str(values["port"])))
    through = make_conninfo(used._conninfo(), host="127.0.0.1", port=line.port)
    used.close()
    monkeypatch.setattr(used, "_conninfo", lambda: through)
    ada.get("/api/portfolio")
    trips = {}
    for path in (
        "/api/portfolio",
        "/api/portfolio/history",
        "/api/strategies",
        f"/api/strategies/{made['strategy_id']}",
        f"/api/strategies/{made['strategy_id']}/versions",
        "/api/sessions",
        "/api/trade/orders",
        "/api/trades",
        "/api/signals",
        "/api/jobs",
        "/api/backtests",
        "/api/assets",
        "/api/market/AAPL/bars",
        "/api/users/me",
        "/api/users/me/risk",
    ):
        before = line.round_trips
        ada.get(path)
        trips[path] = line.round_trips - before
    line.close()
    assert all(1 <= each <= 2 for each in trips.values()), trips
