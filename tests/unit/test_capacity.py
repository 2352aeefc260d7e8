"""The cost and the scale of a deployment: what must hold of any model, and that it tells what the local stack showed."""

from __future__ import annotations

import dataclasses

import pytest

from infra_cdk.capacity import scale
from infra_cdk.capacity.calibration import Compared, crowd, document, predicted
from infra_cdk.capacity.cost import INSTANCES, Item, bill, database_for
from infra_cdk.capacity.footprint import DatabaseSize, Footprint, FunctionSize, runs_a_month
from infra_cdk.capacity.measured import DatabaseWork, Line, Load, Measured
from infra_cdk.capacity.prices import PRICES
from infra_cdk.capacity.scale import demands, look_at
from infra_cdk.capacity.simulation import Outcome, popularity, simulate
from infra_cdk.capacity.stage import QUOTAS, Function, Stage, one_machine, production

MEASURED = Measured.read()
# What must hold of the model holds of any measurements: these stay as they are when others are made.
STEADY = dataclasses.replace(
    MEASURED,
    evaluator=Line(0.014, 3e-5),
    sandbox=Line(0.0005, 2.3e-5),
    executor=Line(0.014, 1.9e-5),
    settler=Line(0.004, 2e-5),
    database=DatabaseWork(
        evaluator=Line(0.002, 1.7e-5),
        executor=Line(0.002, 1.7e-5),
        settler=Line(0.002, 1.7e-5),
        others=Line(0.0, 0.0),
        user=0.0,
    ),
    rest=Line(0.02, 0.0),
    look=0.001,
    signals_a_bar=1.0,
)
_FUNCTIONS = (
    "evaluator",
    "executor",
    "settler",
    "api",
    "assistant",
    "backtester",
    "notifier",
    "deliverer",
    "mailer",
    "realtime",
    "mcp",
)
# A stage of everything that has a price.
FOOTPRINT = Footprint(
    counts={"AWS::EC2::NatGateway": 1, "AWS::SecretsManager::Secret": 6, "AWS::KMS::Key": 1, "AWS::Lambda::Version": 1},
    functions={
        **dict.fromkeys(_FUNCTIONS, FunctionSize(512)),
        "sandbox": FunctionSize(1769),
        "reconciler": FunctionSize(512, snap_start=True),
    },
    database=DatabaseSize("instance", "t4g.medium", 2, 50.0, 14),
    task_vcpu=0.5,
    task_gb=1.0,
    addresses=1,
    alarm_metrics=40,
    fifo_queues=5,
    standard_queues=3,
    scheduled={"reconciler": runs_a_month("rate(1 minute)")},
    snapshots=runs_a_month("rate(1 minute)"),
)


def lines(load: Load, footprint: Footprint = FOOTPRINT) -> dict[str, Item]:
    """The bill's lines by what they are for."""
    return {each.what: each for each in bill(load, MEASURED, footprint)}


def total(load: Load, footprint: Footprint = FOOTPRINT) -> float:
    """Dollars of a month."""
    return sum(each.dollars for each in bill(load, MEASURED, footprint))


def line(load: Load, beginning: str, footprint: Footprint = FOOTPRINT) -> Item:
    """The only line whose name begins so."""
    (found,) = [each for what, each in lines(load, footprint).items() if what.startswith(beginning)]
    return found


def test_more_users_and_more_symbols_cost_more_and_each_user_less() -> None:
    small, large = total(Load(10, 10)), total(Load(1_000, 100))
    assert small < large
    assert large / 1_000 < small / 10


def test_every_line_is_a_quantity_at_a_price() -> None:
    for each in bill(Load(100, 50), MEASURED, FOOTPRINT):
        assert each.quantity >= 0, each
        assert each.dollars == each.quantity * each.price.dollars
        assert each.price in PRICES.values()


def test_every_price_says_its_unit_its_page_and_its_month() -> None:
    for name, price in PRICES.items():
        assert price.dollars > 0, name
        assert price.unit, name
        assert price.source.startswith("aws.amazon.com/"), name
        year, month = price.date.split("-")
        assert (2025, 1) <= (int(year), int(month)) <= (2030, 12), name


def test_an_idle_function_costs_nothing_for_what_it_does_not_do() -> None:
    quiet, busy = Load(100, 50, signal_rate=0.0), Load(100, 50, signal_rate=0.2)
    assert line(quiet, "settler").dollars == 0
    assert line(busy, "settler").dollars > 0
    assert line(quiet, "evaluator").dollars == line(busy, "evaluator").dollars


