"""A portfolio strategy through the doors: stored and started by forms and by the API, shown with its decisions, refused where it has no place."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode
from uuid import UUID

import pytest
from stratforge.application.rebalance import rebalance
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies.rebalances import Asking, Said
from stratforge.strategy.rotation.seen import Windows

from tests.integration.test_portfolio_sessions import FIRST, FLAT, RISING
from tests.support.api import PASSWORD, Api, User
from tests.support.rotating import MONTHLY, SYMBOLS, Rotating, at
from tests.support.world import World

HTML = {"Accept": "text/html"}
OWN = {"HX-Request": "true", "Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def user(api: Api) -> User:
    """Somebody with cookies."""
    found = api.user("ada")
    found.client.post("/login", content=f"email=ada%40example.com&password={PASSWORD.replace(' ', '+')}", headers=OWN)
    return found


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
    assert "PORTFOLIO" in page
    run = {"symbol": "PORTFOLIO", "sizing_rule": "FIXED_CASH", "sizing_value": "10,000"}
    started = user.client.post(f"/strategies/{strategy}/run", content=urlencode(run), headers=own)
    session = started.headers["HX-Redirect"].split("/")[-1]
    fresh = user.client.get(f"/sessions/{session}", headers=HTML)
    assert fresh.status_code == 200
    assert "None yet" in fresh.text
    decided(database, migrated, session)
    text = user.client.get(f"/sessions/{session}", headers=HTML).text
    for said in ("AAPL", "IBM", "MSFT", "90", "ordered", "decides monthly", "Next decision"):
        assert said in text, said
    assert "trades/" in text
    assert user.client.get(f"/sessions/{session}/now", headers=HTML).status_code == 200
    assert "PORTFOLIO" in user.client.get("/sessions", headers=HTML).text


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
        ("POST", "/api/backtests", {"strategy_id": "{strategy}"}, "portfolio-backtest"),
        ("POST", "/api/backtests", {"strategy_id": "{strategy}", "sweep": {"DAYS": [3, 4]}}, "portfolio-backtest"),
        ("PATCH", "/api/sessions/{session}", {"stop_loss": "0.1"}, "portfolio-size"),
    ],
)
def test_what_a_portfolio_has_no_place_for_is_refused_with_a_reason(
    user: User, method: str, path: str, body: dict[str, str] | None, code: str
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
    answer = user.call("GET", path)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:stratforge:problem:no-portfolio")
