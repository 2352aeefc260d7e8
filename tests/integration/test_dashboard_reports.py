"""Pages of strategies and their backtests without a browser: cards, previews, setups, reports, sweeps, comparisons."""

from __future__ import annotations

import io
import json
import re
from dataclasses import asdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from stratforge.application.jobs.work import Work
from stratforge.backtest import BacktestConfig, run_backtest
from stratforge.backtest.sensitivity import cost_sensitivity
from stratforge.market import Bar, BarColumns
from stratforge.storage.market import daily_bars, days_asked, market_data
from stratforge.storage.market.clock import market_clock
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import backtests
from stratforge.strategy import compile_strategy

from tests.support.api import Api, User
from tests.support.ledger import OPEN, set_price
from tests.support.pages import CODE, HTML, OWN
from tests.support.sweeps import Saw, Sweeper


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


@pytest.mark.parametrize(
    ("chart", "columns"),
    [
        ("/backtests/{id}/chart.html", ("Open", "Close", "Volume")),
        ("/backtests/{id}/chart.html?of=equity", ("Equity", "Buy and hold", "Drawdown, %")),
        ("/backtests/compare.html?id={id}&id={id}", ("1. Swing", "2. Swing")),
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
    for said in (
        "Drawdowns",
        "Rolling Sharpe ratio",
        ">Last day<",
        "1 (this report)",
        "Maximum adverse excursion",
        "Alpha, a year",
    ):
        assert said in page.text
    file = user.client.get(f"/backtests/{backtest_id}/report.html", headers=HTML)
    assert "attachment" in file.headers["Content-Disposition"]
    assert "Drawdowns" in file.text
    assert not re.search(r'(?:src|href)="|url\(|@import', file.text), "it needs nothing else"
    with database.transaction() as connection:
        connection.execute("UPDATE backtests SET report = report - 'analysis' - 'costs'")
    old = user.client.get(f"/backtests/{backtest_id}", headers=HTML)
    assert (old.status_code, "Drawdowns" in old.text) == (200, False), "reports of earlier editions have no analysis"


def test_the_months_of_a_report_and_its_rolling_sharpe_ratio_are_those_of_pandas(
    user: User, database: Database
) -> None:
    backtest_id = add_report(user, database, days=50)
    page = user.client.get(f"/backtests/{backtest_id}", headers=HTML).text
    curve = user.client.get(f"/backtests/{backtest_id}/chart.json").json()["curve"]
    at = pd.to_datetime(curve["time"], unit="s", utc=True).tz_convert("America/New_York")
    equity = pd.Series(curve["equity"], index=at)
    begun = pd.Series([100_000.0])
    assert user.get(f"/api/backtests/{backtest_id}")["config"]["cash"] == begun[0]
    months = pd.concat([begun, equity.groupby(at.strftime("%Y-%m")).last()]).pct_change().iloc[1:]
    heat = page[page.index('aria-label="Returns by month"') :]
    shown = dict(
        zip(
            re.findall(r'<th scope="col" class="n">(\w{3})</th>', heat)[:12],
            re.findall(r'<td class="n( shade\d)?">([^<]*)</td>', heat)[:12],
            strict=True,
        )
    )
    assert {name: text for name, (_, text) in shown.items() if text} == {
        f"{date(2026, int(month[-2:]), 1):%b}": f"{value * 100:+.2f} %" for month, value in months.items()
    }
    # The deeper the color, the farther from nothing: losses below the middle, gains above it.
    for shade, text in shown.values():
        assert bool(shade) == bool(text)
        assert not text or (int(shade[-1]) >= 5) == text.startswith("+")
    window = pd.concat([begun, equity.groupby(at.date).last()]).pct_change().iloc[1:].rolling(21)
    sharpe = (window.mean() / window.std() * 252**0.5).dropna()
    assert len(sharpe) == 30
    said = f"from {sharpe.min():.2f} to {sharpe.max():.2f}, {sharpe.iloc[-1]:.2f} at the end"
    assert f"Over 21 days each: {said}." in page


@pytest.mark.parametrize(
    ("by_length", "chance", "shape", "odds"),
    [
        ([1.0, 1.1, 1.0], 0.97, "A plateau:</strong> the 2 combinations", "More than the luck of the search"),
        ([0.7, 1.1, 0.7], 0.85, "A slope:</strong> the 2 combinations", "Probably more than luck"),
        ([0.0, 2.0, -0.5], 0.6, "A lonely peak:</strong> the 2 combinations", "It may as well be luck"),
        ([-1.0, -0.5, -2.0], 0.01, "Nothing to choose from:</strong> no combination", "Most likely luck"),
        ([1.0, 1.1, 1.0], None, "A plateau:</strong>", "It cannot be told here"),
    ],
    ids=["plateau", "slope", "peak", "loss", "unknown"],
)
def test_a_sweep_says_in_words_whether_its_best_point_can_be_trusted(
    user: User, database: Database, by_length: list[float], chance: float | None, shape: str, odds: str
) -> None:
    backtest_id = add_report(user, database, days=3)
    points: list[dict[str, Any]] = [
        {"parameters": {"LENGTH": 5.0 * place}, "sharpe": sharpe, "total_return": 0.01, "trades": 3, "error": None}
        for place, sharpe in enumerate(by_length, start=1)
    ]
    best = max(points, key=lambda each: each["sharpe"])
    sweep = {"parameters": {"LENGTH": [5.0, 10.0, 15.0]}, "points": points, "best": best, "deflated_sharpe": chance}
    with database.transaction() as connection:
        connection.execute(
            "UPDATE backtests SET report = report || jsonb_build_object('sweep', %s::jsonb)",
            (json.dumps({**sweep, "folds": []}),),
        )
    page = user.client.get(f"/backtests/{backtest_id}", headers=HTML).text
    told = page[page.index("Can it be trusted?") : page.index("Walk-forward")]
    assert shape in told
    assert odds in told
    assert "not the luck of trying 3 points" in told
    assert (f"<strong>{chance:.2%}</strong>".replace("%", " %") if chance else "<strong>–</strong>") in told
    (marked,) = re.findall(r'<td class="n shade9 best">.*?aria-label="([^"]*)"', page)
    assert marked == f"{best['sharpe']:.2f}, the best"


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
    assert ">Slippage<" in page, "what is different is shown"
    assert "Position size" not in page
    assert f"/backtests/{strange}" not in page
    runs = user.client.get(f"/backtests/compare.json?{query}", headers=HTML).json()["runs"]
    assert [run["values"][0] for run in runs] == [100.0, 100.0]
    empty = user.client.get("/backtests/compare", headers=HTML)
    assert "Choose two to six backtests" in empty.text
    many = "&".join(f"id={first}" for _ in range(7))
    assert user.client.get(f"/backtests/compare?{many}", headers=HTML).status_code == 422


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
    saw = Sweeper(user, database)
    form = "vary=LENGTH&from-LENGTH=2&to-LENGTH=6&count-LENGTH=3&key=a"
    price = saw.send(f"{saw.strategy}/sweep", form).text
    assert "<strong>3</strong> combinations" in price
    more = form + "&vary=A&from-A=1&to-A=90&count-A=40&vary=B&from-B=1&to-B=9&count-B=40"
    assert "worked on in parts" in saw.send(f"{saw.strategy}/sweep", more).text
    swept = saw.finished(saw.send(f"{saw.strategy}/backtest", form).text)
    report = user.client.get(f"/backtests/{swept}", headers=HTML).text
    assert report.count('class="cell"') == 3
    point = user.get(f"/api/backtests/{swept}")["report"]["sweep"]["points"][1]
    assert "LENGTH = 4" in user.client.get(f"/backtests/{swept}/points/1", headers=HTML).text
    opened = saw.finished(saw.send(f"/backtests/{swept}/points/1").text)
    assert user.get(f"/api/backtests/{opened}")["metrics"]["total_return"] == point["total_return"]
    assert "in place of the version’s own values" in user.client.get(f"/backtests/{opened}", headers=HTML).text
    assert saw.send(f"/backtests/{opened}/run").status_code == 409
    assert saw.send(f"{saw.strategy}/parameters", "parameter-LENGTH=4").status_code == 204
    assert saw.send(f"/backtests/{swept}/points/3").status_code == 404


def test_a_sweep_a_backtest_and_a_session_have_the_one_setup_of_the_form(user: User, database: Database) -> None:
    saw = Sweeper(user, database)
    setup = {
        "symbol": "MSFT",
        "sizing_rule": "FIXED_CASH",
        "sizing_value": "5000",
        "stop_loss": "2.5",
        "take_profit": "4",
        "trailing_stop": "3",
        "slippage_bps": "7",
        "commission_bps": "3",
    }
    stored = {
        "sizing_rule": "FIXED_CASH",
        "sizing_value": 5000.0,
        "stop_loss": 0.025,
        "take_profit": 0.04,
        "trailing_stop": 0.03,
        "slippage_bps": 7.0,
        "commission_bps": 3.0,
    }
    vary = urlencode({"vary": "LENGTH", "from-LENGTH": "2", "to-LENGTH": "6", "count-LENGTH": "3"})
    form = urlencode(setup)
    swept = user.get(
        f"/api/backtests/{saw.finished(saw.send(f'{saw.strategy}/backtest', f'{form}&{vary}&key=a').text)}"
    )
    assert {name: swept["config"][name] for name in stored} == stored
    assert swept["symbol"] == "MSFT"
    point = swept["report"]["sweep"]["points"][1]
    # Its values become the next version: a backtest with the same form makes of it what the cell says.
    assert saw.send(f"{saw.strategy}/parameters", "parameter-LENGTH=4").status_code == 204
    single = user.get(f"/api/backtests/{saw.finished(saw.send(f'{saw.strategy}/backtest', f'{form}&key=c').text)}")
    assert point["parameters"] == {"LENGTH": 4.0}
    for name in ("total_return", "sharpe", "max_drawdown", "trades", "win_rate", "profit_factor", "exposure"):
        assert point[name] == single["metrics"][name], name
    bare = user.get(f"/api/backtests/{saw.finished(saw.send(f'{saw.strategy}/backtest', 'key=d').text)}")
    assert bare["metrics"]["total_return"] != point["total_return"], "the setup matters"
    # And what runs, runs with it: in the words of its page.
    run = saw.send(f"{saw.strategy}/run", f"{form}&key=e").headers["HX-Redirect"]
    assert "It runs exactly as it was <a href" in user.client.get(run, headers=HTML).text
    session = user.get(f"/api{run}")
    for name in ("stop_loss", "take_profit", "trailing_stop", "sizing_value"):
        assert float(session[name]) == stored[name], name
    assert (session["symbol"], session["sizing_rule"]) == ("MSFT", "FIXED_CASH")


def test_a_sweep_shows_how_far_it_is_while_it_runs(
    user: User, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    saw = Sweeper(user, database)
    vary = urlencode({"vary": "LENGTH", "from-LENGTH": "2", "to-LENGTH": "9", "count-LENGTH": "8", "key": "a"})
    part = saw.send(f"{saw.strategy}/backtest", vary).text
    assert "waiting for its turn" in part
    (job,) = re.findall(r'hx-get="/jobs/([^"]+)/progress"', part)
    seen: list[str] = []
    tell = Work.tell

    def told(work: Work, text: str) -> None:
        tell(work, text)
        seen.append(user.client.get(f"/jobs/{job}/progress", headers=HTML).text)

    monkeypatch.setattr(Work, "tell", told)
    monkeypatch.setattr("stratforge.application.jobs.backtest_strategy._TELL_EVERY", -1.0)
    saw.finished(part)
    assert "loading bars" in seen[0]
    counted = [re.search(r"sweeping (\d)/8….*?<progress max=\"100\" value=\"(\d+)\">", each) for each in seen]
    shown = [(int(each[1]), int(each[2])) for each in counted if each]
    assert len(shown) > 3
    assert shown == sorted(shown)
    assert all(share == 100 * done // 8 for done, share in shown)
    assert "walking forward" in seen[-1]


def test_a_strategy_of_the_gallery_is_copied_once_and_is_ones_own(user: User) -> None:
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
    for _ in range(2):
        made = user.client.post("/gallery/golden-cross", content="key=one", headers=headers).headers["HX-Redirect"]
    (copied,) = user.get("/api/strategies")["items"]
    assert (made, copied["name"]) == (f"/strategies/{copied['strategy_id']}", "Golden cross")
    assert 'TIMEFRAME = "1d"' in user.get(f"/api/strategies/{copied['strategy_id']}")["python_code"], (
        "on the bars of its figures"
    )
    assert user.client.post("/gallery/none", content="key=two", headers=headers).status_code == 404


def test_code_is_previewed_on_the_last_bars_while_it_is_written(user: User, database: Database) -> None:
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}

    def check(code: str, symbol: str = "AAPL", **setup: str) -> str:
        body = urlencode({"python_code": code, "symbol": symbol, **setup})
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
    whole = check(CODE, sizing_rule="EQUITY_FRACTION", sizing_value="100", slippage_bps="0", stop_loss="0,5 %")
    assert "minutes of AAPL" in whole
    assert whole != seen, "with the page's setup"
    assert "with 0 trades" not in whole
    assert "Valid." in check(CODE, sizing_rule="EQUITY_FRACTION", sizing_value="lots"), "a setup that is being written"
    hours = check(f'TIMEFRAME = "15min"\n{CODE}')
    assert "bars of 15 minutes of AAPL" in hours
    assert "minutes of AAPL" not in check("def on_bar(bar): pass")
    assert "minutes of" not in check(CODE, "not a symbol")
    assert user.get("/api/backtests")["items"] == [], "nothing is stored"


PORTFOLIO_CODE = """
UNIVERSE = ["AAPL", "IBM"]
SCHEDULE = "weekly"
def indicators(bars):
    return {"momentum": bars.close.pct_change(5)}
def rebalance(universe, portfolio, state):
    return weights.equal(universe.momentum.top(1))
"""


def test_a_portfolio_whose_days_nobody_has_read_is_previewed_as_soon_as_they_are(
    user: User, database: Database
) -> None:
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}

    def check(**given: str) -> str:
        body = urlencode({"python_code": PORTFOLIO_CODE, **given})
        return str(user.client.post("/strategies/check", content=body, headers=headers).text)

    first = check()
    assert "The days of its 2 symbols are being read" in first
    assert 'hx-trigger="load delay:4s"' in first, "the page looks again by itself"
    assert """hx-vals='{"looked": 1}'""" in first
    assert "hx-trigger" not in check(looked="5"), "but not for ever"
    with database.transaction() as connection:
        today = market_clock(connection).now
        ((_, wanted),) = days_asked.next_wishes(connection, today)
        for symbol, days in wanted.items():
            dates = [today.date() - timedelta(days=number) for number in range(300, 0, -1)]
            found = [Bar(symbol, daily_bars.begins_at(symbol, each), *(Decimal(100 + each.day),) * 4, Decimal(1000)) for each in dates if each.weekday() < 5]  # fmt: skip
            daily_bars.store_days(connection, symbol, found, daily_bars.exchange_day(symbol, today), days)
    seen = check()
    assert "days of its 2 symbols" in seen
    assert "being read" not in seen
