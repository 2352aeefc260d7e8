"""Programs that act for somebody who allowed it in a browser (OAuth 2.1), through the official client and as an attacker meets them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx2
import psycopg
import pytest
from mcp import Client as ToolClient
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from stratforge.application.mailing import Mail
from stratforge.client import ApiError

from functions.mcp import handler as tools
from tests.support.api import PASSWORD, Api, User
from tests.support.lambda_context import CONTEXT

SITE, BACK = "https://testserver", "http://127.0.0.1:3030/callback"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


def registered(api: Api, *addresses: str, name: str = "Notebook") -> Any:
    body = {"client_name": name, "redirect_uris": addresses or (BACK,), "token_endpoint_auth_method": "none"}
    return api.client().post("/oauth/register", json=body)


def asked(api: Api, **more: str) -> dict[str, str]:
    """What a program asks for, in the address that it opens."""
    return {
        "client_id": registered(api).json()["client_id"],
        "redirect_uri": BACK,
        "response_type": "code",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "scope": "read write",
        "state": "s1",
        "resource": f"{SITE}/mcp",
        **more,
    }


def consent(user: User, wish: dict[str, str], answer: str = "allow", scopes: Any = ("read",), **more: Any) -> Any:
    form = {**wish, "answer": answer, "scopes": list(scopes), **more}
    headers = {"Authorization": f"Bearer {user.tokens['access_token']}", "HX-Request": "true"}
    return user.client.post("/oauth/authorize", data=form, headers=headers)


def code_of(answer: Any) -> str:
    assert answer.status_code == 204, answer.text
    return str(parse_qs(urlsplit(answer.headers["HX-Redirect"]).query)["code"][0])


def exchange(api: Api, wish: dict[str, str], granted_code: str, **more: str) -> Any:
    form = {
        "grant_type": "authorization_code",
        "client_id": wish["client_id"],
        "redirect_uri": wish["redirect_uri"],
        "code": granted_code,
        "code_verifier": VERIFIER,
        "resource": wish["resource"],
        **more,
    }
    return api.client().post("/oauth/token", data=form)


def granted(api: Api, user: User, *scopes: str) -> dict[str, Any]:
    """The tokens of a program that may do this."""
    wish = asked(api, scope="read write trade ai")
    answer = exchange(api, wish, code_of(consent(user, wish, scopes=scopes)))
    assert answer.status_code == 200, answer.text
    return {**answer.json(), "client_id": wish["client_id"]}


def call(api: Api, tokens: dict[str, Any], method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    return api.client().request(method, path, json=body, headers=headers)


def refreshed(api: Api, tokens: dict[str, Any], **more: str) -> Any:
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": tokens["client_id"]}
    return api.client().post("/oauth/token", data={**form, **more})


# The official client -------------------------------------------------------------------------------------------------


class Kept:
    """What a client keeps between its runs."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


