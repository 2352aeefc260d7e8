"""The workbench in the browser: code that is kept, charts and their lists, the rules of a session, cards, keys, sweeps, side by side, shared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest
from local_platform.platform import Platform
from playwright.sync_api import Browser, Locator, Page, expect
from stratforge.client import Client

from tests.browser.conftest import Visitor, new_visitor
from tests.browser.test_first_minutes import OFTEN, running_session
from tests.support.trading import wait_for

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
NEW_YORK = ZoneInfo("America/New_York")
NEVER = """\
def indicators(bars):
    return {"rsi": ta.rsi(bars.close, length=3)}


def on_bar(bar, position, state):
    if bar.close > 1000000 and bar.volume < 0:
        return buy()
    if bar.close > 0 and bar.rsi > 250:
        return sell()
"""


def stored(client: Client, name: str, code: str = OFTEN, symbol: str = "AAPL") -> str:
    """A strategy of somebody; its id."""
    made = client.call("POST", "/api/strategies", {"name": name, "symbol": symbol, "python_code": code})
    return str(made["strategy_id"])


def typed(page: Page) -> Locator:
    """The field for code on the page for new strategies, opened."""
    page.get_by_text("Write the code yourself").click()
    return page.get_by_label("Code", exact=True)


# Code that is not stored -----------------------------------------------------------------------------------


def test_code_that_is_not_stored_is_there_after_a_reload_and_on_the_way_back_until_it_is_discarded(
    member: Visitor,
) -> None:
    page = member.go("/strategies/new")
    field = typed(page)
    before = field.input_value()
    mine = f"# mine\n{before}"
    field.fill(mine)
    page.reload()
    field = typed(page)
    expect(field).to_have_value(mine)
    back = page.get_by_text("What you wrote here and did not store is back.")
    expect(back).to_be_visible()
    # Away and back, by the history and by a link.
    member.go("/trades")
    page.go_back()
    page.get_by_text("Write the code yourself").wait_for()
    member.go("/strategies/new")
    field = typed(page)
    expect(field).to_have_value(mine)
    page.get_by_role("button", name="Discard it").click()
    expect(field).to_have_value(before)
    expect(back).to_be_hidden()
    page.reload()
    field = typed(page)
    expect(field).to_have_value(before)
    expect(back).to_be_hidden()


def test_a_draft_over_a_version_ends_when_it_is_stored(member: Visitor) -> None:
    address = f"/strategies/{stored(member.client, 'Draft')}"
    page = member.go(address)
    field = page.get_by_label("Code", exact=True)
    mine = field.input_value().replace("> 5", "> 6")
    field.fill(mine)
    page.reload()
    expect(field).to_have_value(mine)
    expect(page.locator(".good-line")).to_be_visible()
    page.get_by_role("button", name="Store as the next version").click()
    expect(page.get_by_text(", version 2,")).to_be_visible()
    expect(field).to_have_value(mine)
    expect(page.get_by_text("What you wrote here and did not store is back.")).to_be_hidden()


def test_a_long_line_of_code_wraps_under_its_own_number_and_nothing_is_cut(member: Visitor) -> None:
    page = member.go("/strategies/new")
    field = typed(page)
    long = "# " + " ".join(f"word{each}" for each in range(120))
    field.fill(f"{long}\nLENGTH = 5\n")
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        measured = """(field) => {
            const box = field.closest('.editor'), paint = box.querySelector('.paint');
            const [first, second] = box.querySelectorAll('.gutter span'), lines = paint.querySelectorAll('.line');
            return {
                cut: [field, paint].filter((each) => each.scrollWidth > each.clientWidth).length,
                text: paint.textContent.trimEnd() === field.value.trimEnd(),
                rows: Math.round(first.offsetHeight / second.offsetHeight),
                beside: [first, second].every((each, at) => Math.abs(each.getBoundingClientRect().top - lines[at].getBoundingClientRect().top) < 2),
            };
        }"""
        # It follows the width of the page.
        page.wait_for_function(
            f"() => {{ const found = ({measured})(document.getElementById('new-code')); return found.beside && found.rows > 4; }}"
        )
        found = field.evaluate(measured)
        assert (found["cut"], found["text"]) == (0, True), width


# Charts ------------------------------------------------------------------------------------------------------

# What is written on canvases, by their place on each.
_WRITTEN = """
window.written = new WeakMap();
const write = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, x, y, ...more) {
    if (!window.written.has(this.canvas)) window.written.set(this.canvas, new Map());
    window.written.get(this.canvas).set(Math.round(x), text);
    return write.call(this, text, x, y, ...more);
};
"""
_AXIS = """async (box) => {
    const frames = async (left) => { while (left--) await new Promise(requestAnimationFrame); };
    await frames(3);
    window.written = new WeakMap();
    box.style.height = `${box.offsetHeight + 1}px`;
    await frames(6);
    const [canvas] = box.querySelectorAll('table tr:last-child td:nth-child(2) canvas');
    return [...(window.written.get(canvas) ?? [])].sort(([one], [other]) => one - other).map(([, text]) => text);
}"""


def labels(chart: Locator) -> list[str]:
    """What stands under the time axis of a chart, from left to right."""
    found: list[str] = []

    def drawn() -> bool:
        found[:] = chart.evaluate(_AXIS)
        return len(found) > 1

    wait_for(drawn, 60, "labels of a time axis")
    return found


def none_is_there_twice(found: list[str]) -> None:
    """Whether no label says what another one said, of a day with its month, or of a time since the day before it."""
    days: set[str] = set()
    times: set[str] = set()
    for each in found:
        if re.fullmatch(r"\d\d:\d\d", each):
            assert each not in times, found
            times.add(each)
        else:
            assert each not in days, found
            days.add(each)
            times.clear()


def test_no_label_of_a_time_axis_is_there_twice_however_near_the_points_are(member: Visitor) -> None:
    """The equity of seconds, of a day, of a quarter and over a change of the clocks."""
    member.context.add_init_script(_WRITTEN)
    page = member.page
    opened = datetime(2026, 2, 2, 14, 30, tzinfo=UTC).timestamp()
    spring = datetime(2026, 3, 8, 5, 0, tzinfo=UTC).timestamp()
    for name, times in (
        ("seconds", [opened + 3 * each for each in range(100)]),
        ("a standstill", [opened + 0.01 * each for each in range(100)] + [opened + 90]),
        ("a day", [opened + 60 * each for each in range(390)]),
        ("a quarter", [opened + 86_400 * (each // 4) + 5_400 * (each % 4) for each in range(360)]),
        ("a night without an hour", [spring + 600 * each for each in range(48)]),
    ):
        items = [{"time": time, "equity": 100_000 + at % 7} for at, time in enumerate(times)]
        page.unroute_all(behavior="ignoreErrors")
        page.route("**/home/equity.json*", lambda asked, _request, items=items: asked.fulfill(json={"items": items}))
        # What the page knows of now is of another time.
        page.route("**/home/now", lambda asked: asked.abort())
        member.go("/")
        chart = page.locator("#equity")
        expect(chart.locator("canvas").first).to_be_visible()
        found = labels(chart)
        none_is_there_twice(found)
        assert len(found) >= 2, name
    page.unroute_all(behavior="ignoreErrors")
    member.complaints.clear()


@pytest.fixture
def tested(member: Visitor) -> tuple[Visitor, str]:
    """Somebody with a report of a strategy that trades often, and its address."""
    client = member.client
    running_session(client)
    wait_for(
        lambda: len(client.call("GET", "/api/market/AAPL/bars?limit=100")["items"]) >= 40, 120, "bars to backtest on"
    )
    backtest = client.backtest(stored(client, "Often"))
    return member, f"/backtests/{backtest['backtest_id']}"


def at_exchange(seconds: float) -> str:
    """A moment as a chart's legend says it."""
    return f"{datetime.fromtimestamp(seconds, NEW_YORK):%-d %b %Y, %H:%M}"


