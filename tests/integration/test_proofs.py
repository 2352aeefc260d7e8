"""An open browser, a stolen token or a stolen password alone changes nothing of how an account is entered, and a new password ends what was begun before it."""

from __future__ import annotations

import pkgutil
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from fastapi.routing import APIRoute
from pydantic import SecretStr
from pyotp import TOTP
from stratforge.application import logins, passwords
from stratforge.application.access import Scope
from stratforge.application.mailing import Mail

from functions.api.dashboard import pages as dashboard_pages
from functions.api.dashboard.access import operator_visitor, visitor
from tests.support.api import PASSWORD, Api, User
from tests.support.mailbox import NEW_PASSWORD, code_of, confirm, reset, switch_on, token_of

ELSEWHERE = "elsewhere@example.com"


def log_in(api: Api, user: User, password: str = PASSWORD, device: str = "", **more: str) -> Any:
    body = {"email": user.email, "password": password, **more}
    return api.client().post("/v1/auth/login", json=body, headers={"X-Device": device} if device else {})


# Each with what it asks for but the proof.
CHANGES = [
    ("POST", "/v1/users/me/two-factor", {}, "password"),
    ("POST", "/v1/users/me/two-factor/recovery-codes", {}, "password"),
    ("DELETE", "/v1/users/me/two-factor", {}, "password"),
    ("PUT", "/v1/users/me/email", {"email": ELSEWHERE}, "password"),
    ("POST", "/v1/auth/password", {"new_password": NEW_PASSWORD}, "current_password"),
    ("POST", "/v1/users/me/api-keys", {"name": "k", "scopes": ["trade"], "days": None}, "password"),
    ("POST", "/v1/users/me/api-keys", {"name": "k", "scopes": ["trade"], "days": 3650}, "password"),
    ("DELETE", "/v1/users/me", {}, "password"),
]


@pytest.mark.parametrize(("method", "path", "body", "name"), CHANGES)
def test_a_token_of_a_login_just_begun_changes_nothing_of_how_the_account_is_entered(
    owner: User, method: str, path: str, body: dict[str, Any], name: str
) -> None:
    assert owner.call(method, path, body).status_code in (403, 422)
    assert code_of(owner.call(method, path, {**body, name: "not the password"})) == "wrong-password"


@pytest.mark.parametrize(("method", "path", "body", "name"), CHANGES)
def test_where_a_second_factor_is_in_force_the_password_alone_does_not_either(
    owner: User, method: str, path: str, body: dict[str, Any], name: str
) -> None:
    switch_on(owner)
    alone, guessed = {**body, name: PASSWORD}, {**body, name: PASSWORD, "code": "000000"}
    answers = [owner.call(method, path, each) for each in (alone, guessed)]
    assert [(each.status_code, code_of(each)) for each in answers] == [
        (403, "second-factor-required"),
        (403, "wrong-code"),
    ]
    assert owner.get("/v1/users/me/events?limit=1")["items"][0]["kind"] == "WRONG_CODE"


FORMS = [
    ("/account/two-factor", ""),
    ("/account/two-factor/recovery-codes", ""),
    ("/account/two-factor/remove", ""),
    ("/account/email", f"email={ELSEWHERE}"),
    ("/account/keys", "name=k&scopes=trade&days="),
    ("/account/close", ""),
]


