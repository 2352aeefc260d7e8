"""What people show to others: a report behind a link, a session on the leaderboard; and what nobody gets on it by."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import psycopg
import pytest
from stratforge.application.showing import refresh_standings
from stratforge.backtest import BacktestConfig, run_backtest
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import backtests, jobs
from stratforge.storage.strategies.jobs import JobKind
from stratforge.strategy import compile_strategy
from stratforge.strategy.lookback import _random_history

from tests.support.api import PASSWORD, Api, User
from tests.support.pages import HTML, OWN, with_cookies

CODE = "def on_bar(bar, position, state):\n    if position.quantity == 0:\n        return buy()\n    return sell()\n"


def send(user: User, path: str, body: str = "") -> int:
    """What a form is answered with."""
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
    return int(user.client.post(path, content=body, headers=headers).status_code)


def add_session(user: User) -> str:
    """A running session."""
    strategy = {"name": "A secret name", "symbol": "AAPL", "python_code": CODE}
    strategy_id = user.call("POST", "/api/strategies", strategy).json()["strategy_id"]
    return str(user.call("POST", "/api/sessions", {"strategy_id": strategy_id}).json()["session_id"])


def add_report(user: User, database: Database) -> UUID:
    """A finished backtest."""
    stored = {"name": "Swing", "symbol": "AAPL", "python_code": CODE}
    strategy_id = UUID(user.call("POST", "/api/strategies", stored).json()["strategy_id"])
    report = run_backtest(compile_strategy(CODE), _random_history(1, 3_000, 0.001, 100.0), BacktestConfig()).as_dict()
    user_id = UUID(user.get("/api/users/me")["user_id"])
    with database.transaction() as connection:
        job = jobs.add_job(connection, user_id, JobKind.BACKTEST, {}, uuid4())
        made = backtests.NewReport(strategy_id, 1, "AAPL", report.pop("config"), report.pop("metrics"), report)
        return backtests.add_backtest(connection, job.job_id, user_id, made)


def test_a_link_shows_the_report_to_anybody_without_code_or_owner_until_it_is_ended(
    api: Api, database: Database
) -> None:
    ada, eve = with_cookies(api, "ada"), with_cookies(api, "eve")
    backtest_id = add_report(ada, database)
    assert send(eve, f"/backtests/{backtest_id}/share") == 404
    assert send(ada, f"/backtests/{backtest_id}/share") == 204
    page = ada.client.get(f"/backtests/{backtest_id}", headers=HTML).text
    link = "/shared/" + page.split('data-copy-address="/shared/')[1].split('"')[0]
    assert send(ada, f"/backtests/{backtest_id}/share") == 204
    assert link in ada.client.get(f"/backtests/{backtest_id}", headers=HTML).text, "asked twice, the link is the same"
    stranger = api.client()
    shown = stranger.get(link, headers=HTML)
    assert shown.status_code == 200
    assert "Swing" in shown.text
    for private in ("on_bar", "ada", "hx-post", str(backtest_id)):
        assert private not in shown.text, private
    assert stranger.get(f"{link}/chart.json").json()["trades"]
    assert "Drawdown, %" in stranger.get(f"{link}/chart.html?of=equity", headers=HTML).text
    assert stranger.get(link[:-1] + ("a" if link[-1] != "a" else "b"), headers=HTML).status_code == 404
    send(eve, f"/backtests/{backtest_id}/unshare")
    assert stranger.get(link, headers=HTML).status_code == 200
    assert send(ada, f"/backtests/{backtest_id}/unshare") == 204
    assert stranger.get(link, headers=HTML).status_code == 404


def test_an_account_that_closes_shows_nothing_any_more(api: Api, database: Database) -> None:
    ada, eve = with_cookies(api, "ada"), with_cookies(api, "eve")
    backtest_id, session_id = add_report(ada, database), add_session(ada)
    send(ada, f"/backtests/{backtest_id}/share")
    send(ada, f"/sessions/{session_id}/publish", "name=Ada+L")
    assert "Ada L" in eve.client.get("/leaderboard", headers=HTML).text
    assert ada.call("DELETE", "/api/users/me", {"password": PASSWORD}).status_code == 204
    assert "Ada L" not in eve.client.get("/leaderboard", headers=HTML).text
    with database.transaction() as connection:
        assert connection.execute("SELECT FROM shared_reports").fetchall() == []


def trade(
    database: Database, session_id: str, returns: list[float], *, held: float = 0.0, by_hand: bool = False
) -> None:
    """Gives a session positions of a hundred dollars that it closed with these returns, one that it holds, and a clean replay."""
    with database.transaction() as connection:
        (user_id,) = connection.execute("SELECT user_id FROM sessions WHERE id = %s", (session_id,)).fetchall()[0]
        connection.execute("UPDATE sessions SET started_at = now() - interval '60 days' WHERE id = %s", (session_id,))
        for day, each in enumerate(returns):
            block, order = uuid4(), uuid4()
            connection.execute(
                "INSERT INTO block_orders (id, symbol, side, quantity, cross_quantity, reference_price, collar, cross_low, cross_high, client_order_id, status, completed_at) VALUES (%s, 'AAPL', 'sell', 1, 0, 100, 0, 1, 1, %s, 'FILLED', now())",
                (block, str(block)),
            )
            connection.execute(
                "INSERT INTO orders (id, user_id, session_id, block_order_id, symbol, side, quantity, filled_quantity, status, completed_at, origin, size_kind, size) VALUES (%s, %s, %s, %s, 'AAPL', 'sell', 1, 1, 'FILLED', now(), %s::order_origin, 'quantity', 1)",
                (order, user_id, session_id, block, "MANUAL" if by_hand else "STOP_LOSS"),
            )
            # Filled in two parts: one position all the same.
            for part in (0, 1):
                connection.execute(
                    "INSERT INTO trades (order_id, user_id, session_id, block_order_id, symbol, side, quantity, price, realized_pnl, execution_id, executed_at) VALUES (%s, %s, %s, %s, 'AAPL', 'sell', 0.5, %s, %s, %s, now() - make_interval(days => %s))",
                    (order, user_id, session_id, block, 100 * (1 + each), 50 * each, f"{order}-{part}", day),
                )
        connection.execute(
            "INSERT INTO positions (user_id, session_id, symbol, quantity, cost_basis, realized_pnl) VALUES (%s, %s, 'AAPL', %s, %s, %s)",
            (user_id, session_id, *((1, 100) if held else (0, 0)), sum(100 * each for each in returns)),
        )
        if held:
            connection.execute(
                "INSERT INTO latest_prices (symbol, price, time) VALUES ('AAPL', %s, now())", (100 * (1 + held),)
            )
        connection.execute(
            "UPDATE sessions SET replayed_at = now(), replayed_bars = bars_evaluated, replay_differences = '[]' WHERE id = %s",
            (session_id,),
        )


def board(user: User) -> str:
    """The page of the leaderboard, its ranking first."""
    return str(user.client.get("/leaderboard", headers=HTML).text)


def test_the_ranking_is_by_risk_adjusted_return_not_by_profit(api: Api, database: Database) -> None:
    steady, wild = with_cookies(api, "ada"), with_cookies(api, "eve")
    for user, name, returns in (
        (steady, "Steady", [0.01, 0.012] * 20),
        (wild, "Wild", [0.5, -0.3] * 20),
    ):
        session_id = add_session(user)
        trade(database, session_id, returns)
        assert send(user, f"/sessions/{session_id}/publish", f"name={name}") == 204
    page = board(wild)
    assert page.index("Steady") < page.index("Wild")
    assert "A secret name" not in page
    assert "not ranked yet" not in page
    assert 'class="n">40</td>' in page, "an order that was filled in parts is one trade"


def test_whoever_sits_on_a_loser_has_it_in_his_figures(api: Api, database: Database) -> None:
    ada = with_cookies(api, "ada")
    session_id = add_session(ada)
    trade(database, session_id, [0.01, 0.012] * 20, held=-0.9)
    send(ada, f"/sessions/{session_id}/publish", "name=Ada")
    page = board(ada)
    assert 'class="n">41</td>' in page
    assert "-$46.00" in page


@pytest.mark.parametrize(
    ("sql", "missing"),
    [
        ("SELECT", None),
        ("UPDATE sessions SET replay_differences = '[1]'", "not verified by a replay"),
        ("UPDATE sessions SET bars_evaluated = bars_evaluated + 391", "not verified by a replay"),
        ("UPDATE sessions SET replayed_at = NULL", "not verified by a replay"),
        ("UPDATE orders SET origin = 'MANUAL'", "a hand was in it"),
        ("UPDATE orders SET origin = 'FLATTEN'", "a hand was in it"),
        ("UPDATE sessions SET bars_evaluated = 1; UPDATE sessions SET status = 'PAUSED'", "a hand was in it"),
        (
            "UPDATE sessions SET bars_evaluated = 1; UPDATE sessions SET sizing_value = sizing_value / 2",
            "a hand was in it",
        ),
        ("UPDATE sessions SET started_at = now() - interval '5 days'", "of 20 days"),
        ("DELETE FROM trades WHERE id NOT IN (SELECT id FROM trades ORDER BY id LIMIT 58)", "29 of 30 trades"),
    ],
)
def test_what_is_not_verified_or_traded_too_little_is_not_ranked(
    api: Api, database: Database, sql: str, missing: str | None
) -> None:
    ada = with_cookies(api, "ada")
    session_id = add_session(ada)
    trade(database, session_id, [0.01, 0.012] * 20)
    send(ada, f"/sessions/{session_id}/publish", "name=Ada")
    with database.transaction() as connection:
        connection.execute(sql)
    refresh_standings(database)
    page = board(ada)
    assert ("Nobody is ranked yet" in page) is (missing is not None)
    assert missing is None or missing in page


def test_a_name_is_a_name_and_a_session_is_ones_own(api: Api) -> None:
    ada, eve = with_cookies(api, "ada"), with_cookies(api, "eve")
    session_id = add_session(ada)
    assert send(eve, f"/sessions/{session_id}/publish", "name=Eve") == 404
    for wrong in ("", "x", "%3Cscript%3E", "a" * 41, "%E2%80%AEada"):
        assert send(ada, f"/sessions/{session_id}/publish", f"name={wrong}") == 422, wrong
    assert send(ada, f"/sessions/{session_id}/publish", "name=Ada") == 204
    assert "Ada" in board(eve)
    send(eve, f"/sessions/{session_id}/publish", "withdraw=1")
    assert "Ada" in board(eve)
    assert send(ada, f"/sessions/{session_id}/publish", "withdraw=1") == 204
    assert ">Ada<" not in board(eve)


@pytest.mark.parametrize(
    "wrong",
    [
        "h\u043enest",  # A Cyrillic o.
        "hon\u200dest",
        "Z" + "\u0301" * 20,
        "..",
        "StratForge",
        "Strat Forge team",
        "\uff21dmin",
    ],
)
def test_a_name_that_is_written_to_be_taken_for_another_is_none(api: Api, wrong: str) -> None:
    ada = api.user("ada")
    path = f"/v1/sessions/{add_session(ada)}/publication"
    assert ada.call("PUT", path, {"name": wrong}).status_code == 422
    for right in ("Ada L.", "\u6771\u4eac\u30c8\u30ec", "\u0410\u043d\u043d\u0430", "Jos\u00e9"):
        assert ada.call("PUT", path, {"name": right}).status_code == 204, right


def test_a_name_belongs_to_whoever_is_shown_under_it(api: Api) -> None:
    ada, eve = api.user("ada"), api.user("eve")
    mine, another, theirs = add_session(ada), add_session(ada), add_session(eve)
    assert ada.call("PUT", f"/v1/sessions/{mine}/publication", {"name": "Ada L."}).status_code == 204
    for name in ("Ada L.", "ada l", "A.D.A. L"):
        assert eve.call("PUT", f"/v1/sessions/{theirs}/publication", {"name": name}).status_code == 409, name
    assert ada.call("PUT", f"/v1/sessions/{another}/publication", {"name": "ADA L"}).status_code == 204


def test_nobody_hides_others_with_many_sessions_and_the_best_of_each_is_ranked(api: Api, database: Database) -> None:
    ada = api.user("ada")
    sessions = [add_session(ada) for _ in range(4)]
    for session_id, gain in zip(sessions, (0.01, 0.02, 0.005, 0.01), strict=True):
        trade(database, session_id, [gain] * 40)
    answers = [ada.call("PUT", f"/v1/sessions/{each}/publication", {"name": "Ada"}).status_code for each in sessions]
    assert answers == [204, 204, 204, 409]
    items = ada.get("/v1/leaderboard")["items"]
    assert [each["rank"] for each in items] == [1, None, None]
    assert items[0]["session_id"] == sessions[1]
    assert {each["unranked_because"] for each in items[1:]} == {"another of its owner's ranks higher"}


def test_pennies_that_never_vary_do_not_rank_before_a_year_of_good_days(api: Api, database: Database) -> None:
    pennies, honest = api.user("ada"), api.user("eve")
    for user, name, returns in (
        (pennies, "Pennies", [0.001] * 30),
        (honest, "Honest", [0.02, -0.012, 0.015, 0.01] * 15),
    ):
        session_id = add_session(user)
        trade(database, session_id, returns)
        assert user.call("PUT", f"/v1/sessions/{session_id}/publication", {"name": name}).status_code == 204
    items = honest.get("/v1/leaderboard")["items"]
    assert [each["name"] for each in items] == ["Honest", "Pennies"]
    assert items[1]["score"] < 0 < items[0]["score"], "what may be luck is no rank"


def test_a_link_keeps_the_name_of_then_and_ends_with_its_strategy(api: Api, database: Database) -> None:
    ada, stranger = api.user("ada"), api.client()
    path = f"/v1/backtests/{add_report(ada, database)}/link"
    token = ada.call("PUT", path).json()["token"]
    (strategy,) = ada.get("/v1/strategies")["items"]
    with database.transaction() as connection:
        connection.execute("UPDATE strategies SET name = 'A client of mine'")
    assert stranger.get(f"/v1/shared/{token}").json()["strategy_name"] == "Swing"
    assert stranger.get(f"/shared/{token}/chart.json").headers["x-robots-tag"] == "noindex"
    assert ada.call("DELETE", f"/v1/strategies/{strategy['strategy_id']}").status_code == 204
    assert stranger.get(f"/v1/shared/{token}").status_code == 404
    assert ada.call("PUT", path).status_code == 404, "nor is another made"


@pytest.mark.parametrize("show", ["report", "session"])
def test_what_is_shown_while_the_account_closes_is_not_shown_after_it(
    api: Api, database: Database, migrated: str, show: str
) -> None:
    ada = api.user("ada")
    if show == "report":
        path, body = f"/v1/backtests/{add_report(ada, database)}/link", None
    else:
        path, body = f"/v1/sessions/{add_session(ada)}/publication", {"name": "Ada"}
    with psycopg.connect(migrated) as closing, ThreadPoolExecutor(1) as pool:
        closing.execute("UPDATE users SET closed_at = now() WHERE email = %s", (ada.email,))
        asked = pool.submit(ada.call, "PUT", path, body)
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        with psycopg.connect(migrated, autocommit=True) as watching:
            while watching.execute(waiting).fetchone() == (0,) and not asked.done():
                threading.Event().wait(0.02)
        closing.commit()
        assert asked.result().status_code == 401
    with psycopg.connect(migrated) as connection:
        assert (
            connection.execute("SELECT FROM shared_reports UNION ALL SELECT FROM published_sessions").fetchall() == []
        )


def test_what_is_archived_is_out_of_sight_and_comes_back(api: Api) -> None:
    ada = with_cookies(api, "ada")
    add_session(ada)
    (strategy,) = ada.get("/api/strategies")["items"]
    path = f"/strategies/{strategy['strategy_id']}/archive"
    assert send(with_cookies(api, "eve"), path) == 404
    assert send(ada, path) == 204
    assert "A secret name" not in ada.client.get("/strategies", headers=HTML).text
    assert "A secret name" in ada.client.get("/strategies?archived=true", headers=HTML).text
    assert send(ada, path, "back=1") == 204
    assert "A secret name" in ada.client.get("/strategies", headers=HTML).text


# Programs ---------------------------------------------------------------------------------------------------------


def key_of(user: User, *scopes: str) -> dict[str, str]:
    """The header of a personal API key with these scopes."""
    made = user.call("POST", "/v1/users/me/api-keys", {"name": "-".join(scopes), "scopes": scopes})
    return {"Authorization": f"Bearer {made.json()['key']}"}


def test_a_program_shares_a_report_as_a_person_does(api: Api, database: Database) -> None:
    ada, eve = api.user("ada"), api.user("eve")
    path = f"/v1/backtests/{add_report(ada, database)}/link"
    link = ada.call("PUT", path).json()
    assert ada.call("PUT", path).json() == link, "asked twice, the link is the same"
    assert link["url"] == f"https://testserver/shared/{link['token']}"
    stranger = api.client()
    shown = stranger.get(f"/v1/shared/{link['token']}")
    assert (shown.status_code, shown.json()["strategy_name"]) == (200, "Swing")
    assert shown.json()["report"]["trades"]
    assert not {"backtest_id", "strategy_id", "user_id"} & set(shown.json())
    assert "on_bar" not in shown.text
    for method in ("PUT", "DELETE"):
        assert eve.call(method, path).status_code == 404
    assert ada.call("DELETE", path).status_code == ada.call("DELETE", path).status_code == 204
    assert stranger.get(f"/v1/shared/{link['token']}").status_code == 404


def test_a_program_shows_a_session_and_sees_of_others_no_more_than_their_names(api: Api) -> None:
    ada, eve = api.user("ada"), api.user("eve")
    session_id = add_session(ada)
    path = f"/v1/sessions/{session_id}/publication"
    assert ada.call("PUT", path, {"name": " Ada L. "}).status_code == 204
    (own,) = ada.get("/v1/leaderboard")["items"]
    (seen,) = eve.get("/v1/leaderboard")["items"]
    assert (own["name"], own["rank"], own["unranked_because"]) == ("Ada L.", None, "0 of 30 trades")
    assert (own["session_id"], own["own"]) == (session_id, True)
    assert (seen["session_id"], seen["own"]) == (None, False)
    for name in ("", "A", "<b>Ada</b>", "A\u202eda", "a" * 41, " . "):
        assert ada.call("PUT", path, {"name": name}).status_code == 422, name
    assert eve.call("DELETE", path).status_code == 404
    assert ada.call("DELETE", path).status_code == 204
    assert eve.get("/v1/leaderboard")["items"] == []


def test_a_key_that_only_reads_shows_nothing_to_anybody(api: Api, database: Database) -> None:
    ada = api.user("ada")
    backtest_id, session_id = add_report(ada, database), add_session(ada)
    strategy_id = ada.get("/v1/strategies")["items"][0]["strategy_id"]
    reads, client = key_of(ada, "read", "trade", "ai"), api.client()
    for method, path, body in (
        ("PUT", f"/v1/backtests/{backtest_id}/link", None),
        ("DELETE", f"/v1/backtests/{backtest_id}/link", None),
        ("PUT", f"/v1/sessions/{session_id}/publication", {"name": "Ada"}),
        ("DELETE", f"/v1/sessions/{session_id}/publication", None),
        ("PATCH", f"/v1/strategies/{strategy_id}", {"archived": True}),
        ("POST", f"/v1/strategies/{strategy_id}/restore", {"version": 1}),
        ("PUT", "/v1/watchlist/AAPL", None),
        ("DELETE", "/v1/watchlist/AAPL", None),
    ):
        answer = client.request(method, path, json=body, headers=reads)
        assert (answer.status_code, answer.json()["scope"]) == (403, "write"), (method, path)
    for path in ("/v1/leaderboard", "/v1/watchlist"):
        assert client.get(path, headers=key_of(ada, "write")).status_code == 403, path
