"""What the first page offers while the exchange is closed. The last of the browser's tests: functions keep the calendar that they have read."""

from __future__ import annotations

import re

import psycopg
import pytest
from local_platform.platform import Platform
from playwright.sync_api import expect

from tests.browser.conftest import Visitor
from tests.browser.test_first_minutes import running_session

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


def test_when_the_exchange_has_closed_the_first_page_says_what_is_next_and_leads_through_the_day(
    member: Visitor, platform: Platform
) -> None:
    session = running_session(member.client, bars=4)
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
