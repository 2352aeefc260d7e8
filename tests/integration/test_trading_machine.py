"""Whatever happens in whatever order, the books add up after every step and everything ends well."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.databases import Databases
from tests.support.ground import STEPS
from tests.support.machine import machine
from tests.support.tiers import in_short
from tests.support.world import World

# `make soak` asks for more.
ENOUGH = 40
EXAMPLES = in_short(6, int(os.environ.get("SOAK_EXAMPLES", str(ENOUGH))))
STEPS_OF_ONE = 50


@pytest.mark.timeout(0)
def test_whatever_happens_the_books_add_up(databases: Databases) -> None:
    def make_world() -> tuple[World, Callable[[], None]]:
        stack = ExitStack()
        world = World(stack.enter_context(databases.borrowed()))
        stack.callback(world.close)
        return world, stack.close

    STEPS.clear()
    STEPS["count"] = 0
    run_state_machine_as_test(
        machine(make_world),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS_OF_ONE,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            # An example is shorter to read than to shrink: each step talks to a database.
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
        ),
    )
    print(STEPS)
    assert STEPS["count"] >= 2_000 * EXAMPLES / 60
    if EXAMPLES < ENOUGH:
        return
    # Enough of everything happened, or the books adding up says little.
    for what in ("trades", "crossed inside", "filled in parts", "recovered fills", "corrections", "splits", "fees in coins", "exits",
                 "flattened", "orders in several blocks", "waiting for buying power", "closed accounts"):  # fmt: skip
        assert STEPS.get(what, 0) > 0, what
