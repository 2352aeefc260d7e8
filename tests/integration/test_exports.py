"""Files of bars, trades, orders and the whole account: complete, exact, bounded, and given to their owner alone."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import psycopg
import pyarrow.parquet as pq
import pytest
from stratforge.application.jobs.export_data import export_data
from stratforge.application.jobs.work import run_job
from stratforge.bus.files import delete_files, put_file, s3_client
from stratforge.market import Bar
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies.jobs import JobKind, JobStatus

from tests.integration.test_programs import call, granted
from tests.support.api import PASSWORD, Api, User

EXPORTS = "/v1/exports"
BEGIN = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)


def ask(user: User, **request: Any) -> Any:
    return user.call("POST", EXPORTS, request)


def run(engine: Database, job: dict[str, Any], **bounds: int) -> JobStatus | None:
    def keep(key: str, content: Any, media_type: str) -> None:
        put_file("files", key, content, media_type)

    kinds = {JobKind.EXPORT: lambda work: export_data(work, keep, partial(delete_files, "files"), **bounds)}
    return run_job(engine, UUID(job["job_id"]), kinds)


def made(user: User, engine: Database, **request: Any) -> bytes:
    """The file that a request gives."""
    asked = ask(user, **request)
    assert asked.status_code == 202, asked.text
    job = asked.json()
    assert run(engine, job) is JobStatus.SUCCEEDED
    link = user.call("POST", f"{EXPORTS}/{job['job_id']}/link")
    assert link.status_code == 201, link.text
    key = urlsplit(link.json()["url"]).path.partition("exports/")
    found = s3_client().get_object(Bucket="files", Key=key[1] + key[2])
    return bytes(found["Body"].read())


def store_bars(engine: Database, count: int) -> None:
    with engine.transaction() as connection:
        connection.execute("SELECT ensure_market_data_month(%s)", (BEGIN.date(),))
        market_data.add_bars(
            connection,
            [
                Bar(
                    "AAPL",
                    BEGIN + timedelta(minutes=number),
                    Decimal("100.5"),
                    Decimal(101),
                    Decimal(100),
                    Decimal("100.25"),
                    Decimal(number),
                )
                for number in range(count)
            ],
        )


def trade(migrated: str, user: User, count: int) -> None:
    with psycopg.connect(migrated) as connection:
        connection.execute(
            """
            WITH mine AS (SELECT id FROM users WHERE email = %(email)s),
            block AS (
                INSERT INTO block_orders (id, symbol, side, quantity, cross_quantity, reference_price, collar, cross_low, cross_high, client_order_id, status, completed_at)
                VALUES (gen_random_uuid(), 'AAPL', 'buy', 1, 0, 100, 0, 1, 1, gen_random_uuid()::text, 'FILLED', now()) RETURNING id),
            placed AS (
                INSERT INTO orders (user_id, block_order_id, symbol, side, quantity, filled_quantity, status, completed_at, client_order_id)
                SELECT m.id, b.id, 'AAPL', 'buy', 0.123456789, 0.123456789, 'FILLED', now(), '=HYPERLINK(1)' || n
                FROM mine m, block b, generate_series(1, %(count)s) n RETURNING id, user_id, block_order_id)
            INSERT INTO trades (order_id, user_id, block_order_id, symbol, side, quantity, price, execution_id, executed_at)
            SELECT id, user_id, block_order_id, 'AAPL', 'buy', 0.123456789, 101.25, id::text, now() FROM placed
            """,
            {"email": user.email, "count": count},
        )


def test_bars_are_given_exactly_in_both_formats(ada: User, engine: Database) -> None:
    store_bars(engine, 1500)
    table = pq.read_table(io.BytesIO(made(ada, engine, what="bars", symbol="AAPL", format="parquet"))).to_pylist()
    assert len(table) == 1500
    assert (table[7]["time"], table[7]["close"], table[7]["volume"]) == (
        BEGIN + timedelta(minutes=7),
        Decimal("100.25"),
        Decimal(7),
    )
    until = (BEGIN + timedelta(minutes=10)).isoformat()
    text = made(ada, engine, what="bars", symbol="AAPL", end=until).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [Decimal(each["volume"]) for each in rows] == list(range(10))
    assert rows[0]["time"] == BEGIN.isoformat()


def test_trades_and_orders_are_the_callers_alone(api: Api, ada: User, engine: Database, migrated: str) -> None:
    eve = api.user("eve")
    trade(migrated, ada, 3)
    trade(migrated, eve, 5)
    found = pq.read_table(io.BytesIO(made(ada, engine, what="trades", format="parquet"))).to_pylist()
    assert [each["quantity"] for each in found] == [Decimal("0.123456789")] * 3
    orders = list(csv.DictReader(io.StringIO(made(ada, engine, what="orders").decode())))
    assert len(orders) == 3
    assert all(each["client_order_id"].startswith("'=") for each in orders), "no cell is a formula"
    assert made(ada, engine, what="orders", symbol="MSFT").decode().count("\n") == 1


def test_the_whole_account_is_given_however_much_it_is(ada: User, engine: Database, migrated: str) -> None:
    with psycopg.connect(migrated) as connection:
        connection.execute(
            "INSERT INTO events (user_id, kind, data) SELECT id, 'job', jsonb_build_object('text', repeat('x', 300)) FROM users, generate_series(1, 25000)"
        )
    found = json.loads(made(ada, engine, what="account"))
    assert found["account"][0]["email"] == ada.email
    assert len(found["events"]) >= 25_000, "the answer of one request holds five megabytes, the file all"
    whole = ada.get("/v1/users/me/export")
    assert set(whole) - set(found) == {"left_out"}
    for rows in found.values():
        for row in rows:
            assert not {"secret", "key_hash", "token_hash", "password_hash", "public_key", "recovery_hashes"} & set(row)


@pytest.mark.parametrize(
    "wrong",
    [
        {"what": "everything"},
        {"what": "bars"},
        {"what": "trades", "format": "json"},
        {"what": "account", "format": "csv"},
        {"what": "account", "symbol": "AAPL"},
        {"what": "trades", "start": "yesterday"},
    ],
)
def test_what_cannot_be_made_is_refused_with_a_reason(ada: User, wrong: dict[str, Any]) -> None:
    answer = ask(ada, **wrong)
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_a_link_is_given_to_the_owner_and_is_good_for_minutes(api: Api, ada: User, engine: Database) -> None:
    job, eve = ask(ada, what="trades").json(), api.user("eve")
    path = f"{EXPORTS}/{job['job_id']}/link"
    assert ada.call("POST", path).json()["type"].endswith(":no-file")
    run(engine, job)
    link = ada.call("POST", path).json()
    query = parse_qs(urlsplit(link["url"]).query)
    assert (link["expires_in"], link["url"].startswith("http")) == (300, True)
    assert "stratforge-trades.csv" in query["response-content-disposition"][0]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"], (
        "other signatures are nobody's to the local engine, and to newer regions"
    )
    assert eve.call("POST", path).status_code == 404
    key = ada.call("POST", "/v1/users/me/api-keys", {"name": "k", "scopes": ["write"]}).json()["key"]
    headers = {"Authorization": f"Bearer {key}"}
    assert api.client().post(path, headers=headers).status_code == 403
    assert api.client().post(EXPORTS, json={"what": "trades"}, headers=headers).status_code == 403


def test_a_job_that_makes_no_file_and_one_of_yesterday_have_no_link(ada: User, engine: Database, migrated: str) -> None:
    job = ask(ada, what="trades").json()
    run(engine, job)
    with psycopg.connect(migrated) as connection:
        connection.execute("UPDATE jobs SET finished_at = now() - interval '25 hours'")
    assert ada.call("POST", f"{EXPORTS}/{job['job_id']}/link").json()["type"].endswith(":file-gone")
    other = ada.call("POST", "/v1/ai/research", {"question": "What moved?"}).json()
    assert ada.call("POST", f"{EXPORTS}/{other['job_id']}/link").json()["type"].endswith(":no-file")


def test_a_file_that_would_be_too_large_is_not_made(ada: User, engine: Database) -> None:
    store_bars(engine, 200)
    for form in ("csv", "parquet"):
        job = ask(ada, what="bars", symbol="AAPL", format=form).json()
        assert run(engine, job, most_bytes=1_000) is JobStatus.FAILED
        assert ada.get(f"/v1/jobs/{job['job_id']}")["error"]["code"] == "export-too-large"


def test_a_job_that_is_delivered_again_makes_the_same_file_and_of_a_closed_account_none_is_given(
    ada: User, engine: Database, migrated: str
) -> None:
    job = ask(ada, what="trades").json()
    assert [run(engine, job) for _ in range(2)] == [JobStatus.SUCCEEDED, None]
    assert ada.call("DELETE", "/v1/users/me", {"password": PASSWORD}).status_code == 204
    assert ada.call("POST", f"{EXPORTS}/{job['job_id']}/link").status_code == 401


def files() -> list[str]:
    return [each["Key"] for each in s3_client().list_objects_v2(Bucket="files").get("Contents", [])]


def close(user: User) -> None:
    assert user.call("DELETE", "/v1/users/me", {"password": PASSWORD}).status_code == 204


def test_closing_deletes_the_files_of_the_account_and_no_others(api: Api, ada: User, engine: Database) -> None:
    eve = api.user("eve")
    theirs, hers = ask(eve, what="account").json(), ask(ada, what="account").json()
    assert [run(engine, each) for each in (theirs, hers)] == [JobStatus.SUCCEEDED] * 2
    close(ada)
    assert [theirs["job_id"] in each for each in files()] == [True]


def test_of_a_closed_account_no_file_is_made(ada: User, engine: Database) -> None:
    job = ask(ada, what="account").json()
    close(ada)
    assert run(engine, job) is None
    assert files() == []


def test_a_file_that_was_being_made_when_its_owner_closed_is_deleted(ada: User, engine: Database) -> None:
    job = ask(ada, what="account").json()

    def keep(key: str, content: Any, media_type: str) -> None:
        close(ada)
        put_file("files", key, content, media_type)

    kinds = {JobKind.EXPORT: lambda work: export_data(work, keep, partial(delete_files, "files"))}
    assert run_job(engine, UUID(job["job_id"]), kinds) is JobStatus.CANCELED
    assert files() == []


def test_the_whole_account_is_for_its_owner_and_no_key_or_program(api: Api, ada: User, engine: Database) -> None:
    job = ask(ada, what="account").json()
    assert run(engine, job) is JobStatus.SUCCEEDED
    scopes = ["read", "write", "trade"]
    key = ada.call("POST", "/v1/users/me/api-keys", {"name": "k", "scopes": scopes}).json()["key"]
    for tokens in ({"access_token": key}, granted(api, ada, *scopes)):
        for method, path, body in (
            ("GET", "/v1/users/me/export", None),
            ("POST", EXPORTS, {"what": "account"}),
            ("POST", f"{EXPORTS}/{job['job_id']}/link", None),
        ):
            answer = call(api, tokens, method, path, body)
            assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (403, "login-required"), path
        assert call(api, tokens, "POST", EXPORTS, {"what": "trades"}).status_code == 202


def test_a_link_is_kept_for_nobody_who_sends_the_request_again(ada: User, engine: Database, migrated: str) -> None:
    job = ask(ada, what="trades").json()
    run(engine, job)
    answers = [
        ada.call("POST", f"{EXPORTS}/{job['job_id']}/link", headers={"Idempotency-Key": "link"}) for _ in range(2)
    ]
    assert [each.status_code for each in answers] == [201, 201]
    assert "Idempotent-Replayed" not in answers[1].headers
    with psycopg.connect(migrated) as connection:
        assert connection.execute("SELECT count(*) FROM idempotency_keys WHERE key = 'link'").fetchone() == (0,)


def test_exports_are_few_and_repeated_requests_make_one(ada: User) -> None:
    headers = {"Idempotency-Key": "once"}
    jobs = {ada.call("POST", EXPORTS, {"what": "trades"}, headers=headers).json()["job_id"] for _ in range(3)}
    assert len(jobs) == 1
    statuses = [ask(ada, what="trades").status_code for _ in range(12)]
    assert statuses[-1] == 429


def test_the_page_shows_a_file_when_it_is_there_and_leads_to_it(ada: User, engine: Database) -> None:
    headers = {"Authorization": f"Bearer {ada.tokens['access_token']}", "HX-Request": "true"}
    shown = ada.client.post("/account/exports", data={"what": "account", "format": "csv"}, headers=headers)
    assert "is being made" in shown.text
    path = shown.text.split('hx-get="')[1].split('"')[0]
    assert run(engine, {"job_id": path.rpartition("/")[2]}) is JobStatus.SUCCEEDED
    assert "Save stratforge-account.json" in ada.client.get(path, headers=headers).text
    assert "/exports/" in ada.client.get(f"{path}/file", headers=headers).headers["HX-Redirect"]
    wrong = ada.client.post("/account/exports", data={"what": "bars", "format": "csv"}, headers=headers)
    assert wrong.status_code == 422
