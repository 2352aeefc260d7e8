"""What a version trades is what its page says, and what is tested and run of it, whatever the strategy trades by now."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from stratforge.storage.postgres.database import Database

from tests.integration.test_what_is_tested_runs import report_of, words
from tests.support.api import Api
from tests.support.pages import HTML, with_cookies
from tests.support.sweeps import SAW_CODE, Sweeper

SWEEP = "sizing_value=10&vary=LENGTH&from-LENGTH=2&to-LENGTH=6&count-LENGTH=3"


@pytest.fixture
def saw(api: Api, database: Database) -> Sweeper:
    """Somebody with a strategy for AAPL."""
    return Sweeper(with_cookies(api), database)


def moved(saw: Sweeper, symbol: str = "MSFT") -> None:
    """Has the strategy trade another symbol from its next version on."""
    changed = saw.user.call("PATCH", f"/api{saw.strategy}", {"symbol": symbol})
    assert changed.status_code == 200, changed.text


def symbol_in_form(saw: Sweeper, path: str) -> str:
    """The symbol that the form of backtest and session begins with."""
    page = saw.user.client.get(path, headers=HTML).text
    field = re.search(r'<input[^>]*name="symbol"[^>]*>', page[page.index('id="setup"') :])
    assert field is not None
    value = re.search(r'value="([^"]*)"', field[0])
    assert value is not None
    return value[1]


def test_the_form_begins_with_the_symbol_of_the_version_though_an_older_one_was_tested_on_another(saw: Sweeper) -> None:
    report_of(saw)
    moved(saw)
    assert symbol_in_form(saw, saw.strategy) == "MSFT"


def test_the_page_of_a_version_names_what_that_version_trades(saw: Sweeper) -> None:
    moved(saw)
    assert "AAPL, version 1 of 2" in words(saw, f"{saw.strategy}?version=1")
    assert symbol_in_form(saw, f"{saw.strategy}?version=1") == "AAPL"


def test_a_session_of_an_older_version_trades_its_symbol(saw: Sweeper) -> None:
    moved(saw)
    body = {"strategy_id": saw.strategy.split("/")[-1], "version": 1}
    started = saw.user.call("POST", "/api/sessions", body)
    assert started.status_code == 201, started.text
    assert started.json()["symbol"] == "AAPL"


def test_a_backtest_of_an_older_version_is_on_its_symbol(saw: Sweeper) -> None:
    moved(saw)
    body = {"strategy_id": saw.strategy.split("/")[-1], "version": 1}
    job = saw.user.call("POST", "/api/backtests", body).json()["job_id"]
    made = saw.finished(f'hx-get="/jobs/{job}/progress"')
    assert saw.user.get(f"/api/backtests/{made}")["symbol"] == "AAPL"


def test_a_backtest_is_on_the_symbol_that_it_was_asked_for_even_if_another_comes_before_it_begins(saw: Sweeper) -> None:
    body = {"strategy_id": saw.strategy.split("/")[-1]}
    job = saw.user.call("POST", "/api/backtests", body).json()["job_id"]
    moved(saw)
    made = saw.finished(f'hx-get="/jobs/{job}/progress"')
    assert saw.user.get(f"/api/backtests/{made}")["symbol"] == "AAPL"


def test_values_that_were_found_with_an_older_version_become_a_version_of_its_symbol(saw: Sweeper) -> None:
    swept = report_of(saw, f"symbol=AAPL&{SWEEP}")
    moved(saw)
    page = saw.user.client.get(f"/backtests/{swept}/points/2", headers=HTML).text
    form = {name: value for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page) if name != "key"}  # fmt: skip
    assert saw.send(f"{saw.strategy}/parameters", urlencode(form)).status_code == 204
    now = saw.user.get(f"/api{saw.strategy}")
    assert (now["version"], now["python_code"], now["symbol"]) == (3, SAW_CODE.replace("LENGTH = 3", "LENGTH = 6"), "AAPL")  # fmt: skip


def test_a_value_that_is_used_is_the_one_that_was_tested_to_its_last_digit(saw: Sweeper) -> None:
    exact = 0.1234567890123456
    code = SAW_CODE.replace("LENGTH = 3", f"LENGTH = 3\nPART = {exact!r}").replace("bar.close > bar.average", "bar.close > PART * bar.average")  # fmt: skip
    assert saw.send(f"{saw.strategy}/code", urlencode({"python_code": code})).status_code == 204
    page = saw.user.client.get(saw.strategy, headers=HTML).text
    values = dict(re.findall(r'name="parameter-(\w+)" value="([^"]*)"', page.replace("\n", " ")))
    values = values or {each[0]: each[1] for each in re.findall(r'name="parameter-(\w+)"[^>]*value="([^"]*)"', page)}
    form = {f"parameter-{name}": value for name, value in values.items()} | {"version": "2", "latest": "2"}
    form["parameter-LENGTH"] = "4"
    assert saw.send(f"{saw.strategy}/parameters", urlencode(form)).status_code == 204
    now = saw.user.get(f"/api{saw.strategy}")["python_code"]
    assert f"PART = {exact!r}" in now
    assert "LENGTH = 4" in now


def test_the_editor_of_a_page_from_before_another_version_takes_nothing_back(saw: Sweeper) -> None:
    page = saw.user.client.get(saw.strategy, headers=HTML).text
    editor = page[page.index(f'action="{saw.strategy}/code"') :]
    editor = editor[: editor.index("</form>")]
    form = dict(re.findall(r'<input type="hidden" name="([^"]+)"[^>]* value="([^"]*)"', editor))
    other = SAW_CODE.replace("LENGTH = 3", "LENGTH = 8")
    assert saw.user.call("PATCH", f"/api{saw.strategy}", {"python_code": other}).status_code == 200
    stale = saw.send(f"{saw.strategy}/code", urlencode({**form, "python_code": f"# mine\n{SAW_CODE}"}))
    assert stale.status_code == 412, "the page was of before version 2"
    assert saw.user.get(f"/api{saw.strategy}")["python_code"] == other


def test_the_code_of_an_older_version_is_stored_again_with_its_symbol(saw: Sweeper) -> None:
    moved(saw)
    page = saw.user.client.get(f"{saw.strategy}?version=1", headers=HTML).text
    editor = page[page.index(f'action="{saw.strategy}/code"') :]
    editor = editor[: editor.index("</form>")]
    form = dict(re.findall(r'<input type="hidden" name="([^"]+)"[^>]* value="([^"]*)"', editor))
    stored = saw.send(f"{saw.strategy}/code", urlencode({**form, "python_code": f"# mine\n{SAW_CODE}"}))
    assert stored.status_code == 204
    assert saw.user.get(f"/api{saw.strategy}")["symbol"] == "AAPL"
