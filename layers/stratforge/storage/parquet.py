"""Tables as Parquet files: the one place where they are written and read.

Decimals keep every digit, times are in UTC. pyarrow is loaded when it is first needed: only what is deployed with the `archive` requirements has it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Kind(Enum):
    """The types that a column of a file may have."""

    TEXT = "text"
    TIME = "time"
    DECIMAL = "decimal"
    INTEGER = "integer"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file: its name, and the type of what it holds. Any value may be missing (None)."""

    name: str
    kind: Kind


# Digits of a decimal, and those of them after the point.
DIGITS, PLACES = 38, 15


def write_parquet(columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> bytes:
    """The file that holds these rows, each with a value for each column.

    Raises:
        pyarrow.ArrowInvalid: if a decimal has more digits than `DIGITS`, or more of them after the point than `PLACES`.
    """
    import pyarrow as pa
    from pyarrow import parquet

    values: Sequence[Sequence[object]] = list(zip(*rows, strict=True)) or [()] * len(columns)
    schema = pa.schema([(each.name, _type(each.kind)) for each in columns])
    arrays = [
        pa.array(column, type=field.type, from_pandas=False) for column, field in zip(values, schema, strict=True)
    ]
    target = io.BytesIO()
    parquet.write_table(pa.Table.from_arrays(arrays, schema=schema), target, compression="zstd")
    return target.getvalue()


def read_parquet(data: bytes, columns: Sequence[Column]) -> list[tuple[Any, ...]]:
    """The rows of a file that `write_parquet` made, with these of its columns."""
    from pyarrow import parquet

    table = parquet.read_table(io.BytesIO(data), columns=[each.name for each in columns])
    return list(zip(*(table.column(each.name).to_pylist() for each in columns), strict=True))


def _type(kind: Kind) -> Any:
    import pyarrow as pa

    return {
        Kind.TEXT: pa.string(),
        Kind.TIME: pa.timestamp("us", tz="UTC"),
        Kind.DECIMAL: pa.decimal128(DIGITS, PLACES),
        Kind.INTEGER: pa.int64(),
        Kind.NUMBER: pa.float64(),
    }[kind]
