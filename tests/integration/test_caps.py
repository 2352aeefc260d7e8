"""Caps: how many of everything a user may have at once, whichever door it comes by, and where that is said."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from stratforge.application import caps
from stratforge.storage.postgres.database import Database

from tests.support.api import Api, User

CODE = "def on_bar(bar, position, state):\n    return buy()\n"
NEW = {"name": "Buys", "symbol": "AAPL", "python_code": CODE}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two strategies and two live sessions may be."""
    monkeypatch.setattr(caps, "MOST_STRATEGIES", 2)
    monkeypatch.setattr(caps, "MOST_LIVE_SESSIONS", 2)


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def strategy(user: User, **headers: str) -> Any:
    return user.call("POST", "/v1/strategies", NEW, headers=headers)


def imported(user: User) -> Any:
    file = {**NEW, "format": "stratforge-strategy", "edition": 1, "parameters": {}}
    return user.call("POST", "/v1/strategies/import", file)


def generated(user: User) -> Any:
    return user.call("POST", "/v1/ai/generate", {"prompt": "Buy AAPL when RSI is below 30, sell above 70"})


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("door", [strategy, imported, generated])
def test_a_user_has_a_bounded_number_of_strategies_by_whichever_door(ada: User, door: Callable[[User], Any]) -> None:
    made = [strategy(ada).json()["strategy_id"] for _ in range(2)]
    refused = door(ada)
    assert code_of(refused) == (409, "too-many-strategies")
    assert "delete one first" in refused.json()["detail"]
    assert ada.call("PATCH", f"/v1/strategies/{made[0]}", {"archived": True}).status_code == 200
    assert door(ada).status_code == 409, "one that is put aside counts"
    assert ada.call("DELETE", f"/v1/strategies/{made[0]}").status_code == 204
    assert door(ada).status_code in (201, 202)


@pytest.mark.usefixtures("few")
def test_copying_from_the_gallery_is_a_door_too(ada: User) -> None:
    for _ in range(2):
        strategy(ada)
    page = ada.call("GET", "/gallery", headers={"Accept": "text/html"}).text
    key = page.split('hx-post="/gallery/')[1].split('"')[0]
    form = {"HX-Request": "true", "Content-Type": "application/x-www-form-urlencoded"}
    headers = {**form, "Authorization": f"Bearer {ada.tokens['access_token']}"}
    copied = ada.client.post(f"/gallery/{key}", content="key=k", headers=headers)
    assert (copied.status_code, "delete one first" in copied.text) == (409, True)


@pytest.mark.usefixtures("few")
def test_what_is_changed_and_what_is_repeated_needs_no_room(ada: User) -> None:
    made = [strategy(ada, **{"Idempotency-Key": f"k{number}"}).json() for number in range(2)]
    assert strategy(ada, **{"Idempotency-Key": "k0"}).json()["strategy_id"] == made[0]["strategy_id"]
    path = f"/v1/strategies/{made[0]['strategy_id']}"
    assert ada.call("PATCH", path, {"python_code": CODE + "\n"}).status_code == 200
    change = {"prompt": "Buy twice as much", "strategy_id": made[0]["strategy_id"]}
    assert ada.call("POST", "/v1/ai/generate", change).status_code == 202


@pytest.mark.usefixtures("few")
def test_of_many_at_once_no_more_than_may_be_are_made(api: Api, ada: User) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: strategy(User(api.client(), ada.email, ada.tokens)), range(8)))
    assert sorted(each.status_code for each in answers) == [201] * 2 + [409] * 6


def run(user: User, strategy_id: str) -> Any:
    return user.call("POST", "/v1/sessions", {"strategy_id": strategy_id})


@pytest.mark.usefixtures("few")
def test_a_user_has_a_bounded_number_of_live_sessions(api: Api, ada: User) -> None:
    first, second = (strategy(ada).json()["strategy_id"] for _ in range(2))
    sessions = [run(ada, first).json()["session_id"] for _ in range(2)]
    refused = run(ada, first)
    assert code_of(refused) == (409, "too-many-sessions")
    assert "stop one first" in refused.json()["detail"]
    assert ada.call("PATCH", f"/v1/sessions/{sessions[0]}", {"status": "PAUSED"}).status_code == 200
    assert run(ada, first).status_code == 409, "one that is paused counts"
    toggled = ada.call("PATCH", f"/v1/strategies/{second}/toggle")
    assert code_of(toggled) == (409, "too-many-sessions")
    assert ada.call("PATCH", f"/v1/strategies/{first}/toggle").status_code == 200, "to pause needs no room"
    eve = api.user("eve")
    assert run(eve, strategy(eve).json()["strategy_id"]).status_code == 201, "others have their own"
    assert ada.call("POST", f"/v1/sessions/{sessions[0]}/stop").status_code == 200
    assert ada.call("PATCH", f"/v1/strategies/{second}/toggle").status_code == 200


@pytest.mark.usefixtures("few")
def test_of_many_sessions_at_once_no_more_than_may_be_start(api: Api, ada: User) -> None:
    made = strategy(ada).json()["strategy_id"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: run(User(api.client(), ada.email, ada.tokens), made), range(8)))
    assert sorted(each.status_code for each in answers) == [201] * 2 + [409] * 6


