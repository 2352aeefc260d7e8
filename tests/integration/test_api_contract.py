"""The OpenAPI file is what the API does: compared with the committed one, and attacked by schemathesis."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import FlakyStrategyDefinition
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.api import Api, User, running_api

FILE = Path(__file__).resolve().parents[2] / "functions" / "api" / "openapi.json"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
CODE = "def on_bar(bar, position, state):\n    return buy()\n"
# What would end the login that the others run with, or wait for a worker that is not there.
_ENDS_THE_LOGIN = {("POST", "/v1/auth/logout"), ("POST", "/v1/auth/password"), ("DELETE", "/v1/users/me")}

ANSWERED: dict[tuple[str, str], set[int]] = {}
# What was said of fields that the document allows.
REFUSED: set[str] = set()
# Ids of things that are there.
OWN: dict[str, str] = {}
CHAINED: set[tuple[str, str, int]] = set()
# What random values are refused by, however long one tries: they are no strategy, no address, no order, nobody's strategy.
NEEDS_SENSE = {
    ("POST", "/v1/auth/register"),
    ("POST", "/v1/backtests"),
    ("POST", "/v1/orders/preview"),
    ("POST", "/v1/webhooks"),
    ("POST", "/v1/sessions"),
    ("POST", "/v1/strategies"),
    ("POST", "/v1/strategies/import"),
    ("POST", "/v1/alerts"),
    ("POST", "/v1/exports"),
    ("POST", "/v1/orders"),
    # These want a token, a code or a device's signature, or come after one that does.
    ("POST", "/v1/auth/passkey"),
    ("POST", "/v1/users/me/passkeys"),
    ("POST", "/v1/users/me/passkeys/options"),
    ("PUT", "/v1/auth/password/reset"),
    ("PUT", "/v1/auth/email/confirmation"),
    ("PUT", "/v1/users/me/email"),
    ("POST", "/v1/users/me/two-factor"),
    ("POST", "/v1/users/me/two-factor/confirmation"),
    ("POST", "/v1/users/me/two-factor/recovery-codes"),
    ("DELETE", "/v1/users/me/two-factor"),
}


def operations() -> list[tuple[str, str]]:
    """Every operation of the file."""
    schema = json.loads(FILE.read_text(encoding="utf-8"))
    return [(method.upper(), path) for path, each in schema["paths"].items() for method in each]


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    """A patch for the whole module."""
    with pytest.MonkeyPatch.context() as found:
        yield found


@pytest.fixture(scope="module")
def api(postgres: Any, template: str, patch: pytest.MonkeyPatch) -> Iterator[Api]:
    """One application for all operations, with a user who has one of everything."""
    # Nobody works on jobs here.
    patch.setattr("functions.api.jobs.waiting.MAX_WAIT", 0.01)
    from tests.conftest import copied_database

    for conninfo in copied_database(postgres, template):
        with running_api(conninfo, patch) as found:
            yield found


def with_one_of_each(api: Api, name: str) -> tuple[User, dict[str, Any]]:
    """A user who has one of everything, with the ids of it."""
    user = api.user(name)
    made = user.call("POST", "/v1/strategies", {"name": "test", "symbol": "AAPL", "python_code": CODE}).json()
    session = user.call("POST", "/v1/sessions", {"strategy_id": made["strategy_id"]}).json()
    order = user.call("POST", "/v1/orders", {"symbol": "AAPL", "side": "buy", "quantity": "1"}).json()
    job = user.call("POST", "/v1/ai/generate", {"prompt": "buy when it is cheap"}).json()
    return user, {
        "strategy_id": made["strategy_id"],
        "session_id": session["session_id"],
        "order_id": order["order_id"],
        "job_id": job["job_id"],
    }


@pytest.fixture(scope="module")
def owner(api: Api) -> User:
    """The user by whom all operations are tried."""
    user, own = with_one_of_each(api, "contract")
    OWN.update(own)
    return user


@pytest.fixture(scope="module")
def schema(api: Api) -> Any:
    """The file as schemathesis reads it, over the application itself."""
    return schemathesis.openapi.from_asgi("/api/openapi.json", api.app)


@pytest.mark.parametrize(
    "who", ["nobody", *(pytest.param(who, marks=pytest.mark.long) for who in ("logged in", "owner"))]
)
@pytest.mark.parametrize(("method", "path"), operations(), ids=lambda each: each)
def test_no_request_breaks_an_operation(schema: Any, owner: User, method: str, path: str, who: str) -> None:
    authenticated = who != "nobody"
    if who == "owner" and (
        (method, path) == ("DELETE", "/v1/strategies/{strategy_id}") or not any(n in path for n in OWN)
    ):
        pytest.skip("it names nothing that somebody could own, or ends what the others need")
    if authenticated and (method, path) in _ENDS_THE_LOGIN:
        pytest.skip("it would end the login that the others run with; tested by hand in test_api.py")
    headers = {"Authorization": f"Bearer {owner.tokens['access_token']}"} if authenticated else {}
    operation = schema[path][method]

    @settings(
        max_examples=12 if authenticated else 4,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def attack(case: Any) -> None:
        if who == "owner":
            case.path_parameters = {name: OWN.get(name, value) for name, value in case.path_parameters.items()}
        answer = case.call_and_validate(headers=headers, checks=CHECKS)
        ANSWERED.setdefault((method, path), set()).add(answer.status_code)
        if answer.status_code == 422:
            REFUSED.update(
                f"{method} {path} {each['field']}: {each['message']}" for each in answer.json().get("errors", ())
            )

    attack()


@pytest.mark.long
def test_enough_of_the_attacks_got_through() -> None:
    """An attack that never gets past the first check proves nothing: most operations must have done their work at least once."""
    worked = {each for each, statuses in ANSWERED.items() if any(status < 300 for status in statuses)}
    without_parameters = {(method, path) for method, path in operations() if "{" not in path} - _ENDS_THE_LOGIN
    # Two of these have no effect for who is no operator or has no signature, and two need a refresh token that exists.
    expected_not = {
        ("PUT", "/v1/operations/state"),
        ("GET", "/v1/operations/reports"),
        ("GET", "/v1/operations/queues"),
        ("GET", "/v1/operations/corrections"),
        ("GET", "/v1/operations/corporate-actions"),
        ("POST", "/v1/operations/corporate-actions"),
        ("POST", "/internal/execute"),
        ("POST", "/v1/auth/refresh"),
        ("POST", "/v1/auth/login"),
    }
    assert without_parameters - worked <= expected_not | NEEDS_SENSE
    own = {
        ("GET", f"/v1/{each}")
        for each in ("strategies/{strategy_id}", "sessions/{session_id}", "orders/{order_id}", "jobs/{job_id}")
    }
    assert own <= worked


@pytest.mark.long
def test_nothing_that_the_document_allows_is_refused_for_its_form() -> None:
    """What is left says what does not go together, or that something is easy to guess."""
    assert ANSWERED
    sensible = (
        "Value error, give exactly one of",
        "Value error, a ",
        "Value error, an ",
        "Value error, session_id is for sales",
        "Value error, sizing_value is ",
        "Value error, this password is too weak",
        "Value error, private addresses",
        "Value error, give an https address",
    )
    assert [each for each in sorted(REFUSED) if not each.partition(": ")[2].startswith(sensible)] == []


@pytest.mark.long
@pytest.mark.timeout(200)
def test_no_chain_of_requests_breaks_anything(schema: Any, api: Api) -> None:
    """Stateful: what one operation answers goes into the next."""
    # Whoever was tried by all operations has used up what he may ask for in an hour.
    user, _ = with_one_of_each(api, "chains")
    token = user.tokens["access_token"]

    class Chains(schema.as_state_machine()):  # type: ignore[misc]
        def get_call_kwargs(self, _case: Any) -> dict[str, Any]:
            return {"headers": {"Authorization": f"Bearer {token}"}}

        def before_call(self, case: Any) -> None:
            # What would end the login goes out without what it needs for it.
            if (case.method, case.operation.path) in _ENDS_THE_LOGIN:
                case.body = {}
            # A list of logins leads to this one.
            if (case.method, case.operation.path) == ("DELETE", "/v1/auth/logins/{login_id}"):
                case.path_parameters = {"login_id": str(uuid4())}

        def validate_response(self, response: Any, case: Any, **options: Any) -> None:
            CHAINED.add((case.method, case.operation.path, response.status_code))
            try:
                case.validate_response(response, checks=CHECKS)
            except Exception as error:
                broken.append(f"{case.method} {case.operation.path} {response.status_code}: {error}")
                raise

    # The platform remembers earlier chains, so the same draws can meet longer lists than before; hypothesis stops then, and a fresh run goes on. What
    # an answer broke is kept whatever stops a run.
    broken: list[str] = []

    def enough() -> bool:
        return len({(method, path) for method, path, _ in CHAINED}) >= 15 and any(
            method == "GET" and "{" in path and status == 200 for method, path, status in CHAINED
        )

    for _ in range(6):
        with contextlib.suppress(FlakyStrategyDefinition):
            Chains.run(
                settings=settings(
                    max_examples=40,
                    stateful_step_count=8,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                    phases=[Phase.generate],
                )
            )
        assert broken == []
        if enough():
            break
    assert enough(), f"chains went from what one operation answers to the next: {sorted(CHAINED)}"
