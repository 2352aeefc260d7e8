"""The cost and the scale of a deployment: what must hold of any model, and that it tells what the local stack showed."""

from __future__ import annotations

import dataclasses

import pytest

from infra_cdk.capacity import prices
from infra_cdk.capacity.cost import bill, database_for
from infra_cdk.capacity.measured import Load, Measured
from infra_cdk.capacity.simulation import Limits, bites, popularity, simulate

MEASURED = Measured.read()


def total(load: Load, **options: bool) -> float:
    """Dollars of a month."""
    return sum(each.dollars for each in bill(load, MEASURED, **options))


def test_more_users_and_more_symbols_cost_more_and_each_user_less() -> None:
    small, large = total(Load(10, 10)), total(Load(1_000, 100))
    assert small < large
    assert large / 1_000 < small / 10


def test_development_costs_less_than_production() -> None:
    assert total(Load(10, 10), production=False) < 0.7 * total(Load(10, 10))


def test_every_line_is_a_quantity_at_a_price() -> None:
    for each in bill(Load(100, 50), MEASURED):
        assert each.quantity > 0, each
        assert each.dollars >= 0, each
    assert len(prices.DATE) == 7


def test_an_idle_function_costs_nothing_for_what_it_does_not_do() -> None:
    quiet = {each.what: each.dollars for each in bill(Load(100, 50, signal_rate=0.0), MEASURED)}
    busy = {each.what: each.dollars for each in bill(Load(100, 50, signal_rate=0.2), MEASURED)}
    assert quiet["settler"] == 0
    assert busy["settler"] > 0
    assert quiet["evaluator"] == busy["evaluator"]


def test_a_larger_load_never_gets_a_smaller_database() -> None:
    from infra_cdk.capacity.cost import INSTANCES

    sizes = [list(INSTANCES).index(database_for(Load(users, users), MEASURED)) for users in (10, 1_000, 20_000)]
    assert sizes == sorted(sizes)


def test_popularity_adds_up_and_falls() -> None:
    load = Load(1_000, 100)
    found = popularity(load)
    assert len(found) == 100
    assert found == sorted(found, reverse=True)
    assert sum(found) == pytest.approx(load.sessions, rel=0.05)


def test_the_same_seed_gives_the_same_minutes() -> None:
    load, limits = Load(200, 40), Limits()
    first, second = (simulate(load, MEASURED, limits, minutes=2, seed=3) for _ in range(2))
    assert first.lags == second.lags


def test_alpaca_s_limit_bites_when_more_symbols_trade_than_it_takes() -> None:
    load = Load(20_000, 600, signal_rate=0.2)
    limits = Limits(alpaca_a_minute=200)
    outcome = simulate(load, MEASURED, limits, minutes=3)
    assert any("Alpaca" in each for each in bites(load, outcome, limits))
    assert outcome.unsent > 0
    few = Load(10, 8)
    assert bites(few, simulate(few, MEASURED, limits, minutes=3), limits) == []


def test_less_of_a_resource_is_never_faster() -> None:
    load = Load(5_000, 300)
    many = simulate(load, MEASURED, Limits(connections=400), minutes=2)
    one = simulate(load, MEASURED, Limits(connections=1), minutes=2)
    assert one.quantile(0.5) > many.quantile(0.5)


def test_the_simulation_tells_what_the_local_stack_showed() -> None:
    """The measured run again, on as many cores: from a bar to its order within a factor of two and a half."""
    load = Load(MEASURED.sessions, MEASURED.symbols, sessions_a_user=1.0, signal_rate=MEASURED.signals_a_bar)
    # One process for each function and queue, as the local engine has it; it looks at a queue every 50 ms.
    limits = Limits(concurrency=3, cores=2, hop=0.06, alpaca_a_minute=4_000)
    outcome = simulate(load, MEASURED, limits, minutes=5)
    measured = MEASURED.bar_to_order_p50
    assert measured / 2.5 < outcome.quantile(0.5) < measured * 2.5


def test_what_is_measured_is_of_both_sizes() -> None:
    for name in ("evaluator", "sandbox", "executor", "settler"):
        line = getattr(MEASURED, name)
        assert line.fixed > 0
        assert line.each > 0, name
    assert dataclasses.asdict(MEASURED)["sessions"] >= 1_000
