"""`make mutants`: breaks each rule of the ledger and says which breaks no test noticed.

python -m tests.mutants.run [--only TEXT] [--kind core|statements|shorts] [--workers N]
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import hypothesis.stateful  # noqa: F401 - imported once, before the processes part
import pytest
from hypothesis import Phase, settings

from tests.mutants.broken import install
from tests.mutants.equivalent import EQUIVALENT
from tests.mutants.operators import mutants
from tests.mutants.short_statements import SHORT_STATEMENTS
from tests.mutants.statements import AUDIT, COMPARE, EXECUTION, PLAN, RECONCILE, RECONCILIATION, STATEMENTS, SYMBOLS

CORE = ("netting", "allocation", "settlement", "corrections")
# That a property fails is enough; nobody wants its smallest example.
settings.register_profile("mutants", phases=[Phase.explicit, Phase.generate], database=None, deadline=None)
settings.load_profile("mutants")
# The cheaper tests first: the first that fails is enough.
CORE_TESTS = (
    "tests/unit/portfolio/test_crossing.py",
    "tests/unit/portfolio/test_netting.py",
    "tests/unit/portfolio/test_settlement.py",
    "tests/unit/portfolio/test_allocation.py",
    "tests/unit/portfolio/test_split_orders.py",
)
RECONCILER, RESTING = "tests/integration/test_reconciler.py", "tests/integration/test_resting_signals.py"
STATEMENT_TESTS = (
    "tests/integration/test_execution_plan.py",
    "tests/integration/test_ledger.py",
    "tests/integration/test_fair_crossing.py",
    RESTING,
    RECONCILER,
)
# Where a mutant of a module is noticed soonest.
SOONEST = {
    PLAN: RESTING,
    EXECUTION: RESTING,
    SYMBOLS: RESTING,
    RECONCILE: RECONCILER,
    COMPARE: RECONCILER,
    RECONCILIATION: RECONCILER,
}
SHORT_TESTS = (
    "tests/integration/test_short_margin_and_fees.py",
    "tests/integration/test_short_positions_in_the_ledger.py",
    "tests/integration/test_parts_of_short_shares.py",
    "tests/integration/test_short_orders_live_and_in_the_backtest.py",
)
AUDIT_TESTS = ("tests/unit/portfolio/test_statement.py", "tests/integration/test_audit.py", RECONCILER)
_SECONDS = 600


@dataclass(frozen=True)
class Case:
    """A broken module, and the tests that should notice."""

    module: str
    name: str
    source: str
    tests: tuple[str, ...]


def cases() -> Iterator[Case]:
    """Every mutant that is not equivalent to the rule itself."""
    for name in CORE:
        module = f"stratforge.portfolio.{name}"
        for mutant in mutants(_source(module)):
            if not any(module.endswith(where) and text in mutant.name for where, text in EQUIVALENT):
                yield Case(module, mutant.name, mutant.source, CORE_TESTS)
    yield from broken_statements()


def broken_statements() -> Iterator[Case]:
    """The mutants by hand. Raises `AssertionError` for one whose statement has changed meanwhile."""
    for module, there, instead in STATEMENTS:
        source = _source(module)
        assert source.count(there) == 1, f"{module} holds {there!r} {source.count(there)} times"
        soonest = SOONEST.get(module, STATEMENT_TESTS[0])
        rest = [each for each in STATEMENT_TESTS if each != soonest]
        tests = AUDIT_TESTS if module == AUDIT else (soonest, *rest)
        yield Case(module, f"{there[:60]!r} -> {instead[:40]!r}", source.replace(there, instead), tests)
    for module, there, instead in SHORT_STATEMENTS:
        source = _source(module)
        assert source.count(there) == 1, f"{module} holds {there!r} {source.count(there)} times"
        yield Case(module, f"{there[:60]!r} -> {instead[:40]!r}", source.replace(there, instead), SHORT_TESTS)


def _source(module: str) -> str:
    found = importlib.util.find_spec(module)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).read_text(encoding="utf-8")


def noticed(case: Case) -> bool:
    """Returns whether a test fails with the broken module, in a process of its own."""
    options = ["-x", "-q", "-p", "no:cacheprovider", f"--timeout={_SECONDS}"]
    child = os.fork()
    if child == 0:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
            install(case.module, case.source)
            # The core is pure, so its tests need none of the fixtures.
            code = pytest.main([*options, *(["--noconftest"] if case.tests is CORE_TESTS else []), *case.tests])
            os._exit(min(int(code), 255))
    return os.waitpid(child, 0)[1] != 0


def _is_of(case: Case, kind: str | None) -> bool:
    if kind == "shorts":
        return case.tests is SHORT_TESTS
    return kind is None or (kind == "core") == (case.tests is CORE_TESTS)


def main() -> int:
    """Runs the mutants; 1 when one of them survived."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--kind", choices=("core", "statements", "shorts"))
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    chosen = [case for case in cases() if asked.only in f"{case.module} {case.name}" and _is_of(case, asked.kind)]
    for whole in {frozenset(case.tests): case for case in chosen}.values():
        healthy = Case(whole.module, "whole", _source(whole.module), whole.tests)
        assert not noticed(healthy), f"{whole.tests} fail without a mutant"
    killed: Counter[str] = Counter()
    survivors = []
    with ThreadPoolExecutor(asked.workers) as pool:
        for number, (case, found) in enumerate(zip(chosen, pool.map(noticed, chosen), strict=True), start=1):
            killed[case.module] += found
            if not found:
                survivors.append(case)
                print(f"SURVIVED {case.module} {case.name}", flush=True)
            if number % 20 == 0:
                print(f"{number} of {len(chosen)}", flush=True)
    for module, count in Counter(case.module for case in chosen).items():
        print(f"{module}: {killed[module]} of {count} killed")
    print(f"{sum(killed.values())} of {len(chosen)} killed; {len(EQUIVALENT)} kinds are equivalent")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
