"""What stands between a pause and the first bar: what is imported before it. Which functions start from a snapshot instead is in `test_production`."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from local_platform.synthesis import ROOT

_HEAVY = {"pandas", "pandas_ta_classic", "alpaca.data", "google", "fastapi", "matplotlib", "scipy", "numba"}
_FUNCTIONS = ("evaluator", "executor", "sandbox", "settler", "reconciler", "api")
# One after another in one process, for what they have in common takes most of the time: whichever of them imports it first, it is said.
_IMPORTS = f"""
import importlib, json, sys
found = {{}}
for function in {_FUNCTIONS}:
    importlib.import_module(f"functions.{{function}}.handler")
    found[function] = sorted(sys.modules)
print(json.dumps(found))
"""


def test_nothing_heavy_is_imported_on_the_way_of_a_bar_or_a_visitor() -> None:
    """In a process of its own, where everything is installed: that a package lacks it would say nothing of a local import."""
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTS],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "layers"), str(ROOT)))},
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {name: set(modules) for name, modules in json.loads(done.stdout.splitlines()[-1]).items()}
    # The API, which comes last, is what is written with it.
    assert "fastapi" in imported["api"]
    imported["api"] -= {"fastapi"}
    assert {name: modules & _HEAVY for name, modules in imported.items()} == {name: set() for name in _FUNCTIONS}
