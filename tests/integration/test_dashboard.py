"""The pages without a browser: who gets in, forms from elsewhere, files that are kept."""

from __future__ import annotations

import gzip
import re
from urllib.parse import urlencode
from uuid import UUID

import pytest
from stratforge.ai.draft import AnswerKind
from stratforge.application.jobs.results import JobFailure, OpenQuestions, RefusedDraft, WrittenStrategy, as_json
from stratforge.intent.requirements import Requirement, Status
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import jobs

from tests.support.api import Api, User
from tests.support.pages import CODE, HTML, OWN

PAGES = (
    "/",
    "/strategies",
    "/strategies/new",
    "/gallery",
    "/leaderboard",
    "/notices",
    "/sessions",
    "/portfolio",
    "/orders",
    "/trades",
    "/research",
    "/account",
)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_for_whoever_is_logged_in(api: Api, path: str) -> None:
    answer = api.client().get(path, headers=HTML, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/login")


@pytest.mark.parametrize("path", PAGES)
def test_every_page_of_an_empty_account_says_what_to_do(user: User, path: str) -> None:
    answer = user.client.get(path, headers=HTML)
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_who_registers_twice_with_the_same_password_is_in_and_anybody_else_is_refused(api: Api) -> None:
    form = {"email": "twice@example.com", "password": "a long enough password"}
    headers = {"HX-Request": "true"}
    for _ in range(2):
        visitor = api.client()
        entered = visitor.post("/register", data=form, headers=headers)
        assert (entered.status_code, entered.headers["HX-Redirect"]) == (204, "/")
        assert visitor.get("/", headers=HTML).status_code == 200
    other = api.client().post("/register", data={**form, "password": "another long password"}, headers=headers)
    assert other.status_code == 409
    assert not other.cookies


def test_a_form_without_our_token_changes_nothing(user: User) -> None:
    body = "trading_state=HALTED"
    for headers in (OWN, {**OWN, "X-CSRF-Token": "0" * 64}, {"Content-Type": OWN["Content-Type"]}):
        assert user.client.post("/account/trading-state", content=body, headers=headers).status_code == 403
    assert user.get("/api/users/me")["trading_state"] == "ACTIVE"
    token = user.client.cookies["stratforge_csrf"]
    done = user.client.post("/account/trading-state", content=body, headers={**OWN, "X-CSRF-Token": token})
    assert done.status_code == 204
    assert user.get("/api/users/me")["trading_state"] == "HALTED"


@pytest.mark.parametrize("path", ["/login", "/register", "/forgot", *PAGES])
def test_a_form_that_is_sent_before_its_page_is_ready_puts_nothing_into_an_address(user: User, path: str) -> None:
    """A slow network, or no scripts: the browser itself would send a form without a method as a query, password and all."""
    page = user.client.get(path, headers=HTML).text
    forms = re.findall(r"<form\b[^>]*hx-post=[^>]*>", page)
    assert forms
    for form in forms:
        assert 'method="post" action="/' in form, form
    (address,) = re.findall(r'action="([^"]*)"', forms[0])
    sent = user.client.post(address, data={"password": "x"}, headers={**HTML, "Origin": "https://testserver"})
    assert sent.status_code in (403, 404), "by the browser alone it changes nothing either"
    assert "noscript" in page


def test_a_login_form_of_another_site_does_nothing(api: Api) -> None:
    api.user("ada")
    answer = api.client().post(
        "/login",
        content="email=ada%40example.com&password=a+long+enough+password",
        headers={"Content-Type": OWN["Content-Type"]},
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [
        ("/orders", "/orders"),
        ("https://example.com", "/"),
        ("//example.com", "/"),
        ("/\\example.com", "/"),
        ("javascript:1", "/"),
    ],
)
def test_a_login_leads_to_our_own_pages_only(api: Api, wanted: str, reached: str) -> None:
    api.user("ada")
    answer = api.client().post(
        "/login", content=f"email=ada%40example.com&password=a+long+enough+password&next={wanted}", headers=OWN
    )
    assert answer.headers["HX-Redirect"] == reached


def test_a_form_that_is_sent_twice_does_its_work_once(user: User) -> None:
    code = "def on_bar(bar, position, state):\n    return buy()\n"
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
    places = set()
    for _ in range(2):
        answer = user.client.post(
            "/strategies", data={"name": "Twice", "symbol": "AAPL", "python_code": code, "key": "one"}, headers=headers
        )
        places.add(answer.headers["HX-Redirect"])
    assert len(places) == 1
    assert len(user.get("/api/strategies")["items"]) == 1


def test_wrong_input_is_told_beside_the_form_and_names_the_field(user: User) -> None:
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
    answer = user.client.post(
        "/strategies", data={"name": "", "symbol": "???", "python_code": "x = 1"}, headers=headers
    )
    assert answer.status_code == 422
    assert answer.headers["HX-Retarget"] == "#notices"
    assert "Name: Field required" in answer.text
    assert "symbol:" in answer.text


def test_files_are_kept_for_good_under_an_address_of_their_content(user: User) -> None:
    page = user.client.get("/", headers=HTML).text
    found = re.findall(r"/static/([0-9a-f]{12})/([\w.-]+)", page)
    assert {name for _, name in found} >= {"pages.css", "app.js", "htmx-2.0.8.min.js", "mark.svg"}
    for version, name in found:
        answer = user.client.get(f"/static/{version}/{name}")
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    old = user.client.get("/static/000000000000/app.css")
    assert (old.status_code, old.headers["Cache-Control"]) == (200, "no-cache")
    for name in ("../routes.py", "%2e%2e%2froutes.py", "routes.py", "README.md"):
        assert user.client.get(f"/static/x/{name}").status_code == 404


def test_answers_are_compressed_for_who_understands(user: User) -> None:
    with user.client.stream("GET", "/strategies/new", headers={**HTML, "Accept-Encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["Content-Encoding"] == "gzip"
    assert b"New strategy" in gzip.decompress(raw)
    plain = user.client.get("/strategies/new", headers={**HTML, "Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers


def test_a_page_that_is_not_there_is_a_page_and_an_address_of_the_api_is_a_problem(user: User) -> None:
    assert "Not here" in user.client.get("/nowhere", headers=HTML).text
    answer = user.client.get("/api/nowhere", headers=HTML)
    assert answer.headers["content-type"] == "application/problem+json"


def test_text_of_users_is_never_markup(user: User) -> None:
    hostile = "<script>alert(1)</script>\"'{{ 7919*7919 }}"
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
    code = f"# {hostile}\ndef on_bar(bar, position, state):\n    return buy()\n"
    made = user.client.post(
        "/strategies",
        data={"name": hostile, "symbol": "AAPL", "python_code": code, "logic_explanation": hostile},
        headers=headers,
    )
    for path in (made.headers["HX-Redirect"], "/strategies", "/"):
        page = user.client.get(path, headers=HTML).text
        assert "<script>alert" not in page
        assert "62710561" not in page
    ticket = user.client.get(f"/portfolio?symbol={hostile}", headers=HTML).text
    assert "<script>alert" not in ticket


def test_what_forms_make_has_pages(user: User) -> None:
    """A strategy by hand, other parameters, a session, its settings, a question, a backtest, a replay: each form leads to a page that is shown."""
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}

    def send(path: str, **fields: str) -> str:
        answer = user.client.post(path, content=urlencode(fields), headers=headers)
        assert answer.status_code in (200, 204), answer.text
        return str(answer.headers.get("HX-Redirect", answer.text))

    def shown(path: str) -> str:
        answer = user.client.get(path, headers=HTML)
        assert answer.status_code == 200, answer.text
        return str(answer.text)

    strategy = send("/strategies", name="By hand", symbol="AAPL", python_code=CODE)
    assert ", version 1," in shown(strategy)
    # What it does, rule by rule, with the lines that a press marks.
    assert "<h3>What the code does</h3>" in shown(strategy)
    assert re.search(r'class="chip as-written buy" data-lines="[\d,]+"><strong>buy</strong>', shown(strategy))
    assert send(f"{strategy}/parameters", **{"parameter-LENGTH": "7"}) == strategy
    assert ", version 2," in shown(strategy)
    wrong = user.client.post(f"{strategy}/parameters", content="parameter-LENGTH=many", headers=headers)
    assert (wrong.status_code, "is not a number" in wrong.text, 'role="alert"' in wrong.text) == (422, True, True)
    session = send(f"{strategy}/run", stop_loss="2")
    assert "Version 2" in shown(session)
    send(f"{session}/settings", stop_loss="3", take_profit="5")
    send(f"{session}/pause")
    assert user.get(f"/api{session}")["stop_loss"] == "0.03"
    assert '"indicators"' in shown(f"{session}/chart.json")
    assert "There is nothing in the chart yet." in shown(f"{session}/chart.html")
    for path, fields in (
        (f"{strategy}/backtest", {"vary": "LENGTH", "from-LENGTH": "5", "to-LENGTH": "10", "count-LENGTH": "2"}),
        (f"{session}/replay", {}),
        ("/research", {"question": "What moved?"}),
        ("/strategies/describe", {"prompt": "buy AAPL low", "strategy_id": strategy.split("/")[-1]}),
    ):
        part = send(path, key=path, **fields)
        (job,) = re.findall(r'hx-get="(/jobs/[^"]+/progress)"', part)
        assert "waiting for its turn" in shown(job)
    assert "buy AAPL low" in shown(f"{strategy}/last-job")
    assert "It was canceled." in send(job.replace("progress", "cancel"))
    for path in ("/", "/strategies", "/sessions", "/research"):
        shown(path)
    send(f"{session}/stop", flatten="1")
    assert send(f"{strategy}/delete") == "/strategies"


def test_a_form_that_is_sent_again_when_its_work_is_done_leads_to_what_was_made(user: User, database: Database) -> None:
    """Who met a busy platform presses again; meanwhile the first press was heard and done. Whoever calls it off then is too late."""
    made = WrittenStrategy(
        strategy_id=UUID(int=7), version=1, name="low", symbol="AAPL", python_code=CODE, logic_explanation="", parameters={},
        indicators=[], lookback=1, assumptions=[], model="none", tokens=1, repairs=[],
    )  # fmt: skip
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
    form = urlencode({"prompt": "buy AAPL when the RSI is below 30", "key": "pressed"})
    (job,) = re.findall(
        r"/jobs/([^/]+)/progress", user.client.post("/strategies/describe", content=form, headers=headers).text
    )
    with database.transaction() as connection:
        jobs.begin_job(connection, UUID(job))
        jobs.finish_job(connection, UUID(job), result=as_json(made))
    for path, content in (("/strategies/describe", form), (f"/jobs/{job}/cancel", "")):
        answer = user.client.post(path, content=content, headers=headers)
        assert answer.headers["HX-Redirect"] == f"/strategies/{made.strategy_id}", answer.text
    # Whoever has gone elsewhere meanwhile is told, and finds it again.
    for path, link in (
        ("/notices", f'href="/jobs/{job}">The answer to your description is ready'),
        ("/notices/new?after=0-0", f'href="/jobs/{job}">Show'),
    ):
        assert link in user.client.get(path, headers=HTML).text
    assert f'hx-get="/jobs/{job}/progress"' in user.client.get(f"/jobs/{job}", headers=HTML).text
    with database.transaction() as connection:
        connection.execute("UPDATE jobs SET kind = 'EXPORT'")
    assert f'hx-get="/account/exports/{job}"' in user.client.get(f"/jobs/{job}", headers=HTML).text
    assert user.client.get(f"/jobs/{UUID(int=1)}", headers=HTML).status_code == 404


def test_an_answer_brings_the_form_a_new_key_and_its_proposals_as_buttons(user: User, database: Database) -> None:
    job_id = UUID(user.call("POST", "/api/ai/generate", {"prompt": "buy it low"}).json()["job_id"])
    asked = OpenQuestions(
        kind=AnswerKind.CLARIFY,
        questions=["Which rule? You could say: “Buy AAPL when the RSI is below 30”. “buy it low” was not understood."],
        assumptions=[],
    )
    with database.transaction() as connection:
        jobs.begin_job(connection, job_id)
        jobs.finish_job(connection, job_id, result=as_json(asked))
    first, second = (user.client.get(f"/jobs/{job_id}/progress", headers=HTML).text for _ in range(2))
    keys = [re.findall(r'id="form-key" value="([^"]+)" hx-swap-oob', each) for each in (first, second)]
    assert [len(each) for each in keys] == [1, 1]
    assert keys[0] != keys[1]
    assert re.findall(r'name="prompt" value="([^"]+)"', first) == ["Buy AAPL when the RSI is below 30"]
    assert 'id="form-key"' in user.client.get("/strategies/new", headers=HTML).text


def test_another_reply_from_the_same_answer_is_a_turn_of_its_own_and_the_same_one_twice_is_one(
    user: User, database: Database
) -> None:
    """All buttons of an answer, and its form, bring one key: who presses one and then thinks better of it is heard."""
    asked = user.call("POST", "/api/ai/generate", {"prompt": "buy it low"}).json()["job_id"]
    question = OpenQuestions(kind=AnswerKind.CLARIFY, questions=["1. “Buy AAPL below 30”, 2. “Buy AAPL at the open”"], assumptions=[])  # fmt: skip
    with database.transaction() as connection:
        jobs.begin_job(connection, UUID(asked))
        jobs.finish_job(connection, UUID(asked), result=as_json(question))
    page = user.client.get(f"/jobs/{asked}/progress", headers=HTML).text
    replies, keys = re.findall(r'name="prompt" value="([^"]+)"', page), set(re.findall(r'name="key" value="([^"]+)"', page))  # fmt: skip
    assert (len(replies), len(keys)) == (2, 1)
    headers = {**OWN, "X-CSRF-Token": user.client.cookies["stratforge_csrf"]}
    made = []
    for prompt in (*replies, replies[0], "Something else altogether"):
        form = urlencode({"prompt": prompt, "key": next(iter(keys)), "follows": asked})
        answer = user.client.post("/strategies/describe", content=form, headers=headers)
        assert answer.status_code == 200, answer.text
        made += re.findall(r'data-job="([^"]+)"', answer.text)
    assert (len(made), len(set(made)), made[2]) == (4, 3, made[0])


def test_every_turn_of_a_conversation_stays_and_the_form_goes_on_from_an_open_question(
    user: User, database: Database
) -> None:
    strategy_id = user.call("POST", "/api/strategies", {"name": "mine", "symbol": "AAPL", "python_code": CODE}).json()["strategy_id"]  # fmt: skip

    def turn(prompt: str, kind: AnswerKind | None, said: str, **more: str) -> str:
        asked = {"prompt": prompt, "strategy_id": strategy_id, **more}
        job_id = str(user.call("POST", "/api/ai/generate", asked).json()["job_id"])
        with database.transaction() as connection:
            jobs.begin_job(connection, UUID(job_id))
            if kind is None:
                failure = JobFailure(code=jobs.FailureCode.NOT_PASSED, message=said, findings=["“gap” is missing"])
                jobs.finish_job(connection, UUID(job_id), error=as_json(failure))
            else:
                jobs.finish_job(connection, UUID(job_id), result=as_json(OpenQuestions(kind=kind, questions=[said])))
        return job_id

    def page() -> str:
        return user.client.get(f"/strategies/{strategy_id}", headers=HTML).text

    def followed() -> list[str]:
        return re.findall(r'name="follows" value="([^"]+)" checked', page())

    assert followed() == []
    turn("what does it do?", AnswerKind.ANSWER, "It waits for its average.")
    asked = turn("sell it higher", AnswerKind.CLARIFY, "How much higher?")
    assert followed() == [asked]
    turn("is it risky?", AnswerKind.ANSWER, "It has no stop.", follows=asked)
    turn("short it", AnswerKind.DECLINE, "It is not sold short from words.", follows=asked)
    turn("sell on a gap", None, "The code did not pass.", follows=asked)
    shown = page()
    said = ("Edited by hand.", "what does it do?", "It waits for its average.", "Nothing was changed.", "sell it higher", "How much higher?",
            "is it risky?", "It has no stop.", "short it", "It is not sold short from words.", "sell on a gap", "The code did not pass.", "“gap” is missing")  # fmt: skip
    places = [shown.find(each) for each in said]
    assert places == sorted(places)
    assert places[0] > 0
    assert followed() == [asked]
    change = {"python_code": CODE.replace("return buy()", "return buy(fraction=0.5)")}
    assert user.call("PATCH", f"/api/strategies/{strategy_id}", change).status_code == 200
    assert followed() == []


def test_a_draft_that_did_not_pass_shows_what_of_the_request_is_missing(user: User, database: Database) -> None:
    job_id = UUID(user.call("POST", "/api/ai/generate", {"prompt": "buy AAPL below 30 on Mondays"}).json()["job_id"])
    wanted = [
        Requirement(quote="buy AAPL below 30", meaning="buys by the RSI", status=Status.COVERED, lines=[1]),
        Requirement(quote="on Mondays", meaning="weekday 0", status=Status.COVERED, lines=[1]),
    ]
    draft = RefusedDraft(python_code=CODE, logic_explanation="", requirements=wanted)
    failure = JobFailure(code=jobs.FailureCode.NOT_PASSED, message="It did not pass.", findings=["“on Mondays” names a day of the week"], draft=draft)  # fmt: skip
    with database.transaction() as connection:
        jobs.begin_job(connection, job_id)
        jobs.finish_job(connection, job_id, error=as_json(failure))
    shown = user.client.get(f"/jobs/{job_id}/progress", headers=HTML).text
    chips = re.findall(r'<span class="chip (\w+)"><q>([^<]+)</q>.*?<small class="muted">(\w+)<', shown)
    assert chips == [("covered", "buy AAPL below 30", "covered"), ("unsupported", "on Mondays", "missing")]


def test_the_tour_has_five_steps_that_can_be_left_and_is_offered_once(user: User) -> None:
    def told(path: str) -> list[str]:
        return re.findall(r"<strong>(\d) of 5: ", user.client.get(path, headers=HTML).text)

    assert "Take the tour" in user.client.get("/", headers=HTML).text
    assert told("/") == []
    for step, leads_to in enumerate(("/", "/gallery", "/trades", "/strategies/new", "/leaderboard"), 1):
        went = user.client.get(f"/tour/{step}", headers=HTML, follow_redirects=False)
        assert (went.status_code, went.headers["Location"].split("?")[0]) == (303, leads_to)
        assert told(leads_to) == [str(step)]
    # Elsewhere nothing of it is in the way; at home it waits.
    assert told("/account") == told("/") == []
    assert "You are at step 5 of 5" in user.client.get("/", headers=HTML).text
    assert user.client.get("/tour/end", headers=HTML).status_code == 200
    assert told("/") == []
    assert "Take the tour" not in user.client.get("/", headers=HTML).text
    for strange in ("0", "6", "-1", "²", "99999999999999999999"):
        assert user.client.get(f"/tour/{strange}", headers=HTML, follow_redirects=False).headers["Location"] == "/"
