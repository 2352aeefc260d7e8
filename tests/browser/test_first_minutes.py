"""The first two minutes: from a sentence to what runs, the tour, what is refused, what is told, how far back a table goes."""

from __future__ import annotations

import re
from threading import Thread
from typing import Any

import psycopg
import pytest
from local_platform.platform import Platform
from playwright.sync_api import Request, expect
from stratforge.client import Client

from tests.browser.conftest import Visitor, until
from tests.support.trading import wait_for, wait_for_bars

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


def running_session(client: Client, symbol: str = "AAPL", bars: int = 1) -> dict[str, Any]:
    """A session of somebody that has seen so many bars."""
    strategy = client.generate(f"Buy {symbol} when the RSI is below 1 and sell above 99")
    session = client.start_session(strategy["strategy_id"], symbol)
    address = f"/api/sessions/{session['session_id']}"
    wait_for(lambda: client.call("GET", address)["bars_evaluated"] >= bars, 90, "bars that a session sees")
    found: dict[str, Any] = client.call("GET", address)
    return found


def test_from_a_sentence_to_rules_a_preview_and_a_session_in_two_presses(member: Visitor, platform: Platform) -> None:
    """Somebody who reads nothing: the first button on the page, and then the one that runs it."""
    client = member.client
    running_session(client)
    wait_for_bars(platform, client, "AAPL", 60)
    page = member.page
    asked: list[str] = []
    page.on(
        "request", lambda each: asked.append(each.url) if each.method == "POST" and "/strategies/" in each.url else None
    )
    page = member.go("/strategies/new")
    page.get_by_label("What should it do?").fill("Buy AAPL when the RSI is below 30 and sell when it is above 60")
    page.get_by_role("button", name="Write the strategy").click()
    expect(page).to_have_url(re.compile(r"/strategies/[^/]+-[^/]+$"))
    # What was asked, in the words of the request, each with the lines of code that do it.
    chips = page.locator(".requirements .chip")
    expect(chips.first).to_be_visible()
    quoted = " ".join(chips.locator("q").all_inner_texts())
    assert "RSI is below 30" in quoted
    chip = chips.filter(has=page.locator("q")).first
    chip.click()
    expect(chip).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".paint .line.asked").first).to_be_visible()
    # A preview on the last bars, which nobody asked for.
    expect(page.locator(".instant")).to_contain_text("minutes of AAPL")
    page.get_by_role("button", name="Run it", exact=True).click()
    expect(page).to_have_url(re.compile(r"/sessions/[^/]+$"))
    expect(page.locator(".badge.running")).to_be_visible()
    expect(page.locator("#rules .rule").first).to_be_visible()
    sent = [each for each in asked if not each.endswith("/check")]
    assert len(sent) == 2, "two presses: write it, run it"


def test_the_tour_can_be_skipped_at_any_step_and_is_not_offered_again(member: Visitor) -> None:
    page = member.go("/")
    page.get_by_role("link", name="Take the tour").click()
    page.get_by_role("link", name="Next").click()
    expect(page.locator(".tour strong")).to_contain_text("2 of 5")
    page.get_by_role("link", name="Skip the tour").click()
    expect(page.locator("#link")).to_be_visible()
    for path in ("/", "/gallery", "/trades"):
        page = member.go(path)
        expect(page.locator("main")).to_be_visible()
        assert page.locator(".tour").count() == 0
        assert page.get_by_role("link", name="Take the tour").count() == 0


def test_an_order_that_would_be_refused_cannot_be_sent_and_says_what_to_change(member: Visitor) -> None:
    running_session(member.client)
    page = member.go("/portfolio")
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/orders"):
            sent.append(request.url)

    page.on("request", note)
    place = page.get_by_role("button", name="Place the order")
    page.get_by_label("Symbol").fill("AAPL")
    page.get_by_label("Size", exact=True).fill("100000")
    expect(page.locator("#preview")).to_contain_text("It would be refused: There is not enough free cash")
    expect(place).to_be_disabled()
    page.get_by_label("Size", exact=True).press("Enter")
    page.wait_for_timeout(300)
    assert sent == []
    # What mends it is at hand.
    page.get_by_role("button", name="5 %", exact=True).click()
    expect(page.locator("#preview")).to_contain_text(re.compile("It would (trade now|wait)"))
    expect(place).to_be_enabled()
    # Who is faster than the preview is told by the platform itself.
    page.get_by_label("Size in").select_option("quantity")
    page.route("**/orders/preview", lambda _route: None)
    page.get_by_label("Size", exact=True).fill("200000")
    place.click()
    expect(page.locator("#notices")).to_contain_text("It would be refused: There is not enough free cash")
    page.unroute_all(behavior="ignoreErrors")
    assert member.client.call("GET", "/api/trade/orders")["items"] == []


