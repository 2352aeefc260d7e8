"""Who is due is told to the evaluator, which has them decide: the timer's messages, and what the evaluator's handler makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from unittest.mock import Mock

import pytest
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from stratforge.application import rebalance
from stratforge.application.reference_data import keep_calendar
from stratforge.bus.messages import BarMessage, EvaluatorMessage, RebalanceDue
from stratforge.storage.ledger.operations import price_lags
from stratforge.storage.postgres.database import Database

from functions.evaluator import handler
from functions.ingestor.rebalance_timer import Told, tell_due
from tests.support.lambda_context import CONTEXT
from tests.support.rotating import MONTHLY, SYMBOLS, Rotating, Topics, at, opening

FIRST = date(2026, 2, 2)


@pytest.fixture
def rotating(database: Database, migrated: str, sandboxed: None) -> Iterator[Rotating]:
    """Somebody whose market has just opened, without days yet."""
    with opening(database, migrated, FIRST) as found:
        yield found


def days(rotating: Rotating) -> None:
    """The days that are decided on."""
    rotating.days(FIRST, {each: [100.0 + number for number in range(9)] for each in SYMBOLS})


def told(rotating: Rotating, seconds: float = 0.0) -> list[tuple[str, RebalanceDue]]:
    """What the timer tells at one look."""
    topics = Topics()
    tell_due(rotating.database, topics, seconds)
    return topics.told


def test_who_waits_for_days_is_not_told_of_and_who_has_them_is(rotating: Rotating) -> None:
    session = rotating.start()
    assert told(rotating) == []
    days(rotating)
    ((symbol, message),) = told(rotating)
    assert (symbol, message.session_ids) == ("AAPL", (session.session_id,))


def test_the_same_sessions_are_the_same_message_for_two_seconds(rotating: Rotating) -> None:
    days(rotating)
    rotating.start()
    ids = [told(rotating, seconds)[0][1].deduplication_id for seconds in (10.0, 11.9, 12.0)]
    assert ids[0] == ids[1] != ids[2]
    assert all(len(each) <= 128 for each in ids)


def test_what_stays_due_is_told_again_in_the_company_it_had_and_not_at_every_look(rotating: Rotating) -> None:
    days(rotating)
    started = [rotating.start().session_id for _ in range(3)]
    before, looks = Told(), []
    for seconds in (10.0, 10.2, 12.0, 12.2):
        topics = Topics()
        tell_due(rotating.database, topics, seconds, before)
        looks.append([message for _, message in topics.told])
        if seconds == 10.2:
            # One of them decides, and another begins.
            rotating.decide(started[1])
            started.append(rotating.start().session_id)
    ((first,), nothing, (again, new), still_nothing) = looks
    assert (nothing, still_nothing) == ([], [])
    assert set(first.session_ids) == set(started[:3])
    assert set(again.session_ids) == {started[0], started[2]}
    assert new.session_ids == (started[3],)
    assert first.group == again.group != new.group


def test_who_has_sold_is_told_of_until_he_has_bought(rotating: Rotating) -> None:
    days(rotating)
    session = rotating.start()
    rotating.decide(session.session_id)
    assert told(rotating) == []
    march = date(2026, 3, 2)
    rotating.settle(session.session_id)
    rotating.clock(at(march, 9, 31))
    rising = {"AAPL": [100.0] * 9, "IBM": [100.0 + number for number in range(9)], "MSFT": [100.0] * 9}
    rotating.days(march, rising)
    rotating.minute(at(march), dict.fromkeys(SYMBOLS, 100.0))
    rotating.decide(session.session_id)
    assert told(rotating) == []
    rotating.world.quiet()
    assert len(told(rotating)) == 1
    rotating.settle(session.session_id)
    assert told(rotating) == []


def test_the_evaluator_knows_bars_and_what_is_due_apart_and_has_sessions_decide(
    rotating: Rotating, monkeypatch: pytest.MonkeyPatch
) -> None:
    days(rotating)
    session = rotating.start()
    ((_, message),) = told(rotating)
    assert EvaluatorMessage.model_validate_json(message.model_dump_json()).root == message
    woken = list[str]()
    monkeypatch.setattr(handler, "database", rotating.database)
    monkeypatch.setattr(handler, "send_work_ready", lambda _queue, symbol, _cause: woken.append(symbol))
    monkeypatch.setenv("SANDBOX_FUNCTION", "sandbox")
    monkeypatch.setenv("SIGNALS_QUEUE_URL", "signals")
    record = SQSRecord({"body": message.model_dump_json(), "attributes": {"SentTimestamp": "0"}})
    handler.record_handler(record, CONTEXT)
    handler.record_handler(record, CONTEXT)
    assert len(rotating.decisions(session.session_id)) == 1
    assert set(woken) == {"AAPL"}


def test_a_bar_is_still_a_bar() -> None:
    bar = BarMessage.model_validate(
        {"kind": "bar", "symbol": "AAPL", "time": at(FIRST) + timedelta(minutes=1), **dict.fromkeys(("open", "high", "low", "close", "volume"), "1")}
    )  # fmt: skip
    assert EvaluatorMessage.model_validate_json(bar.model_dump_json()).root == bar


def test_the_calendar_is_read_before_it_runs_out(rotating: Rotating) -> None:
    assert keep_calendar(rotating.database, rotating.world.broker)
    assert not keep_calendar(rotating.database, rotating.world.broker)
    rotating.clock(at(FIRST + timedelta(days=25)))
    assert keep_calendar(rotating.database, rotating.world.broker)


def test_on_a_holiday_of_the_calendar_nothing_is_decided_until_the_day_after(rotating: Rotating) -> None:
    keep_calendar(rotating.database, rotating.world.broker)
    session = rotating.start()
    with rotating.database.transaction() as connection:
        connection.execute("DELETE FROM market_days WHERE day = %s", (FIRST,))
    assert rotating.decide(session.session_id).decided == 0
    assert rotating.session(session.session_id).decides_at == at(FIRST + timedelta(days=1))


def test_an_operator_sees_the_prices_of_every_symbol_of_a_portfolio(rotating: Rotating) -> None:
    rotating.start()
    with rotating.database.transaction() as connection:
        connection.execute("UPDATE users SET is_operator = true")
    with rotating.database.transaction(rotating.ada) as connection:
        assert sorted(each.symbol for each in price_lags(connection)) == list(SYMBOLS)


def test_sessions_of_the_same_symbols_in_another_order_are_asked_about_once(
    rotating: Rotating, monkeypatch: pytest.MonkeyPatch
) -> None:
    for universe in ('["AAPL", "IBM", "MSFT"]', '["MSFT", "IBM", "AAPL"]'):
        rotating.start(MONTHLY.replace('["AAPL", "IBM", "MSFT"]', universe))
    asked = Mock(wraps=rebalance._missing)
    monkeypatch.setattr(rebalance, "_missing", asked)
    assert told(rotating) == []
    asked.assert_called_once()
