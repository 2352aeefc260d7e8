"""What people do with portfolios: describe one, change it in words, see its report, run exactly that, and see what it decides."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor

pytestmark = pytest.mark.timeout(600)
ROTATION = "every month hold the 2 strongest of AAPL, IBM, MSFT by 1-month return, equal weights"


def test_a_portfolio_from_a_sentence_to_a_session_that_holds_what_it_wants(member: Visitor) -> None:
    page = member.go("/strategies/new")
    page.get_by_label("What should it do?").fill(ROTATION)
    page.get_by_role("button", name="Write the strategy").click()
    expect(page).to_have_url(re.compile(r"/strategies/[^/]+-[^/]+$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Rotation of AAPL, IBM, MSFT")
    # The code is in colors and its lines are numbered.
    expect(page.locator("[data-editor] .paint .line").first).to_be_visible()
    expect(page.get_by_text("It decides on")).to_have_count(0)
    page.get_by_label("Change it").fill("rebalance weekly")
    page.get_by_label("Change it").press("Control+Enter")
    expect(page.get_by_text(", version 2,")).to_be_visible()
    page.get_by_text("What changed in the code").click()
    expect(page.locator(".diff .added", has_text='SCHEDULE = "weekly"')).to_be_visible()

    form = page.locator("#run form")
    # What a portfolio has no use for is not asked for.
    expect(form.get_by_label("Stop loss, %")).to_have_count(0)
    form.get_by_label("Capital").select_option("dollars")
    form.get_by_label("Size").fill("20,000")
    form.get_by_role("button", name=re.compile("Backtest the last .* years")).click()
    expect(page).to_have_url(re.compile(r"/backtests/[^/]+$"))
    expect(page.locator(".verdict")).to_contain_text("for holding the universe in equal parts")
    expect(page.get_by_text("rebalanced weekly from $20,000.00")).to_be_visible()
    weights = page.locator("section", has=page.get_by_role("heading", name="Weights over time"))
    expect(weights.locator("polygon")).not_to_have_count(0)
    expect(weights.locator(".keys")).to_contain_text("MSFT")
    weights.get_by_text("As a table").click()
    expect(weights.locator("table tbody tr").first).to_be_visible()
    expect(page.get_by_role("region", name="By symbol").locator("tbody tr")).to_have_count(3)

    page.get_by_role("button", name="Run exactly this").click()
    expect(page).to_have_url(re.compile(r"/sessions/[^/]+$"))
    expect(page.get_by_text("with $20,000.00 for 3 symbols. It runs exactly as it was backtested")).to_be_visible()
    expect(page.locator(".badge.running")).to_be_visible()
    expect(page.locator(".figure", has_text="Next decision")).to_contain_text("decides weekly")
    # What it decides and what it buys arrives without reloading, once the exchange is open and its days are there.
    expect(page.locator("#session-trades .side").first).to_be_visible()
    decided = page.locator("#decisions tbody tr").first
    expect(decided).to_contain_text("ordered")
    expect(decided).to_contain_text("$20,0")
    # Why: what was ranked and chosen, by the strategy's own code.
    decided.get_by_role("link", name="why").click()
    why = page.locator("#why")
    expect(why.get_by_text("weights and memory come out the same")).to_be_visible()
    expect(why.locator(".rule .badge.filled")).to_have_text("returned")
    expect(why.locator("tbody tr")).to_have_count(3)
    expect(why.locator("tbody").get_by_text("yes")).to_have_count(2)
    # What it is worth, beside its universe, and what it is made of.
    expect(page.locator("[data-chart=overlay] canvas").first).to_be_visible()
    expect(page.locator("#weights tbody tr")).to_have_count(3)
    expect(page.locator("#weights").get_by_text("50.00 %").first).to_be_visible()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Stop and sell").click()
    expect(page.locator(".badge.stopped")).to_be_visible()
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_text(re.compile("Replay matches live on"))).to_be_visible()


def test_what_cannot_be_changed_in_words_is_asked_about_and_the_portfolio_stands(member: Visitor) -> None:
    page = member.go("/strategies/new")
    page.get_by_label("What should it do?").fill(ROTATION)
    page.get_by_role("button", name="Write the strategy").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Rotation of AAPL, IBM, MSFT")
    page.get_by_label("Change it").fill("make it less risky")
    page.get_by_label("Change it").press("Control+Enter")
    expect(page.locator(".theirs").last).to_contain_text("use the top 5; rebalance weekly; add QQQ")
