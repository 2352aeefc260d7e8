"""What a visitor sees through the one address."""

from __future__ import annotations

import gzip
import urllib.error
import urllib.request

import pytest
from local_platform.platform import Platform
from stratforge.client import ApiError, Client

from tests.support.patience import opened


def test_a_login_of_one_visitor_is_not_given_to_the_next(platform: Platform) -> None:
    Client(platform.address).register("first@example.com", "a long enough password")
    with pytest.raises(ApiError) as refused:
        Client(platform.address).call("GET", "/api/portfolio")
    assert refused.value.status == 401


def test_one_user_sees_nothing_of_another(platform: Platform) -> None:
    owner, stranger = Client(platform.address), Client(platform.address)
    owner.register("owner@example.com", "a long enough password")
    stranger.register("stranger@example.com", "a long enough password")
    strategy = owner.generate("Buy IBM when the RSI falls below 30")
    for path in (f"/api/strategies/{strategy['strategy_id']}",):
        with pytest.raises(ApiError) as refused:
            stranger.call("GET", path)
        assert refused.value.status == 404
    assert stranger.call("GET", "/api/strategies")["items"] == []
    with pytest.raises(ApiError) as refused:
        stranger.start_session(strategy["strategy_id"], "IBM")
    assert refused.value.status == 404


def test_code_outside_the_language_is_refused_with_every_finding(platform: Platform) -> None:
    client = Client(platform.address)
    client.register("findings@example.com", "a long enough password")
    code = "import os\ndef on_bar(bar, position, state):\n    while True:\n        pass\n"
    with pytest.raises(ApiError) as refused:
        client.call("POST", "/api/strategies", {"name": "x", "symbol": "AAPL", "python_code": code})
    assert refused.value.status == 422
    assert [finding["line"] for finding in refused.value.problem["findings"]] == [1, 3]


def test_invalid_requests_name_the_field(platform: Platform) -> None:
    with pytest.raises(ApiError) as refused:
        Client(platform.address).call("POST", "/api/auth/register", {"email": "nobody", "password": "short"})
    assert refused.value.status == 422
    assert {each["field"] for each in refused.value.problem["errors"]} == {"email", "password"}


def test_a_refresh_token_whose_successor_was_used_ends_the_login(platform: Platform) -> None:
    client = Client(platform.address)
    credentials = {"email": "refresh@example.com", "password": "a long enough password"}
    first = client.call("POST", "/api/auth/register", credentials)["refresh_token"]
    second = client.call("POST", "/api/auth/refresh", {"refresh_token": first})["refresh_token"]
    third = client.call("POST", "/api/auth/refresh", {"refresh_token": second})["refresh_token"]
    for token in (first, third):
        with pytest.raises(ApiError) as refused:
            client.call("POST", "/api/auth/refresh", {"refresh_token": token})
        assert refused.value.status == 401


def test_the_page_is_labeled_as_simulated_and_forbids_inline_script(platform: Platform) -> None:
    with opened(f"{platform.address}/login") as reply:
        assert b"simulated market" in reply.read()
        assert "script-src 'self'" in reply.headers["Content-Security-Policy"]


def test_what_is_compressed_arrives_compressed(platform: Platform) -> None:
    wanted = urllib.request.Request(f"{platform.address}/static/x/app.css", headers={"Accept-Encoding": "gzip"})
    with opened(wanted) as reply:
        assert reply.headers["Content-Encoding"] == "gzip"
        assert b"--paper" in gzip.decompress(reply.read())


def test_files_outside_the_page_are_not_served(platform: Platform) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        opened(f"{platform.address}/static/x/..%2Froutes.py")
    assert refused.value.code == 404


def test_questions_come_back_when_a_request_is_not_understood(platform: Platform) -> None:
    client = Client(platform.address)
    client.register("questions@example.com", "a long enough password")
    result = client.generate("make me rich please")
    assert result["questions"]
    assert client.call("GET", "/api/strategies")["items"] == []
