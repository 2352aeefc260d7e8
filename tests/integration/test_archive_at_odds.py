"""The archive of bars at odds with the world: two at work at once, numbers that fit nowhere, bars that come again, a vendor who changes his mind, readers who take their time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import psycopg
import pytest
from stratforge.application.archive_bars import archive_bars
from stratforge.application.jobs.archived_history import ArchivedHistory
from stratforge.market import Bar
from stratforge.storage.market import archive, market_data
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import rebalances, replays
from stratforge.storage.users import bulk

from tests.integration.test_archive import months
from tests.support.archive import NOW, OLD, SEAM, Vendor, add, add_history, archive_in_s3, bar, read

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def bucket(engine: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with archive_in_s3(monkeypatch, engine) as client:
        yield client


# Two at once --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", ["claims", "does everything"])
def test_a_second_archiver_makes_the_first_lose_no_bar_that_came_meanwhile(
    engine: Database, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    add_history(engine)
    late = bar("AAPL", OLD[0] + timedelta(days=3), "77.125")
    real = archive.store
    overtaken: list[archive.ArchivedBars] = []

    def slow(entry: archive.ArchivedBars, bars: Sequence[archive.StoredBar]) -> archive.Stored:
        stored = real(entry, bars)
        if (entry.symbol, entry.starts_at) == ("AAPL", OLD[0]) and not overtaken:
            overtaken.append(entry)
            add(engine, late)
            if other == "claims":
                archive_bars(engine, Vendor(), partial(next, iter([False]), True))
                with engine.transaction() as connection:
                    assert archive.claim_month(connection, OLD[0])
            else:
                assert archive_bars(engine, Vendor()).dropped == 2
        return stored

    monkeypatch.setattr(archive, "store", slow)
    archive_bars(engine, Vendor())
    archive_bars(engine, Vendor())
    assert not set(OLD) & set(months(engine))
    assert late.time.timestamp() in [each[0] for each in read(engine, "AAPL")]


# Values -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("volume", ["NaN", "Infinity", "1e30", "-1e27"])
def test_a_number_that_fits_into_no_file_keeps_back_its_own_month_and_no_other(engine: Database, volume: str) -> None:
    add_history(engine)
    value = Decimal(1)
    add(engine, Bar("AAPL", OLD[0] + timedelta(days=9), value, value, value, value, Decimal(volume)))
    done = archive_bars(engine, Vendor())
    assert (done.failed, done.dropped, done.left) == (1, 1, 1)
    assert OLD[0] in months(engine)
    assert OLD[1] not in months(engine)


# Bars that come again ------------------------------------------------------------------------------------------------


def test_bars_that_come_again_after_their_month_was_archived_change_nothing_as_they_did_before(
    engine: Database,
) -> None:
    bars = [bar("AAPL", OLD[0] + each * MINUTE, f"{100 + each}.5") for each in range(60)]
    add(engine, *bars)

    def seen() -> list[tuple[int, list[float]]]:
        with engine.transaction() as connection:
            found = list(replays.windows_as_of(connection, "AAPL", bars[20].time, bars[40].time, 10))
        return [(time, window.close.tolist()) for time, window in found]

    def backfilled() -> None:
        with engine.transaction() as connection:
            market_data.set_bar_price(connection, bar("AAPL", NOW - timedelta(days=1)))
            market_data.ensure_months(connection, [OLD[0]])
            again = [bar("AAPL", each.time, str(each.close / 2)) for each in bars]
            market_data.add_bars(connection, again, adjusted_at=NOW)

    before, listed = seen(), read(engine, "AAPL")
    backfilled()
    assert (seen(), read(engine, "AAPL")) == (before, listed), "in the table nothing is overwritten"
    archive_bars(engine, Vendor())
    backfilled()
    assert (seen(), read(engine, "AAPL")) == (before, listed)
    archive_bars(engine, Vendor())
    assert (seen(), read(engine, "AAPL")) == (before, listed)
    assert OLD[0] not in months(engine)


def test_a_month_that_came_back_with_more_symbols_than_a_run_has_time_for_is_done_in_the_end(engine: Database) -> None:
    symbols = [f"A{chr(65 + each)}" for each in range(6)]
    add(engine, *(bar(each, OLD[0]) for each in symbols))
    assert archive_bars(engine, Vendor()).dropped == 1
    add(engine, *(bar(each, OLD[0] + MINUTE) for each in symbols))
    for _ in range(6):
        # Time for the month, and three of its symbols.
        archive_bars(engine, Vendor(), partial(next, iter([False] * 4), True))
    assert OLD[0] not in months(engine)


# The vendor ------------------------------------------------------------------------------------------------------------


def halves(bars: Sequence[Bar]) -> list[Bar]:
    return [
        Bar(each.symbol, each.time, each.open, each.high, each.low, each.close, each.volume / 2)
        if 5 <= place < len(bars) - 5 else each
        for place, each in enumerate(bars)
    ]  # fmt: skip


def test_a_backtest_gives_the_same_before_and_after_its_months_were_archived(engine: Database) -> None:
    streamed = [bar("AAPL", SEAM + each * MINUTE, f"{200 + each % 7}.5") for each in range(-30, 30)]
    # The stream was of one exchange, the history is of all; or a bad print was taken back later.
    vendor = Vendor(*halves(streamed))
    add(engine, *streamed)
    history = ArchivedHistory(vendor, engine)
    before = list(history.bars("AAPL", OLD[0], NOW, 1_000))
    archive_bars(engine, vendor)
    assert list(history.bars("AAPL", OLD[0], NOW, 1_000)) == before


def test_a_backtest_reads_no_more_of_years_than_it_takes(engine: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    bars = [bar("AAPL", month + each * MINUTE) for month in (*OLD, SEAM) for each in range(20)]
    add(engine, *bars)
    vendor = Vendor(*bars)
    archive_bars(engine, vendor)
    vendor.asked.clear()
    opened: list[datetime] = []
    real = archive.bars_of

    def noted(entry: archive.ArchivedBars) -> list[archive.StoredBar]:
        opened.append(entry.starts_at)
        return real(entry)

    monkeypatch.setattr(archive, "bars_of", noted)
    history = ArchivedHistory(vendor, engine)
    assert list(history.bars("AAPL", OLD[0] - timedelta(days=3650), NOW, 10)) == bars[-10:]
    assert min(start for start, _ in vendor.asked) >= SEAM
    assert not opened


# Readers -----------------------------------------------------------------------------------------------------------------


def test_whoever_sees_one_moment_sees_the_bars_of_a_month_that_was_dropped_since(
    engine: Database, migrated: str
) -> None:
    add_history(engine)
    with engine.transaction() as connection:
        before = market_data.bars_between(connection, "AAPL", None, SEAM, 10_000).time.tolist()
    with engine.transaction() as connection:
        rebalances.see_one_moment(connection)
        other = Database(lambda: migrated, application="other")
        archive_bars(other, Vendor())
        found = market_data.bars_between(connection, "AAPL", None, SEAM, 10_000).time.tolist()
        other.close()
    assert found == before


def test_a_file_of_many_archived_months_is_no_transaction_that_was_forgotten(
    engine: Database, migrated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_history(engine)
    archive_bars(engine, Vendor())
    said: list[datetime] = []
    real = archive.bars_of
    with psycopg.connect(migrated, autocommit=True) as other, engine.transaction() as connection:

        def noted(entry: archive.ArchivedBars) -> list[archive.StoredBar]:
            query = "SELECT state_change FROM pg_stat_activity WHERE pid = %s"
            row = other.execute(query, (connection.info.backend_pid,)).fetchone()
            assert row is not None
            said.append(row[0])
            return real(entry)

        monkeypatch.setattr(archive, "bars_of", noted)
        assert list(bulk.bars(connection, "AAPL", None, None))
    assert len(said) == len(set(said)) == 2, "the server ends whoever says nothing for half a minute"