def test_quotas_say_what_may_be_and_what_there_is(ada: User) -> None:
    made = strategy(ada).json()["strategy_id"]
    run(ada, made)
    ada.call("PUT", "/v1/watchlist/AAPL")
    found = ada.get("/v1/users/me/quotas")
    counted = {each["kind"]: (each["used"], each["most"]) for each in found["caps"]}
    assert counted["strategies"] == (1, 500)
    assert counted["live_sessions"] == (1, 100)
    assert counted["alerts"] == (0, 50)
    rates = {each["kind"]: (each["requests"], each["seconds"]) for each in found["rates"]}
    policy = ada.call("POST", "/v1/strategies/check", {"python_code": CODE}).headers["ratelimit-policy"]
    requests, seconds = rates["strategies"]
    assert policy == f'"strategies";q={requests};w={seconds}', "as the headers have it"


def test_every_quota_that_there_is_is_said() -> None:
    from stratforge.application import quotas

    there = {each for each in vars(quotas).values() if isinstance(each, quotas.Quota)}
    assert there == set(quotas.ALL)


def test_quotas_are_told_to_who_may_read(api: Api, ada: User) -> None:
    for scope, status in (("read", 200), ("write", 403)):
        key = ada.call("POST", "/v1/users/me/api-keys", {"name": "k", "scopes": [scope]}).json()["key"]
        answer = api.client().get("/v1/users/me/quotas", headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == status


def test_webhooks_and_keys_are_bounded_too_however_many_ask_at_once(
    api: Api, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stratforge.application.webhooks.MOST_WEBHOOKS", 2)
    monkeypatch.setattr("stratforge.application.api_keys._MAX_KEYS", 2)
    for path, body, code in (
        ("/v1/webhooks", {"url": "https://example.com/hook"}, "too-many-webhooks"),
        ("/v1/users/me/api-keys", {"name": "k", "scopes": ["read"]}, "too-many-keys"),
    ):

        def make(_number: int, path: str = path, body: dict[str, Any] = body) -> Any:
            return User(api.client(), ada.email, ada.tokens).call("POST", path, body)

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(make, range(8)))
        assert sorted(each.status_code for each in answers) == [201] * 2 + [409] * 6
        assert code_of(next(each for each in answers if each.status_code == 409)) == (409, code)


def test_a_symbol_takes_a_bounded_number_of_sessions_whoevers_they_are(api: Api, ada: User, database: Database) -> None:
    with database.transaction() as connection:
        connection.execute("UPDATE platform_state SET sessions_a_symbol = 2")
    eve = api.user("eve")
    mine, hers = strategy(ada).json()["strategy_id"], strategy(eve).json()["strategy_id"]
    first = run(ada, mine).json()["session_id"]
    assert run(eve, hers).status_code == 201
    refused = run(eve, hers)
    assert code_of(refused) == (409, "symbol-full")
    assert "2 sessions run on AAPL already" in refused.json()["detail"]
    assert (
        run(eve, eve.call("POST", "/v1/strategies", {**NEW, "symbol": "IBM"}).json()["strategy_id"]).status_code == 201
    )
    another = strategy(ada).json()["strategy_id"]
    assert code_of(ada.call("PATCH", f"/v1/strategies/{another}/toggle")) == (409, "symbol-full")
    assert ada.call("PATCH", f"/v1/sessions/{first}", {"status": "PAUSED"}).status_code == 200
    assert run(eve, hers).status_code == 409, "one that is paused counts"
    assert ada.call("PATCH", f"/v1/sessions/{first}", {"status": "RUNNING"}).status_code == 200
    assert ada.call("POST", f"/v1/sessions/{first}/stop").status_code == 200
    assert run(eve, hers).status_code == 201


ROTATES = """
UNIVERSE = ["AAPL", "IBM"]
SCHEDULE = "monthly"


def rebalance(universe, portfolio, state):
    return weights.equal(universe.close > 0)
"""


def test_portfolios_take_no_place_of_the_first_of_their_symbols(ada: User, database: Database) -> None:
    with database.transaction() as connection:
        connection.execute("UPDATE platform_state SET sessions_a_symbol = 1")
    stored = ada.call("POST", "/v1/strategies", {**NEW, "python_code": ROTATES}).json()["strategy_id"]
    terms = {"strategy_id": stored, "sizing_rule": "FIXED_CASH", "sizing_value": "1000"}
    for _ in range(2):
        started = ada.call("POST", "/v1/sessions", terms)
        assert started.status_code == 201, started.json()
    assert run(ada, strategy(ada).json()["strategy_id"]).status_code == 201
    assert code_of(run(ada, strategy(ada).json()["strategy_id"])) == (409, "symbol-full")


def test_of_many_at_once_no_more_than_a_symbol_takes_are_started(api: Api, database: Database) -> None:
    with database.transaction() as connection:
        connection.execute("UPDATE platform_state SET sessions_a_symbol = 3")
    users = [api.user(f"user{number}") for number in range(8)]
    made = [strategy(user).json()["strategy_id"] for user in users]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(run, users, made))
    assert sorted(each.status_code for each in answers) == [201] * 3 + [409] * 5


def test_a_request_that_is_repeated_finds_its_session_when_the_symbol_is_full(ada: User, database: Database) -> None:
    with database.transaction() as connection:
        connection.execute("UPDATE platform_state SET sessions_a_symbol = 1")
    body, headers = {"strategy_id": strategy(ada).json()["strategy_id"]}, {"Idempotency-Key": "once"}
    first, again = (ada.call("POST", "/v1/sessions", body, headers=headers) for _ in range(2))
    assert first.json()["session_id"] == again.json()["session_id"]
