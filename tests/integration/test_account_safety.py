"""Addresses, forgotten passwords, the second factor and the log, as an attacker meets them."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from botocore.exceptions import EndpointConnectionError
from stratforge.application.logins import Origin
from stratforge.application.mailing import Mail, send_waiting
from stratforge.storage.postgres.database import Database

from functions.mailer import handler
from tests.support.api import PASSWORD, Api, User
from tests.support.lambda_context import CONTEXT
from tests.support.mailbox import NEW_PASSWORD, code_of, confirm, reset, switch_on, token_of


def log_in(api: Api, user: User, password: str = PASSWORD, **more: str) -> Any:
    body = {"email": user.email, "password": password, **more}
    return api.client().post("/v1/auth/login", json=body, headers={"X-Device": user.tokens["device"]})


def ask_for_reset(api: Api, email: str, **headers: str) -> Any:
    return api.client().post("/v1/auth/password/reset", json={"email": email}, headers=headers)


def test_whoever_asks_for_a_new_password_cannot_tell_who_is_registered(
    api: Api, ada: User, post: Callable[[], list[Mail]], migrated: str
) -> None:
    post()
    answers = [ask_for_reset(api, email) for email in (ada.email, "nobody@example.com")]
    assert {(each.status_code, each.content) for each in answers} == {(202, b"null")}
    with psycopg.connect(migrated) as connection:
        waiting = "SELECT count(*), count(user_id) FROM mails WHERE kind = 'RESET' AND sent_at IS NULL"
        assert connection.execute(waiting).fetchone() == (2, 1), "the same is done for both until a mail is sent"
    assert [each.address for each in post()] == [ada.email]
    with psycopg.connect(migrated) as connection:
        assert connection.execute("SELECT count(*) FROM mails WHERE address LIKE 'nobody%'").fetchone() == (0,)


def test_a_new_password_ends_every_login_and_its_link_is_good_once(
    api: Api, ada: User, post: Callable[[], list[Mail]]
) -> None:
    post()
    for _ in range(2):
        ask_for_reset(api, ada.email)
    earlier, later = (token_of(each) for each in post())
    assert reset(api, later).status_code == 204
    assert ada.call("GET", "/v1/users/me").status_code == 401
    refreshed = ada.client.post("/v1/auth/refresh", json={"refresh_token": ada.tokens["refresh_token"]})
    assert refreshed.status_code == 401
    assert log_in(api, ada).status_code == 401
    assert log_in(api, ada, NEW_PASSWORD).status_code == 200
    for token in (later, earlier, "A" * 43):
        answer = reset(api, token)
        assert (answer.status_code, code_of(answer)) == (422, "link-not-valid")
    assert [each.subject for each in post()] == ["A change of your account"], "the owner is told"


def test_a_link_expires_and_is_stored_nowhere(
    api: Api, ada: User, post: Callable[[], list[Mail]], migrated: str
) -> None:
    post()
    ask_for_reset(api, ada.email)
    token = token_of(post()[0])
    with psycopg.connect(migrated) as connection:
        for table in ("mails", "rate_limits"):
            assert connection.execute(
                f"SELECT count(*) FROM {table} x WHERE x::text LIKE %s", (f"%{token}%",)
            ).fetchone() == (0,)
        lasting = connection.execute("SELECT expires_at - sent_at FROM mails WHERE kind = 'RESET'").fetchone()
        assert lasting is not None
        assert lasting[0].total_seconds() == 1800
        connection.execute("UPDATE mails SET expires_at = now() WHERE kind = 'RESET'")
    assert reset(api, token).status_code == 422


def test_a_link_of_one_purpose_opens_nothing_else(api: Api, ada: User, post: Callable[[], list[Mail]]) -> None:
    confirmation = token_of(post()[0])
    assert reset(api, confirmation).status_code == 422
    ask_for_reset(api, ada.email)
    forgotten = token_of(post()[0])
    assert confirm(api, forgotten).status_code == 422
    assert confirm(api, confirmation).status_code == 204
    assert ada.get("/v1/users/me")["email_confirmed_at"] is not None


def test_a_link_leads_to_the_platform_whatever_host_was_asked(
    api: Api, ada: User, post: Callable[[], list[Mail]]
) -> None:
    """The gateway says where it is; a header of whoever asks would send somebody's token to another host."""
    post()

    async def behind_gateway(scope: Any, receive: Any, send: Any) -> None:
        await api.app({**scope, "aws.event": {"requestContext": {"domainName": "trade.example.com"}}}, receive, send)

    from fastapi.testclient import TestClient

    client = TestClient(behind_gateway, base_url="https://testserver")
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    assert client.post("/v1/auth/password/reset", json={"email": ada.email}, headers=headers).status_code == 202
    assert "https://trade.example.com/reset?token=" in post()[0].text


