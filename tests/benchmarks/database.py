"""A PostgreSQL server for a benchmark, removed with all it held."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local_platform.postgres import Postgres
from local_platform.processes import Supervisor


@contextmanager
def server() -> Iterator[Postgres]:
    """A running server in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="stratforge-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        found = Postgres(folder / "postgres", "bench", folder / "logs")
        found.prepare()
        supervisor = Supervisor(lambda text: print(text, file=sys.stderr))
        supervisor.add(found.process())
        try:
            yield found
        finally:
            supervisor.stop()