def test_a_function_with_less_memory_takes_longer_and_costs_no_less_for_its_processor() -> None:
    """1,769 MB is a core: 512 MB has 0.29 of one, so a measured second takes 3.5, and costs as much as on a whole core."""
    load = Load(100, 50)
    half = dataclasses.replace(FOOTPRINT, functions={**FOOTPRINT.functions, "backtester": FunctionSize(512)})
    whole = dataclasses.replace(FOOTPRINT, functions={**FOOTPRINT.functions, "backtester": FunctionSize(1769)})
    assert FunctionSize(512).cores == pytest.approx(0.29, abs=0.005)
    costs = [line(load, "backtester", each).dollars for each in (half, whole)]
    assert costs[0] == pytest.approx(costs[1], rel=0.01)
    # More than a core is of no use to one thread.
    assert FunctionSize(3538).cores == 1.0


def test_two_zones_cost_twice_for_the_instance_and_for_its_storage() -> None:
    single = dataclasses.replace(FOOTPRINT, database=dataclasses.replace(FOOTPRINT.database, copies=1))
    load = Load(10, 10)
    assert line(load, "db.t4g.medium").quantity == 2 * line(load, "db.t4g.medium", single).quantity
    assert line(load, "storage in 2 zones").quantity == 100.0
    assert line(load, "storage in 1 zone", single).quantity == 50.0


def test_a_user_s_equity_is_noted_as_often_as_the_schedule_says() -> None:
    often = dataclasses.replace(FOOTPRINT, snapshots=43_800.0)
    seldom = dataclasses.replace(FOOTPRINT, snapshots=8_190.0)
    users = Load(200_000, 10)
    stored = [line(users, "storage in 2 zones", each).quantity for each in (often, seldom)]
    # Only of two days is every note kept, in two zones.
    difference = 2 * 2 * 200_000 * (43_800 - 8_190) * 12 / 365 * MEASURED.bytes_a_snapshot / 1e9
    assert stored[0] - stored[1] == pytest.approx(difference)


def test_a_users_equity_of_a_year_is_two_megabytes() -> None:
    several = [line(Load(users, 10), "storage in 2 zones").quantity / 2 for users in (200_000, 300_000)]
    active = dataclasses.replace(FOOTPRINT, snapshots=0.0)
    without = [line(Load(users, 10), "storage in 2 zones", active).quantity / 2 for users in (200_000, 300_000)]
    a_user = (several[1] - several[0] - without[1] + without[0]) / 100_000 * 1e9
    assert a_user == pytest.approx(11_888 * MEASURED.bytes_a_snapshot, rel=0.001)


def test_endpoints_are_paid_by_zone_and_gateways_by_gigabyte() -> None:
    endpoints = dataclasses.replace(FOOTPRINT, endpoint_zones=15)
    assert line(Load(10, 10), "interface endpoints", endpoints).dollars == pytest.approx(109.5)
    assert line(Load(100, 50), "market data").quantity > line(Load(100, 50), "market data", endpoints).quantity > 0


def test_nobody_costs_what_stands_there_all_the_same() -> None:
    idle = lines(Load(0, 0))
    assert idle["executor, 512 MB"].dollars == 0
    assert idle["invocations"].quantity == pytest.approx(43_800)
    assert idle["secrets"].dollars == pytest.approx(2.4)
    assert idle["snapshots kept"].dollars == pytest.approx(0.5 * 730 * 3600 * 0.0000015046)
    assert total(Load(0, 0)) > 100


@pytest.mark.parametrize(
    ("expression", "runs"),
    [
        ("rate(1 minute)", 43_800),
        ("rate(5 minutes)", 8_760),
        ("rate(12 hours)", 730 / 12),
        ("cron(0 3 * * ? *)", 730 / 24),
        ("cron(*/5 13-20 ? * MON-FRI *)", 12 * 8 * 730 / 24 * 5 / 7),
        ("cron(0,30 0/6 ? * 2,4 *)", 2 * 4 * 730 / 24 * 2 / 7),
    ],
)
def test_schedules_run_as_often_as_they_say(expression: str, runs: float) -> None:
    assert runs_a_month(expression) == pytest.approx(runs)


def test_what_is_no_schedule_is_told() -> None:
    with pytest.raises(ValueError, match="every day"):
        runs_a_month("every day")


def test_a_larger_load_never_gets_a_smaller_database() -> None:
    sizes = [list(INSTANCES).index(database_for(Load(users, users), MEASURED)) for users in (10, 1_000, 20_000)]
    assert sizes == sorted(sizes)
    assert database_for(Load(10, 10), MEASURED, smallest="t4g.micro") == "t4g.micro"


