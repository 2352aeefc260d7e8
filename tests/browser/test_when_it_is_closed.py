"""What the first page offers while the exchange is closed. The early close of this day is announced while everything runs, and called off again."""

from __future__ import annotations

import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

import psycopg
import pytest
from local_platform.platform import Platform
from playwright.sync_api import expect

from tests.browser.conftest import Visitor
from tests.browser.test_first_minutes import running_session
from tests.support.trading import wait_for

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
NEW_YORK = ZoneInfo("America/New_York")


def today(platform: Platform) -> tuple[date, datetime]:
    """The trading day that runs, and a moment a while ago on it."""
    query = """SELECT day, market_at(now()) - interval '4 minutes' FROM market_days
               WHERE market_at(now()) BETWEEN opens_at + interval '10 minutes' AND closes_at - interval '20 minutes'"""

    def found() -> tuple[date, datetime] | None:
        with psycopg.connect(platform.conninfo("owner")) as connection:
            return connection.execute(query).fetchone()

    return wait_for(found, 60, "a moment in the middle of a trading day")


def test_when_the_exchange_has_closed_the_first_page_says_what_is_next_and_leads_through_the_day(
    member: Visitor, platform: Platform
) -> None:
    client = member.client
    session = running_session(client, bars=12)
    # Nights pass in no time on the replayed market: today its exchange closes early, and the market stands still.
    today(platform)
    platform.simulator("market", {"speed": 0})
    day, closes_at = today(platform)
    platform.simulator("market", {"closes": {str(day): f"{closes_at.astimezone(NEW_YORK):%H:%M}"}})
    try:
        platform.reconcile()
        page = member.go("/")
        shown = page.locator("section", has=page.get_by_role("heading", name="The exchange is closed"))
        expect(shown).to_contain_text(re.compile(r"It opens \w{3} \d+ \w{3} \d{4}, 09:30 ET, in"))
        expect(shown).to_contain_text("Then your 1 session goes on with the first bar")
        expect(page.locator("#market")).to_contain_text("Exchange closed, opens")
        shown.get_by_role("link", name=re.compile("^AAPL")).click()
        expect(page).to_have_url(re.compile(rf"/sessions/{session['session_id']}\?day={day}$"))
        expect(page.get_by_role("heading", name=f"{day:%A, %d %B %Y}")).to_be_visible()
        # Bar by bar: the rules as they stood on the one that is clicked.
        chart = page.locator("[data-chart]")
        expect(chart.locator("canvas").first).to_be_visible()
        legend = page.locator(".legend").first
        expect(legend).to_contain_text("Vol")
        box = chart.bounding_box()
        assert box is not None
        last = legend.locator("span").first.inner_text()
        page.mouse.move(box["x"] + box["width"] * 0.45, box["y"] + box["height"] * 0.3)
        expect(legend.locator("span").first).not_to_have_text(last)
        page.mouse.click(box["x"] + box["width"] * 0.45, box["y"] + box["height"] * 0.3)
        expect(page.locator("#bar-rules")).to_contain_text("1-minute bar of")
    finally:
        platform.simulator("market", {"closes": {}, "speed": platform.options.speed})
        platform.reconcile()
    # Called off again, everything trades as before: whoever has read the hours reads them again within a minute.
    order = client.call("POST", "/api/trade/orders", {"symbol": "AAPL", "side": "buy", "quantity": "1"})
    address = f"/api/trade/orders/{order['order_id']}"
    wait_for(lambda: client.call("GET", address)["status"] == "FILLED", 120, "a trade after all")
