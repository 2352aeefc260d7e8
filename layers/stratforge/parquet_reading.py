"""Reads Parquet files of ours again (`parquet_stream` writes them), value by value; what another program wrote is refused, not guessed at."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from typing import Any

from stratforge.parquet_stream import DECIMAL_PLACES, Column, ColumnKind

_MAGIC = b"PAR1"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DECIMAL_BYTES = 16
_EXACT = Context(prec=60)
# Of the format: the kind of page, the encoding, and the codec that `parquet_stream` writes.
_DATA_PAGE, _PLAIN, _GZIP = 0, 0, 2


class NotOurs(ValueError):
    """The bytes are no whole Parquet file of ours with these columns."""


class _Thrift:
    """Reads structs of Thrift's compact protocol: fields by their numbers."""

    def __init__(self, content: bytes, place: int = 0) -> None:
        self._content = content
        self.place = place

    def struct(self) -> dict[int, Any]:
        """Reads a struct at this place, up to its end: the values of its fields by their numbers in the format."""
        found: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            number += head >> 4
            if not head >> 4:
                raise NotOurs("a field has a number that we never write")
            found[number] = self._value(head & 15)
        return found

    def _byte(self) -> int:
        byte = self._content[self.place]
        self.place += 1
        return byte

    def varint(self) -> int:
        """A number in groups of seven bits."""
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7

    def _integer(self) -> int:
        number = self.varint()
        return number >> 1 ^ -(number & 1)

    def _value(self, kind: int) -> Any:
        # Booleans, integers, bytes, lists and structs, by the protocol's numbers.
        match kind:
            case 1 | 2:
                return kind == 1
            case 5 | 6:
                return self._integer()
            case 8:
                size = self.varint()
                self.place += size
                return self._content[self.place - size : self.place]
            case 9:
                head = self._byte()
                count = head >> 4 if head >> 4 < 15 else self.varint()
                if count > len(self._content):
                    raise NotOurs("a list is longer than the file")
                return [self._value(head & 15) for _ in range(count)]
            case 12:
                return self.struct()
        raise NotOurs(f"a value is of kind {kind}")


def read_rows(content: bytes, columns: Sequence[Column]) -> Iterator[tuple[Any, ...]]:
    """The rows of a file, with a value or None for every column, in the order in which they were written.

    Raises:
        NotOurs: if the file is cut off, damaged, or has other columns.
    """
    try:
        yield from _rows(content, columns)
    except (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, zlib.error) as error:
        raise error if isinstance(error, NotOurs) else NotOurs(f"the file is damaged: {error}") from error


def _rows(content: bytes, columns: Sequence[Column]) -> Iterator[tuple[Any, ...]]:
    if content[:4] != _MAGIC or content[-4:] != _MAGIC:
        raise NotOurs("the file is no Parquet file, or is cut off")
    size = int.from_bytes(content[-8:-4], "little")
    footer = _Thrift(content, len(content) - 8 - size).struct()
    names = [each[4].decode() for each in footer[2][1:]]
    if names != [each.name for each in columns]:
        raise NotOurs(f"the file has the columns {', '.join(names)}")
    rows = 0
    for group in footer.get(4, []):
        chunks = [_chunk(content, chunk[3], column) for chunk, column in zip(group[1], columns, strict=True)]
        rows += group[3]
        yield from zip(*chunks, strict=True)
    if rows != footer[3]:
        raise NotOurs(f"the file has {rows} rows of {footer[3]}")


def _chunk(content: bytes, described: dict[int, Any], column: Column) -> list[Any]:
    reader = _Thrift(content, described[9])
    header = reader.struct()
    if header[1] != _DATA_PAGE or header[5][2] != _PLAIN or described[4] != _GZIP:
        raise NotOurs("a page has a form that we never write")
    page = zlib.decompress(content[reader.place : reader.place + header[3]], 31)
    if len(page) != header[2]:
        raise NotOurs("a page has another size than it says")
    length = int.from_bytes(page[:4], "little")
    levels = _Thrift(page, 4)
    run = levels.varint()
    if run & 1 == 0:
        raise NotOurs("a page has a form that we never write")
    bits = page[levels.place : 4 + length]
    values = list(_READ[column.kind](page[4 + length :]))
    there = [bits[place >> 3] >> (place & 7) & 1 for place in range(header[5][1])]
    if sum(there) != len(values):
        raise NotOurs(f"{column.name} has {len(values)} values for {sum(there)} rows")
    left = iter(values)
    return [next(left) if each else None for each in there]


def _texts(content: bytes) -> Iterator[str]:
    place = 0
    while place < len(content):
        size = int.from_bytes(content[place : place + 4], "little")
        place += 4 + size
        yield content[place - size : place].decode()


def _integers(content: bytes) -> Iterator[int]:
    for place in range(0, len(content), 8):
        yield int.from_bytes(content[place : place + 8], "little", signed=True)


def _times(content: bytes) -> Iterator[datetime]:
    for micros in _integers(content):
        yield _EPOCH + timedelta(microseconds=micros)


def _decimals(content: bytes) -> Iterator[Decimal]:
    for place in range(0, len(content), _DECIMAL_BYTES):
        whole = int.from_bytes(content[place : place + _DECIMAL_BYTES], "big", signed=True)
        value = _EXACT.normalize(_EXACT.scaleb(Decimal(whole), -DECIMAL_PLACES))
        # 100, not 1E+2.
        yield (
            value
            if value == 0 or value.adjusted() < len(value.as_tuple().digits)
            else _EXACT.quantize(value, Decimal(1))
        )


_READ: dict[ColumnKind, Callable[[bytes], Iterator[Any]]] = {
    ColumnKind.TEXT: _texts,
    ColumnKind.DECIMAL: _decimals,
    ColumnKind.TIME: _times,
    ColumnKind.INTEGER: _integers,
}
