"""“Nothing is wrong” is said when nothing is, and not when nobody looks any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from stratforge.application.access import Caller
from stratforge.application.incidents import read_incident
from stratforge.bus.queue_ages import QueueAge
from stratforge.storage.postgres.database import Database

from tests.integration.test_vital_signs import QUIET, operator, silent, symptoms

__all__ = ["operator"]


def test_signs_that_nobody_notes_any_more_are_a_symptom(database: Database, operator: Caller) -> None:
    assert symptoms(database, operator) == []
    with database.transaction() as connection:
        connection.execute("UPDATE vital_signs SET at = at - interval '2 hours'")
    assert read_incident(database, operator, QUIET, silent, 6).symptoms


def test_signs_that_were_never_noted_in_the_hours_are_a_symptom(database: Database, operator: Caller) -> None:
    assert symptoms(database, operator) == []
    with database.transaction() as connection:
        connection.execute("UPDATE vital_signs SET at = at - interval '20 hours'")
    assert read_incident(database, operator, QUIET, silent, 6).symptoms


def test_a_price_that_never_came_is_a_symptom(database: Database, operator: Caller) -> None:
    with database.transaction() as connection:
        connection.execute("DELETE FROM latest_prices")
        connection.execute("UPDATE sessions SET started_at = started_at - interval '1 hour'")
    assert [each.partition(":")[0] for each in symptoms(database, operator)] == ["Oldest price"]


HOURS = [6, 24, 168]


@pytest.mark.parametrize("hours", HOURS)
@pytest.mark.parametrize("ended", [False, True], ids=["it lasts", "it is over"])
def test_what_is_wrong_now_is_the_same_however_far_back_the_page_looks(
    database: Database, operator: Caller, hours: int, ended: bool
) -> None:
    """Over a week the worst of an hour is one point; what ended within it is not wrong any more."""
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO vital_signs (at, session_lag, signal_age, order_age, block_age, job_age, delivery_age, decision_age) "
            "SELECT now() - make_interval(mins => n), 0, CASE WHEN n > %s THEN 500 ELSE 0 END, 0, 0, 0, 0, 0 FROM generate_series(0, 60) n",
            (8 if ended else -1,),
        )
    said = [each.text for each in read_incident(database, operator, QUIET, silent, hours).symptoms]
    assert said == ([] if ended else ["Oldest signal undecided: 500 s"])


@pytest.mark.parametrize("hours", HOURS)
@pytest.mark.parametrize("ended", [False, True], ids=["it lasts", "it is over"])
def test_a_queue_that_was_worked_off_is_no_symptom_however_far_back_the_page_looks(
    database: Database, operator: Caller, hours: int, ended: bool
) -> None:
    """As CloudWatch answers: the highest of each stretch, at its beginning."""

    def ages(since: datetime, until: datetime, points: int) -> list[QueueAge]:
        length = max(timedelta(minutes=1), (until - since) / points)
        worst: dict[datetime, float] = {}
        for minute in range(60, 0, -1):
            at = datetime.now(UTC) - timedelta(minutes=minute)
            if since <= at:
                begins = since + (at - since) // length * length
                age = 0.0 if ended and minute <= 8 else 500.0
                worst[begins] = max(worst.get(begins, 0.0), age)
        return [QueueAge("bars", list(worst), list(worst.values()))]

    symptoms(database, operator)
    said = [each.text for each in read_incident(database, operator, QUIET, ages, hours).symptoms]
    assert said == ([] if ended else ["Oldest message of bars: 500 s"])
