"""A backtest of one symbol knows as many bars before its period as a session is given, a sweep as many as its longest point, and says how many there were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from stratforge.application.access import Caller
from stratforge.application.jobs import queueing, requests, study
from stratforge.application.jobs.backtest_strategy import backtest_strategy, report_study, sweep_of_study
from stratforge.application.jobs.requests import NewBacktest
from stratforge.application.jobs.results import FinishedBacktest, result_of
from stratforge.application.jobs.study import finish_study, work_on_part
from stratforge.application.jobs.work import run_job
from stratforge.application.strategies import NewStrategy, store_strategy
from stratforge.application.warm_up import window_of
from stratforge.backtest.study import Plan
from stratforge.backtest.sweep import grid
from stratforge.broker.history import Found
from stratforge.market import Bar
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import backtests, jobs
from stratforge.storage.strategies.jobs import JobKind, JobStatus
from stratforge.strategy import compile_strategy

from tests.integration.application.test_jobs import bar
from tests.support.asking import NEW, Told
from tests.support.ledger import OPEN

BEGIN, MINUTES = OPEN, 120
CROSS = """
FAST, SLOW = 50, 200

def indicators(bars):
    return {"fast": ta.sma(bars.close, length=FAST), "slow": ta.sma(bars.close, length=SLOW)}

def on_bar(bar, position, state):
    if position.quantity == 0 and bar.slow > 0:
        return buy()
    if position.bars_held > 20:
        return sell()
