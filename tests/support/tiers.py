"""How many examples a property is shown, and cases of one kind are tried: all of them by `make test-all` and to whoever runs a file, a part by `make test`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import hypothesis
import pytest

_QUARTER = 4
_Much = TypeVar("_Much")


def show_fewer() -> None:
    """From here on properties are shown a quarter of their examples: those that say nothing of it, and those that ask `examples`."""
    now = hypothesis.settings()
    hypothesis.settings.register_profile("fewer", now, max_examples=now.max_examples // _QUARTER)
    hypothesis.settings.load_profile("fewer")


def in_short(little: _Much, much: _Much) -> _Much:
    """As little as `make test` has time for, or else as much as there is: a test that is the same but for how long it looks is not run twice."""
    return little if hypothesis.settings.get_current_profile_name() == "fewer" else much


def examples(all_of_them: int) -> int:
    """The number of examples that a property is shown of as many as it has."""
    return in_short(all_of_them // _QUARTER, all_of_them)


def one_of(number: int, cases: Iterable[Any], name: Callable[[Any], str] = str) -> list[Any]:
    """Cases that are alike, as parameters: `make test` tries one of so many, the others are long.

    Args:
        name: What a case is called.
    """
    return [
        pytest.param(
            *(each if isinstance(each, tuple) else (each,)),
            id=name(each),
            marks=[pytest.mark.long] if place % number else [],
        )
        for place, each in enumerate(cases)
    ]
