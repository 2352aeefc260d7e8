"""Portfolio sessions of other schedules, and topics that hang: nobody's decision is another's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, timedelta
from threading import Event

import psycopg
import pytest
from botocore.exceptions import ReadTimeoutError
from stratforge.bus.messages import RebalanceDue
from stratforge.storage.postgres.database import Database

from functions.ingestor.rebalance_timer import PatientTopics, Told, tell_due
from tests.support.rotating import MONTHLY, SYMBOLS, Rotating, Topics, at, opening
from tests.support.trading import wait_for

FIRST = date(2026, 2, 2)


@pytest.fixture
def rotating(database: Database, migrated: str, sandboxed: None) -> Iterator[Rotating]:
    """Somebody whose market has just opened, with the days that are decided on."""
    with opening(database, migrated, FIRST) as found:
        found.days(FIRST, {each: [100.0 + number for number in range(9)] for each in SYMBOLS})
        yield found


@pytest.mark.parametrize("schedules", [("monthly", "daily"), ("daily", "monthly")])
def test_who_decides_beside_somebody_of_another_schedule_keeps_his_own(
    rotating: Rotating, schedules: tuple[str, str]
) -> None:
    first, second = sorted(rotating.start().session_id for _ in schedules)
    schedule_of = dict(zip((first, second), schedules, strict=True))
    with rotating.database.transaction() as connection:
        for session_id, schedule in schedule_of.items():
            connection.execute("UPDATE sessions SET schedule = %s WHERE id = %s", (schedule, session_id))
    assert rotating.decide(first, second).decided == 2
    following = {schedule: rotating.session(session_id).decides_at for session_id, schedule in schedule_of.items()}
    assert following == {"daily": at(FIRST + timedelta(days=1)), "monthly": at(date(2026, 3, 2))}


class HangingTopics(Topics):
    """Topics of which that of one symbol never answers: whoever publishes there waits until his patience ends."""

    def __init__(self, hangs: str) -> None:
        super().__init__()
        self.hangs = hangs
        self.seconds = 10.0

    def publish(self, symbol: str, messages: Sequence[RebalanceDue]) -> None:
        """Keeps messages, or fails after a while."""
        if symbol == self.hangs:
            self.seconds += 30.0
            raise ReadTimeoutError(endpoint_url="https://sns")
        super().publish(symbol, messages)


@pytest.mark.parametrize("hangs", ["AAPL", "MSFT"])
def test_a_topic_that_does_not_answer_holds_up_the_sessions_of_its_symbol_alone(rotating: Rotating, hangs: str) -> None:
    started = {
        first: rotating.start(MONTHLY.replace('["AAPL", "IBM", "MSFT"]', universe)).session_id
        for first, universe in (("AAPL", '["AAPL", "IBM", "MSFT"]'), ("MSFT", '["MSFT", "IBM", "AAPL"]'))
    }
    topics, before = HangingTopics(hangs), Told()
    for _ in range(5):
        with suppress(ReadTimeoutError):
            tell_due(rotating.database, topics, topics.seconds, before)
        topics.seconds += 0.2
    told = {session_id for _, message in topics.told for session_id in message.session_ids}
    assert told == {session_id for first, session_id in started.items() if first != hangs}


class SilentTopics(Topics):
    """Topics of which that of one symbol does not answer until it is let go."""

    def __init__(self, silent: str) -> None:
        super().__init__()
        self.silent, self.answers = silent, Event()

    def publish(self, symbol: str, messages: Sequence[RebalanceDue]) -> None:
        """Keeps messages, when the topic answers."""
        if symbol == self.silent:
            assert self.answers.wait(60)
        super().publish(symbol, messages)


def test_nobody_waits_for_a_topic_that_does_not_answer_and_its_messages_keep_their_order() -> None:
    topics = SilentTopics("AAPL")
    due = [RebalanceDue(session_ids=(), cause=str(number)) for number in range(4)]
    with ThreadPoolExecutor(2) as threads:
        patient = PatientTopics(topics, threads, on_fatal=lambda: None)
        for number in range(3):
            patient.publish("AAPL", [due[number]])
        patient.publish("IBM", [due[3]])
        wait_for(lambda: topics.told == [("IBM", due[3])], 60, "what another symbol's sessions are told")
        topics.answers.set()
    assert topics.told[1:] == [("AAPL", due[number]) for number in range(3)]


def test_who_is_told_to_decide_and_then_to_buy_within_a_moment_is_told_twice(rotating: Rotating) -> None:
    session = rotating.start()
    rotating.decide(session.session_id)
    rotating.settle(session.session_id)
    march = date(2026, 3, 2)
    rotating.clock(at(march, 9, 31))
    rising = {"AAPL": [100.0] * 9, "IBM": [100.0 + number for number in range(9)], "MSFT": [100.0] * 9}
    rotating.days(march, rising)
    rotating.minute(at(march), dict.fromkeys(SYMBOLS, 100.0))
    (decides,) = rotating.told(10.0)
    rotating.decide(session.session_id)
    rotating.world.quiet()
    # Its sales ended at once, so its purchases can be placed. The queue takes what it took before for a repetition.
    (buys,) = rotating.told(11.0)
    assert decides.deduplication_id != buys.deduplication_id


def test_orders_do_not_wait_for_company_until_they_expire_on_a_replay(rotating: Rotating) -> None:
    first, second = (rotating.start().session_id for _ in range(2))
    # The second one does not decide yet, so what the first one orders waits for it: for two seconds of ours, which are minutes on a fast replay.
    rotating.decide(first)
    assert rotating.world.work == []
    rotating.clock(at(FIRST, 9, 33))
    told = {session_id for message in rotating.told() for session_id in message.session_ids}
    assert told == {first, second}
    rotating.decide(first)
    assert rotating.world.work == ["AAPL"]
    rotating.world.quiet()
    assert set(rotating.held(first)) == {"AAPL"}


@pytest.mark.parametrize("away", [30, 100])
def test_orders_that_waited_for_company_while_the_timer_was_away_are_not_left(
    rotating: Rotating, migrated: str, away: int
) -> None:
    first, _second = (rotating.start().session_id for _ in range(2))
    before, topics = Told(), Topics()
    tell_due(rotating.database, topics, 1_000.0, before)
    rotating.decide(first)
    assert rotating.world.work == []
    with psycopg.connect(migrated) as connection:
        connection.execute("UPDATE orders SET created_at = created_at - make_interval(secs => %s)", (away,))
    # It is started anew, or did not reach the database for so long.
    for timer in (Told(), before):
        topics.told.clear()
        tell_due(rotating.database, topics, 1_000.0 + away, timer)
        assert first in {session_id for _, message in topics.told for session_id in message.session_ids}
    # What still waits then, after it was told of, waits for something else.
    topics.told.clear()
    with psycopg.connect(migrated) as connection:
        connection.execute("UPDATE orders SET created_at = created_at - interval '10 seconds'")
    tell_due(rotating.database, topics, 1_000.2 + away, before)
    assert first not in {session_id for _, message in topics.told for session_id in message.session_ids}
