"""Jobs are asked for once, worked on without holding the database, and stored only while somebody wants them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import pytest
from stratforge.application.access import Caller, Scope
from stratforge.application.errors import Forbidden, Invalid, LimitReached, NotFound
from stratforge.application.idempotency import RequestKey
from stratforge.application.jobs import queueing, tested
from stratforge.application.jobs.backtest_strategy import backtest_strategy
from stratforge.application.jobs.replay_session import replay_session
from stratforge.application.jobs.requests import (
    Assumptions,
    GenerateRequest,
    NewBacktest,
    ReplayRequest,
    ResearchRequest,
)
from stratforge.application.jobs.results import FinishedBacktest, ReplayedSession, failure_of, result_of
from stratforge.application.jobs.waking import wake_jobs
from stratforge.application.jobs.work import Work, run_job
from stratforge.application.quotas import TOKENS_A_DAY
from stratforge.application.sessions import NewSession, start_session
from stratforge.application.strategies import NewStrategy, delete_strategy, store_strategy
from stratforge.backtest import BacktestError, BacktestReport, run_backtest
from stratforge.backtest.study import Plan
from stratforge.broker.history import Found, HistoryUnavailable
from stratforge.market import Bar
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import backtests, evaluations, jobs
from stratforge.storage.strategies.evaluations import Outcome
from stratforge.storage.strategies.jobs import Job, JobKind, JobStatus
from stratforge.storage.strategies.strategies import StoredStrategy
from stratforge.storage.strategies.studies import add_study, read_material
from stratforge.strategy.replay import replay

from tests.support.asking import BOTH_WAYS, NEW, Told, is_locked, open_transactions
from tests.support.ledger import OPEN


class Past:
    """A hundred minutes of a saw."""

    def now(self) -> datetime:
        return OPEN + timedelta(minutes=100)

    def bars(self, symbol: str, start: datetime, end: datetime, limit: int | None = None) -> Sequence[Bar]:
        every = [bar(minute, 100 + minute % 10) for minute in range(100)]
        return [each for each in every if start <= each.time < end][-(limit or 100) :]

    def bars_of(self, symbols: Sequence[str], start: datetime, end: datetime) -> Found:
        """The same minutes of every symbol."""
        return Found({symbol: list(self.bars(symbol, start, end)) for symbol in symbols})

    def days_of(self, symbols: Sequence[str], start: datetime, end: datetime) -> Found:
        """Every day asked for, the running one too."""
        count = (end - start).days + 2
        first = start.astimezone(ZoneInfo("America/New_York")).replace(hour=0, minute=0, second=0, microsecond=0)
        bars = [replace(bar(0, 100 + number % 10), time=(first + timedelta(days=number))) for number in range(count)]
        return Found({symbol: [each for each in bars if start <= each.time < end] for symbol in symbols})


def bar(minute: int, price: int) -> Bar:
    """A bar on which nothing moved."""
    value = Decimal(price)
    return Bar("AAPL", OPEN + timedelta(minutes=minute), value, value, value, value, Decimal(10))


def run(database: Database, job: Job, **kinds: Callable[[Work], None]) -> Job:
    """Runs a job; the job as it ended."""
    run_job(database, job.job_id, {JobKind(name): do for name, do in kinds.items()})
    with database.transaction() as connection:
        found = jobs.get_job(connection, job.job_id)
    assert found is not None
    return found


def backtested(database: Database, job: Job) -> FinishedBacktest:
    """Runs a backtest over that past; its result."""
    done = run(database, job, BACKTEST=lambda work: backtest_strategy(work, Past()))
    result = result_of(done)
    assert isinstance(result, FinishedBacktest), done.error
    return result


@pytest.fixture
def asked(database: Database, outbox: Told, ada: Caller, strategy: StoredStrategy) -> Job:
    """A backtest that was asked for."""
    request = NewBacktest(strategy_id=strategy.strategy_id)
    return queueing.request_backtest(database, outbox, ada, request, NEW)


def test_a_request_is_queued_and_its_worker_woken(asked: Job, outbox: Told) -> None:
    assert (asked.kind, asked.status) == (JobKind.BACKTEST, JobStatus.QUEUED)
    assert outbox.messages == [("backtester", asked.job_id)]


@pytest.mark.parametrize(("timeframe", "bars", "first"), [("15min", 6, "14:30"), ("1d", 1_800, "05:00")])
def test_a_backtest_runs_on_the_bars_of_its_version(
    database: Database, outbox: Told, ada: Caller, strategy: StoredStrategy, timeframe: str, bars: int, first: str
) -> None:
    """Minutes are made into them; days are the vendor's, as a session sees them, five years of them, and only those that are over."""
    code = f'TIMEFRAME = "{timeframe}"\n{strategy.python_code}'
    new = NewStrategy(name="Longer", symbol="AAPL", python_code=code)
    longer = store_strategy(database, ada, new, RequestKey("longer", b"digest"))
    job = queueing.request_backtest(database, outbox, ada, NewBacktest(strategy_id=longer.strategy_id), NEW)
    result = backtested(database, job)
    assert result.metrics["bars"] == pytest.approx(bars, abs=2)
    with database.transaction() as connection:
        query = "SELECT report -> 'period' FROM backtests WHERE id = %s"
        ((period,),) = connection.execute(query, (result.backtest_id,)).fetchall()
    begin, end = (datetime.fromtimestamp(each, UTC) for each in period)
    assert f"{begin:%H:%M}" in (first, "04:00")
    assert end <= OPEN + timedelta(minutes=100)


