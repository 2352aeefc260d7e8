"""Short selling through the doors: enabled by its owner with words that say what it is, and made long only again where nothing is owed."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from stratforge.storage.postgres.database import Database

from tests.support.api import User
from tests.support.asking import BOTH_WAYS
from tests.support.pages import HTML, OWN

PATH = "/api/users/me/short-selling"


def stored(user: User, symbol: str = "AAPL") -> str:
    """A strategy that goes both ways."""
    new = {"name": "Both ways", "symbol": symbol, "python_code": BOTH_WAYS}
    found: str = user.call("POST", "/api/strategies", new).json()["strategy_id"]
    return found


def enable(user: User, *, on: bool = True) -> int:
    """Sets it by the API; the status of the answer."""
    return int(user.call("PUT", PATH, {"short_selling": on}).status_code)


def test_an_account_is_long_only_until_its_owner_enables_short_selling(user: User) -> None:
    assert user.get("/api/users/me")["short_selling"] is False
    strategy = stored(user)
    refused = user.call("POST", "/api/sessions", {"strategy_id": strategy})
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:stratforge:problem:short-strategy")
    assert enable(user) == 200
    assert user.get("/api/users/me")["short_selling"] is True
    started = user.call("POST", "/api/sessions", {"strategy_id": strategy})
    assert started.status_code == 201
    assert enable(user, on=False) == 200
    assert user.call("POST", "/api/sessions", {"strategy_id": strategy}).status_code == 422


def test_coins_and_what_the_broker_does_not_lend_are_refused_with_the_reason(user: User, database: Database) -> None:
    enable(user)
    coins = user.call("POST", "/api/sessions", {"strategy_id": stored(user, "BTC/USD")})
    assert (coins.status_code, coins.json()["type"]) == (422, "urn:stratforge:problem:short-coins")
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO assets (symbol, name, asset_class, tradable, fractionable) VALUES ('HARD', 'Hard', 'us_equity', true, true)"
        )
    hard = user.call("POST", "/api/sessions", {"strategy_id": stored(user, "HARD")})
    assert (hard.status_code, hard.json()["type"]) == (422, "urn:stratforge:problem:not-shortable")
    assert "HARD" in hard.json()["detail"]


@pytest.mark.parametrize(
    "owed",
    [
        "INSERT INTO positions (user_id, symbol, quantity, cost_basis) VALUES (%(user)s, 'AAPL', -5, -500)",
        "UPDATE users SET virtual_balance = -1 WHERE id = %(user)s",
        """
        INSERT INTO orders (user_id, symbol, side, short, status, quantity, origin) VALUES (%(user)s, 'AAPL', 'sell', true, 'RESTING', 5, 'SIGNAL')
        """,
    ],
)
def test_who_owes_something_cannot_be_long_only(user: User, database: Database, owed: str) -> None:
    enable(user)
    with database.transaction() as connection:
        connection.execute(owed, {"user": UUID(user.get("/api/users/me")["user_id"])})
    refused = user.call("PUT", PATH, {"short_selling": False})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:stratforge:problem:short-position")
    assert user.get("/api/users/me")["short_selling"] is True


def test_the_page_says_what_short_selling_is_and_enables_it(user: User) -> None:
    page = user.client.get("/account", headers=HTML).text
    for words in ("Short selling", "easy to borrow", "maintenance margin", "margin call", "buy-in", "can lose more"):
        assert words in page, words
    own = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
    user.client.post("/account/short-selling", data={"short_selling": "on"}, headers=own)
    assert user.get("/api/users/me")["short_selling"] is True
    assert "Make the account long only" in user.client.get("/account", headers=HTML).text
    user.client.post("/account/short-selling", data={"short_selling": "off"}, headers=own)
    assert user.get("/api/users/me")["short_selling"] is False


def test_a_short_position_is_shown_below_zero_and_holds_buying_power_back(user: User, database: Database) -> None:
    enable(user)
    user_id = UUID(user.get("/api/users/me")["user_id"])
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO positions (user_id, symbol, quantity, cost_basis) VALUES (%s, 'AAPL', -5, -500)", (user_id,)
        )
        connection.execute("UPDATE users SET virtual_balance = virtual_balance + 500 WHERE id = %s", (user_id,))
    told = user.get("/api/portfolio")
    (position,) = told["positions"]
    assert Decimal(position["quantity"]) == -5
    assert Decimal(position["market_value"]) == -500
    assert Decimal(told["cash"]) - Decimal(told["buying_power"]) == 750
    page = user.client.get("/portfolio", headers=HTML)
    assert page.status_code == 200
    assert "short</span>" in page.text
    assert "Margin it needs $150.00; borrowing costs $0.07 a night" in page.text
