"""What the ingestor publishes: each bar once, in order, gaps filled from history, and the history that sessions need stored before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from datetime import datetime, timedelta
from decimal import Decimal
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import ClientError
from stratforge.broker.history import Found, HistoryUnavailable
from stratforge.bus.messages import BarMessage
from stratforge.market import Bar
from stratforge.storage.market import market_data
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies.evaluations import OverdueBar, Wanted

from functions.ingestor import outlet
from functions.ingestor.pipeline import BarPipeline
from tests.support.ledger import OPEN
from tests.support.trading import wait_for


def bar(minute: int, price: int = 100, symbol: str = "AAPL") -> Bar:
    """A bar."""
    value = Decimal(price)
    return Bar(symbol, OPEN + timedelta(minutes=minute), value, value, value, value, Decimal(1000))


class Topics:
    """Topics that keep what is published."""

    def __init__(self) -> None:
        self.symbols_at_once = 1
        self.published: list[BarMessage] = []
        self.refusing: set[str] = set()
        self.silent: dict[str, Event] = {}

    def publish(self, symbol: str, messages: Sequence[BarMessage]) -> None:
        """Keeps messages, if SNS takes them, and when it answers."""
        if symbol in self.silent:
            assert self.silent[symbol].wait(60)
        if symbol in self.refusing:
            raise ClientError(
                {"Error": {"Code": "AuthorizationError"}, "ResponseMetadata": {"HTTPStatusCode": 403}},  # type: ignore[typeddict-item]
                "Publish",
            )
        self.published += messages


class History:
    """A market's past: bars, a clock, and what was asked."""

    def __init__(self) -> None:
        self.past: list[Bar] = []
        self.at = OPEN
        self.asked: list[tuple[datetime, datetime]] = []
        self.symbols_asked: list[list[str]] = []
        self.failures = self.histories = 0
        self.unknown: set[str] = set()
        self.gate, self.slow = Event(), Event()
        self.gate.set()
        self.slow.set()
        # Whether long histories alone are slow; and what was asked of which symbols.
        self.slow_alone = True
        self.counts: list[tuple[list[str], int]] = []

    def now(self) -> datetime:
        """The market's clock."""
        return self.at

    def bars_of(self, symbols: Sequence[str], start: datetime, end: datetime, *, as_traded: bool) -> Found:
        """Bars of a time, as they were traded: a gap goes on where the stream stopped."""
        assert as_traded
        self.asked.append((start, end))
        self.symbols_asked.append(list(symbols))
        if self.failures:
            self.failures -= 1
            raise HistoryUnavailable("HTTP 500")
        assert self.gate.wait(60)
        found = {
            symbol: [each for each in self.past if each.symbol == symbol and start <= each.time < end]
            for symbol in symbols
            if symbol not in self.unknown
        }
        return Found(found, {symbol: "HTTP 400" for symbol in symbols if symbol in self.unknown})

    def latest_of(self, symbols: Sequence[str], count: int, now: datetime) -> Found:
        """The latest bars that are over."""
        self.histories += 1
        self.counts.append((sorted(symbols), count))
        if count > 4_096 or not self.slow_alone:
            assert self.slow.wait(60)
        found = {
            symbol: [each for each in self.past if each.symbol == symbol and each.time < now][-count:]
            for symbol in symbols
            if symbol not in self.unknown
        }
        return Found(found, {symbol: "HTTP 400" for symbol in symbols if symbol in self.unknown})


class Pipeline(BarPipeline):
    """A pipeline whose bars come when their minute is over."""

    market: History

    def bar(self, bar: Bar, correction: bool) -> None:
        """Takes a bar of the stream."""
        self.market.at = max(self.market.at, bar.time + timedelta(minutes=1))
        super().bar(bar, correction)