def test_popularity_adds_up_and_falls() -> None:
    load = Load(1_000, 100)
    found = popularity(load)
    assert len(found) == 100
    assert found == sorted(found, reverse=True)
    assert sum(found) == pytest.approx(load.sessions, rel=0.05)


def test_the_same_seed_gives_the_same_minutes() -> None:
    load = Load(200, 40)
    first, second = (simulate(load, STEADY, production(), minutes=2, seed=3) for _ in range(2))
    assert first.lags == second.lags
    assert first.lags


def test_where_all_trade_evenly_no_symbol_is_everybodys() -> None:
    assert set(popularity(Load(500, 100, sessions_a_user=1.0, evenly=True))) == {5}


def _broken(load: Load, stage: Stage) -> dict[str, float]:
    outcome = simulate(load, STEADY, stage, minutes=2)
    return {each.remedy: each.part for each in demands(load, STEADY, stage, outcome)}


def test_alpaca_s_limit_breaks_when_more_symbols_trade_than_it_takes() -> None:
    load, stage = Load(5_000, 400, signal_rate=0.2), dataclasses.replace(production(), alpaca_a_minute=100)
    outcome = simulate(load, STEADY, stage, minutes=2)
    assert outcome.unsent > 0
    assert outcome.quantile(0.99) == float("inf")
    looked = look_at(load, STEADY, stage, minutes=2)
    assert any("Alpaca takes 100" in each.what for each in looked.steps)
    assert looked.after.quantile(0.99) < 60
    assert look_at(Load(10, 8), STEADY, production(), minutes=2).steps == ()


def test_topics_end_and_a_stream_is_turned_on() -> None:
    looked = look_at(Load(10, 1_200, signal_rate=0.01), STEADY, production(), minutes=1)
    assert "-c bars=stream" in looked.steps[0].remedy
    assert looked.nearest.part < 1


def test_less_of_a_core_a_cold_start_a_slow_mapping_and_a_hop_all_cost_time() -> None:
    load, stage = Load(300, 100, signal_rate=0.1), dataclasses.replace(production(), alpaca_a_minute=100_000)
    usual = simulate(load, STEADY, stage, minutes=2).settled_by(0.9)
    less = {name: dataclasses.replace(each, cores=each.cores / 4) for name, each in stage.functions.items()}
    cold = {name: dataclasses.replace(each, cold=10.0) for name, each in stage.functions.items()}
    slower = (
        dataclasses.replace(stage, functions=less),
        dataclasses.replace(stage, functions=cold),
        dataclasses.replace(stage, hop=1.0),
        dataclasses.replace(stage, fill=5.0),
        dataclasses.replace(stage, published_a_second=20.0),
        dataclasses.replace(stage, database_cores=1),
    )
    for each in slower[:-1]:
        assert simulate(load, STEADY, each, minutes=2).settled_by(0.9) > usual
    warm = dataclasses.replace(
        stage, functions={name: dataclasses.replace(each, cold=0.0) for name, each in stage.functions.items()}
    )
    one = dataclasses.replace(warm, first_batches=1.0, more_batches=0.0)
    assert simulate(load, STEADY, one, minutes=1).settled_by(0.9) > simulate(load, STEADY, warm, minutes=1).settled_by(
        0.9
    )
    busy = dataclasses.replace(STEADY, database=dataclasses.replace(STEADY.database, evaluator=Line(0.067, 1.7e-5)))
    few, many = (simulate(load, busy, each, minutes=1).settled_by(0.9) for each in (slower[-1], stage))
    assert few > many


def test_a_mapping_works_on_no_more_batches_than_it_has_got_to() -> None:
    stage = dataclasses.replace(production(), first_batches=2.0, more_batches=0.0)
    assert simulate(Load(500, 100), STEADY, stage, minutes=1).most["evaluator"] == 2
    assert simulate(Load(500, 100), STEADY, production(), minutes=1).most["evaluator"] > 2


def test_more_new_environments_than_lambda_begins_in_ten_seconds_wait_for_their_turn() -> None:
    crowd_of_symbols = Load(1_000, 1_500, sessions_a_user=1.0, signal_rate=0.0, evenly=True)
    wide = dataclasses.replace(production(), first_batches=float("inf"), batch=1, published_a_second=1e6, hop=0.0)
    for name in ("evaluator", "sandbox"):
        function = dataclasses.replace(wide.functions[name], at_once=10_000, cold=30.0)
        wide = dataclasses.replace(wide, functions={**wide.functions, name: function})
    begun = {}
    for rate in (1.0, 10.0, float("inf")):
        outcome = simulate(crowd_of_symbols, STEADY, dataclasses.replace(wide, new_environments=rate), minutes=1)
        begun[rate] = outcome.most["sandbox"]
    # Of what restores for 30 s, those have begun by then that ten seconds' worth and the rate of 30 s allow.
    assert begun[1.0] <= 10 + 31 < begun[10.0] <= 100 + 310 < begun[float("inf")]


