"""Sweeps that are larger than one function's time: planned and priced, worked on in parts, and put together.

A study is a backtest's job that goes on after the function that began it: its parts are done by whoever is asked for them, in any order and side by side. It never
costs more than a fifth, or a minute, above what was said, and ends where it stands when it is canceled.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from stratforge.application.jobs.results import JobFailure, as_json
from stratforge.application.jobs.work import Canceled, Failed, Work
from stratforge.backtest import BacktestError
from stratforge.backtest.study import Plan, plan, run_part
from stratforge.backtest.sweep import Point, Sweepable
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import jobs, studies
from stratforge.storage.strategies.jobs import FailureCode
from stratforge.storage.strategies.studies import Material

# Dollars for a second of a function with one core (1,769 MB on arm64): https://aws.amazon.com/lambda/pricing/
DOLLARS_A_SECOND = 1769 / 1024 * 0.0000133334
MAX_STUDY_SECONDS = 20_000.0
# Begins the work on so many parts of a job's study.
StartStudy = Callable[[UUID, int], None]
_LOOK_EVERY = 2.0


def begin_study(
    work: Work,
    material: Material,
    sweeper: Sweepable,
    sweep: Mapping[str, Sequence[float]],
    folds: int,
    start: StartStudy,
) -> None:
    """Plans a study, says what it will take and cost, and has its parts worked on.

    Raises:
        Failed: if it is too large, or another one of the user's is under way.
    """
    work.tell("planning")
    planned = plan(sweeper, sweep, folds)
    if planned.seconds > MAX_STUDY_SECONDS:
        raise Failed(
            FailureCode.BACKTEST_REFUSED,
            f"{planned.points:,} points would take {told(planned)}, and {MAX_STUDY_SECONDS / 3600:.1f} hours are allowed; give fewer values or a shorter period",
        )
    with work.database.transaction() as connection:
        if studies.others_at_work(connection, work.job.job_id, work.job.user_id):
            raise Failed(
                FailureCode.BACKTEST_REFUSED,
                "another large sweep of yours is under way; wait for its end, or cancel it, and ask again",
            )
        studies.add_study(connection, work.job.job_id, work.job.user_id, planned, material)
        planned = studies.read_plan(connection, work.job.job_id) or planned
    work.tell(f"{planned.points:,} points in {planned.parts:,} parts, {told(planned)}")
    start(work.job.job_id, planned.parts)


def told(planned: Plan) -> str:
    """The time and price of a plan, for people."""
    return f"about {planned.seconds / 60:,.0f} minutes of a core, ${planned.seconds * DOLLARS_A_SECOND:.2f}"


def work_on_part(
    database: Database,
    job_id: UUID,
    number: int,
    sweep_of: Callable[[Work, Material], tuple[Sweepable, list[Point], int]],
    clock: Callable[[], float] = time.process_time,
) -> bool:
    """Works on a part of a study; done again it does nothing. False where nobody wants it any more.

    Args:
        sweep_of: Gives what runs points, all points, and the steps of the walk-forward.
    """
    began = clock()
    with database.transaction() as connection:
        job, planned = jobs.get_job(connection, job_id), studies.read_plan(connection, job_id)
        if job is None or planned is None or job.finished:
            return False
        if studies.is_done(connection, job_id, number):
            return True
        material = studies.read_material(connection, job_id)
    work, looked = Work(database, job), time.monotonic()

    def wanted() -> None:
        nonlocal looked
        if time.monotonic() - looked > _LOOK_EVERY:
            looked = time.monotonic()
            with database.transaction() as connection:
                if not jobs.is_wanted(connection, job_id):
                    raise Canceled

    sweeper, points, folds = sweep_of(work, material)
    try:
        part = run_part(sweeper, points[planned.points_of(number)], folds, wanted, clock, began)
        with database.transaction() as connection:
            studies.add_part(connection, job_id, job.user_id, number, part)
            done = studies.done_so_far(connection, job_id)
        work.tell(f"sweeping {done.points:,}/{planned.points:,}")
    except Canceled:
        return False
    if done.seconds > planned.most_seconds:
        fail_study(database, job_id, f"it takes more than was said ({told(planned)}), and is not gone on with")
        return False
    return True


def finish_study(work: Work, report: Callable[[Work, Material], None]) -> None:
    """Puts the parts together, and ends the job with a report.

    Args:
        report: Makes and stores the report, of the study's version on its bars.

    Raises:
        BacktestError: if a part is missing.
    """
    with work.database.transaction() as connection:
        planned = studies.read_plan(connection, work.job.job_id)
        done = studies.done_so_far(connection, work.job.job_id)
        if planned is None or done.parts < planned.parts:
            raise BacktestError(f"only {done.parts} of the study's parts are done")
        material = studies.read_material(connection, work.job.job_id)
    report(work, material)


def fail_study(database: Database, job_id: UUID, why: str) -> None:
    """Ends a study that cannot be gone on with."""
    with database.transaction() as connection:
        jobs.finish_job(connection, job_id, error=as_json(JobFailure(code=FailureCode.BACKTEST_REFUSED, message=why)))
