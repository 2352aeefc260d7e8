"""Runs of the simulation: a database with the simulation's clock for each seed; and `python -m tests.simulation.runs CONNINFO SEED [MODULE THERE INSTEAD]`,
a run in a process of its own, with a module broken if one is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
from local_platform.postgres import Postgres
from stratforge.storage.postgres.migrations import migrate, read_migrations

from tests.mutants.broken import install

ROOT = Path(__file__).parents[2]
TEMPLATE = "template_simulated"


def prepare(postgres: Postgres) -> None:
    """Makes the database with the schema and the simulation's clock that others are copied from."""
    from tests.simulation.time import AFTER_THE_MIGRATIONS, CLOCK_OF_THE_DATABASE

    with psycopg.connect(postgres.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
        connection.execute(f"ALTER DATABASE {TEMPLATE} SET search_path = public, pg_catalog")
    with psycopg.connect(postgres.conninfo(TEMPLATE), autocommit=True) as connection:
        connection.execute(CLOCK_OF_THE_DATABASE)
    migrate(postgres.conninfo(TEMPLATE), read_migrations(ROOT / "db" / "migrations"))
    with psycopg.connect(postgres.conninfo(TEMPLATE), autocommit=True) as connection:
        connection.execute(AFTER_THE_MIGRATIONS)


def simulate(conninfo: str, seed: int, days: int = 1) -> str:
    """Trades a day from a seed on a fresh copy; gives the hash. What fails says its seed, and how to see it again."""
    # Not before: a module may have been broken meanwhile.
    from tests.simulation.platform import Simulation

    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET search_path = public, pg_catalog")
    simulation = Simulation(conninfo, seed)
    try:
        return simulation.run(days)
    except BaseException as error:
        error.add_note("\n".join(simulation.loop.trace[-12:]))
        error.add_note(
            f"seed {seed}; to see it again: SIMULATION_SEED={seed} .venv/bin/pytest -q -s tests/simulation/test_days.py"
        )
        raise
    finally:
        simulation.close()
        if where := os.environ.get("SIMULATION_TRACE"):
            Path(where).write_text("\n".join(simulation.loop.trace), encoding="utf-8")


def apart(conninfo: str, seed: int, *broken: str, hash_seed: int = 0) -> subprocess.CompletedProcess[str]:
    """A run in a process of its own."""
    environment = {
        **os.environ,
        "PYTHONHASHSEED": str(hash_seed),
        "PYTHONPATH": os.pathsep.join(each for each in sys.path if each),
    }
    command = [sys.executable, "-W", "ignore", "-m", "tests.simulation.runs", conninfo, str(seed), *broken]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)


if __name__ == "__main__":
    if len(sys.argv) > 3:
        from importlib.util import find_spec

        module, there, instead = sys.argv[3:]
        found = find_spec(module)
        assert found is not None
        assert found.origin is not None
        source = Path(found.origin).read_text(encoding="utf-8")
        assert source.count(there) == 1
        install(module, source.replace(there, instead))
    print(simulate(sys.argv[1], int(sys.argv[2])))
