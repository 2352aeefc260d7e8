"""Accounts that open by mail: whoever registers, logs in or asks learns nowhere who has an account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from stratforge.application.mailing import Mail

from functions.api import context
from tests.support.api import PASSWORD, Api, User
from tests.support.mailbox import NEW_PASSWORD, code_of, confirm, reset, token_of

STRANGERS = "what a stranger would choose"


@pytest.fixture
def taken(api: Api, post: Callable[[], list[Mail]], monkeypatch: pytest.MonkeyPatch) -> User:
    """Somebody with a confirmed account, from before accounts opened by mail."""
    owner = api.user("taken")
    assert confirm(api, token_of(post()[0])).status_code == 204
    monkeypatch.setenv("REGISTRATIONS_BY_MAIL", "true")
    context.settings.cache_clear()
    return owner


def register(api: Api, email: str, password: str = PASSWORD) -> Any:
    return api.client().post("/v1/auth/register", json={"email": email, "password": password})


def log_in(api: Api, email: str, password: str) -> Any:
    return api.client().post("/v1/auth/login", json={"email": email, "password": password})


def test_registering_and_logging_in_after_it_tell_nobody_who_has_an_account(api: Api, taken: User) -> None:
    addresses = (taken.email, "free@example.com")
    registered = [register(api, each, STRANGERS) for each in addresses]
    assert {(each.status_code, each.content) for each in registered} == {(202, b"null")}
    assert not any(each.cookies for each in registered)
    entered = [log_in(api, each, STRANGERS) for each in addresses]
    assert len({(each.status_code, each.content) for each in entered}) == 1
    assert (entered[0].status_code, code_of(entered[0])) == (401, "wrong-credentials")
    for _ in range(6):
        pauses = [log_in(api, each, STRANGERS).status_code for each in addresses]
        assert pauses[0] == pauses[1], "a right password of what is not open yet counts as wrong, like the other"


def test_pages_tell_nobody_either(api: Api, taken: User) -> None:
    said = []
    for email in (taken.email, "free@example.com"):
        form = {"email": email, "password": STRANGERS}
        answer = api.client().post("/register", data=form, headers={"HX-Request": "true"})
        assert answer.status_code == 200
        said.append(answer.text.replace(email, "…"))
    assert said[0] == said[1]


def test_the_mail_says_the_rest(api: Api, taken: User, post: Callable[[], list[Mail]]) -> None:
    register(api, taken.email, STRANGERS)
    register(api, "free@example.com")
    known, new = sorted(post(), key=lambda mail: mail.subject, reverse=True)
    assert (known.address, known.subject) == (taken.email, "You have an account already")
    assert "?token=" not in known.text, "nothing in it opens anything"
    assert log_in(api, "free@example.com", PASSWORD).status_code == 401
    assert confirm(api, token_of(new)).status_code == 204
    assert log_in(api, "free@example.com", PASSWORD).status_code == 200
    assert log_in(api, taken.email, PASSWORD).status_code == 200
    assert log_in(api, taken.email, STRANGERS).status_code == 401


def test_an_account_that_a_stranger_registered_opens_for_who_reads_the_mailbox_alone(
    api: Api, taken: User, post: Callable[[], list[Mail]]
) -> None:
    register(api, "victim@example.com", STRANGERS)
    post()
    register(api, "victim@example.com")
    assert [each.subject for each in post()] == ["Confirm your address"]
    api.client().post("/v1/auth/password/reset", json={"email": "victim@example.com"})
    assert reset(api, token_of(post()[0])).status_code == 204
    assert log_in(api, "victim@example.com", STRANGERS).status_code == 401
    assert log_in(api, "victim@example.com", NEW_PASSWORD).status_code == 200


def test_a_mailbox_gets_few_mails_because_somebody_registers_its_address(
    api: Api, taken: User, post: Callable[[], list[Mail]]
) -> None:
    for _ in range(8):
        assert register(api, taken.email).status_code == 202
    # One of the day's five was its own confirmation.
    assert len(post()) == 4


def test_where_no_mail_is_sent_an_account_opens_at_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRATIONS_BY_MAIL", "true")
    monkeypatch.setenv("MAILS_QUEUE_URL", "")
    context.settings.cache_clear()
    context.outbox.cache_clear()
    try:
        assert register(api, "ada@example.com").status_code == 201
        assert log_in(api, "ada@example.com", PASSWORD).status_code == 200
    finally:
        context.outbox.cache_clear()
