"""Mails of what sessions, orders and trades did: only to who wants them, few however much happens, ended with one click by who has the mail."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb
from stratforge.application.mail_notices import write_mails
from stratforge.application.mailing import Mail, send_waiting
from stratforge.storage.delivery.mail_notices import MINUTES_APART, MOST_A_DAY
from stratforge.storage.postgres.database import Database

from functions.mailer import handler as mailer_function
from tests.support.api import PASSWORD, Api, User
from tests.support.mailbox import code_of, token_of

CHOICE = "/v1/users/me/mail-notices"
CODE = "def on_bar(bar, position, state):\n    return buy()\n"
Post = Callable[[], list[Mail]]


def choose(user: User, *kinds: str) -> Any:
    return user.call("PUT", CHOICE, {"kinds": list(kinds)})


def trade(symbol: str = "AAPL", **more: Any) -> dict[str, Any]:
    sold = {"side": "sell", "quantity": "10", "price": "190.25", "realized_pnl": "-12.5"}
    return {"trade_id": str(uuid4()), "symbol": symbol, **sold, **more}


def rejected(reason: str = "MARKET_CLOSED") -> dict[str, Any]:
    order = {"order_id": str(uuid4()), "symbol": "AAPL", "side": "sell", "origin": "MANUAL"}
    return {**order, "status": "REJECTED", "reason": reason}


def happens(migrated: str, user: User, kind: str, *data: dict[str, Any]) -> None:
    with psycopg.connect(migrated) as connection:
        for each in data:
            connection.execute(
                "INSERT INTO events (user_id, kind, data) SELECT id, %s, %s FROM users WHERE email = %s",
                (kind, Jsonb(each), user.email),
            )


def pass_time(migrated: str, time: timedelta) -> None:
    """Makes everything older by as much."""
    with psycopg.connect(migrated) as connection:
        connection.execute("UPDATE mails SET created_at = created_at - %s", (time,))
        connection.execute(
            "UPDATE mail_notices SET next_mail = next_mail - %s, looked_at = looked_at - %s", (time, time)
        )


def arrived(mailer: Database, post: Post) -> list[Mail]:
    """A minute of the mailer: what it sends."""
    write_mails(mailer)
    return post()


def test_the_end_of_a_session_is_told_in_the_words_of_the_page_and_no_others(
    owner: User, mailer: Database, post: Post
) -> None:
    assert choose(owner, "session").json() == {"kinds": ["session"]}
    strategy = owner.call("POST", "/v1/strategies", {"name": "secret name", "symbol": "AAPL", "python_code": CODE})
    session = owner.call("POST", "/v1/sessions", {"strategy_id": strategy.json()["strategy_id"]}).json()
    assert arrived(mailer, post) == [], "that it began is no news"
    owner.call("POST", f"/v1/sessions/{session['session_id']}/stop")
    (mail,) = arrived(mailer, post)
    assert (mail.address, mail.subject) == (owner.email, "News of your sessions and orders")
    said, _, rest = mail.text.partition("\n\n")
    page = owner.call("GET", "/notices", headers={"Accept": "text/html"}).text
    for line in said.splitlines():
        assert line in unescape(page).replace("secret name on AAPL", "The AAPL session")
    assert said.startswith("The AAPL session ended")
    for private in ("secret name", owner.email, session["session_id"], "100000"):
        assert private not in mail.text
    assert rest.startswith("All of it: https://testserver/notices")


def test_nobody_is_told_what_he_did_not_ask_for(
    api: Api, owner: User, mailer: Database, post: Post, migrated: str
) -> None:
    happens(migrated, owner, "trade", trade())
    assert arrived(mailer, post) == []
    choose(owner, "order")
    assert arrived(mailer, post) == [], "what happened before"
    happens(migrated, owner, "trade", trade())
    happens(migrated, api.user("eve"), "order", rejected())
    post()
    assert arrived(mailer, post) == [], "other kinds, and of others"
    working = {**rejected(), "status": "WORKING"}
    happens(migrated, owner, "order", working)
    assert arrived(mailer, post) == [], "an order that goes its way"
    happens(migrated, owner, "order", rejected())
    (mail,) = arrived(mailer, post)
    assert mail.text.startswith("The sale of AAPL was rejected: ")
    assert "Sold" not in mail.text


def test_they_go_to_a_confirmed_address_alone(ada: User, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose(owner, "trade").status_code == 200
    assert choose(owner).status_code == 200
    monkeypatch.setattr("stratforge.bus.outbox.Outbox.sends_mail", False)
    assert code_of(choose(owner, "trade")) == "address-not-confirmed"


def test_who_confirmed_no_address_is_refused(ada: User) -> None:
    assert (choose(ada, "trade").status_code, code_of(choose(ada, "trade"))) == (409, "address-not-confirmed")
    assert choose(ada).status_code == 200, "none are always had"
    assert ada.get(CHOICE) == {"kinds": []}


def test_what_is_no_kind_is_refused_and_scopes_hold(api: Api, owner: User) -> None:
    for wrong in ({"kinds": ["signal"]}, {"kinds": "trade"}, {}, {"kinds": ["trade"], "site": "https://evil.example"}):
        assert owner.call("PUT", CHOICE, wrong).status_code == 422
    for scopes, statuses in ((["read"], (403, 200)), (["write"], (403, 403)), (["read", "write"], (200, 200))):
        key = owner.call("POST", "/v1/users/me/api-keys", {"name": "k", "scopes": scopes}).json()["key"]
        headers = {"Authorization": f"Bearer {key}"}
        chosen = api.client().put(CHOICE, json={"kinds": ["trade"]}, headers=headers).status_code
        assert (chosen, api.client().get(CHOICE, headers=headers).status_code) == statuses
    assert api.user("eve").get(CHOICE) == {"kinds": []}, "others have their own"


def test_however_much_happens_it_is_one_mail_and_the_next_waits(
    owner: User, mailer: Database, post: Post, migrated: str
) -> None:
    choose(owner, "trade", "order")
    happens(migrated, owner, "trade", *[trade(f"S{number}") for number in range(700)])
    (mail,) = arrived(mailer, post)
    lines = mail.text.partition("\n\n")[0].splitlines()
    assert lines[0] == "Before these there were at least 470 more."
    assert [each.split()[2] for each in lines[1:]] == [f"S{number}" for number in range(670, 700)], "the latest"
    happens(migrated, owner, "trade", trade("MSFT"))
    assert arrived(mailer, post) == []
    pass_time(migrated, timedelta(minutes=MINUTES_APART - 1))
    assert arrived(mailer, post) == []
    happens(migrated, owner, "order", rejected())
    pass_time(migrated, timedelta(minutes=2))
    (mail,) = arrived(mailer, post)
    assert mail.text.startswith("Sold 10 MSFT at 190.25: -$12.50\nThe sale of AAPL was rejected"), "none is lost"


def test_a_day_has_so_many_mails_and_switching_off_and_on_makes_no_more(
    owner: User, mailer: Database, post: Post, migrated: str
) -> None:
    choose(owner, "trade")
    sent = 0
    for _ in range(100):
        happens(migrated, owner, "trade", trade())
        sent += len(arrived(mailer, post))
        choose(owner)
        choose(owner, "trade")
        # A hundred looks in fifty hours.
        pass_time(migrated, timedelta(minutes=30))
    assert MOST_A_DAY * 2 <= sent <= MOST_A_DAY * 3
    with psycopg.connect(migrated) as connection:
        (most,) = connection.execute(
            """
            SELECT max(n) FROM (SELECT (SELECT count(*) FROM mails b WHERE b.kind = 'ACTIVITY' AND b.created_at > a.created_at - interval '1 day'
                AND b.created_at <= a.created_at) AS n FROM mails a WHERE a.kind = 'ACTIVITY') x
            """
        ).fetchone() or (0,)
    assert most == MOST_A_DAY, "in whichever day"


def test_one_click_ends_them_for_a_mail_program_that_knows_nothing_but_the_mail(
    api: Api, owner: User, mailer: Database, post: Post, migrated: str
) -> None:
    choose(owner, "trade")
    happens(migrated, owner, "trade", trade())
    (mail,) = arrived(mailer, post)
    assert mail.stop is not None
    assert mail.stop in mail.text
    path = mail.stop.removeprefix("https://testserver")
    page = api.client().get(path, headers={"Accept": "text/html"})
    assert (page.status_code, owner.get(CHOICE)) == (200, {"kinds": ["trade"]}), "looking at it ends nothing"
    assert owner.email not in page.text
    for form in ({"data": {"List-Unsubscribe": "One-Click"}}, {"files": {"List-Unsubscribe": (None, "One-Click")}}):
        answer = api.client().post(path, follow_redirects=False, **form)
        assert answer.status_code == 200, answer.text
        assert owner.email not in answer.text
        assert owner.get(CHOICE) == {"kinds": []}
        choose(owner, "trade")
    api.client().post(path)
    happens(migrated, owner, "trade", trade())
    pass_time(migrated, timedelta(days=2))
    assert arrived(mailer, post) == []


def test_a_link_is_one_mails_cannot_be_made_up_and_is_stored_nowhere(
    api: Api, owner: User, mailer: Database, post: Post, migrated: str
) -> None:
    choose(owner, "trade")
    happens(migrated, owner, "trade", trade())
    token = token_of(arrived(mailer, post)[0])
    for wrong in ("", "x", "a" * 5_000, token[:-1], token + "x", "\u2028", "%00"):
        answer = api.client().post("/unsubscribe", params={"token": wrong})
        assert answer.status_code in (414, 422), wrong[:20]
    assert api.client().post("/unsubscribe").status_code == 422
    assert owner.get(CHOICE) == {"kinds": ["trade"]}
    with psycopg.connect(migrated) as connection:
        for table in ("mails", "mail_notices", "mail_stops"):
            query = f"SELECT count(*) FROM {table} x WHERE x::text LIKE %s"
            assert connection.execute(query, (f"%{token}%",)).fetchone() == (0,)
    for path in ("/v1/auth/password/reset", "/v1/auth/email/confirmation"):
        body = {"token": token, "password": PASSWORD, "new_password": "quite another long password"}
        assert api.client().put(path, json=body).status_code == 422, "it opens nothing"


def test_what_waits_is_not_sent_after_they_were_ended_and_follows_the_address(
    owner: User, mailer: Database, post: Post, migrated: str
) -> None:
    choose(owner, "trade")
    happens(migrated, owner, "trade", trade())
    write_mails(mailer)
    choose(owner)
    assert post() == []
    pass_time(migrated, timedelta(hours=1))
    choose(owner, "trade")
    happens(migrated, owner, "trade", trade())
    write_mails(mailer)
    change_address(migrated, "ada@elsewhere.example")
    to = {each.subject: each.address for each in post()}
    assert to["News of your sessions and orders"] == "ada@elsewhere.example"


def test_after_closing_nothing_is_sent_and_the_link_is_no_longer_one(
    api: Api, owner: User, mailer: Database, post: Post, migrated: str
) -> None:
    choose(owner, "trade")
    happens(migrated, owner, "trade", trade())
    (mail,) = arrived(mailer, post)
    happens(migrated, owner, "trade", trade())
    pass_time(migrated, timedelta(hours=1))
    assert owner.call("DELETE", "/v1/users/me", {"password": PASSWORD}).status_code == 204
    assert arrived(mailer, post) == []
    assert api.client().post("/unsubscribe", params={"token": token_of(mail)}).status_code == 422


def test_what_somebody_else_wrote_is_one_line_and_no_link(
    owner: User, mailer: Database, post: Post, migrated: str
) -> None:
    choose(owner, "session")
    reason = "see\nhttps://evil.example\r\n\u2028List-Unsubscribe: x"
    ended = {"session_id": str(uuid4()), "symbol": "AAPL", "status": "FAILED", "failure_reason": reason}
    happens(migrated, owner, "session", ended)
    (mail,) = arrived(mailer, post)
    assert len(mail.text.partition("\n\n")[0].splitlines()) == 1
    assert "https://evil" not in mail.text


def test_two_mailers_at_once_write_one_mail(owner: User, mailer: Database, post: Post, migrated: str) -> None:
    choose(owner, "trade")
    happens(migrated, owner, "trade", *[trade() for _ in range(50)])
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: write_mails(mailer), range(4))) == 1
    assert len(post()) == 1


def test_what_an_older_transaction_hid_is_told_with_the_next(
    owner: User, mailer: Database, post: Post, migrated: str
) -> None:
    choose(owner, "trade")
    with psycopg.connect(migrated) as slow:
        slow.execute(
            "INSERT INTO events (user_id, kind, data) SELECT id, 'trade', %s FROM users", (Jsonb(trade("HIDDEN")),)
        )
        happens(migrated, owner, "trade", trade("MSFT"))
        first = arrived(mailer, post)
    pass_time(migrated, timedelta(hours=1))
    told = "".join(each.text for each in (*first, *arrived(mailer, post)))
    assert (told.count("HIDDEN"), told.count("MSFT")) == (1, 1)


def test_whoever_nothing_happened_to_is_not_looked_through_again(owner: User, mailer: Database, migrated: str) -> None:
    choose(owner, "session")
    happens(migrated, owner, "trade", trade())

    def place() -> Any:
        with psycopg.connect(migrated) as connection:
            return connection.execute("SELECT cursor_tx FROM mail_notices").fetchone()

    before = place()
    write_mails(mailer)
    assert place() == before, "not every minute"
    pass_time(migrated, timedelta(minutes=11))
    write_mails(mailer)
    assert place() > before


def test_the_mailer_writes_by_its_schedule_and_has_mail_programs_offer_the_end(
    owner: User, mailer: Database, post: Post, migrated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    post()
    sent: list[dict[str, Any]] = []

    class Ses:
        def send_email(self, **mail: Any) -> None:
            sent.append(mail)

    monkeypatch.setattr(mailer_function, "database", mailer)
    monkeypatch.setattr(mailer_function, "ses_client", Ses)
    monkeypatch.setenv("MAIL_SENDER", "us@example.com")
    choose(owner, "trade")
    happens(migrated, owner, "trade", trade())
    mailer_function.handler({}, None)
    (mail,) = sent
    found = {each["Name"]: each["Value"] for each in mail["Content"]["Simple"]["Headers"]}
    assert found["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert found["List-Unsubscribe"].startswith("<https://testserver/unsubscribe?token=")
    owner.call("POST", "/v1/users/me/api-keys", {"name": "k", "scopes": ["read"]})
    mailer_function.handler({}, None)
    assert "Headers" not in sent[-1]["Content"]["Simple"], "of what opens the account, everybody is told"


def test_the_page_chooses_them(owner: User) -> None:
    headers = {"Authorization": f"Bearer {owner.tokens['access_token']}", "HX-Request": "true"}
    chosen = owner.client.post("/account/mail-notices", data={"mailed": ["order", "session"]}, headers=headers)
    assert chosen.status_code == 200, chosen.text
    assert owner.get(CHOICE) == {"kinds": ["order", "session"]}
    page = owner.call("GET", "/account", headers={"Accept": "text/html"}).text
    assert page.count('name="mailed" value="order" checked') == 1
    assert 'name="mailed" value="trade" checked' not in page
    assert owner.client.post("/account/mail-notices", headers=headers).status_code == 200
    assert owner.get(CHOICE) == {"kinds": []}


def test_a_kind_is_told_from_when_it_was_chosen(owner: User, mailer: Database, post: Post, migrated: str) -> None:
    choose(owner, "session")
    happens(migrated, owner, "trade", trade("MSFT"))
    choose(owner, "session", "trade")
    happens(migrated, owner, "trade", trade("AAPL"))
    (mail,) = arrived(mailer, post)
    assert "AAPL" in mail.text
    assert "MSFT" not in mail.text
    happens(migrated, owner, "trade", trade("GOOG"))
    choose(owner, "trade", "order")
    pass_time(migrated, timedelta(hours=1))
    (mail,) = arrived(mailer, post)
    assert "GOOG" in mail.text, "of what was chosen already nothing is left out"


def change_address(migrated: str, address: str) -> None:
    with psycopg.connect(migrated) as connection:
        connection.execute("UPDATE users SET email = %s, email_confirmed_at = now()", (address,))


def test_an_old_mailbox_ends_nothing_of_the_new_address(
    api: Api, owner: User, mailer: Database, post: Post, migrated: str
) -> None:
    choose(owner, "trade")
    happens(migrated, owner, "trade", trade())
    (old,) = arrived(mailer, post)
    change_address(migrated, "ada@elsewhere.example")
    assert api.client().post("/unsubscribe", params={"token": token_of(old)}).status_code == 422
    assert owner.get(CHOICE) == {"kinds": ["trade"]}


def test_a_mail_that_arrived_and_was_not_noted_has_a_link_that_is_good(
    api: Api, owner: User, mailer: Database, migrated: str
) -> None:
    choose(owner, "trade")
    happens(migrated, owner, "trade", trade())
    write_mails(mailer)
    arrived_mails: list[Mail] = []

    class Killed(BaseException):
        """The process ends after the mail was handed over."""

    def send(mail: Mail) -> None:
        arrived_mails.append(mail)
        if mail.stop is not None:
            raise Killed

    with pytest.raises(Killed):
        send_waiting(mailer, send)
    assert api.client().post("/unsubscribe", params={"token": token_of(arrived_mails[-1])}).status_code == 200
    assert owner.get(CHOICE) == {"kinds": []}
