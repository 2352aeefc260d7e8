"""What stands between a pause and the first bar: what is imported before it. Which functions start from a snapshot instead is in `test_production`."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from local_platform.synthesis import ROOT

_HEAVY = {"pandas", "pandas_ta_classic", "alpaca.data", "google", "fastapi", "matplotlib", "scipy", "numba"}


@pytest.mark.parametrize("function", ["evaluator", "executor", "sandbox", "settler", "reconciler", "api"])
def test_nothing_heavy_is_imported_on_the_way_of_a_bar_or_a_visitor(function: str) -> None:
    """In a process of its own, where everything is installed: that a package lacks it would say nothing of a local import."""
    code = f"import functions.{function}.handler, json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "layers"), str(ROOT)))},
        capture_output=True,
        text=True,
        check=True,
    )
    modules = set(json.loads(done.stdout.splitlines()[-1]))
    assert modules & (_HEAVY - {"fastapi"} if function == "api" else _HEAVY) == set()
