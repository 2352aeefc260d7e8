"""A strategy that goes short through the doors: stored, its report shown with sides, and refused a session with a reason."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import pytest
from stratforge.backtest import BacktestConfig, run_backtest
from stratforge.market import BarColumns
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import backtests
from stratforge.strategy import compile_strategy

from tests.support.api import User
from tests.support.asking import BOTH_WAYS
from tests.support.pages import HTML, OWN

REASON = "This strategy goes short, and your account is long only. Enable short selling in the account"


@pytest.fixture
def strategy(user: User) -> str:
    """A strategy that goes both ways."""
    stored = {"name": "Both ways", "symbol": "AAPL", "python_code": BOTH_WAYS}
    found: str = user.call("POST", "/api/strategies", stored).json()["strategy_id"]
    return found


def a_report(user: User, database: Database, strategy: str) -> UUID:
    """A finished backtest of it, on a market that goes up and down."""
    time = 1_767_625_200 + 3_600 * np.arange(120)
    price = 100 + 5 * np.sin(np.arange(120) / 7.0)
    bars = BarColumns(time, price, price + 0.2, price - 0.2, price, np.full(120, 1e6))
    report = run_backtest(compile_strategy(BOTH_WAYS), bars, BacktestConfig()).as_dict()
    made = backtests.NewReport(UUID(strategy), 1, "AAPL", report.pop("config"), report.pop("metrics"), report)
    user_id = UUID(user.get("/api/users/me")["user_id"])
    with database.transaction() as connection:
        query = "INSERT INTO jobs (user_id, kind, request) VALUES (%s, 'BACKTEST', '{}') RETURNING id"
        job = connection.execute(query, (user_id,)).fetchone()
        assert job is not None
        return backtests.add_backtest(connection, job[0], user_id, made)


def test_a_session_of_it_is_refused_with_the_reason_by_the_api_and_by_every_form(
    user: User, database: Database, strategy: str
) -> None:
    for method, path, body in (
        ("POST", "/api/sessions", {"strategy_id": strategy}),
        ("POST", "/api/sessions", {"strategy_id": strategy, "mode": "MANUAL"}),
        ("PATCH", f"/api/strategies/{strategy}/toggle", None),
    ):
        answer = user.call(method, path, body)
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:stratforge:problem:short-strategy")
        assert REASON in answer.json()["detail"]
    own = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
    backtest_id = a_report(user, database, strategy)
    for path in (f"/strategies/{strategy}/run", f"/backtests/{backtest_id}/run"):
        answer = user.client.post(path, content="", headers=own)
        assert answer.status_code == 422
        assert REASON in answer.text
    assert user.get("/api/sessions")["items"] == []


def test_its_report_says_the_side_of_each_trade(user: User, database: Database, strategy: str) -> None:
    backtest_id = a_report(user, database, strategy)
    page = user.client.get(f"/backtests/{backtest_id}", headers=HTML)
    assert page.status_code == 200
    for said in ("short</td>", "long</td>", 'data-filter="short"', ">Side</th>", "a margin call"):
        assert said in page.text, said
    sheet = user.client.get(f"/backtests/{backtest_id}/trades.csv", headers=HTML).text.splitlines()
    place = sheet[0].split(",").index("side")
    assert {line.split(",")[place] for line in sheet[1:]} == {"long", "short"}
    assert user.client.get(f"/backtests/{backtest_id}/trades.parquet", headers=HTML).status_code == 200
    told = user.get(f"/api/backtests/{backtest_id}")["report"]["trades"]
    assert {each["side"] for each in told} == {"long", "short"}


def test_its_form_asks_for_its_margin_and_fee_and_the_backtest_has_them(
    user: User, database: Database, strategy: str
) -> None:
    page = user.client.get(f"/strategies/{strategy}", headers=HTML).text
    for name, value in (("short_margin", "50"), ("borrow_fee", "0.25")):
        assert f'name="{name}" type="text" value="{value}"' in page
    own = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
    typed = "sizing_rule=EQUITY_FRACTION&sizing_value=10&short_margin=75&borrow_fee=1,5"
    assert user.client.post(f"/strategies/{strategy}/backtest", content=typed, headers=own).status_code == 200
    with database.transaction() as connection:
        (config,) = next(iter(connection.execute("SELECT request -> 'config' FROM jobs WHERE kind = 'BACKTEST'")))
    assert (config["short_margin"], config["borrow_fee"]) == (0.75, 0.015)
    answer = user.client.post(f"/strategies/{strategy}/backtest", content="short_margin=much", headers=own)
    assert (answer.status_code, "short margin: &#39;much&#39; is not a percentage" in answer.text.replace("'", "&#39;")) == (422, True)  # fmt: skip
    long = {"name": "Long", "symbol": "AAPL", "python_code": BOTH_WAYS.split("    if position.quantity == 0 and bar.close < bar.average")[0]}  # fmt: skip
    other = user.call("POST", "/api/strategies", long).json()["strategy_id"]
    page = user.client.get(f"/strategies/{other}", headers=HTML).text
    assert "commission_bps" in page
    assert "borrow_fee" not in page


def test_its_figures_are_shown_with_those_of_others_beside_them(user: User, database: Database, strategy: str) -> None:
    first, second = a_report(user, database, strategy), a_report(user, database, strategy)
    with database.transaction() as connection:
        connection.execute(
            "UPDATE backtests SET metrics = metrics - 'short_trades' - 'short_exposure' WHERE id = %s", (second,)
        )
    for path in (f"/backtests/{first}", f"/backtests/{first}/report.html", f"/backtests/compare?id={first}&id={second}"):  # fmt: skip
        page = user.client.get(path, headers=HTML)
        assert page.status_code == 200
        assert "Short exposure" in page.text, path
    assert "Short exposure" not in user.client.get(f"/backtests/{second}", headers=HTML).text


def test_trades_of_reports_that_say_no_side_are_long(user: User, database: Database, strategy: str) -> None:
    backtest_id = a_report(user, database, strategy)
    with database.transaction() as connection:
        connection.execute(
            "UPDATE backtests SET report = jsonb_set(report, '{trades}', (SELECT jsonb_agg(each - 'side') FROM jsonb_array_elements(report -> 'trades') each))"
        )
    page = user.client.get(f"/backtests/{backtest_id}", headers=HTML)
    assert (page.status_code, "short</td>" in page.text) == (200, False)
    sheet = user.client.get(f"/backtests/{backtest_id}/trades.csv", headers=HTML).text.splitlines()
    place = sheet[0].split(",").index("side")
    assert {line.split(",")[place] for line in sheet[1:]} == {"long"}
