"""What holds on every page: width, contrast, keyboard, weight, nothing that shifts, nothing inline."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlencode

import axe_playwright_python
import pytest
from local_platform.platform import Platform
from playwright.sync_api import Browser, Page, Request, Response

from tests.browser.conftest import Visitor, new_visitor, until
from tests.support.tiers import in_short
from tests.support.trading import wait_for

pytestmark = pytest.mark.timeout(900)
_AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
_BUDGET = 150_000
# Only what can be read depends on the colors. What passes is counted, not described.
_LOOKS: dict[Literal["light", "dark"], str] = {
    "light": "{resultTypes: ['violations']}",
    "dark": "{runOnly: ['color-contrast'], resultTypes: ['violations']}",
}
_WIDTHS = (320, 1280, 2560)
# Where nobody is logged in yet.
_ENTRANCES = ("/login", "/register", "/forgot", "/reset?token=from-a-mail")
_MOST_LOOKED_AT = frozenset({(1280, "light")})
_ALL_LOOKS = frozenset((width, scheme) for width in _WIDTHS for scheme in _LOOKS)


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
    rotation = client.generate("every month hold the 2 strongest of AAPL, IBM, MSFT by 1-month return, equal weights")
    capital = {"sizing_rule": "FIXED_CASH", "sizing_value": 20_000}
    rotated = client.backtest(rotation["strategy_id"], config=capital)
    rotating = client.call("POST", "/api/sessions", {"strategy_id": rotation["strategy_id"], **capital})
    token = client.call("PUT", f"/api/backtests/{backtest['backtest_id']}/link")["token"]
    program = {
        "client_name": "A program",
        "redirect_uris": ["http://127.0.0.1:9/back"],
        "token_endpoint_auth_method": "none",
    }
    wish = {
        "client_id": client.call("POST", "/oauth/register", program)["client_id"],
        "redirect_uri": "http://127.0.0.1:9/back",
        "response_type": "code",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
        "scope": "read trade",
    }
    order = client.call("POST", "/api/trade/orders", {"symbol": "AAPL", "side": "buy", "quantity": "1"})
    wait_for(lambda: client.call("GET", f"/api/trade/orders/{order['order_id']}")["status"] == "FILLED", 60, "a fill")
    wait_for(lambda: client.call("GET", f"/api/sessions/{session['session_id']}")["bars_evaluated"] >= 2, 60, "bars")
    with psycopg.connect(platform.conninfo("owner")) as connection:
        begun = "SELECT max(day) FROM market_days WHERE opens_at <= market_at(clock_timestamp())"
        (day,) = connection.execute(begun).fetchone() or (None,)
    # What is looked at from here on are pages: a market that goes on at its speed would take half a core from that.
    platform.simulator("market", {"speed": 6})
    pages = [
        "/",
        "/strategies",
        "/strategies/new",
        f"/strategies/{strategy['strategy_id']}",
        f"/backtests/{backtest['backtest_id']}",
        "/backtests/compare?" + "&".join(2 * [f"id={backtest['backtest_id']}"]),
        f"/strategies/{rotation['strategy_id']}",
        f"/backtests/{rotated['backtest_id']}",
        f"/shared/{token}",
        "/strategies?archived=true",
        "/strategies?search=nothing+like+it",
        "/sessions",
        f"/sessions/{session['session_id']}",
        f"/sessions/{session['session_id']}?day={day}",
        f"/sessions/{rotating['session_id']}",
        f"/oauth/authorize?{urlencode(wish)}",
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
    platform.simulator("market", {"speed": platform.options.speed})


def _settled(visitor: Visitor, path: str) -> Response:
    response = visitor.answer(path)
    page = visitor.page
    page.wait_for_load_state("networkidle") if path in _ENTRANCES else page.wait_for_timeout(700)
    return response


@dataclass
class Walk:
    """What is wrong with pages, by the kind of thing, after each was opened once and looked at in every way.

    Attributes:
        wide: Where a page is wider than its window.
        axe: What axe finds.
        inline: Where a page allows or holds something inline.
        complaints: Of the browser's console.
        silent: What was pressed and showed nothing, or showed it for too long; of `pressed` buttons.
        small: What is wrong at twice the size.
        moving: What moves although nothing is to.
    """

    wide: list[str] = field(default_factory=list)
    axe: list[str] = field(default_factory=list)
    inline: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    pressed: int = 0
    small: list[str] = field(default_factory=list)
    moving: list[str] = field(default_factory=list)

    def looks(self, page: Page, path: str, looks: frozenset[tuple[int, str]]) -> None:
        """Looks at a page at every width, and has axe do so at some widths and in some colors."""
        # The way of the browser's own debugger: the page's policy lets no other script in.
        page.evaluate(_AXE)
        for width in _WIDTHS:
            self._resized(page, width, 900)
            if page.evaluate("document.documentElement.scrollWidth") > width:
                self.wide.append(f"{path} is wider than {width}")
            for scheme in (each for each in _LOOKS if (width, each) in looks):
                page.emulate_media(color_scheme=scheme)
                found = page.evaluate(f"axe.run(document, {_LOOKS[scheme]})")
                if len(found["passes"]) <= (15 if scheme == "light" else 0):
                    self.axe.append(f"{path} at {width} {scheme}: axe looked at nothing")
                for each in found["violations"]:
                    node = each["nodes"][0]
                    said = f"{each['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
                    self.axe.append(f"{path} at {width} {scheme}: {said}")
        page.emulate_media(color_scheme="light")
        self._resized(page, 1280, 900)

    def magnified(self, page: Page, path: str) -> None:
        """Looks at a page at 200 %: a window of 1280 by 900 is one of 640 by 450 to it."""
        self._resized(page, 640, 450)
        if page.evaluate("document.documentElement.scrollWidth") > 640:
            self.small.append(f"{path} is wider than 640")
        covered = page.evaluate(_COVERED)
        if covered:
            # A notice that has just come lies over the page for ten seconds.
            until(
                page,
                "() => ![...document.querySelectorAll('.toast')].some((each) => each.checkVisibility({visibilityProperty: true}))",
            )
            covered = page.evaluate(_COVERED)
        self.small += [f"{path}: {each}" for each in covered]
        self._resized(page, 1280, 900)

    def moves(self, page: Page, path: str) -> None:
        """Looks at a page as somebody who wants no motion."""
        page.emulate_media(reduced_motion="reduce")
        found = page.evaluate(_MOVING)
        # What ends a toast moves nothing: it is seen, and then it is not.
        still = {"known": _KNOWN, "moving": [], "scrolls": "auto", "stays": True}
        if found != still:
            self.moving.append(f"{path}: {found}")
        page.emulate_media(reduced_motion="no-preference")

    def press(self, page: Page, path: str) -> None:
        """Presses everything that sends something while nobody answers; nothing of the page works any more afterwards."""
        # What a page asks for by itself, again and again, is at work too.
        page.evaluate(
            "document.addEventListener('htmx:beforeRequest', (asked) => window.pressing || asked.preventDefault())"
        )
        until(page, "() => !document.querySelector('.htmx-request')")
        # Nobody answers: what is seen is seen before the answer.
        page.route(re.compile(r".*"), lambda _route: None)
        count, wrong = page.evaluate(_PRESS)
        self.silent += [f"{path}: {each}" for each in wrong]
        self.pressed += count
        page.unroute_all(behavior="ignoreErrors")

    def allows(self, path: str, response: Response) -> None:
        """Looks at what a page's answer allows and holds."""
        policy, html = response.headers["content-security-policy"], response.text()
        if "script-src 'self';" not in policy or "unsafe" in policy:
            self.inline.append(f"{path}: {policy}")
        self.inline += [f"{path}: {each}" for each in (" onclick=", "<style", " style=") if each in html]

    @staticmethod
    def _resized(page: Page, width: int, height: int) -> None:
        page.set_viewport_size({"width": width, "height": height})
        # Drawn anew, charts too, which follow their place.
        page.evaluate("new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")


