"""A portfolio strategy through the doors: stored and started by forms and by the API, shown with its decisions, refused where it has no place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from stratforge.application.jobs.backtest_strategy import backtest_strategy
from stratforge.application.jobs.work import run_job
from stratforge.application.rebalance import rebalance
from stratforge.application.watch_market import PRICE_JUMP
from stratforge.storage.ledger.halts import halt_symbol
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies.jobs import JobKind
from stratforge.storage.strategies.rebalances import Asking, Said
from stratforge.strategy.rotation.seen import Windows

from tests.integration.application.test_portfolio_backtests import Past
from tests.support.api import Api, User
from tests.support.pages import HTML, OWN
from tests.support.rotating import FIRST, FLAT, MONTHLY, RISING, SYMBOLS, Rotating, at
from tests.support.world import World


def wants_all_of_the_first(_windows: Windows, universe: int, asking: Sequence[Asking]) -> list[Said]:
    """A sandbox in which everybody wants nine tenths of the first symbol."""
    weights: list[float] = [0.9, *[0.0] * (universe - 1)]
    return [Said(each, tuple(weights), {"n": 1.0}) for each in asking]


def decided(database: Database, migrated: str, session_id: str) -> None:
    """The session's first decision."""
    world = World(migrated)
    market = Rotating(database, world)
    market.clock(at(FIRST, 9, 31))
    market.days(FIRST, {"AAPL": RISING, "IBM": FLAT, "MSFT": FLAT})
    market.minute(at(FIRST), dict.fromkeys(SYMBOLS, 100.0))
    with database.transaction() as connection:
        connection.execute("UPDATE sessions SET decides_at = %s", (at(FIRST, 9, 31),))
    done = rebalance(database, wants_all_of_the_first, world.wake, [UUID(session_id)])
    assert done.decided == 1
    market.settle(UUID(session_id))
    world.close()


def test_a_rotation_is_stored_and_started_by_forms_and_its_page_shows_what_it_decided(
    user: User, database: Database, migrated: str
) -> None:
    own = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
    form = {"name": "Rotates", "symbol": "AAPL", "logic_explanation": "", "python_code": MONTHLY}
    made = user.client.post("/strategies", content=urlencode(form), headers=own)
    strategy = made.headers["HX-Redirect"].split("/")[-1]
    page = user.client.get(f"/strategies/{strategy}", headers=HTML).text
    assert "A portfolio, version 1" in page
    run = {"symbol": "PORTFOLIO", "sizing_rule": "FIXED_CASH", "sizing_value": "10,000"}
    started = user.client.post(f"/strategies/{strategy}/run", content=urlencode(run), headers=own)
    session = started.headers["HX-Redirect"].split("/")[-1]
    fresh = user.client.get(f"/sessions/{session}", headers=HTML)
    assert fresh.status_code == 200
    assert "None yet" in fresh.text
    assert "decided nothing yet" in user.client.get(f"/sessions/{session}/decision", headers=HTML).text
    decided(database, migrated, session)
    text = user.client.get(f"/sessions/{session}", headers=HTML).text
    for said in ("AAPL", "IBM", "MSFT", "90", "ordered", "decides monthly", "Next decision"):
        assert said in text, said
    assert "trades/" in text
    assert f'data-source="/sessions/{session}/equity.json"' in text
    why = user.client.get(f"/sessions/{session}/decision", headers=HTML).text
    for said in ("universe.momentum.top(1)", "returned", "90.00 %", "yes</span> 1", "no</span> 2", "momentum"):
        assert said in why, said
    (moment,) = re.findall(r'hx-get="(/sessions/[^"]+/decision\?moment=[^"]+)"', text)
    assert "universe.momentum.top(1)" in user.client.get(moment, headers=HTML).text
    past = user.client.get(f"/sessions/{session}/decision?moment=2001-01-01T00:00:00Z", headers=HTML).text
    assert "decided nothing yet" in past
    runs = user.client.get(f"/sessions/{session}/equity.json").json()["runs"]
    assert [each["name"] for each in runs] == ["Session", "Universe in equal parts"]
    assert len(runs[0]["time"]) == len(runs[0]["values"]) > 1
    table = user.client.get(f"/sessions/{session}/equity.html", headers=HTML).text
    assert "AAPL, %" in table
    assert user.client.get(f"/sessions/{session}/now", headers=HTML).status_code == 200
    assert "3 symbols" in user.client.get("/sessions", headers=HTML).text
    home = user.client.get("/", headers=HTML).text
    assert "PORTFOLIO" not in home
    assert all(f'/market/{symbol}"' in home for symbol in SYMBOLS), "they are what is watched"
    held = user.client.get("/portfolio", headers=HTML).text
    assert f'<a href="/sessions/{session}">Rotates</a>' in held
    assert f'<a href="/sessions/{session}">Rotates</a>' in user.client.get("/trades", headers=HTML).text
    assert f'<a href="/sessions/{session}">Rotates</a>' in user.client.get("/market/AAPL", headers=HTML).text
    assert user.client.get("/market/PORTFOLIO", headers=HTML).status_code == 404
    user.client.post(f"/sessions/{session}/stop", headers=own)
    assert "Rotates ended" in user.client.get("/notices", headers=HTML).text


