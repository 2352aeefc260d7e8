"""What people do with short positions: allow them, run a strategy that goes both ways, and see on every page what was sold short and covered."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor

pytestmark = pytest.mark.timeout(600)
BEAR = """
def on_bar(bar, position, state):
    if position.quantity == 0:
        return short(quantity=20)
    if position.bars_held >= 2 and position.quantity < 0:
        return cover()
"""


def test_who_allows_it_sees_what_is_sold_short_and_covered_and_why(member: Visitor) -> None:
    client = member.client
    strategy = client.call("POST", "/v1/strategies", {"name": "Bear", "symbol": "IBM", "python_code": BEAR})
    page = member.go("/account")
    page.get_by_text("Short selling: off, the account is long only").click()
    page.get_by_role("button", name="Enable short selling").click()
    expect(page.get_by_text("Short selling: enabled")).to_be_visible()
    expect(page.locator("#log")).to_contain_text("Short selling enabled")

    session = client.start_session(strategy["strategy_id"], "IBM")["session_id"]
    page = member.go(f"/sessions/{session}")
    # Sold short, covered, sold short again: each comes without reloading.
    trades = page.locator("#session-trades")
    expect(trades.locator(".side.short").first).to_be_visible()
    expect(trades.locator(".side.cover").first).to_be_visible()
    expect(page.locator(".figure", has_text="Position")).to_contain_text(re.compile("short 20 IBM.*margin needed"))
    expect(page.get_by_role("button", name="Stop and cover")).to_be_visible()
    covered = trades.locator("tr", has=page.locator(".side.cover")).last
    expect(covered.locator("td").nth(4)).to_contain_text("$")
    sold = trades.locator("tr", has=page.locator(".side.short")).last
    expect(sold.locator("td").nth(4)).to_have_text("")
    expect(sold.locator(".side")).to_have_attribute("title", re.compile("opens a short position"))

    covered.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Cover IBM: why")
    expect(page.locator(".verdict")).to_contain_text(
        re.compile(r"Covered 20 IBM at .* because the cover rule in line 6")
    )
    expect(page.locator(".figure", has_text="Realized P&L")).to_be_visible()
    expect(page.locator(".rule .side.cover")).to_be_visible()

    member.go("/trades?side=short")
    expect(page.locator(".side.short").first).to_be_visible()
    expect(page.locator(".side.cover")).to_have_count(0)
    member.go("/notices")
    expect(page.get_by_text(re.compile("sold short 20 IBM at")).first).to_be_visible()
    expect(page.get_by_text(re.compile(r"covered 20 IBM at .*: [+-]\$")).first).to_be_visible()

    client.call("POST", f"/v1/sessions/{session}/stop", {"flatten": True})
    page = member.go(f"/sessions/{session}")
    expect(page.locator(".badge.stopped")).to_be_visible()
    expect(page.locator(".figure", has_text="Position")).to_contain_text("flat")