@pytest.fixture(scope="module")
def walk(browser: Browser, world: tuple[Visitor, list[str]]) -> Walk:
    """Every page was opened once, and all that holds on every page was looked at: to open it takes longer than to look."""
    member, pages = world
    found, everything = Walk(), in_short(False, True)
    stranger = new_visitor(browser, member.address)
    for visitor, path in [*((stranger, each) for each in _ENTRANCES), *((member, each) for each in pages)]:
        visitor.complaints.clear()
        visitor.page.set_viewport_size({"width": 320, "height": 900})
        found.allows(path, _settled(visitor, path))
        found.complaints += visitor.complaints
        found.looks(visitor.page, path, _ALL_LOOKS if everything else _MOST_LOOKED_AT)
        if visitor is member:
            if everything:
                found.magnified(visitor.page, path)
                found.moves(visitor.page, path)
            found.press(visitor.page, path)
    stranger.context.close()
    return found


def test_every_page_fits_and_axe_finds_nothing(walk: Walk) -> None:
    assert walk.wide == []
    assert walk.axe == []


# Pages of strangers to their files, opened side by side: what each needs is mostly that somebody waits.
_AT_ONCE = 4


@dataclass
class Weighed:
    """A page that a browser without anything of ours opened, with what it has loaded."""

    visitor: Visitor
    path: str
    sizes: list[int] = field(default_factory=list)

    def open(self) -> None:
        """Opens it, and notes from then on what comes and what shifts."""
        page = self.visitor.page
        page.on("requestfinished", self._weigh)
        page.add_init_script(
            "window.shift = 0; new PerformanceObserver(list => { for (const each of list.getEntries()) if (!each.hadRecentInput) "
            "window.shift += each.value }).observe({type: 'layout-shift', buffered: true})"
        )
        self.visitor.go(self.path)

    def _weigh(self, request: Request) -> None:
        if request.resource_type in ("document", "script", "stylesheet", "image", "font"):
            self.sizes.append(request.sizes()["responseBodySize"])

    @property
    def shift(self) -> float:
        """How far it has shifted."""
        return float(self.visitor.page.evaluate("window.shift"))