def point_at(page: Page, card: Locator, time: str) -> tuple[float, float]:
    """Moves the mouse over a chart until the legend says a time; gives where that is."""
    box = card.locator("[data-chart]").bounding_box()
    assert box is not None
    said = card.locator(".legend span").first
    y = box["y"] + box["height"] * 0.25
    for x in range(int(box["x"]) + 2, int(box["x"] + box["width"] - 60), 2):
        page.mouse.move(x, y)
        if said.inner_text().strip() == time:
            return x, y
    raise AssertionError(f"{time} is not in sight; the last is {said.inner_text()!r}")


def price_card(page: Page) -> Locator:
    """The part of a report with the price, drawn."""
    card = page.locator("section", has=page.get_by_role("heading", name="Price, trades and indicators"))
    expect(card.locator("canvas").first).to_be_visible()
    expect(card.locator(".legend")).to_contain_text("Vol ")
    return card


def test_a_mark_in_the_chart_leads_to_its_trade_in_the_list_and_the_list_into_the_chart(
    tested: tuple[Visitor, str],
) -> None:
    visitor, address = tested
    page = visitor.page
    page.emulate_media(reduced_motion="reduce")
    page.set_viewport_size({"width": 1280, "height": 1400})
    visitor.go(address)
    card = price_card(page)
    rows = page.locator("#report-trades tbody tr[data-from]")
    assert rows.count() > 2
    candles = page.request.get(f"{visitor.address}{address}/chart.json").json()["curve"]["time"]
    for number in (1, 0):
        row = rows.nth(number)
        # The list leads into the chart: the trade is there, with what is around it.
        row.locator("[data-show-trade]").click()
        expect(row).to_have_class(re.compile("current"))
        expect(card.locator("[data-chart]")).to_be_in_viewport()
        entered = float(row.get_attribute("data-from") or 0)
        # Where there are many bars a candle holds several.
        candle = max(each for each in candles if each <= entered)
        x, y = point_at(page, card, at_exchange(candle))
        # None is, until the mark of this one is pressed.
        other = rows.last
        page.evaluate("document.querySelectorAll('tr.current').forEach((each) => each.classList.remove('current'))")
        expect(row).not_to_have_class(re.compile("current"))
        page.mouse.click(x, y)
        expect(row).to_have_class(re.compile("current"))
        expect(row).to_be_in_viewport()
        expect(other).not_to_have_class(re.compile("current"))


