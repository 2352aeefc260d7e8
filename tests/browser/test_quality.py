"""What holds on every page: width, contrast, keyboard, weight, nothing that shifts, nothing inline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from local_platform.platform import Platform
from playwright.sync_api import Browser, Request

from tests.browser.conftest import Visitor, new_visitor

pytestmark = pytest.mark.timeout(900)
_AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
_BUDGET = 150_000
# Only what can be read depends on the colors. What passes is counted, not described.
_LOOKS = {
    "light": "{resultTypes: ['violations']}",
    "dark": "{runOnly: ['color-contrast'], resultTypes: ['violations']}",
}
_WIDTHS = (320, 1280, 2560)
_MOST_LOOKED_AT = frozenset({(1280, "light")})
_OTHERS = frozenset((width, scheme) for width in _WIDTHS for scheme in _LOOKS) - _MOST_LOOKED_AT


@pytest.fixture(scope="module")
def world(browser: Browser, running_platform: Platform) -> Iterator[tuple[Visitor, list[str]]]:
    """Somebody who has one of everything, and the addresses of all pages."""
    import psycopg

    platform = running_platform
    visitor = new_visitor(browser, platform.address)
    visitor.register()
    client = visitor.client
    with psycopg.connect(platform.conninfo("owner"), autocommit=True) as connection:
        connection.execute("UPDATE users SET is_operator = true WHERE email = %s", (visitor.email,))
    strategy = client.generate(
        "Buy AAPL when the 10-bar average crosses above the 30-bar average, with a stop loss of 2 %"
    )
    backtest = client.backtest(strategy["strategy_id"], sweep={"FAST": [5, 10], "SLOW": [20, 40]})
    session = client.start_session(strategy["strategy_id"], "AAPL", stop_loss="0.02")
    client.research("How did Apple do?")
    order = client.call("POST", "/api/trade/orders", {"symbol": "AAPL", "side": "buy", "quantity": "1"})
    pages = [
        "/",
        "/strategies",
        "/strategies/new",
        f"/strategies/{strategy['strategy_id']}",
        f"/backtests/{backtest['backtest_id']}",
        "/backtests/compare?" + "&".join(2 * [f"id={backtest['backtest_id']}"]),
        "/sessions",
        f"/sessions/{session['session_id']}",
        "/portfolio",
        "/orders",
        f"/orders/{order['order_id']}",
        "/trades",
        "/research",
        "/gallery",
        "/leaderboard",
        "/notices",
        "/market/AAPL",
        "/account",
        "/operations",
        "/docs",
        "/docs/orders",
    ]
    yield visitor, pages
    visitor.context.close()


def _settled(visitor: Visitor, path: str) -> Any:
    page = visitor.go(path)
    page.wait_for_load_state("networkidle") if path == "/login" else page.wait_for_timeout(700)
    return page


@pytest.mark.parametrize(
    "looks",
    [
        pytest.param(_MOST_LOOKED_AT, id="at a desk"),
        pytest.param(_OTHERS, id="on a phone, on a wall and in the dark", marks=pytest.mark.long),
    ],
)
def test_every_page_fits_and_axe_finds_nothing(
    world: tuple[Visitor, list[str]], looks: frozenset[tuple[int, str]]
) -> None:
    visitor, pages = world
    for path in pages:
        visitor.page.set_viewport_size({"width": 320, "height": 900})
        page = _settled(visitor, path)
        # The way of the browser's own debugger: the page's policy lets no other script in.
        page.evaluate(_AXE)
        for width in _WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            # Drawn anew, charts too, which follow their place.
            page.evaluate("new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} is wider than {width}"
            for scheme in (each for each in _LOOKS if (width, each) in looks):
                page.emulate_media(color_scheme=scheme)
                found = page.evaluate(f"axe.run(document, {_LOOKS[scheme]})")
                assert len(found["passes"]) > (15 if scheme == "light" else 0), "axe looked at the page"
                wrong = [
                    (each["id"], each["nodes"][0]["html"][:200], each["nodes"][0]["failureSummary"][:300])
                    for each in found["violations"]
                ]
                assert wrong == [], f"{path} at {width} {scheme}: {wrong}"


@pytest.mark.long
def test_every_page_is_light_and_holds_still(browser: Browser, world: tuple[Visitor, list[str]]) -> None:
    member, pages = world
    cookies = member.context.cookies()
    for path in ["/login", "/register", *pages]:
        visitor = new_visitor(browser, member.address)
        if path not in ("/login", "/register"):
            visitor.context.add_cookies(cookies)  # type: ignore[arg-type]
            # The refresh token of another browser is used by nobody but that: used twice, it would end the login.
            visitor.context.add_init_script("localStorage.setItem('renewed', Date.now())")
        sizes: list[int] = []

        def weigh(request: Request, sizes: list[int] = sizes) -> None:
            if request.resource_type in ("document", "script", "stylesheet", "image", "font"):
                sizes.append(request.sizes()["responseBodySize"])

        visitor.page.on("requestfinished", weigh)
        visitor.page.add_init_script(
            "window.shift = 0; new PerformanceObserver(list => { for (const each of list.getEntries()) if (!each.hadRecentInput) "
            "window.shift += each.value }).observe({type: 'layout-shift', buffered: true})"
        )
        page = _settled(visitor, path)
        page.wait_for_timeout(500)
        if path == "/":
            # What stands at the head of every page keeps its height on a phone too, while clock and connection begin to tell.
            page.set_viewport_size({"width": 390, "height": 844})
            page.reload()
            page.wait_for_timeout(2_500)
            assert page.evaluate("window.shift") < 0.05, "a phone's page shifts"
        assert 2_000 < sum(sizes) < _BUDGET, f"{path} weighs {sum(sizes):,} bytes"
        assert page.evaluate("window.shift") < 0.05, f"{path} shifts"
        visitor.context.close()


def test_the_policy_allows_nothing_inline_and_no_page_needs_it(world: tuple[Visitor, list[str]]) -> None:
    visitor, pages = world
    visitor.complaints.clear()
    for path in pages:
        response = visitor.answer(path)
        policy = response.headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        html = response.text()
        assert " onclick=" not in html
        assert "<style" not in html
        assert " style=" not in html
        visitor.page.wait_for_timeout(500)
    # What is swapped takes over classes of what was there, and no style that a script has put on it and taken off again.
    page = visitor.go("/")
    page.evaluate("document.querySelector('#latest-trades').style.color = 'red'")
    page.evaluate("document.querySelector('#latest-trades').style.color = ''")
    with page.expect_response("**/home/now"):
        page.evaluate("document.body.dispatchEvent(new CustomEvent('live:change'))")
    page.wait_for_timeout(500)
    assert visitor.complaints == []


def test_the_keyboard_reaches_everything_in_an_order_that_can_be_seen(world: tuple[Visitor, list[str]]) -> None:
    visitor, _ = world
    page = visitor.go("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page = visitor.go("/strategies/new")
    page.locator("[name=prompt]").focus()
    page.keyboard.type("Buy AAPL when the RSI is below 30")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Write the strategy"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    # Out of the editor: Escape, then Tab.
    page.get_by_text("Write the code yourself").locator("..").focus()
    page.keyboard.press("Enter")
    page.locator("#new-code").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "new-code"
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") != "new-code"


def test_our_own_scripts_stay_small() -> None:
    static = Path(__file__).parents[2] / "functions/api/dashboard/static"
    assert sum(len(path.read_text().splitlines()) for path in static.glob("*.js")) < 900
