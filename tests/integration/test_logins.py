"""Logins as an attacker meets them: nothing outlives a logout, nobody is locked out by somebody else, and what is repeated is done once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from stratforge.storage.delivery.events import SHARDS
from stratforge.storage.postgres.database import Database

from functions.notifier.realtime_updates import RealtimeUpdates
from functions.realtime.service import RealtimeService
from tests.support.api import PASSWORD, Api, User

WRONG = "not the password at all"


def log_in(api: Api, email: str, password: str, **headers: str) -> Any:
    return api.client().post("/api/auth/login", json={"email": email, "password": password}, headers=headers)


def log_out(user: User) -> None:
    answer = user.client.post("/api/auth/logout", json={"refresh_token": user.tokens["refresh_token"]})
    assert answer.status_code == 204


def close(user: User) -> None:
    assert user.call("DELETE", "/api/users/me", {"password": PASSWORD}).status_code == 204


def change_password(user: User) -> None:
    change = {"current_password": PASSWORD, "new_password": "another long password"}
    assert user.call("POST", "/api/auth/password", change).status_code == 200


ENDINGS = pytest.mark.parametrize("end", [log_out, close, change_password])


def every_route(api: Api) -> list[tuple[str, str]]:
    """Every operation of the API that asks who comes, with made-up ids."""
    operations = []
    for path, methods in api.app.openapi()["paths"].items():
        filled = path
        for name in ("{" + part.split("}")[0] + "}" for part in path.split("{")[1:]):
            filled = filled.replace(name, "AAPL" if "symbol" in name else "00000000-0000-4000-8000-000000000000")
        operations += [(method.upper(), filled) for method, what in methods.items() if what.get("security")]
    assert len(operations) > 50
    return operations


@ENDINGS
def test_after_the_end_of_a_login_its_access_token_opens_no_route(api: Api, ada: User, end: Any) -> None:
    end(ada)
    opened = []
    for method, path in every_route(api):
        body: dict[str, Any] | None = None if method in ("GET", "DELETE") else {}
        answer = ada.call(method, path, body)
        # A body that is not valid may be refused before anybody looks at who asks.
        if answer.status_code not in (401, 422):
            opened.append((method, path, answer.status_code))
    assert opened == []


@ENDINGS
def test_after_the_end_of_a_login_nothing_can_be_made_with_its_access_token(api: Api, ada: User, end: Any) -> None:
    made = ada.call(
        "POST",
        "/api/strategies",
        {"name": "s", "symbol": "AAPL", "python_code": "def on_bar(bar, position, state):\n    return buy()"},
    ).json()
    end(ada)
    for path, body in (
        ("/api/users/me/api-keys", {"name": "k", "scopes": ["read"], "password": PASSWORD}),
        ("/api/webhooks", {"url": "https://example.com/hook"}),
        ("/api/trade/orders", {"symbol": "AAPL", "side": "buy", "quantity": "1"}),
        ("/api/sessions", {"strategy_id": made["strategy_id"]}),
        ("/api/realtime/ticket", None),
        ("/api/strategies", {"name": "s", "symbol": "AAPL", "python_code": made["python_code"]}),
    ):
        assert ada.call("POST", path, body).status_code == 401, path


def test_a_session_that_is_started_while_the_account_closes_does_not_start(api: Api, ada: User, migrated: str) -> None:
    """The insertion waits for a closing that is under way, and a closing for an insertion."""
    with psycopg.connect(migrated) as closing:
        closing.execute("UPDATE users SET closed_at = now() WHERE email = %s", (ada.email,))
        with ThreadPoolExecutor(1) as pool:
            inserted = pool.submit(
                lambda: ada.call("POST", "/api/webhooks", {"url": "https://example.com/hook", "kinds": ["order"]})
            )
            with psycopg.connect(migrated, autocommit=True) as watching:
                while not watching.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone():
                    assert not inserted.done()
            closing.commit()
            assert inserted.result().status_code == 401
    with psycopg.connect(migrated) as connection:
        assert connection.execute("SELECT count(*) FROM webhooks").fetchone() == (0,)


class Gateway:
    """A gateway that notes what is closed."""

    def __init__(self) -> None:
        self.closed: list[str] = []

    def post_to_connection(self, ConnectionId: str, Data: bytes) -> None:
        raise AssertionError(f"{ConnectionId} was told {Data!r}")

    def delete_connection(self, ConnectionId: str) -> None:
        self.closed.append(ConnectionId)


def tell_everybody(database: Database, gateway: Gateway) -> None:
    """Tells every shard of users."""
    for shard in range(SHARDS):
        RealtimeUpdates(database, gateway).run(shard)


@ENDINGS
def test_open_sockets_end_with_their_login(api: Api, ada: User, database: Database, end: Any) -> None:
    ticket = ada.call("POST", "/api/realtime/ticket").json()["ticket"]
    unused = ada.call("POST", "/api/realtime/ticket").json()["ticket"]
    service, gateway = RealtimeService(database), Gateway()
    assert service.connect("hers", {"ticket": ticket})[0] == 200
    end(ada)
    tell_everybody(database, gateway)
    assert gateway.closed == ["hers"]
    assert service.connect("later", {"ticket": unused})[0] == 401


def test_a_socket_ends_with_the_key_that_opened_it(api: Api, ada: User, database: Database) -> None:
    made = ada.call("POST", "/api/users/me/api-keys", {"name": "k", "scopes": ["read"]}).json()
    program = User(api.client(), ada.email, {"access_token": made["key"]})
    ticket = program.call("POST", "/api/realtime/ticket").json()["ticket"]
    service, gateway = RealtimeService(database), Gateway()
    assert service.connect("program", {"ticket": ticket})[0] == 200
    assert ada.call("DELETE", f"/api/users/me/api-keys/{made['key_id']}").status_code == 204
    tell_everybody(database, gateway)
    assert gateway.closed == ["program"]


def test_a_page_of_another_site_cannot_use_a_ticket(api: Api, ada: User, database: Database) -> None:
    service = RealtimeService(database)
    for origin, status in (("https://evil.example", 403), ("https://testserver", 200)):
        ticket = ada.call("POST", "/api/realtime/ticket", headers={"Origin": "https://testserver"}).json()["ticket"]
        assert service.connect(f"from {origin}", {"ticket": ticket}, origin)[0] == status


def test_one_user_has_a_bounded_number_of_sockets(api: Api, ada: User, database: Database) -> None:
    service = RealtimeService(database)
    statuses = [
        service.connect(str(number), {"ticket": ada.call("POST", "/api/realtime/ticket").json()["ticket"]})[0]
        for number in range(22)
    ]
    assert statuses == [200] * 20 + [429] * 2
    other = api.user("bob").call("POST", "/api/realtime/ticket").json()["ticket"]
    assert service.connect("bob", {"ticket": other})[0] == 200


def test_logins_are_listed_and_ended_one_by_one_and_all_at_once(api: Api, ada: User) -> None:
    phone = log_in(api, ada.email, PASSWORD, **{"User-Agent": "a phone"}).json()
    listed = ada.get("/api/auth/logins")["items"]
    assert {each["client"] for each in listed} == {"testclient", "a phone"}
    (found,) = [each["login_id"] for each in listed if each["client"] == "a phone"]
    stranger = api.user("bob")
    assert stranger.call("DELETE", f"/api/auth/logins/{found}").status_code == 404
    assert ada.call("DELETE", f"/api/auth/logins/{found}").status_code == 204
    assert User(api.client(), ada.email, phone).call("GET", "/api/portfolio").status_code == 401
    for _ in range(3):
        log_in(api, ada.email, PASSWORD)
    assert ada.call("DELETE", "/api/auth/logins").json() == {"ended": 3}
    assert len(ada.get("/api/auth/logins")["items"]) == 1


def test_a_key_needs_a_recent_password_and_ends_by_itself(api: Api, ada: User, migrated: str) -> None:
    wanted = {"name": "k", "scopes": ["read"]}
    assert ada.call("POST", "/api/users/me/api-keys", wanted).json()["expires_at"] is not None
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute("UPDATE logins SET authenticated_at = now() - interval '11 minutes'")
    refused = ada.call("POST", "/api/users/me/api-keys", wanted)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:stratforge:problem:password-required")
    assert ada.call("POST", "/api/users/me/api-keys", {**wanted, "password": WRONG}).status_code == 403
    assert ada.call("POST", "/api/users/me/api-keys", {**wanted, "password": PASSWORD}).status_code == 201


def test_wrong_passwords_pause_the_place_they_come_from_and_the_pause_grows(api: Api, ada: User) -> None:
    for email in (ada.email, "nobody@example.com"):
        answers = [log_in(api, email, WRONG) for _ in range(7)]
        assert [each.status_code for each in answers] == [401] * 5 + [429] * 2
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 3


def test_many_guesses_at_once_do_not_slip_through_together(api: Api, ada: User) -> None:
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: log_in(api, ada.email, WRONG).status_code, range(12)))
    assert sorted(answers) == [401] * 5 + [429] * 7


def test_a_device_that_logged_in_before_is_not_locked_out_by_others(api: Api, ada: User, migrated: str) -> None:
    for _ in range(8):
        log_in(api, ada.email, WRONG)
    assert log_in(api, ada.email, PASSWORD).status_code == 429, "the right password does not help a stranger"
    assert log_in(api, ada.email, PASSWORD, **{"X-Device": "made up"}).status_code == 429
    assert log_in(api, ada.email, PASSWORD, **{"X-Device": ada.tokens["device"]}).status_code == 200
    for _ in range(7):
        log_in(api, ada.email, WRONG, **{"X-Device": ada.tokens["device"]})
    assert log_in(api, ada.email, PASSWORD, **{"X-Device": ada.tokens["device"]}).status_code == 429


@pytest.mark.parametrize("password", ["password12", "1234567890", "qwertyuiop", "aaaaaaaaaaaa"])
def test_a_password_that_is_easy_to_guess_is_refused_with_the_reason(api: Api, password: str) -> None:
    answer = api.client().post("/api/auth/register", json={"email": "new@example.com", "password": password})
    assert answer.status_code == 422
    assert "too weak" in answer.json()["detail"]


STRATEGY = {"name": "s", "symbol": "AAPL", "python_code": "def on_bar(bar, position, state):\n    return buy()"}


def test_what_was_made_and_deleted_is_not_made_again_by_a_repetition(ada: User) -> None:
    key = {"Idempotency-Key": "once"}
    first = ada.call("POST", "/api/strategies", STRATEGY, headers=key)
    path = f"/api/strategies/{first.json()['strategy_id']}"
    assert ada.call("DELETE", path, headers={"Idempotency-Key": "gone"}).status_code == 204
    again = ada.call("POST", "/api/strategies", STRATEGY, headers=key)
    assert (again.status_code, again.content) == (201, first.content)
    assert (again.headers["idempotent-replayed"], again.headers["etag"]) == ("true", first.headers["etag"])
    assert ada.call("DELETE", path, headers={"Idempotency-Key": "gone"}).status_code == 204
    assert ada.call("DELETE", path).status_code == 404


def test_a_change_of_an_order_that_is_repeated_gets_its_first_answer(ada: User) -> None:
    order = {"symbol": "AAPL", "side": "buy", "type": "limit", "quantity": "1", "limit_price": "100"}
    placed = ada.call("POST", "/api/trade/orders", order).json()
    path, change = f"/api/trade/orders/{placed['order_id']}", {"limit_price": "90"}
    answers = [ada.call("PATCH", path, change, headers={"Idempotency-Key": "change"}) for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 201], answers[-1].text
    assert answers[0].content == answers[1].content


@pytest.mark.parametrize(
    ("path", "body", "secret"),
    [
        ("/api/users/me/api-keys", {"name": "k", "scopes": ["read"]}, "key"),
        ("/api/webhooks", {"url": "https://example.com/hook", "kinds": ["order"]}, "secret"),
    ],
)
def test_a_secret_is_made_once_shown_again_to_who_repeats_and_stored_nowhere(
    api: Api, ada: User, migrated: str, path: str, body: dict[str, Any], secret: str
) -> None:
    answers = [ada.call("POST", path, body, headers={"Idempotency-Key": "secret"}).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert len(ada.get(path)["items"]) == 1
    other = api.user("bob").call("POST", path, body, headers={"Idempotency-Key": "secret"}).json()
    assert other[secret] != answers[0][secret]
    with psycopg.connect(migrated) as connection:
        kept = connection.execute("SELECT count(*) FROM idempotency_keys WHERE body IS NOT NULL").fetchone()
    assert kept == (0,)


def test_a_refused_request_may_be_repeated_when_it_can_be_granted(ada: User) -> None:
    key = {"Idempotency-Key": "later"}
    wrong = {**STRATEGY, "python_code": "import os"}
    assert ada.call("POST", "/api/strategies", wrong, headers=key).status_code == 422
    assert ada.call("POST", "/api/strategies", wrong, headers=key).status_code == 422
    assert ada.call("POST", "/api/strategies", STRATEGY, headers=key).json()["type"].endswith("key-reused")


def test_the_same_request_twice_at_once_is_done_once(ada: User) -> None:
    key = {"Idempotency-Key": "together"}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ada.call("POST", "/api/strategies", STRATEGY, headers=key), range(4)))
    assert {each.status_code for each in answers} <= {201, 409}
    assert len(ada.get("/api/strategies")["items"]) == 1


@pytest.mark.parametrize(
    "address",
    ["/%09/evil.host/x", "//evil.host", "/\\evil.host", "/%E2%80%A8", "/%C3%BC", "https://evil.host", "/%0d%0aX: y"],
)
def test_the_way_after_the_login_leads_nowhere_else(api: Api, ada: User, address: str) -> None:
    from urllib.parse import unquote

    client = api.client()
    page = client.get(f"/login?next={address}", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert 'data-renew="/"' in page.text
    form = {"email": ada.email, "password": PASSWORD, "next": unquote(address)}
    answer = client.post("/login", data=form, headers={"HX-Request": "true"})
    assert answer.status_code < 400
    assert answer.headers.get("hx-redirect", answer.headers.get("location")) == "/"


@pytest.mark.parametrize(
    ("scopes", "path", "body"),
    [
        (["write"], "/api/webhooks", {"url": "https://example.com/hook", "kinds": ["order"]}),
        (["ai"], "/api/ai/generate", {"prompt": "sell earlier", "strategy_id": "00000000-0000-4000-8000-000000000000"}),
    ],
)
def test_a_key_does_not_get_by_a_detour_what_its_scopes_do_not_say(
    api: Api, ada: User, scopes: list[str], path: str, body: dict[str, Any]
) -> None:
    made = ada.call("POST", "/api/users/me/api-keys", {"name": "k", "scopes": scopes}).json()
    answer = User(api.client(), ada.email, {"access_token": made["key"]}).call("POST", path, body)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:stratforge:problem:scope")


def test_versions_come_in_pages_and_texts_that_cannot_be_compared_quickly_are_said_to_be_replaced(ada: User) -> None:
    made = ada.call("POST", "/api/strategies", STRATEGY).json()
    path = f"/api/strategies/{made['strategy_id']}"
    for number in range(2, 14):
        lines = "\n".join(f"N{number}_{line} = {line % 7}" for line in range(20))
        code = f"{lines}\n{STRATEGY['python_code']}"
        assert ada.call("PATCH", path, {"python_code": code}).json()["version"] == number
    first = ada.get(f"{path}/versions")
    second = ada.get(f"{path}/versions?before={first['next']}")
    numbers = [each["version"] for each in first["items"] + second["items"]]
    assert (numbers, second["next"]) == (list(range(13, 0, -1)), None)
    assert all(each["diff"] for each in first["items"]), "the last of a page is compared with the first of the next"


# A reply that got lost --------------------------------------------------------------------------------------------


def refresh(api: Api, token: str) -> Any:
    """What the exchange of a refresh token answers a client without cookies."""
    return api.client().post("/v1/auth/refresh", json={"refresh_token": token})


def test_who_never_got_the_reply_may_ask_once_more(api: Api, ada: User) -> None:
    old = ada.tokens["refresh_token"]
    lost = refresh(api, old).json()["refresh_token"]
    again = refresh(api, old)
    assert again.status_code == 200
    assert refresh(api, again.json()["refresh_token"]).status_code == 200
    # Whoever has the lost reply after all is not who asked again.
    assert refresh(api, lost).status_code == 401
    assert ada.call("GET", "/v1/portfolio").status_code == 401


def test_a_lost_reply_is_forgiven_once(api: Api, ada: User) -> None:
    old = ada.tokens["refresh_token"]
    with ThreadPoolExecutor(6) as pool:
        statuses = [each.status_code for each in pool.map(lambda _: refresh(api, old), range(6))]
    assert statuses.count(200) <= 2
    assert ada.call("GET", "/v1/portfolio").status_code == 401


def test_a_token_and_the_one_that_came_of_it_do_not_both_go_on(api: Api, ada: User, migrated: str) -> None:
    """The old one comes while the new one is being exchanged: what the other does is waited for, and seen."""
    old = ada.tokens["refresh_token"]
    new = refresh(api, old).json()["refresh_token"]
    with psycopg.connect(migrated, autocommit=True) as connection, ThreadPoolExecutor(2) as pool:
        connection.execute(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NEW; END'"
        )
        connection.execute("CREATE TRIGGER slow AFTER INSERT ON refresh_tokens FOR EACH ROW EXECUTE FUNCTION slow()")
        connection.execute("SELECT pg_advisory_lock(7)")
        first = pool.submit(refresh, api, new)
        wait_for_locks(connection, 1)
        second = pool.submit(refresh, api, old)
        wait_for_locks(connection, 2)
        connection.execute("SELECT pg_advisory_unlock(7)")
        assert second.result().status_code == 401
        assert refresh(api, first.result().json()["refresh_token"]).status_code == 401


def wait_for_locks(connection: psycopg.Connection[Any], count: int) -> None:
    """Waits until so many transactions of the database wait for another."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    deadline = time.monotonic() + 30
    while connection.execute(query).fetchone() != (count,):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_token_that_comes_late_was_stolen(api: Api, ada: User, migrated: str) -> None:
    old = ada.tokens["refresh_token"]
    refresh(api, old)
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute(
            "UPDATE refresh_tokens SET spent_at = spent_at - interval '21 seconds' WHERE spent_at IS NOT NULL"
        )
    assert refresh(api, old).status_code == 401
    assert ada.call("GET", "/v1/portfolio").status_code == 401


def test_nothing_is_forgiven_after_a_logout(api: Api, ada: User) -> None:
    log_out(ada)
    assert refresh(api, ada.tokens["refresh_token"]).status_code == 401