def test_an_oscillator_has_a_pane_of_its_own_and_an_average_lies_on_the_price(tested: tuple[Visitor, str]) -> None:
    visitor, address = tested
    page = visitor.go(address)
    asked = page.request.get(f"{visitor.address}{address}/chart.json").json()
    assert {each["name"]: (each["on_price"], each["pane"]) for each in asked["curve"]["indicators"]} == {
        "average": (True, 0),
        "rsi": (False, 1),
    }
    card = price_card(page)
    # A row of the drawing for each pane, and one for the time.
    panes = card.locator("[data-chart] table tr:has(canvas)")
    expect(panes).to_have_count(3)
    price, oscillator = (panes.nth(each).bounding_box() for each in (0, 1))
    assert price is not None
    assert oscillator is not None
    assert price["height"] > 1.5 * oscillator["height"] > 60, "the price keeps most of the room"


# Where a page scrolls to, and how: by a wheel it would glide there.
_SCROLLS = """
window.scrolls = [];
const scroll = Element.prototype.scrollIntoView;
Element.prototype.scrollIntoView = function (how) {
    window.scrolls.push((how && how.behavior) ?? 'auto');
    return scroll.call(this, how);
};
"""


def test_who_wants_no_motion_jumps_to_a_trade_and_everybody_else_glides(tested: tuple[Visitor, str]) -> None:
    visitor, address = tested
    visitor.context.add_init_script(_SCROLLS)
    page = visitor.page
    motions: tuple[tuple[Literal["reduce", "no-preference"], str], ...] = (
        ("reduce", "auto"),
        ("no-preference", "smooth"),
    )
    for motion, behavior in motions:
        page.emulate_media(reduced_motion=motion)
        visitor.go(address)
        price_card(page)
        page.evaluate("window.scrolls.length = 0")
        last = page.locator("#report-trades tbody tr[data-from]").last
        last.locator("[data-show-trade]").click()
        expect(last).to_have_class(re.compile("current"))
        assert page.evaluate("window.scrolls") == [behavior], motion
        if motion == "reduce":
            # It is there with the press: nothing goes on afterwards.
            there = page.evaluate("scrollY")
            page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            assert page.evaluate("scrollY") == there


