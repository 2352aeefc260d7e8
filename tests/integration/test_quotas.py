"""Quotas of a user: never more than they say, nobody else's, and told with every answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from stratforge.application import quotas
from stratforge.application.access import Caller
from stratforge.application.errors import LimitReached
from stratforge.application.quotas import Quota, spend_first
from stratforge.storage.postgres.database import Database
from stratforge.storage.postgres.rows import fetch_value
from stratforge.storage.users.accounts import register_user

from tests.support.api import User

FEW = Quota("tests", 20, 3600)


@pytest.fixture
def callers(database: Database) -> list[Caller]:
    """Two users."""
    with database.transaction() as connection:
        found = [register_user(connection, f"{name}@example.com", "x", Decimal(1)) for name in ("ada", "bob")]
    return [Caller(user_id, None) for user_id in found if user_id is not None]


def test_however_many_ask_at_once_no_more_than_the_quota_is_given(database: Database, callers: list[Caller]) -> None:
    def ask(_number: int) -> bool:
        try:
            spend_first(database, callers[0], FEW)
        except LimitReached as refused:
            assert 1 <= refused.retry_after <= FEW.seconds
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        given = sum(pool.map(ask, range(80)))
    assert given == FEW.at_once
    # Somebody else has his own.
    spend_first(database, callers[1], FEW)


def test_no_window_holds_more_than_is_said(database: Database, callers: list[Caller]) -> None:
    given = []
    for minute in range(0, 121, 3):
        with database.transaction() as connection:
            connection.execute("UPDATE rate_limits SET updated_at = updated_at - interval '3 minutes'")
        for _ in range(30):
            try:
                spend_first(database, callers[0], FEW)
            except LimitReached:
                break
            given.append(minute)
    for start in given:
        assert sum(start <= each < start + 60 for each in given) <= FEW.requests


def test_what_fails_costs_nothing(database: Database, callers: list[Caller]) -> None:
    def fail() -> None:
        with database.transaction(callers[0]) as connection:
            quotas.spend(connection, callers[0], FEW)
            raise ZeroDivisionError

    for _ in range(30):
        with pytest.raises(ZeroDivisionError):
            fail()
    spend_first(database, callers[0], FEW)


def test_every_answer_says_what_is_left_and_a_refusal_when_to_come_back(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "ORDERS", Quota("orders", 4, 60))
    body = {"symbol": "AAPL", "side": "buy", "quantity": "1"}
    answers = [ada.call("POST", "/api/trade/orders", body) for _ in range(3)]
    assert [each.status_code for each in answers] == [201, 201, 429]
    assert {each.headers["RateLimit-Policy"] for each in answers} == {'"orders";q=4;w=60'}
    assert [each.headers["RateLimit"] for each in answers[:2]] == ['"orders";r=1;t=30', '"orders";r=0;t=60']
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 30
    assert "RateLimit" not in ada.call("GET", "/api/portfolio").headers
    # Whoever has placed too many can still call them off.
    assert ada.call("DELETE", "/api/trade/orders").status_code == 200


def test_a_request_that_fails_says_nothing_of_what_it_gave_back(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "ORDERS", Quota("orders", 8, 3600))
    body = {"symbol": "AAPL", "side": "buy", "quantity": "1", "client_order_id": "one"}
    assert ada.call("POST", "/v1/orders", body).headers["RateLimit"].startswith('"orders";r=3')
    taken = ada.call("POST", "/v1/orders", body)
    assert (taken.status_code, taken.headers.get("RateLimit")) == (409, None)
    assert (
        ada.call("POST", "/v1/orders", {**body, "client_order_id": "two"})
        .headers["RateLimit"]
        .startswith('"orders";r=2')
    )
    # Compiling was work all the same.
    refused = ada.call("POST", "/v1/strategies", {"name": "n", "symbol": "AAPL", "python_code": "nothing"})
    assert (refused.status_code, "RateLimit" in refused.headers) == (422, True)


def test_who_waited_for_others_is_told_when_there_is_one_again(database: Database, callers: list[Caller]) -> None:
    slow = Quota("slow", 4, 4000)
    spend_first(database, callers[0], slow)
    refusals: list[LimitReached] = []

    def wait() -> None:
        try:
            spend_first(database, callers[0], slow)
        except LimitReached as refusal:
            refusals.append(refusal)

    with ThreadPoolExecutor(1) as pool:
        with database.transaction(callers[0]) as connection:
            quotas.spend(connection, callers[0], slow)
            waiting = pool.submit(wait)
            with database.transaction() as looking:
                while not fetch_value(looking, "SELECT count(*) FROM pg_locks WHERE NOT granted"):
                    assert not waiting.done()
        waiting.result()
    (refusal,) = refusals
    assert refusal.retry_after is not None
    assert refusal.retry_after > 1_500
