"""Parquet files: the one place where they are written, row group by row group as rows come. No whole table is in memory, and pyarrow, which is larger than what it would run in, is not needed.

The format is that of https://parquet.apache.org/docs/file-format: pages of plain values, compressed with gzip, and metadata in Thrift's compact
protocol. Decimals stay exact (twelve digits after the point), times are microseconds in UTC, and any value may be missing.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Context, Decimal
from enum import Enum
from typing import Any, BinaryIO

_MAGIC = b"PAR1"
_DECIMAL_BYTES, DECIMAL_DIGITS, DECIMAL_PLACES = 16, 38, 12
_EXACT = Context(prec=60)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Of Thrift's compact protocol.
_I32, _I64, _BINARY, _LIST, _STRUCT, _TRUE = 5, 6, 8, 9, 12, 1
# Of the format: physical types, encodings, the codec, and pages.
_INT64, _BYTE_ARRAY, _FIXED = 2, 6, 7
_PLAIN, _RLE, _GZIP, _DATA_PAGE = 0, 3, 2, 0


class ColumnKind(Enum):
    """The kinds of values that a column holds."""

    TEXT = "text"
    DECIMAL = "decimal"
    TIME = "time"
    INTEGER = "integer"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, and the kind of its values."""

    name: str
    kind: ColumnKind


# Thrift -------------------------------------------------------------------------------------------------------------------


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


def _integer(number: int) -> bytes:
    return _varint(number << 1 if number >= 0 else (-number << 1) - 1)


def _binary(content: bytes) -> bytes:
    return _varint(len(content)) + content


def _list(kind: int, items: Sequence[bytes]) -> bytes:
    head = bytes([len(items) << 4 | kind]) if len(items) < 15 else bytes([0xF0 | kind]) + _varint(len(items))
    return head + b"".join(items)


def _struct(*fields: tuple[int, int, bytes]) -> bytes:
    """Fields by number, kind and content, in the order of their numbers."""
    written, last = bytearray(), 0
    for number, kind, content in fields:
        written += bytes([(number - last) << 4 | kind]) + content
        last = number
    return bytes(written) + b"\x00"


# Values ---------------------------------------------------------------------------------------------------------------------


def _text(value: Any) -> bytes:
    content = str(value).encode()
    return len(content).to_bytes(4, "little") + content


def _decimal(value: Any) -> bytes:
    whole = int(_EXACT.to_integral_value(_EXACT.scaleb(Decimal(value), DECIMAL_PLACES)))
    return whole.to_bytes(_DECIMAL_BYTES, "big", signed=True)


