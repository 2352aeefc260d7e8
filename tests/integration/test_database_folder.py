"""The folder of the platform's database: whole or not there, whatever happened while it was made."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import psycopg
import pytest
from local_platform.postgres import Postgres
from local_platform.state import StateFolder
from local_platform.synthesis import ROOT

MAKE = """
import sys
from pathlib import Path
from local_platform.postgres import Postgres
Postgres(Path(sys.argv[1]), "password", Path(sys.argv[1])).prepare()
"""


def test_a_run_that_is_killed_while_it_makes_the_database_leaves_nobody_and_the_next_one_makes_it(
    state_folder: Path,
) -> None:
    folder = state_folder / "half-made"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("layers", "localstack"))}
    process = subprocess.Popen([sys.executable, "-c", MAKE, str(folder)], env=environment)
    # The version is the first that stands in a folder, long before it is whole.
    while not (folder / "making" / "PG_VERSION").exists():
        assert process.poll() is None
        time.sleep(0.002)
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(family, 20)
    assert [each for each in alive if each.status() != psutil.STATUS_ZOMBIE] == []
    assert not (folder / "data").exists()
    again = Postgres(folder, "password", state_folder / "logs")
    again.prepare()
    server = again.process()
    server.start()
    try:
        server.wait_until_ready(60)
        again.ensure_database()
        with psycopg.connect(again.conninfo()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's database runs as another user")
def test_a_new_beginning_forgets_the_database_of_a_folder_that_others_may_not_enter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as root's home: the database lies elsewhere then."""
    reachable = Path(tempfile.mkdtemp(prefix="stratforge-tests-"))
    reachable.chmod(0o755)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(reachable))
    state = tmp_path / ".stratforge"
    state.mkdir()
    tmp_path.chmod(0o700)
    try:
        for fresh in (False, True):
            folder = StateFolder(state, fresh=fresh)
            made = Postgres(state / "postgres", folder.passwords.database_owner, folder.logs)
            made.prepare()
            assert not made.folder.is_relative_to(state)
            server = made.process()
            server.start()
            try:
                server.wait_until_ready(60)
            finally:
                server.stop()
                folder.close()
    finally:
        shutil.rmtree(reachable)