def test_what_happened_is_told_in_the_corner_with_its_reason_and_stays_in_a_list(member: Visitor) -> None:
    page = member.go("/gallery")
    expect(page.locator("#link")).to_have_attribute("data-state", "live")
    running_session(member.client)
    # A platform that is busy at that moment is asked again.
    page.route(
        "**/notices/new*",
        lambda asked: asked.fulfill(status=503, headers={"Retry-After": "1"}, json={"title": "busy"}),
        times=1,
    )
    order = {"symbol": "AAPL", "side": "sell", "quantity": "1"}
    Thread(target=member.client.call, args=("POST", "/api/trade/orders", order)).start()
    toast = page.locator("#toasts .toast", has_text="The sale of AAPL was rejected")
    # It stays while somebody reads it.
    toast.hover()
    expect(toast).to_contain_text(re.compile(r"rejected: \w+.*\."))
    said = toast.locator("p").inner_text().removesuffix(" Why")
    toast.get_by_role("button", name="Dismiss").click()
    expect(toast).to_have_count(0)
    page.get_by_role("link", name="Notices").first.click()
    listed = page.locator(".log .said", has_text=said)
    expect(listed).to_be_visible()
    listed.get_by_role("link").click()
    expect(page).to_have_url(re.compile(r"/orders/[^/]+$"))


def test_the_table_of_the_equity_follows_the_range_that_is_chosen(member: Visitor, platform: Platform) -> None:
    with psycopg.connect(platform.conninfo("owner"), autocommit=True) as connection:
        # Some hours ago by the market's clock, whatever its speed was meanwhile.
        then = """SELECT t FROM generate_series(now() - interval '1 hour', now(), interval '5 seconds') AS t
                  WHERE market_at(t) BETWEEN market_at(now()) - interval '20 hours' AND market_at(now()) - interval '2 hours' LIMIT 1"""
        platform.simulator("market", {"speed": 600})
        (at,) = wait_for(lambda: connection.execute(then).fetchone(), 60, "two hours of the market")
        platform.simulator("market", {"speed": platform.options.speed})
        connection.execute(
            "INSERT INTO equity_snapshots (user_id, time, cash, equity) SELECT id, %s, 1, 55555 FROM users WHERE email = %s",
            (at, member.email),
        )
    page = member.go("/")
    figured = page.locator("section", has=page.get_by_role("heading", name="Equity", exact=True)).locator(".figured")
    figured.get_by_text("As a table").click()
    table = figured.get_by_role("region", name="The chart as a table")
    expect(table).to_contain_text("55,555.00")
    expect(page.locator("#equity canvas").first).to_be_visible()
    for name, days in (("Hour", "0.05"), ("All", "3660"), ("Hour", "0.05"), ("Week", "7")):
        with (
            page.expect_request(re.compile(rf"equity\.json.*days={days}$")),
            page.expect_request(re.compile(rf"equity\.html.*days={days}$")),
        ):
            page.get_by_role("group", name="Range").get_by_role("button", name=name).click()
        if name == "Hour":
            expect(table).not_to_contain_text("55,555.00")
            expect(table).to_contain_text("100,000.00")
        else:
            expect(table).to_contain_text("55,555.00")
    # Closed and opened again it is that of the range that is pressed.
    figured.get_by_text("As a table").click()
    page.get_by_role("group", name="Range").get_by_role("button", name="Hour").click()
    figured.get_by_text("As a table").click()
    expect(table).not_to_contain_text("55,555.00")


# It trades so often that a chart has no room for all marks.
OFTEN = """\
def indicators(bars):
    return {"rsi": ta.rsi(bars.close, length=14), "average": ta.sma(bars.close, length=10)}


def on_bar(bar, position, state):
    if position.quantity == 0 and bar.rsi < 101:
        return buy()
    if position.bars_held > 5:
        return sell()
"""


def test_a_chart_follows_the_range_the_crosshair_and_the_list_of_trades(member: Visitor) -> None:
    client = member.client
    made = client.call("POST", "/api/strategies", {"name": "Often", "symbol": "AAPL", "python_code": OFTEN})
    backtest = client.backtest(made["strategy_id"])
    page = member.go(f"/backtests/{backtest['backtest_id']}")
    card = page.locator("section", has=page.get_by_role("heading", name="Price, trades and indicators"))
    legend, chart = card.locator(".legend"), card.locator("[data-chart]")
    # Prices, volume and each indicator under the crosshair; marks thin out where there is no room for them.
    for name in ("O ", "H ", "L ", "C ", "Vol ", "rsi ", "average "):
        expect(legend).to_contain_text(name)
    expect(legend).to_contain_text("smaller trades are not marked: zoom in")
    last = legend.locator("span").first.inner_text()
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.3)
    expect(legend.locator("span").first).not_to_have_text(last)
    under = legend.locator("span").first.inner_text()
    # The wheel zooms towards what is under the mouse: what stands at the same place left of it is another bar.
    page.mouse.wheel(0, -600)
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] * 0.3)
    zoomed = legend.locator("span").first.inner_text()
    card.get_by_role("group", name="Range of time").get_by_role("button", name="All").click()
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] * 0.31)
    expect(legend.locator("span").first).not_to_have_text(zoomed)
    assert under != last
    # A shorter range leaves room for every mark.
    hour = card.get_by_role("button", name="1H", exact=True)
    hour.click()
    expect(hour).to_have_attribute("aria-pressed", "true")
    expect(legend).not_to_contain_text("zoom in")
    log = card.get_by_role("button", name="Logarithmic scale")
    log.click()
    expect(log).to_have_attribute("aria-pressed", "true")
    card.get_by_role("button", name="Full screen").click()
    until(page, "() => document.fullscreenElement?.matches('.card')")
    card.get_by_role("button", name="Leave full screen").click()
    until(page, "() => !document.fullscreenElement")
    # From the list into the chart.
    row = page.locator("#report-trades tbody tr").first
    row.locator("[data-show-trade]").click()
    expect(row).to_have_class(re.compile("current"))
    expect(legend).not_to_contain_text("zoom in")
