"""Passkeys with a real browser and its own software authenticator, under the page's Content-Security-Policy."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PASSWORD, Visitor, new_visitor
from tests.support.api import running_api


@pytest.fixture
def address(migrated: str) -> Iterator[str]:
    """The application by the machine's name: devices sign for no number."""
    with pytest.MonkeyPatch.context() as patch, running_api(migrated, patch) as api:
        server = uvicorn.Server(uvicorn.Config(api.app, host="127.0.0.1", port=0, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run)
        thread.start()
        started = threading.Event()
        while not server.started:
            started.wait(0.01)
        yield f"http://localhost:{server.servers[0].sockets[0].getsockname()[1]}"
        server.should_exit = True
        thread.join()


def with_device(page: Page, *, verified: bool = True) -> tuple[Any, str]:
    """Gives the browser a device that makes passkeys."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": verified,
        "automaticPresenceSimulation": True,
    }
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session, str(made["authenticatorId"])


def add(visitor: Visitor, name: str = "Laptop") -> Page:
    page = visitor.go("/account")
    card = page.locator("#passkeys")
    card.locator("form").last.locator("[name=name]").fill(name)
    card.locator("form").last.locator("[name=password]").fill(PASSWORD)
    card.get_by_role("button", name="Add a passkey").click()
    return page


def test_somebody_adds_a_passkey_and_comes_back_with_it(browser: Browser, address: str) -> None:
    visitor = new_visitor(browser, address)
    page = visitor.register()
    with_device(page)
    add(visitor)
    expect(page.locator("#passkeys strong")).to_have_text("Laptop")
    page.context.clear_cookies()
    page.evaluate("localStorage.clear()")
    page.goto(f"{address}/login?next=/account")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"{address}/account")
    expect(page.locator("#passkeys li").first).to_contain_text("last used")
    page.get_by_text("Rename or remove").click()
    page.locator("#passkeys li [name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Remove Laptop").click()
    expect(page.locator("#passkeys li").first).to_have_text("None.")
    # Nothing answers the WebSocket here.
    assert [each for each in visitor.complaints if "realtime" not in each] == []
    visitor.context.close()


@pytest.mark.long
def test_a_device_that_did_not_recognize_its_person_adds_nothing_and_the_page_says_so(
    browser: Browser, address: str
) -> None:
    visitor = new_visitor(browser, address)
    page = visitor.register()
    with_device(page, verified=False)
    add(visitor)
    expect(page.locator("#passkeys [data-said]")).to_contain_text("no passkey was chosen")
    visitor.context.close()


@pytest.mark.long
def test_a_passkey_that_the_account_forgot_opens_nothing_and_the_page_says_so(browser: Browser, address: str) -> None:
    visitor = new_visitor(browser, address)
    page = visitor.register()
    with_device(page)
    add(visitor)
    expect(page.locator("#passkeys strong")).to_have_text("Laptop")
    visitor.client.call("DELETE", "/v1/users/me", {"password": PASSWORD})
    page.context.clear_cookies()
    page.goto(f"{address}/login")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.locator("[data-said]")).to_contain_text("opens nothing here")
    visitor.context.close()
