"""Which bars are missing, and what is asked of history for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from stratforge.market import Bar

from functions.ingestor.gaps import MAX_BACKFILL, SYMBOLS_A_REQUEST, Gap, Progress, requests_for

OPEN = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


def bar(minute: int) -> Bar:
    """A bar."""
    return Bar("AAPL", OPEN + timedelta(minutes=minute), *[Decimal(1)] * 5)


def at(minute: int) -> datetime:
    """A minute's beginning."""
    return OPEN + timedelta(minutes=minute)


def test_the_next_minutes_bar_needs_no_question() -> None:
    assert not Progress(last=at(4)).must_ask(bar(5))


def test_after_a_new_connection_every_gap_is_asked_about() -> None:
    progress = Progress(last=at(4))
    for _ in range(10):
        progress.filled(0)
    assert progress.must_ask(bar(6))


def test_quiet_symbols_are_asked_about_less_and_less() -> None:
    progress = Progress(last=at(0), check=False)
    asked = 0
    for minute in range(2, 2002, 2):
        if progress.must_ask(bar(minute)):
            asked += 1
            progress.filled(0)
        progress.last = at(minute)
    assert 30 <= asked <= 45


def test_a_gap_that_had_bars_makes_the_next_one_worth_asking() -> None:
    progress = Progress(last=at(0), check=False)
    for _ in range(20):
        progress.filled(0)
    progress.filled(3)
    assert progress.must_ask(bar(2))


def test_a_gap_begins_after_the_last_bar_and_reaches_back_five_days() -> None:
    assert Progress(last=at(4)).missing(at(5)) is None
    assert Progress(last=at(4)).missing(at(9)) == Gap(at(5), at(9))
    assert Progress(last=at(0) - timedelta(days=90)).missing(at(0)) == Gap(at(0) - MAX_BACKFILL, at(0))
    assert Progress().missing(at(0)) is None


@given(st.lists(st.integers(1, 7000), min_size=1, max_size=1500))
def test_requests_cover_every_gap_with_few_questions(minutes: list[int]) -> None:
    gaps = {f"S{index}": Gap(at(-each), at(0)) for index, each in enumerate(minutes)}
    asked = list(requests_for(gaps))
    assert sorted(symbol for symbols, _ in asked for symbol in symbols) == sorted(gaps)
    for symbols, gap in asked:
        assert len(symbols) <= SYMBOLS_A_REQUEST
        assert all(gap.start <= gaps[each].start and gaps[each].end <= gap.end for each in symbols)
        longest, shortest = (
            max(-each for each in [(gap.start - gap.end) / timedelta(minutes=1)]),
            min((gaps[each].end - gaps[each].start) / timedelta(minutes=1) for each in symbols),
        )
        assert longest < 2 * shortest + 1, "nobody's short gap costs a long answer"


def test_five_thousand_symbols_come_back_with_a_dozen_questions() -> None:
    gaps = {f"S{index}": Gap(at(-3), at(0)) for index in range(5000)}
    assert len(list(requests_for(gaps))) == 13
