"""One environment for all tests: a PostgreSQL server, and the whole platform for the tests that need it, each brought up once."""

from __future__ import annotations

import gc
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import hypothesis
import psycopg
import pytest
from local_platform.platform import Options, Platform
from local_platform.postgres import Postgres
from local_platform.processes import Supervisor
from local_platform.synthesis import ROOT, synthesize
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier
from simulators.alpaca.faults import Faults
from stratforge.storage.market.market_data import ensure_months
from stratforge.storage.postgres.database import Database
from stratforge.storage.postgres.migrations import migrate, read_migrations

# What a test asserts through them is told in full too.
pytest.register_assert_rewrite("tests.support")

from tests.support.databases import Databases, copied, drop  # noqa: E402 - rewritten, as said above
from tests.support.foundations import ByFoundation, foundation_of, runs_everything, turn_of  # noqa: E402 - rewritten, as said above
from tests.support.ledger import OPEN  # noqa: E402 - rewritten, as said above
from tests.support.patience import patient_clients  # noqa: E402 - rewritten, as said above
from tests.support.tiers import show_fewer  # noqa: E402 - rewritten, as said above

# What botocore knows of the services is read once, not by every session of every test anew.
botocore.session.create_loader = cache(botocore.session.create_loader)

# In CI the same examples every time, so that a commit is judged by its change; everywhere else new ones.
hypothesis.settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")


def pytest_configure(config: pytest.Config) -> None:
    """Without the long tests a property is shown fewer examples too. Nothing is garbage while everything is imported and collected."""
    if config.option.markexpr == "not long":
        show_fewer()
    gc.disable()


