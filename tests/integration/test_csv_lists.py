"""Lists as tables: the same data, no formula, and only for who accepts them."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.support.api import User

CODE = "def on_bar(bar, position, state):\n    return buy()\n"
CSV = {"Accept": "text/csv"}


def store(user: User, name: str, code: str = CODE) -> None:
    """Stores a strategy."""
    body = {"name": name, "symbol": "AAPL", "python_code": code}
    assert user.call("POST", "/api/strategies", body).status_code == 201


def test_pages_of_a_table_hold_what_the_list_holds(ada: User) -> None:
    for number in range(5):
        store(ada, f'number "{number}", with\u2028all signs')
    rows, path = [], "/api/strategies?limit=2&sort=oldest"
    while path:
        answer = ada.call("GET", path, headers=CSV)
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        rows += list(csv.DictReader(io.StringIO(answer.text, newline="")))
        path = answer.headers.get("link", "<>").partition(">")[0][1:]
    listed = ada.get("/api/strategies?sort=oldest")["items"]
    assert [each["name"] for each in rows] == [each["name"] for each in listed]
    assert [each["python_code"] for each in rows] == [each["python_code"] for each in listed]


@pytest.mark.parametrize(
    "name", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", " =1+1", "\u200b=1+1", "\ufeff=1+1", "\uff1d1+1", "\uff0b1"]
)
def test_no_formula_comes_out_of_a_table(ada: User, name: str) -> None:
    store(ada, name)
    (row,) = csv.DictReader(io.StringIO(ada.call("GET", "/api/strategies", headers=CSV).text, newline=""))
    assert row["name"] == "'" + name


@pytest.mark.parametrize("separator", [";", "; ", "\uff1b"])
def test_no_formula_begins_where_a_table_of_commas_is_read_by_other_separators(ada: User, separator: str) -> None:
    """Where people write 1,5 for one and a half, a spreadsheet takes the semicolon for the separator."""
    store(ada, f"a{separator}=HYPERLINK(1)")
    (row,) = csv.DictReader(io.StringIO(ada.call("GET", "/v1/strategies", headers=CSV).text, newline=""))
    assert row["name"] == f"a{separator[:1]}'{separator[1:]}=HYPERLINK(1)"


@pytest.mark.parametrize("name", ['x;"=1+1;y', 'x;""=1+1;y', 'x; "=1+1;y'])
def test_no_formula_begins_behind_a_quote(ada: User, name: str) -> None:
    store(ada, name)
    text = ada.call("GET", "/v1/strategies", headers=CSV).text
    cells = [each for row in csv.reader(io.StringIO(text, newline=""), delimiter=";") for each in row]
    assert not [each for each in cells if each.strip().startswith("=")]


@pytest.mark.parametrize(
    ("accept", "is_table"),
    [
        ("text/csv", True),
        ("TEXT/CSV", True),
        ("application/json;q=0.5, text/csv", True),
        ("text/csv;q=0", False),
        ("*/*", False),
    ],
)
def test_a_table_is_for_who_accepts_one(ada: User, accept: str, is_table: bool) -> None:
    answer = ada.call("GET", "/api/trades", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith("text/csv") is is_table
    assert "Accept" in answer.headers["vary"]


def test_what_is_no_list_is_no_table(ada: User) -> None:
    assert ada.call("GET", "/api/portfolio", headers=CSV).headers["content-type"] == "application/json"


def test_a_page_ends_before_an_answer_of_lambda_is_too_large(ada: User) -> None:
    # Every quote is four signs in the gateway's answer.
    code = CODE + "# " + '"' * 29_000
    for number in range(60):
        store(ada, f"{number}", code + f" {number}")
    names, path, pages = [], "/api/strategies?limit=1000", 0
    cursor: str | None = ""
    while cursor is not None:
        page = ada.get(f"{path}&cursor={cursor}" if cursor else path)
        assert len(page["items"]) * 4 * 29_000 < 6_000_000
        names += [each["name"] for each in page["items"]]
        cursor, pages = page["next"], pages + 1
    assert (len(names), len(set(names))) == (60, 60)
    assert pages > 1


def test_versions_of_which_nothing_stays_the_same_are_fewer_to_a_page(ada: User) -> None:
    """Each is told with what was taken out and what was put in: three times its code, in which every quote is four signs."""
    made = ada.call("POST", "/v1/strategies", {"name": "s", "symbol": "AAPL", "python_code": CODE}).json()
    path = f"/v1/strategies/{made['strategy_id']}"
    for number in range(22):
        code = f"# {number} " + '"' * 29_000 + "\n" + CODE
        assert ada.call("PATCH", path, {"python_code": code}).status_code == 200
    numbers: list[int] = []
    before: int | None = 1_000
    while before is not None:
        answer = ada.call("GET", f"{path}/versions?limit=20&before={before}")
        assert len(json.dumps(answer.text)) < 6_000_000
        numbers += [each["version"] for each in answer.json()["items"]]
        before = answer.json()["next"]
    assert numbers == list(range(23, 0, -1))