def test_a_backtest_on_minutes_knows_the_days_before_its_period(
    database: Database, outbox: Told, ada: Caller, strategy: StoredStrategy
) -> None:
    """As many as any point of a sweep may look back on, from the same history as a strategy on days; also in a study, whose parts read what was stored."""
    code = """
DAYS = 200
def indicators(bars):
    return {"mean": ta.sma(bars.resample("1d").close, length=DAYS)}
def on_bar(bar, position, state):
    if position.quantity == 0 and bar.mean > 0:
        return buy(quantity=1)
    if position.bars_held > 5:
        return sell()
"""
    new = NewStrategy(name="Days", symbol="AAPL", python_code=code)
    stored = store_strategy(database, ada, new, RequestKey("days", b"digest"))
    job = queueing.request_backtest(database, outbox, ada, NewBacktest(strategy_id=stored.strategy_id), NEW)
    result = backtested(database, job)
    # A hundred minutes make no two hundred days.
    assert result.metrics["trades"] > 10
    material = tested.tested(NewBacktest(strategy_id=stored.strategy_id), 1, code, "AAPL").load(Past())
    with database.transaction() as connection:
        add_study(connection, job.job_id, ada.user_id, Plan(1, 1, 0.1), material)
        kept = read_material(connection, job.job_id).bars["AAPL"]
    days = material.bars["AAPL"].days
    assert days is not None
    assert kept.days is not None
    assert len(days) > 2_048
    assert days.daily
    assert np.array_equal(kept.days.close, days.close)
    assert (kept.days.daily, kept.days.timezone) == (True, days.timezone)
    # Today is not over.
    assert days.time[-1] < OPEN.timestamp() - 12 * 3_600