def pytest_collection_finish() -> None:
    """What was imported and collected stays: looking through it again and again was a twelfth of the tests' time, and once is half a second."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000, 20, 20)


_LEFT_OUT = pytest.StashKey[int]()


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Counts the long tests that a run leaves out."""
    for item in items:
        if item.get_closest_marker("long"):
            item.config.stash[_LEFT_OUT] = item.config.stash.get(_LEFT_OUT, 0) + 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker tells what it left out: whoever collects knows, and with `-n` that is the workers alone."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left out"] = session.config.stash.get(_LEFT_OUT, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker ended; all of them left out the same."""
    told = getattr(node, "workeroutput", {}).get("left out", 0)
    node.config.stash[_LEFT_OUT] = max(told, node.config.stash.get(_LEFT_OUT, 0))


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last line of a run says what it did not look at."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    skipped = [each for each in reporter.stats.get("skipped", []) if "tests/browser" in each.nodeid]
    said = []
    if left_out := config.stash.get(_LEFT_OUT, 0):
        said.append(f"{left_out} long tests were NOT RUN: make test-all runs everything, as CI does")
    if skipped:
        said.append(
            f"{len(skipped)} browser tests were SKIPPED because there is no Chromium: apt-get install chromium "
            "(macOS: brew install --cask chromium), or set CHROMIUM to where one is"
        )
    if said:
        print("; ".join(said))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """One of several processes: what takes longest begins first."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: turn_of(foundation_of(item.nodeid, everything=runs_everything(config))))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFoundation:
    """Tests are spread over the workers of `-n` as said above; in the order of their turns."""
    config.option.loadscopereorder = False
    return ByFoundation(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """A platform goes down when the next test stands on something else: its market would take half a core from all others till their end."""
    yield
    assert isinstance(item, pytest.Function)
    whole = runs_everything(item.config)
    here = foundation_of(item.nodeid, everything=whole)
    if nextitem is None or foundation_of(nextitem.nodeid, everything=whole) != here:
        for each in item.session._fixturemanager.getfixturedefs("running_platform", item) or ():
            each.finish(item._request)  # type: ignore[arg-type]


_SHARED_MEMORY, _ENOUGH_BYTES = Path("/dev/shm"), 4 << 30
MIGRATIONS = ROOT / "db" / "migrations"
ASSEMBLIES = ROOT / ".stratforge" / "assemblies"


@pytest.fixture(scope="session")
def state_folder() -> Iterator[Path]:
    """A folder outside the checkout, in memory where there is enough of it, removed at the end."""
    in_memory = _SHARED_MEMORY.is_dir() and shutil.disk_usage(_SHARED_MEMORY).free > _ENOUGH_BYTES
    folder = Path(tempfile.mkdtemp(prefix="stratforge-tests-", dir=_SHARED_MEMORY if in_memory else None))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


ROLE_PASSWORD = "test-password"
# A connection to each server, by its port: one for every database that is made and dropped, and every role that is let in, would cost a third of that.
_ADMINISTRATION: dict[int, psycopg.Connection[Any]] = {}


def let_in(conninfo: str, role: str) -> None:
    """Gives a role of a server its password, as the migrator does."""
    statement = SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(Identifier(role), ROLE_PASSWORD)
    kept = _ADMINISTRATION.get(int(str(conninfo_to_dict(conninfo)["port"])))
    if kept is not None:
        kept.execute(statement)
    else:
        with psycopg.connect(conninfo) as connection:
            connection.execute(statement)


@pytest.fixture(scope="session")
def postgres(state_folder: Path) -> Iterator[Postgres]:
    """A PostgreSQL server."""
    # Every test makes a database and drops it: nothing of this server must survive the machine, and its passwords are hard to guess as they are.
    hasty = {
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "off",
        "scram_iterations": "1",
        "autovacuum": "off",
    }
    server = Postgres(state_folder / "postgres", secrets.token_urlsafe(16), state_folder / "logs", settings=hasty)
    server.prepare()
    supervisor = Supervisor(lambda _text: None)
    supervisor.add(server.process())
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(SQL("ALTER ROLE CURRENT_USER PASSWORD {}").format(server.password))
        _ADMINISTRATION[server.port] = connection
        yield server
        del _ADMINISTRATION[server.port]
    supervisor.stop()


@pytest.fixture
def empty_database(postgres: Postgres) -> Iterator[str]:
    """The connection string of a database of its own, without a schema."""
    yield from copied_database(postgres, None)


def copied_database(postgres: Postgres, template: str | None) -> Iterator[str]:
    """A database of its own, made like `template`, or empty."""
    administration = _ADMINISTRATION[postgres.port]
    name = copied(administration, template)
    yield postgres.conninfo(name)
    drop(administration, name)


@pytest.fixture(scope="session")
def template(postgres: Postgres) -> str:
    """The name of a database with the schema that others are copied from, and with the months in which most tests trade."""
    name = "template_migrated"
    _ADMINISTRATION[postgres.port].execute(f"CREATE DATABASE {name}")
    migrate(postgres.conninfo(name), read_migrations(MIGRATIONS))
    with psycopg.connect(postgres.conninfo(name)) as connection:
        ensure_months(connection, [OPEN - timedelta(days=30), OPEN, OPEN + timedelta(days=30)])
    return name


@pytest.fixture(scope="session")
def databases(postgres: Postgres, template: str) -> Iterator[Databases]:
    """Databases with the schema."""
    found = Databases(postgres, _ADMINISTRATION[postgres.port], template)
    with found.connections.kept():
        yield found
    found.close()


@pytest.fixture
def migrated(databases: Databases) -> Iterator[str]:
    """The connection string (as owner) of a database of its own with the schema."""
    with databases.borrowed() as conninfo:
        yield conninfo


@pytest.fixture
def database(migrated: str) -> Iterator[Database]:
    """A database with the schema, as its owner."""
    found = Database(lambda: migrated, application="test")
    yield found
    found.close()


@pytest.fixture(scope="session")
def assembly() -> Path:
    """The synthesized cloud assembly of the local stage."""
    return synthesize(ASSEMBLIES)


@pytest.fixture
def platform(running_platform: Platform) -> Iterator[Platform]:
    """The whole platform. However the test ends, nothing of it goes on trading beside the next one, and the market is as it was."""
    yield running_platform
    with psycopg.connect(running_platform.conninfo("owner")) as connection:
        connection.execute(
            "UPDATE sessions SET status = 'STOPPED', ended_at = now() WHERE status IN ('RUNNING', 'PAUSED')"
        )
    as_before = {each.name: each.default for each in fields(Faults) if not each.name.startswith("_")}
    running_platform.simulator("faults", as_before)
    running_platform.simulator("market", {"speed": running_platform.options.speed})


@pytest.fixture(scope="session")
def running_platform(state_folder: Path) -> Iterator[Platform]:
    """The whole platform on free ports, for fixtures that more than one test uses."""
    found = Platform(
        Options(state_folder / "platform", speed=60.0, fresh=True, assemblies=ASSEMBLIES), lambda text: print(text)
    )
    try:
        found.start()
        with patient_clients():
            yield found
    finally:
        found.stop()