@pytest.mark.long
def test_every_page_is_light_and_holds_still(browser: Browser, world: tuple[Visitor, list[str]]) -> None:
    member, pages = world
    cookies = member.context.cookies()
    paths = [*_ENTRANCES, *pages]
    for first in range(0, len(paths), _AT_ONCE):
        opened = [Weighed(new_visitor(browser, member.address), path) for path in paths[first : first + _AT_ONCE]]
        for each in opened:
            if each.path not in _ENTRANCES:
                each.visitor.context.add_cookies(cookies)  # type: ignore[arg-type]
                # The refresh token of another browser is used by nobody but that: used twice, it would end the login.
                each.visitor.context.add_init_script("localStorage.setItem('renewed', Date.now())")
            each.open()
        for each in opened:
            if each.path in _ENTRANCES:
                each.visitor.page.wait_for_load_state("networkidle")
        opened[-1].visitor.page.wait_for_timeout(1_200)
        for each in opened:
            page, sizes, path = each.visitor.page, each.sizes, each.path
            if path == "/":
                # What stands at the head of every page keeps its height on a phone too, while clock and connection begin to tell.
                page.set_viewport_size({"width": 390, "height": 844})
                page.reload()
                page.wait_for_timeout(2_500)
                assert each.shift < 0.05, "a phone's page shifts"
            assert 2_000 < sum(sizes) < _BUDGET, f"{path} weighs {sum(sizes):,} bytes"
            assert each.shift < 0.05, f"{path} shifts"
            each.visitor.context.close()


