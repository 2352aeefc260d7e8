"""Old bars move from the table to files in S3 and are read as if nothing had happened, whoever dies, writes or reads meanwhile."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import psycopg
import pytest
from stratforge.application.archive_bars import Archived, archive_bars
from stratforge.broker.history import Found, HistoryUnavailable
from stratforge.storage.ledger.symbol_changes import _FOLLOW_SYMBOL
from stratforge.storage.market import archive, archive_objects
from stratforge.storage.market.archive_objects import ArchiveUnavailable
from stratforge.storage.postgres.database import Database
from stratforge.storage.users import bulk

from tests.integration.test_row_level_security import as_role
from tests.support.archive import NOW, OLD, SYMBOLS, Vendor, add, add_history, archive_in_s3, bar, keys, read


@pytest.fixture(autouse=True)
def bucket(engine: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with archive_in_s3(monkeypatch, engine) as client:
        yield client


def asked(seed: int) -> list[tuple[Any, Any, int]]:
    """Questions of all kinds: open and closed periods, few and all bars."""
    random, begin = Random(seed), datetime(2024, 12, 1, tzinfo=UTC)
    found: list[tuple[Any, Any, int]] = [(None, None, 10_000), (None, OLD[1], 10_000), (OLD[1], None, 10_000)]
    for _ in range(25):
        first, last = sorted(begin + timedelta(minutes=random.randrange(20 * 30 * 1440)) for _ in range(2))
        found.append((random.choice((first, None)), random.choice((last, None)), random.choice((1, 3, 7, 20, 10_000))))
    return found


def months(database: Database) -> list[datetime]:
    with database.transaction() as connection:
        return [row[0] for row in connection.execute("SELECT months_of_bars()")]


def test_old_months_leave_the_table_and_every_question_has_the_same_answer(engine: Database, migrated: str) -> None:
    add_history(engine)
    questions = [(symbol, *each) for symbol in SYMBOLS for each in asked(7)]
    before = [read(engine, *each) for each in questions]
    done = archive_bars(engine, Vendor())
    assert (done.files, done.dropped, done.failed, done.left) == (6, 2, 0, 0)
    assert not set(OLD) & set(months(engine))
    assert datetime(2025, 3, 1, tzinfo=UTC) in months(engine)
    assert [read(engine, *each) for each in questions] == before
    assert any(
        each[0] < datetime(2025, 3, 1, tzinfo=UTC).timestamp() < each[-1]
        for each in [[row[0] for row in answer] for answer in before]
        if each
    )
    api = as_role(migrated, "stratforge_api")
    assert read(api, "AAPL") == before[0], "the API's role reads them too"
    api.close()


def test_the_next_run_has_nothing_to_do(engine: Database, bucket: Any) -> None:
    add_history(engine)
    archive_bars(engine, Vendor())
    stored, vendor = keys(bucket), Vendor()
    assert archive_bars(engine, vendor) == Archived()
    assert (keys(bucket), vendor.asked) == (stored, [])


def test_nothing_is_old_while_nobody_has_read_the_markets_clock(engine: Database, migrated: str) -> None:
    add_history(engine)
    with psycopg.connect(migrated) as connection:
        connection.execute("DELETE FROM market_clock")
    assert archive_bars(engine, Vendor()) == Archived()


@pytest.mark.parametrize("place", ["put_object", "note_stored", "drop_month"])
def test_who_dies_in_between_has_changed_nothing_and_the_next_run_goes_on(
    engine: Database, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    add_history(engine)
    before = {symbol: read(engine, symbol) for symbol in SYMBOLS}
    real = getattr(archive, place)
    for after in range(6):
        calls = iter(range(100))

        def dying(*given: Any, calls: Iterator[int] = calls, after: int = after) -> Any:
            if next(calls) >= after:
                raise KeyboardInterrupt
            return real(*given)

        with monkeypatch.context() as patch:
            patch.setattr(archive, place, dying)
            with contextlib.suppress(KeyboardInterrupt):
                archive_bars(engine, Vendor())
        assert {symbol: read(engine, symbol) for symbol in SYMBOLS} == before
    archive_bars(engine, Vendor())
    assert not set(OLD) & set(months(engine))
    assert {symbol: read(engine, symbol) for symbol in SYMBOLS} == before


def test_a_month_that_is_written_to_meanwhile_stays_until_that_is_stored_too(
    engine: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_history(engine)
    late = bar("AAPL", OLD[0] + timedelta(days=3), "77.125")
    real = archive.drop_month

    def interrupted(connection: Any, month: datetime) -> bool:
        add(engine, late)
        return real(connection, month)

    with monkeypatch.context() as patch:
        patch.setattr(archive, "drop_month", interrupted)
        assert archive_bars(engine, Vendor()).left == 1
    assert OLD[0] in months(engine)
    before = read(engine, "AAPL")
    assert late.time.timestamp() in [each[0] for each in before]
    assert archive_bars(engine, Vendor()) == Archived(
        files=1, bars=sum(OLD[0].timestamp() <= each[0] < OLD[1].timestamp() for each in before), dropped=1
    )
    assert read(engine, "AAPL") == before


def test_a_month_that_is_written_to_while_a_file_is_stored_is_stored_again(
    engine: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_history(engine)
    real, late = archive.store, bar("BRK.B", OLD[0] + timedelta(days=3), "77.125")

    def interrupted(entry: archive.ArchivedBars, bars: Sequence[archive.StoredBar]) -> archive.Stored:
        if entry.symbol == late.symbol:
            add(engine, late)
        return real(entry, bars)

    with monkeypatch.context() as patch:
        patch.setattr(archive, "store", interrupted)
        assert archive_bars(engine, Vendor()).left == 1
    archive_bars(engine, Vendor())
    assert not set(OLD) & set(months(engine))
    assert late.time.timestamp() in [each[0] for each in read(engine, "BRK.B")]


def test_what_cannot_be_read_back_stays_in_the_table(engine: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    add_history(engine)
    real = archive_objects.get_object
    with monkeypatch.context() as patch:
        patch.setattr(archive, "get_object", lambda key, sha256: real(key, sha256)[:-9])
        done = archive_bars(engine, Vendor())
    assert (done.files, done.failed, done.dropped, done.left) == (0, 6, 0, 2)
    assert set(OLD) <= set(months(engine))


def test_more_digits_than_a_file_holds_stay_in_the_table(engine: Database) -> None:
    add(engine, bar("AAPL", OLD[0], "1.0000000000001"))
    assert archive_bars(engine, Vendor()).failed == 1
    assert OLD[0] in months(engine)


@pytest.mark.parametrize("damage", ["missing", "other bytes"])
def test_a_file_that_is_not_there_is_an_error_and_no_gap(engine: Database, bucket: Any, damage: str) -> None:
    add_history(engine)
    archive_bars(engine, Vendor())
    (key,) = (each for each in keys(bucket) if "AAPL/2025-01" in each)
    if damage == "missing":
        bucket.delete_object(Bucket="archive", Key=key)
    else:
        bucket.put_object(Bucket="archive", Key=key, Body=b"PAR1PAR1")
    archive.forget_files()
    with pytest.raises(
        ArchiveUnavailable, match="The bars of AAPL of January 2025 are in the archive and cannot be read"
    ):
        read(engine, "AAPL", end=OLD[1])
    with engine.transaction() as connection, pytest.raises(ArchiveUnavailable):
        list(bulk.bars(connection, "AAPL", None, None))
    assert read(engine, "AAPL", start=OLD[1]), "other months are read"
    assert len(read(engine, "AAPL", limit=5)) == 5, "and what needs no old bars asks for none"
    assert read(engine, "BRK.B")


def test_whoever_reads_meanwhile_sees_every_bar(engine: Database, migrated: str) -> None:
    add_history(engine, count=200)
    before, wrong, over = read(engine, "AAPL"), [], threading.Event()
    counted = [0] * 3

    def reader(place: int) -> None:
        database = as_role(migrated, "stratforge_api")
        while not over.is_set():
            if read(database, "AAPL") != before:
                wrong.append(place)
            counted[place] += 1
        database.close()

    threads = [threading.Thread(target=reader, args=(each,)) for each in range(len(counted))]
    for each in threads:
        each.start()
    try:
        while not all(counted):
            pass
        while archive_bars(engine, Vendor()).left:
            pass
        seen = list(counted)
        while any(now <= then for now, then in zip(counted, seen, strict=True)):
            pass
    finally:
        over.set()
        for each in threads:
            each.join(30)
    assert not wrong
    assert not set(OLD) & set(months(engine))


def test_a_bar_that_comes_after_its_month_was_archived_is_read_and_archived_too(engine: Database) -> None:
    add_history(engine)
    archive_bars(engine, Vendor())
    late, again = bar("AAPL", OLD[0] + timedelta(days=3), "77.125"), bar("AAPL", OLD[1], "5.5")
    add(engine, late, again)
    found = {each[0]: each[4] for each in read(engine, "AAPL")}
    assert found[late.time.timestamp()] == 77.125
    assert found[again.time.timestamp()] != 5.5, "as in the table, what was there first stands"
    before = read(engine, "AAPL")
    assert [each[0] for each in before] == sorted({each[0] for each in before})
    for _ in range(2):
        archive_bars(engine, Vendor())
        assert read(engine, "AAPL") == before
    assert not set(OLD) & set(months(engine))


def test_a_file_of_bars_crosses_the_seam(engine: Database) -> None:
    add_history(engine)

    def rows() -> list[Any]:
        with engine.transaction() as connection:
            return [row for group in bulk.bars(connection, "AAPL", OLD[0] + timedelta(days=9), NOW) for row in group]

    before = [tuple(each) for each in rows()]
    archive_bars(engine, Vendor())
    assert [tuple(each) for each in rows()] == before
    assert [str(each[2]) for each in rows()] == [str(each[2]) for each in before]


def test_what_nobody_watched_is_completed_from_the_vendors_add_history(engine: Database) -> None:
    add(engine, bar("AAPL", OLD[0]), bar("MSFT", OLD[0]))
    more = [bar("AAPL", OLD[0] + timedelta(minutes=each), "55.5") for each in range(5)]
    vendor = Vendor(*more, refused=["MSFT"])
    assert archive_bars(engine, vendor) == Archived(files=2, bars=6, dropped=1)
    assert [each[4] for each in read(engine, "AAPL")] == [100.25, 55.5, 55.5, 55.5, 55.5], (
        "recorded bars stay as they were"
    )
    with engine.transaction() as connection:
        assert [each.complete for symbol in ("AAPL", "MSFT") for each in archive.entries(connection, symbol)] == [
            True,
            False,
        ]


def test_a_month_waits_for_a_vendor_who_does_not_answer(engine: Database) -> None:
    class Silent(Vendor):
        def bars_of(self, symbols: Sequence[str], start: datetime, end: datetime, *, as_traded: bool = False) -> Found:
            raise HistoryUnavailable("no")

    add_history(engine)
    assert archive_bars(engine, Silent()) == Archived(left=2)
    assert archive_bars(engine, Vendor()).dropped == 2


def test_a_run_without_time_leaves_the_rest_to_the_next(engine: Database) -> None:
    add_history(engine)
    before = read(engine, "AAPL")
    for left in range(12):
        turns = iter([False] * left)
        archive_bars(engine, Vendor(), partial(next, turns, True))
        assert read(engine, "AAPL") == before
    assert not set(OLD) & set(months(engine))


def test_a_table_that_is_held_is_left_alone(engine: Database, migrated: str) -> None:
    add_history(engine)
    with psycopg.connect(migrated) as other:
        other.execute("SELECT count(*) FROM market_data")
        assert archive_bars(engine, Vendor()).left == 2, (
            "whoever reads for long is waited for two seconds and no longer"
        )
    assert archive_bars(engine, Vendor()).dropped == 2


def test_archived_bars_follow_a_name_that_changes_hands(engine: Database) -> None:
    add_history(engine)
    archive_bars(engine, Vendor())
    mine, others = read(engine, "AAPL"), read(engine, "BRK.B")
    taken = datetime(2025, 2, 11, 5, tzinfo=UTC)
    with engine.transaction() as connection:
        connection.execute(
            "INSERT INTO corporate_actions (id, symbol, kind, new_symbol, effective_on) VALUES ('a', 'AAPL', 'symbol_change', 'BRK.B', '2025-02-11')"
        )
        for statement in _FOLLOW_SYMBOL:
            if (
                "archived_bars" in statement
                or "UPDATE market_data" in statement
                or "INSERT INTO market_data (" in statement
            ):
                connection.execute(
                    statement, {"old": "AAPL", "symbol": "BRK.B", "id": "a", "earlier": "BRK.B before 2025-02-11"}
                )
    assert read(engine, "BRK.B before 2025-02-11") == [each for each in others if each[0] < taken.timestamp()]
    assert read(engine, "AAPL") == mine
    found = read(engine, "BRK.B")
    assert [each[0] for each in found] == sorted(
        {each[0] for each in (*mine, *(row for row in others if row[0] >= taken.timestamp()))}
    )