"""


@dataclass
class Long:
    """A market that began some minutes before the period, and has been asked for these stretches."""

    before: int
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)

    def now(self) -> datetime:
        """The end of the period."""
        return BEGIN + timedelta(minutes=MINUTES)

    def bars(self, symbol: str, start: datetime, end: datetime, limit: int | None = None) -> Sequence[Bar]:
        """The minutes of a stretch."""
        self.asked.append((start, end))
        every = (bar(minute, 100 + minute % 37 + minute // 300) for minute in range(-self.before, MINUTES))
        found = [each for each in every if start <= each.time < end]
        return found if limit is None else found[-limit:]

    def bars_of(self, symbols: Sequence[str], start: datetime, end: datetime) -> Found:
        """The same of each symbol."""
        return Found({symbol: list(self.bars(symbol, start, end)) for symbol in symbols})

    def days_of(self, symbols: Sequence[str], start: datetime, end: datetime) -> Found:
        """A day of every date since the market began, as many as there are minutes before."""
        midnight = BEGIN.replace(hour=5, minute=0)
        days = [bar(0, 100 + number % 10) for number in range(-self.before, 30)]
        moved = [
            Bar(each.symbol, midnight + timedelta(days=number), each.open, each.high, each.low, each.close, each.volume)
            for number, each in enumerate(days, -self.before)
        ]
        return Found({symbol: [each for each in moved if start <= each.time < end] for symbol in symbols})


@dataclass
class Bench:
    """Backtests of a strategy on a history."""

    database: Database
    outbox: Told
    ada: Caller

    def report(self, history: Long, code: str = CROSS, **wanted: Any) -> dict[str, Any]:
        """The report of a backtest of the period, made in one function or, where it is a study, in parts."""
        new = NewStrategy(name="Crossing", symbol="AAPL", python_code=code)
        strategy = store_strategy(self.database, self.ada, new, NEW)
        end = wanted.pop("end", history.now())
        request = NewBacktest(strategy_id=strategy.strategy_id, start=BEGIN, end=end, **wanted)
        job = queueing.request_backtest(self.database, self.outbox, self.ada, request, NEW)
        parts: list[int] = []
        do = {
            JobKind.BACKTEST: lambda work: backtest_strategy(
                work, history, lambda _job, count: parts.extend(range(count))
            )
        }
        run_job(self.database, job.job_id, do)
        for number in parts:
            assert work_on_part(self.database, job.job_id, number, sweep_of_study, lambda: 0.0)
        if parts:
            run_job(self.database, job.job_id, {JobKind.BACKTEST: lambda work: finish_study(work, report_study)})
        with self.database.transaction() as connection:
            done = jobs.get_job(connection, job.job_id)
            assert done is not None
            assert done.status == JobStatus.SUCCEEDED, done
            result = result_of(done)
            assert isinstance(result, FinishedBacktest)
            found = backtests.get_report(connection, result.backtest_id)
        assert found is not None
        return {**found.report, "metrics": found.metrics}


@pytest.fixture
def bench(database: Database, outbox: Told, ada: Caller) -> Bench:
    """What runs them."""
    return Bench(database, outbox, ada)


def test_a_golden_cross_is_known_on_the_first_bar_of_a_period_that_is_shorter_than_its_average(bench: Bench) -> None:
    history = Long(2_000)
    report = bench.report(history)
    assert report["metrics"]["bars"] == MINUTES
    assert report["period"][0] == BEGIN.timestamp()
    assert report["trades"][0]["entry_time"] == BEGIN.timestamp() + 60
    assert (
        "Indicators know the 256 bars before the period, as those of a session that starts then do."
        in report["assumptions"]
    )
    slow = next(each for each in report["curve"]["indicators"] if each["name"] == "slow")
    assert None not in slow["values"]


@pytest.mark.parametrize(("before", "said"), [(0, "no"), (30, "30")])
def test_a_report_says_how_many_there_were_where_there_are_too_few(bench: Bench, before: int, said: str) -> None:
    history = Long(before)
    report = bench.report(history)
    assert any(each.startswith(f"Indicators know {said} bars before the period") for each in report["assumptions"])
    assert report["metrics"]["bars"] == MINUTES
    assert report["metrics"]["trades"] == 0
    assert len(history.asked) <= 5, "a market that began late is not asked about for ever"
    assert min(start for start, _ in history.asked) == BEGIN - timedelta(days=366)


def test_days_before_are_known_too(bench: Bench) -> None:
    report = bench.report(Long(900), f'TIMEFRAME = "1d"\n{CROSS}', end=BEGIN + timedelta(days=28))
    assert report["metrics"]["bars"] == pytest.approx(27, abs=1)
    assert report["metrics"]["trades"] == 1
    assert any("know the 256 bars before" in each for each in report["assumptions"])


def test_longer_bars_before_are_made_of_minutes_before(bench: Bench) -> None:
    code = 'TIMEFRAME = "5min"\n' + CROSS.replace("50, 200", "5, 20")
    report = bench.report(Long(2_000), code)
    assert report["metrics"]["bars"] == MINUTES // 5
    assert any("know the 64 bars before" in each for each in report["assumptions"])


SWEEP = {"FAST": [5.0, 10.0, 20.0], "SLOW": [30.0, 150.0, 300.0]}


def test_every_point_of_a_sweep_is_its_own_backtest_also_in_parts(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = bench.report(Long(2_000), sweep=SWEEP, folds=2)["sweep"]
    for point in together["points"]:
        alone = bench.report(Long(2_000), parameters=point["parameters"])
        assert alone["metrics"]["trades"] == point["trades"] > 0
        assert alone["metrics"]["final_equity"] == pytest.approx(point["final_equity"], abs=0.01)
    monkeypatch.setattr(requests, "MAX_POINTS", 2)
    monkeypatch.setattr(study, "plan", lambda _sweeper, sweep, _folds: Plan(len(grid(sweep)), 4, 100.0))
    parts = bench.report(Long(2_000), sweep=SWEEP, folds=2)["sweep"]
    assert parts["study"]["parts"] == 3
    by_point = {str(each["parameters"]): each for each in parts["points"]}
    assert by_point == {str(each["parameters"]): each for each in together["points"]}
    assert parts["folds"] == together["folds"]


HOURS = """
LENGTH = 3

