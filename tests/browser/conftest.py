"""A real browser on the real platform: Debian's Chromium, steered by Playwright."""

from __future__ import annotations

import itertools
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from local_platform.platform import Platform
from playwright.sync_api import (
    APIResponse,
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Response,
    expect,
    sync_playwright,
)
from stratforge.client import Client

from tests.support.patience import when_not_busy
from tests.support.trading import wait_for

# However busy the machine: a test fails for what a page does, not for when.
_PATIENCE_MS = 90_000
expect.set_options(timeout=_PATIENCE_MS)

PASSWORD = "a long enough password"
_NUMBERS = itertools.count()
# The one without windows first: it takes a quarter less of the processor.
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
EXECUTABLE = os.environ.get("CHROMIUM") or next((found for name in _NAMES if (found := shutil.which(name))), None)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The browser. It ends with these tests: Playwright's loop would stand in the way of others'."""
    if EXECUTABLE is None:
        pytest.skip("no Chromium is installed: apt-get install chromium, or set CHROMIUM to where it is")
    with sync_playwright() as playwright:
        # Nobody looks: without a graphics card that is played by the processor, pages are drawn in less of its time.
        arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        found = playwright.chromium.launch(executable_path=EXECUTABLE, args=arguments)
        yield found
        found.close()


def until(page: Page, condition: str) -> None:
    """Waits for a condition in the page: Playwright's own waiting evaluates a text there, which the page's policy forbids."""
    wait_for(lambda: page.evaluate(condition), _PATIENCE_MS / 4_000, condition)


@dataclass
class Visitor:
    """Somebody with a browser window; what the console complains of is kept."""

    page: Page
    context: BrowserContext
    address: str
    email: str
    complaints: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> Page:
        """Listens to a page's console."""
        page.set_default_timeout(_PATIENCE_MS)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        return page

    def _console(self, message: ConsoleMessage) -> None:
        # The browser notes every refused form and every answer "busy"; what the page makes of them is tested.
        if message.type in ("error", "warning") and not any(code in message.text for code in ("422", "503")):
            self.complaints.append(f"{message.location.get('url')}: {message.text}")

    def go(self, path: str, page: Page | None = None) -> Page:
        """Opens one of our addresses, in another page if need be. The page of a busy platform asks again by itself, and is waited out."""
        self.answer(path, page)
        return page or self.page

    def answer(self, path: str, page: Page | None = None) -> Response:
        """The answer with which one of our addresses opened, after those of a busy platform."""
        page = page or self.page
        for _ in range(20):
            response = page.goto(self.address + path)
            assert response is not None
            if response.status != 503:
                return response
            page.wait_for_timeout(3_000)
        raise AssertionError(f"{path} is busy for a minute")

    @property
    def client(self) -> Client:
        """The same person, as a program."""
        client = Client(self.address)
        client.register(self.email, PASSWORD)
        return client

    def enter(self) -> None:
        """Registers as the form does, and has opened no page yet."""
        self._send("/register")

    def come_back(self) -> None:
        """Logs in as the form does, and has opened no page yet."""
        self._send("/login")

    def _send(self, path: str) -> None:
        form: dict[str, str | float | bool] = {"email": self.email, "password": PASSWORD}

        def asked() -> APIResponse | None:
            answer = self.page.request.post(
                f"{self.address}{path}", form=form, headers={"HX-Request": "true"}, timeout=60_000
            )
            return None if answer.status == 503 else answer

        answer = when_not_busy(asked)
        assert answer.status == 204, answer.text()

    def register(self) -> Page:
        """Through the form, to the first page."""
        page = self.go("/register")
        page.fill("[name=email]", self.email)
        page.fill("[name=password]", PASSWORD)
        page.click("form button")
        page.wait_for_url(f"{self.address}/")
        return page


# Whose form meets a busy platform, presses again a little later: unless a test wants to see what the page says then.
_PRESSES_AGAIN = """
document.addEventListener("htmx:beforeSwap", ({ detail: { xhr, requestConfig } }) => {
  const pressed = requestConfig.elt;
  const press = () => pressed.isConnected && !window.waits && (pressed.matches("form") ? pressed.querySelector("button") && pressed.requestSubmit() : pressed.click());
  if (xhr.status === 503 && requestConfig.verb !== "get") setTimeout(press, 4000);
});
"""


def new_visitor(browser: Browser, address: str, **context: object) -> Visitor:
    """Somebody who was never here."""
    window = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context})  # type: ignore[arg-type]
    window.add_init_script(_PRESSES_AGAIN)
    # As long as `expect` waits: other platforms may want the machine, too.
    window.set_default_timeout(90_000)
    page = window.new_page()
    email = f"visitor-{next(_NUMBERS)}-{time.time_ns()}@example.com"
    visitor = Visitor(page, window, address, email)
    visitor.watch(page)
    return visitor


@pytest.fixture
def visitor(browser: Browser, platform: Platform) -> Iterator[Visitor]:
    """Somebody who was never here; afterwards the console must have had nothing to complain of."""
    found = new_visitor(browser, platform.address)
    yield found
    found.context.close()
    assert found.complaints == []


@pytest.fixture
def member(visitor: Visitor) -> Visitor:
    """Somebody who has just registered, and has opened no page yet."""
    visitor.enter()
    return visitor
