"""What the ledger cannot follow holds up its own symbol, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from stratforge.market.corporate_actions import ActionKind

from tests.integration.test_corporate_actions import TOMORROW, announce, one, world
from tests.support.ledger import OPEN
from tests.support.world import World

__all__ = ["world"]


@pytest.mark.parametrize(
    "error",
    ["check_violation", "numeric_value_out_of_range", "lock_not_available", "deadlock_detected", "query_canceled"],
)
def test_an_error_of_one_action_lets_the_rest_of_a_pass_go_on(world: World, error: str) -> None:
    with world.database.transaction() as connection:
        connection.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{error}'; END $$"
        )
        connection.execute("CREATE TRIGGER refuse BEFORE INSERT ON adjustments FOR EACH ROW EXECUTE FUNCTION refuse()")
    announce(world, ActionKind.SPLIT, TOMORROW, ratio=Decimal(2))
    world.broker.now_at = OPEN + timedelta(hours=15)
    world.exchange.positions["AAPL"] *= 2
    try:
        assert world.reconciler.run().undecided
        assert one(world, "SELECT obstacle IS NOT NULL, applied_at FROM corporate_actions") == (True, None)
    finally:
        with world.database.transaction() as connection:
            connection.execute("DROP TRIGGER refuse ON adjustments")
        # Once the cause is gone it is followed.
        assert world.reconciler.run().splits
        assert one(world, "SELECT quantity FROM positions") == (200,)


@pytest.mark.parametrize("ratio", [0, -2])
def test_a_split_that_cannot_be_lets_the_rest_of_a_pass_go_on(world: World, ratio: int) -> None:
    announce(world, ActionKind.SPLIT, TOMORROW, ratio=Decimal(ratio))
    world.broker.now_at = OPEN + timedelta(hours=15)
    world.reconciler.run()
    assert one(world, "SELECT quantity FROM positions") == (100,)
