"""Price alerts: what fires them, once or again, who is told, and what they cost others."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from stratforge.application.alerts import fire_alerts
from stratforge.application.mailing import Mail
from stratforge.application.notices import notice_of
from stratforge.market import Bar
from stratforge.storage.delivery.webhooks import WebhookFormat
from stratforge.storage.market import alerts, market_data
from stratforge.storage.market.clock import set_market_clock
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import evaluations

from functions.deliverer.webhooks import chat_message
from tests.integration.test_programs import call, granted
from tests.support.api import PASSWORD, Api, User
from tests.support.trading import wait_for

ALERTS = "/v1/alerts"


def bar(minute: int, low: float, high: float, close: float | None = None, symbol: str = "AAPL") -> Bar:
    """A bar so many minutes after the one that is going on."""
    time = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=minute + 1)
    opened, highest, lowest, last = (Decimal(str(each)) for each in (low, high, low, high if close is None else close))
    return Bar(symbol, time, opened, highest, lowest, last, Decimal(100))


def set_alert(user: User, **more: Any) -> Any:
    return user.call("POST", ALERTS, {"symbol": "AAPL", "condition": "above", "price": "200", **more})


def told(user: User, migrated: str) -> list[dict[str, Any]]:
    with psycopg.connect(migrated) as connection:
        rows = connection.execute(
            "SELECT e.data FROM events e JOIN users u ON u.id = e.user_id WHERE u.email = %s AND e.kind = 'alert' ORDER BY e.id",
            (user.email,),
        )
        return [row[0] for row in rows]


def test_a_price_that_is_reached_within_a_bar_fires_once(api: Api, ada: User, engine: Database, migrated: str) -> None:
    alert = set_alert(ada, note="sell it").json()
    assert fire_alerts(engine, bar(1, 195, 199.99)) == 0
    assert fire_alerts(engine, bar(2, 199, 200, 199.5)) == 1
    for _ in range(2):
        assert fire_alerts(engine, bar(2, 199, 200, 199.5)) == 0, "a bar that comes again"
    assert fire_alerts(engine, bar(30, 190, 210)) == 0
    (event,) = told(ada, migrated)
    assert (event["alert_id"], event["level"], event["price"]) == (alert["alert_id"], "200", "199.5")
    said = notice_of("alert", event)
    assert said is not None
    assert said[0] == "AAPL is above 200.00: it traded at 199.50 (sell it)"
    (listed,) = ada.get(ALERTS)["items"]
    assert (listed["armed"], listed["times_fired"], listed["fired_price"]) == (False, 1, "199.5")


def test_below_and_other_symbols_are_what_they_say(ada: User, engine: Database) -> None:
    set_alert(ada, condition="below", price="100")
    assert fire_alerts(engine, bar(1, 101, 300)) == 0
    assert fire_alerts(engine, bar(1, 90, 100, symbol="MSFT")) == 0
    assert fire_alerts(engine, bar(2, 100, 105)) == 1


def test_what_the_market_did_before_fires_nothing(ada: User, engine: Database) -> None:
    set_alert(ada)
    assert fire_alerts(engine, bar(-10, 100, 900)) == 0


def test_one_that_repeats_waits_until_the_price_came_back_and_a_quarter_of_an_hour(ada: User, engine: Database) -> None:
    set_alert(ada, repeats=True)
    fired = {1: (199, 201), 2: (199, 205), 5: (150, 190), 20: (195, 199), 21: (199, 201), 22: (199, 201)}
    assert [fire_alerts(engine, bar(minute, *range_)) for minute, range_ in fired.items()] == [1, 0, 0, 0, 1, 0]


def test_a_change_is_counted_from_the_price_of_then_and_anew_where_it_repeats(
    ada: User, engine: Database, migrated: str
) -> None:
    assert set_alert(ada, condition="change", price=None, change="0.05").json()["type"].endswith(":no-price")
    with engine.transaction() as connection:
        market_data.set_bar_price(connection, bar(-1, 100, 100))
    made = set_alert(ada, condition="change", price=None, change="0.05", repeats=True).json()
    assert (made["reference"], made["lower_price"], made["upper_price"]) == ("100", "95", "105")
    assert fire_alerts(engine, bar(1, 96, 104)) == 0
    assert fire_alerts(engine, bar(2, 95, 99, 96)) == 1
    assert told(ada, migrated)[0]["reference"] == "100"
    (moved,) = ada.get(ALERTS)["items"]
    assert (moved["reference"], moved["upper_price"]) == ("96", "100.8")


@pytest.mark.parametrize(
    "wrong",
    [
        {"price": None},
        {"change": "0.1"},
        {"condition": "change"},
        {"price": "0"},
        {"price": "-1"},
        {"price": "NaN"},
        {"price": "1e400"},
        {"symbol": "no symbol"},
        {"note": "x" * 201},
        {"note": "a\u202eb"},
        {"condition": "sideways"},
    ],
)
def test_what_is_no_alert_is_refused_with_a_reason(ada: User, wrong: dict[str, Any]) -> None:
    answer = set_alert(ada, **wrong)
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_fifty_wait_at_most_and_those_that_fired_take_no_place(ada: User, engine: Database) -> None:
    assert {set_alert(ada, price=str(200 + number)).status_code for number in range(50)} == {201}
    assert set_alert(ada).json()["type"].endswith(":too-many-alerts")
    assert fire_alerts(engine, bar(1, 100, 210)) == 11
    assert set_alert(ada, price="900").status_code == 201


def test_the_same_request_makes_one(ada: User) -> None:
    headers = {"Idempotency-Key": "once"}
    body = {"symbol": "AAPL", "condition": "above", "price": "200"}
    made = [ada.call("POST", ALERTS, body, headers=headers).json()["alert_id"] for _ in range(3)]
    assert len(set(made)) == 1
    assert len(ada.get(ALERTS)["items"]) == 1


def test_an_alert_is_its_owners_alone(api: Api, ada: User, engine: Database, migrated: str) -> None:
    eve, alert_id = api.user("eve"), set_alert(ada).json()["alert_id"]
    assert eve.get(ALERTS)["items"] == []
    assert eve.call("DELETE", f"{ALERTS}/{alert_id}").status_code == 404
    fire_alerts(engine, bar(1, 100, 300))
    assert (len(told(ada, migrated)), len(told(eve, migrated))) == (1, 0)
    assert ada.call("DELETE", f"{ALERTS}/{alert_id}").status_code == 204
    assert ada.call("DELETE", f"{ALERTS}/{alert_id}").status_code == 404


def test_scopes_hold(api: Api, ada: User) -> None:
    body = {"symbol": "AAPL", "condition": "above", "price": "200"}
    for scopes, statuses in ((["read"], (403, 200)), (["write"], (403, 403)), (["read", "write"], (201, 200))):
        key = ada.call("POST", "/v1/users/me/api-keys", {"name": "k", "scopes": scopes}).json()["key"]
        headers = {"Authorization": f"Bearer {key}"}
        made = api.client().post(ALERTS, json=body, headers=headers).status_code
        assert (made, api.client().get(ALERTS, headers=headers).status_code) == statuses


def test_after_closing_nothing_fires(ada: User, engine: Database, migrated: str) -> None:
    set_alert(ada)
    assert ada.call("DELETE", "/v1/users/me", {"password": PASSWORD}).status_code == 204
    assert fire_alerts(engine, bar(1, 100, 300)) == 0


def test_a_symbol_that_an_alert_waits_for_is_streamed_and_no_longer_than_that(ada: User, engine: Database) -> None:
    alert_id = set_alert(ada).json()["alert_id"]
    with engine.transaction() as connection:
        assert "AAPL" in evaluations.symbols_to_stream(connection)
    ada.call("DELETE", f"{ALERTS}/{alert_id}")
    with engine.transaction() as connection:
        assert "AAPL" not in evaluations.symbols_to_stream(connection)


def test_a_mail_is_sent_where_it_is_wished_to_a_confirmed_address_and_not_without_end(
    api: Api, owner: User, engine: Database, post: Callable[[], list[Mail]], migrated: str
) -> None:
    set_alert(owner, by_mail=True, note="see https://evil.example")
    fire_alerts(engine, bar(1, 100, 300))
    (mail,) = post()
    assert (mail.address, mail.subject) == (owner.email, "Price alert: AAPL is above 200")
    assert "https://evil" not in mail.text, "no link that a mail program would make"
    with psycopg.connect(migrated) as connection:
        connection.execute(
            "INSERT INTO mails (kind, address, user_id, sent_at) SELECT 'ALERT', email, id, now() FROM users, generate_series(1, 19)"
        )
    set_alert(owner, by_mail=True)
    fire_alerts(engine, bar(2, 100, 300))
    assert post() == []
    assert len(told(owner, migrated)) == 2, "what is told on pages goes on"


def test_the_mails_of_one_bar_are_counted_too(owner: User, engine: Database, post: Callable[[], list[Mail]]) -> None:
    for number in range(25):
        assert set_alert(owner, by_mail=True, note=f"n{number}").status_code == 201
    post()
    assert fire_alerts(engine, bar(1, 190, 210)) == 25
    assert len(post()) == 20


def test_bars_of_two_symbols_at_once_are_counted_together(owner: User, engine: Database, migrated: str) -> None:
    for symbol in ("AAPL", "MSFT"):
        for number in range(15):
            assert set_alert(owner, symbol=symbol, by_mail=True, note=f"n{number}").status_code == 201
    with ThreadPoolExecutor(1) as second:
        with engine.transaction() as connection:
            assert alerts.fire_alerts(connection, bar(1, 190, 210), 200) == 15
            fired = second.submit(fire_alerts, engine, bar(1, 190, 210, symbol="MSFT"))
            # The other bar waits for this one before it counts.
            with psycopg.connect(migrated, autocommit=True) as looking:
                wait_for(
                    lambda: looking.execute(
                        "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                    ).fetchone(),
                    60,
                    "one that waits",
                )
        assert fired.result() == 15
    with psycopg.connect(migrated) as connection:
        assert connection.execute("SELECT count(*) FROM mails WHERE kind = 'ALERT'").fetchone() == (20,)


def test_what_waits_follows_the_address(
    owner: User, engine: Database, post: Callable[[], list[Mail]], migrated: str
) -> None:
    set_alert(owner, by_mail=True)
    fire_alerts(engine, bar(1, 100, 300))
    with psycopg.connect(migrated) as connection:
        connection.execute("UPDATE users SET email = 'ada@elsewhere.example', email_confirmed_at = now()")
    assert {each.address for each in post() if each.subject.startswith("Price alert")} == {"ada@elsewhere.example"}


def test_no_mail_goes_to_an_address_that_nobody_confirmed(ada: User) -> None:
    assert set_alert(ada, by_mail=True).json()["type"].endswith(":address-not-confirmed")


def test_a_thousand_alerts_of_others_cost_a_bar_that_reaches_none_of_them_nothing(
    ada: User, engine: Database, migrated: str
) -> None:
    """By the plan, not by the clock: what a bar does not reach is not looked at."""
    with psycopg.connect(migrated) as connection:
        connection.execute(
            "INSERT INTO price_alerts (id, user_id, symbol, condition, upper_price, since) "
            "SELECT gen_random_uuid(), u.id, 'AAPL', 'above', 1000 + n, now() FROM users u, generate_series(1, 5000) n"
        )
        connection.execute("ANALYZE price_alerts")
        rows = connection.execute(
            "EXPLAIN (ANALYZE, FORMAT JSON) SELECT id FROM price_alerts WHERE symbol = 'AAPL' AND armed AND (upper_price <= 300 OR lower_price >= 100)"
        ).fetchone()
        assert rows is not None
        plan = str(rows[0])
    assert "price_alerts_above" in plan
    assert "Seq Scan" not in plan


def test_more_than_fire_at_once_all_fire(ada: User, engine: Database, migrated: str) -> None:
    with psycopg.connect(migrated) as connection:
        connection.execute(
            "INSERT INTO price_alerts (id, user_id, symbol, condition, upper_price, since) "
            "SELECT gen_random_uuid(), u.id, 'AAPL', 'above', 200, now() - interval '1 hour' FROM users u, generate_series(1, 1200) n"
        )
    assert fire_alerts(engine, bar(1, 100, 300)) == 1200
    assert len(told(ada, migrated)) == 1200


def test_webhooks_of_chats_are_told_a_sentence_that_calls_nobody(api: Api, ada: User) -> None:
    text = "AAPL is above 200.00: it traded at 201.00 (@everyone <!channel>)"
    assert chat_message(WebhookFormat.DISCORD, text)["allowed_mentions"] == {"parse": []}
    assert "<!channel>" not in str(chat_message(WebhookFormat.SLACK, text))
    assert chat_message(WebhookFormat.TELEGRAM, text)["text"] == f"StratForge: {text}"
    telegram = {"url": "https://api.telegram.org/bot1:a/sendMessage", "format": "telegram", "kinds": ["alert"]}
    assert ada.call("POST", "/v1/webhooks", telegram).status_code == 422
    made = ada.call("POST", "/v1/webhooks", {**telegram, "url": f"{telegram['url']}?chat_id=7"})
    assert (made.status_code, made.json()["format"]) == (201, "telegram")
    subjects = [each["subject"] for each in ada.get("/v1/users/me/events")["items"]]
    assert subjects[0] == "telegram at api.telegram.org", "whoever reads the log cannot write into the chat"


def test_whoever_may_only_read_sees_of_a_webhooks_address_the_host(api: Api, ada: User) -> None:
    url = "https://api.telegram.org/bot123:SECRET/sendMessage?chat_id=5"
    assert ada.call("POST", "/v1/webhooks", {"url": url, "format": "telegram"}).status_code == 201
    for scopes, shown in ((["read"], "https://api.telegram.org/…"), (["read", "write"], url)):
        key = ada.call("POST", "/v1/users/me/api-keys", {"name": "k", "scopes": scopes}).json()["key"]
        for tokens in ({"access_token": key}, granted(api, ada, *scopes)):
            assert [each["url"] for each in call(api, tokens, "GET", "/v1/webhooks").json()["items"]] == [shown]
    assert ada.get("/v1/webhooks")["items"][0]["url"] == url


def test_the_pages_set_show_and_delete_alerts(ada: User, engine: Database) -> None:
    headers = {"Authorization": f"Bearer {ada.tokens['access_token']}", "HX-Request": "true"}

    def send(path: str, form: dict[str, str]) -> int:
        return int(ada.client.post(path, data=form, headers=headers).status_code)

    assert send("/alerts", {"symbol": "AAPL", "condition": "below", "price": "150.5", "note": "cheap"}) == 204
    assert send("/alerts", {"symbol": "AAPL", "condition": "below", "price": ""}) == 422
    for path in ("/market/AAPL", "/notices"):
        page = ada.client.get(path, headers={"Authorization": headers["Authorization"]}).text
        assert "below 150.50" in page
        assert "cheap" in page
    alert_id = ada.get(ALERTS)["items"][0]["alert_id"]
    assert send(f"/alerts/{uuid4()}/delete", {}) == 404
    assert send(f"/alerts/{alert_id}/delete", {}) == 204
    assert ada.get(ALERTS)["items"] == []


def test_when_it_fired_is_told_by_the_markets_clock(api: Api, ada: User, engine: Database) -> None:
    set_alert(ada)
    with engine.transaction() as connection:
        set_market_clock(connection, datetime.now(UTC) + timedelta(days=90), 1.0)
    fired = bar(2, 199, 200)
    assert fire_alerts(engine, replace(fired, time=fired.time + timedelta(days=90))) == 1
    (alert,) = ada.get(ALERTS)["items"]
    passed = datetime.fromisoformat(alert["fired_at"]) - datetime.now(UTC)
    assert timedelta(days=89) < passed < timedelta(days=91)