def test_mails_to_a_mailbox_are_few_and_a_stranger_does_not_use_up_the_owners(
    api: Api, ada: User, post: Callable[[], list[Mail]], monkeypatch: pytest.MonkeyPatch
) -> None:
    post()
    answers = [ask_for_reset(api, ada.email) for _ in range(5)]
    assert [each.status_code for each in answers] == [202, 202, 202, 429, 429]
    assert int(answers[-1].headers["retry-after"]) > 0
    monkeypatch.setattr("functions.api.auth.endpoints.origin", lambda _request: Origin("198.51.100.7"))
    assert ask_for_reset(api, ada.email).status_code == 202


def test_strangers_keep_no_owner_from_a_link_however_many_they_ask_for(
    api: Api, ada: User, post: Callable[[], list[Mail]], monkeypatch: pytest.MonkeyPatch
) -> None:
    post()
    for place in range(15):
        where = Origin(f"2001:db8:{place}::1")
        monkeypatch.setattr("functions.api.auth.endpoints.origin", lambda _request, where=where: where)
        assert ask_for_reset(api, ada.email).status_code == 202
    monkeypatch.undo()
    mails = post()
    assert len(mails) == 10, "and a mailbox is not flooded"
    assert ask_for_reset(api, ada.email).status_code == 202
    assert reset(api, token_of(mails[-1])).status_code == 204, (
        "the last that was sent is good for longer than none is sent"
    )


def test_a_mailbox_is_not_flooded_by_who_registers_it_again_and_again(api: Api, post: Callable[[], list[Mail]]) -> None:
    for _ in range(8):
        made = api.user("ada")
        assert made.call("DELETE", "/v1/users/me", {"password": PASSWORD}).status_code == 204
        # What was asked for an account that is closed is not sent.
        post()
    last = api.user("ada")
    assert post() == []
    assert last.get("/v1/users/me")["email_confirmed_at"] is None


def test_what_becomes_of_a_change_does_not_tell_who_is_registered(
    api: Api, owner: User, post: Callable[[], list[Mail]]
) -> None:
    api.user("bob")
    post()
    for address in ("bob@example.com", "nobody@example.com"):
        owner.call("PUT", "/v1/users/me/email", {"email": address, "password": PASSWORD})
    assert [each.address for each in post()] == ["nobody@example.com"]
    told = owner.get("/v1/users/me/export")["mails"]
    changes = [each for each in told if each["kind"] == "CHANGE"]
    assert len(changes) == 2
    assert len({each["sent_at"] is None for each in changes}) == 1


@pytest.mark.parametrize(
    "address",
    [
        "a,b@example.com",
        "x<evil@example.com",
        '"evil"<evil@example.com',
        "bob(evil)@example.com",
        "..@example.com",
        "=?utf-8?q?evil?=@example.com",
    ],
)
def test_an_address_that_mail_programs_may_read_as_another_is_none(api: Api, address: str) -> None:
    body = {"email": address, "password": PASSWORD}
    assert api.client().post("/v1/auth/register", json=body).status_code == 422