def test_a_backtest_reads_the_other_symbols_that_it_looks_at(
    database: Database, outbox: Told, ada: Caller, strategy: StoredStrategy
) -> None:
    """Their bars before its first, and their days, as a session is given them; also in a study, whose parts read what was stored."""
    code = """
LENGTH = 20
def indicators(bars):
    spy = bars.of("SPY")
    return {"mean": ta.sma(spy.close, length=LENGTH), "spy": spy.close, "days": ta.sma(bars.of("QQQ").resample("1d").close, 200)}
def on_bar(bar, position, state):
    if position.quantity == 0 and bar.spy > bar.mean and bar.days > 0:
        return buy(quantity=1)
    if position.bars_held > 2:
        return sell()
"""
    new = NewStrategy(name="Others", symbol="AAPL", python_code=code)
    stored = store_strategy(database, ada, new, RequestKey("others", b"digest"))
    request = NewBacktest(strategy_id=stored.strategy_id, start=OPEN + timedelta(minutes=50))
    job = queueing.request_backtest(database, outbox, ada, request, NEW)
    result = backtested(database, job)
    assert result.metrics["trades"] > 3
    material = tested.tested(request, 1, code, "AAPL").load(Past())
    with database.transaction() as connection:
        add_study(connection, job.job_id, ada.user_id, Plan(1, 1, 0.1), material)
        kept = read_material(connection, job.job_id).bars["AAPL"].others
        query = "SELECT report -> 'assumptions' FROM backtests WHERE id = %s"
        ((assumptions,),) = connection.execute(query, (result.backtest_id,)).fetchall()
    assert any("It looks at QQQ, SPY" in each for each in assumptions)
    others = material.bars["AAPL"].others
    assert (set(others), set(kept)) == ({"SPY", "QQQ"}, {"SPY", "QQQ"})
    assert others["SPY"].days is None
    assert len(others["SPY"]) == len(kept["SPY"]) == 100
    for days in (others["QQQ"].days, kept["QQQ"].days):
        assert days is not None
        assert len(days) > 2_048
        assert days.daily
    assert len(others["QQQ"]) == 0
    # Where it would look at itself it is told so.
    with pytest.raises(BacktestError, match="looks at SPY as another symbol"):
        tested.tested(request, 1, code, "SPY").load(Past())


def test_days_that_the_vendor_refuses_are_told(strategy: StoredStrategy) -> None:
    class None_(Past):
        def days_of(self, symbols: Sequence[str], start: datetime, end: datetime) -> Found:
            return Found({}, dict.fromkeys(symbols, "no such symbol"))

    code = "def indicators(bars):\n    return {'x': bars.resample('1d').close}\ndef on_bar(bar, position, state):\n    if bar.x > 1:\n        return buy()\n"
    with pytest.raises(BacktestError, match="no such symbol"):
        tested.tested(NewBacktest(strategy_id=strategy.strategy_id), 1, code, "AAPL").load(None_())


def test_the_same_key_asks_once(database: Database, outbox: Told, ada: Caller) -> None:
    request, key = ResearchRequest(question="What moved?"), RequestKey("k", b"digest")
    ids = {queueing.request_research(database, outbox, ada, request, key).job_id for _ in range(2)}
    assert len(ids) == 1


def test_a_parameter_that_the_strategy_lacks_cannot_be_swept(
    database: Database, outbox: Told, ada: Caller, strategy: StoredStrategy
) -> None:
    request = NewBacktest(strategy_id=strategy.strategy_id, sweep={"WIDTH": [1.0, 2.0]})
    with pytest.raises(Invalid, match="no parameter WIDTH"):
        queueing.request_backtest(database, outbox, ada, request, NEW)
    assert outbox.messages == []


def test_the_tokens_of_a_day_come_to_an_end(database: Database, outbox: Told, ada: Caller) -> None:
    request = GenerateRequest(prompt="a strategy")
    job = queueing.request_strategy(database, outbox, ada, request, NEW)
    with database.transaction() as connection:
        jobs.add_call(connection, job.job_id, TOKENS_A_DAY, None)
    with pytest.raises(LimitReached):
        queueing.request_strategy(database, outbox, ada, request, NEW)


