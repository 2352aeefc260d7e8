"""Reports and their charts in the browser: axes, marks and lists, panes, motion, runs side by side, a report that is shared."""

from __future__ import annotations

import itertools
import re
import time
from datetime import UTC, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest
from local_platform.platform import Platform
from playwright.sync_api import APIResponse, Browser, Locator, Page, expect
from stratforge.client import Client

from tests.browser.conftest import PASSWORD, Visitor, new_visitor
from tests.browser.test_first_minutes import running_session
from tests.browser.test_workbench import stored
from tests.support.patience import when_not_busy
from tests.support.trading import wait_for, wait_for_bars

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
NEW_YORK = ZoneInfo("America/New_York")

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


@pytest.fixture(scope="module")
def reported(running_platform: Platform) -> tuple[str, str]:
    """The e-mail address of somebody with a report of a strategy that trades often, and the report's address."""
    email = f"reported-{time.time_ns()}@example.com"
    client = Client(running_platform.address)
    client.register(email, PASSWORD)
    session = running_session(client)
    wait_for_bars(running_platform, client, "AAPL", 40)
    client.call("POST", f"/api/sessions/{session['session_id']}/stop")
    backtest = client.backtest(stored(client, "Often"))
    return email, f"/backtests/{backtest['backtest_id']}"


@pytest.fixture
def tested(visitor: Visitor, reported: tuple[str, str]) -> tuple[Visitor, str]:
    """Somebody with such a report, logged in, and its address."""
    visitor.email, address = reported
    visitor.come_back()
    return visitor, address


def chart_of(visitor: Visitor, address: str) -> dict[str, Any]:
    """What the chart of a report is drawn from."""

    def asked() -> APIResponse | None:
        answer = visitor.page.request.get(f"{visitor.address}{address}/chart.json")
        return None if answer.status == 503 else answer

    found: dict[str, Any] = when_not_busy(asked).json()
    return found


# A moment as a chart's legend says it.
_SAID = "%d %b %Y, %H:%M"


def point_at(page: Page, card: Locator, time: datetime) -> tuple[float, float]:
    """Moves the mouse over a chart until the legend says a time; gives where that is."""
    box = card.locator("[data-chart]").bounding_box()
    assert box is not None
    said = card.locator(".legend span").first
    y = box["y"] + box["height"] * 0.25

    def under(x: int) -> datetime:
        page.mouse.move(x, y)
        return datetime.strptime(said.inner_text().strip(), _SAID).replace(tzinfo=NEW_YORK)

    # Time goes on from left to right: wide steps find where about it is, and small ones where.
    wide, last = 40, int(box["x"] + box["width"] - 60)
    rough = [(x, under(x)) for x in (*range(int(box["x"]) + 2, last, wide), last)]
    for (x, before), (_, after) in itertools.pairwise(rough):
        if before <= time <= after:
            for near in range(x, x + wide + 1, 2):
                if under(near) == time:
                    return near, y
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
    candles = chart_of(visitor, address)["curve"]["time"]
    for number in (1, 0):
        row = rows.nth(number)
        # The list leads into the chart: the trade is there, with what is around it.
        row.locator("[data-show-trade]").click()
        expect(row).to_have_class(re.compile("current"))
        expect(card.locator("[data-chart]")).to_be_in_viewport()
        entered = float(row.get_attribute("data-from") or 0)
        # Where there are many bars a candle holds several.
        candle = max(each for each in candles if each <= entered)
        x, y = point_at(page, card, datetime.fromtimestamp(candle, NEW_YORK).replace(second=0))
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
    asked = chart_of(visitor, address)
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
    expect(page.locator("main")).to_contain_text("Slippage9 bps0 bps")
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
