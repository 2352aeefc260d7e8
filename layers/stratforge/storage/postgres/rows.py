"""Rows as objects, by the names of their columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Any, TypeVar, cast, get_args, get_type_hints

from psycopg import Cursor
from psycopg.rows import RowMaker

from stratforge.storage.postgres.database import Connection

Row = TypeVar("Row")
Parameters = Sequence[Any] | Mapping[str, Any]


@cache
def _enums(kind: Any) -> dict[str, type[Enum]]:
    """The fields of a class that are enums, or enums that may be missing."""
    found = {}
    for name, hint in get_type_hints(kind).items():
        for each in (hint, *get_args(hint)):
            if isinstance(each, type) and issubclass(each, Enum):
                found[name] = each
    return found


def _factory(kind: type[Row]) -> Callable[[Cursor[Any]], RowMaker[Row]]:
    """Makes rows objects of a class whose fields are called as the columns; a text of an enum's field becomes its member."""

    def make_rows(cursor: Cursor[Any]) -> RowMaker[Row]:
        names = [column.name for column in cursor.description or ()]
        enums = [(names.index(name), each) for name, each in _enums(cast("Any", kind)).items() if name in names]

        def make_row(values: Sequence[Any]) -> Row:
            fields = list(values)
            for index, each in enums:
                if fields[index] is not None:
                    fields[index] = each(fields[index])
            return kind(**dict(zip(names, fields, strict=True)))

        return make_row

    return make_rows


def fetch_all(connection: Connection, kind: type[Row], query: str, parameters: Parameters | None = None) -> list[Row]:
    """Asks, and makes every row an object of a class; columns are called as its fields."""
    with connection.cursor(row_factory=_factory(kind)) as cursor:
        return cursor.execute(query, parameters).fetchall()


def fetch_one(connection: Connection, kind: type[Row], query: str, parameters: Parameters | None = None) -> Row | None:
    """Asks for at most one row, as an object of a class; None when there is none."""
    with connection.cursor(row_factory=_factory(kind)) as cursor:
        return cursor.execute(query, parameters).fetchone()