def test_an_answer_follows_a_request_of_the_same_kind_only(
    database: Database, outbox: Told, ada: Caller, asked: Job
) -> None:
    with pytest.raises(NotFound):
        queueing.request_strategy(database, outbox, ada, GenerateRequest(prompt="only on Mondays", follows=asked.job_id), NEW)  # fmt: skip
    first = queueing.request_research(database, outbox, ada, ResearchRequest(question="How did AAPL do?"), NEW)
    with pytest.raises(NotFound):
        queueing.request_strategy(database, outbox, ada, GenerateRequest(prompt="only on Mondays", follows=first.job_id), NEW)  # fmt: skip
    for follows in (asked.job_id, uuid4()):
        with pytest.raises(NotFound):
            queueing.request_research(database, outbox, ada, ResearchRequest(question="And IBM?", follows=follows), NEW)
    follows_one = ResearchRequest(question="And IBM?", follows=first.job_id)
    assert queueing.request_research(database, outbox, ada, follows_one, NEW).request["follows"] == str(first.job_id)


def test_every_request_asks_for_its_scope(database: Database, outbox: Told, ada: Caller, asked: Job) -> None:
    reader = Caller(ada.user_id, frozenset({Scope.READ, Scope.TRADE}))
    some = asked.job_id
    outbox.messages.clear()
    calls: list[Any] = [
        lambda: queueing.request_research(database, outbox, reader, ResearchRequest(question="What?"), NEW),
        lambda: queueing.request_strategy(database, outbox, reader, GenerateRequest(prompt="one"), NEW),
        lambda: queueing.request_backtest(database, outbox, reader, NewBacktest(strategy_id=some), NEW),
        lambda: queueing.request_replay(database, outbox, reader, ReplayRequest(session_id=some), NEW),
        lambda: queueing.cancel_job(database, reader, some),
    ]
    for call in calls:
        with pytest.raises(Forbidden):
            call()
    assert outbox.messages == []


def test_a_backtest_stores_its_report_and_names_it(database: Database, asked: Job) -> None:
    result = backtested(database, asked)
    with database.transaction() as connection:
        stored = backtests.get_report(connection, result.backtest_id)
    assert stored is not None
    assert (stored.symbol, stored.metrics, stored.strategy_version) == ("AAPL", result.metrics, 1)
    assert stored.report["trades_in_all"] == result.metrics["trades"] > 0


def test_a_backtest_of_a_strategy_that_goes_short_says_the_side_of_its_trades(
    database: Database, outbox: Told, ada: Caller
) -> None:
    new = NewStrategy(name="Both ways", symbol="AAPL", python_code=BOTH_WAYS)
    both = store_strategy(database, ada, new, RequestKey("both", b"digest"))
    request = NewBacktest(
        strategy_id=both.strategy_id,
        config=Assumptions(short_margin=1.0, borrow_fee=0.01),
        sweep={"LENGTH": [3.0, 5.0]},
        folds=1,
    )
    job = queueing.request_backtest(database, outbox, ada, request, NEW)
    result = backtested(database, job)
    with database.transaction() as connection:
        stored = backtests.get_report(connection, result.backtest_id)
    assert stored is not None
    assert {each["side"] for each in stored.report["trades"]} == {"long", "short"}
    short = sum(each["side"] == "short" for each in stored.report["trades"])
    assert stored.metrics["short_trades"] == short > 0
    assert (stored.config["short_margin"], stored.config["borrow_fee"]) == (1.0, 0.01)
    assert len(stored.report["sweep"]["points"]) == 2