# Why -----------------------------------------------------------------------------------------------------------


def test_a_session_says_which_rule_is_closest_to_firing_and_what_is_missing(member: Visitor) -> None:
    client = member.client
    session = client.start_session(stored(client, "Never", NEVER), "AAPL")
    address = f"/api/sessions/{session['session_id']}"
    wait_for(lambda: client.call("GET", address)["bars_evaluated"] >= 1, 90, "a bar that a session sees")
    page = member.go(f"/sessions/{session['session_id']}")
    rules = page.locator("#rules .rule")
    expect(rules).to_have_count(2)
    # Of the first nothing holds, of the second one half does.
    expect(rules.nth(0)).to_contain_text("0 of 2 conditions")
    expect(rules.nth(1)).to_contain_text("1 of 2 conditions")
    expect(rules.nth(0)).not_to_contain_text("closest to firing")
    expect(rules.nth(1)).to_contain_text("closest to firing")
    said = page.locator("#rules p", has_text="Closest to firing:")
    expect(said).to_contain_text("sell. Missing is bar.rsi > 250")
    # How far it is, by the value that the rule shows of the same bar.
    both = page.locator("#rules").inner_text()
    (value,) = re.findall(r"bar\.rsi > 250\s+bar\.rsi\s+([\d.]+)", both)
    (apart,) = re.findall(r"\(([\d.]+) % apart\)", both)
    assert float(apart) == pytest.approx((250 - float(value)) / 250 * 100, abs=0.01)


def test_a_trade_is_explained_in_words_and_as_a_time_line(member: Visitor) -> None:
    client = member.client
    session = client.start_session(stored(client, "Busy"), "AAPL")
    wait_for(
        lambda: client.call("GET", f"/api/trades?session_id={session['session_id']}")["items"], 120, "a session's trade"
    )
    page = member.go("/trades")
    page.get_by_role("link", name="Why?").first.click()
    expect(page).to_have_url(re.compile(r"/orders/[^/]+|/trades/[^/]+"))
    steps = page.locator(".timeline li")
    expect(steps.first).to_be_visible()
    assert steps.count() >= 3, "the bar, the order, the fill"
    expect(page.locator("main")).to_contain_text("bar.rsi < 101")
    expect(page.locator("main")).to_contain_text(re.compile("[Ss]lippage"))


# Strategies -----------------------------------------------------------------------------------------------------


def test_cards_are_searched_copied_put_aside_and_taken_out_again(member: Visitor) -> None:
    client = member.client
    for name, symbol in (("Early bird", "AAPL"), ("Night owl", "MSFT"), ("Early riser", "IBM"), ("Swan", "GOOG")):
        stored(client, name, symbol=symbol)
    page = member.go("/strategies")
    cards = page.locator("article.strategy")
    expect(cards).to_have_count(4)
    seen = cards.filter(visible=True)
    page.keyboard.press("/")
    search = page.get_by_label("Search")
    expect(search).to_be_focused()
    page.keyboard.type("early")
    expect(seen.locator("h2")).to_have_text(["Early riser", "Early bird"])
    page.keyboard.type(" ibm")
    expect(seen.locator("h2")).to_have_text(["Early riser"])
    search.fill("msft")
    expect(seen.locator("h2")).to_have_text(["Night owl"])
    search.fill("nothing like it")
    expect(seen).to_have_count(0)
    expect(page.get_by_text("No strategy has these words.")).to_be_visible()
    search.fill("")
    expect(seen).to_have_count(4)
    expect(page.get_by_text("No strategy has these words.")).to_be_hidden()
    page.get_by_role("button", name="Duplicate Swan").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Copy of Swan")
    member.go("/strategies")
    page.get_by_role("button", name="Archive Swan", exact=True).click()
    expect(cards.locator("h2")).to_have_text(["Copy of Swan", "Early riser", "Night owl", "Early bird"])
    page.get_by_role("link", name="Archived strategies").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Archived strategies")
    expect(cards.locator("h2")).to_have_text(["Swan"])
    page.get_by_role("button", name="Take out Swan").click()
    expect(page).to_have_url(re.compile("/strategies$"))
    expect(cards).to_have_count(5)


