"""Pages of trading without a browser: orders, sessions, the market and its time, what operators do, what is told."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

import pytest
from stratforge.application.watch_market import PRICE_JUMP
from stratforge.portfolio.assets import AssetRules
from stratforge.portfolio.calendar import MarketDay
from stratforge.storage.ledger import halts
from stratforge.storage.market import assets
from stratforge.storage.market.clock import set_market_clock
from stratforge.storage.market.trading_days import store_calendar
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import evaluations

from tests.support.api import User
from tests.support.ledger import OPEN, set_price
from tests.support.pages import CODE, HTML, OWN


def test_an_order_is_previewed_as_the_executor_would_decide(user: User) -> None:
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
    answer = user.client.post(
        "/orders/preview", data={"symbol": "AAPL", "side": "buy", "type": "market", "size": "1"}, headers=headers
    )
    assert "Nobody streams AAPL yet: the order would wait for its first price" in answer.text
    assert "data-refused" not in answer.text, "it can be sent"
    assert user.get("/api/trade/orders")["items"] == []


def test_a_form_does_not_send_what_would_be_refused(user: User, database: Database) -> None:
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
    with database.transaction() as connection:
        set_price(connection, "100")
        known = [(AssetRules("AAPL"), "Apple Inc."), (AssetRules("MSFT"), "Microsoft")]
        assets.store_assets(connection, known)
    order = {"symbol": "AAPL", "side": "buy", "type": "market", "size": "999999"}
    assert "data-refused" in user.client.post("/orders/preview", data=order, headers=headers).text
    refused = user.client.post("/orders", data=order, headers=headers)
    assert (refused.status_code, "There is not enough free cash" in refused.text) == (422, True)
    assert (
        user.client.post("/orders", data={**order, "symbol": "NOPE", "size": "1"}, headers=headers).status_code == 422
    )
    assert user.get("/api/trade/orders")["items"] == []
    half = user.client.post("/orders/preview", data={**order, "size": "1,5"}, headers=headers).text
    assert "1.5 AAPL" in half
    options = user.client.get("/symbols?symbol=apple", headers=HTML).text
    assert options.strip() == '<option value="AAPL">Apple Inc.</option>'


def test_an_order_for_what_the_broker_does_not_have_is_refused_at_once(user: User, database: Database) -> None:
    order = {"symbol": "NOPE", "side": "buy", "quantity": "1"}
    assert user.call("POST", "/api/trade/orders", order).status_code == 201, "nobody knows yet what there is"
    with database.transaction() as connection:
        assets.store_assets(connection, [(AssetRules("AAPL"), "Apple Inc."), (AssetRules("MSFT"), "Microsoft")])
    answer = user.call("POST", "/api/trade/orders", order)
    assert (answer.status_code, answer.json()["type"].rsplit(":", 1)[-1]) == (422, "unknown-symbol")
    assert user.call("POST", "/api/trade/orders", {**order, "symbol": "MSFT"}).status_code == 201
    (waiting,) = user.get("/api/trade/orders?symbol=MSFT")["items"]
    page = user.client.get("/orders", headers=HTML).text
    assert f"/orders/{waiting['order_id']}/cancel" in page


def test_the_table_of_the_equity_goes_back_as_far_as_the_chart_and_ends_with_what_is_known_now(
    user: User, database: Database
) -> None:
    with database.transaction() as connection:
        for ago, equity in (("40 days", 90_001), ("20 days", 90_002), ("20 hours", 90_003), ("20 minutes", 90_004)):
            connection.execute(
                "INSERT INTO equity_snapshots (user_id, time, cash, equity) SELECT id, now() - %s::interval, 1, %s FROM users",
                (ago, equity),
            )
    page = user.client.get("/", headers=HTML).text
    ranges = re.findall(r'data-days="([\d.]+)"( aria-pressed="true")?', page)
    assert [float(days) for days, pressed in ranges if pressed] == [30]
    assert '<input type="hidden" name="days" value="30"' in page, "the table asks for the range that is pressed"
    seen = []
    for days, _ in ranges:
        table = user.client.get(f"/home/equity.html?days={days}", headers=HTML).text
        chart = user.client.get(f"/home/equity.json?days={days}", headers=HTML).json()["items"]
        cells = [float(each.replace(",", "")) for each in re.findall(r'<td class="n">([\d,.]+)</td>', table)]
        assert cells[::2] == [*(each["equity"] for each in chart), 100_000]
        seen.append(len(chart))
    assert seen == [1, 2, 2, 3, 4]


def test_the_equity_of_the_first_page_is_drawn_from_what_was_noted(user: User) -> None:
    assert user.client.get("/home/equity.json?days=7&points=50").json() == {"items": [], "benchmark": []}
    for wrong in ("days=0", "points=1", "points=100000"):
        assert user.client.get(f"/home/equity.json?{wrong}", headers=HTML).status_code == 422


def test_a_session_that_waits_for_history_says_so_on_its_page_and_in_the_list(user: User, database: Database) -> None:
    code = {"name": "Long", "symbol": "AAPL", "python_code": CODE}
    strategy_id = user.call("POST", "/api/strategies", code).json()["strategy_id"]
    session_id = user.call("POST", "/api/sessions", {"strategy_id": strategy_id}).json()["session_id"]
    assert "waits for" not in user.client.get(f"/sessions/{session_id}", headers=HTML).text
    with database.transaction() as connection:
        evaluations.note_missing_bars(connection, [UUID(session_id)], 4_095)
    assert user.get(f"/api/sessions/{session_id}")["missing_bars"] == 4_095
    assert (
        "It waits for history: 4,095 more bars of AAPL" in user.client.get(f"/sessions/{session_id}", headers=HTML).text
    )
    assert "waits for 4,095 more" in user.client.get("/sessions", headers=HTML).text
    user.call("POST", f"/api/sessions/{session_id}/stop")
    assert "waits for" not in user.client.get(f"/sessions/{session_id}", headers=HTML).text


def test_a_session_that_looks_at_another_symbol_names_it_and_what_it_waits_for(user: User, database: Database) -> None:
    python_code = "def indicators(bars):\n    return {'spy': bars.of('SPY').close}\ndef on_bar(bar, position, state):\n    if bar.spy > 1:\n        return buy()\n"
    checked = user.call("POST", "/api/strategies/check", {"python_code": python_code}).json()
    assert (checked["valid"], checked["looked_at"]) == (True, ["SPY"])
    code = {"name": "Looks", "symbol": "AAPL", "python_code": python_code}
    strategy_id = user.call("POST", "/api/strategies", code).json()["strategy_id"]
    refused = user.call("POST", "/api/sessions", {"strategy_id": strategy_id, "symbol": "SPY"})
    assert (refused.status_code, refused.json()["type"].rsplit(":", 1)[-1]) == (422, "looks-at-itself")
    session_id = user.call("POST", "/api/sessions", {"strategy_id": strategy_id}).json()["session_id"]
    assert user.get(f"/api/sessions/{session_id}")["looked_at"] == ["SPY"]
    with database.transaction() as connection:
        evaluations.note_missing_bars(connection, [UUID(session_id)], 20)
    page = user.client.get(f"/sessions/{session_id}", headers=HTML).text
    assert "It looks at SPY." in page
    assert "It waits for history: 20 more bars of AAPL or SPY" in page
    with database.transaction() as connection:
        halts.halt_symbol(connection, "SPY", PRICE_JUMP, "it went from 100 to 10")
    page = user.client.get(f"/sessions/{session_id}", headers=HTML).text
    assert "It decides nothing until an operator has looked at SPY" in page
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
    told = user.client.post("/strategies/check", data={"python_code": python_code, "symbol": "AAPL"}, headers=headers)
    assert "looks at SPY" in told.text


def _session(user: User) -> str:
    code = "def on_bar(bar, position, state):\n    return buy()\n"
    made = user.call("POST", "/api/strategies", {"name": "Day", "symbol": "AAPL", "python_code": code}).json()
    session = user.call("POST", "/api/sessions", {"strategy_id": made["strategy_id"]}).json()
    return str(session["session_id"])


def test_everything_on_a_replayed_market_is_at_the_markets_time(user: User, database: Database) -> None:
    now = datetime(2012, 3, 5, 15, 30, tzinfo=UTC)
    with database.transaction() as connection:
        set_market_clock(connection, now, 60)
        store_calendar(connection, [MarketDay(now.replace(hour=14), now.replace(hour=21, minute=0), now.date())])
        set_price(connection, "100", minute=0)
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO orders (user_id, symbol, side, origin, size_kind, size) SELECT id, 'AAPL', 'buy', 'MANUAL', 'quantity', 1 FROM users"
        )
        connection.execute(
            "INSERT INTO equity_snapshots (user_id, time, cash, equity) SELECT id, now(), 1, 1 FROM users"
        )
    today = str(datetime.now(UTC).year)
    for path in ("/", "/orders", "/portfolio"):
        shown = user.client.get(path, headers=HTML).text
        assert "Mon 5 Mar 2012, 10:3" in shown
        assert "60 ×" in shown
        assert "closes 16:00" in shown
        assert f"{today}-" not in shown, path
    assert "2012-03-05 10:3" in user.client.get("/orders", headers=HTML).text
    (noted,) = user.get("/api/portfolio/history?days=1")["items"]
    assert noted["time"].startswith("2012-03-05T15:3")


def test_the_limit_of_an_order_that_waits_is_changed_on_the_page(user: User) -> None:
    order = {"symbol": "AAPL", "side": "buy", "type": "limit", "quantity": "2", "limit_price": "90"}
    placed = user.call("POST", "/api/trade/orders", order).json()
    shown = user.client.get("/orders", headers=HTML).text
    assert f'hx-post="/orders/{placed["order_id"]}/change"' in shown
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}

    def press(price: str) -> int:
        address = f"/orders/{placed['order_id']}/change"
        return user.client.post(address, data={"limit_price": price}, headers=headers).status_code

    assert (press("a lot"), press("-1"), press("")) == (422, 422, 422)
    assert press("91.50") == 204
    (new,) = [each for each in user.get("/api/trade/orders")["items"] if each["order_id"] != placed["order_id"]]
    assert (new["limit_price"], new["replaces_order_id"]) == ("91.5", placed["order_id"])


def test_an_order_that_waits_is_shown_with_what_was_asked_for(user: User) -> None:
    for size in ({"quantity": "3"}, {"notional": "500"}, {"fraction": "0.5"}):
        user.call("POST", "/api/trade/orders", {"symbol": "AAPL", "side": "buy", **size})
    page = user.client.get("/orders?symbol=AAPL&state=open", headers=HTML).text
    assert 'hx-get="/orders/now?symbol=AAPL&amp;state=open"' in page, (
        "what changes is asked for by the page's own filter"
    )
    for path in ("/orders", "/orders/now", "/portfolio", "/portfolio/now"):
        shown = user.client.get(path, headers=HTML).text
        assert re.findall(r'data-label="(?:Quantity|Size)"[^>]*>([^<]*)<', shown) == ["50.00 %", "$500.00", "3"], path


def test_at_night_the_first_page_says_what_happens_next_and_offers_the_day_that_is_over(
    user: User, database: Database
) -> None:
    night = datetime(2012, 3, 6, 2, 30, tzinfo=UTC)
    days = [datetime(2012, 3, day, 14, 30, tzinfo=UTC) for day in (5, 6)]
    with database.transaction() as connection:
        set_market_clock(connection, night, 60)
        store_calendar(connection, [MarketDay(at, at.replace(hour=21, minute=0), at.date()) for at in days])
    session_id = _session(user)
    shown = user.client.get("/", headers=HTML).text
    assert "It opens Tue 6 Mar 2012, 09:30 ET, in 11 h" in shown
    assert f'href="/sessions/{session_id}?day=2012-03-05"' in shown
    past = user.client.get(f"/sessions/{session_id}?day=2012-03-05", headers=HTML).text
    assert "Monday, 05 March 2012" in past
    assert f'data-source="/sessions/{session_id}/chart.json?day=2012-03-05"' in past
    assert 'data-symbol="' not in past, "a day that is over does not move"
    assert user.client.get(f"/sessions/{session_id}/chart.json?day=2012-03-05", headers=HTML).status_code == 200
    assert user.client.get(f"/sessions/{session_id}?day=2012-03-06", headers=HTML).status_code == 404, (
        "it has not begun"
    )
    assert user.client.get(f"/sessions/{session_id}?day=monday", headers=HTML).status_code == 422


def test_an_operator_alone_changes_the_speed_of_a_replay(user: User, database: Database) -> None:
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}

    def press() -> int:
        return user.client.post("/market/speed", content="speed=10", headers=headers).status_code

    with database.transaction() as connection:
        set_market_clock(connection, datetime(2012, 3, 5, 15, 30, tzinfo=UTC), 60)
    assert (press(), "Pause" in user.client.get("/", headers=HTML).text) == (404, False)
    with database.transaction() as connection:
        connection.execute("UPDATE users SET is_operator = true")
    assert (press(), "Pause" in user.client.get("/", headers=HTML).text) == (200, True)
    with database.transaction() as connection:
        assert set_market_clock(connection, datetime(2012, 3, 5, 15, 31, tzinfo=UTC), 60) == 10


@pytest.mark.usefixtures("queues_at_rest")
def test_an_operator_accepts_on_the_page_what_is_shown_there(user: User, database: Database) -> None:
    with database.transaction() as connection:
        connection.execute(
            """
            UPDATE users SET is_operator = true;
            INSERT INTO block_orders (symbol, quantity, cross_quantity, reference_price, collar, cross_low, cross_high, client_order_id, status)
            VALUES ('AAPL', 10, 0, 100, 0.1, 90, 110, 'sf-1', 'FILLED');
            INSERT INTO kept_corrections (client_order_id, symbol, quantity, value) VALUES ('sf-1', 'AAPL', 0, 99.900000000000000000)
            """
        )
    page = user.client.get("/operations", headers=HTML).text
    (form,) = re.findall(
        r'<form class="inline" method="post" action="/operations/corrections" hx-post="/operations/corrections".*?</form>',
        page,
        re.DOTALL,
    )
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form)) | {"reason": "a gift"}
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
    wrong = user.client.post("/operations/corrections", content=urlencode({**fields, "value": "1"}), headers=headers)
    assert wrong.status_code == 409
    accepted = user.client.post("/operations/corrections", content=urlencode(fields), headers=headers)
    assert accepted.status_code in (200, 204)
    shown = user.client.get("/operations", headers=HTML).text
    assert "sf-1" not in shown.split("<h2>Corrections")[1].split("Corporate actions")[0]
    assert "correction sf-1 <em>a gift</em>" in shown, "what operators did is on the page"


@pytest.mark.usefixtures("queues_at_rest")
def test_operators_have_missing_units_bought_on_their_page(user: User, database: Database) -> None:
    with database.transaction() as connection:
        connection.execute(
            """
            UPDATE users SET is_operator = true;
            INSERT INTO symbol_halts (symbol, reason, details) VALUES ('AAPL', 'MISSING_UNITS', ''), ('MSFT', 'DRIFT', '')
            """
        )
    page = user.client.get("/operations", headers=HTML).text
    (form,) = [
        each
        for each in re.findall(
            r'<form class="inline" method="post" action="/operations/halts" hx-post="/operations/halts".*?</form>',
            page,
            re.DOTALL,
        )
        if 'name="buy"' in each
    ]
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form)) | {"reason": "a fill was taken back"}
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
    asked = user.client.post("/operations/halts", content=urlencode(fields), headers=headers)
    assert asked.status_code in (200, 204)
    with database.transaction() as connection:
        assert connection.execute("SELECT symbol FROM house_orders").fetchall() == [("AAPL",)]


def test_a_symbol_has_a_page_and_is_watched_at_home(user: User, database: Database) -> None:
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
    with database.transaction() as connection:
        set_price(connection, "100")
        set_price(connection, "50", symbol="BTC/USD")
    assert "Nobody streams IBM yet" in user.client.get("/market/IBM", headers=HTML).text
    assert (
        user.client.get("/market?symbol=btc/usd", headers=HTML, follow_redirects=False).headers["Location"]
        == "/market/BTC/USD"
    )
    assert "50.00" in user.client.get("/market/BTC/USD", headers=HTML).text
    assert user.client.get("/market/%3Cscript%3E", headers=HTML).status_code == 404
    assert user.client.get("/charts/market.json?symbol=BTC/USD").json()["curve"]["time"] == [int(OPEN.timestamp())]
    assert "Nothing is watched yet" in user.client.get("/", headers=HTML).text
    assert user.client.post("/watchlist", content="symbol=AAPL", headers=headers).status_code == 204
    assert 'href="/market/AAPL"' in user.client.get("/", headers=HTML).text
    user.client.post("/watchlist", content="symbol=AAPL&remove=1", headers=headers)
    assert "Nothing is watched yet" in user.client.get("/", headers=HTML).text


def test_days_that_closed_are_in_the_calendar_at_home(user: User, database: Database) -> None:
    now = datetime.now(UTC)
    days = [
        MarketDay(now - timedelta(days=ago, hours=6), now - timedelta(days=ago), (now - timedelta(days=ago)).date())
        for ago in (2, 1)
    ]
    with database.transaction() as connection:
        store_calendar(connection, days)
        for day, equity in zip(days, (100_500, 99_495), strict=True):
            connection.execute(
                "INSERT INTO equity_snapshots (user_id, time, cash, equity) SELECT id, %s, 0, %s FROM users",
                (day.closes_at - timedelta(minutes=1), equity),
            )
    page = user.client.get("/", headers=HTML).text
    assert "+$500.00" in page
    assert "-$1,005.00" in page
    assert f"{days[1].day}: -1.00%" in page
    grid = page[page.index('<table class="days') : page.index("P&amp;L of each market day")]
    weekdays = re.findall(r'<th scope="row">(\w+)</th>', grid)
    assert weekdays[:5] == ["Mon", "Tue", "Wed", "Thu", "Fri"]
    # A week bears the name of the month that it begins in.
    monday = days[1].day - timedelta(days=days[1].day.weekday())
    assert f"{monday:%b}" in re.findall(r'<th scope="colgroup" colspan="\d">(\w+)</th>', grid)
    table = page[page.index('aria-label="P&amp;L by day"') :]
    assert re.findall(r'<th scope="row">([\d-]+)</th>', table)[:2] == [str(days[1].day), str(days[0].day)]


def test_home_holds_the_sessions_against_their_symbols_and_says_what_each_made(user: User, database: Database) -> None:
    made = {}
    for name, symbol in (("Winner", "AAPL"), ("Loser", "MSFT")):
        code = {"name": name, "symbol": symbol, "python_code": CODE}
        strategy_id = user.call("POST", "/api/strategies", code).json()["strategy_id"]
        made[name] = user.call("POST", "/api/sessions", {"strategy_id": strategy_id}).json()["session_id"]

    def home() -> str:
        page = user.client.get("/", headers=HTML).text
        return page[page.index('id="now"') :]

    assert re.search(r"Your symbols today</dt><dd class=\"[^\"]*\">–<", home()), "not known yet"
    with database.transaction() as connection:
        set_market_clock(connection, OPEN + timedelta(hours=1), 0)
        store_calendar(connection, [MarketDay(OPEN, OPEN + timedelta(hours=6), OPEN.date())])
        for symbol, closed, price in (("AAPL", "100", "110"), ("MSFT", "200", "190"), ("IBM", "50", "100")):
            set_price(connection, closed, -600, symbol)
            set_price(connection, price, 30, symbol)
        for name, realized, cost in (("Winner", 300, 100), ("Loser", -145, 200)):
            connection.execute(
                """INSERT INTO positions (user_id, session_id, symbol, quantity, cost_basis, realized_pnl)
                   SELECT user_id, id, symbol, 1, %s, %s FROM sessions WHERE id = %s""",
                (cost, realized, made[name]),
            )
    page = home()
    # Ten percent up and five down, held in equal parts; that of a symbol nobody runs counts for nothing.
    assert re.search(r"Your symbols today</dt><dd class=\"gain\">\+2\.50 %<", page)
    rows = re.findall(
        r'<tr>\s*<td[^>]* class="clip"[^>]*><a href="/sessions/[^"]+">(\w+)</a>.*?<rect class="(good|bad)" x="([-\d.]+)" y="2" width="([\d.]+)"',
        page,
        re.DOTALL,
    )
    # 300 and 10 that is open, 145 and 10 lost: whoever made most comes first and reaches to the end, the other half as far to the other side.
    assert rows == [("Winner", "good", "0", "38.0"), ("Loser", "bad", "-19.0", "19.0")]


def test_a_refused_order_is_told_once_in_the_corner_and_stays_in_the_list(user: User, database: Database) -> None:
    page = user.client.get("/", headers=HTML).text
    (seen,) = re.findall(r'id="seen" name="after" value="([^"]+)"', page)
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO orders (user_id, symbol, side, origin, size_kind, size, status, reason, completed_at)"
            "SELECT id, 'AAPL', 'buy', 'MANUAL', 'quantity', 1, 'REJECTED', 'NO_PRICE', now() FROM users"
        )
    told = user.client.get(f"/notices/new?after={seen}", headers=HTML).text
    assert "The purchase of AAPL was rejected: There is no price for the symbol yet." in told
    (later,) = re.findall(r'id="seen" name="after" value="([^"]+)"', told)
    assert "rejected" not in user.client.get(f"/notices/new?after={later}", headers=HTML).text
    assert "was rejected" in user.client.get("/notices", headers=HTML).text
