"""Backtests and sweeps of portfolio strategies on the platform: what a session of the same setup would run on, and what the report says."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from stratforge.application import sweep_trial
from stratforge.application.access import Caller
from stratforge.application.backtests import price_of_sweep
from stratforge.application.errors import Invalid
from stratforge.application.jobs import queueing, requests, study, tested
from stratforge.application.jobs.backtest_strategy import backtest_strategy, report_study, sweep_of_study
from stratforge.application.jobs.requests import NewBacktest
from stratforge.application.jobs.results import FinishedBacktest, result_of
from stratforge.application.jobs.study import finish_study, work_on_part
from stratforge.application.jobs.work import run_job
from stratforge.application.strategies import NewStrategy, store_strategy
from stratforge.backtest.study import Plan, Tried
from stratforge.backtest.sweep import Sweepable, grid
from stratforge.broker.history import Found
from stratforge.market import Bar
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import backtests, jobs
from stratforge.storage.strategies.backtests import StoredReport
from stratforge.storage.strategies.jobs import Job, JobKind, JobStatus
from stratforge.storage.strategies.strategies import StoredStrategy

from tests.support.asking import NEW, Told
from tests.support.rotating import MONTHLY, SYMBOLS

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
MINUTES = MONTHLY.replace('SCHEDULE = "monthly"', "SCHEDULE = 60")


def price(symbol: str, at: datetime) -> float:
    """Each symbol swings in a rhythm of its own around a rising line."""
    day = at.timestamp() / 86_400
    place = SYMBOLS.index(symbol)
    return 100.0 + place + 0.01 * (day - 18_000) + 8 * math.sin(day / (11 + 7 * place))


class Past:
    """Days and minutes of three symbols; notes what it was asked for."""

    def __init__(self, missing: Sequence[str] = ()) -> None:
        self.asked: list[tuple[str, datetime, datetime]] = []
        self.missing = missing

    def now(self) -> datetime:
        return NOW

    def bars(self, symbol: str, start: datetime, end: datetime, limit: int | None = None) -> Sequence[Bar]:
        raise AssertionError("a portfolio asks for all of its symbols at once")

    def bars_of(self, symbols: Sequence[str], start: datetime, end: datetime) -> Found:
        """The minutes of the sessions of all weekdays."""
        self.asked.append(("minutes", start, end))
        return self._found(symbols, start, end, [(9, 30, minute) for minute in range(0, 390, 5)], timedelta(minutes=1))

    def days_of(self, symbols: Sequence[str], start: datetime, end: datetime) -> Found:
        """All weekdays, the one that is not over too."""
        self.asked.append(("days", start, end))
        return self._found(symbols, start, end, [(0, 0, 0)], timedelta(days=1))

    def _found(
        self,
        symbols: Sequence[str],
        start: datetime,
        end: datetime,
        times: list[tuple[int, int, int]],
        _length: timedelta,
    ) -> Found:
        day, moments = start.astimezone(NEW_YORK).replace(hour=0, minute=0, second=0, microsecond=0), list[datetime]()
        while day < end:
            if day.weekday() < 5:
                moments += [
                    day.replace(hour=hour, minute=begin) + timedelta(minutes=more) for hour, begin, more in times
                ]
            day += timedelta(days=1)
        found = Found()
        for symbol in symbols:
            if symbol in self.missing:
                found.refused[symbol] = f"{symbol} is not known"
                continue
            found.bars[symbol] = [_bar(symbol, at) for at in moments if start <= at < end]
        return found


def _bar(symbol: str, at: datetime) -> Bar:
    value = Decimal(f"{price(symbol, at):.4f}")
    return Bar(symbol, at.astimezone(UTC), value, value, value, value, Decimal(1000))


def stored(database: Database, ada: Caller, code: str) -> StoredStrategy:
    """A portfolio strategy of a user."""
    return store_strategy(database, ada, NewStrategy(name="Rotates", python_code=code), NEW)


Run = Callable[..., StoredReport]


@pytest.fixture
def run(database: Database, outbox: Told, ada: Caller) -> Run:
    """Backtests a portfolio strategy, and gives its report."""

    def _run(code: str = MONTHLY, past: Past | None = None, **request: Any) -> StoredReport:
        wanted = NewBacktest(strategy_id=stored(database, ada, code).strategy_id, **request)
        job = queueing.request_backtest(database, outbox, ada, wanted, NEW)
        done = ended(database, job, past or Past())
        made = result_of(done)
        assert isinstance(made, FinishedBacktest), done.error
        with database.transaction() as connection:
            found = backtests.get_report(connection, made.backtest_id)
        assert found is not None
        return found

    return _run


def ended(database: Database, job: Job, past: Past, start: study.StartStudy | None = None) -> Job:
    """The job after its message was delivered."""
    run_job(database, job.job_id, {JobKind.BACKTEST: lambda work: backtest_strategy(work, past, start)})
    with database.transaction() as connection:
        found = jobs.get_job(connection, job.job_id)
    assert found is not None
    return found


def test_a_monthly_rotation_runs_on_the_days_of_the_last_years(run: Run) -> None:
    past = Past()
    found = run(past=past)
    report = found.report
    assert (found.symbol, report["universe"], report["schedule"]) == ("PORTFOLIO", list(SYMBOLS), "monthly")
    assert report["bar_minutes"] == 1_440
    begins, ends = (datetime.fromtimestamp(each, UTC) for each in report["period"])
    assert NOW - timedelta(days=1_800) <= begins < NOW - timedelta(days=1_796)
    # The day that is not over is no bar.
    assert NOW - timedelta(days=4) < ends <= NOW
    assert report["decisions_in_all"] == len(report["decisions"]) == pytest.approx(60, abs=1)
    ((kind, first, _),) = past.asked
    assert (kind, first < begins - timedelta(days=60)) == ("days", True)


def test_the_first_decision_knows_the_days_before_the_period(run: Run) -> None:
    start = datetime(2025, 6, 2, 4, 0, tzinfo=UTC)
    report = run(start=start).report
    assert report["period"][0] == int(start.timestamp())
    first = report["decisions"][0]
    # Without the days before no momentum would be known, and nothing would be bought.
    assert sum(first["weights"].values()) == pytest.approx(0.9)
    assert datetime.fromtimestamp(first["time"], UTC) == start + timedelta(days=1)
    assert report["curve"]["buy_and_hold"][0] == pytest.approx(10_000)


def test_what_each_symbol_earned_is_what_the_portfolio_earned(run: Run) -> None:
    found = run(config={"cash": 50_000, "slippage_bps": 3, "commission_bps": 2})
    earned = sum(each["pnl"] for each in found.report["symbols"])
    assert earned == pytest.approx(found.metrics["final_equity"] - 5_000)
    assert sum(each["trades"] for each in found.report["symbols"]) == found.metrics["trades"]


def test_the_turnover_of_the_months_is_half_of_what_was_traded(run: Run) -> None:
    """A portfolio that changes from one symbol wholly to another has turned over what it was, once."""
    report = run().report
    turned = [each["turnover"] for each in report["turnover"]["months"]]
    assert max(turned) == pytest.approx(0.9, abs=0.03)
    assert report["turnover"]["annual"] == pytest.approx(sum(turned) / (len(turned) / 12), rel=0.15)


def test_minutes_are_the_bars_of_a_schedule_of_minutes(run: Run) -> None:
    past = Past()
    found = run(MINUTES, past, start=datetime(2026, 2, 23, 14, 30, tzinfo=UTC))
    assert [each[0] for each in past.asked] == ["minutes"]
    assert (found.report["bar_minutes"], found.report["schedule"]) == (1, "every 60 minutes")
    # Five whole days and the beginning of one, seven decisions each.
    assert found.report["decisions_in_all"] == pytest.approx(36, abs=1)


def test_a_backtest_begins_with_the_capital_of_a_session(run: Run) -> None:
    part = run(config={"cash": 200_000, "sizing_value": 0.25})
    dollars = run(config={"sizing_rule": "FIXED_CASH", "sizing_value": 50_000})
    assert part.report["capital"] == dollars.report["capital"] == 50_000
    assert part.metrics == dollars.metrics
    assert (part.config["cash"], part.config["sizing_value"]) == (200_000, 0.25)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"symbol": "AAPL"}, "portfolio-symbol"),
        ({"config": {"stop_loss": 0.1}}, "portfolio-stops"),
        ({"config": {"participation": 0.1}}, "portfolio-participation"),
        ({"config": {"sizing_rule": "FIXED_QUANTITY", "sizing_value": 5}}, "portfolio-size"),
        ({"config": {"cash": 500}}, "portfolio-size"),
    ],
)
def test_what_a_session_would_refuse_a_backtest_refuses(
    database: Database, outbox: Told, ada: Caller, request_: dict[str, Any], code: str
) -> None:
    wanted = NewBacktest(strategy_id=stored(database, ada, MONTHLY).strategy_id, **request_)
    with pytest.raises(Invalid) as refused:
        queueing.request_backtest(database, outbox, ada, wanted, NEW)
    assert refused.value.code == code
    assert outbox.messages == []


@pytest.mark.parametrize(
    ("code", "period", "past", "why"),
    [
        (MONTHLY, {}, Past(missing=["IBM"]), "IBM is not known"),
        (MINUTES, {"start": datetime(2020, 1, 1, tzinfo=UTC)}, Past(), "are allowed; choose a shorter period"),
        (MONTHLY, {"start": datetime(2026, 2, 28, tzinfo=UTC)}, Past(), "less than two bars"),
    ],
)
def test_what_cannot_be_run_says_why(
    database: Database, outbox: Told, ada: Caller, code: str, period: dict[str, Any], past: Past, why: str
) -> None:
    wanted = NewBacktest(strategy_id=stored(database, ada, code).strategy_id, **period)
    done = ended(database, queueing.request_backtest(database, outbox, ada, wanted, NEW), past)
    assert done.status == JobStatus.FAILED
    assert why in str(done.error)


def test_what_would_take_too_long_is_refused_by_its_nominal_cost(
    database: Database, outbox: Told, ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tested, "run_seconds", lambda *_: 50.0)
    wanted = NewBacktest(strategy_id=stored(database, ada, MONTHLY).strategy_id)
    done = ended(database, queueing.request_backtest(database, outbox, ada, wanted, NEW), Past())
    assert "would take about 350 seconds of a core, and 60 are allowed" in str(done.error)


SWEEP = {"DAYS": [3.0, 5.0, 8.0, 13.0]}


def test_a_sweep_has_every_point_a_walk_forward_and_what_is_luck(run: Run) -> None:
    found = run(sweep=SWEEP, folds=2)
    swept = found.report["sweep"]
    assert [each["parameters"]["DAYS"] for each in swept["points"]] == SWEEP["DAYS"]
    assert len({each["total_return"] for each in swept["points"]}) > 1
    assert len(swept["folds"]) == 2
    own = next(each for each in swept["points"] if each["parameters"]["DAYS"] == 5.0)
    assert own["total_return"] == pytest.approx(found.metrics["total_return"])
    alone = run(parameters={"DAYS": 8})
    assert alone.metrics["total_return"] == pytest.approx(swept["points"][2]["total_return"])


def test_a_sweep_in_parts_says_what_one_function_says(
    database: Database, outbox: Told, ada: Caller, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(sweep=SWEEP, folds=2).report["sweep"]
    monkeypatch.setattr(requests, "MAX_POINTS", 2)
    monkeypatch.setattr(study, "plan", lambda _sweeper, sweep, _folds: Plan(len(grid(sweep)), 3, 100.0))
    wanted = NewBacktest(strategy_id=stored(database, ada, MONTHLY).strategy_id, sweep=SWEEP, folds=2)
    job = queueing.request_backtest(database, outbox, ada, wanted, NEW)
    begun = list[tuple[object, int]]()
    running = ended(database, job, Past(), lambda job_id, parts: begun.append((job_id, parts)))
    assert (running.status, begun) == (JobStatus.RUNNING, [(job.job_id, 2)])
    assert all(work_on_part(database, job.job_id, number, sweep_of_study, lambda: 0.0) for number in (1, 0, 1))
    run_job(database, job.job_id, {JobKind.BACKTEST: lambda work: finish_study(work, report_study)})
    with database.transaction() as connection:
        done = jobs.get_job(connection, job.job_id)
    assert done is not None
    made = result_of(done)
    assert isinstance(made, FinishedBacktest)
    with database.transaction() as connection:
        found = backtests.get_report(connection, made.backtest_id)
    assert found is not None
    swept = found.report["sweep"]
    assert swept["best"] == whole["best"]
    assert swept["folds"] == whole["folds"]
    assert sorted(map(str, swept["points"])) == sorted(map(str, whole["points"]))


def test_a_canceled_sweep_stores_nothing(database: Database, outbox: Told, ada: Caller) -> None:
    wanted = NewBacktest(strategy_id=stored(database, ada, MONTHLY).strategy_id, sweep=SWEEP)
    job = queueing.request_backtest(database, outbox, ada, wanted, NEW)
    queueing.cancel_job(database, ada, job.job_id)
    assert ended(database, job, Past()).status == JobStatus.CANCELED
    with database.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM backtests").fetchone() == (0,)


def test_the_price_of_a_sweep_is_said_before_it_begins(
    database: Database, ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tried(sweeper: Sweepable, _sweep: object, tried: int) -> Tried:
        return Tried(len(sweeper.bars), 0.0, 0.001 * len(sweeper.bars), 0.0, 0.0, {})

    monkeypatch.setattr(sweep_trial, "try_out", tried)
    wanted = NewBacktest(strategy_id=stored(database, ada, MONTHLY).strategy_id)
    few = price_of_sweep(database, ada, wanted, SWEEP)
    assert (few.points, few.symbols, few.in_parts, few.refusal) == (4, 3, False, None)
    assert 1_200 < few.bars < 1_400
    many = price_of_sweep(database, ada, wanted, {"DAYS": [float(each) for each in range(2, 450)]})
    assert many.in_parts
    assert many.seconds / few.seconds > 448 / 4, (
        "its dearest point looks back further, which every point's bars are read for"
    )
    assert many.bars - few.bars == pytest.approx((512 - 64) * 1.5 * 5 / 7, rel=0.05)
    frequent = NewBacktest(strategy_id=stored(database, ada, MINUTES).strategy_id)
    assert price_of_sweep(database, ada, frequent, SWEEP).bars > 5 * few.bars