def test_what_breaks_with_everything_turned_on_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scale, "SIZES", (Load(10_000, 2_000),))
    monkeypatch.setattr(scale, "_MOST_REMEDIES", 1)
    monkeypatch.setattr("sys.argv", ["scale", "--minutes", "2"])
    scale.main()
    assert "STILL" in capsys.readouterr().out
    monkeypatch.setattr(scale, "SIZES", (Load(10, 10),))
    scale.main()
    assert "STILL" not in capsys.readouterr().out


def test_a_symbol_has_one_block_at_a_time() -> None:
    """With one symbol an order waits until the one before is settled: of two shards at most three blocks a minute come."""
    load = Load(1_000, 1, sessions_a_user=1.0, signal_rate=1.0)
    outcome = simulate(load, STEADY, production(), minutes=3)
    assert 3 <= outcome.orders <= 9
    assert len(outcome.settled) <= outcome.orders


def test_what_an_idea_says_it_says_at_once() -> None:
    alone = Load(3_000, 3, signal_rate=0.05, shared_signals=0.0)
    together = dataclasses.replace(alone, shared_signals=1.0)
    orders = [simulate(each, STEADY, production(), minutes=10).orders for each in (alone, together)]
    assert orders[1] < orders[0] / 2, "the same signals come on fewer bars"


def test_pages_prices_what_is_told_and_what_is_written_grow_with_users_and_symbols() -> None:
    few, many = _broken(Load(100, 50), production()), _broken(Load(2_000, 500), production())
    for remedy in few:
        if any(word in remedy for word in ("`api`", "`quotes`", "told", "throughput", "Kinesis, 500")):
            assert many[remedy] > few[remedy], remedy


def test_the_ingestor_s_task_gets_a_core_before_bars_go_over_a_stream() -> None:
    load, stage = Load(10, 20_000, signal_rate=0.0), dataclasses.replace(production(), topics=None)
    half, whole = stage.with_ingestor(512), stage.with_ingestor(1_024)
    assert stage.published_a_second == half.published_a_second == whole.published_a_second / 2
    quiet = Outcome()
    for has, remedy in ((half, "ingestor_cpu=1024"), (whole, "over Kinesis")):
        (demand,) = [each for each in demands(load, STEADY, has, quiet) if "the ingestor publishes" in each.what]
        assert remedy in demand.remedy
        assert demand.turn is not None
        assert demand.turn(has).published_a_second > has.published_a_second


def test_where_nobody_trades_nothing_is_late() -> None:
    quiet = Load(10, 10, signal_rate=0.0)
    outcome = simulate(quiet, STEADY, production(), minutes=1)
    assert (outcome.orders, outcome.quantile(0.99), outcome.settled_by(0.99)) == (0, 0.0, 0.0)
    assert outcome.seconds["evaluator"] > 0
    assert look_at(quiet, STEADY, production(), minutes=1).steps == ()


def test_an_executor_that_is_woken_for_nothing_works_all_the_same() -> None:
    dear = dataclasses.replace(STEADY, look=0.5)
    load = Load(2_000, 1, sessions_a_user=1.0, signal_rate=1.0, evenly=True)
    cheap, looking = (simulate(load, each, production(), minutes=1).seconds["executor"] for each in (STEADY, dear))
    # Each of its shards wakes it, and one block is at work at a time.
    assert looking > cheap + 0.4


def test_the_database_works_for_users_who_do_nothing_and_for_what_nobody_waits_for() -> None:
    load, machine = crowd(100, 5, users=10_000), one_machine(2, alpaca_a_minute=10_000)
    assert load.sessions == 100
    base = STEADY.database
    users = dataclasses.replace(STEADY, database=dataclasses.replace(base, user=1e-3))
    kept = dataclasses.replace(STEADY, database=dataclasses.replace(base, others=Line(0.1, 0.01)))
    usual, of_users, with_others = (simulate(load, each, machine, minutes=1) for each in (STEADY, users, kept))
    assert of_users.seconds["database"] - usual.seconds["database"] == pytest.approx(10.0, rel=0.05)
    # Five bars, and an order of each session.
    assert with_others.seconds["database"] - usual.seconds["database"] == pytest.approx(1.5, rel=0.05)


