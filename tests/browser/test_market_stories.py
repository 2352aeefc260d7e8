"""The market in the browser: a symbol's page, what is watched and told of, the replay's speed, and sessions that are shown to everybody."""

from __future__ import annotations

import re

import psycopg
import pytest
from local_platform.platform import Platform
from playwright.sync_api import expect

from tests.browser.conftest import Visitor
from tests.browser.test_first_minutes import running_session

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


def test_a_symbol_is_opened_from_home_watched_there_and_an_alert_waits_for_its_price(member: Visitor) -> None:
    running_session(member.client)
    page = member.go("/")
    page.keyboard.press("/")
    page.keyboard.type("aapl")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/market/AAPL$"))
    expect(page.locator("[data-chart=market] canvas").first).to_be_visible()
    expect(page.locator(".head .price")).to_have_text(re.compile(r"^[\d,]+\.\d\d$"))
    page.get_by_role("button", name="Watch", exact=True).click()
    expect(page.get_by_role("button", name="Watch no more")).to_be_visible()
    page.get_by_label("Price or percent").fill("100000")
    page.get_by_role("button", name="Set the alert").click()
    alerts = page.locator("#alerts .log")
    expect(alerts).to_contain_text("above 100,000.00")
    expect(alerts).to_contain_text("waits")
    page.get_by_role("link", name="Buy", exact=True).click()
    expect(page.get_by_label("Symbol")).to_have_value("AAPL")
    member.go("/")
    watched = page.get_by_role("region", name="Watchlist")
    expect(watched.get_by_role("link", name="AAPL")).to_be_visible()
    expect(watched.locator("[data-price=AAPL]")).to_have_text(re.compile(r"^[\d,]+\.\d\d$"))


def test_an_operator_stops_the_replay_and_has_it_go_on_from_the_head_of_any_page(
    member: Visitor, platform: Platform
) -> None:
    strip = member.go("/trades").locator("#market")
    expect(strip).to_contain_text("Simulated")
    expect(strip).to_contain_text(re.compile(r"Exchange (open, closes|closed, opens)"))
    expect(strip.get_by_role("button")).to_have_count(0)
    with psycopg.connect(platform.conninfo("owner"), autocommit=True) as connection:
        connection.execute("UPDATE users SET is_operator = true WHERE email = %s", (member.email,))
    member.go("/trades")
    strip.get_by_role("button", name="Pause").click()
    expect(strip).to_contain_text("Simulated, stopped")
    clock = strip.locator("[data-market-time]")
    expect(clock).to_have_text(re.compile(r"^\w{3} \d{1,2} \w{3} \d{4}, \d\d:\d\d:\d\d$"))
    member.go("/gallery")
    expect(strip).to_contain_text("Simulated, stopped")
    strip.get_by_role("button", name="300 ×").click()
    expect(strip).to_contain_text("Simulated, 300 ×")
    expect(strip.get_by_role("button", name="300 ×")).to_have_attribute("aria-pressed", "true")
    # It goes on by itself between two looks.
    before = clock.inner_text()
    expect(clock).not_to_have_text(before)


def test_a_session_is_paused_from_home_and_shown_to_everybody_under_a_name(member: Visitor) -> None:
    session = running_session(member.client)
    page = member.go("/")
    row = page.get_by_role("region", name="Sessions").locator("tbody tr").first
    row.get_by_role("button", name="Pause AAPL").click()
    expect(page.locator(".badge.paused").first).to_be_visible()
    member.go("/")
    page.get_by_role("button", name="Resume AAPL").click()
    expect(page.locator(".badge.running").first).to_be_visible()
    member.go(f"/sessions/{session['session_id']}")
    name = f"Ada {session['session_id'][:4]}"
    page.locator("#leaderboard").get_by_label("Name").fill(name)
    page.get_by_role("button", name="Show it").click()
    expect(page.locator("#leaderboard")).to_contain_text(f"as {name}; it is ranked after a replay")
    page.locator("#leaderboard").get_by_role("link", name="shown to everybody").click()
    shown = page.get_by_role("region", name="Not ranked").locator("tr", has_text=name)
    expect(shown).to_contain_text("(you)")
    expect(shown).to_contain_text("AAPL")
