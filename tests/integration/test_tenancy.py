"""Nothing of one user can be reached or guessed by another: every route is walked, and no query goes around the repositories."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from tests.support.api import Api, User

ROOT = Path(__file__).resolve().parents[2]
CODE = "def on_bar(bar, position, state):\n    return buy()\n"
SECRET = "a name that only its owner may read"


def routes(api: Api) -> list[tuple[str, str]]:
    """Every method and path of the API."""
    return [(method.upper(), path) for path, each in api.app.openapi()["paths"].items() for method in each]


def things_of(owner: User, migrated: str) -> dict[str, str]:
    """One of everything, with the owner's secret in every text; their ids by the names of path parameters."""
    strategy = owner.call("POST", "/api/strategies", {"name": SECRET, "symbol": "AAPL", "python_code": CODE}).json()
    session = owner.call("POST", "/api/sessions", {"strategy_id": strategy["strategy_id"]}).json()
    order = owner.call("POST", "/api/trade/orders", {"symbol": "AAPL", "side": "buy", "quantity": "1"}).json()
    job = owner.call("POST", "/api/ai/generate", {"prompt": SECRET}).json()
    key = owner.call("POST", "/api/users/me/api-keys", {"name": SECRET, "scopes": ["read"]}).json()
    with psycopg.connect(migrated, autocommit=True) as connection:
        row = connection.execute(
            "INSERT INTO backtests (user_id, strategy_id, strategy_version, symbol, config, metrics, report) "
            "SELECT user_id, id, 1, 'AAPL', '{}', '{}', jsonb_build_object('note', %s::text) FROM strategies WHERE id = %s RETURNING id",
            (SECRET, strategy["strategy_id"]),
        ).fetchone()
    assert row is not None
    return {
        "strategy_id": strategy["strategy_id"],
        "session_id": session["session_id"],
        "order_id": order["order_id"],
        "job_id": job["job_id"],
        "key_id": key["key_id"],
        "backtest_id": str(row[0]),
    }


_BODIES: dict[str, Any] = {
    "PATCH /v1/strategies/{strategy_id}": {"name": "stolen"},
    "PATCH /v1/sessions/{session_id}": {"status": "PAUSED"},
    "PATCH /v1/orders/{order_id}": {"quantity": "2"},
    "POST /v1/strategies/{strategy_id}/restore": {"version": 1},
    "PUT /v1/sessions/{session_id}/publication": {"name": "stolen"},
}


def test_every_route_with_an_id_answers_a_stranger_as_if_there_were_nothing(api: Api, migrated: str) -> None:
    owner, stranger = api.user("owner"), api.user("stranger")
    ids = things_of(owner, migrated)
    before = owner.get("/api/users/me/export")
    walked = 0
    for method, path in routes(api):
        if not any("{" + name + "}" in path for name in ids):
            continue
        body = _BODIES.get(f"{method} {path}")
        theirs = re.sub(r"\{(\w+)\}", lambda match: ids[match[1]], path)
        nobodys = re.sub(r"\{(\w+)\}", lambda _: str(uuid4()), path)
        guessed, missing = stranger.call(method, theirs, body), stranger.call(method, nobodys, body)
        assert guessed.status_code == missing.status_code == 404, (method, path, guessed.text)
        assert guessed.json() == missing.json()
        walked += 1
    assert walked >= 17
    after = owner.get("/api/users/me/export")
    for table in ("strategies", "sessions", "orders", "jobs", "api_keys", "backtests"):
        assert before[table] == after[table], table


def test_every_list_and_page_of_a_stranger_is_empty_of_others(api: Api, migrated: str) -> None:
    owner, stranger = api.user("owner"), api.user("stranger")
    ids = things_of(owner, migrated)
    walked = 0
    for method, path in routes(api):
        if method == "GET" and "{" not in path:
            text = stranger.call("GET", path).text
            for secret in (SECRET, owner.email, *ids.values()):
                assert secret not in text, path
            walked += 1
    assert walked >= 18


def test_ids_in_bodies_and_filters_reach_nothing_of_others(api: Api, migrated: str) -> None:
    owner, stranger = api.user("owner"), api.user("stranger")
    ids = things_of(owner, migrated)
    assert stranger.call("POST", "/api/sessions", {"strategy_id": ids["strategy_id"]}).status_code == 404
    assert stranger.call("POST", "/api/backtests", {"strategy_id": ids["strategy_id"]}).status_code == 404
    sale = {"symbol": "AAPL", "side": "sell", "quantity": "1", "session_id": ids["session_id"]}
    assert stranger.call("POST", "/api/trade/orders", sale).status_code == 404
    for path in (
        "sessions?strategy_id={strategy_id}",
        "trade/orders?session_id={session_id}",
        "signals?session_id={session_id}",
    ):
        assert stranger.get("/api/" + path.format(**ids))["items"] == []


# Where SQL may be: repositories, the schema's runner, and what builds or tests databases.
_SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\b[\s\S]*\b(FROM|VALUES|SET|WHERE)\b")


def test_no_query_goes_around_the_repositories() -> None:
    found = []
    for path in [*(ROOT / "functions").rglob("*.py"), *(ROOT / "layers" / "stratforge").rglob("*.py")]:
        if "storage" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _SQL.search(node.value):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("execute", "cursor", "executemany")
            ):
                text = ast.unparse(node)
                if "connection" in ast.unparse(node.func.value) and text != "connection.execute('SELECT 1')":
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert found == []


def test_every_table_with_users_in_it_has_row_level_security(migrated: str) -> None:
    with psycopg.connect(migrated) as connection:
        open_tables = connection.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE a.attname = 'user_id' AND c.relkind = 'r' "
            "AND c.relnamespace = 'public'::regnamespace AND NOT c.relrowsecurity"
        ).fetchall()
    assert open_tables == [], json.dumps(open_tables)
