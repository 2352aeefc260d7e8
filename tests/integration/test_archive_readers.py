"""Who reads old bars: charts, lists, files, replays and backtests, across the seam between archive and table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import numpy as np
import pytest
from stratforge.application.archive_bars import archive_bars
from stratforge.application.jobs.archived_history import ArchivedHistory
from stratforge.application.jobs.work import Work, run_job
from stratforge.market import Bar
from stratforge.storage.market import archive, market_data
from stratforge.storage.market.archive_objects import ArchiveUnavailable
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import replays
from stratforge.storage.strategies.jobs import JobKind, JobStatus

from tests.support.api import Api, User
from tests.support.archive import NOW, OLD, SEAM, Vendor, add, add_history, archive_in_s3, bar, keys, read


@pytest.fixture
def bucket(engine: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with archive_in_s3(monkeypatch, engine) as client:
        yield client


def minutes(symbol: str, begin: datetime, count: int, seed: int = 3) -> list[Bar]:
    random = Random(seed)
    return [bar(symbol, begin + timedelta(minutes=each), f"{random.randint(9_000, 11_000)}.5") for each in range(count)]


def recorded(engine: Database, symbol: str, first: datetime, last: datetime, length: int) -> list[tuple[int, bytes]]:
    """The windows of a replay, bit for bit."""
    with engine.transaction() as connection:
        found = list(replays.windows_as_of(connection, symbol, first, last, length))
    return [(time, b"".join(np.ascontiguousarray(getattr(window, name)).tobytes() for name in ("time", "open", "high", "low", "close", "volume"))) for time, window in found]  # fmt: skip


@pytest.mark.usefixtures("bucket")
def test_a_replay_sees_the_same_windows_across_the_seam(engine: Database) -> None:
    bars = minutes("AAPL", SEAM - timedelta(minutes=120), 240)
    add(engine, *bars, *minutes("AAPL", OLD[0], 50), *minutes("AAPL", datetime.fromisoformat("2026-05-01T00:00Z"), 30))
    with engine.transaction() as connection:
        # Bars that came after later ones, and some that history brought on another scale.
        connection.execute(
            "UPDATE market_data SET after_bar = time + interval '1 hour' WHERE extract(minute FROM time)::int % 7 = 0"
        )
        connection.execute(
            "UPDATE market_data SET adjusted_at = '2025-03-05' WHERE extract(minute FROM time)::int % 5 = 0"
        )
        connection.execute(
            "INSERT INTO corporate_actions (id, symbol, kind, ratio, effective_on, applied_at) VALUES ('s', 'AAPL', 'split', 4, '2025-03-03', now())"
        )
    random = Random(5)
    asked = [(bars[a].time, bars[b].time, length) for a, b, length in (
        (*sorted(random.sample(range(240), 2)), random.choice((1, 2, 30, 150, 400))) for _ in range(25))]  # fmt: skip
    before = [recorded(engine, "AAPL", *each) for each in asked]
    assert archive_bars(engine, Vendor()).dropped == 2
    assert [recorded(engine, "AAPL", *each) for each in asked] == before
    assert any(len(each) > 100 for each in before)


@pytest.mark.usefixtures("bucket")
def test_the_window_of_a_symbol_that_trades_seldom_reaches_into_the_archive(engine: Database) -> None:
    add_history(engine, count=10)
    with engine.transaction() as connection:
        before = market_data.trailing_window(connection, "AAPL", NOW, 1_000)
    archive_bars(engine, Vendor())
    with engine.transaction() as connection:
        after = market_data.trailing_window(connection, "AAPL", NOW, 1_000)
    assert before.time[0] < SEAM.timestamp()
    assert [each.tolist() for each in (after.time, after.close)] == [
        each.tolist() for each in (before.time, before.close)
    ]


@pytest.mark.usefixtures("bucket")
def test_a_backtest_reads_what_the_archive_has_whole_and_asks_the_vendor_for_the_rest(engine: Database) -> None:
    bars = [
        *minutes("AAPL", OLD[0] + timedelta(days=2), 40),
        *minutes("AAPL", SEAM - timedelta(minutes=30), 60, 4),
        *minutes("AAPL", SEAM + timedelta(days=40), 20, 5),
    ]
    # Recorded is a part of it, the vendor has everything.
    add(engine, *bars[10:30], *bars[50:60])
    vendor = Vendor(*bars)
    assert archive_bars(engine, vendor).dropped == 2
    vendor.asked.clear()
    history = ArchivedHistory(vendor, engine)
    start, end = OLD[0] - timedelta(days=9), SEAM + timedelta(days=60)
    found = history.bars("AAPL", start, end, 1_000)
    assert list(found) == bars
    minute = timedelta(minutes=1)
    assert sorted(vendor.asked) == sorted([
        (start, OLD[0]), (SEAM, end), (bars[0].time, bars[0].time + minute), (SEAM - minute, SEAM),
    ])  # fmt: skip
    assert list(history.bars("AAPL", start, end, 7)) == bars[-7:]
    many = history.bars_of(["AAPL", "MSFT"], start, end)
    assert (many.bars["AAPL"], many.bars["MSFT"]) == (bars, [])


@pytest.mark.usefixtures("bucket")
def test_where_a_split_is_not_known_here_a_backtest_takes_the_vendors_bars(engine: Database) -> None:
    bars = minutes("AAPL", SEAM - timedelta(minutes=30), 60)
    add(engine, *bars)
    archive_bars(engine, Vendor(*bars))
    halved = [Bar(each.symbol, each.time, each.open / 2, each.high / 2, each.low / 2, each.close / 2, each.volume * 2) for each in bars]  # fmt: skip
    found = ArchivedHistory(Vendor(*halved), engine).bars("AAPL", OLD[0], NOW, 1_000)
    assert list(found) == halved


@pytest.mark.usefixtures("bucket")
def test_a_month_that_was_not_completed_is_the_vendors(engine: Database) -> None:
    bars = minutes("AAPL", SEAM - timedelta(minutes=30), 60)
    add(engine, bars[3])
    archive_bars(engine, Vendor(refused=["AAPL"]))
    assert list(ArchivedHistory(Vendor(*bars), engine).bars("AAPL", OLD[0], NOW)) == bars


def test_a_job_that_needs_a_missing_file_says_so(api: Api, engine: Database) -> None:
    user: User = api.user("ada")

    def broken(_work: Work) -> None:
        raise ArchiveUnavailable("The bars of AAPL of January 2025 are in the archive and cannot be read now (no).")

    job = user.call("POST", "/v1/exports", {"what": "bars", "format": "csv", "symbol": "AAPL"}).json()
    assert run_job(engine, UUID(job["job_id"]), {JobKind.EXPORT: broken}) is JobStatus.FAILED
    error = user.get(f"/v1/jobs/{job['job_id']}")["error"]
    assert (error["code"], "AAPL of January 2025" in error["message"]) == ("archive-unavailable", True)


def test_the_api_gives_archived_bars_and_says_when_it_cannot(
    api: Api, engine: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = api.user("ada")
    with archive_in_s3(monkeypatch, engine) as bucket:
        add_history(engine)
        archive_bars(engine, Vendor())
        period = {"start": OLD[0].isoformat(), "end": (SEAM + timedelta(days=9)).isoformat(), "limit": 10_000}
        asked = f"/v1/market/AAPL/bars?{urlencode(period)}"
        times = [each["time"] for each in user.get(asked)["items"]]
        assert times == sorted(set(times))
        assert [datetime.fromisoformat(each).timestamp() for each in times] == [
            each[0] for each in read(engine, "AAPL", OLD[0], SEAM + timedelta(days=9))
        ]
        for key in keys(bucket):
            bucket.delete_object(Bucket="archive", Key=key)
        archive.forget_files()
        answer = user.call("GET", asked)
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:stratforge:problem:archive-unavailable")
        assert "AAPL of February 2025" in answer.json()["detail"]
        assert answer.headers["Retry-After"]
