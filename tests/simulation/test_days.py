"""Days of trading from new seeds each time; a failure names its seed and how to see it again."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterator

import pytest
from local_platform.postgres import Postgres
from local_platform.synthesis import ROOT

from tests.conftest import copied_database
from tests.mutants.statements import STATEMENTS
from tests.simulation.runs import TEMPLATE, apart, prepare, simulate
from tests.support.tiers import in_short

# `make soak` gives more, and a seed that is given is run alone.
SECONDS = float(os.environ.get("SIMULATION_SECONDS", "30"))
SEED = os.environ.get("SIMULATION_SEED")
# What is broken, what must be noticed then, and the first of five seeds. The one that noticed it last is tried first, for each costs a day.
MUTANTS = (
    ("reserved_cash = u.reserved_cash - m.freed", "invariants", 1),
    ("cancel_after = coalesce(cancel_after, now() + %s)", "a block held up its symbol", 6),
    ("sum(quantity - fee_quantity) AS quantity", "", 1),
    ("filled_quantity = o.filled_quantity + f.quantity", "", 1),
)

NOTICED_LAST = ROOT / ".stratforge" / "seeds"

Fresh = Callable[[], Iterator[str]]


@pytest.fixture(scope="module")
def fresh(postgres: Postgres) -> Fresh:
    """Gives databases whose clock is the simulation's, one for each run."""
    prepare(postgres)
    return lambda: copied_database(postgres, TEMPLATE)


def _seeds(seconds: float) -> Iterator[int]:
    if SEED is not None:
        yield int(SEED)
        return
    ends = time.monotonic() + seconds
    yield secrets.randbelow(10**9)
    while time.monotonic() < ends:
        yield secrets.randbelow(10**9)


@pytest.mark.timeout(0)
def test_days_of_trading_keep_every_promise(fresh: Fresh) -> None:
    began, days = time.monotonic(), 0
    for seed in _seeds(in_short(0.0, SECONDS)):
        for conninfo in fresh():
            simulate(conninfo, seed)
            days += 1
    print(f"{days} days, {days / (time.monotonic() - began) * 60:.1f} a minute")


@pytest.mark.long
@pytest.mark.timeout(0)
def test_the_same_seed_is_the_same_day_whatever_the_process(fresh: Fresh) -> None:
    seed = secrets.randbelow(10**9)
    runs = [apart(conninfo, seed, hash_seed=number) for number in (1, 2) for conninfo in fresh()]
    assert runs[0].stdout, runs[0].stderr[-2000:]
    # The last line is the hash; what is logged before has the time of day.
    first, second = (each.stdout.splitlines()[-1] for each in runs)
    assert len(first) == 64
    assert first == second, seed


@pytest.mark.long
@pytest.mark.timeout(0)
@pytest.mark.parametrize(("there", "noticed", "first"), MUTANTS, ids=[there[:24] for there, _, _ in MUTANTS])
def test_a_broken_rule_breaks_a_promise(fresh: Fresh, there: str, noticed: str, first: int) -> None:
    broken = next(each for each in STATEMENTS if each[1] == there)
    kept = NOTICED_LAST / hashlib.sha256(there.encode()).hexdigest()[:16]
    last = int(kept.read_text()) if kept.exists() else first
    said = ""
    for seed in sorted(range(first, first + 5), key=lambda each: each != last):
        for conninfo in fresh():
            said = apart(conninfo, seed, *broken).stderr
        if "PromiseBroken" in said:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(str(seed))
            break
    assert "PromiseBroken" in said, said[-2000:]
    assert noticed in said