def platform(api: Api, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The application and the tools for language models behind one address, as the gateway has them."""

    def answered(client: Any, method: str, path: str, body: Any = None, **query: Any) -> dict[str, Any]:
        given = {name: str(value) for name, value in query.items() if value is not None}
        headers = {"Authorization": f"Bearer {client._token}"}
        answer = api.client().request(method, path, json=body, params=given, headers=headers)
        if answer.status_code >= 400:
            raise ApiError(answer.status_code, answer.json())
        return dict(answer.json())

    monkeypatch.setattr("stratforge.client.Client.call", answered)

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] != "/mcp":
            await api.app(scope, receive, send)
            return
        body = b""
        while (message := await receive()).get("more_body") or message.get("body"):
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        http = {"method": scope["method"], "path": "/mcp", "sourceIp": "192.0.2.1", "protocol": "HTTP/1.1"}
        event = {
            "version": "2.0",
            "routeKey": "POST /mcp",
            "rawPath": "/mcp",
            "rawQueryString": scope["query_string"].decode(),
            "headers": {name.decode(): value.decode() for name, value in scope["headers"]},
            "requestContext": {"domainName": "testserver", "apiId": "abc123", "http": http},
            "body": body.decode(),
            "isBase64Encoded": False,
        }
        answer = await anyio.to_thread.run_sync(tools.handler, event, CONTEXT)
        headers = [(name.lower().encode(), str(value).encode()) for name, value in answer.get("headers", {}).items()]
        await send({"type": "http.response.start", "status": answer["statusCode"], "headers": headers})
        await send({"type": "http.response.body", "body": answer.get("body", "").encode()})

    return serve


def test_the_official_client_logs_in_uses_tools_and_refreshes(
    api: Api, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, opened = Kept(), list[str]()

    async def open_browser(address: str) -> None:
        opened.append(address)

    async def answer_of_the_person() -> AuthorizationCodeResult:
        parts = urlsplit(opened[-1])
        page = ada.client.get(
            f"{parts.path}?{parts.query}", headers={"Authorization": f"Bearer {ada.tokens['access_token']}"}
        )
        assert page.status_code == 200
        assert "a program on this computer" in page.text
        hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
        back = consent(ada, {name: value.replace("&amp;", "&") for name, value in hidden.items()})
        told = {name: value[0] for name, value in parse_qs(urlsplit(back.headers["HX-Redirect"]).query).items()}
        return AuthorizationCodeResult(code=told["code"], state=told["state"], iss=told["iss"])

    about = OAuthClientMetadata.model_validate({"client_name": "Inspector", "redirect_uris": [BACK]})

    async def use() -> tuple[dict[str, Any], set[str]]:
        provider = OAuthClientProvider(f"{SITE}/mcp", about, kept, open_browser, answer_of_the_person)
        transport = httpx2.ASGITransport(app=platform(api, monkeypatch))
        async with (
            httpx2.AsyncClient(transport=transport, base_url=SITE, auth=provider) as http,
            ToolClient(streamable_http_client(f"{SITE}/mcp", http_client=http)) as client,
        ):
            names = {each.name for each in (await client.list_tools()).tools}
            told = await client.call_tool("portfolio", {})
            assert provider.context.current_tokens is not None
            # As if a quarter of an hour had passed.
            provider.context.token_expiry_time = 1.0
            before = provider.context.current_tokens.refresh_token
            again = await client.call_tool("portfolio", {})
            assert provider.context.current_tokens.refresh_token != before
            assert told.structured_content == again.structured_content
            return told.structured_content or {}, names

    told, names = anyio.run(use)
    assert told["equity"] == 100_000
    assert "portfolio" in names
    assert len(opened) == 1, "the person was asked once"
    assert kept.tokens is not None
    assert kept.tokens.scope == "read"
    listed = [each for each in ada.get("/v1/auth/logins")["items"] if each["scopes"]]
    assert [(each["client"], each["scopes"]) for each in listed] == [("Inspector", ["read"])]


# What a program may do ---------------------------------------------------------------------------------------------


def test_a_program_does_what_its_scopes_allow_and_never_what_a_person_does(api: Api, ada: User) -> None:
    tokens = granted(api, ada, "read")
    assert call(api, tokens, "GET", "/v1/portfolio").status_code == 200
    order = {"symbol": "AAPL", "side": "buy", "quantity": "1"}
    assert call(api, tokens, "POST", "/v1/orders", order).status_code == 403
    for method, path, body in (
        ("GET", "/v1/auth/logins", None),
        ("DELETE", "/v1/auth/logins", None),
        ("GET", "/v1/users/me/events", None),
        ("POST", "/v1/users/me/api-keys", {"name": "k", "scopes": ["read"], "password": PASSWORD}),
        ("POST", "/v1/auth/password", {"current_password": PASSWORD, "new_password": "quite another password"}),
        ("DELETE", "/v1/users/me", {"password": PASSWORD}),
    ):
        assert call(api, tokens, method, path, body).status_code == 403, path
    wish = asked(api)
    as_program = User(api.client(), ada.email, tokens)
    assert consent(as_program, wish).status_code == 403, "a program allows no other"
    cookies = {"Cookie": f"stratforge_access={tokens['access_token']}"}
    assert api.client().get("/portfolio", headers=cookies, follow_redirects=False).status_code == 303
    assert api.client().get("/v1/portfolio", headers=cookies).status_code == 401


def test_nobody_is_given_more_than_was_chosen_and_nothing_is_chosen_that_was_not_asked_for(api: Api, ada: User) -> None:
    wish = asked(api, scope="read")
    assert consent(ada, wish, scopes=("read", "trade")).status_code == 422
    assert consent(ada, wish, scopes=()).status_code == 422
    tokens = granted(api, ada, "read")
    wider = refreshed(api, tokens, scope="read trade")
    assert wider.json()["scope"] == "read"


def test_who_is_asked_may_say_no(api: Api, ada: User) -> None:
    answer = consent(ada, asked(api), "deny")
    told = parse_qs(urlsplit(answer.headers["HX-Redirect"]).query)
    assert told == {"error": ["access_denied"], "state": ["s1"], "iss": [SITE]}


# Codes ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"code_verifier": "w" * 64},
        {"code_verifier": ""},
        {"redirect_uri": "http://127.0.0.1:4040/callback"},
        {"client_id": "W10"},
        {"code": "A" * 43},
    ],
)
def test_a_code_is_good_for_its_program_its_address_and_its_secret_alone(
    api: Api, ada: User, wrong: dict[str, str]
) -> None:
    wish = asked(api)
    code = code_of(consent(ada, wish))
    answer = exchange(api, wish, code, **wrong)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_code_that_comes_twice_ends_what_came_of_it(api: Api, ada: User) -> None:
    wish = asked(api)
    code = code_of(consent(ada, wish))
    tokens = exchange(api, wish, code).json()
    assert call(api, tokens, "GET", "/v1/portfolio").status_code == 200
    assert exchange(api, wish, code).status_code == 400
    assert call(api, tokens, "GET", "/v1/portfolio").status_code == 401


def test_a_code_that_comes_twice_at_once_ends_what_came_of_it(api: Api, ada: User) -> None:
    for _ in range(6):
        wish = asked(api)
        code = code_of(consent(ada, wish))
        with ThreadPoolExecutor(2) as both:
            answers = list(both.map(lambda _, wish=wish, code=code: exchange(api, wish, code), range(2)))
        assert sorted(each.status_code for each in answers) == [200, 400]
        (tokens,) = [each.json() for each in answers if each.status_code == 200]
        assert call(api, tokens, "GET", "/v1/portfolio").status_code == 401


def test_thirty_programs_act_for_a_user_and_codes_of_before_make_no_more(
    api: Api, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stratforge.application.grants._MOST_GRANTS", 2)
    wish = asked(api)
    codes = [code_of(consent(ada, wish)) for _ in range(3)]
    answers = [exchange(api, wish, code) for code in codes]
    assert [each.status_code for each in answers] == [200, 200, 400]
    assert (answers[2].json()["error"], "programs act" in answers[2].json()["error_description"]) == (
        "invalid_grant",
        True,
    )
    refused = consent(ada, asked(api))
    assert (refused.status_code, "sign one out first" in refused.text) == (409, True)
    assert exchange(api, wish, codes[2]).status_code == 400, "it is spent"
    sign_out(ada)
    assert exchange(api, wish, code_of(consent(ada, wish))).status_code == 200


def test_a_code_is_spent_by_whoever_does_not_know_its_secret(api: Api, ada: User) -> None:
    wish = asked(api)
    code = code_of(consent(ada, wish))
    assert exchange(api, wish, code, code_verifier="w" * 64).status_code == 400
    assert exchange(api, wish, code).status_code == 400


def test_a_code_is_over_after_a_minute_and_with_another_password(api: Api, ada: User, migrated: str) -> None:
    wish = asked(api)
    late, revoked = code_of(consent(ada, wish)), code_of(consent(ada, wish))
    with psycopg.connect(migrated) as connection:
        connection.execute(
            "UPDATE authorization_codes SET expires_at = now() WHERE code_hash = sha256(%s::bytea)", (late,)
        )
    assert exchange(api, wish, late).status_code == 400
    ada.call("POST", "/v1/auth/password", {"current_password": PASSWORD, "new_password": "quite another password"})
    assert exchange(api, wish, revoked).status_code == 400


# Ends ------------------------------------------------------------------------------------------------------------------


def sign_out(user: User) -> None:
    listed = [each for each in user.get("/v1/auth/logins")["items"] if each["scopes"]]
    assert user.call("DELETE", f"/v1/auth/logins/{listed[0]['login_id']}").status_code == 204


def sign_out_everywhere(user: User) -> None:
    assert user.call("DELETE", "/v1/auth/logins").json()["ended"] == 1


def change_password(user: User) -> None:
    change = {"current_password": PASSWORD, "new_password": "quite another password"}
    assert user.call("POST", "/v1/auth/password", change).status_code == 200


def close(user: User) -> None:
    assert user.call("DELETE", "/v1/users/me", {"password": PASSWORD}).status_code == 204


@pytest.mark.parametrize("end", [sign_out, sign_out_everywhere, change_password, close])
def test_after_its_end_a_programs_tokens_open_nothing(api: Api, ada: User, end: Callable[[User], None]) -> None:
    tokens = granted(api, ada, "read", "write")
    end(ada)
    assert call(api, tokens, "GET", "/v1/portfolio").status_code == 401
    assert refreshed(api, tokens).status_code == 400


def test_a_program_ends_itself(api: Api, ada: User) -> None:
    tokens = granted(api, ada, "read")
    assert api.client().post("/oauth/revoke", data={"token": tokens["refresh_token"]}).status_code == 200
    assert api.client().post("/oauth/revoke", data={"token": "never given"}).status_code == 200
    assert call(api, tokens, "GET", "/v1/portfolio").status_code == 401


def test_refresh_tokens_go_on_once_and_one_that_comes_twice_ends_the_login(api: Api, ada: User, migrated: str) -> None:
    tokens = granted(api, ada, "read")
    following = {**tokens, **refreshed(api, tokens).json()}
    with psycopg.connect(migrated) as connection:
        connection.execute(
            "UPDATE refresh_tokens SET spent_at = spent_at - interval '1 hour' WHERE spent_at IS NOT NULL"
        )
    assert refreshed(api, tokens).status_code == 400
    assert refreshed(api, following).status_code == 400
    assert call(api, following, "GET", "/v1/portfolio").status_code == 401


def test_neither_has_the_others_refresh_tokens(api: Api, ada: User) -> None:
    """A program that exchanged its token at the people's door would have all that the person may do."""
    tokens = granted(api, ada, "read")
    stolen = api.client().post("/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert stolen.status_code == 401
    persons = {"refresh_token": ada.tokens["refresh_token"], "client_id": tokens["client_id"]}
    assert refreshed(api, persons).status_code == 400
    another = registered(api, name="Another").json()["client_id"]
    assert refreshed(api, tokens, client_id=another).status_code == 400
    assert refreshed(api, tokens).status_code == 200, "and what others tried ended nothing"


def test_the_owner_is_told_of_a_program_and_reads_of_it_in_the_log(
    api: Api, owner: User, post: Callable[[], list[Mail]]
) -> None:
    granted(api, owner, "read", "trade")
    assert ["A program may act" in each.text and "Notebook (read, trade)" in each.text for each in post()] == [True]
    sign_out(owner)
    kinds = [(each["kind"], each["subject"]) for each in owner.get("/v1/users/me/events")["items"]]
    assert kinds[:2] == [("PROGRAM_ENDED", "Notebook (read, trade)"), ("PROGRAM_ALLOWED", "Notebook (read, trade)")]


# Doors ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "http://evil.example/callback",
        "javascript:alert(1)//",
        "javascript://x/%0aalert(1)",
        "data:/text/html,x",
        "https://user:secret@evil.example/",
        "https://evil.example/#x",
        "//evil.example",
        "https:/\r\nX: y",
        "file:///etc/passwd",
        "http://127.0.0.1.evil.example/",
        "https:/evil.example/cb",
        "https:///evil.example/cb",
        "https://evil.example\\.trusted.example/cb",
        "https://evil.example\\@trusted.example/cb",
        "https://trusted.example:443@evil.example/",
        "https://@evil.example/cb",
        "https://evil%2eexample/",
        "https://trusted.example&x.evil.example/",
        "https://2130706433/",
        "https://x.example:99999/",
        "https://x.example/a b",
        "https://x.example/\u0430",
        "http:/localhost/cb",
        "http://localhost\\.evil.example/",
        "http://127.0.0.1/\n",
        "ms-msdt:/id",
        "intent://x/y;end",
    ],
)
def test_a_code_is_sent_to_programs_and_sites_alone(api: Api, ada: User, address: str) -> None:
    assert registered(api, address).status_code == 400
    forged = base64.urlsafe_b64encode(json.dumps(["Notebook", address]).encode()).decode().rstrip("=")
    wish = asked(api, client_id=forged, redirect_uri=address)
    answer = consent(ada, wish)
    assert answer.status_code == 422
    assert "HX-Redirect" not in answer.headers


