"""Parquet files of ours as pyarrow reads them: value by value, whatever they hold."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st
from stratforge.parquet_stream import DECIMAL_PLACES, Column, ColumnKind, ParquetWriter

from tests.support.tiers import examples

COLUMNS = [Column(each.value, each) for each in ColumnKind]
EXACT = Decimal(1).scaleb(-DECIMAL_PLACES)
VALUES = {
    ColumnKind.TEXT: st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    ColumnKind.DECIMAL: st.decimals(
        Decimal("-1e25"), Decimal("1e25"), places=DECIMAL_PLACES, allow_nan=False, allow_infinity=False
    ),
    ColumnKind.TIME: st.integers(-8_000_000_000, 8_000_000_000).map(
        lambda seconds: datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds, microseconds=seconds % 1_000_000)
    ),
    ColumnKind.INTEGER: st.integers(-(2**63), 2**63 - 1),
}
ROWS = st.lists(st.tuples(*(st.none() | VALUES[each] for each in ColumnKind)), max_size=30)


def table_of(*groups: list[Any]) -> pa.Table:
    file = io.BytesIO()
    writer = ParquetWriter(file, COLUMNS)
    for rows in groups:
        writer.write(rows)
    writer.close()
    return pq.read_table(io.BytesIO(file.getvalue()))


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(ROWS, max_size=4))
def test_what_is_written_is_what_is_read(groups: list[list[Any]]) -> None:
    found = table_of(*groups)
    expected = [row for rows in groups for row in rows]
    assert [tuple(row.values()) for row in found.to_pylist()] == expected


def test_columns_have_their_types() -> None:
    schema = table_of().schema
    assert schema.names == [each.name for each in COLUMNS]
    assert schema.types == [pa.string(), pa.decimal128(38, 12), pa.timestamp("us", tz="UTC"), pa.int64()]


def test_a_value_with_more_digits_is_rounded_and_a_group_of_many_rows_is_one_page() -> None:
    rows = [(str(number), Decimal(number) / 3, None, number) for number in range(20_000)]
    found = table_of(rows).to_pylist()
    assert len(found) == 20_000
    assert found[1]["decimal"] == (Decimal(1) / 3).quantize(EXACT)
    assert pq.ParquetFile(io.BytesIO(_written(rows))).num_row_groups == 1


def _written(rows: list[Any]) -> bytes:
    file = io.BytesIO()
    writer = ParquetWriter(file, COLUMNS)
    writer.write(rows)
    writer.close()
    return file.getvalue()