def indicators(bars):
    return {"mean": ta.sma(bars.resample("1h").close, length=LENGTH)}

def on_bar(bar, position, state):
    if bar.mean > 0 and position.quantity == 0:
        return buy()
    if position.bars_held > 20:
        return sell()
"""


def test_a_point_that_no_session_may_run_takes_no_history_from_the_others(bench: Bench) -> None:
    """600 hours are more than a session is given; thirty are not, and are known before the period as they are to a session."""
    together = bench.report(Long(4_000), HOURS, sweep={"LENGTH": [2.0, 30.0, 600.0]})["sweep"]
    for point in together["points"][:2]:
        alone = bench.report(Long(4_000), HOURS, parameters=point["parameters"])
        assert point["trades"] == alone["metrics"]["trades"] > 0, point["parameters"]


def test_a_sweep_knows_as_much_as_its_longest_point_wherever_that_lies() -> None:
    code = CROSS.replace("length=SLOW", "length=1000 - SLOW * SLOW")
    strategy = compile_strategy(code.replace("50, 200", "50, 0"))
    assert window_of(strategy, {"SLOW": [-25.0, 0.0, 25.0]}) == window_of(strategy) == 1_024


def test_a_large_sweep_with_points_that_no_session_may_run_knows_as_much_as_any_session_does() -> None:
    lengths = [float(each) for each in range(2, 602)]
    assert window_of(compile_strategy(HOURS), {"LENGTH": lengths}) == 32_768
    hourly = compile_strategy(f'TIMEFRAME = "1h"\n{CROSS}')
    assert window_of(hourly, {"SLOW": lengths}) == 512 > window_of(hourly, {"SLOW": lengths[:200]})


def test_a_sweep_knows_as_much_as_its_longest_point() -> None:
    strategy = compile_strategy(CROSS)
    points = [window_of(strategy.with_parameters(SLOW=slow)) for slow in SWEEP["SLOW"]]
    assert window_of(strategy, SWEEP) == max(points) == 512
    assert window_of(strategy, {"SLOW": [-5.0, 20.0]}) == 64, "a point that cannot run asks for nothing"


DAYS = """
LENGTH = 3

def indicators(bars):
    days = bars.resample("1d")
    return {"mean": ta.sma(days.close, length=LENGTH), "rise": days.close - days.close.shift(LENGTH)}

def on_bar(bar, position, state):
    if bar.close % 7 > (bar.mean * 10 + bar.rise) % 5 and position.quantity == 0:
        return buy()
    if position.bars_held > 7:
        return sell()
"""


@pytest.mark.parametrize("timeframe", ["", 'TIMEFRAME = "5min"\n'])
def test_every_point_of_a_sweep_over_days_is_its_own_backtest_also_in_parts(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, timeframe: str
) -> None:
    sweep = {"LENGTH": [2.0, 90.0, 900.0, 2_000.0]}
    together = bench.report(Long(2_100), timeframe + DAYS, sweep=sweep, folds=2)["sweep"]
    assert timeframe or len({each["final_equity"] for each in together["points"]}) > 1
    for point in together["points"]:
        alone = bench.report(Long(2_100), timeframe + DAYS, parameters=point["parameters"])
        assert alone["metrics"]["trades"] == point["trades"] > 0
        assert alone["metrics"]["final_equity"] == pytest.approx(point["final_equity"], abs=0.01)
    monkeypatch.setattr(requests, "MAX_POINTS", 2)
    monkeypatch.setattr(study, "plan", lambda _sweeper, sweep, _folds: Plan(len(grid(sweep)), 4, 100.0))
    parts = bench.report(Long(2_100), timeframe + DAYS, sweep=sweep, folds=2)["sweep"]
    by_point = {str(each["parameters"]): each for each in parts["points"]}
    assert by_point == {str(each["parameters"]): each for each in together["points"]}
    assert parts["folds"] == together["folds"]
