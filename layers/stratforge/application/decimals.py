"""Decimals as requests have them: strings, whose form is declared as a pattern. JSON's numbers are taken too."""

from __future__ import annotations

from pydantic import WithJsonSchema


def text_of(whole: int, places: int) -> WithJsonSchema:
    """Declares a positive decimal of at most so many digits before the point and so many behind it."""
    return _declared(rf"^(?=.*[1-9])\d{{1,{whole}}}(\.\d{{1,{places}}})?$")


def text_of_part(places: int, *, whole_too: bool = False) -> WithJsonSchema:
    """Declares a decimal between 0 and 1, with 1 itself where the whole is allowed."""
    below = rf"0\.(?=\d*[1-9])\d{{1,{places}}}"
    return _declared(rf"^({below}|1(\.0{{1,{places}}})?)$" if whole_too else rf"^{below}$")


def _declared(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "format": "decimal", "pattern": pattern})
