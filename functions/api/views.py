"""Response models made from the classes of rows, so that fields and their meaning are declared once."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from functools import reduce
from operator import or_
from types import GenericAlias, UnionType
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, create_model
from stratforge.storage.postgres.pages import Page

from functions.api.formats import Number
from functions.api.pages import next_cursor, place_after

Item = TypeVar("Item")
# Lambda answers with six megabytes at most.
_MAX_BYTES = 5_000_000
_ATTRIBUTE = re.compile(r"^    (\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)


def view_of(
    stored: type[Any], name: str, *, without: Sequence[str] = (), properties: Sequence[str] = (), **more: Any
) -> type[BaseModel]:
    """The response model of a class of rows: the same fields in the same order, decimals as plain strings.

    Args:
        stored: A dataclass; the first part of its docstring describes the model, its `Attributes:` (or their metadata) the fields.
        name: What the model is called in the OpenAPI file.
        without: Fields that clients do not see.
        properties: What the class computes and clients see too; described by the property's docstring.
        more: Further fields, and what takes the place of a row's, as `create_model` takes them.
    """
    description, meanings = "", dict[str, str]()
    for each in reversed(stored.__mro__[:-1]):
        description, _, attributes = (inspect.getdoc(each) or "").partition("\n\nAttributes:\n")
        meanings |= {field: " ".join(text.split()) for field, text in _ATTRIBUTE.findall(attributes)}
    hints = get_type_hints(stored)
    shown: dict[str, Any] = {
        field.name: (
            _shown(hints[field.name]),
            Field(description=field.metadata.get("description", meanings.get(field.name))),
        )
        for field in fields(stored)
        if field.name not in without
    }
    for computed in properties:
        getter = getattr(stored, computed).fget
        shown[computed] = (_shown(get_type_hints(getter)["return"]), Field(description=inspect.getdoc(getter)))
    return _model(name, description, **{**shown, **more})


def _model(name: str, description: str, /, **shown: Any) -> type[BaseModel]:
    config = ConfigDict(from_attributes=True)
    return create_model(name, __config__=config, __doc__=description, __module__=__name__, **shown)


def many(view: type[BaseModel]) -> Any:
    """The type of a list of views, which exist at run time only."""
    return GenericAlias(list, (view,))


def _shown(hint: Any) -> Any:
    if hint is Decimal:
        return Number
    if get_origin(hint) in (Union, UnionType):
        return reduce(or_, (_shown(each) for each in get_args(hint)))
    return hint


@dataclass(frozen=True, slots=True)
class Listed(Generic[Item]):
    """A page of items, and the cursor of the next."""

    items: Sequence[Item]
    next: str | None = None


def items_of(view: type[BaseModel], name: str, description: str) -> type[BaseModel]:
    """The response model of all items of a kind."""
    return _model(name, description, items=(many(view), ...))


def list_of(view: type[BaseModel], name: str, description: str) -> type[BaseModel]:
    """The response model of a page of items."""
    return _model(name, description, items=(many(view), ...), next=(str | None, None))


def listed(page: Page, items: Sequence[Item], place: Callable[[Item], tuple[datetime, UUID]]) -> Listed[Item]:
    """A page of items, each with its place in the list: fewer than were read where they are more than an answer can hold."""
    fit = _fitting([_values(each) for each in items])
    if fit < len(items):
        return Listed(items[:fit], place_after(*place(items[fit - 1])))
    return Listed(items, next_cursor(page, items, place))


def _values(item: Any) -> list[Any]:
    return [getattr(item, field.name) for field in fields(item)]


def that_fit(views: Sequence[BaseModel]) -> Sequence[BaseModel]:
    """As many views, from the first, as an answer can hold."""
    return views[: _fitting([list(each.model_dump().values()) for each in views])]


def _fitting(items: Sequence[Sequence[Any]]) -> int:
    """The number of items that an answer can hold, at least one; each is given by its values."""
    size = 0
    for number, values in enumerate(items):
        size += _size(values)
        if size > _MAX_BYTES and number:
            return number
    return len(items)


def _size(values: Sequence[Any]) -> int:
    """About as many bytes as an item takes in Lambda's answer, which is JSON within JSON: every quote in a text is escaped twice."""
    return len(
        json.dumps(json.dumps([each for each in values if isinstance(each, (str, dict, list, tuple))], default=str))
    )