def test_the_policy_allows_nothing_inline_and_no_page_needs_it(world: tuple[Visitor, list[str]], walk: Walk) -> None:
    assert walk.inline == []
    assert walk.complaints == []
    visitor, _ = world
    visitor.complaints.clear()
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
    # The page's search, or a symbol where it has none.
    page = visitor.go("/gallery")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.matches('[data-hotkey]')")
    page = visitor.go("/account")
    page.keyboard.press("/")
    page.keyboard.type("msft")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{visitor.address}/market/MSFT")
    page = visitor.go("/strategies/new")
    # Out of the editor: Escape, then Tab.
    page.get_by_text("Write the code yourself").locator("..").focus()
    page.keyboard.press("Enter")
    page.locator("#new-code").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "new-code"
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") != "new-code"


# Presses one after another what sends something, and says which of them showed nothing in the next frame while nobody answered, and
# which went on showing it when they were called off.
_PRESS = """async () => {
    const shown = () => getComputedStyle(document.documentElement, '::before').content !== 'none';
    const frame = () => new Promise(requestAnimationFrame);
    window.confirm = () => true;
    const wrong = [];
    const all = [...document.querySelectorAll('main form[hx-post] button:not([type=button]), main button[hx-get], main button[hx-post]')]
        .filter((each) => !each.disabled);
    for (const button of all) {
        if (button.form) button.form.noValidate = true;
        if (shown()) wrong.push(`before ${button.outerHTML}`);
        window.pressing = true;
        button.click();
        window.pressing = false;
        await frame();
        if (!shown()) wrong.push(`silent: ${button.outerHTML}`);
        for (const each of [button, button.form]) each && htmx.trigger(each, 'htmx:abort');
        await frame();
    }
    return [all.length, wrong];
}"""


def test_whatever_is_pressed_shows_at_once_that_it_is_at_work(world: tuple[Visitor, list[str]], walk: Walk) -> None:
    assert walk.silent == []
    assert walk.pressed > 50
    visitor, _ = world
    page = visitor.context.new_page()
    visitor.go("/strategies/new", page)
    page.route("**/api/strategies/import", lambda _route: None)
    page.set_input_files("[data-import-strategy]", {"name": "s.json", "mimeType": "application/json", "buffer": b"{}"})
    until(page, "() => document.documentElement.matches('.leaving')")
    page.close()


_MOVING = """() => {
    const kinds = ['chart', 'skeleton', 'spinner', 'caret', 'toast'];
    const box = document.body.appendChild(document.createElement('div'));
    box.append(...kinds.map((className) => Object.assign(document.createElement('span'), { className })));
    document.documentElement.classList.add('leaving');
    const moving = document.getAnimations().filter((each) => each.effect.getComputedTiming().activeDuration > 1);
    const rules = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]);
    const found = {
        moving: [...new Set(moving.map((each) => each.animationName ?? each.transitionProperty))].sort(),
        known: rules.filter((each) => each instanceof CSSKeyframesRule).map((each) => each.name).sort(),
        scrolls: getComputedStyle(document.documentElement).scrollBehavior,
        stays: [...box.children].filter((each) => each.className !== 'caret').every((each) => each.checkVisibility()),
    };
    box.remove();
    document.documentElement.classList.remove('leaving');
    return found;
}"""


_KNOWN = ["along", "appear", "blink", "leave", "turn", "waiting"]


@pytest.mark.long
def test_who_wants_no_motion_has_none(world: tuple[Visitor, list[str]], walk: Walk) -> None:
    visitor, pages = world
    assert walk.moving == []
    # What is looked for is there where somebody does not mind.
    page = visitor.context.new_page()
    page.emulate_media(reduced_motion="no-preference")
    visitor.go(next(path for path in pages if path.startswith("/backtests/") and "compare" not in path), page)
    moving = [each for each in _KNOWN if each != "leave"]
    assert page.evaluate(_MOVING) == {"known": _KNOWN, "moving": moving, "scrolls": "auto", "stays": True}
    page.close()