def test_a_sweeps_cell_opens_its_run_and_its_values_become_the_next_version(member: Visitor) -> None:
    client = member.client
    strategy = client.generate("Buy AAPL when the 10-bar average crosses above the 30-bar average")
    page = member.go(f"/strategies/{strategy['strategy_id']}")
    setup = {"Size": "25", "Stop loss, %": "3"}
    for label, value in setup.items():
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_text("Sweep of parameters").click()
    page.get_by_role("checkbox", name="FAST").check()
    for label, place in (("FAST from", 5), ("FAST to", 15), ("Values of FAST", 3)):
        page.get_by_label(label).fill(str(place))
    expect(page.locator("#sweep-price")).to_contain_text("3 combinations")
    page.get_by_role("button", name="Backtest the last 30 days").click()
    expect(page).to_have_url(re.compile(r"/backtests/[^/]+$"))
    swept = page.url
    expect(page.get_by_role("heading", name="Can it be trusted?")).to_be_visible()
    expect(page.locator("main")).to_contain_text(re.compile("A plateau|A slope|A lonely peak|Nothing to choose from"))
    page.locator("#sweep .cell").first.click()
    expect(page.locator("#point")).to_contain_text("FAST = 5")
    said = page.locator("#point .state div", has_text="Return").locator("dd").inner_text()
    page.get_by_role("button", name="Open this run").click()
    expect(page).not_to_have_url(swept)
    expect(page.locator(".verdict")).to_contain_text(said)
    opened = client.call("GET", f"/api{page.url.removeprefix(member.address)}")
    assert (opened["config"]["sizing_value"], opened["config"]["stop_loss"]) == (0.25, 0.03)
    page.goto(swept)
    page.locator("#sweep .cell").first.click()
    page.get_by_role("button", name="Use these", exact=True).click()
    expect(page.get_by_text(", version 2,")).to_be_visible()
    expect(page.get_by_label("Code", exact=True)).to_have_value(re.compile("FAST = 5"))
    # What was tested is what the form is filled in with.
    for label, value in setup.items():
        expect(page.get_by_label(label, exact=True)).to_have_value(value)


def test_runs_stand_side_by_side_and_a_report_is_shared_by_a_link_that_ends(
    browser: Browser, tested: tuple[Visitor, str]
) -> None:
    visitor, address = tested
    client = visitor.client
    (first,) = client.call("GET", "/api/backtests")["items"]
    client.backtest(first["strategy_id"], config={"slippage_bps": 9})
    page = visitor.go(f"/strategies/{first['strategy_id']}")
    page.get_by_role("button", name="Compare the chosen").click()
    expect(page).to_have_url(re.compile("/backtests/compare"))
    expect(page.locator("main")).to_contain_text("Slippage bps")
    expect(page.locator("[data-chart=overlay] canvas").first).to_be_visible()
    visitor.go(address)
    page.get_by_role("button", name="Share").click()
    link = page.locator(".secret a")
    expect(link).to_be_visible()
    shared = link.get_attribute("href") or ""
    stranger = new_visitor(browser, visitor.address)
    seen = stranger.go(shared)
    expect(seen.locator(".verdict")).to_be_visible()
    expect(seen.locator("main")).not_to_contain_text("def on_bar")
    expect(seen.locator("main")).not_to_contain_text(visitor.email)
    page.get_by_role("button", name="End the link").click()
    expect(link).to_have_count(0)
    stranger.go(shared)
    expect(seen.locator(".verdict")).to_have_count(0)
    stranger.context.close()


