"""“Nothing is wrong” is said when nothing is, and not when nobody looks any more."""

from __future__ import annotations

from stratforge.application.access import Caller
from stratforge.application.incidents import read_incident
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