def test_nothing_is_shown_as_being_sold_or_ordered_while_purchases_wait_for_prices(
    user: User, database: Database, migrated: str
) -> None:
    strategy = user.call("POST", "/api/strategies", {"name": "Rotates", "python_code": MONTHLY}).json()["strategy_id"]
    new = {"strategy_id": strategy, "sizing_rule": "FIXED_CASH", "sizing_value": "10000"}
    session = user.call("POST", "/api/sessions", new).json()["session_id"]
    world = World(migrated)
    market = Rotating(database, world)
    market.clock(at(FIRST, 9, 31))
    market.days(FIRST, {"AAPL": RISING, "IBM": FLAT, "MSFT": FLAT})
    with database.transaction() as connection:
        connection.execute("UPDATE sessions SET decides_at = %s", (at(FIRST, 9, 31),))
    assert rebalance(database, wants_all_of_the_first, world.wake, [UUID(session)]).decided == 1
    text = user.client.get(f"/sessions/{session}", headers=HTML).text
    assert "its purchases wait for prices" in text
    assert "awaiting prices" in text
    assert "It sells first" not in text
    assert "<td>selling</td>" not in text
    told = user.call("GET", f"/api/sessions/{session}/decisions").json()["items"]
    assert [each["status"] for each in told] == ["AWAITING_PRICES"]
    market.minute(at(FIRST), dict.fromkeys(SYMBOLS, 100.0))
    market.settle(UUID(session))
    text = user.client.get(f"/sessions/{session}", headers=HTML).text
    assert "wait for prices" not in text
    world.close()


def test_its_page_says_that_it_waits_for_an_operator_while_a_price_cannot_be_right(
    user: User, database: Database
) -> None:
    strategy = user.call("POST", "/api/strategies", {"name": "Rotates", "python_code": MONTHLY}).json()["strategy_id"]
    new = {"strategy_id": strategy, "sizing_rule": "FIXED_CASH", "sizing_value": "10000"}
    session = user.call("POST", "/api/sessions", new).json()["session_id"]
    said = "nothing until an operator has looked at IBM"
    assert said not in user.client.get(f"/sessions/{session}", headers=HTML).text
    with database.transaction() as connection:
        halt_symbol(connection, "IBM", PRICE_JUMP, "the price went from 100 to 50 (-50%) at once")
        halt_symbol(connection, "TSLA", PRICE_JUMP, "another one")
    for path in (f"/sessions/{session}", f"/sessions/{session}/now"):
        assert said in user.client.get(path, headers=HTML).text
    assert user.call("POST", f"/api/sessions/{session}/stop", {}).status_code == 200
    assert said not in user.client.get(f"/sessions/{session}/now", headers=HTML).text