def test_a_strategy_of_the_gallery_is_ones_own_with_a_press(member: Visitor) -> None:
    page = member.go("/gallery")
    cards = page.locator("article")
    assert cards.count() >= 20
    returns = page.locator("article td.gain, article td.loss").all_inner_texts()
    assert any(each.startswith("+") for each in returns)
    assert any(each.startswith("-") for each in returns), "it says which lose"
    page.get_by_role("button", name=re.compile("^Copy ")).first.click()
    expect(page).to_have_url(re.compile(r"/strategies/[^/]+-[^/]+$"))
    expect(page.get_by_label("Code", exact=True)).to_have_value(re.compile("def on_bar|def rebalance"))


# Home, keys ------------------------------------------------------------------------------------------------------


def _figures(page: Page) -> Mapping[str, str]:
    return dict(
        page.locator("dl.figures .figure").evaluate_all(
            "(all) => all.map((each) => [each.querySelector('dt').textContent, each.querySelector('dd').textContent])"
        )
    )


def test_home_holds_the_account_against_its_symbols_and_no_part_of_it_is_empty(
    member: Visitor, platform: Platform
) -> None:
    page = member.page
    _nothing_is_empty(page)
    client = member.client
    session = client.start_session(stored(client, "Often"), "AAPL")
    address = f"/api/sessions/{session['session_id']}"
    # The second day of the market is held against the first.
    wait_for(lambda: float(client.call("GET", address)["realized_pnl"]) != 0, 120, "a trade that was closed")
    member.go("/")
    sessions = page.get_by_role("region", name="Sessions")
    row = sessions.locator("tbody tr").first
    expect(row).to_contain_text("Often")
    expect(row.locator("svg.share rect")).to_have_count(1)
    assert (row.locator("svg.share rect").get_attribute("class") == "good") == (
        "+" in row.locator("[data-label='P&L']").inner_text()
    )
    figures = _figures(page)
    assert {"Equity", "Day P&L", "Your symbols today", "Total P&L", "Buying power", "Exposure"} <= set(figures)
    assert re.fullmatch(r"[+-]\d+\.\d\d %", figures["Your symbols today"]), figures
    _nothing_is_empty(page)


def _nothing_is_empty(page: Page) -> None:
    """Each part of the page says something beside its heading, and no half of it is left blank."""
    parts: list[Any] = page.locator("main section.card").evaluate_all(
        """(all) => all.filter((each) => each.checkVisibility()).map((each) => [
            each.querySelector('h2')?.textContent ?? '',
            [...each.children].filter((part) => !part.matches('h2, .head')).some((part) => part.innerText?.trim() || part.querySelector('svg, canvas')),
        ])"""
    )
    assert len(parts) > 3
    assert [name for name, full in parts if not full] == []
    columns = page.locator("#now .columns > div").evaluate_all(
        "(all) => all.map((each) => [...each.children].reduce((sum, part) => sum + part.offsetHeight, 0))"
    )
    assert len(columns) == 2
    assert min(columns) > 0.4 * max(columns), columns


def test_keys_search_lead_to_pages_and_list_themselves(member: Visitor) -> None:
    page = member.go("/")
    page.keyboard.press("/")
    expect(page.get_by_label("Go to a symbol")).to_be_focused()
    # Who types writes.
    page.keyboard.type("g?/h")
    expect(page.get_by_label("Go to a symbol")).to_have_value("g?/h")
    expect(page.locator("dialog#keys")).to_be_hidden()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    keys = page.locator("dialog#keys")
    expect(keys).to_be_visible()
    for each in ("/", "g h", "g s", "?"):
        expect(keys.locator("kbd", has_text=re.compile(f"^{re.escape(each)}$"))).to_be_visible()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    # Two keys right after each other, however busy the machine.
    keyed = "(keys) => keys.forEach((key) => document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true })))"
    for letter, path in (("s", "/strategies"), ("o", "/orders"), ("h", "/")):
        page.evaluate(keyed, ["g", letter])
        expect(page).to_have_url(f"{member.address}{path}")
        page.wait_for_load_state()