# What has the focus and is covered by what stays in its place while the page moves under it.
_COVERED = """() => [...document.querySelectorAll('main a[href], main button, main input, main select, main textarea, main summary')]
    .filter((each) => each.checkVisibility() && !each.disabled && each.type !== 'hidden').slice(0, 80).filter((each) => {
        each.focus();
        const box = each.getBoundingClientRect();
        const rows = [box.top + 2, (box.top + box.bottom) / 2, box.bottom - 2].filter((y) => y >= 0 && y < innerHeight);
        const x = Math.min(Math.max(box.left + 8, 0), innerWidth - 1);
        return document.activeElement === each && !rows.some((y) => !document.elementFromPoint(x, y)?.closest('.bar, .toasts, .tour'));
    }).map((each) => each.outerHTML.slice(0, 160))"""


@pytest.mark.long
def test_at_twice_the_size_everything_fits_and_nothing_covers_what_has_the_focus(walk: Walk) -> None:
    assert walk.small == []


def test_a_report_is_printed_whole_and_on_white(world: tuple[Visitor, list[str]]) -> None:
    visitor, pages = world
    report = next(path for path in pages if path.startswith("/backtests/") and "compare" not in path)
    page = visitor.context.new_page()
    page.emulate_media(color_scheme="dark")
    visitor.go(report, page)
    page.locator(".chart canvas").first.wait_for()
    page.evaluate("window.print = () => (window.printed = true)")
    page.get_by_role("button", name="Print or PDF").click()
    assert page.evaluate("window.printed") is True
    headings = page.locator("main h2").all_inner_texts()
    # A sheet of A4 without its margins, at 96 dots an inch.
    page.set_viewport_size({"width": 718, "height": 1000})
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    for gone in (".bar", ".strip", "footer", ".tools", ".figured", ".buttons"):
        assert page.locator(gone).filter(visible=True).count() == 0, gone
    assert page.locator("main h2").filter(visible=True).count() == len(headings) > 8
    assert page.evaluate("document.documentElement.scrollWidth") <= 718
    cut = page.evaluate(
        "[...document.querySelectorAll('main .scroll')].filter((each) => each.checkVisibility() && "
        "(each.scrollHeight > each.clientHeight + 1 || each.scrollWidth > each.clientWidth + 1)).map((each) => each.ariaLabel)"
    )
    assert cut == [], "a sheet cannot be scrolled"
    for row in page.locator("table.stack tr").all():
        assert row.evaluate("each => getComputedStyle(each).display") == "table-row", "a sheet is no phone"
    # A chart is drawn anew for the sheet's width.
    until(page, "getComputedStyle(document.querySelector('.chart canvas')).filter.includes('invert')")
    page.emulate_media(media="screen", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.querySelector('.chart canvas')).filter") == "none"
    page.emulate_media(media="print", color_scheme="light")
    assert page.pdf(format="A4").startswith(b"%PDF-")
    page.close()


def test_days_are_named_and_fill_their_card_and_their_table_has_them_all(world: tuple[Visitor, list[str]]) -> None:
    visitor, pages = world
    report = next(path for path in pages if path.startswith("/backtests/") and "compare" not in path)
    page = visitor.context.new_page()
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        visitor.go(report, page)
        card = page.locator("section", has=page.get_by_role("heading", name="Returns by day"))
        grid = card.locator(".days")
        assert grid.locator("tbody th").all_text_contents()[:5] == ["Mon", "Tue", "Wed", "Thu", "Fri"]
        assert any(grid.locator("thead th").all_text_contents()), "months"
        inside, drawn = card.bounding_box(), grid.bounding_box()
        assert inside is not None
        assert drawn is not None
        assert drawn["width"] > 0.97 * (inside["width"] - 40)
        card.get_by_text("As a table").first.click()
        rows = card.get_by_role("region", name="Returns by day").locator("tbody tr")
        assert rows.count() == grid.locator("td[title]").count() > 5
    page.close()


def test_our_own_scripts_stay_small() -> None:
    static = Path(__file__).parents[2] / "functions/api/dashboard/static"
    assert sum(len(path.read_text().splitlines()) for path in static.glob("*.js")) < 1_000
