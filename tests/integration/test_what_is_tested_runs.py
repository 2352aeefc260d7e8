"""What is tested is what runs, and where it is not, the pages say so: of versions, of values of their own, and of assumptions."""

from __future__ import annotations

import re
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from stratforge.storage.postgres.database import Database

from tests.support.api import User
from tests.support.pages import HTML
from tests.support.sweeps import SAW_CODE, Sweeper

FORM = "symbol=AAPL&sizing_value=10"
SWEEP = f"{FORM}&vary=LENGTH&from-LENGTH=2&to-LENGTH=6&count-LENGTH=3"
OTHER_CODE = SAW_CODE.replace("bar.close > bar.average", "bar.close < bar.average")


@pytest.fixture
def saw(user: User, database: Database) -> Sweeper:
    """Somebody with a strategy whose LENGTH is 3."""
    return Sweeper(user, database)


def words(saw: Sweeper, path: str) -> str:
    """A page's text."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", saw.user.client.get(path, headers=HTML).text))


def report_of(saw: Sweeper, form: str = FORM) -> UUID:
    """A backtest made by the form."""
    return saw.finished(saw.send(f"{saw.strategy}/backtest", f"{form}&key={uuid4()}").text)


def run(saw: Sweeper, form: str = FORM) -> str:
    """The page of a session started by the form."""
    started = saw.send(f"{saw.strategy}/run", f"{form}&key={uuid4()}")
    assert started.status_code == 204, started.text
    return str(started.headers["HX-Redirect"])


def cell(saw: Sweeper, swept: UUID, number: int) -> UUID:
    """The run of a sweep's cell."""
    return saw.finished(saw.send(f"/backtests/{swept}/points/{number}").text)


def test_a_run_with_values_of_its_own_is_not_what_a_session_was_backtested_as(saw: Sweeper) -> None:
    own = cell(saw, report_of(saw, SWEEP), 2)
    assert saw.user.get(f"/api/backtests/{own}")["parameters"] == {"LENGTH": 6.0}
    for each in saw.user.get("/api/backtests")["items"]:
        if each["backtest_id"] != str(own):
            saw.user.call("DELETE", f"/api/backtests/{each['backtest_id']}")
    session = run(saw)
    assert "Otherwise than it was backtested: values the version’s own instead of LENGTH = 6." in words(saw, session)
    for page in ("/strategies", saw.strategy, f"/backtests/compare?id={own}&id={own}"):
        assert "with LENGTH = 6" in words(saw, page), page
    report_of(saw)
    assert "It runs exactly as it was backtested:" in words(saw, session)


def test_a_cell_with_the_versions_own_values_is_a_run_of_the_version(saw: Sweeper) -> None:
    swept = report_of(saw, f"{FORM}&vary=LENGTH&from-LENGTH=3&to-LENGTH=5&count-LENGTH=2")
    own = cell(saw, swept, 0)
    assert saw.user.get(f"/api/backtests/{own}")["parameters"] == {}
    started = saw.send(f"/backtests/{own}/run", "key=run")
    assert started.status_code == 204, started.text


def test_the_backtest_that_a_session_is_compared_with_may_be_the_oldest_of_many(
    saw: Sweeper, database: Database
) -> None:
    exact = report_of(saw, f"{FORM}&slippage_bps=3&commission_bps=1")
    with database.transaction() as connection:
        connection.execute(
            """
            INSERT INTO backtests (user_id, strategy_id, strategy_version, symbol, config, metrics, report, created_at)
            SELECT user_id, strategy_id, 1, 'MSFT', config, metrics, report, created_at + interval '1 s' FROM backtests, generate_series(1, 60)
            """
        )
    page = saw.user.client.get(run(saw), headers=HTML).text
    assert f'exactly as it was <a href="/backtests/{exact}">backtested' in page
    assert "The backtest assumed 3 bps of slippage, a commission of 1 bps; live the market decides." in page


def test_signals_without_orders_are_not_what_was_backtested(saw: Sweeper) -> None:
    body = {"strategy_id": saw.strategy.split("/")[-1], "config": {"participation": 0.05, "fractional": False}}
    job = saw.user.call("POST", "/api/backtests", body).json()["job_id"]
    saw.finished(f'hx-get="/jobs/{job}/progress"')
    said = words(saw, run(saw, f"{FORM}&mode=MANUAL"))
    assert "Otherwise than it was backtested: mode signals only instead of paper orders." in said
    assert "assumed no costs, fills of at most 5 % of a bar’s volume, whole units only;" in said


def test_the_version_on_the_page_is_the_one_that_is_tested_and_run(saw: Sweeper) -> None:
    saw.send(f"{saw.strategy}/code", urlencode({"python_code": OTHER_CODE}))
    page = saw.user.client.get(f"{saw.strategy}?version=1", headers=HTML).text
    assert page.count('name="version" value="1"') == 4, "the three forms, and the button that restores it"
    assert "Version 1 is tested and run here, not 2" in words(saw, f"{saw.strategy}?version=1")
    of_first, of_latest = report_of(saw, f"{FORM}&version=1"), report_of(saw)
    assert [saw.user.get(f"/api/backtests/{each}")["strategy_version"] for each in (of_first, of_latest)] == [1, 2]
    assert saw.user.get(f"/api{run(saw, f'{FORM}&version=1')}")["strategy_version"] == 1
    for wrong, status in (("9", 404), ("x", 422), ("²", 422)):
        form = urlencode({"version": wrong, "key": wrong})
        for verb in ("backtest", "run", "restore"):
            assert saw.send(f"{saw.strategy}/{verb}", form).status_code == status, (verb, wrong)


def test_a_backtest_is_of_the_version_that_it_was_asked_for_even_if_another_comes_before_it_begins(
    saw: Sweeper,
) -> None:
    waiting = saw.send(f"{saw.strategy}/backtest", f"{FORM}&key=a").text
    saw.send(f"{saw.strategy}/code", urlencode({"python_code": OTHER_CODE}))
    assert saw.user.get(f"/api/backtests/{saw.finished(waiting)}")["strategy_version"] == 1


def test_values_of_an_older_version_are_used_with_its_code_and_the_page_says_so(saw: Sweeper) -> None:
    swept = report_of(saw, SWEEP)
    saw.send(f"{saw.strategy}/code", urlencode({"python_code": OTHER_CODE}))
    own = cell(saw, swept, 2)
    assert saw.user.get(f"/api/backtests/{own}")["strategy_version"] == 1
    for page in (f"/backtests/{swept}/points/2", f"/backtests/{own}"):
        assert "with the code of version 1" in words(saw, page), page
    assert "as version 3" in words(saw, f"{saw.strategy}?version=1")
    form = "parameter-LENGTH=6&version=1&latest="
    assert saw.send(f"{saw.strategy}/parameters", f"{form}1").status_code == 412, "the page was of before version 2"
    assert saw.send(f"{saw.strategy}/parameters", f"{form}2").status_code == 204
    now = saw.user.get(f"/api{saw.strategy}")
    assert (now["version"], now["python_code"]) == (3, SAW_CODE.replace("LENGTH = 3", "LENGTH = 6"))
