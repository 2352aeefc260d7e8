"""Orders by the name that their program gave them, all called off at once, positions closed, lists of a period, reports thrown away."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import product
from typing import cast
from urllib.parse import urlencode
from uuid import uuid4

import boto3
import psycopg
import pytest
from stratforge.application import orders
from stratforge.portfolio.orders import TimeInForce
from stratforge.storage.ledger import order_book
from stratforge.storage.ledger.order_book import NewOrder, StoredOrder
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import backtests, jobs
from stratforge.storage.strategies.backtests import NewReport
from stratforge.storage.strategies.strategies import Description, Origin, add_strategy
from stratforge.strategy import compile_strategy

from functions.api import context
from tests.support.api import Api, User, application
from tests.support.ledger import CODE, OPEN, Trader, add_signal
from tests.support.order_management import (
    ORDERS,
    POSITIONS,
    PRICES,
    PURCHASE,
    ada,
    add_session,
    api,
    give,
    id_of,
    ids,
    key_of,
    meanwhile,
    new_user,
    order,
    owner,
    reader,
    refusal,
)

_FIXTURES = (
    ada,
    api,
    new_user,
    owner,
    reader,
)


# The name that a program gives an order -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "!~", "x" * 128, "%2F?&#\"'\\"])
def test_a_program_finds_its_order_by_the_name_it_gave_it(ada: User, name: str) -> None:
    order(ada, client_order_id="another")
    placed = order(ada, client_order_id=name)
    found = ada.get(f"{ORDERS}?{urlencode({'client_order_id': name})}")["items"]
    assert [(each["order_id"], each["client_order_id"]) for each in found] == [(placed["order_id"], name)]


@pytest.mark.parametrize("name", ["", "x" * 129, "a b", "a\n", "\na", "é", "\x7f", 7])
def test_another_name_is_refused_and_nothing_placed(reader: User, name: object) -> None:
    answer = reader.call("POST", ORDERS, {**PURCHASE, "client_order_id": name})
    assert refusal(answer) == (422, "validation")
    assert "client_order_id" in answer.json()["detail"]
    assert reader.get(ORDERS)["items"] == []
    assert reader.call("GET", f"{ORDERS}?{urlencode({'client_order_id': name})}").status_code == (
        200 if name == 7 else 422
    )


def test_a_name_is_given_once_by_each_user(new_user: Callable[[], User], ada: User) -> None:
    first = order(ada, client_order_id="mine")
    answer = ada.call("POST", ORDERS, {**PURCHASE, "quantity": "2", "client_order_id": "mine"})
    assert refusal(answer) == (409, "client-order-id-taken")
    assert "mine" in answer.json()["detail"]
    assert [each["order_id"] for each in ada.get(ORDERS)["items"]] == [first["order_id"]]
    assert order(new_user(), client_order_id="mine")["client_order_id"] == "mine"


def test_a_repeated_request_gets_the_first_answer_and_another_one_of_that_name_does_not(ada: User) -> None:
    body, headers = {**PURCHASE, "client_order_id": "mine"}, {"Idempotency-Key": "k"}
    answers = [ada.call("POST", ORDERS, body, headers=headers) for _ in range(3)]
    assert {(each.status_code, each.json()["order_id"]) for each in answers} == {(201, answers[0].json()["order_id"])}
    assert ada.call("POST", ORDERS, body, headers={"Idempotency-Key": "other"}).status_code == 409
    assert ada.call("POST", ORDERS, body).status_code == 409


def test_a_request_whose_answer_was_lost_finds_its_own_order(owner: str, ada: User) -> None:
    body, headers = {**PURCHASE, "client_order_id": "mine"}, {"Idempotency-Key": "k"}
    first = ada.call("POST", ORDERS, body, headers=headers).json()
    with psycopg.connect(owner) as connection:
        # As when the process died between the commit and the keeping of its answer, some time ago.
        connection.execute(
            "UPDATE idempotency_keys SET status = NULL, headers = NULL, body = NULL, claimed_at = now() - interval '10 minutes' WHERE user_id = %s",
            (id_of(ada),),
        )
    again = ada.call("POST", ORDERS, body, headers=headers)
    assert (again.status_code, again.json().get("order_id")) == (201, first["order_id"])


def test_of_two_requests_at_the_same_moment_one_wins_and_the_other_is_told(owner: str, ada: User) -> None:
    body = {**PURCHASE, "client_order_id": "mine"}
    request, user_id = orders.PlaceOrder.model_validate(body), id_of(ada)
    new = NewOrder("AAPL", request.terms(), TimeInForce.DAY, *request.size(), client_order_id="mine")

    def place(database: Database) -> StoredOrder:
        with database.transaction(user_id) as connection:
            return order_book.place_order(connection, user_id, new)

    first, second = meanwhile(owner, context.database(), place, lambda: ada.call("POST", ORDERS, body))
    assert refusal(second) == (409, "client-order-id-taken")
    assert ids(ada.get(ORDERS)) == [str(first.order_id)]


def test_of_eight_clients_at_once_exactly_one_wins(api: Api, ada: User) -> None:
    users = [User(api.client(), ada.email, ada.tokens) for _ in range(8)]
    begin = threading.Barrier(8)

    def place(user: User) -> int:
        begin.wait(30)
        return cast(int, user.call("POST", ORDERS, {**PURCHASE, "client_order_id": "mine"}).status_code)

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(place, users))
    assert answers == [201, *[409] * 7]
    assert len(ada.get(ORDERS)["items"]) == 1


def test_an_order_that_replaces_another_is_called_nothing(ada: User) -> None:
    placed = order(ada, type="limit", limit_price="50", client_order_id="mine")
    by = ada.call("PATCH", f"{ORDERS}/{placed['order_id']}", {"limit_price": "51"})
    assert (by.status_code, by.json()["client_order_id"]) == (201, None)
    found = ada.get(f"{ORDERS}?client_order_id=mine")["items"]
    assert [each["order_id"] for each in found] == [placed["order_id"]]


# What the API says of orders called off and of positions closed ------------------------------------------------------


def woken() -> list[str]:
    """The symbols that the executor was woken for, one for each message; the queue is empty then."""
    sqs = boto3.client("sqs")
    url, told = sqs.get_queue_url(QueueName="signals.fifo")["QueueUrl"], []
    while messages := sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["MessageGroupId"]
    ).get("Messages"):
        for each in messages:
            told.append(each["Attributes"]["MessageGroupId"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    return sorted(told)


def test_all_open_orders_are_called_off_and_each_symbol_is_woken_once(new_user: Callable[[], User], ada: User) -> None:
    bob = new_user()
    other = order(bob)
    mine = {order(ada, symbol=symbol)["order_id"] for symbol in ("AAPL", "AAPL", "WHOLE")}
    woken()
    answer = ada.call("DELETE", ORDERS)
    assert (answer.status_code, set(ids(answer.json()))) == (200, mine)
    assert all(each["cancel_requested"] for each in answer.json()["items"])
    assert woken() == ["AAPL", "WHOLE"]
    assert not bob.get(f"{ORDERS}/{other['order_id']}")["cancel_requested"]


def test_orders_of_one_symbol_are_called_off(ada: User) -> None:
    kept, gone = order(ada), order(ada, symbol="BTC/USD")
    assert ids(ada.call("DELETE", f"{ORDERS}?symbol=BTC/USD").json()) == [gone["order_id"]]
    assert not ada.get(f"{ORDERS}/{kept['order_id']}")["cancel_requested"]
    assert ids(ada.call("DELETE", f"{ORDERS}?symbol=WHOLE").json()) == []
    assert ada.call("DELETE", f"{ORDERS}?symbol=no symbol").status_code == 422


def test_a_key_that_may_not_trade_calls_nothing_off_and_closes_nothing(owner: str, api: Api, ada: User) -> None:
    give(owner, ada, "AAPL")
    waits = order(ada)
    script, trader = key_of(api, ada, "read", "write", "ai"), key_of(api, ada, "trade")
    for path in (ORDERS, POSITIONS, f"{POSITIONS}/AAPL"):
        denied = script.call("DELETE", path)
        assert (denied.status_code, denied.json()["scope"]) == (403, "trade")
    assert ids(ada.get(ORDERS)) == [waits["order_id"]]
    assert not ada.get(f"{ORDERS}/{waits['order_id']}")["cancel_requested"]
    assert {trader.call("DELETE", path).status_code for path in (ORDERS, POSITIONS, f"{POSITIONS}/AAPL")} == {200}


def test_positions_are_closed_by_symbol_and_all_at_once(owner: str, ada: User) -> None:
    give(owner, ada, "AAPL", "BTC/USD", "WHOLE")
    woken()
    # In a path the slash of a pair is written as a dash.
    assert ids(ada.call("DELETE", f"{POSITIONS}/BTC-USD").json(), "symbol") == ["BTC/USD"]
    assert woken() == ["BTC/USD"]
    assert sorted(ids(ada.call("DELETE", POSITIONS).json(), "symbol")) == ["AAPL", "BTC/USD", "WHOLE"]
    assert woken() == ["AAPL", "BTC/USD", "WHOLE"]
    assert sorted(ids(ada.get(ORDERS), "symbol")) == ["AAPL", "BTC/USD", "WHOLE"], "nothing twice"


def test_what_is_not_held_cannot_be_closed(owner: str, new_user: Callable[[], User], ada: User) -> None:
    give(owner, new_user(), "AAPL")
    order(ada)
    for symbol in ("AAPL", "BTC-USD"):
        assert refusal(ada.call("DELETE", f"{POSITIONS}/{symbol}")) == (404, "not-found")
    assert ada.call("DELETE", f"{POSITIONS}/no symbol").status_code == 422
    assert ids(ada.call("DELETE", POSITIONS).json()) == []


# Lists of a period -----------------------------------------------------------------------------------------------------

LISTS = {
    "orders": (ORDERS, "order_id"),
    "trades": ("/api/trades", "trade_id"),
    "signals": ("/api/signals", "signal_id"),
    "sessions": ("/api/sessions", "session_id"),
    "backtests": ("/api/backtests", "backtest_id"),
    "jobs": ("/api/jobs", "job_id"),
    "strategies": ("/api/strategies", "strategy_id"),
}
TIMES = {
    "orders": "created_at",
    "trades": "executed_at",
    "signals": "bar_time",
    "sessions": "started_at",
    "backtests": "created_at",
    "jobs": "created_at",
    "strategies": "created_at",
}
# Several at one moment, and not in the order in which they were made.
MINUTES = (2, 0, 1, 1, 3, 1, 2)


def moment(minute: int) -> datetime:
    """A moment of the period that is asked for."""
    return OPEN + timedelta(minutes=minute)


def add_items(owner: str, user: User, name: str) -> list[str]:
    """Seven items of a list, at `MINUTES`; their ids."""
    user_id = id_of(user)
    with psycopg.connect(owner) as connection:
        if name in ("trades", "backtests"):
            made = add_strategy(connection, user_id, Description("t", "AAPL", ""), compile_strategy(CODE), Origin())
        if name == "trades":
            request = orders.PlaceOrder.model_validate(PURCHASE)
            placed = order_book.place_order(
                connection, user_id, NewOrder("AAPL", request.terms(), TimeInForce.DAY, *request.size())
            )
        for index in range(len(MINUTES)):
            if name == "orders":
                request = orders.PlaceOrder.model_validate(PURCHASE)
                order_book.place_order(
                    connection, user_id, NewOrder("AAPL", request.terms(), TimeInForce.DAY, *request.size())
                )
            elif name == "trades":
                connection.execute(
                    """
                    WITH block AS (
                        INSERT INTO block_orders (symbol, quantity, cross_quantity, reference_price, collar, cross_low, cross_high,
                                                  client_order_id, status, completed_at)
                        VALUES ('AAPL', 0, 1, 100, 0, 100, 100, gen_random_uuid()::text, 'FILLED', now()) RETURNING id)
                    INSERT INTO trades (order_id, block_order_id, user_id, symbol, side, quantity, price, execution_id, executed_at)
                    SELECT %s, id, %s, 'AAPL', 'buy', 1, 100, id::text, now() FROM block
                    """,
                    (placed.order_id, user_id),
                )
            elif name == "signals":
                add_signal(connection, Trader(user_id, add_session(connection, user_id)), "buy", OPEN)
            elif name in ("sessions", "strategies"):
                add_session(connection, user_id)
            else:
                kind = jobs.JobKind.BACKTEST
                job = jobs.add_job(connection, user_id, kind, {})
                if name == "backtests":
                    report = NewReport(made.strategy_id, 1, list(PRICES)[index % 3], {}, {}, {})
                    backtests.add_backtest(connection, job.job_id, user_id, report)
        ids = [
            row[0] for row in connection.execute(f"SELECT id FROM {name} WHERE user_id = %s ORDER BY id", (user_id,))
        ]
        for each, minute in zip(ids, MINUTES, strict=True):
            connection.execute(f"UPDATE {name} SET {TIMES[name]} = %s WHERE id = %s", (moment(minute), each))
    return [str(each) for each in ids]


@pytest.mark.parametrize("name", LISTS)
def test_pages_within_a_period_skip_nothing_and_repeat_nothing(owner: str, ada: User, name: str) -> None:
    made = add_items(owner, ada, name)
    path, key = LISTS[name]
    expected = sorted(each for each, minute in zip(made, MINUTES, strict=True) if 1 <= minute < 3)
    # The same moments in another zone, and a moment's smallest part before the next.
    for start, end in (
        (moment(1).isoformat(), moment(3).isoformat()),
        ("2026-01-05T09:31:00-05:00", "2026-01-05T20:03:00+05:30"),
        ("2026-01-05T14:30:00.000001Z", "2026-01-05T14:32:00.000001Z"),
    ):
        for sort in ("newest", "oldest"):
            query = {"start": start, "end": end, "sort": sort, "limit": "2"}
            seen: list[str] = []
            while True:
                page = ada.get(f"{path}?{urlencode(query)}")
                seen += [str(each[key]) for each in page["items"]]
                if page["next"] is None:
                    break
                query["cursor"] = page["next"]
            assert sorted(seen) == expected, (start, sort)
    only_end = ada.get(f"{path}?{urlencode({'end': moment(1).isoformat()})}")["items"]
    only_start = ada.get(f"{path}?{urlencode({'start': moment(3).isoformat()})}")["items"]
    at_minute = dict(zip(made, MINUTES, strict=True))
    assert [at_minute[str(each[key])] for each in only_end + only_start] == [0, 3]


WRONG_PERIODS = {
    "naive": {"start": "2026-01-05T14:30:00"},
    "naive end": {"end": "2026-01-05T14:30:00"},
    "a day": {"start": "2026-01-05"},
    "no moment": {"end": "yesterday"},
    "reversed": {"start": "2026-01-05T14:31:00Z", "end": "2026-01-05T14:30:00Z"},
    "reversed by its zone": {"start": "2026-01-05T14:30:00Z", "end": "2026-01-05T14:30:00+01:00"},
    "empty": {"start": "2026-01-05T14:30:00Z", "end": "2026-01-05T14:30:00Z"},
}


@pytest.mark.parametrize("what", WRONG_PERIODS)
def test_a_period_that_is_none_is_refused_and_its_end_named(reader: User, what: str) -> None:
    query = WRONG_PERIODS[what]
    for path, _key in LISTS.values():
        answer = reader.call("GET", f"{path}?{urlencode(query)}")
        assert refusal(answer) == (422, "validation"), path
        assert f"{'end' if 'end' in query else 'start'}:" in answer.json()["detail"], path


@pytest.mark.parametrize("bound", ["start", "end"])
def test_a_period_at_an_end_of_the_calendar_is_no_error_of_ours(reader: User, bound: str) -> None:
    odd = (
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00Z",
        "2026-01-05T14:30:00 00:00",
    )
    answers = {
        (path, moment): reader.call("GET", f"{path}?{urlencode({bound: moment})}").status_code
        for (path, _key), moment in product(LISTS.values(), odd)
    }
    assert {asked: status for asked, status in answers.items() if status not in (200, 422)} == {}


def test_orders_are_listed_by_status_and_side(ada: User) -> None:
    bought, sold = order(ada), order(ada, side="sell")
    assert ids(ada.get(f"{ORDERS}?side=sell")) == [sold["order_id"]]
    assert ids(ada.get(f"{ORDERS}?status=PENDING&side=buy")) == [bought["order_id"]]
    assert ids(ada.get(f"{ORDERS}?status=PENDING&sort=oldest")) == [bought["order_id"], sold["order_id"]]
    assert ids(ada.get(f"{ORDERS}?status=FILLED")) == []
    assert {ada.call("GET", f"{ORDERS}?{wrong}").status_code for wrong in ("status=filled", "side=both")} == {422}


def test_jobs_are_listed_by_status(owner: str, ada: User) -> None:
    first, *others = add_items(owner, ada, "jobs")
    ada.call("DELETE", f"/api/jobs/{first}")
    assert ids(ada.get("/api/jobs?status=CANCELED"), "job_id") == [first]
    assert set(ids(ada.get("/api/jobs?status=QUEUED"), "job_id")) == set(others)
    assert ada.call("GET", "/api/jobs?status=DONE").status_code == 422


# Reports thrown away ---------------------------------------------------------------------------------------------------


def test_a_backtest_is_deleted_once_by_its_owner_only(
    owner: str, api: Api, new_user: Callable[[], User], ada: User
) -> None:
    first, second, *_ = add_items(owner, ada, "backtests")
    path = f"/api/backtests/{first}"
    assert refusal(new_user().call("DELETE", path)) == (404, "not-found")
    denied = key_of(api, ada, "read", "trade", "ai").call("DELETE", path)
    assert (denied.status_code, denied.json()["scope"]) == (403, "write")
    assert ada.call("GET", path).status_code == 200
    gone = ada.call("DELETE", path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert (ada.call("DELETE", path).status_code, ada.call("GET", path).status_code) == (404, 404)
    assert first not in ids(ada.get("/api/backtests"), "backtest_id")
    assert key_of(api, ada, "write").call("DELETE", f"/api/backtests/{second}").status_code == 204
    assert ada.call("DELETE", f"/api/backtests/{uuid4()}").status_code == 404


def test_backtests_are_listed_by_symbol(owner: str, ada: User) -> None:
    add_items(owner, ada, "backtests")
    assert ids(ada.get("/api/backtests?symbol=BTC/USD"), "symbol") == ["BTC/USD", "BTC/USD"]
    assert ids(ada.get("/api/backtests?symbol=MSFT"), "symbol") == []


# Names of methods ------------------------------------------------------------------------------------------------------


def test_operations_are_named_as_methods_and_each_once() -> None:
    told = [each["operationId"] for methods in application().openapi()["paths"].values() for each in methods.values()]
    assert [each for each in told if told.count(each) > 1] == []
    assert [each for each in told if not (each.isidentifier() and each.islower() and len(each) <= 40)] == []
