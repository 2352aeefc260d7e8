"""The pages without a browser: who gets in, forms from elsewhere, files that are kept."""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import numpy as np
import pyarrow.parquet
import pytest
from stratforge.ai.draft import AnswerKind
from stratforge.application.jobs.backtest_strategy import backtest_strategy
from stratforge.application.jobs.results import OpenQuestions, as_json
from stratforge.application.jobs.work import run_job
from stratforge.backtest import BacktestConfig, run_backtest
from stratforge.backtest.sensitivity import cost_sensitivity
from stratforge.broker.history import Found
from stratforge.market import Bar, BarColumns
from stratforge.portfolio.assets import AssetRules
from stratforge.portfolio.calendar import MarketDay
from stratforge.storage.market import assets, market_data
from stratforge.storage.market.clock import set_market_clock
from stratforge.storage.market.trading_days import store_calendar
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import backtests, evaluations, jobs
from stratforge.storage.strategies.jobs import JobKind
from stratforge.strategy import compile_strategy

from tests.support.api import PASSWORD, Api, User
from tests.support.ledger import OPEN, set_price

HTML = {"Accept": "text/html"}
OWN = {"HX-Request": "true", "Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def user(api: Api) -> User:
    """Somebody with cookies."""
    found = api.user("ada")
    answer = found.client.post(
        "/login", content=f"email=ada%40example.com&password={PASSWORD.replace(' ', '+')}", headers=OWN
    )
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/")
    return found


PAGES = (
    "/",
    "/strategies",
    "/strategies/new",
    "/gallery",
    "/leaderboard",
    "/notices",
    "/sessions",
    "/portfolio",
    "/orders",
    "/trades",
    "/research",
    "/account",
)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_for_whoever_is_logged_in(api: Api, path: str) -> None:
    answer = api.client().get(path, headers=HTML, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/login")


@pytest.mark.parametrize("path", PAGES)
def test_every_page_of_an_empty_account_says_what_to_do(user: User, path: str) -> None:
    answer = user.client.get(path, headers=HTML)
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_who_registers_twice_with_the_same_password_is_in_and_anybody_else_is_refused(api: Api) -> None:
    form = {"email": "twice@example.com", "password": "a long enough password"}
    headers = {"HX-Request": "true"}
    for _ in range(2):
        visitor = api.client()
        entered = visitor.post("/register", data=form, headers=headers)
        assert (entered.status_code, entered.headers["HX-Redirect"]) == (204, "/")
        assert visitor.get("/", headers=HTML).status_code == 200
    other = api.client().post("/register", data={**form, "password": "another long password"}, headers=headers)
    assert other.status_code == 409
    assert not other.cookies


def test_a_form_without_our_token_changes_nothing(user: User) -> None:
    body = "trading_state=HALTED"
    for headers in (OWN, {**OWN, "X-CSRF-Token": "0" * 64}, {"Content-Type": OWN["Content-Type"]}):
        assert user.client.post("/account/trading-state", content=body, headers=headers).status_code == 403
    assert user.get("/api/users/me")["trading_state"] == "ACTIVE"
    token = user.client.cookies["stratforge_csrf"]
    done = user.client.post("/account/trading-state", content=body, headers={**OWN, "X-CSRF-Token": token})
    assert done.status_code == 204
    assert user.get("/api/users/me")["trading_state"] == "HALTED"


@pytest.mark.parametrize("path", ["/login", "/register", "/forgot", *PAGES])
def test_a_form_that_is_sent_before_its_page_is_ready_puts_nothing_into_an_address(user: User, path: str) -> None:
    """A slow network, or no scripts: the browser itself would send a form without a method as a query, password and all."""
    page = user.client.get(path, headers=HTML).text
    forms = re.findall(r"<form\b[^>]*hx-post=[^>]*>", page)
    assert forms
    for form in forms:
        assert 'method="post" action="/' in form, form
    (address,) = re.findall(r'action="([^"]*)"', forms[0])
    sent = user.client.post(address, data={"password": "x"}, headers={**HTML, "Origin": "https://testserver"})
    assert sent.status_code in (403, 404), "by the browser alone it changes nothing either"
    assert "noscript" in page


def test_a_login_form_of_another_site_does_nothing(api: Api) -> None:
    api.user("ada")
    answer = api.client().post(
        "/login",
        content="email=ada%40example.com&password=a+long+enough+password",
        headers={"Content-Type": OWN["Content-Type"]},
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [
        ("/orders", "/orders"),
        ("https://example.com", "/"),
        ("//example.com", "/"),
        ("/\\example.com", "/"),
        ("javascript:1", "/"),
    ],
)
def test_a_login_leads_to_our_own_pages_only(api: Api, wanted: str, reached: str) -> None:
    api.user("ada")
    answer = api.client().post(
        "/login", content=f"email=ada%40example.com&password=a+long+enough+password&next={wanted}", headers=OWN
    )
    assert answer.headers["HX-Redirect"] == reached


def test_a_form_that_is_sent_twice_does_its_work_once(user: User) -> None:
    code = "def on_bar(bar, position, state):\n    return buy()\n"
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
    places = set()
    for _ in range(2):
        answer = user.client.post(
            "/strategies", data={"name": "Twice", "symbol": "AAPL", "python_code": code, "key": "one"}, headers=headers
        )
        places.add(answer.headers["HX-Redirect"])
    assert len(places) == 1
    assert len(user.get("/api/strategies")["items"]) == 1


def test_wrong_input_is_told_beside_the_form_and_names_the_field(user: User) -> None:
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
    answer = user.client.post(
        "/strategies", data={"name": "", "symbol": "???", "python_code": "x = 1"}, headers=headers
    )
    assert answer.status_code == 422
    assert answer.headers["HX-Retarget"] == "#notices"
    assert "Name: Field required" in answer.text
    assert "symbol:" in answer.text


def test_files_are_kept_for_good_under_an_address_of_their_content(user: User) -> None:
    page = user.client.get("/", headers=HTML).text
    found = re.findall(r"/static/([0-9a-f]{12})/([\w.-]+)", page)
    assert {name for _, name in found} >= {"pages.css", "app.js", "htmx-2.0.8.min.js", "mark.svg"}
    for version, name in found:
        answer = user.client.get(f"/static/{version}/{name}")
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    old = user.client.get("/static/000000000000/app.css")
    assert (old.status_code, old.headers["Cache-Control"]) == (200, "no-cache")
    for name in ("../routes.py", "%2e%2e%2froutes.py", "routes.py", "README.md"):
        assert user.client.get(f"/static/x/{name}").status_code == 404


def test_answers_are_compressed_for_who_understands(user: User) -> None:
    with user.client.stream("GET", "/strategies/new", headers={**HTML, "Accept-Encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["Content-Encoding"] == "gzip"
    assert b"New strategy" in gzip.decompress(raw)
    plain = user.client.get("/strategies/new", headers={**HTML, "Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers


def test_a_page_that_is_not_there_is_a_page_and_an_address_of_the_api_is_a_problem(user: User) -> None:
    assert "Not here" in user.client.get("/nowhere", headers=HTML).text
    answer = user.client.get("/api/nowhere", headers=HTML)
    assert answer.headers["content-type"] == "application/problem+json"


def test_text_of_users_is_never_markup(user: User) -> None:
    hostile = "<script>alert(1)</script>\"'{{ 7919*7919 }}"
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
    code = f"# {hostile}\ndef on_bar(bar, position, state):\n    return buy()\n"
    made = user.client.post(
        "/strategies",
        data={"name": hostile, "symbol": "AAPL", "python_code": code, "logic_explanation": hostile},
        headers=headers,
    )
    for path in (made.headers["HX-Redirect"], "/strategies", "/"):
        page = user.client.get(path, headers=HTML).text
        assert "<script>alert" not in page
        assert "62710561" not in page
    ticket = user.client.get(f"/portfolio?symbol={hostile}", headers=HTML).text
    assert "<script>alert" not in ticket


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


def test_cards_show_the_latest_backtest_and_copies_are_strategies_of_their_own(user: User, database: Database) -> None:
    backtest_id = add_report(user, database, days=3)
    page = user.client.get("/strategies", headers=HTML).text
    assert f'href="/backtests/{backtest_id}"' in page
    metrics = user.get(f"/api/backtests/{backtest_id}")["metrics"]
    assert f"{metrics['total_return'] * 100:+.2f} %" in page
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
    (strategy,) = user.get("/api/strategies")["items"]
    made = user.client.post(f"/strategies/{strategy['strategy_id']}/duplicate", data={"key": "1"}, headers=headers)
    copied = user.get(f"/api{made.headers['HX-Redirect']}")
    assert (copied["name"], copied["python_code"]) == ("Copy of Swing", strategy["python_code"])
    assert "Not backtested yet." in user.client.get("/strategies", headers=HTML).text


CODE = "LENGTH = 3\n\n\ndef indicators(bars):\n    return {'average': ta.sma(bars.close, length=LENGTH)}\n\n\ndef on_bar(bar, position, state):\n    return buy()\n"


@pytest.mark.parametrize(
    ("chart", "columns"),
    [
        ("/backtests/{id}/chart.html", ("Open", "Close", "Volume")),
        ("/backtests/{id}/chart.html?of=equity", ("Equity", "Buy and hold", "Drawdown, %")),
        ("/backtests/compare.html?id={id}&id={id}", ("1", "2")),
        ("/home/equity.html", ("Equity", "Cash")),
        ("/charts/market.html?symbol=AAPL", ("Open", "Close", "Volume")),
    ],
)
def test_every_chart_is_a_table_for_who_cannot_see_it(
    user: User, database: Database, chart: str, columns: tuple[str, ...]
) -> None:
    backtest_id = add_report(user, database, days=3)
    with database.transaction() as connection:
        set_price(connection, "100")
    table = user.client.get(chart.format(id=backtest_id), headers=HTML)
    assert table.status_code == 200
    for name in ("Time (ET)", *columns):
        assert f">{name}</th>" in table.text
    page = user.client.get(f"/backtests/{backtest_id}", headers=HTML).text
    assert page.count("toggle from:closest details") == page.count("data-chart=") == 2
    assert page.count('class="picture"') == 2, "something is seen of a chart before, and without, scripts"


def test_trades_are_a_parquet_file(user: User, database: Database) -> None:
    backtest_id = add_report(user, database, days=3)
    answer = user.client.get(f"/backtests/{backtest_id}/trades.parquet", headers=HTML)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="AAPL-trades.parquet"'
    table = pyarrow.parquet.read_table(io.BytesIO(answer.content))
    told = user.client.get(f"/backtests/{backtest_id}/chart.json").json()["trades"]
    assert table.num_rows == len(told) > 0
    assert [int(each.timestamp()) for each in table["entry_time"].to_pylist()] == [each["entry_time"] for each in told]
    assert [float(each) for each in table["pnl"].to_pylist()] == pytest.approx([each["pnl"] for each in told])


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
    assert user.client.get("/home/equity.json?days=7&points=50").json() == {"items": []}
    for wrong in ("days=0", "points=1", "points=100000"):
        assert user.client.get(f"/home/equity.json?{wrong}", headers=HTML).status_code == 422


def test_the_setup_of_a_backtest_is_that_of_the_form_and_what_runs_otherwise_is_told(
    user: User, database: Database
) -> None:
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
    backtest_id = add_report(user, database, days=3, slippage_bps=3.0)
    strategy_id = user.get("/api/strategies")["items"][0]["strategy_id"]

    def run(**fields: str) -> str:
        answer = user.client.post(f"/strategies/{strategy_id}/run", content=urlencode(fields), headers=headers)
        shown = user.client.get(answer.headers["HX-Redirect"], headers=HTML).text
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", shown))

    form = user.client.get(f"/strategies/{strategy_id}", headers=HTML).text
    assert 'name="sizing_value" type="text" value="100"' in form
    assert 'name="slippage_bps" type="text" value="3"' in form
    assert "It runs exactly as it was backtested" in run(symbol="AAPL", sizing_value="100")
    told = run(symbol="MSFT", sizing_rule="FIXED_CASH", sizing_value="500", stop_loss="2")
    assert (
        "Otherwise than it was backtested: symbol MSFT instead of AAPL, size $500 instead of 100 % of equity, stop loss 2 % instead of none."
        in told
    )
    user.call("DELETE", f"/api/backtests/{backtest_id}")
    assert "It was not backtested." in run(symbol="AAPL")
    # However many there are, each is on a page.
    seen: list[str] = []
    page = "/sessions?limit=1"
    for _ in range(3):
        shown = user.client.get(page, headers=HTML).text
        seen += re.findall(r'href="(/sessions/[^"]+)"', shown)
        (further,) = re.findall(r'href="(\?cursor=[^"]*)">Earlier sessions', shown)
        page = f"/sessions{further}&limit=1"
    assert len(set(seen)) == len(seen) == 3
    assert "Earlier strategies" in user.client.get("/strategies?limit=1", headers=HTML).text


def test_runs_of_any_strategies_stand_side_by_side(user: User, database: Database) -> None:
    first, second, third = (add_report(user, database, days=3) for _ in range(3))
    page = user.client.get(f"/backtests/compare?id={first}&id={second}", headers=HTML).text
    assert f"id={first}&amp;id={second}&amp;id={third}" in page.replace("&amp;amp;", "&amp;")
    page = user.client.get(f"/backtests/compare?id={first}&id={second}&id={third}", headers=HTML).text
    assert f'href="/backtests/compare?id={second}&amp;id={third}"' in page


def test_what_forms_make_has_pages(user: User) -> None:
    """A strategy by hand, other parameters, a session, its settings, a question, a backtest, a replay: each form leads to a page that is shown."""
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}

    def send(path: str, **fields: str) -> str:
        answer = user.client.post(path, content=urlencode(fields), headers=headers)
        assert answer.status_code in (200, 204), answer.text
        return str(answer.headers.get("HX-Redirect", answer.text))

    def shown(path: str) -> str:
        answer = user.client.get(path, headers=HTML)
        assert answer.status_code == 200, answer.text
        return str(answer.text)

    strategy = send("/strategies", name="By hand", symbol="AAPL", python_code=CODE)
    assert ", version 1," in shown(strategy)
    assert send(f"{strategy}/parameters", **{"parameter-LENGTH": "7"}) == strategy
    assert ", version 2," in shown(strategy)
    wrong = user.client.post(f"{strategy}/parameters", content="parameter-LENGTH=many", headers=headers)
    assert (wrong.status_code, "is not a number" in wrong.text, 'role="alert"' in wrong.text) == (422, True, True)
    session = send(f"{strategy}/run", stop_loss="2")
    assert "Version 2" in shown(session)
    send(f"{session}/settings", stop_loss="3", take_profit="5")
    send(f"{session}/pause")
    assert user.get(f"/api{session}")["stop_loss"] == "0.03"
    assert '"indicators"' in shown(f"{session}/chart.json")
    assert "There is nothing in the chart yet." in shown(f"{session}/chart.html")
    for path, fields in (
        (f"{strategy}/backtest", {"vary": "LENGTH", "from-LENGTH": "5", "to-LENGTH": "10", "count-LENGTH": "2"}),
        (f"{session}/replay", {}),
        ("/research", {"question": "What moved?"}),
        ("/strategies/describe", {"prompt": "buy AAPL low", "strategy_id": strategy.split("/")[-1]}),
    ):
        part = send(path, key=path, **fields)
        (job,) = re.findall(r'hx-get="(/jobs/[^"]+/progress)"', part)
        assert "waiting for its turn" in shown(job)
    assert "buy AAPL low" in shown(f"{strategy}/last-job")
    assert "It was canceled." in send(job.replace("progress", "cancel"))
    for path in ("/", "/strategies", "/sessions", "/research"):
        shown(path)
    send(f"{session}/stop", flatten="1")
    assert send(f"{strategy}/delete") == "/strategies"


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


def _session(user: User) -> str:
    code = "def on_bar(bar, position, state):\n    return buy()\n"
    made = user.call("POST", "/api/strategies", {"name": "Day", "symbol": "AAPL", "python_code": code}).json()
    session = user.call("POST", "/api/sessions", {"strategy_id": made["strategy_id"]}).json()
    return str(session["session_id"])


def test_an_answer_brings_the_form_a_new_key_and_its_proposals_as_buttons(user: User, database: Database) -> None:
    job_id = UUID(user.call("POST", "/api/ai/generate", {"prompt": "buy it low"}).json()["job_id"])
    asked = OpenQuestions(
        kind=AnswerKind.CLARIFY,
        questions=["Which rule? You could say: “Buy AAPL when the RSI is below 30”. “buy it low” was not understood."],
        assumptions=[],
    )
    with database.transaction() as connection:
        jobs.begin_job(connection, job_id)
        jobs.finish_job(connection, job_id, result=as_json(asked))
    first, second = (user.client.get(f"/jobs/{job_id}/progress", headers=HTML).text for _ in range(2))
    keys = [re.findall(r'id="form-key" value="([^"]+)" hx-swap-oob', each) for each in (first, second)]
    assert [len(each) for each in keys] == [1, 1]
    assert keys[0] != keys[1]
    assert re.findall(r'name="prompt" value="([^"]+)"', first) == ["Buy AAPL when the RSI is below 30"]
    assert 'id="form-key"' in user.client.get("/strategies/new", headers=HTML).text


def add_report(user: User, database: Database, days: int = 40, slippage_bps: float = 0.0) -> UUID:
    """A finished backtest of the user, made by the engine on a market that goes up and down."""
    code = (
        "def on_bar(bar, position, state):\n    if position.quantity == 0:\n        return buy()\n"
        "    if position.bars_held > 3:\n        return sell()\n"
    )
    stored = {"name": "Swing", "symbol": "AAPL", "python_code": code}
    strategy_id = UUID(user.call("POST", "/api/strategies", stored).json()["strategy_id"])
    time = (1_767_625_200 + 86_400 * np.arange(days)[:, None] + 3_600 * np.arange(6)).ravel().astype(np.int64)
    price = 100 + 5 * np.sin(np.arange(len(time)) / 7.0)
    bars = BarColumns(time, price, price + 0.2, price - 0.2, price, np.full(len(time), 1e6))
    tested = run_backtest(compile_strategy(code), bars, BacktestConfig(slippage_bps=slippage_bps))
    report = {**tested.as_dict(), "costs": [asdict(each) for each in cost_sensitivity(tested)]}
    made = backtests.NewReport(strategy_id, 1, "AAPL", report.pop("config"), report.pop("metrics"), report)
    with database.transaction() as connection:
        user_id = UUID(user.get("/api/users/me")["user_id"])
        job = connection.execute(
            "INSERT INTO jobs (user_id, kind, request) VALUES (%s, 'BACKTEST', '{}') RETURNING id", (user_id,)
        ).fetchone()
        assert job is not None
        return backtests.add_backtest(connection, job[0], user_id, made)


def test_a_report_shows_drawdowns_costs_and_trades_by_hour_and_fits_one_file(user: User, database: Database) -> None:
    backtest_id = add_report(user, database, slippage_bps=1.0)
    page = user.client.get(f"/backtests/{backtest_id}", headers=HTML)
    assert page.status_code == 200
    for said in ("Drawdowns", "Rolling Sharpe ratio", "1 (this report)", "Maximum adverse excursion", "Alpha, a year"):
        assert said in page.text
    file = user.client.get(f"/backtests/{backtest_id}/report.html", headers=HTML)
    assert "attachment" in file.headers["Content-Disposition"]
    assert "Drawdowns" in file.text
    assert not re.search(r'(?:src|href)="|url\(|@import', file.text), "it needs nothing else"
    with database.transaction() as connection:
        connection.execute("UPDATE backtests SET report = report - 'analysis' - 'costs'")
    old = user.client.get(f"/backtests/{backtest_id}", headers=HTML)
    assert (old.status_code, "Drawdowns" in old.text) == (200, False), "reports of earlier editions have no analysis"


def test_the_chips_over_a_reports_trades_show_what_they_name(user: User, database: Database) -> None:
    backtest_id = add_report(user, database)
    with database.transaction() as connection:
        connection.execute("UPDATE backtests SET report = replace(report::text, '\"signal\"', '\"stop loss\"')::jsonb")
    page = user.client.get(f"/backtests/{backtest_id}", headers=HTML).text
    chips = {name: kind for kind, name in re.findall(r'data-filter="([^"]+)"[^>]*>([^<]+)<', page)}
    rows = re.findall(r'<tr data-kinds="([^"]+)".*?<td data-label="P&amp;L" class="n (gain|loss)">', page)
    assert {tone for _, tone in rows} == {"gain", "loss"}, "there are winners and losers, all closed by a stop loss"
    # A row is shown when what it is contains what the chip asks for: as app.js does.
    assert all((chips["Losers"] in kinds) == (tone == "loss") for kinds, tone in rows)
    assert all((chips["Winners"] in kinds) == (tone == "gain") for kinds, tone in rows)
    assert sum(chips["Stop loss"] in kinds for kinds, _ in rows) >= len(rows) - 1, "the last may be open yet"


def test_pages_speak_as_the_field_does_with_sensible_digits(user: User, database: Database) -> None:
    report = user.client.get(f"/backtests/{add_report(user, database)}", headers=HTML).text
    figures = dict(re.findall(r"<dt>([^<]+)</dt><dd class=\"[^\"]*\">([^<]*)</dd>", report))
    for name in ("Max drawdown", "CAGR", "Sharpe ratio", "Win rate", "Profit factor", "Exposure", "Avg. trade"):
        assert name in figures, name
    assert not [each for each in figures.values() if re.search(r"\.\d{3}", each)], "two digits are enough"
    assert re.fullmatch(r"\d+ (d|h|min|s)( \d+ (h|min|s))?", figures["Max drawdown duration"])
    home, portfolio = (user.client.get(path, headers=HTML).text for path in ("/", "/portfolio"))
    assert "Buying power" in home
    assert "Realized P&amp;L" in home
    assert "Rejected orders" in home
    assert "Unrealized P&amp;L" in portfolio
    for page in (report, home, portfolio):
        for dialect in ("Deepest fall", "Longest fall", ">A year", "Not traded, and why", "In the language"):
            assert dialect not in page


def test_backtests_stand_side_by_side_and_only_the_users_own(api: Api, user: User, database: Database) -> None:
    first, second = add_report(user, database, days=3), add_report(user, database, days=3, slippage_bps=5.0)
    strange = add_report(api.user("bob"), database, days=3)
    query = f"id={first}&id={second}&id={strange}"
    page = user.client.get(f"/backtests/compare?{query}", headers=HTML).text
    assert "Slippage bps" in page, "what is different is shown"
    assert "Sizing rule" not in page
    assert f"/backtests/{strange}" not in page
    runs = user.client.get(f"/backtests/compare.json?{query}", headers=HTML).json()["runs"]
    assert [run["values"][0] for run in runs] == [100.0, 100.0]
    empty = user.client.get("/backtests/compare", headers=HTML)
    assert "Choose two to six backtests" in empty.text
    many = "&".join(f"id={first}" for _ in range(7))
    assert user.client.get(f"/backtests/compare?{many}", headers=HTML).status_code == 422


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


def test_the_tour_has_five_steps_that_can_be_left_and_is_offered_once(user: User) -> None:
    def told(path: str) -> list[str]:
        return re.findall(r"<strong>(\d) of 5: ", user.client.get(path, headers=HTML).text)

    assert "Take the tour" in user.client.get("/", headers=HTML).text
    assert told("/") == []
    for step, leads_to in enumerate(("/", "/gallery", "/trades", "/strategies/new", "/leaderboard"), 1):
        went = user.client.get(f"/tour/{step}", headers=HTML, follow_redirects=False)
        assert (went.status_code, went.headers["Location"].split("?")[0]) == (303, leads_to)
        assert told(leads_to) == [str(step)]
    # Elsewhere nothing of it is in the way; at home it waits.
    assert told("/account") == told("/") == []
    assert "You are at step 5 of 5" in user.client.get("/", headers=HTML).text
    assert user.client.get("/tour/end", headers=HTML).status_code == 200
    assert told("/") == []
    assert "Take the tour" not in user.client.get("/", headers=HTML).text
    for strange in ("0", "6", "-1", "²", "99999999999999999999"):
        assert user.client.get(f"/tour/{strange}", headers=HTML, follow_redirects=False).headers["Location"] == "/"


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


def test_an_operator_accepts_on_the_page_what_is_shown_there(
    user: User, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stratforge.bus.dead_letters.queue_states", lambda _stage: [])
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


def test_operators_have_missing_units_bought_on_their_page(
    user: User, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stratforge.bus.dead_letters.queue_states", lambda _stage: [])
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


class Saw:
    """Ten days of a market that goes up and down."""

    def now(self) -> datetime:
        """The end of it."""
        return OPEN + timedelta(days=10)

    def bars(self, symbol: str, start: datetime, end: datetime, limit: int | None = None) -> list[Bar]:
        """Those that begin in the period."""
        found = []
        for minute in range(0, 10 * 1440, 7):
            price = Decimal(100 + abs(minute // 7 % 40 - 20))
            found.append(Bar(symbol, OPEN + timedelta(minutes=minute), price, price, price, price, Decimal(1_000)))
        return [each for each in found if start <= each.time < end]

    def bars_of(self, symbols: Sequence[str], _start: datetime, _end: datetime) -> Found:
        """None: nobody asks for several."""
        return Found(refused=dict.fromkeys(symbols, "no bars"))

    def days_of(self, symbols: Sequence[str], _start: datetime, _end: datetime) -> Found:
        """None: nobody asks for days."""
        return Found(refused=dict.fromkeys(symbols, "no days"))


@pytest.mark.parametrize("number", ["inf", "-inf", "nan", "1e400", "1e308"])
def test_a_range_without_an_end_is_refused_with_what_to_give(user: User, number: str) -> None:
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
    code = {"name": "Saw", "symbol": "AAPL", "python_code": CODE}
    strategy_id = user.call("POST", "/api/strategies", code).json()["strategy_id"]
    form = f"vary=LENGTH&from-LENGTH=-1&to-LENGTH={number}&count-LENGTH=3&key=a"
    priced = user.client.post(f"/strategies/{strategy_id}/sweep", content=form, headers=headers)
    assert (priced.status_code, "give two numbers" in priced.text) == (200, True)
    begun = user.client.post(f"/strategies/{strategy_id}/backtest", content=form, headers=headers)
    assert (begun.status_code, "give two numbers" in begun.text) == (422, True)


def test_a_cell_of_a_sweep_opens_its_run_whose_values_can_be_used(user: User, database: Database) -> None:
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
    code = {
        "name": "Saw",
        "symbol": "AAPL",
        "python_code": CODE.replace(
            "return buy()", "if bar.close > bar.average:\n        return buy()\n    return sell()"
        ),
    }
    strategy_id = user.call("POST", "/api/strategies", code).json()["strategy_id"]
    form = "vary=LENGTH&from-LENGTH=2&to-LENGTH=6&count-LENGTH=3&key=a"

    def send(path: str, body: str = "key=b") -> Any:
        return user.client.post(path, content=body, headers=headers)

    def finished(part: str) -> UUID:
        (job,) = re.findall(r'hx-get="/jobs/([^"]+)/progress"', part)
        run_job(database, UUID(job), {JobKind.BACKTEST: lambda work: backtest_strategy(work, Saw())})
        done = user.client.get(f"/jobs/{job}/progress", headers=HTML, follow_redirects=False)
        return UUID(done.headers["Location"].split("/")[-1])

    price = send(f"/strategies/{strategy_id}/sweep", form).text
    assert "<strong>3</strong> combinations" in price
    assert (
        "worked on in parts"
        in send(
            f"/strategies/{strategy_id}/sweep",
            form + "&vary=A&from-A=1&to-A=90&count-A=40&vary=B&from-B=1&to-B=9&count-B=40",
        ).text
    )
    swept = finished(send(f"/strategies/{strategy_id}/backtest", form).text)
    report = user.client.get(f"/backtests/{swept}", headers=HTML).text
    assert report.count('class="cell"') == 3
    point = user.get(f"/api/backtests/{swept}")["report"]["sweep"]["points"][1]
    assert "LENGTH = 4" in user.client.get(f"/backtests/{swept}/points/1", headers=HTML).text
    opened = finished(send(f"/backtests/{swept}/points/1").text)
    assert user.get(f"/api/backtests/{opened}")["metrics"]["total_return"] == point["total_return"]
    assert "in place of the version’s own values" in user.client.get(f"/backtests/{opened}", headers=HTML).text
    assert send(f"/backtests/{opened}/run").status_code == 409
    assert send(f"/strategies/{strategy_id}/parameters", "parameter-LENGTH=4").status_code == 204
    assert send(f"/backtests/{swept}/points/1").status_code == 409, "the strategy is at another version"
    assert send(f"/backtests/{swept}/points/3").status_code == 404


def test_a_strategy_of_the_gallery_is_copied_once_and_is_ones_own(user: User) -> None:
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
    for _ in range(2):
        made = user.client.post("/gallery/golden-cross", content="key=one", headers=headers).headers["HX-Redirect"]
    (copied,) = user.get("/api/strategies")["items"]
    assert (made, copied["name"]) == (f"/strategies/{copied['strategy_id']}", "Golden cross")
    assert user.client.post("/gallery/none", content="key=two", headers=headers).status_code == 404


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
    assert f"{days[1].day:%b}" in re.findall(r'<th scope="colgroup" colspan="\d">(\w+)</th>', grid)
    table = page[page.index('aria-label="P&amp;L by day"') :]
    assert re.findall(r'<th scope="row">([\d-]+)</th>', table)[:2] == [str(days[1].day), str(days[0].day)]


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


def test_code_is_previewed_on_the_last_bars_while_it_is_written(user: User, database: Database) -> None:
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}

    def check(code: str, symbol: str = "AAPL") -> str:
        body = urlencode({"python_code": code, "symbol": symbol})
        return str(user.client.post("/strategies/check", content=body, headers=headers).text)

    assert "Valid." in check(CODE)
    assert "minutes of AAPL" not in check(CODE), "there are no bars yet"
    with database.transaction() as connection:
        bars = Saw().bars("AAPL", OPEN, OPEN + timedelta(days=1))
        market_data.ensure_months(connection, [each.time for each in bars])
        market_data.add_bars(connection, bars)
    seen = check(CODE)
    assert "minutes of AAPL" in seen
    assert "with 0 trades" in seen, "it buys and never sells"
    assert "minutes of AAPL" not in check("def on_bar(bar): pass")
    assert "minutes of" not in check(CODE, "not a symbol")
    assert user.get("/api/backtests")["items"] == [], "nothing is stored"
