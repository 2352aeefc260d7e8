"""The application on a database of its own, somebody who has just registered, the mails that she gets, the sandbox in a process, and markets: one company's, and one that portfolios rotate in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from uuid import UUID

import pytest
from stratforge.application.access import Caller
from stratforge.application.mailing import Mail, send_waiting
from stratforge.storage.ledger.invariants import broken_invariants
from stratforge.storage.postgres.database import Database

from functions.evaluator import sandbox_client
from tests.integration.test_row_level_security import as_role
from tests.support.api import Api, User, running_api
from tests.support.ledger import person
from tests.support.mailbox import confirm, token_of
from tests.support.pages import with_cookies
from tests.support.rotating import FIRST, FLAT, RISING, Rotating, SandboxProcess, opening
from tests.support.world import World


@pytest.fixture
def api(migrated: str) -> Iterator[Api]:
    """The application on a database of its own."""
    with pytest.MonkeyPatch.context() as patch, running_api(migrated, patch) as found:
        yield found


@pytest.fixture
def ada(api: Api) -> User:
    """Somebody who has just registered."""
    return api.user("ada")


@pytest.fixture(scope="module")
def sandboxed() -> Iterator[None]:
    """The sandbox function in a process, which keeps what it compiled for a module's tests."""
    with pytest.MonkeyPatch.context() as patch:
        found = SandboxProcess()
        patch.setattr(sandbox_client, "sandbox_client", lambda: found)
        yield
        found.pool.close()


@pytest.fixture
def rotating(database: Database, migrated: str, sandboxed: None) -> Iterator[Rotating]:
    """Somebody whose market has just opened: AAPL rises, the others do not."""
    with opening(database, migrated, FIRST) as found:
        found.days(FIRST, {"AAPL": RISING, "IBM": FLAT, "MSFT": FLAT})
        yield found
        with database.transaction() as connection:
            assert broken_invariants(connection) == {}


@pytest.fixture
def user(api: Api) -> User:
    """Somebody who has just registered and logged in by the form, for its cookies."""
    return with_cookies(api)


@pytest.fixture
def user_id(database: Database) -> UUID:
    """Somebody in the database, without a password."""
    return person(database, "ada")


@pytest.fixture
def caller(user_id: UUID) -> Caller:
    """The same who asks."""
    return Caller(user_id)


@pytest.fixture
def queues_at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The operators' page finds no queue."""
    monkeypatch.setattr("stratforge.bus.dead_letters.queue_states", lambda _stage: [])
    monkeypatch.setattr("stratforge.bus.queue_ages.queue_ages", lambda *_asked: [])


@pytest.fixture
def world(migrated: str) -> Iterator[World]:
    """A world in which one company trades at 100."""
    found = World(migrated)
    found.broker.prices["AAPL"] = Decimal(100)
    yield found
    found.close()


@pytest.fixture
def engine(migrated: str) -> Iterator[Database]:
    """The database as the engine's role."""
    found = as_role(migrated, "stratforge_engine")
    yield found
    found.close()


@pytest.fixture
def mailer(engine: Database) -> Database:
    """The database as the mailer's role."""
    return engine


@pytest.fixture
def post(mailer: Database) -> Callable[[], list[Mail]]:
    """Sends what waits, and gives what was sent."""

    def send() -> list[Mail]:
        sent: list[Mail] = []
        assert send_waiting(mailer, sent.append)[1] == []
        return sent

    return send


@pytest.fixture
def owner(api: Api, ada: User, post: Callable[[], list[Mail]]) -> User:
    """Ada, who has shown that the mailbox is hers."""
    assert confirm(api, token_of(post()[0])).status_code == 204
    return ada
