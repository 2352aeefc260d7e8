"""The workbench in the browser: code that is kept, the rules of a session, a trade explained, cards, sweeps, the gallery, home, keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from local_platform.platform import Platform
from playwright.sync_api import Locator, Page, expect
from stratforge.client import Client

from tests.browser.conftest import Visitor, until
from tests.browser.test_first_minutes import OFTEN
from tests.support.trading import wait_for

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
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
        until(
            page,
            f"() => {{ const found = ({measured})(document.getElementById('new-code')); return found.beside && found.rows > 4; }}",
        )
        found = field.evaluate(measured)
        assert (found["cut"], found["text"]) == (0, True), width


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
    page = member.go("/")
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
    expect(page.locator("#now .columns > div")).to_have_count(2)
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
        # With the scripts that hear keys.
        until(page, "document.readyState === 'complete'")
