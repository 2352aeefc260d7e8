"""Pages without a browser: somebody with cookies, and what a browser and its forms send along."""

from __future__ import annotations

from urllib.parse import urlencode

from tests.support.api import PASSWORD, Api, User

HTML = {"Accept": "text/html"}
OWN = {"HX-Request": "true", "Content-Type": "application/x-www-form-urlencoded"}
CODE = "LENGTH = 3\n\n\ndef indicators(bars):\n    return {'average': ta.sma(bars.close, length=LENGTH)}\n\n\ndef on_bar(bar, position, state):\n    return buy()\n"


def enter(user: User) -> User:
    """Logs somebody in by the form, for its cookies."""
    answer = user.client.post("/login", content=urlencode({"email": user.email, "password": PASSWORD}), headers=OWN)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/")
    return user


def with_cookies(api: Api, name: str = "ada") -> User:
    """Somebody who has just registered and logged in by the form."""
    return enter(api.user(name))
