"""What people do, from the first page to a trade."""

from __future__ import annotations

import re
import time

import pytest
from local_platform.platform import Platform
from playwright.sync_api import Browser, Route, expect

from tests.browser.conftest import PASSWORD, Visitor, new_visitor, until
from tests.support.trading import wait_for

pytestmark = pytest.mark.timeout(600)
# It buys at the first bar and sells at the next, again and again.
BUSY = """\
def on_bar(bar, position, state):
    if position.quantity == 0:
        return buy()
    return sell()
"""


def test_from_nothing_to_a_trade_that_appears_by_itself(visitor: Visitor) -> None:
    """Register, describe, refine, backtest, run, see a trade appear without reloading, stop."""
    page = visitor.register()
    expect(page.get_by_text("From an idea to a running strategy in three steps")).to_be_visible()
    page.get_by_role("button", name="Start with this").first.click()
    expect(page).to_have_url(re.compile(r"/strategies/[^/]+$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("AAPL average cross")
    expect(page.locator(".theirs").first).to_contain_text("10-bar SMA")
    page.get_by_label("Change it").fill("only between 9:30 and 15:50 and with a stop loss of 1 %")
    page.get_by_label("Change it").press("Control+Enter")
    expect(page.get_by_text(", version 2,")).to_be_visible()
    expect(page.locator(".mine")).to_have_count(2)
    page.get_by_text("What changed in the code").click()
    expect(page.locator(".diff .added").first).to_be_visible()

    page.get_by_role("button", name="Backtest the last 30 days").click()
    expect(page).to_have_url(re.compile(r"/backtests/[^/]+$"))
    expect(page.locator(".verdict")).to_contain_text("for holding AAPL")
    expect(page.locator(".chart canvas").first).to_be_visible()
    page.get_by_role("button", name="Run exactly this").click()
    expect(page).to_have_url(re.compile(r"/sessions/[^/]+$"))
    expect(page.locator(".badge.running")).to_be_visible()
    # Bars arrive without reloading.
    expect(page.locator(".figure", has_text="Bars").locator("dd").first).to_have_text(re.compile("[1-9]"))

    # A strategy that trades at once, written by hand, and its trade on the first page.
    visitor.go("/strategies/new")
    page.get_by_text("Write the code yourself").click()
    page.get_by_label("Name").fill("Busy")
    page.get_by_label("Code", exact=True).fill(BUSY)
    expect(page.locator(".good-line")).to_contain_text("Valid.")
    page.get_by_role("button", name="Store it").click()
    expect(page).to_have_url(re.compile(r"/strategies/[^/]+$"))
    page.get_by_role("button", name="Run it", exact=True).click()
    expect(page).to_have_url(re.compile(r"/sessions/[^/]+$"))
    busy = page.url.removeprefix(visitor.address)
    expect(page.locator("#session-trades .side").first).to_be_visible()
    visitor.go("/")
    expect(page.locator("#link")).to_have_attribute("data-state", "live")
    expect(page.locator("#latest-trades tbody tr .side").first).to_be_visible()
    visitor.go(busy)
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Stop and sell").click()
    expect(page.locator(".badge.stopped")).to_be_visible()
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_text(re.compile("Replay matches live on"))).to_be_visible()


def test_a_question_is_asked_and_answered(member: Visitor) -> None:
    page = member.go("/strategies/new")
    page.get_by_label("What should it do?").fill("make me rich")
    page.get_by_role("button", name="Write the strategy").click()
    expect(page.locator(".theirs")).to_contain_text("Which rule should decide when to buy?")
    page.get_by_label("Your answer").fill("Buy when the RSI is below 30 and sell when it is above 60")
    page.get_by_role("button", name="Answer").click()
    expect(page).to_have_url(re.compile(r"/strategies/[^/]+-[^/]+$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("AAPL RSI")


def test_what_is_described_at_home_is_answered_there_and_no_notice_says_it_again(member: Visitor) -> None:
    page = member.go("/")
    page.evaluate("window.told = []; document.body.addEventListener('htmx:afterRequest', ({ detail }) => window.told.push([detail.pathInfo.requestPath, detail.xhr.responseText]))")  # fmt: skip
    page.locator("form.example [name=prompt]").first.evaluate("it => { it.value = 'make me rich' }")
    page.get_by_role("button", name="Start with this").first.click()
    expect(page.locator(".theirs")).to_contain_text("Which rule should decide when to buy?")
    until(page, "window.told.some(([path, text]) => path.startsWith('/notices/new') && text.includes('/jobs/'))")
    expect(page.locator(".toast a[href^='/jobs/']")).to_have_count(0)
    # Whoever has left is told.
    page.evaluate("document.querySelector('[data-job]').remove()")
    page.locator("form.example [name=prompt]").nth(1).evaluate("it => { it.value = 'make me rich again' }")
    page.get_by_role("button", name="Start with this").nth(1).click()
    page.evaluate(
        "new Promise((done) => { const look = () => document.querySelector('[data-job]') ? (document.querySelector('[data-job]').remove(), done()) : setTimeout(look, 20); look(); })"
    )
    expect(page.locator(".toast a[href^='/jobs/']")).to_have_count(1)


@pytest.mark.long
def test_a_busy_gateway_is_asked_again_and_its_words_are_not_put_into_the_page(member: Visitor) -> None:
    busy = {"type": "about:blank", "title": "Service Unavailable", "status": 503, "code": "busy", "detail": "busy"}
    times = iter(range(2))

    def overloaded(route: Route) -> None:
        if next(times, None) is None:
            route.continue_()
        else:
            route.fulfill(status=503, json=busy, headers={"Retry-After": "1"})

    page = member.go("/strategies/new")
    page.route("**/jobs/*/progress", overloaded)
    page.get_by_label("What should it do?").fill("Buy AAPL when the RSI is below 30 and sell when it is above 60")
    page.get_by_role("button", name="Write the strategy").click()
    expect(page).to_have_url(re.compile(r"/strategies/[^/]+-[^/]+$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("AAPL RSI")


@pytest.mark.long
def test_a_form_that_meets_a_busy_gateway_says_so_and_can_be_sent_again(member: Visitor) -> None:
    page = member.go("/strategies/new")
    page.evaluate("window.waits = true")
    page.route("**/strategies/describe", lambda route: route.fulfill(status=503, json={"message": "busy"}), times=1)
    page.get_by_label("What should it do?").fill("make me rich")
    page.get_by_role("button", name="Write the strategy").click()
    expect(page.get_by_role("alert")).to_have_text("The platform is busy. Try again in a moment.")
    page.get_by_role("button", name="Write the strategy").click()
    expect(page.locator(".theirs")).to_contain_text("Which rule should decide when to buy?")


@pytest.mark.long
def test_who_presses_again_on_a_busy_platform_gets_his_answer(member: Visitor) -> None:
    page = member.go("/strategies/new")
    page.route("**/strategies/describe", lambda route: route.fulfill(status=503, json={"message": "busy"}), times=2)
    page.get_by_label("What should it do?").fill("make me rich")
    page.get_by_role("button", name="Write the strategy").click()
    expect(page.locator(".theirs")).to_contain_text("Which rule should decide when to buy?")


def test_findings_appear_as_one_types_and_lead_to_their_line(member: Visitor) -> None:
    page = member.go("/strategies/new")
    page.get_by_text("Write the code yourself").click()
    code = page.get_by_label("Code", exact=True)
    busy = {
        "status": 503,
        "content_type": "application/json",
        "body": '{"message": "busy"}',
        "headers": {"Retry-After": "1"},
    }
    page.route("**/strategies/check", lambda route: route.fulfill(**busy), times=1)
    code.fill("import os\n\ndef on_bar(bar, position, state):\n    while True:\n        pass\n")
    # Who types need not type again when the platform was busy.
    expect(page.locator(".findings li")).to_have_count(2)
    expect(page.locator(".gutter .marked")).to_have_text(["1", "4"])
    page.get_by_role("button", name="Line 4").click()
    assert code.evaluate("field => field.value.slice(0, field.selectionStart).split('\\n').length") == 4
    page.get_by_role("button", name="Store it").click()
    expect(page.get_by_role("alert")).to_contain_text("not in the language")
    assert page.url.endswith("/strategies/new")
    code.fill("LENGTH = 5\n" + BUSY)
    expect(page.locator(".good-line")).to_be_visible()


@pytest.mark.long
def test_parameters_are_fields_and_a_change_is_a_version(member: Visitor) -> None:
    strategy = member.client.generate("Buy AAPL when the 10-bar average crosses above the 30-bar average")
    page = member.go(f"/strategies/{strategy['strategy_id']}")
    page.get_by_label("FAST", exact=True).fill("7")
    page.get_by_role("button", name="Store the values").click()
    expect(page.get_by_text(", version 2,")).to_be_visible()
    expect(page.get_by_label("Code", exact=True)).to_have_value(re.compile("FAST = 7"))
    page.get_by_label("FAST", exact=True).fill("many")
    page.get_by_role("button", name="Store the values").click()
    expect(page.get_by_role("alert")).to_contain_text("'many' is not a number")


@pytest.mark.long
def test_a_sweep_has_a_heat_map_a_walk_forward_and_files(member: Visitor) -> None:
    strategy = member.client.generate("Buy AAPL when the 10-bar average crosses above the 30-bar average")
    page = member.go(f"/strategies/{strategy['strategy_id']}")
    page.get_by_text("Sweep of parameters").click()
    for name, low, high, count in (("FAST", 5, 15, 3), ("SLOW", 20, 40, 2)):
        page.get_by_role("checkbox", name=name).check()
        for label, value in ((f"{name} from", low), (f"{name} to", high), (f"Values of {name}", count)):
            page.get_by_label(label).fill(str(value))
    expect(page.locator("#sweep-price")).to_contain_text("6 combinations")
    page.get_by_role("button", name="Backtest the last 30 days").click()
    expect(page).to_have_url(re.compile(r"/backtests/[^/]+$"))
    expect(page.locator("#sweep tbody tr")).to_have_count(3)
    expect(page.get_by_text("deflated Sharpe ratio")).to_be_visible()
    page.locator("#sweep .cell").first.click()
    expect(page.locator("#point")).to_contain_text("FAST = 5, SLOW = 20")
    rows = page.locator("#report-trades tbody tr")
    everything = rows.count()
    page.get_by_role("button", name="Winners").click()
    winners = rows.filter(visible=True).count()
    assert 0 < winners < everything
    with page.expect_download() as download:
        page.get_by_role("link", name="Parquet").click()
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(download.value.path())
    assert table.num_rows == everything
    assert {"entry_time", "exit_time", "pnl", "exit_reason"} <= set(table.column_names)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == everything + 1
    assert lines[0].startswith("entry_time,exit_time,side,quantity")


def test_an_order_by_hand_is_previewed_placed_and_explained(member: Visitor) -> None:
    member.client.start_session(
        member.client.generate("Buy AAPL when the RSI is below 1 and sell above 99")["strategy_id"], "AAPL"
    )
    page = member.go("/portfolio")
    page.get_by_label("Symbol").fill("AAPL")
    page.get_by_label("Size", exact=True).fill("2")
    expect(page.locator("#preview")).to_contain_text("It would trade now: 2 AAPL")
    page.get_by_label("Size", exact=True).fill("100000")
    expect(page.locator("#preview")).to_contain_text("It would be refused: There is not enough free cash")
    page.get_by_label("Type").select_option("limit")
    page.get_by_label("Size", exact=True).fill("2")
    page.get_by_label("Limit price").fill("1.00")
    page.get_by_label("Good for").select_option("gtc")
    expect(page.locator("#preview")).to_contain_text("It would wait in the book")
    page.get_by_role("button", name="Place the order").click()
    expect(page).to_have_url(re.compile(r"/orders$"))
    page.wait_for_load_state()
    member.go("/portfolio")
    expect(page.get_by_role("region", name="Open orders")).to_contain_text("limit")
    expect(page.get_by_role("region", name="Open orders")).to_contain_text("resting")
    page.get_by_role("button", name="Cancel the order for AAPL").click()
    expect(page).to_have_url(re.compile(r"/orders$"))
    page.wait_for_load_state()
    member.go("/orders?state=ended")
    expect(page.locator(".badge.canceled").or_(page.get_by_role("button", name="Show")).first).to_be_visible()
    deadline = time.monotonic() + 90
    while not page.locator(".badge.canceled").count():
        assert time.monotonic() < deadline, page.locator("tbody").inner_text()
        page.wait_for_timeout(500)
        page.reload()
    expect(page.get_by_text("You canceled the order")).to_be_visible()


@pytest.mark.long
def test_research_shows_its_sources_as_it_comes(member: Visitor) -> None:
    page = member.go("/research")
    # A busy machine may look again only when the whole answer is there: it is asked once more.
    for _ in range(5):
        page.get_by_label("What do you want to know").fill("How did Apple, Google, Microsoft and IBM do?")
        page.get_by_role("button", name="Ask").click()
        expect(page.locator("#answer .caret, #answer .sources").first).to_be_visible()
        came = page.locator("#answer .caret").count()
        if came:
            break
        page = member.go("/research")
    assert came, "an answer that comes is shown while it comes"
    expect(page.locator("#answer .sources a")).to_have_text("bokeh-sampledata: daily prices of 2000 to 2013")
    expect(page.locator("sup").first).to_have_text("[1]")
    # Google's suggestions stand there as Google made them.
    chips = page.frame_locator("#answer iframe.suggestions").locator("a.chip")
    expect(chips).to_have_count(4)
    assert chips.first.evaluate("it => getComputedStyle(it).borderRadius") == "16px"
    # A question that names nothing is about what was spoken of.
    page.get_by_label("What do you want to know").fill("And how high did they go?")
    expect(page.get_by_label("Go on from")).to_be_checked()
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("#answer h3")).to_have_text("And how high did they go?")
    expect(page.locator("#answer .sources a")).to_have_text("bokeh-sampledata: daily prices of 2000 to 2013")
    expect(page.locator("#answer .prose")).to_contain_text("MSFT went from")


def test_wrong_passwords_are_told_and_the_way_leads_back(visitor: Visitor) -> None:
    page = visitor.go("/orders?state=open")
    assert "/login?next=" in page.url
    page.fill("[name=email]", visitor.email)
    page.fill("[name=password]", "not the password")
    page.click("form button")
    expect(page.get_by_role("alert")).to_have_text(re.compile("address or the password is wrong"))
    visitor.client
    page.fill("[name=password]", PASSWORD)
    page.click("form button")
    expect(page).to_have_url(re.compile(r"/orders\?state=open$"))
    # The browser itself notes the refused login.
    visitor.complaints = [each for each in visitor.complaints if "401" not in each]


@pytest.mark.long
def test_a_lost_connection_is_told_and_comes_back(member: Visitor, platform: Platform) -> None:
    page = member.go("/")
    expect(page.locator("#link")).to_have_attribute("data-state", "live")
    member.context.set_offline(True)
    expect(page.locator("#offline")).to_be_visible()
    expect(page.locator("#link")).to_have_attribute("data-state", "lost")
    member.context.set_offline(False)
    expect(page.locator("#link")).to_have_attribute("data-state", "live")
    expect(page.locator("#offline")).to_be_hidden()
    member.complaints = [
        each
        for each in member.complaints
        if "ERR_INTERNET_DISCONNECTED" not in each and "WebSocket" not in each and "htmx:" not in each
    ]


@pytest.mark.long
def test_two_tabs_show_the_same_and_keep_each_other_logged_in(member: Visitor) -> None:
    strategy = member.client.generate("Buy IBM when the RSI is below 1 and sell above 99")
    session = member.client.start_session(strategy["strategy_id"], "IBM")
    first, second = member.page, member.watch(member.context.new_page())
    for page in (first, second):
        member.go(f"/sessions/{session['session_id']}", page)
        expect(page.locator("#link")).to_have_attribute("data-state", "live")
    first.get_by_role("button", name="Pause").click()
    for page in (first, second):
        expect(page.locator(".badge.paused")).to_be_visible()
    # Both renew at the same moment: one refresh token must not be used twice.
    for page in (first, second):
        page.evaluate("localStorage.removeItem('renewed')")
    for page in (first, second):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    first.wait_for_timeout(1_500)
    for page in (first, second):
        member.go("/sessions", page)
        expect(page.get_by_role("heading", level=1)).to_have_text("Sessions")
    # A busy gateway is asked again, as the page does by itself.
    renewed = """async () => {
        for (;;) {
            const { status } = await fetch("/api/auth/refresh", { method: "POST" });
            if (status !== 503) return status;
            await new Promise((again) => setTimeout(again, 1000));
        }
    }"""
    assert first.evaluate(renewed) == 200


@pytest.mark.long
def test_an_expired_login_is_renewed_without_asking(member: Visitor) -> None:
    member.go("/")
    member.context.clear_cookies(name="stratforge_access")
    page = member.go("/trades")
    expect(page).to_have_url(re.compile(r"/trades$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Trades")
    # The first page may have been asking for its chart when the login expired.
    member.complaints = [each for each in member.complaints if "401" not in each]


@pytest.mark.long
def test_a_login_that_ended_elsewhere_leads_to_the_form_and_no_further(member: Visitor) -> None:
    # The browser remembers that it has renewed it a moment ago, and what it renews is worth nothing any more.
    # No page of ours is open meanwhile: its charts would ask, and go to the form themselves.
    member.go("/")
    member.page.goto("about:blank")
    member.context.clear_cookies()
    opened: list[str] = []
    member.page.on("framenavigated", lambda frame: opened.append(frame.url))
    page = member.go("/trades")
    page.wait_for_timeout(1_500)
    assert len(opened) == 1, opened
    page.fill("[name=email]", member.email)
    page.fill("[name=password]", PASSWORD)
    page.click("form button")
    expect(page.get_by_role("heading", level=1)).to_have_text("Trades")
    member.complaints = [each for each in member.complaints if "401" not in each]


def test_logging_out_ends_the_login(member: Visitor) -> None:
    member.go("/")
    member.page.get_by_role("button", name="Log out").click()
    expect(member.page).to_have_url(re.compile(r"/login$"))
    member.go("/portfolio")
    assert "/login" in member.page.url
    # A page that is left may still ask to be told what changes, with the login that has ended, and then for a new one; the browser notes that.
    asked = ("realtime/ticket", "auth/refresh")
    member.complaints = [each for each in member.complaints if not any(path in each for path in asked)]


@pytest.mark.long
def test_the_account_page_makes_keys_and_limits(member: Visitor) -> None:
    page = member.go("/account")
    page.get_by_label("Name").fill("notebook")
    page.locator("form[hx-post='/account/keys'] [name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Make a key").click()
    expect(page.locator(".secret")).to_have_text(re.compile("^sfk_"))
    page.get_by_label("One symbol, at most %").fill("25")
    page.get_by_role("button", name="Store the limits").click()
    expect(page.get_by_text("The limits hold from the next order on.")).to_be_visible()
    assert member.client.call("GET", "/api/users/me/risk")["max_position"] == "0.25"


@pytest.mark.long
def test_an_operator_halts_and_resumes_and_sends_dead_letters_again(
    browser: Browser, platform: Platform, member: Visitor
) -> None:
    import psycopg
    from local_platform.deployment import client as aws

    refused = member.go("/operations")
    expect(refused.get_by_text("There is no such page.")).to_be_visible()
    member.complaints.clear()
    with psycopg.connect(platform.conninfo("owner"), autocommit=True) as connection:
        connection.execute("UPDATE users SET is_operator = true WHERE email = %s", (member.email,))
    sqs = aws("sqs", platform.engine_address)
    dead = sqs.get_queue_url(QueueName="stratforge-local-subscription-updates-dead")["QueueUrl"]
    sqs.send_message(
        QueueUrl=dead, MessageBody='{"kind":"subscription","symbol":"IBM","sent_at":"2026-01-01T00:00:00Z"}'
    )
    page = member.go("/operations")
    page.get_by_role("button", name="Send the dead letters of subscription-updates again").click()
    expect(page.get_by_text("1 messages of subscription-updates were sent again.")).to_be_visible()
    page.get_by_label("Symbol").fill("META")
    page.get_by_label("Why").nth(1).fill("a test of the switch")
    page.get_by_role("button", name="Halt", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="META is halted")).to_be_visible()
    page.get_by_role("button", name="Resume META").click()
    expect(page.get_by_role("alert").filter(has_text="META is halted")).to_have_count(0)


def test_nothing_that_a_model_or_a_user_writes_becomes_markup(member: Visitor, platform: Platform) -> None:
    platform.simulator("faults", {"fault": "hostile", "count": 1}, of="gemini")
    page = member.go("/strategies/new")
    page.get_by_label("What should it do?").fill(
        "<script>document.title='owned'</script> Buy AAPL when the price is above its 10-bar SMA, "
        "sell AAPL when the price is below its 10-bar SMA"
    )
    page.get_by_role("button", name="Write the strategy").click()
    expect(page).to_have_url(re.compile(r"/strategies/[^/]+-[^/]+$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("<img src=x onerror=alert(1)>")
    expect(page.get_by_text("{{ 1 + 1 }}")).to_be_visible()
    assert page.locator("main script, main img, main svg:not(.spark), main a[href^='javascript']").count() == 0
    platform.simulator("faults", {"fault": "hostile", "count": 1}, of="gemini")
    member.go("/research")
    page.get_by_label("What do you want to know").fill("What about AAPL?")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator(".sources li")).to_have_count(1)
    assert (
        page.locator(
            "#answer script, #answer img, #answer [onclick], #answer [onmouseover], a[href^='javascript']"
        ).count()
        == 0
    )
    expect(page.frame_locator("#answer iframe.suggestions").get_by_role("button", name="news")).to_be_visible()
    page.frame_locator("#answer iframe.suggestions").get_by_role("button", name="news").click()
    page.wait_for_timeout(300)
    assert page.title() != "owned"
    # The browser notes what it did not run, load or send.
    assert any("Blocked" in each or "Content Security Policy" in each for each in member.complaints)
    member.complaints.clear()
    member.go("/strategies")
    expect(page.get_by_role("link", name="<img src=x onerror=alert(1)>")).to_be_visible()


def test_a_stranger_sees_nothing_of_it(browser: Browser, member: Visitor) -> None:
    strategy = member.client.generate("Buy IBM when the RSI is below 30")
    stranger = new_visitor(browser, member.address)
    stranger.register()
    page = stranger.go(f"/strategies/{strategy['strategy_id']}")
    expect(page.get_by_text("There is no such strategy.")).to_be_visible()
    stranger.context.close()


@pytest.mark.long
def test_a_table_is_sorted_by_its_headings_and_both_are_kept(member: Visitor) -> None:
    """Orders sorted by their quantity, one column put away; the same after a reload."""
    client = member.client
    order = {"symbol": "AAPL", "side": "buy", "type": "limit", "limit_price": "1"}
    for quantity in ("3", "1", "20"):
        client.call("POST", "/api/trade/orders", {**order, "quantity": quantity})
    page = member.go("/orders")
    quantities = page.locator("[data-label='Quantity']")
    page.get_by_role("button", name="Quantity").click()
    expect(quantities).to_have_text(["20", "3", "1"])
    page.get_by_role("button", name="Quantity").click()
    expect(quantities).to_have_text(["1", "3", "20"])
    expect(page.get_by_role("columnheader", name="Quantity")).to_have_attribute("aria-sort", "ascending")
    page.get_by_text("Columns").click()
    page.get_by_role("checkbox", name="Stop").uncheck()
    page.reload()
    expect(quantities).to_have_text(["1", "3", "20"])
    expect(page.get_by_role("columnheader", name="Stop")).to_have_count(0)
    # What comes meanwhile appears by itself, in its place.
    client.call("POST", "/api/trade/orders", {**order, "quantity": "2"})
    expect(quantities).to_have_text(["1", "2", "3", "20"])
    # What a person is typing is not taken from under his hands.
    price = page.get_by_role("textbox", name="Limit price").first
    price.fill("1.5")
    with page.expect_response("**/orders/now*"):
        page.evaluate("document.body.dispatchEvent(new CustomEvent('live:change'))")
    page.wait_for_load_state("networkidle")
    expect(price).to_have_value("1.5")
    expect(price).to_be_focused()


@pytest.mark.long
def test_what_happens_before_the_connection_stands_is_told(member: Visitor) -> None:
    """On a busy machine seconds pass between the page and its connection."""
    client = member.client

    def late(route: Route) -> None:
        placed = client.call("POST", "/api/trade/orders", {"symbol": "AAPL", "side": "sell", "quantity": "1"})
        address = f"/api/trade/orders/{placed['order_id']}"
        wait_for(lambda: client.call("GET", address)["status"] == "REJECTED", 60, "a refusal")
        route.continue_()

    member.page.route("**/api/realtime/ticket", late, times=1)
    member.go("/gallery")
    expect(member.page.locator("#toasts .toast")).to_contain_text("AAPL")


def test_on_a_phone_one_sees_where_one_is_and_rows_are_cards(browser: Browser, platform: Platform) -> None:
    visitor = new_visitor(browser, platform.address, viewport={"width": 390, "height": 844}, has_touch=True)
    page = visitor.register()
    client = visitor.client
    client.call("POST", "/api/trade/orders", {"symbol": "AAPL", "side": "buy", "quantity": "1"})
    expect(page.get_by_role("link", name="Home", exact=True)).to_have_attribute("aria-current", "page")
    page.get_by_role("button", name="More").tap()
    page.get_by_role("link", name="Trades", exact=True).tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("Trades")
    expect(page.locator(".more")).to_have_text("Trades")
    expect(page.locator(".more")).to_have_attribute("aria-current", "true")
    page = visitor.go("/orders")
    row = page.locator("table.stack tbody tr").first
    expect(row).to_have_css("display", "grid")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box, bar = row.bounding_box(), page.locator("nav").bounding_box()
    assert box is not None
    assert bar is not None
    assert box["width"] <= 390
    assert bar["y"] + bar["height"] == 844, "the places are at the bottom"
    visitor.context.close()
    assert visitor.complaints == []


@pytest.mark.long
def test_the_tour_leads_through_five_pages(member: Visitor) -> None:
    page = member.go("/")
    page.get_by_role("link", name="Take the tour").click()
    for number in range(1, 5):
        expect(page.locator(".tour strong")).to_contain_text(f"{number} of 5")
        page.get_by_role("link", name="Next").click()
    expect(page.locator(".tour strong")).to_contain_text("5 of 5")
    page.get_by_role("link", name="Done").click()
    expect(page.locator(".tour")).to_have_count(0)


@pytest.mark.long
def test_what_is_pressed_shows_that_it_is_at_work_before_it_is_answered(member: Visitor) -> None:
    page = member.go("/strategies/new")
    bar = "getComputedStyle(document.documentElement, '::before').content !== 'none'"
    assert page.evaluate(bar) is False
    held: list[Route] = []
    page.route("**/strategies/describe", lambda route: held.append(route))
    page.get_by_label("What should it do?").fill("make me rich")
    page.get_by_role("button", name="Write the strategy").click()
    while not page.evaluate(bar):
        page.wait_for_timeout(50)
    held.pop().continue_()
    expect(page.locator(".theirs")).to_contain_text("Which rule should decide when to buy?")
    assert page.evaluate(bar) is False
    # So does a page that is being left: the browser says so before it asks for the next one.
    page.evaluate("dispatchEvent(new Event('beforeunload'))")
    assert page.evaluate(bar) is True
    page.evaluate("dispatchEvent(new Event('pageshow'))")
    assert page.evaluate(bar) is False


@pytest.mark.long
def test_on_a_phone_a_chart_is_a_picture_and_a_table_until_it_is_touched(browser: Browser, platform: Platform) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    visitor = new_visitor(browser, platform.address, **phone)
    visitor.register()
    strategy = visitor.client.generate("Buy AAPL when the 10-bar average crosses above the 30-bar average")
    backtest = visitor.client.backtest(strategy["strategy_id"])
    page = visitor.go(f"/backtests/{backtest['backtest_id']}")
    expect(page.locator(".chart .picture")).to_have_count(2)
    page.get_by_text("As a table").first.tap()
    expect(
        page.get_by_role("region", name="The chart as a table").get_by_role("columnheader", name="Close")
    ).to_be_visible()
    assert page.locator(".chart canvas").count() == 0, "nothing was drawn that was not asked for"
    page.get_by_role("button", name="Explore").first.tap()
    expect(page.locator(".chart canvas").first).to_be_visible()
    expect(page.locator(".chart .picture")).to_have_count(1)
    # The second is drawn when one of its trades, or it itself, is touched.
    page.locator(".chart .picture").tap()
    expect(page.locator(".chart .picture")).to_have_count(0)
    visitor.context.close()
    assert visitor.complaints == []