def test_the_api_says_what_a_portfolio_session_is_and_what_it_decided(
    user: User, database: Database, migrated: str
) -> None:
    made = user.call("POST", "/api/strategies", {"name": "Rotates", "python_code": MONTHLY}).json()
    body = {"strategy_id": made["strategy_id"], "sizing_value": "0.1"}
    session = user.call("POST", "/api/sessions", body).json()
    assert (session["symbol"], session["universe"], session["capital"]) == ("PORTFOLIO", list(SYMBOLS), "10000")
    decided(database, migrated, session["session_id"])
    (decision,) = user.get(f"/api/sessions/{session['session_id']}/decisions")["items"]
    first = decision["symbols"][0]
    assert (first["symbol"], first["weight"], first["price"], decision["state"]) == ("AAPL", 0.9, 109.0, {"n": 1.0})
    rules = user.get(f"/api/sessions/{session['session_id']}/decisions/rules")
    assert (rules["decision"], rules["universe"]) == (decision, list(SYMBOLS))
    assert rules["as_recorded"] is True
    assert [each["kind"] for each in rules["steps"]] == ["choice", "weights", "weights"]
    assert rules["steps"][0]["ranks"] == [1, 2, 3]
    worth = user.get(f"/api/sessions/{session['session_id']}/equity")
    assert worth["equity"][0] == worth["benchmark"][0] == 10_000
    assert list(worth["weights"]) == ["AAPL"]
    early = user.call("GET", f"/api/sessions/{session['session_id']}/decisions/rules?moment=2001-01-01T00:00:00Z")
    assert early.status_code == 404
    listed = user.get("/api/sessions?symbol=IBM")["items"]
    assert [each["session_id"] for each in listed] == [session["session_id"]]
    orders = user.get(f"/api/trade/orders?session_id={session['session_id']}")["items"]
    assert [(each["symbol"], each["side"]) for each in orders] == [("AAPL", "buy")]
    explained = user.get(f"/api/trade/orders/{orders[0]['order_id']}/explanation")
    assert explained["summary"]


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("GET", "/api/sessions/{session}/rules", None, "portfolio-session"),
        ("POST", "/api/backtests", {"strategy_id": "{strategy}", "symbol": "AAPL"}, "portfolio-symbol"),
        ("POST", "/api/backtests", {"strategy_id": "{strategy}", "config": {"stop_loss": 0.1}}, "portfolio-stops"),
        ("PATCH", "/api/sessions/{session}", {"stop_loss": "0.1"}, "portfolio-size"),
    ],
)
def test_what_a_portfolio_has_no_place_for_is_refused_with_a_reason(
    user: User, method: str, path: str, body: dict[str, Any] | None, code: str
) -> None:
    strategy = user.call("POST", "/api/strategies", {"name": "Rotates", "python_code": MONTHLY}).json()["strategy_id"]
    session = user.call("POST", "/api/sessions", {"strategy_id": strategy, "sizing_value": "0.1"}).json()["session_id"]
    given = None if body is None else {**body, **({"strategy_id": strategy} if "strategy_id" in body else {})}
    answer = user.call(method, path.format(session=session), given)
    assert answer.status_code in (409, 422)
    assert answer.json()["type"] == f"urn:stratforge:problem:{code}"
    assert answer.json()["detail"]


def test_decisions_of_a_session_of_one_symbol_are_its_signals(user: User) -> None:
    code = "def on_bar(bar, position, state):\n    return buy()\n"
    strategy = user.call("POST", "/api/strategies", {"name": "One", "symbol": "AAPL", "python_code": code}).json()
    session = user.call("POST", "/api/sessions", {"strategy_id": strategy["strategy_id"]}).json()
    path = f"/api/sessions/{session['session_id']}/decisions"
    for asked in (path, f"{path}/rules", path.replace("decisions", "equity")):
        answer = user.call("GET", asked)
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:stratforge:problem:no-portfolio")


class Backtested:
    """A portfolio strategy of somebody with cookies, and what its forms lead to."""

    def __init__(self, user: User, database: Database) -> None:
        self.user, self.database = user, database
        self.own = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
        stored = {"name": "Rotates", "symbol": "", "logic_explanation": "", "python_code": MONTHLY}
        made = user.client.post("/strategies", content=urlencode(stored), headers=self.own)
        self.strategy = made.headers["HX-Redirect"].split("/")[-1]

    def page(self, path: str) -> str:
        """A page, which must be there."""
        found = self.user.client.get(path, headers=HTML)
        assert found.status_code == 200, found.text
        return found.text

    def post(self, path: str, **form: str) -> Any:
        """The answer to a form."""
        return self.user.client.post(path, content=urlencode(form), headers=self.own)

    def backtest(self, **form: str) -> str:
        """The path of the report that the form makes."""
        asked = self.post(f"/strategies/{self.strategy}/backtest", sizing_rule="EQUITY_FRACTION", **form)
        return self.finished(asked.text)

    def finished(self, progress: str) -> str:
        """The path of the report of a job whose progress is shown, once the job is done."""
        job = progress.split("/jobs/")[1].split("/", maxsplit=1)[0]
        run_job(self.database, UUID(job), {JobKind.BACKTEST: lambda work: backtest_strategy(work, Past())})
        shown = self.user.client.get(f"/jobs/{job}/progress", headers={**HTML, "HX-Request": "true"})
        return str(shown.headers["HX-Redirect"])


