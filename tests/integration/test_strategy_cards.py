"""Cards of strategies: how each stands, and finding one among many."""

from __future__ import annotations

import re

import pytest
from stratforge.storage.postgres.database import Database

from tests.support.api import User
from tests.support.pages import CODE, HTML


def stored(user: User, name: str) -> str:
    """A strategy of that name."""
    made = user.call("POST", "/api/strategies", {"name": name, "symbol": "AAPL", "python_code": CODE})
    return str(made.json()["strategy_id"])


def cards(user: User, address: str = "/strategies") -> dict[str, str]:
    """The badge of each card by its strategy's name."""
    page = user.client.get(address, headers=HTML).text
    return dict(
        re.findall(r'<h2><a href="/strategies/[^"]+">([^<]+)</a></h2>\s*<span class="badge[^"]*">([^<]+)<', page)
    )


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        ([], "at rest"),
        (["STOPPED"], "at rest"),
        (["FAILED"], "failed"),
        (["FAILED", "STOPPED"], "at rest"),
        (["STOPPED", "FAILED"], "failed"),
        (["PAUSED"], "paused"),
        (["PENDING", "PAUSED"], "pending"),
        (["RUNNING", "PAUSED", "FAILED"], "running"),
    ],
    ids=lambda each: "+".join(each) if isinstance(each, list) else each,
)
def test_a_card_says_how_its_strategy_stands(user: User, database: Database, statuses: list[str], said: str) -> None:
    strategy_id = stored(user, "Swing")
    for hour, status in enumerate(statuses):
        session = user.call("POST", "/api/sessions", {"strategy_id": strategy_id}).json()["session_id"]
        with database.transaction() as connection:
            connection.execute(
                "UPDATE sessions SET status = %s::session_status, started_at = now() + %s * interval '1 hour' WHERE id = %s",
                (status, hour, session),
            )
    assert cards(user) == {"Swing": said}


def test_the_search_finds_what_is_on_no_page_that_was_loaded(user: User, database: Database) -> None:
    stored(user, "The very first Idea")
    with database.transaction() as connection:
        connection.execute(
            """
            INSERT INTO strategies (user_id, name, symbol, python_code, logic_explanation)
            SELECT user_id, 'Later ' || place, 'MSFT', python_code, '' FROM strategies, generate_series(1, 60) place
            """
        )
    assert "The very first Idea" not in cards(user)
    assert list(cards(user, "/strategies?search=IDEA+aapl")) == ["The very first Idea"]
    later = user.client.get("/strategies?search=later&limit=10", headers=HTML).text
    (more,) = re.findall(r'href="(\?cursor=[^"]+)">Earlier', later)
    assert all(name.startswith("Later") for name in cards(user, "/strategies" + more.replace("&amp;", "&")))
    nothing = user.client.get("/strategies?search=idea+msft", headers=HTML).text
    assert "No strategy has these words." in nothing
    assert 'value="idea msft"' in nothing
