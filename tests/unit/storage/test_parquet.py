"""What goes into a Parquet file comes out of it, to the last digit."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import ArrowInvalid, parquet
from stratforge.storage.parquet import PLACES, Column, Kind, read_parquet, write_parquet

COLUMNS = [
    Column("symbol", Kind.TEXT),
    Column("time", Kind.TIME),
    Column("price", Kind.DECIMAL),
    Column("count", Kind.INTEGER),
    Column("ratio", Kind.NUMBER),
]
_rows = st.tuples(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
    st.datetimes(timezones=st.just(UTC)),
    st.decimals(-(10**20), 10**20, places=PLACES),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
)


@settings(deadline=None)
@given(st.lists(_rows, max_size=20))
def test_rows_come_back_as_they_were(rows: list[tuple[object, ...]]) -> None:
    assert read_parquet(write_parquet(COLUMNS, rows), COLUMNS) == rows


def test_what_is_missing_is_missing_afterwards() -> None:
    rows = [("AAPL", None, None, None, None), (None, datetime(2026, 1, 5, tzinfo=UTC), Decimal("1.5"), 1, 0.5)]
    assert read_parquet(write_parquet(COLUMNS, rows), COLUMNS) == rows


def test_columns_that_nobody_asks_for_are_left_out() -> None:
    assert read_parquet(write_parquet(COLUMNS, [("AAPL", None, None, 3, None)]), COLUMNS[3:4]) == [(3,)]


def test_others_read_the_types_that_columns_have() -> None:
    schema = parquet.read_table(io.BytesIO(write_parquet(COLUMNS, []))).schema
    assert [str(each.type) for each in schema] == [
        "string",
        "timestamp[us, tz=UTC]",
        "decimal128(38, 15)",
        "int64",
        "double",
    ]


def test_a_digit_too_many_is_refused_and_not_rounded() -> None:
    with pytest.raises(ArrowInvalid):
        write_parquet(COLUMNS[2:3], [(Decimal(1).scaleb(-PLACES - 1),)])