class Ingestor:
    """A pipeline with one worker, whose queue is followed by asking it to watch a symbol again."""

    def __init__(self, database: Database) -> None:
        self.topics, self.history, self.fatal = Topics(), History(), False
        self.database = database
        self.wanted = Wanted(1, 10)
        self.pipeline = Pipeline(self.topics, self.history, self.history.now, database, workers=1, on_fatal=self._fail)
        self.pipeline.market = self.history

    def _fail(self) -> None:
        self.fatal = True

    def watch(self, *symbols: str) -> None:
        """Watches AAPL, or others, and waits until everything before is done."""
        for done in self.pipeline.watch(dict.fromkeys(symbols or ["AAPL"], self.wanted)):
            assert done.wait(60)
        assert not self.fatal

    def begin(self, minutes: int = 5) -> None:
        """Begins after so many minutes of history."""
        self.history.past = [bar(minute) for minute in range(-100, minutes)]
        self.history.at = OPEN + timedelta(minutes=minutes)
        self.watch()

    def minutes(self) -> list[int]:
        """The minutes of the bars that were published since the last look."""
        self.watch()
        found = [int((each.time - OPEN).total_seconds() // 60) for each in self.topics.published if each.kind == "bar"]
        self.topics.published.clear()
        return found


@pytest.fixture
def ingestor(database: Database) -> Ingestor:
    """A pipeline over an empty database."""
    return Ingestor(database)


def test_the_history_is_stored_and_not_published(ingestor: Ingestor) -> None:
    ingestor.begin(5)
    assert ingestor.minutes() == []
    with ingestor.database.transaction() as connection:
        window = market_data.trailing_window(connection, "AAPL", ingestor.history.at, 200)
        latest = market_data.latest_price(connection, "AAPL")
    assert len(window) == 10 + 64, "what sessions want, and a margin"
    assert latest is not None
    assert latest.time == OPEN + timedelta(minutes=5)


def test_a_bar_that_comes_twice_is_published_once(ingestor: Ingestor) -> None:
    ingestor.begin(5)
    for minute in (5, 5, 6, 5):
        ingestor.pipeline.bar(bar(minute), False)
    assert ingestor.minutes() == [5, 6]


@pytest.mark.parametrize("correction", [False, True])
def test_a_bar_that_is_dated_in_the_future_is_not_taken_and_the_next_ones_are(
    ingestor: Ingestor, correction: bool
) -> None:
    ingestor.begin(5)
    BarPipeline.bar(ingestor.pipeline, bar(6), correction)
    assert ingestor.minutes() == []
    with ingestor.database.transaction() as connection:
        assert market_data.last_bar_times(connection, ["AAPL"]) == {"AAPL": OPEN + timedelta(minutes=4)}
    assert ingestor.pipeline.from_the_future.keys() == {"AAPL"}
    ingestor.pipeline.bar(bar(5), False)
    assert ingestor.minutes() == [5]
    assert ingestor.pipeline.from_the_future == {}


def test_minutes_that_the_stream_left_out_come_from_history_in_order(ingestor: Ingestor) -> None:
    ingestor.begin(5)
    ingestor.history.past += [bar(6), bar(7)]
    ingestor.pipeline.bar(bar(5), False)
    ingestor.pipeline.bar(bar(8), False)
    assert ingestor.minutes() == [5, 6, 7, 8]


def test_after_a_new_connection_the_gap_is_filled_before_the_next_bar(ingestor: Ingestor) -> None:
    ingestor.begin(5)
    ingestor.pipeline.bar(bar(5), False)
    ingestor.history.past += [bar(minute) for minute in range(6, 10)]
    ingestor.history.at = OPEN + timedelta(minutes=9, seconds=30)
    ingestor.pipeline.reconnected(crypto=False)
    assert ingestor.minutes() == [5, 6, 7, 8], "the minute that runs is not over"
    ingestor.pipeline.bar(bar(10), False)
    assert ingestor.minutes() == [9, 10]


def test_quiet_minutes_are_asked_about_less_and_less(ingestor: Ingestor) -> None:
    ingestor.begin(5)
    for minute in range(6, 206, 2):
        ingestor.pipeline.bar(bar(minute), False)
    assert len(ingestor.minutes()) == 100
    assert 8 <= len(ingestor.history.asked) <= 16


def test_a_gap_that_had_bars_makes_the_next_ones_worth_asking(ingestor: Ingestor) -> None:
    ingestor.begin(5)
    for minute in range(6, 106, 2):
        ingestor.pipeline.bar(bar(minute), False)
    ingestor.history.past += [bar(minute) for minute in range(107, 400, 2)]
    for minute in range(106, 306, 2):
        ingestor.pipeline.bar(bar(minute), False)
    found = ingestor.minutes()
    assert found == sorted(set(found))
    assert found[-20:] == list(range(285, 305))


def test_a_gap_is_asked_about_until_history_answers(ingestor: Ingestor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.ingestor.retry.time.sleep", lambda _seconds: None)
    ingestor.begin(5)
    ingestor.history.past += [bar(5), bar(6)]
    ingestor.history.failures = 3
    ingestor.pipeline.bar(bar(7), False)
    assert ingestor.minutes() == [5, 6, 7]


def test_no_gap_is_filled_from_more_than_five_days_ago(ingestor: Ingestor) -> None:
    ingestor.begin(5)
    ingestor.pipeline.bar(bar(5), False)
    ingestor.pipeline.bar(bar(20 * 24 * 60), False)
    assert ingestor.minutes()[0] == 5
    start, end = ingestor.history.asked[-1]
    assert end - start == timedelta(days=5)


def test_a_correction_of_a_published_bar_is_passed_on_as_one(ingestor: Ingestor) -> None:
    ingestor.begin(5)
    ingestor.pipeline.bar(bar(5), False)
    ingestor.pipeline.bar(bar(5, 101), True)
    ingestor.pipeline.bar(bar(6, 101), True)
    ingestor.watch()
    kinds = [(each.kind, each.close) for each in ingestor.topics.published]
    assert kinds == [("bar", Decimal(100)), ("correction", Decimal(101))], "what was never published is not corrected"


def test_every_shard_of_a_symbol_gets_each_bar(ingestor: Ingestor) -> None:
    ingestor.wanted = Wanted(3, 10)
    ingestor.begin(5)
    ingestor.pipeline.bar(bar(5), False)
    ingestor.watch()
    assert [each.shard for each in ingestor.topics.published] == [0, 1, 2]


def test_a_symbol_that_nobody_watches_is_not_published(ingestor: Ingestor) -> None:
    ingestor.begin(5)
    ingestor.pipeline.bar(bar(5, symbol="MSFT"), False)
    ingestor.pipeline.forget("AAPL")
    ingestor.pipeline.bar(bar(5), False)
    assert ingestor.minutes() == []


def test_after_a_restart_the_bars_since_the_last_one_are_published(ingestor: Ingestor) -> None:
    ingestor.begin(5)
    ingestor.history.past += [bar(minute) for minute in range(5, 9)]
    again = Ingestor(ingestor.database)
    again.history.past, again.history.at = ingestor.history.past, OPEN + timedelta(minutes=9)
    again.watch()
    again.pipeline.reconnected(crypto=False)
    assert again.minutes() == [5, 6, 7, 8]


def test_a_bar_is_stored_before_it_is_published(ingestor: Ingestor) -> None:
    ingestor.begin(5)
    ingestor.topics.refusing.add("AAPL")
    ingestor.pipeline.bar(bar(5), False)
    assert ingestor.minutes() == []
    with ingestor.database.transaction() as connection:
        assert market_data.last_bar_times(connection, ["AAPL"]) == {"AAPL": OPEN + timedelta(minutes=5)}


def test_a_symbol_that_sns_refuses_for_good_holds_up_no_other(ingestor: Ingestor) -> None:
    ingestor.begin(5)
    ingestor.watch("MSFT")
    ingestor.topics.refusing.add("AAPL")
    for minute in (5, 6):
        ingestor.pipeline.bar(bar(minute), False)
        ingestor.pipeline.bar(bar(minute, symbol="MSFT"), False)
    ingestor.watch()
    assert [each.symbol for each in ingestor.topics.published] == ["MSFT", "MSFT"]


def test_a_topic_that_does_not_answer_holds_up_no_other_and_keeps_its_order(ingestor: Ingestor) -> None:
    ingestor.begin(5)
    # One worker has them all.
    neighbors = [each for each in (f"N{number}" for number in range(40)) if ingestor.pipeline._worker(each) is ingestor.pipeline._worker("AAPL")]  # fmt: skip
    assert len(neighbors) > 3
    ingestor.watch(*neighbors)
    ingestor.topics.silent["AAPL"] = Event()
    for minute in (5, 6, 7):
        ingestor.pipeline.bar(bar(minute), False)
        for each in neighbors:
            ingestor.pipeline.bar(bar(minute, symbol=each), False)
    # The service stores what comes for its neighbors, and publishes it, while AAPL's topic says nothing.
    for minute in (8, 9):
        ingestor.watch(*neighbors)
        for each in neighbors:
            ingestor.pipeline.bar(bar(minute, symbol=each), False)
    ingestor.watch(*neighbors)
    wait_for(lambda: len(ingestor.topics.published) == 5 * len(neighbors), 60, "what the neighbors had")
    assert {each.symbol for each in ingestor.topics.published} == set(neighbors)
    ingestor.topics.published.clear()
    ingestor.topics.silent["AAPL"].set()
    wait_for(lambda: len(ingestor.topics.published) == 3, 60, "what waited")
    assert ingestor.minutes() == [5, 6, 7]


def test_a_topic_that_does_not_answer_is_waited_for_once(ingestor: Ingestor, monkeypatch: pytest.MonkeyPatch) -> None:
    ingestor.begin(5)
    (neighbor,) = [each for each in (f"N{number}" for number in range(40)) if ingestor.pipeline._worker(each) is ingestor.pipeline._worker("AAPL")][:1]  # fmt: skip
    ingestor.watch(neighbor)
    waited: list[set[str]] = []
    threads, symbols_of = ingestor.pipeline._workers[0]._outlet._publisher._threads, dict[Future[None], set[str]]()
    submit = threads.submit

    def submitted(work: Callable[[Mapping[str, Any]], None], items: Mapping[str, Any]) -> Future[None]:
        """Notes whose publishing it is."""
        begun = submit(work, items)
        symbols_of[begun] = set(items)
        return begun

    def noted(futures: Sequence[Future[None]], timeout: float) -> None:
        """Notes whose publishing is waited for."""
        waited.append({symbol for each in futures for symbol in symbols_of[each]})
        wait(futures, timeout)

    monkeypatch.setattr(threads, "submit", submitted)
    monkeypatch.setattr(outlet, "wait", noted)
    ingestor.topics.silent["AAPL"] = Event()
    ingestor.pipeline.bar(bar(5), False)
    ingestor.watch(neighbor)
    for minute in (5, 6, 7):
        ingestor.pipeline.bar(bar(minute, symbol=neighbor), False)
        ingestor.watch(neighbor)
    ingestor.topics.silent["AAPL"].set()
    # Whoever has a bar while the topic says nothing does not wait for its patience too, every time.
    assert sum("AAPL" in each for each in waited) == 1


def test_bars_of_several_symbols_go_in_one_call_where_one_carries_them(
    ingestor: Ingestor, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingestor.topics.symbols_at_once = 500
    calls: list[list[str]] = []
    ingestor.begin(5)
    monkeypatch.setattr(ingestor.topics, "publish", lambda _symbol, messages: calls.append([each.symbol for each in messages]))  # fmt: skip
    neighbors = [each for each in (f"N{number}" for number in range(40)) if ingestor.pipeline._worker(each) is ingestor.pipeline._worker("AAPL")]  # fmt: skip
    ingestor.watch(*neighbors)
    worker = ingestor.pipeline._worker("AAPL")
    for each in neighbors:
        worker._outlet.add(bar(5, symbol=each), [0, 1])
    worker._outlet.flush()
    assert calls == [[each for each in neighbors for _shard in range(2)]]


def test_a_symbol_that_history_refuses_is_said_and_holds_up_no_other(ingestor: Ingestor) -> None:
    ingestor.history.unknown.add("NOPE")
    ingestor.history.past = [bar(minute) for minute in range(-100, 5)]
    ingestor.history.at = OPEN + timedelta(minutes=5)
    ingestor.watch("AAPL", "NOPE")
    assert ingestor.pipeline.refused == {"NOPE": "HTTP 400"}
    ingestor.pipeline.bar(bar(5), False)
    ingestor.pipeline.bar(bar(5, symbol="NOPE"), False)
    ingestor.watch("AAPL", "NOPE")
    assert [each.symbol for each in ingestor.topics.published] == ["AAPL", "NOPE"]


def test_while_history_is_slow_other_symbols_go_on_and_its_own_bars_wait(ingestor: Ingestor) -> None:
    ingestor.begin(5)
    ingestor.history.past += [bar(minute, symbol="MSFT") for minute in range(-100, 7)]
    ingestor.watch("AAPL", "MSFT")
    ingestor.history.gate.clear()
    ingestor.pipeline.bar(bar(7, symbol="MSFT"), False)
    ingestor.pipeline.bar(bar(8, symbol="MSFT"), False)
    ingestor.pipeline.bar(bar(5), False)
    assert ingestor.minutes() == [5]
    ingestor.history.gate.set()
    ingestor.watch("MSFT")
    assert [int((each.time - OPEN).total_seconds() // 60) for each in ingestor.topics.published] == [5, 6, 7, 8]


def test_a_new_connection_asks_for_all_symbols_at_once(ingestor: Ingestor) -> None:
    symbols = [f"S{number}" for number in range(900)]
    ingestor.history.past = [bar(minute, symbol=each) for each in symbols for minute in range(-1, 5)]
    ingestor.history.at = OPEN + timedelta(minutes=5)
    ingestor.watch(*symbols)
    assert ingestor.history.histories == 3, "as many symbols in a question as fit"
    ingestor.history.at = OPEN + timedelta(minutes=8)
    ingestor.history.past += [bar(5, symbol=each) for each in symbols]
    ingestor.pipeline.reconnected(crypto=False)
    ingestor.watch(*symbols)
    assert len(ingestor.history.asked) == 3
    assert sorted(each.symbol for each in ingestor.topics.published) == sorted(symbols)


def test_a_new_connection_of_one_market_asks_nothing_of_the_other(ingestor: Ingestor) -> None:
    ingestor.begin(5)
    ingestor.history.at = OPEN + timedelta(minutes=9)
    ingestor.pipeline.reconnected(crypto=True)
    assert ingestor.minutes() == []
    assert ingestor.history.asked == []


def test_an_overdue_bar_is_published_as_a_message_of_its_own(ingestor: Ingestor) -> None:
    ingestor.begin(5)
    ingestor.pipeline.bar(bar(5), False)
    ingestor.pipeline.publish_again(OverdueBar(bar(5), 0))
    ingestor.watch()
    first, again = ingestor.topics.published
    assert (first.bar(), first.group) == (again.bar(), again.group)
    assert first.deduplication_id != again.deduplication_id


def test_history_that_was_refused_is_asked_again_when_the_symbol_is_watched_again(ingestor: Ingestor) -> None:
    ingestor.history.unknown.add("AAPL")
    ingestor.begin(5)
    ingestor.history.unknown.clear()
    ingestor.watch()
    assert ingestor.pipeline.refused == {}
    with ingestor.database.transaction() as connection:
        assert len(market_data.trailing_window(connection, "AAPL", ingestor.history.at, 200)) == 10 + 64


def published(ingestor: Ingestor) -> set[tuple[str, int]]:
    """The bars that were published."""
    return {(each.symbol, int((each.time - OPEN).total_seconds() // 60)) for each in ingestor.topics.published}


def test_nobodys_bars_wait_for_the_past_that_somebody_else_wants_of_their_symbol(ingestor: Ingestor) -> None:
    """A session begins that looks farther back on a symbol which is streamed already."""
    ingestor.begin(5)
    ingestor.history.slow_alone = False
    ingestor.history.slow.clear()
    (deeper,) = ingestor.pipeline.watch({"AAPL": Wanted(1, 60)})
    for minute in (5, 6):
        ingestor.pipeline.bar(bar(minute), False)
    wait_for(lambda: published(ingestor) == {("AAPL", 5), ("AAPL", 6)}, 60, "its bars go on")
    assert not deeper.is_set()
    # A gap meanwhile is filled, and what comes behind it waits for it and not for the past.
    ingestor.history.past += [bar(minute) for minute in range(5, 10)]
    ingestor.pipeline.bar(bar(9), False)
    wait_for(lambda: ("AAPL", 9) in published(ingestor), 60, "the gap is filled")
    ingestor.history.slow.set()
    assert deeper.wait(60)
    assert [int((each.time - OPEN).total_seconds() // 60) for each in ingestor.topics.published] == [5, 6, 7, 8, 9]
    with ingestor.database.transaction() as connection:
        past = market_data.trailing_window(connection, "AAPL", OPEN + timedelta(minutes=4), 200)
    assert len(past) == 105, "all that there is of it"


def test_who_looks_far_back_on_many_symbols_keeps_no_gap_and_no_short_history_waiting(ingestor: Ingestor) -> None:
    ingestor.begin(5)
    ingestor.history.slow.clear()
    far = {f"S{number}": Wanted(1, 16_384) for number in range(200)}
    short = [f"T{number}" for number in range(3)]
    ingestor.history.past += [bar(4, symbol=each) for each in short]
    ingestor.pipeline.watch({**far, **dict.fromkeys(short, Wanted(1, 100))})
    (ready,) = ingestor.pipeline.watch({"MSFT": Wanted(1, 10)})
    assert ready.wait(60)
    for each in short:
        ingestor.pipeline.bar(bar(5, symbol=each), False)
    ingestor.history.past += [bar(5), bar(6)]
    ingestor.pipeline.bar(bar(7), False)
    wanted = {*((each, 5) for each in short), ("AAPL", 5), ("AAPL", 6), ("AAPL", 7)}
    wait_for(lambda: published(ingestor) == wanted, 60, "they go on")
    ingestor.history.slow.set()
    for ready in ingestor.pipeline.watch(far):
        assert ready.wait(60)
    assert all(len(symbols) * count <= 400_000 for symbols, count in ingestor.history.counts)