@pytest.fixture
def backtested(user: User, database: Database) -> Backtested:
    """A stored portfolio strategy."""
    return Backtested(user, database)


def test_the_report_of_a_rotation_shows_weights_turnover_and_each_symbol(backtested: Backtested) -> None:
    form = backtested.page(f"/strategies/{backtested.strategy}")
    assert "Backtest the last 5 years" in form
    assert 'name="stop_loss"' not in form
    report = backtested.backtest(sizing_value="50", slippage_bps="2")
    text = backtested.page(report)
    for said in (
        "Weights over time",
        "By symbol",
        "Turnover",
        "AAPL, IBM, MSFT, rebalanced monthly from $50,000",
        "Drawdowns",
        "the universe in equal parts",
    ):
        assert said in text, said
    assert "Price, trades and indicators" not in text
    assert text.count("<polygon") == 3
    content = backtested.user.client.get(f"{report}/chart.json").json()
    assert set(content["curve"]) >= {"time", "equity", "buy_and_hold", "drawdown"}
    for of in ("equity", "weights", "price"):
        backtested.page(f"{report}/chart.html?of={of}")
    assert "AAPL" in backtested.page(f"{report}/chart.html?of=weights")
    sheet = backtested.page(f"{report}/trades.csv").splitlines()
    assert sheet[0].startswith("symbol,entry_time,")
    assert {line.split(",")[0] for line in sheet[1:]} == set(SYMBOLS)
    assert backtested.user.client.get(f"{report}/trades.parquet").content[:4] == b"PAR1"
    assert "<polygon" in backtested.page(f"{report}/report.html")


def test_a_shared_rotation_shows_the_same_without_a_login(backtested: Backtested, api: Api) -> None:
    report = backtested.backtest()
    backtested.post(f"{report}/share")
    token = backtested.page(report).split("/shared/")[1].split('"')[0]
    stranger = api.client()
    text = stranger.get(f"/shared/{token}", headers=HTML).text
    assert "Weights over time" in text
    assert "UNIVERSE" not in text
    assert stranger.get(f"/shared/{token}/chart.html?of=weights", headers=HTML).status_code == 200


def test_what_was_backtested_is_what_runs(backtested: Backtested) -> None:
    report = backtested.backtest(sizing_value="25")
    started = backtested.post(f"{report}/run", key="once")
    session = started.headers["HX-Redirect"]
    text = backtested.page(session)
    assert "It runs exactly as it was" in text
    assert "with $25,000.00" in text
    other = backtested.post(f"/strategies/{backtested.strategy}/run", sizing_rule="FIXED_CASH", sizing_value="7000")
    assert "size $7,000 instead of 25 % of equity" in backtested.page(other.headers["HX-Redirect"])


def test_a_sweep_of_a_rotation_is_priced_and_shown_as_a_map_whose_points_can_be_opened(backtested: Backtested) -> None:
    swept = {"vary": "DAYS", "from-DAYS": "3", "to-DAYS": "12", "count-DAYS": "4", "sizing_rule": "EQUITY_FRACTION"}
    price = backtested.post(f"/strategies/{backtested.strategy}/sweep", **swept).text
    assert "<strong>4</strong> combinations" in price
    assert "bars of each of 3 symbols" in price
    swept.pop("sizing_rule")
    report = backtested.backtest(**swept)
    text = backtested.page(report)
    assert text.count('class="cell"') == 4
    assert "Walk-forward" in text
    point = backtested.page(f"{report}/points/0")
    assert "DAYS = 3" in point
    again = backtested.finished(backtested.post(f"{report}/points/0", key="p").text)
    assert "With DAYS = 3" in backtested.page(again)
