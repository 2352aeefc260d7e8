"""State that is kept between runs: one folder, used by one run at a time."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from local_platform.failures import StartError
from local_platform.postgres import place_for_everybody
from local_platform.processes import end_leftovers

# What a platform makes in its folder, and a new beginning forgets. Other platforms may have their folders in it, and run.
OWN = ("alpaca", "engine", "gateway.json", "ingestor-heartbeat", "logs", "passwords.json", "postgres")


@dataclass(frozen=True, slots=True)
class Passwords:
    """Passwords of this machine's platform, made once."""

    database_owner: str
    database_api: str
    database_engine: str
    signing_key: str
    demo_account: str


class StateFolder:
    """The state folder `.stratforge`, locked for this run."""

    def __init__(self, path: Path, *, fresh: bool) -> None:
        """
        Raises:
            StartError: if another run uses the folder, or what is in it cannot be used.
        """
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = self._take_lock()
        except OSError as error:
            raise StartError(f"the folder {path} cannot be used: {error}") from error
        self.registry = path / "processes.json"
        # Of a run that was killed; first of all, for they write into what a new beginning forgets.
        self.ended = end_leftovers(self.registry)
        self._databases = (path / "postgres", place_for_everybody(path / "postgres"))
        if fresh:
            for each in (*(path / name for name in OWN), *self._databases):
                shutil.rmtree(each) if each.is_dir() else each.unlink(missing_ok=True)
        self.logs = path / "logs"
        self.logs.mkdir(exist_ok=True)
        self.passwords = self._passwords()

    def _take_lock(self) -> TextIO:
        lock = (self.path / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise StartError(
                f"another run uses {self.path}; stop it first with Ctrl-C, or from anywhere with: kill {lock.read().strip()}"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        return lock

    def _passwords(self) -> Passwords:
        file = self.path / "passwords.json"
        if not file.exists():
            if any(each.exists() for each in self._databases):
                raise StartError(f"{file} is missing but there is a database; run again with --fresh to begin anew")
            names = Passwords.__slots__
            made = {name: secrets.token_urlsafe(24) for name in names}
            # What is there is whole.
            working = file.with_suffix(".new")
            with os.fdopen(os.open(working, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as output:
                json.dump(made, output)
            working.replace(file)
        try:
            return Passwords(**json.loads(file.read_text()))
        except (ValueError, TypeError) as error:
            raise StartError(f"{file} is broken; run again with --fresh to begin anew") from error

    def close(self) -> None:
        """Lets another run use the folder."""
        self._lock.close()
