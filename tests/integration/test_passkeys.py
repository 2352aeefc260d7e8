"""Passkeys as a device in software and an attacker use them."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from stratforge.application.mailing import Mail

from tests.support.api import PASSWORD, Api, User
from tests.support.authenticator import PRESENT, Authenticator, decoded, encoded
from tests.support.mailbox import NEW_PASSWORD, code_of, reset, switch_on, token_of

PASSKEYS, PROOF = "/v1/users/me/passkeys", {"password": PASSWORD}


def begun(user: User, proof: Any = None) -> dict[str, Any]:
    answer = user.call("POST", f"{PASSKEYS}/options", proof or PROOF)
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["options"])


def added(user: User, device: Authenticator, proof: Any = None, name: str = "Phone") -> Any:
    return user.call("POST", PASSKEYS, {"name": name, "credential": device.make(begun(user, proof))})


def with_passkey(user: User) -> Authenticator:
    device = Authenticator()
    answer = added(user, device)
    assert answer.status_code == 201, answer.text
    return device


def challenged(api: Api) -> dict[str, Any]:
    return dict(api.client().post("/v1/auth/passkey/options").json()["options"])


def log_in(api: Api, device: Authenticator) -> Any:
    return api.client().post("/v1/auth/passkey", json={"credential": device.sign(challenged(api))})


def test_a_passkey_opens_the_account_without_a_password(api: Api, ada: User) -> None:
    device = with_passkey(ada)
    answer = log_in(api, device)
    assert answer.status_code == 200, answer.text
    again = User(api.client(), ada.email, answer.json())
    assert again.get("/v1/users/me")["email"] == ada.email
    listed = ada.get(PASSKEYS)["items"]
    assert [(each["name"], each["last_used_at"] is not None) for each in listed] == [("Phone", True)]


def test_with_a_second_factor_in_force_it_takes_the_place_of_the_code(api: Api, owner: User) -> None:
    device = with_passkey(owner)
    switch_on(owner)
    credentials = {"email": owner.email, "password": PASSWORD}
    assert code_of(api.client().post("/v1/auth/login", json=credentials)) == "second-factor-required"
    beside = {**credentials, "passkey": device.sign(challenged(api))}
    assert api.client().post("/v1/auth/login", json=beside).status_code == 200
    assert api.client().post("/v1/auth/login", json=beside).status_code == 401, "an answer is good once"
    wrong = {**credentials, "password": "not the password", "passkey": device.sign(challenged(api))}
    assert api.client().post("/v1/auth/login", json=wrong).status_code == 401
    assert log_in(api, device).status_code == 200, "and by itself it is both factors"


def test_anothers_passkey_is_no_second_factor(api: Api, owner: User) -> None:
    switch_on(owner)
    device = with_passkey(api.user("eve"))
    body = {"email": owner.email, "password": PASSWORD, "passkey": device.sign(challenged(api))}
    assert code_of(api.client().post("/v1/auth/login", json=body)) == "second-factor-required"


def test_an_answer_is_taken_once_however_many_send_it(api: Api, ada: User) -> None:
    device = with_passkey(ada)
    body = {"credential": device.sign(challenged(api))}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: api.client().post("/v1/auth/passkey", json=body).status_code, range(6)))
    assert sorted(answers) == [200] + [401] * 5


def spoiled(answer: dict[str, Any], name: str) -> dict[str, Any]:
    content = bytearray(decoded(answer["response"][name]))
    content[-1] ^= 1
    return {**answer, "response": {**answer["response"], name: encoded(bytes(content))}}


@pytest.mark.parametrize(
    "forge",
    [
        lambda device, options: spoiled(device.sign(options), "signature"),
        lambda device, options: spoiled(device.sign(options), "authenticatorData"),
        lambda device, options: spoiled(device.sign(options), "clientDataJSON"),
        lambda device, _options: device.sign({"challenge": encoded(bytes(56))}),
        lambda device, _options: device.sign({"challenge": ""}),
        lambda device, options: Authenticator(credential_id=device.credential_id).sign(options),
        lambda device, options: Authenticator(private=device.private).sign(options),
        lambda device, options: {**device.sign(options), "rawId": "A"},
    ],
)
def test_a_forged_answer_opens_nothing(
    api: Api, ada: User, forge: Callable[[Authenticator, dict[str, Any]], dict[str, Any]]
) -> None:
    forged = forge(with_passkey(ada), challenged(api))
    answer = api.client().post("/v1/auth/passkey", json={"credential": forged})
    assert (answer.status_code, code_of(answer)) == (401, "passkey-refused")


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"site": "https://evil.example"},
        {"site": "https://testserver.evil.example"},
        {"host": "evil.example"},
        {"flags": PRESENT},
        {"flags": 0},
    ],
)
def test_what_was_signed_for_another_site_or_without_the_person_is_refused(
    api: Api, ada: User, elsewhere: dict[str, Any]
) -> None:
    device = with_passkey(ada)
    for name, value in elsewhere.items():
        setattr(device, name, value)
    assert log_in(api, device).status_code == 401
    answer = added(ada, Authenticator(**elsewhere))
    assert (answer.status_code, code_of(answer)) == (422, "passkey-not-valid")


@pytest.mark.parametrize(
    "around",
    [
        {"crossOrigin": True},
        {"crossOrigin": True, "topOrigin": "https://evil.example"},
        {"topOrigin": "https://evil.example"},
        {"crossOrigin": False, "topOrigin": "https://evil.example"},
        {"crossOrigin": "true"},
        {"crossOrigin": None},
        {"crossOrigin": 0},
    ],
)
def test_what_was_asked_for_within_a_page_of_another_site_is_refused(
    api: Api, ada: User, around: dict[str, Any]
) -> None:
    device = with_passkey(ada)
    device.besides = around
    assert log_in(api, device).status_code == 401
    answer = added(ada, Authenticator(besides=around))
    assert (answer.status_code, code_of(answer)) == (422, "passkey-not-valid")


def test_a_browser_that_says_nothing_of_pages_around_ours_is_none_of_them(api: Api, ada: User) -> None:
    device = with_passkey(ada)
    device.besides = {}
    assert log_in(api, device).status_code == 200


def test_a_copy_of_a_device_is_noticed_by_its_count(api: Api, ada: User) -> None:
    device = with_passkey(ada)
    for _ in range(3):
        assert log_in(api, device).status_code == 200
    device.count = 1
    assert log_in(api, device).status_code == 401


def test_copies_that_answer_at_once_are_noticed_too(api: Api, ada: User) -> None:
    device = with_passkey(ada)
    answers = []
    for _ in range(8):
        device.count = 100
        answers.append(device.sign(challenged(api)))

    def log_in_by(answer: Any) -> int:
        return int(api.client().post("/v1/auth/passkey", json={"credential": answer}).status_code)

    with ThreadPoolExecutor(8) as at_once:
        assert sorted(at_once.map(log_in_by, answers)) == [200] + 7 * [401]


def test_a_challenge_is_for_its_purpose_its_login_and_five_minutes(
    api: Api, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, eve = with_passkey(ada), api.user("eve")
    assert api.client().post("/v1/auth/passkey", json={"credential": device.sign(begun(ada))}).status_code == 401
    for options in (challenged(api), begun(eve)):
        options["user"] = {"id": encoded(b"0123456789abcdef")}
        answer = ada.call("POST", PASSKEYS, {"name": "x", "credential": Authenticator().make(options)})
        assert (answer.status_code, code_of(answer)) == (422, "passkey-not-valid")
    late = challenged(api)
    now = time.time_ns()
    monkeypatch.setattr("stratforge.application.passkeys.time.time_ns", lambda: now + 301 * 10**9)
    assert api.client().post("/v1/auth/passkey", json={"credential": device.sign(late)}).status_code == 401


def test_one_proof_adds_one_passkey_and_brings_none_back_that_was_removed(ada: User) -> None:
    options = begun(ada)
    first = {"name": "Phone", "credential": Authenticator().make(options)}
    passkey_id = ada.call("POST", PASSKEYS, first).json()["passkey_id"]
    second = {"name": "Thief's", "credential": Authenticator().make(options)}
    assert code_of(ada.call("POST", PASSKEYS, second)) == "passkey-not-valid"
    assert ada.call("DELETE", f"{PASSKEYS}/{passkey_id}", PROOF).status_code == 204
    assert code_of(ada.call("POST", PASSKEYS, first)) == "passkey-not-valid"
    assert ada.get(PASSKEYS)["items"] == []
    assert added(ada, Authenticator()).status_code == 201


def test_a_token_of_a_login_adds_and_removes_nothing_without_the_password_and_a_code(api: Api, owner: User) -> None:
    device = with_passkey(owner)
    app, _ = switch_on(owner)
    passkey_id = owner.get(PASSKEYS)["items"][0]["passkey_id"]
    for proof, code in (
        ({"password": "not the password"}, "wrong-password"),
        (PROOF, "second-factor-required"),
        ({**PROOF, "code": "000000"}, "wrong-code"),
    ):
        answer = owner.call("POST", f"{PASSKEYS}/options", proof)
        assert (answer.status_code, code_of(answer)) == (403, code)
    assert code_of(owner.call("DELETE", f"{PASSKEYS}/{passkey_id}", PROOF)) == "second-factor-required"
    assert log_in(api, device).status_code == 200
    assert owner.call("DELETE", f"{PASSKEYS}/{passkey_id}", {**PROOF, "code": app.now()}).status_code == 204
    assert log_in(api, device).status_code == 401


def test_a_passkey_is_its_owners_alone(api: Api, ada: User) -> None:
    with_passkey(ada)
    passkey_id, eve = ada.get(PASSKEYS)["items"][0]["passkey_id"], api.user("eve")
    assert eve.get(PASSKEYS)["items"] == []
    assert eve.call("PATCH", f"{PASSKEYS}/{passkey_id}", {"name": "mine"}).status_code == 404
    assert eve.call("DELETE", f"{PASSKEYS}/{passkey_id}", PROOF).status_code == 404
    assert ada.call("PATCH", f"{PASSKEYS}/{passkey_id}", {"name": "Tablet"}).json()["name"] == "Tablet"
    key = ada.call("POST", "/v1/users/me/api-keys", {"name": "k", "scopes": ["read", "write"]}).json()["key"]
    headers = {"Authorization": f"Bearer {key}"}
    assert api.client().get(PASSKEYS, headers=headers).status_code == 403
    assert api.client().post(f"{PASSKEYS}/options", json=PROOF, headers=headers).status_code == 403


def test_a_device_is_added_once_and_not_to_two_accounts(api: Api, ada: User) -> None:
    device, eve = with_passkey(ada), api.user("eve")
    assert [each["id"] for each in begun(ada)["excludeCredentials"]] == [encoded(device.credential_id)]
    for user in (ada, eve):
        assert code_of(added(user, device)) == "passkey-known"
    assert log_in(api, Authenticator(credential_id=device.credential_id)).status_code == 401


def test_there_are_twenty_at_most(api: Api, ada: User) -> None:
    for _ in range(20):
        with_passkey(ada)
    assert code_of(ada.call("POST", f"{PASSKEYS}/options", PROOF)) == "too-many-passkeys"


def test_with_another_password_a_passkey_stays_and_is_named_and_after_a_reset_it_is_gone(
    api: Api, owner: User, post: Callable[[], list[Mail]]
) -> None:
    device = with_passkey(owner)
    assert "A passkey was added" in post()[0].text
    change = {"current_password": PASSWORD, "new_password": "quite another password"}
    assert owner.call("POST", "/v1/auth/password", change).status_code == 200
    assert "the passkey Phone" in post()[0].text
    assert log_in(api, device).status_code == 200
    api.client().post("/v1/auth/password/reset", json={"email": owner.email})
    assert reset(api, token_of(post()[0]), NEW_PASSWORD).status_code == 204
    assert log_in(api, device).status_code == 401


def test_a_closed_account_has_no_passkey(api: Api, ada: User) -> None:
    device = with_passkey(ada)
    options = begun(ada)
    assert ada.call("DELETE", "/v1/users/me", PROOF).status_code == 204
    assert log_in(api, device).status_code == 401
    assert ada.call("POST", PASSKEYS, {"name": "x", "credential": Authenticator().make(options)}).status_code == 401


def test_answers_are_tried_a_limited_number_of_times(api: Api, ada: User) -> None:
    device = Authenticator()
    assert {log_in(api, device).status_code for _ in range(60)} == {401}
    assert log_in(api, device).status_code == 429