def test_every_quota_says_where_it_is_from() -> None:
    for name, quota in QUOTAS.items():
        assert quota.value > 0, name
        assert "." in quota.source, name


def test_one_machine_has_no_more_cores_than_it_has() -> None:
    """However much comes at once, two cores do two seconds of work in a second."""
    load = Load(1_000, 20, sessions_a_user=1.0, signal_rate=1.0, evenly=True)
    machine = one_machine(2, alpaca_a_minute=10_000)
    outcome = simulate(load, STEADY, machine, minutes=1)
    work = 20 * (STEADY.rest.of(0) + STEADY.evaluator.of(50) + STEADY.sandbox.of(50) + STEADY.database.evaluator.of(50))
    assert max(outcome.lags) > 0.75 * work / 2
    assert outcome.quantile(0.99) < simulate(load, STEADY, one_machine(1, alpaca_a_minute=10_000), minutes=1).quantile(
        0.99
    )
    assert all(isinstance(each, Function) for each in machine.functions.values())


def test_what_it_says_of_the_local_stack_follows_the_seconds_of_processors_alone() -> None:
    other = dataclasses.replace(STEADY, bar_to_order_p50=9.0, bar_to_order_p99=99.0)
    load = crowd(500, 5, STEADY.signals_a_bar)
    said = predicted(load, STEADY, 2, 10_000)
    assert predicted(load, other, 2, 10_000).lags == said.lags
    slower = dataclasses.replace(STEADY, rest=Line(0.2, 1e-4))
    assert predicted(load, slower, 2, 10_000).quantile(0.5) > said.quantile(0.5)


def _one_at_a_time(load: Load, **changes: object) -> Outcome:
    return simulate(load, STEADY, dataclasses.replace(one_machine(2, alpaca_a_minute=10_000), **changes), minutes=1)  # type: ignore[arg-type] # its own fields


def test_the_local_engine_hands_over_one_batch_at_a_time_and_its_groups_side_by_side() -> None:
    load = Load(400, 40, sessions_a_user=1.0, signal_rate=0.0, evenly=True)
    assert _one_at_a_time(load).most["evaluator"] == 2, "as many as there are cores"
    assert _one_at_a_time(load, groups_apart=False).most["evaluator"] == 1
    # Whoever waits for the slowest of a batch is done later than whoever gets the next message at once.
    trading = dataclasses.replace(load, signal_rate=1.0)
    steady = dataclasses.replace(STEADY, evaluator=Line(0.5, 0.0))
    machine = one_machine(8, alpaca_a_minute=10_000)
    at_once = dataclasses.replace(machine, first_batches=float("inf"), batch=1)
    last = [max(simulate(trading, steady, each, minutes=1).lags) for each in (machine, at_once)]
    assert last[0] > last[1]


def test_orders_that_are_filled_in_two_parts_are_settled_twice() -> None:
    load = Load(100, 20, sessions_a_user=1.0, signal_rate=1.0, evenly=True)
    whole, parts = (_one_at_a_time(load, partial_fills=each) for each in (0.0, 1.0))
    assert whole.orders == parts.orders == len(parts.settled) == 20
    assert parts.settled_by(0.5) > whole.settled_by(0.5)


def test_bars_of_a_market_that_is_replayed_faster_come_sooner() -> None:
    load = Load(50, 5, sessions_a_user=1.0, signal_rate=1.0, evenly=True)
    fast = dataclasses.replace(one_machine(2, alpaca_a_minute=10_000), seconds_a_bar=3.0)
    outcome = simulate(load, STEADY, fast, minutes=4)
    assert (outcome.orders, outcome.minutes) == (20, 4)


def test_the_table_says_where_the_model_misses() -> None:
    near, far = Compared("near", 1.2, 1.0), Compared("far", 1.0, 1.5)
    page = document([near, far], STEADY, "2026-11-27")
    assert "1 of 2 figures are within 30 %" in page
    assert "| near | 1.20 s | 1.00 s | 1.20 | yes |" in page
    assert "| far | 1.00 s | 1.50 s | 0.67 | **no** |" in page


def test_what_is_measured_is_of_both_sizes() -> None:
    asking = ("evaluator", "executor", "settler")
    lines = [getattr(MEASURED, name) for name in (*asking, "sandbox")]
    for line in (*lines, *(getattr(MEASURED.database, name) for name in asking)):
        assert line.fixed > 0
        assert line.each > 0
    assert dataclasses.asdict(MEASURED)["sessions"] >= 1_000