def test_no_transaction_waits_for_a_backtest(
    database: Database, migrated: str, asked: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = []

    def watched(*arguments: Any, **options: Any) -> BacktestReport:
        waiting.append(open_transactions(migrated))
        return run_backtest(*arguments, **options)

    monkeypatch.setattr(tested, "run_backtest", watched)
    assert run(database, asked, BACKTEST=lambda work: backtest_strategy(work, Past())).status == JobStatus.SUCCEEDED
    assert waiting == [0]


def test_what_cannot_be_backtested_says_why(
    database: Database, ada: Caller, asked: Job, strategy: StoredStrategy
) -> None:
    class Away(Past):
        def bars(self, symbol: str, start: datetime, end: datetime, limit: int | None = None) -> Sequence[Bar]:
            raise HistoryUnavailable("Alpaca did not answer")

    failure = failure_of(run(database, asked, BACKTEST=lambda work: backtest_strategy(work, Away())))
    assert failure is not None
    assert (failure.code, failure.message) == ("backtest-refused", "Alpaca did not answer")


def test_a_strategy_that_is_gone_is_not_backtested(
    database: Database, ada: Caller, asked: Job, strategy: StoredStrategy
) -> None:
    delete_strategy(database, ada, strategy.strategy_id)
    failure = failure_of(run(database, asked, BACKTEST=lambda work: backtest_strategy(work, Past())))
    assert failure is not None
    assert "deleted" in failure.message


def test_nothing_is_stored_of_what_nobody_wants_any_more(database: Database, ada: Caller, asked: Job) -> None:
    class Canceling(Past):
        def now(self) -> datetime:
            queueing.cancel_job(database, ada, asked.job_id)
            return super().now()

    done = run(database, asked, BACKTEST=lambda work: backtest_strategy(work, Canceling()))
    assert (done.status, done.result) == (JobStatus.CANCELED, None)
    with database.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM backtests").fetchone() == (0,)


def test_a_job_is_not_canceled_between_the_look_and_the_store(
    database: Database, migrated: str, asked: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, add = [], backtests.add_backtest

    def watched(*arguments: Any) -> Any:
        locked.append(is_locked(migrated, "SELECT 1 FROM jobs"))
        return add(*arguments)

    monkeypatch.setattr(backtests, "add_backtest", watched)
    run(database, asked, BACKTEST=lambda work: backtest_strategy(work, Past()))
    assert locked == [True]


def test_a_job_that_comes_twice_is_done_once(database: Database, asked: Job) -> None:
    done: list[Job] = []

    def work_on(work: Work) -> None:
        done.append(work.job)
        backtest_strategy(work, Past())

    kinds = {JobKind.BACKTEST: work_on}
    assert run_job(database, asked.job_id, kinds) == JobStatus.SUCCEEDED
    assert run_job(database, asked.job_id, kinds) is None
    assert len(done) == 1


def woken(database: Database, *, queues_are_new: bool = False) -> list[tuple[str, UUID]]:
    """Whom the reconciler's minute tells of which jobs."""
    told: list[tuple[str, UUID]] = []
    wake_jobs(
        database,
        lambda job: told.append(("assistant", job)),
        lambda job: told.append(("backtester", job)),
        queues_are_new=queues_are_new,
    )
    return told


def age(migrated: str, minutes: int) -> None:
    """As if all that is known of jobs were older by so many minutes."""
    with psycopg.connect(migrated) as connection:
        connection.execute(
            "UPDATE jobs SET created_at = created_at - %(age)s, woken_at = woken_at - %(age)s, alive_at = alive_at - %(age)s",
            {"age": timedelta(minutes=minutes)},
        )


def test_a_job_whose_message_is_lost_is_sent_again_more_and_more_seldom(
    database: Database, migrated: str, outbox: Told, ada: Caller, asked: Job
) -> None:
    question = queueing.request_research(database, outbox, ada, ResearchRequest(question="What moved?"), NEW)
    assert woken(database) == []
    age(migrated, 3)
    assert sorted(woken(database)) == [("assistant", question.job_id), ("backtester", asked.job_id)]
    sent = []
    for _minute in range(60):
        age(migrated, 1)
        sent.append(len(woken(database)))
    assert (sum(sent[:6]), sum(sent[6:])) == (2, 6), "6, and 12, 24 and 48 minutes after they were asked for"
    assert not any(woken(database) for _ in range(3))


def test_all_that_is_not_finished_is_sent_again_into_new_queues(
    database: Database, outbox: Told, ada: Caller, asked: Job
) -> None:
    request = ResearchRequest(question="What moved?")
    begun, done = (queueing.request_research(database, outbox, ada, request, NEW).job_id for _ in range(2))
    with database.transaction() as connection:
        jobs.begin_job(connection, begun, "its first message")
        jobs.begin_job(connection, done, "another")
        jobs.finish_job(connection, done, result={})
    assert sorted(woken(database, queues_are_new=True)) == [("assistant", begun), ("backtester", asked.job_id)]
    assert woken(database) == []
    with database.transaction() as connection:
        assert jobs.begin_job(connection, begun, "the message that was sent again") is not None


def test_a_message_too_many_does_not_begin_what_somebody_works_on(
    database: Database, migrated: str, asked: Job
) -> None:
    def began(cause: str) -> bool:
        with database.transaction() as connection:
            return jobs.begin_job(connection, asked.job_id, cause) is not None

    assert began("first")
    assert not any(began(f"again {number}") for number in range(5))
    age(migrated, 19)
    assert woken(database) == []
    assert not began("too early")
    with database.transaction() as connection:
        jobs.set_progress(connection, asked.job_id, "half of it")
    age(migrated, 19)
    assert not began("while there are signs")
    age(migrated, 2)
    assert woken(database) == [("backtester", asked.job_id)]
    assert began("given up")
    assert began("given up"), "a message that comes again is tried again"
    assert not began("given up"), "three times, and it has failed"
    with database.transaction() as connection:
        ended = jobs.get_job(connection, asked.job_id)
    assert ended is not None
    assert ended.status is JobStatus.FAILED


def test_of_two_who_did_the_same_job_one_stores(database: Database, asked: Job) -> None:
    def twice(work: Work) -> None:
        with database.transaction() as connection:
            jobs.forget_messages(connection)
        assert run_job(database, asked.job_id, {JobKind.BACKTEST: lambda other: backtest_strategy(other, Past())}, "b")
        backtest_strategy(work, Past())

    assert run_job(database, asked.job_id, {JobKind.BACKTEST: twice}, "a") is JobStatus.CANCELED
    with database.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM backtests").fetchone() == (1,)
        job = jobs.get_job(connection, asked.job_id)
    assert job is not None
    assert job.status is JobStatus.SUCCEEDED


def replayable(database: Database, outbox: Told, ada: Caller, strategy: StoredStrategy, bars: int) -> Job:
    """A replay of a session that saw ten bars of which so many are recorded, and gave no signal."""
    session = start_session(database, outbox, ada, NewSession(strategy_id=strategy.strategy_id), NEW)
    with database.transaction() as connection:
        market_data.ensure_months(connection, [OPEN])
        market_data.add_bars(connection, [bar(minute, 100) for minute in range(bars)])
        for minute in range(10):
            time = OPEN + timedelta(minutes=minute)
            (waiting,) = evaluations.sessions_awaiting(connection, "AAPL", 0, time)
            evaluations.record_outcomes(connection, "AAPL", time, [Outcome(waiting, {})])
    return queueing.request_replay(database, outbox, ada, ReplayRequest(session_id=session.session_id), NEW)


def test_a_replay_compares_what_a_session_said_without_holding_a_transaction(
    database: Database,
    migrated: str,
    outbox: Told,
    ada: Caller,
    strategy: StoredStrategy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting: list[int] = []

    def watched(*arguments: Any) -> Any:
        waiting.append(open_transactions(migrated))
        return replay(*arguments)

    monkeypatch.setattr("stratforge.application.replays.replay", watched)
    result = result_of(run(database, replayable(database, outbox, ada, strategy, 10), REPLAY=replay_session))
    assert isinstance(result, ReplayedSession)
    assert (result.bars, result.signals, result.differences, waiting) == (10, 0, [], [0])


def test_a_replay_of_a_part_of_the_bars_proves_nothing_and_says_so(
    database: Database, outbox: Told, ada: Caller, strategy: StoredStrategy
) -> None:
    failure = failure_of(run(database, replayable(database, outbox, ada, strategy, 7), REPLAY=replay_session))
    assert failure is not None
    assert (failure.code, "Of the 10 bars" in failure.message) == ("replay-incomplete", True)