@pytest.mark.parametrize(
    "wrong",
    [
        {"redirect_uri": "https://evil.example/"},
        {"client_id": "bm8"},
        {"client_id": "x" * 2_000},
        {"client_id": base64.urlsafe_b64encode(b"[" * 2_200).decode().rstrip("=")},
        {"code_challenge": ""},
        {"code_challenge_method": "plain"},
        {"response_type": "token"},
        {"scope": "everything"},
        {"resource": "https://evil.example/mcp"},
        {"resource": "http://["},
    ],
)
def test_a_wish_that_is_not_one_of_the_protocols_is_shown_to_the_person_and_leads_nowhere(
    api: Api, ada: User, wrong: MutableMapping[str, str]
) -> None:
    wish = asked(api, **wrong)
    page = ada.client.get(
        "/oauth/authorize",
        params=wish,
        headers={"Authorization": f"Bearer {ada.tokens['access_token']}", "Accept": "text/html"},
        follow_redirects=False,
    )
    assert page.status_code == 422
    assert consent(ada, wish).status_code == 422


def test_a_program_on_the_same_machine_listens_where_it_can(api: Api, ada: User) -> None:
    wish = asked(api, redirect_uri="http://127.0.0.1:41999/callback")
    assert consent(ada, wish).status_code == 204
    assert consent(ada, asked(api, redirect_uri="http://127.0.0.1:41999/other")).status_code == 422


