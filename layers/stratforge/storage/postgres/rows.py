"""Rows as objects, by the names of their columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, LiteralString, TypeVar, Union, get_args, get_origin, get_type_hints

from psycopg.rows import BaseRowFactory, RowMaker

from stratforge.storage.postgres.database import Connection

Row = TypeVar("Row")
Parameters = Sequence[Any] | Mapping[str, Any]


def fetch_all(
    connection: Connection, make: Callable[..., Row], query: LiteralString, parameters: Parameters | None = None
) -> list[Row]:
    """Every row of a query, each made by `make` from the columns by name.

    Args:
        connection: In whose transaction the query runs.
        make: A dataclass or Pydantic model whose fields are named like the query's columns, or a function whose parameters are. What is annotated
            as an enum, or as an enum or None, is turned into its member.
        query: The SQL.
        parameters: Its parameters.

    Raises:
        TypeError: if a column has no field of its name, or a field without a default has no column.
        ValueError: if a column holds what its enum does not know.
    """
    with connection.cursor(row_factory=made_by(make)) as cursor:
        return cursor.execute(query, parameters).fetchall()


def fetch_one(
    connection: Connection, make: Callable[..., Row], query: LiteralString, parameters: Parameters | None = None
) -> Row | None:
    """The first row of a query, made as `fetch_all` makes it; None when there is none."""
    with connection.cursor(row_factory=made_by(make)) as cursor:
        return cursor.execute(query, parameters).fetchone()


def fetch_exactly(
    connection: Connection, make: Callable[..., Row], query: LiteralString, parameters: Parameters | None = None
) -> Row:
    """The row of a query that always has one, such as an insertion that returns what it stored."""
    found = fetch_one(connection, make, query, parameters)
    assert found is not None
    return found


def fetch_value(connection: Connection, query: LiteralString, parameters: Parameters | None = None) -> Any:
    """The first column of the first row of a query; None when there is no row."""
    row = connection.execute(query, parameters).fetchone()
    return row[0] if row else None


def made_by(make: Callable[..., Row]) -> BaseRowFactory[Row]:
    """The row factory of psycopg that makes rows as `fetch_all` does, for cursors of the caller's own."""
    enums = _enums(make)

    def factory(cursor: Any) -> RowMaker[Row]:
        # Not its description, which makes an object of each column with all that is known of its type.
        result = cursor.pgresult
        names = [result.fname(place).decode() for place in range(result.nfields)] if result is not None else []
        members = [(name, enums[name]) for name in names if name in enums]

        def row(values: Sequence[Any]) -> Row:
            fields = dict(zip(names, values, strict=True))
            for name, enum in members:
                if fields[name] is not None:
                    fields[name] = enum(fields[name])
            return make(**fields)

        return row

    return factory


@cache
def _enums(make: Callable[..., Any]) -> dict[str, type[Enum]]:
    """The enums among the annotations of a class or function, by name."""
    found = {}
    for name, annotation in get_type_hints(make).items():
        choices = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
        enums = [each for each in choices if isinstance(each, type) and issubclass(each, Enum)]
        if enums:
            found[name] = enums[0]
    return found