@pytest.mark.parametrize(("path", "form"), FORMS)
def test_a_page_wants_what_the_api_wants(owner: User, path: str, form: str) -> None:
    switch_on(owner)
    headers = {
        "Authorization": f"Bearer {owner.tokens['access_token']}",
        "HX-Request": "true",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    for given in (form, f"{form}&password={PASSWORD}"):
        assert owner.client.post(path, content=given, headers=headers).status_code == 403, given


def test_an_app_that_was_proposed_in_the_place_of_the_proven_one_is_not_in_force(owner: User, migrated: str) -> None:
    first = TOTP(owner.call("POST", "/v1/users/me/two-factor", {"password": PASSWORD}).json()["secret"])
    owner.call("POST", "/v1/users/me/two-factor", {"password": PASSWORD})
    assert code_of(owner.call("POST", "/v1/users/me/two-factor/confirmation", {"code": first.now()})) == "wrong-code"


# Confirming -----------------------------------------------------------------------------------------------------------


def test_an_account_that_a_stranger_made_is_not_confirmed_by_who_reads_the_mailbox(
    api: Api, ada: User, post: Callable[[], list[Mail]]
) -> None:
    (mail,) = post()
    assert "/forgot" in mail.text
    token = token_of(mail)
    refused = confirm(api, token, "what the owner of the mailbox guesses")
    assert (refused.status_code, code_of(refused)) == (403, "wrong-password")
    assert ada.get("/v1/users/me")["email_confirmed_at"] is None
    assert confirm(api, token).status_code == 204, "the link is still good for who knows it"


def test_passwords_are_not_guessed_with_a_link(api: Api, ada: User, post: Callable[[], list[Mail]]) -> None:
    token = token_of(post()[0])
    assert [confirm(api, token, f"a guess of mine {n}").status_code for n in range(7)] == [403] * 5 + [429] * 2


# What a new password ends ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [True, False], ids=["sent", "waiting"])
@pytest.mark.parametrize("ending", ["password", "everywhere", "second factor"])
def test_what_mails_offer_ends_when_the_owner_takes_alarm(
    api: Api, owner: User, post: Callable[[], list[Mail]], ending: str, sent: bool
) -> None:
    assert owner.call("PUT", "/v1/users/me/email", {"email": ELSEWHERE, "password": PASSWORD}).status_code == 202
    api.client().post("/v1/auth/password/reset", json={"email": owner.email})
    tokens = [token_of(each) for each in post()] if sent else []
    if ending == "password":
        change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
        assert owner.call("POST", "/v1/auth/password", change).status_code == 200
    elif ending == "everywhere":
        assert owner.call("DELETE", "/v1/auth/logins").status_code == 200
    else:
        switch_on(owner)
    tokens += [token_of(each) for each in post() if "token=" in each.text]
    for token in tokens:
        for password in (PASSWORD, NEW_PASSWORD):
            assert confirm(api, token, password).status_code == 422
        assert reset(api, token).status_code == 422


def test_a_reset_ends_every_key(api: Api, owner: User, post: Callable[[], list[Mail]]) -> None:
    key = owner.call("POST", "/v1/users/me/api-keys", {"name": "k", "scopes": ["trade", "read"]}).json()["key"]
    api.client().post("/v1/auth/password/reset", json={"email": owner.email})
    token = next(token_of(each) for each in post() if "token=" in each.text)
    assert reset(api, token).status_code == 204
    assert User(api.client(), owner.email, {"access_token": key}).call("GET", "/v1/portfolio").status_code == 401


def test_a_login_whose_password_was_checked_before_a_reset_does_not_begin_after_it(
    api: Api, owner: User, post: Callable[[], list[Mail]], monkeypatch: pytest.MonkeyPatch
) -> None:
    api.client().post("/v1/auth/password/reset", json={"email": owner.email})
    token = token_of(post()[0])
    checked = passwords.fits

    def check_and_lose_time(password: Any, kept: str) -> bool:
        right = checked(password, kept)
        assert reset(api, token).status_code == 204
        return right

    monkeypatch.setattr(logins, "fits", check_and_lose_time)
    late = log_in(api, owner)
    assert (late.status_code, code_of(late)) == (401, "wrong-credentials")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/v1/users/me/email", {"email": ELSEWHERE, "password": PASSWORD}),
        ("POST", "/v1/auth/password", {"current_password": PASSWORD, "new_password": "what the intruder would like"}),
        ("POST", "/v1/users/me/api-keys", {"name": "k", "scopes": ["read"]}),
        ("POST", "/v1/users/me/two-factor", {"password": PASSWORD}),
    ],
)
def test_a_change_whose_proof_was_given_before_another_password_was_set_is_not_made_after_it(
    owner: User, migrated: str, method: str, path: str, body: dict[str, Any]
) -> None:
    with psycopg.connect(migrated) as setting, ThreadPoolExecutor(1) as pool:
        setting.execute("UPDATE users SET password_hash = 'another' WHERE email = %s", (owner.email,))
        asked = pool.submit(owner.call, method, path, body)
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        with psycopg.connect(migrated, autocommit=True) as watching:
            while watching.execute(waiting).fetchone() == (0,) and not asked.done():
                threading.Event().wait(0.02)
        setting.commit()
        assert asked.result().status_code == 401
    with psycopg.connect(migrated) as connection:
        made = "SELECT (SELECT count(*) FROM api_keys), (SELECT count(*) FROM mails WHERE kind = 'CHANGE'), (SELECT count(*) FROM two_factor), password_hash FROM users"
        assert connection.execute(made).fetchone() == (0, 0, 0, "another")


# Devices --------------------------------------------------------------------------------------------------------------


def test_two_people_log_in_register_and_change_passwords_in_one_browser(api: Api) -> None:
    browser = api.client()
    first, second = ({"email": f"{name}@example.com", "password": PASSWORD} for name in ("ada", "bob"))
    for person in (first, second):
        assert browser.post("/v1/auth/register", json=person).status_code == 201
        browser.headers.pop("Authorization", None)
    for person in (first, second, first):
        entered = browser.post("/v1/auth/login", json=person)
        assert entered.status_code == 200
    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    headers = {"Authorization": f"Bearer {entered.json()['access_token']}"}
    assert browser.post("/v1/auth/password", json=change, headers=headers).status_code == 200


def test_a_device_is_named_by_the_server_alone_and_keeps_its_name(api: Api, ada: User) -> None:
    assert log_in(api, ada, device="a name of mine").json()["device"] != "a name of mine"
    assert log_in(api, ada, device=ada.tokens["device"]).json()["device"] == ada.tokens["device"]


