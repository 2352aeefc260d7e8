"""The first two minutes: from a sentence to what runs, the tour, what is closed, what is refused, what is told."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest
from local_platform.platform import Platform
from playwright.sync_api import Request, expect
from stratforge.client import Client

from tests.browser.conftest import Visitor
from tests.support.trading import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def _running(client: Client, symbol: str = "AAPL", bars: int = 1) -> dict[str, Any]:
    """A session of somebody that has seen so many bars."""
    strategy = client.generate(f"Buy {symbol} when the RSI is below 1 and sell above 99")
    session = client.start_session(strategy["strategy_id"], symbol)
    address = f"/api/sessions/{session['session_id']}"
    wait_for(lambda: client.call("GET", address)["bars_evaluated"] >= bars, 90, "bars that a session sees")
    found: dict[str, Any] = client.call("GET", address)
    return found


def test_from_a_sentence_to_rules_a_preview_and_a_session_in_two_presses(member: Visitor) -> None:
    """Somebody who reads nothing: the first button on the page, and then the one that runs it."""
    client = member.client
    _running(client)
    wait_for(
        lambda: len(client.call("GET", "/api/market/AAPL/bars?limit=100")["items"]) >= 60, 120, "bars to preview on"
    )
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


def test_when_the_exchange_has_closed_the_first_page_says_what_is_next_and_leads_through_the_day(
    member: Visitor, platform: Platform
) -> None:
    session = _running(member.client, bars=4)
    # Nights pass in no time on the replayed market: today its exchange closes early, and the market stands still.
    platform.simulator("market", {"speed": 0})
    with psycopg.connect(platform.conninfo("owner"), autocommit=True) as connection:
        closed = connection.execute(
            "WITH today AS (SELECT day, closes_at FROM market_days WHERE market_at(now()) BETWEEN opens_at AND closes_at)"
            "UPDATE market_days d SET closes_at = market_at(now()) - interval '1 minute' FROM today WHERE d.day = today.day"
            " RETURNING today.day, today.closes_at"
        ).fetchone()
        assert closed is not None, "the exchange is open"
        try:
            page = member.go("/")
            shown = page.locator("section", has=page.get_by_role("heading", name="The exchange is closed"))
            expect(shown).to_contain_text(re.compile(r"It opens \w{3} \d+ \w{3} \d{4}, 09:30 ET, in"))
            expect(shown).to_contain_text("Then your 1 session goes on with the first bar")
            expect(page.locator("#market")).to_contain_text("Exchange closed, opens")
            shown.get_by_role("link", name=re.compile("^AAPL")).click()
            expect(page).to_have_url(re.compile(rf"/sessions/{session['session_id']}\?day={closed[0]}$"))
            expect(page.get_by_role("heading", name=f"{closed[0]:%A, %d %B %Y}")).to_be_visible()
            # Bar by bar: the rules as they stood on the one that is clicked.
            chart = page.locator("[data-chart]")
            expect(chart.locator("canvas").first).to_be_visible()
            expect(page.locator(".legend").first).to_contain_text("Vol")
            box = chart.bounding_box()
            assert box is not None
            page.wait_for_timeout(500)
            page.mouse.click(box["x"] + box["width"] * 0.45, box["y"] + box["height"] * 0.3)
            expect(page.locator("#bar-rules")).to_contain_text("The bar of")
        finally:
            connection.execute("UPDATE market_days SET closes_at = %s WHERE day = %s", (closed[1], closed[0]))


def test_an_order_that_would_be_refused_cannot_be_sent_and_says_what_to_change(member: Visitor) -> None:
    _running(member.client)
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
    _running(member.client)
    member.client.call("POST", "/api/trade/orders", {"symbol": "AAPL", "side": "sell", "quantity": "1"})
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
        connection.execute(
            "INSERT INTO equity_snapshots (user_id, time, cash, equity) SELECT id, now() - interval '3 minutes', 1, 55555 FROM users WHERE email = %s",
            (member.email,),
        )
    page = member.go("/")
    figured = page.locator("section", has=page.get_by_role("heading", name="Equity", exact=True)).locator(".figured")
    figured.get_by_text("As a table").click()
    table = figured.get_by_role("region", name="The chart as a table")
    expect(table).to_contain_text("55,555.00")
    expect(page.locator("#equity canvas").first).to_be_visible()
    # What was three minutes ago was three hours ago on a market that is sixty times as fast.
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


def test_the_days_fill_their_card_and_are_named(member: Visitor, platform: Platform) -> None:
    with psycopg.connect(platform.conninfo("owner"), autocommit=True) as connection:
        made = connection.execute(
            "INSERT INTO equity_snapshots (user_id, time, cash, equity)"
            " SELECT u.id, t.at, 1, 100000 + 100 * row_number() OVER (ORDER BY t.at) FROM users u,"
            " (SELECT DISTINCT ON (d.day) n.at, d.day FROM generate_series(now() - interval '40 days', now(), interval '1 hour') AS n(at)"
            " JOIN market_days d ON market_at(n.at) BETWEEN d.opens_at AND d.closes_at AND d.closes_at < market_at(now())) t"
            " WHERE u.email = %s",
            (member.email,),
        ).rowcount
    if made < 2:
        pytest.skip("the replay has no days behind it")
    for width in (1440, 390):
        member.page.set_viewport_size({"width": width, "height": 900})
        page = member.go("/")
        card = page.locator("section", has=page.get_by_role("heading", name="P&L by day"))
        grid = card.locator(".days")
        expect(grid.locator("tbody th")).to_have_text(["Mon", "Tue", "Wed", "Thu", "Fri"])
        inside, drawn = card.bounding_box(), grid.bounding_box()
        assert inside is not None
        assert drawn is not None
        assert drawn["width"] > 0.9 * (inside["width"] - 40)
        card.get_by_text("As a table").click()
        expect(card.get_by_role("region", name="P&L by day").locator("tbody tr")).to_have_count(
            grid.locator("td[title]").count()
        )
