"""A sweep too large for one function is worked on in parts, each as often as it is delivered, and ends with the report that one machine would have made."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from stratforge.application import sweep_trial
from stratforge.application.access import Caller
from stratforge.application.backtests import price_of_sweep
from stratforge.application.jobs import queueing, requests, study
from stratforge.application.jobs.backtest_strategy import backtest_strategy, report_study, sweep_of_study
from stratforge.application.jobs.requests import NewBacktest
from stratforge.application.jobs.results import FinishedBacktest, result_of
from stratforge.application.jobs.study import fail_study, finish_study, work_on_part
from stratforge.application.jobs.work import run_job
from stratforge.application.strategies import NewStrategy, StrategyChange, change_strategy, store_strategy
from stratforge.backtest import study as backtest_study
from stratforge.backtest.study import Plan, Tried
from stratforge.backtest.sweep import Sweepable, grid
from stratforge.market import Bar
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import backtests, jobs, studies
from stratforge.storage.strategies.jobs import Job, JobKind, JobStatus
from stratforge.storage.strategies.strategies import StoredStrategy

from tests.integration.application.test_jobs import Past
from tests.support.asking import NEW, Told
from tests.support.ledger import OPEN

SWEEP = {"FAST": [2.0, 3.0, 4.0, 5.0], "SLOW": [8.0, 10.0, 12.0, 15.0, 20.0]}
CODE = """
FAST, SLOW = 3, 8

def indicators(bars):
    return {"fast": ta.sma(bars.close, length=FAST), "slow": ta.sma(bars.close, length=SLOW)}

def on_bar(bar, position, state):
    if position.quantity == 0 and bar.fast > bar.slow:
        return buy()
    if position.quantity > 0 and bar.fast < bar.slow:
        return sell()
"""

BESIDE = """
LENGTH = 20

def indicators(bars):
    return {"mean": ta.sma(bars.of("SPY").close, length=LENGTH)}

def on_bar(bar, position, state):
    return buy() if bar.close > bar.mean else sell()
"""


@pytest.fixture
def crossing(database: Database, ada: Caller) -> StoredStrategy:
    """A strategy with two parameters."""
    return store_strategy(database, ada, NewStrategy(name="Crossing", symbol="AAPL", python_code=CODE), NEW)


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Sweepable, int]]:
    """Sweeps of which points were tried, and how many: each takes 11 ms."""
    found: list[tuple[Sweepable, int]] = []

    def try_out(sweeper: Sweepable, _sweep: object, tried: int) -> Tried:
        found.append((sweeper, tried))
        return Tried(len(sweeper.bars), 0.001, 0.011, 0.0, 0.0, {})

    monkeypatch.setattr(sweep_trial, "try_out", try_out)
    return found


class Machine:
    """The state machine: notes what it is to walk through."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.begun: list[tuple[object, int]] = []

    def start(self, job_id: object, parts: int) -> None:
        """Notes a study."""
        self.begun.append((job_id, parts))

    def begin(self, job: Job) -> Job:
        """A delivery of the job's message."""
        run_job(self.database, job.job_id, {JobKind.BACKTEST: lambda work: backtest_strategy(work, Past(), self.start)})
        return self.job(job)

    def part(self, job: Job, number: int, clock: Callable[[], float] = lambda: 0.0) -> bool:
        """A delivery of a part."""
        return work_on_part(self.database, job.job_id, number, sweep_of_study, clock)

    def finish(self, job: Job) -> Job:
        """The last step."""
        run_job(self.database, job.job_id, {JobKind.BACKTEST: lambda work: finish_study(work, report_study)})
        return self.job(job)

    def job(self, job: Job) -> Job:
        """The job as it stands."""
        with self.database.transaction() as connection:
            found = jobs.get_job(connection, job.job_id)
        assert found is not None
        return found

    def report(self, job: Job) -> dict[str, object]:
        """What the job made of its sweep."""
        done = result_of(self.job(job))
        assert isinstance(done, FinishedBacktest)
        with self.database.transaction() as connection:
            found = backtests.get_report(connection, done.backtest_id)
        assert found is not None
        return dict(found.report["sweep"])


@pytest.fixture
def machine(database: Database) -> Machine:
    """A state machine that does what the tests say."""
    return Machine(database)


@pytest.fixture
def ask(database: Database, outbox: Told, ada: Caller, crossing: StoredStrategy) -> Callable[[], Job]:
    """Asks for a sweep."""
    request = NewBacktest(strategy_id=crossing.strategy_id, sweep=SWEEP, folds=3)
    return lambda: queueing.request_backtest(database, outbox, ada, request, NEW)