@pytest.mark.parametrize("odd", ["\n", "\r", "\t", " "])
def test_an_address_with_what_browsers_overlook_is_not_the_programs(api: Api, ada: User, odd: str) -> None:
    headers = {"Authorization": f"Bearer {ada.tokens['access_token']}", "Accept": "text/html"}
    for address in (f"http://127.0.0.1:99/{odd}callback", f"{odd}http://127.0.0.1:99/callback", f"{BACK}{odd}"):
        wish = asked(api, redirect_uri=address)
        assert ada.client.get("/oauth/authorize", params=wish, headers=headers).status_code == 422
        assert odd not in consent(ada, wish, "deny").headers.get("HX-Redirect", "")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://app.example.com/cb?x=1", "app.example.com"),
        ("https://app.example.com:8443", "app.example.com:8443"),
        ("http://[::1]:9/cb", "a program on this computer"),
    ],
)
def test_the_page_names_the_host_that_the_browser_then_goes_to(api: Api, ada: User, address: str, shown: str) -> None:
    wish = asked(api, client_id=registered(api, address).json()["client_id"], redirect_uri=address)
    headers = {"Authorization": f"Bearer {ada.tokens['access_token']}", "Accept": "text/html"}
    page = ada.client.get("/oauth/authorize", params=wish, headers=headers)
    assert f"goes to <strong>{shown}</strong>" in page.text
    assert consent(ada, wish).headers["HX-Redirect"].startswith(address)


