"""`make sizes`: what every function's package and layers come to on Lambda, and how long its handler takes to import, against budgets.

The layers are built as for a deployment: the hashed requirements for Python 3.13 on arm64, with byte code. Imports are timed here, in a fresh process of this machine's Python with
compiled byte code, as ratios to a process that imports nothing.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from local_platform.synthesis import ROOT

from infra_cdk.constructs.bundling import compile_all, lambda_python
from infra_cdk.constructs.staging import stage_function
from tests.support.as_deployed import build

LIMIT = 250
# The api compiles strategies, so it carries numpy, whose OpenBLAS alone is 25 MB.
BUDGETS = {"api": 80, "evaluator": 75, "sandbox": 50, "mcp": 40, "executor": 120, "assistant": 100}
# Function -> requirements, as the stacks have it (a test compares).
KINDS = {
    "api": "api",
    "archiver": "broker",
    "assistant": "assistant",
    "auditor": "broker",
    "backtester": "broker",
    "cleaner": "engine",
    "deliverer": "engine",
    "doorkeeper": "engine",
    "evaluator": "engine",
    "examiner": "engine",
    "executor": "broker",
    "realtime": "engine",
    "mailer": "engine",
    "mcp": "mcp",
    "migrator": "engine",
    "notifier": "engine",
    "operators": "api",
    "reconciler": "broker",
    "redriver": "engine",
    "researcher": "broker",
    "rotator": "engine",
    "sandbox": "sandbox",
    "settler": "engine",
}


@dataclass(frozen=True, slots=True)
class Size:
    """A function's megabytes unzipped, its own and its layers': without byte code, which is what has a budget, and with it, as Lambda has them."""

    function: str
    kind: str
    megabytes: float
    compiled: float

    @property
    def budget(self) -> int:
        """What it may come to."""
        return BUDGETS.get(self.function, LIMIT)


def _megabytes(*folders: Path, compiled: bool) -> float:
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in files if compiled or path.suffix != ".pyc") / 1e6


def sizes() -> list[Size]:
    """All functions."""
    with tempfile.TemporaryDirectory(prefix="stratforge-sizes-") as name:
        folder = Path(name)
        python = lambda_python()
        if python is None:
            sys.exit("make sizes: Python 3.13 is needed, whose byte code Lambda reads")
        layers = {kind: build(folder / kind, kind, [], python) for kind in sorted(set(KINDS.values()))}
        found = []
        for function, kind in KINDS.items():
            own = folder / "own"
            stage_function(function, own)
            compile_all(own, python)
            sizes = [_megabytes(layers[kind], own, compiled=compiled) for compiled in (False, True)]
            found.append(Size(function, kind, *sizes))
        return found


def _seconds(statement: str) -> float:
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", statement],
            check=True,
            cwd=ROOT,
            capture_output=True,
            env={"PYTHONPATH": f"{ROOT}/layers:{ROOT}"},
        )
        best = min(best, time.perf_counter() - began)
    return best


def main() -> int:
    """Prints the table; 1 when a budget is exceeded."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Functions on Lambda (unzipped) and cold imports here")
    for column in ("function", "layer", "MB", "budget", "MB with byte code", "import, s", "x an empty process"):
        table.add_column(column, justify="left" if column in ("function", "layer") else "right")
    floor = _seconds("pass")
    found = sizes()
    for each in found:
        seconds = _seconds(f"import functions.{each.function}.handler")
        over = "" if each.megabytes <= each.budget else " over"
        table.add_row(
            each.function,
            each.kind,
            f"{each.megabytes:.1f}{over}",
            f"{each.budget}",
            f"{each.compiled:.1f}",
            f"{seconds:.2f}",
            f"{seconds / floor:.0f}",
        )
    Console().print(table)
    return int(any(each.megabytes > each.budget or each.compiled > LIMIT for each in found))


if __name__ == "__main__":
    sys.exit(main())