def _time(value: Any) -> bytes:
    passed = value - _EPOCH
    micros = (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds
    return int(micros).to_bytes(8, "little", signed=True)


def _long(value: Any) -> bytes:
    return int(value).to_bytes(8, "little", signed=True)


_UTC_MICROS = _struct((8, _STRUCT, _struct((1, _TRUE, b""), (2, _STRUCT, _struct((2, _STRUCT, _struct()))))))
_IS_TEXT = _struct((1, _STRUCT, _struct()))
_IS_DECIMAL = _struct((5, _STRUCT, _struct((1, _I32, _integer(DECIMAL_PLACES)), (2, _I32, _integer(DECIMAL_DIGITS)))))


@dataclass(frozen=True, slots=True)
class _Form:
    """How a kind of value is written: its physical type, what it means (the older and the newer word), and its bytes."""

    physical: int
    converted: int | None
    meaning: bytes | None
    written: Callable[[Any], bytes]


_FORMS = {
    ColumnKind.TEXT: _Form(_BYTE_ARRAY, 0, _IS_TEXT, _text),
    ColumnKind.DECIMAL: _Form(_FIXED, 5, _IS_DECIMAL, _decimal),
    ColumnKind.TIME: _Form(_INT64, 10, _UTC_MICROS, _time),
    ColumnKind.INTEGER: _Form(_INT64, None, None, _long),
}


def _element(column: Column) -> bytes:
    form = _FORMS[column.kind]
    fields = [(1, _I32, _integer(form.physical))]
    if form.physical == _FIXED:
        fields.append((2, _I32, _integer(_DECIMAL_BYTES)))
    # Any value may be missing.
    fields += [(3, _I32, _integer(1)), (4, _BINARY, _binary(column.name.encode()))]
    if form.converted is not None:
        fields.append((6, _I32, _integer(form.converted)))
    if column.kind is ColumnKind.DECIMAL:
        fields += [(7, _I32, _integer(DECIMAL_PLACES)), (8, _I32, _integer(DECIMAL_DIGITS))]
    if form.meaning is not None:
        fields.append((10, _STRUCT, form.meaning))
    return _struct(*fields)


def _presence(values: Sequence[Any]) -> bytes:
    """Which values there are: a bit each, in one run of whole bytes."""
    groups = (len(values) + 7) // 8
    bits = bytearray(groups)
    for place, value in enumerate(values):
        if value is not None:
            bits[place >> 3] |= 1 << (place & 7)
    run = _varint(groups << 1 | 1) + bytes(bits)
    return len(run).to_bytes(4, "little") + run


def _gzipped(content: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(content) + packer.flush()


class ParquetWriter:
    """Writes a table to a file, a row group at a time; `close` completes it."""

    def __init__(self, file: BinaryIO, columns: Sequence[Column]) -> None:
        """
        Args:
            file: Open for writing bytes, at its beginning.
        """
        self._file = file
        self._columns = columns
        self._groups: list[bytes] = []
        self._rows = 0
        self._place = 0
        self._write(_MAGIC)

    def _write(self, content: bytes) -> None:
        self._file.write(content)
        self._place += len(content)

    def write(self, rows: Sequence[Sequence[Any]]) -> None:
        """Writes rows, each with a value or None for every column, as one row group."""
        if not rows:
            return
        chunks, size = [], 0
        for place, column in enumerate(self._columns):
            chunk, bytes_of_it = self._chunk(column, [row[place] for row in rows])
            chunks.append(chunk)
            size += bytes_of_it
        self._rows += len(rows)
        self._groups.append(
            _struct((1, _LIST, _list(_STRUCT, chunks)), (2, _I64, _integer(size)), (3, _I64, _integer(len(rows))))
        )

    def _chunk(self, column: Column, values: Sequence[Any]) -> tuple[bytes, int]:
        form = _FORMS[column.kind]
        content = _presence(values) + b"".join(form.written(each) for each in values if each is not None)
        packed = _gzipped(content)
        count, begins = _integer(len(values)), self._place
        page = _struct(
            (1, _I32, count), (2, _I32, _integer(_PLAIN)), (3, _I32, _integer(_RLE)), (4, _I32, _integer(_RLE))
        )
        header = _struct(
            (1, _I32, _integer(_DATA_PAGE)),
            (2, _I32, _integer(len(content))),
            (3, _I32, _integer(len(packed))),
            (5, _STRUCT, page),
        )
        self._write(header + packed)
        described = _struct(
            (1, _I32, _integer(form.physical)),
            (2, _LIST, _list(_I32, [_integer(_PLAIN), _integer(_RLE)])),
            (3, _LIST, _list(_BINARY, [_binary(column.name.encode())])),
            (4, _I32, _integer(_GZIP)),
            (5, _I64, count),
            (6, _I64, _integer(len(header) + len(content))),
            (7, _I64, _integer(len(header) + len(packed))),
            (9, _I64, _integer(begins)),
        )
        return _struct((2, _I64, _integer(begins)), (3, _STRUCT, described)), len(header) + len(content)

    def close(self) -> None:
        """Writes what the file holds and where; without it nobody can read the file. The file stays open."""
        root = _struct((4, _BINARY, _binary(b"table")), (5, _I32, _integer(len(self._columns))))
        metadata = _struct(
            (1, _I32, _integer(1)),
            (2, _LIST, _list(_STRUCT, [root, *map(_element, self._columns)])),
            (3, _I64, _integer(self._rows)),
            (4, _LIST, _list(_STRUCT, self._groups)),
            (6, _BINARY, _binary(b"stratforge")),
        )
        self._write(metadata + len(metadata).to_bytes(4, "little") + _MAGIC)