def test_nobody_is_told_that_a_queue_did_not_answer_after_his_account_was_made(
    api: Api, post: Callable[[], list[Mail]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_queue_url: str) -> None:
        raise EndpointConnectionError(endpoint_url="https://sqs")

    monkeypatch.setattr("stratforge.bus.outbox.send_mails_wait", refuse)
    ada = api.user("ada")
    assert [each.address for each in post()] == [ada.email]


def test_a_reset_of_an_address_that_was_never_confirmed_leaves_nothing_of_who_made_the_account(
    api: Api, ada: User, post: Callable[[], list[Mail]]
) -> None:
    """Somebody registers another's address, makes keys, and waits for the owner to come."""
    post()
    refused = ada.call("POST", "/v1/users/me/two-factor", {"password": PASSWORD})
    assert (refused.status_code, code_of(refused)) == (409, "address-not-confirmed")
    key = ada.call("POST", "/v1/users/me/api-keys", {"name": "k", "scopes": ["read"]}).json()["key"]
    ada.call("POST", "/v1/webhooks", {"url": "https://example.com/hook", "kinds": ["order"]})
    ask_for_reset(api, ada.email)
    (mail,) = post()
    assert reset(api, token_of(mail)).status_code == 204
    assert User(api.client(), ada.email, {"access_token": key}).call("GET", "/v1/portfolio").status_code == 401
    owner = log_in(api, ada, NEW_PASSWORD)
    assert owner.status_code == 200
    assert User(api.client(), ada.email, owner.json()).get("/v1/webhooks")["items"] == []


def test_an_address_changes_when_its_mailbox_says_so_and_the_old_one_is_told(
    api: Api, owner: User, post: Callable[[], list[Mail]]
) -> None:
    ada, bob = owner, api.user("bob")
    post()
    wanted = {"email": "Countess@example.com", "password": PASSWORD}
    assert ada.call("PUT", "/v1/users/me/email", wanted).status_code == 202
    assert ada.call("PUT", "/v1/users/me/email", {**wanted, "email": bob.email}).status_code == 202, "tells nothing"
    mail, *others = post()
    assert (mail.address, others) == ("countess@example.com", [])
    assert ada.get("/v1/users/me")["email"] == ada.email
    assert confirm(api, token_of(mail)).status_code == 204
    assert ada.get("/v1/users/me")["email"] == "countess@example.com"
    assert [(each.address, each.subject) for each in post()] == [(ada.email, "A change of your account")]


def test_a_mail_that_cannot_be_sent_keeps_no_other_back_and_is_sent_later(
    api: Api, ada: User, mailer: Database, migrated: str
) -> None:
    bob = api.user("bob")
    sent: list[str] = []

    def send(mail: Mail) -> None:
        if mail.address == ada.email:
            raise RuntimeError("the mailbox is full")
        sent.append(mail.address)

    done, failures = send_waiting(mailer, send)
    assert (done, len(failures), sent) == (1, 1, [bob.email])
    with psycopg.connect(migrated) as connection:
        connection.execute("UPDATE mails SET retry_at = now()")
    assert send_waiting(mailer, lambda mail: sent.append(mail.address)) == (1, [])
    assert sent == [bob.email, ada.email]
    assert send_waiting(mailer, lambda mail: sent.append(mail.address)) == (0, []), "each once"


class Ses:
    """The service that sends mails, as far as the mailer asks it."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def send_email(self, **mail: Any) -> None:
        self.sent.append(mail)


def test_a_message_has_the_mailer_send_what_waits(
    api: Api, ada: User, mailer: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Ses()
    monkeypatch.setenv("MAIL_SENDER", "stratforge@example.com")
    monkeypatch.setattr(handler, "database", mailer)
    monkeypatch.setattr(handler, "ses_client", lambda: service)
    message = {
        "messageId": "1",
        "body": "{}",
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:mails",
    }
    answer = handler.handler({"Records": [message]}, CONTEXT)
    assert answer == {"batchItemFailures": []}
    (mail,) = service.sent
    assert mail["FromEmailAddress"] == "stratforge@example.com"
    assert mail["Destination"] == {"ToAddresses": [ada.email]}
    assert "/confirm?token=" in mail["Content"]["Simple"]["Body"]["Text"]["Data"]
    for name in range(30):
        api.user(f"user{name}")
    handler.handler({"source": "aws.events"}, CONTEXT)
    assert len(service.sent) == 31, "a minute's look sends all that waits, with no message"


# The second factor --------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("owner")
def test_with_a_second_factor_the_password_alone_opens_nothing_and_a_code_is_good_once(api: Api, ada: User) -> None:
    app, _ = switch_on(ada)
    alone = log_in(api, ada)
    assert (alone.status_code, code_of(alone)) == (401, "second-factor-required")
    assert alone.cookies.get("stratforge_access") is None
    assert code_of(log_in(api, ada, code="000000")) == "wrong-code"
    assert code_of(log_in(api, ada, "not the password", code=app.now())) == "wrong-credentials"
    code = app.now()
    assert log_in(api, ada, code=code).status_code == 200
    again = log_in(api, ada, code=code)
    assert (again.status_code, code_of(again)) == (401, "wrong-code"), "whoever looked over the shoulder comes too late"
    assert log_in(api, ada, code=app.at(time.time() - 30)).status_code == 401, "nor is an earlier one good then"


@pytest.mark.usefixtures("owner")
def test_a_code_that_comes_many_times_at_once_is_taken_once(api: Api, ada: User) -> None:
    app, _ = switch_on(ada)
    code = app.now()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: log_in(api, ada, code=code).status_code, range(4)))
    assert sorted(answers) == [200, 401, 401, 401]


@pytest.mark.usefixtures("owner")
def test_codes_cannot_be_guessed_and_who_guesses_does_not_lock_the_owner_out(api: Api, ada: User) -> None:
    app, _ = switch_on(ada)
    guesses = [
        api.client().post("/v1/auth/login", json={"email": ada.email, "password": PASSWORD, "code": f"{n:06}"})
        for n in range(8)
    ]
    assert [each.status_code for each in guesses] == [401] * 5 + [429] * 3
    assert log_in(api, ada, code=app.now()).status_code == 200, "a device that is known has attempts of its own"
    log = ada.get("/v1/users/me/events?limit=200")["items"]
    assert sum(each["kind"] == "WRONG_CODE" for each in log) == 5, "the owner sees that somebody knows the password"


@pytest.mark.usefixtures("owner")
def test_a_recovery_code_is_good_once_and_new_ones_end_the_others(api: Api, ada: User) -> None:
    _, codes = switch_on(ada)
    assert len(set(codes)) == 10
    assert log_in(api, ada, code=codes[0].lower()).status_code == 200
    assert log_in(api, ada, code=codes[0]).status_code == 401
    assert ada.get("/v1/users/me/two-factor") == {"enabled": True, "recovery_codes_left": 9}
    proof = {"password": PASSWORD, "code": codes[2]}
    renewed = ada.call("POST", "/v1/users/me/two-factor/recovery-codes", proof).json()["codes"]
    assert log_in(api, ada, code=codes[1]).status_code == 401
    assert log_in(api, ada, code=renewed[1]).status_code == 200


@pytest.mark.usefixtures("owner")
def test_a_second_factor_is_not_removed_with_an_open_browser_or_a_stolen_password(ada: User, api: Api) -> None:
    app, codes = switch_on(ada)
    path = "/v1/users/me/two-factor"
    for body in ({"password": PASSWORD, "code": "000000"}, {"password": "not the password", "code": app.now()}):
        assert ada.call("DELETE", path, body).status_code == 403
    replacing = ada.call("POST", path, {"password": PASSWORD, "code": codes[1]})
    assert code_of(replacing) == "two-factor-in-force", "nor replaced by another"
    assert log_in(api, ada).status_code == 401
    assert ada.call("DELETE", path, {"password": PASSWORD, "code": codes[0]}).status_code == 204
    assert log_in(api, ada).status_code == 200


def test_a_forgotten_password_does_not_switch_the_second_factor_off(
    api: Api, ada: User, owner: User, post: Callable[[], list[Mail]]
) -> None:
    app, _ = switch_on(ada)
    post()
    ask_for_reset(api, ada.email)
    assert reset(api, token_of(post()[0])).status_code == 204
    assert code_of(log_in(api, ada, NEW_PASSWORD)) == "second-factor-required"
    assert log_in(api, ada, NEW_PASSWORD, code=app.now()).status_code == 200


@pytest.mark.usefixtures("owner")
def test_no_secret_of_a_second_factor_is_read_by_another_role_or_kept_with_an_answer(ada: User, migrated: str) -> None:
    headers = {"Idempotency-Key": "once"}
    answer = ada.call("POST", "/v1/users/me/two-factor", {"password": PASSWORD}, headers=headers)
    secret = answer.json()["secret"]
    with psycopg.connect(migrated) as connection:
        kept = "SELECT count(*) FROM idempotency_keys WHERE position(%s::bytea IN body) > 0"
        assert connection.execute(kept, (secret,)).fetchone() == (0,)
        connection.execute("SET ROLE stratforge_engine")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT secret FROM two_factor")


# The log ------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("owner")
def test_the_log_says_what_happened_to_the_account_and_where_from(api: Api, ada: User) -> None:
    made = ada.call("POST", "/v1/users/me/api-keys", {"name": "notebook", "scopes": ["read"]}).json()
    ada.call("DELETE", f"/v1/users/me/api-keys/{made['key_id']}")
    ada.call("POST", "/v1/webhooks", {"url": "https://example.com/hook", "kinds": ["order"]})
    switch_on(ada)
    first = ada.get("/v1/users/me/events?limit=3")
    rest = ada.get(f"/v1/users/me/events?limit=200&cursor={first['next']}")
    log = [*first["items"], *rest["items"]]
    assert [(each["kind"], each["subject"]) for each in log] == [
        ("TWO_FACTOR_ON", ""),
        ("WEBHOOK_ADDED", "https://example.com/hook"),
        ("KEY_REVOKED", "notebook (read)"),
        ("KEY_MADE", "notebook (read)"),
        ("ADDRESS_CONFIRMED", ada.email),
        ("SIGNED_IN", ""),
    ]
    assert {(each["address"], each["client"]) for each in log if each["kind"] != "ADDRESS_CONFIRMED"} == {
        ("testclient", "testclient")
    }
    assert api.user("bob").get("/v1/users/me/events")["items"][0]["kind"] == "SIGNED_IN"


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM account_events",
        "UPDATE account_events SET kind = 'SIGNED_IN'",
        "INSERT INTO account_events (user_id, kind) VALUES (app_user_id(), 'SIGNED_IN')",
        "SELECT note_account_event(app_user_id(), 'SIGNED_IN', '')",
        "SELECT spend_mail('x'::bytea)",
        "SELECT token_hash FROM mails",
        "INSERT INTO mails (kind, address, user_id) VALUES ('RESET', 'x@y', app_user_id())",
    ],
)
def test_the_api_itself_can_neither_change_the_log_nor_read_a_token(migrated: str, statement: str) -> None:
    with psycopg.connect(migrated) as connection:
        connection.execute("SET ROLE stratforge_api")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)