@pytest.fixture
def small_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions that take six points at a time, so that twenty are a study."""
    monkeypatch.setattr(requests, "MAX_POINTS", 6)
    monkeypatch.setattr(study, "plan", lambda _sweeper, sweep, _folds: Plan(len(grid(sweep)), 6, 100.0))


@pytest.mark.usefixtures("small_functions")
def test_in_whatever_order_parts_are_done_the_report_is_that_of_one_machine(
    machine: Machine, ask: Callable[[], Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ask()
    begun = machine.begin(job)
    assert (begun.status, machine.begun) == (JobStatus.RUNNING, [(job.job_id, 4)])
    assert "20 points in 4 parts" in (begun.progress or "")
    order = [0, 1, 2, 3, 2, 0]
    random.Random(3).shuffle(order)
    assert all(machine.part(job, each) for each in order)
    assert machine.job(job).progress == "sweeping 20/20"
    assert machine.finish(job).status == JobStatus.SUCCEEDED
    found = machine.report(job)
    monkeypatch.setattr(requests, "MAX_POINTS", 400)
    alone = ask()
    assert machine.begin(alone).status == JobStatus.SUCCEEDED
    whole = machine.report(alone)
    key = str
    assert sorted(map(key, found.pop("points"))) == sorted(map(key, whole.pop("points")))  # type: ignore[call-overload] # lists
    told = found.pop("study")
    assert found == whole
    assert isinstance(told, dict)
    assert (told["parts"], told["points"]) == (4, 20)


@pytest.mark.usefixtures("small_functions")
def test_a_message_that_comes_again_plans_nothing_anew(
    machine: Machine, ask: Callable[[], Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ask()
    machine.begin(job)
    monkeypatch.setattr(study, "plan", lambda _sweeper, sweep, _folds: Plan(len(grid(sweep)), 1, 1.0))
    machine.begin(job)
    assert machine.begun == [(job.job_id, 4)] * 2


@pytest.mark.usefixtures("small_functions")
def test_a_canceled_study_works_on_no_part_and_reports_nothing(
    database: Database, ada: Caller, machine: Machine, ask: Callable[[], Job]
) -> None:
    job = ask()
    machine.begin(job)
    assert machine.part(job, 0)
    queueing.cancel_job(database, ada, job.job_id)
    assert not machine.part(job, 1)
    assert machine.finish(job).status == JobStatus.CANCELED
    with database.transaction() as connection:
        assert studies.done_so_far(connection, job.job_id).parts == 1


@pytest.mark.usefixtures("small_functions")
def test_a_study_that_costs_much_more_than_was_said_is_not_gone_on_with(
    machine: Machine, ask: Callable[[], Job]
) -> None:
    job = ask()
    machine.begin(job)
    times = iter([0.0, 60.0, 0.0, 101.0])
    assert machine.part(job, 0, lambda: next(times))
    assert not machine.part(job, 1, lambda: next(times))
    ended = machine.job(job)
    assert ended.status == JobStatus.FAILED
    assert "more than was said" in str(ended.error)
    assert not machine.part(job, 2)


@pytest.mark.usefixtures("small_functions")
def test_a_study_with_a_missing_part_is_no_report(machine: Machine, ask: Callable[[], Job], database: Database) -> None:
    job = ask()
    machine.begin(job)
    machine.part(job, 0)
    with pytest.raises(Exception, match="only 1 of the study's parts"):
        machine.finish(job)
    fail_study(database, job.job_id, "a part of it failed")
    assert machine.job(job).status == JobStatus.FAILED


@pytest.mark.usefixtures("small_functions")
def test_somebody_has_one_study_at_a_time(machine: Machine, ask: Callable[[], Job]) -> None:
    machine.begin(ask())
    refused = machine.begin(ask())
    assert refused.status == JobStatus.FAILED
    assert "under way" in str(refused.error)


def test_what_would_take_too_long_is_refused_with_its_price(
    machine: Machine, ask: Callable[[], Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "MAX_POINTS", 6)
    monkeypatch.setattr(study, "plan", lambda _sweeper, sweep, _folds: Plan(len(grid(sweep)), 1, 1e6))
    refused = machine.begin(ask())
    assert refused.status == JobStatus.FAILED
    assert "16,667 minutes of a core, $23.03" in str(refused.error)
    assert machine.begun == []


@pytest.mark.usefixtures("small_functions")
def test_a_study_runs_the_version_it_began_with(
    database: Database, ada: Caller, machine: Machine, ask: Callable[[], Job], crossing: StoredStrategy
) -> None:
    job = ask()
    machine.begin(job)
    change = StrategyChange(python_code=CODE.replace("return buy()", "return buy(fraction=0.5)"))
    change_strategy(database, ada, crossing.strategy_id, change)
    for number in range(4):
        assert machine.part(job, number)
    machine.finish(job)
    done = result_of(machine.job(job))
    assert isinstance(done, FinishedBacktest)
    with database.transaction() as connection:
        found = backtests.get_report(connection, done.backtest_id)
    assert found is not None
    assert found.strategy_version == crossing.version


def test_the_price_is_said_before_and_large_sweeps_are_priced_too(
    database: Database, ada: Caller, crossing: StoredStrategy
) -> None:
    wanted = NewBacktest(strategy_id=crossing.strategy_id)
    small = price_of_sweep(database, ada, wanted, SWEEP)
    large = {"FAST": [float(each) for each in range(2, 102)], "SLOW": [float(each) for each in range(200, 300)]}
    said = price_of_sweep(database, ada, wanted, large)
    assert (small.in_parts, said.in_parts, said.refusal) == (False, True, None)
    assert said.dollars == pytest.approx(said.seconds * study.DOLLARS_A_SECOND)
    assert said.points == 10_000


@pytest.mark.parametrize("recorded", [0, 40, 700])
def test_the_price_is_that_of_points_tried_on_the_bars_that_are_recorded(
    database: Database, ada: Caller, crossing: StoredStrategy, tried: list[tuple[Sweepable, int]], recorded: int
) -> None:
    """Where none are, or too few, a market is made up."""
    with database.transaction() as connection:
        market_data.ensure_months(connection, [OPEN])
        market_data.add_bars(
            connection, [Bar("AAPL", OPEN + timedelta(minutes=each), *[Decimal(7)] * 5) for each in range(recorded)]
        )
    said = price_of_sweep(database, ada, NewBacktest(strategy_id=crossing.strategy_id, folds=4), SWEEP)
    ((sweeper, points),) = tried
    real = bool((sweeper.bars.close == 7.0).all())
    assert (real, points) == (recorded == 700, 4)
    assert len(sweeper.bars) == (700 - 64 if real else 1_950)
    each = 0.01 * said.bars / len(sweeper.bars)
    assert said.seconds == pytest.approx(20 * (0.001 + each + 4 * 0.001 + each * 4 / 5) + 0.5)


def test_where_nothing_is_recorded_of_another_symbol_that_is_looked_at_points_are_tried_on_a_market_that_is_made_up(
    database: Database, ada: Caller, tried: list[tuple[Sweepable, int]]
) -> None:
    """On bars beside which that symbol is unknown nothing would be bought, and the price be too low."""
    made = store_strategy(database, ada, NewStrategy(name="Beside", symbol="AAPL", python_code=BESIDE), NEW)
    with database.transaction() as connection:
        market_data.ensure_months(connection, [OPEN])
    for symbol in ("AAPL", "SPY"):
        with database.transaction() as connection:
            market_data.add_bars(
                connection, [Bar(symbol, OPEN + timedelta(minutes=each), *[Decimal(7)] * 5) for each in range(700)]
            )
        price_of_sweep(database, ada, NewBacktest(strategy_id=made.strategy_id), {"LENGTH": [5.0, 10.0]})
    assert [bool((each.bars.close == 7.0).all()) for each, _ in tried] == [False, True]


def test_a_study_is_planned_by_the_same_reckoning(
    machine: Machine, ask: Callable[[], Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "MAX_POINTS", 6)
    monkeypatch.setattr(
        backtest_study, "try_out", lambda sweeper, _sweep, _clock: Tried(len(sweeper.bars), 0.0, 4.0, 0.0, 0.0, {})
    )
    job = ask()
    machine.begin(job)
    # Twenty points of 4 s, and of 3 s for what is learned on three of four parts of the bars.
    assert machine.begun == [(job.job_id, 4)]
    assert "20 points in 4 parts, about 2 minutes of a core" in (machine.job(job).progress or "")


def test_what_cannot_be_run_has_no_price_but_the_reason(database: Database, ada: Caller) -> None:
    code = "def on_bar(bar, position, state):\n    if position.quantity == 0:\n        return short()\n    return cover()\n"
    short = store_strategy(database, ada, NewStrategy(name="Short", symbol="AAPL", python_code=code), NEW)
    wanted = NewBacktest(strategy_id=short.strategy_id, symbol="BTC/USD")
    with database.transaction() as connection:
        market_data.ensure_months(connection, [OPEN])
        market_data.add_bars(
            connection, [Bar("BTC/USD", OPEN + timedelta(minutes=each), *[Decimal(7)] * 5) for each in range(200)]
        )
    said = price_of_sweep(database, ada, wanted, {})
    assert "crypto cannot be sold short" in (said.refusal or "")


@pytest.mark.parametrize("of", ["bars.of('SPY')", "bars.of('SPY').resample('1d')"])
@pytest.mark.parametrize("timeframe", ["", "TIMEFRAME = '15min'\n", "TIMEFRAME = '1d'\n"])
def test_where_no_bars_are_recorded_what_looks_at_others_has_a_price_too(
    database: Database, ada: Caller, timeframe: str, of: str
) -> None:
    code = (
        f"{timeframe}LENGTH = 20\ndef indicators(bars):\n    return {{'seen': ta.sma({of}.close, LENGTH)}}\n"
        "def on_bar(bar, position, state):\n    if bar.seen > 1:\n        return buy()\n"
    )
    looking = store_strategy(database, ada, NewStrategy(name="Looks", symbol="AAPL", python_code=code), NEW)
    said = price_of_sweep(database, ada, NewBacktest(strategy_id=looking.strategy_id), {"LENGTH": [20.0, 30.0]})
    assert said.refusal is None
    assert said.seconds > 0