def test_an_open_browser_allows_nothing_ten_minutes_later_without_the_password(
    api: Api, ada: User, migrated: str
) -> None:
    with psycopg.connect(migrated) as connection:
        connection.execute("UPDATE logins SET authenticated_at = now() - interval '11 minutes'")
    wish = asked(api)
    assert consent(ada, wish).status_code == 403
    assert consent(ada, wish, password="a wrong password").status_code == 403
    assert consent(ada, wish, password=PASSWORD).status_code == 204


def test_a_consent_comes_from_our_page_and_from_a_person_who_is_logged_in(api: Api, ada: User) -> None:
    wish = asked(api)
    headers = {"Authorization": f"Bearer {ada.tokens['access_token']}"}
    form = {**wish, "answer": "allow", "scopes": "read"}
    assert ada.client.post("/oauth/authorize", data=form, headers=headers).status_code == 403
    stranger = api.client()
    shown = stranger.get("/oauth/authorize", params=wish, headers={"Accept": "text/html"}, follow_redirects=False)
    assert shown.status_code == 303
    back = parse_qs(urlsplit(shown.headers["Location"]).query)["next"][0]
    assert parse_qs(urlsplit(back).query)["client_id"] == [wish["client_id"]], "after the login it goes on"


def test_a_name_is_shown_as_text(api: Api, ada: User) -> None:
    wish = asked(api, client_id=registered(api, name='<script>alert("x")</script>').json()["client_id"])
    headers = {"Authorization": f"Bearer {ada.tokens['access_token']}", "Accept": "text/html"}
    assert "<script>alert" not in ada.client.get("/oauth/authorize", params=wish, headers=headers).text
    assert registered(api, name="a\u202eb").status_code == 400


def test_tokens_are_given_for_this_platform_alone(api: Api, ada: User) -> None:
    wish = asked(api)
    answer = exchange(api, wish, code_of(consent(ada, wish)), resource="https://evil.example/mcp")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")


def test_strangers_ask_a_limited_number_of_times(api: Api) -> None:
    statuses = [registered(api).status_code for _ in range(125)]
    assert statuses[:120] == [201] * 120
    assert statuses[-1] == 429
