"""Parquet files of ours, read again: every value as it was written, and nothing of a file that is not whole."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stratforge.parquet_reading import NotOurs, read_rows
from stratforge.parquet_stream import Column, ColumnKind, ParquetWriter

COLUMNS = [
    Column("symbol", ColumnKind.TEXT),
    Column("time", ColumnKind.TIME),
    Column("price", ColumnKind.DECIMAL),
    Column("count", ColumnKind.INTEGER),
]
ROWS = st.lists(
    st.tuples(
        st.none() | st.text(max_size=5),
        st.none() | st.datetimes(timezones=st.just(UTC)),
        st.none() | st.decimals(-(10**20), 10**20, allow_nan=False, places=12),
        st.none() | st.integers(-(2**63), 2**63 - 1),
    ),
    max_size=20,
)


def written(*groups: Sequence[Sequence[Any]]) -> bytes:
    file = io.BytesIO()
    writer = ParquetWriter(file, COLUMNS)
    for rows in groups:
        writer.write(rows)
    writer.close()
    return file.getvalue()


@given(ROWS, ROWS)
def test_what_was_written_is_read(first: list[tuple[Any, ...]], second: list[tuple[Any, ...]]) -> None:
    assert list(read_rows(written(first, second), COLUMNS)) == first + second


@pytest.mark.parametrize("text", ["0", "100", "100.5", "-0.001", "1200000"])
def test_a_number_is_written_out(text: str) -> None:
    content = written([(None, None, Decimal(text), None)])
    assert str(next(read_rows(content, COLUMNS))[2]) == text


@given(st.integers(0, 10_000))
def test_a_file_that_is_cut_off_is_refused(cut: int) -> None:
    content = written([("AAPL", datetime(2026, 3, 2, tzinfo=UTC), Decimal(1), 1)] * 50)
    with pytest.raises(NotOurs):
        list(read_rows(content[: cut % len(content)], COLUMNS))


def test_of_a_file_with_a_wrong_bit_no_other_values_are_read() -> None:
    rows = [("AAPL", datetime(2026, 3, 2, tzinfo=UTC), Decimal("1.5"), each) for each in range(9)]
    content = written(rows)
    for place in range(len(content) * 8):
        damaged = bytearray(content)
        damaged[place >> 3] ^= 1 << (place & 7)
        try:
            found = list(read_rows(bytes(damaged), COLUMNS))
        except NotOurs:
            continue
        assert found == rows


def test_other_columns_are_refused() -> None:
    with pytest.raises(NotOurs, match="symbol, time, price, count"):
        list(read_rows(written(), COLUMNS[:2]))


def test_what_another_program_wrote_is_refused() -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({each.name: pa.array([1]) for each in COLUMNS}), file)
    with pytest.raises(NotOurs):
        list(read_rows(file.getvalue(), COLUMNS))