def test_whoever_had_many_devices_known_has_no_more_guesses_of_a_code(api: Api, owner: User) -> None:
    before = [log_in(api, owner).json()["device"] for _ in range(3)]
    _, codes = switch_on(owner)
    after = [log_in(api, owner, code=code).json()["device"] for code in codes[:3]]
    answers = [code_of(log_in(api, owner, device=name, code="000000")) for name in before + after for _ in range(4)]
    for place in (answers[:12], answers[12:]):
        assert "too-many-attempts" in place, "four of each device would pass if each had attempts of its own"


# Pages ----------------------------------------------------------------------------------------------------------------


def test_no_page_is_opened_and_no_form_taken_with_an_api_key_whatever_its_scopes(api: Api, owner: User) -> None:
    """Pages show everything, so they are for people; programs ask the API, which looks at scopes."""
    keys = [
        owner.call("POST", "/v1/users/me/api-keys", {"name": "k", "scopes": scopes}).json()["key"]
        for scopes in (*([each.value] for each in Scope), [each.value for each in Scope])
    ]
    pages = [
        route
        for page in pkgutil.iter_modules(dashboard_pages.__path__)
        for route in _routes(f"{dashboard_pages.__name__}.{page.name}")
        if isinstance(route, APIRoute)
        and any(each.call in (visitor, operator_visitor) for each in _dependencies(route.dependant))
    ]
    assert len(pages) > 60
    opened = []
    for route in pages:
        path = re.sub(r"{symbol[^}]*}", "AAPL", route.path)
        path = re.sub(r"{[^}]+}", str(uuid4()), path)
        for method in route.methods or ():
            for key in keys:
                headers = {"Authorization": f"Bearer {key}", "HX-Request": "true"}
                answer = api.client().request(method, path, headers=headers, follow_redirects=False)
                if answer.status_code != 403:
                    opened.append((method, path, answer.status_code))
    assert opened == []


def _routes(module: str) -> list[Any]:
    router = getattr(import_module(module), "router", None)
    return router.routes if router else []


def _dependencies(dependant: Any) -> Iterator[Any]:
    for each in dependant.dependencies:
        yield each
        yield from _dependencies(each)


# The meter of passwords -------------------------------------------------------------------------------------------------

LEET = "4@8({[<369!|1$5+7%2" * 4


def test_the_meter_is_given_little_however_long_the_password_and_only_within_the_limit(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    import zxcvbn

    given: list[int] = []
    meter = zxcvbn.zxcvbn

    def measured(text: str) -> Any:
        given.append(len(text))
        return meter(text)

    monkeypatch.setattr(zxcvbn, "zxcvbn", measured)
    answers = [
        api.client().put("/v1/auth/password/reset", json={"token": "x" * 43, "new_password": LEET}).status_code
        for _ in range(30)
    ]
    assert set(answers[:20]) == {422}
    assert set(answers[20:]) == {429}
    assert len(given) <= 40
    assert max(given) <= 16


@pytest.mark.parametrize("password", ["a" * 16 + "correct horse battery", "correct horse battery" + "a" * 16, LEET])
def test_a_password_is_strong_by_what_it_begins_or_ends_with(password: str) -> None:
    passwords.require_strong(SecretStr(password))


# What the owner is told -----------------------------------------------------------------------------------------------


def test_the_owner_is_told_of_keys_and_webhooks_and_of_keys_that_outlive_a_password(
    owner: User, post: Callable[[], list[Mail]]
) -> None:
    wanted = {"name": "see https://evil.example now", "scopes": ["trade"], "days": None, "password": PASSWORD}
    assert owner.call("POST", "/v1/users/me/api-keys", wanted).status_code == 201
    owner.call("POST", "/v1/webhooks", {"url": "https://example.com/hook", "kinds": ["order"]})
    owner.call("POST", "/v1/auth/password", {"current_password": PASSWORD, "new_password": NEW_PASSWORD})
    key, hook, password = post()
    assert "without an end" in key.text
    assert "https://evil" not in key.text, "what an intruder names a key is no link in the mail"
    assert "webhook was added" in hook.text
    assert "API keys and passkeys that go on: see" in password.text


def test_whoever_registers_anothers_address_has_nothing_sent_there_but_its_confirmation(
    ada: User, post: Callable[[], list[Mail]]
) -> None:
    ada.call("POST", "/v1/users/me/api-keys", {"name": "k", "scopes": ["read"]})
    for old, new in ((PASSWORD, NEW_PASSWORD), (NEW_PASSWORD, PASSWORD)):
        changed = ada.call("POST", "/v1/auth/password", {"current_password": old, "new_password": new})
        ada.tokens = changed.json()
    assert [each.subject for each in post()] == ["Confirm your address"]


def test_of_one_kind_five_notices_are_sent_in_a_day(owner: User, post: Callable[[], list[Mail]]) -> None:
    for n in range(8):
        owner.call("POST", "/v1/users/me/api-keys", {"name": f"{n}", "scopes": ["read"]})
    assert len(post()) == 5
